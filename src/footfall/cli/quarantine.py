"""``footfall quarantine``: list rejected events, and submit them again after a fix."""

import sys
from pathlib import Path

import click

from footfall.cli.options import Assignment, as_mapping, data_option, json_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import moment, note, print_json, print_table
from footfall.cli.tail import shortened
from footfall.limits import LIST_ROWS_MAX


@click.group()
def quarantine() -> None:
    """Look at rejected events, and submit them again after a fix.

    \b
    Example:
      footfall quarantine list --shop my-shop
      footfall quarantine resubmit --shop my-shop --reason verb --set verb=viewed
    """


@quarantine.command("list")
@shop_option
@click.option("--limit", type=click.IntRange(1, LIST_ROWS_MAX), default=50, show_default=True, help="How many.")
@click.option("--before", type=click.IntRange(1), metavar="NUMBER", help="Only those before this number: the next page.")
@data_option
@json_option
def list_rejected(*, shop: str, limit: int, before: int | None, data: Path | None, as_json: bool) -> None:
    """List a shop's rejected events, newest first: number, time, reason, and what was sent.

    Uuid, customer, session and event id are kept for the resubmission and not shown; emails are kept as their HMAC.

    \b
    Example: footfall quarantine list --shop my-shop --limit 20
    """
    with open_owner(data) as owner:
        found = owner.call("quarantine_list", shop=shop, limit=limit, before=before)
    if as_json:
        print_json(found)
    elif found:
        rows = [[r["number"], moment(r["received_at"]), r["reason"], r["error"], shortened(r["original"])] for r in found]
        print_table(("number", "received", "reason", "error", "original"), rows)
    else:
        note("Nothing is in quarantine.")


@quarantine.command()
@shop_option
@click.argument("numbers", nargs=-1, type=click.IntRange(1), metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help=f"All of the shop's, {LIST_ROWS_MAX:,} at once.")
@click.option("--reason", help="Only those rejected for this reason, as `list` shows it.")
@click.option("--set", "fixes", type=Assignment(), multiple=True, metavar="FIELD=VALUE", help="Set a field first; repeatable.")
@data_option
@json_option
def resubmit(
    *,
    shop: str,
    numbers: tuple[int, ...],
    everything: bool,
    reason: str | None,
    fixes: tuple[tuple[str, str], ...],
    data: Path | None,
    as_json: bool,
) -> None:
    """Submit rejected events again, some fields set to what they should have been.

    Those that are stored leave the quarantine; the others stay as they are. Exit status 1 if any stays.

    \b
    Examples:
      footfall quarantine resubmit --shop my-shop 17 18 --set noun=product
      footfall quarantine resubmit --shop my-shop --all --reason verb --set verb=viewed
    """
    if everything == bool(numbers) and not (reason and not numbers):
        raise click.UsageError("Name the events: NUMBERs as `footfall quarantine list` shows them, or --all, or --reason.")
    with open_owner(data) as owner:
        outcome = owner.call(
            "quarantine_resubmit",
            shop=shop,
            numbers=list(numbers) if numbers else None,
            fixes=as_mapping(fixes),
            reason=reason,
        )
    if as_json:
        print_json(outcome)
    else:
        rows = [[o["number"], o["status"], o.get("position"), o.get("error")] for o in outcome["outcomes"]]
        if rows:
            print_table(("number", "status", "position", "error"), rows)
        click.echo(", ".join(f"{outcome[status]} {status}" for status in ("stored", "duplicate", "rejected", "unknown")))
    if outcome["rejected"] or outcome["unknown"]:
        sys.exit(1)

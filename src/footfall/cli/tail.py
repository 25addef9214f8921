"""``footfall tail``: a shop's events as they are acknowledged, or its rejected ones with the reason."""

import contextlib
from pathlib import Path
from typing import Any

import click

from footfall.cli.options import data_option, json_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import moment, note, plain, print_json, shown_event
from footfall.limits import LIST_ROWS_MAX


@click.command()
@shop_option
@click.option("--uuid", help="Only this visitor's events.")
@click.option("--rejected", is_flag=True, help="Rejected events instead, each with its reason and field.")
@click.option(
    "--last", type=click.IntRange(0, LIST_ROWS_MAX), default=10, show_default=True, help="How many earlier ones to begin with."
)
@click.option("--follow/--no-follow", default=True, help="Go on with events as they come in, or stop after the last ones.")
@data_option
@json_option
def tail(*, shop: str, uuid: str | None, rejected: bool, last: int, follow: bool, data: Path | None, as_json: bool) -> None:
    """See a shop's events as they are acknowledged, each with its time, its visitor and its position. Ctrl-C ends it.

    \b
    Examples:
      footfall tail --shop my-shop
      footfall tail --shop my-shop --uuid be6f5fab-32a4-43e5-967c-68017baa3aa5
      footfall tail --shop my-shop --rejected --no-follow --json
    """
    if uuid is not None and rejected:
        raise click.UsageError("--uuid and --rejected don't go together: the quarantine keeps no visitor in the open.")
    with open_owner(data) as owner:
        follows = follow and owner.serves
        items = owner.stream("tail", shop=shop, uuid=uuid, rejected=rejected, last=last, follow=follows)
        # Ctrl-C is how a person ends it: nothing has failed.
        with contextlib.closing(items), contextlib.suppress(KeyboardInterrupt):
            for item in items:
                _print(item, rejected=rejected, as_json=as_json)
            if follows:
                note("The server has stopped, so nothing more will come.")
        if follow and not owner.serves:
            note("No server runs on this data, so nothing new will come. `footfall serve` starts one.")


def _print(item: dict[str, Any], *, rejected: bool, as_json: bool) -> None:
    if as_json:
        print_json(item)
    elif "missed" in item:
        note(f"{item['missed']:,} were not shown: they came faster than this terminal took them.")
    elif rejected:
        click.echo(
            plain(f"{moment(item['received_at'])}  #{item['number']}  {item['field'] or item['reason']}: {item['error']}")
        )
        click.echo(plain(f"    {shortened(item['original'])}"))
    else:
        click.echo(shown_event(item))


def shortened(original: object) -> str:
    """A rejected event's original, as far as it fits on a line."""
    text = plain(original)
    return text if len(text) <= 300 else text[:300] + "…"

"""``footfall sql``: one SELECT over a shop's events, sessions, visitors, products and purchases."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import click
import msgspec

from footfall.cli.options import data_option, shop_option
from footfall.cli.owner import Owner, open_owner
from footfall.cli.show import note, print_table, progress
from footfall.limits import ANALYTICS_AWAITED_RECORDS, SQL_ROWS_MAX

_SHOWN_DEFAULT: Final = 1_000


# A statement may begin with a remark, which looks like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("statement")
@shop_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How it is shown.",
)
@click.option(
    "--limit", type=click.IntRange(1, SQL_ROWS_MAX), default=_SHOWN_DEFAULT, show_default=True, help="Rows at most, the first."
)
@data_option
def sql(*, statement: str, shop: str, form: str, limit: int, data: Path | None) -> None:
    """Run one SELECT. The views are events, sessions, visitors, products and purchases; `-` reads the statement from standard
    input. It can only read, and nothing but this shop.

    \b
    Examples:
      footfall sql --shop my-shop "select verb, count(*) from events group by 1"
      footfall sql --shop my-shop --format csv "from purchases" > purchases.csv
    """
    text = sys.stdin.read() if statement == "-" else statement
    with open_owner(data) as owner:
        catch_up(owner, shop)
        told = owner.call("sql", shop=shop, statement=text, form="csv" if form == "csv" else "json", limit=limit)
    note_lag(told["behind"])
    if told["truncated"]:
        more = f"--limit shows more, up to {SQL_ROWS_MAX:,}" if limit < SQL_ROWS_MAX else "`footfall export` writes all events"
        note(f"These are the first {limit:,} rows. {more}.")
    if form == "csv":
        click.echo(told["text"], nl=False)
        return
    answer = msgspec.json.decode(told["text"])
    if form == "json":
        names = _apart([column["name"] for column in answer["columns"]])
        for row in answer["rows"]:
            click.echo(msgspec.json.encode(dict(zip(names, row, strict=True))))
    else:
        print_table([column["name"] for column in answer["columns"]], answer["rows"])


def _apart(names: list[str]) -> list[str]:
    """Names of columns as keys of an object: the second ``a`` is ``a_1``, unless there is one."""
    found: dict[str, None] = {}
    for name in names:
        free = (f"{name}_{number}" for number in range(1, len(names) + 1) if f"{name}_{number}" not in names)
        found[name if name not in found else next(one for one in free if one not in found)] = None
    return list(found)


def catch_up(owner: Owner, shop: str) -> None:
    """Wait until analytics has taken in everything, and show how far it is where that takes long."""
    watch(owner, "analytics_catch_up", shop, "reading the log")


def note_lag(behind: int) -> None:
    """Say that an answer lacks what came last, where that is more than what comes while it is made."""
    if behind > ANALYTICS_AWAITED_RECORDS:
        note(f"The last {behind:,} records of the log are not in this yet.")


def watch(owner: Owner, command: str, shop: str, what: str) -> None:
    """Show what is left of reading the log until nothing is."""
    with progress(what) as bar, closing(owner.stream(command, shop=shop)) as told:
        task, total = None, 0
        for line in told:
            left = int(line["left"])
            if left > total:
                total = left
                if task is None:
                    task = bar.add_task("", total=total)
                bar.update(task, total=total)
            if task is not None:
                bar.update(task, completed=total - left)

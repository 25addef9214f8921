"""``footfall report``: a report of a shop, as the HTTP interface gives it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from footfall.cli.options import Assignment, as_mapping, data_option, json_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import plain, print_fields, print_table
from footfall.cli.sql import catch_up, note_lag
from footfall.projections.analytics.asking import FILTERS, REPORTS

_INNER: Final = (list, dict)
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"


@click.command()
@click.argument("name", type=click.Choice(list(REPORTS)), metavar="REPORT")
@click.argument("parameters", nargs=-1, type=Assignment(), metavar="[NAME=VALUE]...")
@shop_option
@click.option(
    "--orders",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of `reconciliation`: the export of orders to compare with, CSV or JSON.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@data_option
@json_option
def report(
    *,
    name: str,
    parameters: tuple[tuple[str, str], ...],
    shop: str,
    orders: Path | None,
    as_csv: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show a report: its window, filters and other parameters are those of the HTTP interface.

    \b
    Examples:
      footfall report overview --shop my-shop last=7d compare=yes
      footfall report top-products --shop my-shop from=2026-11-01 to=2026-12-01 vendor=Acme --csv
      footfall report reconciliation --shop my-shop last=30d --orders orders_export.csv
    """
    fields = as_mapping(parameters, FILTERS)
    if orders is not None and name != "reconciliation":
        raise click.UsageError(f"--orders is of the report reconciliation, and this is {name}.")
    if as_csv and as_json:
        raise click.UsageError("Say --csv or --json, not both.")
    as_csv = as_csv or fields.get("format") == "csv"
    if as_csv:
        fields["format"] = "csv"
    with open_owner(data) as owner:
        catch_up(owner, shop)
        compared = str(orders.resolve()) if orders is not None else None
        told = owner.call("report", shop=shop, name=name, fields=fields, orders=compared)
    note_lag(told["behind"])
    text: str = told["text"]
    if as_csv:
        click.echo(text, nl=False)
    elif as_json:
        click.echo(text)
    else:
        answer = msgspec.json.decode(text)
        click.echo(_heading(answer["metadata"]))
        _show(answer["data"])


def _heading(about: dict[str, Any]) -> str:
    filters = "".join(f", {name} {' or '.join(values)}" for name, values in about.get("filters", {}).items())
    return plain(
        f"{about['report']} from {about['from']} to {about['to']} ({about['timezone']}), {about['currency']}{filters}"
    )


def _show(told: Any, of: str = "") -> None:
    """Figures as names and values, lists of figures as tables, under the name of what they are figures ``of``."""
    lines = told.items() if isinstance(told, dict) else ()
    shown = [(name, _line(value) if _is_line(value) else value) for name, value in lines if not _is_inner(value)]
    if shown or isinstance(told, list):
        click.echo(f"\n{plain(of)}" if of else "")
    if isinstance(told, list):
        _table(told)
        return
    if shown:
        print_fields(shown)
    for name, value in told.items():
        if value and _is_inner(value):
            _show(value, f"{of} {name}".strip())


def _is_inner(value: Any) -> bool:
    """Whether it holds figures of its own."""
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _is_line(value: Any) -> bool:
    """Whether it is a list of numbers or names, and not of figures."""
    return isinstance(value, list) and not _is_inner(value)


def _line(values: list[Any]) -> str:
    return " ".join("-" if one is None else plain(one) for one in values)


def _drawn(values: list[int]) -> str:
    """Numbers as the heights of blocks, the largest as high as a line; none at all is a dot."""
    highest = max(values, default=0)
    return "".join(_BLOCKS[-(-value * 8 // highest)] if value else "." for value in values)


def _table(told: list[dict[str, Any]]) -> None:
    if not told:
        click.echo("No rows.")
        return
    rows = [row for one in told for row in _rows(one)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    print_table(names, ([row.get(name) for name in names] for row in rows))


def _rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What one row of an answer is on a screen: figures within figures beside them, one row for each of a list within it, and
    numbers of a line behind each other."""
    row: dict[str, Any] = {}
    lists: list[list[dict[str, Any]]] = []
    for name, value in told.items():
        if isinstance(value, dict) and name != "meta":
            row |= {f"{name} {inner}": of for inner, of in value.items() if not isinstance(of, _INNER)}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lists.append(value)
        elif isinstance(value, list):
            row[name] = _drawn(value) if name == "sparkline" else _line(value)
        else:
            row[name] = value
    if not lists:
        yield row
    for inner in lists:
        for place, one in enumerate(inner):
            yield (row if place == 0 else {}) | {name: of for name, of in one.items() if name != "meaning"}

"""What commands print: results to standard output, everything else to standard error, and nothing a terminal would obey."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH: Final = 400
"""Columns where no terminal is: a key or a position that is broken over two lines can't be copied or searched."""


def console(*, err: bool = False) -> Console:
    """A console; colours and width follow the terminal and NO_COLOR."""
    stream = sys.stderr if err else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else _PIPE_WIDTH)


def plain(value: object) -> str:
    """Text from outside as a terminal may see it: one line, what can't be printed replaced, so that no event steers it."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_json(value: object) -> None:
    """One JSON value on one line of standard output, sent on its way at once."""
    click.echo(msgspec.json.encode(value))


def note(message: str) -> None:
    """A remark for people, on standard error."""
    click.echo(plain(message), err=True)


def moment(milliseconds: int | None) -> str:
    """A time as people read it, in UTC."""
    if milliseconds is None:
        return ""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") + f".{milliseconds % 1000:03d}Z"
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with a head."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else plain(cell)) for cell in row))
    console().print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values, one below the other."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(Text(name), Text("" if value is None else plain(value)))
    console().print(table)


def progress(what: str) -> Progress:
    """A progress bar with rate and remaining time on standard error; silent where that is no terminal."""
    stream = console(err=True)
    return Progress(
        TextColumn(what, markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]} rows"),
        TextColumn("{task.fields[rate]} rows/s"),
        TimeRemainingColumn(),
        console=stream,
        disable=not stream.is_terminal,
        transient=True,
    )


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 event``, ``12,000 events``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def shown_event(event: dict[str, Any]) -> str:
    """An event on one line: when, what, of which product, by whom, where it is stored."""
    what = " ".join(str(event.get(name, "")) for name in ("verb", "noun"))
    subject = event.get("subject")
    if subject != "user":
        what = f"{subject} {what}"
    product = event.get("product_id") or event.get("product_handle") or event.get("shopify_variant_id")
    thing = product or event.get("defined_noun_id") or ""
    who = [f"{name} {event[field]}" for field, name in _WHO if event.get(field)]
    flags = ", ".join(event.get("flags") or [])
    parts = [
        moment(event.get("event_time")),
        f"{what} {thing}".strip(),
        " ".join(who) or "nobody",
        event.get("position", ""),
        flags,
    ]
    return plain("  ".join(str(part) for part in parts if part))


_WHO: Final = (("uuid", "uuid"), ("customer_id", "customer"))

"""Recordings of sessions, a row for each click: session, item and optionally the time, parted by tabs or commas, gzip or
not."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from footfall.cli.sources.opening import OpenFile
from footfall.clock import SECOND_MS
from footfall.errors import InputInvalidError
from footfall.projections.recommendations.evaluation import Recorded

_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "session": ("session", "sessionid", "session_id"),
    "item": ("item", "itemid", "item_id"),
    "time": ("time", "epoch_s", "timestamp"),
}
"""What a column is → how recordings call it, in lower case."""
_BROKEN_SHOWN_MAX: Final = 5


class Clicks(NamedTuple):
    """The sessions of a file in the order in which they began in it, and what could not be read: the first lines, and how
    many."""

    sessions: list[Recorded]
    problems: list[str]
    broken: int


def read_clicks(path: Path) -> Clicks:
    """Read a recording. A session's clicks are ordered by time where there are times, and among equals as they come.

    Raises ``InputInvalidError`` where a column is missing or nothing can be read, ``OSError``.
    """
    rows: dict[str, list[tuple[float, int, str]]] = {}
    problems: list[str] = []
    broken = 0
    with closing(OpenFile(path)) as file:
        reader = _cells(file)
        columns = _columns(next(reader, []), file.name)
        for number, cells in enumerate(reader, 2):
            try:
                session, item = cells[columns["session"]].strip(), cells[columns["item"]].strip()
                at = float(cells[columns["time"]]) if "time" in columns else 0.0
                if not session or not item or not math.isfinite(at):
                    raise ValueError
            except (ValueError, IndexError):
                broken += 1
                if len(problems) < _BROKEN_SHOWN_MAX:
                    problems.append(f"line {number}: {'  '.join(cells)[:100]!r} has no session, no item or no time")
                continue
            rows.setdefault(session, []).append((at, number, item))
        if not rows:
            raise InputInvalidError(f"{file.name} has no click that can be read.")
    timed = "time" in columns
    return Clicks([_session(clicks, timed=timed) for clicks in rows.values()], problems, broken)


def _session(clicks: list[tuple[float, int, str]], *, timed: bool) -> Recorded:
    clicks.sort()
    return Recorded([item for _, _, item in clicks], [int(at * SECOND_MS) for at, _, _ in clicks] if timed else None)


def _cells(file: OpenFile) -> Iterator[list[str]]:
    text = (line.decode("utf-8", "replace").removeprefix("\ufeff") for line in file.lines())
    if b"\t" in file.head().partition(b"\n")[0]:
        yield from (line.rstrip("\r\n").split("\t") for line in text)
        return
    try:
        yield from csv.reader(text)
    except csv.Error as failure:
        raise InputInvalidError(f"{file.name} can't be read: {failure}.") from failure


def _columns(head: Sequence[str], name: str) -> dict[str, int]:
    names = [cell.strip().lower() for cell in head]
    found = {what: names.index(known) for what, called in _COLUMNS.items() for known in called if known in names}
    for what in ("session", "item"):
        if what not in found:
            called = ", ".join(_COLUMNS[what])
            raise InputInvalidError(f"{name} has no column for the {what} ({called}): its head is {', '.join(head)[:200]!r}.")
    return found

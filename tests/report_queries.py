"""The queries of ``docs/reference/reports.md``, and how what they give is held against what a report answers."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tests.reference import FOLDER

PAGE: Final = (FOLDER / "reports.md").read_text(encoding="utf-8")
WINDOW: Final = {"from": "2026-08-01", "to": "2026-09-01"}
POSITION: Final = "6b1f02c4-0.1"
"""Stands in queries about one visitor for the position of an event of theirs."""
_NOT_COMPARED: Final = "(not compared)"
_KEYS: Final = {
    *("start", "week", "after_weeks", "product", "product_id", "handle", "title", "vendor", "type", "currency", "device"),
    *("source", "step", "from_seconds", "to_seconds", "term", "widget"),
}
"""Columns that say what a row is about: a row in which nothing else stands is none."""


class Query(NamedTuple):
    """A query of the page, with the report that it makes something of, its parameters, and where in the answer that stands."""

    report: str
    parameters: dict[str, str]
    place: str
    text: str


def _read() -> list[Query]:
    found = []
    for block in re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        remark, _, text = block.partition("\n")
        head, _, place = remark.removeprefix("-- ").partition(": ")
        if head != _NOT_COMPARED:
            report, *parameters = head.split(" ")
            found.append(Query(report, dict(one.split("=") for one in parameters), place, text))
    return found


QUERIES: Final = _read()


def rows_of(answer: str, query: Query) -> list[Mapping[str, Any]]:
    """What of a report's answer a query makes, as rows."""
    if query.parameters.get("format") == "csv":
        return list(csv.DictReader(io.StringIO(answer)))
    data = json.loads(answer, parse_float=Decimal)["data"]
    told = data[query.place] if query.place else data
    if query.place == "other_currencies":
        return [{"currency": currency, **figures} for currency, figures in told.items()]
    return told if isinstance(told, list) else [told] if told is not None else []


def selected(answer: str) -> list[Mapping[str, Any]]:
    """The rows that SQL answers."""
    told = json.loads(answer, parse_float=Decimal)
    names = [column["name"] for column in told["columns"]]
    return [dict(zip(names, row, strict=True)) for row in told["rows"]]


def comparable(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows as they compare: values alike, in one order, without those in which nothing stands."""
    figures = [column for column in columns if column not in _KEYS]
    kept = [row for row in rows if any(_stands(row[name]) for name in figures)]
    told = [tuple(_Average(row[name]) if name == "aov" else _alike(row[name]) for name in columns) for row in kept]
    return sorted(told, key=repr)


class _Average:
    """An average of amounts: the engine divides as floating point, so that its last cent may be another."""

    def __init__(self, value: Any) -> None:
        self.value = None if value is None else Decimal(value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Average) or self.value is None or other.value is None:
            return isinstance(other, _Average) and self.value is other.value
        return abs(self.value - other.value) <= Decimal("0.01")

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        # Where it stands among others must not depend on its last cent.
        return "average"


def _stands(value: Any) -> bool:
    if isinstance(value, list):
        return any(value)
    return value not in (None, "", 0, "0", "0.0", "0.00")


def _alike(value: Any) -> Any:
    """A value as JSON and CSV, reports and SQL say it: numbers to six digits, moments to the second and without an offset."""
    if isinstance(value, list):
        return tuple(map(_alike, value))
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", value):
        return datetime.fromisoformat(value).replace(tzinfo=None, microsecond=0).isoformat()
    if isinstance(value, int | Decimal) or (isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value)):
        return Decimal(value).quantize(Decimal("0.000001")).normalize()
    return None if value == "" else value

"""Answering a question from a shop's file: the report or the statement, in one snapshot, as JSON or CSV."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import msgspec

from footfall.errors import InputInvalidError
from footfall.limits import ANALYTICS_ANSWER_BYTES_MAX, SQL_ROWS_MAX
from footfall.projections.analytics.asking import Question
from footfall.projections.analytics.engine import Connection, is_corrupt, rows
from footfall.projections.analytics.reports.asked import Asked, Told
from footfall.projections.analytics.reports.figures import overview, timeseries
from footfall.projections.analytics.reports.health import data_health
from footfall.projections.analytics.reports.journeys import funnel, retention, sessions
from footfall.projections.analytics.reports.products import top_products
from footfall.projections.analytics.reports.reconciliation import reconciliation
from footfall.projections.analytics.reports.search import search
from footfall.projections.analytics.reports.visitor import visitor
from footfall.projections.analytics.reports.widgets import widgets
from footfall.projections.analytics.statements import DESCRIBE, require_select, said

_REPORTS: Final[Mapping[str, Callable[[Asked], Told]]] = {
    "overview": overview,
    "timeseries": timeseries,
    "top-products": top_products,
    "funnel": funnel,
    "retention": retention,
    "sessions": sessions,
    "search": search,
    "widgets": widgets,
    "visitor": visitor,
    "reconciliation": reconciliation,
    "data-health": data_health,
}
_JSON: Final = "application/json"
_CSV: Final = "text/csv; charset=utf-8"
_ROWS_AT_ONCE: Final = 2_000


class Answered(NamedTuple):
    """An answer."""

    body: bytes
    media_type: str
    repeatable: bool
    """Whether the same question gives the same answer while the file has not moved."""
    truncated: bool = False
    """Whether a statement has more rows than these."""


def answer(connection: Connection, question: Question) -> Answered:
    """Answer a question. The connection is used by nobody else meanwhile; it may be interrupted.

    Raises ``InputInvalidError`` and ``NotFoundError`` for what the question can't have, ``duckdb.Error`` for what went wrong.
    """
    connection.execute("BEGIN TRANSACTION READ ONLY" if question.report == "sql" else "BEGIN TRANSACTION")
    try:
        if question.report == "sql":
            body, truncated = _selected(connection, question)
        else:
            with Asked(connection, question) as asked:
                body, truncated = _reported(asked, _REPORTS[question.report](asked)), False
                _require_small(len(body))
    finally:
        # Nothing was written; an interrupted transaction can't end in any other way.
        connection.execute("ROLLBACK")
    repeatable = question.report not in ("sql", "data-health", "reconciliation")
    return Answered(body, _CSV if question.format == "csv" else _JSON, repeatable, truncated)


def _reported(asked: Asked, told: Told) -> bytes:
    question, window = asked.question, asked.window
    if question.format == "csv":
        if told.previous is None:
            return _csv(told.columns, told.table)
        rows_of = {"current": told.table, "previous": told.previous}
        return _csv(
            ["window", *told.columns], [{"window": window, **row} for window, table in rows_of.items() for row in table]
        )
    metadata: dict[str, Any] = {
        "report": question.report,
        "from": asked.label(window.start),
        "to": asked.label(window.end),
        "timezone": window.timezone,
        "currency": question.currency,
    }
    if question.report == "timeseries":
        metadata["granularity"] = question.granularity
    if question.filters:
        metadata["filters"] = question.filters
    return msgspec.json.encode({"data": told.data, "metadata": metadata})


def _csv(columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A value as a spreadsheet takes it. What begins like a formula is quoted, so that no name of a product runs as one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return "'" + value
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _selected(connection: Connection, question: Question) -> tuple[bytes, bool]:
    """The rows of a statement: ``{"columns": […], "rows": [[…]]}``, or CSV; and whether there are more.

    Raises ``InputInvalidError``.
    """
    statement = require_select(connection, question.statement)
    limit = min(question.limit, SQL_ROWS_MAX)
    described: Sequence[tuple[Any, ...]] = ()
    try:
        described = rows(connection, DESCRIBE + statement)
        names = [str(row[0]) for row in described]
        if question.format == "csv":
            cells = ", ".join(_as_text(f"column{n}", str(row[1])) for n, row in enumerate(described))
        else:
            cells = "to_json([" + ", ".join(f"to_json(column{n})" for n in range(len(names))) + "])::VARCHAR"
        listed = ", ".join(f"column{n}" for n in range(len(names)))
        found = connection.execute(f"SELECT {cells} FROM (\n{statement}\n) AS told({listed}) LIMIT {limit + 1}")
        return (_as_csv if question.format == "csv" else _as_json)(found, described, limit)
    except duckdb.InterruptException:
        raise
    except (duckdb.OutOfMemoryException, *_ENGINE_FAILS):
        raise
    except duckdb.Error as failure:
        if is_corrupt(failure):
            raise
        raise InputInvalidError(said(failure, line=2 if described else 1)) from failure


_ENGINE_FAILS: Final = (duckdb.FatalException, duckdb.InternalException)
_NO_NUMBER: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)')
"""Texts, which stay as they are, and what the engine writes for numbers that JSON does not have."""


def _as_json(found: Connection, described: Sequence[tuple[Any, ...]], limit: int) -> tuple[bytes, bool]:
    parts: list[str] = []
    size = 0
    while told := found.fetchmany(_ROWS_AT_ONCE):
        parts += [_in_json(row) for (row,) in told]
        size = _require_small(size + sum(len(row) for (row,) in told))
    head = msgspec.json.encode([{"name": str(row[0]), "type": str(row[1])} for row in described])
    truncated = len(parts) > limit
    more = b"true" if truncated else b"false"
    body = ",".join(parts[:limit]).encode()
    return b'{"columns":' + head + b',"rows":[' + body + b'],"truncated":' + more + b"}", truncated


def _in_json(row: str) -> str:
    if "NaN" not in row and "Infinity" not in row:
        return row
    return _NO_NUMBER.sub(lambda found: found[0] if found[0].startswith('"') else "null", row)


def _as_text(column: str, kind: str) -> str:
    """A column as CSV has it: empty where a result is no number, as it is ``null`` in JSON."""
    return f"CASE WHEN isfinite({column}) THEN {column}::VARCHAR END" if kind in ("DOUBLE", "FLOAT") else f"{column}::VARCHAR"


def _as_csv(found: Connection, described: Sequence[tuple[Any, ...]], limit: int) -> tuple[bytes, bool]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([str(row[0]) for row in described])
    written = 0
    while told := found.fetchmany(_ROWS_AT_ONCE):
        writer.writerows(told[: max(0, limit - written)])
        written += len(told)
        _require_small(text.tell())
    return text.getvalue().encode(), written > limit


def _require_small(size: int) -> int:
    if size > ANALYTICS_ANSWER_BYTES_MAX:
        raise InputInvalidError(
            f"The answer has more than {ANALYTICS_ANSWER_BYTES_MAX // 1024**2} MB. Ask for less, or use `footfall export`."
        )
    return size

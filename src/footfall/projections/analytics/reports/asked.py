"""What reports share: the window and the filters as SQL, and the bounds of its points."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from footfall.clock import Milliseconds
from footfall.identifiers import read_id
from footfall.projections.analytics.asking import UNKNOWN, Question, Window, bucket_starts, label
from footfall.projections.analytics.engine import Connection, given, rows
from footfall.projections.analytics.schema import BOT, LEFT_OUT, TEST

_PRODUCT_FILTERS: Final = ("product", "collection", "vendor", "type")
SESSION_COLUMNS: Final = {
    "device": f"coalesce({{0}}.device, '{UNKNOWN}')",
    "country": f"coalesce({{0}}.country, '{UNKNOWN}')",
    "theme": f"coalesce({{0}}.theme, '{UNKNOWN}')",
    "source": "coalesce({0}.source, 'direct')",
}
"""What sessions came with, as breakdowns show it."""
_CENT: Final = Decimal("0.01")


class Told(NamedTuple):
    """What a report answers: ``data`` in JSON, in CSV the ``columns`` of ``table``, whose rows may lack some of them."""

    data: Any
    columns: Sequence[str]
    table: Sequence[Mapping[str, Any]]
    previous: Sequence[Mapping[str, Any]] | None = None
    """The same rows of the window before, where they are compared."""


class _Run(NamedTuple):
    """Points of one length, one after the other; the last may be shorter."""

    number: int
    """Of the first of them."""
    start: int
    """From when on times fall into them."""
    base: int
    """Where the first one would begin if it were as long as the others."""
    length: int

    def at(self, number: int) -> int:
        """Where a point begins, if it is one of these."""
        return self.base + (number - self.number) * self.length


def _numbered(time: str, runs: Sequence[_Run]) -> str:
    if len(runs) == 1:
        return f"(({time} - {runs[0].base}) // {runs[0].length} + {runs[0].number})"
    half = len(runs) // 2
    return f"CASE WHEN {time} < {runs[half].start} THEN {_numbered(time, runs[:half])} ELSE {_numbered(time, runs[half:])} END"


class Asked:
    """A question over one window, with the connection that answers it. Use as a context."""

    def __init__(self, connection: Connection, question: Question, window: Window | None = None) -> None:
        self.connection = connection
        self.question = question
        self.window = window if window is not None else question.window
        self._stack = ExitStack()

    def __enter__(self) -> "Asked":
        if self.has_product_filter:
            numbers = np.array(sorted(self._chosen()), dtype=np.uint32)
            self._stack.enter_context(given(self.connection, "chosen", {"number": numbers}))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def before(self) -> "Asked":
        """The same question over the window before this one."""
        return Asked(self.connection, self.question, self.window.before())

    def rows(self, statement: str, parameters: object = None) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        return rows(self.connection, statement, parameters)

    # --- filters -------------------------------------------------------------------------------------------------

    @property
    def has_product_filter(self) -> bool:
        """Whether figures are narrowed to some products."""
        return any(name in self.question.filters for name in _PRODUCT_FILTERS)

    @property
    def has_session_filter(self) -> bool:
        """Whether figures are narrowed to some sessions."""
        return any(name in self.question.filters for name in SESSION_COLUMNS)

    @property
    def is_filtered(self) -> bool:
        """Whether figures are narrowed at all."""
        return bool(self.question.filters)

    @property
    def marks_left_out(self) -> int:
        """The marks of events that are left out."""
        return LEFT_OUT & ~(BOT if self.question.bots else 0) & ~(TEST if self.question.tests else 0)

    def events(self, alias: str = "e", *, products: bool = True) -> str:
        """The condition on ``store.events``: window, marks and filters."""
        window = self.window
        parts = [
            f"{alias}.time >= {window.start} AND {alias}.time < {window.end}",
            f"{alias}.marks & {self.marks_left_out} = 0",
        ]
        if products and self.has_product_filter:
            parts.append(f"{alias}.product IN (SELECT number FROM chosen)")
        parts += self._of_session(f"{alias}.session")
        return " AND ".join(parts)

    def sessions(self, alias: str = "s") -> str:
        """The condition on ``store.sessions``: those that began in the window, and have an event that the filters let pass."""
        window = self.window
        parts = [
            f"{alias}.start >= {window.start} AND {alias}.start < {window.end}",
            f"{alias}.marks & {self.marks_left_out} = 0",
            *self._session_columns(alias),
        ]
        if self.has_product_filter:
            parts.append(f"{alias}.number IN (SELECT e.session FROM store.events e WHERE {self.events()})")
        return " AND ".join(parts)

    def lines(self, alias: str = "l") -> str:
        """The condition on purchase lines: window, filters, and the shop's own currency."""
        window = self.window
        parts = [
            f"{alias}.time >= {window.start} AND {alias}.time < {window.end}",
            f"coalesce({alias}.currency, {quoted(self.question.currency)}) = {quoted(self.question.currency)}",
        ]
        if self.has_product_filter:
            parts.append(f"{alias}.product IN (SELECT number FROM chosen)")
        parts += self._of_session(f"{alias}.session")
        return " AND ".join(parts)

    def _of_session(self, session: str) -> list[str]:
        conditions = self._session_columns("s")
        if not conditions:
            return []
        return [f"{session} IN (SELECT s.number FROM store.sessions s WHERE {' AND '.join(conditions)})"]

    def _session_columns(self, alias: str) -> list[str]:
        return [
            f"lower({column.format(alias)}) IN ({', '.join(quoted(value.lower()) for value in self.question.filters[name])})"
            for name, column in SESSION_COLUMNS.items()
            if name in self.question.filters
        ]

    def _chosen(self) -> set[int]:
        """The numbers of all names of the products that the filters let pass."""
        filters = self.question.filters
        conditions: list[str] = []
        parameters: list[Any] = []
        if "product" in filters:
            names = [read_id(value, "Product") or value for value in filters["product"]]
            conditions.append(
                "(p.product_id IN (SELECT unnest(?::VARCHAR[])) OR p.handle IN (SELECT unnest(?::VARCHAR[])) OR"
                " n.product IN (SELECT v.product FROM store.names v WHERE v.name IN (SELECT 'v:' || unnest(?::VARCHAR[]))"
                " OR v.name IN (SELECT unnest(?::VARCHAR[]))) OR p.product IN (SELECT unnest(?::VARCHAR[])))"
            )
            variants = [read_id(value, "ProductVariant") or value for value in filters["product"]]
            # The last two: as reports and SQL name a product.
            parameters += [names, names, variants, list(filters["product"]), list(filters["product"])]
        if "collection" in filters:
            conditions.append(
                "p.key IN (SELECT m.key FROM store.members m JOIN store.collections c USING (collection)"
                " WHERE c.collection IN (SELECT unnest(?::VARCHAR[])) OR c.handle IN (SELECT unnest(?::VARCHAR[])))"
            )
            names = [read_id(value, "Collection") or value for value in filters["collection"]]
            parameters += [names, names]
        for name in ("vendor", "type"):
            if name in filters:
                conditions.append(f"lower(p.{name}) IN (SELECT lower(unnest(?::VARCHAR[])))")
                parameters.append(list(filters[name]))
        found = self.rows(
            "SELECT n.number FROM store.names n JOIN store.products p ON p.number = n.product WHERE "
            + " AND ".join(conditions),
            parameters,
        )
        return {number for (number,) in found}

    # --- time ----------------------------------------------------------------------------------------------------

    @cached_property
    def starts(self) -> list[Milliseconds]:
        """Where the points of a time series begin."""
        return bucket_starts(self.window, self.question.granularity)

    def point(self, time: str) -> str:
        """An expression for the number of the point into which a time of the window falls. A division takes less than half of
        what looking it up does, and a join with every quarter hour three times as long as that."""
        return _numbered(time, self._runs)

    @cached_property
    def _runs(self) -> list["_Run"]:
        runs: list[_Run] = []
        ends = [*self.starts[1:], self.window.end]
        for number, (start, end) in enumerate(zip(self.starts, ends, strict=True)):
            if runs and start == runs[-1].at(number) and end - start <= runs[-1].length:
                continue
            # As long as the point after it, where that is longer: the first one is cut, and a day may lack an hour.
            length = max(end - start, ends[number + 1] - end if number + 1 < len(ends) else 0)
            runs.append(_Run(number, start, end - length, length))
        return runs

    def label(self, moment: Milliseconds) -> str:
        """A moment as answers show it."""
        return label(moment, self.window.timezone)

    @cached_property
    def people(self) -> int:
        """How many persons have a number."""
        return int(self.rows("SELECT coalesce(max(number), 0) FROM store.people")[0][0])


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


def amount(value: Decimal | None) -> str:
    """An amount as answers show it: a decimal text, with more than two digits behind the point only where it has more."""
    exact = (value if value is not None else Decimal(0)).normalize()
    cents = exact.quantize(_CENT) if exact == exact.quantize(_CENT) else exact
    return f"{cents:f}"


def average(total: Decimal | None, count: int) -> str | None:
    """An average amount, to the cent, half to even; ``None`` of nothing."""
    return f"{((total or Decimal(0)) / count).quantize(_CENT, ROUND_HALF_EVEN):f}" if count else None


def ratio(part: int, whole: int) -> float | None:
    """One number for each of another, to six digits; ``None`` where there is nothing to divide by."""
    return round(part / whole, 6) if whole else None


def change(now: object, before: object) -> float | None:
    """By how much a figure grew, as a part of what it was."""
    if now is None or before is None:
        return None
    was = Decimal(str(before))
    return round(float((Decimal(str(now)) - was) / was), 4) if was else None


def parsed(text: str | None) -> Any:
    """What a text of JSON says."""
    return msgspec.json.decode(text) if text else None

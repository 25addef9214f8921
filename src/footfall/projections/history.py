"""Visitor history: which products each visitor viewed, added, removed and purchased, by the events' own times.

A *trail* is where an event is kept: ``u:<uuid>``, or ``c:<customer id>`` where it names no uuid. Who owns an event is decided
when a question is asked (``identity``), so linking a visitor to a customer never moves a row.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Position, ProductReference, ShopId, Uuid, product_reference
from footfall.limits import HISTORY_EVENTS_READ_MAX, HISTORY_QUESTION_EVENTS_READ_MAX, TAIL_EVENTS_MERGE, TIDY_STEPS
from footfall.log.port import Group, Stream
from footfall.projections.identity import Identity, Stretches, trail_of, trail_of_customer, trail_of_uuid
from footfall.projections.rows import in_text_order
from footfall.projections.runs import SortedRuns
from footfall.projections.state import Reader, Step
from footfall.vocabulary import ACTIONS, Action

_PAGE: Final = 32
"""Rows fetched at once: most questions want 5 products, and few visitors view one more than a few times."""

_PAGE_OF_RUN: Final = (
    "SELECT * FROM (SELECT time, position, action, customer, reference FROM history WHERE run = {run} AND trail = ?1"
    " AND action = ?2 AND (time, position) < (?3, ?4) ORDER BY time DESC, position DESC LIMIT ?5)"
)
_AFTER_EVERYTHING: Final = (2**62, 2**62)


class Seen(NamedTuple):
    """One row of a trail, in order of (time, position)."""

    time: Milliseconds
    position: Position
    action: Action
    customer: CustomerId | None
    reference: ProductReference


_Row = tuple[Milliseconds, Position, Action, CustomerId | None, ProductReference]
"""A ``Seen`` as memory keeps it: a plain tuple takes a third of the time to make."""


class History:
    """The projection, and the questions it answers."""

    name = "history"
    version = 3
    stream = Stream.EVENTS

    def __init__(self, reader: Reader, identity: Identity) -> None:
        self._reader = reader
        self._identity = identity
        self._active: dict[str, list[_Row]] = {}
        self._frozen: dict[str, list[_Row]] = {}
        self._runs = SortedRuns(
            reader,
            "history",
            columns=(
                ("trail", "TEXT NOT NULL"),
                ("time", "INTEGER NOT NULL"),
                ("position", "INTEGER NOT NULL"),
                ("action", "INTEGER NOT NULL"),
                ("customer", "TEXT"),
                ("reference", "TEXT NOT NULL"),
            ),
            order="trail, action, time DESC, position DESC",
            values="value->>0, value->>1, value->>2, value->>3, value->>4, value->>5",
        )
        self.tables: Mapping[str, str] = self._runs.tables
        self._page_sql = ""

    def apply(self, group: Group) -> None:
        active = self._active
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.noun != "product":
                continue
            trail = trail_of(event)
            action = ACTIONS.get((event.subject, event.verb))
            reference = product_reference(event.product_id, event.product_handle, event.variant_id)
            if trail is None or action is None or reference is None:
                continue
            seen = (event.time, position, action, event.customer_id, reference)
            key = _key(event.shop, trail)
            rows = active.get(key)
            if rows is None:
                active[key] = [seen]
            else:
                rows.append(seen)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Step]:
        frozen = self._frozen
        rows = ((key, *row) for key in in_text_order(frozen) for row in frozen[key])
        yield from self._runs.merge(rows, count=sum(map(len, frozen.values())))
        yield from islice(self._runs.tidy(self._is_busy), TIDY_STEPS)

    def thaw(self) -> None:
        self._frozen = {}
        self._runs.load()
        pages = " UNION ALL ".join(_PAGE_OF_RUN.format(run=run.number) for run in self._runs.live)
        self._page_sql = f"{pages} ORDER BY 1 DESC, 2 DESC LIMIT ?5" if pages else ""

    def _is_busy(self) -> bool:
        """Whether the next merge is near, so that tidying up must wait."""
        return len(self._active) >= TAIL_EVENTS_MERGE // 2

    def of_uuid(self, shop: ShopId, uuid: Uuid, action: Action) -> Iterator[Seen]:
        """A uuid's own events, newest first, without those of a customer other than the one last named on it."""
        return self._of_uuid(shop, uuid, action, _looks())

    def of_customer(self, shop: ShopId, customer: CustomerId, action: Action) -> Iterator[Seen]:
        """All that a customer owns, on all devices, newest first."""
        return self._of_customer(shop, customer, action, _looks())

    def of_both(self, shop: ShopId, uuid: Uuid, customer: CustomerId, action: Action) -> Iterator[Seen]:
        """The union if that customer is the one last named on the uuid or none is, else the customer's alone.

        An event of the one that is also of the other comes twice.
        """
        looks = _looks()
        of_customer = self._of_customer(shop, customer, action, looks)
        if self._identity.stretches(shop, trail_of_uuid(uuid)).last_named not in (None, customer):
            return of_customer
        return heapq.merge(of_customer, self._of_uuid(shop, uuid, action, looks), key=_newest_first)

    def _of_uuid(self, shop: ShopId, uuid: Uuid, action: Action, looks: Iterator[int]) -> Iterator[Seen]:
        trail = trail_of_uuid(uuid)
        stretches = self._identity.stretches(shop, trail)
        return self._owned(self._rows(shop, trail, action), stretches, (None, stretches.last_named), looks)

    def _of_customer(self, shop: ShopId, customer: CustomerId, action: Action, looks: Iterator[int]) -> Iterator[Seen]:
        own = self._rows(shop, trail_of_customer(customer), action)
        trails = [self._owned(own, Stretches([]), (customer,), looks)]
        for trail in self._identity.trails(shop, customer):
            stretches = self._identity.stretches(shop, trail)
            trails.append(self._owned(self._rows(shop, trail, action), stretches, (customer,), looks))
        return trails[0] if len(trails) == 1 else heapq.merge(*trails, key=_newest_first)

    def _owned(
        self, rows: Iterator[Seen], stretches: Stretches, owners: Sequence[CustomerId | None], looks: Iterator[int]
    ) -> Iterator[Seen]:
        """A trail's rows that belong to one of these. ``looks`` runs out after as many as the whole question may look at."""
        for row, _ in zip(islice(rows, HISTORY_EVENTS_READ_MAX), looks, strict=False):
            if stretches.owner(row.position, row.time, row.customer) in owners:
                yield row

    def _rows(self, shop: ShopId, trail: str, action: Action) -> Iterator[Seen]:
        """A trail's rows of one action, newest first; a row that was set aside may come from memory and table, once."""
        key = _key(shop, trail)
        fresh = [row for tail in (self._active, self._frozen) for row in tail.get(key, ()) if row[2] == action]
        stored = self._stored(shop, trail, action)
        if not fresh:
            yield from stored
            return
        # By (time, position), and never further: a position stands for one row. Memory mostly has them in this order.
        fresh.sort(reverse=True)
        last = -1
        for row in heapq.merge(fresh, stored, key=_newest_first):
            if row[1] != last:
                last = row[1]
                yield Seen(*row)

    def _stored(self, shop: ShopId, trail: str, action: Action) -> Iterator[Seen]:
        """A trail's rows in the table; one that stands in two runs comes once."""
        key = _key(shop, trail)
        after = _AFTER_EVERYTHING
        page = _PAGE
        while self._page_sql:
            rows = self._reader.rows(self._page_sql, (key, action, *after, page))
            last = -1
            for row in rows:
                if row[1] != last:
                    last = row[1]
                    yield Seen(*row)
            if len(rows) < page:
                return
            after = (rows[-1][0], rows[-1][1])
            page = min(page * 4, 1_000)


def _key(shop: int, trail: str) -> str:
    """Under which the rows of a trail are kept. Stored on disk: do not change."""
    return f"{shop}/{trail}"


def _looks() -> Iterator[int]:
    """A new allowance of rows for one question, shared by all the trails that it reads."""
    return iter(range(HISTORY_QUESTION_EVENTS_READ_MAX))


def _newest_first(row: _Row) -> tuple[int, int]:
    return -row[0], -row[1]

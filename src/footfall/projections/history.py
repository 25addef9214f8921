"""Visitor history: which products each visitor viewed, added, removed and purchased, by the events' own times.

A *trail* is where an event is kept: ``u:<uuid>``, or ``c:<customer id>`` where it names no uuid. Who owns an event is decided
when a question is asked (``identity``), so linking a visitor to a customer never moves a row.
"""

import heapq
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Position, ProductReference, ShopId, Uuid, product_reference
from footfall.limits import HISTORY_EVENTS_READ_MAX, HISTORY_QUESTION_EVENTS_READ_MAX, TAIL_EVENTS_MERGE, TIDY_STEPS
from footfall.log.port import Group, Stream
from footfall.projections.identity import Identity, Stretches, trail_of, trail_of_customer, trail_of_uuid
from footfall.projections.runs import SortedRuns
from footfall.projections.state import Reader, Step
from footfall.vocabulary import ACTIONS, Action

_PAGE: Final = 32
"""Rows fetched at once: most questions want 5 products, and few visitors view one more than a few times."""

_PLACE: Final = struct.Struct(">BQQ")
"""Action, then time and position, both counted down from ``_LAST`` so that the newest comes first."""
_LAST: Final = 2**63 - 1


class Seen(NamedTuple):
    """One row of a trail, in order of (time, position)."""

    time: Milliseconds
    position: Position
    action: Action
    customer: CustomerId | None
    reference: ProductReference


class History:
    """The projection, and the questions it answers."""

    name = "history"
    version = 4
    stream = Stream.EVENTS

    def __init__(self, reader: Reader, identity: Identity) -> None:
        self._identity = identity
        self._active: dict[str, list[bytes]] = {}
        """Key of a trail (``<shop>/<trail>``) → its rows without it: place, customer or nothing, a NUL, reference.

        Keys and rows are stored on disk: do not change."""
        self._frozen: dict[str, list[bytes]] = {}
        self._runs = SortedRuns(reader, "history")
        self.tables: Mapping[str, str] = self._runs.tables

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
            place = _PLACE.pack(action, _LAST - event.time, _LAST - position)
            row = place + f"{event.customer_id or ''}\0{reference}".encode()
            key = f"{event.shop}/{trail}"
            rows = active.get(key)
            if rows is None:
                active[key] = [row]
            else:
                rows.append(row)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Step]:
        frozen = self._frozen
        rows = (prefix + row for key, of_key in frozen.items() for prefix in (_prefix(key),) for row in of_key)
        yield from self._runs.merge(rows, count=sum(map(len, frozen.values())))
        yield from islice(self._runs.tidy(self._is_busy), TIDY_STEPS)

    def thaw(self) -> None:
        self._frozen = {}
        self._runs.load()

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
        """A trail's rows of one action, newest first; one that stands in memory and table, or in two runs, comes once."""
        key = f"{shop}/{trail}"
        fresh = {row for tail in (self._active, self._frozen) for row in tail.get(key, ()) if row[0] == action}
        stored = self._stored(key, action)
        return map(_seen, _each_once(heapq.merge(sorted(fresh), stored)) if fresh else stored)

    def _stored(self, key: str, action: Action) -> Iterator[bytes]:
        """A trail's rows in the table, without the key."""
        prefix = _prefix(key)
        first, beyond = prefix + bytes((action,)), prefix + bytes((action + 1,))
        page = _PAGE
        while True:
            rows = self._runs.find(first, beyond, page)
            for row in rows:
                yield row[len(prefix) :]
            if len(rows) < page:
                return
            first = rows[-1] + b"\0"
            page = min(page * 4, 1_000)


def _each_once(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Rows in their order, without those that are the same as the one before."""
    last = b""
    for row in rows:
        if row != last:
            last = row
            yield row


def _prefix(key: str) -> bytes:
    """What a stored row begins with. Neither keys nor customers nor references hold a NUL."""
    return key.encode() + b"\0"


def _seen(row: bytes) -> Seen:
    action, time, position = _PLACE.unpack_from(row)
    customer, _, reference = row[_PLACE.size :].decode().partition("\0")
    return Seen(
        Milliseconds(_LAST - time),
        Position(_LAST - position),
        Action(action),
        CustomerId(customer) if customer else None,
        ProductReference(reference),
    )


def _looks() -> Iterator[int]:
    """A new allowance of rows for one question, shared by all the trails that it reads."""
    return iter(range(HISTORY_QUESTION_EVENTS_READ_MAX))


def _newest_first(row: Seen) -> tuple[int, int]:
    return -row.time, -row.position

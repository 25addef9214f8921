"""Accepting events: read each, recognise duplicates, store the good ones and quarantine the others, durably, then answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from footfall.clock import HOUR_MS, Milliseconds
from footfall.errors import LogUnavailableError, OverloadedError
from footfall.event import Event, Origin, decode_event, encode_event
from footfall.identifiers import EventId, Position, ShopId, event_digest
from footfall.intake.body import Unreadable, read_item
from footfall.intake.fields import read_identifier
from footfall.intake.quarantine import quarantined
from footfall.intake.reading import IDENTITY_FIELDS, Arrival, read_event
from footfall.intake.receipt import Receipt
from footfall.intake.rejection import Rejected
from footfall.intake.usual import usual_event
from footfall.intake.warned import Warned
from footfall.limits import WAITING_EVENTS_MAX
from footfall.log.port import Lane, Log, Place, Record, Span, Stream

_SLICE_EVENTS: Final = 20
"""Events of an import that are read before live requests get their turn: a tenth of a millisecond."""
_REST_SECONDS_MAX: Final = 0.05
"""The longest that an import rests after a chunk beside which live requests came: it goes on under any load."""
_NOT_COMPARED: Final = frozenset({"received_at", "time", "device", "verified", "origin", "flags", "consent"})
"""What differs between two deliveries of one event without its content being another."""


class SeenEvents(Protocol):
    """Which client-made event ids were stored within the window."""

    def find(self, digest: bytes, received_at: Milliseconds) -> Place | None:
        """Where the event with this digest is stored, if it came within the window before ``received_at``."""


class Outcomes(Protocol):
    """Counters of what happened to events: operational figures."""

    def count(self, shop: ShopId, hour: int, outcome: str, reason: str, events: int = 1) -> None:
        """Add to the counter of an outcome (``accepted``, ``duplicate``, ``rejected``, ``warning``, ``placeholder-identity``);
        ``hour`` is in hours since the epoch."""

    def duplicate(self, shop: ShopId, digest: bytes, received_at: Milliseconds, place: Place) -> None:
        """Remember one delivery of an event that was stored before."""


class AppendsSoon(Protocol):
    """A log that can call back: more than the port asks, so the short way is only there where the log has it."""

    def append_soon(
        self, stream: Stream, records: Sequence[Record], done: Callable[[Place | None, BaseException | None], None]
    ) -> None:
        """``append``; ``done`` is told the first record's place once all are durable, or why they could not be made so."""


class _Pending(NamedTuple):
    """Events on their way into the log: duplicates of them wait until they are durable."""

    stored: asyncio.Future[Sequence[Place] | None]
    place_index: int


class Accepted(NamedTuple):
    """What happened to the items of one request. ``ends``: the last position in each partition that they touched.

    ``rejected`` is (index, why) in order. ``receipts`` has one for each item where they were asked for, else it is empty.
    """

    stored: int
    duplicates: int
    rejected: list[tuple[int, Rejected]]
    ends: dict[int, Position]
    receipts: list[Receipt]


class _Reading:
    """The items of one request, sorted into what happens to them."""

    __slots__ = ("digests", "duplicates", "events", "records", "rejected", "rejects", "stored", "warnings")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.events: list[int] = []
        """Index of the item that each record was made from."""
        self.warnings: dict[int, list[Warned]] = {}
        """Of the events that are stored and have any."""
        self.rejected: list[tuple[int, Rejected]] = []
        self.rejects: list[Record] = []
        self.duplicates: list[tuple[int, Event, bytes, Place | _Pending]] = []
        self.digests: list[bytes] = []
        self.stored: asyncio.Future[Sequence[Place] | None] | None = None
        """Resolved when the events are durable (or could not be made so); made where one has an id."""


class Intake:
    """Takes what clients sent; on return everything accepted and rejected is durable."""

    def __init__(self, log: Log, seen: SeenEvents, outcomes: Outcomes, soon: AppendsSoon | None = None) -> None:
        self._log = log
        self._soon = soon
        self._seen = seen
        self._outcomes = outcomes
        self._pending: dict[bytes, _Pending] = {}
        self._waiting_events = 0
        self._live_requests = 0

    @property
    def waiting_events(self) -> int:
        """Events accepted and not yet durable."""
        return self._waiting_events

    async def accept(
        self,
        items: list[Any],
        arrival: Arrival,
        *,
        lane: Lane = Lane.LIVE,
        origins: Sequence[Origin | None] | None = None,
        receipts: bool = False,
    ) -> Accepted:
        """Store what can be stored of these items, in order; quarantine the others.

        An item is a client's object, or its text, which is decoded in its place where it needs that. ``receipts``: make one
        for each, which also says where a duplicate differs from the event that was stored.
        Raises ``LogUnavailableError`` (``OverloadedError`` where too much waits): nothing was acknowledged then.
        """
        if self._waiting_events + len(items) > WAITING_EVENTS_MAX:
            raise OverloadedError
        if lane is Lane.LIVE:
            self._live_requests += 1
        live_requests, began_seconds = self._live_requests, time.monotonic()
        self._waiting_events += len(items)
        try:
            accepted = await self._accept(items, arrival, lane, origins, receipts)
        finally:
            self._waiting_events -= len(items)
        if lane is not Lane.LIVE and self._live_requests != live_requests:
            # As long as the chunk took: live requests rarely find an import at work then.
            await asyncio.sleep(min(time.monotonic() - began_seconds, _REST_SECONDS_MAX))
        return accepted

    def accept_soon(self, text: bytes, arrival: Arrival, done: Callable[[Place | None, BaseException | None], None]) -> bool:
        """The short way of the text of one event that is good, new and without warnings: ``done`` is told its place once it is
        durable, or why it could not be made so. Answers ``False``, and has done nothing, where it needs ``accept``.

        Without a task and its futures, which took half the time of a single event.
        """
        if self._soon is None or self._waiting_events >= WAITING_EVENTS_MAX:
            return False
        event = usual_event(text, arrival) or _without_warnings(text, arrival)
        if event is None:
            return False
        visitor = event.uuid or event.customer_id or event.session_id or ""
        digest = None
        if event.event_id is not None:
            digest = event_digest(arrival.shop, visitor, event.event_id)
            if digest in self._pending or self._seen.find(digest, arrival.received_at) is not None:
                return False
            self._pending[digest] = _Pending(asyncio.get_running_loop().create_future(), 0)
        self._waiting_events += 1
        self._live_requests += 1

        def finished(place: Place | None, failure: BaseException | None) -> None:
            self._waiting_events -= 1
            if digest is not None:
                self._pending.pop(digest).stored.set_result([place] if place is not None else None)
            if place is not None:
                self._outcomes.count(arrival.shop, arrival.received_at // HOUR_MS, "accepted", "")
            done(place, failure)

        self._soon.append_soon(Stream.EVENTS, [Record(visitor, encode_event(event), event)], finished)
        return True

    async def quarantine(self, rejected: Rejected, original: bytes, arrival: Arrival) -> None:
        """Keep a whole body that could not be read."""
        await self._log.append(Stream.QUARANTINE, [quarantined(rejected, original, arrival)])
        self._outcomes.count(arrival.shop, arrival.received_at // HOUR_MS, "rejected", rejected.reason)

    async def resubmit(self, raw: object, arrival: Arrival, origin: Origin | None) -> Receipt | Rejected:
        """Take a quarantined event again; one that is still wrong is not quarantined a second time."""
        read = read_event(raw, arrival, origin)
        if isinstance(read, Rejected):
            return read
        return (await self.accept([raw], arrival, origins=[origin], receipts=True)).receipts[0]

    async def _accept(
        self,
        items: list[Any],
        arrival: Arrival,
        lane: Lane,
        origins: Sequence[Origin | None] | None,
        wanted: bool,  # noqa: FBT001  # beside its caller, which takes it by name
    ) -> Accepted:
        read = _Reading()
        places: Sequence[Place] | None = None
        try:
            if lane is Lane.LIVE:
                self._read(items, arrival, origins, read, 0, len(items))
            else:
                # An import's chunk is read in slices, so that live requests don't wait for it.
                for first in range(0, len(items), _SLICE_EVENTS):
                    self._read(items, arrival, origins, read, first, first + _SLICE_EVENTS)
                    await asyncio.sleep(0)
            if read.rejects:
                # First: if the events fail after it, a repeat doubles what is in quarantine, never what is in the log.
                await self._log.append(Stream.QUARANTINE, read.rejects, lane=lane)
            places = await self._log.append(Stream.EVENTS, read.records, lane=lane) if read.records else []
        finally:
            if read.stored is not None:
                for digest in read.digests:
                    del self._pending[digest]
                read.stored.set_result(places)
        found = [(index, event, digest, await _place_of(known)) for index, event, digest, known in read.duplicates]
        for _, _, digest, place in found:
            self._outcomes.duplicate(arrival.shop, digest, arrival.received_at, place)
        self._count(arrival, read)
        ends: dict[int, Position] = {}
        for partition, position in [*(places[-1:] if isinstance(places, Span) else places), *(f[3] for f in found)]:
            ends[partition] = max(ends.get(partition, position), position)
        receipts = await self._receipts(items, read, places, found) if wanted else []
        return Accepted(len(read.records), len(found), read.rejected, ends, receipts)

    def _read(
        self,
        items: list[Any],
        arrival: Arrival,
        origins: Sequence[Origin | None] | None,
        into: _Reading,
        first: int,
        beyond: int,
    ) -> None:
        """Read the items from the index ``first`` on and before ``beyond``."""
        shop, records = arrival.shop, into.records
        for index in range(first, min(beyond, len(items))):
            item = items[index]
            event = usual_event(item, arrival) if type(item) is msgspec.Raw else None
            if event is None:
                if type(item) is msgspec.Raw:
                    item = items[index] = read_item(item)
                event = self._read_unusual(index, item, arrival, origins[index] if origins is not None else None, into)
                if event is None:
                    continue
            visitor = event.uuid or event.customer_id or event.session_id or ""
            if event.event_id is not None:
                digest = event_digest(shop, visitor, event.event_id)
                known = self._pending.get(digest) or self._seen.find(digest, arrival.received_at)
                if known is not None:
                    into.warnings.pop(index, None)
                    into.duplicates.append((index, event, digest, known))
                    continue
                if into.stored is None:
                    into.stored = asyncio.get_running_loop().create_future()
                self._pending[digest] = _Pending(into.stored, len(records))
                into.digests.append(digest)
            into.events.append(index)
            records.append(Record(visitor, encode_event(event), event))

    def _read_unusual(self, index: int, item: Any, arrival: Arrival, origin: Origin | None, into: _Reading) -> Event | None:
        """The item's event, its warnings noted; ``None`` where it was rejected, and is among the rejects now."""
        unreadable = type(item) is Unreadable
        read = item.rejected if unreadable else read_event(item, arrival, origin)
        if isinstance(read, Rejected):
            into.rejected.append((index, read))
            into.rejects.append(quarantined(read, item.original if unreadable else item, arrival, origin))
            return None
        if read.warnings:
            into.warnings[index] = read.warnings
        return read.event

    async def _receipts(
        self,
        items: Sequence[Any],
        read: _Reading,
        places: Sequence[Place],
        found: Sequence[tuple[int, Event, bytes, Place]],
    ) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        for index, record, place in zip(read.events, read.records, places, strict=True):
            warnings = [warned.text for warned in read.warnings.get(index, ())]
            receipts[index] = Receipt("stored", record.decoded.event_id, place, None, warnings)
        for index, event, _, place in found:
            differences = await self._differences(event, place)
            receipts[index] = Receipt("duplicate", event.event_id, place, None, differences)
        for index, rejected in read.rejected:
            item = items[index]
            event_id = read_identifier(item.get("event_id")) if isinstance(item, dict) else None
            receipts[index] = Receipt("rejected", EventId(event_id) if isinstance(event_id, str) else None, rejection=rejected)
        return [receipts[index] for index in sorted(receipts)]

    async def _differences(self, event: Event, place: Place) -> list[str]:
        """A warning where a duplicate says something else than the event that was stored."""
        entries = await self._log.read(Stream.EVENTS, place[0], place[1], 1)
        if not entries or entries[0].position != place[1] or not entries[0].value:
            return []
        first = decode_event(entries[0].value)
        names = [
            wire_name
            for name, wire_name in zip(Event.__struct_fields__, Event.__struct_encode_fields__, strict=True)
            if name not in _NOT_COMPARED and getattr(first, name) != getattr(event, name)
        ]
        if not names:
            return []
        return [f"This event id was stored before with another {', '.join(names)}; what was stored first holds."]

    def _count(self, arrival: Arrival, read: _Reading) -> None:
        hour = arrival.received_at // HOUR_MS
        for outcome, events in (
            ("accepted", len(read.records)),
            ("duplicate", len(read.duplicates)),
            ("warning", len(read.warnings)),
        ):
            if events:
                self._outcomes.count(arrival.shop, hour, outcome, "", events)
        for warnings in read.warnings.values():
            for field in {warned.field for warned in warnings}:
                self._outcomes.count(arrival.shop, hour, "warning", field)
            if any(warned.placeholder and warned.field in IDENTITY_FIELDS for warned in warnings):
                self._outcomes.count(arrival.shop, hour, "placeholder-identity", "")
        for _, rejected in read.rejected:
            self._outcomes.count(arrival.shop, hour, "rejected", rejected.reason)


def _without_warnings(text: bytes, arrival: Arrival) -> Event | None:
    """The event in this JSON where it has nothing to be told about."""
    try:
        read = read_event(msgspec.json.decode(text), arrival)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return None if isinstance(read, Rejected) or read.warnings else read.event


async def _place_of(known: Place | _Pending) -> Place:
    """Where the event that this one duplicates is stored; waits until it is, and fails where it could not be."""
    if not isinstance(known, _Pending):
        return known
    places = await known.stored
    if places is None:
        raise LogUnavailableError
    return places[known.place_index]

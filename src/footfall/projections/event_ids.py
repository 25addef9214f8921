"""Event ids: which client-made ids were stored within the window, so that a repeat is a duplicate.

Kept as digests (``identifiers.event_digest``) in sorted runs, none of which spans two days of arrival (UTC), dropped whole: an
id is remembered for the days of the window and the rest of its own day.
"""

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Final

from rbloom import Bloom

from footfall.clock import DAY_MS, Milliseconds
from footfall.event import Event
from footfall.identifiers import Position, ShopId, event_digest, event_id_digest
from footfall.limits import EVENT_ID_DAYS, EVENT_ID_FILTER_BYTES_MAX, TAIL_EVENTS_MERGE, TIDY_STEPS
from footfall.log.port import Group, Stream
from footfall.projections.runs import SortedRuns
from footfall.projections.state import Reader, Step

Place = tuple[int, Position]

_WARM_UP_ROWS: Final = 2_000
"""Digests read at once: taking them apart holds Python's lock for half a millisecond."""
_ROW: Final = struct.Struct(">16sIQ")
"""Digest, partition, position. Stored on disk: do not change."""
_BEYOND: Final = b"\xff" * (_ROW.size + 1)
"""Behind a digest or its first half: greater than every row that begins with it."""
_FOUND_MAX: Final = 100
_FALSE_POSITIVES: Final = 0.005
_BITS_PER_DIGEST: Final = 12
"""More than that rate takes: 11.03 (Bloom: 1.44 log2(1/0.005))."""
_FIRST_CAPACITY: Final = 1 << 17
_GROWTH: Final = 8


class _DayFilter:
    """Which digests of one day may be known: Bloom filters, each larger than the one before (180 KB for the first 131,000
    digests, 1.4 MB for the next million, 11 MB for the next eight, …)."""

    __slots__ = ("capacity", "full", "parts", "room")

    def __init__(self) -> None:
        self.parts: list[Bloom] = []
        """The last of them is the one that is being filled, once there is one."""
        self.capacity = 0
        self.room = 0
        self.full = False
        """No memory was left for it, so it may hold everything."""


class _Filters:
    """Which digests may be known. Most event ids are new, and for those this spares a look into every run.

    After B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors" (1970).
    """

    def __init__(self) -> None:
        self._days: dict[int, _DayFilter] = {}
        self._bytes = 0

    def may_hold(self, digest: bytes, oldest: int) -> bool:
        """``False``: certainly never added on the days from ``oldest`` on. ``True``: probably added."""
        for number, day in self._days.items():
            if number >= oldest:
                if day.full:
                    return True
                for part in day.parts:
                    if digest in part:
                        return True
        return False

    def add(self, number: int, digest: bytes) -> None:
        """Add a digest to a day."""
        day = self._days.get(number)
        if day is None:
            day = self._days[number] = _DayFilter()
        if day.room == 0 and not day.full:
            day.capacity = day.room = day.capacity * _GROWTH or _FIRST_CAPACITY
            self._take(day, Bloom(day.capacity, _FALSE_POSITIVES), len(day.parts))
        if not day.full:
            day.room -= 1
            day.parts[-1].add(digest)

    def join(self, number: int, part: Bloom | None) -> None:
        """Take what another thread has filled for a day; ``None`` stands for what would not have fitted."""
        day = self._days.setdefault(number, _DayFilter())
        if part is None:
            day.full = True
        else:
            self._take(day, part, 0)

    def forget(self, oldest: int) -> None:
        """Let go of the days before ``oldest``."""
        for number in [number for number in self._days if number < oldest]:
            self._bytes -= sum(map(_bytes_of, self._days.pop(number).parts))

    def _take(self, day: _DayFilter, part: Bloom, index: int) -> None:
        if self._bytes + _bytes_of(part) > EVENT_ID_FILTER_BYTES_MAX:
            day.full = True
            return
        self._bytes += _bytes_of(part)
        day.parts.insert(index, part)


class EventIds:
    """The projection, and the questions it answers. ``days`` is the window."""

    name = "event_ids"
    version = 3
    stream = Stream.EVENTS

    def __init__(self, reader: Reader, *, days: int = EVENT_ID_DAYS) -> None:
        self._days = days
        self._active: dict[int, dict[bytes, Place]] = {}
        self._frozen: dict[int, dict[bytes, Place]] = {}
        self._latest_day = 0
        """The day on which the last event in log order came. Not the greatest day: a clock that once jumped ahead would have
        every later id forgotten at once."""
        self._runs = SortedRuns(reader, "event_ids")
        self.tables: Mapping[str, str] = self._runs.tables
        self._filters = _Filters()
        self._filters_complete = False

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.event_id is None:
                continue
            day = event.received_at // DAY_MS
            digest = event_digest(event.shop, event.uuid or event.customer_id or event.session_id or "", event.event_id)
            # The first holds: a log on a network may store a duplicate that a collector without a replica let in.
            self._active.setdefault(day, {}).setdefault(digest, (group.partition, position))
            self._filters.add(day, digest)
            self._latest_day = day

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Step]:
        for day, digests in sorted(self._frozen.items()):
            if day >= self._oldest_kept:
                rows = (_ROW.pack(digest, *place) for digest, place in digests.items())
                yield from self._runs.merge(rows, count=len(digests), label=day)
        yield from islice(self._runs.tidy(self._is_busy, forget=self._is_forgotten), TIDY_STEPS)

    def thaw(self) -> None:
        self._frozen = {}
        self._runs.load()
        self._filters.forget(self._oldest_kept)

    def _is_busy(self) -> bool:
        """Whether tidying up must wait: the next merge is near, or the filters are still being filled from the runs."""
        return (
            not self._filters_complete
            or sum(len(digests) for digests in list(self._active.values())) >= TAIL_EVENTS_MERGE // 2
        )

    def _is_forgotten(self, day: int) -> bool:
        return day < self._oldest_kept

    @property
    def _oldest_kept(self) -> int:
        return self._latest_day - self._days

    def find(self, digest: bytes, received_at: Milliseconds) -> Place | None:
        """Where the event with this digest is stored, if it came within the window before ``received_at``."""
        oldest = received_at // DAY_MS - self._days
        if self._filters_complete and not self._filters.may_hold(digest, oldest):
            return None
        for fresh in (self._frozen, self._active):
            for fresh_day, digests in fresh.items():
                if fresh_day >= oldest and digest in digests:
                    return digests[digest]
        places = map(_place, self._runs.find(digest, digest + _BEYOND, _FOUND_MAX, oldest=oldest))
        # The first holds.
        return min(places, key=lambda place: place[1], default=None)

    def places(self, shop: ShopId, event_id: str) -> list[Place]:
        """Where events with this id are stored, one for each visitor who sent it, by position."""
        half = event_id_digest(shop, event_id)
        found = {
            place
            for fresh in (self._active, self._frozen)
            for digests in fresh.values()
            for digest, place in digests.items()
            if digest.startswith(half)
        }
        found.update(map(_place, self._runs.find(half, half + _BEYOND, _FOUND_MAX)))
        return sorted(found, key=lambda place: place[1])

    def warm_up(self, reader: Reader, stopped: Callable[[], bool]) -> Mapping[int, Bloom | None]:
        """Filters of what the tables hold, by day; for a thread beside the event loop, with a reader of its own.

        ``None`` stands for a day with more than fits into memory. What is merged meanwhile comes by ``apply``, and no run is
        dropped before ``warmed_up``. Where it was ``stopped``, what it answers means nothing.
        """
        runs = self._runs.live
        rows: Counter[int] = Counter()
        for run in runs:
            rows[run.label] += run.rows
        found: dict[int, Bloom | None] = {}
        for day, count in rows.items():
            if count * _BITS_PER_DIGEST // 8 > EVENT_ID_FILTER_BYTES_MAX:
                found[day] = None
                continue
            found[day] = part = Bloom(max(count, _FIRST_CAPACITY), _FALSE_POSITIVES)
            for run in runs:
                if run.label == day:
                    part.update(chain.from_iterable(self._digests(reader, run.number, stopped)))
        return found

    def _digests(self, reader: Reader, run: int, stopped: Callable[[], bool]) -> Iterator[list[bytes]]:
        last = b""
        while not stopped():
            # As one text: each row by itself would mean letting go of Python's lock and waiting for it again.
            ((joined,),) = reader.rows(
                "SELECT coalesce(group_concat(hex(row), ''), '') FROM"
                " (SELECT row FROM event_ids WHERE run = ? AND row > ? ORDER BY row LIMIT ?)",
                (run, last, _WARM_UP_ROWS),
            )
            rows = bytes.fromhex(joined)
            yield [digest for digest, _, _ in _ROW.iter_unpack(rows)]
            if len(rows) < _WARM_UP_ROWS * _ROW.size:
                return
            last = rows[-_ROW.size :]

    def warmed_up(self, found: Mapping[int, Bloom | None]) -> None:
        """Trust the filters from now on, with what ``warm_up`` found; until then every look-up asks the runs."""
        for day, part in found.items():
            self._filters.join(day, part)
        self._filters_complete = True


def _place(row: bytes) -> Place:
    _, partition, position = _ROW.unpack(row)
    return partition, Position(position)


def _bytes_of(part: Bloom) -> int:
    return part.size_in_bits // 8

"""Event ids: which client-made ids were stored within the window, so that a repeat is a duplicate.

Kept as digests (``identifiers.event_digest``) in sorted runs, none of which spans two days of arrival (UTC), dropped whole: an
id is remembered for the days of the window and the rest of its own day.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from footfall.clock import DAY_MS, Milliseconds
from footfall.event import Event
from footfall.identifiers import Position, ShopId, event_digest, event_id_digest
from footfall.limits import EVENT_ID_DAYS, TAIL_EVENTS_MERGE, TIDY_STEPS
from footfall.log.port import Group, Stream
from footfall.projections.bloom import BloomFilter
from footfall.projections.runs import SortedRuns
from footfall.projections.state import Reader, Step

Place = tuple[int, Position]

_WARM_UP_ROWS: Final = 1_000
_HALF: Final = 8


class EventIds:
    """The projection, and the questions it answers. ``days`` is the window."""

    name = "event_ids"
    version = 2
    stream = Stream.EVENTS

    def __init__(self, reader: Reader, *, days: int = EVENT_ID_DAYS) -> None:
        self._reader = reader
        self._days = days
        self._active: dict[int, dict[bytes, Place]] = {}
        self._frozen: dict[int, dict[bytes, Place]] = {}
        self._latest_day = 0
        """The day on which the last event in log order came. Not the greatest day: a clock that once jumped ahead would have
        every later id forgotten at once."""
        self._runs = SortedRuns(
            reader,
            "event_ids",
            columns=(("digest", "BLOB NOT NULL"), ("part", "INTEGER NOT NULL"), ("position", "INTEGER NOT NULL")),
            order="digest",
            values="unhex(value->>0), value->>1, value->>2",
        )
        self.tables: Mapping[str, str] = self._runs.tables
        self._filter = BloomFilter()
        self._filter_complete = False

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.event_id is None:
                continue
            day = event.received_at // DAY_MS
            digest = event_digest(event.shop, event.uuid or event.customer_id or event.session_id or "", event.event_id)
            # The first holds: a log on a network may store a duplicate that a collector without a replica let in.
            self._active.setdefault(day, {}).setdefault(digest, (group.partition, position))
            self._filter.add(digest)
            self._latest_day = day

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Step]:
        for day, digests in sorted(self._frozen.items()):
            if day >= self._oldest_kept:
                rows = ((digest.hex(), *digests[digest]) for digest in _in_order(digests))
                yield from self._runs.merge(rows, count=len(digests), label=day)
        yield from islice(self._runs.tidy(self._is_busy, forget=self._is_forgotten), TIDY_STEPS)

    def thaw(self) -> None:
        self._frozen = {}
        self._runs.load()

    def _is_busy(self) -> bool:
        """Whether tidying up must wait: the next merge is near, or the filter is still being filled from the runs."""
        return (
            not self._filter_complete or sum(len(digests) for digests in list(self._active.values())) >= TAIL_EVENTS_MERGE // 2
        )

    def _is_forgotten(self, day: int) -> bool:
        return day < self._oldest_kept

    @property
    def _oldest_kept(self) -> int:
        return self._latest_day - self._days

    def find(self, digest: bytes, received_at: Milliseconds) -> Place | None:
        """Where the event with this digest is stored, if it came within the window before ``received_at``."""
        if self._filter_complete and digest not in self._filter:
            return None
        day = received_at // DAY_MS
        oldest = day - self._days
        for fresh in (self._frozen, self._active):
            for fresh_day, digests in fresh.items():
                if fresh_day >= oldest and digest in digests:
                    return digests[digest]
        rows = self._in_runs("digest = ?", (digest,), oldest=oldest)
        return (int(rows[0][0]), Position(int(rows[0][1]))) if rows else None

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
        rows = self._in_runs("digest BETWEEN ? AND ?", (half + bytes(_HALF), half + b"\xff" * _HALF))
        found.update((int(part), Position(int(position))) for part, position in rows)
        return sorted(found, key=lambda place: place[1])

    def warm_up(self) -> Iterator[None]:
        """Fill the filter from the tables, a slice at each step; until it is through, every look-up asks the runs."""
        # What is merged from here on comes by ``apply``; no run is dropped before this is through.
        for run in self._runs.live:
            last = b""
            while True:
                rows = self._reader.rows(
                    "SELECT digest FROM event_ids WHERE run = ? AND digest > ? ORDER BY digest LIMIT ?",
                    (run.number, last, _WARM_UP_ROWS),
                )
                self._filter.update(row[0] for row in rows)
                if len(rows) < _WARM_UP_ROWS:
                    break
                last = rows[-1][0]
                yield
        self._filter_complete = True

    def _in_runs(self, condition: str, parameters: tuple[object, ...], *, oldest: int = 0) -> list[tuple[Any, ...]]:
        """The places in the runs of the days from ``oldest`` on, by position: the first holds."""
        numbers = ", ".join(str(run.number) for run in self._runs.live if run.label >= oldest)
        sql = f"SELECT part, position FROM event_ids WHERE run IN ({numbers}) AND {condition} ORDER BY position LIMIT 100"
        return self._reader.rows(sql, parameters)


def _in_order(digests: Mapping[bytes, Place]) -> Iterator[bytes]:
    """Digests in order, sorted in 256 parts by their first byte: no sort holds Python's lock for long."""
    parts: list[list[bytes]] = [[] for _ in range(256)]
    for digest in digests:
        parts[digest[0]].append(digest)
    for part in parts:
        yield from sorted(part)

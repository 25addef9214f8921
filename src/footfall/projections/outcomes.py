"""Outcomes: how many events were accepted, duplicate, rejected or stored with a warning, by shop, hour and reason; and which
were duplicates.

Operational figures: kept, not rebuilt. A crash may lose the last few seconds of them.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from footfall.clock import Milliseconds
from footfall.identifiers import Position, ShopId, event_id_digest
from footfall.limits import DUPLICATES_KEPT_MAX
from footfall.log.port import Group, Stream
from footfall.projections.state import Reader, Slice

_ADD = (
    "INSERT INTO outcomes SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET events = events + excluded.events"
)
_ADD_DUPLICATES = (
    "INSERT INTO duplicates (digest, received_at, part, position)"
    " SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)"
)
_TRIM_DUPLICATES = f"DELETE FROM duplicates WHERE number <= (SELECT max(number) FROM duplicates) - {DUPLICATES_KEPT_MAX}"
_HALF_HEX = 16
_EVER = 2**62

_Key = tuple[int, int, str, str]


class Duplicate(NamedTuple):
    """One delivery of an event that was stored before. ``digest`` (hex) is the first half of the event's."""

    digest: str
    received_at: Milliseconds
    part: int
    position: Position


class Outcomes:
    """The counters, and the duplicates seen last. Each may count the same delivery only once, so groups play no part."""

    name = "outcomes"
    version = 1
    stream: Stream | None = None
    tables: Mapping[str, str] = {
        "outcomes": "CREATE TABLE outcomes (shop INTEGER NOT NULL, hour INTEGER NOT NULL, outcome TEXT NOT NULL,"
        " reason TEXT NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (shop, hour, outcome, reason))"
        " STRICT, WITHOUT ROWID",
        "duplicates": "CREATE TABLE duplicates (number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL,"
        " received_at INTEGER NOT NULL, part INTEGER NOT NULL, position INTEGER NOT NULL) STRICT",
        "duplicates_by_digest": "CREATE INDEX IF NOT EXISTS duplicates_by_digest ON duplicates (digest)",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[_Key, int] = {}
        self._frozen: dict[_Key, int] = {}
        self._duplicates: deque[Duplicate] = deque(maxlen=DUPLICATES_KEPT_MAX)
        self._duplicates_frozen: deque[Duplicate] = deque()

    def count(self, shop: ShopId, hour: int, outcome: str, reason: str, events: int = 1) -> None:
        """Add to a counter; ``hour`` is in hours since the epoch."""
        key = (shop, hour, outcome, reason)
        self._active[key] = self._active.get(key, 0) + events

    def duplicate(self, shop: ShopId, digest: bytes, received_at: Milliseconds, place: tuple[int, Position]) -> None:
        """Remember one delivery of an event that was stored before, at ``place``."""
        self._duplicates.append(Duplicate(digest.hex()[:_HALF_HEX], received_at, *place))

    def apply(self, group: Group) -> None:
        """Counters don't follow the log."""

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        self._duplicates_frozen, self._duplicates = self._duplicates, deque(maxlen=DUPLICATES_KEPT_MAX)
        return bool(self._frozen or self._duplicates_frozen)

    def slices(self) -> Iterator[Slice]:
        while self._frozen:
            keys = list(self._frozen)[:500]
            yield Slice(_ADD, msgspec.json.encode([(*key, self._frozen[key]) for key in keys]))
            # Reached once the slice is in the table: a merge that is tried again must not add it twice.
            for key in keys:
                del self._frozen[key]
        while self._duplicates_frozen:
            rows = [self._duplicates_frozen[index] for index in range(min(500, len(self._duplicates_frozen)))]
            yield Slice(_ADD_DUPLICATES, msgspec.json.encode(rows))
            for _ in rows:
                self._duplicates_frozen.popleft()
            yield Slice(_TRIM_DUPLICATES)

    def thaw(self) -> None:
        self._frozen = {}
        self._duplicates_frozen = deque()

    def deliveries(self, shop: ShopId, event_id: str) -> list[Duplicate]:
        """The later deliveries of events with this id, oldest first, at most 100."""
        digest = event_id_digest(shop, event_id).hex()
        rows = self._reader.rows(
            "SELECT digest, received_at, part, position FROM duplicates WHERE digest = ? ORDER BY number LIMIT 100",
            (digest,),
        )
        fresh = [d for kept in (list(self._duplicates_frozen), self._duplicates) for d in kept if d.digest == digest]
        return ([Duplicate(*row) for row in rows] + fresh)[:100]

    def totals(self, shop: ShopId) -> dict[str, int]:
        """All that happened to a shop's events: outcome, or ``outcome:reason``, → events, by name.

        ``warning`` are events that were stored without something they held, ``warning:url`` those without their ``url``;
        ``placeholder-identity`` those of them in which a field that says who somebody is held a placeholder.
        """
        return self.between(shop, 0, _EVER)

    def between(self, shop: ShopId, first_hour: int, end_hour: int) -> dict[str, int]:
        """``totals`` of what came in from ``first_hour`` on and before ``end_hour``, in hours since the epoch."""
        rows = self._reader.rows(
            "SELECT outcome, reason, sum(events) FROM outcomes WHERE shop = ? AND hour >= ? AND hour < ?"
            " GROUP BY outcome, reason",
            (shop, first_hour, end_hour),
        )
        counted = [(str(outcome), str(reason), int(events)) for outcome, reason, events in rows]
        for fresh in (self._frozen, self._active):
            for (of, hour, outcome, reason), events in fresh.items():
                if of == shop and first_hour <= hour < end_hour:
                    counted.append((outcome, reason, events))
        found: dict[str, int] = {}
        for outcome, reason, events in counted:
            name = f"{outcome}:{reason}" if reason else outcome
            found[name] = found.get(name, 0) + events
        return dict(sorted(found.items()))

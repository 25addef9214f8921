"""Identity: which customer was named on which uuid, in log order, and so who owns an event.

An event's owner: the customer it names; else the customer last named on its uuid before it in the log, unless the event's own
time is earlier than the event that began that customer's stretch (then nobody); else the first customer named on the uuid
later; else nobody. Only changes of customer are kept; a stretch lasts from one to the next.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Position, ShopId, Uuid
from footfall.limits import HISTORY_VISITORS_READ_MAX, STRETCHES_READ_MAX, TRAILS_CACHE_MAX
from footfall.log.port import Group, Stream
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

# A row that names the same customer as the row before it says nothing new. Inside memory such rows are not made; between
# memory and table they are sorted out here, in SQLite, so that taking in an event never has to read. Only the first row of
# a trail (its last value is 1) is compared: the statement does not see the rows that it inserts itself.
_MERGE_NAMINGS: Final = (
    "INSERT OR IGNORE INTO namings (shop, trail, position, customer, time)"
    " SELECT value->>0 AS s, value->>1 AS t, value->>2 AS p, value->>3 AS c, value->>4 FROM json_each(?)"
    " WHERE value->>5 = 0 OR c IS NOT (SELECT customer FROM namings WHERE shop = s AND trail = t AND position < p"
    " ORDER BY position DESC LIMIT 1)"
)
_MERGE_TRAILS: Final = (
    "INSERT INTO customer_trails (shop, customer, trail, position)"
    " SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET position = max(position, excluded.position)"
)
_READ_NAMINGS: Final = (
    "SELECT position, customer, time FROM namings WHERE shop = ? AND trail = ? ORDER BY position DESC LIMIT ?"
)
_READ_TRAILS: Final = (
    "SELECT trail, position FROM customer_trails WHERE shop = ? AND customer = ? ORDER BY position DESC, trail LIMIT ?"
)


class Naming(NamedTuple):
    """An event that named another customer than the one before it on its uuid: the beginning of a stretch."""

    position: Position
    customer: CustomerId
    time: Milliseconds


class Stretches:
    """The stretches of one uuid, in log order."""

    __slots__ = ("_namings", "_positions")

    def __init__(self, namings: Sequence[Naming]) -> None:
        self._namings = namings
        self._positions = [naming.position for naming in namings]

    @property
    def last_named(self) -> CustomerId | None:
        """The customer last named on this uuid."""
        return self._namings[-1].customer if self._namings else None

    def owner(self, position: Position, time: Milliseconds, named: CustomerId | None) -> CustomerId | None:
        """Who owns the event at ``position`` with its own ``time``, where ``named`` is the customer it names itself."""
        if named is not None or not self._namings:
            return named
        before = bisect_left(self._positions, position)
        if before == 0:
            return self._namings[0].customer
        naming = self._namings[before - 1]
        return naming.customer if time >= naming.time else None

    def owner_at(self, time: Milliseconds) -> CustomerId | None:
        """Who owns what was done at ``time`` and is no event, such as an order: the customer last named before it, else
        the one named first."""
        before = [naming for naming in self._namings if naming.time <= time]
        if before:
            return max(before, key=lambda naming: (naming.time, naming.position)).customer
        return self._namings[0].customer if self._namings else None


_UNNAMED: Final = Stretches([])


class Identity:
    """The projection, and the questions it answers."""

    name = "identity"
    version = 2
    stream = Stream.EVENTS
    tables: Mapping[str, str] = {
        "namings": "CREATE TABLE namings (shop INTEGER NOT NULL, trail TEXT NOT NULL, position INTEGER NOT NULL,"
        " customer TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (shop, trail, position)) STRICT, WITHOUT ROWID",
        "customer_trails": "CREATE TABLE customer_trails (shop INTEGER NOT NULL, customer TEXT NOT NULL,"
        " trail TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (shop, customer, trail)) STRICT, WITHOUT ROWID",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[tuple[int, str], list[Naming]] = {}
        self._frozen: dict[tuple[int, str], list[Naming]] = {}
        self._active_trails: dict[tuple[int, str], dict[str, Position]] = {}
        self._frozen_trails: dict[tuple[int, str], dict[str, Position]] = {}
        self._unnamed: set[tuple[int, str]] = set()
        """Trails on which nobody was named, for as long as nobody is: a visitor asks with each page, and most stay unnamed."""

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.customer_id is None or event.uuid is None:
                continue
            trail = trail_of_uuid(event.uuid)
            key = (event.shop, trail)
            self._unnamed.discard(key)
            namings = self._active.get(key)
            if namings is None:
                self._active[key] = [Naming(position, event.customer_id, event.time)]
            elif namings[-1].customer != event.customer_id and namings[-1].position < position:
                namings.append(Naming(position, event.customer_id, event.time))
            # With every event, not only with a change: where a merge fell must not show in which trails are the latest.
            self._active_trails.setdefault((event.shop, event.customer_id), {})[trail] = position

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        self._frozen_trails, self._active_trails = self._active_trails, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        frozen, trails = self._frozen, self._frozen_trails
        yield from sliced(
            _MERGE_NAMINGS,
            ((*key, *naming, int(number == 0)) for key in in_key_order(frozen) for number, naming in enumerate(frozen[key])),
        )
        yield from sliced(
            _MERGE_TRAILS, ((*key, *trail) for key in in_key_order(trails) for trail in sorted(trails[key].items()))
        )

    def thaw(self) -> None:
        self._frozen = {}
        self._frozen_trails = {}

    def stretches(self, shop: ShopId, trail: str) -> Stretches:
        """The stretches of a trail, in log order; of very many, the latest."""
        key = (int(shop), trail)
        if key in self._unnamed:
            return _UNNAMED
        read = self._stretches(key)
        if read is _UNNAMED:
            if len(self._unnamed) >= TRAILS_CACHE_MAX:
                self._unnamed.clear()
            self._unnamed.add(key)
        return read

    def _stretches(self, key: tuple[int, str]) -> Stretches:
        shop, trail = key
        stored = self._reader.rows(_READ_NAMINGS, (shop, trail, STRETCHES_READ_MAX))
        namings: list[Naming] = []
        rows = [Naming(*row) for row in reversed(stored)]
        for naming in rows + self._frozen.get(key, []) + self._active.get(key, []):
            # Memory may repeat what the table says; positions only grow.
            if not namings or (naming.position > namings[-1].position and naming.customer != namings[-1].customer):
                namings.append(naming)
        return Stretches(namings) if namings else _UNNAMED

    def trails(self, shop: ShopId, customer: CustomerId) -> list[str]:
        """The trails of uuids on which this customer was named, latest first, at most ``HISTORY_VISITORS_READ_MAX``."""
        key = (int(shop), str(customer))
        stored = self._reader.rows(_READ_TRAILS, (shop, customer, HISTORY_VISITORS_READ_MAX))
        positions: dict[str, int] = dict(stored)
        for fresh in (self._frozen_trails, self._active_trails):
            for trail, position in fresh.get(key, {}).items():
                positions[trail] = max(position, positions.get(trail, 0))
        return sorted(positions, key=lambda trail: (-positions[trail], trail))[:HISTORY_VISITORS_READ_MAX]


def trail_of(event: Event) -> str | None:
    """Where the history keeps an event; ``None`` for one in nobody's history."""
    if event.uuid is not None:
        return "u:" + event.uuid
    return "c:" + event.customer_id if event.customer_id is not None else None


def trail_of_uuid(uuid: Uuid) -> str:
    return "u:" + uuid


def trail_of_customer(customer: CustomerId) -> str:
    return "c:" + customer

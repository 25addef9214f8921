"""Counters: how often each product was viewed and added, by day, and how many visitors viewed it, by hour.

Numbers of a day are added up, so a merge brings its rows and its position into the tables in one transaction, and one that is
repeated changes nothing. Visitors of an hour are estimated by linear counting (Whang, Vander-Zanden and Taylor, 1990) over
bitmaps: a visitor who hammers reload sets the same bit, whatever is lost or repeated. Each further level holds an eighth of
the visitors (multiresolution bitmaps: Estan, Varghese and Fisk, 2003), so that an hour may have millions.
Up to ten visitors the estimate is off by one at most nearly always; beyond that its standard error is 10 to 20 %.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol
from zlib import crc32

import apsw
import msgspec

from footfall.clock import DAY_MS, HOUR_MS
from footfall.event import Event
from footfall.identifiers import Position, ProductReference, ShopId, product_reference
from footfall.limits import RANKING_DAYS_MAX, TREND_HOURS
from footfall.log.port import Group, Stream
from footfall.projections.rows import sliced
from footfall.projections.state import Reader, Step

BITS: Final = 63
"""Bits of a bitmap: what a whole number of SQLite holds. Stored on disk: do not change."""
BITS_FULL: Final = 60
"""A bitmap with more bits than this set tells too little; the next level is asked."""
LEVELS: Final = 7
LEVEL_FACTOR: Final = 8
_FIRST_LEVEL: Final = [((0, 1 << place),) for place in range(BITS)]

_MERGE_DAYS: Final = (
    "INSERT INTO product_days SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET views = views + excluded.views, adds = adds + excluded.adds"
)
_MERGE_HOURS: Final = (
    "INSERT INTO product_hours SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET bits = bits | excluded.bits"
)
_FOLD_DAYS: Final = (
    "INSERT INTO product_days SELECT shop, -1, reference, sum(views), sum(adds) FROM product_days"
    " WHERE shop IN (SELECT value FROM json_each(?)) AND day >= 0 AND day < ? GROUP BY shop, reference"
    " ON CONFLICT DO UPDATE SET views = views + excluded.views, adds = adds + excluded.adds"
)
"""Days beyond any window become one, day -1, so that a product is never without a past."""
_TRIM_DAYS: Final = "DELETE FROM product_days WHERE shop IN (SELECT value FROM json_each(?)) AND day >= 0 AND day < ?"
_TRIM_HOURS: Final = "DELETE FROM product_hours WHERE shop IN (SELECT value FROM json_each(?)) AND hour < ?"

Numbers = dict[ProductReference, int]


class Watcher(Protocol):
    """What is told of each count, besides."""

    def viewed(self, reference: ProductReference, day: int) -> None:
        """One more view."""

    def added(self, reference: ProductReference, day: int) -> None:
        """One more add to a cart."""

    def seen(self, reference: ProductReference, hour: int, level: int, bit: int) -> None:
        """A visitor's bit (``1 << n``) in an hour."""


class Counts:
    """What has been counted since a merge, and up to where."""

    __slots__ = ("days", "ends", "hours", "newest")

    def __init__(self) -> None:
        self.days: dict[tuple[int, int], tuple[Numbers, Numbers]] = {}
        """(Shop, day since the epoch, UTC) → views and adds."""
        self.hours: dict[tuple[int, int], list[Numbers]] = {}
        """(Shop, hour since the epoch) → bitmaps of visitors, by level."""
        self.ends: dict[int, Position] = {}
        self.newest = 0
        """When the latest event arrived, milliseconds."""

    def of_hour(self, shop: int, hour: int) -> tuple[Numbers, Numbers, list[Numbers]]:
        """Views and adds of its day, and its bitmaps."""
        views, adds = self.days.setdefault((shop, hour // 24), ({}, {}))
        return views, adds, self.hours.setdefault((shop, hour), [{} for _ in range(LEVELS)])


def marks(visitor: str) -> Sequence[tuple[int, int]]:
    """The (level, bit) that a visitor sets in an hour of a product. Stored on disk: do not change."""
    number, place = divmod(crc32(visitor.encode("utf-8", "replace")), BITS)
    if number % LEVEL_FACTOR:
        # Of seven visitors in eight that is all.
        return _FIRST_LEVEL[place]
    found = [(0, 1 << place)]
    while len(found) < LEVELS and number % LEVEL_FACTOR == 0:
        found.append((len(found), 1 << place))
        number //= LEVEL_FACTOR
    return found


def visitors(bits: Mapping[int, int]) -> float:
    """About how many visitors set these bitmaps, by level: linear counting on the first that isn't full."""
    for level in range(LEVELS):
        ones = bits.get(level, 0).bit_count()
        if ones <= BITS_FULL or level == LEVELS - 1:
            return float(LEVEL_FACTOR**level * -BITS * math.log(1 - min(ones, BITS_FULL) / BITS))
    raise AssertionError


class Counters:
    """The projection. Rankings read its tables, and watch what comes after."""

    name = "counters"
    version = 1
    stream = Stream.EVENTS
    tables: Mapping[str, str] = {
        "product_days": "CREATE TABLE product_days (shop INTEGER NOT NULL, day INTEGER NOT NULL, reference TEXT NOT NULL,"
        " views INTEGER NOT NULL, adds INTEGER NOT NULL, PRIMARY KEY (shop, day, reference)) STRICT, WITHOUT ROWID",
        "product_hours": "CREATE TABLE product_hours (shop INTEGER NOT NULL, hour INTEGER NOT NULL, reference TEXT NOT NULL,"
        " level INTEGER NOT NULL, bits INTEGER NOT NULL, PRIMARY KEY (shop, hour, reference, level)) STRICT, WITHOUT ROWID",
        "counted": "CREATE TABLE counted (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ends: dict[int, Position] = {}
        self._active = Counts()
        self._frozen: Counts | None = None
        self.watchers: dict[ShopId, list[Watcher]] = {}

    def apply(self, group: Group) -> None:
        done = self._ends.get(group.partition, 0)
        active = self._active
        # Most events of a group are of one shop and hour, so that what they add to is looked up once.
        shop, hour = ShopId(-1), -1
        views: Numbers = {}
        adds: Numbers = {}
        bitmaps: list[Numbers] = []
        watchers: list[Watcher] | None = None
        for position, record in zip(group.positions, group.records, strict=True):
            # Said again after a crash, or by a group that comes twice.
            if position <= done:
                continue
            event: Event = record.decoded
            verb = event.verb
            if (verb != "viewed" and verb != "added") or event.noun != "product" or event.subject != "user":
                continue
            if event.flags is not None and not _LEFT_OUT.isdisjoint(event.flags):
                continue
            reference = product_reference(event.product_id, event.product_handle, event.variant_id)
            if reference is None:
                continue
            time = event.time
            if time // HOUR_MS != hour or event.shop != shop:
                shop, hour = event.shop, time // HOUR_MS
                views, adds, bitmaps = active.of_hour(shop, hour)
                watchers = self.watchers.get(shop)
                active.newest = max(active.newest, event.received_at)
            if verb == "added":
                adds[reference] = adds.get(reference, 0) + 1
                for watcher in watchers or ():
                    watcher.added(reference, hour // 24)
                continue
            views[reference] = views.get(reference, 0) + 1
            for watcher in watchers or ():
                watcher.viewed(reference, hour // 24)
            visitor = event.uuid or event.customer_id
            if visitor is not None and event.received_at - time < _HORIZON_MS:
                for level, bit in marks(visitor):
                    bitmap = bitmaps[level]
                    bitmap[reference] = bitmap.get(reference, 0) | bit
                    for watcher in watchers or ():
                        watcher.seen(reference, hour, level, bit)
        if group.positions[-1] > done:
            self._ends[group.partition] = active.ends[group.partition] = group.positions[-1]

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, Counts()
        return bool(self._frozen.ends)

    def slices(self) -> Iterator[Step]:
        frozen = self._frozen
        if frozen is not None and frozen.ends:
            yield lambda connection: _merge(connection, frozen)

    def thaw(self) -> None:
        self._frozen = None
        if not self._ends:
            self._ends = self.merged(self._reader)

    def merged(self, reader: Reader) -> dict[int, Position]:
        """Up to where the tables have counted, by partition, as this reader sees them."""
        return {int(partition): Position(position) for partition, position in reader.rows("SELECT * FROM counted")}

    def is_waiting(self, shop: ShopId, *, before: int) -> bool:
        """Whether visitors of an hour before this one are in memory only."""
        tails = (self._frozen, self._active)
        return any(of == shop and hour < before for tail in tails if tail is not None for of, hour in tail.hours)

    def fresh(self, reader: Reader) -> list[Counts]:
        """What is in memory and not in the tables, as this reader sees them."""
        merged = self.merged(reader)
        tails = (self._frozen, self._active)
        return [tail for tail in tails if tail is not None and not _is_covered(tail.ends, merged)]


_HORIZON_MS: Final = TREND_HOURS * HOUR_MS
_LEFT_OUT: Final = frozenset({"bot", "test"})


def _is_covered(ends: Mapping[int, Position], merged: Mapping[int, Position]) -> bool:
    return all(position <= merged.get(partition, 0) for partition, position in ends.items())


def _merge(connection: apsw.Connection, counts: Counts) -> None:
    """Add up and save the position, in one transaction; nothing where that was done."""
    merged = {int(partition): Position(position) for partition, position in connection.execute("SELECT * FROM counted")}
    if _is_covered(counts.ends, merged):
        return
    shops = msgspec.json.encode(list({shop for shop, _ in counts.days})).decode()
    with connection:
        for piece in sliced(_MERGE_DAYS, _rows_of_days(counts)):
            connection.execute(piece.sql, piece.parameters)
        for piece in sliced(_MERGE_HOURS, _rows_of_hours(counts)):
            connection.execute(piece.sql, piece.parameters)
        # What no ranking tells apart any more, by the time of the stream itself.
        for statement in (_FOLD_DAYS, _TRIM_DAYS):
            connection.execute(statement, (shops, counts.newest // DAY_MS - RANKING_DAYS_MAX))
        connection.execute(_TRIM_HOURS, (shops, counts.newest // HOUR_MS - TREND_HOURS))
        connection.executemany("INSERT OR REPLACE INTO counted VALUES (?, ?)", list(counts.ends.items()))


def _rows_of_days(counts: Counts) -> Iterator[tuple[int, int, ProductReference, int, int]]:
    for day, (views, adds) in counts.days.items():
        for reference, number in views.items():
            yield (*day, reference, number, adds.get(reference, 0))
        for reference, number in adds.items():
            if reference not in views:
                yield (*day, reference, 0, number)


def _rows_of_hours(counts: Counts) -> Iterator[tuple[int, int, ProductReference, int, int]]:
    for hour, bitmaps in counts.hours.items():
        for level, bitmap in enumerate(bitmaps):
            for reference, bits in bitmap.items():
                yield (*hour, reference, level, bits)

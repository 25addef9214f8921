"""Top sellers of one shop in memory: units, adds and views of each product within a window of days.

Read once from the tables, then kept by what is counted and ordered; put in order when somebody asks.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from footfall.clock import DAY_MS, HOUR_MS, Milliseconds
from footfall.identifiers import ProductReference, ShopId
from footfall.limits import RANKING_PRODUCTS_MAX, RANKING_TOUCHED_MAX
from footfall.projections.counters import Counts
from footfall.projections.orders import Sold
from footfall.projections.slots import Slots
from footfall.projections.state import Reader

_UNITS, _ADDS, _VIEWS, _EARLIER = range(4)
_READ_COUNTS: Final = (
    "SELECT reference, sum(views) FILTER (WHERE day >= ?2), sum(adds) FILTER (WHERE day >= ?2),"
    " sum(views + adds) FILTER (WHERE day < ?2) FROM product_days WHERE shop = ?1 AND day < ?3 GROUP BY reference"
    # Where there are more products than have room, those that are seen most have it.
    f" ORDER BY sum(views + adds) DESC LIMIT {RANKING_PRODUCTS_MAX}"
)
_READ_ORDERS: Final = (
    "SELECT line.value->>0, sum(line.value->>1) FROM orders, json_each(orders.lines) AS line"
    " WHERE shop = ? AND time >= ? AND time < ? AND order_id NOT IN (SELECT value FROM json_each(?)) GROUP BY 1"
)
_READ_PURCHASES: Final = (
    "SELECT reference, sum(units) FROM purchases WHERE shop = ? AND verified IN (1, ?) AND time >= ? AND time < ?"
    " AND order_id NOT IN (SELECT value FROM json_each(?))"
    " AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.shop = purchases.shop AND orders.order_id = purchases.order_id)"
    " AND NOT EXISTS (SELECT 1 FROM order_names WHERE order_names.shop = purchases.shop AND name = purchases.order_id)"
    " GROUP BY reference"
)
_CLIPPED: Final = 2**15 - 1
"""What is beyond this is told apart only within the head: four numbers share one of 63 bits while it is looked for."""

Sales = Callable[[str], Iterable[Sold]]
"""What an order, by its id, counts with now."""
Flags = npt.NDArray[np.bool_]
Row = tuple[ProductReference, int, float]
"""A product, which of its numbers, and what is added to it."""


class Selling:
    """The ranking: by units, then by adds, then by views, then by what was viewed and added before.

    ``facts``: orders and verified purchases count, and no claims."""

    def __init__(self, shop: ShopId, *, day: int, days: int, facts: bool, sales: Sales, fresh: Iterable[str]) -> None:
        """``day`` (since the epoch, UTC) is the last one of the window. ``fresh`` names orders of which something is in memory
        only: they are left out of what is read, and count as ``sales`` says."""
        self._shop = shop
        self.facts = facts
        self._first_day, self._last_day = day - days + 1, day
        self._sales = sales
        self._slots = Slots(4)
        self._touched: dict[str, dict[ProductReference, int]] = {order_id: {} for order_id in fresh}
        self._left_out = msgspec.json.encode(list(self._touched)).decode()

    def __len__(self) -> int:
        return len(self._slots)

    def stale_hours(self, now: Milliseconds) -> int:
        """For how many hours its window has not been the one that is asked for."""
        return max(0, (now - (self._last_day + 1) * DAY_MS) // HOUR_MS + 1)

    def viewed(self, reference: ProductReference, day: int) -> None:
        self._count(reference, day, _VIEWS, 1)

    def added(self, reference: ProductReference, day: int) -> None:
        self._count(reference, day, _ADDS, 1)

    def seen(self, reference: ProductReference, hour: int, level: int, bit: int) -> None:
        """Nothing: here views count, whoever viewed."""

    def touch(self, order_id: str) -> None:
        """Called before what is known of an order changes."""
        if len(self._touched) >= RANKING_TOUCHED_MAX:
            # Also where nobody asks for long: what waits has a bound.
            self._settle()
        if order_id not in self._touched:
            self._touched[order_id] = self._units(order_id)

    def take(self, counts: Counts) -> None:
        """What has been counted and is in memory only, of all shops."""
        for (shop, day), numbers in counts.days.items():
            if shop == self._shop:
                for row, of_row in zip((_VIEWS, _ADDS), numbers, strict=True):
                    for reference, number in of_row.items():
                        self._count(reference, day, row, number)

    def read(self, reader: Reader) -> list[Row]:
        """What the tables hold; may run on a thread of its own."""
        start, stop = self._first_day * DAY_MS, (self._last_day + 1) * DAY_MS
        rows: list[Row] = []
        sold = reader.rows(_READ_ORDERS, (self._shop, start, stop, self._left_out))
        sold += reader.rows(_READ_PURCHASES, (self._shop, int(self.facts), start, stop, self._left_out))
        # What sells first: it has room before what is only seen.
        rows += ((reference, _UNITS, units) for reference, units in sold)
        for reference, *numbers in reader.rows(_READ_COUNTS, (self._shop, self._first_day, self._last_day + 1)):
            rows += (
                (reference, row, number)
                for row, number in zip((_VIEWS, _ADDS, _EARLIER), numbers, strict=True)
                if number is not None
            )
        return rows

    def put(self, rows: Iterable[Row]) -> None:
        """Add what was read."""
        for reference, row, number in rows:
            self._slots.add(reference, row, int(number))

    @property
    def names(self) -> Sequence[ProductReference]:
        """Its products, each in its place."""
        self._settle()
        return self._slots.names

    def head(self, count: int, among: Flags) -> list[tuple[ProductReference, tuple[float, ...]]]:
        """At least the first ``count`` of these, in some order, each with (units, adds, views, earlier)."""
        numbers = self._slots.whole
        chosen = np.flatnonzero(among)
        if len(chosen) > count:
            units, adds, views, earlier = np.clip(numbers[:, chosen], 0, _CLIPPED)
            packed = (units << 45) + (adds << 30) + (views << 15) + earlier
            chosen = chosen[np.argpartition(-packed, count)[:count]]
        names = self._slots.names
        told = ((names[place], tuple(numbers[:, place].tolist())) for place in chosen.tolist())
        # Of what was bought once and taken back, nothing is left to rank it by.
        return [(name, of_name) for name, of_name in told if any(of_name)]

    def order(self, among: Flags) -> Iterable[int]:
        """The places of these, the best first."""
        chosen = np.flatnonzero(among)
        units, adds, views, earlier = -self._slots.whole[:, chosen]
        return (int(chosen[n]) for n in np.lexsort((earlier, views, adds, units)))

    def numbers(self, reference: ProductReference) -> tuple[float, ...]:
        """The numbers of one product, under this name alone."""
        return tuple(self._slots.of(reference))

    def rank(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        """What to sort by, smallest first."""
        return tuple(-number for number in numbers)

    def reason(self, numbers: tuple[float, ...]) -> dict[str, float]:
        """Why a product stands where it does."""
        return {"units": numbers[_UNITS], "adds": numbers[_ADDS], "views": numbers[_VIEWS], "earlier": numbers[_EARLIER]}

    def _count(self, reference: ProductReference, day: int, row: int, number: int) -> None:
        if day <= self._last_day:
            self._slots.add(reference, row if day >= self._first_day else _EARLIER, number)

    def _settle(self) -> None:
        """Bring in what orders have changed."""
        touched, self._touched = self._touched, {}
        for order_id, before in touched.items():
            after = self._units(order_id)
            for reference in before.keys() | after.keys():
                difference = after.get(reference, 0) - before.get(reference, 0)
                if difference:
                    self._slots.add(reference, _UNITS, difference)

    def _units(self, order_id: str) -> dict[ProductReference, int]:
        units: dict[ProductReference, int] = {}
        for sold in self._sales(order_id):
            if self._first_day * DAY_MS <= sold.time < (self._last_day + 1) * DAY_MS:
                for reference, number in sold.lines:
                    units[reference] = units.get(reference, 0) + number
        return units

"""Trending products of one shop in memory: how many visitors see each product now, and how many used to.

Formula: with ``c(i, h)`` the visitors of product ``i`` in hour ``h``, and ``H`` the hour that it is now,

    recent(i) = Σ_h c(i, h) · 2^(−(H − h) / 6)          usual(i) = Σ_h c(i, h) · 2^(−(H − h) / 72)
    expected(i) = usual(i) · Σ recent / Σ usual          score(i) = (recent(i) − expected(i)) / √(expected(i) + 1)

over the last eight days. Both are exponentially decayed counts; ``expected`` is the product's own past at the pace that the
whole shop has now, so that a morning makes nothing rise. ``score`` is the Pearson residual of a count, with the bias of
SigniTrend (Schubert, Weiler and Kriegel, KDD 2014) in its denominator, so that two visitors of a rare product don't outdo a
crowd.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from footfall.clock import HOUR_MS, Milliseconds
from footfall.identifiers import ProductReference, ShopId
from footfall.limits import RANKING_PRODUCTS_MAX, TREND_HOURS
from footfall.projections.counters import BITS, BITS_FULL, LEVEL_FACTOR, LEVELS, Counts
from footfall.projections.slots import Slots
from footfall.projections.state import Reader

RECENT_HALF_LIFE_HOURS: Final = 6
USUAL_HALF_LIFE_HOURS: Final = 72
BIAS_VISITORS: Final = 1.0

_RECENT, _USUAL = range(2)
LIVE_HOURS: Final = 2
"""Hours that are kept as bitmaps: this one and the one before; older ones hardly change any more."""

# The number of bits that are set, by halves, since SQLite has no function for it.
_ONES: Final = (
    "(SELECT (h + (h >> 32)) & 127 FROM (SELECT g + (g >> 16) AS h FROM (SELECT f + (f >> 8) AS g"
    " FROM (SELECT (d + (d >> 4)) & 0x0f0f0f0f0f0f0f0f AS f FROM"
    " (SELECT (a & 0x3333333333333333) + ((a >> 2) & 0x3333333333333333) AS d FROM"
    " (SELECT bits - ((bits >> 1) & 0x5555555555555555) AS a))))))"
)
_READ_BASE: Final = (
    f"WITH marked AS (SELECT hour, reference, level, {_ONES} AS ones FROM product_hours"
    " WHERE shop = ?1 AND hour > ?2 - ?3 AND hour <= ?2 - ?4),"
    # With a bare min(), SQLite answers the other columns of the row that has it.
    " told AS (SELECT hour, reference, min(level) AS level, ones FROM marked"
    f" WHERE ones <= {BITS_FULL} GROUP BY hour, reference),"
    " counted AS (SELECT hour, reference,"
    f" pow({LEVEL_FACTOR}, level) * {-BITS}.0 * ln(1 - ones / {BITS}.0) AS visitors FROM told)"
    f" SELECT reference, sum(visitors * pow(2, (hour - ?2) / {RECENT_HALF_LIFE_HOURS}.0)),"
    f" sum(visitors * pow(2, (hour - ?2) / {USUAL_HALF_LIFE_HOURS}.0)) FROM counted GROUP BY reference"
    f" ORDER BY 3 DESC LIMIT {RANKING_PRODUCTS_MAX}"
)
_READ_LIVE: Final = "SELECT reference, hour, level, bits FROM product_hours WHERE shop = ? AND hour > ? AND hour <= ?"

Flags = npt.NDArray[np.bool_]
Row = tuple[ProductReference, int, float]


class Trending:
    """The ranking: by score while that is above zero, then by how many see it now."""

    facts = False

    def __init__(self, shop: ShopId, *, hour: int) -> None:
        """``hour`` (since the epoch) is the one that it is now."""
        self._shop = shop
        self._hour = hour
        self._slots = Slots(LIVE_HOURS * LEVELS, 2)
        self._totals = (0.0, 0.0)
        self._recent = self._usual = np.zeros(0)
        self.is_late = False
        """Whether something came for an hour that is kept as a number, so that it must be read anew."""

    def __len__(self) -> int:
        return len(self._slots)

    def stale_hours(self, now: Milliseconds) -> int:
        """For how many hours its window has not been the one that is asked for."""
        return now // HOUR_MS - self._hour

    def viewed(self, reference: ProductReference, day: int) -> None:
        """Nothing: here visitors count, however often they view."""

    def added(self, reference: ProductReference, day: int) -> None:
        """Nothing."""

    def touch(self, order_id: str) -> None:
        """Nothing."""

    def seen(self, reference: ProductReference, hour: int, level: int, bit: int) -> None:
        ago = self._hour - hour
        if 0 <= ago < LIVE_HOURS:
            self._slots.mark(reference, ago * LEVELS + level, bit)
        elif ago >= LIVE_HOURS:
            self.is_late = True

    def take(self, counts: Counts) -> None:
        """What has been counted and is in memory only, of all shops."""
        for (shop, hour), bitmaps in counts.hours.items():
            if shop == self._shop:
                for level, bitmap in enumerate(bitmaps):
                    for reference, bits in bitmap.items():
                        self.seen(reference, hour, level, bits)

    def read(self, reader: Reader) -> list[Row]:
        """What the tables hold; may run on a thread of its own."""
        rows: list[Row] = []
        for reference, recent, usual in reader.rows(_READ_BASE, (self._shop, self._hour, TREND_HOURS, LIVE_HOURS)):
            rows += ((reference, -1 - _RECENT, recent), (reference, -1 - _USUAL, usual))
        live = reader.rows(_READ_LIVE, (self._shop, self._hour - LIVE_HOURS, self._hour))
        rows += ((reference, (self._hour - hour) * LEVELS + level, bits) for reference, hour, level, bits in live)
        return rows

    def put(self, rows: Iterable[Row]) -> None:
        """Add what was read: decayed counts under negative numbers, bitmaps under the others."""
        for reference, row, number in rows:
            if row < 0:
                self._slots.add_real(reference, -1 - row, number)
            else:
                self._slots.mark(reference, row, int(number))

    @property
    def names(self) -> Sequence[ProductReference]:
        """Its products, each in its place."""
        return self._slots.names

    def head(self, count: int, among: Flags) -> list[tuple[ProductReference, tuple[float, ...]]]:
        """At least the first ``count`` of these, in some order, each with (recent, usual)."""
        self._recent, self._usual = self._decayed()
        chosen = np.flatnonzero(among)
        self._totals = float(self._recent[chosen].sum()), float(self._usual[chosen].sum())
        if len(chosen) > count:
            chosen = chosen[np.argpartition(-self._keys(chosen), count)[:count]]
        names = self._slots.names
        return [(names[place], (float(self._recent[place]), float(self._usual[place]))) for place in chosen.tolist()]

    def order(self, among: Flags) -> Iterable[int]:
        """The places of these, the best first, as they stood when the head was put in order."""
        chosen = np.flatnonzero(among[: len(self._recent)])
        return (int(chosen[n]) for n in np.argsort(-self._keys(chosen), kind="stable"))

    def _keys(self, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """What to sort these by, largest first: whatever doesn't rise stands behind what does, by how many see it now."""
        recent, usual = self._recent[chosen], self._usual[chosen]
        expected = usual * (self._totals[_RECENT] / max(self._totals[_USUAL], 1e-9))
        score = (recent - expected) / np.sqrt(expected + BIAS_VISITORS)
        keys: npt.NDArray[np.float64] = np.where(score > 0, score, recent - recent.max(initial=0) - 1)
        return keys

    def numbers(self, reference: ProductReference) -> tuple[float, ...]:
        """Recent and usual visitors of one product, under this name alone, as they were when the head was put in order."""
        place = self._slots.place_of(reference)
        if place is None or place >= len(self._recent):
            return (0.0, 0.0)
        return float(self._recent[place]), float(self._usual[place])

    def rank(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        """What to sort by, smallest first. Rounded, so that the order in which numbers were added up doesn't show."""
        score = self._score(numbers)
        return (-round(max(score, 0.0), 9), -round(numbers[_RECENT], 9))

    def reason(self, numbers: tuple[float, ...]) -> dict[str, float]:
        """Why a product stands where it does."""
        return {
            "recent": round(numbers[_RECENT], 2),
            "expected": round(self._expected(numbers), 2),
            "score": round(self._score(numbers), 3),
        }

    def _score(self, numbers: tuple[float, ...]) -> float:
        expected = self._expected(numbers)
        return (numbers[_RECENT] - expected) / math.sqrt(expected + BIAS_VISITORS)

    def _expected(self, numbers: tuple[float, ...]) -> float:
        return numbers[_USUAL] * self._totals[_RECENT] / max(self._totals[_USUAL], 1e-9)

    def _decayed(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        recent, usual = self._slots.real.copy()
        for ago in range(LIVE_HOURS):
            visitors = _visitors(self._slots.whole[ago * LEVELS : (ago + 1) * LEVELS])
            recent += visitors * 2 ** (-ago / RECENT_HALF_LIFE_HOURS)
            usual += visitors * 2 ** (-ago / USUAL_HALF_LIFE_HOURS)
        return recent, usual


_COUNTED: Final = np.array([-BITS * math.log(1 - min(ones, BITS_FULL) / BITS) for ones in range(BITS + 2)])


def _visitors(bits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """About how many visitors set these bitmaps: one row for each level, one column for each product."""
    ones = np.bitwise_count(bits)
    told: npt.NDArray[np.float64] = _COUNTED[ones[-1]] * LEVEL_FACTOR ** (LEVELS - 1)
    for level in reversed(range(LEVELS - 1)):
        told = np.where(ones[level] <= BITS_FULL, _COUNTED[ones[level]] * LEVEL_FACTOR**level, told)
    return told

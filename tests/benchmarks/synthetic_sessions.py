"""Sessions made up for benchmarks: their lengths and how popular products are follow power laws. And, to hold the index
against, VMIS-kNN as the paper describes it, in plain Python."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import nlargest
from math import log
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from footfall.clock import DAY_MS, HOUR_MS, SECOND_MS
from footfall.limits import SESSIONS_WINDOW_DAYS
from footfall.projections.recommendations.neighbours import Kernel, Step
from footfall.projections.recommendations.postings import SECOND_SHIFT, STEP_BITS, Integers
from footfall.projections.recommendations.sessions import VIEWED, Kind, Packed, Signal

_BEGIN: Final = 20_000 * DAY_MS
_SPAN_MS: Final = (SESSIONS_WINDOW_DAYS - 10) * DAY_MS
_LENGTH_MIN: Final = 2
_LENGTH_MAX: Final = 100
_LENGTH_POWER: Final = 1.4
"""With these a session has five products on average, what is seen again counted once."""
_POPULAR_POWER: Final = 0.6
_PRODUCTS_MAX: Final = 200_000
_SESSIONS_OF_PRODUCT: Final = 20
_NEAR: Final = 0.6
"""The share of a session's products that are of one corner of the catalog, as somebody looks who looks for something."""
_CORNER: Final = 30
_STEP_MS: Final = 40 * SECOND_MS
_VISITORS_OF_SESSIONS: Final = 0.4
"""Visitors for each session: two and a half sessions each, on average."""


class Synthetic(NamedTuple):
    """Sessions, oldest first. ``items`` of all of them, one session after the other; products are numbered as they are first
    seen, as in a live index."""

    items: Integers
    begins: Integers
    lengths: Integers
    starts: Integers
    visitors: npt.NDArray[np.uint64]
    now: int

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def products(self) -> int:
        """How many there are."""
        return int(self.items.max()) + 1

    def session(self, number: int) -> list[int]:
        """The items of one."""
        begin = int(self.begins[number])
        found: list[int] = self.items[begin : begin + int(self.lengths[number])].tolist()
        return found


def synthetic(count: int, seed: int = 1) -> Synthetic:
    """So many sessions, evenly over the window."""
    rng = np.random.default_rng(seed)
    products = max(1_000, min(_PRODUCTS_MAX, count // _SESSIONS_OF_PRODUCT))
    lengths = (_LENGTH_MIN * (1 - rng.random(count)) ** (-1 / _LENGTH_POWER)).astype(np.int64).clip(max=_LENGTH_MAX)
    popular = np.cumsum(np.arange(1, products + 1, dtype=np.float64) ** -_POPULAR_POWER)
    popular /= popular[-1]
    corner = np.searchsorted(popular, rng.random(count))
    total = int(lengths.sum())
    of = np.repeat(np.arange(count), lengths)
    near = (corner[of] + rng.integers(0, _CORNER, total)) % products
    items = np.where(rng.random(total) < _NEAR, near, np.searchsorted(popular, rng.random(total)))
    # Each once in a session.
    first = np.sort(np.unique(of * products + items, return_index=True)[1])
    items, lengths = items[first], np.bincount(of[first], minlength=count)
    seen, where = np.unique(items, return_index=True)
    numbers = np.zeros(products, np.int64)
    numbers[seen[np.argsort(where)]] = np.arange(len(seen))
    starts = _BEGIN + (np.arange(count) * (_SPAN_MS / count)).astype(np.int64)
    people = rng.integers(1, 2**63, max(1, int(count * _VISITORS_OF_SESSIONS)), dtype=np.uint64)
    visitors = people[rng.integers(0, len(people), count)]
    return Synthetic(numbers[items], np.cumsum(lengths) - lengths, lengths, starts, visitors, int(starts[-1]) + SECOND_MS)


def packed(made: Synthetic) -> Packed:
    """These as the index keeps them."""
    count, lengths, items = len(made), made.lengths, made.items
    of = np.repeat(np.arange(count), lengths)
    order = np.argsort(items, kind="stable")
    hour = made.now // HOUR_MS
    first_hour = hour - 24 * SESSIONS_WINDOW_DAYS + 1
    arrays = {
        "starts": made.starts,
        "ends": made.starts + lengths * _STEP_MS,
        "visitors": made.visitors,
        "names": np.zeros(count, np.uint32),
        "rows": (made.begins << 8) | lengths,
        "events": np.maximum(lengths, 2).astype(np.int32),
        "rooms": lengths.astype(np.uint8),
        "states": np.ones(count, np.uint8),
        "items": items.astype(np.int32),
        "kinds": np.full(len(items), VIEWED, np.uint8),
        "nets": np.zeros(len(items), np.int16),
        "times": made.starts[of] + _STEP_MS * (np.arange(len(items)) - made.begins[of]),
        "positions": np.arange(len(items), dtype=np.int64),
        "postings": ((made.starts[of] // SECOND_MS << SECOND_SHIFT) | (of << STEP_BITS))[order],
        "counts": np.bincount(items, minlength=made.products).astype(np.int32),
    }
    numbers = {"now": hour, "floor": first_hour, "kept_from": (first_hour - 24) * HOUR_MS, "dropped_before": -(2**60)}
    return Packed(arrays, numbers)


def questions(made: Synthetic, count: int, seed: int = 2) -> list[list[Step]]:
    """Prefixes of sessions, newest item first, with as many items as are looked at."""
    rng = np.random.default_rng(seed)
    found = []
    for number in rng.integers(0, len(made), count).tolist():
        session = made.session(number)
        prefix = session[: int(rng.integers(1, len(session) + 1))]
        found.append([Step((item,), back) for back, item in enumerate(reversed(prefix))][: Kernel().items_max])
    return found


def live_events(made: Synthetic, seed: int = 3) -> Iterator[Signal]:
    """What comes after these, without end: two hundred visitors at a time, each of whom goes on as somebody did before, and
    after whom another one comes."""
    rng = np.random.default_rng(seed)
    under_way: list[tuple[int, list[int]]] = []
    position, visitor = len(made.items), 2**63
    while True:
        for number in rng.integers(0, len(made), 1_000).tolist():
            visitor += 1
            under_way.append((visitor, made.session(number)))
            while len(under_way) >= 200:
                place = int(rng.integers(0, len(under_way)))
                who, left = under_way[place]
                position += 1
                yield Signal(who, 0, left.pop(0), Kind.VIEWED, made.now + 200 * (position - len(made.items)), position)
                if not left:
                    del under_way[place]


class PlainNeighbours:
    """VMIS-kNN with dictionaries and loops: Kersbergen, Sprangers, Schelter, SIGMOD 2022. As many sessions and items are
    looked at as in the kernel's defaults."""

    def __init__(self, made: Synthetic) -> None:
        kernel = Kernel()
        self._m, self._k, self._items_max = kernel.sessions_m, kernel.neighbours_k, kernel.items_max
        self._sessions = [made.session(number) for number in range(len(made))]
        having: dict[int, list[int]] = defaultdict(list)
        for number, session in enumerate(self._sessions):
            for item in session:
                having[item].append(number)
        self._rarity = {item: log(len(made) / len(numbers)) for item, numbers in having.items()}
        self._recent = {item: numbers[: -self._m - 1 : -1] for item, numbers in having.items()}

    def best(self, evolving: Sequence[Step], limit: int) -> list[int]:
        """The items with the highest scores."""
        evolving = evolving[: self._items_max]
        similarity: dict[int, float] = {}
        newest: dict[int, int] = {}
        for back, step in enumerate(evolving):
            weight = (len(evolving) - back) / len(evolving)
            for number in self._recent.get(step.items[0], ()):
                similarity[number] = similarity.get(number, 0.0) + weight
                newest.setdefault(number, back)
        # Sessions are numbered by time: of the most recent ones the most similar ones, the newer first.
        recent = nlargest(self._m, similarity)
        nearest = nlargest(self._k, recent, key=lambda number: (similarity[number], number))
        scores: dict[int, float] = {}
        for number in nearest:
            weight = similarity[number] * max(0.0, 1 - 0.1 * newest[number])
            for item in self._sessions[number]:
                scores[item] = scores.get(item, 0.0) + weight * self._rarity[item]
        return nlargest(limit, scores, key=scores.__getitem__)

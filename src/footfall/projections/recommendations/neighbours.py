"""Session neighbours: what visitors did whose sessions are like the one under way.

The layout (postings by item, the most recent sessions of each) is that of VMIS-kNN: Kersbergen, Sprangers, Schelter,
"Serenade", SIGMOD 2022. The weights are those of STAN: Garg, Gupta, Malhotra, Vig, Shroff, SIGIR 2019, and of its extension
VSTAN: Ludewig, Mauro, Latifi, Jannach, "Empirical analysis of session-based recommendation algorithms", UMUAI 2021. Symbols
are theirs.
"""

import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from footfall.projections.recommendations.postings import SECOND_SHIFT, SLOT_MASK, STEP_BITS, Integers
from footfall.projections.recommendations.sessions import (
    IN_CART,
    KINDS,
    PURCHASED,
    VIEWED,
    Sessions,
)

Floats = npt.NDArray[np.float64]

_FEW: Final = 8
_STEPS_KEPT: Final = 256
_STEP_MASK: Final = 2**STEP_BITS - 1
_DAY_SECONDS: Final = 86_400.0
_EXACT_BITS: Final = 30
"""Weights are rounded to so many bits of the largest before they are added: such sums are exact in a float, which holds 53, so
that an answer doesn't depend on the order in which neighbours stand."""
_EXPONENT_MIN: Final = -900
"""Of the largest weight: below, what they are multiplied by would be no float any more."""


class Kernel(NamedTuple):
    """What decides how much a session and an item in it count. The defaults are what a shop gets.

    Steps are places in a session; ``docs/guides/evaluating.md`` tells what each brings.
    """

    sessions_m: int = 500
    """``m``: the most recent sessions of each item that are looked at."""
    neighbours_k: int = 300
    """``k``: the sessions that count, the most similar ones (and those that are as similar as the last of them)."""
    items_max: int = 8
    """Of the session under way, the last distinct items that are looked at; at most 16."""
    lambda_spw: float = 3.62
    """An item of the session under way that lies so many steps back counts 1/e."""
    lambda_ipw: float = 3.62
    """A neighbour whose newest shared item lies so many steps back counts 1/e."""
    lambda_inh: float = 2.5
    """In a neighbour, an item so many steps from the last shared one counts 1/e."""
    places_max: int = 10
    """In a neighbour, items so many steps from the last shared one are looked at."""
    lambda_snh_days: float = 90.0
    """A neighbour that began so many days ago counts 1/e."""
    lambda_idf: float = 1.0
    """How much more a rare item counts."""
    again: float = 8.0
    """How much more an item of the session under way counts that may come again. Ours: in clicks on shops, two in five lead
    back to something seen before."""
    lambda_again: float = 3.0
    """The same for one that lies so many steps back, 1/e of that."""
    added: float = 1.5
    """How much more than a view it counts that an item is in the cart, in the session under way and in a neighbour."""
    purchased: float = 2.0
    """The same for what was purchased."""


class Step(NamedTuple):
    """A product of the session under way: the items under which events know it, how many steps back it came last (0: the
    newest; a step is another product), and what is known of it (``VIEWED``, ``IN_CART``, ``PURCHASED``)."""

    items: tuple[int, ...]
    steps: int
    kinds: int = VIEWED


class Scores(NamedTuple):
    """Items and how much speaks for each, above 0, in no order; and the neighbours that say so."""

    items: Integers
    values: Floats
    neighbours: "Neighbours"
    told: Integers
    """For each time that a neighbour told of an item: the item, and the neighbour's place among them."""
    tellers: Integers

    def best(self, limit: int) -> "Scores":
        """Those with the highest scores: at least ``limit`` where there are as many, and all that score as much as the
        last."""
        if len(self.values) <= limit:
            return self
        chosen = (self.values >= _highest(self.values, limit)).nonzero()[0]
        return self._replace(items=self.items.take(chosen), values=self.values.take(chosen))


class Neighbours(NamedTuple):
    """The sessions that count, oldest first: their slots, when each began in seconds, how much each counts, and the number of
    the newest step that it shares."""

    slots: Integers
    starts: Integers
    weights: Floats
    steps: Integers


_NO_INTEGERS: Final = np.empty(0, np.int64)
_NO_FLOATS: Final = np.empty(0, np.float64)
NOBODY: Final = Neighbours(_NO_INTEGERS, _NO_INTEGERS, _NO_FLOATS, _NO_INTEGERS)
NOTHING: Final = Scores(_NO_INTEGERS, _NO_FLOATS, NOBODY, _NO_INTEGERS, _NO_INTEGERS)


class Asker:
    """Asks one shop's sessions; keeps memory for it, so that a question makes little of its own."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._sums = np.zeros(0)
        self._tags = np.zeros(0, np.int32)
        self._marks = np.zeros(0, np.bool_)
        self._range = np.arange(4_096)

    def tellers(self, scores: Scores, items: Sequence[int]) -> tuple[Integers, Integers]:
        """For each time that a neighbour told of one of these items (each once among them): which of them, and the neighbour's
        place among the neighbours; in the order in which these stand."""
        self._tags[scores.told] = -1
        self._tags[items] = np.arange(len(items))
        places = self._tags.take(scores.told)
        told = (places >= 0).nonzero()[0]
        return places.take(told).astype(np.int64), scores.tellers.take(told)

    def ask(
        self,
        evolving: Sequence[Step],
        now_ms: int,
        without: Collection[int] = (),
        kernel: Kernel = Kernel(),  # noqa: B008
    ) -> Scores:
        """``score(i) = Σ_h [i ∈ I(h)] · sim(h) · e^(−age/λ_snh) · e^(−|q_i − q*|/λ_inh) · e^(−steps/λ_ipw) · w_kind(i, h) ·
        (1 + λ_idf·idf_i)``.

        ``evolving``: the session under way, newest first, each product once; ``now_ms``: the time of the question;
        ``without``: slots that are not asked. Ages below zero count as zero. Of a session's similarity, ``Σ w1`` over the
        shared items, STAN divides by a norm of both sessions: that of the one under way changes no order, and dividing by the
        neighbour's length made answers worse on every file it was measured on.
        """
        evolving = evolving[: min(kernel.items_max, _STEP_MASK + 1)]
        nearest = self._nearest(evolving, now_ms, without, kernel)
        return self._scores(evolving, nearest, kernel) if len(nearest.slots) else NOTHING

    def _nearest(self, evolving: Sequence[Step], now_ms: int, without: Collection[int], kernel: Kernel) -> Neighbours:
        """The ``k`` most similar of the ``m`` most recent sessions of each item: ``sim = Σ w1``, ``w1 = e^(−steps/λ_spw)``."""
        parts: list[Integers] = []
        of: list[int] = []
        postings, counts = self.sessions.postings, self.sessions.counts
        for number, step in enumerate(evolving):
            found = [
                postings[item][max(0, count - kernel.sessions_m) : count]
                for item in step.items
                if 0 <= item < len(postings) and (count := counts.item(item))
            ]
            if found:
                # One product under several names: a session that knows it under two shares it once.
                parts.append(found[0] if len(found) == 1 else np.unique(np.concatenate(found)))
                of.append(number)
        if not parts:
            return NOBODY
        tables = _tables(kernel)
        weights = np.array([tables.shared(step.steps) * tables.kinds[step.kinds] for step in evolving])
        if len(parts) == 1:
            newest = parts[0] | of[0]
            similarity = weights.take(newest & _STEP_MASK)
        else:
            told = np.concatenate(parts)
            told |= np.array(of).repeat([len(part) for part in parts])
            newest, similarity = _joined(told, weights)
        starts = newest >> SECOND_SHIFT
        ages = np.minimum(starts - now_ms / 1_000, 0.0)
        ages *= 1 / (kernel.lambda_snh_days * _DAY_SECONDS)
        similarity *= np.exp(ages, out=ages)
        slots = (newest >> STEP_BITS) & SLOT_MASK
        if len(without) > _FEW:
            similarity[np.isin(slots, list(without))] = 0.0
        else:
            for slot in without:
                similarity[slots == slot] = 0.0
        chosen = similarity > 0.0
        if len(similarity) > kernel.neighbours_k:
            chosen &= similarity >= _highest(similarity, kernel.neighbours_k)
        at = chosen.nonzero()[0]
        steps = newest.take(at) & _STEP_MASK
        nearness = np.array([tables.newest(step.steps) for step in evolving])
        return Neighbours(slots.take(at), starts.take(at), similarity.take(at) * nearness.take(steps), steps)

    def _scores(self, evolving: Sequence[Step], neighbours: Neighbours, kernel: Kernel) -> Scores:
        sessions = self.sessions
        self._make_room()
        # ``take`` is indexing and ``nonzero`` is ``flatnonzero``, twice as fast.
        rows = sessions.rows.take(neighbours.slots)
        lengths = rows & 0xFF
        ends = lengths.cumsum()
        total = int(ends[-1])
        if total > len(self._range):
            self._range = np.arange(2 * total)
        places, of = self._range[:total], self._range[: len(lengths)].repeat(lengths)
        at = places + ((rows >> 8) - (ends - lengths)).take(of)
        items, kinds = sessions.items.take(at).astype(np.int64), sessions.kinds.take(at)
        # What was taken back has a place in a session, but is nothing that both have.
        signalled = None if np.count_nonzero(kinds) == total else kinds > 0
        shared = [item for step in evolving for item in step.items if 0 <= item < len(self._marks)]
        self._marks[shared] = True
        hits = self._marks.take(items)
        self._marks[shared] = False
        hits = (hits if signalled is None else hits & signalled).nonzero()[0]
        # Of several in one session the last is written last.
        last_shared = np.zeros(len(lengths), np.int64)
        last_shared[of.take(hits)] = hits
        distances = np.abs(places - last_shared.take(of))
        if signalled is not None or np.maximum.reduce(lengths) > kernel.places_max + 1:
            told = distances <= kernel.places_max
            near = (told if signalled is None else told & signalled).nonzero()[0]
            items, of, kinds, distances = items.take(near), of.take(near), kinds.take(near), distances.take(near)
        tables = _tables(kernel)
        exact = 2.0 ** (_EXACT_BITS - max(_EXPONENT_MIN, math.frexp(np.maximum.reduce(neighbours.weights))[1]))
        values = tables.near.take(distances)
        values *= (neighbours.weights * exact).take(of)
        values *= tables.weights.take(kinds)
        np.rint(values, out=values)
        numbers = self._range[: len(items)]
        self._tags[items] = numbers
        found = items.take((self._tags.take(items) == numbers).nonzero()[0])
        np.add.at(self._sums, items, values)
        for step in evolving:
            again = tables.again(step.steps)
            for item in step.items:
                if 0 <= item < len(self._sums):
                    self._sums[item] *= again
        sums = self._sums.take(found)
        self._sums[found] = 0.0
        rarity = np.log(max(1, sessions.counted) / np.maximum(sessions.counts.take(found), 1))
        sums *= (1 + kernel.lambda_idf * rarity) / exact
        kept = (sums > 0.0).nonzero()[0]
        return Scores(found.take(kept), sums.take(kept), neighbours, items, of)

    def _make_room(self) -> None:
        count = len(self.sessions.postings)
        if count > len(self._sums):
            self._sums = np.zeros(2 * count)
            self._tags = np.zeros(2 * count, np.int32)
            self._marks = np.zeros(2 * count, np.bool_)


def _joined(told: Integers, weights: Floats) -> tuple[Integers, Floats]:
    """Of what steps tell each session once, with its newest shared step; and the sum of its steps' weights."""
    # By start, then slot, then step: what stands together is of one session, its newest shared step first. Each item's are in
    # order already: a sort that merges them takes half the time of one that doesn't.
    told.sort(kind="stable")
    sessions_told = told >> STEP_BITS
    is_first = np.empty(len(told), np.bool_)
    is_first[0] = True
    np.not_equal(sessions_told[1:], sessions_told[:-1], out=is_first[1:])
    first = is_first.nonzero()[0]
    return told.take(first), np.add.reduceat(weights.take(told & _STEP_MASK), first)


def _highest(values: Floats, limit: int) -> float:
    """The lowest of the ``limit`` highest."""
    parted = values.copy()
    parted.partition(len(parted) - limit)
    return parted.item(len(parted) - limit)


class _Tables:
    """What a kernel says again and again, made once."""

    def __init__(self, kernel: Kernel) -> None:
        self.kinds = [_weight(kinds, kernel) for kinds in range(KINDS)]
        """How much an item counts by what is known of it."""
        self.weights = np.array(self.kinds)
        self.near = np.exp(-np.arange(kernel.places_max + 1) / kernel.lambda_inh)
        """How much an item counts that is so many steps from the last shared one."""
        self.shared = lru_cache(_STEPS_KEPT)(lambda steps: math.exp(-steps / kernel.lambda_spw))
        """How much an item of the session under way counts, by how many steps it lies back."""
        self.newest = lru_cache(_STEPS_KEPT)(lambda steps: math.exp(-steps / kernel.lambda_ipw))
        """How much a neighbour counts, by how many steps the newest item lies back that it shares."""
        self.again = lru_cache(_STEPS_KEPT)(lambda steps: 1 + kernel.again * math.exp(-steps / kernel.lambda_again))
        """How much more an item counts that may come again."""


_tables: Final = lru_cache(_Tables)


def _weight(kinds: int, kernel: Kernel) -> float:
    if kinds & PURCHASED:
        return kernel.purchased
    if kinds & IN_CART:
        return kernel.added
    return 1.0 if kinds & VIEWED else 0.0

"""Session neighbours: what visitors did whose sessions are like the one under way.

The layout (postings by item, the most recent sessions of each) is that of VMIS-kNN: Kersbergen, Sprangers, Schelter,
"Serenade", SIGMOD 2022. The weights are those of STAN: Garg, Gupta, Malhotra, Vig, Shroff, SIGIR 2019, and of its extension
VSTAN: Ludewig, Mauro, Latifi, Jannach, "Empirical analysis of session-based recommendation algorithms", UMUAI 2021. Symbols
are theirs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from footfall.projections.recommendations.sessions import Floats, Items, Numbers, Sessions


class Kernel(NamedTuple):
    """What decides how much a session and an item in it count. The defaults are what a shop gets.

    Steps are places in a session; ``docs/guides/evaluating.md`` tells what each brings.
    """

    sessions_m: int = 2_500
    """``m``: the most recent sessions of each item that are looked at."""
    neighbours_k: int = 1_000
    """``k``: the sessions that count, the most similar ones."""
    items_max: int = 10
    """Of the session under way, the last distinct items that are looked at."""
    lambda_spw: float = 3.62
    """An item of the session under way that lies so many steps back counts 1/e."""
    lambda_ipw: float = 3.62
    """A neighbour whose newest shared item lies so many steps back counts 1/e."""
    lambda_inh: float = 2.0
    """In a neighbour, an item so many steps from the last shared one counts 1/e."""
    lambda_snh_days: float = 180.0
    """A neighbour so many days old counts 1/e."""
    lambda_idf: float = 1.0
    """How much more a rare item counts."""
    again: float = 3.0
    """How much more an item of the session under way counts that may come again. Ours: in clicks on shops, two in five lead
    back to something seen before."""
    lambda_again: float = 10.0
    """The same for one that lies so many steps back, 1/e of that."""


class Scores(NamedTuple):
    """Items and how much speaks for each, above 0, in no order."""

    items: Items
    values: Floats

    def best(self, limit: int) -> Items:
        """The items with the highest scores, the best first; of equals, the one with the lower number."""
        order = np.lexsort((self.items, -self.values))[:limit]
        return self.items[order]


class _Shared(NamedTuple):
    """Sessions that share items with the one under way: their numbers, and for each its similarity, where in it the last
    shared item stands, and how many steps back in the session under way the newest shared one lies."""

    numbers: Numbers
    similarity: Floats
    place: Numbers
    steps: Numbers


_NOTHING = Scores(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float64))


def scores(sessions: Sessions, evolving: Sequence[int], now_days: float, kernel: Kernel = Kernel()) -> Scores:  # noqa: B008
    """``score(i) = Σ_h [i ∈ I(h)] · sim(h) · e^(−age/λ_snh) · e^(−|q_i − q*|/λ_inh) · e^(−steps/λ_ipw) · (1 + λ_idf·idf_i)``.

    ``evolving``: the items of the session under way, oldest first; ``now_days``: the time of the question. Ages below zero
    count as zero. Of a session's similarity, ``Σ w1`` over the shared items, STAN divides by a norm of both sessions: that of
    the one under way changes no order, and dividing by the neighbour's length made answers worse on every file it was
    measured on.
    """
    last = _last_steps(evolving, kernel.items_max, sessions)
    shared = _nearest(sessions, _sharing(sessions, last, kernel), now_days, kernel)
    if not len(shared.numbers):
        return _NOTHING
    lengths = sessions.lengths[shared.numbers]
    of = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    items = sessions.items[sessions.begins[shared.numbers][of] + places]
    weights = (shared.similarity * np.exp(-shared.steps / kernel.lambda_ipw))[of]
    weights *= np.exp(-np.abs(places - shared.place[of]) / kernel.lambda_inh)
    found, inverse = np.unique(items, return_inverse=True)
    values = np.bincount(inverse, weights, len(found)) * (1 + kernel.lambda_idf * sessions.idf[found])
    for item, steps in last.items():
        at = np.searchsorted(found, item)
        if at < len(found) and found[at] == item:
            values[at] *= 1 + kernel.again * np.exp(-steps / kernel.lambda_again)
    return Scores(found, values)


def _last_steps(evolving: Sequence[int], items_max: int, sessions: Sessions) -> dict[int, int]:
    """The last distinct items of a session, newest first, each with how many steps back it came last. Items that no session
    has are not among them."""
    last: dict[int, int] = {}
    for steps, item in enumerate(reversed(evolving)):
        if 0 <= item < len(sessions.counts) and sessions.counts[item] and item not in last:
            last[item] = steps
            if len(last) == items_max:
                break
    return last


def _sharing(sessions: Sessions, last: dict[int, int], kernel: Kernel) -> _Shared:
    """The most recent sessions that share items with the one under way, ``sim = Σ w1``, ``w1 = e^(−steps/λ_spw)``."""
    numbers, weights, places, steps_back = [], [], [], []
    for item, steps in last.items():
        end = sessions.posting_begins[item + 1]
        begin = max(sessions.posting_begins[item], end - kernel.sessions_m)
        numbers.append(sessions.postings[begin:end])
        places.append(sessions.places[begin:end])
        weights.append(np.full(end - begin, np.exp(-steps / kernel.lambda_spw)))
        steps_back.append(np.full(end - begin, steps, dtype=np.int32))
    if not numbers:
        nobody = np.empty(0, dtype=np.int32)
        return _Shared(nobody, np.empty(0), nobody, nobody)
    found, inverse = np.unique(np.concatenate(numbers), return_inverse=True)
    similarity: Floats = np.bincount(inverse, np.concatenate(weights), len(found)).astype(np.float64)
    place = np.zeros(len(found), dtype=np.int32)
    np.maximum.at(place, inverse, np.concatenate(places))
    steps_least = np.full(len(found), np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(steps_least, inverse, np.concatenate(steps_back))
    return _Shared(found, similarity, place, steps_least)


def _nearest(sessions: Sessions, shared: _Shared, now_days: float, kernel: Kernel) -> _Shared:
    """The ``k`` most similar of them, older ones counting less; of equals, the newer."""
    ages = np.maximum(now_days - sessions.days[shared.numbers], 0.0)
    similarity = shared.similarity * np.exp(-ages / kernel.lambda_snh_days)
    if len(similarity) > kernel.neighbours_k:
        nearest = np.lexsort((-shared.numbers, -similarity))[: kernel.neighbours_k]
        return _Shared(shared.numbers[nearest], similarity[nearest], shared.place[nearest], shared.steps[nearest])
    return shared._replace(similarity=similarity)

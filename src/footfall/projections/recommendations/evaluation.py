"""How good recommendations are: the protocol of the papers, on recorded sessions.

Each session of a test is revealed one event after another; after each prefix a list is asked for and held against what came
next (Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from footfall.projections.recommendations.neighbours import Kernel, scores
from footfall.projections.recommendations.sessions import Items, Sessions, build, days_of

LISTED = 20
"""How long the lists are that are measured."""
Last = Literal["keep", "drop"]
"""Whether the item seen last may be recommended: papers ``keep`` it, a shop would ``drop`` it."""
_SPAN_DAYS_UNKNOWN = 120.0
"""Over how many days sessions are taken to be spread evenly whose file has no times: a few months, as public recordings
are."""


class Recorded(NamedTuple):
    """A session of a recording: its events' items, oldest first, and the time of the last in seconds since the epoch, ``None``
    where the recording has no times."""

    items: Sequence[str]
    at: float | None


class Result(NamedTuple):
    """What an evaluation measured, over ``predictions``: each prefix of each session of the test.

    ``hr20``: the share whose next item is in the list. ``mrr20``: the mean of 1/rank of the next item, 0 where it isn't
    listed. ``p20``, ``r20``: the share of the list that comes in the rest of the session, and the share of the rest's items
    that are in the list. ``coverage``: the share of the trained items that came in any list. ``popularity``: how popular what
    is listed is, on average, from 0 to 1, the most popular item. ``p50_ms``, ``p90_ms``: how long a list took.
    """

    predictions: int
    hr20: float
    mrr20: float
    p20: float
    r20: float
    coverage: float
    popularity: float
    p50_ms: float
    p90_ms: float


class Trained(NamedTuple):
    """Sessions as columns, what number each item has, and the time after the last of them in days."""

    sessions: Sessions
    numbers: Mapping[str, int]
    end_days: float


def train(recorded: Sequence[Recorded]) -> Trained:
    """The columns of recorded sessions: in the order of their times where all have one, else as they come."""
    timed = all(session.at is not None for session in recorded)
    ordered = sorted(recorded, key=lambda session: session.at or 0.0) if timed else recorded
    numbers: dict[str, int] = {}
    numbered = [[numbers.setdefault(item, len(numbers)) for item in session.items] for session in ordered]
    if timed:
        days = days_of([session.at or 0.0 for session in ordered])
    else:
        days = [_SPAN_DAYS_UNKNOWN * place / max(1, len(ordered)) for place in range(len(ordered))]
    return Trained(build(numbered, days, len(numbers)), numbers, days[-1] if days else 0.0)


def evaluate(
    trained: Trained,
    test: Sequence[Recorded],
    *,
    last: Last,
    prefix_min: int = 1,
    kernel: Kernel = Kernel(),  # noqa: B008
) -> Result:
    """Ask after each prefix of at least ``prefix_min`` events of each session of the test. Every question is asked at the end
    of what was trained: a test never sees itself."""
    measured = _Measured(len(trained.sessions.counts))
    for session in test:
        known = [trained.numbers.get(item, -1) for item in session.items]
        for length in range(max(1, prefix_min), len(known)):
            begin = time.perf_counter()
            listed = _listed(trained, known[:length], last, kernel)
            measured.count(time.perf_counter() - begin, listed, known[length:])
    return measured.result(trained.sessions)


def _listed(trained: Trained, prefix: Sequence[int], last: Last, kernel: Kernel) -> Items:
    best = scores(trained.sessions, prefix, trained.end_days, kernel).best(LISTED + 1)
    if last == "drop":
        best = best[best != prefix[-1]]
    return best[:LISTED]


class _Measured:
    """Sums over predictions."""

    def __init__(self, item_count: int) -> None:
        self._seconds: list[float] = []
        self._hits = 0
        self._reciprocal = self._precision = self._recall = 0.0
        self._times_listed = np.zeros(item_count, dtype=np.int64)

    def count(self, seconds: float, listed: Items, rest: Sequence[int]) -> None:
        self._seconds.append(seconds)
        self._times_listed[listed] += 1
        places = np.flatnonzero(listed == rest[0])
        if len(places):
            self._hits += 1
            self._reciprocal += 1 / (1 + int(places[0]))
        found = len(set(rest) & set(listed.tolist()))
        self._precision += found / LISTED
        self._recall += found / len(set(rest))

    def result(self, sessions: Sessions) -> Result:
        predictions = len(self._seconds)
        share = 1 / max(1, predictions)
        listed = max(1, int(self._times_listed.sum()))
        popularity = float((self._times_listed * sessions.counts).sum()) / listed / max(1, int(sessions.counts.max(initial=1)))
        milliseconds = np.array(self._seconds or [0.0]) * 1_000
        return Result(
            predictions,
            self._hits * share,
            self._reciprocal * share,
            self._precision * share,
            self._recall * share,
            float((self._times_listed > 0).mean()) if len(self._times_listed) else 0.0,
            popularity,
            float(np.percentile(milliseconds, 50)),
            float(np.percentile(milliseconds, 90)),
        )

"""How good recommendations are: the protocol of the papers, on recorded sessions.

Each session of a test is revealed one event after another; after each prefix a list is asked for and held against what came
next (Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018).
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from footfall.clock import DAY_MS, SECOND_MS
from footfall.projections.recommendations.neighbours import Asker, Kernel, Step
from footfall.projections.recommendations.postings import Integers
from footfall.projections.recommendations.sessions import IN_CART, PURCHASED, VIEWED, Kind, Sessions, Signal

LISTED = 20
"""How long the lists are that are measured."""
Last = Literal["keep", "drop"]
"""Whether the item seen last may be recommended: papers ``keep`` it, a shop would ``drop`` it."""
_SPAN_MS_UNKNOWN = 120 * DAY_MS
"""Over how long sessions are taken to be spread evenly whose file has no times: a few months, as public recordings are."""


_KNOWN: Final = {Kind.VIEWED: VIEWED, Kind.ADDED: IN_CART, Kind.REMOVED: 0, Kind.PURCHASED: PURCHASED}


class Recorded(NamedTuple):
    """A session of a recording: its events' items, oldest first, and the time of each in milliseconds since the epoch,
    ``None`` where the recording has no times. ``kinds``: what each event was; all are views where the recording says nothing.
    Asked for is always what is viewed next."""

    items: Sequence[str]
    times: Sequence[int] | None
    kinds: Sequence[Kind] | None = None

    @property
    def told(self) -> Sequence[Kind]:
        """What each event was."""
        return self.kinds if self.kinds is not None else [Kind.VIEWED] * len(self.items)


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


class Trained:
    """Sessions, and what number each item has."""

    def __init__(self, recorded: Sequence[Recorded], *, before: Sequence[Recorded] = ()) -> None:
        """Take in recorded sessions; where one has no times, all are spread evenly in the order in which they come, up to the
        first of those that they come ``before``."""
        self.sessions = Sessions()
        self.numbers: dict[str, int] = {}
        self._visitors = 0
        self._positions = 0
        self.end = 0
        """When the last of them was seen, in milliseconds."""
        for session, times in zip(recorded, _times(recorded, _first(before)), strict=True):
            visitor = self.next_visitor()
            for item, at, kind in zip(session.items, times, session.told, strict=True):
                self.add(visitor, self.number(item), at, kind)
        self.settle()

    def next_visitor(self) -> int:
        """Who nobody was so far: each session of a recording is somebody's own."""
        self._visitors += 1
        return self._visitors

    def number(self, item: str) -> int:
        """An item's number."""
        return self.numbers.setdefault(item, len(self.numbers))

    def add(self, visitor: int, item: int, at: int, kind: Kind = Kind.VIEWED) -> None:
        """Take in an event. A recording says itself what a session is, so each has a name."""
        self._positions += 1
        self.end = max(self.end, at)
        self.sessions.add(Signal(visitor, visitor, item, kind, at, self._positions))

    def settle(self) -> None:
        """Bring the window up to the last click."""
        for _ in self.sessions.settle(self.end):
            pass


def evaluate(
    trained: Trained,
    test: Sequence[Recorded],
    *,
    last: Last,
    prefix_min: int = 1,
    kernel: Kernel = Kernel(),  # noqa: B008
) -> Result:
    """Static split: ask after each prefix of at least ``prefix_min`` events of each session of the test. Every question is
    asked at the end of what was trained: a test never sees itself."""
    measured = _Measured(len(trained.numbers))
    asker = Asker(trained.sessions)
    for session in test:
        # What nobody was trained on has a number of its own, below 0.
        known = [trained.numbers.get(item, -1 - session.items.index(item)) for item in session.items]
        for length in range(max(1, prefix_min), len(known)):
            if session.told[length] == Kind.VIEWED:
                begin = time.perf_counter()
                listed = _listed(asker, kernel, _evolving(known, session.told, length, kernel), trained.end, last)
                measured.count(time.perf_counter() - begin, listed, _rest(known, session.told, length))
    return measured.result(trained.sessions)


def replay(
    trained: Trained,
    test: Sequence[Recorded],
    *,
    last: Last,
    prefix_min: int = 1,
    kernel: Kernel = Kernel(),  # noqa: B008
) -> Result:
    """Prequential replay: the test's clicks in the order of time, each first asked for and then taken in, so that sessions of
    the test learn from each other; nobody's own session is their neighbour. ``trained`` has the test's sessions after it."""
    measured = _Measured(len(trained.numbers) + sum(len(session.items) for session in test))
    asker = Asker(trained.sessions)
    known = [[trained.number(item) for item in session.items] for session in test]
    visitors = [trained.next_visitor() for _ in test]
    for session, place, at in _in_time(test):
        items, kinds = known[session], test[session].told
        if place >= max(1, prefix_min) and kinds[place] == Kind.VIEWED:
            own = trained.sessions.slots(visitors[session])
            begin = time.perf_counter()
            listed = _listed(asker, kernel, _evolving(items, kinds, place, kernel), at, last, own)
            measured.count(time.perf_counter() - begin, listed, _rest(items, kinds, place))
        trained.add(visitors[session], items[place], at, kinds[place])
    trained.settle()
    return measured.result(trained.sessions)


def both_ways(
    train: Sequence[Recorded], test: Sequence[Recorded], *, lasts: Sequence[Last], prefix_min: int = 1
) -> Iterator[tuple[str, Last, Result]]:
    """``static`` for each of ``lasts``, then ``replay`` for each, with the defaults that a shop gets."""
    trained: Trained | None = Trained(train, before=test)
    for last in lasts:
        assert trained is not None
        yield "static", last, evaluate(trained, test, last=last, prefix_min=prefix_min)
    for last in lasts:
        # A replay leaves its own test behind in what was trained.
        yield "replay", last, replay(trained or Trained(train, before=test), test, last=last, prefix_min=prefix_min)
        trained = None


def _in_time(test: Sequence[Recorded]) -> Iterator[tuple[int, int, int]]:
    """The clicks in the order of their times: session, place in it, time."""
    clicks = [
        (at, session, place)
        for session, times in enumerate(_times(test, 2 * _SPAN_MS_UNKNOWN))
        for place, at in enumerate(times)
    ]
    for at, session, place in sorted(clicks):
        yield session, place, at


def _first(recorded: Sequence[Recorded]) -> int:
    return min((times[0] for session in recorded if (times := session.times)), default=_SPAN_MS_UNKNOWN)


def _times(recorded: Sequence[Recorded], end: int = _SPAN_MS_UNKNOWN) -> Iterator[Sequence[int]]:
    """The times of each session's clicks; ``end``: when those end that have none."""
    timed = all(session.times is not None for session in recorded)
    for number, session in enumerate(recorded):
        if timed:
            yield session.times or ()
        else:
            begin = end - _SPAN_MS_UNKNOWN * (len(recorded) - number) // max(1, len(recorded))
            yield range(begin, begin + len(session.items) * SECOND_MS, SECOND_MS)


def _listed(asker: Asker, kernel: Kernel, evolving: Sequence[Step], now: int, last: Last, own: Sequence[int] = ()) -> Integers:
    best = asker.ask(evolving, now, own, kernel).best(LISTED + 1)
    order = np.lexsort((best.items, -best.values))
    items = best.items[order]
    if last == "drop" and evolving:
        items = items[items != evolving[0].items[0]]
    return items[:LISTED]


def _evolving(items: Sequence[int], kinds: Sequence[Kind], length: int, kernel: Kernel) -> list[Step]:
    """The last distinct items of the first ``length`` events, newest first, and what is known of each."""
    known: dict[int, int] = {}
    for place in range(length - 1, -1, -1):
        item = items[place]
        if item not in known and len(known) == kernel.items_max:
            break
        known[item] = known.get(item, 0) | _KNOWN[kinds[place]]
    return [Step((item,), steps, kinds_known) for steps, (item, kinds_known) in enumerate(known.items())]


def _rest(items: Sequence[int], kinds: Sequence[Kind], place: int) -> list[int]:
    """What is viewed from a place on."""
    return [item for item, kind in zip(items[place:], kinds[place:], strict=True) if kind == Kind.VIEWED]


class _Measured:
    """Sums over predictions."""

    def __init__(self, item_count: int) -> None:
        self._seconds: list[float] = []
        self._hits = 0
        self._reciprocal = self._precision = self._recall = 0.0
        self._times_listed = np.zeros(item_count, dtype=np.int64)

    def count(self, seconds: float, listed: Integers, rest: Sequence[int]) -> None:
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
        items = min(len(sessions.postings), len(self._times_listed))
        counts, times_listed = sessions.counts[:items], self._times_listed[:items]
        popularity = float((times_listed * counts).sum()) / listed / max(1, int(counts.max(initial=1)))
        milliseconds = np.array(self._seconds or [0.0]) * 1_000
        return Result(
            predictions,
            self._hits * share,
            self._reciprocal * share,
            self._precision * share,
            self._recall * share,
            float((times_listed > 0).mean()) if items else 0.0,
            popularity,
            float(np.percentile(milliseconds, 50)),
            float(np.percentile(milliseconds, 90)),
        )

"""Sessions are a function of the set of events that were told: against a naive reading of all of it, in any order, saved and
brought forward at any moment."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS
from footfall.projections.recommendations.neighbours import Asker, Kernel, Step
from footfall.projections.recommendations.postings import SECOND_SHIFT, SLOT_MASK, STEP_BITS
from footfall.projections.recommendations.sessions import Kind, Sessions, Signal
from tests.properties.naive_sessions import Bounds, NaiveSession, Seen, answers, counted

THOROUGH = settings(max_examples=60, deadline=None)
BEGIN = 20_000 * DAY_MS
VISITORS = 4
ITEMS = 7
KINDS = [Kind.VIEWED, Kind.VIEWED, Kind.ADDED, Kind.REMOVED, Kind.PURCHASED]

spans = st.sampled_from([2 * 60, 3 * 24 * 60, 10 * 24 * 60])
"""Minutes from the first event to the last, at most."""
small_bounds = st.builds(
    Bounds,
    items_max=st.sampled_from([3, 5, 250]),
    events_max=st.sampled_from([6, 1_000]),
    sessions_max=st.sampled_from([3, 12, 5_000_000]),
    kept_max=st.just(Bounds().kept_max),
    window_days=st.sampled_from([1, 2, 180]),
)
_BOUNDS = {
    "SESSION_ITEMS_MAX": "items_max",
    "SESSION_EVENTS_MAX": "events_max",
    "SESSIONS_MAX": "sessions_max",
    "SESSIONS_KEPT_MAX": "kept_max",
    "SESSIONS_WINDOW_DAYS": "window_days",
}


class Told(NamedTuple):
    """Events in the order of their positions, the same in another order, and the time of the question."""

    signals: list[Signal]
    shuffled: list[Signal]
    now: int


@st.composite
def told(draw: st.DrawFn) -> Told:
    """Events of a few visitors: close together, so that late ones extend sessions and join them."""
    span = draw(spans)
    # Thirty minutes are the longest pause within a session.
    step = draw(st.sampled_from([1, 25, 30]))
    moment = st.integers(0, span // step).map(lambda steps: step * steps)
    one = st.tuples(
        st.integers(1, VISITORS), st.sampled_from([0, 0, 0, 7]), st.integers(0, ITEMS - 1), st.sampled_from(KINDS), moment
    )
    many = draw(st.integers(0, 60))
    drawn = draw(st.lists(one, min_size=many, max_size=many))
    signals = [
        Signal(visitor, name, item, kind, BEGIN + minute * MINUTE_MS, position)
        for position, (visitor, name, item, kind, minute) in enumerate(drawn, 1)
    ]
    now = max((signal.time for signal in signals), default=BEGIN) + draw(st.sampled_from([0, 5 * HOUR_MS, 30 * HOUR_MS]))
    return Told(signals, draw(st.permutations(signals)), now)


@contextmanager
def bounded(bounds: Bounds) -> Iterator[None]:
    """Other bounds than a shop's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, field in _BOUNDS.items():
            module = "window" if name.startswith("SESSIONS") else "sessions"
            patch.setattr(f"footfall.projections.recommendations.{module}.{name}", getattr(bounds, field))
        yield


def settle(sessions: Sessions, now: int) -> None:
    for _ in sessions.settle(now):
        pass


def rebuilt(signals: Sequence[Signal], now: int) -> Sessions:
    """Sessions that were told these, one after the other, and brought forward once."""
    sessions = Sessions()
    for signal in signals:
        sessions.add(signal)
    settle(sessions, now)
    return sessions


def naive(sessions: Sessions) -> list[NaiveSession]:
    """The sessions that count, as the naive reading tells them."""
    found = {}
    for item, (posting, count) in enumerate(zip(sessions.postings, sessions.counts.tolist(), strict=False)):
        ordered = [_session(sessions, int(told) >> STEP_BITS & SLOT_MASK) for told in posting[:count]]
        assert ordered == sorted(set(ordered)), "a posting has each session once, by start, visitor and name"
        assert [int(told) >> SECOND_SHIFT for told in posting[:count]] == [one.start // 1_000 for one in ordered]
        assert all(session.has(item) for session in ordered)
        found.update(dict.fromkeys(ordered))
    assert len(found) == sessions.counted
    assert all(sum(one.has(item) for one in found) == count for item, count in enumerate(sessions.counts.tolist()))
    return sorted(found)


def _session(sessions: Sessions, slot: int) -> NaiveSession:
    begin, length = divmod(sessions._rows[slot], 256)
    columns = (sessions._times, sessions._positions, sessions._items, sessions._kinds, sessions._nets)
    seen = zip(*(column[begin : begin + length].tolist() for column in columns), strict=True)
    return NaiveSession(
        sessions._starts[slot],
        sessions._visitor[slot],
        sessions._name[slot],
        sessions._ends[slot],
        sessions._events[slot],
        tuple(Seen(*one) for one in seen),
    )


def asked(sessions: Sessions, now: int) -> list[dict[int, float]]:
    """What every item's question is answered, and that of a whole session, to the last bit."""
    asker, kernel = Asker(sessions), Kernel(sessions_m=5, neighbours_k=3)
    questions = [[Step((item,), 0)] for item in range(ITEMS)]
    questions.append([Step((item,), back, 1 + back % 2) for back, item in enumerate(range(0, ITEMS, 2))])
    found = [asker.ask(question, now, (), kernel) for question in questions]
    return [dict(zip(scores.items.tolist(), scores.values.tolist(), strict=True)) for scores in found]


@THOROUGH
@given(told=told(), bounds=small_bounds)
def test_what_counts_is_what_a_naive_reading_counts(told: Told, bounds: Bounds) -> None:
    with bounded(bounds):
        assert naive(rebuilt(told.shuffled, told.now)) == counted(told.signals, told.now, bounds)


@THOROUGH
@given(
    told=told(),
    bounds=small_bounds,
    moments=st.lists(st.sampled_from(["settle", "pack", "merge", "nothing", "nothing"]), min_size=1, max_size=30),
)
def test_rebuilt_is_incremental_is_shuffled(told: Told, bounds: Bounds, moments: list[str]) -> None:
    with bounded(bounds):
        expected = rebuilt(told.signals, told.now)
        for signals in (told.signals, told.shuffled):
            sessions = Sessions()
            latest = BEGIN
            for number, signal in enumerate(signals):
                sessions.add(signal)
                latest = max(latest, signal.time)
                moment = moments[number % len(moments)]
                if moment == "settle":
                    settle(sessions, latest)
                elif moment == "merge":
                    sessions.merge_visitors()()
                elif moment == "pack":
                    sessions = Sessions(sessions.packed())
            settle(sessions, told.now)
            assert naive(sessions) == naive(expected)
            assert asked(sessions, told.now) == asked(expected, told.now)
            again = Sessions(sessions.packed())
            assert naive(again) == naive(expected)
            assert asked(again, told.now) == asked(expected, told.now)


@THOROUGH
@given(told=told(), bounds=small_bounds, visitor=st.integers(1, VISITORS), half=st.booleans(), packed=st.booleans())
def test_a_forgotten_visitor_was_never_told(told: Told, bounds: Bounds, visitor: int, half: bool, packed: bool) -> None:
    with bounded(bounds):
        others = [signal for signal in told.signals if signal.visitor != visitor]
        expected = rebuilt(others, told.now)
        early = len(told.shuffled) // 2 if half else len(told.shuffled)
        sessions = rebuilt(told.shuffled[:early], max((signal.time for signal in told.shuffled[:early]), default=BEGIN))
        if packed:
            sessions = Sessions(sessions.packed())
        sessions.forget(visitor)
        assert sessions.slots(visitor) == []
        for signal in told.shuffled[early:]:
            if signal.visitor != visitor:
                sessions.add(signal)
        settle(sessions, told.now)
        assert naive(sessions) == naive(expected) == counted(others, told.now, bounds)
        assert asked(sessions, told.now) == asked(expected, told.now)


@THOROUGH
@given(told=told(), bounds=small_bounds)
def test_answers_are_those_of_the_formula(told: Told, bounds: Bounds) -> None:
    with bounded(bounds):
        sessions = counted(told.signals, told.now, bounds)
        kernel = Kernel(sessions_m=5, neighbours_k=3)
        for item, answer in enumerate(asked(rebuilt(told.shuffled, told.now), told.now)[:ITEMS]):
            expected = answers(sessions, [Step((item,), 0)], told.now, kernel)
            assert answer == pytest.approx(expected, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), window=st.sampled_from([1, 2]), most=st.sampled_from([40, 100, 5_000_000]))
def test_between_the_steps_of_settle_everything_may_be_told_and_forgotten(seed: int, window: int, most: int) -> None:
    chance = random.Random(seed)
    signals = [
        Signal(chance.randint(1, 200), 0, chance.randrange(ITEMS), chance.choice(KINDS), time, position)
        for position, time in enumerate((BEGIN + chance.randrange(4 * 24 * 60) * MINUTE_MS for _ in range(900)), 1)
    ]
    now = max(signal.time for signal in signals)
    forgotten = chance.sample(range(1, 201), 20)
    bounds = Bounds(window_days=window, sessions_max=most, events_max=9)
    with bounded(bounds):
        sessions = rebuilt(signals[:500], max(signal.time for signal in signals[:500]) - DAY_MS)
        late, steps = iter(signals[500:]), 0
        for _ in sessions.settle(now):
            steps += 1
            for signal in (one for _, one in zip(range(40), late, strict=False)):
                sessions.add(signal)
        assert steps, "there is something between the steps"
        for visitor in forgotten:
            sessions.forget(visitor)
        for signal in late:
            if signal.visitor not in forgotten:
                sessions.add(signal)
        settle(sessions, now)
        assert naive(sessions) == counted([signal for signal in signals if signal.visitor not in forgotten], now, bounds)


@settings(max_examples=60, deadline=None)
@given(told=told(), most=st.integers(1, 6))
def test_memory_lets_sessions_go_beyond_its_bound_and_says_what_is_missing(told: Told, most: int) -> None:
    bounds = Bounds(sessions_max=most, kept_max=most + 2)
    with bounded(bounds):
        sessions = Sessions()
        for signal in told.signals:
            sessions.add(signal)
            settle(sessions, signal.time)
        settle(sessions, told.now)
        assert naive(sessions) == counted(told.signals, told.now, bounds) or sessions.is_incomplete
        for visitor in range(1, VISITORS):
            sessions.forget(visitor)
        settle(sessions, told.now)
        left = [signal for signal in told.signals if signal.visitor == VISITORS]
        assert naive(sessions) == counted(left, told.now, bounds) or sessions.is_incomplete

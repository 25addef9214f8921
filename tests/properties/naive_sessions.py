"""Sessions by the plainest reading of all that was told, cut from the whole list, and the formula of their neighbours by
straight loops."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from footfall import limits
from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS
from footfall.projections.recommendations.neighbours import Kernel, Step
from footfall.projections.recommendations.sessions import IN_CART, PURCHASED, VIEWED, Kind, Signal

_NEVER: Final = -(2**62)


class Bounds(NamedTuple):
    """What sessions are held to; the defaults are a shop's."""

    items_max: int = limits.SESSION_ITEMS_MAX
    events_max: int = limits.SESSION_EVENTS_MAX
    sessions_max: int = limits.SESSIONS_MAX
    kept_max: int = limits.SESSIONS_KEPT_MAX
    window_days: int = limits.SESSIONS_WINDOW_DAYS


class Seen(NamedTuple):
    """What one session knows of one item, in the order in which items stand: ``time`` and ``position`` of its last signal."""

    time: int
    position: int
    item: int
    kinds: int
    net: int


class NaiveSession(NamedTuple):
    """A session that counts; they stand in the order of these fields."""

    start: int
    visitor: int
    name: int
    end: int
    events: int
    seen: tuple[Seen, ...]

    def has(self, item: int) -> bool:
        """Whether it has a signal of an item."""
        return any(seen.item == item and seen.kinds for seen in self.seen)


def counted(signals: Sequence[Signal], now: int, bounds: Bounds = Bounds()) -> list[NaiveSession]:  # noqa: B008
    """The sessions that count at a time, in the order of postings."""
    found = list(_cut(signals))
    floor = _floor([session.start // HOUR_MS for session in found], now, bounds)
    within = [session for session in found if session.start // HOUR_MS >= floor]
    abnormal = {session.visitor for session in within if _is_abnormal(session, bounds)}
    return sorted(
        session
        for session in within
        if session.visitor not in abnormal and session.events >= 2 and any(seen.kinds for seen in session.seen)
    )


def _cut(signals: Sequence[Signal]) -> Iterator[NaiveSession]:
    of_name: dict[tuple[int, int], list[Signal]] = defaultdict(list)
    for signal in sorted(signals, key=lambda signal: signal.time):
        of_name[signal.visitor, signal.name].append(signal)
    for (_visitor, name), all_told in of_name.items():
        gap = DAY_MS if name else 30 * MINUTE_MS
        told = all_told[:1]
        for signal in all_told[1:]:
            if signal.time - told[-1].time > gap:
                yield _session(told)
                told = []
            told.append(signal)
        yield _session(told)


def _session(told: list[Signal]) -> NaiveSession:
    seen = []
    for item in {signal.item for signal in told}:
        of_item = [signal for signal in told if signal.item == item]
        kinds = {signal.kind for signal in of_item}
        net = sum((signal.kind == Kind.ADDED) - (signal.kind == Kind.REMOVED) for signal in of_item)
        last = max(((s.time, s.position) for s in of_item if s.kind != Kind.REMOVED), default=(_NEVER, 0))
        known = VIEWED * (Kind.VIEWED in kinds) | IN_CART * (net > 0) | PURCHASED * (Kind.PURCHASED in kinds)
        seen.append(Seen(*last, item, known, net))
    return NaiveSession(told[0].time, told[0].visitor, told[0].name, told[-1].time, len(told), tuple(sorted(seen)))


def _is_abnormal(session: NaiveSession, bounds: Bounds) -> bool:
    return (
        len(session.seen) > bounds.items_max
        or session.events > bounds.events_max
        or session.end - session.start > limits.SESSION_SPAN_HOURS_MAX * HOUR_MS
    )


def _floor(hours: Sequence[int], now: int, bounds: Bounds) -> int:
    """The first hour of the window."""
    floor = now // HOUR_MS - 24 * bounds.window_days + 1
    for hour in sorted({floor, *(hour + 1 for hour in hours if floor <= hour < max(hours))}):
        floor = hour
        if sum(one >= hour for one in hours) <= bounds.sessions_max:
            break
    # The newest hour is in the window, whatever it holds.
    return floor


def answers(
    sessions: Sequence[NaiveSession],
    evolving: Sequence[Step],
    now: int,
    kernel: Kernel,
    without: Collection[NaiveSession] = (),
) -> dict[int, float]:
    """Items and what speaks for each, above 0. ``sessions``: those that count; ``without``: those that are not asked."""
    evolving = evolving[: kernel.items_max]
    shared: dict[NaiveSession, list[Step]] = defaultdict(list)
    for step in evolving:
        for session in {one for item in step.items for one in _recent(sessions, item, kernel.sessions_m)}:
            shared[session].append(step)
    similarity = {
        session: sum(math.exp(-step.steps / kernel.lambda_spw) * _weight(step.kinds, kernel) for step in steps)
        * math.exp(-max(0, now / 1_000 - session.start // 1_000) / (kernel.lambda_snh_days * 86_400))
        for session, steps in shared.items()
        if session not in without
    }
    similarity = {session: value for session, value in similarity.items() if value > 0}
    least = sorted(similarity.values(), reverse=True)[: kernel.neighbours_k][-1:]
    found: dict[int, float] = defaultdict(float)
    asked = {item for step in evolving for item in step.items}
    for session, value in similarity.items():
        if [value] < least:
            continue
        last = max(place for place, seen in enumerate(session.seen) if seen.kinds and seen.item in asked)
        value *= math.exp(-shared[session][0].steps / kernel.lambda_ipw)
        for place, seen in enumerate(session.seen):
            if abs(place - last) <= kernel.places_max and seen.kinds:
                near = math.exp(-abs(place - last) / kernel.lambda_inh)
                found[seen.item] += value * near * _weight(seen.kinds, kernel)
    for item in found:
        having = sum(session.has(item) for session in sessions)
        found[item] *= 1 + kernel.lambda_idf * math.log(len(sessions) / having)
        for step in evolving:
            if item in step.items:
                found[item] *= 1 + kernel.again * math.exp(-step.steps / kernel.lambda_again)
    return {item: value for item, value in found.items() if value > 0}


def _recent(sessions: Sequence[NaiveSession], item: int, count: int) -> list[NaiveSession]:
    return [session for session in sessions if session.has(item)][-count:]


def _weight(kinds: int, kernel: Kernel) -> float:
    if kinds & PURCHASED:
        return kernel.purchased
    if kinds & IN_CART:
        return kernel.added
    return 1.0 if kinds & VIEWED else 0.0

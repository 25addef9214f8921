"""Session neighbours: the arrays say what the formula says, computed by straight loops."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.projections.recommendations.neighbours import Kernel, scores
from footfall.projections.recommendations.sessions import Sessions, build

ITEMS = 12
SMALL = Kernel(sessions_m=4, neighbours_k=3, items_max=3)


def built(*sessions: Sequence[int], days: Sequence[float] | None = None) -> Sessions:
    """Sessions of a day after the other."""
    return build(sessions, list(days) if days is not None else [float(day) for day in range(len(sessions))], ITEMS)


def told(sessions: Sessions, evolving: Sequence[int], now: float, kernel: Kernel) -> dict[int, float]:
    """What the arrays say."""
    found = scores(sessions, evolving, now, kernel)
    return dict(zip(found.items.tolist(), found.values.tolist(), strict=True))


def by_hand(recorded: list[list[int]], days: list[float], evolving: list[int], now: float, kernel: Kernel) -> dict[int, float]:
    """The formula, item by item and session by session."""
    sets = [list(reversed(dict.fromkeys(reversed(session)))) for session in recorded]
    steps = {item: len(evolving) - 1 - max(n for n, one in enumerate(evolving) if one == item) for item in set(evolving)}
    last = sorted((item for item in steps if any(item in one for one in sets)), key=lambda item: steps[item])
    last = last[: kernel.items_max]
    shared: dict[int, list[int]] = {}
    for item in last:
        having = [number for number, one in enumerate(sets) if item in one]
        for number in having[-kernel.sessions_m :]:
            shared.setdefault(number, []).append(item)
    similarity = {
        number: sum(math.exp(-steps[item] / kernel.lambda_spw) for item in items)
        * math.exp(-max(0.0, now - days[number]) / kernel.lambda_snh_days)
        for number, items in shared.items()
    }
    nearest = sorted(similarity, key=lambda number: (-similarity[number], -number))[: kernel.neighbours_k]
    found: dict[int, float] = {}
    for number in nearest:
        place = max(sets[number].index(item) for item in shared[number])
        back = min(steps[item] for item in shared[number])
        for at, item in enumerate(sets[number]):
            weight = similarity[number] * math.exp(-back / kernel.lambda_ipw) * math.exp(-abs(at - place) / kernel.lambda_inh)
            found[item] = found.get(item, 0.0) + weight
    for item in found:
        in_sessions = sum(item in one for one in sets)
        found[item] *= 1 + kernel.lambda_idf * math.log(len(sets) / in_sessions)
        if item in last:
            found[item] *= 1 + kernel.again * math.exp(-steps[item] / kernel.lambda_again)
    return found


session = st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=8)


@settings(deadline=None)
@given(
    recorded=st.lists(session, max_size=12),
    evolving=st.lists(st.integers(-1, ITEMS), max_size=8),
    start=st.floats(-50, 50),
    small=st.booleans(),
)
def test_the_arrays_say_what_the_formula_says(
    recorded: list[list[int]], evolving: list[int], start: float, *, small: bool
) -> None:
    kernel = SMALL if small else Kernel()
    days = [start + number / 3 for number in range(len(recorded))]
    came = told(build(recorded, days, ITEMS), evolving, 1.0, kernel)
    assert came == pytest.approx(by_hand(recorded, days, evolving, 1.0, kernel))


def test_an_item_counts_once_in_a_session_where_it_came_last() -> None:
    assert built([1, 2, 1, 3, 1]).items.tolist() == [2, 3, 1]
    assert told(built([1, 1, 1, 2], [3]), [1], 0.0, Kernel()) == told(built([1, 2], [3]), [1], 0.0, Kernel())


def test_a_session_from_after_the_question_counts_as_one_of_now() -> None:
    later, now = built([1, 2], [3], days=[90.0, 90.0]), built([1, 2], [3], days=[10.0, 10.0])
    assert told(later, [1], 10.0, Kernel()) == told(now, [1], 10.0, Kernel())


def test_what_no_session_has_answers_nothing() -> None:
    assert told(built([1, 2]), [7], 0.0, Kernel()) == {}
    assert told(built([1, 2]), [], 0.0, Kernel()) == {}
    assert told(build([], [], 0), [1], 0.0, Kernel()) == {}
    assert told(built([1, 2]), [-1, 99], 0.0, Kernel()) == {}


def test_the_best_come_first_and_among_equals_the_lower_number() -> None:
    sessions = built([1, 2], [1, 4], [1, 3], [1, 3], days=[0.0] * 4)
    found = scores(sessions, [1], 0.0, Kernel(again=-1.0, lambda_again=1e9, lambda_idf=0.0))
    assert found.best(2).tolist() == [3, 2]
    assert found.best(10).tolist() == [3, 2, 4, 1]


def test_only_the_most_recent_sessions_of_an_item_are_looked_at() -> None:
    sessions = built([1, 2], [1, 3], [1, 4])
    assert set(told(sessions, [1], 3.0, Kernel(sessions_m=2))) == {1, 3, 4}


def test_times_and_sessions_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 sessions, but 1 times"):
        build([[1], [2]], [0.0], ITEMS)

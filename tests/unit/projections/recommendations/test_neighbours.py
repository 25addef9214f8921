"""Session neighbours: the arrays say what the formula says, computed by straight loops."""

import random
from collections.abc import Collection, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import DAY_MS, HOUR_MS, SECOND_MS
from footfall.projections.recommendations.neighbours import Asker, Kernel, Step
from footfall.projections.recommendations.sessions import IN_CART, PURCHASED, VIEWED, Kind, Sessions, Signal
from tests.properties.naive_sessions import NaiveSession, answers, counted

ITEMS = 10
NOW = 20_000 * DAY_MS
EVEN = Kernel(lambda_idf=0.0, again=0.0)
"""Neither rarity nor coming again counts."""

KERNELS = st.builds(
    lambda m, k, items, places, days, idf, again, added, purchased: Kernel(
        sessions_m=m,
        neighbours_k=k,
        items_max=items,
        places_max=places,
        lambda_snh_days=days,
        lambda_idf=idf,
        again=again,
        added=added,
        purchased=purchased,
    ),
    st.sampled_from([1, 2, 4, 1_000]),
    st.sampled_from([1, 2, 3, 500]),
    st.sampled_from([1, 2, 3, 10, 16]),
    st.sampled_from([0, 1, 3, 10]),
    st.sampled_from([0.5, 90.0]),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([0.0, 4.0]),
    st.sampled_from([1.0, 1.5]),
    st.sampled_from([1.0, 2.0]),
)


@st.composite
def recordings(draw: st.DrawFn) -> list[Signal]:
    """Sessions of one visitor each, some of which begin in one second."""
    one = st.tuples(st.integers(0, ITEMS - 1), st.sampled_from([Kind.VIEWED, *Kind]))
    signals: list[Signal] = []
    for number, session in enumerate(draw(st.lists(st.lists(one, min_size=2, max_size=8), max_size=10))):
        begin = NOW - draw(st.integers(0, 40)) * HOUR_MS
        signals += [
            Signal(number + 1, 0, item, kind, begin + place * SECOND_MS, 100 * number + place)
            for place, (item, kind) in enumerate(session)
        ]
    return signals


@st.composite
def questions(draw: st.DrawFn) -> list[Step]:
    """Products of one to three names each, also of such as nobody knows, the newest first."""
    names = draw(st.permutations(range(-1, ITEMS + 2)))[: draw(st.integers(0, ITEMS))]
    products: list[tuple[int, ...]] = []
    while names:
        count = draw(st.sampled_from([1, 1, 2, 3]))
        products.append(tuple(names[:count]))
        names = names[count:]
    backs = sorted(draw(st.sets(st.integers(0, 70), min_size=len(products), max_size=len(products))))
    kinds = st.sampled_from([VIEWED, VIEWED, IN_CART, PURCHASED, VIEWED | IN_CART, VIEWED | IN_CART | PURCHASED])
    return [Step(product, back, draw(kinds)) for product, back in zip(products, backs, strict=True)]


def told(signals: Sequence[Signal]) -> Sessions:
    """Sessions that were told these."""
    sessions = Sessions()
    for signal in signals:
        sessions.add(signal)
    for _ in sessions.settle(NOW):
        pass
    return sessions


def viewed(*sessions: str, days: Sequence[int] | None = None) -> Sessions:
    """Sessions of views of items, each a digit; a session a day, the last one today, or at other days."""
    ago = days or range(len(sessions) - 1, -1, -1)
    return told(
        [
            Signal(number, 0, int(item), Kind.VIEWED, NOW - days * DAY_MS + place * SECOND_MS, 100 * number + place)
            for number, (session, days) in enumerate(zip(sessions, ago, strict=True), 1)
            for place, item in enumerate(session)
        ]
    )


def asked(
    sessions: Sessions,
    evolving: Sequence[Step],
    kernel: Kernel = Kernel(),  # noqa: B008
    without: Collection[int] = (),
    now: int = NOW,
) -> dict[int, float]:
    """What the arrays say."""
    found = Asker(sessions).ask(evolving, now, without, kernel)
    return dict(zip(found.items.tolist(), found.values.tolist(), strict=True))


def steps(*items: int) -> list[Step]:
    """Views, the newest first."""
    return [Step((item,), back) for back, item in enumerate(items)]


def slots(sessions: Sessions, naive: Collection[NaiveSession]) -> list[int]:
    """Where these are."""
    return [slot for session in naive for slot in sessions.slots(session.visitor, session.name)]


@settings(max_examples=150, deadline=None)
@given(signals=recordings(), evolving=questions(), kernel=KERNELS, left_out=st.sets(st.integers(0, 9), max_size=3))
def test_the_arrays_say_what_the_formula_says(
    signals: list[Signal], evolving: list[Step], kernel: Kernel, left_out: set[int]
) -> None:
    sessions, naive = told(signals), counted(signals, NOW)
    without = [session for number, session in enumerate(naive) if number in left_out]
    came = asked(sessions, evolving, kernel, slots(sessions, without))
    expected = answers(naive, evolving, NOW, kernel, without)
    # What is a millionth of the best may be rounded to nothing.
    either = {*came, *expected}
    close = pytest.approx({item: expected.get(item, 0.0) for item in either}, abs=1e-6 * max(expected.values(), default=0))
    assert {item: came.get(item, 0.0) for item in either} == close
    assert all(value > 0 for value in came.values())


@settings(max_examples=50, deadline=None)
@given(signals=recordings(), evolving=questions(), kernel=KERNELS, seed=st.integers(0, 99))
def test_answers_do_not_depend_on_where_sessions_are(
    signals: list[Signal], evolving: list[Step], kernel: Kernel, seed: int
) -> None:
    elsewhere = random.Random(seed).sample(signals, len(signals))
    assert asked(told(signals), evolving, kernel) == asked(told(elsewhere), evolving, kernel)


def test_an_item_counts_once_in_a_session_where_it_came_last() -> None:
    sessions = viewed("12131")
    assert sessions.items[:3].tolist() == [2, 3, 1]
    assert asked(viewed("1112"), steps(1)) == asked(viewed("12"), steps(1))


def test_a_session_from_after_the_question_counts_as_one_of_now() -> None:
    sessions = viewed("12", days=[0])
    assert asked(sessions, steps(1), now=NOW - 9 * DAY_MS) == asked(sessions, steps(1))
    assert asked(sessions, steps(1), now=NOW + 9 * DAY_MS)[2] < asked(sessions, steps(1))[2]


@pytest.mark.parametrize("evolving", [steps(7), [], steps(-1, 99), [Step((), 0)]])
def test_what_no_session_has_answers_nothing(evolving: list[Step]) -> None:
    assert asked(viewed("12"), evolving) == {}
    assert asked(Sessions(), evolving) == {}


def test_a_session_left_out_is_nobodys_neighbour() -> None:
    sessions = viewed("12", "13")
    left_out = sessions.slots(1)
    found = Asker(sessions).ask(steps(1), NOW, left_out)
    assert not np.isin(left_out, found.neighbours.slots).any()
    assert set(found.items.tolist()) == {1, 3}
    assert asked(sessions, steps(1), without=[*left_out, *sessions.slots(2)]) == {}


def test_only_the_most_recent_sessions_of_an_item_are_looked_at() -> None:
    assert set(asked(viewed("12", "13", "14"), steps(1), Kernel(sessions_m=2))) == {1, 3, 4}


def test_sessions_as_similar_as_the_last_that_counts_count_as_well() -> None:
    alike = viewed("12", "13", "14", days=[5, 5, 5])
    assert set(asked(alike, steps(1), Kernel(neighbours_k=1))) == {1, 2, 3, 4}
    assert set(asked(viewed("12", "13", "14"), steps(1), Kernel(neighbours_k=1))) == {1, 4}, "the newest is the most similar"


def test_one_product_under_several_names_is_shared_once() -> None:
    sessions = viewed("123")
    under_both, under_one = asked(sessions, [Step((1, 2), 0)], EVEN), asked(sessions, [Step((2,), 0)], EVEN)
    assert under_both == pytest.approx(under_one)
    assert set(asked(viewed("13", "24"), [Step((1, 2), 0)])) == {1, 2, 3, 4}, "either name leads to sessions"


def test_what_is_in_the_cart_and_what_was_purchased_counts_more_on_both_sides() -> None:
    begin = NOW - DAY_MS
    of_kinds = [(2, Kind.VIEWED), (3, Kind.ADDED), (4, Kind.PURCHASED)]
    sessions = told(
        [
            signal
            for item, kind in of_kinds
            for signal in (
                Signal(item, 0, 1, Kind.VIEWED, begin, 10 * item),
                Signal(item, 0, item, kind, begin + SECOND_MS, 10 * item + 1),
            )
        ]
    )
    found = asked(sessions, steps(1), EVEN)
    assert found[3] == pytest.approx(1.5 * found[2])
    assert found[4] == pytest.approx(2.0 * found[2])
    for kinds, more in ((VIEWED | IN_CART, 1.5), (VIEWED | IN_CART | PURCHASED, 2.0), (0, 0.0)):
        asking = asked(sessions, [Step((1,), 0, kinds)], EVEN)
        assert asking.get(2, 0.0) == pytest.approx(more * found[2])


def test_what_was_taken_back_tells_nothing() -> None:
    begin = NOW - DAY_MS
    views = [Signal(1, 0, item, Kind.VIEWED, begin + place * SECOND_MS, place) for place, item in enumerate((1, 2, 3))]
    back = [Signal(1, 0, 4, kind, begin + n * SECOND_MS, n) for n, kind in ((4, Kind.ADDED), (5, Kind.REMOVED))]
    with_it, without_it = told([*views, *back]), told(views)
    assert 4 not in asked(with_it, steps(1))
    assert asked(with_it, steps(4, 1)) == asked(without_it, steps(4, 1)), "it is not the last item that both have"
    assert 4 not in Asker(with_it).ask(steps(1), NOW).told, "nor is a neighbour said to tell of it"


def test_an_item_that_lies_far_back_still_leads_somewhere() -> None:
    near, far = asked(viewed("12"), [Step((1,), 0)], EVEN), asked(viewed("12"), [Step((1,), 60)], EVEN)
    assert far[2] / far[1] == pytest.approx(near[2] / near[1])
    assert set(asked(viewed("12"), [Step((1,), 5_000)])) <= {1, 2}, "however far, it is a question"


def test_items_beyond_the_last_few_of_the_session_under_way_are_not_looked_at() -> None:
    sessions = viewed("12", "34")
    assert set(asked(sessions, steps(1, 3), Kernel(items_max=1))) == {1, 2}
    many = viewed("12", "34")
    unknown = [Step((100 + back,), back) for back in range(16)]
    assert asked(many, [*unknown, Step((1,), 16)], Kernel(items_max=99)) == {}, "nor are ever more than sixteen"
    assert set(asked(many, [*unknown[:15], Step((1,), 15)], Kernel(items_max=99))) == {1, 2}


def test_the_best_are_those_with_the_highest_scores_and_all_as_high_as_the_last() -> None:
    found = Asker(viewed("12", "14", "13", "13", days=[0, 0, 0, 0])).ask(steps(1), NOW, (), EVEN)
    assert set(found.best(2).items.tolist()) == {1, 3}
    assert set(found.best(3).items.tolist()) == {1, 2, 3, 4}, "2 and 4 have the same score"
    assert found.best(10) is found


def test_who_told_of_what_adds_up_to_the_scores() -> None:
    sessions = viewed("12", "132", "14")
    found = Asker(sessions).ask(steps(1), NOW, (), EVEN)
    assert len(found.told) == len(found.tellers) == 7
    whose = found.neighbours.slots[found.tellers[found.told == 2]]
    assert {sessions._visitor[slot] for slot in whose.tolist()} == {1, 2}


def test_one_asker_answers_the_same_however_often_it_is_asked_and_sees_what_comes() -> None:
    sessions = viewed("12", "13")
    asker = Asker(sessions)
    first = asker.ask(steps(1), NOW)
    asker.ask(steps(3, 2), NOW)
    again = asker.ask(steps(1), NOW)
    assert dict(zip(first.items.tolist(), first.values.tolist(), strict=True)) == dict(
        zip(again.items.tolist(), again.values.tolist(), strict=True)
    )
    for place, item in enumerate((1, 5_000)):
        sessions.add(Signal(9, 0, item, Kind.VIEWED, NOW + place, 900 + place))
    assert 5_000 in asker.ask(steps(1), NOW).items

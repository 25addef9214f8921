"""Slots, the estimate of visitors, and rankings in memory, by themselves."""

import numpy as np
import pytest

from footfall.clock import DAY_MS, HOUR_MS, Milliseconds
from footfall.identifiers import ProductReference, ShopId
from footfall.limits import RANKING_TOUCHED_MAX, UNITS_MAX
from footfall.order import Order, OrderLine, bought_lines
from footfall.projections.counters import Counts, marks, visitors
from footfall.projections.orders import Sold
from footfall.projections.selling import Flags, Selling
from footfall.projections.slots import Slots
from footfall.projections.trending import Trending

SHOP = ShopId(1)


def reference(number: int) -> ProductReference:
    return ProductReference(f"p:{number}")


def test_slots_keep_their_numbers_while_they_grow() -> None:
    slots = Slots(2, 1)
    for number in range(5_000):
        slots.add(reference(number), 1, number)
        slots.mark(reference(number), 0, 2)
        slots.add_real(reference(number), 0, 0.5)
    assert len(slots) == 5_000
    assert slots.whole[1].tolist() == list(range(5_000))
    assert set(slots.whole[0].tolist()) == {2}
    assert slots.real[0].sum() == 2_500
    assert slots.of(reference(4_999)) == [2, 4_999]
    assert slots.of(reference(5_000)) == [0, 0]


@pytest.mark.parametrize("people", [1, 2, 10, 60, 200, 2_000, 20_000])
def test_visitors_are_estimated_within_a_fifth_on_average(people: int) -> None:
    estimates = []
    for crowd in range(6):
        bits: dict[int, int] = {}
        for person in range(people):
            for level, bit in marks(f"{crowd:04x}{person:08x}-4000-8000-000000000000"):
                bits[level] = bits.get(level, 0) | bit
        estimates.append(visitors(bits))
    assert sum(estimates) / len(estimates) == pytest.approx(people, rel=0.2)


def test_where_nobody_was_nobody_is_counted() -> None:
    assert visitors({}) == 0


def test_a_visitor_who_comes_again_is_the_same_visitor() -> None:
    bits: dict[int, int] = {}
    for _ in range(1_000):
        for level, bit in marks("one visitor"):
            bits[level] = bits.get(level, 0) | bit
    assert visitors(bits) == pytest.approx(1, abs=0.02)


def every(ranking: Selling | Trending) -> Flags:
    return np.ones(len(ranking.names), np.bool_)


def selling(sales: dict[str, list[Sold]]) -> Selling:
    return Selling(SHOP, day=100, days=30, facts=True, sales=lambda order_id: sales.get(order_id, []), fresh=[])


def test_the_head_of_a_long_ranking_holds_its_best() -> None:
    ranking = selling({})
    for number in range(5_000):
        ranking.put([(reference(number), row, number % 7 + row) for row in (1, 2)])
        ranking.put([(reference(number), 0, number)])
    assert {name for name, _ in ranking.head(10, every(ranking))} == {reference(number) for number in range(4_990, 5_000)}
    assert len(ranking.head(10_000, every(ranking))) == 5_000
    assert list(ranking.order(every(ranking)))[:3] == [4_999, 4_998, 4_997]
    few = every(ranking)
    few[10:] = False
    assert {name for name, _ in ranking.head(3, few)} == {reference(number) for number in (7, 8, 9)}
    assert list(ranking.order(few)) == list(range(9, -1, -1))


def test_an_order_that_changes_takes_back_what_it_counted_before() -> None:
    sales = {"o": [Sold(Milliseconds(100 * DAY_MS), [(reference(1), 3), (reference(2), 1)])]}
    ranking = selling({})
    ranking._sales = lambda order_id: sales.get(order_id, [])
    ranking.touch("new")
    sales["new"] = sales["o"]
    assert dict(ranking.head(10, every(ranking))) == {reference(1): (3, 0, 0, 0), reference(2): (1, 0, 0, 0)}
    ranking.touch("new")
    sales["new"] = [Sold(Milliseconds(100 * DAY_MS), [(reference(1), 1)])]
    assert dict(ranking.head(10, every(ranking))) == {reference(1): (1, 0, 0, 0)}
    ranking.touch("new")
    sales["new"] = [Sold(Milliseconds(60 * DAY_MS), [(reference(1), 1)])]
    assert ranking.head(10, every(ranking)) == [], "outside the window"


def test_what_rises_stands_before_what_many_always_see() -> None:
    hour = 1_000
    ranking = Trending(SHOP, hour=hour)
    # For days fifty visitors an hour see the first, and one the second; now ten see that.
    ranking.put([(reference(1), -1, 400.0), (reference(1), -2, 4_000.0), (reference(2), -1, 8.0), (reference(2), -2, 80.0)])
    counts = Counts()
    for person in range(50):
        for level, bit in marks(f"of the first {person}"):
            of_level = counts.of_hour(SHOP, hour)[2][level]
            of_level[reference(1)] = of_level.get(reference(1), 0) | bit
    for person in range(12):
        for level, bit in marks(f"of the second {person}"):
            of_level = counts.of_hour(SHOP, hour)[2][level]
            of_level[reference(2)] = of_level.get(reference(2), 0) | bit
    ranking.take(counts)
    best = sorted(ranking.head(10, every(ranking)), key=lambda one: ranking.rank(one[1]))
    assert [name for name, _ in best] == [reference(2), reference(1)]
    assert ranking.reason(best[0][1])["score"] > 0


def test_one_who_hammers_reload_makes_nothing_rise() -> None:
    ranking = Trending(SHOP, hour=1_000)
    for _ in range(10_000):
        for level, bit in marks("one"):
            ranking.seen(reference(1), 1_000, level, bit)
    for person in range(3):
        for level, bit in marks(f"person {person}"):
            ranking.seen(reference(2), 1_000, level, bit)
    numbers = dict(ranking.head(10, every(ranking)))
    assert numbers[reference(2)][0] > 2.5 * numbers[reference(1)][0]


def test_a_ranking_knows_how_long_its_window_has_been_over() -> None:
    assert selling({}).stale_hours(Milliseconds(100 * DAY_MS + 5)) == 0
    assert selling({}).stale_hours(Milliseconds(101 * DAY_MS)) == 1
    assert selling({}).stale_hours(Milliseconds(102 * DAY_MS)) == 25
    assert Trending(SHOP, hour=10).stale_hours(Milliseconds(12 * HOUR_MS)) == 2


def test_units_have_a_bound_so_that_no_sum_overflows() -> None:
    order = Order(id="1", lines=[OrderLine(id="1", quantity=10**15, product_id="5")])
    assert [line.units for line in bought_lines(order)] == [UNITS_MAX]


def test_what_waits_to_be_counted_and_what_is_ranked_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.slots.RANKING_PRODUCTS_MAX", 10)
    ranking = selling({})
    for number in range(1_000):
        ranking.touch(f"order {number}")
        ranking.viewed(reference(number), 100)
    assert len(ranking._touched) <= RANKING_TOUCHED_MAX
    assert len(ranking) == 10
    ranking.viewed(reference(3), 100)
    assert ranking.numbers(reference(3)) == (0, 0, 2, 0), "those that have room go on"

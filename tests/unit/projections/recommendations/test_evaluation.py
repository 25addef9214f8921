"""The protocol: what counts as a prediction, a hit and a rank."""

import pytest

from footfall.projections.recommendations.evaluation import Recorded, Trained, evaluate, train

TRAIN = [Recorded(list(items), None) for items in ("ab", "ab", "ac", "de")]


def trained() -> Trained:
    """After ``a`` comes ``b``, less often ``c``."""
    return train(TRAIN)


def test_each_prefix_is_a_prediction_of_what_comes_next() -> None:
    result = evaluate(trained(), [Recorded(list("abz"), None), Recorded(list("d"), None)], last="drop")
    assert result.predictions == 2, "a, then a b; d has nothing after it"
    # After a: b, then c. After a b: z is known to nobody.
    assert (result.hr20, result.mrr20) == (0.5, 0.5)
    assert evaluate(trained(), [Recorded(list("abz"), None)], last="drop", prefix_min=2).predictions == 1


def test_a_rank_counts_by_its_reciprocal() -> None:
    result = evaluate(trained(), [Recorded(list("ac"), None)], last="drop")
    assert (result.hr20, result.mrr20) == (1.0, 0.5)


def test_what_was_seen_last_may_come_again_only_where_it_is_kept() -> None:
    again = [Recorded(list("aa"), None)]
    assert evaluate(trained(), again, last="keep").hr20 == 1.0
    assert evaluate(trained(), again, last="drop").hr20 == 0.0


def test_precision_and_recall_go_by_the_rest_of_the_session() -> None:
    result = evaluate(trained(), [Recorded(list("abcb"), None)], last="drop", prefix_min=1)
    # After a: b and c, of the rest {b, c}. After a b: a and c, of {c, b}. After a b c: a and b, of {b}.
    assert result.p20 == pytest.approx((2 / 20 + 1 / 20 + 1 / 20) / 3)
    assert result.r20 == pytest.approx((1 + 0.5 + 1) / 3)


def test_coverage_is_the_share_of_the_items_that_came_in_any_list() -> None:
    result = evaluate(trained(), [Recorded(list("dz"), None)], last="drop")
    assert result.coverage == pytest.approx(1 / 5), "e of a, b, c, d, e"
    assert result.popularity == pytest.approx(1 / 3), "e is in one session, a in three"


def test_sessions_are_trained_in_the_order_of_their_times_where_all_have_one() -> None:
    timed = train([Recorded(["x", "y"], 200_000.0), Recorded(["x", "z"], 100_000.0)])
    assert timed.numbers == {"x": 0, "z": 1, "y": 2}
    assert timed.end_days == pytest.approx(200_000 / 86_400)
    assert train([Recorded(["x", "y"], 2.0), Recorded(["x", "z"], None)]).numbers == {"x": 0, "y": 1, "z": 2}


def test_nothing_to_measure_is_measured_as_nothing() -> None:
    result = evaluate(train([]), [Recorded(["a"], None)], last="keep")
    assert (result.predictions, result.hr20, result.coverage) == (0, 0.0, 0.0)
    assert evaluate(train([]), [Recorded(["a", "b"], None)], last="keep").hr20 == 0.0

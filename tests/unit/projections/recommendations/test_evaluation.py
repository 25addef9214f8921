"""The protocol: what counts as a prediction, a hit and a rank, and what a test may learn from itself."""

import pytest

from footfall.clock import DAY_MS, SECOND_MS
from footfall.projections.recommendations.evaluation import Recorded, Trained, evaluate, replay
from footfall.projections.recommendations.sessions import IN_CART, VIEWED, Kind

BEGIN = 20_000 * DAY_MS


def recorded(*sessions: str) -> list[Recorded]:
    """Sessions of items, each a letter, without times."""
    return [Recorded(list(items), None) for items in sessions]


def timed(items: str, *seconds: int) -> Recorded:
    """A session of items at so many seconds."""
    return Recorded(list(items), [BEGIN + second * SECOND_MS for second in seconds])


@pytest.fixture
def trained() -> Trained:
    """After ``a`` comes ``b``, less often ``c``."""
    return Trained([timed("ab", 0, 1), timed("ab", 10, 11), timed("ac", 20, 21), timed("de", 30, 31)])


def test_each_prefix_is_a_prediction_of_what_comes_next(trained: Trained) -> None:
    result = evaluate(trained, recorded("abz", "d"), last="drop")
    assert result.predictions == 2, "a, then a b; d has nothing after it"
    # After a: b, then c. After a b: z is known to nobody.
    assert (result.hr20, result.mrr20) == (0.5, 0.5)
    assert evaluate(trained, recorded("abz"), last="drop", prefix_min=2).predictions == 1


def test_a_rank_counts_by_its_reciprocal(trained: Trained) -> None:
    result = evaluate(trained, recorded("ac"), last="drop")
    assert (result.hr20, result.mrr20) == (1.0, 0.5)


def test_what_was_seen_last_may_come_again_only_where_it_is_kept(trained: Trained) -> None:
    assert evaluate(trained, recorded("aa"), last="keep").hr20 == 1.0
    assert evaluate(trained, recorded("aa"), last="drop").hr20 == 0.0
    # Where it may come again it stands first, and b behind it.
    assert evaluate(trained, recorded("ab"), last="keep").mrr20 == 0.5
    assert evaluate(trained, recorded("ab"), last="drop").mrr20 == 1.0


def test_a_list_has_twenty_items_also_where_the_one_seen_last_is_dropped() -> None:
    items = "abcdefghijklmnopqrstuvwxyz"
    trained = Trained(recorded(*("a" + item for item in items[1:])))
    for last, found in (("drop", 20), ("keep", 19)):
        hits = [evaluate(trained, recorded("a" + item), last=last).hr20 for item in items[1:]]  # type: ignore[arg-type]
        assert sum(hits) == found


def test_precision_and_recall_go_by_the_rest_of_the_session(trained: Trained) -> None:
    result = evaluate(trained, recorded("abcb"), last="drop", prefix_min=1)
    # After a: b and c, of the rest {b, c}. After a b: a and c, of {c, b}. After a b c: a and b, of {b}.
    assert result.p20 == pytest.approx((2 / 20 + 1 / 20 + 1 / 20) / 3)
    assert result.r20 == pytest.approx((1 + 0.5 + 1) / 3)
    assert evaluate(trained, recorded("abxyx"), last="drop").r20 == pytest.approx(1 / 3 / 4), "of b, x and y: b"


def test_coverage_is_the_share_of_the_items_that_came_in_any_list(trained: Trained) -> None:
    result = evaluate(trained, recorded("dz"), last="drop")
    assert result.coverage == pytest.approx(1 / 5), "e of a, b, c, d, e"
    assert result.popularity == pytest.approx(1 / 3), "e is in one session, a in three"


def test_the_latest_session_of_a_recording_counts_most_by_its_times_or_by_its_place() -> None:
    ac = recorded("ac")
    assert evaluate(Trained(recorded("ab", "ac")), ac, last="drop").mrr20 == 1.0
    assert evaluate(Trained(recorded("ac", "ab")), ac, last="drop").mrr20 == 0.5
    by_time = Trained([timed("ac", 86_400, 86_410), timed("ab", 0, 10)])
    assert evaluate(by_time, ac, last="drop").mrr20 == 1.0
    assert by_time.end == BEGIN + 86_410 * SECOND_MS
    # One without times: then none counts.
    mixed = Trained([timed("ac", 86_400, 86_410), *recorded("ab")])
    assert evaluate(mixed, ac, last="drop").mrr20 == 0.5


def test_sessions_without_times_end_where_the_test_begins() -> None:
    trained = Trained(recorded("ab", "ac"), before=[timed("a", 500), timed("b", 400)])
    assert BEGIN - 120 * DAY_MS < trained.end < BEGIN + 400 * SECOND_MS
    assert trained.sessions.counted == 2


def test_nothing_to_measure_is_measured_as_nothing() -> None:
    result = evaluate(Trained([]), recorded("a"), last="keep")
    assert (result.predictions, result.hr20, result.coverage) == (0, 0.0, 0.0)
    assert evaluate(Trained([]), recorded("ab"), last="keep").hr20 == 0.0
    assert replay(Trained([]), [], last="keep").predictions == 0


def test_a_static_test_never_learns_from_itself_and_a_replay_does() -> None:
    train = [timed("ab", 0, 1)]
    test = [timed("xy", 100, 110), timed("xy", 200, 210)]
    static = evaluate(Trained(train, before=test), test, last="drop")
    assert (static.predictions, static.hr20) == (2, 0.0)
    trained = Trained(train, before=test)
    replayed = replay(trained, test, last="drop")
    assert (replayed.predictions, replayed.hr20, replayed.mrr20) == (2, 0.5, 0.5)
    assert trained.sessions.counted == 3, "it has the test's sessions after it"
    # Where x may come again it stands before y.
    kept = replay(Trained(train, before=test), test, last="keep")
    assert (kept.hr20, kept.mrr20) == (0.5, 0.25)
    assert replay(Trained(train, before=test), test, last="drop", prefix_min=2).predictions == 0


def test_nobodys_own_session_is_their_neighbour_in_a_replay() -> None:
    test = [timed("xyxy", 100, 110, 120, 130)]
    result = replay(Trained([timed("ab", 0, 1)], before=test), test, last="drop")
    assert (result.predictions, result.hr20) == (3, 0.0)


def test_a_replay_goes_by_the_clicks_times_not_by_sessions() -> None:
    # When the first asks after x and y, the second has told of w already, though it stands behind it.
    interleaved = [timed("xyw", 100, 110, 300), timed("xw", 200, 210)]
    assert replay(Trained([], before=interleaved), interleaved, last="drop", prefix_min=2).hr20 == 1.0
    # When the second asks after x, the first has told of y already; the other way round it hasn't.
    one_after_the_other = [timed("xy", 100, 110), timed("xy", 105, 120)]
    assert replay(Trained([], before=one_after_the_other), one_after_the_other, last="drop").hr20 == 0.5
    both_at_last = [timed("xy", 100, 130), timed("xy", 105, 130)]
    assert replay(Trained([], before=both_at_last), both_at_last, last="drop").hr20 == 0.5, "of equals the first goes first"
    before_any = [timed("xy", 100, 110), timed("xz", 90, 109)]
    assert replay(Trained([], before=before_any), before_any, last="drop").hr20 == 0.0


def test_only_what_is_viewed_next_is_asked_for_and_every_event_is_learnt_from() -> None:
    kinds = [Kind.VIEWED, Kind.ADDED, Kind.VIEWED]
    cart = Recorded(list("aab"), [BEGIN, BEGIN + SECOND_MS, BEGIN + 2 * SECOND_MS], kinds)
    trained = Trained([cart])
    result = evaluate(trained, [cart], last="drop")
    assert (result.predictions, result.hr20) == (1, 1.0), "the view of b; that a was added is not asked for"
    assert trained.sessions.kinds[:2].tolist() == [VIEWED | IN_CART, VIEWED]
    assert replay(Trained([], before=[cart]), [cart], last="drop").predictions == 1

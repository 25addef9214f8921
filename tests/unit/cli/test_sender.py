"""Replaying: which lane an event takes, and which id a row has."""

from footfall.cli.lanes import Lanes
from footfall.cli.sender import Outcome, stable_id


def test_events_of_one_visitor_or_customer_take_one_lane() -> None:
    lanes = Lanes(4)
    first = lanes.choose({"uuid": "a", "customer_id": "1"})
    assert lanes.choose({"uuid": "b"})[0] != first[0]
    assert lanes.choose({"uuid": "c", "customer_id": "1"}) == (first[0], False)
    assert lanes.choose({"uuid": "c"}) == (first[0], False)


def test_where_visitor_and_customer_have_different_lanes_everything_is_waited_for_once() -> None:
    lanes = Lanes(4)
    lane = lanes.choose({"uuid": "a"})[0]
    lanes.choose({"customer_id": "1"})
    assert lanes.choose({"uuid": "a", "customer_id": "1"}) == (lane, True)
    assert lanes.choose({"customer_id": "1"}) == (lane, False)


def test_a_row_has_the_same_id_in_every_replay_and_identical_rows_have_their_own() -> None:
    event = {"uuid": "a", "verb": "viewed"}
    assert stable_id(1, event) == stable_id(1, {"verb": "viewed", "uuid": "a"})
    assert len({stable_id(1, event), stable_id(2, event), stable_id(1, {**event, "uuid": "b"})}) == 3


def test_percentiles_are_latencies_that_so_many_requests_did_not_exceed_but_for_those_that_are_repeated() -> None:
    outcome = Outcome()
    for milliseconds in range(100, 0, -1):
        outcome.answered(200, milliseconds / 1000)
        outcome.answered(503, 9.0)
    assert [outcome.percentile_ms(percent) for percent in (50, 90, 99)] == [50, 90, 99]
    assert Outcome().percentile_ms(50) is None

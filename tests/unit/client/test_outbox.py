"""The outbox: what waits and within which bounds, when a batch is due, and who says what became of it."""

import pytest

from footfall.client import ClosedError, QueueFullError
from footfall.client.outbox import Outbox
from footfall.limits import BODY_BYTES_MAX


def outbox(*, events_max: int = 100, bytes_max: int = 10**9, batch_events: int = 3, batch_seconds: float = 1.0) -> Outbox:
    return Outbox(events_max=events_max, bytes_max=bytes_max, batch_events=batch_events, batch_seconds=batch_seconds)


def test_a_batch_is_due_when_it_is_full_or_when_its_first_event_waited_long_enough() -> None:
    box = outbox()
    box.put([b"1", b"2"], now=10)
    assert (box.take(now=10.9), box.rest_seconds(now=10.25)) == ((), 0.75)
    box.put([b"3", b"4"], now=10.9)
    assert box.take(now=10.9) == [b"1", b"2", b"3"]
    assert box.landed()
    assert (box.take(now=11.8), box.take(now=11.9)) == ((), [b"4"])
    assert box.rest_seconds(now=11.9) is None


def test_only_the_first_event_and_a_full_batch_are_worth_a_look() -> None:
    box = outbox()
    assert [box.put([b"x"], now=0) for _ in range(4)] == [True, False, True, True]


def test_who_is_in_a_hurry_waits_for_nothing_and_what_comes_later_waits_as_ever() -> None:
    box = outbox()
    box.put([b"1"], now=0)
    box.hurry()
    assert box.take(now=0) == [b"1"]
    box.put([b"2"], now=0)
    assert box.take(now=0) == ()


def test_a_batch_has_no_more_bytes_than_a_request_may_have() -> None:
    box = outbox(batch_events=1_000)
    text = b"x" * (BODY_BYTES_MAX // 4)
    box.put([text] * 5, now=0)
    box.close()
    taken: list[bytes] = []
    while batch := box.take(now=0):
        assert len(b",".join(batch)) + 2 <= BODY_BYTES_MAX
        taken += batch
        assert box.landed()
        box.clear(batch)
    assert taken == [text] * 5
    assert box.count == 0


@pytest.mark.parametrize("bounds", [{"events_max": 3}, {"bytes_max": 3}])
def test_a_full_outbox_takes_all_of_what_is_put_at_once_or_nothing(bounds: dict[str, int]) -> None:
    box = outbox(**bounds)
    box.put([b"1", b"2"], now=0)
    assert not box.has_room([b"3", b"4"])
    with pytest.raises(QueueFullError):
        box.put([b"3", b"4"], now=0)
    box.put([b"3"], now=0)
    assert box.take(now=0) == [b"1", b"2", b"3"]


def test_an_event_keeps_its_place_until_everybody_was_told_of_its_end() -> None:
    box = outbox(events_max=3)
    box.put([b"1", b"2", b"3"], now=0)
    batch = box.take(now=0)
    assert (box.has_room([b"4"]), box.has_ended(1)) == (False, False)
    assert box.landed()
    assert (box.has_room([b"4"]), box.has_ended(3)) == (False, False)
    box.clear(batch)
    assert (box.has_room([b"4"]), box.has_ended(3), box.has_ended(4)) == (True, True, False)


def test_what_is_given_back_is_what_has_no_end_and_its_batch_no_longer_lands() -> None:
    box = outbox()
    box.put([b"1", b"2", b"3", b"4"], now=0)
    box.take(now=0)
    assert list(box.abandon()) == [b"1", b"2", b"3", b"4"]
    assert not box.landed()
    assert (box.count, list(box.abandon()), box.take(now=9)) == (0, [], ())


def test_a_closed_outbox_takes_nothing_more_and_sends_what_it_has_at_once() -> None:
    box = outbox()
    box.put([b"1"], now=0)
    box.close()
    with pytest.raises(ClosedError):
        box.put([b"2"], now=0)
    assert box.take(now=0) == [b"1"]

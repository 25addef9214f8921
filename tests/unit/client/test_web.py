"""What is read of an answer: no more than its bounds, in size and in time."""

import httpx
import pytest

from footfall.client.web import Body, unanswered
from footfall.limits import CLIENT_ANSWER_BYTES_MAX


def test_an_answer_is_its_parts_together_and_how_long_they_took() -> None:
    times = iter([10.0, 11.0, 12.0, 12.5])
    body = Body(3, lambda: next(times))
    body.take(b"[1,")
    body.take(b"2]")
    answer = body.answer(httpx.Response(200))
    assert (answer.status, answer.body, answer.seconds) == (200, b"[1,2]", 2.5)


def test_an_answer_that_trickles_beyond_its_time_is_no_answer() -> None:
    times = iter([10.0, 13.0, 13.5])
    body = Body(3, lambda: next(times))
    body.take(b"[")
    with pytest.raises(httpx.TransportError, match="no whole answer within 3 seconds") as raised:
        body.take(b"1")
    assert not unanswered(raised.value).is_unsent


def test_an_answer_that_has_no_end_is_no_answer() -> None:
    body = Body(3, lambda: 10.0)
    body.take(bytes(CLIENT_ANSWER_BYTES_MAX))
    with pytest.raises(httpx.TransportError, match="16,777,216 bytes"):
        body.take(b"1")

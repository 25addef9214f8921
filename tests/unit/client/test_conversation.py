"""What the client makes of answers: asked again with the same bytes, split, given up, refused; no thread and no network."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from footfall.client import Receipt, RefusedError, RequestFailedError, UnavailableError, UnknownKeyError
from footfall.client.conversation import Conversation, Patience, batches, later
from footfall.client.errors import NothingAnswersError, TooLargeError
from footfall.client.steps import Answer, Ask, NoAnswer, Pause, Reply, Steps
from footfall.client.tally import Tally
from footfall.limits import BATCH_EVENTS_MAX, BODY_BYTES_MAX, QUERY_BYTES_MAX

T = TypeVar("T")
URL = "https://events.shop.example"
PATIENCE = Patience(3, pause_seconds=1, longest_pause_seconds=60, answer_seconds=10)


class Line:
    """Takes steps with a server that answers as it is told, and a clock that pauses move."""

    def __init__(self, *replies: Reply | Callable[[Ask], Reply]) -> None:
        self.replies = list(replies)
        self.asked: list[Ask] = []
        self.pauses: list[float] = []
        self.time = 0.0
        self.tally = Tally()
        self.conversation = Conversation(URL, tally=self.tally, chance=random.Random(1), now=lambda: self.time)

    def run(self, steps: Steps[T]) -> T:
        """What the steps come to."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = None
            if isinstance(step, Ask):
                self.asked.append(step)
                told = self.replies.pop(0)
                reply = told(step) if callable(told) else told
            elif isinstance(step, Pause):
                self.pauses.append(step.seconds)
                self.time += step.seconds

    def send(self, *texts: bytes, patience: Patience = PATIENCE) -> list[Receipt]:
        """Receipts for events."""
        return self.run(self.conversation.send(texts, patience))


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    told: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, told, body if isinstance(body, bytes) else json.dumps(body).encode(), 0.1)


def stored(ask: Ask) -> Answer:
    """The answer of a server that takes everything."""
    receipts = [{"status": "stored", "event_id": item["event_id"], "position": "p"} for item in json.loads(ask.content)]
    return answer(200, {"data": "Received", "receipts": receipts})


def event(number: int, size: int = 0) -> bytes:
    return json.dumps({"event_id": f"e-{number}", "note": "x" * size}).encode()


def test_receipts_come_in_the_order_in_which_events_were_sent() -> None:
    line = Line(stored, stored)
    receipts = line.send(*(event(number) for number in range(BATCH_EVENTS_MAX + 1)))
    assert [receipt.event_id for receipt in receipts] == [f"e-{number}" for number in range(BATCH_EVENTS_MAX + 1)]
    assert [len(json.loads(ask.content)) for ask in line.asked] == [BATCH_EVENTS_MAX, 1]
    assert (line.tally.stored, line.tally.requests, line.tally.retries) == (BATCH_EVENTS_MAX + 1, 2, 0)


@pytest.mark.parametrize(
    "failing",
    [
        *(answer(status, {"error": "busy"}) for status in (408, 425, 429, 500, 502, 503, 504, 520, 527)),
        answer(200, b"<html>Sign in to the hotel's network"),
        answer(200, b"\xff"),
        answer(200, {"data": "Received"}),
        answer(200, {"data": "Received", "receipts": []}),
        answer(200, {"data": "Received", "receipts": [{"status": "lost"}]}),
        NoAnswer("cut"),
        NoAnswer("nothing listens", is_unsent=True),
    ],
)
def test_a_try_that_came_to_nothing_is_repeated_with_the_same_bytes(failing: Reply) -> None:
    line = Line(failing, failing, stored)
    assert line.send(event(1))[0].status == "stored"
    assert len({ask.content for ask in line.asked}) == 1
    assert line.tally.retries == 2
    assert 1 <= line.pauses[0] <= 1.5
    assert 2 <= line.pauses[1] <= 3


def test_a_server_that_says_when_is_asked_then() -> None:
    line = Line(answer(503, {"error": "later"}, Retry_After="7"), stored)
    line.send(event(1))
    assert line.pauses == [7]


def test_a_server_that_asks_for_little_again_and_again_is_left_alone_for_longer_each_time() -> None:
    soon = answer(503, {"error": "later"}, Retry_After="1")
    line = Line(*[soon] * 3, stored)
    line.send(event(1))
    assert 4 <= line.pauses[2] <= 6
    believing = Line(*[soon] * 3, stored)
    believing.send(event(1), patience=replace(PATIENCE, believes_server=True))
    assert believing.pauses == [1, 1, 1]


def test_after_its_tries_the_events_are_given_back_with_what_the_last_try_said() -> None:
    line = Line(stored, *[answer(503, {"error": "the disk is full"})] * 4)
    with pytest.raises(UnavailableError, match=r"after 3 more tries.*the disk is full") as raised:
        line.send(*(event(number) for number in range(BATCH_EVENTS_MAX + 1)))
    assert len(raised.value.receipts) == BATCH_EVENTS_MAX
    assert [item["event_id"] for item in raised.value.events] == [f"e-{BATCH_EVENTS_MAX}"]


def test_where_no_time_is_left_for_another_try_none_is_begun() -> None:
    line = Line(NoAnswer("cut"), NoAnswer("cut"))
    with pytest.raises(UnavailableError, match="No time is left"):
        line.send(event(1), patience=replace(PATIENCE, deadline=3.0))
    assert (len(line.asked), len(line.pauses)) == (2, 1)
    assert line.asked[0].seconds == 3.0
    assert line.asked[1].seconds == 3.0 - line.pauses[0]


def test_a_client_that_was_closed_meanwhile_tries_no_more() -> None:
    line = Line(NoAnswer("cut"))
    with pytest.raises(UnavailableError, match="closed"):
        line.send(event(1), patience=replace(PATIENCE, is_over=lambda: True))


@pytest.mark.parametrize(
    ("refusing", "kind", "said"),
    [
        (answer(401, {"error": "Unknown key."}), UnknownKeyError, "Unknown key."),
        (answer(403, {"error": "It came from a page."}), RefusedError, "from a page"),
        (answer(404, b"no such page"), RefusedError, "404: no such page"),
        (answer(501, b""), RefusedError, "501: nothing"),
        (answer(301, b"", Location="https://other.example/"), RefusedError, "redirects to https://other.example/"),
        (answer(400, {"error": "The body can't be read."}), RefusedError, "can't be read"),
    ],
)
def test_a_refusal_is_raised_at_once_and_says_what_the_server_says(
    refusing: Answer, kind: type[RefusedError], said: str
) -> None:
    line = Line(refusing)
    with pytest.raises(RefusedError, match=said) as raised:
        line.send(event(1))
    assert (type(raised.value), raised.value.status) == (kind, refusing.status)
    assert [item["event_id"] for item in raised.value.events] == ["e-1"]


def test_a_batch_of_which_nothing_was_stored_has_receipts_all_the_same() -> None:
    line = Line(answer(400, {"error": "None.", "receipts": [{"status": "rejected", "event_id": "e-1", "error": "why"}]}))
    assert line.send(event(1)) == [Receipt("rejected", event_id="e-1", error="why")]
    assert line.tally.rejected == 1


def test_a_batch_that_is_too_large_for_what_is_on_the_way_is_split_until_it_fits() -> None:
    def narrow(ask: Ask) -> Answer:
        return stored(ask) if len(json.loads(ask.content)) <= 2 else answer(413, b"Request Entity Too Large")

    line = Line(*[narrow] * 10)
    receipts = line.send(*(event(number) for number in range(7)))
    assert [receipt.event_id for receipt in receipts] == [f"e-{number}" for number in range(7)]


def test_an_event_that_is_too_large_by_itself_is_rejected_and_the_others_are_stored() -> None:
    def narrow(ask: Ask) -> Answer:
        return stored(ask) if len(ask.content) < 1_000 else answer(413, {"error": "Too large."})

    line = Line(*[narrow] * 10)
    receipts = line.send(event(0), event(1, 2_000), event(2))
    assert [(receipt.status, receipt.event_id) for receipt in receipts] == [
        ("stored", "e-0"),
        ("rejected", "e-1"),
        ("stored", "e-2"),
    ]
    assert "Too large." in str(receipts[1].error)


@pytest.mark.parametrize("first", [NoAnswer("refused", is_unsent=True), answer(200, b"a page")])
def test_who_doubts_the_address_gives_up_where_nothing_good_ever_came_from(first: Reply) -> None:
    doubting = replace(PATIENCE, doubts_address=True)
    with pytest.raises(NothingAnswersError, match="Nothing answers at https"):
        Line(first).send(event(1), patience=doubting)
    line = Line(stored, first, stored)
    line.send(event(1), patience=doubting)
    assert line.send(event(2), patience=doubting)[0].status == "stored"


def test_a_list_is_asked_for_with_the_position_that_covers_what_was_acknowledged_here() -> None:
    def positioned(ask: Ask) -> Answer:
        return stored(ask)._replace(headers={"Footfall-Position": "6b1f02c4-0.7"})

    line = Line(positioned, answer(200, {"data": [{"id": 5}], "metadata": {"a": 1}}), answer(200, {"data": []}))
    line.send(event(1))
    products = line.run(
        line.conversation.products("viewed", {"uuid": "ü 1", "limit": 5, "explain": True, "country_code": None}, PATIENCE)
    )
    assert ([product["id"] for product in products], products.metadata) == ([5], {"a": 1})
    assert line.asked[1].method == "GET"
    assert line.asked[1].path == "/api/v1/products/viewed?after=6b1f02c4-0.7&uuid=%C3%BC+1&limit=5&explain=yes"
    line.run(line.conversation.products("/custom/id/7", {"after": None, "shopify_product_ids": [1, 2]}, PATIENCE))
    assert line.asked[2].path == "/custom/id/7?shopify_product_ids=1%2C2"


def test_a_question_that_is_too_long_for_a_query_string_goes_in_a_body() -> None:
    line = Line(answer(200, {"data": []}))
    line.run(line.conversation.products("static", {"ids": range(QUERY_BYTES_MAX // 4)}, PATIENCE))
    assert (line.asked[0].method, line.asked[0].path) == ("POST", "/api/v1/products/static")
    assert line.asked[0].content.startswith(b"ids=0%2C1%2C2")


def test_a_list_that_is_not_there_is_refused_and_one_that_cannot_be_read_is_asked_for_again() -> None:
    line = Line(answer(200, b"a page"), answer(404, {"error": "is not here"}))
    with pytest.raises(RefusedError, match="is not here"):
        line.run(line.conversation.products("nothing", {}, PATIENCE))


def test_of_an_event_that_nobody_knows_nothing_is_known_and_a_wrong_address_is_no_such_answer() -> None:
    line = Line(answer(404, {"error": "No event"}), answer(404, b"a page"), answer(200, {"data": [{"status": "stored"}]}))
    assert line.run(line.conversation.event("a/b", PATIENCE)) == []
    assert line.asked[0].path == "/api/v1/events/a%2Fb"
    with pytest.raises(RequestFailedError):
        line.run(line.conversation.event("x", PATIENCE))
    assert line.run(line.conversation.event("x", PATIENCE)) == [{"status": "stored"}]


def test_of_two_positions_of_one_log_the_one_that_covers_both_is_kept() -> None:
    assert later(None, "6b1f02c4-0.7") == "6b1f02c4-0.7"
    assert later("6b1f02c4-0.7", "6b1f02c4-0.5") == "6b1f02c4-0.7"
    assert later("6b1f02c4-0.7_1.2", "6b1f02c4-0.9_1.1_2.1") == "6b1f02c4-0.9_1.2_2.1"
    assert later("6b1f02c4-0.7", "00000000-0.1") == "00000000-0.1"
    assert later("6b1f02c4-0.7", "something new") == "something new"


def test_batches_hold_both_bounds_of_the_server() -> None:
    texts = [b"x" * (BODY_BYTES_MAX // 3)] * 4 + [b"y" * (BODY_BYTES_MAX - 2)] + [b"z"] * 5
    parts = list(batches(texts, 3))
    assert [text for part in parts for text in part] == texts
    assert all(len(b",".join(part)) + 2 <= BODY_BYTES_MAX and 1 <= len(part) <= 3 for part in parts)
    assert list(batches([], 3)) == []


def test_a_refusal_for_its_size_is_a_refusal_to_whoever_asks_for_a_list() -> None:
    line = Line(answer(413, {"error": "The query string is longer."}))
    with pytest.raises(TooLargeError, match="longer"):
        line.run(line.conversation.products("static", {}, PATIENCE))

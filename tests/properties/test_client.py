"""Whatever happens on the way: what the client says became of an event is what became of it, once, and in order."""

import json
import random
from collections.abc import Sequence
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from footfall.client.conversation import Conversation, Patience
from footfall.client.courier import Courier
from footfall.client.outbox import Outbox
from footfall.client.steps import Answer, Ask, NoAnswer, Pause, Reply
from footfall.client.tally import Tally

FAULTS = ("busy", "lost request", "lost answer", "garbled answer", "narrow", "refused")
PATIENCE = Patience(3, pause_seconds=1, longest_pause_seconds=8, answer_seconds=10)


class Model:
    """A server that knows its event ids, behind a line with faults."""

    def __init__(self, faults: Sequence[str], largest: int) -> None:
        self.faults = list(faults)
        self.largest = largest
        self.log: list[int] = []

    def answer(self, ask: Ask) -> Reply:
        """What comes back, if anything."""
        numbers = [item["event_id"] for item in json.loads(ask.content)]
        fault = self.faults.pop(0) if self.faults else None
        if fault == "narrow" or len(numbers) > self.largest:
            return Answer(413, {}, b"too large", 0)
        if fault == "busy":
            return Answer(503, {"Retry-After": "1"}, b"", 0)
        if fault == "refused":
            return Answer(401, {}, b'{"error":"Unknown key."}', 0)
        if fault == "lost request":
            return NoAnswer("lost")
        receipts = [self._stored(number) for number in numbers]
        if fault == "lost answer":
            return NoAnswer("lost")
        body = json.dumps({"data": "Received", "receipts": receipts}).encode()
        return Answer(200, {}, body[: len(body) // 2] if fault == "garbled answer" else body, 0)

    def _stored(self, number: int) -> dict[str, object]:
        # Every fifth is none that a server takes.
        if number % 5 == 4:
            return {"status": "rejected", "event_id": str(number), "error": "why"}
        if number in self.log:
            return {"status": "duplicate", "event_id": str(number)}
        self.log.append(number)
        return {"status": "stored", "event_id": str(number)}


@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=30),
    count=st.integers(1, 30),
    batch_events=st.integers(1, 10),
    largest=st.integers(1, 10),
)
def test_each_event_comes_to_the_one_end_that_it_is_said_to_have(
    faults: list[str], count: int, batch_events: int, largest: int
) -> None:
    model, tally = Model(faults, largest), Tally()
    time = 0.0
    rejected: list[int] = []
    failed: list[int] = []
    outbox = Outbox(events_max=count, bytes_max=10**6, batch_events=batch_events, batch_seconds=1)
    courier = Courier(
        outbox,
        Conversation("http://model", tally=tally, chance=random.Random(1), now=lambda: time),
        PATIENCE,
        on_rejected=lambda event, _: rejected.append(event["event_id"]),
        on_failed=lambda events, _: failed.extend(event["event_id"] for event in events),
    )
    outbox.put([json.dumps({"event_id": number}).encode() for number in range(count)], now=time)
    outbox.close()
    steps = courier.work(lambda: None)
    reply: Reply = None
    with suppress(StopIteration):
        while True:
            step = steps.send(reply)
            reply = model.answer(step) if isinstance(step, Ask) else None
            time += step.seconds if isinstance(step, Pause) else 0
    # Stored once each, and in the order in which they were put.
    assert model.log == sorted(set(model.log))
    kept = set(range(count)) - set(rejected) - set(failed)
    # What is said to be stored is stored; of what was given back, some may be.
    assert kept <= set(model.log)
    assert len(rejected) == len(set(rejected)) == tally.rejected
    assert failed == sorted(set(failed))
    assert tally.failed == len(failed)
    assert not set(rejected) & set(failed)
    assert tally.acknowledged == len(kept)
    assert outbox.count == 0
    if not faults:
        assert (failed, rejected) == ([], [number for number in range(count) if number % 5 == 4])

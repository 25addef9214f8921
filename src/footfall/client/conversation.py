"""What a client says to a server and makes of the answers: when it asks again, when a batch is split, when it gives up.

Plain code without input or output: each method is a generator of steps (``steps``), which a thread or a task takes.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from footfall.client.errors import (
    NothingAnswersError,
    RefusedError,
    RequestFailedError,
    TooLargeError,
    UnavailableError,
    UnknownKeyError,
)
from footfall.client.events import decoded
from footfall.client.reading import Parameter, Products, event_path, found_in, list_path, query
from footfall.client.receipts import Receipt, error_in, receipts_in
from footfall.client.retrying import asked_seconds, pause_seconds
from footfall.client.steps import Answer, Ask, NoAnswer, Pause, Steps
from footfall.client.tally import Tally
from footfall.identifiers import Position, position_token, read_position_token
from footfall.limits import BATCH_EVENTS_MAX, BODY_BYTES_MAX, QUERY_BYTES_MAX

T = TypeVar("T")

_BULK: Final = "/api/v2/analytics/event/bulk?receipts=yes"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Patience:
    """How long one request is asked again, and how long each answer is waited for. ``deadline`` is of ``time.monotonic``."""

    retries_max: int
    pause_seconds: float
    longest_pause_seconds: float
    answer_seconds: float
    deadline: float = float("inf")
    is_over: Callable[[], bool] = lambda: False
    doubts_address: bool = False
    """Whether an address from which nothing good ever came is taken for a wrong one, and not asked again."""
    believes_server: bool = False
    """Whether what a server asks for is waited and no more; else at least that, and longer with each try: a server that says
    ``Retry-After: 5`` all the time must not use up the tries within a minute."""


def may_pass(status: int) -> bool:
    """Whether the same request may be taken later: nothing is wrong with it. Of what a server or a proxy in its place fails
    with (500, 502, a CDN's 520 to 527), only 501 says that it will never do this."""
    return status in (408, 425, 429) or (status >= 500 and status != 501)


class _UnreadableError(Exception):
    """An answer that Footfall does not give: something between garbled it, or gave it in Footfall's place."""


class Conversation:
    """The requests of one client to one server. Several may be under way at once, from several threads too."""

    def __init__(self, url: str, *, tally: Tally, chance: random.Random, now: Callable[[], float] = time.monotonic) -> None:
        self.tally = tally
        self.now = now
        self._url = url
        self._chance = chance
        self._lock = threading.Lock()
        self._position: str | None = None

    @property
    def position(self) -> str | None:
        """The position that covers every event that was acknowledged here."""
        return self._position

    def send(self, texts: Sequence[bytes], patience: Patience, batch_events: int = BATCH_EVENTS_MAX) -> Steps[list[Receipt]]:
        """One receipt for each event, in their order; a batch that is too large for the server is split.

        Raises ``RequestFailedError`` with what is known until then.
        """
        receipts: list[Receipt] = []
        waiting = deque(batches(texts, batch_events))
        try:
            while waiting:
                batch = waiting.popleft()
                try:
                    told = yield from self._sent(batch, patience)
                except TooLargeError as failure:
                    if len(batch) > 1:
                        half = len(batch) // 2
                        waiting.extendleft((batch[half:], batch[:half]))
                        continue
                    # An event that is too large by itself will not get smaller: nothing else is wrong.
                    told = [Receipt("rejected", event_id=_id_in(batch[0]), error=str(failure))]
                self.tally.received(told)
                receipts += told
        except RequestFailedError as failure:
            failure.receipts = tuple(receipts)
            failure.events = [decoded(text) for text in texts[len(receipts) :]]
            raise
        return receipts

    def products(self, name: str, parameters: dict[str, Parameter], patience: Patience) -> Steps[Products]:
        """A list's products; the answer covers every event that was acknowledged here. Raises ``RequestFailedError``."""
        text = query({"after": self._position, **parameters})
        path = list_path(name)
        if len(text) <= QUERY_BYTES_MAX:
            ask = Ask("GET", f"{path}?{text}" if text else path, b"", _FORM, patience.answer_seconds)
        else:
            ask = Ask("POST", path, text.encode(), _FORM, patience.answer_seconds)

        def read(answer: Answer) -> Products:
            found = found_in(answer.body)
            if answer.status != 200 or found is None:
                raise self._refusal(answer)
            # The wire's promise: these are products.
            return Products(found.data, found.metadata)  # type: ignore[arg-type]

        return (yield from self._answered(ask, patience, read))

    def event(self, reference: str, patience: Patience) -> Steps[list[dict[str, Any]]]:
        """All that is known of an event. Raises ``RequestFailedError``."""

        def read(answer: Answer) -> list[dict[str, Any]]:
            found = found_in(answer.body)
            if answer.status == 404 and error_in(answer.body) is not None:
                return []
            if answer.status != 200 or found is None:
                raise self._refusal(answer)
            return found.data

        ask = Ask("GET", event_path(reference), b"", _FORM, patience.answer_seconds)
        return (yield from self._answered(ask, patience, read))

    def _sent(self, batch: Sequence[bytes], patience: Patience) -> Steps[list[Receipt]]:
        def read(answer: Answer) -> list[Receipt]:
            receipts = receipts_in(answer.body, len(batch))
            # A batch of which nothing could be stored is answered with 400.
            if receipts is None or answer.status not in (200, 400):
                raise self._refusal(answer)
            self._saw(answer.headers.get("Footfall-Position"))
            return receipts

        body = b"[" + b",".join(batch) + b"]"
        return (yield from self._answered(Ask("POST", _BULK, body, _JSON, patience.answer_seconds), patience, read))

    def _answered(self, ask: Ask, patience: Patience, read: Callable[[Answer], T]) -> Steps[T]:
        """What ``read`` makes of the answer; the same bytes, and so the same ids, are sent again while that may help."""
        retries = 0
        while True:
            left = max(0.001, patience.deadline - self.now())
            reply = yield (ask if left >= ask.seconds else ask._replace(seconds=left))
            asked = None
            if isinstance(reply, Answer):
                self.tally.answered(reply.status, reply.seconds)
                if not may_pass(reply.status):
                    try:
                        return read(reply)
                    except _UnreadableError as failure:
                        why = str(failure)
                        self._require_hope(patience, why, is_hopeless=not self.tally.acknowledged)
                else:
                    why, asked = self._told(reply), asked_seconds(reply.headers)
            else:
                assert isinstance(reply, NoAnswer)
                why = f"no answer from {self._url}: {reply.why}"
                self._require_hope(patience, reply.why, is_hopeless=reply.is_unsent and not self.tally.requests)
            yield from self._pause(retries, asked, why, patience)
            retries += 1

    def _pause(self, retries: int, asked: float | None, why: str, patience: Patience) -> Steps[None]:
        """Leave the server alone before the next try. Raises ``UnavailableError`` where there is none."""
        if retries == patience.retries_max:
            raise UnavailableError(f"Gave up after {retries} more tries: {why}")
        longest = patience.longest_pause_seconds
        seconds = pause_seconds(retries, asked, first=patience.pause_seconds, longest=longest, chance=self._chance)
        if asked is not None and not patience.believes_server:
            own = pause_seconds(retries, None, first=patience.pause_seconds, longest=longest, chance=self._chance)
            seconds = max(seconds, own)
        if self.now() + seconds >= patience.deadline:
            raise UnavailableError(f"No time is left for another try: {why}")
        self.tally.repeated()
        yield Pause(seconds)
        if patience.is_over():
            raise UnavailableError(f"The client was closed: {why}")

    def _require_hope(self, patience: Patience, why: str, *, is_hopeless: bool) -> None:
        # An address that is wrong, rather than a server that will be back.
        if patience.doubts_address and is_hopeless:
            raise NothingAnswersError(f"Nothing answers at {self._url}: {why}.")

    def _refusal(self, answer: Answer) -> Exception:
        """Why this answer is not what was asked for."""
        told, status = self._told(answer), answer.status
        if status == 401:
            return UnknownKeyError(told, status)
        if status == 413:
            return TooLargeError(told, status)
        if 300 <= status < 400:
            return RefusedError(f"{told} It redirects to {answer.headers.get('Location')}: is that its address?", status)
        return RefusedError(told, status) if status >= 300 else _UnreadableError(told)

    def _told(self, answer: Answer) -> str:
        error = error_in(answer.body) or answer.body[:200].decode("utf-8", "replace") or "nothing"
        return f"{self._url} answered {answer.status}: {error}"

    def _saw(self, token: str | None) -> None:
        """Keep the position that covers what was acknowledged: answers to requests side by side come in any order."""
        if token is None:
            return
        with self._lock:
            self._position = later(self._position, token)


def later(known: str | None, token: str) -> str:
    """One position that covers both: of one log, the furthest in each partition; else the newer."""
    one, other = read_position_token(known or ""), read_position_token(token)
    if one is None or other is None or one[0] != other[0]:
        return token
    none = Position(0)
    return position_token(
        other[0], {part: max(one[1].get(part, none), other[1].get(part, none)) for part in {*one[1], *other[1]}}
    )


def batches(texts: Sequence[bytes], events_max: int) -> Iterator[Sequence[bytes]]:
    """The events in as few requests as the bounds of the server allow, in their order."""
    first, size = 0, 2
    for index, text in enumerate(texts):
        if index - first == events_max or (index > first and size + len(text) > BODY_BYTES_MAX):
            yield texts[first:index]
            first, size = index, 2
        size += len(text) + 1
    if first < len(texts):
        yield texts[first:]


def _id_in(text: bytes) -> str | None:
    event_id = decoded(text).get("event_id")
    return None if event_id is None else str(event_id)

"""``Client``: for code that waits. A thread of its own sends what is put into the outbox."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Self, TypeVar

import httpx

from footfall.client import events
from footfall.client.errors import NotFlushedError
from footfall.client.reading import Parameter, Products
from footfall.client.receipts import Receipt
from footfall.client.speaker import Speaker
from footfall.client.steps import Answer, Ask, NoAnswer, Pause, Reply, Rest, Step, Steps
from footfall.client.web import Body, options_for, request_for, unanswered
from footfall.limits import CLIENT_CALL_SECONDS, CLIENT_EXIT_SECONDS

T = TypeVar("T")


class Client(Speaker):
    """One shop's client for code that waits; its methods may be called from any thread. Closed at the end of a ``with``.

    The thread begins with the first event, in the process that puts it: a process forked later sends its own events only.
    """

    def send(self, given: Iterable[Mapping[str, Any]], timeout_seconds: float | None = CLIENT_CALL_SECONDS) -> list[Receipt]:
        """Send events now, past those that wait; one receipt for each, in their order.

        Raises ``RequestFailedError``, which has the receipts that came and the events that have none: sending these again
        stores nothing twice.
        """
        self._require_open()
        texts = [events.encoded(events.prepared(event)) for event in given]
        return self._run(self._conversation.send(texts, self._until(timeout_seconds)))

    def products(self, name: str, **parameters: Parameter) -> Products:
        """A list's products, such as ``products("viewed", uuid=…, limit=5)``: what is acknowledged here is in it.

        ``name`` may be a path, such as ``/custom/id/1234``. Raises ``RequestFailedError``.
        """
        self._require_open()
        return self._run(self._conversation.products(name, parameters, self._impatience()))

    def event(self, reference: str) -> list[dict[str, Any]]:
        """All that the server knows of an event, by its event_id or its position; nothing where it knows none.

        Needs the secret key. Raises ``RequestFailedError``.
        """
        self._require_open()
        self._require_secret()
        return self._run(self._conversation.event(reference, self._impatience()))

    def flush(self, timeout_seconds: float | None = CLIENT_CALL_SECONDS) -> None:
        """Wait until every event that was put until now has its receipt, or was given up and handed to ``on_failed``.

        Raises ``NotFlushedError`` where that takes longer; the events go on waiting.
        """
        given = self._outbox.given
        self._outbox.hurry()
        self._put_in.set()
        if not self._wait_until_ended(given, timeout_seconds):
            raise NotFlushedError(f"{self._outbox.count} events still wait after {timeout_seconds} seconds.")

    def close(self, timeout_seconds: float | None = CLIENT_CALL_SECONDS) -> None:
        """Send what waits, and end. What is not acknowledged in time is given up: handed to ``on_failed``, or logged."""
        self._outbox.close()
        self._put_in.set()
        self._wait_until_ended(self._outbox.given, timeout_seconds)
        self._courier.give_up()
        self._tell()
        self._stopped.set()
        self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        super()._begin()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._put_in = threading.Event()
        self._stopped = threading.Event()
        self._ended = threading.Condition()
        # Each is used by one thread at a time. Those that a parent process has are left alone: closing them here would
        # end them there.
        self._connections: deque[httpx.Client] = deque()

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="footfall-client", daemon=True)
                # Kept only once it runs: where a process may have no more threads, the next event tries again.
                thread.start()
                self._thread = thread

    def _work(self) -> None:
        try:
            self._run(self._courier.work(self._tell))
        finally:
            # Whatever else ends the thread, such as an exit within ``on_failed``: the next event is told that nobody sends.
            self._courier.give_up()
            self._tell()

    def _take(self, texts: list[bytes]) -> None:
        wait_seconds = self._settings.full_wait_seconds
        if wait_seconds and not self._outbox.has_room(texts):
            self._outbox.hurry()
            self._put_in.set()
            with self._ended:
                self._ended.wait_for(lambda: self._outbox.has_room(texts) or self._outbox.is_closed, wait_seconds)
        if self._outbox.put(texts, time.monotonic()):
            self._put_in.set()

    def _tell(self) -> None:
        with self._ended:
            self._ended.notify_all()

    def _wait_until_ended(self, given: int, timeout_seconds: float | None) -> bool:
        with self._ended:
            return self._ended.wait_for(lambda: self._outbox.has_ended(given), timeout_seconds)

    def _at_exit(self) -> None:
        if self._thread is not None and not self._stopped.is_set():
            self.close(CLIENT_EXIT_SECONDS)

    def _run(self, steps: Steps[T]) -> T:
        """Take steps until they come to their result."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = self._reply(step)

    def _reply(self, step: Step) -> Reply:
        match step:
            case Ask():
                return self._answer(step)
            case Pause(seconds):
                self._stopped.wait(seconds)
            case Rest(seconds):
                self._put_in.wait(seconds)
                self._put_in.clear()
        return None

    def _answer(self, ask: Ask) -> Answer | NoAnswer:
        try:
            # Making one fails too, for a proxy in the environment that can't be used.
            connection = self._connection()
            try:
                return self._told(connection, ask)
            finally:
                self._give_back(connection)
        except Exception as failure:
            return unanswered(failure)

    def _told(self, connection: httpx.Client, ask: Ask) -> Answer:
        body = Body(ask.seconds)
        # The timeout is of each read by itself, the body's bound of all of them.
        with connection.stream(**request_for(ask), timeout=ask.seconds) as answer:
            for chunk in answer.iter_bytes():
                body.take(chunk)
        return body.answer(answer)

    def _connection(self) -> httpx.Client:
        try:
            return self._connections.pop()
        except IndexError:
            return httpx.Client(**options_for(self._settings.url, self._settings.key, self._settings.secret))

    def _give_back(self, connection: httpx.Client) -> None:
        self._connections.append(connection)
        if self._stopped.is_set():
            self._hang_up()

    def _hang_up(self) -> None:
        # Several threads may be here at once.
        with suppress(IndexError):
            while True:
                self._connections.pop().close()

"""The outbox: events that were given and have no end yet, within bounds, and which of them go next."""

import threading
from collections import deque
from collections.abc import Sequence

from footfall.client.errors import ClosedError, QueueFullError
from footfall.limits import BODY_BYTES_MAX


class Outbox:
    """First in, first out, one batch on its way at a time: so the events of a visitor arrive in the order they were given.

    An event keeps its place until it has a receipt or was given up, so that the bounds hold for all that is kept. Methods may
    be called from several threads.
    """

    def __init__(self, *, events_max: int, bytes_max: int, batch_events: int, batch_seconds: float) -> None:
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._batch_events = batch_events
        self._batch_seconds = batch_seconds
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._flying: Sequence[bytes] = ()
        self._bytes = 0
        self._given = 0
        self._ended = 0
        self._urgent = 0
        self.is_closed = False

    @property
    def count(self) -> int:
        """Events that have no end yet."""
        return self._given - self._ended

    @property
    def given(self) -> int:
        """How many events were ever taken: what ``has_ended`` compares with."""
        return self._given

    def has_ended(self, given: int) -> bool:
        """Whether the first so many of all events that were given have their end."""
        return self._ended >= given

    def has_room(self, texts: Sequence[bytes]) -> bool:
        """Whether these would be taken."""
        with self._lock:
            return self._has_room(texts)

    def put(self, texts: Sequence[bytes], now: float) -> bool:
        """Take events, all of them or none; whether whoever sends should look at once.

        Raises ``QueueFullError`` or ``ClosedError``.
        """
        with self._lock:
            if self.is_closed:
                raise ClosedError
            if not self._has_room(texts):
                raise QueueFullError
            was_empty = not self._waiting
            self._waiting.extend((text, now) for text in texts)
            self._given += len(texts)
            self._bytes += sum(map(len, texts))
            return was_empty or len(self._waiting) >= self._batch_events

    def hurry(self) -> None:
        """Don't let what was given so far wait for more."""
        with self._lock:
            self._urgent = self._given

    def take(self, now: float) -> Sequence[bytes]:
        """The next batch, which is then on its way until it ``landed``; empty where none is due."""
        with self._lock:
            if not self._waiting or self._rest_seconds(now) > 0:
                return ()
            batch: list[bytes] = []
            size = 2
            while self._waiting and len(batch) < self._batch_events:
                size += len(self._waiting[0][0]) + 1
                if batch and size > BODY_BYTES_MAX:
                    break
                batch.append(self._waiting.popleft()[0])
            self._flying = batch
            return batch

    def rest_seconds(self, now: float) -> float | None:
        """In how many seconds a batch is due; ``None`` where nothing waits."""
        with self._lock:
            return self._rest_seconds(now) if self._waiting else None

    def landed(self) -> bool:
        """The batch on its way has come to its end; ``False`` where it was given back meanwhile. It keeps its place until
        it is cleared."""
        with self._lock:
            landed, self._flying = self._flying, ()
            return bool(landed)

    def clear(self, batch: Sequence[bytes]) -> None:
        """Everybody was told of the end of a batch that landed."""
        with self._lock:
            self._end(batch)

    def close(self) -> None:
        """Take no more; what waits is due at once."""
        with self._lock:
            self.is_closed = True
            self._urgent = self._given

    def abandon(self) -> Sequence[bytes]:
        """Take no more, and give back everything that has no end; what is on its way may arrive all the same."""
        with self._lock:
            self.is_closed = True
            rest = [*self._flying, *(text for text, _ in self._waiting)]
            self._flying = ()
            self._waiting.clear()
            self._end(rest)
            return rest

    def _has_room(self, texts: Sequence[bytes]) -> bool:
        fits = self._given - self._ended + len(texts) <= self._events_max
        return fits and self._bytes + sum(map(len, texts)) <= self._bytes_max

    def _rest_seconds(self, now: float) -> float:
        if len(self._waiting) >= self._batch_events or self._given - len(self._waiting) < self._urgent:
            return 0.0
        return max(0.0, self._waiting[0][1] + self._batch_seconds - now)

    def _end(self, texts: Sequence[bytes]) -> None:
        self._ended += len(texts)
        self._bytes -= sum(map(len, texts))

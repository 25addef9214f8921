"""Figures of a client: how many events came to what end, and how many requests that took."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

from footfall.client.receipts import Receipt


class Counts(NamedTuple):
    """What a client did since it was made, or since its process was forked. ``waiting``: events that have no end yet."""

    stored: int
    duplicate: int
    rejected: int
    failed: int
    waiting: int
    requests: int
    retries: int


class Tally:
    """The figures as they grow. May be told from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stored = 0
        self.duplicate = 0
        self.rejected = 0
        self.failed = 0
        self.requests = 0
        self.retries = 0

    @property
    def acknowledged(self) -> int:
        """Events that the server has, now or from before."""
        return self.stored + self.duplicate

    def answered(self, status: int, seconds: float) -> None:
        """A request got an answer with this status, after so many seconds."""
        with self._lock:
            self.requests += 1

    def repeated(self) -> None:
        """A request is sent once more."""
        with self._lock:
            self.retries += 1

    def received(self, receipts: Sequence[Receipt]) -> None:
        """Events came to their end."""
        with self._lock:
            for receipt in receipts:
                if receipt.status == "stored":
                    self.stored += 1
                elif receipt.status == "duplicate":
                    self.duplicate += 1
                else:
                    self.rejected += 1

    def gave_up(self, events: int) -> None:
        """So many events were given back without a receipt."""
        with self._lock:
            self.failed += events

    def counts(self, waiting: int) -> Counts:
        """The figures of this moment."""
        with self._lock:
            return Counts(
                self.stored, self.duplicate, self.rejected, self.failed, waiting, requests=self.requests, retries=self.retries
            )

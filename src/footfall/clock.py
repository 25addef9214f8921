"""Time, passed in: everything that needs the hour asks a ``Clock``, so that tests and simulations set it."""

import time
from typing import NewType, Protocol

Milliseconds = NewType("Milliseconds", int)
"""Milliseconds since the Unix epoch, UTC."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> Milliseconds:
        """The present, in milliseconds since the epoch."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Milliseconds:
        return Milliseconds(time.time_ns() // 1_000_000)

"""The window: which sessions count by when they began. The ``SESSIONS_WINDOW_DAYS`` that end with the present, in whole hours,
or the longest shorter one in which at most ``SESSIONS_MAX`` sessions began."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from footfall.clock import DAY_MS, HOUR_MS
from footfall.limits import SESSIONS_KEPT_MAX, SESSIONS_MAX, SESSIONS_WINDOW_DAYS

GAP_MS: Final = 30 * 60 * 1_000
"""Between two events of one session, at most."""
NAMED_GAP_MS: Final = DAY_MS
"""The same where the client names its sessions."""

_LONG_AGO: Final = {"now": -(2**40), "floor": -(2**40), "kept_from": -(2**60), "dropped_before": -(2**60)}


class Window:
    """Counts sessions by the hour in which they began."""

    def __init__(self, numbers: Mapping[str, int] | None, starts: npt.NDArray[Any]) -> None:
        """``numbers`` as they were saved; ``starts``: when each session began that there is at first, in milliseconds."""
        saved = numbers if numbers is not None else _LONG_AGO
        self._now = saved["now"]
        """The hour up to which it goes."""
        self._floor = saved["floor"]
        """Its first hour."""
        self.kept_from = saved["kept_from"]
        """Events before this time (milliseconds) change nothing any more."""
        self._dropped_before = saved["dropped_before"]
        """Sessions that began before this time were let go although the window might have room for them."""
        hours, counts = np.unique(starts // HOUR_MS, return_counts=True)
        self._hours: dict[int, int] = dict(zip(hours.tolist(), counts.tolist(), strict=True))
        """Hour since the epoch → how many sessions began in it."""
        self._within = int(counts[hours >= self._floor].sum())

    @property
    def numbers(self) -> dict[str, int]:
        """What is saved of it."""
        return {
            "now": self._now,
            "floor": self._floor,
            "kept_from": self.kept_from,
            "dropped_before": self._dropped_before,
        }

    def has(self, start: int) -> bool:
        """Whether a session that began at this time is in the window."""
        return start // HOUR_MS >= self._floor

    def count(self, start: int, number: int) -> None:
        """So many sessions more began at this time."""
        hour = start // HOUR_MS
        count = self._hours.get(hour, 0) + number
        if count:
            self._hours[hour] = count
        else:
            del self._hours[hour]
        if hour >= self._floor:
            self._within += number

    @property
    def is_incomplete(self) -> bool:
        """Whether sessions are missing that the window has room for again: only the log has them still."""
        return self._wanted_floor() * HOUR_MS < self._dropped_before

    def advance(self, now: int) -> tuple[int, int]:
        """Go up to a time; answers from when to when (exclusive) sessions began that came in or went out by this."""
        self._now = max(self._now, now // HOUR_MS)
        before, self._floor = self._floor, self._wanted_floor()
        if before != self._floor:
            self._within = sum(count for hour, count in self._hours.items() if hour >= self._floor)
        return min(before, self._floor) * HOUR_MS, max(before, self._floor) * HOUR_MS

    def let_go(self, kept: int) -> bool:
        """Move ``kept_from`` forward, with so many sessions in memory; whether it has moved. What ended before it can't be
        joined to anything in the window any more."""
        kept_from = self._first_hour() * HOUR_MS - NAMED_GAP_MS
        if kept > SESSIONS_KEPT_MAX:
            kept_from = max(kept_from, self._floor * HOUR_MS - NAMED_GAP_MS)
            self._dropped_before = max(self._dropped_before, self._floor * HOUR_MS)
        moved = kept_from > self.kept_from
        self.kept_from = max(self.kept_from, kept_from)
        return moved

    def _first_hour(self) -> int:
        return self._now - 24 * SESSIONS_WINDOW_DAYS + 1

    def _wanted_floor(self) -> int:
        first = self._first_hour()
        if self._within <= SESSIONS_MAX and self._floor <= first:
            return first
        count = 0
        for hour in sorted(self._hours, reverse=True):
            if hour < first:
                break
            # The newest hour is in the window, whatever it holds.
            if count and count + self._hours[hour] > SESSIONS_MAX:
                return hour + 1
            count += self._hours[hour]
        return first

"""When an event happened: reading the client's times and correcting its clock."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from footfall.clock import Milliseconds
from footfall.event import Flag
from footfall.limits import CLOCK_SKEW_CLAMPED_MS, LATE_AFTER_MS

_DIGITS: Final = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS: Final = 8_640_000_000_000_000
"""The largest time that JavaScript knows; anything beyond is no time."""


def read_moment(value: object) -> Milliseconds | None:
    """A client's time: milliseconds since the epoch (string or number), seconds where it has ten digits, or ISO 8601 with an
    offset. ``None`` for anything else."""
    if type(value) is str and value.isdigit() and value.isascii() and len(value) <= 16:
        value = int(value)
        if value >= 10_000_000_000:
            # The common case: milliseconds, as real scripts send them.
            return value if value <= _LATEST_MS else None  # type: ignore[return-value]  # calling a NewType takes time
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not 0 <= value <= _LATEST_MS:
            return None
        return _scaled(float(value)) if isinstance(value, float) else _scaled_whole(value)
    if not isinstance(value, str) or len(value) > 64:
        return None
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return read_moment(float(text))
    if "T" not in text and " " not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        # In whole numbers: a float of seconds loses a millisecond now and then.
        milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
    return Milliseconds(milliseconds) if 0 <= milliseconds <= _LATEST_MS else None


def _scaled_whole(number: int) -> Milliseconds:
    return Milliseconds(number * 1000 if 1_000_000_000 <= number <= 9_999_999_999 else number)


def _scaled(number: float) -> Milliseconds:
    return Milliseconds(int(number * 1000 if 1_000_000_000 <= number < 10_000_000_000 else number))


def event_moment(
    received_at: Milliseconds, event_time: Milliseconds | None, sent_at: Milliseconds | None
) -> tuple[Milliseconds, tuple[Flag, ...]]:
    """The event's own time and its flags: received − (sent − event) where the client says when it sent, never after the
    arrival (``clamped`` when it was by more than 5 minutes), ``late`` when it is over 48 hours old."""
    if event_time is None:
        return received_at, ()
    if sent_at is None and 0 <= received_at - event_time <= LATE_AFTER_MS:
        # The common case, before everything that needs a second look.
        return event_time, ()
    time = event_time if sent_at is None else Milliseconds(received_at - (sent_at - event_time))
    if time > received_at:
        return received_at, ("clamped",) if time - received_at > CLOCK_SKEW_CLAMPED_MS else ()
    # A nonsense pair of times may reach before the epoch; no shopper did.
    time = Milliseconds(max(time, 0))
    return time, ("late",) if received_at - time > LATE_AFTER_MS else ()

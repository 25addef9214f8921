"""How long a server that is busy is left alone before it is asked again. Nothing here waits or asks."""

import random
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def asked_seconds(headers: Mapping[str, str]) -> float | None:
    """What a server asks for with ``Retry-After``, in seconds; ``None`` where it doesn't, or in no way that can be read.

    A date is held against the ``Date`` of the same answer: this machine's clock may be wrong, and the server's own is what it
    counted with.
    """
    asked = headers.get("Retry-After")
    if asked is None:
        return None
    try:
        seconds = float(asked)
    except ValueError:
        moment, now = _date(asked), _date(headers.get("Date"))
        return max(0.0, (moment - now).total_seconds()) if moment is not None and now is not None else None
    # Not a number, or no end to it: no wait that anybody means.
    return max(0.0, seconds) if seconds < float("inf") else None


def pause_seconds(attempt: int, asked: float | None, *, first: float, longest: float, chance: random.Random) -> float:
    """How long to wait before a request is sent again: what the server asked for, else ``first`` seconds and twice as long
    each time, up to half of it more by chance so that many who failed together don't return together; bounded."""
    if asked is not None:
        return min(asked, longest)
    return min(first * float(2**attempt) * (1 + chance.random() / 2), longest)


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text is not None else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None

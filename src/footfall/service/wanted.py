"""Which events of the log an export wants, and how they are found: of a window of time, no more of the log is read than may
hold it. Only reads, and holds no read transaction while what was read is being written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from footfall.clock import DAY_MS, Milliseconds
from footfall.errors import StoreDamagedError
from footfall.event import Event, decode_event
from footfall.identifiers import Generation, Position, PositionToken, ShopId, position_token
from footfall.limits import ARRIVALS_BACK_DAYS_MAX
from footfall.log.embedded import read_entries
from footfall.log.port import Stream
from footfall.log.sqlite import open_reader

READ_ENTRIES: Final = 1_000
"""Records in memory at once: 32 MB where each is as large as it may be."""
_LOOKS: Final = 1_000
"""Single records that are looked at, evenly through the log, to find where a window can begin: 20 ms."""
_CACHE_BYTES: Final = 1024 * 1024

Numbered = tuple[PositionToken, Event]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of a shop: positions from ``first`` to ``last``, both inclusive; own times from ``since`` (inclusive) to
    ``until`` (exclusive), where they are given; without those that bear one of ``without``."""

    shop: ShopId
    first: Position
    last: Position
    since: Milliseconds | None = None
    until: Milliseconds | None = None
    without: frozenset[str] = frozenset()


class _Head(msgspec.Struct):
    """What tells whether a record is wanted: reading no more takes a fifth of the time."""

    shop: ShopId
    received_at: Milliseconds
    time: Milliseconds
    flags: list[str] | None = None


_HEADS: Final = msgspec.json.Decoder(_Head)


class WantedEvents:
    """They, with their positions, in the order of the log; counted as they are told."""

    def __init__(self, log: Path, wanted: Wanted) -> None:
        self.count = 0
        self._wanted = wanted
        self._connection = open_reader(log, cache_bytes=_CACHE_BYTES)
        self._generation = Generation(str(_one(self._connection, "SELECT value FROM meta WHERE name = 'generation'")))

    def close(self) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[Numbered]:
        start = begin(self._connection, self._wanted)
        while start <= self._wanted.last:
            entries = read_entries(self._connection, Stream.EVENTS, start, READ_ENTRIES)
            for position, value in entries:
                if position > self._wanted.last:
                    return
                if not value:
                    continue
                try:
                    if not self._is_wanted(_HEADS.decode(value)):
                        continue
                    event = decode_event(value)
                except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
                    raise StoreDamagedError(
                        f"The event at position {position} can't be read ({failure}). Run `footfall verify`."
                    ) from failure
                self.count += 1
                yield position_token(self._generation, {0: position}), event
            if len(entries) < READ_ENTRIES:
                return
            start = Position(entries[-1].position + 1)

    def _is_wanted(self, head: _Head) -> bool:
        wanted = self._wanted
        return (
            head.shop == wanted.shop
            and (wanted.since is None or head.time >= wanted.since)
            and (wanted.until is None or head.time < wanted.until)
            and (not wanted.without or wanted.without.isdisjoint(head.flags or ()))
        )


def begin(connection: apsw.Connection, wanted: Wanted) -> Position:
    """The position from which on wanted events can be; there is none before it. There is no such end: what is late, or
    imported, may come at any later position.

    No event's own time is after its arrival, and no arrival is more than ``ARRIVALS_BACK_DAYS_MAX`` before one that stands
    earlier in the log. So where an event came more than that before the window, it and all before it are too old. The looks
    go from the beginning to the first that is not: a search by halves could land where a clock was far behind for a while
    all the same, and go on after what came before that.
    """
    if wanted.since is None:
        return wanted.first
    too_old = wanted.since - ARRIVALS_BACK_DAYS_MAX * DAY_MS
    found = wanted.first
    for position in range(wanted.first, wanted.last + 1, max((wanted.last - wanted.first) // _LOOKS, READ_ENTRIES)):
        for entry in read_entries(connection, Stream.EVENTS, Position(position), 1):
            arrival = _arrival(entry.value)
            if arrival is not None and arrival >= too_old:
                return found
            if arrival is not None:
                found = Position(entry.position + 1)
    return found


def _arrival(record: bytes) -> Milliseconds | None:
    """When an event came; ``None`` where it was redacted, or can't be read and nothing depends on it."""
    try:
        return _HEADS.decode(record).received_at if record else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _one(connection: apsw.Connection, sql: str) -> Any:
    rows: list[Any] = connection.execute(sql).fetchall()
    if not rows:
        raise StoreDamagedError("The log has no generation. Run `footfall verify`.")
    return rows[0][0]

"""The log's port: what every log promises, whichever engine is behind it. Its docstrings are the contract."""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Protocol, overload

import msgspec

from footfall.identifiers import Generation, Position

__all__ = ["Entry", "Follower", "Group", "Lane", "Log", "Place", "Record", "Span", "Stream"]


class Stream(StrEnum):
    """The three streams. Together they are the only source of truth. Stored on disk: do not change."""

    EVENTS = "events"
    DOCUMENTS = "documents"
    QUARANTINE = "quarantine"


class Lane(IntEnum):
    """Who goes first where both wait: live requests, then imports, then the upkeep of projections."""

    LIVE = 0
    IMPORT = 1
    UPKEEP = 2


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is appended. ``key`` chooses the partition (records of one key keep their order); ``value`` is one JSON object.

    ``decoded`` is what the value was made from: handed to followers so that nothing is decoded twice, never stored.
    """

    key: str
    value: bytes
    decoded: Any = None


class Entry(NamedTuple):
    """What is read back. ``value`` is empty where the record was redacted (a tombstone)."""

    position: Position
    value: bytes


Place = tuple[int, Position]
"""Where a record is: its partition and its position there."""


class Span(Sequence[Place]):
    """The places of records that stand one after the other in one partition, without a list of them."""

    __slots__ = ("_count", "_first", "_partition")

    def __init__(self, partition: int, first: Position, count: int) -> None:
        self._partition = partition
        self._first = first
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> list[Place]: ...
    def __getitem__(self, index: int | slice) -> Place | list[Place]:
        if isinstance(index, slice):
            return [(self._partition, Position(self._first + n)) for n in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._partition, Position(self._first + index % self._count)


class Group(NamedTuple):
    """Records that became durable together: one stream, one partition, positions in increasing order."""

    stream: Stream
    partition: int
    positions: Sequence[Position]
    records: Sequence[Record]


Follower = Callable[[Group], None]
"""Called on the event loop with each group after it is durable and before its append returns. Must not fail or wait."""


class Log(Protocol):
    """Three append-only streams in partitions. All methods may raise ``LogUnavailableError``."""

    generation: Generation
    """Made at random when the log is created, restored or migrated: positions of different generations don't compare."""

    async def append(self, stream: Stream, records: Sequence[Record], *, lane: Lane = Lane.LIVE) -> Sequence[Place]:
        """Store the records; on return they survive a crash of process and machine.

        Answers the place of each record, in order. Positions strictly increase within a partition, are
        shared by all shops and never given out twice. Records of one call become durable together where they fall into
        one partition. Raises ``LogUnavailableError`` when they can't be made durable: then none was acknowledged,
        though a log on a network may hold some, which is why clients repeat with the same event id.
        """

    async def read(self, stream: Stream, partition: int, start: Position, limit: int) -> Sequence[Entry]:
        """At most ``limit`` entries of a partition from position ``start`` on, in order of position; fewer only at the end.

        Positions may have gaps (retention); a redacted record is there with an empty value.
        """

    async def ends(self, stream: Stream) -> Mapping[int, Position]:
        """The last position given out in each partition, 0 where nothing was."""

    async def wait(self, stream: Stream, ends: Mapping[int, Position], *, timeout_seconds: float) -> bool:
        """Wait until the log's followers have been handed everything up to these positions; ``False`` after the timeout."""

    async def redact(self, stream: Stream, positions: Sequence[Position], *, partition: int = 0) -> int:
        """Replace these records' values for good, durably; the positions stay. Answers how many were there to redact."""

"""A log in memory that keeps every promise but durability: for tests, and for trying things out."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence

from footfall.identifiers import Generation, Position
from footfall.log.port import Entry, Follower, Group, Lane, Place, Record, Stream


class MemoryLog:
    """The port on lists. ``partitions`` above 1 shows callers what a cluster will be like."""

    def __init__(self, *, followers: Sequence[Follower] = (), partitions: int = 1) -> None:
        self.generation = Generation(secrets.token_hex(4))
        self._followers = followers
        self._streams: dict[Stream, list[list[bytes]]] = {s: [[] for _ in range(partitions)] for s in Stream}
        self._grown = asyncio.Condition()

    async def append(self, stream: Stream, records: Sequence[Record], *, lane: Lane = Lane.LIVE) -> Sequence[Place]:
        partitions = self._streams[stream]
        groups: dict[int, list[tuple[Position, Record]]] = {}
        places: list[Place] = []
        for record in records:
            partition = _partition(record.key, len(partitions))
            partitions[partition].append(record.value)
            place = (partition, Position(len(partitions[partition])))
            places.append(place)
            groups.setdefault(partition, []).append((place[1], record))
        for partition, pairs in groups.items():
            group = Group(stream, partition, [p for p, _ in pairs], [r for _, r in pairs])
            for follow in self._followers:
                follow(group)
        async with self._grown:
            self._grown.notify_all()
        return places

    async def read(self, stream: Stream, partition: int, start: Position, limit: int) -> Sequence[Entry]:
        first = max(start, 1)
        values = self._values(stream, partition)[first - 1 : first - 1 + limit]
        return [Entry(Position(first + index), value) for index, value in enumerate(values)]

    async def ends(self, stream: Stream) -> Mapping[int, Position]:
        return {number: Position(len(values)) for number, values in enumerate(self._streams[stream])}

    async def wait(self, stream: Stream, ends: Mapping[int, Position], *, timeout_seconds: float) -> bool:
        def reached() -> bool:
            partitions = self._streams[stream]
            return all(len(partitions[p]) >= end for p, end in ends.items() if p < len(partitions))

        try:
            async with asyncio.timeout(timeout_seconds), self._grown:
                return await self._grown.wait_for(reached)
        except TimeoutError:
            return reached()

    async def redact(self, stream: Stream, positions: Sequence[Position], *, partition: int = 0) -> int:
        values = self._values(stream, partition)
        there = {p for p in positions if 1 <= p <= len(values) and values[p - 1]}
        for position in there:
            values[position - 1] = b""
        return len(there)

    def _values(self, stream: Stream, partition: int) -> list[bytes]:
        partitions = self._streams[stream]
        return partitions[partition] if 0 <= partition < len(partitions) else []


def _partition(key: str, partitions: int) -> int:
    """Stable within one process, which is as long as this log lives."""
    return hash(key) % partitions

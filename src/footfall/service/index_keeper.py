"""Keeps the index of sessions: read from its file and the log at start, kept up with every event, saved by a child process.

Collection and history never wait for what stands here: events are taken in a slice at a time, and what waits too long is read
from the log again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

import structlog

from footfall.clock import Clock
from footfall.errors import FootfallError
from footfall.event import decode_event
from footfall.identifiers import Position, ShopId
from footfall.limits import (
    INDEX_CATCH_UP_EVENTS_MAX,
    INDEX_READ_EVENTS,
    INDEX_SAVED_AFTER_EVENTS,
    INDEX_SAVED_AFTER_SECONDS,
    INDEX_SLICE_MS,
    WAITING_EVENTS_MAX,
)
from footfall.log.port import Entry, Group, Log, Record, Stream
from footfall.projections.names import Names
from footfall.projections.recommendations.index import Index
from footfall.projections.recommendations.snapshot import SnapshotInvalidError, load
from footfall.projections.shops import Shops
from footfall.service.workers import run_worker

INDEX_FILE: Final = "sessions.index"
_UPKEEP_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 10.0
_STEP_EVENTS: Final = 25
"""Events between two looks at the clock: a third of a millisecond."""

_logger = structlog.get_logger("footfall.index")


def hash_key(shops: Shops, shop: ShopId) -> bytes | None:
    """The key under which a shop's visitors are hashed in the index."""
    found = shops.by_id(shop)
    return bytes.fromhex(found.email_key) if found is not None else None


class IndexKeeper:
    """The index and its upkeep. All methods belong to the event loop."""

    def __init__(
        self, data: Path, log: Log, shops: Shops, names: Names, clock: Clock, merge: Callable[[], Awaitable[None]]
    ) -> None:
        """``merge`` brings what shops have set up into ``state.db``, where a child process reads it."""
        self._data = data
        self._path = data / INDEX_FILE
        self._log = log
        self._shops = shops
        self._clock = clock
        self._names = names
        self._merge = merge
        self._index = Index(self._key_of)
        self._live = False
        self._waiting: deque[Group] | None = None
        """Groups that have not been taken in; ``None`` while the log must be read first."""
        self._waiting_events = 0
        self._scheduled = False
        self._saved: Mapping[int, Position] = {}
        """Up to where the file goes."""
        self._saved_at = time.monotonic()
        self._rebuild = False
        self._forgotten = 0
        """How many times somebody was forgotten."""
        self._knows_forgotten = False
        """Whether the index may know somebody who was forgotten while it was being read."""
        self._progress = 0.0

    @property
    def pending(self) -> str | None:
        """What is missing until the index covers every event."""
        return None if self._live else f"reading sessions from the log, {self._progress:.0%} done"

    @property
    def behind(self) -> int:
        """How many events that it was told of it has not taken in; of those in the log alone it knows only once it reads
        them."""
        return self._waiting_events

    def index(self) -> Index:
        """The index as it is now, with all that was acknowledged unless more waits than a slice of time takes in."""
        if self._live:
            self._take_in()
        return self._index

    def follow(self, group: Group) -> None:
        """Note a group that has just become durable; it is taken in soon."""
        if group.stream is not Stream.EVENTS or self._waiting is None:
            return
        self._waiting.append(group)
        self._waiting_events += len(group.records)
        if not self._live:
            return
        if self._waiting_events > WAITING_EVENTS_MAX:
            # Whoever sends more than this machine takes in goes first; the log has it all.
            self._live, self._waiting, self._waiting_events = False, None, 0
            self._index.is_live = False
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._take_in()
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_in(self) -> None:
        """Take in what waits, as far as a slice of time goes."""
        begin = time.perf_counter()
        for _ in self._taken_in():
            if (time.perf_counter() - begin) * 1_000 >= INDEX_SLICE_MS:
                return

    def _taken_in(self) -> Iterator[None]:
        waiting = self._waiting
        while waiting:
            group = waiting.popleft()
            step = _part(group, 0, _STEP_EVENTS)
            self._index.apply(step)
            self._waiting_events -= len(step.records)
            if len(group.records) > _STEP_EVENTS:
                waiting.appendleft(_part(group, _STEP_EVENTS, len(group.records)))
            yield

    def forget(self, shop: ShopId, trail: str) -> int:
        """Let go of all sessions that left a trail, in memory at once and in the file by making it anew from the log; answers
        how many there were. What the log still holds of them would come back with that."""
        for _ in self._taken_in() if self._live else ():
            pass
        forgotten = self._index.forget(shop, trail)
        self._path.unlink(missing_ok=True)
        self._rebuild = True
        self._forgotten += 1
        self._knows_forgotten |= not self._live
        return forgotten

    async def start(self) -> None:
        """Be live at once where there is little to read; ``run`` does the rest."""
        if not self._path.exists() and await self._behind(self._index) <= INDEX_READ_EVENTS:
            await self._go_live(self._index)

    async def run(self) -> None:
        """Read the index, then keep it, for ever."""
        while True:
            try:
                if not self._live:
                    await self._read()
                await self._keep()
            except (FootfallError, OSError) as failure:
                _logger.warning("index_failed", error=str(failure))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self) -> None:
        """Read the index from its file, or have the file made first where much would be left to read from the log."""
        index = await self._load()
        if index is None:
            index = Index(self._key_of)
        if await self._behind(index) > INDEX_CATCH_UP_EVENTS_MAX:
            await self._save(fresh=False)
            index = await self._load() or index
        self._saved = dict(index.ends)
        await self._go_live(index)

    async def _load(self) -> Index | None:
        try:
            return await asyncio.to_thread(load, self._path, self._key_of, self._log.generation)
        except SnapshotInvalidError as failure:
            if self._path.exists():
                _logger.warning("index_set_aside", error=str(failure))
            return None

    async def _go_live(self, index: Index) -> None:
        """Read what an index has not seen yet, and put it in the place of the one that there is."""
        while (behind := await self._behind(index)) > INDEX_READ_EVENTS:
            await self._read_up_to(index, await self._log.ends(Stream.EVENTS), within=INDEX_CATCH_UP_EVENTS_MAX)
            self._progress = max(self._progress, 1 - await self._behind(index) / max(1, behind))
        # From here on nothing is missed: what comes meanwhile waits, and what the log told already is passed over.
        self._live, self._waiting, self._waiting_events = False, deque(), 0
        await self._read_up_to(index, await self._log.ends(Stream.EVENTS))
        self._index, self._live, index.is_live = index, True, True
        self._take_turn()
        await self._in_slices(index.settle(self._clock.now()))

    async def _read_up_to(self, index: Index, ends: Mapping[int, Position], within: int | None = None) -> None:
        for partition, end in ends.items():
            first = index.ends.get(partition, Position(0))
            while (done := index.ends.get(partition, Position(0))) < end and (within is None or done - first < within):
                entries = await self._log.read(Stream.EVENTS, partition, Position(done + 1), INDEX_READ_EVENTS)
                kept = [entry for entry in entries if entry.value]
                await self._in_slices(_applied(index, partition, kept))
                # A read that comes back short has reached the end, whatever gaps lie before it.
                index.ends[partition] = entries[-1].position if len(entries) == INDEX_READ_EVENTS else max(end, done)

    async def _behind(self, index: Index) -> int:
        ends = await self._log.ends(Stream.EVENTS)
        return sum(max(0, end - index.ends.get(partition, 0)) for partition, end in ends.items())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_UPKEEP_SECONDS)
            if not self._live:
                await self._go_live(self._index)
            await self._in_slices(self._index.settle(self._clock.now()))
            await self.look_up_names()
            for of_shop in list(self._index.shops.values()):
                if of_shop.sessions.needs_visitors_merged:
                    await asyncio.to_thread(of_shop.sessions.merge_visitors())
            incomplete = any(of_shop.sessions.is_incomplete for of_shop in self._index.shops.values())
            if self._rebuild or self._knows_forgotten or incomplete:
                self._rebuild = False
                await self._save(fresh=True)
                if self._rebuild:
                    # Somebody was forgotten while the child may have read of them.
                    self._path.unlink(missing_ok=True)
                elif self._knows_forgotten or incomplete:
                    await self._replace()
            elif self._is_save_due():
                await self._save(fresh=False)

    async def _replace(self) -> None:
        """Put the index that the file holds in the place of the one that there is."""
        forgotten = self._forgotten
        await self._go_live(await self._load() or Index(self._key_of))
        self._knows_forgotten = self._forgotten != forgotten

    async def look_up_names(self) -> None:
        """Learn which names stand for one product: those that came since, and now and then all."""
        for shop, of_shop in list(self._index.shops.items()):
            await self._in_slices(of_shop.aliases.update(shop, of_shop.names, self._names))

    async def save(self) -> None:
        """Have the file brought up to the log's end. Raises ``FootfallError``."""
        await self._save(fresh=False)

    def _is_save_due(self) -> bool:
        unsaved = sum(end - self._saved.get(partition, 0) for partition, end in self._index.ends.items())
        rested = time.monotonic() - self._saved_at >= INDEX_SAVED_AFTER_SECONDS
        return rested and unsaved >= INDEX_SAVED_AFTER_EVENTS

    async def _save(self, *, fresh: bool) -> None:
        """Have a child process bring the file up to the log's end, or make it anew. Raises ``FootfallError``."""
        # The end before the shops: of an event whose shop came later the child would not know whose it is.
        self._saved_at = time.monotonic()
        ends = await self._log.ends(Stream.EVENTS)
        await self._merge()
        parameters = {"data": str(self._data), "generation": self._log.generation, "fresh": fresh, "end": ends[0]}
        async with aclosing(run_worker("index", parameters, lines=True)) as told:
            async for line in told:
                self._progress = line["done"]
                if "ends" in line:
                    self._saved = {int(partition): Position(end) for partition, end in line["ends"].items()}

    async def _in_slices(self, steps: Iterator[None]) -> None:
        """Take steps, and let others have their turn every few."""
        begin = time.perf_counter()
        for _ in steps:
            if (time.perf_counter() - begin) * 1_000 >= INDEX_SLICE_MS:
                await asyncio.sleep(0)
                begin = time.perf_counter()

    def _key_of(self, shop: ShopId) -> bytes | None:
        return hash_key(self._shops, shop)


def _applied(index: Index, partition: int, entries: list[Entry]) -> Iterator[None]:
    for first in range(0, len(entries), _STEP_EVENTS):
        part = entries[first : first + _STEP_EVENTS]
        records = [Record("", entry.value, decode_event(entry.value)) for entry in part]
        index.apply(Group(Stream.EVENTS, partition, [entry.position for entry in part], records))
        yield


def _part(group: Group, first: int, end: int) -> Group:
    return group._replace(positions=group.positions[first:end], records=group.records[first:end])

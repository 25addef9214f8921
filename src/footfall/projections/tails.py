"""The tails: projections that are right as soon as an event is acknowledged.

The log hands every group to ``follow`` before it is acknowledged; the projections keep it in memory and answer from memory
over table; from time to time memory is merged into ``state.db``. After a crash what was not merged is read again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from footfall.errors import LogUnavailableError
from footfall.identifiers import Position
from footfall.limits import TAIL_EVENTS_MAX, TAIL_EVENTS_MERGE, TAIL_MERGE_SECONDS, TIDY_STEPS
from footfall.log.port import Group, Log, Record, Stream
from footfall.projections.state import Projection, State

_CATCH_UP_RECORDS = 500
_TIDY_PAUSE_SECONDS = 0.05
_logger = structlog.get_logger("footfall.tails")

Decoders = Mapping[Stream, Callable[[bytes], object]]


class Tails:
    """Keeps projections up with the log. All methods belong to the event loop."""

    def __init__(self, state: State, projections: Sequence[Projection], decoders: Decoders) -> None:
        self._state = state
        self._projections = projections
        self._decoders = decoders
        self._following = {s: [p for p in projections if p.stream is s] for s in Stream}
        self._ends: dict[Stream, dict[int, Position]] = {s: {} for s in Stream}
        self._saved_ends: dict[Stream, dict[int, Position]] = {}
        self._frozen_ends: dict[Stream, dict[int, Position]] = {}
        self._frozen = False
        self._events = 0
        self._frozen_events = 0
        self._failing = False
        self.untidy = False
        """Whether the last merge left something to tidy up; ``run`` goes on with it soon."""
        self._merge: asyncio.Task[bool] | None = None
        self._log: Log | None = None
        self.progress = 0.0
        """How much of the log has been read again at start, 0 to 1."""

    @property
    def full(self) -> bool:
        """Whether memory holds all that it may: ``state.db`` could not be written for long."""
        return self._events + self._frozen_events >= TAIL_EVENTS_MAX

    def covered(self, stream: Stream) -> Mapping[int, Position]:
        """Up to where the projections have taken in a stream, by partition."""
        return self._ends[stream]

    def follow(self, group: Group) -> None:
        """Take a group that has just become durable."""
        for projection in self._following[group.stream]:
            projection.apply(group)
        self._ends[group.stream][group.partition] = group.positions[-1]
        self._events += len(group.records)
        # One that failed is tried again by ``run``, not with every group.
        if self._events >= TAIL_EVENTS_MERGE and self._log is not None and not self._failing:
            self._start_merge(self._log)

    async def catch_up(self, log: Log) -> None:
        """Read what the projections haven't seen, before anything is accepted; in slices, so that the server still answers."""
        self._log = log
        work: list[tuple[Stream, int, Position]] = []
        total = 0
        for stream in Stream:
            ends = await log.ends(stream)
            saved = [self._state.attach(p, log.generation, ends) for p in self._following[stream]]
            for partition, end in ends.items():
                start = min((positions.get(partition, Position(0)) for positions in saved), default=end)
                self._ends[stream][partition] = start
                if start < end:
                    work.append((stream, partition, end))
                    total += end - start
        for projection in self._projections:
            if projection.stream is None:
                self._state.attach(projection, log.generation, {})
        for projection in self._projections:
            projection.thaw()
        done = 0
        for stream, partition, end in work:
            while (start := self._ends[stream][partition]) < end:
                await self._read_again(log, stream, partition, Position(start + 1), end)
                done += self._ends[stream][partition] - start
                if int(10 * done / total) > int(10 * self.progress) and total > TAIL_EVENTS_MERGE:
                    _logger.info("reading_again", done=f"{done / total:.0%}", records=total)
                self.progress = done / total
                await asyncio.sleep(0)
                if self._events + self._frozen_events >= TAIL_EVENTS_MAX // 2:
                    # Merges go on beside the reading; only memory makes it wait for them, or a start after a crash at full
                    # load would take as long as merging what it reads.
                    await self.merge()
        self.progress = 1.0

    async def _read_again(self, log: Log, stream: Stream, partition: int, start: Position, end: Position) -> None:
        entries = await log.read(stream, partition, start, _CATCH_UP_RECORDS)
        # A read that comes back short has reached the end, whatever gaps lie before it.
        last = entries[-1].position if len(entries) == _CATCH_UP_RECORDS else end
        decode = self._decoders[stream]
        live = [entry for entry in entries if entry.value]
        if live:
            records = [Record("", entry.value, decode(entry.value)) for entry in live]
            self.follow(Group(stream, partition, [entry.position for entry in live], records))
        self._ends[stream][partition] = last

    async def merge(self) -> None:
        """Bring everything in memory into ``state.db`` and save the positions. Raises ``LogUnavailableError``."""
        if self._log is None:
            return
        while self._merge is not None:
            await asyncio.shield(self._merge)
        left_over = self._frozen
        merged = await asyncio.shield(self._start_merge(self._log))
        if merged and left_over:
            # That was what a failed merge had set aside; what came since is still in memory.
            merged = await asyncio.shield(self._start_merge(self._log))
        if not merged:
            raise LogUnavailableError("state.db can't be written now.")

    async def run(self) -> None:
        """Merge every few seconds, for ever."""
        while True:
            await asyncio.sleep(_TIDY_PAUSE_SECONDS if self.untidy else TAIL_MERGE_SECONDS)
            if self._log is not None:
                await asyncio.shield(self._start_merge(self._log))

    def _start_merge(self, log: Log) -> asyncio.Task[bool]:
        if self._merge is None:
            self._merge = asyncio.create_task(self._merge_supervised(log))
        return self._merge

    async def _merge_supervised(self, log: Log) -> bool:
        """Whether everything that was set aside is in ``state.db``. A failure leaves it in memory, where answers see it."""
        self._failing = True
        try:
            await self._merge_frozen(log)
            self._failing = False
        except LogUnavailableError as failure:
            _logger.warning("merge_failed", error=str(failure))
        except Exception:
            _logger.exception("merge_failed")
        finally:
            self._merge = None
        return not self._failing

    async def _merge_frozen(self, log: Log) -> None:
        if not self._frozen:
            # What is set aside now is what these positions stand for. After a failure the old set is merged first.
            self._frozen = True
            self._frozen_events, self._events = self._events, 0
            self._frozen_ends = {stream: dict(ends) for stream, ends in self._ends.items()}
            for projection in self._projections:
                projection.freeze()
        self.untidy = False
        for projection in self._projections:
            # Also where nothing is set aside: there may be something to tidy up, and then more than fits into one merge.
            self.untidy |= await self._state.merge(projection) >= TIDY_STEPS
        if self._frozen_ends != self._saved_ends:
            await self._state.save(self._projections, log.generation, self._frozen_ends)
            self._saved_ends = self._frozen_ends
        self._thaw()

    def _thaw(self) -> None:
        for projection in self._projections:
            projection.thaw()
        self._frozen = False
        self._frozen_events = 0

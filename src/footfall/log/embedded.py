"""The log on one machine: ``log.db``, an SQLite file with group commit. One partition, number 0, in each stream.

Only the writer's connection writes the file; the append transaction writes nothing else. Rows are inserted by one
statement per group: SQLite lets go of Python's lock once for it, where a statement per row would hand the lock back and
forth with the event loop (measured beside a busy loop: 6,000 rows/s row by row, 64,000 to 265,000 in one statement).
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import structlog

from footfall.errors import LogUnavailableError, StoreDamagedError
from footfall.identifiers import Generation, Position
from footfall.limits import GROUP_RECORDS_MAX, IMPORT_CHUNK_EVENTS_MAX, LOG_BLOCK_POSITIONS, WAL_PAGES_CHECKPOINT
from footfall.log import schema, sqlite
from footfall.log.blocks import Block, block_of, open_block, seal_again
from footfall.log.port import Entry, Follower, Group, Lane, Place, Record, Span, Stream
from footfall.log.writer import Writer

_PARTITION: Final = 0
_CACHE_BYTES: Final = 16 * 1024 * 1024
_CLEARING_PAUSES_SECONDS: Final = (0.01, 0.1, 0.5, 1.0)
"""After which a redaction tries again to empty the write-ahead log: no reader holds a transaction over 100 ms."""

_logger = structlog.get_logger("footfall.log")


Done = Callable[[Place | None, BaseException | None], None]
"""Told the place of the first record once all are durable, or why they could not be made so."""


class _Append:
    """One call of ``append`` that waits for its group."""

    __slots__ = ("done", "first", "records", "stream")

    def __init__(self, stream: Stream, records: Sequence[Record], done: Done) -> None:
        self.stream = stream
        self.records = records
        self.done = done
        self.first = Position(0)


class EmbeddedLog:
    """The port on SQLite. Open it with ``open``; all methods belong to one event loop."""

    def __init__(
        self,
        path: Path,
        connection: apsw.Connection,
        reader: apsw.Connection,
        writer: Writer,
        followers: Sequence[Follower],
    ) -> None:
        self.generation = Generation(
            str(connection.execute("SELECT value FROM meta WHERE name = 'generation'").fetchall()[0][0])
        )
        self._path = path
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._followers = followers
        self._waiting: tuple[deque[_Append], ...] = tuple(deque() for _ in Lane)
        self._scheduled = [False for _ in Lane]
        self._checkpoint_scheduled = False
        self._clearing = False
        self._ends = {stream: stored_end(connection, stream) for stream in Stream}
        self._blocks = {stream: open_block(connection, stream, self._ends[stream]) for stream in Stream}
        self._waiters: list[tuple[Stream, Position, asyncio.Future[bool]]] = []
        connection.set_wal_hook(self._grown)

    @classmethod
    def open(
        cls,
        path: Path,
        writer: Writer,
        *,
        followers: Sequence[Follower] = (),
        chance: random.Random | None = None,
        vfs: str | None = None,
    ) -> "EmbeddedLog":
        """Open or make the file, at the newest schema.

        Raises ``LogUnavailableError``, ``StoreDamagedError``, ``StoreTooNewError`` or ``EngineTooOldError``.
        """
        connection = sqlite.open_writer(path, synchronous="FULL", cache_bytes=_CACHE_BYTES, vfs=vfs)
        reader: apsw.Connection | None = None
        try:
            generation = f"{(chance or random.SystemRandom()).getrandbits(32):08x}"
            sqlite.migrate(connection, path, schema.steps(generation))
            reader = sqlite.open_reader(path, cache_bytes=_CACHE_BYTES, vfs=vfs)
            log = cls(path, connection, reader, writer, followers)
            # A crash may have come between a redaction and the clearing of what it left in the write-ahead log.
            log._clear_wal()
            return log
        except BaseException as failure:
            if reader is not None:
                reader.close()
            connection.close()
            if isinstance(failure, apsw.CorruptError | apsw.NotADBError | apsw.SQLError | IndexError):
                raise StoreDamagedError(f"{path} is no log that can be read ({failure}). Run `footfall verify`.") from failure
            if isinstance(failure, apsw.Error):
                raise LogUnavailableError(f"{path} can't be written: {failure}.") from failure
            raise

    def close(self) -> None:
        """Close the file. The writer must have finished its jobs."""
        self._reader.close()
        self._connection.set_wal_hook(None)
        self._connection.close()

    # --- the port ------------------------------------------------------------------------------------------------

    async def append(self, stream: Stream, records: Sequence[Record], *, lane: Lane = Lane.LIVE) -> Sequence[Place]:
        if not records:
            return []
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()

        def done(place: Place | None, failure: BaseException | None) -> None:
            if future.done():
                return
            if place is not None:
                future.set_result(place)
            elif failure is not None:
                future.set_exception(failure)

        self.append_soon(stream, records, done, lane=lane)
        _, first = await future
        return Span(_PARTITION, first, len(records))

    def append_soon(self, stream: Stream, records: Sequence[Record], done: Done, *, lane: Lane = Lane.LIVE) -> None:
        """``append`` without a task that waits: ``done`` is called on the event loop and must not fail."""
        self._waiting[lane].append(_Append(stream, records, done))
        self._schedule(lane)

    async def read(self, stream: Stream, partition: int, start: Position, limit: int) -> Sequence[Entry]:
        if partition != _PARTITION:
            return []
        return read_entries(self._reader, stream, start, limit)

    async def ends(self, stream: Stream) -> Mapping[int, Position]:
        return {_PARTITION: self._ends[stream]}

    async def wait(self, stream: Stream, ends: Mapping[int, Position], *, timeout_seconds: float) -> bool:
        end = ends.get(_PARTITION, Position(0))
        if self._ends[stream] >= end:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiter = (stream, end, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                await future
        except TimeoutError:
            return False
        else:
            return True
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def redact(self, stream: Stream, positions: Sequence[Position], *, partition: int = 0) -> int:
        blocks: dict[int, list[Position]] = {}
        for position in positions if partition == _PARTITION else ():
            if 1 <= position <= self._ends[stream]:
                blocks.setdefault(block_of(position), []).append(position)
        redacted = 0
        for block, of in sorted(blocks.items()):
            # One block a job: live groups get their turn between two of them.
            redacted += await self._writer.run(partial(self._redact, stream, block, of), Lane.UPKEEP)
        for pause_seconds in _CLEARING_PAUSES_SECONDS if redacted else ():
            if await self._writer.run(self._clear_wal, Lane.UPKEEP):
                break
            await asyncio.sleep(pause_seconds)
        return redacted

    async def probe(self) -> None:
        """Write and fsync what means nothing, to learn whether the log can be written. Raises ``LogUnavailableError``."""
        await self._writer.run(self._probe, Lane.LIVE)

    # --- on the writer's thread ----------------------------------------------------------------------------------

    def _write(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        """Write one group: everything that waits in this lane, up to the bound."""
        # Cleared first: an append that comes from now on schedules a job of its own, at worst an empty one.
        self._scheduled[lane] = False
        waiting = self._waiting[lane]
        records_max = GROUP_RECORDS_MAX if lane is Lane.LIVE else IMPORT_CHUNK_EVENTS_MAX
        appends: list[_Append] = []
        count = 0
        while waiting and (not appends or count + len(waiting[0].records) <= records_max):
            append = waiting.popleft()
            appends.append(append)
            count += len(append.records)
        if not appends:
            return
        try:
            self._commit(appends)
        except apsw.Error as failure:
            unavailable = LogUnavailableError(f"The log can't be written now ({failure}). Send again later.")
            unavailable.__cause__ = failure
            self._roll_back()
            loop.call_soon_threadsafe(self._failed, appends, unavailable)
        except BaseException as failure:
            self._roll_back()
            loop.call_soon_threadsafe(self._failed, appends, failure)
        else:
            loop.call_soon_threadsafe(self._committed, appends)
        if waiting:
            loop.call_soon_threadsafe(self._schedule, lane)

    def _commit(self, appends: list[_Append]) -> None:
        """One transaction for these appends; gives each its first position. Nothing is changed in memory if it fails."""
        by_stream: dict[Stream, list[_Append]] = {}
        for append in appends:
            by_stream.setdefault(append.stream, []).append(append)
        values = {stream: [r.value for a in of for r in a.records] for stream, of in by_stream.items()}
        blocks: dict[Stream, Block] = {}
        seals: list[tuple[str, int, int, int]] = []
        for stream, records in values.items():
            blocks[stream] = self._filled(stream, records, seals)
        # One statement by itself is its own transaction: one crossing into SQLite, fsync included.
        explicit = len(values) > 1 or bool(seals)
        execute = self._connection.execute
        if explicit:
            execute("BEGIN IMMEDIATE")
        firsts: dict[Stream, Position] = {}
        for stream, records in values.items():
            execute(_INSERT[stream], (apsw.carray(tuple(records)),))
            firsts[stream] = Position(self._connection.last_insert_rowid() - len(records) + 1)
        for seal in seals:
            execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", seal)
        if explicit:
            execute("COMMIT")
        self._blocks.update(blocks)
        for stream, of in by_stream.items():
            first = firsts[stream]
            for append in of:
                append.first = first
                first = Position(first + len(append.records))

    def _filled(self, stream: Stream, records: list[bytes], seals: list[tuple[str, int, int, int]]) -> Block:
        """The open block after these records; rows for the blocks that they complete are added to ``seals``."""
        block = self._blocks[stream]
        number, count, checksum = block.number, block.records, block.checksum
        done = 0
        while done < len(records):
            room = LOG_BLOCK_POSITIONS - count
            part = records[done : done + room]
            checksum = schema.checksum(part, checksum)
            count += len(part)
            done += len(part)
            if count == LOG_BLOCK_POSITIONS:
                seals.append((stream.value, number, count, checksum))
                number, count, checksum = number + 1, 0, 0
        return Block(number, count, checksum)

    def _redact(self, stream: Stream, block: int, positions: list[Position]) -> int:
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            execute(
                f"UPDATE {stream} SET record = '' WHERE position IN (SELECT value FROM json_each(?)) AND record <> ''",
                (str([int(p) for p in positions]),),
            )
            redacted = self._connection.changes()
            filling = self._blocks[stream]
            if not redacted:
                pass
            elif block == filling.number:
                filling = open_block(self._connection, stream, stored_end(self._connection, stream))
            else:
                seal_again(self._connection, stream, block)
            execute("COMMIT")
        except apsw.Error as failure:
            self._roll_back()
            raise LogUnavailableError(f"The log can't be redacted now ({failure}).") from failure
        self._blocks[stream] = filling
        self._clearing |= redacted > 0
        return redacted

    def _clear_wal(self) -> bool:
        """Write the write-ahead log back and empty it, so that what was redacted stays readable in neither file.

        ``False`` where a reader was in the way: then every later checkpoint tries again.
        """
        try:
            # Without patience: a group may be waiting behind this.
            self._connection.set_busy_timeout(0)
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._clearing = False
        except apsw.BusyError:
            return False
        except apsw.Error as failure:
            # Nothing is lost: the pages stay in the write-ahead log until a checkpoint succeeds.
            _logger.warning("checkpoint_failed", file=self._path.name, error=str(failure))
            return False
        finally:
            self._connection.set_busy_timeout(sqlite.BUSY_MILLISECONDS)
        return True

    def _probe(self) -> None:
        try:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('probe', hex(randomblob(4)))")
        except apsw.Error as failure:
            raise LogUnavailableError(f"The log can't be written now ({failure}).") from failure

    def _roll_back(self) -> None:
        if not self._connection.get_autocommit():
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error as failure:
                _logger.warning("rollback_failed", error=str(failure))

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        """SQLite says after each commit how many pages its write-ahead log has."""
        if (self._clearing or pages >= WAL_PAGES_CHECKPOINT) and not self._checkpoint_scheduled:
            self._checkpoint_scheduled = True
            self._writer.post(self._checkpoint, Lane.UPKEEP)
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        self._checkpoint_scheduled = False
        if self._clearing:
            self._clear_wal()
            return
        try:
            sqlite.checkpoint(self._connection)
        except apsw.Error as failure:
            # Nothing is lost: the pages stay in the write-ahead log until a checkpoint succeeds.
            _logger.warning("checkpoint_failed", file=self._path.name, error=str(failure))

    # --- on the event loop ---------------------------------------------------------------------------------------

    def _schedule(self, lane: Lane) -> None:
        if not self._scheduled[lane]:
            self._scheduled[lane] = True
            self._writer.post(partial(self._write, lane, asyncio.get_running_loop()), lane)

    def _committed(self, appends: list[_Append]) -> None:
        """Hand the group to the followers, then let its appends return: in this order, or a read could miss it."""
        by_stream: dict[Stream, list[_Append]] = {}
        for append in appends:
            by_stream.setdefault(append.stream, []).append(append)
        try:
            for stream, of in by_stream.items():
                records = of[0].records if len(of) == 1 else [r for a in of for r in a.records]
                positions = range(of[0].first, of[0].first + len(records))
                group = Group(stream, _PARTITION, positions, records)  # type: ignore[arg-type]  # a range of Positions
                self._ends[stream] = Position(positions[-1])
                for follow in self._followers:
                    follow(group)
        except Exception as failure:
            # The group is durable, but what follows from it isn't right: no acknowledgement, a repeat is a duplicate.
            _logger.exception("follower_failed")
            self._failed(appends, failure)
            return
        for append in appends:
            append.done((_PARTITION, append.first), None)
        if self._waiters:
            for stream, end, future in self._waiters:
                if self._ends[stream] >= end and not future.done():
                    future.set_result(True)

    def _failed(self, appends: list[_Append], failure: BaseException) -> None:
        for append in appends:
            append.done(None, failure)


# CAST: bound as bytes to spare Python the decoding, stored as text so that every tool reads it.
_INSERT: Final = {stream: f"INSERT INTO {stream} (record) SELECT CAST(value AS TEXT) FROM carray(?)" for stream in Stream}


def read_entries(connection: apsw.Connection, stream: Stream, start: Position, limit: int) -> list[Entry]:
    """Entries from ``start`` on, over any connection to a ``log.db``. Raises ``LogUnavailableError``."""
    try:
        rows: list[Any] = connection.execute(
            f"SELECT position, CAST(record AS BLOB) FROM {stream} WHERE position >= ? ORDER BY position LIMIT ?",
            (start, limit),
        ).fetchall()
    except apsw.Error as failure:
        raise LogUnavailableError(f"The log can't be read now ({failure}).") from failure
    return list(map(Entry._make, rows))


def stored_end(connection: apsw.Connection, stream: Stream) -> Position:
    """The last position given out in a stream, which may have been deleted since."""
    rows: list[Any] = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (stream.value,)).fetchall()
    return Position(int(rows[0][0])) if rows else Position(0)

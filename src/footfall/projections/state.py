"""``state.db``: where the projections keep their rows and how far each has read. Can be deleted; the log makes it anew."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import apsw
import msgspec
import structlog

from footfall.errors import LogUnavailableError
from footfall.identifiers import Generation, Position
from footfall.limits import STATE_PRELOAD_BYTES_MAX, STATE_WAL_PAGES_CHECKPOINT
from footfall.log import sqlite
from footfall.log.port import Group, Lane, Stream
from footfall.log.writer import Writer

_CACHE_BYTES: Final = 64 * 1024 * 1024
_CACHE_BYTES_ASIDE: Final = 2 * 1024 * 1024
_PRELOAD_BYTES: Final = 8 * 1024 * 1024

_logger = structlog.get_logger("footfall.state")


class Slice(NamedTuple):
    """One transaction of a merge: a statement whose only parameter is a JSON array of rows, or blobs for ``carray`` (or none).

    One statement, so that SQLite lets go of Python's lock once for the whole slice.
    """

    sql: str
    rows: bytes | tuple[bytes, ...] | None = None

    @property
    def parameters(self) -> tuple[Any, ...]:
        """What the statement is executed with."""
        if self.rows is None:
            return ()
        return (self.rows.decode(),) if isinstance(self.rows, bytes) else (apsw.carray(self.rows),)


Step = Slice | Callable[[apsw.Connection], None]
"""A slice, or work of a few statements that each must be their own transaction; both run on the writer's thread."""


class Projection(Protocol):
    """What follows a stream into ``state.db`` by way of memory. Answers come from its memory over its tables."""

    @property
    def name(self) -> str:
        """By which its positions are saved."""

    @property
    def version(self) -> int:
        """Raised when the meaning of its rows changes: it is then rebuilt from the log."""

    @property
    def stream(self) -> Stream | None:
        """What it follows; ``None``: operational figures, which are kept and not rebuilt."""

    @property
    def tables(self) -> Mapping[str, str]:
        """Table (or index) name → the statement that makes it."""

    def apply(self, group: Group) -> None:
        """Take a group into memory. The same group twice leaves what it left once."""

    def freeze(self) -> bool:
        """Set aside what is in memory to be merged, and say whether there is anything; answers still see it.

        Never called while something is set aside.
        """

    def slices(self) -> Iterator[Step]:
        """The transactions that bring what was set aside into the tables; run on the writer's thread, idempotent."""

    def thaw(self) -> None:
        """Forget what was set aside, since the tables have it, and learn what they hold now. Called once at start as well."""


class Reader:
    """The event loop's way to read ``state.db``."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement answers. Raises ``LogUnavailableError`` where the file can't be read."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except apsw.SQLError:
            raise
        except apsw.Error as failure:
            raise LogUnavailableError(f"state.db can't be read now ({failure}).") from failure

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class State:
    """The file, its writing connection (used on the writer's thread only) and its reading one (the event loop's)."""

    def __init__(self, path: Path, connection: apsw.Connection, writer: Writer) -> None:
        self.path = path
        self._connection = connection
        self._writer = writer
        self._pages = 0
        self.reader: Reader
        connection.set_wal_hook(self._grown)

    @classmethod
    def open(cls, path: Path, writer: Writer, *, vfs: str | None = None) -> "State":
        """Open or make the file. Raises as ``EmbeddedLog.open`` does."""
        connection = sqlite.open_writer(path, synchronous="NORMAL", cache_bytes=_CACHE_BYTES, vfs=vfs)
        try:
            sqlite.migrate(connection, path, MIGRATIONS)
            state = cls(path, connection, writer)
            state.reader = Reader(sqlite.open_reader(path, cache_bytes=_CACHE_BYTES, vfs=vfs))
        except apsw.Error as failure:
            connection.close()
            raise LogUnavailableError(f"{path} can't be written: {failure}.") from failure
        except BaseException:
            connection.close()
            raise
        return state

    def open_reader(self) -> Reader:
        """A further reader, for another thread; whoever opened it closes it. Raises ``LogUnavailableError``."""
        return Reader(sqlite.open_reader(self.path, cache_bytes=_CACHE_BYTES_ASIDE))

    def preload(self, stopped: Callable[[], bool]) -> None:
        """Ask the system to read the file into its memory; for a thread beside the event loop. A question that finds its page
        on a slow disk would hold up everything behind it (measured on a cold disk: 60 answers a second instead of 5,000)."""
        if not hasattr(os, "posix_fadvise"):
            return
        with self.path.open("rb") as file:
            for start in range(0, min(self.path.stat().st_size, STATE_PRELOAD_BYTES_MAX), _PRELOAD_BYTES):
                if stopped():
                    return
                os.posix_fadvise(file.fileno(), start, _PRELOAD_BYTES, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        """Close the file. The writer must have finished its jobs."""
        self.reader.close()
        self._connection.set_wal_hook(None)
        self._connection.close()

    def attach(self, projection: Projection, generation: Generation, ends: Mapping[int, Position]) -> dict[int, Position]:
        """Make a projection's tables, and say up to where it has read, by partition.

        Where it was saved by another version, of another log, or beyond the log's end, its rows are set aside (dropped)
        and it starts from nothing. Called at start, before the writer has jobs. Raises ``LogUnavailableError``.
        """
        try:
            return self._attach(projection, generation, ends)
        except apsw.Error as failure:
            raise LogUnavailableError(f"{self.path} can't be written: {failure}.") from failure

    def _attach(self, projection: Projection, generation: Generation, ends: Mapping[int, Position]) -> dict[int, Position]:
        connection = self._connection
        with connection:
            row = connection.execute(
                "SELECT version, generation, positions FROM projections WHERE name = ?", (projection.name,)
            ).fetchall()
            saved: dict[int, Position] = {}
            if row:
                version, saved_generation, positions = row[0]
                saved = msgspec.json.decode(str(positions), type=dict[int, Position])
                beyond = any(position > ends.get(partition, 0) for partition, position in saved.items())
                foreign = projection.stream is not None and (saved_generation != generation or beyond)
                if version != projection.version or foreign:
                    _logger.warning("projection_set_aside", projection=projection.name, version=version)
                    saved = {}
                    self._drop(projection)
            for name, statement in projection.tables.items():
                connection.execute(statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1))
                connection.execute("INSERT OR IGNORE INTO owned VALUES (?, ?)", (projection.name, name))
            self._save(projection, generation, saved)
        return saved

    async def merge(self, projection: Projection) -> int:
        """Execute a projection's slices one after the other; answers how many. Raises ``LogUnavailableError``.

        All in one job: if each came back to the event loop, a busy loop would make a merge wait for its turn at every slice
        (measured: 60,000 rows a second at most, on a thread that was idle for most of the time).
        """

        def run() -> int:
            number = 0
            for number, piece in enumerate(projection.slices(), 1):  # noqa: B007 - counted
                self._run(piece)
            return number

        return await self._writer.run(run, Lane.UPKEEP)

    async def save(
        self, projections: Sequence[Projection], generation: Generation, ends: Mapping[Stream, Mapping[int, Position]]
    ) -> None:
        """Save how far these projections have read: after their slices, so that a crash between repeats a merge."""

        def save() -> None:
            with self._connection:
                for projection in projections:
                    positions = dict(ends[projection.stream]) if projection.stream is not None else {}
                    self._save(projection, generation, positions)

        def save_and_checkpoint() -> None:
            _translated(save)
            self._checkpoint(STATE_WAL_PAGES_CHECKPOINT)

        await self._writer.run(save_and_checkpoint, Lane.UPKEEP)

    def _run(self, piece: Step) -> None:
        def execute() -> None:
            if not isinstance(piece, Slice):
                piece(self._connection)
            else:
                self._connection.execute(piece.sql, piece.parameters)

        _translated(execute)
        self._checkpoint(2 * STATE_WAL_PAGES_CHECKPOINT)

    def _checkpoint(self, pages: int) -> None:
        """Write the write-ahead log back once it has so many pages. Its failure is nobody's: what was written is committed,
        and a slice that failed after its commit would be counted twice."""
        if self._pages < pages:
            return
        try:
            sqlite.checkpoint(self._connection)
        except apsw.Error as failure:
            _logger.warning("checkpoint_failed", file=self.path.name, error=str(failure))

    def _save(self, projection: Projection, generation: Generation, positions: Mapping[int, Position]) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO projections VALUES (?, ?, ?, ?)",
            (projection.name, projection.version, generation, msgspec.json.encode(positions).decode()),
        )

    def _drop(self, projection: Projection) -> None:
        owned = self._connection.execute("SELECT item FROM owned WHERE projection = ?", (projection.name,)).fetchall()
        for (item,) in owned:
            kind = self._connection.execute("SELECT type FROM sqlite_schema WHERE name = ?", (item,)).fetchall()
            if kind:
                self._connection.execute(f'DROP {str(kind[0][0]).upper()} "{item}"')
        self._connection.execute("DELETE FROM owned WHERE projection = ?", (projection.name,))

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK


def _translated(execute: Any) -> None:
    try:
        execute()
    except apsw.Error as failure:
        raise LogUnavailableError(f"state.db can't be written now ({failure}).") from failure


def _first(connection: apsw.Connection) -> None:
    connection.execute(
        "CREATE TABLE projections (name TEXT PRIMARY KEY, version INTEGER NOT NULL, generation TEXT NOT NULL,"
        " positions TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE owned (projection TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (projection, item))"
        " STRICT, WITHOUT ROWID"
    )


MIGRATIONS: Final = (_first,)
"""Step n brings the file from version n to n + 1. Stored on disk: add to it, never change it."""

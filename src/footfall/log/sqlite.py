"""SQLite as Footfall opens it: which version, which settings, how a schema is versioned. For ``log.db`` and ``state.db``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import apsw

from footfall.errors import EngineTooOldError, LogUnavailableError, StoreDamagedError, StoreTooNewError

ENGINE_VERSION_MIN: Final = 3_051_003
"""SQLite 3.51.3: before it, resetting a write-ahead log while another connection writes could corrupt the database."""

BUSY_MILLISECONDS: Final = 5_000
"""How long SQLite waits for a lock that another process holds."""

Migration = Callable[[apsw.Connection], None]


def require_engine() -> None:
    """Raise ``EngineTooOldError`` where the SQLite in use is older than 3.51.3."""
    if apsw.SQLITE_VERSION_NUMBER < ENGINE_VERSION_MIN:
        raise EngineTooOldError


def open_writer(
    path: Path, *, synchronous: Literal["FULL", "NORMAL"], cache_bytes: int, vfs: str | None = None
) -> apsw.Connection:
    """The one connection that writes and checkpoints a file; makes the file. Checkpoints are left to its owner.

    ``vfs`` names another file layer, for the simulation. Raises ``LogUnavailableError`` where the file can't be opened.
    """
    require_engine()

    def settings(connection: apsw.Connection) -> None:
        mode = connection.pragma("journal_mode", "wal")
        if mode != "wal":
            raise LogUnavailableError(f"{path} lies on a file system without shared memory, which SQLite needs here.")
        connection.pragma("synchronous", synchronous)
        connection.pragma("wal_autocheckpoint", 0)
        connection.pragma("secure_delete", True)

    return _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs, cache_bytes, settings)


def open_reader(path: Path, *, cache_bytes: int, vfs: str | None = None) -> apsw.Connection:
    """A read-only connection. Raises ``LogUnavailableError`` where the file isn't there or can't be opened."""

    def settings(connection: apsw.Connection) -> None:
        connection.pragma("query_only", True)

    return _open(path, apsw.SQLITE_OPEN_READONLY, vfs, cache_bytes, settings)


def _open(path: Path, flags: int, vfs: str | None, cache_bytes: int, settings: Migration) -> apsw.Connection:
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        settings(connection)
        _keep_plans(connection)
        connection.pragma("cache_size", -(cache_bytes // 1024))
    except (apsw.Error, LogUnavailableError) as failure:
        if connection is not None:
            connection.close()
        if isinstance(failure, apsw.CorruptError | apsw.NotADBError):
            raise StoreDamagedError(f"{path} is no database that can be read ({failure}). Run `footfall verify`.") from failure
        if isinstance(failure, apsw.Error):
            purpose = "reading" if flags & apsw.SQLITE_OPEN_READONLY else "writing"
            raise LogUnavailableError(f"{path} can't be opened for {purpose}: {failure}.") from failure
        raise
    return connection


def _keep_plans(connection: apsw.Connection) -> None:
    """Without this SQLite parses a cached statement anew whenever a bound value might change its plan: 12 µs instead of 5."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def migrate(connection: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> int:
    """Bring a file to the newest schema, one transaction per step; answers from which version it came (0: it was empty).

    Raises ``StoreTooNewError`` where the file has a version that these migrations don't reach.
    """
    found = int(connection.pragma("user_version"))
    if found > len(migrations):
        raise StoreTooNewError(
            f"{path} has schema version {found}, and this Footfall knows versions up to {len(migrations)}. "
            "Install the version that wrote it, or a newer one."
        )
    for number in range(found, len(migrations)):
        with connection:
            migrations[number](connection)
            connection.pragma("user_version", number + 1)
    return found


def checkpoint(connection: apsw.Connection) -> None:
    """Write the write-ahead log back into the file as far as no reader is in the way."""
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

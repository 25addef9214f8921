"""The tables of ``log.db``, by version, and the checksums over them. Every user can open the file and read it."""

import zlib
from collections.abc import Iterable
from functools import partial
from typing import Final

import apsw

from footfall.log.port import Stream
from footfall.log.sqlite import Migration

TOMBSTONE: Final = ""
"""What stands where a record was redacted."""


def _first(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")
    for stream in Stream:
        # AUTOINCREMENT: a position is never given out twice, even when the newest records are deleted.
        connection.execute(f"CREATE TABLE {stream} (position INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL) STRICT")
    connection.execute(
        "CREATE TABLE blocks (stream TEXT NOT NULL, block INTEGER NOT NULL, records INTEGER NOT NULL,"
        " checksum INTEGER NOT NULL, PRIMARY KEY (stream, block)) STRICT, WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE gaps (stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
        " reason TEXT NOT NULL, PRIMARY KEY (stream, first)) STRICT, WITHOUT ROWID"
    )


MIGRATIONS: Final[tuple[Migration, ...]] = (_first,)
"""Step n brings a file from version n to n + 1. Stored on disk: add to it, never change it."""


def steps(generation: str) -> list[Migration]:
    """The migrations, each of which gives the log this new generation in its own transaction."""
    return [partial(_migrate, step, generation) for step in MIGRATIONS]


def _migrate(step: Migration, generation: str, connection: apsw.Connection) -> None:
    step(connection)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (generation,))


def checksum(records: Iterable[bytes], start: int = 0) -> int:
    """CRC-32 of records one after the other, each ended by a line feed (which JSON on one line never holds)."""
    return zlib.crc32(b"".join([part for record in records for part in (record, b"\n")]), start)

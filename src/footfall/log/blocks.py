"""Blocks: 10,000 positions of a stream under one count and one checksum, as ``log.db`` keeps them and ``verify`` reads them.

Whoever calls holds the transaction; nothing here begins or ends one.
"""

from typing import Any, Final

import apsw

from footfall.identifiers import Position
from footfall.limits import LOG_BLOCK_POSITIONS
from footfall.log import schema
from footfall.log.port import Stream

_ROWS_AT_ONCE: Final = 1_000
"""Rows that are put together in one piece of memory: 32 MB where every record is as large as it may be."""


class Block:
    """The block that is being filled: its number, and count and checksum of what is in it so far."""

    __slots__ = ("checksum", "number", "records")

    def __init__(self, number: int, records: int, checksum: int) -> None:
        self.number = number
        self.records = records
        self.checksum = checksum


def block_bounds(block: int) -> tuple[Position, Position]:
    """First and last position of a block, both inclusive."""
    first = block * LOG_BLOCK_POSITIONS + 1
    return Position(first), Position(first + LOG_BLOCK_POSITIONS - 1)


def block_of(position: Position) -> int:
    """Which block a position falls into."""
    return (position - 1) // LOG_BLOCK_POSITIONS


def stored_checksum(connection: apsw.Connection, stream: Stream, first: Position, last: Position) -> tuple[int, int, int]:
    """Rows between two positions, those among them that are no tombstones, and the checksum over all of them.

    SQLite joins the records, because reading them one by one would hold Python's lock against the event loop.
    """
    rows, kept, checksum = 0, 0, 0
    after = Position(first - 1)
    while True:
        found: list[Any] = connection.execute(
            "SELECT count(*), max(position), count(nullif(record, '')), CAST(group_concat(record, char(10)) AS BLOB)"
            f" FROM (SELECT position, record FROM {stream} WHERE position > ? AND position <= ? ORDER BY position LIMIT ?)",
            (after, last, _ROWS_AT_ONCE),
        ).fetchall()
        count, end, live, joined = found[0]
        if count:
            checksum = schema.checksum((joined,), checksum)
            rows, kept, after = rows + count, kept + live, end
        if count < _ROWS_AT_ONCE:
            return rows, kept, checksum


def open_block(connection: apsw.Connection, stream: Stream, end: Position) -> Block:
    """The block that the record after ``end`` falls into, its checksum computed from the rows that are there."""
    number = end // LOG_BLOCK_POSITIONS
    first, last = block_bounds(number)
    _, _, checksum = stored_checksum(connection, stream, first, last)
    return Block(number, end - number * LOG_BLOCK_POSITIONS, checksum)


def seal_again(connection: apsw.Connection, stream: Stream, block: int) -> None:
    """Renew the checksum of a complete block after a redaction; a block of nothing but tombstones becomes a gap."""
    first, last = block_bounds(block)
    rows, kept, checksum = stored_checksum(connection, stream, first, last)
    if kept:
        connection.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", (stream.value, block, rows, checksum))
        return
    connection.execute(f"DELETE FROM {stream} WHERE position BETWEEN ? AND ?", (first, last))
    connection.execute("DELETE FROM blocks WHERE stream = ? AND block = ?", (stream.value, block))
    connection.execute(
        "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, 'every record was redacted')", (stream.value, first, last)
    )

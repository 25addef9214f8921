"""DuckDB as Footfall opens it: a shop's file, its settings, and how columns come in. Nothing else knows the engine's names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

import duckdb
import numpy as np
import numpy.typing as npt

from footfall.errors import AnalyticsUnavailableError, StoreDamagedError
from footfall.limits import ANALYTICS_SPILL_BYTES_MAX, ANALYTICS_THREADS, ANALYTICS_WAL_BYTES

Connection = duckdb.DuckDBPyConnection
Column = npt.NDArray[Any]
_THE_MACHINES_FAULT: Final = (
    "lock",
    "locked",
    "permission",
    "space",
    "too many open",
    "quota",
    "read-only file system",
    "out of memory",
)
"""Words in what the engine says of a file that it can't open, read or write although nothing is wrong with it."""
_NOTHING_WRONG: Final = re.compile(r"\b(" + "|".join(_THE_MACHINES_FAULT) + r")\b")
_DAMAGE: Final = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_OF_DATA: Final = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)


class FileTakenError(AnalyticsUnavailableError):
    """Another process has the file open."""


def open_file(path: Path, *, memory_bytes: int, spill: Path) -> Connection:
    """Open a shop's file, and make it where there is none.

    No connection to it reads another file, loads an extension or changes a setting. Raises ``StoreDamagedError`` where it
    can't be read, ``FileTakenError`` where another process has it, ``AnalyticsUnavailableError`` where the disk refuses.
    """
    settings = {
        "memory_limit": f"{memory_bytes // 1024}KiB",
        "threads": str(ANALYTICS_THREADS),
        "temp_directory": str(spill),
        "max_temp_directory_size": f"{ANALYTICS_SPILL_BYTES_MAX // 1024}KiB",
        "checkpoint_threshold": f"{ANALYTICS_WAL_BYTES // 1024}KiB",
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "allow_community_extensions": "false",
        # It takes the two sides of a join of a table with itself for each other where such a join stands twice in a statement.
        "disabled_optimizers": "common_subplan",
    }
    try:
        connection = duckdb.connect(str(path), config=cast("Any", settings))
        # Last, since from here on nothing can be set. Not with the others: then there could be no place to spill to.
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_external_access = false; SET lock_configuration = true")
        return connection
    except duckdb.Error as failure:
        if isinstance(failure, duckdb.IOException) and "lock" in str(failure).lower():
            raise FileTakenError(f"{path} is in use by another process.") from failure
        raise _translated(path, failure) from failure


def _translated(path: Path, failure: duckdb.Error) -> Exception:
    if isinstance(failure, duckdb.IOException) and not _says_damage(failure):
        return AnalyticsUnavailableError(f"{path} can't be opened now: {_first_line(failure)}")
    return StoreDamagedError(f"{path} can't be read: {_first_line(failure)}")


def _says_damage(failure: duckdb.IOException) -> bool:
    """Whether it is the file that is at fault, and not the machine. In doubt it is: a file is made anew from the log."""
    return is_corrupt(failure) or _NOTHING_WRONG.search(str(failure).lower()) is None


def is_corrupt(failure: duckdb.Error) -> bool:
    """Whether a block of the file is not what was written. So the engine says by its plainest error; no statement of
    somebody's own can: its words come with another kind."""
    return type(failure) in (duckdb.Error, duckdb.IOException) and "corrupt database file" in str(failure).lower()


def is_damage(failure: duckdb.Error) -> bool:
    """Whether a failure means that the file (or the engine's picture of it) can't be trusted any more."""
    if isinstance(failure, _DAMAGE) or is_corrupt(failure):
        return True
    return isinstance(failure, duckdb.IOException) and _says_damage(failure)


def is_of_data(failure: duckdb.Error) -> bool:
    """Whether it is what was worked on that is at fault, and neither the file nor the machine."""
    return isinstance(failure, _OF_DATA) and not is_damage(failure)


def is_spent(failure: BaseException) -> bool:
    """Whether the process has all the memory that it may have. What a statement took beside the engine's own count (long texts
    in a batch of rows) the engine does not give back."""
    if isinstance(failure, duckdb.OutOfMemoryException):
        # Where it is the engine's own bound, it says how much of it is used.
        return " used)" not in str(failure)
    return isinstance(failure, MemoryError) or (failure.__cause__ is not None and is_spent(failure.__cause__))


def _first_line(failure: Exception) -> str:
    return (str(failure).splitlines() or [type(failure).__name__])[0]


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All of it or nothing. Raises what fails inside."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def given(connection: Connection, name: str, columns: Mapping[str, Column]) -> Iterator[None]:
    """Let statements read columns as a table of this name, without a copy."""
    connection.register(name, dict(columns))
    try:
        yield
    finally:
        # In a transaction that failed it can't be taken away, and goes with it.
        with suppress(duckdb.TransactionException):
            connection.unregister(name)


def whole(values: Iterable[int | None], kind: type[np.generic] = np.int64) -> Column:
    """A column of whole numbers; 0 stands where there is none."""
    return np.array([0 if value is None else value for value in values], dtype=kind)


def texts(values: Iterable[str | None]) -> Column:
    """A column of texts; an empty one stands where there is none."""
    # Never None: of a column whose first values are none the engine would guess that it holds numbers.
    listed = [value or "" for value in values]
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column


def amount_of(column: str) -> str:
    """An expression for the amount that a column of ten-thousandths says. A division would make it a float."""
    return f"({column}::DECIMAL(18,0) * 0.0001::DECIMAL(4,4))::DECIMAL(18,4)"


def rows(connection: Connection, statement: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    return connection.execute(statement, parameters).fetchall()

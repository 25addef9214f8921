"""``parquet``, read through DuckDB; this module is imported only where such a file is read."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from footfall.cli.sources.columns import Fields
from footfall.cli.sources.opening import STANDARD_INPUT
from footfall.cli.sources.row import Row
from footfall.errors import InputInvalidError

_ROWS_AT_ONCE: Final = 1_000
_ROW_BYTES: Final = 500
"""What a row counts for: the file doesn't say."""
_AS_TEXT: Final = ("DECIMAL", "DATE", "UUID", "HUGEINT", "INTERVAL", "TIME")
_AS_MILLISECONDS: Final = "TIMESTAMP"


class Parquet:
    """The source. A column is the field of its name, unless it is mapped; a timestamp without a zone counts as UTC."""

    def __init__(self, path: Path, fields: Fields) -> None:
        if str(path) == STANDARD_INPUT:
            raise InputInvalidError("A Parquet file can't be read from standard input: its directory stands at its end.")
        with path.open("rb"):
            """A file that can't be opened is told as such, not in DuckDB's words."""
        self._fields = fields
        self._engine = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        # The name must not be taken as a pattern.
        self._source = [glob.escape(str(path.resolve()))]
        try:
            described = self._engine.execute("DESCRIBE SELECT * FROM read_parquet(?)", self._source).fetchall()
            counted = self._engine.execute("SELECT count(*) FROM read_parquet(?)", self._source).fetchall()
        except duckdb.Error as failure:
            self._engine.close()
            raise InputInvalidError(f"{path} can't be read as Parquet: {str(failure).splitlines()[0]}") from failure
        self._types = {str(name): str(kind) for name, kind, *_ in described}
        self._count = int(counted[0][0])
        self._read = 0
        for field, column in fields.mapping.items():
            if column not in self._types:
                raise InputInvalidError(
                    f"--map {field}={column}: there is no column {column!r}. There are: {', '.join(self._types)}."
                )
        if not fields.known(list(self._types)):
            raise InputInvalidError(
                f"No column of {path} is a field of an event. There are: {', '.join(self._types)[:500]}. "
                f"Say what they are, such as --map product_id={next(iter(self._types))}."
            )

    def fraction(self) -> float | None:
        return self._read / self._count if self._count else 1.0

    def close(self) -> None:
        self._engine.close()

    def rows(self, skip: int = 0) -> Iterator[Row]:
        names = [self._fields.columns.get(column, column) for column in self._types]
        columns = ", ".join(_read_as(column, kind) for column, kind in self._types.items())
        # DuckDB keeps the file's order, so that a row has the same number each time.
        result = self._engine.execute(f"SELECT {columns} FROM read_parquet(?) OFFSET {skip:d}", self._source)
        number = skip
        try:
            while found := result.fetchmany(_ROWS_AT_ONCE):
                for cells in found:
                    item = {name: _plain(cell) for name, cell in zip(names, cells, strict=True) if cell is not None}
                    yield Row(number, number + 1, _ROW_BYTES, *self._fields.event(item))
                    number += 1
                self._read = number
        except duckdb.Error as failure:
            raise InputInvalidError(f"The file is damaged after row {number}: {str(failure).splitlines()[0]}") from failure


def _read_as(column: str, kind: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    if kind.startswith(_AS_MILLISECONDS):
        return f"epoch_ms({name}) AS {name}"
    if kind.startswith(_AS_TEXT):
        return f"CAST({name} AS VARCHAR) AS {name}"
    return name


def _plain(cell: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, dict):
        return {str(name): _plain(value) for name, value in cell.items()}
    if isinstance(cell, list):
        return [_plain(value) for value in cell]
    return cell if isinstance(cell, str | int | float | bool | None) else str(cell)

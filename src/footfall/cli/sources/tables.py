"""``csv`` and ``rees46``: tables with a head, comma-separated."""

import csv
from collections.abc import Iterator
from typing import Any, Final

from footfall.cli.sources.columns import Fields, file_moment, unreadable_time
from footfall.cli.sources.opening import OpenFile
from footfall.cli.sources.row import Row
from footfall.errors import InputInvalidError
from footfall.intake.opening import REES46_COLUMNS
from footfall.limits import EVENT_BYTES_MAX

_VERBS: Final = {"view": "viewed", "cart": "added", "remove_from_cart": "removed", "purchase": "purchased"}
_META: Final = ("category_code", "category_id", "brand", "price")


class _Table:
    """Rows of cells, with where they stand in the file and whether they can be read."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._bytes = 0
        self._unreadable = False
        self._reader = csv.reader(self._text())
        try:
            head = next(self._reader, [])
        except csv.Error as failure:
            raise InputInvalidError(f"The head of {file.name} can't be read: {failure}") from failure
        self.columns = [name.strip() for name in head]
        if not self.columns:
            raise InputInvalidError(f"{file.name} is empty: the names of its columns must stand in its first line.")
        double = next((name for name in self.columns if self.columns.count(name) > 1), None)
        if double is not None:
            raise InputInvalidError(f"{file.name} has two columns {double!r}.")

    def _text(self) -> Iterator[str]:
        first = True
        for raw in self._file.lines():
            self._bytes += len(raw)
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                self._unreadable = True
                text = raw.decode("utf-8", "replace")
            if first:
                text = text.removeprefix("\ufeff")
                first = False
            yield text

    def __iter__(self) -> Iterator[tuple[int, int, list[str], str | None]]:
        """Line, bytes, cells, and what is wrong with the row."""
        reader, width = self._reader, len(self.columns)
        while True:
            self._bytes = 0
            self._unreadable = False
            problem = None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as failure:
                cells, problem = [], f"it can't be read: {failure}"
            if not cells and problem is None:
                continue
            if self._unreadable:
                problem = "it is not valid UTF-8"
            elif self._bytes > EVENT_BYTES_MAX:
                problem = f"it has more than {EVENT_BYTES_MAX} bytes ({EVENT_BYTES_MAX // 1024} KB)"
            elif problem is None and len(cells) != width:
                problem = f"it has {len(cells)} cells, and the head {width}"
            yield reader.line_num, self._bytes, cells, problem


class Csv:
    """The source ``csv``: a column is the field of its name, unless it is mapped. An empty cell is an absent field."""

    def __init__(self, file: OpenFile, fields: Fields) -> None:
        self._file = file
        self._fields = fields
        self._table = _Table(file)
        columns = self._table.columns
        for field, column in fields.mapping.items():
            if column not in columns:
                raise InputInvalidError(
                    f"--map {field}={column}: there is no column {column!r}. There are: {', '.join(columns)}."
                )
        if not fields.known(columns):
            raise InputInvalidError(
                f"No column of {file.name} is a field of an event. There are: {', '.join(columns)[:500]}. "
                f"Say what they are, such as --map product_id={columns[0]}."
            )

    def fraction(self) -> float | None:
        return self._file.fraction()

    def close(self) -> None:
        self._file.close()

    def rows(self, skip: int = 0) -> Iterator[Row]:
        names = [self._fields.columns.get(column, column) for column in self._table.columns]
        for number, (line, size, cells, problem) in enumerate(self._table):
            if number < skip:
                continue
            if problem is not None:
                yield Row(number, line, size, None, problem)
                continue
            item: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
            yield Row(number, line, size, *self._fields.event(item))


class Rees46:
    """The source ``rees46``: view, cart, remove_from_cart and purchase of the data sets that REES46 publishes."""

    def __init__(self, file: OpenFile, fields: Fields) -> None:
        self._file = file
        self._fields = fields
        self._table = _Table(file)
        missing = [name for name in REES46_COLUMNS if name not in self._table.columns]
        if missing:
            raise InputInvalidError(
                f"{file.name} is not of REES46: it lacks the columns {', '.join(missing)}. "
                f"It has: {', '.join(self._table.columns)[:500]}. Is it --format csv?"
            )

    def fraction(self) -> float | None:
        return self._file.fraction()

    def close(self) -> None:
        self._file.close()

    def rows(self, skip: int = 0) -> Iterator[Row]:
        columns = self._table.columns
        time_at, type_at, product_at, user_at, session_at = (columns.index(name) for name in REES46_COLUMNS)
        meta_at = [(name, columns.index(name)) for name in _META if name in columns]
        for number, (line, size, cells, problem) in enumerate(self._table):
            if number < skip:
                continue
            if problem is not None:
                yield Row(number, line, size, None, problem)
                continue
            kind, session = cells[type_at], cells[session_at]
            meta = {name: cells[at] for name, at in meta_at if cells[at]}
            item: dict[str, Any] = {
                "subject": "user",
                "verb": _VERBS.get(kind, kind),
                "noun": "product",
                "uuid": session,
                "customer_id": cells[user_at],
                "rsid": session,
                "product_id": cells[product_at],
                "event_time": file_moment(cells[time_at]),
                "meta": meta,
            }
            if kind == "purchase":
                item["quantity"] = 1
                if "price" in meta:
                    item["price"] = meta["price"]
            if item["event_time"] is None:
                problem = unreadable_time(cells[time_at])
                item["event_time"] = cells[time_at]
            if self._fields.constants:
                item |= self._fields.constants
            yield Row(number, line, size, item, problem)

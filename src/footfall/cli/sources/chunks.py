"""Rows gathered into chunks, as an import sends them: numbered without a gap, within the bounds of one command."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from footfall.cli.sources.row import Row
from footfall.limits import IMPORT_CHUNK_BYTES_MAX, IMPORT_CHUNK_EVENTS_MAX


class Chunk(NamedTuple):
    """Rows that stand one after the other. ``lines`` says where each stands in the file."""

    first: int
    items: list[dict[str, Any]]
    lines: list[int]

    @property
    def following(self) -> int:
        """The number of the row after it."""
        return self.first + len(self.items)


def chunks(rows: Iterable[Row], tell: Callable[[Row], None]) -> Iterator[Chunk]:
    """The rows that are objects, in chunks; ``tell`` hears of every row that has a problem.

    A row that is no object ends a chunk, since the rows of one are numbered from its first.
    """
    items: list[dict[str, Any]] = []
    lines: list[int] = []
    first = size = 0
    for row in rows:
        if row.problem is not None:
            tell(row)
        broken = row.item is None
        if items and (broken or len(items) == IMPORT_CHUNK_EVENTS_MAX or size + row.size > IMPORT_CHUNK_BYTES_MAX):
            yield Chunk(first, items, lines)
            items, lines, size = [], [], 0
        if row.item is None:
            continue
        if not items:
            first = row.number
        items.append(row.item)
        lines.append(row.line)
        size += row.size
    if items:
        yield Chunk(first, items, lines)

"""Imports: how many rows of each source are in the log, so that an import that was broken off goes on where it was."""

from collections.abc import Iterator, Mapping

from footfall.event import Event
from footfall.identifiers import ShopId
from footfall.log.port import Group, Stream
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

_MERGE = (
    "INSERT INTO imports SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET rows_done = max(rows_done, excluded.rows_done)"
)


class Imports:
    """The projection, and the question it answers. Rows of one source come in order, so the last one says it all."""

    name = "imports"
    version = 1
    stream = Stream.EVENTS
    tables: Mapping[str, str] = {
        "imports": "CREATE TABLE imports (shop INTEGER NOT NULL, source TEXT NOT NULL, rows_done INTEGER NOT NULL,"
        " PRIMARY KEY (shop, source)) STRICT, WITHOUT ROWID"
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[tuple[int, str], int] = {}
        self._frozen: dict[tuple[int, str], int] = {}

    def apply(self, group: Group) -> None:
        for record in group.records:
            event: Event = record.decoded
            if event.origin is not None:
                key = (event.shop, event.origin.source)
                self._active[key] = max(self._active.get(key, 0), event.origin.row + 1)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        return sliced(_MERGE, ((*key, self._frozen[key]) for key in in_key_order(self._frozen)))

    def thaw(self) -> None:
        self._frozen = {}

    def rows_done(self, shop: ShopId, source: str) -> int:
        """Rows before this number, counted from 0, are in the log or were rejected before one that is."""
        key = (int(shop), source)
        rows = self._reader.rows("SELECT rows_done FROM imports WHERE shop = ? AND source = ?", key)
        return max(int(rows[0][0]) if rows else 0, self._frozen.get(key, 0), self._active.get(key, 0))

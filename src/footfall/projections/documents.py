"""Documents: the latest version of everything a shop has set up. Shops, keys and settings now; the catalog later."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from footfall.identifiers import Position
from footfall.log.port import Group, Record, Stream
from footfall.projections.rows import sliced
from footfall.projections.state import Reader, Slice

_MERGE = "INSERT OR REPLACE INTO documents SELECT value->>0, value->>1, value->>2 FROM json_each(?)"
_DELETE = "DELETE FROM documents WHERE key IN (SELECT value FROM json_each(?))"


class Document(msgspec.Struct, frozen=True):
    """One version of one document, as the log keeps it. ``value`` is a JSON object, ``null`` once it is deleted."""

    key: str
    value: dict[str, Any] | None


def document_record(key: str, value: dict[str, Any] | None) -> Record:
    """The record that makes this the latest version of a document."""
    document = Document(key, value)
    return Record(key, msgspec.json.encode(document), document)


_decoder = msgspec.json.Decoder(Document)
decode_document = _decoder.decode


class Documents:
    """The projection, and the questions it answers."""

    name = "documents"
    version = 1
    stream = Stream.DOCUMENTS
    tables: Mapping[str, str] = {
        "documents": "CREATE TABLE documents (key TEXT PRIMARY KEY, position INTEGER NOT NULL, value TEXT NOT NULL)"
        " STRICT, WITHOUT ROWID"
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[str, tuple[Position, Document]] = {}
        self._frozen: dict[str, tuple[Position, Document]] = {}

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            document: Document = record.decoded
            self._active[document.key] = (position, document)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        latest = sorted(self._frozen.items())
        yield from sliced(
            _MERGE,
            (
                (key, position, msgspec.json.encode(document.value).decode())
                for key, (position, document) in latest
                if document.value is not None
            ),
        )
        deleted = [key for key, (_, document) in latest if document.value is None]
        if deleted:
            yield Slice(_DELETE, msgspec.json.encode(deleted))

    def thaw(self) -> None:
        self._frozen = {}

    def get(self, key: str) -> dict[str, Any] | None:
        """The latest version of a document, or ``None``."""
        for fresh in (self._active, self._frozen):
            if key in fresh:
                return fresh[key][1].value
        rows = self._reader.rows("SELECT value FROM documents WHERE key = ?", (key,))
        return msgspec.json.decode(str(rows[0][0]), type=dict[str, Any]) if rows else None

    def under(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Every document whose key begins with ``prefix``, by key."""
        rows = self._reader.rows(
            "SELECT key, value FROM documents WHERE key >= ? AND key < ? ORDER BY key",
            (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
        )
        found: dict[str, dict[str, Any] | None] = {str(k): msgspec.json.decode(str(v), type=dict[str, Any]) for k, v in rows}
        for fresh in (self._frozen, self._active):
            found.update({key: document.value for key, (_, document) in fresh.items() if key.startswith(prefix)})
        return {key: value for key, value in sorted(found.items()) if value is not None}

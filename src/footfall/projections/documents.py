"""Documents: the latest version of everything a shop has set up: shops, keys and settings, products and collections."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

import msgspec

from footfall.identifiers import Position
from footfall.log.port import Group, Record, Stream
from footfall.projections.rows import sliced
from footfall.projections.state import Reader, Slice

DELIVERY_PREFIX: Final = "delivery/"
"""Begins the keys of records that stand among the documents so as to become durable with them, and are none: those of
deliveries (``deliveries.py``). Stored on disk: do not change."""

_MERGE = "INSERT OR REPLACE INTO documents SELECT value->>0, value->>1, value->>2 FROM json_each(?)"
_DELETE = "DELETE FROM documents WHERE key IN (SELECT value FROM json_each(?))"


class Document(msgspec.Struct, frozen=True):
    """One version of one document, as the log keeps it. ``value`` is a JSON object, ``null`` once it is deleted; it stays the
    text that it is, since thousands of products wait here for a merge."""

    key: str
    value: msgspec.Raw

    @property
    def is_deleted(self) -> bool:
        """Whether this version says that there is none any more."""
        return bytes(self.value) == b"null"


def document_record(key: str, value: object) -> Record:
    """The record that makes this the latest version of a document; ``None`` deletes it."""
    document = Document(key, msgspec.Raw(msgspec.json.encode(value)))
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
            if document.key.startswith(DELIVERY_PREFIX):
                continue
            self._active[document.key] = (position, document)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        latest = sorted(self._frozen.items())
        yield from sliced(
            _MERGE,
            (
                (key, position, bytes(document.value).decode())
                for key, (position, document) in latest
                if not document.is_deleted
            ),
        )
        deleted = [key for key, (_, document) in latest if document.is_deleted]
        if deleted:
            yield Slice(_DELETE, msgspec.json.encode(deleted))

    def thaw(self) -> None:
        self._frozen = {}

    def raw(self, key: str) -> bytes | None:
        """The latest version of a document as its JSON, or ``None``."""
        for fresh in (self._active, self._frozen):
            if key in fresh:
                document = fresh[key][1]
                return None if document.is_deleted else bytes(document.value)
        rows = self._reader.rows("SELECT CAST(value AS BLOB) FROM documents WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def get(self, key: str) -> dict[str, Any] | None:
        """The latest version of a document, or ``None``."""
        value = self.raw(key)
        return msgspec.json.decode(value, type=dict[str, Any]) if value is not None else None

    def is_any_under(self, prefix: str) -> bool:
        """Whether there is a document whose key begins with ``prefix``."""
        fresh = self._frozen | self._active
        if any(key.startswith(prefix) and not document.is_deleted for key, (_, document) in fresh.items()):
            return True
        rows = self._reader.rows(
            "SELECT key FROM documents WHERE key >= ? AND key < ? ORDER BY key LIMIT ?", (*_range(prefix), len(fresh) + 1)
        )
        return any(str(key) not in fresh for (key,) in rows)

    def page_under(self, prefix: str, *, after: str, limit: int) -> list[tuple[str, bytes]]:
        """The next documents whose key begins with ``prefix`` and comes behind ``after``, by key, each as its JSON. Empty only
        at the end."""
        fresh = {
            key: document
            for versions in (self._frozen, self._active)
            for key, (_, document) in versions.items()
            if key > after and key.startswith(prefix)
        }
        # As many more as may have been deleted or written since, so that these can't leave a page short.
        rows = self._reader.rows(
            "SELECT key, CAST(value AS BLOB) FROM documents WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
            (after, *_range(prefix), limit + len(fresh)),
        )
        found: dict[str, bytes] = {str(key): value for key, value in rows}
        found |= {key: bytes(document.value) for key, document in fresh.items() if not document.is_deleted}
        latest = (key for key in sorted(found) if not (key in fresh and fresh[key].is_deleted))
        return [(key, found[key]) for key, _ in zip(latest, range(limit), strict=False)]

    def walk_under(self, prefix: str, *, limit: int) -> Iterator[list[tuple[str, bytes]]]:
        """Every document whose key begins with ``prefix`` once, in no order, at most ``limit`` at a time (there may be none).

        For who lets others go on between two parts: what does not change from the first part to the last comes as it is; what
        does may come as it was before or after, or not at all. However much waits to be merged, a part costs the same.
        """
        # Copies, since what waits changes and goes while others go on. The table counts for what isn't among it.
        active, frozen = self._active.copy(), self._frozen.copy()
        waiting = chain(active.items(), (item for item in frozen.items() if item[0] not in active))
        while part := list(islice(waiting, limit)):
            yield [
                (key, bytes(document.value))
                for key, (_, document) in part
                if key.startswith(prefix) and not document.is_deleted
            ]
        after, end = _range(prefix)
        reads = "SELECT key, CAST(value AS BLOB) FROM documents WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
        while rows := self._reader.rows(reads, (after, end, limit)):
            yield [(str(key), value) for key, value in rows if key not in active and key not in frozen]
            after = str(rows[-1][0])

    def under(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Every document whose key begins with ``prefix``, by key."""
        rows = self._reader.rows(
            "SELECT key, value FROM documents WHERE key >= ? AND key < ? ORDER BY key",
            _range(prefix),
        )
        found: dict[str, bytes] = {str(key): str(value).encode() for key, value in rows}
        for fresh in (self._frozen, self._active):
            found |= {key: bytes(document.value) for key, (_, document) in fresh.items() if key.startswith(prefix)}
        read = {key: msgspec.json.decode(value, type=dict[str, Any] | None) for key, value in sorted(found.items())}
        return {key: value for key, value in read.items() if value is not None}


def _range(prefix: str) -> tuple[str, str]:
    """The first key that begins with a prefix, and the first behind all of them."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)

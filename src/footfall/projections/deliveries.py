"""Deliveries: which webhooks were taken in, so that one that is delivered again changes nothing.

Each stands among the documents, appended together with the changes it caused; only this projection keeps it, for some days.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import ShopId
from footfall.limits import WEBHOOK_DAYS
from footfall.log.port import Group, Record, Stream
from footfall.projections.documents import DELIVERY_PREFIX, Document, document_record
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

_MERGE: Final = "INSERT OR REPLACE INTO deliveries SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)"
_DROP: Final = "DELETE FROM deliveries WHERE day < (SELECT value FROM json_each(?))"
_WINDOW_MS: Final = WEBHOOK_DAYS * DAY_MS


class _Delivered(msgspec.Struct, frozen=True):
    """What is kept of a delivery: when it came."""

    at: Milliseconds


_decode: Final = msgspec.json.Decoder(_Delivered).decode

_Key = tuple[int, str]


class DeliveryRecords:
    """How deliveries are written into the log."""

    def record(self, shop: ShopId, digest: str, at: Milliseconds) -> Record:
        """The record that says that the delivery of this digest (32 hex digits) was taken in."""
        return document_record(f"{DELIVERY_PREFIX}{shop}/{digest}", _Delivered(at))


class Deliveries:
    """The projection, and the question it answers."""

    name = "deliveries"
    version = 1
    stream = Stream.DOCUMENTS
    tables: Mapping[str, str] = {
        "deliveries": "CREATE TABLE deliveries (shop INTEGER NOT NULL, digest TEXT NOT NULL, at INTEGER NOT NULL,"
        " day INTEGER NOT NULL, PRIMARY KEY (shop, digest)) STRICT, WITHOUT ROWID",
        "deliveries_by_day": "CREATE INDEX IF NOT EXISTS deliveries_by_day ON deliveries (day)",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[_Key, Milliseconds] = {}
        self._frozen: dict[_Key, Milliseconds] = {}
        self._latest_day = 0
        """The day of the last delivery in log order. Not the greatest: a clock that once jumped ahead would have every later
        delivery forgotten at once."""

    def apply(self, group: Group) -> None:
        for record in group.records:
            document: Document = record.decoded
            if document.key.startswith(DELIVERY_PREFIX):
                _, shop, digest = document.key.split("/", 2)
                at = _decode(document.value).at
                self._active[(int(shop), digest)] = at
                self._latest_day = at // DAY_MS

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        frozen = self._frozen
        yield from sliced(_MERGE, ((*key, frozen[key], frozen[key] // DAY_MS) for key in in_key_order(frozen)))
        if frozen:
            # A day is dropped whole, once all of it is beyond the window.
            yield Slice(_DROP, msgspec.json.encode([self._latest_day - WEBHOOK_DAYS]))

    def thaw(self) -> None:
        self._frozen = {}

    def is_done(self, shop: ShopId, digest: str, now: Milliseconds) -> bool:
        """Whether the delivery of this digest was taken in within the window before ``now``."""
        key = (int(shop), digest)
        at = self._active.get(key) or self._frozen.get(key)
        if at is None:
            rows = self._reader.rows("SELECT at FROM deliveries WHERE shop = ? AND digest = ?", key)
            at = Milliseconds(rows[0][0]) if rows else None
        return at is not None and at > now - _WINDOW_MS

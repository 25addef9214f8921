"""Data sources as their latest documents say, decoded once and kept until they change."""

from typing import Final

import msgspec

from footfall.catalog.data_source import DataSource
from footfall.identifiers import ShopId
from footfall.limits import DATA_SOURCES_CACHE_BYTES_MAX, DATA_SOURCES_LISTED_MAX
from footfall.log.port import Group, Record, Stream
from footfall.projections.documents import Document, Documents, document_record

PREFIX: Final = "source/"

_decode: Final = msgspec.json.Decoder(DataSource).decode


class DataSources:
    """All shops' data sources, over their documents."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._kept: dict[str, DataSource] = {}
        self._kept_bytes = 0
        self._heads: dict[int, list[DataSource]] = {}
        """Every one of a shop without its rules, by number."""

    def follow(self, group: Group) -> None:
        """Forget what was changed."""
        if group.stream is not Stream.DOCUMENTS:
            return
        for record in group.records:
            document: Document = record.decoded
            if document.key.startswith(PREFIX):
                self._kept.pop(document.key, None)
                self._heads.pop(int(document.key.split("/")[1]), None)

    def find(self, shop: ShopId, number: int) -> DataSource | None:
        """The data source with this number."""
        key = _key(shop, number)
        kept = self._kept.get(key)
        if kept is None:
            value = self._documents.raw(key)
            if value is None:
                return None
            # What was changed since still counts, so that the bound is reached early rather than late.
            self._kept_bytes += len(value)
            if self._kept_bytes > DATA_SOURCES_CACHE_BYTES_MAX:
                self._kept.clear()
                self._kept_bytes = len(value)
            kept = self._kept[key] = _decode(value)
        return kept

    def heads(self, shop: ShopId) -> list[DataSource]:
        """Every data source of a shop without its rules, by number."""
        heads = self._heads.get(shop)
        if heads is None:
            values = self._documents.under(f"{PREFIX}{shop}/").values()
            found = (msgspec.convert({**value, "rules": ()}, DataSource) for value in values)
            heads = sorted(found, key=lambda source: source.id)
            if sum(map(len, self._heads.values())) + len(heads) > DATA_SOURCES_LISTED_MAX:
                self._heads.clear()
            self._heads[shop] = heads
        return heads

    def count(self, shop: ShopId) -> int:
        """How many a shop has."""
        return len(self.heads(shop))

    def record(self, shop: ShopId, number: int, source: DataSource | None) -> Record:
        """The record that makes this the latest version; ``None`` deletes it."""
        return document_record(_key(shop, number), source)


def _key(shop: ShopId, number: int) -> str:
    """The key of its document. Stored on disk: do not change."""
    return f"{PREFIX}{shop}/{number}"

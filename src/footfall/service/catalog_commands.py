"""The commands about a shop's catalog: putting, listing and taking out, and how far a pull of a store has come.

Called as those of ``commands.py`` are, which is where they are reached.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from footfall.catalog.collection import Collection
from footfall.catalog.product import Product, Status, Text, is_published, known
from footfall.clock import HOUR_MS
from footfall.errors import InputInvalidError
from footfall.identifiers import ShopId
from footfall.limits import CATALOG_BATCH_MAX, PULL_PROGRESS_HOURS
from footfall.log.port import Lane, Stream
from footfall.projections.catalog import collection_document, product_document
from footfall.projections.documents import document_record
from footfall.projections.shops import Shop
from footfall.service.service import Service
from footfall.service.shop_book import ShopBook

_PULL_PREFIX: Final = "pull/"
_Kind = Literal["product", "collection"]


class _Entry(msgspec.Struct, frozen=True):
    """What a listing reads of a product or collection: decoding whole ones would take ten times as long."""

    id: Text = UNSET
    handle: Text = UNSET
    status: Status | msgspec.UnsetType | None = UNSET
    published_at: Text = UNSET


_decode_entry: Final = msgspec.json.Decoder(_Entry).decode


class CatalogCommands:
    """One method for each command. All raise ``FootfallError`` with a message for people."""

    def __init__(self, service: Service, book: ShopBook) -> None:
        self._service = service
        self._book = book

    async def catalog_put(self, shop: str, products: Sequence[Any]) -> list[dict[str, Any]]:
        """Put products into a shop's catalog, one outcome for each."""
        read = msgspec.convert(products, list[Product])
        outcomes = await self._service.catalog_intake.put_products(self._book.find(shop).id, read, lane=Lane.IMPORT)
        return [msgspec.to_builtins(outcome) for outcome in outcomes]

    async def catalog_put_collections(self, shop: str, collections: Sequence[Any]) -> list[dict[str, Any]]:
        """The same for collections."""
        read = msgspec.convert(collections, list[Collection])
        outcomes = await self._service.catalog_intake.put_collections(self._book.find(shop).id, read, lane=Lane.IMPORT)
        return [msgspec.to_builtins(outcome) for outcome in outcomes]

    async def catalog_list(self, shop: str, kind: _Kind, after: str | None = None) -> list[dict[str, Any]]:
        """A page of a shop's products or collections, in the order of their keys, from behind the key ``after``: key, id,
        handle, and whether it is published. The last page is empty."""
        document_of = product_document if kind == "product" else collection_document
        shop_id = self._book.find(shop).id
        prefix = document_of(shop_id, "")
        if after is None:
            # What waits in memory is looked through for each page: there is little of it after a merge.
            await self._service.tails.merge()
        page = self._service.documents.page_under(prefix, after=prefix + (after or ""), limit=CATALOG_BATCH_MAX)
        return [self._listed(shop_id, key.removeprefix(prefix), _decode_entry(value)) for key, value in page]

    def _listed(self, shop: ShopId, key: str, entry: _Entry) -> dict[str, Any]:
        handle = known(entry.handle)
        if key.startswith("h:") and self._service.catalog.key_of(shop, key) != key:
            # Another product has taken the handle: who used it would mean that one.
            handle = None
        shown = Product(status=entry.status, published_at=entry.published_at)
        return {"key": key, "id": known(entry.id), "handle": handle, "published": is_published(shown)}

    async def catalog_delete(self, shop: str, kind: _Kind, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Take products or collections out of a shop's catalog, by the keys that ``catalog_list`` answers."""
        intake, shop_id = self._service.catalog_intake, self._book.find(shop).id
        delete = intake.delete_products if kind == "product" else intake.delete_collections
        return [msgspec.to_builtins(outcome) for outcome in await delete(shop_id, keys, lane=Lane.IMPORT)]

    async def pull_progress(self, shop: str, source: str) -> Any:
        """How far a pull of a source that was broken off has come, as it was saved; ``None`` where there is nothing to go on
        with, because it went to its end or is older than an hour: by then products are on other pages."""
        document = self._service.documents.get(_pull_key(self._book.find(shop), source))
        if document is None or self._service.clock.now() - document["at"] > PULL_PROGRESS_HOURS * HOUR_MS:
            return None
        return document["progress"]

    async def pull_save(self, shop: str, source: str, progress: Any) -> None:
        """Save how far a pull has come; ``None`` at its end."""
        key = _pull_key(self._book.find(shop), source)
        document = {"source": source, "at": self._service.clock.now(), "progress": progress} if progress is not None else None
        if document is not None or self._service.documents.raw(key) is not None:
            await self._service.log.append(Stream.DOCUMENTS, [document_record(key, document)], lane=Lane.IMPORT)


def _pull_key(shop: Shop, source: str) -> str:
    if not 1 <= len(source) <= 255:
        raise InputInvalidError("A source's name has 1 to 255 characters.")
    return f"{_PULL_PREFIX}{shop.id}/{source}"

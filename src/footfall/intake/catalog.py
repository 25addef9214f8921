"""Products and collections in: put over what is known of them, stored durably as documents, one outcome for each."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from footfall.catalog.collection import Collection, over
from footfall.catalog.merging import merged
from footfall.catalog.product import Product, known
from footfall.identifiers import ShopId
from footfall.limits import CATALOG_BATCH_MAX
from footfall.log.port import Lane, Log, Record, Stream

Status = Literal["created", "updated", "unchanged", "deleted", "unknown", "rejected"]

_SLICE: Final = 20
"""Products that are put over what is known of them before live requests get their turn: a millisecond or two."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened to one product or collection."""

    status: Status
    id: str | None = None
    handle: str | None = None
    error: str | None = None


class KnownCatalog(Protocol):
    """What the shop's catalog holds now."""

    def key_of(self, shop: ShopId, name: str) -> str | None:
        """The key of the product that a name (``p:``, ``h:``, ``v:``, ``i:``) leads to."""

    def product(self, shop: ShopId, key: str) -> Product | None:
        """The product with this key."""

    def collection(self, shop: ShopId, collection_id: str) -> Collection | None:
        """The collection with this id."""


class DocumentKeys(Protocol):
    """How documents of the catalog are named and written."""

    def product(self, shop: ShopId, key: str, product: Product | None) -> Record:
        """The record that makes this the latest version of a product; ``None`` deletes it."""

    def collection(self, shop: ShopId, collection_id: str, collection: Collection | None) -> Record:
        """The same for a collection."""


class _Changes:
    """What a batch has changed so far: its later products see its earlier ones."""

    def __init__(self) -> None:
        self.products: dict[str, Product | None] = {}
        self.by_handle: dict[str, str] = {}

    def add(self, key: str, product: Product | None) -> None:
        self.products[key] = product
        if product is not None and isinstance(product.handle, str):
            self.by_handle["h:" + product.handle] = key


class CatalogIntake:
    """The way into the catalog, from files, HTTP and webhooks alike. Each shop's changes happen one after the other."""

    def __init__(self, log: Log, known_catalog: KnownCatalog, documents: DocumentKeys) -> None:
        self._log = log
        self._known = known_catalog
        self._documents = documents
        self._locks: dict[ShopId, asyncio.Lock] = {}

    async def put_products(
        self,
        shop: ShopId,
        products: Sequence[Product | str],
        *,
        lane: Lane = Lane.LIVE,
        keep_variants: bool = False,
    ) -> list[Outcome]:
        """Put products into the catalog, in order; one outcome for each. A text stands for one that could not be read, and is
        why. Raises ``LogUnavailableError``: nothing was stored then."""
        outcomes: list[Outcome] = []
        changes = _Changes()
        async with self._lock(shop):
            for number, product in enumerate(products[:CATALOG_BATCH_MAX]):
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
                if isinstance(product, str):
                    outcomes.append(Outcome("rejected", error=product))
                else:
                    outcomes.append(self._put(shop, product, changes, keep_variants=keep_variants))
            await self._store(shop, changes.products, lane)
        return outcomes

    async def delete_product(self, shop: ShopId, product_id: str) -> Outcome:
        """Take a product out of the catalog, by id or handle. Events about it stay."""
        async with self._lock(shop):
            key = self._known.key_of(shop, "p:" + product_id) or self._known.key_of(shop, "h:" + product_id)
            product = self._known.product(shop, key) if key is not None else None
            if key is None or product is None:
                return Outcome("unknown", product_id)
            await self._store(shop, {key: None}, Lane.LIVE)
        return Outcome("deleted", known(product.id), known(product.handle))

    async def put_collections(
        self, shop: ShopId, collections: Sequence[Collection | str], *, lane: Lane = Lane.LIVE
    ) -> list[Outcome]:
        """The same as ``put_products`` for collections."""
        outcomes: list[Outcome] = []
        fresh: dict[str, Collection] = {}
        async with self._lock(shop):
            for collection in collections[:CATALOG_BATCH_MAX]:
                if isinstance(collection, str):
                    outcomes.append(Outcome("rejected", error=collection))
                    continue
                older = fresh.get(collection.id) or self._known.collection(shop, collection.id)
                newer = over(older, collection)
                status: Status = "created" if older is None else "unchanged" if newer == older else "updated"
                if status != "unchanged":
                    fresh[collection.id] = newer
                outcomes.append(Outcome(status, collection.id, known(newer.handle)))
            if fresh:
                records = [self._documents.collection(shop, name, collection) for name, collection in fresh.items()]
                await self._log.append(Stream.DOCUMENTS, records, lane=lane)
        return outcomes

    async def delete_collection(self, shop: ShopId, collection_id: str) -> Outcome:
        """Take a collection out of the catalog; its products stay."""
        async with self._lock(shop):
            if self._known.collection(shop, collection_id) is None:
                return Outcome("unknown", collection_id)
            await self._log.append(Stream.DOCUMENTS, [self._documents.collection(shop, collection_id, None)])
        return Outcome("deleted", collection_id)

    def _put(self, shop: ShopId, product: Product, changes: "_Changes", *, keep_variants: bool) -> Outcome:
        key, older = self._find(shop, product, changes)
        newer = merged(older, product, keep_variants=keep_variants)
        status: Status = "created" if older is None else "unchanged" if newer == older else "updated"
        new_key = newer.id if isinstance(newer.id, str) else key
        if key != new_key and older is not None:
            # It was known by its handle alone until now.
            changes.add(key, None)
        if status != "unchanged" or key != new_key:
            changes.add(new_key, newer)
        return Outcome(status, known(newer.id), known(newer.handle))

    def _find(self, shop: ShopId, product: Product, changes: "_Changes") -> tuple[str, Product | None]:
        """Under which key a product is known, and as what; the key that it would get where it is not."""
        handle = known(product.handle)
        by_handle = f"h:{handle}"
        if isinstance(product.id, str):
            # By its handle alone where it came from a file without ids.
            keys = [product.id, by_handle]
        else:
            keys = [changes.by_handle.get(by_handle) or self._known.key_of(shop, by_handle) or by_handle, by_handle]
        for key in keys:
            older = changes.products[key] if key in changes.products else self._known.product(shop, key)
            if older is not None:
                return key, older
        return product.id if isinstance(product.id, str) else by_handle, None

    async def _store(self, shop: ShopId, changes: dict[str, Product | None], lane: Lane) -> None:
        if changes:
            records = [self._documents.product(shop, key, product) for key, product in changes.items()]
            await self._log.append(Stream.DOCUMENTS, records, lane=lane)

    def _lock(self, shop: ShopId) -> asyncio.Lock:
        return self._locks.setdefault(shop, asyncio.Lock())

"""Products and collections in: put over what is known of them, stored durably as documents, one outcome for each."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal, Protocol

import msgspec

from footfall.catalog.collection import Collection, over
from footfall.catalog.merging import StockLevel, has_item, is_before, merged, with_stock
from footfall.catalog.product import Product, known
from footfall.identifiers import ShopId
from footfall.limits import CATALOG_BATCH_MAX
from footfall.log.port import Lane, Log, Record, Stream

Status = Literal["created", "updated", "unchanged", "deleted", "unknown", "rejected"]

_SLICE: Final = 20
"""Products that are put over what is known of them before live requests get their turn: a millisecond or two."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened to one product, collection or order."""

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
        # At the end also where it was changed before: names lead to what is told last.
        self.products.pop(key, None)
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
        variant_ids: Sequence[str] | None = None,
        also: Sequence[Record] = (),
    ) -> list[Outcome]:
        """Put products into the catalog, in order; one outcome for each. A text stands for one that could not be read, and is
        why. ``variant_ids``: all variants that they have, where not all of them are told (with ``keep_variants``).

        ``also`` is appended in the same call, even where nothing changes. Raises ``LogUnavailableError``: nothing was stored
        then.
        """
        outcomes: list[Outcome] = []
        changes = _Changes()
        async with self._lock(shop):
            for number, product in enumerate(products[:CATALOG_BATCH_MAX]):
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
                if isinstance(product, str):
                    outcomes.append(Outcome("rejected", error=product))
                else:
                    put = partial(merged, newer=product, keep_variants=keep_variants, variant_ids=variant_ids)
                    outcomes.append(self._put(shop, product, changes, put))
            await self._store(shop, changes.products, lane, also)
        return outcomes

    def has(self, shop: ShopId, product: Product) -> bool:
        """Whether the catalog holds this product now, by its id or, from a file without ids, by its handle alone."""
        return self._find(shop, product, _Changes())[1] is not None

    async def put_stock(self, shop: ShopId, level: StockLevel, *, also: Sequence[Record] = ()) -> Outcome:
        """Take in how much there is of an inventory item in a location; ``unknown`` where no product has the item."""
        async with self._lock(shop):
            key = self._known.key_of(shop, "i:" + level.item)
            older = self._known.product(shop, key) if key is not None else None
            if key is None or older is None or not has_item(older, level.item):
                await self._append([], also)
                return Outcome("unknown", level.item)
            newer = with_stock(older, level)
            changes = _Changes()
            if newer != older:
                self._add(shop, key, newer, changes)
            await self._store(shop, changes.products, Lane.LIVE, also)
        return Outcome("unchanged" if newer == older else "updated", known(newer.id), known(newer.handle))

    async def delete_product(self, shop: ShopId, product_id: str, *, also: Sequence[Record] = ()) -> Outcome:
        """Take a product out of the catalog, by id or handle. Events about it stay."""
        (outcome,) = await self.delete_products(shop, [product_id], also=also)
        return outcome

    async def delete_products(
        self, shop: ShopId, names: Sequence[str], *, lane: Lane = Lane.LIVE, also: Sequence[Record] = ()
    ) -> list[Outcome]:
        """The same for several, each by id, handle or the key of its document; one outcome for each."""
        outcomes = []
        changes: dict[str, Product | None] = {}
        async with self._lock(shop):
            for name in names[:CATALOG_BATCH_MAX]:
                # The key before all: a handle that a product has taken over leads there, and no more to this one.
                keys = (name, self._known.key_of(shop, "p:" + name), self._known.key_of(shop, "h:" + name))
                for key in keys:
                    product = self._known.product(shop, key) if key is not None and key not in changes else None
                    if key is not None and product is not None:
                        changes[key] = None
                        outcomes.append(Outcome("deleted", known(product.id), known(product.handle)))
                        break
                else:
                    outcomes.append(Outcome("unknown", name))
            await self._store(shop, changes, lane, also)
        return outcomes

    async def put_collections(
        self,
        shop: ShopId,
        collections: Sequence[Collection | str],
        *,
        lane: Lane = Lane.LIVE,
        also: Sequence[Record] = (),
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
            records = [self._documents.collection(shop, name, collection) for name, collection in fresh.items()]
            await self._append(records, also, lane)
        return outcomes

    async def delete_collection(self, shop: ShopId, collection_id: str, *, also: Sequence[Record] = ()) -> Outcome:
        """Take a collection out of the catalog; its products stay."""
        (outcome,) = await self.delete_collections(shop, [collection_id], also=also)
        return outcome

    async def delete_collections(
        self, shop: ShopId, ids: Sequence[str], *, lane: Lane = Lane.LIVE, also: Sequence[Record] = ()
    ) -> list[Outcome]:
        """The same for several, one outcome for each."""
        async with self._lock(shop):
            there = {name for name in ids[:CATALOG_BATCH_MAX] if self._known.collection(shop, name) is not None}
            records = [self._documents.collection(shop, name, None) for name in sorted(there)]
            await self._append(records, also, lane)
        return [Outcome("deleted" if name in there else "unknown", name) for name in ids[:CATALOG_BATCH_MAX]]

    def _put(self, shop: ShopId, product: Product, changes: "_Changes", put: Callable[[Product | None], Product]) -> Outcome:
        key, older = self._find(shop, product, changes)
        newer = put(older)
        status: Status = "created" if older is None else "unchanged" if newer == older else "updated"
        new_key = newer.id if isinstance(newer.id, str) else key
        if key != new_key and older is not None:
            # It was known by its handle alone until now.
            changes.add(key, None)
        if status != "unchanged" or key != new_key:
            self._add(shop, new_key, newer, changes)
        return Outcome(status, known(newer.id), known(newer.handle))

    def _add(self, shop: ShopId, key: str, product: Product, changes: "_Changes") -> None:
        """Add a change, and behind it again the other product that has the same handle by a later word: a handle leads to the
        product that was told last, and what arrives late must not take it back."""
        name = f"h:{known(product.handle)}"
        other = changes.by_handle.get(name) or self._known.key_of(shop, name)
        changes.add(key, product)
        if other is None or other == key:
            return
        owner = changes.products[other] if other in changes.products else self._known.product(shop, other)
        if owner is not None and owner.handle == product.handle and is_before(product.updated_at, owner.updated_at):
            changes.add(other, owner)

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

    async def _store(self, shop: ShopId, changes: dict[str, Product | None], lane: Lane, also: Sequence[Record]) -> None:
        await self._append([self._documents.product(shop, key, product) for key, product in changes.items()], also, lane)

    async def _append(self, records: list[Record], also: Sequence[Record], lane: Lane = Lane.LIVE) -> None:
        if records or also:
            await self._log.append(Stream.DOCUMENTS, [*records, *also], lane=lane)

    def _lock(self, shop: ShopId) -> asyncio.Lock:
        return self._locks.setdefault(shop, asyncio.Lock())

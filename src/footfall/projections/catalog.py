"""The catalog's names: which product an id, a handle or a variant stands for, and the products themselves, ready to answer.

Products and collections are documents; this keeps what leads to them. A handle that was given up still leads to the product
that had it last; one that another product takes leads there from then on.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from footfall.catalog import told
from footfall.catalog.amount import read_amount
from footfall.catalog.answer import product_object
from footfall.catalog.collection import Collection
from footfall.catalog.product import Product, is_in_stock, is_published, known, prices_of
from footfall.identifiers import Position, ProductReference, ShopId, read_id
from footfall.limits import CATALOG_NAMES_CACHE_MAX, COLLECTIONS_CACHE_PRODUCTS_MAX
from footfall.log.port import Group, Record, Stream
from footfall.projections.cards import Card, Cards, View, reference_of
from footfall.projections.documents import Document, Documents, document_record
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

PRODUCT_PREFIX: Final = "product/"
COLLECTION_PREFIX: Final = "collection/"
HIDING_TAGS: Final = frozenset({"exclude_rebuy", "footfall:hidden"})
"""A product with one of these tags (in lower case) is never recommended."""

_MERGE: Final = (
    "INSERT INTO catalog_names (shop, name, product, position)"
    " SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET product = excluded.product, position = excluded.position"
    " WHERE excluded.position >= position"
)
_PAGE: Final = 50
_READ: Final = "SELECT product FROM catalog_names WHERE shop = ? AND name = ?"

_Key = tuple[int, str]

decode_product: Final = msgspec.json.Decoder(Product).decode
decode_collection: Final = msgspec.json.Decoder(Collection).decode


def product_document(shop: ShopId, key: str) -> str:
    """The key of a product's document: ``key`` is its id, or ``h:`` and its handle where its source has no ids."""
    return f"{PRODUCT_PREFIX}{shop}/{key}"


def collection_document(shop: ShopId, collection_id: str) -> str:
    """The key of a collection's document."""
    return f"{COLLECTION_PREFIX}{shop}/{collection_id}"


class CatalogDocuments:
    """How products and collections are written into the log."""

    def product(self, shop: ShopId, key: str, product: Product | None) -> Record:
        """The record that makes this the latest version of a product; ``None`` deletes it."""
        return document_record(product_document(shop, key), product)

    def collection(self, shop: ShopId, collection_id: str, collection: Collection | None) -> Record:
        """The same for a collection."""
        return document_record(collection_document(shop, collection_id), collection)


def names_of(product: Product) -> Iterator[str]:
    """Everything that leads to a product: ``p:<id>``, ``h:<handle>``, ``v:<variant id>``, ``i:<inventory item id>``."""
    if isinstance(product.id, str):
        yield "p:" + product.id
    if isinstance(product.handle, str):
        yield "h:" + product.handle
    for variant in known(product.variants) or []:
        if isinstance(variant.id, str):
            yield "v:" + variant.id
        if isinstance(variant.inventory_item_id, str):
            yield "i:" + variant.inventory_item_id


class Catalog:
    """The projection, and the questions it answers."""

    name = "catalog"
    version = 1
    stream = Stream.DOCUMENTS
    tables: Mapping[str, str] = {
        "catalog_names": "CREATE TABLE catalog_names (shop INTEGER NOT NULL, name TEXT NOT NULL, product TEXT NOT NULL,"
        " position INTEGER NOT NULL, PRIMARY KEY (shop, name)) STRICT, WITHOUT ROWID"
    }

    def __init__(self, reader: Reader, documents: Documents, cards: Cards) -> None:
        self._reader = reader
        self._documents = documents
        self._cards = cards
        self._active: dict[_Key, tuple[str, Position]] = {}
        self._frozen: dict[_Key, tuple[str, Position]] = {}
        self._names: OrderedDict[_Key, str | None] = OrderedDict()
        """What questions found, memory over table; kept right by ``apply``."""
        self._collections: dict[str, Collection | None] = {}
        self._members: dict[str, frozenset[str]] = {}
        self._collected = 0
        self._changes: dict[int, int] = {}
        self._stocked: dict[int, bool] = {}
        """Whether a shop has products."""

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            document: Document = record.decoded
            if document.key.startswith(PRODUCT_PREFIX):
                self._take_product(document, position)
            elif document.key.startswith(COLLECTION_PREFIX):
                self._take_collection(document, position)

    def _take_product(self, document: Document, position: Position) -> None:
        shop, key = _parts(document.key)
        self._changes[shop] = self._changes.get(shop, 0) + 1
        self._cards.forget(document.key)
        if document.is_deleted:
            self._stocked.pop(shop, None)
            return
        self._stocked[shop] = True
        self._name(shop, key, names_of(decode_product(document.value)), position)

    def _take_collection(self, document: Document, position: Position) -> None:
        shop, key = _parts(document.key)
        self._collections.pop(document.key, None)
        self._members.pop(document.key, None)
        if not document.is_deleted:
            handle = known(decode_collection(document.value).handle)
            self._name(shop, key, ["c:" + handle] if handle else [], position)

    def _name(self, shop: int, key: str, names: Iterable[str], position: Position) -> None:
        for name in names:
            self._active[(shop, name)] = (key, position)
            if (shop, name) in self._names:
                self._names[(shop, name)] = key

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        frozen = self._frozen
        return sliced(_MERGE, ((*key, *frozen[key]) for key in in_key_order(frozen)))

    def thaw(self) -> None:
        self._frozen = {}

    def has_products(self, shop: ShopId) -> bool:
        """Whether the shop has a catalog."""
        stocked = self._stocked.get(shop)
        if stocked is None:
            stocked = self._stocked[shop] = self._documents.is_any_under(f"{PRODUCT_PREFIX}{shop}/")
        return stocked

    def changes(self, shop: ShopId) -> int:
        """How many changes of the shop's products this process has seen."""
        return self._changes.get(shop, 0)

    def key_of(self, shop: ShopId, name: str) -> str | None:
        """The key of the product (or collection, for ``c:<handle>``) that a name leads to. It may have been deleted since."""
        name_key = (int(shop), name)
        if name_key in self._names:
            return self._names[name_key]
        found = self._active.get(name_key) or self._frozen.get(name_key)
        if found is not None:
            key: str | None = found[0]
        else:
            rows = self._reader.rows(_READ, name_key)
            key = str(rows[0][0]) if rows else None
        if len(self._names) >= CATALOG_NAMES_CACHE_MAX:
            self._names.popitem(last=False)
        self._names[name_key] = key
        return key

    def product(self, shop: ShopId, key: str) -> Product | None:
        """The product with this key."""
        value = self._documents.raw(product_document(shop, key))
        return decode_product(value) if value is not None else None

    def collection(self, shop: ShopId, collection_id: str) -> Collection | None:
        """The collection with this id."""
        document = collection_document(shop, collection_id)
        if document not in self._collections:
            value = self._documents.raw(document)
            collection = decode_collection(value) if value is not None else None
            self._keep_collected(len((known(collection.products) if collection is not None else None) or ()))
            self._collections[document] = collection
        return self._collections[document]

    def members(self, shop: ShopId, name: str) -> frozenset[str]:
        """The keys of the products of a collection, by its id or handle; none where it is not known."""
        collection = self.collection_named(shop, name)
        if collection is None:
            return frozenset()
        document = collection_document(shop, collection.id)
        if document not in self._members:
            members = frozenset(known(collection.products) or [])
            self._keep_collected(len(members))
            self._members[document] = members
        return self._members[document]

    def collection_named(self, shop: ShopId, name: str) -> Collection | None:
        """The collection with this id or handle."""
        collection_id = read_id(name, "Collection")
        collection = self.collection(shop, collection_id) if collection_id is not None else None
        if collection is None:
            by_handle = self.key_of(shop, "c:" + name)
            collection = self.collection(shop, by_handle) if by_handle is not None else None
        return collection

    def _keep_collected(self, products: int) -> None:
        """Make room for so many products of a collection."""
        # Counted as one more than it holds, so that collections which are not there have a bound too.
        self._collected += 1 + products
        if self._collected > COLLECTIONS_CACHE_PRODUCTS_MAX:
            self._collections.clear()
            self._members.clear()
            self._collected = 0

    def references(self, shop: ShopId) -> Iterator[ProductReference]:
        """Every product, by id. A page at a time, so that who needs a few pays for a few."""
        prefix = after = product_document(shop, "")
        while page := self._documents.page_under(prefix, after=after, limit=_PAGE):
            for document, _ in page:
                yield reference_of(document.removeprefix(prefix))
            after = page[-1][0]

    def card(self, shop: ShopId, key: str, view: View) -> Card | None:
        """A product as it is shown, ``None`` where there is none (any more)."""
        document = product_document(shop, key)
        try:
            return self._cards.find(document, view)
        except KeyError:
            product = self.product(shop, key)
            card = _card(key, product, view) if product is not None else None
            self._cards.keep(document, view, card)
            return card


@lru_cache(maxsize=20_000)
def told_card(key: str, product: told.ToldProduct, view: View) -> Card:
    """The same of a product that only events told; kept for those asked about last, since most answers show the same few."""
    shown = told.product_object(product, view.shop_url, metafields=view.metafields, without_variants=view.without_variants)
    price = read_amount(product.price)
    body = msgspec.Raw(msgspec.json.encode(shown))
    # Unknown counts as in stock and as published.
    return Card(key, body, in_stock=True, published=True, hidden=False, prices=() if price is None else (price,))


def _card(key: str, product: Product, view: View) -> Card:
    shown = product_object(
        product,
        view.shop_url,
        metafields=view.metafields,
        variant_metafields=view.variant_metafields,
        without_variants=view.without_variants,
        country=view.country,
    )
    tags = frozenset(tag.lower() for tag in known(product.tags) or [])
    return Card(
        key,
        msgspec.Raw(msgspec.json.encode(shown)),
        is_in_stock(product),
        is_published(product),
        not HIDING_TAGS.isdisjoint(tags),
        prices_of(product, view.country),
        (known(product.vendor) or "").lower(),
        (known(product.product_type) or "").lower(),
        tags,
    )


def _parts(document_key: str) -> tuple[int, str]:
    _, shop, key = document_key.split("/", 2)
    return int(shop), key

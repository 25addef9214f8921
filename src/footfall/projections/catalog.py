"""The catalog's names: which product an id, a handle or a variant stands for, and the products themselves, ready to answer.

Products and collections are documents; this keeps what leads to them. A handle that was given up still leads to the product
that had it last; one that another product takes leads there from then on.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from footfall.catalog.answer import product_object
from footfall.catalog.collection import Collection
from footfall.catalog.product import Product, is_in_stock, is_published, known
from footfall.identifiers import Position, ShopId
from footfall.limits import CATALOG_CACHE_BYTES_MAX, CATALOG_NAMES_CACHE_MAX, COLLECTIONS_CACHE_PRODUCTS_MAX
from footfall.log.port import Group, Record, Stream
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
_READ: Final = "SELECT product FROM catalog_names WHERE shop = ? AND name = ?"

_Key = tuple[int, str]

decode_product: Final = msgspec.json.Decoder(Product).decode
decode_collection: Final = msgspec.json.Decoder(Collection).decode


class View(NamedTuple):
    """How a product is shown: the shop's address, whether with metafields, and whose prices (a country of two letters)."""

    shop_url: str | None
    metafields: bool = False
    variant_metafields: bool = False
    country: str | None = None


class Card(NamedTuple):
    """A product as an answer carries it, and what lists ask of it."""

    key: str
    body: msgspec.Raw
    in_stock: bool
    published: bool
    hidden: bool


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

    def __init__(self, reader: Reader, documents: Documents) -> None:
        self._reader = reader
        self._documents = documents
        self._active: dict[_Key, tuple[str, Position]] = {}
        self._frozen: dict[_Key, tuple[str, Position]] = {}
        self._names: dict[_Key, str | None] = {}
        """What questions found, memory over table; kept right by ``apply``."""
        self._cards: dict[tuple[str, View], Card | None] = {}
        self._cards_of: dict[str, list[View]] = {}
        self._cards_bytes = 0
        self._collections: dict[str, Collection | None] = {}
        self._collected = 0
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
        for view in self._cards_of.pop(document.key, ()):
            card = self._cards.pop((document.key, view), None)
            self._cards_bytes -= len(card.body) if card is not None else 0
        if document.is_deleted:
            self._stocked.pop(shop, None)
            return
        self._stocked[shop] = True
        self._name(shop, key, names_of(decode_product(document.value)), position)

    def _take_collection(self, document: Document, position: Position) -> None:
        shop, key = _parts(document.key)
        self._collections.pop(document.key, None)
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
            self._names.clear()
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
            # Counted as one more than it holds, so that collections which are not there have a bound too.
            self._collected += 1 + len((known(collection.products) if collection is not None else None) or ())
            if self._collected > COLLECTIONS_CACHE_PRODUCTS_MAX:
                self._collections.clear()
                self._collected = 0
            self._collections[document] = collection
        return self._collections[document]

    def card(self, shop: ShopId, key: str, view: View) -> Card | None:
        """A product as it is shown, ``None`` where there is none (any more)."""
        document = product_document(shop, key)
        cached = (document, view)
        if cached in self._cards:
            return self._cards[cached]
        product = self.product(shop, key)
        card = _card(key, product, view) if product is not None else None
        if self._cards_bytes >= CATALOG_CACHE_BYTES_MAX or len(self._cards) >= CATALOG_NAMES_CACHE_MAX:
            self._cards.clear()
            self._cards_of.clear()
            self._cards_bytes = 0
        self._cards[cached] = card
        self._cards_of.setdefault(document, []).append(view)
        self._cards_bytes += len(card.body) if card is not None else 0
        return card


def _card(key: str, product: Product, view: View) -> Card:
    shown = product_object(
        product,
        view.shop_url,
        metafields=view.metafields,
        variant_metafields=view.variant_metafields,
        country=view.country,
    )
    tags = {tag.lower() for tag in known(product.tags) or []}
    return Card(
        key,
        msgspec.Raw(msgspec.json.encode(shown)),
        is_in_stock(product),
        is_published(product),
        not HIDING_TAGS.isdisjoint(tags),
    )


def _parts(document_key: str) -> tuple[int, str]:
    _, shop, key = document_key.split("/", 2)
    return int(shop), key

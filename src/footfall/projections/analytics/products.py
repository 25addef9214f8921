"""Which product a name stands for, by the catalog and by what events tied to each other; and the catalog itself, for joins.

The same answers as ``projections.names`` gives, worked out for all names at once. Events keep the number of the name that they
gave; only the small table from name to product changes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from footfall.catalog.collection import Collection
from footfall.catalog.product import Product, is_in_stock, is_published, known
from footfall.catalog.told import ToldProduct
from footfall.event import Event
from footfall.identifiers import product_reference
from footfall.limits import ANALYTICS_NUMBERS_CACHED_MAX
from footfall.projections.analytics.engine import Connection, amount_of, given, rows, texts, whole
from footfall.projections.analytics.money import scaled
from footfall.projections.analytics.numbers import Names
from footfall.projections.analytics.rows import Rows
from footfall.projections.catalog import COLLECTION_PREFIX, PRODUCT_PREFIX, decode_collection, decode_product, names_of
from footfall.projections.documents import Document
from footfall.projections.sightings import over, tellings

_TIE: Final = ("product_id", "handle", "variant_id", "title")
_NOTHING: Final = ToldProduct()


class Products:
    """The tables ``names``, ``ties``, ``catalog_names``, ``catalog``, ``collections`` and ``members``."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._ties: dict[str, ToldProduct] = {}
        self._said: dict[str, tuple[object, ...]] = {}
        """What an event said of a name last: the same once more is no news."""
        self._repeated: set[tuple[str | None, ...]] = set()
        """What events said since there was news."""
        self._fresh = names.next
        """Names from this number on have not been resolved."""
        self._stale = False
        """Whether any name may stand for another product than it did."""

    # --- what events tell ----------------------------------------------------------------------------------------

    def tell(self, rows_of: Rows) -> None:
        """Take in what the events of a batch tell of products, in the order of the log."""
        if self._repeated.issuperset(rows_of.products_told()):
            return
        told: dict[str, ToldProduct] = {}
        for event in rows_of.events:
            if not self._is_news(event):
                continue
            for name, telling in tellings(event):
                told[name] = _over(telling, told.get(name, _NOTHING))
        if told:
            self._keep(told)
        if len(self._said) > ANALYTICS_NUMBERS_CACHED_MAX:
            self._said.clear()
            self._repeated.clear()

    def _is_news(self, event: Event) -> bool:
        """Whether an event says something else of one of its names than the event before it that named it."""
        product_id, handle, variant_id = event.product_id, event.product_handle, event.variant_id
        says = (product_id, handle, variant_id, event.product_title)
        if says in self._repeated:
            return False
        reference = product_reference(product_id, handle, variant_id)
        names: list[str] = [reference] if reference is not None else []
        if handle is not None:
            names += ("h:" + handle, "p:" + handle)
        if variant_id is not None:
            names.append("v:" + variant_id)
        # Of variants it only matters whether there is one: the first one is kept.
        kept = (product_id, handle, event.product_title, variant_id is None)
        said, news = self._said, False
        for name in names:
            if said.get(name) != kept:
                said[name] = kept
                news = True
        if news:
            self._repeated.clear()
        self._repeated.add(says)
        return news

    def _keep(self, told: Mapping[str, ToldProduct]) -> None:
        before = self._known_ties(told)
        changed: dict[str, ToldProduct] = {}
        for name, telling in told.items():
            old = before.get(name, _NOTHING)
            tie = _over(telling, old)
            if _kept(tie) != _kept(old):
                changed[name] = tie
                self._stale |= _kept(tie)[:-1] != _kept(old)[:-1]
            self._ties[name] = tie
        if not changed:
            return
        columns = {"name": texts(changed)}
        columns |= {field: texts(getattr(tie, field) for tie in changed.values()) for field in _TIE}
        with given(self._connection, "tied", columns):
            self._connection.execute("DELETE FROM store.ties WHERE name IN (SELECT name FROM tied)")
            self._connection.execute(
                f"INSERT INTO store.ties SELECT name, {', '.join(f'nullif({field}, {_EMPTY})' for field in _TIE)} FROM tied"
            )

    def _known_ties(self, names: Mapping[str, object]) -> dict[str, ToldProduct]:
        missing = [name for name in names if name not in self._ties]
        if len(self._ties) + len(missing) > ANALYTICS_NUMBERS_CACHED_MAX:
            self._ties, missing = {}, list(names)
        if missing:
            with given(self._connection, "asked", {"name": texts(missing)}):
                for name, *fields in rows(self._connection, _READ_TIES):
                    self._ties[name] = ToldProduct(**dict(zip(_TIE, fields, strict=True)))
        return {name: self._ties[name] for name in names if name in self._ties}

    # --- the catalog ---------------------------------------------------------------------------------------------

    def put(self, documents: Mapping[str, Document], history: Sequence[Document]) -> None:
        """Take in products and collections: the latest version of each by its key, and all versions in their order, since a
        handle leads to whoever had it last."""
        names: dict[str, str] = {}
        for document in history:
            if document.key.startswith(PRODUCT_PREFIX) and not document.is_deleted:
                key = _key(document)
                names |= dict.fromkeys(names_of(decode_product(document.value)), key)
        products = {_key(d): d for d in documents.values() if d.key.startswith(PRODUCT_PREFIX)}
        collections = {_key(d): d for d in documents.values() if d.key.startswith(COLLECTION_PREFIX)}
        if names:
            with given(self._connection, "told", {"name": texts(names), "key": texts(names.values())}):
                self._connection.execute("DELETE FROM store.catalog_names WHERE name IN (SELECT name FROM told)")
                self._connection.execute("INSERT INTO store.catalog_names SELECT name, key FROM told")
        if products:
            self._stale = True
            self._replace_products(products)
        if collections:
            self._replace_collections(collections)

    def _replace_products(self, documents: Mapping[str, Document]) -> None:
        kept = [(key, decode_product(d.value)) for key, d in documents.items() if not d.is_deleted]
        with given(self._connection, "gone", {"key": texts(documents)}):
            self._connection.execute("DELETE FROM store.catalog WHERE key IN (SELECT key FROM gone)")
        if not kept:
            return
        told = [_catalog_row(key, product) for key, product in kept]
        columns = {name: texts(row[name] for row in told) for name in _CATALOG_TEXTS}
        columns |= {name: whole(row[name] for row in told) for name in ("price", "published", "in_stock")}
        columns["has_price"] = whole((row["price"] is not None for row in told), np.bool_)
        with given(self._connection, "put", columns):
            self._connection.execute(_PUT_CATALOG)

    def _replace_collections(self, documents: Mapping[str, Document]) -> None:
        kept = [(key, decode_collection(d.value)) for key, d in documents.items() if not d.is_deleted]
        members = [(key, product) for key, collection in kept for product in known(collection.products) or []]
        with given(self._connection, "gone", {"collection": texts(documents)}):
            for table in ("collections", "members"):
                self._connection.execute(f"DELETE FROM store.{table} WHERE collection IN (SELECT collection FROM gone)")
        if kept:
            with given(self._connection, "put", _collection_columns(kept)):
                self._connection.execute(
                    "INSERT INTO store.collections SELECT collection, nullif(handle, ''), nullif(title, '') FROM put"
                )
        if members:
            columns = {"collection": texts(one for one, _ in members), "key": texts(key for _, key in members)}
            with given(self._connection, "put", columns):
                self._connection.execute("INSERT INTO store.members SELECT collection, key FROM put")

    # --- names -> products ---------------------------------------------------------------------------------------

    def resolve(self) -> None:
        """Bring the table from name to product up to date."""
        if not self._stale and self._fresh >= self._names.next:
            return
        since = 0 if self._stale else self._fresh
        found = rows(self._connection, _RESOLVED, [since])
        # Numbers for the products may be made here, and these are names of products themselves.
        columns = {
            "number": whole((number for number, _ in found)),
            "product": whole(self._names.numbers([product for _, product in found])),
        }
        if found:
            with given(self._connection, "resolved", columns):
                self._connection.execute(
                    "UPDATE store.names SET product = r.product FROM resolved r"
                    " WHERE names.number = r.number AND names.product IS DISTINCT FROM r.product"
                )
        # A product's own reference stands for itself.
        self._connection.execute("UPDATE store.names SET product = number WHERE product IS NULL")
        self._fresh, self._stale = self._names.next, False


_EMPTY: Final = "''"
_READ_TIES: Final = f"SELECT name, {', '.join(_TIE)} FROM store.ties WHERE name IN (SELECT name FROM asked)"
_CATALOG_TEXTS: Final = ("key", "product_id", "handle", "title", "vendor", "type", "tags")
_PUT_CATALOG: Final = f"""
INSERT INTO store.catalog SELECT key, nullif(product_id, ''), nullif(handle, ''), nullif(title, ''), nullif(vendor, ''),
    nullif(type, ''), from_json(tags, '["VARCHAR"]'), CASE WHEN has_price THEN {amount_of("price")} END, published <> 0,
    in_stock <> 0 FROM put
"""

# After ``Names.product`` and ``Sightings.product``: a variant leads to its product, a handle to its id, as far as events told;
# then each of these names is looked for in the catalog, the one that was asked for first.
_RESOLVED: Final = """
WITH asked AS (SELECT number, name FROM store.names WHERE number >= ?),
owned AS (
    SELECT a.number, a.name, CASE WHEN a.name LIKE 'v:%' THEN coalesce('p:' || t.product_id, 'h:' || t.handle, a.name)
        ELSE a.name END AS owner
    FROM asked a LEFT JOIN store.ties t ON t.name = a.name
), own AS (
    SELECT o.number, o.name, CASE WHEN o.owner NOT LIKE 'h:%' THEN o.owner
        WHEN t.product_id IS NOT NULL THEN 'p:' || t.product_id
        WHEN regexp_full_match(o.owner, 'h:[0-9]{10,}') THEN 'p:' || coalesce(v.product_id, substr(o.owner, 3))
        ELSE o.owner END AS own
    FROM owned o LEFT JOIN store.ties t ON t.name = o.owner
    LEFT JOIN store.ties v ON v.name = 'v:' || substr(o.owner, 3)
), told AS (
    SELECT o.number, o.name, o.own, t.variant_id,
        CASE WHEN h.product_id IS NULL OR 'p:' || h.product_id = o.own THEN t.handle END AS handle
    FROM own o LEFT JOIN store.ties t ON t.name = o.own LEFT JOIN store.ties h ON h.name = 'h:' || t.handle
), keyed AS (
    SELECT d.number, d.own, coalesce(a.key, b.key, c.key, e.key) AS key
    FROM told d LEFT JOIN store.catalog_names a ON a.name = d.name LEFT JOIN store.catalog_names b ON b.name = d.own
    LEFT JOIN store.catalog_names c ON c.name = 'h:' || d.handle
    LEFT JOIN store.catalog_names e ON e.name = 'v:' || d.variant_id
)
SELECT number, CASE WHEN key IS NULL THEN own WHEN key LIKE 'h:%' THEN key ELSE 'p:' || key END FROM keyed ORDER BY number
"""


def _over(newer: ToldProduct, older: ToldProduct) -> ToldProduct:
    """What was told last holds; of variants the first, since any of them leads to the product, and each event has another."""
    return msgspec.structs.replace(over(newer, older), variant_id=older.variant_id or newer.variant_id)


def _kept(tie: ToldProduct) -> tuple[object, ...]:
    return tie.product_id, tie.handle, tie.variant_id, tie.title


def _key(document: Document) -> str:
    return document.key.split("/", 2)[2]


def _catalog_row(key: str, product: Product) -> dict[str, Any]:
    prices = [price for v in known(product.variants) or [] if (price := scaled(known(v.price))) is not None]
    return {
        "key": key,
        "product_id": known(product.id),
        "handle": known(product.handle),
        "title": known(product.title),
        "vendor": known(product.vendor),
        "type": known(product.product_type),
        "tags": msgspec.json.encode(known(product.tags) or []).decode(),
        "price": min(prices, default=None),
        "published": int(is_published(product)),
        "in_stock": int(is_in_stock(product)),
    }


def _collection_columns(kept: Sequence[tuple[str, Collection]]) -> dict[str, Any]:
    return {
        "collection": texts(key for key, _ in kept),
        "handle": texts(known(collection.handle) for _, collection in kept),
        "title": texts(known(collection.title) for _, collection in kept),
    }

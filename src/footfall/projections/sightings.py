"""Sightings: what the events themselves told about products, so that answers are useful before there is a catalog.

An event with both id and handle ties them. Under each name (id, handle, variant) what was told last, in log order, holds,
field by field; title, price and SKU of a variant are kept under the variant, so that no answer mixes two of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from footfall.catalog.told import ToldProduct
from footfall.event import Event
from footfall.identifiers import ProductReference, ShopId, product_reference
from footfall.limits import SIGHTINGS_CACHE_MAX
from footfall.log.port import Group, Stream
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

_COLUMNS: Final = ("product_id", "handle", "title", "variant_id", "variant_title", "price", "sku")
_MERGE: Final = (
    f"INSERT INTO sightings (shop, reference, {', '.join(_COLUMNS)})"
    f" SELECT value->>0, value->>1, {', '.join(f'value->>{n + 2}' for n in range(len(_COLUMNS)))}"
    " FROM json_each(?) WHERE true ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{column} = coalesce(excluded.{column}, {column})" for column in _COLUMNS)
)
_READ: Final = f"SELECT {', '.join(_COLUMNS)} FROM sightings WHERE shop = ? AND reference = ?"
_PRODUCT_ID_DIGITS_MIN: Final = 10
"""A handle of only digits, and at least so many, is a product or variant id that stands for one: Shopify's have 10 to 14."""


def over(newer: ToldProduct, older: ToldProduct) -> ToldProduct:
    """What was told last, and where that says nothing what was told before."""
    return ToldProduct(
        newer.product_id or older.product_id,
        newer.handle or older.handle,
        newer.title or older.title,
        newer.variant_id or older.variant_id,
        newer.variant_title or older.variant_title,
        newer.price or older.price,
        newer.sku or older.sku,
    )


def _without_handle(told: ToldProduct) -> ToldProduct:
    return msgspec.structs.replace(told, handle=None)


def _stands_for_id(handle: str) -> bool:
    return len(handle) >= _PRODUCT_ID_DIGITS_MIN and handle.isascii() and handle.isdigit()


def tellings(event: Event) -> Sequence[tuple[str, ToldProduct]]:
    """What an event tells of products: under which name, and what."""
    if (
        event.product_handle is None
        and event.variant_id is None
        and event.product_title is None
        and event.variant_price is None
        and event.variant_title is None
        and event.variant_sku is None
    ):
        return ()
    product_id, handle, variant_id = event.product_id, event.product_handle, event.variant_id
    reference = product_reference(product_id, handle, variant_id)
    if reference is None:
        return ()
    if handle is not None and str(handle) == product_id:
        # Some clients send the id in both places; a handle it is in neither.
        handle = None
    of_variant = (event.variant_title, event.variant_price, event.variant_sku)
    told = ToldProduct(product_id, handle, event.product_title, variant_id, *(_NONE if variant_id else of_variant))
    found: list[tuple[str, ToldProduct]] = []
    if variant_id is not None:
        title = event.product_title if reference.startswith("v:") else None
        found.append(("v:" + variant_id, ToldProduct(product_id, handle, title, None, *of_variant)))
    if product_id is not None:
        found.append((reference, told))
        if handle is not None:
            found.append(("h:" + handle, ToldProduct(product_id=product_id)))
    elif handle is not None:
        found.append((reference, told))
        if _stands_for_id(handle):
            found.append(("p:" + handle, _without_handle(told)))
    return found


_NOTHING: Final = ToldProduct()
_NONE: Final = (None, None, None)
_Key = tuple[int, str]


class Sightings:
    """The projection, and the questions it answers."""

    name = "sightings"
    version = 2
    stream = Stream.EVENTS
    tables: Mapping[str, str] = {
        "sightings": "CREATE TABLE sightings (shop INTEGER NOT NULL, reference TEXT NOT NULL, product_id TEXT,"
        " handle TEXT, title TEXT, variant_id TEXT, variant_title TEXT, price TEXT, sku TEXT,"
        " PRIMARY KEY (shop, reference)) STRICT, WITHOUT ROWID"
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[_Key, ToldProduct] = {}
        self._frozen: dict[_Key, ToldProduct] = {}
        self._known: dict[_Key, ToldProduct] = {}
        """What questions found, memory over table; kept right by ``_tell``."""

    def apply(self, group: Group) -> None:
        for record in group.records:
            event: Event = record.decoded
            for name, told in tellings(event):
                self._tell((event.shop, name), told)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        return bool(self._frozen)

    def slices(self) -> Iterator[Slice]:
        frozen = self._frozen
        return sliced(_MERGE, ((*key, *msgspec.structs.astuple(frozen[key])) for key in in_key_order(frozen)))

    def thaw(self) -> None:
        self._frozen = {}

    def product(self, shop: ShopId, reference: ProductReference) -> tuple[ProductReference, ToldProduct]:
        """Which product a reference names, by what was told so far: its own reference (the same for every name of one
        product), and what is known of it under any of its names."""
        told = self._told((int(shop), reference))
        name = reference[2:]
        if reference.startswith("p:"):
            return reference, self._with_variant(shop, self._with_handle(shop, over(told, ToldProduct(product_id=name))))
        if reference.startswith("h:"):
            product_id = told.product_id
            if product_id is None and _stands_for_id(name):
                product_id = self._told((int(shop), "v:" + name)).product_id or name
            if product_id is None:
                return reference, self._with_variant(shop, over(told, ToldProduct(handle=name)))
            return self.product(shop, ProductReference("p:" + product_id))
        if told.product_id is None and told.handle is None:
            return reference, over(told, ToldProduct(variant_id=name))
        owner = "p:" + told.product_id if told.product_id is not None else f"h:{told.handle}"
        owner_reference, known = self.product(shop, ProductReference(owner))
        if known.variant_id is None:
            known = self._with_variant(shop, over(known, ToldProduct(variant_id=name)))
        return owner_reference, over(known, ToldProduct(title=told.title))

    def _with_handle(self, shop: ShopId, known: ToldProduct) -> ToldProduct:
        """What was told under the product's handle as well. A handle that has gone to another product since is no longer
        this one's: its link would lead to the other."""
        if known.handle is None:
            return known
        by_handle = self._told((int(shop), "h:" + known.handle))
        return over(known, by_handle) if by_handle.product_id == known.product_id else _without_handle(known)

    def _with_variant(self, shop: ShopId, known: ToldProduct) -> ToldProduct:
        """What was told under the variant that was told last; what was told without naming a variant stands in for it."""
        if known.variant_id is None:
            return known
        told = self._told((int(shop), "v:" + known.variant_id))
        of_variant = ToldProduct(variant_title=told.variant_title, price=told.price, sku=told.sku)
        return over(of_variant, known)

    def _told(self, key: _Key) -> ToldProduct:
        known = self._known.get(key)
        if known is None:
            rows = self._reader.rows(_READ, key)
            stored = ToldProduct(*rows[0]) if rows else _NOTHING
            known = over(self._active.get(key, _NOTHING), over(self._frozen.get(key, _NOTHING), stored))
            if len(self._known) >= SIGHTINGS_CACHE_MAX:
                self._known.clear()
            self._known[key] = known
        return known

    def _tell(self, key: _Key, told: ToldProduct) -> None:
        before = self._active.get(key)
        if before is None or before != told:
            self._active[key] = told if before is None else over(told, before)
        known = self._known.get(key)
        if known is not None:
            self._known[key] = over(told, known)

"""Putting what a source says of a product over what is known of it: what the source can't see stays as it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.product import Product, Variant, known
from footfall.clock import Milliseconds

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class StockLevel(NamedTuple):
    """How much there is of an inventory item in a location, and since when; ``None``: it is not stocked there (any more)."""

    item: str
    location: str
    available: int | None
    at: Milliseconds


def merged(
    older: Product | None, newer: Product, *, keep_variants: bool = False, variant_ids: Sequence[str] | None = None
) -> Product:
    """The product after ``newer`` has come in. A list of variants replaces the one before, and each variant keeps what its
    new version doesn't tell; with ``keep_variants`` those that it doesn't name stay as well, but only those of
    ``variant_ids`` where they are given.

    What its source changed earlier than what is known (``updated_at``) changes nothing: messages arrive in any order.
    """
    if older is None:
        return newer
    if is_before(newer.updated_at, older.updated_at):
        return older
    variants: list[Variant] | UnsetType = newer.variants
    if not isinstance(variants, UnsetType):
        told_at = _moment(newer.updated_at)
        variants = _merged_variants(known(older.variants) or [], variants, keep=keep_variants, told_at=told_at)
        if variant_ids is not None:
            place = {variant_id: number for number, variant_id in enumerate(variant_ids)}
            variants = [variant for variant in variants if variant.id in place]
            variants.sort(key=lambda variant: place[str(variant.id)])
    return msgspec.structs.replace(
        filled(older, newer), variants=older.variants if isinstance(variants, UnsetType) else variants
    )


def filled(older: _Struct, newer: _Struct) -> _Struct:
    """The newer one, with the older one's values where its source could not see any."""
    missing = {
        name: value
        for name in newer.__struct_fields__
        if getattr(newer, name) is UNSET and (value := getattr(older, name)) is not UNSET
    }
    return msgspec.structs.replace(newer, **missing) if missing else newer


def _merged_variants(older: Sequence[Variant], newer: Sequence[Variant], *, keep: bool, told_at: int | None) -> list[Variant]:
    before = _Before(older)
    variants = []
    for variant in newer:
        match = before.take(variant)
        variants.append(_merged_variant(match, variant, told_at) if match is not None else variant)
    return variants + (before.left() if keep else [])


class _Before:
    """The variants there were, each of which is matched once: by id; by options or SKU only where one of the two has no id, as
    in a product CSV."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self._left = dict(enumerate(variants))
        self._numbers: dict[tuple[str, str], int] = {}
        for number, variant in self._left.items():
            for name in _names(variant):
                self._numbers.setdefault(name, number)

    def take(self, variant: Variant) -> Variant | None:
        """The variant that this one is a version of."""
        for name in _names(variant):
            number = self._numbers.get(name)
            found = self._left.get(number) if number is not None else None
            both_have_ids = found is not None and isinstance(found.id, str) and isinstance(variant.id, str)
            if found is not None and number is not None and (name[0] == "id" or not both_have_ids):
                return self._left.pop(number)
        return None

    def left(self) -> list[Variant]:
        """Those that nothing has matched."""
        return list(self._left.values())


def _merged_variant(older: Variant, newer: Variant, told_at: int | None) -> Variant:
    """A variant over its older version. What a source said of availability, of the whole stock, or of the stock in locations
    ends with the next word on stock: the newest holds."""
    variant = filled(older, newer)
    if isinstance(newer.inventory_quantity, UnsetType):
        return variant
    if isinstance(newer.available, UnsetType):
        variant = msgspec.structs.replace(variant, available=UNSET)
    stock, stock_at = known(variant.stock), known(variant.stock_at)
    is_newest = told_at is not None and stock_at is not None and told_at >= max(stock_at.values(), default=0)
    if stock and is_newest and sum(stock.values()) != newer.inventory_quantity:
        # There are locations that nobody has told of.
        variant = msgspec.structs.replace(variant, stock=UNSET)
    return variant


def _names(variant: Variant) -> list[tuple[str, str]]:
    """By what a variant is recognised, the surest first."""
    names = [("id", variant.id)] if isinstance(variant.id, str) else []
    options = known(variant.options)
    if options:
        names.append(("options", "\n".join(options)))
    if isinstance(variant.sku, str):
        names.append(("sku", variant.sku))
    return names or [("title", str(known(variant.title)))]


def has_item(product: Product, inventory_item_id: str) -> bool:
    """Whether a variant of the product is kept in stock as this inventory item."""
    return any(variant.inventory_item_id == inventory_item_id for variant in known(product.variants) or [])


def with_stock(product: Product, level: StockLevel) -> Product:
    """The product after its stock of an inventory item in a location has changed. What was told of that location later than
    this holds: messages arrive in any order."""

    def changed(variant: Variant) -> Variant:
        told_at = dict(known(variant.stock_at) or {})
        if variant.inventory_item_id != level.item or told_at.get(level.location, 0) > level.at:
            return variant
        stock = dict(known(variant.stock) or {})
        if level.available is None:
            stock.pop(level.location, None)
        else:
            stock[level.location] = level.available
        told_at[level.location] = level.at
        # What the source said of the whole before is older than this.
        return msgspec.structs.replace(variant, stock=stock, stock_at=told_at, available=UNSET)

    return msgspec.structs.replace(product, variants=[changed(variant) for variant in known(product.variants) or []])


def _moment(text: object) -> int | None:
    """An ISO 8601 time with an offset in milliseconds since the epoch; ``None`` where it is none."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment is not None and moment.tzinfo is not None else None


def is_before(one: object, other: object) -> bool:
    """Whether one ISO 8601 time is before another; ``False`` where either is none."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return datetime.fromisoformat(one) < datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False

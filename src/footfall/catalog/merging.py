"""Putting what a source says of a product over what is known of it: what the source can't see stays as it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.product import Product, Variant, known

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def merged(older: Product | None, newer: Product, *, keep_variants: bool = False) -> Product:
    """The product after ``newer`` has come in. A list of variants replaces the one before, and each variant keeps what its
    new version doesn't tell; with ``keep_variants`` those that it doesn't name stay as well.

    What its source changed earlier than what is known (``updated_at``) changes nothing: messages arrive in any order.
    """
    if older is None:
        return newer
    if _is_before(newer.updated_at, older.updated_at):
        return older
    variants: list[Variant] | UnsetType = newer.variants
    if not isinstance(variants, UnsetType):
        variants = _merged_variants(known(older.variants) or [], variants, keep=keep_variants)
    return msgspec.structs.replace(
        _over(older, newer), variants=older.variants if isinstance(variants, UnsetType) else variants
    )


def _over(older: _Struct, newer: _Struct) -> _Struct:
    """The newer one, with the older one's values where it has none."""
    missing = {
        name: value
        for name in newer.__struct_fields__
        if getattr(newer, name) is UNSET and (value := getattr(older, name)) is not UNSET
    }
    return msgspec.structs.replace(newer, **missing) if missing else newer


def _merged_variants(older: Sequence[Variant], newer: Sequence[Variant], *, keep: bool) -> list[Variant]:
    before = _Before(older)
    variants = []
    for variant in newer:
        match = before.take(variant)
        variants.append(_merged_variant(match, variant) if match is not None else variant)
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


def _merged_variant(older: Variant, newer: Variant) -> Variant:
    """A variant over its older version. What a source said of availability, or of the whole stock, ends with the next word on
    stock: the newest holds."""
    variant = _over(older, newer)
    if isinstance(newer.available, UnsetType) and not isinstance(newer.inventory_quantity, UnsetType):
        variant = msgspec.structs.replace(variant, available=UNSET)
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


def with_stock(product: Product, inventory_item_id: str, location_id: str, available: int | None) -> Product:
    """The product after its stock of an inventory item in a location has changed; ``None``: it is not stocked there."""

    def changed(variant: Variant) -> Variant:
        if variant.inventory_item_id != inventory_item_id:
            return variant
        stock = dict(known(variant.stock) or {})
        if available is None:
            stock.pop(location_id, None)
        else:
            stock[location_id] = available
        # What the source said of the whole before is older than this.
        return msgspec.structs.replace(variant, stock=stock, available=UNSET)

    return msgspec.structs.replace(product, variants=[changed(variant) for variant in known(product.variants) or []])


def _is_before(one: object, other: object) -> bool:
    """Whether one ISO 8601 time is before another; ``False`` where either is none."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return datetime.fromisoformat(one) < datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False

"""A product as the catalog keeps it: one JSON document for each, in which what its source could not see is left out.

Ids are texts of digits (without ``gid://shopify/…``), amounts are decimal texts, times ISO 8601 as the source gave them.
"""

from decimal import Decimal
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.amount import read_amount

Value = TypeVar("Value")
Text = str | None | UnsetType
Whole = int | None | UnsetType
Status = Literal["active", "draft", "archived", "unlisted"]
"""``unlisted``: sold to who has its address, and in no list."""


class Image(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """A picture. ``variant_ids``: the variants that it shows."""

    src: str
    id: Text = UNSET
    alt: Text = UNSET
    width: Whole = UNSET
    height: Whole = UNSET
    variant_ids: list[str] | UnsetType = UNSET


class Option(msgspec.Struct, omit_defaults=True, frozen=True):
    """What variants differ in, such as size; ``values`` in their order."""

    name: str
    values: list[str] = []


class Metafield(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """A field that the shop added. ``value`` is its text, whatever its type."""

    key: str
    value: Text = UNSET
    namespace: Text = UNSET
    type: Text = UNSET
    id: Text = UNSET


class Price(msgspec.Struct, omit_defaults=True, frozen=True):
    """What a variant costs in one country. ``currency`` has three letters."""

    price: str
    compare_at_price: Text = UNSET
    currency: Text = UNSET


class Variant(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One thing that can be bought.

    ``available`` is what the source itself says of it; ``inventory_management`` is ``None`` where stock isn't tracked;
    ``stock`` is the number in each location, by its id; ``stock_at`` since when (milliseconds since the epoch), of those that
    stock it no more as well. ``prices`` goes by country (two letters).
    """

    id: Text = UNSET
    title: Text = UNSET
    price: Text = UNSET
    compare_at_price: Text = UNSET
    sku: Text = UNSET
    barcode: Text = UNSET
    options: list[str] | UnsetType = UNSET
    weight: Text = UNSET
    weight_unit: Text = UNSET
    image_id: Text = UNSET
    available: bool | UnsetType | None = UNSET
    inventory_item_id: Text = UNSET
    inventory_management: Text = UNSET
    inventory_policy: Text = UNSET
    inventory_quantity: Whole = UNSET
    stock: dict[str, int] | UnsetType = UNSET
    stock_at: dict[str, int] | UnsetType = UNSET
    prices: dict[str, Price] | UnsetType = UNSET
    metafields: list[Metafield] | UnsetType = UNSET
    created_at: Text = UNSET
    updated_at: Text = UNSET


class Product(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One product. At least one of ``id`` and ``handle`` is there; ``published_at`` is ``None`` while it is not published."""

    id: Text = UNSET
    handle: Text = UNSET
    title: Text = UNSET
    body_html: Text = UNSET
    vendor: Text = UNSET
    product_type: Text = UNSET
    tags: list[str] | UnsetType = UNSET
    status: Status | UnsetType | None = UNSET
    published_at: Text = UNSET
    published_scope: Text = UNSET
    template_suffix: Text = UNSET
    images: list[Image] | UnsetType = UNSET
    options: list[Option] | UnsetType = UNSET
    variants: list[Variant] | UnsetType = UNSET
    metafields: list[Metafield] | UnsetType = UNSET
    created_at: Text = UNSET
    updated_at: Text = UNSET


def is_variant_in_stock(variant: Variant) -> bool:
    """Whether it can be bought: the source says so; else stock isn't tracked, or selling goes on without it, or there is some
    in all locations together. Unknown counts as in stock."""
    if isinstance(variant.available, bool):
        return variant.available
    if variant.inventory_management is None or variant.inventory_policy == "continue":
        return True
    quantity = quantity_of(variant)
    return quantity is None or quantity > 0


def is_in_stock(product: Product) -> bool:
    """Whether one of its variants is; a product whose variants are unknown counts as in stock."""
    variants = known(product.variants)
    return not variants or any(map(is_variant_in_stock, variants))


def is_published(product: Product) -> bool:
    """Whether shoppers may see it: published, and neither draft, archived nor unlisted. Unknown counts as published."""
    return product.published_at is not None and known(product.status) in (None, "active")


def local_price(variant: Variant, country: str | None) -> Price | None:
    """What a variant costs in a country (two letters), where the catalog has that."""
    return (known(variant.prices) or {}).get(country) if country else None


def prices_of(product: Product, country: str | None) -> tuple[Decimal, ...]:
    """What its variants cost, each amount once: in a country where the catalog has its price, else as everywhere."""
    found: dict[Decimal, None] = {}
    for variant in known(product.variants) or []:
        local = local_price(variant, country)
        amount = read_amount(local.price if local is not None else known(variant.price))
        if amount is not None:
            found[amount] = None
    return tuple(found)


def quantity_of(variant: Variant) -> int | None:
    """How many there are in all locations together, ``None`` where that is unknown."""
    stock = known(variant.stock)
    return sum(stock.values()) if stock else known(variant.inventory_quantity)


def known(value: Value | UnsetType) -> Value | None:
    """A field's value, ``None`` where its source could not see it."""
    return None if isinstance(value, UnsetType) else value

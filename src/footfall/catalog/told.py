"""A product as far as the events tell, and the object that answers carry of it while a shop has no catalog."""

from typing import Any
from urllib.parse import quote

import msgspec


class ToldProduct(msgspec.Struct, frozen=True, gc=False):
    """A product as far as the events tell. Ids are as the clients sent them."""

    product_id: str | None = None
    handle: str | None = None
    title: str | None = None
    variant_id: str | None = None
    variant_title: str | None = None
    price: str | None = None
    sku: str | None = None


def product_object(
    told: ToldProduct, shop_url: str | None, *, metafields: bool = False, without_variants: bool = False
) -> dict[str, Any]:
    """The product object of a shop without a catalog, marked ``"catalog": false``.

    ``link`` is ``<url>/products/<handle>``. The one variant is the one that an event told last; ids are numbers where
    they are digits. ``metafields``: with that key, an empty array, since events tell none. ``without_variants`` leaves
    ``variants`` empty.
    """
    number = id_number(told.product_id)
    product: dict[str, Any] = {
        "id": number,
        "title": told.title,
        "body_html": None,
        "description": None,
        "vendor": None,
        "product_type": None,
        "created_at": None,
        "handle": told.handle,
        "updated_at": None,
        "published_at": None,
        "template_suffix": None,
        "published_scope": None,
        "tags": "",
        "admin_graphql_api_id": f"gid://shopify/Product/{number}" if isinstance(number, int) else None,
        "status": None,
        "image": None,
        "images": [],
        "options": [],
        "variants": [_variant(told, number)] if (told.variant_id or told.price) and not without_variants else [],
        "link": f"{shop_url.rstrip('/')}/products/{quote(told.handle)}" if shop_url and told.handle else None,
        "catalog": False,
    }
    if metafields:
        product["metafields"] = []
    return product


def _variant(told: ToldProduct, product_number: int | str | None) -> dict[str, Any]:
    number = id_number(told.variant_id)
    return {
        "id": number,
        "product_id": product_number,
        "title": told.variant_title,
        "price": told.price,
        "compare_at_price": None,
        "sku": told.sku,
        "inventory_quantity": None,
        # Unknown counts as in stock.
        "available": True,
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{number}" if isinstance(number, int) else None,
    }


def id_number(text: str | None) -> int | str | None:
    """An id as the product object shows it: a number where it is digits."""
    return int(text) if text is not None and text.isdigit() and text.isascii() and len(text) <= 19 else text

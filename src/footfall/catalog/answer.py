"""The product object of a shop with a catalog, Shopify REST style: every key is always there, ``null`` where nothing is
known."""

import html
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from footfall.catalog.product import (
    Image,
    Metafield,
    Product,
    Variant,
    is_variant_in_stock,
    known,
    local_price,
    quantity_of,
)
from footfall.catalog.told import id_number

_TAG: Final = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)


def product_object(
    product: Product,
    shop_url: str | None,
    *,
    metafields: bool = False,
    variant_metafields: bool = False,
    without_variants: bool = False,
    country: str | None = None,
) -> dict[str, Any]:
    """The object, with the prices of ``country`` (two letters) where the catalog has them.

    ``link`` is ``<url>/products/<handle>``; ``tags`` is one text; ids are numbers where they are digits.
    """
    number = id_number(known(product.id))
    handle = known(product.handle)
    images = [_image(image, number, position) for position, image in enumerate(known(product.images) or [], 1)]
    variants = [] if without_variants else known(product.variants) or []
    body = known(product.body_html)
    shown: dict[str, Any] = {
        "id": number,
        "title": known(product.title),
        "body_html": body,
        "description": description_of(body),
        "vendor": known(product.vendor),
        "product_type": known(product.product_type),
        "created_at": known(product.created_at),
        "handle": handle,
        "updated_at": known(product.updated_at),
        "published_at": known(product.published_at),
        "template_suffix": known(product.template_suffix),
        "published_scope": known(product.published_scope),
        "tags": ", ".join(known(product.tags) or []),
        "admin_graphql_api_id": f"gid://shopify/Product/{number}" if isinstance(number, int) else None,
        "status": known(product.status),
        "image": images[0] if images else None,
        "images": images,
        "options": [
            {"name": option.name, "position": position, "values": option.values, "product_id": number}
            for position, option in enumerate(known(product.options) or [], 1)
        ],
        "variants": [
            _variant(variant, number, position, country=country, metafields=variant_metafields)
            for position, variant in enumerate(variants, 1)
        ],
        "link": f"{shop_url.rstrip('/')}/products/{quote(handle)}" if shop_url and handle else None,
        "catalog": True,
    }
    if metafields:
        shown["metafields"] = [_metafield(metafield) for metafield in known(product.metafields) or []]
    return shown


def description_of(body_html: str | None) -> str | None:
    """A body without its tags, its white space made one space."""
    if body_html is None:
        return None
    return " ".join(html.unescape(_TAG.sub(" ", body_html)).split())


def _image(image: Image, product_number: int | str | None, position: int) -> dict[str, Any]:
    number = id_number((known(image.id) or "").rpartition("/")[2] or None)
    return {
        "id": number,
        "product_id": product_number,
        "position": position,
        "alt": known(image.alt),
        "width": known(image.width),
        "height": known(image.height),
        "src": image.src,
        "admin_graphql_api_id": f"gid://shopify/ProductImage/{number}" if isinstance(number, int) else None,
        "variant_ids": [id_number(variant) for variant in known(image.variant_ids) or []],
    }


def _variant(
    variant: Variant, product_number: int | str | None, position: int, *, country: str | None, metafields: bool
) -> dict[str, Any]:
    number = id_number(known(variant.id))
    local = local_price(variant, country)
    options = known(variant.options) or []
    shown: dict[str, Any] = {
        "id": number,
        "product_id": product_number,
        "title": known(variant.title),
        "price": local.price if local is not None else known(variant.price),
        "compare_at_price": known(local.compare_at_price) if local is not None else known(variant.compare_at_price),
        "sku": known(variant.sku),
        "barcode": known(variant.barcode),
        "position": position,
        "option1": options[0] if options else None,
        "option2": options[1] if len(options) > 1 else None,
        "option3": options[2] if len(options) > 2 else None,
        "weight": known(variant.weight),
        "weight_unit": known(variant.weight_unit),
        "image_id": id_number((known(variant.image_id) or "").rpartition("/")[2] or None),
        "inventory_item_id": id_number(known(variant.inventory_item_id)),
        "inventory_management": known(variant.inventory_management),
        "inventory_policy": known(variant.inventory_policy),
        "inventory_quantity": quantity_of(variant),
        "available": is_variant_in_stock(variant),
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{number}" if isinstance(number, int) else None,
    }
    if local is not None:
        shown["currency"] = known(local.currency)
    if metafields:
        shown["metafields"] = [_metafield(metafield) for metafield in known(variant.metafields) or []]
    return shown


def _metafield(metafield: Metafield) -> Mapping[str, Any]:
    return {
        "id": known(metafield.id),
        "namespace": known(metafield.namespace),
        "key": metafield.key,
        "value": known(metafield.value),
        "type": known(metafield.type),
    }

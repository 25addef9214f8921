"""Products as the Admin GraphQL API answers them: nested nodes, or the lines of a bulk operation, in which each child names
its parent. Field names after Shopify's documentation of ``Product`` and ``ProductVariant``, API version 2025-10."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from msgspec import UNSET, UnsetType

from footfall.catalog.product import Image, Metafield, Option, Product, Variant
from footfall.catalog.rest import read_image, read_metafield, read_metafields, read_status, require_at_most
from footfall.catalog.shape import Shape, ShapeError
from footfall.limits import PRODUCT_IMAGES_MAX, PRODUCT_VARIANTS_MAX

PARENT: Final = "__parentId"
_UNITS: Final = {"GRAMS": "g", "KILOGRAMS": "kg", "OUNCES": "oz", "POUNDS": "lb"}
"""Units of weight → as REST has them."""


def kind_of(raw: object) -> str | None:
    """What a GraphQL object is, by its id: ``Product``, ``ProductVariant``, …"""
    gid = raw.get("id") if isinstance(raw, dict) else None
    parts = gid.split("/") if isinstance(gid, str) and gid.startswith("gid://shopify/") else []
    return parts[3] if len(parts) >= 5 else None


def gathered(
    lines: Iterable[tuple[int, Any]], list_of: Callable[[dict[str, Any]], str] | None = None
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The objects of the first level among a bulk operation's lines (number, object), each with its children in lists as a
    query would nest them, and the number of its own line. ``list_of`` says in which list of its parent a child belongs; unless
    given, as in products.

    A child comes somewhere behind its parent and before the next object of the first level, as Shopify writes them. A text
    stands for a line that belongs to nothing, and is why.
    """
    place = list_of or _list_of
    first_level: dict[str, Any] | None = None
    first = 0
    by_id: dict[str, dict[str, Any]] = {}
    for number, raw in lines:
        if not isinstance(raw, dict):
            yield number, "it is no object."
            continue
        parent = raw.get(PARENT)
        if parent is None:
            if first_level is not None:
                yield first, first_level
            first_level, first, by_id = dict(raw), number, {}
            _name(first_level, by_id)
            continue
        owner = by_id.get(str(parent))
        if owner is None:
            yield number, f"it belongs to {str(parent)[:80]!r}, which does not stand before it."
            continue
        child = dict(raw)
        _name(child, by_id)
        children = owner.setdefault(place(raw), [])
        if isinstance(children, list):
            children.append(child)
    if first_level is not None:
        yield first, first_level


def _name(found: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> None:
    """Let children find an object, and those that stand in its own lists, such as an order's refunds."""
    by_id[str(found.get("id"))] = found
    for value in found.values():
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict) and "id" in item:
                by_id[str(item["id"])] = item


def _list_of(child: dict[str, Any]) -> str:
    kind = kind_of(child)
    if kind is None:
        # Media of older versions and prices have no id of their own.
        return "images" if "src" in child or "url" in child else "others"
    return {"ProductVariant": "variants", "Metafield": "metafields", "Collection": "collections"}.get(kind, "images")


def read_product(raw: object) -> Product:
    """A product out of one node with its children. Raises ``ShapeError`` with the field that is wrong."""
    shape = Shape(raw)
    product_id = shape.id("Product", "id")
    if not isinstance(product_id, str):
        raise ShapeError("A product needs an id, such as gid://shopify/Product/5.")
    return Product(
        id=product_id,
        handle=shape.text("handle"),
        title=shape.text("title"),
        body_html=shape.text("descriptionHtml", "bodyHtml"),
        vendor=shape.text("vendor"),
        product_type=shape.text("productType"),
        tags=shape.texts("tags"),
        status=read_status(shape),
        published_at=shape.text("publishedAt"),
        template_suffix=shape.text("templateSuffix"),
        images=_images(shape),
        options=_options(shape),
        variants=_variants(shape),
        metafields=read_metafields(shape),
        created_at=shape.text("createdAt"),
        updated_at=shape.text("updatedAt"),
    )


def collection_ids(raw: object) -> list[str]:
    """The collections that a product's node names."""
    collections = Shape(raw).items("collections")
    if isinstance(collections, UnsetType):
        return []
    return [found for collection in collections if isinstance(found := collection.id("Collection", "id"), str)]


def _images(shape: Shape) -> list[Image] | UnsetType:
    """``images``, or ``media`` of which those with a picture count."""
    nodes = shape.items("images", "media")
    if isinstance(nodes, UnsetType):
        return UNSET
    images = []
    for node in nodes:
        picture = node if "src" in node or "url" in node or "originalSrc" in node else node.inner("image")
        if picture is not None:
            images.append(read_image(picture))
    require_at_most(len(images), PRODUCT_IMAGES_MAX, "images")
    return images


def _options(shape: Shape) -> list[Option] | UnsetType:
    options = shape.items("options")
    if isinstance(options, UnsetType):
        return UNSET
    read = []
    for option in options:
        values = option.texts("values")
        read.append(Option(option.text("name") or "Title", [] if isinstance(values, UnsetType) else values))
    return read


def _variants(shape: Shape) -> list[Variant] | UnsetType:
    variants = shape.items("variants")
    if isinstance(variants, UnsetType):
        return UNSET
    require_at_most(len(variants), PRODUCT_VARIANTS_MAX, "variants")
    return [_variant(variant) for variant in variants]


def _variant(shape: Shape) -> Variant:
    item = shape.inner("inventoryItem")
    tracked = item.flag("tracked") if item is not None else UNSET
    policy = shape.text("inventoryPolicy")
    measurement = item.inner("measurement") if item is not None else None
    weight = measurement.inner("weight") if measurement is not None else None
    unit = weight.text("unit") if weight is not None else UNSET
    selected = shape.items("selectedOptions")
    image = shape.inner("image")
    return Variant(
        id=shape.id("ProductVariant", "id"),
        title=shape.text("title"),
        price=shape.amount("price"),
        compare_at_price=shape.amount("compareAtPrice"),
        sku=shape.text("sku"),
        barcode=shape.text("barcode"),
        options=UNSET if isinstance(selected, UnsetType) else [str(option.text("value") or "") for option in selected],
        weight=weight.amount("value") if weight is not None else UNSET,
        weight_unit=_UNITS.get(unit, unit) if isinstance(unit, str) else unit,
        image_id=image.text("id") if image is not None else UNSET,
        available=shape.flag("availableForSale"),
        inventory_item_id=item.id("InventoryItem", "id") if item is not None else UNSET,
        inventory_management=UNSET if isinstance(tracked, UnsetType) else "shopify" if tracked else None,
        inventory_policy=policy.lower() if isinstance(policy, str) else policy,
        inventory_quantity=shape.whole("inventoryQuantity"),
        metafields=_metafields(shape),
        created_at=shape.text("createdAt"),
        updated_at=shape.text("updatedAt"),
    )


def _metafields(shape: Shape) -> list[Metafield] | UnsetType:
    nodes = shape.items("metafields")
    return UNSET if isinstance(nodes, UnsetType) else [read_metafield(node) for node in nodes]

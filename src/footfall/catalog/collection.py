"""A collection as the catalog keeps it, and reading one in Shopify's shapes."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.merging import is_before
from footfall.catalog.product import Text
from footfall.catalog.shape import Shape, ShapeError
from footfall.limits import COLLECTION_PRODUCTS_MAX


class Collection(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """A collection. ``products`` are the ids of its products in its own order.

    ``stale``: something about it changed that may have changed its products, which nobody has told since.
    """

    id: str
    handle: Text = UNSET
    title: Text = UNSET
    body_html: Text = UNSET
    image: Text = UNSET
    sort_order: Text = UNSET
    published_at: Text = UNSET
    updated_at: Text = UNSET
    products: list[str] | UnsetType = UNSET
    stale: bool = False


def read_collection(raw: object) -> Collection:
    """A collection out of one JSON object. Raises ``ShapeError`` with the field that is wrong.

    Ours: ``products`` (or ``product_ids``), a list of ids in the collection's order.
    """
    shape = Shape(raw)
    collection_id = shape.id("Collection", "id", "collection_id", "admin_graphql_api_id")
    if not isinstance(collection_id, str):
        raise ShapeError("A collection needs an id.")
    image = shape.inner("image") if isinstance(shape.value("image"), dict) else None
    return Collection(
        id=collection_id,
        handle=shape.text("handle"),
        title=shape.text("title"),
        body_html=shape.text("body_html", "descriptionHtml", "description"),
        image=image.text("src", "url") if image is not None else UNSET,
        sort_order=shape.text("sort_order", "sortOrder"),
        published_at=shape.text("published_at"),
        updated_at=shape.text("updated_at", "updatedAt"),
        products=_products(shape),
    )


def _products(shape: Shape) -> list[str] | UnsetType:
    value: Any = shape.value("products", "product_ids")
    if isinstance(value, UnsetType):
        return UNSET
    if not isinstance(value, list):
        raise shape.wrong("products" if "products" in shape else "product_ids", "a list of product ids")
    if len(value) > COLLECTION_PRODUCTS_MAX:
        raise ShapeError(f"It has {len(value):,} products; at most {COLLECTION_PRODUCTS_MAX:,} are kept.")
    products: list[str] = []
    for index, item in enumerate(value):
        product = Shape(item if isinstance(item, dict) else {"id": item}, f"products[{index}]").id("Product", "id")
        if not isinstance(product, str):
            raise ShapeError(f"products[{index}] has no id.")
        products.append(product)
    return list(dict.fromkeys(products))


def over(older: Collection | None, newer: Collection) -> Collection:
    """The newer one, with what it doesn't tell from the older one. Products that were told make it fresh; a change that does
    not tell them makes it stale, also where it arrives later than a newer one, which it doesn't change otherwise."""
    if older is None:
        return newer
    if is_before(newer.updated_at, older.updated_at):
        return msgspec.structs.replace(older, stale=older.stale or newer.stale)
    missing = {
        name: value
        for name in newer.__struct_fields__
        if getattr(newer, name) is UNSET and (value := getattr(older, name)) is not UNSET
    }
    stale = isinstance(newer.products, UnsetType) and (newer.stale or older.stale)
    return msgspec.structs.replace(newer, **missing, stale=stale)

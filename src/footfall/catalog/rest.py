"""Products in Shopify's REST shapes: the storefront's ``products.json`` and the Admin API's ``products``, which differ in what
they see. Field names after Shopify's documentation of the Product resource, API version 2025-10."""

from typing import Any, Final, cast

from msgspec import UNSET, UnsetType

from footfall.catalog.product import Image, Metafield, Option, Price, Product, Status, Variant
from footfall.catalog.shape import Shape, ShapeError
from footfall.limits import PRODUCT_IMAGES_MAX, PRODUCT_METAFIELDS_MAX, PRODUCT_VARIANTS_MAX

_STATUSES: Final = ("active", "draft", "archived", "unlisted")
_OPTIONS: Final = ("option1", "option2", "option3")


def read_product(raw: object) -> Product:
    """A product out of one JSON object. Raises ``ShapeError`` with the field that is wrong."""
    shape = Shape(raw)
    product_id = shape.id("Product", "id", "product_id", "admin_graphql_api_id")
    handle = shape.text("handle")
    if not product_id and not handle:
        raise ShapeError("A product needs an id or a handle.")
    return Product(
        id=product_id,
        handle=handle,
        title=shape.text("title"),
        body_html=shape.text("body_html"),
        vendor=shape.text("vendor"),
        product_type=shape.text("product_type"),
        tags=shape.texts("tags"),
        status=read_status(shape),
        published_at=_published_at(shape),
        published_scope=shape.text("published_scope"),
        template_suffix=shape.text("template_suffix"),
        images=_images(shape),
        options=_options(shape),
        variants=_variants(shape),
        metafields=read_metafields(shape),
        created_at=shape.text("created_at"),
        updated_at=shape.text("updated_at"),
    )


def read_status(shape: Shape) -> Status | UnsetType | None:
    """``status`` in lower case, as REST has it; GraphQL has it in upper case."""
    status = shape.text("status")
    if not isinstance(status, str):
        return status
    if status.lower() not in _STATUSES:
        raise shape.wrong("status", "active, draft, archived or unlisted")
    return cast("Status", status.lower())


def _published_at(shape: Shape) -> str | UnsetType | None:
    """When it was published; a ``published`` of its own says only whether."""
    moment = shape.text("published_at")
    if isinstance(moment, UnsetType) and "published" in shape and shape.flag("published") is False:
        return None
    return moment


def _images(shape: Shape) -> list[Image] | UnsetType:
    images = shape.items("images")
    if isinstance(images, UnsetType):
        return UNSET
    require_at_most(len(images), PRODUCT_IMAGES_MAX, "images")
    return [read_image(image) for image in images]


def read_image(shape: Shape) -> Image:
    """One picture."""
    src = shape.text("src", "url", "originalSrc")
    if not isinstance(src, str):
        raise shape.wrong("src", "the address of a picture")
    variants = shape.value("variant_ids")
    return Image(
        src=src,
        id=shape.text("id"),
        alt=shape.text("alt", "altText"),
        width=shape.whole("width"),
        height=shape.whole("height"),
        variant_ids=[str(variant) for variant in variants] if isinstance(variants, list) else UNSET,
    )


def _options(shape: Shape) -> list[Option] | UnsetType:
    options = shape.items("options")
    if isinstance(options, UnsetType):
        return UNSET
    read = []
    for option in options:
        values = option.texts("values")
        read.append(Option(option.text("name") or "Title", values if isinstance(values, list) else []))
    return read


def _variants(shape: Shape) -> list[Variant] | UnsetType:
    variants = shape.items("variants")
    if isinstance(variants, UnsetType):
        return UNSET
    require_at_most(len(variants), PRODUCT_VARIANTS_MAX, "variants")
    return [_variant(variant) for variant in variants]


def _variant(shape: Shape) -> Variant:
    weight, unit = shape.amount("weight"), shape.text("weight_unit")
    if isinstance(weight, UnsetType) and "grams" in shape:
        weight, unit = shape.amount("grams"), "g"
    values = [value for name in _OPTIONS if isinstance(value := shape.text(name), str)]
    return Variant(
        id=shape.id("ProductVariant", "id", "admin_graphql_api_id"),
        title=shape.text("title"),
        price=shape.amount("price"),
        compare_at_price=shape.amount("compare_at_price"),
        sku=shape.text("sku"),
        barcode=shape.text("barcode"),
        options=values if any(name in shape for name in _OPTIONS) else UNSET,
        weight=weight,
        weight_unit=unit,
        image_id=_image_id(shape),
        available=shape.flag("available"),
        inventory_item_id=shape.id("InventoryItem", "inventory_item_id"),
        inventory_management=shape.text("inventory_management"),
        inventory_policy=shape.text("inventory_policy"),
        inventory_quantity=shape.whole("inventory_quantity"),
        prices=_prices(shape),
        metafields=read_metafields(shape),
        created_at=shape.text("created_at"),
        updated_at=shape.text("updated_at"),
    )


def _image_id(shape: Shape) -> str | UnsetType | None:
    featured = shape.inner("featured_image")
    return shape.text("image_id") if featured is None else featured.text("id")


def _prices(shape: Shape) -> dict[str, Price] | UnsetType:
    """Ours: ``prices`` by country, ``{"DE": {"price": "9.90", "compare_at_price": null, "currency": "EUR"}}``."""
    prices = shape.inner("prices")
    if prices is None:
        return UNSET
    read: dict[str, Price] = {}
    for country in prices.names():
        if len(country) != 2 or not country.isalpha() or not country.isascii():
            raise prices.wrong(country, "a price under a country of two letters, such as DE")
        there = prices.inner(country)
        price = there.amount("price") if there is not None else None
        if there is None or not isinstance(price, str):
            raise prices.wrong(country, 'an object with a price, such as {"price": "9.90", "currency": "EUR"}')
        read[country.upper()] = Price(price, there.amount("compare_at_price"), there.text("currency"))
    return read


def read_metafields(shape: Shape) -> list[Metafield] | UnsetType:
    """The fields that the shop added."""
    metafields = shape.items("metafields")
    if isinstance(metafields, UnsetType):
        return UNSET
    require_at_most(len(metafields), PRODUCT_METAFIELDS_MAX, "metafields")
    return [read_metafield(metafield) for metafield in metafields]


def read_metafield(shape: Shape) -> Metafield:
    """One field that the shop added."""
    key = shape.text("key")
    if not isinstance(key, str):
        raise shape.wrong("key", "a text")
    return Metafield(
        key=key,
        value=_metafield_value(shape),
        namespace=shape.text("namespace"),
        type=shape.text("type", "value_type"),
        id=shape.text("id"),
    )


def _metafield_value(shape: Shape) -> Any:
    value = shape.value("value")
    return str(value).lower() if isinstance(value, bool) else shape.text("value")


def require_at_most(count: int, limit: int, what: str) -> None:
    """Raise ``ShapeError`` where there are more than the limit."""
    if count > limit:
        raise ShapeError(f"It has {count:,} {what}; at most {limit:,} are kept.")

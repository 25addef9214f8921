"""Reading products: every shape of one product says the same, and what is wrong is named with its place."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from footfall.catalog import graphql, rest, table
from footfall.catalog.collection import read_collection
from footfall.catalog.product import Product, is_in_stock, is_published, is_variant_in_stock, known
from footfall.catalog.shape import ShapeError, decode_json
from tests.unit.catalog.shapes import ADMIN, BULK, CSV, STOREFRONT


def from_bulk() -> Product:
    ((_, raw),) = graphql.gathered(enumerate(BULK, 1))
    return graphql.read_product(raw)


def from_csv() -> list[Product]:
    return [rest.read_product(raw) for _, raw in table.gathered(table.rows(CSV.splitlines(keepends=True)))]


SHAPES: dict[str, Callable[[], Product]] = {
    "admin": lambda: rest.read_product(ADMIN),
    "storefront": lambda: rest.read_product(STOREFRONT),
    "bulk": from_bulk,
    "csv": lambda: from_csv()[0],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_product_is_the_same_in_every_shape(shape: str) -> None:
    product = SHAPES[shape]()
    assert (product.handle, product.title, product.vendor) == ("classic-beanie", "Classic Beanie", "Northwind")
    assert (product.product_type, product.tags) == ("Hats", ["winter", "wool"])
    assert product.body_html == "<p>Warm &amp; <b>soft</b>.</p>"
    assert product.id == (UNSET if shape == "csv" else "5630650697948")
    red, blue = known(product.variants) or []
    assert (red.title, red.price, red.compare_at_price, red.sku, red.options) == (
        "Red",
        "19.90",
        "29.90",
        "BEANIE-RED",
        ["Red"],
    )
    assert (blue.title, blue.price, known(blue.compare_at_price), blue.sku) == ("Blue", "21.00", None, "BEANIE-BLUE")
    assert (is_variant_in_stock(red), is_variant_in_stock(blue)) == (True, False)
    assert is_in_stock(product)
    assert is_published(product)
    assert [(option.name, option.values) for option in known(product.options) or []] == [("Color", ["Red", "Blue"])]
    assert (known(product.images) or [])[0].src == "https://cdn.example/beanie-red.jpg"


def test_what_a_shape_cannot_see_is_unknown_and_not_empty() -> None:
    storefront = rest.read_product(STOREFRONT)
    assert storefront.status is UNSET
    assert (known(storefront.variants) or [])[0].inventory_item_id is UNSET
    admin = rest.read_product(ADMIN)
    assert (known(admin.variants) or [])[0].available is UNSET
    assert (known(admin.variants) or [])[1].compare_at_price is None


def test_a_bulk_operations_children_go_to_their_parents_and_collections_are_named() -> None:
    ((line, raw),) = graphql.gathered(enumerate(BULK, 1))
    product = graphql.read_product(raw)
    assert line == 1
    assert [(m.namespace, m.key, m.value) for m in known(product.metafields) or []] == [("custom", "material", "wool")]
    red = (known(product.variants) or [])[0]
    assert [(m.key, m.value) for m in known(red.metafields) or []] == [("washing", "cold")]
    assert red.inventory_item_id == "38000000000001"
    assert graphql.collection_ids(raw) == ["7"]


def test_a_child_without_its_parent_is_told_by_its_line_and_costs_the_others_nothing() -> None:
    told = list(graphql.gathered(enumerate([BULK[1], 5, *BULK], 1)))
    assert [(line, isinstance(raw, str)) for line, raw in told] == [(1, True), (2, True), (3, False)]
    assert "it belongs to 'gid://shopify/Product/5630650697948'" in str(told[0][1])


def test_a_nested_node_is_read_as_a_query_answers_it() -> None:
    node = {
        **BULK[0],
        "variants": {"nodes": [BULK[1] | {"metafields": {"nodes": []}}]},
        "media": {"nodes": [{"image": {"url": "https://cdn.example/a.jpg"}}, {"sources": []}]},
    }
    product = graphql.read_product(node)
    assert [variant.id for variant in known(product.variants) or []] == ["36000000000001"]
    assert [image.src for image in known(product.images) or []] == ["https://cdn.example/a.jpg"]


def test_a_csv_has_images_on_rows_of_their_own_prices_by_country_and_several_products() -> None:
    beanie, mug = from_csv()
    assert [image.src for image in known(beanie.images) or []] == [
        "https://cdn.example/beanie-red.jpg",
        "https://cdn.example/beanie-back.jpg",
    ]
    assert {c: p.price for c, p in (known((known(beanie.variants) or [])[0].prices) or {}).items()} == {"DE": "17.50"}
    assert (mug.body_html, mug.status, is_published(mug)) == ("Two\nlines", "draft", False)
    assert is_in_stock(mug), "selling goes on without stock"
    lines = [line for line, _ in table.gathered(table.rows(CSV.splitlines(keepends=True)))]
    assert lines == [2, 5]


def test_a_new_csvs_column_names_are_known_too() -> None:
    columns = "Title,URL handle,Price,Inventory quantity,Continue selling when out of stock,Inventory tracker"
    text = f"{columns}\nMug,mug,8.00,0,TRUE,shopify\n"
    ((_, raw),) = table.gathered(table.rows(text.splitlines(keepends=True)))
    product = rest.read_product(raw)
    assert (product.handle, (known(product.variants) or [])[0].inventory_policy) == ("mug", "continue")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"id": None, "handle": ""}, "id or a handle"),
        ({"id": "gid://shopify/Collection/5"}, "id is"),
        ({"title": ["x"]}, "title is"),
        ({"status": "sold"}, "status is 'sold'; it must be active, draft, archived or unlisted"),
        ({"variants": {}}, "variants is {}; it must be a list"),
        ({"variants": ["x"]}, r"variants\[0\] must be an object"),
        ({"variants": [{"id": 1}, {"price": "cheap"}]}, r"variants\[1\].price is 'cheap'"),
        ({"variants": [{"inventory_quantity": "some"}]}, r"variants\[0\].inventory_quantity"),
        ({"variants": [{"available": "perhaps"}]}, r"variants\[0\].available"),
        ({"variants": [{}] * 2_049}, "2,049 variants"),
        ({"images": [{"alt": "no address"}]}, r"images\[0\].src"),
        ({"metafields": [{"value": "x"}]}, r"metafields\[0\].key"),
        ({"variants": [{"prices": {"Germany": {"price": "1"}}}]}, "country of two letters"),
        ({"variants": [{"prices": {"DE": {}}}]}, r"variants\[0\].prices.DE"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ShapeError, match=wrong):
        rest.read_product(ADMIN | change)


@pytest.mark.parametrize("raw", [None, 5, "x", []])
def test_what_is_no_object_is_no_product(raw: object) -> None:
    with pytest.raises(ShapeError, match="object"):
        rest.read_product(raw)


def test_amounts_stay_the_texts_that_they_are() -> None:
    raw = decode_json(json.dumps(ADMIN | {"variants": [{"id": 1, "price": 0.1, "weight": 19.90}]}))
    variant = (known(rest.read_product(raw).variants) or [])[0]
    assert (variant.price, variant.weight) == ("0.1", "19.9")


@pytest.mark.parametrize(
    ("raw", "products"),
    [({"id": 7}, UNSET), ({"id": "gid://shopify/Collection/7", "products": [5, "6", {"id": 5}]}, ["5", "6"])],
)
def test_a_collection_has_the_products_that_are_told(raw: dict[str, Any], products: object) -> None:
    collection = read_collection(raw)
    assert (collection.id, collection.products) == ("7", products)


def test_a_collection_without_an_id_is_refused() -> None:
    with pytest.raises(ShapeError, match="id"):
        read_collection({"title": "Hats"})


def test_a_product_that_is_only_sold_by_its_address_is_read_and_is_in_no_list() -> None:
    product = graphql.read_product(
        {"id": "gid://shopify/Product/5", "status": "UNLISTED", "publishedAt": "2025-01-03T15:00:00Z"}
    )
    assert (product.status, is_published(product)) == ("unlisted", False)


def test_a_weight_has_the_same_unit_in_every_shape() -> None:
    item = {"measurement": {"weight": {"value": "0.12", "unit": "KILOGRAMS"}}}
    node = {"id": "gid://shopify/Product/5", "variants": [{"id": "gid://shopify/ProductVariant/6", "inventoryItem": item}]}
    (variant,) = known(graphql.read_product(node).variants) or []
    assert (variant.weight, variant.weight_unit) == ("0.12", "kg")

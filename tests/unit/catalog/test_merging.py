"""Sources over each other: what one can't see stays, what is older changes nothing, and stock is the newest word on it."""

import msgspec
import pytest

from footfall.catalog import rest
from footfall.catalog.collection import Collection, over, read_collection
from footfall.catalog.merging import StockLevel, merged, with_stock
from footfall.catalog.product import Product, Variant, is_variant_in_stock, known, quantity_of
from footfall.clock import Milliseconds
from tests.unit.catalog.shapes import ADMIN, STOREFRONT
from tests.unit.catalog.test_shapes import from_bulk, from_csv

LATER = "2025-06-02T10:00:00-04:00"


def variants(product: Product) -> list[Variant]:
    return known(product.variants) or []


def stocked(product: Product, item: str, location: str, available: int | None, at: int = 1) -> Product:
    return with_stock(product, StockLevel(item, location, available, Milliseconds(at)))


def test_a_storefront_over_the_admin_api_keeps_what_it_cannot_see() -> None:
    admin, storefront = rest.read_product(ADMIN), rest.read_product(STOREFRONT | {"title": "New", "updated_at": LATER})
    product = merged(admin, storefront)
    assert (product.title, product.status, product.published_scope) == ("New", "active", "web")
    assert [variant.inventory_item_id for variant in variants(product)] == ["38000000000001", "38000000000002"]
    assert [variant.available for variant in variants(product)] == [True, False]


def test_sources_of_the_same_moment_add_up_in_any_order() -> None:
    admin, storefront = rest.read_product(ADMIN), rest.read_product(STOREFRONT)
    one, other = merged(admin, storefront), merged(storefront, admin)
    for name in ("id", "handle", "title", "status", "published_scope", "tags"):
        assert getattr(one, name) == getattr(other, name)
    assert [v.inventory_item_id for v in variants(one)] == [v.inventory_item_id for v in variants(other)]


def test_what_a_source_changed_earlier_changes_nothing() -> None:
    newer = rest.read_product(ADMIN | {"title": "New", "updated_at": LATER})
    assert merged(newer, rest.read_product(ADMIN)) == newer


def test_a_variant_that_a_source_lists_no_more_is_gone_unless_the_list_is_only_a_part() -> None:
    admin = rest.read_product(ADMIN)
    part = rest.read_product(ADMIN | {"variants": ADMIN["variants"][:1]})
    assert len(variants(merged(admin, part))) == 1
    assert len(variants(merged(admin, part, keep_variants=True))) == 2


def test_a_product_without_a_list_of_variants_keeps_them() -> None:
    product = merged(rest.read_product(ADMIN), rest.read_product({"id": ADMIN["id"], "title": "New"}))
    assert (product.title, len(variants(product))) == ("New", 2)


def test_variants_of_a_file_without_ids_are_known_by_their_options() -> None:
    product = merged(rest.read_product(ADMIN), from_csv()[0])
    assert [variant.id for variant in variants(product)] == ["36000000000001", "36000000000002"]
    assert (known(variants(product)[0].prices) or {})["DE"].price == "17.50"
    assert product.id == "5630650697948"


@pytest.mark.parametrize("again", [1, 2])
def test_the_same_source_again_changes_nothing(again: int) -> None:
    product = merged(from_bulk(), rest.read_product(ADMIN))
    for _ in range(again):
        assert merged(product, rest.read_product(ADMIN)) == product


def test_stock_is_kept_by_location_and_summed() -> None:
    product = rest.read_product(ADMIN | {"variants": [ADMIN["variants"][1]]})
    assert not is_variant_in_stock(variants(product)[0])
    product = stocked(product, "38000000000002", "L1", 2)
    product = stocked(product, "38000000000002", "L2", 3)
    assert (quantity_of(variants(product)[0]), is_variant_in_stock(variants(product)[0])) == (5, True)
    product = stocked(stocked(product, "38000000000002", "L1", 0), "38000000000002", "L2", None)
    assert (quantity_of(variants(product)[0]), is_variant_in_stock(variants(product)[0])) == (0, False)


def test_an_older_word_on_the_stock_of_a_location_changes_nothing_there() -> None:
    item = "38000000000002"
    product = stocked(rest.read_product(ADMIN), item, "L1", 5, at=20)
    assert stocked(product, item, "L1", 0, at=10) == product
    assert quantity_of(variants(stocked(product, item, "L2", 2, at=10))[1]) == 7
    gone = stocked(stocked(product, item, "L2", 1), item, "L1", None, at=30)
    assert quantity_of(variants(stocked(gone, item, "L1", 5, at=25))[1]) == 1, "it was taken from there later"


def test_the_whole_stock_told_later_than_that_of_locations_holds_where_it_says_something_else() -> None:
    item, june_2, june_3 = "38000000000001", 1_748_872_800_000, 1_748_959_200_000
    sold_out_here = stocked(rest.read_product(ADMIN), item, "L1", 0, at=june_2 - 1)
    assert not is_variant_in_stock(variants(sold_out_here)[0])
    told = rest.read_product(ADMIN | {"updated_at": LATER})
    assert quantity_of(variants(merged(sold_out_here, told))[0]) == 3, "there is a location that nobody told of"
    assert quantity_of(variants(merged(stocked(told, item, "L1", 1, at=june_3), told))[0]) == 1, "this is older"
    by_location = stocked(stocked(rest.read_product(ADMIN), item, "L1", 1), item, "L2", 2)
    assert known(variants(merged(by_location, told))[0].stock) == {"L1": 1, "L2": 2}, "it says the same"


def test_of_a_list_that_is_only_a_part_the_ids_say_what_is_gone_and_in_which_order() -> None:
    admin = rest.read_product(ADMIN)
    part = rest.read_product(ADMIN | {"variants": [{"id": 36000000000003, "price": "1.00"}]})
    kept = merged(admin, part, keep_variants=True, variant_ids=["36000000000002", "36000000000003"])
    assert [variant.id for variant in variants(kept)] == ["36000000000002", "36000000000003"]


def test_a_word_on_stock_ends_what_the_source_said_of_availability() -> None:
    storefront = merged(rest.read_product(ADMIN), rest.read_product(STOREFRONT))
    assert is_variant_in_stock(variants(storefront)[0])
    sold = stocked(storefront, "38000000000001", "L1", 0)
    assert not is_variant_in_stock(variants(sold)[0])


@pytest.mark.parametrize(
    ("variant", "available"),
    [
        ({}, True),
        ({"available": False, "inventory_policy": "continue"}, False),
        ({"inventory_management": None, "inventory_quantity": 0}, True),
        ({"inventory_management": "shopify", "inventory_policy": "continue", "inventory_quantity": 0}, True),
        ({"inventory_management": "shopify", "inventory_policy": "deny", "inventory_quantity": 0}, False),
        ({"inventory_management": "shopify", "inventory_policy": "deny", "inventory_quantity": 1}, True),
        ({"inventory_management": "shopify", "inventory_policy": "deny"}, True),
        ({"inventory_management": "shopify", "stock": {"a": 0, "b": 2}, "inventory_quantity": 0}, True),
        ({"inventory_quantity": 0}, False),
    ],
)
def test_the_in_stock_rule(variant: dict[str, object], available: bool) -> None:
    assert is_variant_in_stock(msgspec.convert(variant, Variant)) is available


def test_a_collection_keeps_its_products_until_they_are_told_and_is_stale_meanwhile() -> None:
    told = over(None, read_collection({"id": 7, "title": "Hats", "products": [5, 6]}))
    changed = over(told, Collection(id="7", title="Caps", stale=True))
    assert (changed.title, changed.products, changed.stale) == ("Caps", ["5", "6"], True)
    fresh = over(changed, read_collection({"id": 7, "products": [6]}))
    assert (fresh.title, fresh.products, fresh.stale) == ("Caps", ["6"], False)


def test_an_older_word_on_a_collection_that_arrives_late_changes_nothing_but_that_it_is_stale() -> None:
    told = Collection(id="7", title="Hats", updated_at="2026-03-02T00:00:00Z", products=["5"])
    late = Collection(id="7", title="Caps", updated_at="2026-03-01T00:00:00+01:00", stale=True)
    after = over(told, late)
    assert (after.title, after.products, after.stale) == ("Hats", ["5"], True)

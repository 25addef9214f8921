"""Filters that every list takes: prices, sold out, hidden, unpublished; and how much of a product is shown."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_catalog_routes import COLLECTIONS, listed, product, put
from tests.support import Running, event, run, running


def priced(number: int, *prices: str, **more: Any) -> dict[str, Any]:
    """A product with a variant at each price."""
    variants = [{"id": number * 10 + n, "price": price, "available": True} for n, price in enumerate(prices)]
    return product(number, variants=variants) | more


async def shop_with_prices(shop: Running) -> None:
    await put(shop, [priced(1, "10.00"), priced(2, "20.00", "30.00"), priced(3, "40.00"), product(4, variants=[])])
    await put(shop, {"id": 70, "products": [1, 2, 3, 4]}, COLLECTIONS)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"any_variant_price_less_than": "20"}, [1]),
        ({"any_variant_price_less_than": "20.01"}, [1, 2]),
        ({"any_variant_price_less_than_or_equal_to": "20"}, [1, 2]),
        ({"any_variant_price_equal_to": "30.0"}, [2]),
        ({"variant_price_greater_than": "30"}, [3]),
        ({"variant_price_greater_than_or_equal_to": "30"}, [2, 3]),
        ({"variant_price_less_than": "20"}, [1]),
        ({"any_variant_price_greater_than": "30"}, [3]),
        ({"variant_price_greater_than": "22", "any_variant_price_less_than": "28"}, [2]),
        ({"any_variant_price_less_than": ""}, [1, 2, 3, 4]),
        ({"any_variant_price_less_than": "cheap"}, [1, 2, 3, 4]),
        ({"any_variant_price_less_than": "1e1"}, [1, 2, 3, 4]),
        ({"any_variant_price": "20"}, [1, 2, 3, 4]),
    ],
)
def test_a_price_filter_means_what_its_name_says_and_holds_when_one_variant_matches(
    tmp_path: Path, asked: dict[str, str], found: list[int]
) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop_with_prices(shop)
            assert await listed(shop, "static", ids="1,2,3,4", **asked) == found
            assert await listed(shop, "collections", shopify_collection_ids="70", **asked) == found

    run(scenario())


def test_prices_are_those_of_the_country(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            variants = [{"id": "10", "price": "10.00", "prices": {"DE": {"price": "12.00", "currency": "EUR"}}}]
            await shop.commands.catalog_put("shop", [{"id": "1", "variants": variants}])
            await put(shop, [priced(2, "11.00")])
            bound = {"any_variant_price_less_than": "12", "ids": "1,2"}
            assert await listed(shop, "static", **bound) == [1, 2]
            assert await listed(shop, "static", **bound, country_code="FR") == [1, 2]
            assert await listed(shop, "static", **bound, country_code="de") == [2]

    run(scenario())


def test_viewed_takes_the_filters_too_and_counts_its_limit_after_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop_with_prices(shop)
            for number in (1, 2, 3):
                await shop.send(event(uuid="v", product_id=str(number), event_time=number))
            found = await shop.viewed(uuid="v", any_variant_price_less_than="35", limit="1")
            assert [p["id"] for p in found] == [2]
            found = await shop.viewed(uuid="v", any_variant_price_less_than="35", filter_oos="yes")
            assert [p["id"] for p in found] == [2, 1]

    run(scenario())


def test_without_a_catalog_the_price_that_events_told_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            for number, price in ((1, "10.00"), (2, "30.00"), (3, None)):
                await shop.send(
                    event(
                        uuid="v", product_id=str(number), shopify_variant_id=number * 10, shopify_variant_price=price,
                        event_time=number,
                    )
                )  # fmt: skip
            assert [p["id"] for p in await shop.viewed(uuid="v", any_variant_price_less_than="20")] == [1]
            (without,) = await shop.viewed(uuid="v", any_variant_price_less_than="20", unset_variants="yes")
            assert without["variants"] == []

    run(scenario())


def test_unset_variants_leaves_them_empty_and_filters_by_them_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop_with_prices(shop)
            asked = {"key": shop.public_key, "ids": "1,3", "any_variant_price_less_than": "20", "unset_variants": "yes"}
            answer = await shop.client.get("/api/v1/products/static", params=asked)
            (found,) = answer.json()["data"]
            assert (found["id"], found["variants"]) == (1, [])
            answer = await shop.client.get("/api/v1/products/static", params={**asked, "unset_variants": "no"})
            assert len(answer.json()["data"][0]["variants"]) == 1

    run(scenario())


def test_static_takes_handles_among_the_ids_in_their_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, [product(n) for n in (1, 2, 3)])
            assert await listed(shop, "static", ids="3,h:p-1,2,h:unknown,h:") == [3, 1, 2]

    run(scenario())


def test_a_filter_that_nothing_fits_looks_at_a_bounded_number_of_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.api.products.PRODUCTS_LOOKED_AT_MAX", 30)

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, [*(priced(n, "5.00") for n in range(1, 41)), priced(41, "1.00")])
            await put(shop, {"id": 70, "products": list(range(1, 42))}, COLLECTIONS)
            cheap = {"any_variant_price_less_than": "2", "shopify_collection_ids": "70"}
            assert await listed(shop, "collections", **cheap) == []
            monkeypatch.setattr("footfall.api.products.PRODUCTS_LOOKED_AT_MAX", 41)
            assert await listed(shop, "collections", **cheap) == [41]

    run(scenario())

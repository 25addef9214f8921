"""Rules of data sources: their order, what makes them count, which products they contribute and leave out."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_catalog_routes import product, put
from tests.acceptance.test_data_sources import HATS, ask, found, set_up, with_hats
from tests.support import ManualClock, Running, event, run, running


def test_rules_contribute_in_their_order_until_there_are_enough_and_each_product_once(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        static = {"source": "static", "products": ["9", "h:p-2", "8", "unknown", "7"]}
        await set_up(shop, {**HATS, "limit": 2}, static, HATS)
        assert await found(shop) == [3, 2, 9, 8, 7]
        assert await found(shop, limit="3") == [3, 2, 9]
        assert await found(shop, limit="9") == [3, 2, 9, 8, 7, 1]
        assert await found(shop, limit="9", any_variant_price_less_than="50") == [3, 2, 1]
        (first, *_) = (await ask(shop, unset_variants="yes"))["data"]
        assert first["variants"] == []

    with_hats(tmp_path, scenario)


@pytest.mark.parametrize(
    ("when", "context"),
    [
        ({"cart_subtotal": {"at_least": "50.00", "below": "200"}}, {"cart_subtotal": "50"}),
        ({"country": ["DE", "AT"]}, {"country_code": "at"}),
        ({"customer_tags": ["VIP"]}, {"customer_tags": "new, vip"}),
        ({"cart_contains": {"products": ["5"]}}, {"cart_items": "5"}),
        ({"cart_contains": {"products": ["h:p-5"]}}, {"cart_items": "50"}),
        ({"cart_contains": {"tags": ["gift"]}}, {"cart_line_items": '[{"variant_id": 10, "quantity": 2}]'}),
        ({"cart_contains": {"tags": ["gift"]}}, {"cart_items": '[{"id": 10, "product_id": 1}]'}),
        ({"cart_contains": {"tags": ["nothing"], "vendors": ["northwind"]}}, {"cart_items": "2,3"}),
        ({"cart_contains": {"types": ["HAT"]}}, {"cart_items": "2"}),
        ({"cart_contains": {"collections": ["hats"]}}, {"cart_items": "3"}),
        ({"inputs_contain": {"tags": ["gift"]}}, {"shopify_product_ids": "1"}),
        ({"inputs_contain": {"products": ["1"]}}, {"shopify_variant_ids": "gid://shopify/ProductVariant/10"}),
    ],
)
def test_a_condition_changes_the_answer(tmp_path: Path, when: dict[str, Any], context: dict[str, str]) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {"source": "static", "products": ["9"], "when": when}, {"source": "static", "products": ["8"]})
        assert await found(shop, **context) == [9, 8]
        assert await found(shop) == [8], "what the context doesn't say makes it false"
        assert await found(shop, **dict.fromkeys(context, "6")) == [8]

    with_hats(tmp_path, scenario)


def test_a_window_of_time_goes_by_the_clock_that_is_passed_in(tmp_path: Path) -> None:
    clock = ManualClock(1_000)

    async def scenario(shop: Running) -> None:
        window = {"from": "1970-01-01T00:00:02Z", "until": "1970-01-01T01:00:03+01:00"}
        await set_up(shop, {**HATS, "when": window})
        for time, count in ((1_999, 0), (2_000, 3), (2_999, 3), (3_000, 0)):
            clock.time = time
            assert len(await found(shop)) == count, time

    with_hats(tmp_path, scenario, clock)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"price": {"at_least": "20.00"}}, [3, 2]),
        ({"price": {"above": "10", "below": "30"}}, [2]),
        ({"tags": {"any": ["SALE"]}}, [2, 1]),
        ({"tags": {"all": ["sale", "gift"]}}, [1]),
        ({"tags": {"none": ["sale"]}}, [3]),
        ({"vendors": {"any": ["acme"]}}, [2]),
        ({"vendors": {"none": ["Acme"]}}, [3, 1]),
        ({"types": {"any": ["hat"]}}, [3, 2, 1]),
        ({"types": {"none": ["hat"]}}, []),
        ({"collections": {"any": ["71"]}}, [2]),
        ({"collections": {"none": ["71", "unknown"]}}, [3, 1]),
        ({"collections": {"all": ["hats", "gid://shopify/Collection/71"]}}, [2]),
    ],
)
def test_a_filter_keeps_what_fits(tmp_path: Path, filters: dict[str, Any], kept: list[int]) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {**HATS, "filters": filters})
        assert await found(shop) == kept

    with_hats(tmp_path, scenario)


def test_sold_out_hidden_and_unpublished_products_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        out = [{"id": 10, "price": "1", "available": False}]
        await put(
            shop,
            [
                product(1, variants=out),
                product(2, tags="exclude_rebuy"),
                product(3, tags="Footfall:Hidden"),
                product(4, published_at=None),
            ],
        )
        static = {"source": "static", "products": ["1", "2", "3", "4", "5"]}
        await set_up(shop, static)
        assert await found(shop) == [5]
        assert await found(shop, filter_oos="no") == [1, 5]
        assert await found(shop, filter_unpublished="no") == [4, 5]
        await set_up(shop, {**static, "filters": {"in_stock": False}})
        assert (await found(shop), await found(shop, filter_oos="yes")) == ([1, 5], [5])
        await set_up(shop, {**static, "filters": {"in_stock": True}})
        assert await found(shop, filter_oos="no") == [5]

    with_hats(tmp_path, scenario)


def test_the_products_given_are_left_out_unless_the_request_keeps_them(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, HATS)
        assert await found(shop, shopify_product_ids="3,1") == [2]
        assert await found(shop, shopify_variant_ids="20") == [3, 1]
        assert await found(shop, shopify_product_ids="3,1", filter_inputs="no") == [3, 2, 1]
        await set_up(shop, {**HATS, "filters": {"exclude": ["inputs"]}})
        assert await found(shop, shopify_product_ids="3,1", filter_inputs="no") == [2], "the rule says so itself"

    with_hats(tmp_path, scenario)


def test_a_rule_leaves_out_what_is_in_the_cart_and_what_was_viewed_or_bought(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {**HATS, "filters": {"exclude": ["cart", "viewed", "purchased"]}})
        assert await found(shop, cart_items="3") == [2, 1]
        assert await found(shop, **{"cart_items[]": "20"}) == [3, 1], "the variant of 2"
        await shop.send(event(uuid="v", product_id="1"))
        await shop.send(event(uuid="v", verb="purchased", product_id=None, product_handle="p-2"))
        assert await found(shop, uuid="v") == [3]
        assert await found(shop, uuid="w") == [3, 2, 1]
        await set_up(shop, {**HATS, "filters": {"exclude": ["purchased"]}})
        assert await found(shop, uuid="v") == [3, 1]

    with_hats(tmp_path, scenario)


def test_a_source_that_needs_an_identity_contributes_nothing_without_one(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {"source": "viewed"}, {"source": "static", "products": ["9"]})
        await shop.send(event(uuid="v", customer_id="7", product_id="1"))
        assert await found(shop, uuid="v") == [1, 9]
        nobodies: list[dict[str, str]] = [{}, {"uuid": "undefined"}, {"uuid": "x" * 200}, {"shopify_customer_id": "0"}]
        for nobody in nobodies:
            assert await found(shop, **nobody) == [9]
        assert await found(shop, shopify_customer_id="7") == [1, 9]
        await shop.commands.shop_set("shop", "customer_reads", "secret")
        assert await found(shop, shopify_customer_id="7") == [9]
        assert await found(shop, shopify_customer_id="7", uuid="v") == [1, 9], "the uuid's own"
        secret = await shop.client.get("/custom/id/1", params={"shopify_customer_id": "7"}, headers=shop.bearer)
        assert [p["id"] for p in secret.json()["data"]] == [1, 9]

    with_hats(tmp_path, scenario)


def test_without_a_catalog_rules_answer_as_far_as_the_events_tell(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            for number, price in ((1, "10.00"), (2, "30.00")):
                await shop.send(
                    event(uuid="v", product_id=str(number), shopify_variant_id=number * 10, shopify_variant_price=price)
                )
            await set_up(shop, {"source": "viewed", "filters": {"price": {"below": "20"}}}, {"source": "viewed"})
            assert await found(shop, uuid="v") == [1, 2]
            assert await found(shop, uuid="v", shopify_product_ids="1") == [2]
            explained = await ask(shop, uuid="v", explain="yes")
            assert [of["id"] for of in explained["metadata"]["products"]] == [1, 2]

    run(scenario())


def test_a_rule_whose_filter_nothing_fits_looks_at_a_bounded_number_of_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.api.rules.PRODUCTS_LOOKED_AT_MAX", 3)

    async def scenario(shop: Running) -> None:
        none = {**HATS, "filters": {"price": {"above": "999"}}}
        await set_up(shop, none, {"source": "static", "products": ["9"]})
        assert await found(shop) == []
        monkeypatch.setattr("footfall.api.rules.PRODUCTS_LOOKED_AT_MAX", 4)
        assert await found(shop) == [9]

    with_hats(tmp_path, scenario)

"""What sells, what rises and what was bought, as HTTP answers it."""

from pathlib import Path
from typing import Any

import httpx

from footfall.clock import DAY_MS, HOUR_MS, SECOND_MS
from tests.acceptance.hooks import SETTINGS, take
from tests.support import ManualClock, Running, run, running

ORDER: dict[str, Any] = {
    "id": 900,
    "created_at": "2026-09-20T10:00:00Z",
    "updated_at": "2026-09-20T10:00:00Z",
    "currency": "EUR",
    "customer": {"id": 7, "first_name": "First", "last_name": "Last"},
    "line_items": [
        {"id": 1, "product_id": 3, "variant_id": 30, "quantity": 2, "price": "5.00"},
        {"id": 2, "product_id": 2, "variant_id": 20, "quantity": 1, "price": "5.00"},
    ],
}


SEEN = {"subject": "user", "verb": "viewed", "noun": "product"}


async def stock(shop: Running) -> None:
    """Four products and a collection of them."""
    products = [
        {"id": n, "handle": f"p-{n}", "variants": [{"id": n * 10, "price": f"{n}.00", "available": n != 4}]}
        for n in (1, 2, 3, 4)
    ]
    collection = {"id": 77, "handle": "all", "products": [1, 2, 3, 4]}
    assert (await shop.client.put("/api/v1/catalog/products", json=products, headers=shop.bearer)).status_code == 200
    assert (await shop.client.put("/api/v1/catalog/collections", json=[collection], headers=shop.bearer)).status_code == 200


async def ask(shop: Running, path: str, *, secret: bool = False, **parameters: Any) -> httpx.Response:
    key = {} if secret else {"key": shop.public_key}
    return await shop.client.get(f"/api/v1/products/{path}", params=key | parameters, headers=shop.bearer if secret else None)


async def ids(shop: Running, path: str, **parameters: Any) -> list[int]:
    answer = await ask(shop, path, **parameters)
    assert answer.status_code == 200, answer.text
    return [product["id"] for product in answer.json()["data"]]


async def settle(shop: Running) -> None:
    """Let what is being read be read, and half a second pass."""
    assert isinstance(shop.service.clock, ManualClock)
    shop.service.clock.time += SECOND_MS
    for path in ("top_sellers", "trending_products"):
        await ask(shop, path)
    while shop.service.rankings._loading:
        await shop.service.rankings._loading.copy().popitem()[1]


def test_top_sellers_are_never_empty_while_there_are_products_and_follow_units_adds_and_views(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            assert await ids(shop, "top_sellers") == [1, 2, 3], "nothing happened yet, and 4 is sold out"
            await shop.send(verb="viewed", product_id="2")
            await settle(shop)
            assert await ids(shop, "top_sellers") == [2, 1, 3]
            await shop.send(verb="added", product_id=None, product_handle="p-3")
            await settle(shop)
            assert await ids(shop, "top_sellers") == [3, 2, 1], "known by its handle alone"
            await shop.send(verb="purchased", product_id="1", uuid="v")
            await settle(shop)
            assert await ids(shop, "top_sellers", filter_oos="no") == [1, 3, 2, 4]
            await take(shop, "orders/create", ORDER)
            await settle(shop)
            assert await ids(shop, "top_sellers") == [3, 2, 1], "an order is a fact, and the page's purchase a claim"
            refund = {"id": 5, "order_id": 900, "refund_line_items": [{"line_item_id": 1, "quantity": 2}]}
            await take(shop, "refunds/create", refund)
            await settle(shop)
            assert await ids(shop, "top_sellers") == [2, 3, 1]
            assert await ids(shop, "collections", shopify_collection_ids="77") == [1, 2, 3]
            assert await ids(shop, "collections", shopify_collection_ids="77", smart_sort="yes") == [2, 3, 1]

    run(scenario())


def test_the_window_of_top_sellers_is_what_is_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            await stock(shop)
            await shop.send(*({**SEEN, "uuid": f"v{n}", "product_id": "1"} for n in range(3)))
            clock.time += 10 * DAY_MS
            await shop.send(product_id="2")
            assert await ids(shop, "top_sellers", limit=2) == [1, 2]
            assert await ids(shop, "top_sellers", limit=2, days=7) == [2, 1]
            for unusable in ("", "0", "-3", "many"):
                assert await ids(shop, "top_sellers", limit=2, days=unusable) == [1, 2]
            clock.time += 25 * DAY_MS
            assert await ids(shop, "top_sellers", limit=2) == [2, 1], "the window has moved on"

    run(scenario())


def test_trending_products_rise_by_visitors_and_not_by_reloads(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            await stock(shop)
            for hour in range(48):
                await shop.send(*[{**SEEN, "product_id": "1", "uuid": f"{hour} {n}"} for n in range(10)])
                clock.time += HOUR_MS
            await shop.send(*[{**SEEN, "product_id": "2", "uuid": f"new {n}"} for n in range(8)])
            await shop.send(*[{**SEEN, "product_id": "3", "uuid": "hammer"} for _ in range(500)])
            await settle(shop)
            assert await ids(shop, "trending_products", fallback="no") == [2, 3, 1]
            answer = (await ask(shop, "trending_products", explain="yes", limit=1)).json()["data"][0]
            (reason,) = answer["reasons"]
            assert reason["source"] == "trending_products"
            assert reason["score"] > 1
            assert 7 < reason["recent"] < 9

    run(scenario())


def test_who_bought_is_answered_with_units_and_names_are_for_the_secret_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            await take(shop, "orders/create", ORDER)
            await take(shop, "orders/create", ORDER | {"id": 901, "created_at": "2026-09-20T11:00:00Z", "line_items": [
                {"id": 9, "product_id": 2, "variant_id": 20, "quantity": 3, "price": "5.00"}]})  # fmt: skip
            # The page told of the first order as well.
            told = {"verb": "purchased", "customer_id": "7", "uuid": "v", "order_id": "900", "shopify_variant_id": "30"}
            await shop.send(**told, product_id="3", quantity=2)
            answer = (await ask(shop, "purchased", shopify_customer_id="7")).json()
            bought = {product["id"]: product["metadata"]["purchased_quantity"] for product in answer["data"]}
            assert bought == {2: "4", 3: "2"}
            assert [product["id"] for product in answer["data"]] == [2, 3], "the latest first"
            assert answer["metadata"] == {"shopify_customer": {"id": 7, "first_name": None, "last_name": None}}
            named = (await ask(shop, "purchased", secret=True, shopify_customer_id="7")).json()
            assert named["metadata"]["shopify_customer"]["first_name"] == "First"
            assert await ids(shop, "purchased", shopify_customer_id="7", shopify_product_ids="2") == [3]
            assert await ids(shop, "purchased", shopify_customer_id="8") == []
            assert await ids(shop, "viewed", verb="purchased", shopify_customer_id="7") == [2, 3]
            explained = (await ask(shop, "purchased", shopify_customer_id="7", explain="yes")).json()["data"][0]
            assert explained["reasons"][0]["units"] == 4
            nobody = await ask(shop, "purchased")
            assert (nobody.status_code, "Missing required args" in nobody.json()["error"]) == (400, True)
            await shop.commands.shop_set("shop", "customer_reads", "secret")
            assert (await ask(shop, "purchased", shopify_customer_id="7")).status_code == 403
            assert (await ask(shop, "purchased", secret=True, shopify_customer_id="7")).status_code == 200

    run(scenario())


def test_lists_say_how_long_they_may_be_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            kept = {
                "viewed": "no-store",
                "purchased": "no-store",
                "top_sellers": "public, max-age=1",
                "trending_products": "public, max-age=1",
                "static": "public, max-age=60",
                "collections": "public, max-age=60",
            }
            for path, cache in kept.items():
                answer = await ask(shop, path, uuid="v", ids="1", shopify_collection_ids="77", explain="yes")
                assert answer.headers["cache-control"] == cache
                assert ("etag" in answer.headers) == (cache != "no-store")
                assert all(product["reasons"][0]["source"] for product in answer.json()["data"])

    run(scenario())


def test_every_list_answers_beside_another_shop_with_the_same_products_and_visitors(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            await take(shop, "orders/create", ORDER)
            await shop.send(uuid="v", product_id="1", customer_id="7")
            await shop.commands.shop_create("other", public_key="b" * 40)
            for path in ("viewed", "purchased", "top_sellers", "trending_products"):
                answer = await shop.client.get(
                    f"/api/v1/products/{path}", params={"key": "b" * 40, "uuid": "v", "shopify_customer_id": "7"}
                )
                assert answer.json()["data"] == [], path

    run(scenario())


def test_claims_of_any_size_leave_the_lists_as_they_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop)
            claim = {**SEEN, "verb": "purchased", "uuid": "v", "product_id": "1", "quantity": 2**53 - 2}
            await shop.send(*({**claim, "order_id": f"o{n}"} for n in range(1_000)))
            await settle(shop)
            assert await ids(shop, "top_sellers") == [1, 2, 3]
            await shop.service.tails.merge()
            await shop.send(*({**claim, "order_id": f"p{n}"} for n in range(1_000)))
            await settle(shop)
            assert await ids(shop, "top_sellers", days=7) == [1, 2, 3]
            assert len(await ids(shop, "purchased", uuid="v")) == 1

    run(scenario())


def test_products_that_nobody_has_do_not_crowd_out_those_of_the_catalog(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop)
            await ids(shop, "top_sellers")
            invented = [{**SEEN, "uuid": uuid, "product_id": f"x{n}"} for n in range(6_000) for uuid in ("a", "b")]
            for first in range(0, len(invented), 1_000):
                await shop.send(*invented[first : first + 1_000])
            await settle(shop)
            assert await ids(shop, "top_sellers") == [1, 2, 3]
            assert await ids(shop, "trending_products") == [1, 2, 3]
            assert len((await ask(shop, "top_sellers", catalog="any", limit=250)).json()["data"]) == 250

    run(scenario())


def test_two_who_ask_beyond_the_head_at_once_both_get_all(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            views = [{**SEEN, "uuid": "v", "product_id": str(n)} for n in range(1, 3_001)]
            for first in range(0, len(views), 1_000):
                await shop.send(*views[first : first + 1_000])
            now, found = shop.service.clock.now(), shop.service.shops.by_name("shop")
            assert found is not None
            one = await shop.service.rankings.top_sellers(found.id, days=30, now=now)
            begun = [next(one) for _ in range(500)]
            other = list(await shop.service.rankings.top_sellers(found.id, days=30, now=now))
            assert len({ranked.reference for ranked in [*begun, *one]}) == len(other) == 3_000

    run(scenario())


def test_a_refund_that_comes_before_its_order_takes_nothing_from_what_was_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            bought = {**SEEN, "verb": "purchased", "customer_id": "9", "uuid": "w", "order_id": "800", "product_id": "1"}
            await shop.client.post("/api/v2/analytics/event/bulk", json=[{**bought, "quantity": 5}], headers=shop.bearer)
            await take(shop, "refunds/create", {"id": 5, "order_id": 800, "refund_line_items": []})
            (product,) = (await ask(shop, "purchased", shopify_customer_id="9")).json()["data"]
            assert product["metadata"]["purchased_quantity"] == "5"

    run(scenario())


def test_who_names_a_customers_order_does_not_get_to_read_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await stock(shop)
            await take(shop, "orders/create", ORDER)
            await take(shop, "orders/create", {**ORDER, "id": 901, "customer": None})
            named = {**SEEN, "verb": "purchased", "product_id": "4", "customer_id": "7"}
            await shop.send({**named, "uuid": "attacker", "order_id": "900"})
            assert await ids(shop, "purchased", uuid="attacker", filter_oos="no") == []
            guest = {**SEEN, "verb": "purchased", "product_id": "3", "order_id": "901"}
            await shop.send({**guest, "uuid": "guest"})
            await shop.send({**guest, "uuid": "attacker"})
            assert await ids(shop, "purchased", uuid="guest") == [3, 2]
            assert await ids(shop, "purchased", uuid="attacker") == []

    run(scenario())


def test_a_request_that_names_a_collection_a_thousand_times_names_it_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop)
            assert await ids(shop, "collections", shopify_collection_ids=",".join(["77"] * 1_000)) == [1, 2, 3]
            assert await ids(shop, "static", shopify_collection_id=",".join(["77"] * 1_000)) == [1, 2, 3, 4]
            assert await ids(shop, "static", ids=",".join(["1"] * 900 + ["2"])) == [1, 2]

    run(scenario())


def test_an_order_shows_in_a_ranking_that_is_in_memory_also_without_a_catalog(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            await take(shop, "orders/create", {**ORDER, "id": 899, "line_items": []})
            await shop.client.post(
                "/api/v2/analytics/event/bulk",
                json=[{**SEEN, "verb": "purchased", "uuid": "v", "product_id": "2"}],
                headers=shop.bearer,
            )
            await settle(shop)
            assert await ids(shop, "top_sellers") == [2]
            await take(shop, "orders/create", ORDER)
            await settle(shop)
            assert await ids(shop, "top_sellers") == [2, 3], "two units each"

    run(scenario())

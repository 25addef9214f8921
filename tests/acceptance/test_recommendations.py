"""Recommendations, as HTTP answers them: live, from sessions, never empty, never what was just bought."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.api.exchange import Exchange
from footfall.api.lists import Lists
from footfall.clock import DAY_MS, HOUR_MS, SECOND_MS
from tests.support import NOW, ManualClock, Running, event, run, running

LISTS = ("recommended", "viewed-related", "for-you")


async def ask(shop: Running, name: str, *, status: int = 200, **parameters: Any) -> dict[str, Any]:
    """An answer of a list."""
    response = await shop.client.get(f"/api/v1/products/{name}", params={"key": shop.public_key, **parameters})
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def ids(shop: Running, name: str, **parameters: Any) -> list[Any]:
    """The ids of the products of an answer."""
    return [product["id"] for product in (await ask(shop, name, **parameters))["data"]]


async def visit(shop: Running, visitor: str, products: Sequence[Any], *, at: int = NOW - DAY_MS, verb: str = "viewed") -> None:
    """A session of somebody: a product a minute."""
    events = [
        event(uuid=visitor, product_id=str(product), verb=verb, event_time=at + place * 60 * SECOND_MS)
        for place, product in enumerate(products)
    ]
    response = await shop.send(*events)
    assert response.json()["data"] == "Received", response.text
    assert "rejected" not in response.json(), response.text


async def stock(shop: Running, *products: dict[str, Any]) -> None:
    """Put products into the catalog."""
    response = await shop.client.put("/api/v1/catalog/products", json=list(products), headers=shop.bearer)
    assert response.status_code == 200, response.text


def product(number: int, **fields: Any) -> dict[str, Any]:
    """A product that is in stock."""
    return {
        "id": number,
        "handle": f"p-{number}",
        "title": f"Product {number}",
        "variants": [{"id": number * 10, "price": "5.00", "available": True}],
        **fields,
    }


async def sessions(shop: Running) -> None:
    """Product 1 goes with 2 most of all, then with 3; 8 and 9 go together."""
    for visitor, products in {"a": (1, 2), "b": (1, 2, 3), "c": (2, 1), "d": (1, 3), "e": (8, 9), "f": (9, 8)}.items():
        await visit(shop, visitor, products)


def test_what_goes_with_a_product_follows_the_sessions_that_had_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [2, 3]
            assert await ids(shop, "recommended", shopify_product_ids="8", fallback="no") == [9]
            assert await ids(shop, "recommended", shopify_product_ids="gid://shopify/Product/1", fallback="no", limit=1) == [2]

    run(scenario())


def test_the_next_answer_knows_what_was_just_acknowledged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 4])
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [4]
            await visit(shop, "b", [1, 5])
            await visit(shop, "c", [1, 5])
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [5, 4]

    run(scenario())


def test_a_visitor_gets_what_goes_with_what_they_viewed_and_not_what_they_viewed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            await visit(shop, "me", [2, 1], at=NOW - HOUR_MS)
            assert await ids(shop, "viewed-related", uuid="me", fallback="no") == [3]
            # What was seen before may come again in what may be wanted next; what is seen now doesn't.
            assert await ids(shop, "for-you", uuid="me", fallback="no") == [2, 3]
            assert await ids(shop, "recommended", uuid="me", fallback="no") == [2, 3], "no input: what may be wanted next"

    run(scenario())


def test_the_open_session_of_who_asks_is_not_its_own_neighbour(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "me", [1, 7], at=NOW - HOUR_MS)
            assert await ids(shop, "for-you", uuid="me", fallback="no") == []
            assert await ids(shop, "recommended", shopify_product_ids="1", uuid="me", fallback="no") == []
            assert await ids(shop, "recommended", shopify_product_ids="1", uuid="other", fallback="no") == [7]

    run(scenario())


def test_a_removal_takes_the_signal_of_the_cart_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1])
            await visit(shop, "a", [2], verb="added", at=NOW - DAY_MS + 60 * SECOND_MS)
            await visit(shop, "b", [1, 3])
            await visit(shop, "c", [1, 3])
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [2, 3]
            await visit(shop, "a", [2], verb="removed", at=NOW - DAY_MS + 120 * SECOND_MS)
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]

    run(scenario())


def test_what_was_just_bought_is_not_recommended_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            await sessions(shop)
            await visit(shop, "me", [3], verb="purchased", at=NOW - HOUR_MS)
            await visit(shop, "me", [1], at=NOW - HOUR_MS + 60 * SECOND_MS)
            for name in ("viewed-related", "for-you"):
                assert await ids(shop, name, uuid="me", fallback="no") == [2], name
            assert await ids(shop, "recommended", shopify_product_ids="1", uuid="me", fallback="no") == [2]
            clock.time += 31 * DAY_MS
            assert 3 in await ids(shop, "for-you", uuid="me", fallback="no"), "a month later it may be needed again"

    run(scenario())


def test_bots_and_tests_recommend_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            crawler = {"User-Agent": "Googlebot/2.1"}
            path = f"/api/v2/analytics/event/bulk?key={shop.public_key}"
            seen = [event(uuid="bot", product_id=str(number)) for number in (1, 2)]
            assert (await shop.client.post(path, json=seen, headers=crawler)).status_code == 200
            await shop.send(*(event(uuid="t", product_id=str(number), test=True) for number in (1, 2)))
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == []

    run(scenario())


def test_lists_are_never_empty_while_there_are_products_and_say_what_filled_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(
                shop,
                product(1, product_type="Boots", tags="winter"),
                product(2, product_type="Boots", tags="winter"),
                product(3, product_type="Mugs"),
                product(4, product_type="Mugs"),
            )
            await visit(shop, "x", [4])
            answer = await ask(shop, "recommended", shopify_product_ids="1", explain="yes")
            by = [(one["id"], one["reasons"][0]["by"]) for one in answer["data"]]
            assert by == [(2, "content"), (4, "top_sellers"), (3, "catalog")]
            assert answer["data"][0]["reasons"][0]["like"] == {"id": 1}
            assert "type: boots" in answer["data"][0]["reasons"][0]["shared"]
            for name in LISTS:
                parameters = {"shopify_product_ids": "1"} if name == "recommended" else {"uuid": "nobody"}
                assert await ids(shop, name, **parameters), name
                assert await ids(shop, name, fallback="no", **parameters) == [], name

    run(scenario())


def test_without_any_input_the_common_call_answers_top_sellers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop, product(1), product(2))
            await visit(shop, "x", [2], verb="added")
            assert await ids(shop, "recommended") == [2, 1]
            assert await ids(shop, "for-you") == [2, 1]

    run(scenario())


def test_hidden_unpublished_sold_out_and_deleted_products_are_never_recommended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            sold_out = {"variants": [{"id": 40, "price": "5.00", "available": False}]}
            await stock(
                shop,
                product(1),
                product(2, tags="exclude_rebuy"),
                product(3, tags="footfall:hidden"),
                product(4, **sold_out),
                product(5, status="draft"),
                product(6),
                product(7),
            )
            for visitor in "abc":
                await visit(shop, visitor, [2, 3, 4, 5, 6, 7, 1])
            assert (await shop.client.delete("/api/v1/catalog/products/6", headers=shop.bearer)).status_code == 200
            await visit(shop, "me", [1], at=NOW - HOUR_MS)
            for name in LISTS:
                parameters = {"shopify_product_ids": "1"} if name == "recommended" else {"uuid": "me"}
                assert await ids(shop, name, limit=50, **parameters) == [7], name
                assert set(await ids(shop, name, limit=50, filter_oos="no", **parameters)) == {4, 7}, name

    run(scenario())


def test_prices_and_a_collection_narrow_what_is_recommended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            priced = [
                product(number, variants=[{"id": number * 10, "price": f"{number}.00", "available": True}])
                for number in range(1, 7)
            ]
            await stock(shop, *priced)
            collection = {"id": 77, "handle": "some", "products": [6, 5, 2]}
            put = await shop.client.put("/api/v1/catalog/collections", json=[collection], headers=shop.bearer)
            assert put.status_code == 200
            await visit(shop, "a", [1, 2, 3])
            await visit(shop, "b", [1, 2])
            assert await ids(shop, "recommended", shopify_product_ids="1", shopify_collection_id="77") == [2, 6, 5]
            assert await ids(shop, "recommended", shopify_product_ids="1", shopify_collection_id="99") == []
            below = {"any_variant_price_less_than": "4"}
            assert await ids(shop, "recommended", shopify_product_ids="1", **below) == [2, 3]

    run(scenario())


def test_inputs_are_left_out_by_any_of_their_names_unless_they_are_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop, product(1), product(2), product(3))
            for visitor in "ab":
                await visit(shop, visitor, [1, 2, 3])
            assert set(await ids(shop, "recommended", shopify_variant_ids="10,20")) == {3}
            assert set(await ids(shop, "recommended", shopify_product_ids="1", filter_inputs="no")) == {1, 2, 3}
            assert set(await ids(shop, "recommended", cart_items="1,2", fallback="no")) == {3}

    run(scenario())


def test_a_product_is_one_whatever_events_call_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop, product(1), product(2), product(3))
            for visitor in "ab":
                await shop.send(
                    event(uuid=visitor, product_id=None, product_handle="p-1", event_time=NOW - DAY_MS),
                    event(uuid=visitor, product_id=None, shopify_variant_id="20", event_time=NOW - DAY_MS + SECOND_MS),
                )
            await visit(shop, "c", [1, 2])
            await visit(shop, "d", [1, 3])
            await shop.service.index_keeper.look_up_names()
            answer = await ask(shop, "recommended", shopify_product_ids="1", fallback="no", explain="yes")
            assert [(one["id"], one["reasons"][0]["sessions"]) for one in answer["data"]] == [(2, 3), (3, 1)]

    run(scenario())


def test_similar_products_are_the_same_kind_of_thing_and_never_filled_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(
                shop,
                product(1, title="Winter boot", product_type="Boots", tags="winter, leather"),
                product(2, title="Rain boot", product_type="Boots", tags="winter, leather"),
                product(3, title="Snow boot", product_type="Boots", tags="winter, leather"),
                product(4, title="Mug", product_type="Mugs", tags="kitchen"),
            )
            await visit(shop, "a", [4], verb="purchased")
            for visitor in "bc":
                await visit(shop, visitor, [1, 3])
                await visit(shop, visitor, [1, 4], verb="purchased", at=NOW - 2 * DAY_MS)
            answer = await ask(shop, "similar_products", shopify_product_ids="1", explain="yes", limit=10)
            assert [one["id"] for one in answer["data"]] == [3, 2], "what is looked at instead comes first"
            assert answer["data"][0]["reasons"][0]["sessions"] == 2
            assert await ids(shop, "similar_products") == []
            assert await ids(shop, "similar_products", shopify_product_ids="4") == []

    run(scenario())


def test_a_reason_says_which_of_the_visitors_own_events_led_to_a_product(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            await visit(shop, "b", [1, 2], at=NOW - 3 * HOUR_MS)
            await visit(shop, "me", [1], at=NOW - HOUR_MS)
            answer = await ask(shop, "viewed-related", uuid="me", explain="yes", fallback="no")
            (reason,) = answer["data"][0]["reasons"]
            assert (reason["by"], reason["sessions"], reason["newest_at"]) == ("sessions", 2, NOW - 3 * HOUR_MS)
            assert reason["score"] > 0
            because = {"product": {"id": 1}, "verb": "viewed", "at": NOW - HOUR_MS, "steps": 0, "sessions": 2}
            assert reason["because"] == [because]
            assert '"a"' not in str(answer)
            assert "reasons" not in (await ask(shop, "viewed-related", uuid="me"))["data"][0]

    run(scenario())


def test_a_reason_names_the_products_that_led_there_and_none_that_nobody_saw(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2, 3])
            await visit(shop, "b", [2, 3])
            answer = await ask(shop, "recommended", shopify_product_ids="99,1,2", explain="yes", fallback="no")
            ((reason,),) = [one["reasons"] for one in answer["data"]]
            assert [(one["product"]["id"], one["sessions"]) for one in reason["because"]] == [(1, 1), (2, 1)]
            kept = await shop.client.get(f"/api/v1/answers/{answer['metadata']['attribution']}", headers=shop.bearer)
            assert [one["product"]["id"] for one in kept.json()["data"]["asked"]["products"]] == [99, 1, 2]
            assert kept.json()["data"]["products"] == [{"product": "p:3", "reasons": [reason]}]

    run(scenario())


def test_each_answer_has_an_id_by_which_the_shop_learns_what_it_was_made_of(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            await visit(shop, "me", [1], at=NOW - HOUR_MS)
            answer = await ask(shop, "viewed-related", uuid="me", fallback="no")
            answer_id = answer["metadata"]["attribution"]
            assert answer_id.startswith("viewed-related.")
            assert answer_id != (await ask(shop, "viewed-related", uuid="me"))["metadata"]["attribution"]

            async def made_of(answer_id: str, headers: dict[str, str]) -> httpx.Response:
                return await shop.client.get(f"/api/v1/answers/{answer_id}?key={shop.public_key}", headers=headers)

            kept = (await made_of(answer_id, shop.bearer)).json()["data"]
            assert kept["list"] == "viewed-related"
            assert kept["at"] == NOW
            assert kept["position"].startswith(shop.service.log.generation)
            assert [one["product"] for one in kept["asked"]["products"]] == [{"id": 1}]
            assert [one["product"] for one in kept["products"]] == ["p:2", "p:3"]
            assert kept["products"][0]["reasons"][0]["sessions"] == 3
            assert "me" not in str(kept).replace("viewed-related", "")
            assert (await made_of(answer_id, {})).status_code == 401
            assert (await made_of("recommended.nothing", shop.bearer)).status_code == 404
            other = await shop.commands.shop_create("other")
            assert (await made_of(answer_id, {"Authorization": f"Bearer {other['secret_key']}"})).status_code == 404

    run(scenario())


def test_forgetting_a_visitor_takes_their_sessions_and_answers_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            await visit(shop, "b", [1, 3])
            answer = await ask(shop, "for-you", uuid="a")
            shop_id = shop.service.shops.all()[0].id  # type: ignore[index]
            await shop.service.forget_recommendations(shop_id, ["u:a"])
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]
            path = f"/api/v1/answers/{answer['metadata']['attribution']}"
            assert (await shop.client.get(path, headers=shop.bearer)).status_code == 404

    run(scenario())


def test_two_shops_with_the_same_ids_share_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            other = await shop.commands.shop_create("other")
            key = other["public_keys"][0] if "public_keys" in other else other["public_key"]
            response = await shop.client.get(
                "/api/v1/products/recommended", params={"key": key, "shopify_product_ids": "1", "fallback": "no"}
            )
            assert response.json()["data"] == []

    run(scenario())


def test_a_restart_knows_what_was_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            before = await ask(shop, "recommended", shopify_product_ids="1", explain="yes")
        async with running(tmp_path) as shop:
            after = await ask(shop, "recommended", shopify_product_ids="1", explain="yes")
            assert after["data"] == before["data"]

    run(scenario())


@pytest.mark.parametrize("name", [*LISTS, "similar_products"])
def test_what_makes_no_sense_gets_a_sensible_answer(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            identity = {"uuid": "me"} if name == "viewed-related" else {}
            assert await ids(shop, name, **identity) == [], "a shop without anything"
            await stock(shop, product(1))
            await visit(shop, "me", [1, "no-such", 99999999], at=NOW - HOUR_MS)
            many = ",".join(map(str, range(1, 10_001)))
            response = await shop.client.post(
                f"/api/v1/products/{name}",
                json={"key": shop.public_key, "shopify_product_ids": many, "limit": "x", **identity},
            )
            assert response.status_code == 200, response.text
            for given in ("undefined", "no-such", "-1", "gid://shopify/Product/", "1;2", "📦" * 500):
                wanted = [1] if name in ("recommended", "for-you") else []
                assert await ids(shop, name, shopify_product_ids=given, **identity) == wanted, given
            if name in ("viewed-related", "for-you"):
                await ask(shop, name, status=400, uuid="\x00" * 3)

    run(scenario())


def test_who_has_no_identity_gets_the_documented_refusal_of_viewed_related(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, customer_reads="secret") as shop:
            missing = "Missing required args. You must pass either shopify_customer_id or uuid."
            assert (await ask(shop, "viewed-related", status=400))["error"] == missing
            for name in ("viewed-related", "for-you"):
                assert "secret" in (await ask(shop, name, status=403, shopify_customer_id="7"))["error"]

    run(scenario())


def test_rules_of_data_sources_name_the_lists_of_recommendations(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop, *(product(number) for number in (1, 2, 3, 8, 9)))
            await sessions(shop)
            rules = [
                {"source": "recommended"},
                {"source": "for-you"},
                {"source": "similar_products"},
                {"source": "top_sellers"},
            ]
            put = await shop.client.put("/api/v1/data-sources/5", json={"rules": rules}, headers=shop.bearer)
            assert put.status_code == 200, put.text
            answer = await shop.client.get(
                f"/custom/id/5?key={shop.public_key}&shopify_product_ids=1&uuid=e&explain=yes&limit=3"
            )
            assert [(one["id"], one["reasons"][0]["rule"]) for one in answer.json()["data"]][:2] == [(2, 1), (3, 1)]
            assert answer.json()["data"][2]["reasons"][0]["rule"] > 1

    run(scenario())


def test_the_quick_way_answers_what_the_handler_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await stock(shop, *(product(number) for number in (1, 2, 3, 8, 9)))
            await sessions(shop)
            await visit(shop, "me", [2, 1], at=NOW - HOUR_MS)
            lists = Lists(shop.service.parts)
            quick = 0
            for name in LISTS:
                for query in (
                    "shopify_product_ids=1&uuid=me&fallback=no&explain=yes",
                    "shopify_product_ids=1&uuid=me&limit=1",
                    "uuid=me&limit=1&filter_oos=no",
                    "uuid=nobody&fallback=no",
                    "uuid=me&limit=200",
                    "after=nothing",
                    "",
                ):
                    path = f"/api/v1/products/{name}"
                    exchange = Exchange("GET", path, f"key={shop.public_key}&{query}".encode(), [])
                    answer = lists.soon[path](exchange)
                    if answer is None:
                        continue
                    quick += 1
                    whole = await lists[name].handler(Exchange("GET", path, exchange.query, []))
                    mine, other = json.loads(answer.body), json.loads(whole.body)
                    assert mine["data"] == other["data"], (name, query)
                    assert mine.keys() == other.keys()
                    assert (answer.status, dict(answer.headers).keys()) == (whole.status, dict(whole.headers).keys())
            assert quick >= 3 * len(LISTS)
            post = Exchange("POST", "/api/v1/products/for-you", f"key={shop.public_key}&uuid=me".encode(), [])
            assert lists.soon["/api/v1/products/for-you"](post) is None

    run(scenario())

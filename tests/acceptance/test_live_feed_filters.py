"""What passes the filters of the live feed, while events come in and when they are read from the log."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.live import connected, exported, scenario, send, told
from tests.support import PUBLIC_KEY, Running, event


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, ["viewer", "adder", "searcher", "bot", "tester", "customer"]),
        ({"subject": "user", "verb": "viewed", "noun": "product"}, ["viewer", "bot", "tester", "customer"]),
        ({"verb": "added,searched"}, ["adder", "searcher"]),
        ({"verb": ["added", "searched"]}, ["adder", "searcher"]),
        ({"noun": "term"}, ["searcher"]),
        ({"subject": "search"}, []),
        ({"uuid": "viewer"}, ["viewer"]),
        ({"customer_id": "gid://shopify/Customer/77"}, ["customer"]),
        ({"bots": "no"}, ["viewer", "adder", "searcher", "tester", "customer"]),
        ({"test": "no"}, ["viewer", "adder", "searcher", "bot", "customer"]),
        ({"bots": "yes", "test": "yes", "verb": "viewed"}, ["viewer", "bot", "tester", "customer"]),
    ],
)
def test_a_filter_lets_its_events_pass_live_and_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any], wanted: list[str]
) -> None:
    # So that a feed soon tells that it is past what it doesn't show.
    monkeypatch.setattr("footfall.api.live_feed.LIVE_HEARTBEAT_SECONDS", 0.01)

    async def steps(shop: Running) -> None:
        async with connected(shop, **parameters) as live:
            await send(shop, "viewer")
            await send(shop, "adder", verb="added")
            await send(shop, "searcher", verb="searched", noun="term", defined_noun_id="beanie", product_id=None)
            path = f"/api/v2/analytics/event?key={PUBLIC_KEY}"
            robot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
            assert (await shop.client.post(path, json=event(uuid="bot"), headers=robot)).status_code == 200
            await send(shop, "tester", test=True)
            await send(shop, "customer", customer_id="77")
            end = (await exported(shop))[-1]["position"]
            await live.until(lambda: live.parser.last_id == end)
            assert told(live.messages) == wanted
        async with connected(shop, f"{shop.service.log.generation}-0.0", **parameters) as again:
            await again.until(lambda: again.parser.last_id == end)
            assert told(again.messages) == wanted

    scenario(tmp_path, steps)


def test_a_product_is_known_by_its_id_a_handle_and_a_variant_and_events_by_any_of_them(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        names = {"product_id": "5630650697948", "product_handle": "classic-beanie", "shopify_variant_id": "36287950323868"}
        nothing = dict.fromkeys(names)
        await send(shop, "all", **names)
        for name, value in names.items():
            await send(shop, name, **nothing | {name: value})
        await send(shop, "other", **nothing | {"product_handle": "linen-shirt"})
        await send(shop, "no-product", verb="searched", noun="term", defined_noun_id="beanie", **nothing)
        for asked in (*names.values(), "gid://shopify/Product/5630650697948", "gid://shopify/ProductVariant/36287950323868"):
            async with connected(shop, last="100", product=asked) as feed:
                assert told(await feed.has(4)) == ["all", *names], asked
        async with connected(shop, last="100", product="linen-shirt, classic-beanie") as feed:
            assert told(await feed.has(5)) == ["all", *names, "other"]

    scenario(tmp_path, steps)


def test_a_product_that_gets_another_name_while_a_feed_is_open_is_known_by_it(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        async with connected(shop, product="classic-beanie") as feed:
            await send(shop, "unknown", product_id="5630650697948")
            await send(shop, "tied", product_id="5630650697948", product_handle="classic-beanie")
            await send(shop, "known", product_id="5630650697948")
            # When the feed looks, the names may be tied already: the first is told or not, the others always.
            await feed.until(lambda: told(feed.messages)[-2:] == ["tied", "known"])

    scenario(tmp_path, steps)

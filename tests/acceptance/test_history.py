"""Visitor history: whose events ``/api/v1/products/viewed`` answers, and in which order."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support import NOW, ManualClock, Running, event, run, running

VIEWED = "/api/v1/products/viewed"
OTHER_KEY = "f" * 40


def with_shop(tmp_path: Path, scenario: Callable[[Running], Awaitable[None]], **settings: str) -> None:
    """Run a scenario with a started service and its shop."""

    async def whole() -> None:
        async with running(tmp_path, None, **settings) as shop:
            await scenario(shop)

    run(whole())


async def ids(shop: Running, **parameters: Any) -> list[int]:
    return [product["id"] for product in await shop.viewed(**parameters)]


async def views(shop: Running, *products: int, **fields: Any) -> None:
    """Events on products, one after the other, a second apart."""
    for number, product in enumerate(products):
        time = NOW - 1_000_000 + number * 1_000
        answer = await shop.send(event(**{"product_id": product, "event_time": str(time), **fields}))
        assert answer.status_code == 200, answer.text


def delete_state(data: Path) -> None:
    for path in data.glob("state.db*"):
        path.unlink()


def test_each_product_comes_once_and_the_newest_event_first(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, 2, 3, 1, uuid="v")
        assert await ids(shop, uuid="v") == [1, 3, 2]

    with_shop(tmp_path, scenario)


def test_history_goes_by_the_events_own_time_and_among_equals_by_position(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        for product, time in ((1, NOW - 5_000), (2, NOW - 9_000), (3, NOW - 5_000)):
            await shop.send(event(uuid="v", product_id=product, event_time=str(time)))
        assert await ids(shop, uuid="v") == [3, 1, 2]

    with_shop(tmp_path, scenario)


def test_one_person_is_one_customer_on_three_devices(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="phone")
        await views(shop, 2, uuid="laptop")
        await views(shop, 3, uuid="tablet", customer_id="7", event_time=str(NOW - 999_000))
        await views(shop, 9, uuid="phone", customer_id="7", event_time=str(NOW - 998_000))
        assert await ids(shop, shopify_customer_id="7") == [9, 3, 1]
        await shop.send(event(subject="user", verb="started", noun="session", product_id=None, uuid="laptop", customer_id="7"))
        assert sorted(await ids(shop, shopify_customer_id="7")) == [1, 2, 3, 9]
        assert await ids(shop, uuid="laptop") == [2], "by uuid never another device's"
        assert sorted(await ids(shop, uuid="laptop", shopify_customer_id="7")) == [1, 2, 3, 9]

    with_shop(tmp_path, scenario)


def test_a_shared_tablet_shows_each_customer_their_own(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        minute = 60_000
        story: list[tuple[int, str | None]] = [(1, None), (2, "ann"), (3, None), (4, "bob"), (5, None), (6, "ann"), (7, None)]
        for number, (product, customer) in enumerate(story):
            time = str(NOW - 100 * minute + number * minute)
            await shop.send(event(uuid="tablet", customer_id=customer, product_id=product, event_time=time))
        every: dict[str, Any] = {"limit": 50}
        assert await ids(shop, shopify_customer_id="ann", **every) == [7, 6, 3, 2, 1]
        assert await ids(shop, shopify_customer_id="bob", **every) == [5, 4]
        assert await ids(shop, uuid="tablet", **every) == [7, 6, 3, 2, 1], "without what bob owns, who isn't the last"
        assert await ids(shop, uuid="tablet", shopify_customer_id="bob", **every) == [5, 4], "the customer's alone"
        assert await ids(shop, uuid="tablet", shopify_customer_id="ann", **every) == [7, 6, 3, 2, 1]

    with_shop(tmp_path, scenario)


def test_a_visitor_who_was_asked_about_before_a_customer_was_named_is_that_customers_at_once(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="tablet")
        assert await ids(shop, uuid="tablet") == [1]
        await views(shop, 2, uuid="tablet", customer_id="71")
        assert await ids(shop, uuid="tablet") == [2, 1]
        await views(shop, 3, uuid="tablet", customer_id="72")
        assert await ids(shop, uuid="tablet") == [3]

    with_shop(tmp_path, scenario)


def test_a_stretch_that_comes_back_to_a_customer_survives_the_merge_between(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="tablet", customer_id="ann")
        await shop.service.tails.merge()
        await views(shop, 2, uuid="tablet", customer_id="bob")
        await views(shop, 3, uuid="tablet", customer_id="ann")
        await shop.service.tails.merge()
        await views(shop, 4, uuid="tablet")
        assert sorted(await ids(shop, shopify_customer_id="ann")) == [1, 3, 4]
        assert await ids(shop, shopify_customer_id="bob") == [2]

    with_shop(tmp_path, scenario)


def test_an_anonymous_event_from_before_its_stretch_belongs_to_nobody(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await shop.send(event(uuid="v", customer_id="7", product_id=1, event_time=str(NOW - 10_000)))
        await shop.send(event(uuid="v", product_id=2, event_time=str(NOW - 20_000)))
        await shop.send(event(uuid="v", product_id=3, event_time=str(NOW - 10_000)))
        assert await ids(shop, shopify_customer_id="7") == [3, 1]
        assert await ids(shop, uuid="v") == [3, 1, 2], "the uuid's own it is all the same"

    with_shop(tmp_path, scenario)


def test_a_session_without_uuid_or_customer_is_in_nobodys_history(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await shop.send(event(uuid=None, rsid="s1", product_id=1))
        await shop.send(event(uuid="v", rsid="s1", product_id=2))
        assert await ids(shop, uuid="s1") == []
        assert await ids(shop, uuid="v") == [2]

    with_shop(tmp_path, scenario)


def test_verb_and_subject_choose_the_events_and_empty_ones_count_as_absent(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="v")
        for verb, product in (("added", 2), ("removed", 2), ("purchased", 3)):
            await views(shop, product, uuid="v", verb=verb)
        await views(shop, 4, uuid="v", subject="collection")
        assert await ids(shop, uuid="v") == [1]
        assert await ids(shop, uuid="v", verb="", subject="") == [1]
        assert await ids(shop, uuid="v", verb="added") == [2], "whether or not it was removed later"
        assert await ids(shop, uuid="v", verb="removed", subject="user") == [2]
        assert await ids(shop, uuid="v", verb="purchased") == [3]
        assert await ids(shop, uuid="v", subject="collection") == [4]
        refused = await shop.client.get(VIEWED, params={"key": shop.public_key, "uuid": "v", "verb": "licked"})
        assert refused.status_code == 400
        assert "viewed" in refused.json()["error"]

    with_shop(tmp_path, scenario)


def test_limit_counts_products_after_their_names_are_resolved(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, 2, uuid="v")
        await shop.send(event(uuid="v", product_id=None, product_handle="hat"))
        await shop.send(event(uuid="v", product_id=None, shopify_variant_id="11"))
        await shop.send(event(uuid="w", product_id=2, product_handle="hat", shopify_variant_id="11"))
        assert await ids(shop, uuid="v", limit=2) == [2, 1]

    with_shop(tmp_path, scenario)


def test_nothing_of_one_shop_is_visible_with_the_key_of_another(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        other = await shop.commands.shop_create("other", public_key=OTHER_KEY)
        await views(shop, 1, uuid="v", customer_id="7")
        await shop.send(event(uuid="v", product_id=1, product_handle="hat", shopify_product_title="Hat"))
        theirs = {"key": OTHER_KEY}
        path = f"/api/v2/analytics/event?key={OTHER_KEY}"
        for merged in (False, True):
            if merged:
                await shop.service.tails.merge()
            for identity in ({"uuid": "v"}, {"shopify_customer_id": "7"}, {"uuid": "v", "shopify_customer_id": "7"}):
                answer = await shop.client.get(VIEWED, params={**theirs, **identity})
                assert answer.json() == {"data": []}
                secret = {"Authorization": f"Bearer {other['secret_key']}"}
                assert (await shop.client.get(VIEWED, params=identity, headers=secret)).json() == {"data": []}
        await shop.client.post(path, json=event(uuid="w", product_id=None, product_handle="hat"))
        (product,) = await shop.viewed(**theirs, uuid="w")
        assert (product["id"], product["title"]) == (None, None), "what one shop's events told names nothing in another"
        assert await ids(shop, uuid="w") == []

    with_shop(tmp_path, scenario)


def test_an_event_is_readable_as_soon_as_it_is_acknowledged_and_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            for number in range(1, 30):
                clock.time += 1
                await shop.send(event(uuid="v", customer_id="7", product_id=number))
                assert (await ids(shop, uuid="v"))[0] == number
                assert (await ids(shop, shopify_customer_id="7"))[0] == number
                if number % 7 == 0:
                    await shop.service.tails.merge()
            before = await shop.viewed(uuid="v", limit=250)
        for deleted in (False, True):
            if deleted:
                delete_state(tmp_path)
            async with running(tmp_path, clock) as shop:
                assert await shop.viewed(uuid="v", limit=250) == before

    run(scenario())


def test_a_visitor_with_20000_events_is_answered_before_and_after_the_merge(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 777, uuid="v", verb="added")
        for first in range(0, 20_000, 1_000):
            await shop.send(*(event(uuid="v", product_id=number % 40 + 1) for number in range(first, first + 1_000)))
        newest = [number % 40 + 1 for number in range(19_999, 19_959, -1)]
        for merged in (False, True):
            if merged:
                await shop.service.tails.merge()
            assert await ids(shop, uuid="v", limit=250) == newest
            assert await ids(shop, uuid="v", verb="added") == [777], "however many views came after it"

    with_shop(tmp_path, scenario)


def test_a_customer_with_1500_uuids_is_answered_from_the_latest_before_and_after_the_merge(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        for first in range(0, 1_500, 500):
            numbers = range(first, first + 500)
            await shop.send(*(event(uuid=f"u{n}", customer_id="7", product_id=n + 1) for n in numbers))
        for merged in (False, True):
            if merged:
                await shop.service.tails.merge()
            assert await ids(shop, shopify_customer_id="7", limit=250) == list(range(1_500, 1_250, -1))

    with_shop(tmp_path, scenario)

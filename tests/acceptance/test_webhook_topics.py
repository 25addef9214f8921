"""What each topic of Shopify's webhooks changes, in any order, and what becomes of those that mean nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.catalog.collection import Collection
from footfall.order import bought_lines
from tests.acceptance.hooks import ITEM, SETTINGS, TRACKED, Shop, make_shop, take
from tests.support import Server, command, directory, run, running, server
from tests.unit.catalog.shapes import ADMIN
from tests.unit.intake.order_shapes import REFUND, REST


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with directory() as data, server(data) as running_server:
        yield running_server


@pytest.fixture
def shop(started: Server) -> Iterator[Shop]:
    with httpx.Client(base_url=started.url, timeout=30) as client:
        yield make_shop(started, client)


def test_products_come_change_and_go(shop: Shop) -> None:
    shop.take("products/create", ADMIN)
    shop.take("products/update", ADMIN | {"title": "Warm Beanie", "updated_at": "2025-07-01T10:00:00-04:00"})
    shop.take("products/update", ADMIN | {"title": "Too late"})
    assert [product["title"] for product in shop.products()] == ["Warm Beanie"]
    shop.take("products/delete", {"id": ADMIN["id"]})
    assert shop.products() == []
    shop.take("products/delete", {"id": ADMIN["id"]})
    assert shop.counted()["webhook-unknown:products/delete"] == 1


def test_what_was_on_its_way_when_a_product_was_deleted_does_not_bring_it_back(shop: Shop) -> None:
    shop.take("products/create", ADMIN)
    shop.take("products/delete", {"id": ADMIN["id"]})
    shop.take("products/update", ADMIN | {"title": "Late", "updated_at": "2025-07-01T10:00:00-04:00"})
    assert shop.products() == []
    assert shop.counted()["webhook-unknown:products/update"] == 1
    another = ADMIN | {"id": 77, "admin_graphql_api_id": "gid://shopify/Product/77"}
    shop.take("products/delete", {"id": 77})
    shop.take("products/create", another)
    assert shop.products() == [], "the deletion came first"


def test_a_list_of_variants_that_is_only_a_part_is_told_apart_by_all_their_ids(shop: Shop) -> None:
    later = {"updated_at": "2025-07-01T10:00:00-04:00"}
    red, blue = ADMIN["variants"]
    green = {"id": 36000000000003, "title": "Green", "price": "1.00", "option1": "Green"}
    gids = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{v['id']}", "updated_at": ""} for v in (green, blue)]
    shop.take("products/create", ADMIN)
    shop.take("products/update", ADMIN | later | {"variants": [green], "variant_gids": gids})
    assert [variant["title"] for variant in shop.products()[0]["variants"]] == ["Green", "Blue"]
    shop.take("products/update", ADMIN | later | {"variants": [red], "variant_gids": gids[:1]})
    assert [variant["title"] for variant in shop.products()[0]["variants"]] == ["Red"], "a list as long as its ids is whole"


def test_stock_is_summed_over_locations_and_flips_what_lists_show(shop: Shop) -> None:
    def level(location: int, available: int | None, minute: int, topic: str = "update") -> None:
        told = {"inventory_item_id": ITEM, "location_id": location, "available": available}
        shop.take(f"inventory_levels/{topic}", told | {"updated_at": f"2025-07-01T10:{minute:02d}:00Z"})

    shop.take("products/create", TRACKED)
    assert not shop.in_stock()
    level(1, 2, 10)
    assert shop.in_stock()
    level(2, 3, 11)
    assert shop.products()[0]["variants"][0]["inventory_quantity"] == 5
    level(1, 0, 12)
    assert shop.in_stock()
    level(2, 0, 13)
    assert not shop.in_stock()
    level(2, 9, 12)
    assert not shop.in_stock(), "an older word came late"
    level(1, None, 14)
    assert not shop.in_stock()
    level(3, 1, 15, "connect")
    assert shop.in_stock()
    shop.take("inventory_levels/disconnect", {"inventory_item_id": ITEM, "location_id": 3})
    assert not shop.in_stock()
    shop.take("inventory_levels/update", {"inventory_item_id": 1, "location_id": 1, "available": 5})
    assert shop.counted()["webhook-unknown:inventory_levels/update"] == 1


def test_a_late_disconnect_is_told_by_when_it_was_triggered(shop: Shop) -> None:
    shop.take("products/create", TRACKED)
    told = {"inventory_item_id": ITEM, "location_id": 1}
    shop.take("inventory_levels/connect", told | {"available": 1, "updated_at": "2025-07-01T10:00:00Z"})
    shop.take("inventory_levels/disconnect", told, **{"X-Shopify-Triggered-At": "2025-07-01T09:00:00Z"})
    assert shop.in_stock()


def test_stock_of_a_product_does_not_take_back_a_handle_that_another_has_by_now(shop: Shop) -> None:
    shop.take("products/create", TRACKED)
    shop.take("products/update", ADMIN | {"id": 5, "variants": [], "updated_at": "2025-07-02T10:00:00Z"})
    told = {"inventory_item_id": ITEM, "location_id": 1, "available": 2, "updated_at": "2025-07-02T10:01:00Z"}
    shop.take("inventory_levels/update", told)
    shop.take("products/update", TRACKED | {"handle": "beanie", "updated_at": "2025-07-01T10:00:00Z"})
    for handle, product in (("classic-beanie", 5), ("beanie", ADMIN["id"])):
        asked = {"key": shop.public_key, "handles": handle}
        found = shop.client.get("/api/v1/products/static", params=asked).json()["data"]
        assert [one["id"] for one in found] == [product], handle


def test_two_shops_with_the_same_ids_have_their_own(shop: Shop, started: Server) -> None:
    other = make_shop(started, shop.client)
    event = {"X-Shopify-Event-Id": "e"}
    shop.take("products/create", ADMIN, **event)
    assert other.take("products/create", ADMIN | {"title": "Theirs"}, **event) == {"data": "Received"}
    assert [shop.products()[0]["title"], other.products()[0]["title"]] == ["Classic Beanie", "Theirs"]
    shop.take("products/delete", {"id": ADMIN["id"]})
    assert (shop.products(), len(other.products())) == ([], 1)


def test_an_unknown_topic_is_acknowledged_and_counted(shop: Shop) -> None:
    assert shop.take("themes/publish", {"id": 1}) == {"data": "Received"}
    assert shop.take("Whatever it is", b"no json") == {"data": "Received"}
    assert shop.take("orders/edited", {"order_edit": {"order_id": 1}}) == {"data": "Received"}
    counted = shop.counted()
    assert counted["webhook:themes/publish"] == counted["webhook-unknown:themes/publish"] == 1
    assert (counted["webhook:other"], counted["webhook:orders/edited"]) == (1, 1)
    shown = command("shop", "show", shop.name, data=shop.data).stdout
    assert "webhooks: themes/publish" in shown
    assert "webhooks unknown: themes/publish" in shown


@pytest.mark.parametrize(
    ("topic", "body", "said"),
    [
        ("products/update", b'{"id":5,', "not valid JSON"),
        ("products/update", b"[]", "must be a JSON object"),
        ("products/update", {"id": 5, "variants": [{"price": "cheap"}]}, "variants[0].price is 'cheap'"),
        ("products/delete", {}, "id is"),
        ("collections/update", {"title": "Hats"}, "needs an id"),
        ("inventory_levels/update", {"inventory_item_id": 5}, "location_id is"),
        ("orders/create", REST | {"currency": "euros"}, "currency is 'euros'"),
        ("orders/create", json.dumps(REST).encode()[:-1], "not valid JSON"),
        ("refunds/create", {"id": 5}, "order_id is"),
    ],
)
def test_what_cannot_be_read_is_acknowledged_and_kept_without_the_person(shop: Shop, topic: str, body: Any, said: str) -> None:
    event = {"X-Shopify-Event-Id": "e"}
    assert said in shop.take(topic, body, **event)["rejected"]
    assert shop.take(topic, body, **event) == {"data": "Received", "duplicate": True}, "nor is it kept twice"
    (kept,) = shop.quarantined()
    assert (kept["reason"], topic in kept["error"], said in kept["error"]) == ("webhook", True, True)
    for personal in ("buyer@", "+1555", "203.0.113", "Sample", "10115", "First", "Ring", "6200000000001"):
        assert personal not in json.dumps(kept), personal
    counted = shop.counted()
    assert (counted[f"webhook:{topic}"], counted[f"webhook-rejected:{topic}"]) == (1, 1)
    again = json.loads(
        command("quarantine", "resubmit", "--shop", shop.name, "--all", "--json", data=shop.data, check=False).stdout
    )
    assert again["rejected"] == 1, "it is no event"


@pytest.mark.parametrize("first", ["orders/create", "refunds/create"])
def test_an_order_and_its_refund_may_come_in_any_order(tmp_path: Path, first: str) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            told = {"orders/create": REST | {"refunds": []}, "refunds/create": REFUND}
            for topic in sorted(told, key=lambda topic: topic != first):
                await take(shop, topic, told[topic])
            found = shop.service.shops.by_domain(SETTINGS["domain"])
            assert found is not None
            order = shop.service.order_intake._known.order(found.id, "4500000000001")
            assert order is not None
            assert [(line.variant_id, line.units) for line in bought_lines(order)] == [("36000000000001", 1)]
            cancelled = {"cancelled_at": "2025-06-03T10:00:00Z", "updated_at": "2025-06-03T10:00:00Z"}
            await take(shop, "orders/cancelled", REST | cancelled)
            await take(shop, "orders/paid", REST)
            order = shop.service.order_intake._known.order(found.id, "4500000000001")
            assert order is not None
            assert [line.units for line in bought_lines(order)] == [0]

    run(scenario())


@pytest.mark.parametrize("left_out", [(), ("id", "admin_graphql_api_id")], ids=["with its id", "by its handle alone"])
def test_what_comes_of_a_product_that_was_brought_back_after_its_deletion_counts(
    tmp_path: Path, left_out: tuple[str, ...]
) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:

            async def titles() -> list[str]:
                asked = {"key": shop.public_key, "handles": ADMIN["handle"]}
                found = (await shop.client.get("/api/v1/products/static", params=asked)).json()["data"]
                return [product["title"] for product in found if product["catalog"]]

            await take(shop, "products/create", ADMIN)
            await take(shop, "products/delete", {"id": ADMIN["id"]})
            await take(shop, "products/update", ADMIN | {"title": "Late", "updated_at": "2025-07-01T10:00:00Z"})
            assert await titles() == []
            back = {name: value for name, value in ADMIN.items() if name not in left_out}
            answer = await shop.client.put("/api/v1/catalog/products", json=[back], headers=shop.bearer)
            assert answer.json()["data"][0]["status"] == "created"
            await take(shop, "products/update", ADMIN | {"title": "Warm Beanie", "updated_at": "2025-07-02T10:00:00Z"})
            assert await titles() == ["Warm Beanie"]

    run(scenario())


def test_a_collection_that_changed_is_stale_until_its_products_are_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            found = shop.service.shops.by_domain(SETTINGS["domain"])
            assert found is not None

            def now() -> Collection | None:
                return shop.service.catalog.collection(found.id, "7")

            await shop.commands.catalog_put_collections("shop", [{"id": "7", "title": "Hats", "products": ["5"]}])
            await take(shop, "collections/update", {"id": 7, "title": "Caps", "products": []})
            assert now() == Collection(id="7", title="Caps", products=["5"], stale=True)
            await shop.commands.catalog_put_collections("shop", [{"id": "7", "products": ["6"]}])
            assert now() == Collection(id="7", title="Caps", products=["6"])
            await take(shop, "collections/delete", {"id": 7})
            assert now() is None

    run(scenario())

"""Webhooks against a real server: signed or refused, taken once, and never lost once they are acknowledged."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.api.webhooks import UNSIGNED
from footfall.errors import LogUnavailableError
from footfall.log.port import Stream
from tests.acceptance.hooks import (
    ITEM,
    OTHER_ITEM,
    PATH,
    SECRET,
    SETTINGS,
    Shop,
    headers,
    make_shop,
    orders,
    signed,
    take,
)
from tests.support import Server, answer_of, command, directory, new_shop, run, running, server, start_server
from tests.unit.catalog.shapes import ADMIN
from tests.unit.intake.order_shapes import REST


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with directory() as data, server(data) as running_server:
        yield running_server


@pytest.fixture
def shop(started: Server) -> Iterator[Shop]:
    with httpx.Client(base_url=started.url, timeout=30) as client:
        yield make_shop(started, client)


def end(started_shop: Shop) -> int:
    return sum(answer_of(started_shop.data, "status")["ends"].values())


def test_only_what_a_secret_of_the_shop_signed_is_taken_and_every_refusal_is_the_same(shop: Shop, started: Server) -> None:
    body = json.dumps(ADMIN).encode()
    bare = new_shop(started.data, "bare", domain="bare.myshopify.com")
    before = end(shop)
    right = headers("products/create", shop.domain, body)
    refused = [
        right | {"X-Shopify-Hmac-Sha256": signed(body, "guessed")},
        right | {"X-Shopify-Hmac-Sha256": signed(body + b" ")},
        right | {"X-Shopify-Hmac-Sha256": "not base64 é".encode("latin-1").decode("latin-1")},
        right | {"X-Shopify-Hmac-Sha256": ""},
        right | {"X-Shopify-Hmac-Sha256": signed(body, "nobody's")},
        right | {"X-Shopify-Shop-Domain": "nowhere.myshopify.com"},
        right | {"X-Shopify-Shop-Domain": "bare.myshopify.com"},
        right | {"X-Shopify-Shop-Domain": "bare.myshopify.com", "X-Shopify-Hmac-Sha256": signed(body, "")},
        right | {"X-Shopify-Shop-Domain": "bare.myshopify.com", "X-Shopify-Hmac-Sha256": signed(body, "nobody's")},
        {name: value for name, value in right.items() if "Hmac" not in name},
        {name: value for name, value in right.items() if "Domain" not in name},
        {"Authorization": f"Bearer {bare['secret_key']}"},
    ]
    answers = [
        shop.client.post(PATH, content=body, headers=[(n.encode(), v.encode("latin-1")) for n, v in of.items()])
        for of in refused
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.text for answer in answers} == {json.dumps({"error": UNSIGNED}, ensure_ascii=False, separators=(",", ":"))}
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    assert end(shop) == before, "nothing of it is in the log"
    assert shop.counted() == {}
    assert shop.client.post(PATH, content=body, headers=right).json() == {"data": "Received"}


def test_every_secret_is_good_while_it_is_rotated(shop: Shop) -> None:
    command("shop", "set", shop.name, "webhook_secret", "newer", data=shop.data)
    for secret in (SECRET, "newer"):
        assert shop.send("products/create", ADMIN, secret=secret).status_code == 200
    command("shop", "set", shop.name, "webhook_secret", "", data=shop.data)
    assert shop.send("products/create", ADMIN).status_code == 401


def test_headers_mean_the_same_without_their_x(shop: Shop) -> None:
    body = json.dumps(ADMIN).encode()
    plain = {name.removeprefix("X-"): value for name, value in headers("products/create", shop.domain.upper(), body).items()}
    assert shop.client.post(PATH, content=body, headers=plain).json() == {"data": "Received"}
    assert [product["title"] for product in shop.products()] == ["Classic Beanie"]


@pytest.mark.parametrize("size", [3 * 1024 * 1024, 8 * 1024 * 1024 + 1])
def test_a_body_of_megabytes_is_taken_up_to_its_bound(shop: Shop, size: int) -> None:
    body = json.dumps(ADMIN | {"ignored": "x" * size}).encode()[: None if size < 8 * 1024 * 1024 else size]
    answer = shop.send("products/create", body)
    assert answer.status_code == (200 if size < 8 * 1024 * 1024 else 413)


@pytest.mark.parametrize("name", ["X-Shopify-Event-Id", "Shopify-Event-Id", "X-Shopify-Webhook-Id"])
def test_a_delivery_that_came_before_changes_nothing(shop: Shop, name: str) -> None:
    assert shop.take("products/create", ADMIN, **{name: "e-1"}) == {"data": "Received"}
    shop.take("products/delete", {"id": ADMIN["id"]}, **{name: "e-2"})
    again = shop.take("products/create", ADMIN, **{name: "e-1"})
    assert again == {"data": "Received", "duplicate": True}
    assert shop.products() == []
    assert shop.take("products/create", ADMIN, **{name: "e-3"}) == {"data": "Received"}
    counted = shop.counted()
    assert (counted["webhook:products/create"], counted["webhook-duplicate:products/create"]) == (2, 1)


def test_one_event_may_tell_of_many_things_and_of_each_under_several_topics(shop: Shop) -> None:
    shop.take("products/create", ADMIN)
    event = {"X-Shopify-Event-Id": "one-edit"}
    for item, location in ((ITEM, 1), (ITEM, 2), (OTHER_ITEM, 1)):
        level = {"inventory_item_id": item, "location_id": location, "available": 4, "updated_at": "2025-07-01T10:00:00Z"}
        assert shop.take("inventory_levels/update", level, **event) == {"data": "Received"}
        assert shop.take("inventory_levels/update", level, **event)["duplicate"] is True
    assert shop.take("orders/create", REST, **event) == {"data": "Received"}
    assert shop.take("orders/paid", REST, **event) == {"data": "Received"}
    assert [variant["inventory_quantity"] for variant in shop.products()[0]["variants"]] == [8, 4]


def test_of_many_at_once_one_is_applied(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: shop.take("products/create", ADMIN, **{"X-Shopify-Event-Id": "e"}), range(16)))
    assert said.count({"data": "Received"}) == 1
    assert said.count({"data": "Received", "duplicate": True}) == 15


def test_a_delivery_is_known_after_a_restart_and_after_the_state_is_made_anew() -> None:
    event = {"X-Shopify-Event-Id": "e"}
    with directory() as data:
        with server(data) as first, httpx.Client(base_url=first.url, timeout=30) as client:
            shop = make_shop(first, client)
            assert shop.take("products/create", ADMIN, **event) == {"data": "Received"}
            assert first.stop() == 0
        for rebuilt in (False, True):
            if rebuilt:
                (data / "state.db").unlink()
            with server(data) as later, httpx.Client(base_url=later.url, timeout=30) as client:
                shop.client = client
                assert shop.take("products/create", ADMIN, **event)["duplicate"] is True
                assert later.stop() == 0


def test_what_is_acknowledged_survives_a_kill() -> None:
    with directory() as data:
        first = start_server(data)
        with httpx.Client(base_url=first.url, timeout=30) as client:
            shop = make_shop(first, client)
            shop.take("products/create", ADMIN, **{"X-Shopify-Event-Id": "e"})
            shop.take("orders/create", REST)
            first.kill()
        with server(data) as later, httpx.Client(base_url=later.url, timeout=30) as client:
            shop.client = client
            assert [product["title"] for product in shop.products()] == ["Classic Beanie"]
            assert shop.take("products/create", ADMIN, **{"X-Shopify-Event-Id": "e"})["duplicate"] is True
            assert later.stop() == 0
        (order,) = orders(data, shop.name)
        assert order is not None
        assert order.id == "4500000000001"


def test_a_delivery_stands_in_the_log_with_what_it_changed_and_in_no_table_of_documents(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            groups: list[list[str]] = []
            shop.service.log._followers.append(  # type: ignore[attr-defined]  # the embedded log's
                lambda group: groups.append([record.decoded.key for record in group.records])
            )
            await take(shop, "products/create", ADMIN, X_Shopify_Event_Id="e")
            await take(shop, "products/create", ADMIN, X_Shopify_Event_Id="f")
            kinds = [[key.split("/")[0] for key in keys] for keys in groups]
            assert kinds == [["product", "delivery"], ["delivery"]]
            await shop.service.tails.merge()
            assert shop.service.documents.under("delivery/") == {}

    run(scenario())


def test_what_cannot_be_stored_in_time_is_refused_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.intake.webhooks.WEBHOOK_ANSWER_SECONDS", 0.05)

    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            append, free = shop.service.log.append, asyncio.Event()

            async def slow(*arguments: Any, **options: Any) -> Any:
                await free.wait()
                return await append(*arguments, **options)

            monkeypatch.setattr(shop.service.log, "append", slow)
            content = json.dumps(ADMIN).encode()
            of = headers("products/create", SETTINGS["domain"], content, X_Shopify_Event_Id="e")
            late = await shop.client.post(PATH, content=content, headers=of)
            assert (late.status_code, "Retry-After" in late.headers) == (503, True)
            free.set()
            await asyncio.gather(*shop.service.webhooks._under_way)
            monkeypatch.undo()
            assert (await take(shop, "products/create", ADMIN, X_Shopify_Event_Id="e"))["duplicate"] is True

    run(scenario())


def test_where_the_log_cannot_be_written_nothing_is_acknowledged_and_the_next_try_is_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:

            async def broken(*_: Any, **__: Any) -> Any:
                raise LogUnavailableError

            content = json.dumps(REST).encode()
            of = headers("orders/create", SETTINGS["domain"], content, X_Shopify_Event_Id="e")
            with monkeypatch.context() as patch:
                patch.setattr(shop.service.log, "append", broken)
                assert (await shop.client.post(PATH, content=content, headers=of)).status_code == 503
            ends = await shop.service.log.ends(Stream.DOCUMENTS)
            assert await take(shop, "orders/create", REST, X_Shopify_Event_Id="e") == {"data": "Received"}
            assert await shop.service.log.ends(Stream.DOCUMENTS) != ends

    run(scenario())


@pytest.mark.parametrize(
    "bound", ["footfall.api.webhooks.WEBHOOKS_WAITING_BYTES_MAX", "footfall.intake.webhooks.WEBHOOKS_WAITING_MAX"]
)
def test_webhooks_that_wait_have_bounds_of_their_own_and_keep_no_event_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(bound, 0)

    async def scenario() -> None:
        async with running(tmp_path, None, **SETTINGS) as shop:
            content = json.dumps(ADMIN).encode()
            of = headers("products/create", SETTINGS["domain"], content)
            refused = await shop.client.post(PATH, content=content, headers=of)
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
            assert (await shop.send(uuid="v")).json()["receipts"][0]["status"] == "stored"

    run(scenario())

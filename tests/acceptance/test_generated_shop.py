"""A whole generated shop, told over HTTP in any order, with restarts and beside another shop: every answer is the true one."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from footfall.clock import SystemClock
from tests.acceptance.hooks import SECRET
from tests.generated.catalog import product_id
from tests.generated.checking import askers, check_catalog, check_everything, check_histories, check_rankings, numbers
from tests.generated.people import CLEO
from tests.generated.shop import SEED, GeneratedShop, make_generated_shop
from tests.generated.steps import Message, Step, mixed
from tests.generated.telling import Door
from tests.generated.truth import Truth
from tests.support import NOW, ManualClock, Running, directory, new_shop, run, running, start_server

DOMAIN, OTHER_DOMAIN = "generated.myshopify.com", "another.myshopify.com"
SETTINGS = {"domain": DOMAIN, "webhook_secret": SECRET}


@pytest.fixture(scope="module")
def shop() -> GeneratedShop:
    return make_generated_shop(NOW)


@pytest.fixture(scope="module")
def truth(shop: GeneratedShop) -> Truth:
    return Truth(shop)


def door_of(service: Running) -> Door:
    return Door(service.client, service.public_key, service.secret_key, DOMAIN, SECRET)


async def settle(service: Running) -> None:
    """Bring what is in memory into the tables. Trending products count hours before the last one from there."""
    await service.service.tails.merge()


def in_service(data: Path, scenario: Callable[[Running, Door], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with running(data, ManualClock(NOW), **SETTINGS) as service:
            await scenario(service, door_of(service))

    run(whole())


def test_the_same_seed_and_moment_make_the_same_shop_and_another_seed_another(shop: GeneratedShop) -> None:
    assert make_generated_shop(NOW).steps == shop.steps
    assert make_generated_shop(NOW, SEED + 1).steps != shop.steps


def test_told_in_natural_order_every_answer_is_the_true_one(tmp_path: Path, shop: GeneratedShop, truth: Truth) -> None:
    async def scenario(service: Running, door: Door) -> None:
        await door.tell(shop.steps, NOW)
        await settle(service)
        await check_everything(door, truth)

    in_service(tmp_path, scenario)


@pytest.mark.parametrize("seed", [1, 2])
def test_told_in_any_order_every_answer_is_the_true_one(tmp_path: Path, shop: GeneratedShop, truth: Truth, seed: int) -> None:
    async def scenario(service: Running, door: Door) -> None:
        await door.tell(mixed(shop.steps, Random(seed)), NOW)
        await settle(service)
        await check_everything(door, truth)

    in_service(tmp_path, scenario)


def test_what_is_told_before_and_after_a_restart_counts_as_if_there_were_none(
    tmp_path: Path, shop: GeneratedShop, truth: Truth
) -> None:
    half = len(shop.steps) // 2

    async def before(_service: Running, door: Door) -> None:
        await door.tell(shop.steps[:half], NOW)
        await door.ask("top_sellers")

    async def after(service: Running, door: Door) -> None:
        door.secret_key = (await service.commands.shop_rotate_key("shop"))["secret_key"]
        await door.tell(shop.steps[half:], NOW)
        await settle(service)
        await check_everything(door, truth)

    in_service(tmp_path, before)
    in_service(tmp_path, after)


def test_a_server_that_is_killed_in_the_middle_has_lost_nothing_it_acknowledged() -> None:
    now = SystemClock().now()
    shop = make_generated_shop(now)
    half = len(shop.steps) // 2

    async def told(url: str, made: dict[str, Any], steps: list[Step]) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            door = Door(client, made["public_key"], made["secret_key"], DOMAIN, SECRET)
            await door.tell(steps, now)
            if not steps:
                truth = Truth(shop)
                await check_catalog(door, truth)
                # A window of a week could end between telling and asking.
                await check_rankings(door, truth, windows=(30,))
                await check_histories(door, truth)

    with directory() as data:
        server = start_server(data)
        try:
            made = new_shop(data, "s", domain=DOMAIN, webhook_secret=SECRET)
            run(told(server.url, made, shop.steps[:half]))
            server.kill()
            server = start_server(data)
            run(told(server.url, made, shop.steps[half:]))
            assert server.stop() == 0
            server = start_server(data)
            run(told(server.url, made, []))
        finally:
            server.kill()


def test_two_shops_with_the_same_ids_at_once_know_nothing_of_each_other(
    tmp_path: Path, shop: GeneratedShop, truth: Truth
) -> None:
    async def scenario(service: Running, door: Door) -> None:
        made = await service.commands.shop_create("other", settings={"domain": OTHER_DOMAIN, "webhook_secret": SECRET})
        other = Door(service.client, made["public_key"], made["secret_key"], OTHER_DOMAIN, SECRET)
        another = make_generated_shop(NOW, SEED + 1)
        await asyncio.gather(door.tell(shop.steps, NOW), other.tell(another.steps, NOW))
        await settle(service)
        await check_everything(door, truth)
        await check_everything(other, Truth(another))

    in_service(tmp_path, scenario)


def test_a_product_that_is_deleted_is_in_no_answer_any_more(tmp_path: Path, shop: GeneratedShop) -> None:
    gone = 13

    async def scenario(service: Running, door: Door) -> None:
        await door.tell(shop.steps, NOW)
        await settle(service)
        for name in ("top_sellers", "static", "trending_products"):
            assert gone in numbers(await door.ask(name, ids=str(product_id(gone)))), name
        await door.tell([Message("", NOW, "products/delete", {"id": product_id(gone)}, "gone")], NOW)
        smaller = make_generated_shop(NOW)
        del smaller.catalog.products[gone]
        await check_catalog(door, Truth(smaller))
        await check_rankings(door, Truth(smaller))
        for asker in askers(Truth(shop))[::5]:
            for name in ("viewed", "purchased"):
                assert gone not in numbers(await door.ask(name, **asker)), asker

    in_service(tmp_path, scenario)


def test_names_of_customers_are_for_the_secret_key_alone(tmp_path: Path, shop: GeneratedShop) -> None:
    async def scenario(service: Running, door: Door) -> None:
        await door.tell(shop.messages, NOW)
        asked = {"key": door.public_key, "shopify_customer_id": CLEO}
        for headers, first, last in (({}, None, None), (service.bearer, "First", f"Last {CLEO[-2:]}")):
            answer = await service.client.get("/api/v1/products/purchased", params=asked, headers=headers)
            told = {"id": int(CLEO), "first_name": first, "last_name": last}
            assert answer.json()["metadata"] == {"shopify_customer": told}

    in_service(tmp_path, scenario)

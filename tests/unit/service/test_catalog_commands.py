"""The commands about a catalog: listing all of it, taking out by key, and how far a pull has come."""

from pathlib import Path
from typing import Any

import pytest

from footfall.clock import HOUR_MS
from footfall.errors import InputInvalidError, NotFoundError
from footfall.service.commands import Commands
from tests.support import ManualClock, run, running


async def put(commands: Commands, *products: dict[str, Any]) -> None:
    for first in range(0, len(products), 250):
        await commands.catalog_put("shop", products[first : first + 250])


async def listed(commands: Commands, kind: Any = "product") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := await commands.catalog_list("shop", kind, after=found[-1]["key"] if found else None):
        assert len(page) <= 250
        found += page
    return found


def test_a_catalog_is_listed_whole_page_by_page_also_what_still_waits_in_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop.commands, *({"id": str(n), "handle": f"h-{n}"} for n in range(1, 601)))
            assert len(await shop.commands.catalog_list("shop", "product")) == 250
            await shop.commands.catalog_delete("shop", "product", ["1", "599", "600"])
            await put(shop.commands, {"id": "5000", "published_at": None}, {"id": "5001", "status": "draft"})
            found = await listed(shop.commands)
            assert [entry["key"] for entry in found] == sorted(str(n) for n in [*range(2, 599), 5_000, 5_001])
            assert [entry["key"] for entry in found if not entry["published"]] == ["5000", "5001"]
            assert found[0] == {"key": "10", "id": "10", "handle": "h-10", "published": True}
            assert await listed(shop.commands, "collection") == []

    run(scenario())


def test_a_product_without_an_id_keeps_its_own_key_when_another_takes_its_handle(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop.commands, {"id": "77", "handle": "cap"}, {"handle": "mug"})
            await put(shop.commands, {"id": "77", "handle": "mug"})
            found = await listed(shop.commands)
            assert [(entry["key"], entry["handle"]) for entry in found] == [("77", "mug"), ("h:mug", None)]
            await shop.commands.catalog_delete("shop", "product", ["h:mug"])
            assert [entry["key"] for entry in await listed(shop.commands)] == ["77"]

    run(scenario())


def test_what_is_not_there_is_told_and_a_name_given_twice_is_deleted_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop.commands, {"id": "1"})
            await shop.commands.catalog_put_collections("shop", [{"id": "7", "products": ["1"]}])
            outcomes = await shop.commands.catalog_delete("shop", "product", ["1", "1", "2"])
            assert [outcome["status"] for outcome in outcomes] == ["deleted", "unknown", "unknown"]
            outcomes = await shop.commands.catalog_delete("shop", "collection", ["7", "8"])
            assert [outcome["status"] for outcome in outcomes] == ["deleted", "unknown"]

    run(scenario())


def test_the_progress_of_a_pull_holds_for_an_hour_and_is_its_shops_and_sources_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            await shop.commands.shop_create("other")
            await shop.commands.pull_save("shop", "storefront https://shop.example", {"cursor": "3"})
            assert await shop.commands.pull_progress("shop", "storefront https://shop.example") == {"cursor": "3"}
            assert await shop.commands.pull_progress("shop", "admin https://shop.example") is None
            assert await shop.commands.pull_progress("other", "storefront https://shop.example") is None
            clock.time += HOUR_MS
            assert await shop.commands.pull_progress("shop", "storefront https://shop.example") == {"cursor": "3"}
            clock.time += 1
            assert await shop.commands.pull_progress("shop", "storefront https://shop.example") is None

    run(scenario())


def test_a_pull_that_went_to_its_end_leaves_no_progress(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop.commands.pull_save("shop", "s", {"cursor": "3"})
            await shop.commands.pull_save("shop", "s", None)
            assert await shop.commands.pull_progress("shop", "s") is None
            end = (await shop.commands.status())["ends"]["documents"]
            await shop.commands.pull_save("shop", "s", None)
            assert (await shop.commands.status())["ends"]["documents"] == end
            with pytest.raises(NotFoundError):
                await shop.commands.pull_progress("nobody", "s")
            with pytest.raises(InputInvalidError):
                await shop.commands.pull_save("shop", "s" * 256, None)

    run(scenario())

"""``/api/v1/sources``: which lists and data sources there are, as tools that offer them read it."""

from pathlib import Path
from typing import Any

from footfall.api.lists import Lists
from footfall.api.openapi_shared import parameters
from tests.acceptance.test_data_sources import HATS, set_up
from tests.support import Running, run, running

SOURCES = "/api/v1/sources"


async def told(shop: Running, **options: Any) -> list[dict[str, Any]]:
    answer = await shop.client.get(SOURCES, params={"key": shop.public_key}, **options)
    assert answer.status_code == 200, answer.text
    sources: list[dict[str, Any]] = answer.json()["data"]
    return sources


def test_every_list_and_every_data_source_of_the_shop_is_told_with_its_parameters(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await set_up(shop, HATS, number=1234, name="Cross-sell", description="What goes with it.")
            await set_up(shop, HATS, number=5)
            other = await shop.commands.shop_create("other")
            sources = await told(shop)
            lists = list(Lists(shop.service.parts))
            assert [source["id"] for source in sources] == [*lists, "5", "1234"]
            assert [source["path"] for source in sources[: len(lists)]] == [f"/api/v1/products/{name}" for name in lists]
            for source in sources:
                assert source.keys() == {"id", "name", "description", "protocol", "host", "path", "query"}
                assert source["name"]
                names = [parameter["name"] for parameter in source["query"]]
                assert {"key", "limit", "any_variant_price_less_than"} <= set(names)
                assert len(names) == len(set(names))
                for parameter in source["query"]:
                    assert parameter.keys() == {"name", "required", "default", "description", "example"}
                response = await shop.client.get(source["path"], params={"key": shop.public_key, "uuid": "v"})
                assert response.status_code == 200, "it is served where it says"
            (limit,) = [of for of in sources[0]["query"] if of["name"] == "limit"]
            assert limit["description"] == parameters()["limit"]["description"]
            assert limit["default"] == 5
            assert (sources[-1]["name"], sources[-1]["description"]) == ("Cross-sell", "What goes with it.")
            assert sources[-2]["name"] == "Data source 5"
            theirs = await shop.client.get(SOURCES, params={"key": other["public_key"]})
            assert [source["id"] for source in theirs.json()["data"]] == lists

    run(scenario())


def test_the_host_is_the_one_that_was_asked_and_nothing_that_can_be_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            for host, said in (("shop.example:8080", "shop.example:8080"), ('a"<b>', "localhost:8080")):
                sources = await told(shop, headers={"Host": host, "X-Forwarded-Proto": "gopher"})
                assert {(source["protocol"], source["host"]) for source in sources} == {("http", said)}
            assert (await shop.client.get(SOURCES)).status_code == 401

    run(scenario())

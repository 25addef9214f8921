"""The catalog: products from files of every shape, and ``viewed`` with whole products, whatever came first."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from footfall.catalog import graphql, rest
from tests.support import PUBLIC_KEY, Running, command, directory, event, new_shop, run, running, server
from tests.unit.catalog.shapes import ADMIN, BULK, CSV, STOREFRONT

ID = ADMIN["id"]
MUG = {"id": 77, "handle": "mug", "title": "Mug", "variants": [{"id": 7701, "price": "8.00", "available": True}]}

FILES = {
    "products.json": json.dumps({"products": [STOREFRONT]}),
    "admin.json": json.dumps({"products": [ADMIN]}, indent=2),
    "list.json": json.dumps([ADMIN]),
    "bulk.jsonl": "".join(json.dumps(line) + "\n" for line in BULK),
    "pages.jsonl": json.dumps({"products": [STOREFRONT]}) + "\n" + json.dumps({"products": [MUG]}) + "\n",
    "products.csv": CSV,
}


async def put(shop: Running, *products: dict[str, Any]) -> list[dict[str, Any]]:
    read = [msgspec.to_builtins(graphql.read_product(p) if graphql.kind_of(p) else rest.read_product(p)) for p in products]
    return await shop.commands.catalog_put("shop", read)


async def ids(shop: Running, **parameters: Any) -> list[Any]:
    return [product["id"] for product in await shop.viewed(uuid="v", **parameters)]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_every_shape_is_told_by_its_content_and_imported(name: str, packed: bool) -> None:
    with directory() as path:
        new_shop(path / "data", "my-shop", PUBLIC_KEY, url="https://shop.example")
        file = path / (name + ".gz" * packed)
        text = FILES[name].encode()
        file.write_bytes(gzip.compress(text) if packed else text)
        tally = json.loads(command("catalog", "import", str(file), "--shop", "my-shop", "--json", data=path / "data").stdout)
        assert (tally["created"], tally["rejected"]) == (2 if name in ("products.csv", "pages.jsonl") else 1, 0)
        again = command("catalog", "import", str(file), "--shop", "my-shop", "--json", data=path / "data")
        assert json.loads(again.stdout)["unchanged"] == tally["created"]
        with server(path / "data") as running_server, httpx.Client(base_url=running_server.url, timeout=60) as client:
            client.post(
                "/api/v2/analytics/event",
                params={"key": PUBLIC_KEY},
                json=event(uuid="v", product_id=None, product_handle="classic-beanie"),
            ).raise_for_status()
            (product,) = client.get("/api/v1/products/viewed", params={"key": PUBLIC_KEY, "uuid": "v"}).json()["data"]
        assert (product["title"], product["catalog"]) == ("Classic Beanie", True)
        assert product["image"]["src"] == product["images"][0]["src"] == "https://cdn.example/beanie-red.jpg"
        assert [variant["price"] for variant in product["variants"]] == ["19.90", "21.00"]
        assert [variant["available"] for variant in product["variants"]] == [True, False]
        assert (product["tags"], product["description"]) == ("winter, wool", "Warm & soft .")
        assert product["link"] == "https://shop.example/products/classic-beanie"


def test_a_broken_product_is_told_with_line_and_reason_and_the_rest_is_imported() -> None:
    with directory() as path:
        new_shop(path / "data", "my-shop")
        file = path / "some.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in (ADMIN, {"title": "no name"}, MUG | {"variants": 5})))
        done = command("catalog", "import", str(file), "--shop", "my-shop", data=path / "data")
        assert "line 2: A product needs an id or a handle." in done.stderr
        assert "line 3: variants is 5; it must be a list." in done.stderr
        assert "1 product new" in done.stdout
        assert "2 could not be read" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("events.csv", "event_time,event_type,product_id,user_id,user_session\n", "looks like events of REES46"),
        ("other.csv", "a,b\n1,2\n", "looks like a CSV of something else"),
        ("other.json", '{"orders": []}', "holds no products"),
        ("cut.json", '{"products": [', "not valid JSON"),
        ("what.txt", "hello", "no file of products"),
    ],
)
def test_another_file_says_what_it_looks_like(name: str, text: str, said: str) -> None:
    with directory() as path:
        new_shop(path / "data", "my-shop")
        (path / name).write_text(text)
        done = command("catalog", "import", str(path / name), "--shop", "my-shop", data=path / "data", check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_file_of_another_format_than_said_is_refused() -> None:
    with directory() as path:
        new_shop(path / "data", "my-shop")
        (path / "products.csv").write_text(CSV)
        done = command(
            "catalog",
            "import",
            str(path / "products.csv"),
            "--shop",
            "my-shop",
            "--format",
            "bulk",
            data=path / "data",
            check=False,
        )
        assert done.returncode == 1
        assert "Use --format csv" in done.stderr


def test_id_variant_and_handle_lead_to_one_product_and_it_is_answered_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, ADMIN)
            for names in (
                {"product_id": str(ID)},
                {"product_id": f"gid://shopify/Product/{ID}"},
                {"product_id": None, "product_handle": "classic-beanie"},
                {"product_id": None, "shopify_variant_id": 36000000000002},
            ):
                await shop.send(**{"uuid": "v", **names})
                assert await ids(shop) == [ID], names

    run(scenario())


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_events_and_catalog_in_any_order_give_the_same_answer(tmp_path: Path, order: tuple[int, ...]) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:

            async def views() -> None:
                await shop.send(uuid="v", product_id=None, product_handle="classic-beanie", event_time=1_000)
                await shop.send(uuid="v", product_id="77", event_time=2_000)

            for number in order:
                await (views() if number == 0 else put(shop, (ADMIN, MUG)[number - 1]))
            assert await ids(shop) == [77, ID]
        # A new process reads all of it again.
        (tmp_path / "state.db").unlink()
        async with running(tmp_path) as shop:
            assert await ids(shop) == [77, ID]

    run(scenario())


def test_before_the_catalog_events_tell_and_after_it_what_it_does_not_know_is_left_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop.send(uuid="v", product_id="1", product_handle="gone")
            assert [(p["id"], p["catalog"]) for p in await shop.viewed(uuid="v")] == [(1, False)]
            await put(shop, MUG)
            await shop.send(uuid="v", product_id="77")
            assert await ids(shop) == [77]
            assert await ids(shop, catalog="any") == [77, 1]

    run(scenario())


def test_unpublished_drafts_and_archived_products_are_left_out_and_what_is_out_of_stock_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            products = [
                MUG | {"id": 1, "handle": "a", "published_at": None},
                MUG | {"id": 2, "handle": "b", "status": "draft"},
                MUG | {"id": 3, "handle": "c", "status": "archived"},
                MUG | {"id": 4, "handle": "d", "variants": [{"id": 41, "available": False, "price": "1"}]},
                MUG | {"id": 5, "handle": "e", "tags": "exclude_rebuy"},
            ]
            await put(shop, *products)
            for number in range(1, 6):
                await shop.send(uuid="v", product_id=str(number), event_time=number)
            assert await ids(shop) == [5, 4]
            assert await ids(shop, filter_oos="yes") == [5]
            assert await ids(shop, catalog="any") == [5, 4, 3, 2, 1]

    run(scenario())


def test_a_renamed_products_old_handle_leads_to_it_until_another_product_takes_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, MUG)
            await shop.send(uuid="v", product_id=None, product_handle="mug")
            await put(shop, MUG | {"handle": "cup"})
            assert await ids(shop) == [77]
            await put(shop, MUG | {"id": 78, "handle": "mug"})
            assert await ids(shop) == [78]
            await shop.service.tails.merge()
            assert await ids(shop) == [78]

    run(scenario())


@pytest.mark.parametrize("as_one", [True, False], ids=["in one request", "one by one"])
def test_a_handle_is_whose_it_was_last_in_whatever_order_that_is_told(tmp_path: Path, as_one: bool) -> None:
    def told(product: int, handle: str, day: int) -> dict[str, Any]:
        return {"id": product, "handle": handle, "updated_at": f"2025-01-0{day}T10:00:00Z", "variants": []}

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            for first in range(10, 70, 10):
                mug, cup = f"mug-{first}", f"cup-{first}"
                messages = [told(first, mug, 1), told(first, cup, 2), told(first + 1, mug, 3)]
                order = list(itertools.permutations(messages))[first // 10 - 1]
                for batch in [order] if as_one else [[message] for message in order]:
                    await put(shop, *batch)
                asked = {"key": shop.public_key, "handles": f"{mug},{cup}"}
                found = (await shop.client.get("/api/v1/products/static", params=asked)).json()["data"]
                assert [product["id"] for product in found] == [first + 1, first], order

    run(scenario())


def test_a_product_known_by_its_handle_becomes_one_with_its_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            without_id = {name: value for name, value in MUG.items() if name != "id"}
            assert [o["status"] for o in await put(shop, without_id | {"vendor": "Northwind"})] == ["created"]
            await shop.send(uuid="v", product_id="77", product_handle="mug")
            assert [(p["id"], p["vendor"]) for p in await shop.viewed(uuid="v")] == [(None, "Northwind")]
            assert [o["status"] for o in await put(shop, MUG)] == ["updated"]
            assert [(p["id"], p["vendor"]) for p in await shop.viewed(uuid="v")] == [(77, "Northwind")]

    run(scenario())


def test_countries_have_their_prices_and_metafields_come_when_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            variant = {"id": 1, "price": "8.00", "prices": {"DE": {"price": "9.50", "currency": "EUR"}}}
            await put(shop, MUG | {"variants": [variant], "metafields": [{"key": "material", "value": "clay"}]})
            await shop.send(uuid="v", product_id="77")

            async def shown(**parameters: str) -> dict[str, Any]:
                return (await shop.viewed(uuid="v", **parameters))[0]

            assert (await shown())["variants"][0]["price"] == "8.00"
            assert (await shown(country_code="de"))["variants"][0]["price"] == "9.50"
            assert (await shown(country_code="FR"))["variants"][0]["price"] == "8.00"
            assert "metafields" not in await shown()
            assert [m["key"] for m in (await shown(metafields="yes"))["metafields"]] == ["material"]

    run(scenario())


def test_two_shops_with_the_same_ids_have_their_own_products(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            other = await shop.commands.shop_create("other")
            await put(shop, MUG)
            await shop.commands.catalog_put("other", [msgspec.to_builtins(rest.read_product(MUG | {"title": "Theirs"}))])
            await shop.send(uuid="v", product_id="77")
            assert (await shop.viewed(uuid="v"))[0]["title"] == "Mug"
            shop.public_key = other["public_key"]
            await shop.send(uuid="v", product_id="77")
            assert (await shop.viewed(uuid="v"))[0]["title"] == "Theirs"

    run(scenario())


def test_a_batch_that_names_a_product_twice_leaves_it_as_the_last_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            outcomes = await put(shop, MUG, MUG | {"title": "Cup"}, MUG | {"title": "Cup"})
            assert [outcome["status"] for outcome in outcomes] == ["created", "updated", "unchanged"]
            await shop.send(uuid="v", product_id="77")
            assert (await shop.viewed(uuid="v"))[0]["title"] == "Cup"

    run(scenario())

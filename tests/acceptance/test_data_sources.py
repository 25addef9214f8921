"""Data sources: how they are asked, how shops put them, their versions, and what of their answers may be kept."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.limits import DATA_SOURCE_BYTES_MAX
from tests.acceptance.test_catalog_routes import COLLECTIONS, product, put
from tests.acceptance.test_list_filters import priced
from tests.support import ManualClock, Running, command, directory, run, running, server

SOURCES = "/api/v1/data-sources"
HATS = {"source": "collections", "collections": ["hats"]}


async def set_up(shop: Running, *rules: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    """Put a data source of these rules."""
    answer = await shop.client.put(f"{SOURCES}/{number}", json={"rules": rules, **more}, headers=shop.bearer)
    assert answer.status_code == 200, answer.text
    kept: dict[str, Any] = answer.json()["data"]
    return kept


async def ask(shop: Running, **context: Any) -> dict[str, Any]:
    """The whole answer of data source 1."""
    answer = await shop.client.get("/custom/id/1", params={"key": shop.public_key, **context})
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


async def found(shop: Running, **context: Any) -> list[int]:
    """The products of its answer."""
    return [product["id"] for product in (await ask(shop, **context))["data"]]


def with_hats(
    tmp_path: Path, scenario: Callable[[Running], Awaitable[None]], clock: ManualClock | None = None, **settings: str
) -> None:
    """A shop with products 1 to 9, of which the collection ``hats`` has 3, 2, 1."""

    async def whole() -> None:
        async with running(tmp_path, clock, **settings) as shop:
            tagged = {1: "Gift, sale", 2: "sale", 3: "old"}
            await put(
                shop,
                [
                    priced(
                        n,
                        f"{n}0.00",
                        tags=tagged.get(n, ""),
                        vendor="Northwind" if n % 2 else "Acme",
                        product_type="Mug" if n == 6 else "Hat",
                    )
                    for n in range(1, 10)
                ],
            )
            await put(shop, [{"id": 70, "handle": "hats", "products": [3, 2, 1]}, {"id": 71, "products": [2]}], COLLECTIONS)
            await scenario(shop)

    run(whole())


def test_forty_context_parameters_of_any_kind_never_fail_a_read(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        every = {"cart_subtotal": {"at_most": "999999"}, "cart_contains": {"products": ["5"]}, "country": ["DE"]}
        await set_up(shop, {"source": "static", "products": ["9"], "when": every}, {"source": "viewed"}, HATS)
        names = ["cart_token", "cart_subtotal", "cart_item_count", "cart_items", "cart_line_items", "uuid", "customer_tags"]
        names += ["shopify_customer_id", "country_code", "url", "theme", "shopify_product_ids", "shopify_variant_ids"]
        names += ["shopify_collection_ids", "limit", "filter_oos", "explain", "metafields", "filter_inputs"]
        names += [f"widget_parameter_{n}" for n in range(40 - len(names))]
        for text in ("", "undefined", "[", "[[[]]]", '{"a":1}', "-1", "NaN", "1e999", "\x00", "ä,ö,,", "9" * 400):
            assert await found(shop, **dict.fromkeys(names, text)) == [3, 2, 1], text
        values: list[Any] = [None, True, [], {}, [[]], [{}], [None, {"id": {}}], {"id": [1]}, 1e300, -5, [1.5]]
        for value in values:
            asked = {"key": shop.public_key, **dict.fromkeys(names, value)}
            answer = await shop.client.post("/custom/id/1", json=asked)
            assert answer.status_code == 200, (value, answer.text)

    with_hats(tmp_path, scenario)


def test_a_post_asks_as_a_get_does_with_form_and_json_on_both_paths(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {**HATS, "filters": {"exclude": ["cart"]}})
        asked = {"key": shop.public_key, "cart_items": "3", "limit": "1"}
        items = {**asked, "cart_items": [{"product_id": 3}], "limit": 1}
        for path in ("/custom/id/1", "/api/v1/custom/id/1"):
            answers = [
                await shop.client.get(path, params=asked),
                await shop.client.post(path, data=asked),
                await shop.client.post(path, json=asked),
                await shop.client.post(path, json=items),
            ]
            for answer in answers:
                assert [p["id"] for p in answer.json()["data"]] == [2], answer.text

    with_hats(tmp_path, scenario)


def test_an_answer_explains_itself_when_asked_to_and_carries_nothing_more_otherwise(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await set_up(shop, {"source": "static", "products": ["9"], "name": "first"}, {**HATS, "limit": 1}, name="Cross-sell")
        plain = await ask(shop)
        assert plain.keys() == {"data"}
        assert not any("reasons" in p for p in plain["data"])
        explained = await ask(shop, explain="yes")
        because: list[dict[str, Any]] = [
            {"rule": 1, "name": "first", "source": "static"},
            {"rule": 2, "name": None, "source": "collections"},
        ]
        assert [p.pop("reasons") for p in explained["data"]] == [[reason] for reason in because]
        assert explained["data"] == plain["data"]
        assert explained["metadata"] == {
            "data_source": {"id": 1, "name": "Cross-sell", "version": 1},
            "products": [{"id": 9, **because[0]}, {"id": 3, **because[1]}],
        }

    with_hats(tmp_path, scenario)


def test_each_put_that_changes_something_is_a_new_version_and_is_answered_at_once(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        first = await set_up(shop, HATS)
        assert (first["status"], first["version"], first["id"]) == ("created", 1, 1)
        assert (await found(shop)) == [3, 2, 1]
        assert (await set_up(shop, HATS))["status"] == "unchanged"
        changed = await set_up(shop, {**HATS, "limit": 1})
        assert (changed["status"], changed["version"]) == ("updated", 2)
        assert await found(shop) == [3]
        shown = (await shop.client.get(f"{SOURCES}/1", headers=shop.bearer)).json()["data"]
        assert (shown["version"], shown["rules"]) == (2, [{**HATS, "limit": 1}])
        again = await shop.client.put(f"{SOURCES}/1", json=shown, headers=shop.bearer)
        assert again.json()["data"]["status"] == "unchanged", "what is shown may be put again"
        gone = await shop.client.delete(f"{SOURCES}/1", headers=shop.bearer)
        assert gone.json()["data"]["status"] == "deleted"
        for method in ("GET", "DELETE"):
            assert (await shop.client.request(method, f"{SOURCES}/1", headers=shop.bearer)).status_code == 404
        answer = await shop.client.get("/custom/id/1", params={"key": shop.public_key})
        assert answer.status_code == 404
        assert "footfall datasource put" in answer.json()["error"]

    with_hats(tmp_path, scenario)


def test_data_sources_survive_a_restart_and_a_merge(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, [product(1)])
            await set_up(shop, {"source": "static", "products": ["1"], "when": {"cart_subtotal": {"at_least": "9.90"}}})
            await set_up(shop, {"source": "viewed"}, number=2)
            await shop.client.delete(f"{SOURCES}/2", headers=shop.bearer)
        async with running(tmp_path) as shop:
            assert await found(shop, cart_subtotal="9.90") == [1]
            assert [of["id"] for of in await shop.commands.datasource_list("shop")] == [1]

    run(scenario())


@pytest.mark.parametrize("room", [0, 10_000_000])
def test_what_is_kept_in_memory_is_right_after_every_change_and_however_little_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    for bound in ("DATA_SOURCES_CACHE_BYTES_MAX", "DATA_SOURCES_LISTED_MAX"):
        monkeypatch.setattr(f"footfall.projections.data_sources.{bound}", room)

    async def scenario(shop: Running) -> None:
        async def names() -> list[tuple[int, str]]:
            listed = (await shop.client.get(SOURCES, headers=shop.bearer)).json()["data"]
            return [(of["id"], of["name"]) for of in listed]

        await set_up(shop, HATS, name="A")
        await set_up(shop, HATS, number=2, name="B")
        for _ in range(2):
            assert (await names(), await found(shop)) == ([(1, "A"), (2, "B")], [3, 2, 1])
        await set_up(shop, {**HATS, "limit": 2}, name="C")
        assert (await names(), await found(shop)) == ([(1, "C"), (2, "B")], [3, 2])
        await shop.client.delete(f"{SOURCES}/2", headers=shop.bearer)
        await shop.service.tails.merge()
        assert (await names(), await found(shop)) == ([(1, "C")], [3, 2])

    with_hats(tmp_path, scenario)


def test_two_shops_have_data_sources_of_the_same_number(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        other = await shop.commands.shop_create("other")
        bearer = {"Authorization": f"Bearer {other['secret_key']}"}
        await shop.client.put("/api/v1/catalog/products", json=[product(1), product(2)], headers=bearer)
        await set_up(shop, HATS)
        await shop.client.put(f"{SOURCES}/1", json={"rules": [{"source": "static", "products": ["1"]}]}, headers=bearer)
        assert await found(shop) == [3, 2, 1]
        assert await found(shop, key=other["public_key"]) == [1]
        await shop.client.delete(f"{SOURCES}/1", headers=bearer)
        assert await found(shop) == [3, 2, 1]
        unknown = await shop.client.get("/custom/id/1", params={"key": other["public_key"]})
        assert unknown.status_code == 404

    with_hats(tmp_path, scenario)


@pytest.mark.parametrize("number", ["0", "abc", "9" * 16, "-1", "1.5", "", "²", "x/1"])
def test_what_is_no_number_is_unknown_and_cannot_be_put(tmp_path: Path, number: str) -> None:
    async def scenario(shop: Running) -> None:
        answer = await shop.client.get(f"/custom/id/{number}", params={"key": shop.public_key})
        assert answer.status_code == 404
        put = await shop.client.put(f"{SOURCES}/{number}", json={"rules": [HATS]}, headers=shop.bearer)
        assert put.status_code == 400

    with_hats(tmp_path, scenario)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", f"{SOURCES}/1"), ("GET", f"{SOURCES}/1"), ("DELETE", f"{SOURCES}/1"), ("GET", SOURCES)]
)
def test_data_sources_are_seen_and_changed_with_the_secret_key_alone(tmp_path: Path, method: str, path: str) -> None:
    async def scenario(shop: Running) -> None:
        async def status(**headers: str) -> int:
            content = json.dumps({"rules": [HATS]}) if method == "PUT" else None
            answer = await shop.client.request(method, path, params={"key": shop.public_key}, content=content, headers=headers)
            return answer.status_code

        await set_up(shop, HATS)
        assert await status() == 401
        assert await status(Authorization=f"Bearer {shop.public_key}") == 401
        assert await status(**shop.bearer, Origin="https://shop.example") == 403
        assert await status(**shop.bearer) == 200

    with_hats(tmp_path, scenario)


def test_what_cannot_be_kept_is_refused_with_its_place_and_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(shop: Running) -> None:
        async def refused(content: bytes, number: int = 1) -> tuple[int, str]:
            answer = await shop.client.put(f"{SOURCES}/{number}", content=content, headers=shop.bearer)
            return answer.status_code, answer.json()["error"]

        status, error = await refused(b'{"rules":[{"source":"similar"}]}')
        assert (status, "rules[0].source is 'similar'" in error, "viewed" in error) == (400, True, True)
        assert (await refused(b"{"))[0] == 400
        assert (await refused(b"[" * 50_000))[0] == 400
        assert (await refused(b" " * (DATA_SOURCE_BYTES_MAX + 1)))[0] == 413
        monkeypatch.setattr("footfall.intake.data_sources.DATA_SOURCES_MAX", 2)
        for number in (1, 2):
            await set_up(shop, HATS, number=number)
        status, error = await refused(json.dumps({"rules": [HATS]}).encode(), 3)
        assert (status, "no shop has more" in error) == (400, True)
        assert (await set_up(shop, HATS, number=2, name="Two"))["version"] == 2

    with_hats(tmp_path, scenario)


def test_only_answers_that_are_the_same_for_everybody_may_be_kept_by_caches(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        async def cache_control(*rules: dict[str, Any]) -> str:
            await set_up(shop, *rules)
            answer = await shop.client.get("/custom/id/1", params={"key": shop.public_key})
            return str(answer.headers["cache-control"])

        assert "max-age" in await cache_control(
            HATS, {**HATS, "when": {"country": ["DE"]}, "filters": {"exclude": ["inputs"]}}
        )
        assert await cache_control(HATS, {"source": "viewed"}) == "no-store"
        assert await cache_control({**HATS, "when": {"from": "2026-11-27T00:00:00Z"}}) == "no-store"
        assert await cache_control({**HATS, "when": {"cart_subtotal": {"above": "5"}}}) == "no-store"
        assert await cache_control({**HATS, "filters": {"exclude": ["viewed"]}}) == "no-store"
        await set_up(shop, HATS)
        first = await shop.client.get("/custom/id/1", params={"key": shop.public_key})
        held = {"If-None-Match": first.headers["etag"]}
        again = await shop.client.get("/custom/id/1", params={"key": shop.public_key}, headers=held)
        assert (again.status_code, again.content) == (304, b"")

    with_hats(tmp_path, scenario)


def test_the_command_puts_shows_tries_lists_and_deletes(tmp_path: Path) -> None:
    file = tmp_path / "cross-sell.json"
    file.write_text(json.dumps({"name": "Cross-sell", "rules": [{"source": "static", "products": ["h:beanie"]}]}))
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"rules": [{"source": "static", "product": ["5"]}]}')
    products = tmp_path / "products.json"
    products.write_text(json.dumps({"products": [product(5, handle="beanie", title="Beanie")]}))
    with directory() as data, server(data):
        command("shop", "create", "my-shop", data=data)
        command("catalog", "import", str(products), "--shop", "my-shop", data=data)
        of_shop = ("--shop", "my-shop")
        refused = command("datasource", "put", str(file), *of_shop, data=data, check=False)
        assert (refused.returncode, "needs an id" in refused.stderr) == (1, True)
        refused = command("datasource", "put", str(wrong), *of_shop, "--id", "7", data=data, check=False)
        assert "rules[0].product is not known here" in refused.stderr
        put = command("datasource", "put", str(file), *of_shop, "--id", "7", data=data)
        assert "data source 7 is created, version 1, 1 rule" in put.stdout
        listed = command("datasource", "list", *of_shop, "--json", data=data)
        assert [of["id"] for of in json.loads(listed.stdout)] == [7]
        shown = json.loads(command("datasource", "show", "7", *of_shop, data=data).stdout)
        assert shown["rules"] == [{"source": "static", "products": ["h:beanie"]}]
        tried = command("datasource", "try", "7", *of_shop, "--context", "limit=1", data=data)
        assert "Beanie" in tried.stdout
        command("datasource", "delete", "7", *of_shop, data=data)
        gone = command("datasource", "show", "7", *of_shop, data=data, check=False)
        assert (gone.returncode, "no data source '7'" in gone.stderr) == (1, True)

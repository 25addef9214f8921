"""The catalog over HTTP: products in and out with the secret key, and the lists that a caller names."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.limits import CATALOG_BATCH_MAX
from tests.support import Running, run, running
from tests.unit.catalog.shapes import ADMIN, BULK

PRODUCTS, COLLECTIONS = "/api/v1/catalog/products", "/api/v1/catalog/collections"


def product(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "handle": f"p-{number}",
        "variants": [{"id": number * 10, "price": "1.00", "available": True}],
    } | more


async def put(shop: Running, things: Any, path: str = PRODUCTS) -> list[dict[str, Any]]:
    answer = await shop.client.put(path, json=things, headers=shop.bearer)
    assert answer.status_code == 200, answer.text
    outcomes: list[dict[str, Any]] = answer.json()["data"]
    return outcomes


async def listed(shop: Running, path: str, **parameters: Any) -> list[int]:
    answer = await shop.client.get(f"/api/v1/products/{path}", params={"key": shop.public_key, **parameters})
    assert answer.status_code == 200, answer.text
    return [found["id"] for found in answer.json()["data"]]


def test_products_come_in_every_shape_with_one_outcome_for_each_and_go_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            node = BULK[0] | {"id": "gid://shopify/Product/9", "handle": "node"}
            outcomes = await put(shop, [ADMIN, {"title": "nameless"}, node, ADMIN])
            assert [outcome["status"] for outcome in outcomes] == ["created", "rejected", "created", "unchanged"]
            assert "id or a handle" in outcomes[1]["error"]
            assert [o["status"] for o in await put(shop, {"products": [product(1)]})] == ["created"]
            assert [o["status"] for o in await put(shop, product(1, title="One"))] == ["updated"]
            assert await listed(shop, "static", ids=f"1,{ADMIN['id']},9") == [1, ADMIN["id"], 9]
            gone = await shop.client.delete(f"{PRODUCTS}/1", headers=shop.bearer)
            assert gone.json()["data"]["status"] == "deleted"
            assert (await shop.client.delete(f"{PRODUCTS}/p-1", headers=shop.bearer)).status_code == 404
            assert await listed(shop, "static", ids="1,9") == [9]

    run(scenario())


def test_a_product_that_is_deleted_disappears_from_viewed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, [product(1), product(2)])
            for number in (1, 2):
                await shop.send(uuid="v", product_id=str(number), event_time=number)
            assert [p["id"] for p in await shop.viewed(uuid="v")] == [2, 1]
            await shop.client.delete(f"{PRODUCTS}/2", headers=shop.bearer)
            assert [p["id"] for p in await shop.viewed(uuid="v")] == [1]

    run(scenario())


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 400, "not valid JSON"),
        (b"5", 400, "JSON array of products"),
        (b'[{"id":1,"variants":[{"price":"cheap"}]}]', 400, "variants[0].price is 'cheap'"),
        (b"[" + b",".join([b'{"id":1}'] * (CATALOG_BATCH_MAX + 1)) + b"]", 413, "at most 250"),
        (b"[" * 100_000, 400, "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, content: bytes, status: int, said: str) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            answer = await shop.client.put(PRODUCTS, content=content, headers=shop.bearer)
            assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text

    run(scenario())


@pytest.mark.parametrize(("method", "path"), [("PUT", PRODUCTS), ("DELETE", PRODUCTS + "/1"), ("PUT", COLLECTIONS)])
def test_the_catalog_is_changed_with_the_secret_key_alone(tmp_path: Path, method: str, path: str) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:

            async def ask(**headers: str) -> httpx.Response:
                return await shop.client.request(
                    method, path, params={"key": shop.public_key}, content=b"[]" * (method == "PUT"), headers=headers
                )

            assert (await ask()).status_code == 401
            assert (await ask(Authorization="Bearer ffs_unknown")).status_code == 401
            assert (await ask(**shop.bearer, Origin="https://shop.example")).status_code == 403
            assert (await ask(**shop.bearer)).status_code in (200, 404)

    run(scenario())


def test_static_answers_what_the_caller_names_in_that_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(
                shop, [product(n) for n in range(1, 8)] + [product(8, published_at=None), product(9, tags="exclude_rebuy")]
            )
            await put(shop, {"id": 70, "handle": "all", "products": [5, 4]}, COLLECTIONS)
            assert await listed(shop, "static", ids="3,,1,999,3", handles="p-2") == [3, 1, 2]
            assert await listed(shop, "static", shopify_product_ids="gid://shopify/Product/4") == [4]
            assert await listed(shop, "static", shopify_collection_id="70") == [5, 4]
            assert await listed(shop, "static", ids="1,2,3", excluded_ids="2") == [1, 3]
            assert await listed(shop, "static", ids="8,9") == [9]
            assert await listed(shop, "static", ids="8,9", filter_unpublished="no") == [8, 9]
            assert await listed(shop, "static", ids="1,2,3,4,5,6,7") == [1, 2, 3, 4, 5]
            assert await listed(shop, "static", ids="1,2,3,4,5,6,7", limit="7") == [1, 2, 3, 4, 5, 6, 7]
            assert await listed(shop, "static") == []

    run(scenario())


def test_collections_answer_their_products_in_their_own_order_without_those_that_are_given(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            out = product(3, variants=[{"id": 30, "price": "1", "available": False}])
            await put(shop, [product(1), product(2), out, product(4, tags="footfall:hidden")])
            await put(shop, [{"id": 70, "handle": "all", "products": [4, 3, 2, 1]}, {"id": 71, "products": [1]}], COLLECTIONS)
            assert await listed(shop, "collections", shopify_collection_ids="70") == [2, 1]
            assert await listed(shop, "collections", shopify_collection_ids="all", filter_oos="no") == [3, 2, 1]
            assert await listed(shop, "collections", shopify_collection_ids="71,70") == [1, 2]
            assert await listed(shop, "collections", shopify_collection_ids="70", shopify_product_ids="2") == [1]
            assert await listed(shop, "collections", shopify_collection_ids="unknown") == []
            await shop.client.delete(f"{COLLECTIONS}/70", headers=shop.bearer)
            assert await listed(shop, "collections", shopify_collection_ids="70") == []
            assert await listed(shop, "static", ids="1") == [1], "its products stay"

    run(scenario())


def test_a_list_that_is_the_same_is_not_sent_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, product(1))
            asked = {"key": shop.public_key, "ids": "1"}
            first = await shop.client.get("/api/v1/products/static", params=asked)
            assert "max-age" in first.headers["cache-control"]
            assert "X-Rebuy-User-Token" in first.headers["vary"], "two shops may ask with one address"
            held = {"If-None-Match": first.headers["etag"]}
            again = await shop.client.get("/api/v1/products/static", params=asked, headers=held)
            assert (again.status_code, again.content) == (304, b"")
            await put(shop, product(1, title="Other"))
            changed = await shop.client.get("/api/v1/products/static", params=asked, headers=held)
            assert (changed.status_code, changed.json()["data"][0]["title"]) == (200, "Other")

    run(scenario())


def test_a_post_asks_as_a_get_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await put(shop, [product(1), product(2)])
            for sent in ({"json": {"key": shop.public_key, "ids": [2, 1]}}, {"data": {"key": shop.public_key, "ids": "2,1"}}):
                answer = await shop.client.post("/api/v1/products/static", **sent)
                assert [p["id"] for p in answer.json()["data"]] == [2, 1]

    run(scenario())

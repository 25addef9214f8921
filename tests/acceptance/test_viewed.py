"""``/api/v1/products/viewed``: how it may be asked, what it refuses, and the product it answers."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footfall.identifiers import position_token, read_position_token
from tests.acceptance.test_history import OTHER_KEY, VIEWED, ids, views, with_shop
from tests.support import Running, event

MISSING_IDENTITY = {"error": "Missing required args. You must pass either shopify_customer_id or uuid."}
PRODUCT_KEYS = {
    "id",
    "title",
    "body_html",
    "description",
    "vendor",
    "product_type",
    "created_at",
    "handle",
    "updated_at",
    "published_at",
    "template_suffix",
    "published_scope",
    "tags",
    "admin_graphql_api_id",
    "status",
    "image",
    "images",
    "options",
    "variants",
    "link",
}
VARIANT_KEYS = {"id", "product_id", "title", "price", "compare_at_price", "sku", "inventory_quantity", "available"}


@pytest.mark.parametrize(
    ("limit", "products"),
    [
        (None, 5),
        ("", 5),
        ("0", 5),
        ("-3", 5),
        ("many", 5),
        ("1.5", 5),
        ("1_0", 5),
        ("NaN", 5),
        ("3", 3),
        (" 3 ", 3),
        ("250", 250),
        ("251", 250),
        ("9" * 40, 250),
    ],
)
def test_limit_is_5_unless_given_and_at_most_250_and_nonsense_counts_as_absent(
    tmp_path: Path, limit: str | None, products: int
) -> None:
    async def scenario(shop: Running) -> None:
        await shop.send(*(event(uuid="v", product_id=number) for number in range(1, 261)))
        parameters = {"limit": limit} if limit is not None else {}
        assert await ids(shop, uuid="v", **parameters) == list(range(260, 260 - products, -1))

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize(
    ("query", "indented"),
    [
        ("format=pretty", True),
        ("pretty", True),
        ("pretty=", True),
        ("pretty=yes", False),
        ("prettyy", False),
        ("format=prettyy", False),
        ("", False),
    ],
)
def test_answers_are_indented_for_pretty_alone(tmp_path: Path, query: str, indented: bool) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="v")
        answer = await shop.client.get(f"{VIEWED}?key={shop.public_key}&uuid=v&{query}")
        assert (b"\n" in answer.content) is indented
        assert [product["id"] for product in answer.json()["data"]] == [1]

    with_shop(tmp_path, scenario)


def test_after_waits_for_its_own_generation_and_takes_another_for_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.api.products.AFTER_WAIT_SECONDS", 0.01)

    async def scenario(shop: Running) -> None:
        async def ask(after: str) -> Any:
            return await shop.client.get(VIEWED, params={"key": shop.public_key, "uuid": "v", "after": after})

        sent = await shop.send(event(uuid="v", product_id=1))
        token = sent.headers["footfall-position"]
        reached = await ask(token)
        assert (reached.status_code, [p["id"] for p in reached.json()["data"]]) == (200, [1])
        assert read_position_token(reached.headers["footfall-position"]) == read_position_token(token)

        read = read_position_token(token)
        assert read is not None
        generation, places = read
        beyond = {partition: position + 1 for partition, position in places.items()}
        not_yet = await ask(position_token(generation, beyond))
        assert not_yet.status_code == 503
        assert int(not_yet.headers["retry-after"]) > 0
        assert not_yet.json()["error"]

        other = f"{int(generation, 16) ^ 1:08x}"
        assert (await ask(f"{other}-0.999999")).status_code == 200
        assert (await ask("")).status_code == 200
        for garbage in ("17", "soon", f"{generation}-", f"{generation}-0", "0" * 500):
            refused = await ask(garbage)
            assert refused.status_code == 400, garbage
            assert "after" in refused.json()["error"]

    with_shop(tmp_path, scenario)


def test_a_position_that_is_reached_while_the_read_waits_is_answered(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        first = (await shop.send(event(uuid="v", product_id=1))).headers["footfall-position"]
        read = read_position_token(first)
        assert read is not None
        coming = position_token(read[0], {partition: position + 1 for partition, position in read[1].items()})
        waiting = asyncio.create_task(ids(shop, uuid="v", after=coming))
        await asyncio.sleep(0)
        await shop.send(event(uuid="v", product_id=2))
        assert await waiting == [2, 1]

    with_shop(tmp_path, scenario)


def test_a_post_asks_as_a_get_does_with_form_json_or_query(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, 2, 3, uuid="v", customer_id="207119551")
        asked: dict[str, Any] = {"key": shop.public_key, "uuid": "v", "limit": "2"}
        number = {"key": shop.public_key, "shopify_customer_id": 207119551, "limit": 2}
        gid = {"key": shop.public_key, "shopify_customer_id": "gid://shopify/Customer/207119551", "limit": 2}
        answers = [
            await shop.client.post(VIEWED, data=asked),
            await shop.client.post(VIEWED, json=asked),
            await shop.client.post(VIEWED, params=asked),
            await shop.client.post(VIEWED, json=number),
            await shop.client.post(VIEWED, json=gid),
            await shop.client.post(
                f"{VIEWED}?key={shop.public_key}", content=msgspec.json.encode(asked), headers={"content-type": "text/plain"}
            ),
        ]
        for answer in answers:
            assert [p["id"] for p in answer.json()["data"]] == [3, 2], answer.request.content
        assert (await shop.client.post(VIEWED, params=asked, content=b"[1]")).status_code == 400

    with_shop(tmp_path, scenario)


def test_customer_reads_secret_closes_reads_by_customer_to_the_public_key(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="v", customer_id="7")
        for identity in ({"shopify_customer_id": "7"}, {"shopify_customer_id": "7", "uuid": "v"}):
            refused = await shop.client.get(VIEWED, params={"key": shop.public_key, **identity})
            assert refused.status_code == 403
            assert "Authorization: Bearer" in refused.json()["error"]
            assert "customer_reads" in refused.json()["error"]
            with_secret = await shop.client.get(VIEWED, params=identity, headers=shop.bearer)
            assert [p["id"] for p in with_secret.json()["data"]] == [1]
        assert await ids(shop, uuid="v") == [1]
        assert await ids(shop, uuid="v", shopify_customer_id="undefined") == [1], "a placeholder asks for no customer"

    with_shop(tmp_path, scenario, customer_reads="secret")


@pytest.mark.parametrize(
    "identity",
    [
        {},
        {"uuid": ""},
        {"uuid": "undefined"},
        {"uuid": "00000000-0000-0000-0000-000000000000"},
        {"shopify_customer_id": "0"},
        {"shopify_customer_id": "null", "uuid": "[object Object]"},
    ],
)
def test_a_read_without_a_usable_identity_gets_the_documented_400(tmp_path: Path, identity: dict[str, str]) -> None:
    async def scenario(shop: Running) -> None:
        answer = await shop.client.get(VIEWED, params={"key": shop.public_key, **identity})
        assert (answer.status_code, answer.json()) == (400, MISSING_IDENTITY)

    with_shop(tmp_path, scenario)


def test_an_unknown_key_is_401_before_anything_else_is_looked_at(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        for parameters in ({}, {"key": ""}, {"key": OTHER_KEY}, {"key": shop.secret_key}):
            answer = await shop.client.get(VIEWED, params=parameters)
            assert answer.status_code == 401, parameters
            assert answer.json()["error"]
        wrong = await shop.client.get(VIEWED, params={"uuid": "v"}, headers={"Authorization": "Bearer ffs_wrong"})
        assert wrong.status_code == 401

    with_shop(tmp_path, scenario)


def test_the_key_is_taken_from_every_place_that_clients_put_it(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await views(shop, 1, uuid="v")
        for header in ("X-Rebuy-User-Token", "Rebuy-Api-Key", "X-Rebuy-Api-Key", "Footfall-Key"):
            answer = await shop.client.get(VIEWED, params={"uuid": "v"}, headers={header: shop.public_key})
            assert [p["id"] for p in answer.json()["data"]] == [1], header
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["access-control-allow-origin"] == "*"

    with_shop(tmp_path, scenario)


def test_a_uuid_of_36_characters_is_one_in_both_cases_and_any_other_is_as_it_is(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        uuid = "BE6F5FAB-32A4-43E5-967C-68017BAA3AA5"
        await views(shop, 1, uuid=uuid)
        await views(shop, 2, uuid="Visitor")
        assert await ids(shop, uuid=uuid) == await ids(shop, uuid=uuid.lower()) == [1]
        assert (await ids(shop, uuid="Visitor"), await ids(shop, uuid="visitor")) == ([2], [])

    with_shop(tmp_path, scenario)


def test_a_product_has_every_key_of_the_wire_with_the_right_kinds(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await shop.send(
            event(
                uuid="v",
                product_id="gid://shopify/Product/5630650697948",
                product_handle="classic beanie",
                shopify_product_title="Classic Beanie",
                shopify_variant_id=36291329818844,
                shopify_variant_title="Red",
                shopify_variant_price="19.90",
                shopify_variant_sku="CB-R",
            )
        )
        (product,) = await shop.viewed(uuid="v")
        assert set(product) == PRODUCT_KEYS | {"catalog"}
        assert product["id"] == 5630650697948
        assert (product["title"], product["handle"]) == ("Classic Beanie", "classic beanie")
        assert product["link"] == "https://shop.example/products/classic%20beanie"
        assert product["admin_graphql_api_id"] == "gid://shopify/Product/5630650697948"
        assert product["catalog"] is False
        assert product["tags"] == ""
        assert (product["images"], product["options"], product["image"]) == ([], [], None)
        (variant,) = product["variants"]
        assert set(variant) >= VARIANT_KEYS
        assert (variant["id"], variant["product_id"]) == (36291329818844, 5630650697948)
        assert (variant["title"], variant["price"], variant["sku"]) == ("Red", "19.90", "CB-R")
        assert variant["available"] is True, "unknown counts as in stock"
        (with_metafields,) = await shop.viewed(uuid="v", metafields="yes")
        assert with_metafields == {**product, "metafields": []}

    with_shop(tmp_path, scenario, url="https://shop.example/")


def test_a_product_of_which_only_the_handle_is_known_has_no_id_and_still_a_link(tmp_path: Path) -> None:
    async def scenario(shop: Running) -> None:
        await shop.send(event(uuid="v", product_id=None, product_handle="classic-beanie"))
        (product,) = await shop.viewed(uuid="v")
        assert set(product) == PRODUCT_KEYS | {"catalog"}
        assert (product["id"], product["handle"], product["link"]) == (None, "classic-beanie", None)
        await shop.commands.shop_set("shop", "url", "https://shop.example")
        assert (await shop.viewed(uuid="v"))[0]["link"] == "https://shop.example/products/classic-beanie"
        await shop.send(event(uuid="w", product_id=8, product_handle="classic-beanie"))
        assert await ids(shop, uuid="v") == [8], "tied by another visitor's event, from then on"

    with_shop(tmp_path, scenario)

"""The wire as those who call it are written: storefront hooks, servers and widgets, each reading what it reads and sending
what it sends, on a generated shop."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.acceptance.hooks import SECRET
from tests.generated.catalog import product_id, variant_id
from tests.generated.people import CLEO, LISTED
from tests.generated.shop import GeneratedShop, make_generated_shop
from tests.generated.telling import Door
from tests.generated.truth import Truth
from tests.support import NOW, PUBLIC_KEY, ManualClock, Standing, standing

DOMAIN = "generated.myshopify.com"
URL = "https://shop.example"
LISTS = (
    "viewed", "static", "purchased", "top_sellers", "trending_products", "collections", "viewed-related", "recommended",
    "similar_products", "for-you",
)  # fmt: skip
PATHS = (*(f"/api/v1/products/{name}" for name in LISTS), "/custom/id/7", "/api/v1/custom/id/7")
HOOK = {"Content-Type": "application/json"}
KEY_HEADERS = ("X-Rebuy-User-Token", "Footfall-Key", "Rebuy-Api-Key", "X-Rebuy-Api-Key")
PRODUCT_KEYS = (
    "id", "title", "body_html", "description", "vendor", "product_type", "created_at", "handle", "updated_at", "published_at",
    "template_suffix", "published_scope", "tags", "admin_graphql_api_id", "status", "image", "images", "options", "variants",
    "link",
)  # fmt: skip

Fields = Mapping[str, Any]


@pytest.fixture(scope="module")
def shop() -> GeneratedShop:
    return make_generated_shop(NOW)


@pytest.fixture(scope="module")
def truth(shop: GeneratedShop) -> Truth:
    return Truth(shop)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, shop: GeneratedShop) -> Iterator[Standing]:
    settings = {"domain": DOMAIN, "webhook_secret": SECRET, "url": URL}
    with standing(tmp_path_factory.mktemp("wire"), ManualClock(NOW), **settings) as service:
        of = service.shop
        service.run(Door(of.client, of.public_key, of.secret_key, DOMAIN, SECRET).tell(shop.steps, NOW))
        fields = {"metafields": [{"namespace": "custom", "key": "material", "value": "wool", "type": "string"}]}
        dressed = {"products": [{"id": product_id(13), **fields}]}
        assert service.request("PUT", "/api/v1/catalog/products", json=dressed, headers=of.bearer).status_code == 200
        rules = {"rules": [{"source": "viewed", "limit": 2}, {"source": "top_sellers"}]}
        assert service.request("PUT", "/api/v1/data-sources/7", json=rules, headers=of.bearer).status_code == 200
        yield service


@pytest.fixture(scope="module")
def context(shop: GeneratedShop) -> dict[str, str]:
    """Forty parameters as a widget passes them: some say something, many are empty, many mean nothing here."""
    said = {
        "key": PUBLIC_KEY,
        "uuid": shop.people.uuids["regular 1"],
        "shopify_product_ids": f"{product_id(30)},gid://shopify/Product/{product_id(31)}",
        "shopify_variant_ids": str(variant_id(32)),
        "ids": str(product_id(33)),
        "shopify_collection_ids": "everyday",
        "cart_token": "abc?key=1",
        "cart_subtotal": "1290",
        "cart_count": "2",
        "cart_line_count": "1",
        "cart_item_count": "2",
        "limit": "4",
        "filter_oos": "yes",
        "metafields": "yes",
        "url": f"{URL}/products/thing-30?a=b&c=d",
        "cache_key": "1790000000",
        "theme_id": "1",
        "product_groups": "yes",
    }
    empty = ("shopify_customer_id", "shopify_order_id", "country_code", "handles", "excluded_ids", "smart_sort", "days",
             "customer_tags", "cart_items", "format", "subject", "verb", "after", "explain",
             "shopify_collection_id")  # fmt: skip
    unknown = {f"widget_parameter_{number}": "ä & %00 [1]" for number in range(40 - len(said) - len(empty))}
    whole = {**said, **dict.fromkeys(empty, ""), **unknown}
    assert len(whole) == 40
    return whole


def get(client: Standing, path: str, **parameters: str) -> httpx.Response:
    """A GET as a storefront hook sends it, with a content type that it has no content for."""
    return client.request("GET", path, params={"key": PUBLIC_KEY, **parameters}, headers=HOOK)


def ids(answer: httpx.Response) -> list[int]:
    """The products of an answer, which says 200."""
    assert answer.status_code == 200, answer.text
    return [product["id"] for product in answer.json()["data"]]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.strip("/").replace("/", "-"))
def test_a_hook_finds_all_that_its_cards_show_on_every_list(client: Standing, shop: GeneratedShop, path: str) -> None:
    asked = {"ids": str(product_id(30)), "shopify_collection_ids": "everyday", "uuid": shop.people.uuids["regular 1"]}
    asked["shopify_product_ids"] = str(product_id(31))
    answer = get(client, path, **asked, limit="20")
    products = answer.json()["data"]
    assert products, path
    assert answer.headers["Content-Type"].startswith("application/json")
    for product in products:
        assert set(PRODUCT_KEYS) <= product.keys()
        number = product["id"] - product_id(0)
        wanted = shop.catalog.products[number]
        assert product["image"]["src"] == product["images"][0]["src"] == wanted["images"][0]["src"]
        assert product["variants"][0]["price"] == wanted["variants"][0]["price"]
        assert isinstance(product["variants"][0]["price"], str)
        assert isinstance(product["variants"][0]["id"], int)
        assert all(isinstance(variant["available"], bool) for variant in product["variants"])
        assert product["tags"].split(", ") == wanted["tags"].split(", ")
        assert product["link"] == f"{URL}/products/{product['handle']}"
        assert product["handle"] == wanted["handle"]
        assert product["description"] == f"Thing {number} & more."
        assert product["admin_graphql_api_id"] == f"gid://shopify/Product/{product['id']}"
        assert "metafields" not in product


def test_a_server_finds_metafields_in_a_list_also_where_there_are_none(client: Standing) -> None:
    asked = {"ids": f"{product_id(13)},{product_id(14)}", "metafields": "yes"}
    dressed, plain = get(client, "/api/v1/products/static", **asked).json()["data"]
    found = next((field for field in dressed["metafields"] if field["key"] == "material"), None)
    assert found is not None
    assert found["value"] == "wool"
    assert plain["metafields"] == []
    assert next((field for field in plain["metafields"] if field["key"] == "material"), None) is None


def but_its_id(answer: httpx.Response, decoded: Any = None) -> bytes:
    """An answer without the id that each has of its own, if it has one; ``decoded``: put in one form."""
    content = answer.content if decoded is None else json.dumps(decoded).encode()
    return re.sub(rb'"attribution": ?"[\w-]+[.][\w-]{16}"', b'"attribution":"id"', content)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.strip("/").replace("/", "-"))
def test_a_widget_with_forty_parameters_gets_the_same_by_get_form_and_json(
    client: Standing, context: dict[str, str], path: str
) -> None:
    by_get = client.request("GET", path, params=context)
    assert len(ids(by_get)) in range(1, 5)
    by_form = client.request("POST", path, data=context)
    by_json = client.request("POST", path, json=context)
    beacon = client.request("POST", path, content=json.dumps(context), headers={"Content-Type": "text/plain"})
    key = {"X-Rebuy-User-Token": PUBLIC_KEY}
    without_key = {name: value for name, value in context.items() if name != "key"}
    by_header = client.request("POST", path, json=without_key, headers=key)
    for other in (by_form, by_json, beacon, by_header):
        assert (other.status_code, but_its_id(other)) == (by_get.status_code, but_its_id(by_get))
    told: Fields = {**context, "limit": 4, "cart_subtotal": 12.9, "shopify_product_ids": [product_id(30), product_id(31)]}
    same = client.request("POST", path, json=told)
    assert but_its_id(same) == but_its_id(by_get), "numbers and lists stand for their texts"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.strip("/").replace("/", "-"))
def test_a_line_of_more_than_32000_bytes_is_posted_and_answered(client: Standing, context: dict[str, str], path: str) -> None:
    long = context | {"widget_parameter_long": "x" * 40_000}
    assert len(urlencode(long)) > 32_000
    assert ids(client.request("POST", path, data=long)) == ids(client.request("POST", path, data=context))
    assert ids(client.request("POST", path, json=long)) == ids(client.request("POST", path, json=context))


def test_what_a_widget_looks_at_is_left_out_where_that_is_documented(client: Standing, truth: Truth) -> None:
    everyday = truth.collection("everyday")
    left_out = ",".join(str(product_id(number)) for number in everyday[:2])
    asked = {"shopify_collection_ids": "everyday", "shopify_product_ids": left_out, "limit": "250"}
    assert ids(get(client, "/api/v1/products/collections", **asked)) == [product_id(n) for n in everyday[2:]]
    bought = list(truth.purchased(None, CLEO))
    asked = {"shopify_customer_id": CLEO, "shopify_product_ids": str(product_id(bought[0])), "limit": "250"}
    assert product_id(bought[0]) not in ids(get(client, "/api/v1/products/purchased", **asked))
    asked = {"ids": ",".join(str(product_id(n)) for n in LISTED), "excluded_ids": left_out, "limit": "250"}
    assert ids(get(client, "/api/v1/products/static", **asked)) == [product_id(n) for n in LISTED if n not in everyday[:2]]


@pytest.mark.parametrize(
    ("limit", "count"),
    [("", 5), ("0", 5), ("-3", 5), ("many", 5), ("3", 3), ("1000", None), ("250", None), ("2.5", 5)],
    ids=["empty", "zero", "negative", "a word", "three", "a thousand", "the most", "a fraction"],
)
def test_a_limit_never_fails_a_read(client: Standing, truth: Truth, limit: str, count: int | None) -> None:
    everything = sum(truth.recommended(number) for number in truth.products)
    assert len(ids(get(client, "/api/v1/products/top_sellers", limit=limit))) == (everything if count is None else count)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.strip("/").replace("/", "-"))
def test_pretty_is_asked_for_in_two_ways_and_nothing_else_is_it(client: Standing, context: dict[str, str], path: str) -> None:
    asked = {name: value for name, value in context.items() if name != "format"}
    plain = client.request("GET", path, params=asked)
    for pretty in ({"format": "pretty"}, {"pretty": ""}):
        answer = client.request("GET", path, params={**asked, **pretty})
        assert b'\n  "data"' in answer.content, pretty
        assert but_its_id(answer, answer.json()) == but_its_id(plain, plain.json())
    bare = client.request("GET", f"{path}?{urlencode(asked)}&pretty")
    assert b'\n  "data"' in bare.content
    for other in ({"format": "prettyy"}, {"format": "json"}, {"prettyy": ""}, {"format": ""}):
        assert but_its_id(client.request("GET", path, params={**asked, **other})) == but_its_id(plain), other


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.strip("/").replace("/", "-"))
def test_the_key_is_taken_in_every_documented_place(
    client: Standing, shop: GeneratedShop, context: dict[str, str], path: str
) -> None:
    asked = {name: value for name, value in context.items() if name != "key"}
    wanted = ids(client.request("GET", path, params=context))
    for name in KEY_HEADERS:
        assert ids(client.request("GET", path, params=asked, headers={name: PUBLIC_KEY})) == wanted, name
    assert ids(client.request("POST", path, data=context)) == wanted
    assert ids(client.request("POST", path, json=context)) == wanted
    assert ids(client.request("GET", path, params=asked, headers=client.shop.bearer)) == wanted
    for refused in (
        client.request("GET", path, params=asked),
        client.request("GET", path, params={**asked, "key": "nobody's"}),
        client.request("GET", path, params={**asked, "key": client.shop.secret_key}),
    ):
        assert refused.status_code == 401
        assert refused.json().keys() == {"error"}
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
    from_page = client.request("GET", path, params=asked, headers={**client.shop.bearer, "Origin": URL})
    assert from_page.status_code == 403
    assert "rotate" in from_page.json()["error"]


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/sources", "/api/v2/analytics/event", "/api/v2/analytics/event/bulk"],
                         ids=lambda path: path.strip("/").replace("/", "-"))  # fmt: skip
@pytest.mark.parametrize("origin", [URL, "null"], ids=["a page", "a sandbox"])
def test_a_preflight_is_answered_before_any_key_with_all_that_is_asked_for(client: Standing, path: str, origin: str) -> None:
    wanted = "content-type,x-rebuy-user-token,traceparent,x-monitoring-id"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    answer = client.request("OPTIONS", path, headers=asked)
    assert answer.status_code == 200
    assert answer.json(), "clients read every answer as JSON"
    assert answer.headers["Access-Control-Allow-Headers"] == wanted
    assert answer.headers["Access-Control-Max-Age"] == "7200"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = origin if "analytics" in path and origin != "null" else "*"
    assert answer.headers["Access-Control-Allow-Origin"] == allowed
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {"Footfall-Position", "Footfall-Lag", "Footfall-Truncated", "Retry-After", "ETag"}


def test_an_identity_is_missing_in_the_documented_words(client: Standing) -> None:
    wanted = {"error": "Missing required args. You must pass either shopify_customer_id or uuid."}
    for name in ("viewed", "purchased"):
        for absent in ({}, {"uuid": ""}, {"uuid": "undefined"}, {"shopify_customer_id": "0"}):
            answer = get(client, f"/api/v1/products/{name}", **absent)
            assert (answer.status_code, answer.json()) == (400, wanted), (name, absent)


def test_the_sources_describe_every_list_that_is_served(client: Standing) -> None:
    sources = get(client, "/api/v1/sources").json()["data"]
    paths = {source["path"] for source in sources}
    assert paths >= {f"/products/{name}" for name in LISTS} or paths >= {f"/api/v1/products/{name}" for name in LISTS}
    for source in sources:
        assert source.keys() >= {"id", "name", "description", "protocol", "host", "path", "query"}
        for parameter in source["query"]:
            assert parameter.keys() >= {"name", "required", "default", "description", "example"}

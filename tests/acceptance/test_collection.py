"""The ways in: every path, method, place of the key, dialect and body that the wire promises, asked of the whole service."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from footfall.vocabulary import VOCABULARY
from tests.support import PUBLIC_KEY, Standing, event, standing

V1 = "/api/v1/analytics/event"
PIXEL = "/api/v1/analytics/event.gif"
V2 = "/api/v2/analytics/event"
ADMIN = "/admin/api/v2/event"
BULK = "/api/v2/analytics/event/bulk"
V1_FIELDS = {
    "subject": "user",
    "verb": "viewed",
    "noun": "product",
    "shopify_product_handle": "classic-beanie",
    "uuid": "be6f5fab-32a4-43e5-967c-68017baa3aa5",
}
RECEIVED = b'{"data":"Received"}'
KEY = {"X-Rebuy-User-Token": PUBLIC_KEY}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("collection")) as service:
        yield service


def assert_received(response: httpx.Response) -> None:
    """The documented answer, byte for byte."""
    assert (response.status_code, response.content) == (200, RECEIVED)
    assert response.headers["content-type"] == "application/json"


# --- paths, methods, bodies --------------------------------------------------------------------------------------


def v1_query(fields: dict[str, str]) -> str:
    """The path with key and fields in the query string."""
    return f"{V1}?{urlencode({'key': PUBLIC_KEY, **fields})}"


def test_v1_takes_get_and_post_with_a_query_string(shop: Standing) -> None:
    for method in ("GET", "POST"):
        before = shop.end()
        assert_received(shop.request(method, v1_query(V1_FIELDS)))
        assert shop.end() == before + 1
        assert V1_FIELDS.items() <= {**shop.stored()[0], "shopify_product_handle": shop.stored()[0]["product_handle"]}.items()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (urlencode({"key": PUBLIC_KEY, **V1_FIELDS}), "application/x-www-form-urlencoded"),
        (json.dumps({"key": PUBLIC_KEY, **V1_FIELDS}), "application/json"),
        (json.dumps({"key": PUBLIC_KEY, **V1_FIELDS}), "text/plain;charset=UTF-8"),
        (json.dumps({"key": PUBLIC_KEY, **V1_FIELDS}), "application/x-www-form-urlencoded"),
        (json.dumps({"key": PUBLIC_KEY, **V1_FIELDS}), ""),
    ],
)
def test_v1_takes_a_form_and_a_json_body(shop: Standing, body: str, content_type: str) -> None:
    assert_received(shop.request("POST", V1, content=body, headers={"Content-Type": content_type}))
    assert shop.stored()[0]["product_handle"] == "classic-beanie"


def test_a_v1_body_stands_over_the_query_string(shop: Standing) -> None:
    assert_received(shop.request("POST", v1_query(V1_FIELDS), data={"shopify_product_handle": "cap"}))
    assert shop.stored()[0]["product_handle"] == "cap"


@pytest.mark.parametrize("path", [V2, ADMIN])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream", ""])
def test_v2_takes_one_json_object_on_both_paths(shop: Standing, path: str, content_type: str) -> None:
    body = json.dumps(event(uuid="v2"))
    before = shop.end()
    assert_received(shop.request("POST", path, content=body, headers={**KEY, "Content-Type": content_type}))
    assert shop.end() == before + 1


@pytest.mark.parametrize("wrap", [lambda events: events, lambda events: {"events": events}])
def test_bulk_takes_a_bare_array_and_one_under_events(shop: Standing, wrap: Any) -> None:
    before = shop.end()
    assert_received(shop.request("POST", BULK, json=wrap([event(), event(), event()]), headers=KEY))
    assert shop.end() == before + 3


def test_an_empty_batch_is_received_and_stores_nothing(shop: Standing) -> None:
    before = shop.end()
    assert_received(shop.request("POST", BULK, json=[], headers=KEY))
    assert shop.end() == before


def test_a_beacon_sends_text_plain_with_its_key_in_the_query(shop: Standing) -> None:
    for path, body in ((V1, V1_FIELDS), (V2, event()), (ADMIN, event()), (BULK, [event()])):
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
        assert_received(shop.request("POST", f"{path}?key={PUBLIC_KEY}", content=json.dumps(body), headers=headers))


@pytest.mark.parametrize("path", [V1, V2, ADMIN, BULK])
def test_a_gzip_body_is_taken(shop: Standing, path: str) -> None:
    body = [event()] if path == BULK else event(shopify_product_handle="cap")
    headers = {**KEY, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert_received(shop.request("POST", path, content=gzip.compress(json.dumps(body).encode()), headers=headers))


def test_a_chunked_body_is_taken(shop: Standing) -> None:
    async def chunks() -> Any:
        for letter in json.dumps([event()]):
            yield letter.encode()

    assert_received(shop.request("POST", BULK, content=chunks(), headers=KEY))


def test_unknown_parameters_and_a_cache_key_mean_nothing(shop: Standing) -> None:
    assert_received(shop.request("POST", f"{V2}?cache_key=17&_=1&key=", json=event(), headers=KEY))


def test_the_pixel_takes_v1s_query_string_and_answers_a_gif(shop: Standing) -> None:
    before = shop.end()
    response = shop.request("GET", PIXEL + v1_query(V1_FIELDS).removeprefix(V1))
    assert (response.status_code, response.headers["content-type"]) == (200, "image/gif")
    assert response.content[:6] == b"GIF89a"
    assert response.content[6:10] == b"\x01\x00\x01\x00"
    assert "footfall-error" not in response.headers
    assert shop.end() == before + 1


@pytest.mark.parametrize(
    ("url", "status", "error"),
    [
        (PIXEL, 401, "Missing key"),
        (f"{PIXEL}?key={'f' * 40}", 401, "Unknown key"),
        (f"{PIXEL}?key={PUBLIC_KEY}", 400, "Missing required args. You must pass either shopify_customer_id or uuid."),
        (f"{PIXEL}?key={PUBLIC_KEY}&uuid=v&subject=user&verb=%C3%A9&noun=product", 400, "Unsupported verb"),
        (f"{PIXEL}?key={PUBLIC_KEY}&a=%ff", 400, "UTF-8"),
        (f"{PIXEL}?{'&'.join(f'f{n}=1' for n in range(500))}", 413, "200 fields"),
    ],
)
def test_the_pixel_is_a_gif_with_its_status_whatever_is_wrong(shop: Standing, url: str, status: int, error: str) -> None:
    response = shop.request("GET", url)
    assert (response.status_code, response.headers["content-type"]) == (status, "image/gif")
    assert response.content[:6] == b"GIF89a"
    assert error in response.headers["footfall-error"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [V1, PIXEL])
def test_head_records_nothing(shop: Standing, path: str) -> None:
    before = shop.end()
    response = shop.request("HEAD", path + v1_query(V1_FIELDS).removeprefix(V1))
    assert (response.status_code, response.content) == (200, b"")
    assert shop.end() == before


# --- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [V1, V2, ADMIN, BULK, "/api/v1/products/viewed"])
@pytest.mark.parametrize("place", ["key", "X-Rebuy-User-Token", "Footfall-Key", "Rebuy-Api-Key", "X-Rebuy-Api-Key", "secret"])
def test_the_key_is_taken_in_every_place_on_every_route(shop: Standing, path: str, place: str) -> None:
    body: Any = [event()] if path == BULK else event()
    options: dict[str, Any] = {
        "key": {"params": {"key": PUBLIC_KEY}},
        "secret": {"headers": shop.shop.bearer},
    }.get(place, {"headers": {place: PUBLIC_KEY.upper()}})
    assert shop.request("POST", path, json=body, **options).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"params": {"key": ""}},
        {"params": {"key": "f" * 40}},
        {"headers": {"X-Rebuy-User-Token": "nonsense"}},
        {"headers": {"Footfall-Key": ""}},
        {"headers": {"Authorization": "Bearer nonsense"}},
        {"headers": {"Authorization": "Basic " + PUBLIC_KEY}},
        {"headers": {"Authorization": "Bearer " + PUBLIC_KEY}},
    ],
)
@pytest.mark.parametrize("path", [V1, V2, ADMIN, BULK, "/api/v1/products/viewed"])
def test_without_a_known_key_the_answer_is_401_and_nothing_is_stored(shop: Standing, path: str, options: Any) -> None:
    before = shop.end()
    response = shop.request("POST", path, json=[event()] if path == BULK else event(), **options)
    assert response.status_code == 401
    assert "key" in response.json()["error"]
    assert shop.end() == before


@pytest.mark.parametrize("key", [5, 10**400, True, [], {}, None, [PUBLIC_KEY]])
def test_a_key_in_a_body_that_is_no_text_is_no_key(shop: Standing, key: object) -> None:
    for path in (V1, V2):
        assert shop.request("POST", path, json=event(key=key)).status_code == 401


def test_an_empty_header_does_not_hide_the_key_in_another(shop: Standing) -> None:
    headers = {"X-Rebuy-User-Token": "", "Footfall-Key": PUBLIC_KEY}
    assert_received(shop.request("POST", V2, json=event(), headers=headers))


@pytest.mark.parametrize("origin", ["https://shop.example", "null"])
def test_a_secret_key_from_a_page_is_refused_with_the_advice_to_rotate_it(shop: Standing, origin: str) -> None:
    secret = shop.shop.secret_key
    places: list[dict[str, Any]] = [
        {"headers": {"Origin": origin, **shop.shop.bearer}},
        {"headers": {"Origin": origin, "X-Rebuy-User-Token": secret}},
        {"headers": {"Origin": origin}, "params": {"key": secret}},
    ]
    before = shop.end()
    for path, body in ((V2, event()), (BULK, [event()]), (V1, V1_FIELDS), ("/api/v1/products/viewed", {"uuid": "v"})):
        for options in places:
            response = shop.request("POST", path, json=body, **options)
            assert response.status_code == 403
            assert "rotate-key" in response.json()["error"]
    assert shop.request("GET", "/api/v1/events/e", headers={"Origin": origin, **shop.shop.bearer}).status_code == 403
    assert shop.end() == before


def test_a_secret_key_in_the_place_of_a_public_one_is_told_where_it_belongs(shop: Standing) -> None:
    response = shop.request("POST", V2, json=event(), params={"key": shop.shop.secret_key})
    assert response.status_code == 401
    assert "Authorization: Bearer" in response.json()["error"]


def test_only_what_came_with_the_secret_key_is_verified(shop: Standing) -> None:
    shop.request("POST", V2, json=event(verified=True), headers=KEY)
    assert shop.stored()[0].get("verified") is not True
    shop.request("POST", V2, json=event(), headers=shop.shop.bearer)
    assert shop.stored()[0]["verified"] is True


# --- dialects, ids, vocabulary -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [V1, V2, ADMIN, BULK])
def test_every_route_takes_both_dialects(shop: Standing, path: str) -> None:
    v1 = {"shopify_product_id": "5", "shopify_product_handle": "cap", "shopify_customer_id": "7"}
    v2 = {"product_id": "5", "product_handle": "cap", "customer_id": "7"}
    for dialect in (v1, v2):
        fields = event(**{"product_id": None, **dialect})
        assert_received(shop.request("POST", path, json=[fields] if path == BULK else fields, headers=KEY))
        assert v2.items() <= shop.stored()[0].items()


@pytest.mark.parametrize("product", ["5630650697948", 5630650697948, "gid://shopify/Product/5630650697948"])
def test_an_id_names_the_same_product_as_text_number_and_graphql_id(shop: Standing, product: object) -> None:
    visitor = f"visitor-{type(product).__name__}-{str(product)[:3]}"
    assert_received(shop.request("POST", V2, json=event(uuid=visitor, product_id=product), headers=KEY))
    assert [p["id"] for p in shop.run(shop.shop.viewed(uuid=visitor))] == [5630650697948]


def test_the_whole_vocabulary_is_stored_in_one_batch(shop: Standing) -> None:
    rows = sorted(VOCABULARY)
    events = [event(subject=subject, verb=verb, noun=noun, defined_noun_id="x") for subject, verb, noun in rows]
    assert_received(shop.request("POST", BULK, json=events, headers=KEY))
    assert [(e["subject"], e["verb"], e["noun"]) for e in shop.stored(len(rows))] == rows


def test_every_field_of_real_traffic_comes_back_as_it_was_sent(shop: Standing) -> None:
    fields = {
        "subject": "user", "verb": "added", "noun": "product", "uuid": "v", "customer_id": "7", "product_id": "5",
        "product_handle": "cap", "theme_id": "128457719932", "platform": "Hydrogen", "shopify_cart_token": "c-1",
        "rsid": "s-1", "event_time": 1_789_999_999_000, "defined_noun_id": "5", "tags": ["sale"], "meta": {"a": 1},
        "label": "Cap", "value": 1990,
        "shopify_product_title": "Cap", "shopify_variant_id": "6", "shopify_variant_title": "Red", "widget_id": "9",
        "shopify_variant_price": "19.90", "shopify_variant_sku": "C-R", "promo_id": "p", "quantity": 2, "event_id": "e-whole",
        "consent": "granted", "order_id": "1001", "currency": "EUR", "checkout_token": "t", "price": "19.90",
        "url": "https://shop.example/products/cap", "referrer": "https://search.example/", "device": "mobile", "country": "DE",
        "gpc": True, "own_field": {"kept": [1]},
    }  # fmt: skip
    assert_received(shop.request("POST", V2, json=fields, headers=KEY))
    assert fields.items() <= shop.stored()[0].items()


def test_the_arrival_is_kept_beside_the_time_that_the_client_gave(shop: Standing) -> None:
    assert_received(shop.request("POST", V2, json=event(event_time="1789999999000"), headers=KEY))
    stored = shop.stored()[0]
    assert (stored["event_time"], stored["received_at"]) == (1_789_999_999_000, 1_790_000_000_000)


# --- consent, emails, user agents: in the files ------------------------------------------------------------------


def test_no_email_user_agent_or_address_is_ever_in_a_file(tmp_path: Path) -> None:
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    email = "jane.doe@mail.example"
    headers = {**KEY, "User-Agent": agent, "X-Forwarded-For": "203.0.113.9"}
    personal: dict[str, Any] = {
        "subject_email": email, "url": f"https://shop.example/?e={email}", "tags": [email], "customer": {"email": email},
        "meta": {"email": email, email: True, "userAgent": agent, "ip": "203.0.113.9"}, "label": "jane.doe%40mail.example",
    }  # fmt: skip
    with standing(tmp_path) as shop:
        good, bad = event(**personal), event(**personal, verb=f"licked by {email}")
        assert shop.request("POST", BULK, json=[good, bad, [email], email], headers=headers).status_code == 200
        assert shop.request("POST", V2, content=f'{{"subject_email":"{email}", broken', headers=headers).status_code == 400
        assert shop.request("POST", V1, data={**V1_FIELDS, "subject_email": email}, headers=headers).status_code == 200
        assert shop.request("GET", f"{V1}?uuid=%ff&subject_email={email}", headers=headers).status_code == 400
        assert len(shop.quarantined(limit=10)) == 5
        assert shop.stored()[0]["device"] == "mobile"
        shop.run(shop.shop.service.tails.merge())
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        for secret in (email, "mail.example", "AppleWebKit", "203.0.113.9", shop.shop.secret_key):
            assert secret.encode() not in written
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"classic-beanie" in written
    assert b"mail.example" not in written


def test_a_denied_event_counts_and_belongs_to_nobody(shop: Standing) -> None:
    before = shop.end()
    denied = event(uuid="denied-visitor", customer_id="4711", consent="denied", rsid="s-77")
    assert_received(shop.request("POST", BULK, json=[denied, event(uuid=None, consent={"analytics": False})], headers=KEY))
    assert shop.end() == before + 2
    assert not {"uuid", "customer_id", "rsid"} & (shop.stored(2)[0].keys() | shop.stored(2)[1].keys())
    assert shop.run(shop.shop.viewed(uuid="denied-visitor")) == []
    assert shop.run(shop.shop.viewed(shopify_customer_id="4711")) == []

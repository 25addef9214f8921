"""What comes back: exact bodies, the order of checks, receipts, positions, CORS, duplicates."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from footfall.clock import DAY_MS, HOUR_MS
from footfall.identifiers import read_position_token
from tests.support import NOW, PUBLIC_KEY, ManualClock, Standing, event, new_shop, run, running, server, standing

V1 = "/api/v1/analytics/event"
PIXEL = "/api/v1/analytics/event.gif"
V2 = "/api/v2/analytics/event"
ADMIN = "/admin/api/v2/event"
BULK = "/api/v2/analytics/event/bulk"
VIEWED = "/api/v1/products/viewed"
COLLECTION = [V1, PIXEL, V2, ADMIN, BULK]
NOT_SERVED = ["/user/config", "/widgets/settings", "/smart-search/settings", "/smart-collections/x/y", "/meta/anything"]
EVERYWHERE = [
    *COLLECTION,
    VIEWED,
    "/api/v1/events/e",
    "/health",
    "/ready",
    "/",
    "/docs",
    "/no/such/path",
    "/api/v1/user/config",
]
KEY = {"X-Rebuy-User-Token": PUBLIC_KEY}
MISSING_IDENTITY = b'{"error":"Missing required args. You must pass either shopify_customer_id or uuid."}'
ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("answers")) as service:
        yield service


def post(shop: Standing, path: str, body: Any, **options: Any) -> httpx.Response:
    """A JSON body with the shop's public key."""
    return shop.request("POST", path, json=body, **{"headers": KEY, **options})


def receipts(response: httpx.Response) -> list[dict[str, Any]]:
    """The receipts of an answer."""
    found: list[dict[str, Any]] = response.json()["receipts"]
    return found


# --- errors ------------------------------------------------------------------------------------------------------


def test_without_an_identity_the_answer_is_the_documented_one_on_every_route(shop: Standing) -> None:
    sample = {"key": PUBLIC_KEY, "subject": "user"}
    for response in (
        shop.request("GET", f"{V1}?{urlencode(sample)}"),
        shop.request("POST", V1, data=sample),
        shop.request("POST", V1, json=sample),
        post(shop, V2, {"subject": "user"}),
        post(shop, ADMIN, {}),
        shop.request("GET", VIEWED, params={"key": PUBLIC_KEY}),
        shop.request("GET", VIEWED, params={"key": PUBLIC_KEY, "uuid": "undefined", "shopify_customer_id": "0"}),
    ):
        assert (response.status_code, response.content) == (400, MISSING_IDENTITY)
    in_batch = post(shop, BULK, [{}])
    assert in_batch.status_code == 400
    assert in_batch.json()["error"] == json.loads(MISSING_IDENTITY)["error"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "named"),
    [
        # The body comes before the key, the key before the identity, and so on, whatever else is wrong.
        (V2, b"{", {}, 400, "JSON"),
        (V2, b"[]", {}, 400, "bulk"),
        (V2, b"x" * 40_000, {}, 413, "32 KB"),
        (V2, b"<a/>", {"Content-Type": "text/xml"}, 415, "text/xml"),
        (V2, b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "JSON"),
        (V2, b"{}", {"Content-Encoding": "br"}, 415, "br"),
        (V1, b"{", {"Content-Type": "application/json"}, 400, "JSON"),
        (V1, b"a=%ff", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "UTF-8"),
        (BULK, b"{}", {}, 400, "array"),
        (BULK, b"[" + b",".join([b"5"] * 1_001) + b"]", {}, 413, "1000"),
        (V2, b"{}", {}, 401, "key"),
        (V1, b"{}", {}, 401, "key"),
        (BULK, b"[{}]", {}, 401, "key"),
        (V2, b'{"subject":"robot"}', KEY, 400, "uuid"),
        (V2, b'{"uuid":"v"}', KEY, 400, "subject"),
        (V2, b'{"uuid":"v","subject":"user"}', KEY, 400, "verb"),
        (V2, b'{"uuid":"v","subject":"user","verb":"viewed"}', KEY, 400, "noun"),
        (V2, b'{"uuid":"v","subject":"user","verb":"licked","noun":"product"}', KEY, 400, "verb 'licked'"),
        (V2, b'{"uuid":"v","subject":"user","verb":"viewed","noun":"product"}', KEY, 400, "product_id"),
        (V1, b'{"uuid":"v","subject":"user","verb":"viewed","noun":"product"}', KEY, 400, "shopify_product_handle"),
    ],
)
def test_checks_run_in_their_order(
    shop: Standing, path: str, body: bytes, headers: dict[str, str], status: int, named: str
) -> None:
    before = shop.end()
    response = shop.request("POST", path, content=body, headers=headers)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert named in response.json()["error"]
    assert shop.end() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", V1), ("DELETE", V1), ("GET", V2), ("PATCH", V2), ("HEAD", V2), ("GET", BULK), ("GET", ADMIN), ("PUT", VIEWED),
     ("POST", "/health"), ("POST", "/ready"), ("DELETE", "/api/v1/events/e")],
)  # fmt: skip
def test_a_method_that_is_not_taken_gets_405_and_the_methods_that_are(shop: Standing, method: str, path: str) -> None:
    response = shop.request(method, path, headers=KEY)
    assert response.status_code == 405
    assert method not in response.headers["allow"].split(", ")
    if method != "HEAD":
        assert response.headers["allow"] in response.json()["error"]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("path", NOT_SERVED)
def test_paths_that_footfall_does_not_serve_say_so(shop: Standing, prefix: str, path: str) -> None:
    response = shop.request("GET", f"{prefix}{path}?shop=x", headers={"Origin": ORIGIN})
    assert response.status_code == 404
    assert response.json() == {"error": f"{prefix}{path} is not served by Footfall; see /docs/moving"}
    assert response.headers["access-control-allow-origin"] == "*"


# --- every answer: CORS, no caching, a position ------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYWHERE)
def test_options_is_answered_on_every_route_before_any_key_check(shop: Standing, path: str) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-rebuy-user-token, content-type, traceparent",
    }
    response = shop.request("OPTIONS", path, headers=asked)
    assert response.status_code == 200
    assert response.json()
    assert response.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    assert {"GET", "POST"} <= set(response.headers["access-control-allow-methods"].split(", "))
    assert response.headers["access-control-max-age"] == "7200"
    assert response.headers["access-control-allow-origin"] in ("*", ORIGIN)


@pytest.mark.parametrize("origin", [None, "null", ORIGIN])
@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_every_answer_may_be_read_by_pages_and_collection_echoes_a_real_origin(
    shop: Standing, path: str, method: str, origin: str | None
) -> None:
    response = shop.request(method, path, headers={"Origin": origin} if origin else {})
    names = [name for name, _ in response.headers.multi_items()]
    assert names.count("access-control-allow-origin") == 1
    assert (
        response.headers["access-control-expose-headers"]
        == "Footfall-Position, Footfall-Lag, Footfall-Truncated, Retry-After, ETag"
    )
    if path in COLLECTION and origin == ORIGIN:
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers["access-control-allow-credentials"] == "true"
        assert response.headers["vary"] == "Origin"
    else:
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", COLLECTION)
@pytest.mark.parametrize(
    ("method", "body", "headers"),
    [("POST", b"{}", KEY), ("POST", b"{", KEY), ("POST", b"[]", KEY), ("POST", b"{}", {}), ("PUT", b"", {}), ("GET", b"", {}),
     ("HEAD", b"", {}), ("POST", b"", {"Content-Type": "text/xml"})],
)  # fmt: skip
def test_every_collection_answer_has_a_position_and_is_not_cached(
    shop: Standing, path: str, method: str, body: bytes, headers: dict[str, str]
) -> None:
    response = shop.request(method, path, content=body, headers=headers)
    assert response.headers["cache-control"] == "no-store"
    assert read_position_token(response.headers["footfall-position"]) is not None
    if path != PIXEL and method != "HEAD" and response.status_code != 200:
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error"]


def test_the_position_of_an_answer_covers_its_events_and_a_read_takes_it(shop: Standing) -> None:
    token = post(shop, V2, event(uuid="reads-back")).headers["footfall-position"]
    found = shop.request("GET", VIEWED, params={"key": PUBLIC_KEY, "uuid": "reads-back", "after": token})
    assert [product["id"] for product in found.json()["data"]] == [5630650697948]
    assert shop.stored()[0]["position"] == token


# --- receipts and partial failure --------------------------------------------------------------------------------


def test_where_all_is_good_the_answer_is_the_documented_one_byte_for_byte(shop: Standing) -> None:
    for path, body in ((V1, event()), (V2, event()), (ADMIN, event()), (BULK, [event(), event()])):
        assert post(shop, path, body).content == b'{"data":"Received"}'


def test_where_some_are_bad_the_good_ones_are_stored_and_the_bad_ones_named(shop: Standing) -> None:
    before = shop.end()
    response = post(shop, BULK, [event(), event(verb="licked"), event(), 5, {"verb": "viewed"}])
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == ["data", "rejected"]
    assert answer["data"] == "Received"
    assert [list(entry) for entry in answer["rejected"]] == [["index", "error"]] * 3
    assert [entry["index"] for entry in answer["rejected"]] == [1, 3, 4]
    assert answer["rejected"][2]["error"] == json.loads(MISSING_IDENTITY)["error"]
    assert shop.end() == before + 2
    assert [entry["reason"] for entry in shop.quarantined(3)] == ["identity", "body", "verb"]


def test_where_all_are_bad_the_answer_is_400_with_each_of_them(shop: Standing) -> None:
    response = post(shop, BULK, [{}, event(verb="licked")])
    assert response.status_code == 400
    assert list(response.json()) == ["error", "rejected"]
    assert [entry["index"] for entry in response.json()["rejected"]] == [0, 1]


@pytest.mark.parametrize("ask", [{"params": {"receipts": "yes"}}, {"headers": {**KEY, "Prefer": "return=representation"}}])
def test_receipts_are_answered_one_for_each_event_in_the_order_sent(shop: Standing, ask: dict[str, Any]) -> None:
    prefix = "p" if "params" in ask else "h"
    events = [event(uuid="r", event_id=f"{prefix}-1"), event(verb="licked", event_id=f"{prefix}-2"), event(label={}),
              event(uuid="r", event_id=f"{prefix}-1", price="5")]  # fmt: skip
    answer = post(shop, BULK, events, **ask)
    assert answer.json()["data"] == "Received"
    first, second, third, fourth = receipts(answer)
    assert first == {"status": "stored", "event_id": f"{prefix}-1", "position": first["position"], "error": None}
    assert second["status"] == "rejected"
    assert second["event_id"] == f"{prefix}-2"
    assert second["position"] is None
    assert "verb" in second["error"]
    assert third["status"] == "stored"
    assert third["event_id"] is None
    assert third["warnings"][0].startswith("label")
    assert fourth["status"] == "duplicate"
    assert fourth["position"] == first["position"]
    assert "price" in fourth["warnings"][0]


@pytest.mark.parametrize("path", [V1, V2, ADMIN])
def test_a_single_event_has_its_receipt_too(shop: Standing, path: str) -> None:
    good = post(shop, path, event(), params={"receipts": "yes"})
    assert [entry["status"] for entry in receipts(good)] == ["stored"]
    assert good.headers["footfall-position"] == receipts(good)[0]["position"]
    bad = post(shop, path, event(verb="licked"), params={"receipts": "yes"})
    assert bad.status_code == 400
    assert bad.json()["error"] == receipts(bad)[0]["error"]


@pytest.mark.parametrize("value", ["", "no", "true", "1"])
def test_receipts_are_answered_to_yes_only(shop: Standing, value: str) -> None:
    assert post(shop, V2, event(), params={"receipts": value}).content == b'{"data":"Received"}'


def test_placeholders_are_warned_of_in_the_receipt(shop: Standing) -> None:
    sent = event(uuid="undefined", shopify_customer_id="7", subject_email="[object Object]", product_handle="null")
    warnings = receipts(post(shop, V2, sent, params={"receipts": "yes"}))[0]["warnings"]
    assert sorted(warning.partition(" ")[0] for warning in warnings) == ["product_handle", "subject_email", "uuid"]


# --- duplicates --------------------------------------------------------------------------------------------------


def test_a_repeat_within_seven_days_is_acknowledged_and_not_stored_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with running(tmp_path, clock) as shop:
            assert (await shop.send(event(uuid="v", event_id="e"))).json()["receipts"][0]["status"] == "stored"
            for wait, status in ((0, "duplicate"), (7 * DAY_MS - HOUR_MS, "duplicate"), (9 * DAY_MS, "stored")):
                clock.time = NOW + wait
                answer = await shop.send(event(uuid="v", event_id="e"))
                assert (answer.status_code, answer.json()["data"]) == (200, "Received")
                assert answer.json()["receipts"][0]["status"] == status
            assert (await shop.commands.status())["ends"]["events"] == 2

    run(scenario())


def test_a_repeat_after_a_restart_is_a_duplicate_of_the_same_position(tmp_path: Path) -> None:
    async def scenario(merge: Any) -> tuple[str, str]:
        async with running(tmp_path) as shop:
            receipt = (await shop.send(event(uuid="v", event_id="e"))).json()["receipts"][0]
            if merge:
                await shop.service.tails.merge()
            return receipt["status"], receipt["position"]

    first, position = run(scenario(merge=False))
    assert first == "stored"
    for merge in (True, False, True):
        assert run(scenario(merge=merge)) == ("duplicate", position)


def test_the_same_event_over_different_routes_at_the_same_time_is_stored_once(shop: Standing) -> None:
    sent = event(uuid="busy", event_id="e-busy")
    before = shop.end()

    async def all_at_once() -> list[httpx.Response]:
        post = shop.shop.client.post
        return await asyncio.gather(
            *[post(path, json=[sent, sent] if path == BULK else sent, headers=KEY) for path in (V1, V2, ADMIN, BULK) * 5]
        )

    assert [response.status_code for response in shop.run(all_at_once())] == [200] * 20
    assert shop.end() == before + 1


# --- over a real connection --------------------------------------------------------------------------------------


def test_over_a_real_connection_the_answers_are_the_same(shop: Standing, tmp_path: Path) -> None:
    """The server has shorter ways for whole requests and single events; none may answer differently."""
    requests: list[tuple[str, str, bytes, dict[str, str]]] = [
        (method, path + query, body, headers)
        for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT")
        for path in (V1, PIXEL, V2, ADMIN, BULK)
        for query in ("", f"?key={PUBLIC_KEY}", f"?key={PUBLIC_KEY}&receipts=yes", "?key=x")
        for body in (
            b"",
            b"{",
            b"{}",
            b"5",
            json.dumps(event(uuid="v", event_id="e")).encode(),
            json.dumps([event()]).encode(),
        )
        for headers in ({}, {"Origin": ORIGIN}, {**KEY, "Content-Type": "text/plain"}, {"Content-Type": "text/xml"})
        if method == "POST" or body == b""
    ]
    hidden = {"date", "footfall-position", "connection", "server"}
    with server(tmp_path) as real, httpx.Client(base_url=real.url, timeout=60) as client:
        # Beside the running server, which makes it.
        new_shop(tmp_path, "shop", PUBLIC_KEY)
        for method, url, body, headers in requests:
            over_wire = client.request(method, url, content=body, headers=headers)
            in_process = shop.request(method, url, content=body, headers=headers)
            what = f"{method} {url} {body!r} {headers}"
            assert over_wire.status_code == in_process.status_code, what
            assert _without_positions(over_wire.text) == _without_positions(in_process.text), what
            assert set(over_wire.headers) - hidden == set(in_process.headers) - hidden, what
        assert real.stop() == 0


def _without_positions(text: str) -> str:
    """An answer's text without what differs between two servers: positions, and whether the event came before."""
    if not text.startswith("{") or "receipts" not in text:
        return text
    answer = json.loads(text)
    return json.dumps({**answer, "receipts": [entry["error"] for entry in answer["receipts"]]})

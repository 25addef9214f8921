"""Where an event is: rejected and in quarantine, submitted again, found by id and position, and never in another shop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import NOW, PUBLIC_KEY, Standing, event, run, running, standing

V1 = "/api/v1/analytics/event"
V2 = "/api/v2/analytics/event"
BULK = "/api/v2/analytics/event/bulk"
VIEWED = "/api/v1/products/viewed"
KEY = {"X-Rebuy-User-Token": PUBLIC_KEY}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("whereabouts")) as service:
        yield service


def post(shop: Standing, path: str, body: Any, **options: Any) -> httpx.Response:
    """A JSON body with the shop's public key."""
    return shop.request("POST", path, json=body, **{"headers": KEY, **options})


def receipts(response: httpx.Response) -> list[dict[str, Any]]:
    """The receipts of an answer."""
    found: list[dict[str, Any]] = response.json()["receipts"]
    return found


# --- quarantine, and where an event is ---------------------------------------------------------------------------


def test_a_rejected_event_is_listed_fixed_and_submitted_again(shop: Standing) -> None:
    sent = event(
        verb="veiwed", uuid="resubmitted", event_id="e-fix", subject_email="jane@mail.example", event_time=NOW - 5_000
    )
    assert post(shop, V2, sent).status_code == 400
    entry = shop.quarantined()[0]
    assert (entry["reason"], entry["field"], entry["original"]["verb"]) == ("verb", "verb", "veiwed")
    assert not {"uuid", "event_id", "customer_id"} & entry["original"].keys()
    again = shop.run(shop.shop.commands.quarantine_resubmit("shop", numbers=[entry["number"]]))
    assert (again["rejected"], again["stored"]) == (1, 0)
    assert shop.quarantined()[0]["number"] == entry["number"]
    fixed = shop.run(shop.shop.commands.quarantine_resubmit("shop", numbers=[entry["number"]], fixes={"verb": "viewed"}))
    assert fixed["stored"] == 1
    post(shop, V2, {**sent, "uuid": "straight", "verb": "viewed"})
    resubmitted, straight = shop.stored(2)
    unlike = {"uuid", "position"}
    assert {k: v for k, v in resubmitted.items() if k not in unlike} == {k: v for k, v in straight.items() if k not in unlike}
    assert [p["id"] for p in shop.run(shop.shop.viewed(uuid="resubmitted"))] == [5630650697948]
    assert entry["number"] not in [item["number"] for item in shop.quarantined(100)]
    gone = shop.run(shop.shop.commands.quarantine_resubmit("shop", numbers=[entry["number"]]))
    assert gone["unknown"] == 1
    # Its client may try again as well.
    assert receipts(post(shop, V2, {**sent, "verb": "viewed"}, params={"receipts": "yes"}))[0]["status"] == "duplicate"


@pytest.mark.parametrize(
    ("path", "body", "headers", "reason"),
    [
        (V1, b'{"broken', {"Content-Type": "application/json"}, "body"),
        (V1, b'{"note":"' + b"x" * 40_000 + b'"}', {"Content-Type": "application/json"}, "event"),
        (V1, b"note=" + b"x" * 40_000, {"Content-Type": "application/x-www-form-urlencoded"}, "event"),
        (V2, b'{"broken', {}, "body"),
        (V2, b"[]", {}, "body"),
        (V2, b"{}", {"Content-Type": "text/xml"}, "Content-Type"),
        (V2, b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        (V2, b"{}", {"Content-Encoding": "gzip"}, "body"),
        (BULK, b'{"broken', {}, "body"),
        (BULK, b"[" + b",".join([b"5"] * 1_001) + b"]", {}, "body"),
    ],
)
def test_a_body_that_cannot_be_read_is_quarantined_where_its_key_says_whose_it_is(
    shop: Standing, path: str, body: bytes, headers: dict[str, str], reason: str
) -> None:
    newest = shop.quarantined()
    before = newest[0]["number"] if newest else 0
    assert shop.request("POST", path, content=body, headers={**KEY, **headers}).status_code in (400, 413, 415)
    entry = shop.quarantined()[0]
    assert entry["number"] > before
    assert entry["reason"] == reason
    assert entry["original"] == body.decode()[: 32 * 1024] or headers.get("Content-Encoding")
    assert shop.request("POST", path, content=body, headers=headers).status_code in (400, 413, 415)
    assert shop.quarantined()[0]["number"] == entry["number"]


def test_where_an_event_is_can_be_asked_by_id_and_by_position(shop: Standing) -> None:
    sent = event(uuid="where", event_id="e-where")
    receipt = receipts(post(shop, V2, sent, params={"receipts": "yes"}))[0]
    post(shop, V2, sent)
    post(shop, V2, {**sent, "verb": "licked"})
    found = shop.request("GET", "/api/v1/events/e-where", headers=shop.shop.bearer).json()["data"]
    assert [entry["status"] for entry in found] == ["stored", "rejected"]
    assert found[0]["position"] == receipt["position"]
    assert [delivery["of"] for delivery in found[0]["duplicates"]] == [receipt["position"]]
    assert "licked" in found[1]["error"]
    by_position = shop.request("GET", f"/api/v1/events/{receipt['position']}", headers=shop.shop.bearer).json()["data"]
    assert [entry["event"]["uuid"] for entry in by_position] == ["where"]


@pytest.mark.parametrize("reference", ["nothing", "", "../../health", "%00", "x" * 5_000, "01234567-0.1", "🦶"])
def test_an_event_that_nobody_knows_is_404(shop: Standing, reference: str) -> None:
    response = shop.request("GET", f"/api/v1/events/{reference}", headers=shop.shop.bearer)
    if "health" not in str(response.url):
        assert response.status_code == 404
        assert response.json()["error"]


@pytest.mark.parametrize("position", ["0", "999999999", "9223372036854775808", "9999999999999999999"])
def test_a_position_that_was_never_given_out_is_404(shop: Standing, position: str) -> None:
    reference = f"{shop.shop.service.log.generation}-0.{position}"
    assert shop.request("GET", f"/api/v1/events/{reference}", headers=shop.shop.bearer).status_code == 404


def test_where_an_event_is_needs_the_secret_key(shop: Standing) -> None:
    for headers in ({}, KEY):
        response = shop.request("GET", "/api/v1/events/e", headers=headers)
        assert response.status_code == 401
        assert "secret" in response.json()["error"]


# --- one shop's walls --------------------------------------------------------------------------------------------


def test_nothing_of_one_shop_is_visible_with_anothers_key(tmp_path: Path) -> None:
    with standing(tmp_path) as shop:
        other = shop.run(shop.shop.commands.shop_create("other"))
        key, bearer = {"key": other["public_key"]}, {"Authorization": f"Bearer {other['secret_key']}"}
        same = event(uuid="same", customer_id="7", event_id="same", product_id="111")
        here = receipts(post(shop, V2, same, params={"receipts": "yes"}))[0]
        there = shop.request("POST", V2, json={**same, "product_id": "222"}, params={**key, "receipts": "yes"})
        assert (here["status"], receipts(there)[0]["status"]) == ("stored", "stored")
        post(shop, V2, event(verb="licked", event_id="bad"))
        for merge in (False, True):
            if merge:
                shop.run(shop.shop.service.tails.merge())
            for identity in ({"uuid": "same"}, {"shopify_customer_id": "7"}):
                found = shop.request("GET", VIEWED, params={**key, **identity}).json()["data"]
                assert [product["id"] for product in found] == [222]
                assert [p["id"] for p in shop.run(shop.shop.viewed(**identity))] == [111]
            asked = shop.request("GET", "/api/v1/events/same", headers=bearer).json()["data"]
            assert [entry["event"]["product_id"] for entry in asked] == ["222"]
            for reference in (here["position"], "bad"):
                assert shop.request("GET", f"/api/v1/events/{reference}", headers=bearer).status_code == 404
            assert shop.run(shop.shop.commands.quarantine_list("other")) == []
        number = shop.quarantined()[0]["number"]
        again = shop.run(shop.shop.commands.quarantine_resubmit("other", numbers=[number], fixes={"verb": "viewed"}))
        assert (again["unknown"], again["stored"]) == (1, 0)


def test_the_public_key_as_bearer_is_told_where_it_goes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            answer = await shop.client.get("/api/v1/events/x", headers={"Authorization": f"Bearer {shop.public_key}"})
            assert answer.status_code == 401
            assert "This is the public key" in answer.json()["error"]

    run(scenario())

"""Webhooks, whatever is in them: each is taken or kept with its reason, once, and nobody else's secret is good."""

import base64
import hmac
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import Milliseconds
from footfall.intake.catalog import CatalogIntake
from footfall.intake.orders import OrderIntake
from footfall.intake.webhooks import Delivery, Taken, Webhooks, is_genuine
from footfall.limits import WEBHOOK_SECRETS_MAX
from footfall.log.port import Stream
from footfall.projections.catalog import CatalogDocuments
from footfall.projections.deliveries import DeliveryRecords
from footfall.projections.order_documents import OrderDocuments
from tests.properties.replica import MOMENTS, SHOP, Replica, live
from tests.unit.catalog.shapes import ADMIN
from tests.unit.intake.order_shapes import REFUND, REST

LEVEL = {"inventory_item_id": 38000000000001, "location_id": 1, "available": 5, "updated_at": "2025-07-01T10:00:00Z"}
BODIES: dict[str, Any] = {
    "products/create": ADMIN,
    "products/update": ADMIN
    | {"variant_gids": [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{n}"} for n in (1, 2, 3)]},
    "products/delete": {"id": ADMIN["id"]},
    "collections/create": {"id": 7, "title": "Hats", "image": {"src": "x"}},
    "collections/delete": {"id": 7},
    "inventory_levels/update": LEVEL,
    "inventory_levels/disconnect": {"inventory_item_id": 38000000000001, "location_id": 1},
    "orders/create": REST,
    "refunds/create": REFUND,
    "themes/publish": {"id": 1},
}
ODD: st.SearchStrategy[Any] = st.sampled_from(
    ["", "0", "undefined", 10**400, "x" * 40_000, "\x00", "\ud800", "gid://shopify/Order/5", "gid://shopify/Product/",
     "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2025-06-01", "-1", "1e5", "9" * 400]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def taker(replica: Replica) -> Webhooks:
    catalog = CatalogIntake(replica.log, replica.catalog, CatalogDocuments())
    documents = OrderDocuments(replica.documents)
    orders = OrderIntake(replica.log, documents, documents)
    return Webhooks(replica.log, catalog, orders, replica.deliveries, DeliveryRecords(), replica.outcomes)


def delivery(topic: str, body: Any, event_id: str = "") -> Delivery:
    content = json.dumps(body).encode()
    at = Milliseconds(1_790_000_000_000)
    return Delivery(shop=SHOP, email_key=b"k", topic=topic, body=content, received_at=at, event_id=event_id)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def changed(body: Any, place: tuple[Any, ...], to: Any) -> Any:
    if not place:
        return to
    whole = deepcopy(body)
    inside = whole
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = to
    return whole


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_body_with_anything_in_any_place_is_taken_or_kept_with_its_reason(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(sorted(BODIES)))
    place = data.draw(st.sampled_from(places(BODIES[topic])))
    body = changed(BODIES[topic], place, data.draw(ANYTHING))

    async def life(replica: Replica) -> None:
        taken = await taker(replica).take(delivery(topic, body, "e"))
        kept = await replica.log.ends(Stream.QUARANTINE)
        assert sum(kept.values()) == (0 if taken.rejected is None else 1)
        assert await taker(replica).take(delivery(topic, body, "e")) == Taken(duplicate=True)

    live(life)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(BODIES)), st.sampled_from(["e", "f", ""]), MOMENTS), min_size=1, max_size=8))
def test_a_delivery_is_done_once_whatever_happens_between(steps: list[tuple[str, str, tuple[str, int]]]) -> None:
    async def life(replica: Replica) -> None:
        done: set[tuple[str, str]] = set()
        for topic, event_id, moment in steps:
            taken = await taker(replica).take(delivery(topic, BODIES[topic], event_id))
            assert taken == Taken(duplicate=bool(event_id) and (topic, event_id) in done)
            done.add((topic, event_id))
            await replica.live_through(moment)

    live(life)


@given(st.lists(st.text(min_size=1, max_size=5), max_size=WEBHOOK_SECRETS_MAX), st.text(max_size=5), st.binary(max_size=20))
def test_a_body_is_genuine_if_one_of_the_shops_secrets_signed_it(secrets: list[str], secret: str, body: bytes) -> None:
    def sign(with_secret: str) -> str:
        return base64.b64encode(hmac.digest(with_secret.encode(), body, "sha256")).decode()

    assert all(is_genuine(body, sign(one), secrets) for one in secrets)
    assert is_genuine(body, sign(secret), secrets) == (secret in secrets)
    assert not is_genuine(body, sign(secret), [])
    assert not is_genuine(body, secret, secrets)


@pytest.mark.parametrize("secrets", [[], ["one"], ["one", "other"], ["s"] * WEBHOOK_SECRETS_MAX])
def test_a_signature_is_checked_as_often_for_every_shop_and_for_none(
    secrets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    digest = hmac.digest

    def counted(key: bytes, body: bytes, name: str) -> bytes:
        asked.append(key)
        return digest(key, body, name)

    monkeypatch.setattr(hmac, "digest", counted)
    assert not is_genuine(b"{}", "", secrets)
    assert len(asked) == WEBHOOK_SECRETS_MAX

"""Events as the client makes them: an id and a time at once, a product by any of its names, nothing that JSON can't say."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from footfall.api.openapi_schemas import FIELDS, SCHEMAS
from footfall.client import Fields, InputInvalidError, Product, Receipt, Variant, events
from footfall.limits import BODY_BYTES_MAX


def test_an_event_has_an_id_of_its_own_and_the_time_at_which_it_was_made() -> None:
    before = datetime.now(UTC)
    first, second = (events.viewed(1, uuid="u") for _ in range(2))
    assert first["event_id"] != second["event_id"]
    made = datetime.fromtimestamp(first["event_time"] / 1000, UTC)
    assert timedelta(milliseconds=-1) <= made - before
    assert made <= datetime.now(UTC)


def test_an_id_and_a_time_that_are_given_stay() -> None:
    event = events.track("user", "searched", "term", event_id="mine", event_time=5, defined_noun_id="linen", uuid="u")
    assert (event["event_id"], event["event_time"], event["defined_noun_id"]) == ("mine", 5, "linen")
    assert (event["subject"], event["verb"], event["noun"]) == ("user", "searched", "term")


@pytest.mark.parametrize(
    ("product", "named"),
    [
        (5630650697948, {"product_id": "5630650697948"}),
        ("5630650697948", {"product_id": "5630650697948"}),
        ("gid://shopify/Product/5", {"product_id": "gid://shopify/Product/5"}),
        ("classic-beanie", {"product_handle": "classic-beanie"}),
        ("٣", {"product_handle": "٣"}),
        (
            {"id": 5, "handle": "h", "title": "H", "variants": [{"id": 6}], "tags": "a, b"},
            {"product_id": 5, "product_handle": "h", "shopify_product_title": "H"},
        ),
        ({"product_id": 5, "variant_id": 6}, {"product_id": 5, "shopify_variant_id": 6}),
    ],
)
def test_a_product_is_named_by_its_id_its_handle_or_as_the_shop_has_it(product: Any, named: dict[str, Any]) -> None:
    event = events.added(product, uuid="u", event_id="e", event_time=1)
    assert event == {
        "subject": "user", "verb": "added", "noun": "product", "uuid": "u", "event_id": "e", "event_time": 1, **named
    }  # fmt: skip


def test_a_field_beside_the_product_comes_before_what_the_product_says() -> None:
    assert events.viewed({"id": 5, "title": "Old"}, shopify_product_title="New")["shopify_product_title"] == "New"


def test_what_is_none_is_not_said() -> None:
    assert "customer_id" not in events.removed(5, uuid="u", customer_id=None)


def test_an_order_is_one_event_for_each_line_with_an_id_of_its_own() -> None:
    lines: list[Fields] = [{"product_id": 1, "quantity": 2}, {"product_id": 2, "currency": "USD"}]
    first, second = events.purchased(1001, lines, currency="EUR", customer_id=7)
    assert (first["order_id"], first["currency"], first["quantity"], first["customer_id"]) == (1001, "EUR", 2, 7)
    assert (second["order_id"], second["currency"], second["product_id"]) == (1001, "USD", 2)
    assert first["event_id"] != second["event_id"]


def test_what_python_has_and_json_has_not_is_written_as_the_wire_wants_it() -> None:
    event = events.viewed(
        5,
        uuid=UUID("be6f5fab-32a4-43e5-967c-68017baa3aa5"),
        price=Decimal("19.90"),
        event_time=datetime(2026, 3, 10, 10, tzinfo=UTC),
        tags=("a", "b"),
    )
    said = json.loads(events.encoded(event))
    assert (said["uuid"], said["price"]) == ("be6f5fab-32a4-43e5-967c-68017baa3aa5", "19.90")
    assert (said["event_time"], said["tags"]) == ("2026-03-10T10:00:00Z", ["a", "b"])


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("event_time", datetime(2026, 3, 10), "without a zone"),  # noqa: DTZ001  # what is to be refused
        ("meta", object(), "JSON"),
        ("label", "\ud800", "JSON"),
        ("note", "x" * BODY_BYTES_MAX, "bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused_where_it_is_said(field: str, value: Any, why: str) -> None:
    with pytest.raises(InputInvalidError, match=why):
        events.encoded(events.prepared({"subject": "user", field: value}))


def test_the_client_knows_every_field_of_the_wire_and_no_other() -> None:
    fields = {field.name for field in FIELDS} - {"subject", "verb", "noun"}
    assert set(Fields.__annotations__) == fields


def test_products_and_receipts_have_the_keys_that_the_server_answers() -> None:
    properties = SCHEMAS["Product"]["properties"]
    assert Product.__required_keys__ == set(SCHEMAS["Product"]["required"])
    assert Product.__optional_keys__ == {*properties, "metafields"} - Product.__required_keys__
    assert set(Variant.__annotations__) == set(properties["variants"]["items"]["properties"])
    assert set(Receipt.__struct_fields__) == set(SCHEMAS["Receipt"]["properties"])

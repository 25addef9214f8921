"""Reading orders: every shape of one order says the same, and nothing of a person but who it is goes any further."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from footfall.catalog.graphql import gathered
from footfall.catalog.shape import ShapeError, decode_json
from footfall.intake import order_graphql, order_rest
from footfall.limits import ORDER_LINES_MAX, TEXT_CHARACTERS_MAX
from footfall.order import Order, OrderLine, RefundLine
from tests.unit.intake.order_shapes import BULK, NODE, REFUND, REST, UUID


def from_bulk() -> Order:
    ((_, raw),) = gathered(enumerate(BULK, 1), order_graphql.list_of)
    return order_graphql.read_order(raw)


SHAPES: dict[str, Callable[[], Order]] = {
    "rest": lambda: order_rest.read_order(decode_json(json.dumps(REST))),
    "node": lambda: order_graphql.read_order(NODE),
    "bulk": from_bulk,
}


def lines(order: Order) -> list[OrderLine]:
    assert isinstance(order.lines, list)
    return order.lines


def rest(**fields: Any) -> Order:
    return order_rest.read_order({**REST, **fields})


def line(**fields: Any) -> OrderLine:
    return lines(rest(line_items=[{"id": 1, "quantity": 1, **fields}]))[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_one_order_is_the_same_in_every_shape(shape: str) -> None:
    order = SHAPES[shape]()
    assert (order.id, order.currency, order.test, order.cancelled_at) == ("4500000000001", "EUR", False, None)
    assert (order.created_at, order.updated_at) == (1748786400000, 1748872800000), "when it was placed, not when it was stored"
    assert order.uuid == UUID
    assert isinstance(order.customer, msgspec.Struct)
    assert (order.customer.id, order.customer.first_name, order.customer.last_name) == ("6200000000001", "First", "Last")
    beanie, tip = lines(order)
    assert (beanie.id, beanie.product_id, beanie.variant_id) == ("11000000000001", "5630650697948", "36000000000001")
    assert (beanie.quantity, beanie.price, beanie.discount) == (2, "19.90", "2.00"), "in the shop's currency"
    assert (beanie.title, beanie.variant_title, beanie.sku, beanie.vendor) == (
        "Classic Beanie",
        "Red",
        "BEANIE-RED",
        "Northwind",
    )
    assert beanie.properties == {"_source": "Footfall", "_widget_id": "42"}
    assert (tip.product_id, tip.variant_id, tip.price) == (None, None, "5.00")
    (refund,) = order.refunds
    assert (refund.id, refund.created_at) == ("7700000000001", 1748869200000)
    assert refund.lines == [RefundLine("11000000000001", 1, "18.90")]


@pytest.mark.parametrize("shape", SHAPES)
def test_of_the_person_only_id_and_name_are_kept(shape: str) -> None:
    kept = msgspec.json.encode(SHAPES[shape]()).decode()
    for personal in ("buyer@", "+1555", "203.0.113", "Sample", "10115", "Ring", "small", "somebody", "?key="):
        assert personal not in kept, personal


def test_a_cart_token_is_kept_without_its_key() -> None:
    assert SHAPES["rest"]().cart_token == "c1-0123456789abcdef"
    assert rest(cart_token="").cart_token is None
    assert SHAPES["bulk"]().cart_token is UNSET, "that source can't see it"


@pytest.mark.parametrize("value", ["undefined", "null", "", None, "00000000-0000-0000-0000-000000000000", {"a": 1}, "x" * 200])
def test_a_placeholder_is_no_visitor(value: Any) -> None:
    assert rest(note_attributes=[{"name": "_footfall_uuid", "value": value}]).uuid is None
    assert rest(note_attributes=[]).uuid is None


@pytest.mark.parametrize("customer", [None, {}, {"id": None}, {"id": 0}, {"id": "undefined"}, "somebody", {"id": ["x"]}])
def test_an_order_of_nobody_has_no_customer_and_never_costs_the_order(customer: Any) -> None:
    assert rest(customer=customer).customer is None


def test_the_discount_of_an_older_order_is_its_lines_own() -> None:
    assert line(total_discount="1.50").discount == "1.50"
    assert line(total_discount="1.50", discount_allocations=[]).discount == "1.50"
    assert line(discount_allocations=[{"amount": "0.10"}, {"amount": "0.20"}]).discount == "0.30", "no float was there"
    assert line(discount_allocations=[]).discount == "0"
    assert line().discount is UNSET


def test_amounts_stay_the_decimal_texts_that_they_are() -> None:
    order = order_rest.read_order(decode_json('{"id":1,"line_items":[{"id":1,"quantity":1,"price":19.90}]}'))
    assert lines(order)[0].price == "19.90"


def test_a_refund_that_comes_by_itself_says_nothing_else_of_its_order() -> None:
    order = order_rest.read_refund(REFUND)
    assert (order.id, order.lines, order.updated_at, order.currency) == ("4500000000001", UNSET, UNSET, UNSET)
    assert order.refunds == SHAPES["rest"]().refunds


def test_a_line_that_was_taken_back_to_two_places_is_one_refunded_line() -> None:
    both = [{"line_item_id": 5, "quantity": 1, "subtotal": "1.10"}, {"line_item_id": 5, "quantity": 2, "subtotal": "2.20"}]
    (refund,) = order_rest.read_refund({**REFUND, "refund_line_items": both}).refunds
    assert refund.lines == [RefundLine("5", 3, "3.30")]


def test_a_long_title_is_cut_and_does_not_cost_the_order() -> None:
    assert line(title="t" * 5_000).title == "t" * TEXT_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": None}, "id is None; it must be an id"),
        ({"processed_at": "yesterday"}, "processed_at is 'yesterday'; it must be a time"),
        ({"currency": "euros"}, "currency is 'euros'; it must be three letters"),
        ({"line_items": [{"quantity": 1}]}, r"line_items\[0\].id is None"),
        ({"line_items": [{"id": 1, "quantity": -1}]}, r"line_items\[0\].quantity is -1; it must be 0 or more"),
        ({"line_items": [{"id": 1, "quantity": 1, "price": "cheap"}]}, r"line_items\[0\].price is 'cheap'"),
        ({"line_items": [{"id": n} for n in range(1, ORDER_LINES_MAX + 2)]}, "It has 1,001 lines; at most 1,000"),
        ({"refunds": [{"id": 1, "refund_line_items": [{}]}]}, r"refunds\[0\].refund_line_items\[0\].line_item_id is None"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(fields: dict[str, Any], said: str) -> None:
    raw = {name: value for name, value in {**REST, "admin_graphql_api_id": None, **fields}.items() if value is not None}
    with pytest.raises(ShapeError, match=said):
        order_rest.read_order(raw)


def test_what_is_no_object_is_no_order() -> None:
    for read in (order_rest.read_order, order_rest.read_refund, order_graphql.read_order):
        with pytest.raises(ShapeError, match="must be an object"):
            read([])

"""Orders as the Admin GraphQL API answers them: nested nodes, or the lines of a bulk operation. Field names after Shopify's
documentation of ``Order``, ``LineItem`` and ``Refund``, API version 2025-10. ``order_rest`` says what is never looked at.
"""

from typing import Any

from msgspec import UNSET, UnsetType

from footfall.catalog.graphql import kind_of
from footfall.catalog.shape import Shape
from footfall.intake.order_rest import (
    joined,
    read_brief,
    read_currency,
    read_customer,
    read_properties,
    read_quantity,
    read_test,
    read_time,
    read_visitor,
    require_at_most,
    require_id,
    shop_money,
    total_of,
)
from footfall.limits import ORDER_LINES_MAX, ORDER_REFUNDS_MAX
from footfall.order import Order, OrderLine, Refund, RefundLine, Text


def list_of(child: dict[str, Any]) -> str:
    """In which list of its parent a line of a bulk operation over orders belongs."""
    kind = kind_of(child)
    if kind == "RefundLineItem" or (kind is None and "lineItem" in child):
        return "refundLineItems"
    return {"LineItem": "lineItems", "Refund": "refunds"}.get(kind or "", "others")


def read_order(raw: object) -> Order:
    """An order out of one node with its children. Raises ``ShapeError`` with the field that is wrong."""
    shape = Shape(raw)
    placed_at = read_time(shape, "processedAt")
    return Order(
        id=require_id(shape, "Order", "id"),
        created_at=placed_at if isinstance(placed_at, int) else read_time(shape, "createdAt"),
        updated_at=read_time(shape, "updatedAt"),
        cancelled_at=read_time(shape, "cancelledAt"),
        test=read_test(shape),
        currency=read_currency(shape, "currencyCode"),
        customer=read_customer(shape, first_name="firstName", last_name="lastName"),
        uuid=read_visitor(shape, "customAttributes", "key"),
        lines=_lines(shape),
        refunds=_refunds(shape),
    )


def _lines(shape: Shape) -> list[OrderLine] | UnsetType:
    lines = shape.items("lineItems")
    if isinstance(lines, UnsetType):
        return UNSET
    require_at_most(len(lines), ORDER_LINES_MAX, "lines")
    return [_line(line) for line in lines]


def _line(shape: Shape) -> OrderLine:
    return OrderLine(
        id=require_id(shape, "LineItem", "id"),
        quantity=read_quantity(shape),
        product_id=_id_in(shape, "product", "Product"),
        variant_id=_id_in(shape, "variant", "ProductVariant"),
        price=shop_money(shape, "originalUnitPriceSet", "shopMoney"),
        discount=_discount(shape),
        title=read_brief(shape, "title"),
        variant_title=read_brief(shape, "variantTitle"),
        sku=read_brief(shape, "sku"),
        vendor=read_brief(shape, "vendor"),
        properties=read_properties(shape, "customAttributes", "key"),
    )


def _discount(shape: Shape) -> Text:
    allocations = shape.items("discountAllocations")
    if isinstance(allocations, UnsetType):
        return UNSET
    return total_of(shop_money(allocation, "allocatedAmountSet", "shopMoney") for allocation in allocations)


def _refunds(shape: Shape) -> list[Refund]:
    refunds = shape.items("refunds")
    if isinstance(refunds, UnsetType):
        return []
    require_at_most(len(refunds), ORDER_REFUNDS_MAX, "refunds")
    return [_refund(refund) for refund in refunds]


def _refund(shape: Shape) -> Refund:
    lines = shape.items("refundLineItems")
    lines = [] if isinstance(lines, UnsetType) else lines
    require_at_most(len(lines), ORDER_LINES_MAX, "refunded lines")
    return Refund(
        id=require_id(shape, "Refund", "id"),
        created_at=read_time(shape, "createdAt"),
        lines=joined(_refund_line(line) for line in lines),
    )


def _refund_line(shape: Shape) -> RefundLine:
    line = shape.inner("lineItem")
    if line is None:
        raise shape.wrong("lineItem", "an object with the id of a LineItem")
    return RefundLine(require_id(line, "LineItem", "id"), read_quantity(shape), shop_money(shape, "subtotalSet", "shopMoney"))


def _id_in(shape: Shape, name: str, kind: str) -> Text:
    """The id of an object in a field; ``None``: there is none (any more)."""
    if name not in shape:
        return UNSET
    inner = shape.inner(name)
    return inner.id(kind, "id") if inner is not None else None

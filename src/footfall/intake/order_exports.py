"""Exports of orders, for comparing them with what is stored: whichever shape they come in, one shape of order comes out.

Nothing here is stored, and of who bought nothing is looked at.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from msgspec import UnsetType

from footfall.catalog.product import known
from footfall.catalog.shape import Shape, ShapeError
from footfall.errors import InputInvalidError
from footfall.intake import order_table
from footfall.intake.opening import Opened
from footfall.intake.order_files import ORDER_TABLE, ORDERS_WANTED, Item, OrderFile, is_node, looks_instead, read_order
from footfall.intake.order_rest import known_amount, read_money, read_status, shop_money
from footfall.order import ExportedLine, ExportedOrder, Order, OrderLine, Text

_DEFAULT_VARIANT: Final = "Default Title"
"""What the only variant of a product is called, which says nothing."""


def exported_orders(file: Opened) -> Iterator[Item[ExportedOrder]]:
    """The orders of an export, in its order: the CSV of Shopify's admin, REST JSON of the Admin API, or the lines of a GraphQL
    bulk operation, told apart by content; gzip or not. What can't be read is told with its line and reason. An order that
    stands there twice comes twice.

    CSV and lines are read as they come, one JSON text whole, up to its bound. Raises ``InputInvalidError`` where the file is
    something else or breaks off.
    """
    head = file.head()
    delimiter = order_table.delimiter_of(head.decode("utf-8", "replace"))
    if delimiter is not None:
        yield from _of_table(file, delimiter)
        return
    looks = looks_instead(head)
    if looks is not None:
        raise InputInvalidError(
            f"{file.name} looks like {looks}. An export of orders is {ORDER_TABLE} (under Orders, Export), or {ORDERS_WANTED}."
        )
    yield from OrderFile(file).items(_of_json)


def _of_table(file: Opened, delimiter: str) -> Iterator[Item[ExportedOrder]]:
    text = (line.decode("utf-8", "replace") for line in file.lines())
    try:
        for line, order in order_table.read_table(text, delimiter):
            yield Item(line, order)
    except ShapeError as failure:
        raise InputInvalidError(f"{file.name} can't be read: {failure}") from failure


def _of_json(raw: Any) -> ExportedOrder:
    order, shape = read_order(raw), Shape(raw)
    if not isinstance(order.created_at, int):
        raise ShapeError("It says neither when the order was placed nor when it was created.")
    if isinstance(order.lines, UnsetType):
        raise ShapeError("It has no lines: ask for lineItems.")
    return ExportedOrder(
        name=known(shape.text("name")),
        id=order.id,
        created_at=order.created_at,
        lines=[_line(line) for line in order.lines],
        cancelled_at=known(order.cancelled_at),
        currency=known(order.currency),
        test=known(order.test),
        **(_of_node(shape) if is_node(raw) else _of_rest(shape, order)),
    )


def _line(line: OrderLine) -> ExportedLine:
    names = [name for name in (line.title, line.variant_title) if isinstance(name, str) and name != _DEFAULT_VARIANT]
    return ExportedLine(
        quantity=line.quantity,
        # As the CSV has it.
        name=" - ".join(names) or None,
        sku=known(line.sku),
        price=known_amount(line.price),
        discount=known_amount(line.discount),
    )


def _of_rest(shape: Shape, order: Order) -> dict[str, Any]:
    return {
        "financial_status": read_status(shape, "financial_status"),
        "subtotal": known_amount(read_money(shape, "subtotal_price")),
        "shipping": known_amount(read_money(shape, "total_shipping_price")),
        "taxes": known_amount(read_money(shape, "total_tax")),
        "total": known_amount(read_money(shape, "total_price")),
        "discount": known_amount(read_money(shape, "total_discounts")),
        "refunded": _refunded(shape, order.currency),
    }


def _of_node(shape: Shape) -> dict[str, Any]:
    def amount(name: str) -> Decimal | None:
        return known_amount(shop_money(shape, name, "shopMoney"))

    return {
        "financial_status": read_status(shape, "displayFinancialStatus"),
        "subtotal": amount("subtotalPriceSet"),
        "shipping": amount("totalShippingPriceSet"),
        "taxes": amount("totalTaxSet"),
        "total": amount("totalPriceSet"),
        "discount": amount("totalDiscountsSet"),
        "refunded": amount("totalRefundedSet"),
    }


def _refunded(shape: Shape, currency: Text) -> Decimal | None:
    """What was paid back: REST has no sum of it. ``None`` where the refunds don't say, or say it in another currency."""
    refunds = shape.items("refunds")
    if isinstance(refunds, UnsetType):
        return None
    refunded = Decimal(0)
    for refund in refunds:
        transactions = refund.items("transactions")
        if isinstance(transactions, UnsetType):
            return None
        for transaction in transactions:
            if transaction.text("kind") != "refund" or transaction.text("status") != "success":
                continue
            amount = known_amount(transaction.amount("amount"))
            if amount is None or (known(transaction.text("currency")) or currency) != currency:
                return None
            refunded += amount
    return refunded

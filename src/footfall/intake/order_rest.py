"""Orders and refunds in Shopify's REST shapes, as the Admin API answers them and webhooks bring them. Field names after
Shopify's documentation of the Order and Refund resources, API version 2025-10.

Emails, addresses, phones and notes are never looked at. What says whose an order is, and can't be read, counts as absent: it
must not cost the order, nor stand in an error.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import UNSET, UnsetType

from footfall.catalog.shape import Shape, ShapeError
from footfall.clock import Milliseconds
from footfall.identifiers import CustomerId, GidKind, Uuid, is_placeholder, read_id, read_uuid
from footfall.intake.moment import read_moment
from footfall.limits import IDENTITY_CHARACTERS_MAX, ORDER_LINES_MAX, ORDER_REFUNDS_MAX, TEXT_CHARACTERS_MAX
from footfall.order import Moment, Order, OrderCustomer, OrderLine, Refund, RefundLine, Text

UUID_ATTRIBUTE: Final = "_footfall_uuid"
"""The cart attribute in which our script leaves the visitor's uuid."""
_KEPT_PROPERTIES: Final = frozenset({"_source", "_widget_id", "_attribution"})
_CURRENCY_LETTERS: Final = 3


def read_order(raw: object) -> Order:
    """An order out of one JSON object. Raises ``ShapeError`` with the field that is wrong."""
    shape = Shape(raw)
    placed_at = read_time(shape, "processed_at")
    order_id = require_id(shape, "Order", "id", "admin_graphql_api_id")
    if "line_items" not in shape:
        # A refund comes in a shape of its own; anything else without lines is no order, such as a product.
        raise ShapeError("An order needs line_items.")
    return Order(
        id=order_id,
        created_at=placed_at if isinstance(placed_at, int) else read_time(shape, "created_at"),
        updated_at=read_time(shape, "updated_at"),
        cancelled_at=read_time(shape, "cancelled_at"),
        test=read_test(shape),
        currency=read_currency(shape, "currency"),
        customer=read_customer(shape, first_name="first_name", last_name="last_name"),
        uuid=read_visitor(shape, "note_attributes", "name"),
        cart_token=_token(shape, "cart_token"),
        checkout_token=_token(shape, "checkout_token"),
        lines=_lines(shape),
        refunds=_refunds(shape),
    )


def read_refund(raw: object) -> Order:
    """A refund that comes by itself, as what it says of its order. Raises ``ShapeError``."""
    shape = Shape(raw)
    return Order(id=require_id(shape, "Order", "order_id"), refunds=[_refund(shape)])


def _lines(shape: Shape) -> list[OrderLine] | UnsetType:
    lines = shape.items("line_items")
    if isinstance(lines, UnsetType):
        return UNSET
    require_at_most(len(lines), ORDER_LINES_MAX, "lines")
    return [_line(line) for line in lines]


def _line(shape: Shape) -> OrderLine:
    return OrderLine(
        id=require_id(shape, "LineItem", "id", "admin_graphql_api_id"),
        quantity=read_quantity(shape),
        product_id=shape.id("Product", "product_id"),
        variant_id=shape.id("ProductVariant", "variant_id"),
        price=read_money(shape, "price"),
        discount=_discount(shape),
        title=read_brief(shape, "title"),
        variant_title=read_brief(shape, "variant_title"),
        sku=read_brief(shape, "sku"),
        vendor=read_brief(shape, "vendor"),
        properties=read_properties(shape, "properties", "name"),
    )


def _discount(shape: Shape) -> Text:
    allocations = shape.items("discount_allocations")
    if isinstance(allocations, UnsetType) or not allocations:
        # Older orders have only their line's own.
        total = read_money(shape, "total_discount")
        return total if isinstance(total, str) or isinstance(allocations, UnsetType) else "0"
    return total_of(read_money(allocation, "amount") for allocation in allocations)


def _refunds(shape: Shape) -> list[Refund]:
    refunds = shape.items("refunds")
    if isinstance(refunds, UnsetType):
        return []
    require_at_most(len(refunds), ORDER_REFUNDS_MAX, "refunds")
    return [_refund(refund) for refund in refunds]


def _refund(shape: Shape) -> Refund:
    lines = shape.items("refund_line_items")
    lines = [] if isinstance(lines, UnsetType) else lines
    require_at_most(len(lines), ORDER_LINES_MAX, "refunded lines")
    return Refund(
        id=require_id(shape, "Refund", "id", "admin_graphql_api_id"),
        created_at=read_time(shape, "created_at"),
        lines=joined(
            RefundLine(require_id(line, "LineItem", "line_item_id"), read_quantity(line), read_money(line, "subtotal"))
            for line in lines
        ),
    )


def read_money(shape: Shape, name: str) -> Text:
    """An amount in the shop's currency: the field's set says it where there is one; the field itself may be in another."""
    of_shop = shop_money(shape, f"{name}_set", "shop_money")
    return of_shop if isinstance(of_shop, str) else shape.amount(name)


def shop_money(shape: Shape, name: str, part: str) -> Text:
    """The amount in the shop's currency in a set of two currencies."""
    both = shape.inner(name)
    of_shop = both.inner(part) if both is not None else None
    return of_shop.amount("amount") if of_shop is not None else UNSET


def total_of(amounts: Iterable[Text]) -> str:
    """The sum of decimal amounts, of which those that are unknown count as nothing."""
    return format(sum((Decimal(amount) for amount in amounts if isinstance(amount, str)), Decimal(0)), "f")


def joined(lines: Iterable[RefundLine]) -> list[RefundLine]:
    """The lines of a refund with one for each line of the order: it may have been taken back to several places."""
    by_line: dict[str, list[RefundLine]] = {}
    for line in lines:
        by_line.setdefault(line.line_id, []).append(line)
    return [
        of[0] if len(of) == 1 else RefundLine(name, sum(one.quantity for one in of), total_of(one.amount for one in of))
        for name, of in by_line.items()
    ]


def require_id(shape: Shape, kind: GidKind | str, *names: str) -> str:
    """An id without which there is nothing. Raises ``ShapeError``."""
    for name in names:
        found = shape.id(kind, name)
        if isinstance(found, str):
            return found
    raise shape.wrong(names[0], "an id")


def require_at_most(count: int, limit: int, what: str) -> None:
    """Raise ``ShapeError`` where there are more than the limit."""
    if count > limit:
        raise ShapeError(f"It has {count:,} {what}; at most {limit:,} are kept.")


def known_amount(amount: Text) -> Decimal | None:
    """An amount to count with, ``None`` where it isn't told."""
    return Decimal(amount) if isinstance(amount, str) else None


def read_status(shape: Shape, name: str) -> str | None:
    """What became of the payment, such as ``partially_refunded``, in whichever case it is written."""
    status = shape.text(name)
    return status.strip().lower().replace(" ", "_")[:TEXT_CHARACTERS_MAX] if isinstance(status, str) else None


def read_time(shape: Shape, name: str) -> Moment:
    """A time, as milliseconds since the epoch."""
    text = shape.text(name)
    if not isinstance(text, str):
        return text
    moment = read_moment(text)
    if moment is None:
        raise shape.wrong(name, "a time with an offset, such as 2025-10-01T10:00:00-04:00")
    return Milliseconds(moment)


def read_quantity(shape: Shape) -> int:
    """How many; none where it isn't told."""
    quantity = shape.whole("quantity")
    if isinstance(quantity, int) and quantity < 0:
        raise shape.wrong("quantity", "0 or more")
    return quantity if isinstance(quantity, int) else 0


def read_test(shape: Shape) -> bool | UnsetType:
    """Whether it is a test order."""
    test = shape.flag("test")
    return UNSET if test is None else test


def read_currency(shape: Shape, name: str) -> Text:
    """Three letters."""
    currency = shape.text(name)
    if isinstance(currency, str) and not (len(currency) == _CURRENCY_LETTERS and currency.isalpha() and currency.isascii()):
        raise shape.wrong(name, "three letters, such as EUR")
    return currency.upper() if isinstance(currency, str) else currency


def read_brief(shape: Shape, name: str) -> Text:
    """A title or the like; what is over the bound is cut, since it must not cost the order."""
    text = shape.text(name)
    return text[:TEXT_CHARACTERS_MAX] if isinstance(text, str) else text


def read_customer(shape: Shape, *, first_name: str, last_name: str) -> OrderCustomer | UnsetType | None:
    """Whose order it is; ``None``: nobody's that is known."""
    raw = shape.value("customer")
    if not isinstance(raw, Mapping):
        return UNSET if isinstance(raw, UnsetType) else None
    value = raw.get("id")
    customer = None if is_placeholder(value) else read_id(value, "Customer", characters_max=IDENTITY_CHARACTERS_MAX)
    if customer is None or customer == "0":
        return None
    return OrderCustomer(id=CustomerId(customer), first_name=_name(raw, first_name), last_name=_name(raw, last_name))


def _name(raw: Mapping[str, Any], name: str) -> Text:
    if name not in raw:
        return UNSET
    value = raw[name]
    return value[:TEXT_CHARACTERS_MAX] if isinstance(value, str) and value else None


def read_visitor(shape: Shape, name: str, key: str) -> Uuid | UnsetType | None:
    """The uuid in the cart's attributes, a list of ``key`` and ``value``; ``None``: they have none."""
    attributes = shape.value(name)
    if isinstance(attributes, UnsetType):
        return UNSET
    value = _pairs(attributes, key).get(UUID_ATTRIBUTE)
    return None if is_placeholder(value) else read_uuid(value)


def read_properties(shape: Shape, name: str, key: str) -> dict[str, str]:
    """The properties of a line that say where it was added from."""
    pairs = _pairs(shape.value(name), key)
    return {
        found: str(value)[:TEXT_CHARACTERS_MAX]
        for found, value in sorted(pairs.items())
        if found in _KEPT_PROPERTIES and isinstance(value, str | int) and not is_placeholder(value)
    }


def _pairs(raw: Any, key: str) -> dict[str, Any]:
    items = raw if isinstance(raw, list) else []
    return {item[key]: item.get("value") for item in items if isinstance(item, Mapping) and isinstance(item.get(key), str)}


def _token(shape: Shape, name: str) -> Text:
    """A cart's or checkout's token, without the key that newer carts append to it."""
    value = shape.value(name)
    if isinstance(value, UnsetType):
        return UNSET
    token = value.partition("?")[0].strip() if isinstance(value, str) else ""
    usable = token.isprintable() and len(token) <= IDENTITY_CHARACTERS_MAX and not is_placeholder(token)
    return token if usable else None

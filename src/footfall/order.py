"""The order: what was bought, as the shop's own system tells it; one JSON document for each.

Ids are texts of digits where the source has digits (without ``gid://shopify/…``), amounts are decimal texts in the shop's own
currency, times are milliseconds since the epoch. What its source could not see is left out (``UNSET``).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from footfall.clock import Milliseconds
from footfall.identifiers import CustomerId, ProductReference, ShopId, Uuid, product_reference
from footfall.limits import UNITS_MAX

ORDER_PREFIX: Final = "order/"

Text = str | None | UnsetType
Moment = Milliseconds | None | UnsetType


class OrderLine(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One line as the source has it. ``price`` is of one unit before discounts, ``discount`` is of the whole line.

    ``properties``: those that say where it was added from (``_source``, ``_widget_id``, ``_attribution``), and no others.
    """

    id: str
    quantity: int
    product_id: Text = UNSET
    variant_id: Text = UNSET
    price: Text = UNSET
    discount: Text = UNSET
    title: Text = UNSET
    variant_title: Text = UNSET
    sku: Text = UNSET
    vendor: Text = UNSET
    properties: dict[str, str] = {}


class RefundLine(msgspec.Struct, omit_defaults=True, frozen=True):
    """How much of an order's line was taken back. ``amount`` is what was paid back for it, without tax."""

    line_id: str
    quantity: int
    amount: Text = UNSET


class Refund(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One refund of an order."""

    id: str
    created_at: Moment = UNSET
    lines: list[RefundLine] = []


class OrderCustomer(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """Whose order it is, by the shop's own accounts."""

    id: CustomerId
    first_name: Text = UNSET
    last_name: Text = UNSET


class Order(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One order. ``lines`` is unknown while only a refund of it has arrived; ``uuid`` is what our script left in its cart.

    ``cart_token`` is kept without a ``?key=`` tail. ``currency`` is the one of its amounts, three letters.
    """

    id: str
    created_at: Moment = UNSET
    updated_at: Moment = UNSET
    cancelled_at: Moment = UNSET
    test: bool | UnsetType = UNSET
    currency: Text = UNSET
    customer: OrderCustomer | UnsetType | None = UNSET
    uuid: Uuid | UnsetType | None = UNSET
    cart_token: Text = UNSET
    checkout_token: Text = UNSET
    lines: list[OrderLine] | UnsetType = UNSET
    refunds: list[Refund] = []


class ExportedLine(msgspec.Struct, kw_only=True, frozen=True):
    """One line of an exported order. ``price`` is of one unit before discounts, ``discount`` is of the whole line."""

    quantity: int
    name: str | None = None
    sku: str | None = None
    price: Decimal | None = None
    discount: Decimal | None = None


class ExportedOrder(msgspec.Struct, kw_only=True, frozen=True):
    """An order as an export of the shop's own system tells it: to be compared with what is stored, and never stored itself.

    ``None`` stands for what the export does not say. Either ``name`` (such as #1001) or ``id`` is always there. Amounts are in
    ``currency``. ``subtotal`` is what the lines cost after all discounts; ``refunded`` includes taxes and shipping that were
    paid back. ``financial_status`` is in lower case, such as ``partially_refunded``.
    """

    name: str | None
    id: str | None
    created_at: Milliseconds
    lines: list[ExportedLine]
    cancelled_at: Milliseconds | None = None
    currency: str | None = None
    financial_status: str | None = None
    test: bool | None = None
    subtotal: Decimal | None = None
    shipping: Decimal | None = None
    taxes: Decimal | None = None
    total: Decimal | None = None
    discount: Decimal | None = None
    refunded: Decimal | None = None


class BoughtLine(NamedTuple):
    """A purchase line, (order id, variant id): how many units were bought and are left after refunds and cancellation."""

    reference: ProductReference
    variant_id: str | None
    units: int


decode_order: Final = msgspec.json.Decoder(Order).decode


def order_document(shop: ShopId, order_id: str) -> str:
    """The key of an order's document. Stored on disk: do not change."""
    return f"{ORDER_PREFIX}{shop}/{order_id}"


def bought_lines(order: Order) -> Iterator[BoughtLine]:
    """An order's purchase lines, in its own order: its lines of one variant are one. Lines without a product (a tip, a gift
    card that was typed in) are none; of a cancelled order no units are left."""
    if isinstance(order.lines, UnsetType):
        return
    cancelled = isinstance(order.cancelled_at, int)
    refunded: dict[str, int] = {}
    for refund in order.refunds:
        for taken in refund.lines:
            refunded[taken.line_id] = refunded.get(taken.line_id, 0) + taken.quantity
    lines: dict[tuple[ProductReference, str | None], int] = {}
    for line in order.lines:
        product_id, variant_id = line.product_id or None, line.variant_id or None
        reference = product_reference(product_id, None, variant_id)
        if reference is None:
            continue
        left = 0 if cancelled else min(max(0, line.quantity - refunded.get(line.id, 0)), UNITS_MAX)
        lines[(reference, variant_id)] = lines.get((reference, variant_id), 0) + left
    for (reference, variant_id), units in lines.items():
        yield BoughtLine(reference, variant_id, units)

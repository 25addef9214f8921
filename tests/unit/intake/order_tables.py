"""CSVs of orders as Shopify's admin exports them, written by hand after its columns, or from orders. Nobody bought this."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import cast

from footfall.clock import Milliseconds
from footfall.intake.opening import Opened
from footfall.order import ExportedLine, ExportedOrder

EXPORTED = ExportedOrder(
    name="#1001",
    id="4500000000001",
    created_at=Milliseconds(1748786400000),
    lines=[
        ExportedLine(
            quantity=2, name="Classic Beanie - Red", sku="BEANIE-RED", price=Decimal("19.90"), discount=Decimal("2.00")
        ),
        ExportedLine(quantity=1, name="Tip", price=Decimal("5.00")),
    ],
    currency="EUR",
    financial_status="partially_refunded",
    subtotal=Decimal("42.80"),
    shipping=Decimal("4.90"),
    taxes=Decimal("6.83"),
    total=Decimal("47.70"),
    discount=Decimal("2.00"),
    refunded=Decimal("18.90"),
)
COLUMNS = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing", "Currency",
    "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method", "Created at",
    "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem compare at price", "Lineitem sku",
    "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status", "Billing Name", "Billing Street",
    "Billing Zip", "Billing Phone", "Shipping Name", "Notes", "Note Attributes", "Cancelled at", "Payment Method",
    "Payment Reference", "Refunded Amount", "Vendor", "Outstanding Balance", "Id", "Tags", "Risk Level", "Source",
    "Lineitem discount", "Tax 1 Name", "Tax 1 Value", "Phone",
)  # fmt: skip
PERSONAL = {
    "Email": "buyer@shop.example",
    "Billing Name": "First Last",
    "Billing Street": "1 Sample Street, back; left",
    "Billing Zip": "'10115",
    "Billing Phone": "+15550100",
    "Shipping Name": "First Last",
    "Notes": 'Ring "twice",\nthen wait',
    "Note Attributes": "gift: yes",
    "Phone": "+15550100",
}


def opened(body: bytes, name: str = "the export") -> Opened:
    """An export that came as bytes."""
    return Opened(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(body))), name, len(body))


def amount(value: Decimal | None, mark: str = ".") -> str:
    return "" if value is None else format(value, "f").replace(".", mark)


def moment(milliseconds: int, hours: int = 0) -> str:
    """A time as the export writes it, at an offset of so many hours."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return at.astimezone(timezone(timedelta(hours=hours))).strftime("%Y-%m-%d %H:%M:%S %z")


def rows_of(order: ExportedOrder, *, mark: str = ".", hours: int = 0) -> list[dict[str, str]]:
    """The rows of an order: what is said of all of it on the first."""
    whole = {
        **PERSONAL,
        "Financial Status": order.financial_status or "",
        "Currency": order.currency or "",
        "Subtotal": amount(order.subtotal, mark),
        "Shipping": amount(order.shipping, mark),
        "Taxes": amount(order.taxes, mark),
        "Total": amount(order.total, mark),
        "Discount Amount": amount(order.discount, mark),
        "Refunded Amount": amount(order.refunded, mark),
        "Cancelled at": "" if order.cancelled_at is None else moment(order.cancelled_at, hours),
        "Payment Method": "(for testing) Bogus Gateway" if order.test else "Shopify Payments",
        "Id": order.id or "",
    }
    lines = [_cells(line, mark) for line in order.lines] or [{}]
    always = {"Name": order.name or "", "Created at": moment(order.created_at, hours), "Vendor": "Northwind"}
    return [{**always, **(whole if number == 0 else {}), **line} for number, line in enumerate(lines)]


def _cells(line: ExportedLine, mark: str) -> dict[str, str]:
    return {
        "Lineitem quantity": str(line.quantity),
        "Lineitem name": line.name or "",
        "Lineitem sku": line.sku or "",
        "Lineitem price": amount(line.price, mark),
        "Lineitem discount": amount(line.discount, mark),
    }


def table(rows: Sequence[dict[str, str]], *, columns: Sequence[str] = COLUMNS, delimiter: str = ",") -> str:
    """The text of a CSV with these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", delimiter=delimiter, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

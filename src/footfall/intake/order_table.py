"""Orders in the shape of the CSV that Shopify's admin exports: one row for each line, and what is said of the whole order on
the first of its rows. Column names as of 2025; who bought (emails, names, addresses, notes) is never looked at.

It names no product, variant, customer or line by its id, so it can be compared with orders and not be one (``ExportedOrder``).
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from footfall.catalog.product import known
from footfall.catalog.shape import Shape, ShapeError
from footfall.clock import Milliseconds
from footfall.intake.moment import read_moment
from footfall.intake.order_rest import known_amount, read_brief, read_currency, read_status, require_at_most
from footfall.limits import ORDER_LINES_MAX, TEXT_CHARACTERS_MAX
from footfall.order import ExportedLine, ExportedOrder

_NEEDED: Final = ("Name", "Created at", "Currency", "Total", "Lineitem quantity", "Lineitem price")
_OF_ORDER: Final = ("Financial Status", "Currency", "Subtotal", "Total")
"""Of what is said of the whole order, that which every order has: a row without any of it goes on with an order."""
_AMOUNTS: Final = (
    "Subtotal", "Shipping", "Taxes", "Total", "Discount Amount", "Refunded Amount", "Lineitem price", "Lineitem discount",
)  # fmt: skip
_COLUMNS: Final[Mapping[str, str]] = {
    column.lower(): column
    for column in (
        *_NEEDED, *_OF_ORDER, *_AMOUNTS, "Id", "Cancelled at", "Payment Method", "Lineitem name", "Lineitem sku",
    )
}  # fmt: skip
_TIME: Final = re.compile(r"(?P<moment>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d) ?(?P<offset>Z|UTC|[+-]\d\d:?\d\d)", re.ASCII)
_TIME_WANTED: Final = "a time with an offset, such as 2026-03-10 10:00:00 +0100"
_DECIMAL_COMMA: Final = re.compile(r"(-?\d{1,15}),(\d{1,8})", re.ASCII)
_TEST_GATEWAY: Final = "bogus gateway"
"""The way to pay of test orders, in lower case. Test payments of other ways can't be told from real ones here."""


class _Row(NamedTuple):
    """One row: the line it begins on, its cells that are not empty under the columns' names, and how many it has too many."""

    line: int
    cells: dict[str, str]
    beyond: int


def delimiter_of(text: str) -> str | None:
    """What parts the columns, where this is the beginning of a CSV of orders: a comma, or a spreadsheet's semicolon."""
    head = text.removeprefix("\ufeff").splitlines()[:1]
    for delimiter in (",", ";"):
        names = {column.strip().lower() for column in next(csv.reader(head, delimiter=delimiter), [])}
        if "name" in names and names & {"lineitem quantity", "lineitem name", "lineitem price"}:
            return delimiter
    return None


def read_table(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, ExportedOrder | str]]:
    """The orders of a CSV, each with the line that it begins on; the rows of one stand together. A text stands for an order
    that can't be read, and is why; its line is that of the row at fault.

    Raises ``ShapeError`` where columns are missing, or where quotes are broken, since rows behind that may be none.
    """
    for rows in _gathered(_rows(lines, delimiter)):
        at = rows[0]
        try:
            require_at_most(len(rows), ORDER_LINES_MAX, "lines")
            bought = []
            for at in rows:
                if at.beyond:
                    raise ShapeError(f"The row has {at.beyond} cells more than there are columns.")
                if any(name.startswith("Lineitem") for name in at.cells):
                    bought.append(_line(Shape(at.cells)))
            at = rows[0]
            order: ExportedOrder | str = _order(Shape(at.cells), bought)
        except ShapeError as failure:
            name = rows[0].cells.get("Name")
            order = f"{name[:60]}: {failure}" if name else str(failure)
        yield at.line, order


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[_Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = [_COLUMNS.get(column.strip().removeprefix("\ufeff").lower()) for column in next(reader, [])]
        lacking = [column for column in _NEEDED if column not in names]
        if lacking:
            raise ShapeError(f"The file has no column {', '.join(lacking)}. Export the orders with all their columns.")
        line = reader.line_num + 1
        for row in reader:
            cells = {name: cell.strip() for name, cell in zip(names, row, strict=False) if name and cell.strip()}
            if delimiter == ";":
                # Where semicolons part the columns, a comma stands before the cents.
                cells |= {name: _DECIMAL_COMMA.sub(r"\1.\2", cells[name]) for name in _AMOUNTS if name in cells}
            if any(cell.strip() for cell in row):
                yield _Row(line, cells, max(0, len(row) - len(names)))
            line = reader.line_num + 1
    except csv.Error as failure:
        raise ShapeError(f"line {reader.line_num}: {failure}.") from failure


def _gathered(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """The rows of each order, of one that has too many lines only so many that it shows."""
    order: list[_Row] = []
    for row in rows:
        if order and _goes_on(order[0].cells, row.cells):
            if len(order) <= ORDER_LINES_MAX:
                order.append(row)
            continue
        if order:
            yield order
        order = [row]
    if order:
        yield order


def _goes_on(first: Mapping[str, str], cells: Mapping[str, str]) -> bool:
    """Whether a row is of the order that began with ``first``: names may be given twice, ids are not."""
    return "Name" in cells and cells["Name"] == first.get("Name") and cells.get("Id", first.get("Id")) == first.get("Id")


def _order(shape: Shape, lines: list[ExportedLine]) -> ExportedOrder:
    name = shape.text("Name")
    if not isinstance(name, str):
        raise ShapeError("The row has no Name, by which its order is known.")
    if not any(column in shape for column in _OF_ORDER):
        raise ShapeError("The order's first row, with what is said of the whole order, does not stand before this one.")
    created_at = _time(shape, "Created at")
    if created_at is None:
        raise shape.wrong("Created at", _TIME_WANTED)
    return ExportedOrder(
        name=name[:TEXT_CHARACTERS_MAX],
        id=_id(shape),
        created_at=created_at,
        lines=lines,
        cancelled_at=_time(shape, "Cancelled at"),
        currency=known(read_currency(shape, "Currency")),
        financial_status=read_status(shape, "Financial Status"),
        test=True if _TEST_GATEWAY in str(shape.value("Payment Method")).lower() else None,
        subtotal=known_amount(shape.amount("Subtotal")),
        shipping=known_amount(shape.amount("Shipping")),
        taxes=known_amount(shape.amount("Taxes")),
        total=known_amount(shape.amount("Total")),
        discount=known_amount(shape.amount("Discount Amount")),
        refunded=known_amount(shape.amount("Refunded Amount")),
    )


def _line(shape: Shape) -> ExportedLine:
    quantity, price = shape.whole("Lineitem quantity"), shape.amount("Lineitem price")
    if not isinstance(quantity, int) or quantity < 0:
        raise shape.wrong("Lineitem quantity", "0 or more")
    if not isinstance(price, str):
        raise shape.wrong("Lineitem price", "a decimal amount such as 19.90")
    return ExportedLine(
        quantity=quantity,
        name=known(read_brief(shape, "Lineitem name")),
        sku=known(read_brief(shape, "Lineitem sku")),
        price=Decimal(price),
        discount=known_amount(shape.amount("Lineitem discount")),
    )


def _id(shape: Shape) -> str | None:
    """Digits; spreadsheet programs make 5.55E+12 of them, which is nobody's id."""
    found = known(shape.id("Order", "Id"))
    if found is not None and not (found.isdigit() and found.isascii()):
        raise shape.wrong("Id", "digits; a spreadsheet program may have rounded it, so take the file as it was exported")
    return found


def _time(shape: Shape, name: str) -> Milliseconds | None:
    text = known(shape.text(name))
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    offset = "+00:00" if match is None or match["offset"] in ("Z", "UTC") else match["offset"]
    moment = read_moment(match["moment"] + offset) if match is not None else None
    if moment is None:
        raise shape.wrong(name, _TIME_WANTED)
    return moment

"""Exports of orders: every shape of one order says the same, what can't be read is told, and who bought goes no further."""

import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from footfall.errors import InputInvalidError
from footfall.intake import order_table
from footfall.intake.order_exports import exported_orders
from footfall.intake.order_files import Item
from footfall.limits import ORDER_LINES_MAX
from footfall.order import ExportedOrder
from tests.unit.catalog.shapes import ADMIN, CSV
from tests.unit.intake.order_shapes import BULK, NODE, REST
from tests.unit.intake.order_tables import COLUMNS, EXPORTED, opened, rows_of, table

PAID_BACK = [
    {"kind": "refund", "status": "success", "amount": "18.90", "currency": "EUR"},
    {"kind": "refund", "status": "failure", "amount": "1.00", "currency": "EUR"},
    {"kind": "void", "status": "success", "amount": "2.00", "currency": "EUR"},
]
OF_REST: dict[str, Any] = {
    **REST,
    "name": "#1001",
    "financial_status": "partially_refunded",
    "subtotal_price": "47.20",
    "subtotal_price_set": {"shop_money": {"amount": "42.80", "currency_code": "EUR"}},
    "total_shipping_price_set": {"shop_money": {"amount": "4.90", "currency_code": "EUR"}},
    "total_tax": "6.83",
    "total_price": 47.70,
    "total_discounts": "2.00",
    "refunds": [{**REST["refunds"][0], "transactions": PAID_BACK}],
}
OF_NODE: dict[str, Any] = {
    "name": "#1001",
    "displayFinancialStatus": "PARTIALLY_REFUNDED",
    "subtotalPriceSet": {"shopMoney": {"amount": "42.80"}},
    "totalShippingPriceSet": {"shopMoney": {"amount": "4.90"}},
    "totalTaxSet": {"shopMoney": {"amount": "6.83"}},
    "totalPriceSet": {"shopMoney": {"amount": "47.70"}},
    "totalDiscountsSet": {"shopMoney": {"amount": "2.00"}},
    "totalRefundedSet": {"shopMoney": {"amount": "18.90"}},
}
ROWS = rows_of(EXPORTED)
SHAPES = {
    "csv": table(ROWS),
    "rest": json.dumps({"orders": [OF_REST]}),
    "list": json.dumps([OF_REST], indent=1),
    "lines": json.dumps(OF_REST) + "\n",
    "node": json.dumps({"data": {"orders": {"nodes": [{**NODE, **OF_NODE}]}}}),
    "bulk": "".join(json.dumps(line) + "\n" for line in [{**BULK[0], **OF_NODE}, *BULK[1:]]),
}


def read(text: str | bytes) -> list[Item[ExportedOrder]]:
    body = text.encode() if isinstance(text, str) else text
    return list(exported_orders(opened(body)))


def told(text: str) -> list[tuple[int, str]]:
    """Line and reason of what could not be read."""
    return [(item.line, item.order) for item in read(text) if isinstance(item.order, str)]


def one(text: str) -> ExportedOrder:
    (item,) = read(text)
    assert isinstance(item.order, ExportedOrder), item
    return item.order


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
def test_one_order_is_the_same_in_every_shape(shape: str, packed: bool) -> None:
    body = SHAPES[shape].encode()
    (item,) = read(gzip.compress(body) if packed else body)
    assert isinstance(item.order, ExportedOrder), item
    # Only JSON says that an order is no test.
    said = None if shape == "csv" else False
    assert item.order == msgspec.structs.replace(EXPORTED, test=said)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_of_who_bought_is_kept(shape: str) -> None:
    kept = msgspec.json.encode(read(SHAPES[shape])).decode()
    for word in ("buyer", "First", "Sample", "15550100", "Ring", "10115", "203.0.113.7"):
        assert word in "".join(SHAPES.values())
        assert word not in kept


def test_an_error_shows_nothing_of_who_bought() -> None:
    text = table([{**ROWS[0], "Total": "much"}, *ROWS[1:]])
    ((line, why),) = told(text)
    assert (line, why) == (2, "#1001: Total is 'much'; it must be a decimal amount such as 19.90.")


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("Total", "1,234.50", "Total is '1,234.50'; it must be a decimal amount"),
        ("Lineitem price", "", "Lineitem price is None; it must be a decimal amount"),
        ("Lineitem quantity", "", "Lineitem quantity is None; it must be 0 or more"),
        ("Lineitem quantity", "-1", "Lineitem quantity is '-1'; it must be 0 or more"),
        ("Lineitem quantity", "two", "Lineitem quantity is 'two'; it must be a whole number"),
        ("Created at", "", "Created at is None; it must be a time with an offset"),
        ("Created at", "10.03.2026 10:00", "Created at is '10.03.2026 10:00'; it must be a time with an offset"),
        ("Cancelled at", "2026-02-30 10:00:00 +0100", "Cancelled at is '2026-02-30 10:00:00 +0100'"),
        ("Currency", "euros", "Currency is 'euros'; it must be three letters"),
        ("Id", "4.5E+12", "Id is '4.5E+12'; it must be digits; a spreadsheet program may have rounded it"),
        ("Name", "", "The row has no Name"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_line_and_reason_and_costs_its_order_alone(
    column: str, cell: str, said: str
) -> None:
    other = rows_of(msgspec.structs.replace(EXPORTED, name="#1002", id="2"))
    found = read(table([*other, {**ROWS[0], column: cell}]))
    assert isinstance(found[0].order, ExportedOrder)
    assert found[0].line == 2
    # The first order's notes hold a line break.
    assert found[1].line == 5
    assert said in str(found[1].order)


def test_the_line_told_is_that_of_the_row_at_fault() -> None:
    assert [line for line, _ in told(table([ROWS[0], {**ROWS[1], "Lineitem price": "free"}]))] == [4]


def test_rows_that_were_torn_from_their_order_are_told() -> None:
    other = rows_of(msgspec.structs.replace(EXPORTED, name="#1002", id="2", lines=EXPORTED.lines[:1]))
    found = read(table([ROWS[0], *other, ROWS[1]]))
    assert [item.line for item in found] == [2, 4, 6]
    assert "first row, with what is said of the whole order, does not stand before" in str(found[2].order)


def test_orders_of_one_name_are_told_apart_by_their_ids_and_rows_that_repeat_what_is_said_are_one_order() -> None:
    other = rows_of(msgspec.structs.replace(EXPORTED, id="2"))
    ids = [item.order.id for item in read(table([*ROWS, *other])) if isinstance(item.order, ExportedOrder)]
    assert ids == [EXPORTED.id, "2"]
    repeated = [{**ROWS[0], **{name: cell for name, cell in row.items() if cell}} for row in ROWS]
    assert [line.quantity for line in one(table(repeated)).lines] == [2, 1]


def test_an_old_export_without_ids_and_refunds_is_read() -> None:
    columns = [column for column in COLUMNS if column not in ("Id", "Refunded Amount", "Lineitem discount", "Cancelled at")]
    order = one(table(ROWS, columns=columns))
    assert (order.name, order.id, order.refunded, order.lines[0].discount) == ("#1001", None, None, None)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-06-01 10:00:00 -0400", 1748786400000),
        ("2025-06-01 14:00:00 UTC", 1748786400000),
        ("2025-06-01T16:00:00+02:00", 1748786400000),
    ],
)
def test_times_are_read_with_their_offset(written: str, moment: int) -> None:
    assert one(table([{**ROWS[0], "Created at": written, "Cancelled at": written}])).cancelled_at == moment


def test_a_test_order_is_known_by_how_it_was_paid() -> None:
    assert one(table(rows_of(msgspec.structs.replace(EXPORTED, test=True)))).test is True
    assert one(json.dumps([{**OF_REST, "test": True}])).test is True


def test_semicolons_and_decimal_commas_of_a_spreadsheet_program_are_read() -> None:
    assert one(table(rows_of(EXPORTED, mark=","), delimiter=";")) == EXPORTED


def test_a_row_with_too_many_cells_is_told_since_its_cells_may_stand_under_the_wrong_names() -> None:
    head, *rest = SHAPES["csv"].splitlines()
    assert told("\n".join([head, *rest[:-1], rest[-1] + ",more"])) == [
        (4, "#1001: The row has 1 cells more than there are columns.")
    ]


def test_an_order_of_more_lines_than_it_may_have_is_told_and_the_next_one_is_read() -> None:
    other = rows_of(msgspec.structs.replace(EXPORTED, name="#1002", id="2"))
    most = read(table([*ROWS, *[ROWS[1]] * (ORDER_LINES_MAX - 2), *other]))
    assert all(isinstance(item.order, ExportedOrder) for item in most)
    more = read(table([*ROWS, *[ROWS[1]] * ORDER_LINES_MAX, *other]))
    assert more[0].order == f"#1001: It has {ORDER_LINES_MAX + 1:,} lines; at most {ORDER_LINES_MAX:,} are kept."
    assert isinstance(more[1].order, ExportedOrder)


def test_a_csv_is_read_as_its_orders_are_asked_for() -> None:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in SHAPES["csv"].splitlines(keepends=True):
            taken += 1
            yield line
        while True:
            taken += 1
            yield f"#{taken},,,,,,,EUR,,,,1.00,,,,2026-03-10 10:00:00 +0100\n"

    found = order_table.read_table(lines(), ",")
    assert next(found) == (2, EXPORTED)
    # The row behind it, and no more, shows that it has ended.
    assert taken == len(SHAPES["csv"].splitlines()) + 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (CSV, "the export looks like a product CSV. An export of orders is the CSV of orders that Shopify's admin exports"),
        ("First Name,Last Name,Total Spent\n", "looks like a CSV of something else"),
        ("name;price\n", "looks like a CSV of something else"),
        (b"PK\x03\x04\x14\x00\x06\x00", "looks like a workbook of a spreadsheet program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "looks like a workbook of a spreadsheet program"),
        (SHAPES["csv"].encode("utf-16"), "looks like a text in UTF-16: save it as UTF-8"),
        (json.dumps({"products": [ADMIN]}), "looks like products"),
        ("", "looks like an empty file"),
        ('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nName', "looks like the upload of a form: send the file"),
        ("hello\rthere", "looks like plain text"),
        (gzip.compress(SHAPES["csv"].encode(), mtime=0)[:60], "damaged or was cut"),
        (table(ROWS, columns=["Name", "Lineitem name", "Total"]), "no column Created at, Currency, Lineitem quantity"),
        (SHAPES["csv"] + '#1003,"open', "can't be read: line 5: unexpected end of data"),
    ],
)
def test_a_file_of_something_else_says_what_it_looks_like(body: str | bytes, said: str) -> None:
    with pytest.raises(InputInvalidError, match=re.escape(said)):
        read(body)


@pytest.mark.parametrize(
    ("refunds", "refunded"),
    [
        ([], Decimal(0)),
        ([{**REST["refunds"][0]}], None),
        ([{**REST["refunds"][0], "transactions": [{**PAID_BACK[0], "currency": "USD"}]}], None),
        ([{**REST["refunds"][0], "transactions": [*PAID_BACK, PAID_BACK[0]]}], Decimal("37.80")),
        (..., None),
    ],
)
def test_what_was_paid_back_is_the_sum_of_it_where_the_refunds_say_it_in_the_orders_currency(
    refunds: Any, refunded: Decimal | None
) -> None:
    raw = {**OF_REST, "refunds": refunds}
    assert one(json.dumps([{name: value for name, value in raw.items() if value is not ...}])).refunded == refunded


def test_an_order_without_lines_or_a_time_is_told() -> None:
    bare = {"id": NODE["id"], "name": "#1001"}
    assert told(json.dumps({"orders": [bare, {**bare, "createdAt": "2025-06-01T10:00:00Z"}, "x"]})) == [
        (1, "It says neither when the order was placed nor when it was created."),
        (2, "It has no lines: ask for lineItems."),
        (3, "it is no object."),
    ]


def test_the_only_variant_of_a_product_adds_nothing_to_its_name() -> None:
    line = {**REST["line_items"][0], "variant_title": "Default Title"}
    assert one(json.dumps([{**OF_REST, "line_items": [line]}])).lines[0].name == "Classic Beanie"

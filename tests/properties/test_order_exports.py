"""An export of orders reads back as the orders it was written from, however a program wrote it."""

import gzip
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from footfall.clock import Milliseconds
from footfall.intake.order_exports import exported_orders
from footfall.order import ExportedLine, ExportedOrder
from tests.unit.intake.order_tables import COLUMNS, opened, rows_of, table

AMOUNTS = st.decimals(min_value=Decimal(-99999), max_value=Decimal(999999999), places=2)
MAYBE_AMOUNTS = st.none() | AMOUNTS
TEXTS = st.none() | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=20)
MOMENTS = st.integers(1_000_000_000, 1_900_000_000).map(lambda seconds: Milliseconds(seconds * 1000))
LINES = st.builds(ExportedLine, quantity=st.integers(0, 10_000), name=TEXTS, sku=TEXTS, price=AMOUNTS, discount=MAYBE_AMOUNTS)
ORDERS = st.builds(
    ExportedOrder,
    name=st.integers(1001, 9999).map("#{}".format),
    id=st.none() | st.integers(1, 10**13).map(str),
    created_at=MOMENTS,
    lines=st.lists(LINES, max_size=4),
    cancelled_at=st.none() | MOMENTS,
    currency=st.sampled_from(["EUR", "USD", None]),
    financial_status=st.sampled_from(["paid", "partially_refunded", "voided"]),
    test=st.sampled_from([True, None]),
    subtotal=MAYBE_AMOUNTS,
    shipping=MAYBE_AMOUNTS,
    taxes=MAYBE_AMOUNTS,
    total=MAYBE_AMOUNTS,
    discount=MAYBE_AMOUNTS,
    refunded=MAYBE_AMOUNTS,
)


@given(
    orders=st.lists(ORDERS, max_size=5, unique_by=lambda order: order.name),
    semicolons=st.booleans(),
    packed=st.booleans(),
    hours=st.integers(-11, 13),
    marked=st.booleans(),
    chance=st.randoms(use_true_random=False),
)
def test_what_is_written_as_a_csv_reads_back_equal(
    orders: list[ExportedOrder], semicolons: bool, packed: bool, hours: int, marked: bool, chance: Random
) -> None:
    columns = list(COLUMNS)
    chance.shuffle(columns)
    rows = [row for order in orders for row in rows_of(order, mark="," if semicolons else ".", hours=hours)]
    text = table(rows, columns=columns, delimiter=";" if semicolons else ",")
    body = text.encode("utf-8-sig" if marked else "utf-8")
    found = [item.order for item in exported_orders(opened(gzip.compress(body) if packed else body))]
    assert found == orders

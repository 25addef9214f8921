"""Amounts of money are decimals, and bounds on prices hold when one price is within each."""

from decimal import Decimal

import pytest

from footfall.catalog.amount import COMPARISONS, Comparison, hold, read_amount
from footfall.catalog.product import Price, Product, Variant, prices_of


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("19.90", Decimal("19.90")),
        (" 5 ", Decimal(5)),
        (19.9, Decimal("19.9")),
        (20, Decimal(20)),
        ("-1.5", Decimal("-1.5")),
        ("0.10", Decimal("0.1")),
    ],
)
def test_an_amount_is_the_decimal_that_was_written(value: object, amount: Decimal) -> None:
    assert read_amount(value) == amount


@pytest.mark.parametrize(
    "value",
    [
        "",
        "cheap",
        "1e3",
        "NaN",
        "Infinity",
        "1,50",
        "1.",
        ".5",
        "9" * 16,
        "1.123456789",
        None,
        True,
        [],
        {},
        float("nan"),
        "١",
    ],
)
def test_what_is_no_amount_counts_as_absent(value: object) -> None:
    assert read_amount(value) is None


@pytest.mark.parametrize(
    ("bounds", "fits"),
    [
        ({"less_than": "10"}, False),
        ({"less_than": "10.01"}, True),
        ({"less_than_or_equal_to": "10"}, True),
        ({"equal_to": "10.00"}, True),
        ({"equal_to": "15"}, False),
        ({"greater_than": "20"}, False),
        ({"greater_than_or_equal_to": "20"}, True),
        ({"greater_than": "12", "less_than": "18"}, True),
        ({}, True),
    ],
)
def test_each_bound_holds_when_one_price_is_within_it(bounds: dict[str, str], fits: bool) -> None:
    comparisons = [Comparison(COMPARISONS[name], Decimal(amount)) for name, amount in bounds.items()]
    assert hold(comparisons, (Decimal(10), Decimal(20))) is fits


def test_no_bound_holds_for_a_product_without_prices() -> None:
    assert not hold([Comparison(COMPARISONS["less_than"], Decimal(5))], ())


def test_prices_are_those_of_the_country_where_the_catalog_has_them_each_once() -> None:
    variants = [
        Variant(price="10.00", prices={"DE": Price("12.00")}),
        Variant(price="10.0"),
        Variant(price="11"),
        Variant(),
    ]
    product = Product(id="1", variants=variants)
    assert prices_of(product, None) == (Decimal(10), Decimal(11))
    assert prices_of(product, "DE") == (Decimal(12), Decimal(10), Decimal(11))
    assert prices_of(product, "FR") == (Decimal(10), Decimal(11))
    assert prices_of(Product(id="2"), "DE") == ()

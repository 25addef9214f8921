"""When a rule counts, as far as the request's own words and the clock say."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from footfall.api.products import Context
from footfall.api.rules import holds
from footfall.catalog.data_source import Bounds, When
from footfall.clock import Milliseconds

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW = Milliseconds(int(NOON.timestamp()) * 1000)


@pytest.mark.parametrize(
    ("when", "context", "counts"),
    [
        (When(), Context(), True),
        (When(country=("DE", "AT")), Context(country="AT"), True),
        (When(country=("DE", "AT")), Context(country="FR"), False),
        (When(country=("DE",)), Context(), False),
        (When(customer_tags=("VIP", "staff")), Context(customer_tags=frozenset({"vip"})), True),
        (When(customer_tags=("VIP",)), Context(customer_tags=frozenset({"new"})), False),
        (When(customer_tags=("VIP",)), Context(), False),
        (When(cart_subtotal=Bounds(at_least=Decimal(50), below=Decimal(200))), Context(cart_subtotal=Decimal(50)), True),
        (When(cart_subtotal=Bounds(at_least=Decimal(50), below=Decimal(200))), Context(cart_subtotal=Decimal(200)), False),
        (When(cart_subtotal=Bounds(at_least=Decimal(50), below=Decimal(200))), Context(cart_subtotal=Decimal("49.99")), False),
        (When(cart_subtotal=Bounds(at_most=Decimal(0))), Context(), False),
        (When(country=("DE",), customer_tags=("vip",)), Context(country="DE"), False),
    ],
)
def test_all_that_is_given_must_hold_and_what_the_context_does_not_say_does_not(
    when: When, context: Context, counts: bool
) -> None:
    assert holds(when, context, NOW) is counts


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (NOON, None, True),
        (None, NOON, False),
        (None, NOON.replace(hour=13), True),
        (NOON.replace(hour=13), None, False),
        (NOON.replace(hour=11), NOON.replace(hour=13), True),
        (datetime.fromisoformat("2026-11-27T13:00:00+01:00"), None, True),
        (datetime.fromisoformat("2026-11-27T13:00:00.001+01:00"), None, False),
    ],
)
def test_a_window_of_time_includes_its_beginning_and_not_its_end(
    since: datetime | None, until: datetime | None, counts: bool
) -> None:
    assert holds(When(since=since, until=until), Context(), NOW) is counts

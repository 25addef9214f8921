"""Amounts as a shop's file keeps them: whole ten-thousandths, exact up to 14 digits before the point."""

from decimal import ROUND_HALF_EVEN, localcontext
from functools import lru_cache
from typing import Final

from footfall.catalog.amount import read_amount
from footfall.event import Event

SCALE: Final = 10_000
_AMOUNT_MAX: Final = 10**18 - 1


@lru_cache(maxsize=10_000)
def scaled(text: str | None) -> int | None:
    """An amount in ten-thousandths, half to even; ``None`` where it is none, or more than a column holds."""
    amount = read_amount(text) if text is not None else None
    if amount is None:
        return None
    with localcontext(prec=40):
        number = int((amount * SCALE).to_integral_value(ROUND_HALF_EVEN))
    return number if abs(number) <= _AMOUNT_MAX else None


def bounded(amount: int) -> int:
    """The nearest amount that a column holds."""
    return max(-_AMOUNT_MAX, min(amount, _AMOUNT_MAX))


def price_of(event: Event) -> int | None:
    """What one unit costs, as an event says it, in ten-thousandths."""
    return scaled(event.price if event.price is not None else event.variant_price)

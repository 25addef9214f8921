"""Amounts of money as decimals, and comparing prices with bounds. A float never comes near them."""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

AMOUNT: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,8})?", re.ASCII)
"""How an amount is written: 15 digits before the point say more than any price."""


class Comparison(NamedTuple):
    """A bound: ``holds(price, amount)``."""

    holds: Callable[[Any, Any], bool]
    amount: Decimal


COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "less_than": operator.lt,
    "less_than_or_equal_to": operator.le,
    "equal_to": operator.eq,
    "greater_than": operator.gt,
    "greater_than_or_equal_to": operator.ge,
}
"""The comparisons by which a list may be asked for prices, as parameters name them."""


def read_amount(value: object) -> Decimal | None:
    """An amount that came as a text or a number, ``None`` where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        # The shortest text that means it; nothing is ever computed with a float.
        value = repr(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    return Decimal(text) if AMOUNT.fullmatch(text) else None


def hold(comparisons: Iterable[Comparison], prices: Sequence[Decimal]) -> bool:
    """Whether every comparison holds for one of the prices; not necessarily all of them for the same one."""
    return all(any(compared.holds(price, compared.amount) for price in prices) for compared in comparisons)

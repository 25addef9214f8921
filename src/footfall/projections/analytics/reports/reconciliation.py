"""``reconciliation``: the orders that the shop's own system exported, beside those that are counted here, and why they differ.

What the shop sees is an order's total: with tax and shipping, before refunds. What is counted here is revenue (semantics,
Figures). Each difference is told apart by its cause, so that what is left has none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from footfall.errors import InputInvalidError
from footfall.order import ExportedOrder
from footfall.projections.analytics.reports.asked import Asked, Told, amount
from footfall.projections.analytics.schema import HAS_FACTS

CAUSES: Final[Mapping[str, str]] = {
    "missing": "nothing has told of it here",
    "not_yet_delivered": "it is newer than the newest order that counts here",
    "claimed_only": "only a page has told of it, which is no proof",
    "test": "it is a test",
    "other_currency": "it is in another currency than the shop's, and stands apart",
    "refunded": "it was paid back or cancelled, in part or in full",
    "tax": "tax is no revenue",
    "shipping": "shipping is no revenue",
    "without_product": "a line without a product, such as a tip, is no purchase",
    "not_in_export": "it is counted here, and the export does not have it",
    "without_order_id": "it was told without an order's id, so that nothing in the export can be it",
    "without_id": "the export does not say the order's id, so that nothing here can be it",
    "unexplained": "none of these",
}
"""Why orders differ, in the order in which they are told."""

_ORDERS_LISTED_MAX: Final = 1_000
_NONE: Final = Decimal(0)


class _Ours(NamedTuple):
    """An order as it is counted here. ``refunded`` includes what a cancellation took back."""

    time: int
    placed: int
    units: int
    revenue: Decimal
    refunded: Decimal
    currency: str | None
    verified: bool


class _Stored(NamedTuple):
    """What an order's own data says beside its purchase lines: what it has of lines without a product."""

    test: bool = False
    other_units: int = 0
    other_revenue: Decimal = _NONE


class _Difference(NamedTuple):
    """What one cause makes of one order: by how much the export says more."""

    day: str
    order: str
    cause: str
    orders: int
    units: int
    revenue: Decimal


def reconciliation(asked: Asked) -> Told:
    """Both sides and their differences by day, and the orders that differ, those with most to explain first."""
    exported: Sequence[ExportedOrder] = asked.question.given["orders"]
    inside = [order for order in exported if asked.window.start <= order.created_at < asked.window.end]
    ours = _orders_here(asked, [order.id for order in exported if order.id is not None])
    comparison = _Comparison(asked, ours, _stored(asked, [order.id for order in exported if order.id is not None]))
    differences = [*comparison.of_export(inside), *comparison.only_here({order.id for order in exported})]
    days = _days(asked, inside, comparison, differences)
    sums: dict[str, Any] = {side: _sum(day[side] for day in days) for side in ("export", "footfall", "difference")}
    shown = sorted(differences, key=lambda one: (one.cause != "unexplained", -abs(one.revenue), one.order))
    data = {
        **sums,
        "other_currencies": _other_currencies(inside, asked.question.currency),
        "outside": len(exported) - len(inside),
        "causes": _by_cause(differences),
        "days": days,
        "orders": [_shown(one) for one in shown[:_ORDERS_LISTED_MAX]],
        "unread": asked.question.given.get("unread", []),
    }
    if data["unread"] and asked.question.format == "csv":
        line = data["unread"][0]
        raise InputInvalidError(
            f"Line {line['line']} of this export can't be read, and CSV can't say so: {line['error']} Mend it, or take JSON,"
            " which compares the others."
        )
    columns = ["day", *(f"{side}_{name}" for side in sums for name in _FIGURES), *CAUSES]
    table = [
        {
            "day": day["day"],
            **{f"{side}_{name}": day[side][name] for side in sums for name in _FIGURES},
            **_flat(day["causes"]),
        }
        for day in days
    ]
    return Told(data, columns, table)


_FIGURES: Final = ("orders", "units", "revenue")


class _Comparison:
    """One order after the other, from both sides."""

    def __init__(self, asked: Asked, ours: Mapping[str, _Ours], stored: Mapping[str, _Stored]) -> None:
        self._asked = asked
        self._ours = ours
        self._stored = stored
        # Of everything that was ever told, not only of this window.
        ((self._newest, self._has_facts),) = asked.rows(
            f"SELECT coalesce(max(time) FILTER (WHERE verified), max(time), 0), {HAS_FACTS} FROM store.lines"
        )

    def day(self, time: int) -> str:
        """The day of a moment, in the window's zone."""
        return self._asked.label(type(self._asked.window.start)(time))[:10]

    def counts(self, ours: _Ours) -> bool:
        """Whether an order counts here: in the shop's currency, and no claim once there is more."""
        own = self._asked.question.currency
        return (ours.verified or not self._has_facts) and (ours.currency or own) == own

    def of_export(self, orders: Iterable[ExportedOrder]) -> Iterator[_Difference]:
        """How the orders of an export differ from what is counted here."""
        seen: set[str] = set()
        for order in orders:
            key = order.id or order.name or ""
            if key in seen:
                # It stands in the export twice; the second time nothing is left to be the same as.
                yield self._whole(order, "unexplained")
                continue
            seen.add(key)
            cause = self._cause(order)
            if cause is not None:
                yield self._whole(order, cause)
            elif order.id is not None:
                yield from self._parts(order, self._ours[order.id])

    def _cause(self, order: ExportedOrder) -> str | None:
        """Why an order does not count here at all; ``None`` where it does."""
        stored = self._stored.get(order.id or "")
        if order.test or (stored is not None and stored.test):
            return "test"
        if order.currency is not None and order.currency != self._asked.question.currency:
            return "other_currency"
        if order.id is None:
            return "without_id"
        ours = self._ours.get(order.id)
        if ours is None and stored is not None:
            return "without_product"
        if ours is None:
            return "not_yet_delivered" if order.created_at > self._newest else "missing"
        if not self.counts(ours):
            return "claimed_only" if (ours.currency or "") in ("", self._asked.question.currency) else "other_currency"
        return None

    def _whole(self, order: ExportedOrder, cause: str) -> _Difference:
        revenue = _revenue(order, self._asked.question.currency)
        return _Difference(self.day(order.created_at), order.id or order.name or "", cause, 1, _units(order), revenue)

    def _parts(self, order: ExportedOrder, ours: _Ours) -> Iterator[_Difference]:
        """How an order that both have differs. What the shop's total has beyond the lines is tax, where prices are without it,
        and shipping; what the lines have beyond what is counted was paid back."""
        day, key = self.day(order.created_at), order.id or ""
        shipping, taxes, total = order.shipping or _NONE, order.taxes or _NONE, _total(order)
        beyond = total - (order.subtotal if order.subtotal is not None else total - shipping - taxes)
        tax = taxes if beyond == shipping + taxes else _NONE
        stored = self._stored.get(key, _Stored())
        explained = {
            "refunded": (ours.placed - ours.units, ours.refunded),
            "tax": (0, tax),
            "shipping": (0, shipping),
            "without_product": (stored.other_units, stored.other_revenue),
        }
        told = [(cause, units, revenue) for cause, (units, revenue) in explained.items() if units or revenue]
        left = total - ours.revenue - sum((revenue for _, _, revenue in told), _NONE)
        units_left = _units(order) - ours.units - sum(units for _, units, _ in told)
        if left or units_left:
            told.append(("unexplained", units_left, left))
        for cause, units, revenue in told:
            yield _Difference(day, key, cause, 0, units, revenue)

    def only_here(self, exported: set[str | None]) -> Iterator[_Difference]:
        """What is counted here and not in the export."""
        window = self._asked.window
        for key, ours in self._ours.items():
            if key not in exported and window.start <= ours.time < window.end and self.counts(ours):
                cause = "without_order_id" if key.startswith(_NO_ID) else "not_in_export"
                shown = "" if key.startswith(_NO_ID) else key
                yield _Difference(self.day(ours.time), shown, cause, -1, -ours.units, -ours.revenue)


_NO_ID: Final = "\0"
"""Begins the keys of what was told without an order's id: no id has what can't be printed."""


def _orders_here(asked: Asked, ids: Sequence[str]) -> dict[str, _Ours]:
    """The orders of the window, and those that the export names, by their ids; those without one by a key that is none."""
    window = asked.window
    told = asked.rows(
        f"""SELECT order_id, CASE WHEN order_id IS NULL THEN order_key END, min(time), sum(placed)::BIGINT, sum(units)::BIGINT,
            sum(amount), sum(refunded), any_value(currency), bool_or(verified)
        FROM (
            SELECT *, bool_or(verified) OVER (PARTITION BY order_id, CASE WHEN order_id IS NULL THEN order_key END) AS known
            FROM store.lines
            WHERE (time >= {window.start} AND time < {window.end}) OR order_id IN (SELECT unnest(?::VARCHAR[]))
        )
        -- What pages claim of an order counts for nothing where there is more than a claim of it.
        WHERE verified = known GROUP BY 1, 2""",
        [list(ids)],
    )
    return {order_id if order_id is not None else _NO_ID + key: _Ours(*row) for order_id, key, *row in told}


def _stored(asked: Asked, ids: Sequence[str]) -> dict[str, _Stored]:
    told = asked.rows(
        "SELECT order_id, test, other_units, other_amount FROM store.orders WHERE order_id IN (SELECT unnest(?::VARCHAR[]))",
        [list(ids)],
    )
    return {order_id: _Stored(*row) for order_id, *row in told}


def _total(order: ExportedOrder) -> Decimal:
    if order.total is not None:
        return order.total
    lines: Decimal = sum(((line.price or _NONE) * line.quantity - (line.discount or _NONE) for line in order.lines), _NONE)
    return (order.subtotal if order.subtotal is not None else lines) + (order.shipping or _NONE)


def _revenue(order: ExportedOrder, own: str) -> Decimal:
    """Its total in the shop's currency: of another nothing, since amounts of two are never added."""
    return _total(order) if order.currency in (None, own) else _NONE


def _other_currencies(orders: Iterable[ExportedOrder], own: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for order in orders:
        if order.currency not in (None, own):
            side = found.setdefault(order.currency or "", _nothing())
            side["orders"] += 1
            side["units"] += _units(order)
            side["revenue"] += _total(order)
    return {currency: _money(side) for currency, side in sorted(found.items())}


def _units(order: ExportedOrder) -> int:
    return sum(line.quantity for line in order.lines)


def _days(
    asked: Asked, inside: Sequence[ExportedOrder], comparison: _Comparison, differences: Sequence[_Difference]
) -> list[dict[str, Any]]:
    """Both sides of each day. What is counted here is the export's side less the differences: so they add up, whatever the day
    by which either side goes."""
    sides: dict[str, dict[str, Any]] = {}
    for order in inside:
        side = sides.setdefault(comparison.day(order.created_at), _nothing())
        side["orders"] += 1
        side["units"] += _units(order)
        side["revenue"] += _revenue(order, asked.question.currency)
    for one in differences:
        sides.setdefault(one.day, _nothing())
    days = []
    for day in sorted(sides):
        of_day = [one for one in differences if one.day == day]
        gap = _nothing()
        for one in of_day:
            gap["orders"] += one.orders
            gap["units"] += one.units
            gap["revenue"] += one.revenue
        days.append(
            {
                "day": day,
                "export": _money(sides[day]),
                "footfall": _money({name: sides[day][name] - gap[name] for name in _FIGURES}),
                "difference": _money(gap),
                "causes": _by_cause(of_day),
            }
        )
    return days


def _nothing() -> dict[str, Any]:
    return {"orders": 0, "units": 0, "revenue": _NONE}


def _by_cause(differences: Iterable[_Difference]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in differences:
        row = found.setdefault(one.cause, {"cause": one.cause, "orders": 0, "units": 0, "revenue": _NONE, "of": set()})
        row["orders"] += one.orders
        row["units"] += one.units
        row["revenue"] += one.revenue
        row["of"].add(one.order)
    return [
        {**_money(found[cause]), "of_orders": len(found[cause]["of"]), "meaning": meaning}
        for cause, meaning in CAUSES.items()
        if cause in found
    ]


def _money(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: amount(value) if name == "revenue" else value for name, value in row.items() if name != "of"}


def _sum(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    listed = list(rows)
    found: dict[str, Any] = {name: sum(row[name] for row in listed) for name in ("orders", "units")}
    return found | {"revenue": amount(sum((Decimal(row["revenue"]) for row in listed), _NONE))}


def _flat(causes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    told = {cause["cause"]: cause["revenue"] for cause in causes}
    return {cause: told.get(cause, amount(None)) for cause in CAUSES}


def _shown(one: _Difference) -> dict[str, Any]:
    return _money(one._asdict())

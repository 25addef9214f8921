"""``widgets``: what lists on pages are worth: shown, clicked, added from, and what was bought thanks to them.

A purchase line is attributed once: to the widget that its own properties name (``_source`` is Footfall's or Rebuy's), else to
the last click of the same visitor on that product in a widget within 24 hours before. Being shown is never enough.
"""

from decimal import Decimal
from typing import Any, Final

from footfall.clock import DAY_MS
from footfall.projections.analytics.reports.asked import Asked, Told, amount, ratio
from footfall.projections.analytics.schema import KIND_NUMBERS, LEFT_OUT

_SHOWN: Final = KIND_NUMBERS[("user", "viewed", "widget")]
_CLICKED: Final = KIND_NUMBERS[("user", "clicked", "widget")]
_ADDED: Final = KIND_NUMBERS[("user", "added-from", "widget")]
_OURS: Final = ("footfall", "rebuy")
_DONE: Final = ("impressions", "clicks", "adds")
_WORTH: Final = ("lines", "orders", "units", "revenue")
_COLUMNS: Final = ("widget", *_DONE, *_WORTH, "click_rate", "add_rate")
_NAMED: Final = "coalesce(e.widget, e.about)"
_TYPE: Final = "coalesce(e.meta->>'attribution', e.meta->>'source')"
"""What a widget shows, as our script says it: the way its list was made, else its source."""


def widgets(asked: Asked) -> Told:
    """Every widget of the window, and every type of widget; attributed and other sales of the window."""
    by_widget, by_type, sums = _found(asked)
    data: dict[str, Any] = {**sums, "widgets": by_widget[: asked.question.limit], "types": by_type}
    if asked.question.compare:
        with asked.before() as before:
            data["previous"] = _found(before)[2]
    return Told(data, _COLUMNS, by_widget[: asked.question.limit])


def _found(asked: Asked) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    done = asked.rows(
        f"SELECT {_NAMED}, {_TYPE}, count(*) FILTER (e.kind = {_SHOWN}), count(*) FILTER (e.kind = {_CLICKED}),"
        f" count(*) FILTER (e.kind = {_ADDED}) FROM store.events e"
        f" WHERE e.kind IN {(_SHOWN, _CLICKED, _ADDED)} AND {asked.events()} GROUP BY 1, 2"
    )
    lines = asked.rows(_ATTRIBUTED.format(lines=asked.lines()))
    by_widget = _grouped("widget", [(row[0], row[2:]) for row in done], [(row[0], row[2:]) for row in lines])
    by_type = _grouped("type", [(row[1], row[2:]) for row in done], [(row[1], row[2:]) for row in lines])
    ((count, orders, revenue),) = asked.rows(
        f"SELECT count(*), count(DISTINCT l.order_key), sum(l.amount) FROM store.counted_lines l WHERE {asked.lines()}"
    )
    attributed = _grouped("all", [("", row[2:]) for row in done], [("", row[2:]) for row in lines])
    sums = {name: attributed[0][name] if attributed else 0 for name in (*_DONE, *_WORTH)}
    sums["revenue"] = attributed[0]["revenue"] if attributed else amount(None)
    return by_widget, by_type, {**sums, "all_lines": count, "all_orders": orders, "all_revenue": amount(revenue)}


def _grouped(
    name: str, done: list[tuple[str | None, tuple[Any, ...]]], lines: list[tuple[str | None, tuple[Any, ...]]]
) -> list[dict[str, Any]]:
    """One row for each widget or type, those that brought most first."""
    rows: dict[str | None, dict[str, Any]] = {}

    def row(key: str | None) -> dict[str, Any]:
        empty: dict[str, Any] = {
            name: key,
            **dict.fromkeys(_DONE, 0),
            "lines": 0,
            "orders": set(),
            "units": 0,
            "revenue": Decimal(0),
        }
        return rows.setdefault(key, empty)

    for key, numbers in done:
        for figure, number in zip(_DONE, numbers, strict=True):
            row(key)[figure] += number
    for key, (order, units, revenue) in lines:
        found = row(key)
        found["lines"] += 1
        found["orders"].add(order)
        found["units"] += units
        found["revenue"] += revenue
    told = sorted(rows.values(), key=lambda one: (-one["revenue"], -one["clicks"], -one["impressions"], str(one[name])))
    return [
        {
            **one,
            "orders": len(one["orders"]),
            "revenue": amount(one["revenue"]),
            "click_rate": ratio(one["clicks"], one["impressions"]),
            "add_rate": ratio(one["adds"], one["impressions"]),
        }
        for one in told
    ]


_ATTRIBUTED: Final = f"""
WITH l AS (
    SELECT row_number() OVER () AS number, l.*, n.product AS of FROM store.counted_lines l
    LEFT JOIN store.names n ON n.number = l.product WHERE {{lines}}
), own AS (
    SELECT number, widget, attribution AS type, order_key, units, amount FROM l
    WHERE lower(source) IN {_OURS} AND widget IS NOT NULL
), clicks AS (
    SELECT e.person, n.product AS of, (e.time, e.position) AS place, e.time, {_NAMED} AS widget, {_TYPE} AS type
    FROM store.events e JOIN store.names n ON n.number = e.product
    WHERE e.kind = {_CLICKED} AND e.marks & {LEFT_OUT} = 0 AND e.person IN (SELECT person FROM l)
), clicked AS (
    SELECT l.number, arg_max(c.widget, c.place) AS widget, arg_max_null(c.type, c.place) AS type,
        any_value(l.order_key) AS order_key, any_value(l.units) AS units, any_value(l.amount) AS amount
    FROM l JOIN clicks c ON c.person = l.person AND c.of = l.of AND c.time <= l.time AND c.time >= l.time - {DAY_MS}
    WHERE l.number NOT IN (SELECT number FROM own) AND c.widget IS NOT NULL GROUP BY l.number
)
SELECT widget, type, order_key, units, amount FROM own UNION ALL SELECT widget, type, order_key, units, amount FROM clicked
"""

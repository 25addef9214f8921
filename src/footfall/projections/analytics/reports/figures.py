"""The figures of a window: what ``overview`` sums up and ``timeseries`` draws."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from footfall.projections.analytics.reports.asked import Asked, Told, amount, average, change, ratio
from footfall.projections.analytics.reports.persons import visitors
from footfall.projections.analytics.reports.rolled import by_quarter
from footfall.projections.analytics.schema import ADDED, QUARTER_MS, REMOVED, VIEWED

_COUNTED: Final = ("events", "views", "adds", "removes")
_COUNTS: Final = ", ".join(
    f"coalesce(sum(events){condition}, 0)::BIGINT"
    for condition in ("", *(f" FILTER (kind = {kind})" for kind in (VIEWED, ADDED, REMOVED)))
)
_BOUGHT: Final = ("purchases", "orders", "units", "revenue")


def overview(asked: Asked) -> Told:
    """The figures of the whole window, and where they are compared those of the window before and how they changed."""
    now = totals(asked)
    data = dict(now)
    previous: dict[str, Any] = {}
    if asked.question.compare:
        with asked.before() as before:
            previous = totals(before)
            data["previous"] = {"from": before.label(before.window.start), "to": before.label(before.window.end), **previous}
        data["change"] = {
            name: change(now[name], previous[name])
            for name in now
            if name not in ("currency", "unverified", "other_currencies")
        }
    flat = _flat(now)
    return Told(data, list(flat), [flat], [_flat(previous)] if asked.question.compare else None)


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if not isinstance(value, dict | list)}


def totals(asked: Asked) -> dict[str, Any]:
    """Every figure of a window."""
    ((events, views, adds, removes),) = asked.rows(f"SELECT {_COUNTS} FROM ({by_quarter(asked)})")
    begun = f"SELECT count(*) FROM store.sessions s WHERE {asked.sessions()}"
    ((sessions,),) = asked.rows(begun)
    bought = purchases(asked, "true").get(0, _NOTHING)
    ((buying,),) = asked.rows(f"{begun} AND {_BOUGHT_IN}")
    return {
        "events": events,
        "visitors": sum(visitors(asked, one_point=True).values()),
        "sessions": sessions,
        "views": views,
        "adds": adds,
        "removes": removes,
        **bought,
        "revenue": amount(bought["revenue"]),
        "aov": average(bought["revenue"], bought["orders"]),
        "conversion": ratio(buying, sessions),
        "currency": asked.question.currency,
        "unverified": _shown(purchases(asked, "NOT l.verified", "store.lines").get(0, _NOTHING)),
        "other_currencies": _other_currencies(asked),
    }


def timeseries(asked: Asked) -> Told:
    """The figures of each hour, day, week or month of the window."""
    points = series(asked)
    data: dict[str, Any] = {"points": points}
    if asked.question.compare:
        with asked.before() as before:
            data["previous"] = {"points": series(before)}
    return Told(data, list(points[0]), points, data["previous"]["points"] if asked.question.compare else None)


def series(asked: Asked) -> list[dict[str, Any]]:
    """One row for each point, also where nothing happened."""
    points: list[dict[str, Any]] = [
        {"start": asked.label(start), **dict.fromkeys(_COUNTED, 0), "sessions": 0, "buying_sessions": 0}
        for start in asked.starts
    ]
    # A quarter hour that the window begins in begins before it.
    of_quarter = asked.point(f"greatest(quarter * {QUARTER_MS}, {asked.window.start})")
    _set(points, _COUNTED, asked.rows(f"SELECT {of_quarter}, {_COUNTS} FROM ({by_quarter(asked)}) GROUP BY 1"))
    begun = f"SELECT {asked.point('s.start')}, count(*) FROM store.sessions s WHERE {asked.sessions()}"
    _set(points, ("sessions",), asked.rows(f"{begun} GROUP BY 1"))
    _set(points, ("buying_sessions",), asked.rows(f"{begun} AND {_BOUGHT_IN} GROUP BY 1"))
    bought = purchases(asked, "true", by_point=True)
    seen = visitors(asked)
    for number, point in enumerate(points):
        of_point = bought.get(number, _NOTHING)
        point["visitors"] = seen.get(number, 0)
        point |= {
            **of_point,
            "revenue": amount(of_point["revenue"]),
            "aov": average(of_point["revenue"], of_point["orders"]),
            "conversion": ratio(point.pop("buying_sessions"), point["sessions"]),
        }
    return points


def _set(points: list[dict[str, Any]], names: Sequence[str], counts: Sequence[tuple[int, ...]]) -> None:
    for point, *numbers in counts:
        points[point].update(zip(names, numbers, strict=True))


# --- purchases -----------------------------------------------------------------------------------------------------

_NOTHING: Final[Mapping[str, Any]] = {"purchases": 0, "orders": 0, "units": 0, "revenue": Decimal(0)}
_BOUGHT_IN: Final = "s.number IN (SELECT session FROM store.counted_lines)"


def purchases(
    asked: Asked, condition: str, table: str = "store.counted_lines", *, by_point: bool = False
) -> dict[int, dict[str, Any]]:
    """Purchase lines, orders, units and revenue, by the number of the point (0 where there is one); nothing for empty ones."""
    if not by_point:
        ((*found,),) = asked.rows(
            f"SELECT count(*), count(DISTINCT l.order_key), coalesce(sum(l.units), 0)::BIGINT, sum(l.amount)"
            f" FROM {table} l WHERE {asked.lines()} AND {condition}"
        )
        return {0: dict(zip(_BOUGHT, found, strict=True)) | {"revenue": found[3] or Decimal(0)}} if found[0] else {}
    told = asked.rows(
        f"SELECT {asked.point('l.time')}, count(*), count(DISTINCT l.order_key), sum(l.units)::BIGINT, sum(l.amount)"
        f" FROM {table} l WHERE {asked.lines()} AND {condition} GROUP BY 1"
    )
    return {point: dict(zip(_BOUGHT, found, strict=True)) for point, *found in told}


def _shown(bought: Mapping[str, Any]) -> dict[str, Any]:
    return {**bought, "revenue": amount(bought["revenue"])}


def _other_currencies(asked: Asked) -> dict[str, Any]:
    window, own = asked.window, asked.question.currency
    told = asked.rows(
        "SELECT l.currency, count(*), count(DISTINCT l.order_key), sum(l.units)::BIGINT, sum(l.amount)"
        f" FROM store.counted_lines l WHERE l.time >= {window.start} AND l.time < {window.end}"
        " AND l.currency IS NOT NULL AND l.currency <> ? GROUP BY 1 ORDER BY 1",
        [own],
    )
    return {currency: _shown(dict(zip(_BOUGHT, found, strict=True))) for currency, *found in told}

"""The figures of a window: what ``overview`` sums up and ``timeseries`` draws."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from footfall.limits import REPORT_BITMAP_BYTES_MAX
from footfall.projections.analytics.engine import given
from footfall.projections.analytics.reports.asked import QUARTER_MS, Asked, Told, amount, average, change, ratio
from footfall.projections.analytics.schema import ADDED, APART, OWNED, REMOVED, VIEWED

_COUNTED: Final = ("events", "views", "adds", "removes")
_BOUGHT: Final = ("purchases", "orders", "units", "revenue")


def overview(asked: Asked) -> Told:
    """The figures of the whole window, and where they are compared those of the window before and how they changed."""
    now = totals(asked)
    data = dict(now)
    if asked.question.compare:
        with asked.before() as before:
            previous = totals(before)
            data["previous"] = {"from": before.label(before.window.start), "to": before.label(before.window.end), **previous}
        data["change"] = {
            name: change(now[name], previous[name])
            for name in now
            if name not in ("currency", "unverified", "other_currencies")
        }
    flat = {name: value for name, value in now.items() if not isinstance(value, dict | list)}
    return Told(data, [flat])


def totals(asked: Asked) -> dict[str, Any]:
    """Every figure of a window."""
    ((events, views, adds, removes),) = asked.rows(
        f"SELECT count(*), count(*) FILTER (kind = {VIEWED}), count(*) FILTER (kind = {ADDED}),"
        f" count(*) FILTER (kind = {REMOVED}) FROM store.events e WHERE {asked.events()}"
    )
    ((sessions,),) = asked.rows(f"SELECT count(*) FROM store.sessions s WHERE {asked.sessions()}")
    bought = purchases(asked, "true").get(0, _NOTHING)
    ((buying,),) = asked.rows(_BUYING_SESSIONS.format(sessions=asked.sessions()))
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
    return Told(data, points)


def series(asked: Asked) -> list[dict[str, Any]]:
    """One row for each point, also where nothing happened."""
    points: list[dict[str, Any]] = [
        {"start": asked.label(start), **dict.fromkeys(_COUNTED, 0), "sessions": 0, "buying_sessions": 0}
        for start in asked.starts
    ]
    counts = asked.rows(
        f"SELECT e.time // {QUARTER_MS}, count(*), count(*) FILTER (kind = {VIEWED}), count(*) FILTER (kind = {ADDED}),"
        f" count(*) FILTER (kind = {REMOVED}) FROM store.events e WHERE {asked.events()} GROUP BY 1"
    )
    _add(asked, points, _COUNTED, counts)
    begun = asked.rows(f"SELECT s.start // {QUARTER_MS}, count(*) FROM store.sessions s WHERE {asked.sessions()} GROUP BY 1")
    _add(asked, points, ("sessions",), begun)
    _add(asked, points, ("buying_sessions",), asked.rows(_BUYING_BY_QUARTER.format(sessions=asked.sessions())))
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


def _add(asked: Asked, points: list[dict[str, Any]], names: Sequence[str], counts: Sequence[tuple[int, ...]]) -> None:
    for quarter, *numbers in counts:
        point = points[asked.bucket(quarter)]
        for name, number in zip(names, numbers, strict=True):
            point[name] += number


# --- purchases -----------------------------------------------------------------------------------------------------

_NOTHING: Final[Mapping[str, Any]] = {"purchases": 0, "orders": 0, "units": 0, "revenue": Decimal(0)}
_BUYING_SESSIONS: Final = (
    "SELECT count(*) FROM store.sessions s WHERE {sessions} AND s.number IN (SELECT session FROM store.counted_lines)"
)
_BUYING_BY_QUARTER: Final = (
    f"SELECT s.start // {QUARTER_MS}, count(*) FROM store.sessions s WHERE {{sessions}}"
    " AND s.number IN (SELECT session FROM store.counted_lines) GROUP BY 1"
)


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
    with given(asked.connection, "points", _points(asked)):
        told = asked.rows(
            f"SELECT p.point, count(*), count(DISTINCT l.order_key), sum(l.units)::BIGINT, sum(l.amount) FROM {table} l"
            f" JOIN points p ON p.quarter = l.time // {QUARTER_MS} WHERE {asked.lines()} AND {condition} GROUP BY 1"
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


# --- visitors ------------------------------------------------------------------------------------------------------

_EXCEPTIONS: Final = f"{APART} UNION ALL SELECT person FROM store.figures"


def visitors(asked: Asked, *, one_point: bool = False) -> dict[int, int]:
    """Distinct persons by the number of the point, a customer where one owns the event.

    Nearly all persons count as themselves: of these there is a bit for each. The others are looked up, or, where only each
    event tells as whom they count, told by their events.
    """
    if not asked.people:
        return {}
    points = 1 if one_point else len(asked.starts)
    with given(asked.connection, "points", _points(asked)):
        seen = _seen_in_events(asked, one_point=one_point) if asked.is_filtered else _seen_in_sessions(asked, points)
        if points * asked.people // 8 > REPORT_BITMAP_BYTES_MAX:
            plain = f"SELECT point, count(DISTINCT person) FROM seen WHERE person NOT IN ({_EXCEPTIONS}) GROUP BY 1"
        else:
            # Number 0 is nobody's: where there are no exceptions, its bit makes the set that none is in.
            of_exceptions = f"SELECT bitstring_agg(person, 0, {asked.people}) FROM ({_EXCEPTIONS} UNION ALL SELECT 0)"
            bits = f"bitstring_agg(person, 0, {asked.people})"
            plain = f"SELECT point, bit_count({bits} & ~({of_exceptions})) FROM seen GROUP BY 1"
        found = dict(asked.rows(f"WITH {seen} {plain}"))
        told = asked.rows(
            f"""WITH {seen}, looked_up AS (SELECT DISTINCT s.point, f.figure FROM seen s JOIN store.figures f USING (person)),
            e AS MATERIALIZED (
                SELECT e.person, e.customer, e.position, e.time FROM store.events e
                WHERE e.person IN ({APART}) AND {asked.events()}
            ), {OWNED}, told AS (
                SELECT * FROM looked_up UNION SELECT {_point(asked, "o.time", one_point=one_point)}, o.figure FROM owned o
            ) SELECT point, count(*) FROM told GROUP BY 1"""
        )
    for point, persons in told:
        found[point] = found.get(point, 0) + persons
    return found


def _seen_in_events(asked: Asked, *, one_point: bool) -> str:
    """Persons with the points in which they did something, by their events."""
    return (
        f"seen AS (SELECT {_point(asked, 'e.time', one_point=one_point)} AS point, e.person FROM store.events e"
        f" WHERE {asked.events()} AND e.person IS NOT NULL)"
    )


def _seen_in_sessions(asked: Asked, points: int) -> str:
    """The same by sessions, a quarter as many: a session has an event where it begins and where it ends. What it has between
    these, its events tell, as they do of one that several persons share."""
    window, one_point = asked.window, points == 1
    asked.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE stretched AS SELECT s.number, s.person, s.mixed,
            CASE WHEN s.start < {window.start} THEN -1 ELSE {_point(asked, "s.start", one_point=one_point)} END AS first,
            CASE WHEN s.finish >= {window.end} THEN {points} ELSE {_point(asked, "s.finish", one_point=one_point)} END AS last
        FROM store.sessions s
        WHERE s.start < {window.end} AND s.finish >= {window.start} AND s.marks & {asked.marks_left_out} = 0"""
    )
    known = "NOT mixed AND person IS NOT NULL"
    if one_point:
        seen = f"SELECT 0 AS point, person FROM stretched WHERE (first = 0 OR last = 0) AND {known}"
    else:
        seen = f"""
        SELECT first AS point, person FROM stretched WHERE first >= 0 AND {known} UNION ALL
        SELECT last, person FROM stretched WHERE last < {points} AND last <> first AND {known}"""
    ((doubtful,),) = asked.rows("SELECT count(*) FROM stretched WHERE mixed OR last - first > 1")
    if doubtful:
        seen += f"""
        UNION ALL SELECT {_point(asked, "e.time", one_point=one_point)}, e.person FROM store.events e
        WHERE {asked.events()} AND e.person IS NOT NULL
            AND e.session IN (SELECT number FROM stretched WHERE mixed OR last - first > 1)"""
    return f"seen AS ({seen})"


def _point(asked: Asked, time: str, *, one_point: bool) -> str:
    """An expression for the number of the point into which a time of the window falls; looked up in a list, since a join with
    every quarter hour would take three times as long."""
    if one_point:
        return "0"
    first = asked.window.start // QUARTER_MS
    return f"(SELECT list(point ORDER BY quarter) FROM points)[{time} // {QUARTER_MS} - {first} + 1]"


def _points(asked: Asked) -> dict[str, Any]:
    """Every quarter hour of the window with the number of its point."""
    quarters = np.arange(asked.window.start // QUARTER_MS, (asked.window.end - 1) // QUARTER_MS + 1, dtype=np.int64)
    starts = np.array(asked.starts, dtype=np.int64) // QUARTER_MS
    points = np.maximum(np.searchsorted(starts, quarters, side="right") - 1, 0).astype(np.int32)
    return {"quarter": quarters, "point": points}

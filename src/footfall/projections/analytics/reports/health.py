"""``data-health``: whether what comes in can be trusted, by when it came in."""

from typing import Any, Final

from footfall.clock import SECOND_MS
from footfall.log.port import Stream
from footfall.projections.analytics.reports.asked import Asked, Told
from footfall.projections.analytics.schema import BOT, CLAMPED, DENIED, LATE, TEST, VERIFIED

_PRODUCTS_SHOWN: Final = 20
_LEFT_OUT_SHOWN: Final = 20
_MARKED: Final = (
    ("bots", BOT),
    ("tests", TEST),
    ("late", LATE),
    ("clamped", CLAMPED),
    ("denied", DENIED),
    ("verified", VERIFIED),
)


def data_health(asked: Asked) -> Told:
    """What came in during the window, what was wrong with it, and how far every projection is. What the server alone knows
    (outcomes, lags, the disk) is ``given`` with the question."""
    window = asked.window
    arrived = f"e.received_at >= {window.start} AND e.received_at < {window.end}"
    marks = ", ".join(f"count(*) FILTER (e.marks & {bit} <> 0)" for _, bit in _MARKED)
    ((events, anonymous, *marked),) = asked.rows(
        f"SELECT count(*), count(*) FILTER (e.person IS NULL), {marks} FROM store.events e WHERE {arrived}"
    )
    ((repeated,),) = asked.rows(_REPEATED.format(arrived=arrived))
    data: dict[str, Any] = {
        **asked.question.given.get("outcomes", {}),
        "events": events,
        "without_person": anonymous,
        **{name: count for (name, _), count in zip(_MARKED, marked, strict=True)},
        "repeated_within_a_second": repeated,
        "unknown_products": _unknown(asked, arrived),
        "left_out": _left_out(asked),
        **{name: value for name, value in asked.question.given.items() if name != "outcomes"},
    }
    table = [
        {"figure": name, "count": value if isinstance(value, int) else value.get("records", value["events"])}
        for name, value in data.items()
        if isinstance(value, int) or (isinstance(value, dict) and "events" in value)
    ]
    return Told(data, ("figure", "count"), table)


def _unknown(asked: Asked, arrived: str) -> dict[str, Any] | None:
    """Events about products that the catalog does not have; ``None`` where there is no catalog."""
    if not asked.rows("SELECT count(*) FROM store.catalog")[0][0]:
        return None
    told = asked.rows(
        f"""SELECT p.name, count(*) AS events FROM store.events e JOIN store.names n ON n.number = e.product
        JOIN store.names p ON p.number = n.product LEFT JOIN store.products d ON d.number = n.product
        WHERE {arrived} AND NOT d.known GROUP BY 1 ORDER BY 2 DESC, 1"""
    )
    shown = [{"product": name, "events": events} for name, events in told[:_PRODUCTS_SHOWN]]
    return {"events": sum(events for _, events in told), "products": len(told), "most": shown}


def _left_out(asked: Asked) -> dict[str, Any]:
    """Records of the log that figures lack, since analytics could not take them in; of any time."""
    told = asked.rows(
        """SELECT stream, (SELECT value FROM store.facts WHERE name = 'generation') || '-' || part || '.' || position, why
        FROM store.left_out ORDER BY rowid DESC"""
    )
    shown = [{"stream": stream, "position": position, "why": why} for stream, position, why in told[:_LEFT_OUT_SHOWN]]
    return {"events": sum(stream == Stream.EVENTS for stream, *_ in told), "records": len(told), "last": shown}


_REPEATED: Final = f"""
SELECT count(*) FROM (
    SELECT e.time - lag(e.time) OVER (PARTITION BY e.person, e.kind, n.product ORDER BY e.time, e.position) AS after
    FROM store.events e JOIN store.names n ON n.number = e.product WHERE {{arrived}} AND e.person IS NOT NULL
) WHERE after <= {SECOND_MS}
"""

"""``visitor``: everything that one visitor or customer did, on all devices that are theirs."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.errors import NotFoundError
from footfall.projections.analytics.reports.asked import Asked, Told, amount, parsed, quoted
from footfall.projections.analytics.schema import KINDS, OWNED, PRODUCT_NAME, VERIFIED

_SHOWN: Final = ("session", "product", "about", "widget", "quantity", "price", "order_id", "url", "device", "country", "meta")


def visitor(asked: Asked) -> Told:
    """The timeline, newest first, and what it adds up to.

    By uuid: the events of that visitor, and of the customer last named on it; by customer: all that this customer owns. Which
    uuids these are, the server says (``given``): in the file there are only their hashes.
    """
    numbers = _numbers(asked)
    if not numbers:
        raise NotFoundError("Nobody is known by this uuid or customer id.")
    events = asked.rows(_TIMELINE.format(window=asked.events(products=False), **numbers))
    if not events:
        raise NotFoundError("This visitor did nothing in this window.")
    uuids: Mapping[str, str] = asked.question.given.get("uuids", {})
    shown = [_event(asked, event, uuids) for event in events[: asked.question.limit]]
    ((orders, units, revenue),) = asked.rows(
        f"SELECT count(DISTINCT l.order_key), coalesce(sum(l.units), 0)::BIGINT, sum(l.amount) FROM store.counted_lines l"
        f" WHERE {asked.lines()} AND (l.customer = {numbers['customer']} OR l.person IN ({numbers['persons']})"
        f" AND coalesce(l.customer, {numbers['customer']}) = {numbers['customer']})"
    )
    kinds = [KINDS[event[3] - 1] for event in events]
    data = {
        "customer_id": asked.question.given.get("customer_id"),
        "uuids": sorted({uuid for event in events if (uuid := uuids.get(str(event[4]))) is not None}),
        "first_seen": asked.label(events[-1][1]),
        "last_seen": asked.label(events[0][1]),
        "events": len(events),
        "sessions": len({event[5] for event in events if event[5] is not None}),
        "views": kinds.count(("user", "viewed", "product")),
        "adds": kinds.count(("user", "added", "product")),
        "removes": kinds.count(("user", "removed", "product")),
        "orders": orders,
        "units": units,
        "revenue": amount(revenue),
        "timeline": shown,
    }
    return Told(data, [{**row, "meta": str(row["meta"])} if "meta" in row else row for row in shown])


def _numbers(asked: Asked) -> dict[str, Any]:
    """The numbers of who is asked for: all visitors, and the customer (0 for none)."""
    hashes = [hashed for hashed in asked.question.person if hashed]
    told = dict(asked.rows("SELECT hash, number FROM store.people WHERE hash IN (SELECT unnest(?::UBIGINT[]))", [hashes]))
    customer = told.get(asked.question.person[0], 0) if asked.question.person else 0
    persons = [number for hashed, number in told.items() if number != customer or hashed != asked.question.person[0]]
    if not persons and not customer:
        return {}
    return {"customer": customer, "persons": ", ".join(map(str, persons or [0])), "generation": quoted("")}


def _event(asked: Asked, event: tuple[Any, ...], uuids: Mapping[str, str]) -> dict[str, Any]:
    position, time, marks, kind, person_hash, *fields = event
    subject, verb, noun = KINDS[kind - 1]
    row: dict[str, Any] = {
        "time": asked.label(time),
        "position": position,
        "subject": subject,
        "verb": verb,
        "noun": noun,
        "uuid": uuids.get(str(person_hash)),
        "verified": bool(marks & VERIFIED),
    }
    for name, value in zip(_SHOWN, fields, strict=True):
        if value is not None:
            row[name] = parsed(value) if name == "meta" else amount(value) if name == "price" else value
    return row


_TIMELINE: Final = f"""
WITH e AS (
    SELECT e.* FROM store.events e WHERE {{window}} AND (e.person IN ({{persons}}) OR e.customer = {{customer}}
        OR e.person = {{customer}})
), {OWNED}
SELECT (SELECT value FROM store.facts WHERE name = 'generation') || '-' || o.part || '.' || o.position, o.time,
    o.marks, o.kind, p.hash, o.session, {PRODUCT_NAME.format(column="o.product")}, o.about, o.widget, o.quantity, o.price,
    o.order_id, o.url, o.device, o.country, o.meta
FROM owned o JOIN store.people p ON p.number = o.person
WHERE o.figure = {{customer}} OR (o.person IN ({{persons}}) AND o.figure = o.person)
ORDER BY o.time DESC, o.position DESC
"""

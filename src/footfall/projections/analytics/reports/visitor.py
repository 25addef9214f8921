"""``visitor``: everything that one visitor or customer did, on all devices that are theirs."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.errors import NotFoundError
from footfall.projections.analytics.reports.asked import Asked, Told, amount, parsed
from footfall.projections.analytics.schema import ADDED, KINDS, OWNED, PRODUCT_NAME, REMOVED, VERIFIED, VIEWED

_ALWAYS: Final = ("time", "position", "subject", "verb", "noun", "uuid", "verified")
_SHOWN: Final = ("session", "product", "about", "widget", "quantity", "price", "order_id", "url", "device", "country", "meta")
_COLUMNS: Final = (*_ALWAYS, *_SHOWN)


def visitor(asked: Asked) -> Told:
    """The timeline, newest first, and what it adds up to.

    By uuid: the events of that visitor, and of the customer last named on it; by customer: all that this customer owns. Which
    uuids these are, the server says (``given``): in the file there are only their hashes.
    """
    numbers = _numbers(asked)
    if not numbers:
        raise NotFoundError("Nobody is known by this uuid or customer id.")
    theirs = _THEIRS.format(window=asked.events(products=False), **numbers)
    ((events, first, last, sessions, views, adds, removes, hashes),) = asked.rows(theirs + _SUMS)
    if not events:
        raise NotFoundError("This visitor did nothing in this window; robots and tests are left out.")
    uuids: Mapping[str, str] = asked.question.given.get("uuids", {})
    timeline = asked.rows(theirs + _TIMELINE.format(limit=asked.question.limit))
    shown = [_event(asked, event, uuids) for event in timeline]
    ((orders, units, revenue),) = asked.rows(_BOUGHT.format(lines=asked.lines(), **numbers))
    data = {
        "customer_id": asked.question.given.get("customer_id"),
        "uuids": sorted(uuids[str(hashed)] for hashed in hashes if str(hashed) in uuids),
        "first_seen": asked.label(first),
        "last_seen": asked.label(last),
        "events": events,
        "sessions": sessions,
        "views": views,
        "adds": adds,
        "removes": removes,
        "orders": orders,
        "units": units,
        "revenue": amount(revenue),
        "timeline": shown,
    }
    return Told(data, _COLUMNS, shown)


def _numbers(asked: Asked) -> dict[str, Any]:
    """The numbers of who is asked for: all visitors, and the customer (0 for none)."""
    hashes = [hashed for hashed in asked.question.person if hashed]
    told = dict(asked.rows("SELECT hash, number FROM store.people WHERE hash IN (SELECT unnest(?::UBIGINT[]))", [hashes]))
    customer = told.get(asked.question.person[0], 0) if asked.question.person else 0
    persons = [number for hashed, number in told.items() if number != customer or hashed != asked.question.person[0]]
    if not persons and not customer:
        return {}
    return {"customer": customer, "persons": ", ".join(map(str, persons or [0]))}


def _event(asked: Asked, event: tuple[Any, ...], uuids: Mapping[str, str]) -> dict[str, Any]:
    position, time, marks, kind, person_hash, *fields = event
    subject, verb, noun = KINDS[kind - 1]
    told = (asked.label(time), position, subject, verb, noun, uuids.get(str(person_hash)), bool(marks & VERIFIED))
    row: dict[str, Any] = dict(zip(_ALWAYS, told, strict=True))
    for name, value in zip(_SHOWN, fields, strict=True):
        if value is not None:
            row[name] = parsed(value) if name == "meta" else amount(value) if name == "price" else value
    return row


_THEIRS: Final = f"""
WITH e AS (
    SELECT e.* FROM store.events e WHERE {{window}} AND (e.person IN ({{persons}}) OR e.customer = {{customer}}
        OR e.person = {{customer}})
), {OWNED}, theirs AS (
    SELECT * FROM owned o WHERE o.figure = {{customer}} OR (o.person IN ({{persons}}) AND o.figure = o.person)
)"""

_SUMS: Final = f"""
SELECT count(*), min(t.time), max(t.time), count(DISTINCT t.session), count(*) FILTER (WHERE t.kind = {VIEWED}),
    count(*) FILTER (WHERE t.kind = {ADDED}), count(*) FILTER (WHERE t.kind = {REMOVED}), list(DISTINCT p.hash)
FROM theirs t JOIN store.people p ON p.number = t.person
"""

_BOUGHT: Final = """
WITH first AS (SELECT person, arg_min(customer, position) AS customer FROM store.namings GROUP BY person),
owned AS (
    SELECT l.*, coalesce(l.customer, n.customer, f.customer) AS owner FROM store.counted_lines l
    ASOF LEFT JOIN store.namings n ON n.person = l.person AND n.time <= l.time LEFT JOIN first f ON f.person = l.person
    WHERE {lines} AND (l.customer = {customer} OR l.person IN ({persons}))
)
SELECT count(DISTINCT order_key), coalesce(sum(units), 0)::BIGINT, sum(amount) FROM owned
WHERE coalesce(owner, {customer}) = {customer}
"""
"""Purchases, each whose customer's it says, else theirs who was named on its visitor before it, or first."""

_TIMELINE: Final = f"""
SELECT (SELECT value FROM store.facts WHERE name = 'generation') || '-' || t.part || '.' || t.position, t.time,
    t.marks, t.kind, p.hash, t.session, {PRODUCT_NAME.format(column="t.product")}, t.about, t.widget, t.quantity, t.price,
    t.order_id, t.url, t.device, t.country, t.meta
FROM (SELECT * FROM theirs ORDER BY time DESC, position DESC LIMIT {{limit}}) t JOIN store.people p ON p.number = t.person
ORDER BY t.time DESC, t.position DESC
"""

"""The figures of the semantics once more, as plainly as possible: loops over the list of stored events, in log order.

Written from the text, slow on purpose, and without anything of the analytics.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from footfall.event import Event
from tests.properties.model import Log, Names, owner

HALF_AN_HOUR = 30 * 60 * 1000


class Session(NamedTuple):
    """Events (their indices) of one session, by time and then position."""

    events: Sequence[int]
    start: int
    finish: int


class Purchase(NamedTuple):
    """A purchase line."""

    time: int
    order: Any
    units: int
    amount: Decimal
    product: str
    session: int | None
    verified: bool
    told_by: int
    """The index of its event."""


def is_left_out(event: Event) -> bool:
    """Whether figures leave an event out: it is a robot's or a test."""
    return bool({"bot", "test"} & set(event.flags or ()))


def sessions(log: Log) -> list[Session]:
    """Every session of clean events: the client's own, else one person's events with no gap over half an hour."""
    named: dict[str, list[int]] = {}
    alone: dict[tuple[str, str], list[int]] = {}
    for index, event in enumerate(log):
        if is_left_out(event):
            continue
        if event.session_id is not None:
            named.setdefault(event.session_id, []).append(index)
        elif event.uuid is not None:
            alone.setdefault(("visitor", event.uuid), []).append(index)
        elif event.customer_id is not None:
            alone.setdefault(("customer", event.customer_id), []).append(index)
    found = list(named.values())
    for indices in alone.values():
        parts: list[list[int]] = []
        for index in sorted(indices, key=lambda one: (log[one].time, one)):
            if not parts or log[index].time - log[parts[-1][-1]].time > HALF_AN_HOUR:
                parts.append([])
            parts[-1].append(index)
        found += parts
    by_time = [sorted(indices, key=lambda one: (log[one].time, one)) for indices in found]
    return [Session(indices, log[indices[0]].time, log[indices[-1]].time) for indices in by_time]


def person(log: Log, index: int) -> tuple[str, str] | None:
    """Who an event counts as: the customer who owns it, else its visitor."""
    event = log[index]
    customer = owner(log, index)
    if customer is not None:
        return "customer", customer
    return ("visitor", event.uuid) if event.uuid is not None else None


def products(log: Log) -> list[str | None]:
    """Which product each event is about, by any name that is the same for all events about it."""
    names = Names(log, 1)
    return [
        names.product_of(event).name if event.product_id or event.product_handle or event.variant_id else None for event in log
    ]


def purchases(log: Log) -> list[Purchase]:
    """The purchase lines that events told, each once: the secret key's word before a claim's, then the first."""
    session_of = {index: number for number, session in enumerate(sessions(log)) for index in session.events}
    about = products(log)
    lines: dict[tuple[Any, Any], int] = {}
    for index, event in enumerate(log):
        if event.verb != "purchased" or is_left_out(event):
            continue
        order: Any = event.order_id or (("checkout", event.checkout_token) if event.checkout_token else ("alone", index))
        line = ("variant", event.variant_id) if event.variant_id else event.product_id or ("handle", event.product_handle)
        held = lines.get((order, line))
        if held is None or (event.verified and not log[held].verified):
            lines[(order, line)] = index
    found = []
    for index in lines.values():
        event, session = log[index], session_of.get(index)
        order = event.order_id or event.checkout_token or (("session", session) if session is not None else ("alone", index))
        units = event.quantity if event.quantity is not None and event.quantity > 0 else 1
        price = Decimal(event.price or event.variant_price or 0)
        found.append(Purchase(event.time, order, units, price * units, about[index] or "", session, event.verified, index))
    facts = any(purchase.verified for purchase in found)
    return [purchase for purchase in found if purchase.verified == facts]


def overview(log: Log, start: int, end: int) -> dict[str, Any]:
    """The figures of a window."""
    inside = [index for index, event in enumerate(log) if start <= event.time < end and not is_left_out(event)]
    on_products = [log[index] for index in inside if log[index].noun == "product" and log[index].subject == "user"]
    begun = [(number, session) for number, session in enumerate(sessions(log)) if start <= session.start < end]
    every = purchases(log)
    bought = [purchase for purchase in every if start <= purchase.time < end]
    buying = {purchase.session for purchase in every}
    revenue = sum((purchase.amount for purchase in bought), Decimal(0))
    orders = len({purchase.order for purchase in bought})
    return {
        "events": len(inside),
        "visitors": len({one for index in inside if (one := person(log, index)) is not None}),
        "sessions": len(begun),
        "views": sum(event.verb == "viewed" for event in on_products),
        "adds": sum(event.verb == "added" for event in on_products),
        "removes": sum(event.verb == "removed" for event in on_products),
        "purchases": len(bought),
        "orders": orders,
        "units": sum(purchase.units for purchase in bought),
        "revenue": revenue,
        "buying_sessions": sum(number in buying for number, _ in begun),
    }


def viewers(log: Log, start: int, end: int) -> dict[str, tuple[int, int]]:
    """Views and distinct persons who viewed, by product."""
    seen: dict[str, list[Any]] = {}
    for index, (event, product) in enumerate(zip(log, products(log), strict=True)):
        viewed = (event.subject, event.verb, event.noun) == ("user", "viewed", "product")
        if viewed and product is not None and start <= event.time < end and not is_left_out(event):
            seen.setdefault(product, []).append(person(log, index))
    return {product: (len(persons), len({one for one in persons if one is not None})) for product, persons in seen.items()}


def funnel_by_session(log: Log, start: int, end: int) -> tuple[int, int, int]:
    """Sessions begun in the window in which a product was viewed, then added, then purchased."""
    every = purchases(log)
    reached = [0, 0, 0]
    for number, session in enumerate(sessions(log)):
        if not start <= session.start < end:
            continue
        views = _times(log, session, "viewed")
        adds = [time for time in _times(log, session, "added") if views and time >= views[0]]
        bought = [purchase.time for purchase in every if purchase.session == number and adds and purchase.time >= adds[0]]
        for step, times in enumerate((views, adds, bought)):
            reached[step] += bool(times)
    return reached[0], reached[1], reached[2]


def funnel_by_visitor(log: Log, start: int, end: int, within: int) -> tuple[int, int, int]:
    """Visitors with a view, a later add and a later purchase, at most ``within`` after the view; any of each."""
    views: dict[Any, list[int]] = {}
    adds: dict[Any, list[int]] = {}
    buys: dict[Any, list[int]] = {}
    every = sessions(log)
    for session in every:
        if start <= session.start < end:
            for index in session.events:
                event = log[index]
                key = _left_by(event)
                if key is not None and event.noun == "product" and event.subject == "user":
                    {"viewed": views, "added": adds}.get(event.verb, {}).setdefault(key, []).append(event.time)
    for purchase in purchases(log):
        key = _left_by(log[purchase.told_by])
        if key is not None:
            buys.setdefault(key, []).append(purchase.time)
    added, bought = set(), set()
    for key, times in views.items():
        for view in times:
            for add in adds.get(key, []):
                if view <= add:
                    if add - view <= within:
                        added.add(key)
                    bought |= {key for buy in buys.get(key, []) if buy >= add and buy - view <= within}
    return len(views), len(added), len(bought)


def _left_by(event: Event) -> tuple[str, str] | None:
    if event.uuid is not None:
        return "visitor", event.uuid
    return ("customer", event.customer_id) if event.customer_id is not None else None


def _times(log: Log, session: Session, verb: str) -> list[int]:
    return [
        log[index].time
        for index in session.events
        if (log[index].subject, log[index].verb, log[index].noun) == ("user", verb, "product")
    ]


def behaviour(log: Log, start: int, end: int) -> tuple[int, int, int]:
    """Sessions begun in the window, their bounces, and all milliseconds that they lasted."""
    begun = [session for session in sessions(log) if start <= session.start < end]
    bounces = 0
    for session in begun:
        verbs = [log[index].verb for index in session.events if (log[index].subject, log[index].noun) == ("user", "product")]
        bounces += verbs.count("viewed") <= 1 and "added" not in verbs and "purchased" not in verbs
    return len(begun), bounces, sum(session.finish - session.start for session in begun)


def cohorts(log: Log, starts: Sequence[int], end: int) -> list[list[int]]:
    """By week in which somebody first came: how many came in it and in each week after it. A session counts as who owns the
    first of its events that tell of a person."""
    weeks: dict[Any, set[int]] = {}
    for session in sessions(log):
        who = next((who for index in session.events if (who := person(log, index)) is not None), None)
        if who is not None and session.start < end:
            week = max((number for number, start in enumerate(starts) if session.start >= start), default=-1)
            weeks.setdefault(who, set()).add(week)
    return [
        [
            sum(min(came) == cohort and cohort + after in came for came in weeks.values())
            for after in range(len(starts) - cohort)
        ]
        for cohort in range(len(starts))
    ]

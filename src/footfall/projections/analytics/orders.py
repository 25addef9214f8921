"""Purchases as columns: what events told of purchase lines, what orders say of themselves, and which visitor an order may be.

A line that events tell is kept as ``projections.purchases`` keeps it: one row for (order, variant), where the secret key or an
import goes before a claim, and then who came first. Which of the two counts is decided when it is asked (``schema``).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import UnsetType

from footfall.event import Event
from footfall.identifiers import Position, ProductReference, product_reference
from footfall.limits import UNITS_MAX
from footfall.log.port import Place
from footfall.order import ORDER_PREFIX, Order, OrderCustomer, OrderLine, decode_order
from footfall.projections.analytics.engine import Connection, amount_of, given, rows, texts, whole
from footfall.projections.analytics.hashes import Hashes
from footfall.projections.analytics.money import bounded, price_of, scaled
from footfall.projections.analytics.numbers import Names, People
from footfall.projections.analytics.rows import Rows
from footfall.projections.analytics.schema import LEFT_OUT, PURCHASED, VERIFIED
from footfall.projections.documents import Document
from footfall.projections.purchases import cart_name

_BOUGHT: Final = ("_source", "_widget_id", "_attribution")
"""What a line says of where it was added from, as our script writes it into a cart."""


class Telling(NamedTuple):
    """An event that tells of a purchase, a cart or a checkout, with the numbers of its row. 0 stands where there is none."""

    place: Place
    event: Event
    kind: int
    marks: int
    person: int
    customer: int
    session: int
    product: int
    variant: int


def tellings(rows_of: Rows) -> list[Telling]:
    """Those events of a batch that tell of purchases, carts or checkouts."""
    return [
        Telling(
            rows_of.places[n],
            event,
            rows_of.kinds[n],
            rows_of.marks[n],
            rows_of.persons[n],
            rows_of.customers[n],
            rows_of.sessions[n],
            rows_of.products[n],
            rows_of.variants[n],
        )
        for n, event in enumerate(rows_of.events)
        if event.cart_token is not None or event.checkout_token is not None or rows_of.kinds[n] == PURCHASED
    ]


class Orders:
    """The tables ``told``, ``tokens``, ``orders`` and ``order_lines``."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes

    # --- what events tell ----------------------------------------------------------------------------------------

    def tell(self, events: Sequence[Telling]) -> None:
        """Take in what events tell of purchases, carts and checkouts, in the order of the log."""
        self._see(events)
        told: dict[tuple[str, str], dict[str, Any]] = {}
        for telling in events:
            if telling.kind == PURCHASED and not telling.marks & LEFT_OUT:
                row = self._told(telling)
                key = (row["order_key"], row["line"])
                if key not in told or _goes_before(row, told[key]):
                    told[key] = row
        if told:
            self._keep(told)

    def _told(self, telling: Telling) -> dict[str, Any]:
        event, (partition, position) = telling.event, telling.place
        checkout = event.checkout_token
        reference = product_reference(event.product_id, event.product_handle, event.variant_id)
        units = min(event.quantity, UNITS_MAX) if event.quantity is not None and event.quantity > 0 else 1
        price = price_of(event)
        unknown = event.unknown or {}
        source, widget, attribution = (value if isinstance(value := unknown.get(name), str) else None for name in _BOUGHT)
        return {
            "order_key": event.order_id or (f"t:{self._token('t:', checkout)}" if checkout else f"@{partition}.{position}"),
            "line": f"v:{event.variant_id}" if event.variant_id is not None else str(reference),
            "position": position,
            "time": event.time,
            "verified": telling.marks & VERIFIED,
            "order_id": event.order_id,
            "checkout": self._token("t:", checkout) if checkout else 0,
            "person": telling.person,
            "customer": telling.customer,
            "session": telling.session,
            "product": telling.product,
            "variant": telling.variant,
            "units": units,
            "amount": bounded(price * units) if price is not None else None,
            "currency": event.currency,
            "source": source,
            "widget": widget or event.widget_id,
            "attribution": attribution,
        }

    def _keep(self, told: dict[tuple[str, str], dict[str, Any]]) -> None:
        with given(self._connection, "asked", {"order_key": texts({key for key, _ in told})}):
            for order_key, line, position, verified in rows(self._connection, _READ_TOLD):
                new = told.get((order_key, line))
                if new is not None and not _goes_before(new, {"verified": verified, "position": position}):
                    del told[(order_key, line)]
        kept = list(told.values())
        if not kept:
            return
        with given(self._connection, "kept", _columns(kept, _TOLD_TEXTS, _TOLD_WHOLES, "amount")):
            self._connection.execute(
                "DELETE FROM store.told USING kept WHERE told.order_key = kept.order_key AND told.line = kept.line"
            )
            self._connection.execute(_PUT_TOLD)

    def _see(self, events: Sequence[Telling]) -> None:
        """Note with whom carts (the last), checkouts and orders (the first who told of one) were seen."""
        seen: dict[int, tuple[int, int, Position]] = {}
        carts: set[int] = set()
        for telling in events:
            event = telling.event
            if event.uuid is None or not telling.person:
                continue
            row = (telling.person, telling.session, telling.place[1])
            if event.cart_token is not None:
                cart = self._hashes.of(cart_name(event.cart_token))
                carts.add(cart)
                seen[cart] = row
            if event.checkout_token is not None:
                seen.setdefault(self._token("t:", event.checkout_token), row)
            if event.order_id is not None:
                seen.setdefault(self._token("o:", event.order_id), row)
        if not seen:
            return
        columns = {
            "token": whole(seen, np.uint64),
            "person": whole((row[0] for row in seen.values()), np.uint32),
            "session": whole((row[1] for row in seen.values()), np.uint32),
            "position": whole(row[2] for row in seen.values()),
            "last": whole((token in carts for token in seen), np.bool_),
        }
        with given(self._connection, "seen", columns):
            self._connection.execute("DELETE FROM store.tokens USING seen WHERE tokens.token = seen.token AND seen.last")
            self._connection.execute(
                "INSERT INTO store.tokens SELECT token, person, nullif(session, 0), position FROM seen"
                " WHERE token NOT IN (SELECT token FROM store.tokens)"
            )

    def _token(self, prefix: str, token: str) -> int:
        return self._hashes.of(prefix + token)

    # --- what orders say -----------------------------------------------------------------------------------------

    def put(self, documents: Mapping[str, Document], people: People, names: Names) -> None:
        """Take in the latest version of orders."""
        orders = {d.key.split("/", 2)[2]: d for d in documents.values() if d.key.startswith(ORDER_PREFIX)}
        if not orders:
            return
        with given(self._connection, "gone", {"order_id": texts(orders)}):
            for table in ("orders", "order_lines"):
                self._connection.execute(f"DELETE FROM store.{table} WHERE order_id IN (SELECT order_id FROM gone)")
        kept = [decode_order(document.value) for document in orders.values() if not document.is_deleted]
        # While only a refund of it has come, nothing says what was bought.
        kept = [order for order in kept if not isinstance(order.lines, UnsetType)]
        if not kept:
            return
        lines = [line for order in kept for line in _lines(order)]
        with given(self._connection, "put", self._order_columns(kept, people)):
            self._connection.execute(_PUT_ORDERS)
        for name in ("product", "variant"):
            for line, number in zip(lines, names.numbers([line[name] for line in lines]), strict=True):
                line[name] = number
        if lines:
            with given(self._connection, "put", _columns(lines, _LINE_TEXTS, _LINE_WHOLES, "amount", "refunded")):
                self._connection.execute(_PUT_LINES)

    def _order_columns(self, orders: Sequence[Order], people: People) -> dict[str, Any]:
        customers = [order.customer.id if isinstance(order.customer, OrderCustomer) else None for order in orders]
        uuids = [order.uuid if isinstance(order.uuid, str) else None for order in orders]
        others = [[line for line in _told_lines(order) if _reference(line) is None] for order in orders]
        return {
            "order_id": texts(order.id for order in orders),
            "number": whole((self._token("o:", order.id) for order in orders), np.uint64),
            "time": whole(order.created_at if isinstance(order.created_at, int) else 0 for order in orders),
            "test": whole((order.test is True for order in orders), np.bool_),
            "cancelled": whole((isinstance(order.cancelled_at, int) for order in orders), np.bool_),
            "currency": texts(_text(order.currency) for order in orders),
            "customer": whole(people.customers(customers), np.uint32),
            "person": whole(people.visitors(uuids), np.uint32),
            "cart": whole((self._token_of(cart_name, order.cart_token) for order in orders), np.uint64),
            "checkout": whole((self._token_of(lambda t: "t:" + t, order.checkout_token) for order in orders), np.uint64),
            "other_units": whole(min(sum(line.quantity for line in of), UNITS_MAX) for of in others),
            "other_amount": whole(bounded(sum(map(_paid, of))) for of in others),
        }

    def _token_of(self, named: Any, token: object) -> int:
        return self._hashes.of(named(token)) if isinstance(token, str) else 0


def _goes_before(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (bool(one["verified"]), -one["position"]) > (bool(other["verified"]), -other["position"])


def _lines(order: Order) -> Iterable[dict[str, Any]]:
    """An order's purchase lines: its lines of one variant are one, and what refunds and a cancellation leave of it.

    ``amount`` is unit price × quantity − discount − refunds. A refund that does not say what was paid back takes back its
    units' share of the line. Lines without a product (a tip) are none, as everywhere.
    """
    found: dict[str, dict[str, Any]] = {}
    for line in _told_lines(order):
        reference, variant_id = _reference(line), line.variant_id or None
        if reference is None:
            continue
        paid = _paid(line)
        units, refunded = _taken_back(order, line, paid)
        key = f"v:{variant_id}" if variant_id is not None else str(reference)
        row = found.setdefault(
            key,
            {
                "order_id": order.id,
                "line": key,
                "product": str(reference),
                "variant": f"v:{variant_id}" if variant_id is not None else None,
                "placed": 0,
                "units": 0,
                "amount": 0,
                "refunded": 0,
                "source": line.properties.get("_source"),
                "widget": line.properties.get("_widget_id"),
                "attribution": line.properties.get("_attribution"),
            },
        )
        row["placed"] = min(row["placed"] + line.quantity, UNITS_MAX)
        row["units"] = min(row["units"] + units, UNITS_MAX)
        row["amount"] = bounded(row["amount"] + paid - refunded)
        row["refunded"] = bounded(row["refunded"] + refunded)
    return found.values()


def _told_lines(order: Order) -> Sequence[OrderLine]:
    return order.lines if not isinstance(order.lines, UnsetType) else ()


def _reference(line: OrderLine) -> ProductReference | None:
    return product_reference(line.product_id or None, None, line.variant_id or None)


def _paid(line: OrderLine) -> int:
    return (scaled(_text(line.price)) or 0) * line.quantity - (scaled(_text(line.discount)) or 0)


def _taken_back(order: Order, line: OrderLine, paid: int) -> tuple[int, int]:
    """Units that are left of a line, and what was paid back for it, in ten-thousandths."""
    if isinstance(order.cancelled_at, int):
        return 0, paid
    back = [taken for refund in order.refunds for taken in refund.lines if taken.line_id == line.id]
    units = min(sum(taken.quantity for taken in back), line.quantity)
    amount = 0
    for taken in back:
        told = scaled(_text(taken.amount))
        amount += told if told is not None else paid * min(taken.quantity, line.quantity) // max(1, line.quantity)
    return line.quantity - units, amount


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _columns(
    kept: Sequence[Mapping[str, Any]], text_names: Sequence[str], whole_names: Sequence[str], *amounts: str
) -> dict[str, Any]:
    columns = {name: texts(row[name] for row in kept) for name in text_names}
    columns |= {name: whole((row[name] for row in kept), np.uint64) for name in whole_names}
    for name in amounts:
        columns[name] = whole(row[name] for row in kept)
        columns[f"has_{name}"] = whole((row[name] is not None for row in kept), np.bool_)
    return columns


_TOLD_TEXTS: Final = ("order_key", "line", "order_id", "currency", "source", "widget", "attribution")
_TOLD_WHOLES: Final = (
    "position", "time", "verified", "checkout", "person", "customer", "session", "product", "variant", "units"
)  # fmt: skip
_LINE_TEXTS: Final = ("order_id", "line", "source", "widget", "attribution")
_LINE_WHOLES: Final = ("product", "variant", "placed", "units")
_READ_TOLD: Final = (
    "SELECT order_key, line, position, verified FROM store.told WHERE order_key IN (SELECT order_key FROM asked)"
)
_PUT_TOLD: Final = f"""
INSERT INTO store.told SELECT order_key, line, position, time, verified <> 0, nullif(order_id, ''), nullif(checkout, 0),
    nullif(person, 0), nullif(customer, 0), nullif(session, 0), nullif(product, 0), nullif(variant, 0), units,
    CASE WHEN has_amount THEN {amount_of("amount")} END, nullif(currency, ''), nullif(source, ''), nullif(widget, ''),
    nullif(attribution, '') FROM kept
"""
_PUT_ORDERS: Final = f"""
INSERT INTO store.orders SELECT order_id, number, time, test, cancelled, nullif(currency, ''), nullif(customer, 0),
    nullif(person, 0), nullif(cart, 0), nullif(checkout, 0), other_units, {amount_of("other_amount")} FROM put
"""
_PUT_LINES: Final = f"""
INSERT INTO store.order_lines SELECT order_id, line, nullif(product, 0), nullif(variant, 0), placed, units,
    {amount_of("amount")}, {amount_of("refunded")}, nullif(source, ''), nullif(widget, ''),
    nullif(attribution, '') FROM put
"""

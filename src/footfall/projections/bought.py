"""What a customer or visitor has bought: orders and what events told of purchases, each purchase line once.

An order is its customer's; its visitor is who left the uuid in its cart, else who first told of its checkout (or of its
number, where it has no customer), else who was last seen with its cart. All of this is looked up when a question is asked,
so that what comes late changes the answer.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from footfall.clock import Milliseconds
from footfall.identifiers import CustomerId, ProductReference, ShopId, Uuid
from footfall.limits import ORDER_VISITORS_READ_MAX, ORDERS_READ_MAX
from footfall.order import Order, OrderCustomer, bought_lines
from footfall.projections.history import History, Seen
from footfall.projections.identity import Identity, trail_of_uuid
from footfall.projections.order_documents import OrderDocuments
from footfall.projections.orders import Orders, name_of_customer
from footfall.projections.purchases import Purchases, cart_name
from footfall.vocabulary import ACTIONS

_PURCHASED = ACTIONS[("user", "purchased")]


class Bought(NamedTuple):
    """Units of a product that somebody bought at a time, and that were neither refunded nor cancelled."""

    time: Milliseconds
    reference: ProductReference
    units: int


class Buyers:
    """The questions, over the projections that know."""

    def __init__(
        self, history: History, identity: Identity, orders: Orders, documents: OrderDocuments, purchases: Purchases
    ) -> None:
        self._history = history
        self._identity = identity
        self._orders = orders
        self._documents = documents
        self._purchases = purchases

    def bought(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None) -> list[Bought]:
        """What a visitor or customer bought, newest first; of both as in the visitor history."""
        orders: dict[str, Order] = {}
        if customer is not None:
            orders |= self._orders_of_customer(shop, customer)
        if uuid is not None and (customer is None or self._last_named(shop, uuid) in (None, customer)):
            orders |= self._orders_of_uuid(shop, uuid)
        rows = [
            Bought(_time(order), line.reference, line.units)
            for order in orders.values()
            if order.test is not True
            for line in bought_lines(order)
        ]
        rows.extend(self._told(shop, self._seen(shop, uuid, customer)))
        return sorted((row for row in rows if row.units > 0), key=lambda row: -row.time)

    def has_orders(self, shop: ShopId) -> bool:
        """Whether the shop has orders, so that events alone don't tell what was bought."""
        return self._orders.has_any(shop)

    def customer(self, shop: ShopId, customer: CustomerId) -> OrderCustomer:
        """What is known of a customer: the names on the latest order."""
        for order_id in self._orders.named(shop, name_of_customer(customer)):
            order = self._documents.order(shop, order_id)
            if order is not None and _customer(order) == customer and isinstance(order.customer, OrderCustomer):
                return order.customer
        return OrderCustomer(id=customer)

    def visitor(self, shop: ShopId, order: Order) -> Uuid | None:
        """The visitor whose order it is."""
        if isinstance(order.uuid, str):
            return order.uuid
        for prefix, value in (("t:", order.checkout_token), ("o:", order.id)):
            if prefix == "o:" and _customer(order) is not None:
                # Anybody can guess an order's number, and would read a customer's order by naming it.
                continue
            seen = self._purchases.visitor_with(shop, prefix + value) if isinstance(value, str) else None
            if seen is not None:
                return seen
        cart = order.cart_token
        return self._purchases.visitor_with(shop, cart_name(cart)) if isinstance(cart, str) else None

    def _orders_of_customer(self, shop: ShopId, customer: CustomerId) -> dict[str, Order]:
        found = self._read(shop, self._orders.named(shop, name_of_customer(customer)))
        own = {order_id: order for order_id, order in found.items() if _customer(order) == customer}
        for trail in self._identity.trails(shop, customer)[:ORDER_VISITORS_READ_MAX]:
            of_visitor = self._of_visitor(shop, Uuid(trail[2:]))
            own |= {
                order_id: order
                for order_id, order in of_visitor.items()
                if _customer(order) is None and self._owner(shop, trail, order) == customer
            }
        return own

    def _orders_of_uuid(self, shop: ShopId, uuid: Uuid) -> dict[str, Order]:
        """A visitor's orders, without those of a customer other than the one last named there. Where nobody was, the order is
        what names its customer."""
        trail = trail_of_uuid(uuid)
        last_named = self._last_named(shop, uuid)
        found = self._of_visitor(shop, uuid)
        if last_named is None:
            return found
        return {
            order_id: order
            for order_id, order in found.items()
            if (_customer(order) or self._owner(shop, trail, order)) in (None, last_named)
        }

    def _of_visitor(self, shop: ShopId, uuid: Uuid) -> dict[str, Order]:
        names = [trail_of_uuid(uuid), *self._purchases.tokens_of(shop, uuid)]
        ids = dict.fromkeys(order_id for name in names for order_id in self._orders.named(shop, name))
        found = self._read(shop, list(ids)[:ORDERS_READ_MAX])
        return {order_id: order for order_id, order in found.items() if self.visitor(shop, order) == uuid}

    def _read(self, shop: ShopId, order_ids: Iterable[str]) -> dict[str, Order]:
        return {order_id: order for order_id in order_ids if (order := self._documents.order(shop, order_id)) is not None}

    def _last_named(self, shop: ShopId, uuid: Uuid) -> CustomerId | None:
        return self._identity.stretches(shop, trail_of_uuid(uuid)).last_named

    def _owner(self, shop: ShopId, trail: str, order: Order) -> CustomerId | None:
        """Who owns an order that names no customer: whom its visitor was when it was made."""
        return self._identity.stretches(shop, trail).owner_at(_time(order))

    def _seen(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None) -> Iterator[Seen]:
        if uuid is None:
            return self._history.of_customer(shop, CustomerId(customer or ""), _PURCHASED)
        if customer is None:
            return self._history.of_uuid(shop, uuid, _PURCHASED)
        return self._history.of_both(shop, uuid, customer, _PURCHASED)

    def _told(self, shop: ShopId, rows: Iterator[Seen]) -> Iterator[Bought]:
        """The purchases that events told, without those of orders that told of themselves."""
        latest = {row.position: row for row in islice(rows, ORDERS_READ_MAX)}
        held = self._purchases.at(shop, [(row.position, row.time) for row in latest.values()])
        ordered = {order_id for order_id, _ in held.values() if self._orders.tells_of(shop, order_id)}
        for position, row in latest.items():
            if position in held and held[position][0] not in ordered:
                yield Bought(row.time, row.reference, held[position][1].units)


def _customer(order: Order) -> CustomerId | None:
    return order.customer.id if isinstance(order.customer, OrderCustomer) else None


def _time(order: Order) -> Milliseconds:
    return order.created_at if isinstance(order.created_at, int) else Milliseconds(0)

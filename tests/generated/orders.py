"""The orders of the generated shop, as Shopify's webhooks bring them (REST shape), and the purchases that others tell."""

from random import Random
from typing import Any, Final

from tests.generated import catalog as c
from tests.generated.catalog import Catalog, product_id, variant_id
from tests.generated.people import ADA, CLEO, EMIL, LISTED, People
from tests.generated.steps import Message, ago, rfc3339

ORDINARY: Final = 25
_RATE: Final = 1.1
"""What a unit of the shop's currency is in the one that some pay in."""


def order_id(number: int) -> int:
    """The id of the order with this number."""
    return 4_500_000_000_000 + number


class Orders:
    """Every order by number as it is in the end, and the messages that lead there, each in a lane of its own."""

    def __init__(self, chance: Random, now: int, catalog: Catalog, people: People) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.messages: list[Message] = []
        self._chance = chance
        self._now = now
        self._catalog = catalog
        self._people = people
        self._ordinary()
        self._by_what_they_are_known()
        self._changed()
        self._told_by_others()

    def order(self, days: float, lines: list[tuple[int, int]], **more: Any) -> int:
        """One more order of (product, quantity), told when it was placed; its number."""
        number, at = len(self.orders) + 1, ago(self._now, days=days)
        self.orders[number] = {
            "id": order_id(number),
            "created_at": rfc3339(at),
            "processed_at": rfc3339(at),
            "updated_at": rfc3339(at),
            "cancelled_at": None,
            "test": False,
            "currency": "EUR",
            "presentment_currency": "EUR",
            "note_attributes": [],
            "line_items": [self._line(number, place, *line) for place, line in enumerate(lines, 1)],
            "refunds": [],
            **more,
        }
        self.tell(number, "orders/create", at)
        return number

    def tell(self, number: int, topic: str, at: int, body: dict[str, Any] | None = None) -> None:
        """A webhook of an order, as it is now."""
        name = f"{topic} {number} {len(self.messages)}"
        self.messages.append(Message(f"webhook {name}", at, topic, body or dict(self.orders[number]), name))

    def change(self, number: int, topic: str, days: float, **more: Any) -> None:
        """Something about an order changed."""
        at = ago(self._now, days=days)
        self.orders[number] |= {"updated_at": rfc3339(at), **more}
        self.tell(number, topic, at)

    def refund(self, number: int, days: float, lines: list[tuple[int, int]]) -> None:
        """Units of an order's lines, by their places from 1, are taken back; told by itself and with the order."""
        order, at = self.orders[number], ago(self._now, days=days)
        refund = {
            "id": 7_700_000_000_000 + 10 * number + len(order["refunds"]),
            "order_id": order["id"],
            "created_at": rfc3339(at),
            "refund_line_items": [
                {"id": place, "line_item_id": order["line_items"][place - 1]["id"], "quantity": quantity, "subtotal": 1.0}
                for place, quantity in lines
            ],
        }
        self.change(number, "orders/updated", days, refunds=[*order["refunds"], refund])
        self.tell(number, "refunds/create", at, refund)

    def _line(self, number: int, place: int, product: int, quantity: int) -> dict[str, Any]:
        known = self._catalog.products.get(product)
        variant = known["variants"][-1] if known is not None else {"id": variant_id(product), "price": "9.00", "title": "1"}
        return {
            "id": 11_000_000_000_000 + 10 * number + place,
            "product_id": product_id(product),
            "variant_id": variant["id"],
            "quantity": quantity,
            "price": variant["price"],
            "title": f"Thing {product}",
            "variant_title": variant["title"],
        }

    def _customer(self, customer: str) -> dict[str, Any]:
        return {"id": int(customer), "first_name": "First", "last_name": f"Last {customer[-2:]}"}

    def _ordinary(self) -> None:
        """Customers and guests who buy something; what sells best does so by far."""
        weights = [1 / (1 + place) for place in range(len(LISTED))]
        for number in range(ORDINARY):
            lines = [
                (product, self._chance.randint(1, 3)) for product in dict.fromkeys(self._chance.choices(LISTED, weights, k=2))
            ]
            regular = number % 20
            buyer: dict[str, Any] = {"note_attributes": [self._left_by(f"regular {regular}")]}
            if regular % 2:
                buyer["customer"] = self._customer(str(6_300_000_000_001 + regular))
            placed = self.order(self._chance.uniform(0.3, 13), lines, **buyer)
            if number % 3 == 0:
                self.change(placed, "orders/paid", 0.2 + number / 1000)

    def _left_by(self, name: str) -> dict[str, str]:
        """The cart attribute that our script leaves."""
        return {"name": "_footfall_uuid", "value": self._people.uuid(name).upper()}

    def _by_what_they_are_known(self) -> None:
        """By cart, by checkout, by attribute, by nothing; long ago; in another currency."""
        self.order(2.35, [(13, 1)], cart_token="cart-searcher")
        self.order(4.65, [(33, 2)], cart_token="cart-ada?key=9")
        # Seen on the way through the checkout, not when it was paid.
        self._people.act("pixel", 3.01, 45, uuid=self._people.uuid("pixel"), checkout_token="checkout-1")
        self.order(3.0, [(45, 1), (46, 1)], checkout_token="checkout-1")
        self.order(3.1, [(47, 2)], note_attributes=[{"name": "gift", "value": "yes"}, self._left_by("guest")])
        self.order(3.2, [(48, 7)])
        self.order(40, [(49, 30), (13, 1)], customer=self._customer(CLEO))
        number = self.order(3.3, [(50, 2)], customer=self._customer(CLEO), presentment_currency="USD")
        for line in self.orders[number]["line_items"]:
            of_shop = line["price"]
            line["price"] = f"{float(of_shop) * _RATE:.2f}"
            line["price_set"] = {
                "shop_money": {"amount": of_shop, "currency_code": "EUR"},
                "presentment_money": {"amount": line["price"], "currency_code": "USD"},
            }

    def _changed(self) -> None:
        """Refunded in part and in full, cancelled, tests, and lines of products with something peculiar."""
        buyer = {"customer": self._customer(CLEO)}
        part = self.order(6.0, [(51, 3), (52, 2)], **buyer)
        self.refund(part, 5.0, [(1, 1)])
        self.refund(part, 4.0, [(1, 1), (2, 1)])
        whole = self.order(6.1, [(53, 2)], **buyer)
        self.refund(whole, 5.1, [(1, 2)])
        cancelled = self.order(6.2, [(54, 9)], **buyer)
        self.change(cancelled, "orders/cancelled", 5.2, cancelled_at=rfc3339(ago(self._now, days=5.2)))
        self.order(6.3, [(55, 50)], test=True, **buyer)
        self.order(6.4, [(number, 4) for number in (c.SOLD_OUT, c.HIDDEN, c.DELETED, c.LARGE, c.STRANGER)], **buyer)
        self.order(1.1, [(51, 1)], customer=self._customer(ADA))

    def _told_by_others(self) -> None:
        """One purchase told by pixel, webhook and server; one by a page alone; one by the server alone; one by both."""
        people = self._people

        def purchase(days: float, product: int, order: str | None, sender: str = "page", **more: Any) -> None:
            name = f"id:{product_id(product)} variant:{self._line(0, 0, product, 1)['variant_id']}"
            people.act("emil", days, name, verb="purchased", order_id=order, sender=sender, **more)

        who = {"uuid": people.uuid("emil"), "customer": EMIL}
        number = self.order(2.0, [(56, 2)], customer=self._customer(EMIL))
        for sender in ("page", "server", "page"):
            purchase(2.0, 56, str(order_id(number)), sender, quantity=2, **who)
        purchase(1.9, 57, "claimed", quantity=8, **who)
        purchase(1.8, 58, "told-by-server", "server", quantity=6, **who)
        purchase(1.7, 59, "told-by-both", quantity=5, **who)
        purchase(1.7, 59, "told-by-both", "server", quantity=4, **who)
        purchase(1.6, 60, None, **who)
        purchase(1.5, 60, "a-trial", quantity=9, test=True, **who)
        # The shop's system repeats what it does not know to have arrived.
        self.messages.append(self.messages[0])

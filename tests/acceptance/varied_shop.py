"""A shop with something of everything in August 2026: several visitors of one customer, several customers of one visitor,
robots, tests, late and clamped events, searches, widgets, a catalog, claims, orders, refunds, and two currencies."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from footfall.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from tests.acceptance.hooks import PATH, SECRET, headers
from tests.report_queries import selected
from tests.support import ManualClock, Standing, event, standing

ORDERS: Final = "a shop with orders"
CLAIMS: Final = "a shop of which only pages told"
_DOMAIN: Final = "varied.myshopify.com"
_ROBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
START: Final = 1_785_578_400_000
"""2026-08-01 12:00 in Berlin, a Saturday."""
_CATALOG: Final = {
    "products": [
        {
            "id": 1,
            "handle": "cap",
            "title": "Cap",
            "vendor": "Acme",
            "product_type": "Hats",
            "variants": [{"id": 11}, {"id": 12}],
        },
        {"id": 2, "handle": "shirt", "title": "Shirt", "vendor": "Acme", "product_type": "Shirts", "variants": [{"id": 21}]},
        {"id": 3, "handle": "mug", "title": "Mug", "vendor": "Clay", "product_type": "Mugs", "variants": [{"id": 31}]},
    ]
}
_COLLECTIONS: Final = {"collections": [{"id": 70, "handle": "hats", "title": "Hats", "products": [1]}]}


@dataclass
class VariedShop:
    """The shop at a running service."""

    standing: Standing
    clock: ManualClock
    kind: str
    positions: dict[str, str] = field(default_factory=dict)
    """The position of the last event of each uuid."""

    def at(self, hours: float, minutes: float = 0) -> None:
        """Move the clock to a time after the start."""
        self.clock.time = START + round(hours * HOUR_MS + minutes * MINUTE_MS)

    def send(self, *events: dict[str, Any], agent: str = "", secret: bool = False) -> None:
        """Send events that happen now, unless they say when, a second apart."""
        now = self.clock.time
        sent = [event(**{"event_time": now + n * SECOND_MS, **fields}) for n, fields in enumerate(events)]
        self.clock.time = now + len(events) * SECOND_MS
        options = {"User-Agent": agent} if agent else {}
        options |= self.standing.shop.bearer if secret else {"X-Rebuy-User-Token": self.standing.shop.public_key}
        answer = self.standing.request("POST", "/api/v2/analytics/event/bulk?receipts=yes", json=sent, headers=options)
        assert answer.status_code == 200, answer.text
        for fields, receipt in zip(sent, answer.json()["receipts"], strict=True):
            assert receipt["status"] == "stored", receipt
            self.positions[fields.get("uuid", "")] = receipt["position"]

    def order(self, number: int, *lines: dict[str, Any], **fields: Any) -> None:
        """An order that is made now, as its webhook tells it."""
        self.hook(
            "orders/create",
            {
                "id": 4_600_000_000_000 + number,
                "created_at": self._moment(),
                "updated_at": self._moment(),
                "currency": "EUR",
                "line_items": [{"id": 10 * number + n, **line} for n, line in enumerate(lines)],
                "refunds": [],
                **fields,
            },
        )

    def hook(self, topic: str, body: dict[str, Any]) -> None:
        """One webhook."""
        content = json.dumps(body).encode()
        answer = self.standing.request("POST", PATH, content=content, headers=headers(topic, _DOMAIN, content))
        assert answer.status_code == 200, answer.text
        assert "rejected" not in answer.json(), answer.text

    def put(self, path: str, body: Any) -> None:
        """Put something into the catalog."""
        answer = self.standing.request("PUT", f"/api/v1/catalog/{path}", json=body, headers=self.standing.shop.bearer)
        assert answer.status_code == 200, answer.text

    def report(self, name: str, **parameters: str) -> str:
        """What a report answers."""
        path, bearer = f"/api/v1/reports/{name}", self.standing.shop.bearer
        answer = self.standing.request("GET", path, params=parameters, headers=bearer)
        assert answer.status_code == 200, answer.text
        return answer.text

    def sql(self, statement: str) -> list[Mapping[str, Any]]:
        """The rows of a statement."""
        answer = self.standing.request("POST", "/api/v1/sql", json={"sql": statement}, headers=self.standing.shop.bearer)
        assert answer.status_code == 200, f"{statement}\n{answer.text}"
        return selected(answer.text)

    def _moment(self) -> str:
        return datetime.fromtimestamp(self.clock.time / 1_000, UTC).isoformat()


@contextmanager
def varied_shop(data: Path, *, kind: str = ORDERS) -> Iterator[VariedShop]:
    """The shop, once analytics has taken in all of it."""
    clock = ManualClock(START - 30 * 24 * HOUR_MS)
    settings = {"currency": "EUR", "timezone": "Europe/Berlin", "domain": _DOMAIN, "webhook_secret": SECRET}
    with standing(data, clock, **settings) as running:
        shop = VariedShop(running, clock, kind)
        shop.put("products", _CATALOG)
        shop.put("collections", _COLLECTIONS)
        _before(shop)
        _people(shop)
        _marked(shop)
        _searches(shop)
        _widgets(shop)
        _claims(shop)
        if kind == ORDERS:
            _orders(shop)
        service = running.shop.service
        found = service.shops.by_name("shop")
        assert found is not None
        running.run(service.desk.caught_up(found.id))
        yield shop


def _before(shop: VariedShop) -> None:
    """Two who have been there before the window, and somebody whose session lies across its start."""
    shop.send({"uuid": "bob", "product_id": "1"}, {"uuid": "bob", "product_id": "1", "verb": "added"})
    shop.send({"uuid": None, "customer_id": "8", "product_id": "1"})
    shop.at(-12, -2)
    shop.send({"uuid": "night", "product_id": "2"}, {"uuid": "night", "product_id": "2", "verb": "added"})
    shop.at(-12, 5)
    shop.send({"uuid": "night", "product_id": "3"})


def _people(shop: VariedShop) -> None:
    """A customer on two devices, another on one of them, sessions with names of their own, and one that two share."""
    phone = {
        "uuid": "ann-phone",
        "device": "mobile",
        "country": "DE",
        "theme_id": "9",
        "url": "https://shop.example/?utm_source=News",
    }
    desk = {"uuid": "shared", "device": "desktop", "country": "AT", "referrer": "https://www.google.com/"}
    shop.at(1)
    shop.send(
        {**phone, "product_id": "1"},
        {**phone, "product_handle": "cap", "product_id": None, "verb": "added"},
        {**phone, "product_id": "1", "verb": "removed"},
        {**phone, "shopify_variant_id": "12", "product_id": None, "verb": "added", "customer_id": "7"},
    )
    shop.at(2)
    shop.send({**desk, "product_id": "2"}, {**desk, "product_id": "2", "customer_id": "7"}, {**desk, "product_id": "3"})
    shop.at(30)
    shop.send({**desk, "product_id": "3", "customer_id": "8"}, {**desk, "product_id": "99"}, {**desk, "product_id": "99"})
    # It comes after the naming and tells of a time before it: nobody's.
    shop.send({**desk, "product_id": "1", "event_time": START + 3 * HOUR_MS})
    shop.at(24 * 8)
    shop.send({**phone, "product_id": "1"}, {**desk, "product_id": "2", "verb": "added"})
    shop.at(24 * 9)
    bob = {"uuid": "bob", "rsid": "tab-1", "device": "mobile"}
    shop.send(
        {**bob, "product_id": "2"}, {**bob, "product_id": "2", "verb": "added"}, {**bob, "uuid": "eve", "product_id": "3"}
    )
    shop.at(24 * 9, 50)
    shop.send({**bob, "product_id": "3"})
    shop.send({"uuid": None, "customer_id": "9", "product_id": "1"}, {"uuid": None, "customer_id": "8", "product_id": "1"})
    shop.send(
        {"uuid": "eve", "product_id": "1", "subject": "collection", "noun": "product"}, {"uuid": "eve", "product_id": "3"}
    )
    shop.at(24 * 16)
    shop.send({"uuid": "night", "product_id": "2", "verb": "added"}, {"uuid": "bob", "product_id": "1"})


def _marked(shop: VariedShop) -> None:
    """Robots, tests, who refused consent, and clocks that are wrong."""
    shop.at(24 * 17)
    shop.send({"uuid": "robot", "product_id": "1"}, {"uuid": "bob", "product_id": "1"}, agent=_ROBOT)
    shop.send(
        {"uuid": "bob", "product_id": "1", "test": True}, {"uuid": "bob", "product_id": "2", "verb": "added", "test": True}
    )
    shop.send({"uuid": "bob", "product_id": "1", "consent": "denied"}, {"product_id": "2", "uuid": None, "consent": "denied"})
    shop.send({"uuid": "clock", "product_id": "1", "event_time": shop.clock.time + HOUR_MS})
    # More than two days late, into the middle of a session that is there.
    shop.send({"uuid": "bob", "rsid": "tab-1", "product_id": "1", "event_time": START + (24 * 9) * HOUR_MS + MINUTE_MS})


def _searches(shop: VariedShop) -> None:
    """Terms with and without results, and what is done with them."""
    shop.at(24 * 18)
    term, found = (
        {"uuid": "eve", "noun": "term", "product_id": None},
        {"uuid": "eve", "noun": "search-result", "product_id": "1"},
    )
    shop.send(
        {**term, "verb": "searched", "defined_noun_id": " Wool Hat "},
        {**found, "verb": "clicked-to-pdp-from", "defined_noun_id": "Wool Hat.1"},
        {**found, "verb": "added-from"},
        {**term, "verb": "passive-searched", "defined_noun_id": "mugs"},
        {**found, "verb": "clicked-to-pdp-from", "noun": "searched-products"},
        {**term, "verb": "searched", "defined_noun_id": "nothing"},
        {**term, "subject": "search", "verb": "returned", "noun": "no-search-results", "defined_noun_id": "nothing"},
    )
    # Clicked in the same millisecond in which another term is searched: the order of the log tells which came first.
    now = shop.clock.time
    shop.send(
        {**found, "verb": "clicked-to-pdp-from", "event_time": now},
        {**term, "verb": "searched", "defined_noun_id": "late", "event_time": now},
    )
    shop.send({**found, "uuid": "bob", "verb": "added-from"})
    # What is clicked more than a day before it is bought is not attributed.
    click = {"uuid": "night", "noun": "widget", "verb": "clicked", "widget_id": "w5"}
    shop.send({**click, "product_id": "3"}, {**click, "product_id": "1"})


def _widgets(shop: VariedShop) -> None:
    """Lists that are shown, clicked and added from."""
    shop.at(24 * 19)
    widget = {"uuid": "bob", "noun": "widget", "product_id": None}
    shop.send(
        {**widget, "verb": "viewed", "widget_id": "w1", "meta": {"attribution": "recommended.1"}},
        {**widget, "verb": "viewed", "defined_noun_id": "w2", "meta": {"source": "top_sellers"}},
        {**widget, "verb": "clicked", "widget_id": "w1", "product_id": "1", "meta": {"attribution": "recommended.1"}},
        {**widget, "verb": "clicked", "widget_id": "w3", "product_id": "1"},
        {**widget, "verb": "clicked", "widget_id": "w2", "product_id": "2", "meta": {"source": "top_sellers"}},
        {**widget, "verb": "added-from", "widget_id": "w2", "product_id": "2", "meta": {"source": "top_sellers"}},
        {**widget, "verb": "clicked", "widget_id": "w4", "product_id": "2", "test": True},
    )


def _claims(shop: VariedShop) -> None:
    """Purchases that pages tell of."""
    bought = {"verb": "purchased", "price": "19.90"}
    shop.at(24 * 19, 10)
    shop.send(
        {**bought, "uuid": "bob", "product_id": "1", "shopify_variant_id": "11", "order_id": "c1", "quantity": 2},
        {**bought, "uuid": "bob", "product_id": "2", "shopify_variant_id": "21", "order_id": "c1", "currency": "EUR"},
        {**bought, "uuid": "eve", "product_id": "3", "order_id": "c2", "currency": "USD"},
        {**bought, "uuid": "night", "product_id": "2", "price": "5"},
        {**bought, "uuid": "night", "product_id": "3", "price": "7.55"},
        {**bought, "uuid": "ann-phone", "product_id": "3", "checkout_token": "t1", "_source": "Footfall", "_widget_id": "w1"},
        {**bought, "uuid": "robot", "product_id": "3", "order_id": "c3", "test": True},
    )
    # Told a second time, otherwise: the first holds.
    shop.send({**bought, "uuid": "bob", "product_id": "1", "shopify_variant_id": "11", "order_id": "c1", "quantity": 5})


def _orders(shop: VariedShop) -> None:
    """Orders with visitors, with customers alone and with nobody; refunded, cancelled, tests, and in another currency."""
    cap = {"product_id": 1, "variant_id": 11, "quantity": 3, "price": "20.00", "total_discount": "1.00"}
    shirt = {"product_id": 2, "variant_id": 21, "quantity": 1, "price": "30.00"}
    ours = [
        {"name": "_source", "value": "Footfall"},
        {"name": "_widget_id", "value": "w9"},
        {"name": "_attribution", "value": "r.9"},
    ]

    def of(uuid: str) -> dict[str, Any]:
        return {"note_attributes": [{"name": "_footfall_uuid", "value": uuid}]}

    shop.at(24 * 19, 20)
    shop.order(1, cap, {**shirt, "properties": ours}, **of("bob"))
    shop.order(2, shirt, customer={"id": 7}, **of("shared"))
    shop.order(3, cap, customer={"id": 9})
    shop.order(4, shirt)
    shop.order(5, cap, test=True)
    shop.order(6, shirt, currency="USD", **of("eve"))
    shop.order(7, cap, cancelled_at="2026-08-21T09:00:00+02:00", **of("night"))
    shop.order(8, cap, shirt, checkout_token="t1")
    refund = {"refund_line_items": [{"id": 1, "line_item_id": 10, "quantity": 1, "subtotal": "19.00"}]}
    shop.hook("refunds/create", {"id": 1, "order_id": 4_600_000_000_001, "created_at": "2026-08-22T12:00:00+02:00", **refund})
    shop.at(24 * 20)
    shop.send({"uuid": "eve", "product_id": "3", "verb": "purchased", "price": "9.99", "quantity": 4}, secret=True)

"""A shop that does not exist: a small catalog of named products, and shoppers who walk through it.

Everything follows from the chance that is passed in: the same seed makes the same shoppers.
"""

import random
import uuid
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from footfall.catalog.collection import Collection
from footfall.catalog.product import Image, Product, Variant
from footfall.clock import MINUTE_MS, SECOND_MS, Milliseconds

_KINDS: Final = (
    ("Shirt", "apparel", 3900),
    ("Beanie", "apparel", 1900),
    ("Jacket", "apparel", 12900),
    ("Socks", "apparel", 1200),
    ("Mug", "home", 1600),
    ("Blanket", "home", 8900),
    ("Lamp", "home", 7400),
    ("Notebook", "paper", 1400),
    ("Backpack", "bags", 9800),
    ("Bottle", "outdoor", 2900),
)
_STYLES: Final = ("Classic", "Linen", "Harbour", "Alpine", "Midnight", "Everyday")
_FIRST_ID: Final = 5_630_650_697_000
_SOLD_OUT: Final = 4
URL: Final = "https://demo-shop.example"


class DemoProduct(NamedTuple):
    """A product of the demo shop; ``price`` is a decimal string in the shop's currency."""

    id: int
    handle: str
    title: str
    kind: str
    variant_id: int
    price: str


def products() -> list[DemoProduct]:
    """The catalog: sixty products, always the same."""
    made = []
    for number, (style, (kind, collection, cents)) in enumerate((s, k) for s in _STYLES for k in _KINDS):
        title = f"{style} {kind}"
        price = cents + 100 * (number % 7)
        made.append(
            DemoProduct(
                id=_FIRST_ID + number,
                handle=title.lower().replace(" ", "-"),
                title=title,
                kind=collection,
                variant_id=_FIRST_ID * 8 + number,
                price=f"{price // 100}.{price % 100:02d}",
            )
        )
    return made


def catalog() -> list[Product]:
    """The same products as the shop's catalog has them; one of them is sold out."""
    return [
        Product(
            id=str(product.id),
            handle=product.handle,
            title=product.title,
            body_html=f"<p>{product.title}, from a shop that does not exist.</p>",
            vendor="Demo Goods",
            product_type=product.kind,
            tags=[product.kind, product.title.split()[0].lower()],
            status="active",
            published_at="2026-01-01T00:00:00Z",
            images=[Image(src=f"{URL}/files/{product.handle}.jpg", alt=product.title)],
            variants=[
                Variant(
                    id=str(product.variant_id),
                    title="Default Title",
                    price=product.price,
                    sku=product.handle.upper(),
                    inventory_management="shopify",
                    inventory_quantity=0 if number == _SOLD_OUT else 3 + number,
                )
            ],
        )
        for number, product in enumerate(products())
    ]


def collections() -> list[Collection]:
    """One for each kind of product."""
    members: dict[str, list[str]] = {}
    for product in products():
        members.setdefault(product.kind, []).append(str(product.id))
    return [
        Collection(id=str(_FIRST_ID * 2 + number), handle=kind, title=kind.capitalize(), products=ids)
        for number, (kind, ids) in enumerate(members.items())
    ]


def wire_event(product: DemoProduct, verb: str, time: Milliseconds, identity: dict[str, str], event_id: str) -> dict[str, Any]:
    """What a storefront sends when somebody does something with a product."""
    return {
        "subject": "user",
        "verb": verb,
        "noun": "product",
        "event_id": event_id,
        "event_time": str(time),
        "product_id": str(product.id),
        "product_handle": product.handle,
        "shopify_product_title": product.title,
        "shopify_variant_id": str(product.variant_id),
        "shopify_variant_price": product.price,
        "meta": {"collection": product.kind},
        **identity,
    }


class Shoppers:
    """Visits one after the other: each a list of events with growing times."""

    def __init__(self, chance: random.Random, catalog: list[DemoProduct]) -> None:
        self._chance = chance
        self._catalog = catalog
        # A few products are looked at much more often than the others, as in any shop.
        self._weights = [1 / (rank + 1) for rank in range(len(catalog))]
        self._people = [self._person(number) for number in range(200)]

    def visit(self, start: Milliseconds) -> list[dict[str, Any]]:
        """The events of one visit that begins at ``start``."""
        identity = self._chance.choice(self._people)
        return list(self._events(identity | {"rsid": self._uuid()}, start))

    def _events(self, identity: dict[str, str], time: Milliseconds) -> Iterator[dict[str, Any]]:
        cart: list[DemoProduct] = []
        for product in self._chance.choices(self._catalog, self._weights, k=self._chance.randint(1, 8)):
            time = Milliseconds(time + self._chance.randint(3 * SECOND_MS, MINUTE_MS))
            yield wire_event(product, "viewed", time, identity, self._uuid())
            if self._chance.random() < 0.2:
                cart.append(product)
                yield wire_event(product, "added", Milliseconds(time + SECOND_MS), identity, self._uuid())
        if cart and self._chance.random() < 0.3:
            yield wire_event(cart.pop(), "removed", Milliseconds(time + 2 * SECOND_MS), identity, self._uuid())
        if self._chance.random() < 0.4:
            order = str(self._chance.randrange(10**12))
            for product in cart:
                bought = wire_event(product, "purchased", Milliseconds(time + 5 * SECOND_MS), identity, self._uuid())
                yield {**bought, "order_id": order, "quantity": 1, "price": product.price}

    def _person(self, number: int) -> dict[str, str]:
        identity = {"uuid": self._uuid()}
        # One in four is logged in.
        return identity | ({"customer_id": str(7_000_000_000 + number)} if number % 4 == 0 else {})

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

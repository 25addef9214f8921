"""Shoppers who walk through the demo shop. Everything follows from the chance that is passed in: the same seed makes the same
shoppers."""

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from footfall.clock import MINUTE_MS, SECOND_MS, Milliseconds
from footfall.demo.catalog import CURRENCY, DemoProduct


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
        "shopify_variant_id": str(product.variants[0].id),
        "price": product.price,
        "currency": CURRENCY,
        **identity,
    }


class Shoppers:
    """Visits one after the other: each a list of events with growing times."""

    def __init__(self, chance: random.Random, catalog: Sequence[DemoProduct]) -> None:
        self._chance = chance
        self._catalog = catalog
        # A few products are looked at much more often than the others, as in any shop, wherever in the catalog they stand.
        ranks = list(range(len(catalog)))
        random.Random(len(catalog)).shuffle(ranks)
        self._weights = [1 / (rank + 1) for rank in ranks]
        self._people = [self._person(number) for number in range(200)]

    def visit(self, start: Milliseconds) -> list[dict[str, Any]]:
        """The events of one visit that begins at ``start``."""
        identity = self._chance.choice(self._people)
        return list(self._events(identity | {"rsid": self._uuid()}, start))

    def _events(self, identity: dict[str, str], time: Milliseconds) -> Iterator[dict[str, Any]]:
        cart: list[DemoProduct] = []
        for product in self._looked_at():
            time = Milliseconds(time + self._chance.randint(3 * SECOND_MS, MINUTE_MS))
            yield wire_event(product, "viewed", time, identity, self._uuid())
            if self._chance.random() < 0.2 and not product.sold_out:
                cart.append(product)
                yield wire_event(product, "added", Milliseconds(time + SECOND_MS), identity, self._uuid())
        if cart and self._chance.random() < 0.3:
            yield wire_event(cart.pop(), "removed", Milliseconds(time + 2 * SECOND_MS), identity, self._uuid())
        if self._chance.random() < 0.4:
            order = str(self._chance.randrange(10**12))
            for product in cart:
                bought = wire_event(product, "purchased", Milliseconds(time + 5 * SECOND_MS), identity, self._uuid())
                yield {**bought, "order_id": order, "quantity": 1}

    def _looked_at(self) -> list[DemoProduct]:
        """What one visit is about: mostly one style or one collection, so that some products go together."""
        first = self._chance.choices(self._catalog, self._weights)[0]
        alike = [0.1 + 3 * (one.style == first.style) + 2 * (one.collection == first.collection) for one in self._catalog]
        weights = [weight * like for weight, like in zip(self._weights, alike, strict=True)]
        return [first, *self._chance.choices(self._catalog, weights, k=self._chance.randint(0, 7))]

    def _person(self, number: int) -> dict[str, str]:
        identity = {"uuid": self._uuid()}
        # One in four is logged in.
        return identity | ({"customer_id": str(7_000_000_000 + number)} if number % 4 == 0 else {})

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

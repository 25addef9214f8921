"""The events of the benchmarks: visitors from a pool, products, sessions, and an event as it is sent and as it is stored.

``load.lua`` makes the same ones, so that what a load asks for is what the builder stored.
"""

import random
from typing import Final

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, EventId, ProductId, SessionId, ShopId, Uuid

VISITORS: Final = 1_000_000
PRODUCTS: Final = 10_000
KEY: Final = "be0c" * 10
"""The public key of the benchmarks' shop."""
USER_AGENT: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"

_FIRST_PRODUCT: Final = 5_630_650_000_000
_FIRST_CUSTOMER: Final = 6_000_000_000
_CUSTOMER_EVERY: Final = 20
"""One visitor in so many is a customer who is logged in."""
_BLOCK: Final = 1_000
_TURNS: Final = 3
"""Series of uuids: one for visitors, two for their sessions."""
_VERBS: Final = ("viewed",) * 85 + ("added",) * 10 + ("removed",) * 3 + ("purchased",) * 2


def _scrambled(number: int, factor: int) -> int:
    """Multiplicative hashing: spreads neighbours over all of 32 bits, and stays exact in Lua's numbers."""
    return number * factor % 2**32


_FRONTS: Final = [
    f"{_scrambled(n, 2654435761):08x}-{_scrambled(n, 2246822519) // 2**16:04x}-4" for n in range(1, _TURNS * _BLOCK + 1)
]
_BACKS: Final = [
    f"{_scrambled(n, 3266489917) % 4096:03x}-a{_scrambled(n, 668265263) % 4096:03x}"
    f"-{_scrambled(n, 374761393):08x}{_scrambled(n, 2654435761) % 2**16:04x}"
    for n in range(1, _BLOCK + 1)
]


def visitor(number: int) -> str:
    """The uuid of a visitor, 0 to ``VISITORS`` - 1."""
    return _FRONTS[number // _BLOCK] + _BACKS[number % _BLOCK]


def session(number: int, turn: int) -> str:
    """The first or second session (``turn`` 1 or 2) of a visitor."""
    return _FRONTS[turn * _BLOCK + number // _BLOCK] + _BACKS[number % _BLOCK]


def product_number(number: int) -> int:
    """The id of a product by its number, 0 to ``PRODUCTS`` - 1 for those of the events."""
    return _FIRST_PRODUCT + number


def customer(number: int) -> str | None:
    """The customer that a visitor is, for those who are logged in."""
    return str(_FIRST_CUSTOMER + number) if number % _CUSTOMER_EVERY == 0 else None


def wire_event(chance: random.Random, *, visitors: int, now: int, event_id: str | None = None) -> str:
    """An event as a storefront sends it (v2), by a visitor drawn from the pool."""
    who = int(chance.random() * visitors)
    product = int(chance.random() * PRODUCTS)
    known = customer(who)
    more = f',"customer_id":"{known}"' if known else ""
    if product % 2 == 0:
        more += f',"url":"{_url(product)}"'
    if product % 4 == 1:
        more += f',"meta":{{"currency":"USD","price":"{product % 90 + 9}.90"}}'
    if event_id is not None:
        more += f',"event_id":"{event_id}"'
    return (
        f'{{"subject":"user","verb":"{_VERBS[int(chance.random() * 100)]}","noun":"product","uuid":"{visitor(who)}"'
        f',"product_id":"{_FIRST_PRODUCT + product}","rsid":"{session(who, 1 + product % 2)}"'
        f',"event_time":"{now}","platform":"Shopify"{more}}}'
    )


def stored_event(
    chance: random.Random, *, shop: ShopId, visitors: int, received_at: int, event_id: str | None = None
) -> Event:
    """The same event as the log keeps it."""
    who = int(chance.random() * visitors)
    product = int(chance.random() * PRODUCTS)
    known = customer(who)
    return Event(
        shop=shop,
        received_at=Milliseconds(received_at),
        time=Milliseconds(received_at - product % 2_000),
        subject="user",
        verb=_VERBS[int(chance.random() * 100)],
        noun="product",
        event_id=EventId(event_id) if event_id is not None else None,
        uuid=Uuid(visitor(who)),
        customer_id=CustomerId(known) if known is not None else None,
        session_id=SessionId(session(who, 1 + product % 2)),
        product_id=ProductId(str(_FIRST_PRODUCT + product)),
        url=_url(product) if product % 2 == 0 else None,
        meta={"currency": "USD", "price": f"{product % 90 + 9}.90"} if product % 4 == 1 else None,
        device="mobile",
    )


def _url(product: int) -> str:
    return f"https://shop.example/collections/all/products/product-{product}"

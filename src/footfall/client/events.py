"""Events as they are sent: made at once with an id and a time, so that sending one again is never another event."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict, Unpack
from uuid import UUID, uuid4

import msgspec

from footfall.clock import SystemClock
from footfall.errors import InputInvalidError
from footfall.limits import BODY_BYTES_MAX

Event = dict[str, Any]
"""An event with the names of the wire: what `json.dumps` writes to a file can be sent again with the same id."""

Id = str | int | None
Text = str | None
Moment = str | int | datetime | None
Amount = str | int | Decimal | None
Scalar = str | int | float | bool | None


class Fields(TypedDict, total=False):
    """What an event may say beside its three words; the reference page "the wire" describes each. ``None`` says nothing.

    A ``datetime`` must know its zone.
    """

    uuid: str | int | UUID | None
    customer_id: Id
    product_id: Id
    product_handle: Text
    shopify_variant_id: Id
    event_id: str | int | UUID | None
    event_time: Moment
    sent_at: Moment
    rsid: str | int | UUID | None
    consent: Literal["granted", "denied"] | bool | Mapping[str, bool] | None
    subject_email: Text
    theme_id: Id
    platform: Text
    shopify_product_title: Text
    shopify_variant_title: Text
    shopify_variant_price: Amount
    shopify_variant_sku: Text
    shopify_cart_token: Text
    defined_noun_id: Id
    tags: Sequence[str] | None
    meta: Mapping[str, Scalar] | None
    label: Text
    value: int | None
    quantity: int | None
    price: Amount
    currency: Text
    order_id: Id
    checkout_token: Text
    widget_id: Id
    promo_id: Id
    url: Text
    referrer: Text
    device: Text
    country: Text
    gpc: bool | None
    test: bool | None


ProductName = str | int | Mapping[str, Any]
"""A number, a text of digits or a GraphQL id is a product's id, another text its handle. A mapping is the product as Shopify
has it (``id``, ``handle`` and ``title`` are read), or has the names of the wire."""

_NAMES: Final = {
    "id": "product_id",
    "product_id": "product_id",
    "handle": "product_handle",
    "product_handle": "product_handle",
    "title": "shopify_product_title",
    "shopify_product_title": "shopify_product_title",
    "variant_id": "shopify_variant_id",
    "shopify_variant_id": "shopify_variant_id",
}

_CLOCK: Final = SystemClock()


def track(subject: str, verb: str, noun: str, **fields: Unpack[Fields]) -> Event:
    """Any event of the vocabulary, such as ``track("user", "searched", "term", defined_noun_id="linen", uuid=…)``."""
    return prepared({"subject": subject, "verb": verb, "noun": noun, **fields})


def viewed(product: ProductName, **fields: Unpack[Fields]) -> Event:
    """A visitor looked at a product."""
    return _on_product("viewed", product, fields)


def added(product: ProductName, **fields: Unpack[Fields]) -> Event:
    """A visitor put a product into the cart."""
    return _on_product("added", product, fields)


def removed(product: ProductName, **fields: Unpack[Fields]) -> Event:
    """A visitor took a product out of the cart."""
    return _on_product("removed", product, fields)


def purchased(order_id: str | int, lines: Iterable[Fields], /, **fields: Unpack[Fields]) -> list[Event]:
    """An order: one event for each line. ``fields`` go with all of them; a line's own come first."""
    return [
        prepared({"subject": "user", "verb": "purchased", "noun": "product", "order_id": order_id, **fields, **line})
        for line in lines
    ]


def prepared(event: Mapping[str, Any]) -> Event:
    """An event with an id and a time, where it has none, and without what is ``None``."""
    whole = {name: value for name, value in event.items() if value is not None}
    whole.setdefault("event_id", str(uuid4()))
    whole.setdefault("event_time", _CLOCK.now())
    return whole


def encoded(event: Mapping[str, Any]) -> bytes:
    """An event as it is sent. Raises ``InputInvalidError`` where it holds what no JSON can say, or more than a request may."""
    for name in ("event_time", "sent_at"):
        moment = event.get(name)
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise InputInvalidError(f"{name} is a datetime without a zone: give it one, such as datetime.now(UTC).")
    try:
        text = msgspec.json.encode(event)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as failure:
        raise InputInvalidError(f"This event can't be written as JSON: {failure}") from failure
    if len(text) + 2 > BODY_BYTES_MAX:
        raise InputInvalidError(f"This event has {len(text)} bytes, and a request at most {BODY_BYTES_MAX}.")
    return text


def decoded(text: bytes) -> Event:
    """The event that was encoded."""
    event: Event = msgspec.json.decode(text)
    return event


def _on_product(verb: str, product: ProductName, fields: Fields) -> Event:
    return prepared({"subject": "user", "verb": verb, "noun": "product", **_named(product), **fields})


def _named(product: ProductName) -> dict[str, Any]:
    if isinstance(product, Mapping):
        return {_NAMES[name]: value for name, value in product.items() if name in _NAMES}
    text = str(product)
    is_id = text.startswith("gid:") or (text.isascii() and text.isdigit())
    return {"product_id" if is_id else "product_handle": text}

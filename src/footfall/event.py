"""The event: what a shopper did, as the log keeps it. Field names in JSON are those of the wire (v2 where there are two)."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from footfall.clock import Milliseconds
from footfall.identifiers import (
    CustomerId,
    EventId,
    Handle,
    PositionToken,
    ProductId,
    SessionId,
    ShopId,
    Uuid,
    VariantId,
)

Scalar = str | int | float | bool
Flag = Literal["late", "clamped", "bot", "test"]


class Origin(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Which row of which import an event is: a row is known by its source's name and its number, from 0."""

    source: str
    row: int


class Event(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False, frozen=True):
    """One stored event. Times are milliseconds since the epoch; absent fields are left out of its JSON.

    ``time`` is the event's own time after correction, ``received_at`` its arrival. ``email_hmac`` stands where the
    client's ``subject_email`` stood. ``verified`` says that it came with the shop's secret key or an import: a purchase
    without it is a claim.
    """

    shop: ShopId
    received_at: Milliseconds
    time: Milliseconds
    subject: str
    verb: str
    noun: str
    event_id: EventId | None = None
    uuid: Uuid | None = None
    customer_id: CustomerId | None = None
    session_id: SessionId | None = msgspec.field(default=None, name="rsid")
    product_id: ProductId | None = None
    product_handle: Handle | None = None
    variant_id: VariantId | None = msgspec.field(default=None, name="shopify_variant_id")
    product_title: str | None = msgspec.field(default=None, name="shopify_product_title")
    variant_title: str | None = msgspec.field(default=None, name="shopify_variant_title")
    variant_price: str | None = msgspec.field(default=None, name="shopify_variant_price")
    variant_sku: str | None = msgspec.field(default=None, name="shopify_variant_sku")
    cart_token: str | None = msgspec.field(default=None, name="shopify_cart_token")
    email_hmac: str | None = msgspec.field(default=None, name="subject_email_hmac")
    defined_noun_id: str | None = None
    theme_id: str | None = None
    platform: str = "Shopify"
    label: str | None = None
    value: int | None = None
    quantity: int | None = None
    price: str | None = None
    currency: str | None = None
    order_id: str | None = None
    checkout_token: str | None = None
    widget_id: str | None = None
    promo_id: str | None = None
    url: str | None = None
    referrer: str | None = None
    device: str | None = None
    country: str | None = None
    consent: Literal["granted", "denied"] | None = None
    gpc: bool | None = None
    tags: list[str] | None = None
    meta: dict[str, Scalar | None] | None = None
    unknown: dict[str, Any] | None = None
    flags: list[Flag] | None = None
    verified: bool = False
    origin: Origin | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Event)

encode_event = _ENCODER.encode
"""An event as the log stores it: one JSON object, UTF-8."""


_OURS: Final = frozenset({"received_at", "subject_email_hmac", "flags", "verified", "origin"})
"""What only Footfall says of an event: a client's field of such a name must not pass for it where ours is absent."""


def decode_event(record: bytes | str) -> Event:
    """The event that a record of the stream ``events`` holds. Raises ``msgspec.DecodeError`` if it holds none."""
    return _DECODER.decode(record)


_MANY_DECODER: Final = msgspec.json.Decoder(list[Event])


def decode_events(records: Sequence[bytes]) -> list[Event]:
    """The same of many records, twice as fast as one by one. Raises ``msgspec.DecodeError`` or ``UnicodeDecodeError`` where
    any of them holds no event, and does not say which."""
    events = _MANY_DECODER.decode(b"[" + b",".join(records) + b"]")
    if len(events) != len(records):
        raise msgspec.DecodeError("A record holds more than one event, or none.")
    return events


class _Owned(msgspec.Struct):
    shop: ShopId


_OWNED_DECODER: Final = msgspec.json.Decoder(_Owned)


def shop_of(record: bytes | str) -> ShopId:
    """Whose event such a record holds; twice as fast as decoding all of it. Raises as ``decode_event`` does."""
    return _OWNED_DECODER.decode(record).shop


def wire_fields(event: Event) -> dict[str, Any]:
    """An event as exports and feeds show it: the wire's names, unknown fields in their own places, no internal ones."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    del fields["shop"]
    unknown = fields.pop("unknown", None) or {}
    fields["event_time"] = fields.pop("time")
    fields.setdefault("platform", "Shopify")
    for name, value in unknown.items():
        if name not in _OURS:
            fields.setdefault(name, value)
    return fields


def numbered_fields(position: PositionToken, event: Event) -> dict[str, Any]:
    """The same with its place in the log, as ``position``."""
    token = {"position": position}
    # First, and again last: a client's own field of that name must not take its place.
    return token | wire_fields(event) | token

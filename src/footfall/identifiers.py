"""Ids and what counts as one: uuids, customers, products, keys, and the token that names a position outside.

Nothing here knows HTTP or storage; the rules are those of "Reading an event" in the semantics.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NewType

from footfall.limits import IDENTITY_CHARACTERS_MAX, PRODUCT_REFERENCE_CHARACTERS_MAX, WAITING_EVENTS_MAX

ShopId = NewType("ShopId", int)
Uuid = NewType("Uuid", str)
CustomerId = NewType("CustomerId", str)
ProductId = NewType("ProductId", str)
VariantId = NewType("VariantId", str)
Handle = NewType("Handle", str)
EventId = NewType("EventId", str)
SessionId = NewType("SessionId", str)
PublicKey = NewType("PublicKey", str)
SecretKey = NewType("SecretKey", str)
Position = NewType("Position", int)
"""A place within one partition of one stream; strictly increasing there."""
Generation = NewType("Generation", str)
"""Which log a position belongs to: eight hex digits, made at random when a log is created, restored or migrated."""
PositionToken = NewType("PositionToken", str)
"""A position as the outside sees it: opaque there, ``<generation>-<partition>.<position>[_…]`` here."""

ProductReference = NewType("ProductReference", str)
"""How an event names its product: ``p:<product id>``, else ``h:<handle>``, else ``v:<variant id>``.

Stored on disk: do not change."""

NIL_UUID: Final = "00000000-0000-0000-0000-000000000000"

PLACEHOLDERS: Final = frozenset({"", "undefined", "null", "nan", "[object object]", "false", "none", NIL_UUID})
"""What storefront bugs send where a value is missing, in lower case and trimmed."""

_PLACEHOLDER_CHARACTERS_MAX: Final = len("[object object]")
"""Of those that begin with anything but white space or a 0, as the nil UUID does."""

_UUID_SHAPE: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TOKEN_SHAPE: Final = re.compile(r"([0-9a-f]{8})-(\d{1,6}\.\d{1,19}(?:_\d{1,6}\.\d{1,19})*)", re.ASCII)
_PUBLIC_KEY_SHAPE: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)

GidKind = Literal["Product", "ProductVariant", "Customer", "Collection", "Order"]


def is_placeholder(value: object) -> bool:
    """Whether a value counts as absent: JSON null, ``false``, NaN, or one of the words that storefront bugs send."""
    if isinstance(value, str):
        # Most values are ids: told apart first, because this runs several times for every event.
        if len(value) > _PLACEHOLDER_CHARACTERS_MAX and value[0] > "0":
            return False
        return not value.isdigit() and value.strip().lower() in PLACEHOLDERS
    return value is None or value is False or value != value


def read_uuid(value: object) -> Uuid | None:
    """A visitor's uuid as it is compared, or ``None`` if this is not 1 to 128 printable characters.

    A number stands for its digits. UUIDs of 36 characters are compared in lower case, everything else as it is.
    """
    if isinstance(value, str):
        if len(value) == 36 and value != value.lower() and _UUID_SHAPE.fullmatch(value):
            return Uuid(value.lower())
        return Uuid(value) if 1 <= len(value) <= IDENTITY_CHARACTERS_MAX and value.isprintable() else None
    digits = _digits_of_number(value)
    return Uuid(digits) if digits is not None else None


def read_id(value: object, kind: GidKind, *, characters_max: int = PRODUCT_REFERENCE_CHARACTERS_MAX) -> str | None:
    """An id as it is compared: digits, the number of a GraphQL id of this kind, else the string as it is.

    ``None`` if it is no string or number, empty, too long, or has characters that can't be printed.
    """
    if isinstance(value, str):
        if value.isdigit() and value.isascii():
            return value if len(value) <= characters_max else None
        text = value.strip()
        prefix = f"gid://shopify/{kind}/"
        if text.startswith(prefix):
            tail = text[len(prefix) :].partition("?")[0]
            if tail.isdigit() and tail.isascii() and len(tail) <= characters_max:
                return tail
        return text if 1 <= len(text) <= characters_max and text.isprintable() else None
    return _digits_of_number(value)


def _digits_of_number(value: object) -> str | None:
    """The digits of a JSON number that is a whole one: ``5``, ``5.0``; no boolean, no negative, nothing over 64 bits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and 0 <= value < 2**64:
        return str(value)
    return None


def product_reference(product_id: str | None, handle: str | None, variant_id: str | None) -> ProductReference | None:
    """How an event with these fields names its product; the id says most, then the handle, then the variant."""
    # Without a call of the NewType, which would take longer than all of this: it runs for every event.
    if product_id:
        return "p:" + product_id  # type: ignore[return-value]
    if handle:
        return "h:" + handle  # type: ignore[return-value]
    if variant_id:
        return "v:" + variant_id  # type: ignore[return-value]
    return None


def read_public_key(text: str) -> PublicKey | None:
    """A public key (40 hex digits, compared in lower case), or ``None``."""
    key = text.strip().lower()
    return PublicKey(key) if _PUBLIC_KEY_SHAPE.fullmatch(key) else None


def secret_key_hash(key: str) -> str:
    """What is stored of a secret key: SHA-256 in hex. The key itself has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


def position_token(generation: Generation, ends: Mapping[int, int]) -> PositionToken:
    """The token for the last position in each partition, as ``Footfall-Position`` carries it."""
    if len(ends) == 1:
        # One machine has one partition; this runs for every request.
        ((partition, position),) = ends.items()
        return PositionToken(f"{generation}-{partition}.{position}")
    places = "_".join(f"{partition}.{position}" for partition, position in sorted(ends.items()))
    return PositionToken(f"{generation}-{places}")


def read_position_token(text: str) -> tuple[Generation, dict[int, Position]] | None:
    """Generation, and the last position of each partition, of a token; ``None`` where it is none."""
    match = _TOKEN_SHAPE.fullmatch(text.strip())
    if match is None:
        return None
    places: dict[int, Position] = {}
    for place in match[2].split("_"):
        partition, _, position = place.partition(".")
        places[int(partition)] = Position(int(position))
    return Generation(match[1]), places


def event_id_digest(shop: ShopId, event_id: str) -> bytes:
    """Eight bytes that stand for an event id within its shop: the first half of ``event_digest``."""
    return hashlib.blake2b(f"{shop}\0{event_id}".encode("utf-8", "replace"), digest_size=8).digest()


@lru_cache(maxsize=WAITING_EVENTS_MAX)
def event_digest(shop: ShopId, visitor: str, event_id: str) -> bytes:
    """Sixteen bytes that stand for (shop, event id) and for the visitor who sent it. Stored on disk: do not change.

    The halves are apart so that an event can be found by its id alone; both must agree for a duplicate. Remembered while an
    event waits: it is asked for when the event comes in and again when it is durable.
    """
    return (
        event_id_digest(shop, event_id)
        + hashlib.blake2b(visitor.encode("utf-8", "replace"), digest_size=8, person=b"visitor").digest()
    )

"""What is kept of a rejected event: enough to understand it and to submit it again, nothing personal in the open.

The original stands without uuid, customer, session, cart and event ids, wherever in it they are; those are kept beside it,
in ``withheld``, for the resubmission alone, unless consent was denied. Emails stand as their HMAC.
"""

from typing import Any, Final

import msgspec

from footfall.clock import Milliseconds
from footfall.event import Origin
from footfall.identifiers import ShopId, event_id_digest
from footfall.intake.fields import is_too_deep, read_identifier, scrubbed
from footfall.intake.privacy import DROPPED_FIELDS, EMAIL_FIELDS, anonymous, read_consent, without_identities, without_private
from footfall.intake.reading import IDENTITY_FIELDS, Arrival, identities
from footfall.intake.rejection import Rejected
from footfall.limits import EMAIL_CHARACTERS_MAX, ORIGINAL_BYTES_MAX
from footfall.log.port import Record

_WITHHELD: Final = frozenset({*IDENTITY_FIELDS, "event_id"})


class Quarantined(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One record of the stream ``quarantine``. ``original`` is the client's object, or text where it could not be read."""

    shop: ShopId
    received_at: Milliseconds
    error: str
    reason: str
    field: str | None = None
    original: Any = None
    withheld: dict[str, Any] = {}
    truncated: bool = False
    session_suffices: bool = False
    verified: bool = False
    event_digest: str | None = None
    """The first half of the event's digest (hex), by which "where is my event?" finds it."""
    origin: Origin | None = None


def quarantined(rejected: Rejected, original: object, arrival: Arrival, origin: Origin | None = None) -> Record:
    """The record for an event that was rejected. ``original`` is the client's object, or bytes that could not be read."""
    withheld: dict[str, Any] = {}
    truncated = False
    kept: Any
    digest = None
    if isinstance(original, dict):
        kept, withheld, truncated = _parted(original, arrival.email_key)
        event_id = read_identifier(original.get("event_id"))
        if isinstance(event_id, str):
            digest = event_id_digest(arrival.shop, event_id).hex()
        if len(msgspec.json.encode([kept, withheld])) > ORIGINAL_BYTES_MAX:
            kept, withheld, truncated = _cut(msgspec.json.encode(kept), arrival.email_key), {}, True
    elif isinstance(original, bytes):
        truncated = len(original) > ORIGINAL_BYTES_MAX
        kept = _cut(original, arrival.email_key)
    else:
        kept = _cut(_encoded(original), arrival.email_key)
    record = Quarantined(
        shop=arrival.shop,
        received_at=arrival.received_at,
        # It may repeat what the client sent.
        error=without_identities(rejected.error, arrival.email_key),
        reason=rejected.reason,
        field=rejected.field,
        original=kept,
        withheld=withheld,
        truncated=truncated,
        session_suffices=arrival.session_suffices,
        verified=arrival.verified,
        event_digest=digest,
        origin=origin,
    )
    return Record(str(arrival.shop), msgspec.json.encode(record), record)


def _parted(original: dict[str, Any], email_key: bytes) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """What of an event is shown, what is withheld for its resubmission, and whether something could not be kept as it was."""
    known = identities(original)
    denied = read_consent(original.get("consent")) == "denied"
    shown: dict[str, Any] = {}
    withheld: dict[str, Any] = {}
    cut = False
    for name, value in original.items():
        if name in _WITHHELD:
            if not is_too_deep(value) and not (denied and name in IDENTITY_FIELDS):
                withheld[name] = value
        elif is_too_deep(value):
            shown[without_private(name, email_key)] = _cut(_encoded(value), email_key)
            cut = True
        elif name != "key" and name.lower() not in DROPPED_FIELDS:
            if name.lower() in EMAIL_FIELDS and isinstance(value, str) and len(value) > EMAIL_CHARACTERS_MAX:
                # Too long to be an email: by its HMAC it would become one when it is submitted again.
                value = [value]
            whole = scrubbed({name: value}, email_key)
            open_part = anonymous(whole, known, keep_email_hmacs=not denied)
            shown |= open_part
            if open_part != whole and not denied:
                withheld |= whole
    return shown, withheld, cut


def _encoded(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        return b"nested too deeply"


def _cut(text: bytes, email_key: bytes) -> str:
    return without_identities(text[:ORIGINAL_BYTES_MAX].decode("utf-8", "replace"), email_key)


_DECODER: Final = msgspec.json.Decoder(Quarantined)


def decode_quarantined(record: bytes | str) -> Quarantined:
    """What a record of the stream ``quarantine`` holds. Raises ``msgspec.DecodeError`` if it holds nothing of the kind."""
    return _DECODER.decode(record)

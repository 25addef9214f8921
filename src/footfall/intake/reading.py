"""From one client's object to an ``Event`` or a ``Rejected``: the order of checks is that of the semantics.

Identity · subject, verb, noun · product · then everything optional, which never costs the event.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from footfall.clock import Milliseconds
from footfall.event import Event, Flag, Origin
from footfall.identifiers import CustomerId, GidKind, ShopId, Uuid, is_placeholder, read_id, read_uuid
from footfall.intake import fields
from footfall.intake.moment import event_moment, read_moment
from footfall.intake.privacy import (
    DROPPED_FIELDS,
    EMAIL_FIELDS,
    Device,
    anonymous,
    device_and_bot,
    email_hmac,
    read_consent,
    without_private,
)
from footfall.intake.rejection import MISSING_IDENTITY, Rejected, invalid, missing
from footfall.intake.warned import UNKNOWN, Warned, left_out, placeholder
from footfall.limits import (
    EMAIL_CHARACTERS_MAX,
    FIELD_DEPTH_MAX,
    IDENTITY_CHARACTERS_MAX,
    PRODUCT_REFERENCE_CHARACTERS_MAX,
    UNKNOWN_FIELDS_MAX,
    WARNINGS_MAX,
)
from footfall.vocabulary import VOCABULARY, refusal


class Arrival(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a request before its events are read.

    ``email_key`` is the shop's own key for emails. ``session_suffices``: whether an ``rsid`` alone is an identity (v2).
    ``verified``: whether it came with the secret key or from an import.
    """

    shop: ShopId
    email_key: bytes
    received_at: Milliseconds
    session_suffices: bool
    verified: bool = False
    device: Device | None = None
    bot: bool = False


class Read(NamedTuple):
    """An event that can be stored, and what was left out of it."""

    event: Event
    warnings: list[Warned]


_CUSTOMER_NAMES: Final = ("customer_id", "shopify_customer_id")
# attribute, names on the wire (the first usable one counts), kind of GraphQL id
_PRODUCT_NAMES: Final[tuple[tuple[str, tuple[str, str], GidKind], ...]] = (
    ("product_id", ("product_id", "shopify_product_id"), "Product"),
    ("product_handle", ("product_handle", "shopify_product_handle"), "Product"),
    ("variant_id", ("shopify_variant_id", "variant_id"), "ProductVariant"),
)
_HANDLED: Final = frozenset(
    {
        "uuid",
        "subject",
        "verb",
        "noun",
        "key",
        "cache_key",
        "consent",
        "event_time",
        "sent_at",
        "meta",
        "metadata",
        "test",
        "receipts",
    }
    | set(_CUSTOMER_NAMES)
    | {name for _, names, _ in _PRODUCT_NAMES for name in names}
)
IDENTITY_FIELDS: Final = ("uuid", *_CUSTOMER_NAMES, "rsid", "shopify_cart_token", "checkout_token")
_STRIPPED_WITHOUT_CONSENT: Final = frozenset({"session_id", "cart_token", "checkout_token", "email_hmac"})
_TEXTS: Final = frozenset(
    {"url", "referrer", "label", "defined_noun_id", "product_title", "variant_title", "variant_sku", "widget_id", "promo_id",
     "theme_id", "platform", "device"}
)  # fmt: skip
"""Attributes in which an email may stand by accident; ids that tell events and visitors apart stay as they are."""
_CLEANED_WITHOUT_CONSENT: Final = _TEXTS | {"tags", "meta", "unknown"}
_ID_WANTED: Final = f"a number or a text of 1 to {PRODUCT_REFERENCE_CHARACTERS_MAX} printable characters"
_IDENTITY_WANTED: Final = f"1 to {IDENTITY_CHARACTERS_MAX} printable characters"
_PLANS_MAX: Final = 1_024
_PLAN_CHARACTERS_MAX: Final = 2_048


class _Plan:
    """What there is to read in an object with certain fields: found once for each set of names, since a client's events all
    have the same few (measured: reading a typical event takes 5 µs by plan, 9 by asking for each name)."""

    __slots__ = (
        "customers",
        "has_consent",
        "has_event_time",
        "has_sent_at",
        "has_test",
        "has_uuid",
        "meta",
        "plain",
        "products",
        "unknown",
    )

    def __init__(self, names: tuple[str, ...]) -> None:
        there = frozenset(names)
        self.has_consent = "consent" in there
        self.has_uuid = "uuid" in there
        self.has_event_time = "event_time" in there
        self.has_sent_at = "sent_at" in there
        self.has_test = "test" in there
        self.meta = tuple(name for name in ("meta", "metadata") if name in there)
        self.customers = tuple(name for name in _CUSTOMER_NAMES if name in there)
        self.products = tuple(
            (name, attribute, kind) for attribute, both, kind in _PRODUCT_NAMES for name in both if name in there
        )
        self.plain = tuple(
            (name, *fields.PLAIN[name], fields.PLAIN[name][0] in _TEXTS) for name in names if name in fields.PLAIN
        )
        self.unknown = tuple(name for name in names if name not in fields.PLAIN and name not in _HANDLED)


_plans: dict[tuple[str, ...], _Plan] = {}


def _plan_for(names: tuple[str, ...]) -> _Plan:
    plan = _Plan(names)
    # Names are the client's: what is kept of them has a bound.
    if sum(map(len, names)) <= _PLAN_CHARACTERS_MAX:
        if len(_plans) >= _PLANS_MAX:
            _plans.clear()
        _plans[names] = plan
    return plan


def read_event(raw: object, arrival: Arrival, origin: Origin | None = None) -> Read | Rejected:
    """One event as a client sent it (a decoded JSON object, or the fields of a form), read by the semantics' rules."""
    if not isinstance(raw, dict):
        return Rejected("An event must be a JSON object.")
    names = tuple(raw)
    plan = _plans.get(names) or _plan_for(names)
    warnings: list[Warned] = []
    consent = read_consent(raw["consent"]) if plan.has_consent else None
    uuid: Uuid | Rejected | None = None
    customer: CustomerId | Rejected | None = None
    if consent != "denied":
        if plan.has_uuid:
            value = raw["uuid"]
            if type(value) is str and len(value) == 36 and value[0] > "0" and value.isprintable() and value == value.lower():
                # The common case, in place: these few lines run for every event.
                uuid = value  # type: ignore[assignment]
            else:
                uuid = _read_uuid(value, warnings)
                if type(uuid) is Rejected:
                    return uuid
        if plan.customers:
            customer = _read_customer(raw, plan.customers, warnings)
            if type(customer) is Rejected:
                return customer
        if uuid is None and customer is None and not _session_suffices(raw, arrival):
            return Rejected(MISSING_IDENTITY)
    try:
        subject, verb, noun = raw["subject"], raw["verb"], raw["noun"]
        supported = (subject, verb, noun) in VOCABULARY
    except (KeyError, TypeError):
        supported = False
    if not supported:
        return _vocabulary_refusal(raw)
    kept: dict[str, Any] = {}
    refused = _read_product(raw, plan, kept, warnings, required=subject == "user" and noun == "product")
    if refused is not None:
        return refused
    _read_optional(raw, plan, kept, warnings, arrival)
    if plan.has_consent:
        _apply_consent(raw, consent, kept, warnings)
    time = _read_times(raw, plan, kept, warnings, arrival)
    event = Event(
        shop=arrival.shop,
        received_at=arrival.received_at,
        time=time,
        subject=subject,
        verb=verb,
        noun=noun,
        uuid=uuid,  # type: ignore[arg-type]  # no Rejected comes this far
        customer_id=customer,  # type: ignore[arg-type]
        verified=arrival.verified,
        origin=origin,
        **kept,
    )
    return Read(event, warnings[:WARNINGS_MAX] if warnings else warnings)


def _read_uuid(value: object, warnings: list[Warned]) -> Uuid | Rejected | None:
    if is_placeholder(value):
        warnings.append(placeholder("uuid"))
        return None
    return read_uuid(value) or invalid("uuid", _IDENTITY_WANTED)


def _read_customer(raw: Mapping[str, Any], names: tuple[str, ...], warnings: list[Warned]) -> CustomerId | Rejected | None:
    customer: str | None = None
    for name in names:
        value = raw[name]
        read = None if is_placeholder(value) else read_id(value, "Customer", characters_max=IDENTITY_CHARACTERS_MAX)
        if read == "0" or is_placeholder(value):
            warnings.append(placeholder(name))
            continue
        if read is None:
            return invalid(name, _IDENTITY_WANTED)
        customer = customer or read
    return CustomerId(customer) if customer is not None else None


def _session_suffices(raw: Mapping[str, Any], arrival: Arrival) -> bool:
    """Whether an ``rsid`` stands in for uuid and customer."""
    value = raw.get("rsid")
    if not arrival.session_suffices or is_placeholder(value):
        return False
    return read_id(value, "Order", characters_max=IDENTITY_CHARACTERS_MAX) is not None


def _vocabulary_refusal(raw: Mapping[str, Any]) -> Rejected:
    for name in ("subject", "verb", "noun"):
        word = raw.get(name)
        if is_placeholder(word):
            return missing(name)
        if not isinstance(word, str):
            return invalid(name, "a word")
    field, error = refusal(raw["subject"], raw["verb"], raw["noun"])
    return Rejected(error, field)


def _read_product(
    raw: Mapping[str, Any], plan: _Plan, kept: dict[str, Any], warnings: list[Warned], *, required: bool
) -> Rejected | None:
    """Put product id, handle and variant id into ``kept``; strict where the event is about a product, lenient elsewhere."""
    for name, attribute, kind in plan.products:
        value = raw[name]
        if type(value) is str and value.isdigit() and value.isascii() and len(value) <= PRODUCT_REFERENCE_CHARACTERS_MAX:
            # The common case, in place: digits, which are no placeholder and stand for themselves.
            kept.setdefault(attribute, value)
            continue
        if is_placeholder(value):
            warnings.append(placeholder(name))
            continue
        read = read_id(value, kind)
        if read is None:
            if required:
                return invalid(name, _ID_WANTED)
            warnings.append(left_out(name, _ID_WANTED))
        elif attribute == "product_handle":
            _keep_handle(read, value, kept)
        elif attribute not in kept:
            kept[attribute] = read
    if required and not kept:
        return missing("shopify_product_handle or product_id")
    return None


def _keep_handle(read: str, value: object, kept: dict[str, Any]) -> None:
    """A handle, or the GraphQL id of a product or variant that stands for one."""
    if read.startswith("gid://shopify/ProductVariant/"):
        kept.setdefault("variant_id", read_id(value, "ProductVariant"))
    elif isinstance(value, str) and value.strip().startswith("gid://shopify/Product/"):
        kept.setdefault("product_id", read)
    else:
        kept.setdefault("product_handle", read)


def _read_optional(
    raw: Mapping[str, Any], plan: _Plan, kept: dict[str, Any], warnings: list[Warned], arrival: Arrival
) -> None:
    key = arrival.email_key
    for name, attribute, reader, is_text in plan.plain:
        read = reader(raw[name])
        if read is fields.UNUSABLE:
            warnings.append(left_out(name, fields.SHAPES[reader]))
        elif read is not None:
            kept[attribute] = without_private(read, key) if is_text else read
    if "tags" in kept:
        kept["tags"] = fields.scrubbed(kept["tags"], key)
    device = arrival.device
    for name in plan.meta:
        meta = _unpacked(raw[name])
        read_meta, meta_warnings = fields.read_meta(meta, key)
        warnings.extend(meta_warnings)
        if read_meta:
            kept.setdefault("meta", read_meta)
        if isinstance(meta, dict) and device is None:
            device = _device_of_meta(meta)
    if plan.unknown:
        _read_unknown({name: raw[name] for name in plan.unknown}, kept, warnings, arrival)
    if device is not None and "device" not in kept:
        kept["device"] = device


def _apply_consent(raw: Mapping[str, Any], consent: str | None, kept: dict[str, Any], warnings: list[Warned]) -> None:
    if consent is None:
        if not is_placeholder(raw["consent"]):
            warnings.append(Warned("consent", "consent is neither granted nor denied and was left out."))
        return
    kept["consent"] = consent
    if consent == "denied":
        known = identities(raw)
        for attribute in _STRIPPED_WITHOUT_CONSENT & kept.keys():
            del kept[attribute]
        for attribute in _CLEANED_WITHOUT_CONSENT & kept.keys():
            kept[attribute] = anonymous(kept[attribute], known)


def identities(raw: Mapping[str, Any]) -> set[str]:
    """The values in an event that say who somebody is, as texts: what must not stand elsewhere in it either."""
    values = (raw.get(name) for name in IDENTITY_FIELDS)
    return {str(value) for value in values if isinstance(value, str | int) and not is_placeholder(value) and value is not True}


def _read_unknown(unknown: dict[str, Any], kept: dict[str, Any], warnings: list[Warned], arrival: Arrival) -> None:
    """Emails become their HMAC, user agents and addresses go, everything else is kept as it came."""
    remaining: dict[str, Any] = {}
    for name, value in unknown.items():
        lower = name.lower()
        if lower in EMAIL_FIELDS:
            if is_placeholder(value):
                warnings.append(placeholder(lower, name))
            elif isinstance(value, str) and len(value) <= EMAIL_CHARACTERS_MAX:
                kept["email_hmac"] = email_hmac(value, arrival.email_key)
            else:
                warnings.append(left_out(lower, "an email", name))
        elif fields.is_too_deep(value):
            text = f"{name[:60]} is nested more than {FIELD_DEPTH_MAX} deep and was left out."
            warnings.append(Warned(UNKNOWN, text))
        elif lower not in DROPPED_FIELDS:
            remaining[without_private(name, arrival.email_key)] = fields.scrubbed(value, arrival.email_key)
    if len(remaining) > UNKNOWN_FIELDS_MAX:
        text = f"More than {UNKNOWN_FIELDS_MAX} unknown fields: the later ones were left out."
        warnings.append(Warned(UNKNOWN, text))
        remaining = dict(list(remaining.items())[:UNKNOWN_FIELDS_MAX])
    if remaining:
        kept["unknown"] = remaining


def _read_times(
    raw: Mapping[str, Any], plan: _Plan, kept: dict[str, Any], warnings: list[Warned], arrival: Arrival
) -> Milliseconds:
    event_time = _read_moment_of("event_time", raw, warnings) if plan.has_event_time else None
    sent_at = _read_moment_of("sent_at", raw, warnings) if plan.has_sent_at else None
    time, time_flags = event_moment(arrival.received_at, event_time, sent_at)
    if not time_flags and not arrival.bot and not plan.has_test:
        return time
    flags: list[Flag] = list(time_flags)
    if arrival.bot:
        flags.append("bot")
    if plan.has_test:
        test = fields.read_flag(raw["test"])
        if test is fields.UNUSABLE:
            warnings.append(left_out("test", "yes or no"))
        elif test:
            flags.append("test")
    if flags:
        kept["flags"] = flags
    return time


def _read_moment_of(name: str, raw: Mapping[str, Any], warnings: list[Warned]) -> Milliseconds | None:
    value = raw.get(name)
    if value is None or value == "":
        return None
    moment = read_moment(value)
    if moment is None:
        warnings.append(left_out(name, "milliseconds since the epoch nor ISO 8601 with an offset"))
    return moment


def _unpacked(meta: object) -> object:
    """In a query string or form, ``meta`` arrives as the text of a JSON object."""
    if isinstance(meta, str) and meta.startswith("{"):
        try:
            return msgspec.json.decode(meta)
        except (msgspec.DecodeError, RecursionError):
            return meta
    return meta


def _device_of_meta(meta: Mapping[str, Any]) -> Device | None:
    user_agent = meta.get("userAgent")
    return device_and_bot(user_agent)[0] if isinstance(user_agent, str) and len(user_agent) <= 1024 else None

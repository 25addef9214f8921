"""Optional fields of an event: how each is read, and under which attribute it is kept.

A reader answers the value to keep, ``None`` for absent, or ``UNUSABLE``; an unusable value is left out with a warning and
never costs the event.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from footfall.event import Scalar
from footfall.identifiers import is_placeholder, read_id
from footfall.intake.privacy import DROPPED_FIELDS, EMAIL_FIELDS, device_and_bot, email_hmac, without_private
from footfall.intake.warned import Warned
from footfall.limits import FIELD_DEPTH_MAX, IDENTITY_CHARACTERS_MAX, META_KEYS_MAX, TAGS_MAX, TEXT_CHARACTERS_MAX

UNUSABLE: Final = object()

Reader = Callable[[Any], Any]

_DECIMAL: Final = re.compile(r"\d{1,15}(?:\.\d{1,8})?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d{1,16}(?:\.0{1,8})?", re.ASCII)
_WHOLE_MAX: Final = 2**53


def _text(value: Any) -> Any:
    if type(value) is str:
        return (value or None) if len(value) <= TEXT_CHARACTERS_MAX else UNUSABLE
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return UNUSABLE


def _platform(value: Any) -> Any:
    # What nearly every client says is what is kept where nothing is said.
    return None if value == "Shopify" else _text(value)


def _device(value: Any) -> Any:
    """A class of device, as the client names it; a whole user agent tells one, and goes no further."""
    if isinstance(value, str) and "Mozilla" in value:
        return device_and_bot(value[:1024])[0]
    return _text(value)


def read_identifier(value: Any) -> Any:
    """A short printable id; placeholders are absent, or everything that sends ``undefined`` would be one thing."""
    if (
        type(value) is str
        and 15 < len(value) <= IDENTITY_CHARACTERS_MAX
        and value[0] not in " 0g"
        and value[-1] != " "
        and value.isprintable()
    ):
        # The common case, a uuid or token: no placeholder, no GraphQL id.
        return value
    if is_placeholder(value):
        return None
    read = read_id(value, "Order", characters_max=IDENTITY_CHARACTERS_MAX)
    return UNUSABLE if read is None else read


def _whole(value: Any) -> Any:
    if type(value) is str:
        text = value.strip()
        if not text:
            return None
        if not _WHOLE.fullmatch(text):
            return UNUSABLE
        value = int(text.partition(".")[0])
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value) if abs(value) < _WHOLE_MAX else value
    return value if type(value) is int and abs(value) < _WHOLE_MAX else UNUSABLE


def _quantity(value: Any) -> Any:
    read = _whole(value)
    return UNUSABLE if type(read) is int and read < 0 else read


def _decimal(value: Any) -> Any:
    """An amount as a decimal string; a JSON number is taken as it is written, never computed with."""
    if type(value) is str:
        text = value.strip()
        if not text:
            return None
        return text if _DECIMAL.fullmatch(text) else UNUSABLE
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = repr(value)
        return text if _DECIMAL.fullmatch(text) else UNUSABLE
    return UNUSABLE


def _letters(count: int) -> Reader:
    shape = re.compile(rf"[A-Z]{{{count}}}", re.ASCII)

    def read(value: Any) -> Any:
        if is_placeholder(value):
            return None
        word = value.strip().upper() if isinstance(value, str) else ""
        return word if shape.fullmatch(word) else UNUSABLE

    return read


def read_flag(value: Any) -> Any:
    """A yes or no: a boolean, ``yes``/``no``, ``true``/``false``, ``1``/``0``."""
    if isinstance(value, bool):
        return value
    if value is None:
        return None
    word = str(value).strip().lower()
    if word in ("yes", "true", "1"):
        return True
    if word in ("no", "false", "0"):
        return False
    return None if word == "" else UNUSABLE


def _tags(value: Any) -> Any:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if value is None:
        return None
    if not isinstance(value, list):
        return UNUSABLE
    tags = [tag for tag in value if isinstance(tag, str) and tag]
    usable = len(tags) <= TAGS_MAX and all(len(tag) <= TEXT_CHARACTERS_MAX for tag in tags)
    return (tags or None) if usable and all(isinstance(tag, str) for tag in value) else UNUSABLE


PLAIN: Final[Mapping[str, tuple[str, Reader]]] = {
    "shopify_product_title": ("product_title", _text),
    "shopify_variant_title": ("variant_title", _text),
    "shopify_variant_price": ("variant_price", _decimal),
    "shopify_variant_sku": ("variant_sku", _text),
    "shopify_cart_token": ("cart_token", read_identifier),
    "rsid": ("session_id", read_identifier),
    "event_id": ("event_id", read_identifier),
    "defined_noun_id": ("defined_noun_id", _text),
    "theme_id": ("theme_id", read_identifier),
    "platform": ("platform", _platform),
    "label": ("label", _text),
    "value": ("value", _whole),
    "quantity": ("quantity", _quantity),
    "price": ("price", _decimal),
    "currency": ("currency", _letters(3)),
    "order_id": ("order_id", read_identifier),
    "checkout_token": ("checkout_token", read_identifier),
    "widget_id": ("widget_id", read_identifier),
    "promo_id": ("promo_id", read_identifier),
    "url": ("url", _text),
    "referrer": ("referrer", _text),
    "device": ("device", _device),
    "country": ("country", _letters(2)),
    "gpc": ("gpc", read_flag),
    "tags": ("tags", _tags),
}
"""Wire name → attribute of ``Event`` and reader, for fields that stand for themselves."""

SHAPES: Final[Mapping[Reader, str]] = {
    _text: f"a text of at most {TEXT_CHARACTERS_MAX} characters",
    _platform: f"a text of at most {TEXT_CHARACTERS_MAX} characters",
    _device: f"a text of at most {TEXT_CHARACTERS_MAX} characters",
    read_identifier: f"an id of at most {IDENTITY_CHARACTERS_MAX} printable characters",
    _whole: "a whole number",
    _quantity: "a whole number of 0 or more",
    _decimal: "a decimal number of 0 or more, such as 19.90",
    read_flag: "yes or no",
    _tags: f"a list of at most {TAGS_MAX} texts",
    PLAIN["currency"][1]: "three letters, such as EUR",
    PLAIN["country"][1]: "two letters, such as DE",
}
"""What a reader wants, as a warning says it."""


def read_meta(value: Any, email_key: bytes) -> tuple[dict[str, Scalar | None] | None, list[Warned]]:
    """The scalars of ``meta``, and a warning for what could not be kept: no object, too many keys, values that are none."""
    if value is None or value == "":
        return None, []
    if not isinstance(value, dict):
        return None, [Warned("meta", "meta is not an object and was left out.")]
    if len(value) > META_KEYS_MAX:
        return None, [Warned("meta", f"meta has more than {META_KEYS_MAX} keys and was left out.")]
    kept: dict[str, Scalar | None] = {}
    warnings: list[Warned] = []
    for name, item in value.items():
        lower = name.lower()
        if lower in DROPPED_FIELDS:
            continue
        if isinstance(item, str):
            if len(item) > TEXT_CHARACTERS_MAX:
                text = f"meta.{name[:60]} has more than {TEXT_CHARACTERS_MAX} characters and was left out."
                warnings.append(Warned("meta", text))
            else:
                kept[without_private(name, email_key)] = _scrubbed_field(lower, item, email_key)
        elif item is None or isinstance(item, bool | int | float):
            kept[without_private(name, email_key)] = item
        else:
            warnings.append(Warned("meta", f"meta.{name[:60]} is no text, number or boolean and was left out."))
    return kept or None, warnings


def scrubbed(value: Any, email_key: bytes) -> Any:
    """An unknown field's value with emails, user agents and addresses taken out at every depth, names included.

    It must not be nested deeper than ``FIELD_DEPTH_MAX``.
    """
    if isinstance(value, str):
        return without_private(value, email_key)
    if isinstance(value, list):
        return [scrubbed(item, email_key) for item in value]
    if isinstance(value, dict):
        return {
            without_private(name, email_key): _scrubbed_field(name.lower(), item, email_key)
            for name, item in value.items()
            if name.lower() not in DROPPED_FIELDS
        }
    return value


def _scrubbed_field(lower: str, value: Any, email_key: bytes) -> Any:
    if lower in EMAIL_FIELDS and isinstance(value, str) and not is_placeholder(value):
        return "hmac:" + email_hmac(value, email_key)
    return scrubbed(value, email_key)


def is_too_deep(value: object) -> bool:
    """Whether lists and objects stand inside each other more than ``FIELD_DEPTH_MAX`` deep. Without recursion."""
    level = [value]
    for _ in range(FIELD_DEPTH_MAX + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, list | dict)
            for item in (outer if isinstance(outer, list) else outer.values())
        ]
        if not level:
            return False
    return True

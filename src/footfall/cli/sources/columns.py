"""From a file's columns to the fields of an event: mapping, times as files write them, and what an export adds."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from footfall.identifiers import read_position_token
from footfall.intake.fields import PLAIN
from footfall.intake.moment import read_moment

_META: Final = "meta."
_MADE_HERE: Final = frozenset({"position", "received_at", "flags", "verified", "origin", "subject_email_hmac"})
"""What an export shows that no client said. Coming back it would be junk: a second import makes all of it anew."""
_ZONE: Final = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_SPACED_OFFSET: Final = re.compile(r"\s+([+-]\d\d:?\d\d)$")
_WIRE: Final = frozenset(
    {"subject", "verb", "noun", "uuid", "customer_id", "shopify_customer_id", "subject_email", "event_time", "sent_at"}
    | {"product_id", "shopify_product_id", "product_handle", "shopify_product_handle", "shopify_variant_id", "variant_id"}
    | {"meta", "metadata", "consent", "test"}
) | frozenset(PLAIN)
"""Fields that an event may have on the wire; others are kept as they are."""


@lru_cache(maxsize=100_000)
def file_moment(text: str) -> int | None:
    """A time as files write it, in milliseconds: what the wire takes, and ``2019-10-01 00:00:00 UTC``. A time without a
    zone is ``None``: it could be any."""
    text = text.strip()
    known = read_moment(text)
    if known is not None or len(text) > 64:
        return known
    return read_moment(_SPACED_OFFSET.sub(r"\1", _ZONE.sub("+00:00", text)))


def unreadable_time(value: object) -> str:
    """What is wrong with a time."""
    shown = value if isinstance(value, str) else repr(value)
    why = "no time that can be read"
    try:
        if datetime.fromisoformat(shown.strip()).tzinfo is None:
            why = "a time without a zone"
    except ValueError:
        pass
    return (
        f"event_time {shown[:40]!r} is {why}; such as 2019-10-01 00:00:00 UTC, 2019-10-01T02:00:00+02:00 or milliseconds. "
        "The event gets the time of its arrival."
    )


class Fields:
    """Which column stands for which field, and which fields every row has."""

    def __init__(self, mapping: Mapping[str, str], constants: Mapping[str, str]) -> None:
        self.columns = {column: field for field, column in mapping.items()}
        self.mapping = dict(mapping)
        self.constants = {name: value for name, value in constants.items() if not name.startswith(_META)}
        self._meta_constants = {name[len(_META) :]: value for name, value in constants.items() if name.startswith(_META)}

    def known(self, columns: list[str]) -> bool:
        """Whether any column is, or stands for, a field of the wire."""
        return any(self.columns.get(column, column).partition(".")[0] in _WIRE for column in columns)

    def event(self, cells: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """The event of a row, by its cells under the fields' names (``meta.…`` for those in ``meta``); and what is wrong."""
        item = without_what_is_made_here(cells)
        if self.constants:
            item |= self.constants
        meta = {name: item.pop(name) for name in [*item] if name.startswith(_META)} if self._has_meta(item) else {}
        if meta or self._meta_constants:
            inner = item.get("meta")
            inner = _json(inner) if isinstance(inner, str) else inner
            there = inner if isinstance(inner, dict) else {}
            item["meta"] = there | {name[len(_META) :]: value for name, value in meta.items()} | self._meta_constants
        time = item.get("event_time")
        if type(time) is str and time:
            moment = file_moment(time)
            if moment is None:
                return item, unreadable_time(time)
            item["event_time"] = moment
        elif time is not None and time != "" and read_moment(time) is None:
            return item, unreadable_time(time)
        return item, None

    def renamed(self, item: dict[str, Any]) -> dict[str, Any]:
        """An object's values under the fields' names."""
        columns = self.columns
        return {columns.get(name, name): value for name, value in item.items()} if columns else item

    def _has_meta(self, item: dict[str, Any]) -> bool:
        return any(name.startswith(_META) for name in item)


def without_what_is_made_here(item: dict[str, Any]) -> dict[str, Any]:
    """A row of an export as a client sent it; any other row as it is. Test events stay test events."""
    position = item.get("position")
    if position is None or "received_at" not in item or read_position_token(str(position)) is None:
        return item
    sent = {name: value for name, value in item.items() if name not in _MADE_HERE}
    if _is_same_moment(sent.get("time"), sent.get("event_time")):
        # The column that says it as a moment. A client's own field of this name says something else.
        del sent["time"]
    if "test" in (_json(item.get("flags")) or ()):
        sent["test"] = True
    unknown = _json(sent.get("unknown"))
    if isinstance(unknown, dict):
        del sent["unknown"]
        sent = unknown | sent
    tags = _json(sent.get("tags"))
    if isinstance(tags, list):
        sent["tags"] = tags
    return sent


def _is_same_moment(moment: object, event_time: object) -> bool:
    """Whether a moment, as a table has it (milliseconds, or ISO 8601), is this time of an event."""
    read = read_moment(moment) if moment is not None else None
    return read is not None and str(read) == str(event_time)


def _json(value: object) -> Any:
    """A cell that holds JSON, decoded; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value

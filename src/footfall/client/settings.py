"""How one client is set up, checked when it is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from footfall.client.receipts import Receipt
from footfall.errors import FootfallError, SettingInvalidError
from footfall.limits import BATCH_EVENTS_MAX

OnRejected = Callable[[Mapping[str, Any], Receipt], object]
"""Told of an event that the server did not take, with its receipt."""
OnFailed = Callable[[Sequence[Mapping[str, Any]], FootfallError], object]
"""Given the events that were given up, each with its event_id, and why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a client was told when it was made. Raises ``SettingInvalidError`` where that can't be used."""

    url: str
    key: str | None
    secret: str | None
    batch_events: int
    batch_seconds: float
    queue_events: int
    full_wait_seconds: float
    answer_seconds: float
    retries: int
    on_rejected: OnRejected | None
    on_failed: OnFailed | None

    def __post_init__(self) -> None:
        require_url(self.url)
        if not self.key and not self.secret:
            raise SettingInvalidError("A client needs the shop's public key (key=…), or its secret key (secret=…).")
        for name, value in (("key", self.key), ("secret", self.secret)):
            if value and not (value.isascii() and value.isprintable()):
                raise SettingInvalidError(f"{name} has characters that no key has.")
        if not 1 <= self.batch_events <= BATCH_EVENTS_MAX:
            raise SettingInvalidError(f"batch_events is 1 to {BATCH_EVENTS_MAX}, not {self.batch_events}.")
        if self.queue_events < 1:
            raise SettingInvalidError(f"queue_events is 1 or more, not {self.queue_events}.")
        for name in ("batch_seconds", "full_wait_seconds", "retries"):
            if not getattr(self, name) >= 0:
                raise SettingInvalidError(f"{name} is 0 or more, not {getattr(self, name)}.")
        if not self.answer_seconds > 0:
            raise SettingInvalidError(f"answer_seconds is more than 0, not {self.answer_seconds}.")


def require_url(url: str) -> None:
    """Raise ``SettingInvalidError`` where this is no address of a server, or has a name or password in it: the address stands
    in errors and in logs."""
    try:
        parts = urlsplit(url)
        has_user = "@" in parts.netloc
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_user = is_address = False
    if has_user:
        raise SettingInvalidError(
            "The address has a name or a password before its @, and would show it in logs: give the address without,"
            " and the shop's key as key=… or secret=…."
        )
    if not is_address or any(character.isspace() for character in url):
        # Before an @ there may be a password in any of its parts.
        shown = "This" if "@" in url else repr(url[:200])
        raise SettingInvalidError(f"{shown} is no address of a server, such as https://events.shop.example.")

"""Receipts: what became of each event that was sent, as the server answers it."""

from collections.abc import Sequence
from typing import Literal

import msgspec


class Receipt(msgspec.Struct, frozen=True):
    """What became of one event. ``position`` is an opaque token; a duplicate has that of the event it repeats.

    ``error`` says why it was rejected; it is in the server's quarantine. ``warnings`` name what was left out of it, or what a
    duplicate said differently.
    """

    status: Literal["stored", "duplicate", "rejected"]
    event_id: str | None = None
    position: str | None = None
    error: str | None = None
    warnings: Sequence[str] = ()

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server has the event on disk, from now or from before."""
        return self.status != "rejected"


class _Told(msgspec.Struct, frozen=True):
    receipts: list[Receipt] | None = None


class _Refusal(msgspec.Struct, frozen=True):
    error: str


_TOLD = msgspec.json.Decoder(_Told)
_REFUSAL = msgspec.json.Decoder(_Refusal)


def receipts_in(body: bytes, sent: int) -> list[Receipt] | None:
    """One receipt for each event that was sent, in their order; ``None`` where the answer has not exactly these."""
    try:
        receipts = _TOLD.decode(body).receipts
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return receipts if receipts is not None and len(receipts) == sent else None


def error_in(body: bytes) -> str | None:
    """What an answer in Footfall's own form says is wrong; ``None`` where it has no such form."""
    try:
        return _REFUSAL.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

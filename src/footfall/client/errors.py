"""What the client raises, all under ``FootfallError``; beside these, ``InputInvalidError`` for an event that can't be sent as
it is and ``SettingInvalidError`` for a client that was made wrongly. A rejected event raises nothing: its receipt says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from footfall.client.receipts import Receipt
from footfall.errors import FootfallError


class RequestFailedError(FootfallError):
    """The server did not do what it was asked for.

    Of events that were sent, ``receipts`` are those that came before this, and ``events`` those without one, each with its
    event_id: sending these again stores none of them twice.
    """

    receipts: Sequence[Receipt] = ()
    events: Sequence[Mapping[str, Any]] = ()


class RefusedError(RequestFailedError):
    """The server refused the request, and would refuse the same again: correct what it says."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class UnknownKeyError(RefusedError):
    """The server doesn't know this key: `footfall shop list` shows the keys it has."""


class TooLargeError(RefusedError):
    """The request is larger than the server, or a proxy before it, takes."""


class UnavailableError(RequestFailedError):
    """The server gave no answer that could be used, for all the tries. Send the same events again later."""


class NothingAnswersError(UnavailableError):
    """Nothing listens at this address."""


class QueueFullError(FootfallError):
    """As many events wait as may wait, and this one was not taken: the server is away, or slower than events come."""


class NotFlushedError(FootfallError):
    """There was no time left for events that still wait; they have no receipt."""


class ClosedError(FootfallError):
    """This client is closed. Make a new one."""

"""The courier: takes batches out of the outbox, one after the other, and tells what became of their events."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from footfall.client.conversation import Conversation, Patience
from footfall.client.errors import NotFlushedError, RequestFailedError, UnavailableError
from footfall.client.events import decoded
from footfall.client.outbox import Outbox
from footfall.client.receipts import Receipt
from footfall.client.settings import OnFailed, OnRejected
from footfall.client.steps import Rest, Steps
from footfall.errors import FootfallError

_logger: Final = logging.getLogger("footfall.client")


class Courier:
    """Who carries the events of one outbox. ``landed`` is called whenever some of them came to their end."""

    def __init__(
        self,
        outbox: Outbox,
        conversation: Conversation,
        patience: Patience,
        *,
        on_rejected: OnRejected | None,
        on_failed: OnFailed | None,
    ) -> None:
        self._outbox = outbox
        self._conversation = conversation
        self._patience = patience
        self._on_rejected = on_rejected
        self._on_failed = on_failed

    def work(self, landed: Callable[[], object]) -> Steps[None]:
        """Carry until the outbox is closed and empty."""
        outbox, now = self._outbox, self._conversation.now
        while True:
            batch = outbox.take(now())
            if batch:
                yield from self._carry(batch)
                landed()
            elif outbox.is_closed:
                return
            else:
                yield Rest(outbox.rest_seconds(now()))

    def give_up(self, why: FootfallError | None = None) -> int:
        """Give back everything that has no receipt yet; how many events that were."""
        rest = self._outbox.abandon()
        if rest:
            self._failed(rest, why or NotFlushedError())
        return len(rest)

    def _carry(self, batch: Sequence[bytes]) -> Steps[None]:
        receipts: Sequence[Receipt] = ()
        failure: FootfallError | None = None
        try:
            receipts = yield from self._conversation.send(batch, self._patience)
        except RequestFailedError as failed:
            receipts, failure = failed.receipts, failed
        except Exception as failed:
            _logger.exception("This is a defect of Footfall's client")
            failure = UnavailableError(f"The client failed: {failed!r}")
        # Given up meanwhile: these were handed back, and nobody is told twice.
        if not self._outbox.landed():
            return
        try:
            for text, receipt in zip(batch, receipts, strict=False):
                if not receipt.is_acknowledged:
                    self._rejected(text, receipt)
            if failure is not None:
                self._failed(batch[len(receipts) :], failure)
        finally:
            self._outbox.clear(batch)

    def _rejected(self, text: bytes, receipt: Receipt) -> None:
        if self._on_rejected is None:
            _logger.warning("Event %s was rejected: %s", receipt.event_id, receipt.error)
            return
        on_rejected = self._on_rejected
        _told("on_rejected", lambda: on_rejected(decoded(text), receipt))

    def _failed(self, texts: Sequence[bytes], failure: FootfallError) -> None:
        self._conversation.tally.gave_up(len(texts))
        if self._on_failed is None:
            _logger.error("%d events were given up: %s", len(texts), failure)
            return
        on_failed = self._on_failed
        _told("on_failed", lambda: on_failed([decoded(text) for text in texts], failure))


def _told(name: str, call: Callable[[], object]) -> None:
    """Call what the client was given. Its own failure must not cost the events that come after."""
    try:
        call()
    except Exception:
        _logger.exception("%s failed", name)

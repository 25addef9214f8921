"""What both clients are alike: how they are made, what can be told with them, what they count, and what a fork leaves them.

They differ in input and output alone (``blocking``, ``asynchronous``).
"""

import atexit
import os
import random
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final, Unpack

from footfall.client import events
from footfall.client.conversation import Conversation, Patience
from footfall.client.courier import Courier
from footfall.client.errors import ClosedError
from footfall.client.events import Fields, ProductName
from footfall.client.outbox import Outbox
from footfall.client.settings import OnFailed, OnRejected, Settings
from footfall.client.tally import Counts, Tally
from footfall.errors import SettingInvalidError
from footfall.limits import (
    CLIENT_ANSWER_SECONDS,
    CLIENT_BATCH_EVENTS,
    CLIENT_BATCH_SECONDS,
    CLIENT_PAUSE_SECONDS,
    CLIENT_PAUSE_SECONDS_MAX,
    CLIENT_QUEUE_BYTES_MAX,
    CLIENT_QUEUE_EVENTS_MAX,
    CLIENT_READ_RETRIES_MAX,
    CLIENT_RETRIES_MAX,
)


class Speaker(ABC):
    """One shop's client. Make one for a process and keep it.

    ``viewed``, ``added``, ``removed``, ``purchased``, ``track`` and ``put`` take an event into the outbox and answer its
    event_id at once; it is sent in the background, and again with the same event_id until the server has answered for it.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        secret: str | None = None,
        batch_events: int = CLIENT_BATCH_EVENTS,
        batch_seconds: float = CLIENT_BATCH_SECONDS,
        queue_events: int = CLIENT_QUEUE_EVENTS_MAX,
        full_wait_seconds: float = 0.0,
        answer_seconds: float = CLIENT_ANSWER_SECONDS,
        retries: int = CLIENT_RETRIES_MAX,
        on_rejected: OnRejected | None = None,
        on_failed: OnFailed | None = None,
    ) -> None:
        """``key`` is the shop's public key; with ``secret``, its secret key, events are the shop's own word and no longer
        claims.

        A batch is sent when it has ``batch_events``, or when an event waited for ``batch_seconds``. At most
        ``queue_events`` have no receipt yet; at that bound a call waits for ``full_wait_seconds`` and then raises
        ``QueueFullError``. An answer is waited for ``answer_seconds``, and a batch sent again ``retries`` times, with longer
        and longer pauses. ``on_rejected(event, receipt)`` is told of events that the server did not take;
        ``on_failed(events, error)`` is given those that were given up. Without these, both are logged.

        Raises ``SettingInvalidError``.
        """
        self._settings = Settings(
            url=url.strip().rstrip("/"),
            key=key,
            secret=secret,
            batch_events=batch_events,
            batch_seconds=batch_seconds,
            queue_events=queue_events,
            full_wait_seconds=full_wait_seconds,
            answer_seconds=answer_seconds,
            retries=retries,
            on_rejected=on_rejected,
            on_failed=on_failed,
        )
        self._begin()
        _speakers.add(self)

    def viewed(self, product: ProductName, **fields: Unpack[Fields]) -> str:
        """A visitor looked at a product, named by its id, its handle, or as Shopify's JSON has it."""
        return self._put([events.viewed(product, **fields)])[0]

    def added(self, product: ProductName, **fields: Unpack[Fields]) -> str:
        """A visitor put a product into the cart."""
        return self._put([events.added(product, **fields)])[0]

    def removed(self, product: ProductName, **fields: Unpack[Fields]) -> str:
        """A visitor took a product out of the cart."""
        return self._put([events.removed(product, **fields)])[0]

    def purchased(self, order_id: str | int, lines: Iterable[Fields], /, **fields: Unpack[Fields]) -> list[str]:
        """An order: one event for each line. ``fields`` go with all of them; a line's own come first."""
        return self._put(events.purchased(order_id, lines, **fields))

    def track(self, subject: str, verb: str, noun: str, **fields: Unpack[Fields]) -> str:
        """Any event of the vocabulary, such as ``track("user", "searched", "term", defined_noun_id="linen", uuid=…)``."""
        return self._put([events.track(subject, verb, noun, **fields)])[0]

    def put(self, event: Mapping[str, Any]) -> str:
        """An event with the names of the wire, fields of your own among them."""
        return self._put([events.prepared(event)])[0]

    @property
    def counts(self) -> Counts:
        """What became of the events until now."""
        return self._tally.counts(self._outbox.count)

    @property
    def position(self) -> str | None:
        """An opaque token that covers every event that was acknowledged here, for ``after=`` elsewhere."""
        return self._conversation.position

    def _begin(self) -> None:
        """Stand as if just made: with nothing waiting, and nobody connected."""
        settings = self._settings
        self._tally = Tally()
        self._conversation = Conversation(settings.url, tally=self._tally, chance=random.Random())
        self._outbox = Outbox(
            events_max=settings.queue_events,
            bytes_max=CLIENT_QUEUE_BYTES_MAX,
            batch_events=settings.batch_events,
            batch_seconds=settings.batch_seconds,
        )
        self._courier = Courier(
            self._outbox,
            self._conversation,
            self._patience(is_over=self._is_abandoned),
            on_rejected=settings.on_rejected,
            on_failed=settings.on_failed,
        )

    def _begin_in_child(self) -> None:
        """Leave everything to the parent, and begin anew."""
        is_closed = self._outbox.is_closed
        self._begin()
        if is_closed:
            self._outbox.close()

    def _is_abandoned(self) -> bool:
        return self._outbox.is_closed and not self._outbox.count

    def _patience(self, **more: Any) -> Patience:
        return Patience(
            self._settings.retries, CLIENT_PAUSE_SECONDS, CLIENT_PAUSE_SECONDS_MAX, self._settings.answer_seconds, **more
        )

    def _impatience(self) -> Patience:
        """For a question: whoever asks has a page to show."""
        return Patience(
            min(CLIENT_READ_RETRIES_MAX, self._settings.retries),
            CLIENT_PAUSE_SECONDS,
            CLIENT_PAUSE_SECONDS_MAX,
            self._settings.answer_seconds,
            deadline=time.monotonic() + self._settings.answer_seconds,
        )

    def _until(self, seconds: float | None) -> Patience:
        """For ``send``: as patient as its caller."""
        return self._patience(deadline=float("inf") if seconds is None else time.monotonic() + seconds)

    def _require_open(self) -> None:
        if self._outbox.is_closed:
            raise ClosedError

    def _require_secret(self) -> None:
        if not self._settings.secret:
            raise SettingInvalidError("Only the secret key is told where an event is: make the client with secret=….")

    def _put(self, made: list[events.Event]) -> list[str]:
        self._require_open()
        texts = [events.encoded(event) for event in made]
        self._start()
        self._take(texts)
        return [str(event["event_id"]) for event in made]

    @abstractmethod
    def _start(self) -> None:
        """Have somebody who sends, if there is nobody yet."""

    @abstractmethod
    def _take(self, texts: list[bytes]) -> None:
        """Take events into the outbox. Raises ``QueueFullError`` or ``ClosedError``."""

    @abstractmethod
    def _at_exit(self) -> None:
        """The interpreter ends: send what can still be sent, within a bound, and tell of the rest."""


_speakers: Final[weakref.WeakSet[Speaker]] = weakref.WeakSet()


def _after_fork() -> None:
    """A forked process has copies of its parent's events, connections and locks, and no thread that cares for them: the parent
    sends its events itself."""
    for speaker in list(_speakers):
        speaker._begin_in_child()  # noqa: SLF001  # one of this module


def _at_exit() -> None:
    for speaker in list(_speakers):
        speaker._at_exit()  # noqa: SLF001  # one of this module


atexit.register(_at_exit)
# Where there is no fork there is nothing to register.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

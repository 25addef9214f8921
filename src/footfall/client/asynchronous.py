"""``AsyncClient``: for code on an event loop. A task of its own sends what is put into the outbox."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Self

import httpx

from footfall.client import events
from footfall.client.errors import NotFlushedError
from footfall.client.reading import Parameter, Products
from footfall.client.receipts import Receipt
from footfall.client.speaker import Speaker
from footfall.client.web import AsyncWeb, options_for
from footfall.errors import FootfallError, SettingInvalidError
from footfall.limits import CLIENT_CALL_SECONDS


class AsyncClient(Speaker):
    """One shop's client for one event loop. Closed at the end of an ``async with``; a loop that ends can send no more.

    ``viewed`` and the like don't wait and are not awaited: they take the event, or raise ``QueueFullError``.
    """

    async def send(
        self, given: Iterable[Mapping[str, Any]], timeout_seconds: float | None = CLIENT_CALL_SECONDS
    ) -> list[Receipt]:
        """Send events now, past those that wait; one receipt for each, in their order.

        Raises ``RequestFailedError``, which has the receipts that came and the events that have none: sending these again
        stores nothing twice.
        """
        self._require_open()
        texts = [events.encoded(events.prepared(event)) for event in given]
        return await self._web().run(self._conversation.send(texts, self._until(timeout_seconds)))

    async def products(self, name: str, **parameters: Parameter) -> Products:
        """A list's products, such as ``products("viewed", uuid=…, limit=5)``: what is acknowledged here is in it.

        ``name`` may be a path, such as ``/custom/id/1234``. Raises ``RequestFailedError``.
        """
        self._require_open()
        return await self._web().run(self._conversation.products(name, parameters, self._impatience()))

    async def event(self, reference: str) -> list[dict[str, Any]]:
        """All that the server knows of an event, by its event_id or its position; nothing where it knows none.

        Needs the secret key. Raises ``RequestFailedError``.
        """
        self._require_open()
        self._require_secret()
        return await self._web().run(self._conversation.event(reference, self._impatience()))

    async def flush(self, timeout_seconds: float | None = CLIENT_CALL_SECONDS) -> None:
        """Wait until every event that was put until now has its receipt, or was given up and handed to ``on_failed``.

        Raises ``NotFlushedError`` where that takes longer; the events go on waiting.
        """
        given = self._outbox.given
        self._outbox.hurry()
        self._put_in.set()
        if not await self._wait_until_ended(given, timeout_seconds):
            raise NotFlushedError(f"{self._outbox.count} events still wait after {timeout_seconds} seconds.")

    async def close(self, timeout_seconds: float | None = CLIENT_CALL_SECONDS) -> None:
        """Send what waits, and end. What is not acknowledged in time is given up: handed to ``on_failed``, or logged."""
        self._outbox.close()
        self._put_in.set()
        await self._wait_until_ended(self._outbox.given, timeout_seconds)
        self._courier.give_up()
        self._tell()
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._connection is not None:
            await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _begin(self) -> None:
        super()._begin()
        if self._settings.full_wait_seconds:
            raise SettingInvalidError("full_wait_seconds is of Client: no call of AsyncClient waits for room.")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection: httpx.AsyncClient | None = None
        self._put_in = asyncio.Event()
        self._stopped = asyncio.Event()
        self._ended = asyncio.Event()

    def _start(self) -> None:
        web = self._web()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(web), name="footfall-client")

    def _web(self) -> AsyncWeb:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise FootfallError("AsyncClient works on a running event loop; Client works without one.") from None
        if self._connection is None:
            settings = self._settings
            self._loop = loop
            self._connection = httpx.AsyncClient(**options_for(settings.url, settings.key, settings.secret))
        if self._loop is not loop:
            raise FootfallError("This AsyncClient belongs to another event loop: make one for each.")
        return AsyncWeb(self._connection, pause=self._pause, rest=self._rest)

    async def _work(self, web: AsyncWeb) -> None:
        try:
            await web.run(self._courier.work(self._tell))
        finally:
            # Closed, or cancelled because the loop ends.
            self._courier.give_up()

    def _take(self, texts: list[bytes]) -> None:
        if self._outbox.put(texts, time.monotonic()):
            self._put_in.set()

    def _tell(self) -> None:
        # Wakes all who wait at this moment.
        self._ended.set()
        self._ended.clear()

    async def _wait_until_ended(self, given: int, timeout_seconds: float | None) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not self._outbox.has_ended(given):
                    await self._ended.wait()
        return self._outbox.has_ended(given)

    async def _pause(self, seconds: float) -> None:
        await _happened(self._stopped, seconds)

    async def _rest(self, seconds: float | None) -> None:
        await _happened(self._put_in, seconds)
        self._put_in.clear()

    def _at_exit(self) -> None:
        # Its loop is gone.
        self._courier.give_up()


async def _happened(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, and no longer than this."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

"""Clients of the live feed within one process, whose connections have no buffer, and what tests of it share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from footfall.api.application import Application
from footfall.limits import LIST_ROWS_MAX
from tests.acceptance.sse import LIVE, Message, Parser
from tests.support import Running, event, no_pages, run, running

_HANGS_AFTER_SECONDS = 60
"""A feed that never says what is waited for fails its test instead of holding it up."""


class Connection:
    """A client of the feed whose connection has no buffer: what it does not take holds up who sends."""

    def __init__(self, shop: Running, headers: dict[str, str], parameters: dict[str, Any]) -> None:
        self.parser = Parser()
        self.messages: list[Message] = []
        self.status = 0
        self.chunks = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self._gone = asyncio.Event()
        self._heard = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": LIVE,
            "query_string": urlencode(parameters, doseq=True).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        application = Application(shop.service.parts, no_pages)
        self.task = asyncio.ensure_future(application(scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._heard.set())

    async def until(self, holds: Callable[[], object]) -> None:
        """Listen until this holds."""
        while not holds():
            assert not self.task.done(), "the feed ended"
            self._heard.clear()
            await self._heard.wait()

    async def has(self, count: int) -> list[Message]:
        """The messages, once there are so many."""
        await self.until(lambda: len(self.messages) >= count)
        return self.messages

    async def leave(self) -> None:
        """Go away."""
        self._gone.set()
        await self.task

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.chunks += 1
            self.messages += self.parser.take(message["body"].decode())
        self._heard.set()


@asynccontextmanager
async def connected(shop: Running, last_id: str = "", **parameters: Any) -> AsyncIterator[Connection]:
    """A connection whose feed has begun."""
    headers = {**shop.bearer, "Last-Event-ID": last_id} if last_id else shop.bearer
    connection = Connection(shop, headers, parameters)
    try:
        await connection.until(lambda: connection.chunks)
        yield connection
    finally:
        await connection.leave()
    assert shop.service.live_feeds.count == 0


def scenario(path: Path, steps: Callable[[Running], Any]) -> None:
    """Run steps on a service of their own."""

    async def whole() -> None:
        async with running(path) as shop:
            await steps(shop)

    run(asyncio.wait_for(whole(), _HANGS_AFTER_SECONDS))


def told(messages: Sequence[Message]) -> list[Any]:
    """Which visitors' events these are."""
    return [message.data["uuid"] for message in messages]


async def send(shop: Running, *uuids: str, **fields: Any) -> None:
    answer = await shop.send(*[event(uuid=uuid, **fields) for uuid in uuids])
    assert answer.status_code == 200, answer.text


async def exported(shop: Running) -> list[dict[str, Any]]:
    return [item async for item in shop.commands.tail("shop", last=LIST_ROWS_MAX, follow=False)]


@asynccontextmanager
async def connected_beside(shop: Running) -> AsyncIterator[Connection]:
    """A connection beside another one."""
    connection = Connection(shop, shop.bearer, {})
    await connection.until(lambda: connection.chunks)
    yield connection
    await connection.leave()

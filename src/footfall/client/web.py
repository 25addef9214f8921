"""How requests go out: what every connection is told, and one that takes the steps of a task."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from ssl import SSLContext
from typing import Any, TypeVar

import httpx

from footfall import __version__
from footfall.client.steps import Answer, Ask, NoAnswer, Pause, Reply, Rest, Step, Steps
from footfall.limits import CLIENT_ANSWER_BYTES_MAX

T = TypeVar("T")


def options_for(url: str, key: str | None, secret: str | None = None) -> dict[str, Any]:
    """What ``httpx.Client`` and ``httpx.AsyncClient`` are made with. The secret key opens everything, so it goes alone."""
    keys: Mapping[str, str] = {"Authorization": f"Bearer {secret}"} if secret else {"Footfall-Key": key or ""}
    return {
        "base_url": url,
        "headers": {"User-Agent": f"footfall-python/{__version__}", **keys},
        "verify": _trusted(),
    }


def unanswered(failure: Exception) -> NoAnswer:
    """A request that failed before its answer was there."""
    return NoAnswer(str(failure) or type(failure).__name__, is_unsent=isinstance(failure, httpx.ConnectError))


def request_for(ask: Ask) -> dict[str, Any]:
    """What ``stream`` of ``httpx.Client`` and ``httpx.AsyncClient`` is called with."""
    return {
        "method": ask.method,
        "url": ask.path,
        "content": ask.content,
        "headers": {"Content-Type": ask.content_type},
    }


class Body:
    """The body of an answer as it comes, bounded in size and in time since the request was begun."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._started = now()
        self._read = bytearray()

    def take(self, chunk: bytes) -> None:
        """Add what came. Raises ``httpx.TransportError`` at the bounds: a server that trickles holds nobody for longer."""
        self._read += chunk
        if len(self._read) > CLIENT_ANSWER_BYTES_MAX:
            raise httpx.ReadError(f"the answer has more than {CLIENT_ANSWER_BYTES_MAX:,} bytes")
        if self._now() - self._started > self._seconds:
            raise self.late()

    def late(self) -> httpx.ReadTimeout:
        """Why there is no answer where time is up."""
        return httpx.ReadTimeout(f"no whole answer within {self._seconds:g} seconds")

    def answer(self, response: httpx.Response) -> Answer:
        """The answer whose body was taken whole."""
        return Answer(response.status_code, response.headers, bytes(self._read), self._now() - self._started)


class AsyncWeb:
    """Takes steps on the running event loop. ``pause`` waits so many seconds; ``rest`` as ``Rest`` says."""

    def __init__(
        self,
        connection: httpx.AsyncClient,
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rest: Callable[[float | None], Awaitable[object]] | None = None,
    ) -> None:
        self._connection = connection
        self._pause = pause
        self._rest = rest

    async def run(self, steps: Steps[T]) -> T:
        """Take steps until they come to their result."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = await self._reply(step)

    async def _reply(self, step: Step) -> Reply:
        match step:
            case Ask():
                return await self._answer(step)
            case Pause(seconds):
                await self._pause(seconds)
            case Rest(seconds):
                assert self._rest is not None
                await self._rest(seconds)
        return None

    async def _answer(self, ask: Ask) -> Answer | NoAnswer:
        body = Body(ask.seconds)
        try:
            # httpx knows bounds for the parts of a request alone.
            async with asyncio.timeout(ask.seconds), self._connection.stream(**request_for(ask), timeout=None) as answer:
                async for chunk in answer.aiter_bytes():
                    body.take(chunk)
        except TimeoutError:
            return unanswered(body.late())
        except Exception as failure:
            return unanswered(failure)
        return body.answer(answer)


@cache
def _trusted() -> SSLContext:
    """The authorities that are trusted: reading them takes 20 ms, so once for all connections."""
    return httpx.create_ssl_context()

"""Sending recorded events as a real client does: v2 bulk over HTTP, with receipts, retries and client-made ids."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from footfall.cli.lanes import Lanes
from footfall.client.retrying import asked_seconds, pause_seconds
from footfall.errors import FootfallError
from footfall.limits import REPLAY_FLUSH_SECONDS, REPLAY_RETRIES_MAX, REPLAY_RETRY_AFTER_SECONDS_MAX

_PATH: Final = "/api/v2/analytics/event/bulk?receipts=yes"
_AGAIN: Final = frozenset({429, 502, 503, 504})
_TIMEOUT_SECONDS: Final = 60
_REASONS_MAX: Final = 20
_PAUSE_SECONDS: Final = 0.1
"""The first pause where a server doesn't say: ours, which is back as soon as its disk is."""
_WAITING_BATCHES: Final = 2
"""Batches that wait for one connection: the file is read ahead by no more."""


@dataclass
class Outcome:
    """What a replay did. ``acknowledged`` are those stored, now or before (``duplicate``)."""

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    retries: int = 0
    requests: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """Events that the server has, now or from before."""
        return self.stored + self.duplicate

    def percentile_ms(self, percent: int) -> float | None:
        """The latency that so many percent of the requests did not exceed."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 3) if ordered else None


def stable_id(number: int, event: dict[str, Any]) -> str:
    """An event id that is the same each time this row of a recording is replayed, and another one for any other row."""
    return hashlib.blake2b(msgspec.json.encode([number, event], order="deterministic"), digest_size=16).hexdigest()


class Sender:
    """Connections to one server, each with a lane of batches; events of one shopper keep their order."""

    def __init__(self, url: str, key: str, *, batch: int, connections: int, chance: random.Random) -> None:
        self.outcome = Outcome()
        self._batch = batch
        self._chance = chance
        self._lanes = Lanes(connections)
        self._filling: list[list[dict[str, Any]]] = [[] for _ in range(connections)]
        self._since: list[float] = [0.0] * connections
        self._queues: list[asyncio.Queue[list[dict[str, Any]]]] = [asyncio.Queue(_WAITING_BATCHES) for _ in range(connections)]
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"X-Rebuy-User-Token": key, "Content-Type": "application/json"},
            timeout=_TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=connections),
        )

    async def send_all(self, events: AsyncIterator[tuple[float, dict[str, Any]]]) -> None:
        """Send events, each when it is due (seconds from now). Raises ``FootfallError`` where the server can't take them."""
        started = time.monotonic()
        async with self._client:
            workers = [asyncio.create_task(self._work(queue)) for queue in self._queues]
            feeding = asyncio.create_task(self._feed(events, started))
            try:
                done, _ = await asyncio.wait([feeding, *workers], return_when=asyncio.FIRST_COMPLETED)
                # A worker ends only by failing.
                for task in done:
                    task.result()
            finally:
                for task in (feeding, *workers):
                    task.cancel()
                await asyncio.gather(feeding, *workers, return_exceptions=True)
                self.outcome.seconds = time.monotonic() - started

    async def _feed(self, events: AsyncIterator[tuple[float, dict[str, Any]]], started: float) -> None:
        async for due, event in events:
            while (wait := started + due - time.monotonic()) > 0:
                await self._flush_old()
                await asyncio.sleep(min(wait, REPLAY_FLUSH_SECONDS / 4))
            lane, alone = self._lanes.choose(event)
            if alone:
                await self._drain()
            filling = self._filling[lane]
            if not filling:
                self._since[lane] = time.monotonic()
            filling.append(event)
            if len(filling) == self._batch:
                await self._flush(lane)
        await self._drain()

    async def _flush_old(self) -> None:
        now = time.monotonic()
        for lane, filling in enumerate(self._filling):
            if filling and now - self._since[lane] >= REPLAY_FLUSH_SECONDS:
                await self._flush(lane)

    async def _flush(self, lane: int) -> None:
        batch, self._filling[lane] = self._filling[lane], []
        if batch:
            await self._queues[lane].put(batch)

    async def _drain(self) -> None:
        """Wait until everything that was given is answered."""
        for lane in range(len(self._queues)):
            await self._flush(lane)
        await asyncio.gather(*(queue.join() for queue in self._queues))

    async def _work(self, queue: asyncio.Queue[list[dict[str, Any]]]) -> None:
        while True:
            batch = await queue.get()
            self._count(await self._delivered(msgspec.json.encode(batch)), len(batch))
            queue.task_done()

    async def _delivered(self, body: bytes) -> httpx.Response:
        """The answer to a batch; the same bytes, and so the same ids, are sent again while the server asks for it."""
        for attempt in range(REPLAY_RETRIES_MAX + 1):
            sent = time.monotonic()
            asked = None
            try:
                response = await self._client.post(_PATH, content=body)
            except httpx.TransportError as failure:
                if self.outcome.requests == 0 and isinstance(failure, httpx.ConnectError):
                    # Nothing ever answered there: an address that is wrong, rather than a server that will be back.
                    raise FootfallError(f"Nothing answers at {self._client.base_url}: {failure}. Is --url right?") from failure
                why = f"no answer from {self._client.base_url}: {failure or type(failure).__name__}"
            else:
                self.outcome.requests += 1
                if response.status_code not in _AGAIN:
                    self.outcome.latencies_ms.append((time.monotonic() - sent) * 1000)
                    return response
                why = f"{self._client.base_url} answered {response.status_code}: {_error_of(response)}"
                asked = asked_seconds(response.headers)
            if attempt < REPLAY_RETRIES_MAX:
                self.outcome.retries += 1
                pause = pause_seconds(
                    attempt, asked, first=_PAUSE_SECONDS, longest=REPLAY_RETRY_AFTER_SECONDS_MAX, chance=self._chance
                )
                await asyncio.sleep(pause)
        raise FootfallError(f"Gave up after {REPLAY_RETRIES_MAX} more tries: {why}")

    def _count(self, response: httpx.Response, sent: int) -> None:
        receipts = _receipts_of(response)
        if receipts is None or len(receipts) != sent:
            raise FootfallError(f"{self._client.base_url} answered {response.status_code}: {_error_of(response)}")
        for receipt in receipts:
            if receipt["status"] == "stored":
                self.outcome.stored += 1
            elif receipt["status"] == "duplicate":
                self.outcome.duplicate += 1
            else:
                self.outcome.rejected += 1
                if len(self.outcome.errors) < _REASONS_MAX:
                    self.outcome.errors.append(str(receipt.get("error")))


def _receipts_of(response: httpx.Response) -> Sequence[dict[str, Any]] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    receipts = answer.get("receipts") if isinstance(answer, dict) else None
    return receipts if isinstance(receipts, list) else None


def _error_of(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200] or "nothing"

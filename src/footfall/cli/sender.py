"""Sending recorded events as a real client does: by the Python client's own core, over several connections at once."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx
import msgspec

from footfall.cli.lanes import Lanes
from footfall.client.conversation import Conversation, Patience, may_pass
from footfall.client.errors import NothingAnswersError
from footfall.client.receipts import Receipt
from footfall.client.tally import Tally
from footfall.client.web import AsyncWeb, options_for
from footfall.errors import FootfallError
from footfall.limits import REPLAY_FLUSH_SECONDS, REPLAY_RETRIES_MAX, REPLAY_RETRY_AFTER_SECONDS_MAX

_REASONS_MAX: Final = 20
_WAITING_BATCHES: Final = 2
"""Batches that wait for one connection: the file is read ahead by no more."""
_PATIENCE: Final = Patience(
    REPLAY_RETRIES_MAX,
    # Where a server doesn't say: ours is back as soon as its disk is.
    pause_seconds=0.1,
    longest_pause_seconds=REPLAY_RETRY_AFTER_SECONDS_MAX,
    answer_seconds=60,
    doubts_address=True,
    believes_server=True,
)


class Outcome(Tally):
    """What a replay did. ``acknowledged`` are those stored, now or before (``duplicate``)."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.errors: list[str] = []
        self.latencies_ms: list[float] = []

    def answered(self, status: int, seconds: float) -> None:
        super().answered(status, seconds)
        if not may_pass(status):
            self.latencies_ms.append(seconds * 1000)

    def received(self, receipts: Sequence[Receipt]) -> None:
        super().received(receipts)
        room = _REASONS_MAX - len(self.errors)
        self.errors += [str(receipt.error) for receipt in receipts if not receipt.is_acknowledged][:room]

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
        self._lanes = Lanes(connections)
        self._filling: list[list[bytes]] = [[] for _ in range(connections)]
        self._since: list[float] = [0.0] * connections
        self._queues: list[asyncio.Queue[list[bytes]]] = [asyncio.Queue(_WAITING_BATCHES) for _ in range(connections)]
        self._conversation = Conversation(url.rstrip("/"), tally=self.outcome, chance=chance)
        self._connection = httpx.AsyncClient(
            **options_for(url.rstrip("/"), key), limits=httpx.Limits(max_connections=connections)
        )

    async def send_all(self, events: AsyncIterator[tuple[float, dict[str, Any]]]) -> None:
        """Send events, each when it is due (seconds from now). Raises ``FootfallError`` where the server can't take them."""
        started = time.monotonic()
        async with self._connection:
            web = AsyncWeb(self._connection)
            workers = [asyncio.create_task(self._work(queue, web)) for queue in self._queues]
            feeding = asyncio.create_task(self._feed(events, started))
            try:
                done, _ = await asyncio.wait([feeding, *workers], return_when=asyncio.FIRST_COMPLETED)
                # A worker ends only by failing.
                for task in done:
                    task.result()
            except NothingAnswersError as failure:
                raise FootfallError(f"{failure} Is --url right?") from failure
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
            filling.append(msgspec.json.encode(event))
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

    async def _work(self, queue: asyncio.Queue[list[bytes]], web: AsyncWeb) -> None:
        while True:
            await web.run(self._conversation.send(await queue.get(), _PATIENCE))
            queue.task_done()

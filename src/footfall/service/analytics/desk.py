"""The server's side of analytics: keeps the process running, tells it how far the log goes, and carries questions to it."""

import asyncio
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from footfall.errors import (
    AnalyticsUnavailableError,
    FootfallError,
    InputInvalidError,
    NotFoundError,
    PositionNotReachedError,
)
from footfall.identifiers import Position, ShopId
from footfall.limits import (
    AFTER_WAIT_SECONDS,
    ANALYTICS_ANSWER_BYTES_MAX,
    ANALYTICS_AWAITED_RECORDS,
    ANALYTICS_AWAITED_SECONDS,
    ANALYTICS_QUESTION_SECONDS,
    ANALYTICS_QUESTIONS_MAX,
    ANALYTICS_START_AFTER_SECONDS,
    ANALYTICS_TELL_SECONDS,
)
from footfall.log.port import Group, Log, Stream
from footfall.projections.analytics.asking import Answer, Question
from footfall.projections.shops import Shops
from footfall.service.workers import ended

DIRECTORY: Final = "analytics"
"""Where the files of shops are, in the data directory."""
SPILL: Final = "spill"
"""Where the engine puts what does not fit into memory, in that folder; cleared at each start."""
SENT: Final = "sent"
"""Where exports of orders wait in that folder until they have been compared."""
PARTITION: Final = 0
_NICE: Final = 10
_STREAMS: Final = (Stream.EVENTS, Stream.DOCUMENTS)
_RESTART_SECONDS: Final = (0.5, 1.0, 2.0, 5.0)
"""Pauses before it is started again, the last one from then on: less than what a question waits for it, so that one that
comes meanwhile is answered."""
_STEADY_SECONDS: Final = 60.0
_LINE_BYTES_MAX: Final = 4 * 1024 * 1024
_STOP_SECONDS: Final = 4.0
_KINDS: Final[Mapping[str, type[FootfallError]]] = {
    "InputInvalidError": InputInvalidError,
    "NotFoundError": NotFoundError,
    "AnalyticsUnavailableError": AnalyticsUnavailableError,
}
_OFF: Final = "Analytics is turned off on this server (setting analytics_memory_mb is 0)."
_GONE: Final = "The analytics process ended while it worked on this, and is being started again. Ask again."

_logger = structlog.get_logger("footfall.analytics")


def file_of(directory: Path, shop: ShopId) -> Path:
    """A shop's file in the directory of files."""
    return directory / f"{shop}.duckdb"


class Desk:
    """Where questions to analytics are handed in. All methods belong to the event loop."""

    def __init__(self, data: Path, log: Log, shops: Shops, memory_mb: int) -> None:
        self._data = data
        self._log = log
        self._shops = shops
        self._memory_mb = memory_mb
        self._ends: dict[Stream, Position] = dict.fromkeys(_STREAMS, Position(0))
        self._reached: dict[ShopId, Mapping[Stream, Position]] = {}
        self._failed: str | None = None
        """Why nothing can be taken in at the moment."""
        self._failing: dict[ShopId, str] = {}
        """Why nothing of some shops can be."""
        self._told_shops: set[ShopId] = set()
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._busy: dict[ShopId, asyncio.Lock] = {}
        self._number = 0
        self._questions = 0
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        """Whether somebody has asked."""
        self._up = asyncio.Event()
        self._moved: set[asyncio.Future[None]] = set()

    # --- what the server does ------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether there is analytics on this server."""
        return self._memory_mb > 0

    def follow(self, group: Group) -> None:
        """Note a group that has just become durable; the process hears of it soon."""
        if group.stream in self._ends:
            self._ends[group.stream] = group.positions[-1]
            self._news.set()

    async def start(self) -> None:
        """Start the process, and keep it running."""
        if self.is_on and self._task is None:
            for stream in _STREAMS:
                self._ends[stream] = (await self._log.ends(stream)).get(PARTITION, Position(0))
            if self._task is None:
                # Nobody waits any more for what was sent to a server before this one.
                shutil.rmtree(self._data / DIRECTORY / SENT, ignore_errors=True)
                self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the process; what it has not taken in it reads at the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def behind(self, shop: ShopId) -> int:
        """How many records of the log a shop's file has not taken in."""
        reached = self._reached.get(shop)
        return sum(max(0, self._ends[stream] - (reached[stream] if reached else 0)) for stream in _STREAMS)

    @property
    def pending(self) -> str | None:
        """What is missing until every shop's file covers every event."""
        if not self.is_on:
            return None
        if self._failed is not None:
            return f"takes in nothing at the moment: {self._failed}"
        if self._failing:
            return f"takes in nothing of a shop at the moment: {next(iter(self._failing.values()))}"
        waiting = [self.behind(shop.id) for shop in self._shops.all()]
        if any(behind > _BEHIND_UNSAID for behind in waiting):
            return f"reading the log, up to {max(waiting)} records behind"
        return None

    def path(self, shop: ShopId) -> Path:
        """A shop's file."""
        return file_of(self._data / DIRECTORY, shop)

    # --- what may be asked ---------------------------------------------------------------------------------------

    async def ask(
        self, shop: ShopId, question: Question, *, after: Mapping[Stream, Position] | None = None, wait_seconds: float = 0
    ) -> Answer:
        if not self.is_on:
            raise AnalyticsUnavailableError(_OFF)
        if self._questions >= ANALYTICS_QUESTIONS_MAX:
            raise AnalyticsUnavailableError("More questions wait for analytics than may wait. Ask again later.")
        self._questions += 1
        try:
            await self.start()
            await self._require_up()
            if after:
                await self._reach(shop, after, wait_seconds)
            elif self.behind(shop) <= ANALYTICS_AWAITED_RECORDS:
                # It is there in a moment; at a start in a few. Who is far behind is not waited for, and says so.
                seconds = ANALYTICS_AWAITED_SECONDS if shop in self._reached else AFTER_WAIT_SECONDS
                with suppress(PositionNotReachedError):
                    await self._reach(shop, dict(self._ends), seconds)
            if question.report != "sql":
                return await self._asked(shop, question)
            # One statement of a shop at a time: what people write may need all the memory that there is.
            async with self._busy.setdefault(shop, asyncio.Lock()):
                return await self._asked(shop, question)
        finally:
            self._questions -= 1

    async def _asked(self, shop: ShopId, question: Question) -> Answer:
        await self._require_up()
        return await self._answered("ask", shop=shop, question=question, timeout_seconds=ANALYTICS_QUESTION_SECONDS)

    async def _answered(self, command: str, **about: Any) -> Answer:
        """What the process answers to a command. Raises what it says, or ``AnalyticsUnavailableError``."""
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({command: number, **about})
            async with asyncio.timeout(ANALYTICS_QUESTION_SECONDS * 2):
                told: Answer = await answer
                return told
        except TimeoutError as failure:
            raise AnalyticsUnavailableError("Analytics did not answer in time. Ask again later.") from failure
        finally:
            del self._waiting[number]
            if not answer.done() or answer.cancelled():
                self._send({"cancel": number})

    async def keep(self, content: bytes) -> Path:
        """Keep what was sent with a question for the process, until whoever asked takes it away."""
        await self.start()
        directory = self._data / DIRECTORY / SENT
        path = directory / f"{secrets.token_hex(8)}.sent"

        def write() -> None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)

        await asyncio.to_thread(write)
        return path

    async def start_anew(self, shop: ShopId) -> None:
        """Have a shop's file made anew from the log. Raises ``AnalyticsUnavailableError``."""
        if not self.is_on:
            raise AnalyticsUnavailableError(_OFF)
        await self.start()
        await self._require_up()
        # Until it says that it has begun, it may still say how far the old one was.
        await self._answered("anew", shop=shop)

    async def caught_up(self, shop: ShopId, told: Callable[[int], None] | None = None) -> None:
        """Return once a shop's file covers what the log holds now; ``told`` is given what is left now and then. Raises
        ``AnalyticsUnavailableError``."""
        if not self.is_on:
            raise AnalyticsUnavailableError(_OFF)
        await self.start()
        await self._require_up()
        await self._reach(shop, dict(self._ends), None, told)

    async def _reach(
        self,
        shop: ShopId,
        ends: Mapping[Stream, Position],
        wait_seconds: float | None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        try:
            async with asyncio.timeout(wait_seconds):
                while not self._has_reached(shop, ends):
                    moved = asyncio.get_running_loop().create_future()
                    self._moved.add(moved)
                    try:
                        await moved
                    finally:
                        self._moved.discard(moved)
                    if told is not None:
                        told(self.behind(shop))
                    failed = self._failed or self._failing.get(shop)
                    if wait_seconds is None and failed is not None:
                        raise AnalyticsUnavailableError(failed)
        except TimeoutError as failure:
            raise PositionNotReachedError from failure

    def _has_reached(self, shop: ShopId, ends: Mapping[Stream, Position]) -> bool:
        reached = self._reached.get(shop)
        return reached is not None and all(reached[stream] >= end for stream, end in ends.items())

    async def _require_up(self) -> None:
        self._wanted.set()
        try:
            async with asyncio.timeout(_UP_SECONDS):
                await self._up.wait()
        except TimeoutError as failure:
            raise AnalyticsUnavailableError("The analytics process is not up. Ask again later.") from failure

    # --- the process ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Keep a process running, for ever; one that ends soon is started again later and later."""
        failures = 0
        # Collection and lists come first at a start.
        with suppress(TimeoutError):
            async with asyncio.timeout(ANALYTICS_START_AFTER_SECONDS):
                await self._wanted.wait()
        while True:
            began = time.monotonic()
            try:
                await self._live()
            except Exception:
                # Whatever it was: without this loop there would be no analytics until the server starts again.
                _logger.exception("analytics_failed")
            failures = 0 if time.monotonic() - began > _STEADY_SECONDS else failures + 1
            if failures > 1:
                self._failed = "the analytics process ends soon after its start, again and again; the log says why"
                self._wake()
            pause = _RESTART_SECONDS[min(failures, len(_RESTART_SECONDS)) - 1] if failures else _RESTART_SECONDS[0]
            _logger.warning("analytics_ended", again_in_seconds=pause)
            await asyncio.sleep(pause)

    async def _live(self) -> None:
        parameters = {"data": str(self._data), "generation": self._log.generation, "memory_mb": self._memory_mb}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "footfall.service.worker",
            "analytics",
            msgspec.json.encode(parameters).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES_MAX,
            env={**os.environ, "FOOTFALL_WORKER_NICE": str(_NICE)},
        )
        assert process.stdout is not None
        self._process = process
        self._told_shops = set()
        self._up.set()
        self._news.set()
        telling = asyncio.create_task(self._tell())
        try:
            while line := await process.stdout.readline():
                told = msgspec.json.decode(line, type=dict[str, Any])
                body = await process.stdout.readexactly(_length(told))
                self._hear(told, body)
        except asyncio.IncompleteReadError:
            # It was killed in the middle of an answer.
            pass
        finally:
            self._up.clear()
            telling.cancel()
            await self._end(process)
            for answer in list(self._waiting.values()):
                if not answer.done():
                    answer.set_exception(AnalyticsUnavailableError(_GONE))

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Let it save where it is, and end it if it does not."""
        self._send({"stop": True})
        self._process = None
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await ended(process)
        except TimeoutError:
            process.kill()
            await ended(process)

    async def _tell(self) -> None:
        """Say how far the log goes, shops first: of whose event comes before its shop nobody would know."""
        told: Mapping[Stream, Position] | None = None
        while True:
            await self._news.wait()
            self._news.clear()
            ends = dict(self._ends)
            new = {shop.id: shop.email_key for shop in self._shops.all() if shop.id not in self._told_shops}
            if new:
                self._told_shops.update(new)
                # What was not there when it was last told has nothing before that.
                self._send({"shops": {str(shop): key for shop, key in new.items()}, "since": told})
            self._send({"ends": ends})
            told = ends
            if self._process is not None and self._process.stdin is not None:
                with suppress(ConnectionError):
                    await self._process.stdin.drain()
            await asyncio.sleep(ANALYTICS_TELL_SECONDS)

    def _send(self, line: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(msgspec.json.encode(line) + b"\n")

    def _hear(self, told: Mapping[str, Any], body: bytes) -> None:
        if "answer" in told:
            if "anew" in told:
                self._reached[ShopId(int(told["anew"]))] = dict.fromkeys(_STREAMS, Position(0))
            self._answer(told, body)
        elif "reached" in told:
            self._failed = None
            self._failing = {ShopId(int(shop)): str(why) for shop, why in told["failing"].items()}
            for shop, of in told["reached"].items():
                self._reached[ShopId(int(shop))] = {stream: Position(of[stream.value]) for stream in _STREAMS}
            self._wake()
        elif "failed" in told:
            self._failed = str(told["failed"])
            _logger.warning("analytics_feed_failed", error=self._failed)
            self._wake()
        elif "set_aside" in told:
            self._reached.pop(ShopId(int(told["set_aside"])), None)
            _logger.warning("analytics_file_set_aside", shop=told["set_aside"], why=told["why"])

    def _answer(self, told: Mapping[str, Any], body: bytes) -> None:
        answer = self._waiting.get(int(told["answer"]))
        if answer is None or answer.done():
            return
        if "error" in told:
            answer.set_exception(_KINDS.get(told["kind"], FootfallError)(told["error"]))
        else:
            ends = {Stream(stream): Position(end) for stream, end in told["ends"].items()}
            behind = sum(max(0, self._ends[stream] - ends.get(stream, 0)) for stream in _STREAMS)
            answer.set_result(Answer(body, told["type"], ends, behind, bool(told["truncated"])))

    def _wake(self) -> None:
        for moved in self._moved:
            if not moved.done():
                moved.set_result(None)


_BEHIND_UNSAID: Final = 20_000
"""Records behind which nobody is told that a file lies: a second of a busy server."""
_UP_SECONDS: Final = 10.0


def _length(told: Mapping[str, Any]) -> int:
    length = int(told.get("bytes", 0))
    if not 0 <= length <= 2 * ANALYTICS_ANSWER_BYTES_MAX:
        raise ValueError(f"an answer of {length} bytes")
    return length

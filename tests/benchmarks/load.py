"""The load generators: each in a process of its own, over loopback, with keep-alive.

Closed loop (every connection sends as soon as it is answered) is wrk's work where it is installed. Open loop sends at fixed
times whatever the server does, and measures each latency from the time at which the request was due: a server that stalls is
charged for everything that had to wait (coordinated omission is corrected).
"""

import asyncio
import gc
import random
import selectors
import shutil
import subprocess
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from tests.benchmarks.events import KEY, PRODUCTS, USER_AGENT, product_number, visitor, wire_event

Kind = Literal["single", "batch", "batch-ids", "viewed", "top_sellers", "trending_products", "recommended", "viewed-related"]

BATCH: Final = 100
ROOT: Final = Path(__file__).resolve().parents[2]
_LUA: Final = Path(__file__).with_name("load.lua")
WARM_UP_SECONDS: Final = 1.0
"""The beginning of an open loop that is sent and not measured."""
_FINISH_SECONDS: Final = 10.0
"""How long a generator waits for answers after the last request was due; what is missing then has failed."""
_RANKINGS: Final = ("top_sellers", "trending_products")
_NOT_BY_WRK: Final = (*_RANKINGS, "recommended", "viewed-related")
_PATHS: Final = {
    "single": "/api/v2/analytics/event",
    "batch": "/api/v2/analytics/event/bulk",
    "batch-ids": "/api/v2/analytics/event/bulk",
}


def closed_loop() -> str:
    """Which generator sends in a closed loop on this machine."""
    return "wrk" if shutil.which("wrk") is not None else "the built-in generator, which takes more of the processor than wrk"


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where. ``rate`` is requests a second at fixed times; 0 is a closed loop."""

    url: str
    kind: Kind
    visitors: int
    seconds: float
    first: int = 0
    """The number of the first visitor of whom ``viewed`` is asked."""
    connections: int = 64
    rate: float = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: answers of status 2xx, everything else, and the latencies of the former."""

    answered: int
    failed: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    p995_ms: float = 0.0
    """Of the built-in generator alone."""

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds


class Generator:
    """Traffic under way."""

    def __init__(self, traffic: Traffic) -> None:
        seed = random.SystemRandom().getrandbits(31)
        wrk = shutil.which("wrk") if not traffic.rate and traffic.kind not in _NOT_BY_WRK else None
        if wrk is not None:
            self.arguments = [
                wrk, "-t1", f"-c{traffic.connections}", f"-d{max(1, round(traffic.seconds))}s", "--timeout", "10s",
                "-s", str(_LUA), traffic.url, "--", traffic.kind, KEY, str(traffic.visitors), str(seed), str(traffic.first),
            ]  # fmt: skip
        else:
            specification = msgspec.json.encode(traffic).decode()
            self.arguments = [sys.executable, "-m", "tests.benchmarks.load", specification, str(seed)]
        self._seconds_max = traffic.seconds + 3 * _FINISH_SECONDS
        self._process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def outcome(self) -> Outcome:
        """Wait for the end. Raises ``RuntimeError`` where the generator failed."""
        try:
            output, errors = self._process.communicate(timeout=self._seconds_max)
        finally:
            self.stop()
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if self._process.returncode != 0 or not lines:
            raise RuntimeError(f"{self.arguments[0]} ended with {self._process.returncode}: {(errors or output)[-2000:]}")
        return msgspec.json.decode(lines[-1], type=Outcome)

    def stop(self) -> None:
        """End it early; without effect on one that has ended."""
        if self.running:
            self._process.kill()
            self._process.wait()


def drive(traffic: Traffic) -> Outcome:
    """Send traffic, and wait for its end."""
    return Generator(traffic).outcome()


def request_maker(traffic: Traffic, chance: random.Random) -> Callable[[], bytes]:
    """Makes one whole request after the other, each with fresh events."""
    host = urlsplit(traffic.url).netloc
    run = chance.getrandbits(32)
    count = 0

    def event(*, with_id: bool) -> str:
        nonlocal count
        count += 1
        event_id = f"{run:08x}-0000-4000-8000-{count:012x}" if with_id else None
        return wire_event(chance, visitors=traffic.visitors, now=time.time_ns() // 1_000_000, event_id=event_id)

    def viewed() -> bytes:
        uuid = visitor(traffic.first + int(chance.random() * traffic.visitors))
        return f"GET /api/v1/products/viewed?key={KEY}&uuid={uuid} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def post() -> bytes:
        if traffic.kind == "single":
            body = event(with_id=False)
        else:
            body = "[" + ",".join(event(with_id=traffic.kind == "batch-ids") for _ in range(BATCH)) + "]"
        return (
            f"POST {_PATHS[traffic.kind]} HTTP/1.1\r\nHost: {host}\r\nX-Rebuy-User-Token: {KEY}\r\n"
            f"Content-Type: application/json\r\nUser-Agent: {USER_AGENT}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def ranking() -> bytes:
        return f"GET /api/v1/products/{traffic.kind}?key={KEY} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def recommended() -> bytes:
        """What goes with a product that is looked at, for somebody who was seen before; or with what they looked at."""
        uuid = visitor(traffic.first + int(chance.random() * traffic.visitors))
        given = f"&shopify_product_ids={product_number(int(chance.random() * PRODUCTS))}" * (traffic.kind == "recommended")
        return f"GET /api/v1/products/{traffic.kind}?key={KEY}&uuid={uuid}{given} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    if traffic.kind in _RANKINGS:
        return ranking
    if traffic.kind in _NOT_BY_WRK:
        return recommended
    return viewed if traffic.kind == "viewed" else post


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self.due: float | None = None
        """When the request under way was due."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._sender.answered(self, ok=head[9:10] == b"2")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lost(self)


class _Sender:
    """Sends by schedule or in a closed loop, and keeps what came back."""

    def __init__(self, traffic: Traffic, make: Callable[[], bytes]) -> None:
        self._traffic = traffic
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Connection] = []
        self._waiting: deque[float] = deque()
        self._latencies = array("d")
        self._failed = 0
        self._begin = 0.0
        self._end = 0.0
        self._sent = 0
        self._closing = False
        self.finished = asyncio.Event()

    async def run(self) -> Outcome:
        traffic = self._traffic
        where = urlsplit(traffic.url)
        assert where.hostname is not None
        assert where.port is not None
        for _ in range(traffic.connections):
            _, connection = await self._loop.create_connection(lambda: _Connection(self), where.hostname, where.port)
            self._idle.append(connection)
        warm_up = WARM_UP_SECONDS if traffic.rate else 0.0
        start = self._loop.time() + 0.05
        self._begin, self._end = start + warm_up, start + warm_up + traffic.seconds
        if traffic.rate:
            self._loop.call_at(start, self._tick, start)
        else:
            for connection in [self._idle.pop() for _ in range(len(self._idle))]:
                connection.send(self._make(), self._loop.time())
        self._loop.call_at(self._end, self._check_finished)
        try:
            async with asyncio.timeout_at(self._end + _FINISH_SECONDS):
                await self.finished.wait()
        except TimeoutError:
            self._failed += traffic.connections - len(self._idle) + len(self._waiting)
        self._closing = True
        ordered = sorted(self._latencies) or [0.0]

        def at(share: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000

        return Outcome(
            answered=len(self._latencies),
            failed=self._failed,
            seconds=traffic.seconds,
            p50_ms=at(0.5),
            p90_ms=at(0.9),
            p99_ms=at(0.99),
            max_ms=ordered[-1] * 1_000,
            p995_ms=at(0.995),
        )

    def _tick(self, first: float) -> None:
        """Send everything that is due by now, then wait for the next."""
        interval = 1 / self._traffic.rate
        due = first + self._sent * interval
        while due <= self._loop.time() and due < self._end:
            if self._idle:
                self._idle.pop().send(self._make(), due)
            else:
                self._waiting.append(due)
            self._sent += 1
            due = first + self._sent * interval
        if due < self._end:
            self._loop.call_at(due, self._tick, first)

    def answered(self, connection: _Connection, *, ok: bool) -> None:
        now = self._loop.time()
        due, connection.due = connection.due, None
        if due is not None and due >= self._begin:
            if ok:
                self._latencies.append(now - due)
            else:
                self._failed += 1
        if self._waiting:
            connection.send(self._make(), self._waiting.popleft())
        elif not self._traffic.rate and now < self._end:
            connection.send(self._make(), now)
        else:
            self._idle.append(connection)
            if now >= self._end:
                self._check_finished()

    def lost(self, connection: _Connection) -> None:
        """A server that hangs up is no measurement: end with what there is, and count what was under way as failed."""
        if not self._closing:
            if connection.due is None:
                self._idle.remove(connection)
            self._failed += 1
            self.finished.set()

    def _check_finished(self) -> None:
        if len(self._idle) == self._traffic.connections and not self._waiting:
            self.finished.set()


async def _send(traffic: Traffic, seed: int) -> Outcome:
    return await _Sender(traffic, request_maker(traffic, random.Random(seed))).run()


def main() -> None:
    """Send the traffic of the first argument (JSON) with the seed of the second; print the outcome as JSON."""
    traffic = msgspec.json.decode(sys.argv[1], type=Traffic)
    # select() takes its timeout in microseconds where epoll rounds it up to a millisecond, which would be the result.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    gc.disable()
    print(msgspec.json.encode(loop.run_until_complete(_send(traffic, int(sys.argv[2])))).decode())


if __name__ == "__main__":
    main()

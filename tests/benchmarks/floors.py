"""The floors: what the same machine does, in the same run, without Footfall's work.

Run as a module it is the bare web framework: Litestar's ``@asgi`` handler on uvicorn (uvloop, httptools), which reads the body
and answers the same bytes, and nothing else.
"""

import gc
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import uvicorn
from litestar import Litestar, asgi

from footfall.event import encode_event
from footfall.identifiers import ShopId
from footfall.limits import WAL_PAGES_CHECKPOINT
from tests.benchmarks.events import VISITORS, stored_event
from tests.benchmarks.load import ROOT, WARM_UP_SECONDS

_START_SECONDS_MAX: Final = 30
_DISTINCT_RECORDS: Final = 20_000
_RECEIVED: Final = b'{"data":"Received"}'
_HEADERS: Final = [(b"content-type", b"application/json"), (b"content-length", str(len(_RECEIVED)).encode())]


class Latency(NamedTuple):
    """Percentiles in milliseconds."""

    p50_ms: float
    p99_ms: float


@asgi(["/api/v2/analytics/event", "/api/v2/analytics/event/bulk", "/api/v1/products/viewed"], copy_scope=False)
async def received(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _RECEIVED})


@contextmanager
def bare_framework() -> Iterator[str]:
    """The bare framework in a process of its own; its URL."""
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.floors"], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    watchdog = threading.Timer(_START_SECONDS_MAX, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        said = ""
        while (found := re.search(r"http://[\d.:]+", said)) is None:
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"The bare framework did not start: {said}")
            said += line
        watchdog.cancel()
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found[0]
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def sqlite_group_commit(directory: Path, *, group: int, seconds: float) -> float:
    """Records a second that SQLite alone makes durable in groups of this size: the log's own file settings, statement and
    records, one thread, no HTTP, nothing that follows."""
    place = Path(tempfile.mkdtemp(dir=directory))
    records = _records()
    connection = apsw.Connection(str(place / "floor.db"))
    try:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "FULL")
        connection.pragma("wal_autocheckpoint", WAL_PAGES_CHECKPOINT)
        connection.execute("CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL) STRICT")
        groups = [tuple(records[n : n + group]) for n in range(0, len(records) - group + 1, group)]
        begin = time.perf_counter()
        done = 0
        while (elapsed := time.perf_counter() - begin) < seconds:
            connection.execute(
                "INSERT INTO events (record) SELECT CAST(value AS TEXT) FROM carray(?)",
                (apsw.carray(groups[done % len(groups)]),),
            )
            done += 1
        return done * group / elapsed
    finally:
        connection.close()
        shutil.rmtree(place)


def append_and_sync(directory: Path, *, rate: float, seconds: float) -> Latency:
    """Latency of bare append + fdatasync at a fixed rate, from the time at which each record was due.

    Whatever is due is appended together and synced once, as a group commit does: one sync each would be a softer floor.
    """
    place = Path(tempfile.mkdtemp(dir=directory))
    records = _records()
    descriptor = os.open(place / "floor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    latencies: list[float] = []
    gc.disable()
    try:
        begin = time.perf_counter() + 0.05
        count = int(rate * (seconds + WARM_UP_SECONDS))
        done = 0
        while done < count:
            wait = begin + done / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            due = min(count, int((time.perf_counter() - begin) * rate) + 1)
            if due <= done:
                continue
            os.write(descriptor, b"".join(records[n % _DISTINCT_RECORDS] for n in range(done, due)))
            os.fdatasync(descriptor)
            now = time.perf_counter()
            latencies.extend(now - begin - n / rate for n in range(done, due))
            done = due
    finally:
        gc.enable()
        os.close(descriptor)
        shutil.rmtree(place)
    measured = sorted(latencies[int(rate * WARM_UP_SECONDS) :])
    return Latency(measured[len(measured) // 2] * 1_000, measured[int(len(measured) * 0.99)] * 1_000)


def _records() -> list[bytes]:
    """Records as the log stores them."""
    chance = random.Random(1)
    now = time.time_ns() // 1_000_000
    return [
        encode_event(stored_event(chance, shop=ShopId(1), visitors=VISITORS, received_at=now))
        for _ in range(_DISTINCT_RECORDS)
    ]


def main() -> None:
    """Serve the bare framework on a free port until it is killed; uvicorn says where on standard error."""
    uvicorn.run(
        Litestar([received], openapi_config=None),
        port=0,
        log_level="info",
        access_log=False,
        http="httptools",
        loop="uvloop",
        lifespan="off",
    )


if __name__ == "__main__":
    main()

"""Clients of the live feed in a process of their own: they read as fast as the feed tells, and count events."""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from footfall.api.live_feed import LIVE_FEED
from tests.benchmarks.load import ROOT

_EVENT: Final = b"data: {"
_CHUNK_BYTES: Final = 256 * 1024
_PAUSE_SECONDS: Final = 0.2
_END_SECONDS_MAX: Final = 60


class Listeners:
    """So many feeds of one shop, from their start on; ``told`` once they have nothing more to come."""

    def __init__(self, url: str, key: str, feeds: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.listen", url, key, str(feeds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        # Its first line: all of them are connected.
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def told(self, events: int) -> list[int]:
        """Events that each feed told, when all of them have told so many, or a minute later."""
        output, _ = self._process.communicate(f"{events}\n", timeout=2 * _END_SECONDS_MAX)
        found: list[int] = json.loads(output)
        return found

    def stop(self) -> None:
        """End it early; without effect on one that has ended."""
        self._process.kill()
        self._process.wait()


@contextmanager
def listening(url: str, key: str, feeds: int) -> Iterator[Listeners | None]:
    """Listeners while something is measured; none where there are no feeds."""
    listeners = Listeners(url, key, feeds) if feeds else None
    try:
        yield listeners
    finally:
        if listeners is not None:
            listeners.stop()


def _connected(url: str, key: str) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    head = f"GET {LIVE_FEED} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n\r\n"
    connection.sendall(head.encode())
    answer = connection.recv(_CHUNK_BYTES)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer[:500].decode("utf-8", "replace"))
    return connection


def main() -> None:
    """Connect as many feeds as the third argument says, print a line, and read until all have told the number of events that
    comes on standard input; then print a JSON list of what each told."""
    url, key, feeds = sys.argv[1:]
    connections = [_connected(url, key) for _ in range(int(feeds))]
    told = [0] * len(connections)
    ends = [b""] * len(connections)
    print("connected", flush=True)
    wanted: int | None = None
    deadline = float("inf")
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection, selectors.EVENT_READ, number)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while (wanted is None or min(told) < wanted) and time.monotonic() < deadline:
            for ready, _ in selector.select(_PAUSE_SECONDS):
                if ready.data is None:
                    wanted, deadline = int(sys.stdin.readline()), time.monotonic() + _END_SECONDS_MAX
                    selector.unregister(sys.stdin)
                    continue
                chunk = ends[ready.data] + connections[ready.data].recv(_CHUNK_BYTES)
                told[ready.data] += chunk.count(_EVENT)
                # What may be the beginning of the next one, and is none by itself.
                ends[ready.data] = chunk[-len(_EVENT) + 1 :]
    print(json.dumps(told))


if __name__ == "__main__":
    main()

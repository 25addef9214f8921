"""A server between a client and Footfall that misbehaves as it is told: once for each fault, and is honest from then on."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import httpx

from tests.support import WAIT_SECONDS

Fault = Literal["busy", "cut before", "cut after", "cut within", "garbage", "silent", "trickling", "narrow"]
"""``busy``: 503 with Retry-After, and nothing is handed on. ``cut before``, ``cut after``, ``cut within``: the connection ends
before the request is handed on, after that, or in the middle of the answer. ``garbage``: a page instead of the answer.
``silent``: handed on, and never answered. ``trickling``: the answer comes byte by byte and has no end.
``narrow``: 413, as a proxy gives it."""


class Faulty(ThreadingHTTPServer):
    """Hands requests on to a server, but for the faults that stand in line."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.faults: deque[Fault] = deque()
        self.bodies: list[bytes] = []
        """The bodies of all requests for collection, also of those that came to nothing."""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Faulty
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(*self._handed_on(b""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        match self.server.faults.popleft() if self.server.faults else "honest":
            case "busy":
                self._answer(503, b'{"error":"busy"}', {"Retry-After": "0"})
            case "narrow":
                self._answer(413, b"Request Entity Too Large", {})
            case "cut before":
                self.close_connection = True
            case "cut after":
                self._handed_on(body)
                self.close_connection = True
            case "cut within":
                status, answer, headers = self._handed_on(body)
                self._answer(status, answer[: len(answer) // 2], {**headers, "Content-Length": str(len(answer))})
                self.close_connection = True
            case "garbage":
                self._handed_on(body)
                self._answer(200, b"<html>Sign in to go on</html>", {})
            case "silent":
                self._handed_on(body)
                # Until the client has had enough.
                self.connection.recv(1)
                self.close_connection = True
            case "trickling":
                self._handed_on(body)
                self._trickle()
            case _:
                self._answer(*self._handed_on(body))

    def _trickle(self) -> None:
        """Answer a byte at a time, until the client has had enough."""
        self._answer(200, b"", {"Content-Length": str(10**9)})
        self.connection.settimeout(0.02)
        with suppress(ConnectionError):
            while True:
                try:
                    self.connection.recv(1)
                    break
                except TimeoutError:
                    self.wfile.write(b" ")
        self.close_connection = True

    def _handed_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        names = ("Authorization", "Footfall-Key", "Content-Type")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        with httpx.Client(timeout=30) as client:
            answer = client.request(self.command, self.server.behind + self.path, content=body, headers=headers)
        return answer.status_code, answer.content, {"Footfall-Position": answer.headers.get("Footfall-Position", "")}

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that http.server gives it
        """Say nothing."""


@contextmanager
def faulty(behind: str) -> Iterator[Faulty]:
    """A misbehaving server before another, until the end of the block."""
    between = Faulty(behind)
    thread = threading.Thread(target=between.serve_forever, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        between.shutdown()
        between.server_close()
        thread.join(WAIT_SECONDS)


def event_ids(body: bytes) -> list[str]:
    """The ids in one body."""
    return [event["event_id"] for event in json.loads(body)]

"""A host that keeps every promise but one: a proxy on loopback before a real server, and the faults it may have."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, urlencode

import httpx

RECEIVED = b'{"data":"Received"}'
_OF_THE_LINE = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


class Asked(NamedTuple):
    """A request on its way."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Came(NamedTuple):
    """An answer on its way back; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


Forward = Callable[[Asked], Came]
Fault = Callable[[Asked, Forward], Came]
When = Callable[[Asked], bool]


def sound(asked: Asked, forward: Forward) -> Came:
    """No fault at all."""
    return forward(asked)


class Proxy:
    """Forwards to a server, with one fault."""

    def __init__(self, target: str) -> None:
        self._fault: Fault = sound
        self._client = httpx.Client(base_url=target, timeout=30)
        proxy = self

        class Handler(_Handler):
            of = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    @contextmanager
    def with_fault(self, fault: Fault) -> Iterator[None]:
        """Have this fault meanwhile."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = sound

    def answer(self, asked: Asked) -> Came:
        """What the server answers, and the fault makes of it."""
        return self._fault(asked, self._forward)

    def _forward(self, asked: Asked) -> Came:
        path = f"{asked.path}?{urlencode(asked.query)}" if asked.query else asked.path
        answer = self._client.request(asked.method, path, headers=asked.headers, content=asked.body or None)
        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_LINE}
        return Came(answer.status_code, headers, answer.content)


class _Handler(BaseHTTPRequestHandler):
    of: ClassVar[Proxy]
    protocol_version = "HTTP/1.1"
    # Head and body leave in two pieces, of which the second would wait for the first one's acknowledgement.
    disable_nagle_algorithm = True

    def _pass(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _OF_THE_LINE}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = Asked(self.command, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)
        came = self.of.answer(asked)
        self.send_response(came.status)
        for name, value in {**came.headers, "content-length": str(len(came.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(came.body)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = _pass  # noqa: N815  # as http.server calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def to(method: str, path: str) -> When:
    """Requests of a method to a path, or to those below it."""
    return lambda asked: (
        asked.method == method and (asked.path == path or (path.endswith("/") and asked.path.startswith(path)))
    )


def says(*texts: str) -> When:
    """Requests in whose body one of these texts stands."""
    return lambda asked: any(text.encode() in asked.body for text in texts)


def everything(_asked: Asked) -> bool:
    """Every request."""
    return True


def refuses(when: When, status: int = 400) -> Fault:
    """Answers these with an error of its own instead of doing what they ask."""
    body = b'{"error":"Not like this."}'
    return lambda asked, forward: Came(status, {"content-type": "application/json"}, body) if when(asked) else forward(asked)


def forgets(when: When, body: bytes = RECEIVED, media_type: str = "application/json") -> Fault:
    """Acknowledges these and stores nothing."""
    return lambda asked, forward: Came(200, {"content-type": media_type}, body) if when(asked) else forward(asked)


def hears(when: When, change: Callable[[Asked], Asked]) -> Fault:
    """Takes these for something else."""
    return lambda asked, forward: forward(change(asked) if when(asked) else asked)


def hears_text(text: str, instead: str, when: When = everything) -> Fault:
    """Takes a text in a body for another one."""
    return hears(when, lambda asked: asked._replace(body=asked.body.replace(text.encode(), instead.encode())))


def hears_no(header: str, when: When = everything) -> Fault:
    """Overlooks a header."""
    left = header.lower()
    return hears(when, lambda asked: asked._replace(headers={n: v for n, v in asked.headers.items() if n != left}))


def hears_query(when: When, **parameters: str | None) -> Fault:
    """Takes parameters for others, or for absent."""

    def change(asked: Asked) -> Asked:
        query: dict[str, str | None] = {**asked.query, **parameters}
        return asked._replace(query={name: value for name, value in query.items() if value is not None})

    return hears(when, change)


def answers(when: When, change: Callable[[Came], Came]) -> Fault:
    """Does what these ask, and says something else."""
    return lambda asked, forward: change(forward(asked)) if when(asked) else forward(asked)


def answers_body(when: When, body: bytes, status: int | None = None) -> Fault:
    """Says this instead."""
    return answers(when, lambda came: came._replace(body=body, status=status or came.status))


def answers_status(when: When, status: int) -> Fault:
    """Says the same with another status."""
    return answers(when, lambda came: came._replace(status=status))


def answers_text(when: When, text: str, instead: str) -> Fault:
    """Says a text in other words."""
    return answers(when, lambda came: came._replace(body=came.body.replace(text.encode(), instead.encode())))


def answers_without(header: str, when: When = everything) -> Fault:
    """Leaves out a header."""
    return answers(when, lambda came: came._replace(headers={n: v for n, v in came.headers.items() if n != header}))


def answers_header(header: str, value: str, when: When = everything) -> Fault:
    """Says something else in a header."""
    return answers(when, lambda came: came._replace(headers={**came.headers, header: value}))


def answers_json(when: When, change: Callable[[Any], Any]) -> Fault:
    """Says something else in its JSON, where it answers 200."""

    def changed(came: Came) -> Came:
        return came._replace(body=json.dumps(change(json.loads(came.body))).encode()) if came.status == 200 else came

    return answers(when, changed)


def answers_products(change: Callable[[list[dict[str, Any]]], Any], when: When) -> Fault:
    """Lists something else."""
    return answers_json(when, lambda told: {**told, "data": change(told["data"])})

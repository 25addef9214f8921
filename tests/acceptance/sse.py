"""A client of server-sent events by the letter of the standard (WHATWG HTML, section 9.2), which the live feed is held to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import httpx

LIVE = "/api/v1/events/stream"
HTTP = httpx.Client(timeout=60)
"""One for all, since making one takes longer than a request. A feed that says nothing for a minute fails its test."""


class Message(NamedTuple):
    """An event as ``EventSource`` dispatches it."""

    type: str
    data: Any
    id: str


class Parser:
    """What ``EventSource`` makes of a body: messages, the id that it remembers, and the pause that it was told."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self.comments: list[str] = []
        self._rest = ""
        self._id = ""
        self._type = ""
        self._data: list[str] = []

    def take(self, text: str) -> Iterator[Message]:
        """The messages that are whole with this piece of the body."""
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line.startswith(":"):
                self.comments.append(value)
            elif name == "id":
                self._id = value
            elif name == "event":
                self._type = value
            elif name == "data":
                self._data.append(value)
            elif name == "retry":
                self.retry = int(value)
            elif not line:
                self.last_id = self._id
                if self._data:
                    yield Message(self._type or "message", json.loads("\n".join(self._data)), self._id)
                self._type, self._data = "", []


class Listener:
    """One connection to the feed of a server, which has told where it begins."""

    def __init__(self, response: httpx.Response) -> None:
        self.parser = Parser()
        self._texts = response.iter_text()
        early: list[Message] = []
        while not self.parser.last_id:
            early += self.parser.take(next(self._texts))
        self._messages = self._read(early)

    def next(self) -> Message:
        """The next message, once it is there."""
        return next(self._messages)

    def rest(self) -> list[Message]:
        """All messages until the feed ends, or is cut off: then those that were whole."""
        found = []
        with suppress(httpx.RemoteProtocolError):
            for message in self._messages:
                found.append(message)  # noqa: PERF402  # what came before it is cut off counts
        return found

    def _read(self, early: list[Message]) -> Iterator[Message]:
        yield from early
        for text in self._texts:
            yield from self.parser.take(text)


@contextmanager
def listening(url: str, secret: str, last_id: str = "", **parameters: str) -> Iterator[Listener]:
    """A connection to the feed of a server, which has answered."""
    headers = {"Authorization": f"Bearer {secret}"} | ({"Last-Event-ID": last_id} if last_id else {})
    with HTTP.stream("GET", url + LIVE, params=parameters, headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream"
        yield Listener(response)

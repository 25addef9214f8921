"""The host that is held against the promises, and what it answers: one request at a time, bounded in number, size and time."""

import time
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from footfall import __version__
from footfall.errors import FootfallError, InputInvalidError
from footfall.limits import CONFORMANCE_ANSWER_SECONDS, CONFORMANCE_BODY_BYTES_MAX, CONFORMANCE_REQUESTS_MAX

_SHOWN_MAX: Final = 600
"""Characters of a request or an answer that are shown: enough to see what is wrong with it."""


class Broken(Exception):  # noqa: N818  # no failure of this program: what it was made to find
    """A promise is not kept: what was sent, what was to come, and what came."""

    def __init__(self, sent: str, expected: str, came: str) -> None:
        super().__init__(expected)
        self.sent = sent
        self.expected = expected
        self.came = came


class Answer:
    """An answer of the host. Its methods raise ``Broken`` where it is not what they say."""

    def __init__(self, sent: str, status: int, headers: httpx.Headers, body: bytes) -> None:
        self.sent = sent
        self.status = status
        self.headers = headers
        self.body = body

    def require(self, holds: object, expected: str, came: str = "") -> None:
        """Break the promise unless ``holds``."""
        if not holds:
            text = self.body.decode(errors="replace")
            raise Broken(self.sent, expected, came or f"{self.status} {shortened(text) or '(an empty body)'}")

    def json(self, status: int = 200) -> Any:
        """The JSON that came with this status."""
        self.require(self.status == status, f"status {status}")
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Broken(self.sent, "a JSON body", f"{self.status} {self.body[:200]!r}") from None

    def is_received(self) -> None:
        """The one answer to an event that is taken."""
        self.is_exactly(200, {"data": "Received"})

    def is_exactly(self, status: int, value: object) -> None:
        """This status with this JSON and nothing else."""
        expected = f"{status} {msgspec.json.encode(value).decode()}"
        self.require(self.status == status, expected)
        self.require(self.json(status) == value, expected)

    def is_refused(self, status: int, *words: str) -> None:
        """This status with ``{"error": …}`` for people, in which these words stand."""
        named = f" that names {', '.join(words)}" if words else ""
        expected = f'{status} with a JSON object {{"error": "…"}}{named}'
        self.require(self.status == status, expected)
        told = self.json(status)
        error = told.get("error") if isinstance(told, dict) else None
        self.require(isinstance(error, str) and error and all(word in error for word in words), expected)

    def products(self) -> list[dict[str, Any]]:
        """The products of a list."""
        told = self.json()
        listed = told.get("data") if isinstance(told, dict) else None
        expected = '200 {"data": [products]}'
        self.require(isinstance(listed, list) and all(isinstance(product, dict) for product in listed), expected)
        products: list[dict[str, Any]] = listed  # type: ignore[assignment]  # as was just required
        return products

    def has_header(self, name: str, *values: str) -> None:
        """A header with one of these values, compared without case."""
        came = self.headers.get(name)
        expected = f"the header {name}: {' or '.join(values)}"
        found = came is not None and came.lower() in [value.lower() for value in values]
        self.require(found, expected, f"{self.status}, {name}: {came if came is not None else '(absent)'}")

    def lists_in_header(self, name: str, *values: str) -> None:
        """A header whose comma-separated list has all these values, or ``*``."""
        came = self.headers.get(name, "")
        there = {value.strip().lower() for value in came.split(",")}
        expected = f"the header {name} with {', '.join(values)}"
        self.require("*" in there or there.issuperset(values), expected, f"{self.status}, {name}: {came or '(absent)'}")


class Host:
    """A host at an address, with the public key of a shop there, and its secret key where that is given."""

    def __init__(self, url: str, key: str, secret: str | None = None) -> None:
        """Raises ``InputInvalidError`` where the address is none."""
        self.url = _address(url)
        self.key = key
        self.secret = secret
        self.requests = 0
        self._client = httpx.Client(
            headers={"User-Agent": f"footfall/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=CONFORMANCE_ANSWER_SECONDS,
        )

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """One request and its answer. Raises ``Broken`` where none comes, ``FootfallError`` where nobody is there at all."""
        if self.requests >= CONFORMANCE_REQUESTS_MAX:
            raise FootfallError(f"The checks may send {CONFORMANCE_REQUESTS_MAX} requests, and this would be one more.")
        url = httpx.URL(self.url + path).copy_merge_params(query or {})
        request = self._client.build_request(method, url, headers=headers, content=body or None)
        sent = _told(request, headers or {}, body)
        try:
            answer = self._answer(request, sent)
        except (httpx.TransportError, httpx.DecodingError) as failure:
            if self.requests == 0 and isinstance(failure, httpx.ConnectError):
                raise FootfallError(f"Nothing answers at {self.url}: {failure}. Is --url right?") from failure
            raise Broken(sent, "an answer", f"none: {failure or type(failure).__name__}") from failure
        finally:
            self.requests += 1
        return answer

    def _answer(self, request: httpx.Request, sent: str) -> Answer:
        response = self._client.send(request, stream=True)
        until = time.monotonic() + CONFORMANCE_ANSWER_SECONDS
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > CONFORMANCE_BODY_BYTES_MAX:
                    raise Broken(sent, f"an answer of at most {CONFORMANCE_BODY_BYTES_MAX:,} bytes", "a longer one")
                if time.monotonic() > until:
                    raise Broken(sent, f"a whole answer within {CONFORMANCE_ANSWER_SECONDS} seconds", "a part of one")
        finally:
            response.close()
        return Answer(sent, response.status_code, response.headers, bytes(body))


def _address(url: str) -> str:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as failure:
        raise InputInvalidError(f"{url[:200]!r} is no address: {failure}.") from failure
    if address.scheme not in ("http", "https") or not address.host:
        raise InputInvalidError(f"{url[:200]!r} is no address, such as http://127.0.0.1:8080.")
    return url.rstrip("/")


def shortened(text: str) -> str:
    """As much of a text as is shown."""
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def _told(request: httpx.Request, headers: Mapping[str, str], body: bytes) -> str:
    """A request as it is shown: its line, the headers that matter, its body; never a secret key."""
    shown = [f"{name}: {'Bearer …' if name == 'Authorization' else value}" for name, value in headers.items()]
    text = body.decode(errors="replace")
    return "\n".join([shortened(f"{request.method} {request.url}"), *shown, *([shortened(text)] if text else [])])

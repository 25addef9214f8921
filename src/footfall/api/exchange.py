"""One request and its answer, as the plain handlers see them: thin over ASGI, with the bounds on what is read."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from footfall.intake.body import body_too_large, media_type, read_form, unpacked
from footfall.intake.rejection import Rejected
from footfall.limits import BODY_BYTES_MAX, BODY_WAIT_SECONDS, QUERY_BYTES_MAX, RETRY_AFTER_SECONDS, WAITING_BYTES_MAX

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Body = TypeVar("Body")

JSON: Final = (b"content-type", b"application/json")
NO_STORE: Final = (b"cache-control", b"no-store")
HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}", re.ASCII)
"""What can be a host. What a client says of itself stands in lines that people paste into a shell."""


class ClientGone(Exception):  # noqa: N818  # not an error: nobody is there to be told
    """The client went away before its body was complete."""


class Answer(NamedTuple):
    """What goes back. ``headers`` without those that every answer has."""

    status: int
    body: bytes
    headers: Headers
    rest: AsyncGenerator[bytes, None] | None = None
    """What comes after ``body`` for as long as somebody reads it: begun already, and closed by whoever sends the answer."""


class Refused(Exception):  # noqa: N818  # an answer, raised where a handler can't go on
    """A request that is answered with an error: ``{"error": …}`` and this status."""

    def __init__(self, status: int, error: str, headers: Headers | None = None, rejected: Rejected | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers or []
        self.rejected = rejected
        """Set where a body could not be read, so that collection can quarantine it."""


class Budget:
    """Bytes of bodies that all requests together hold at the moment, and may hold."""

    __slots__ = ("bytes_max", "held")

    def __init__(self, bytes_max: int = WAITING_BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.held = 0


class Exchange:
    """One request: its parts, read when asked for. ``body`` is what arrived whole with the head; else ``receive`` reads it."""

    __slots__ = ("_budget", "_receive", "headers", "held", "method", "path", "query", "whole")

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        whole: bytes | None = None,
        receive: Receive | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers: dict[bytes, bytes] = dict(headers)
        self.whole = whole
        """The body as it arrived, where it arrived whole with the head."""
        self._receive = receive
        self._budget = Budget()
        self.held = 0

    def share(self, budget: Budget) -> None:
        """Count this request's body against what all requests of its kind may hold together, before it is read."""
        self._budget = budget

    def hold(self, size: int) -> None:
        """Claim bytes of the memory that all bodies share. Raises ``Refused`` (503) where there is none left."""
        self.require_room(size)
        self._budget.held += size
        self.held += size

    def require_room(self, size: int) -> None:
        """Raise ``Refused`` (503) where so many bytes more would not fit."""
        if self._budget.held + size > self._budget.bytes_max:
            raise Refused(503, "More bodies are waiting than this server holds at once. Send again later.")

    def release(self) -> None:
        """Give back what was claimed."""
        self._budget.held -= self.held
        self.held = 0

    def header(self, name: bytes) -> str:
        """A header's value, empty where it is not there."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value is not None else ""

    def parameters(self, alternatives: Collection[str] | None = None) -> dict[str, str]:
        """The query string's fields, as ``read_form`` takes them. Raises ``Refused`` (400, 413)."""
        if not self.query:
            return {}
        if len(self.query) > QUERY_BYTES_MAX:
            raise Refused(413, f"The query string is longer than {QUERY_BYTES_MAX} bytes. Send a POST with a body.")
        return or_refused(read_form(self.query, alternatives))

    async def body(self) -> bytes:
        """The body, unpacked. Raises ``Refused`` (400, 408, 413, 415, 503) or ``ClientGone``."""
        packed = await self.packed()
        encoding = self.headers.get(b"content-encoding")
        if encoding is None or not packed:
            return packed
        plain = or_refused(unpacked(packed, encoding.decode("latin-1")))
        # What a small body unpacks to takes as much room as a large one.
        self.hold(max(0, len(plain) - len(packed)))
        return plain

    async def packed(self, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """The body as it was sent. Raises ``Refused`` (408, 413, 503) or ``ClientGone``."""
        if self.whole is not None:
            _require_at_most(bytes_max, len(self.whole))
            self.hold(len(self.whole))
            return self.whole
        return await self._read_in_time(bytes_max)

    async def _read_in_time(self, bytes_max: int) -> bytes:
        length = self.headers.get(b"content-length")
        if length is not None:
            _require_at_most(bytes_max, int(length))
        if self._receive is None:
            return b""
        try:
            async with asyncio.timeout(BODY_WAIT_SECONDS):
                return await self._read(self._receive, bytes_max, int(length) if length is not None else None)
        except TimeoutError as failure:
            raise Refused(408, f"The body did not arrive within {BODY_WAIT_SECONDS} seconds.") from failure

    async def _read(self, receive: Receive, bytes_max: int, length: int | None) -> bytes:
        # What has been announced must fit, but only what has arrived is held: who announces much and sends nothing keeps
        # nobody out.
        self.require_room(length or 0)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        _require_at_most(bytes_max, len(chunk))
        self.hold(len(chunk))
        if not message.get("more_body"):
            return chunk
        chunks = [chunk]
        total = len(chunk)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            chunks.append(chunk)
            total += len(chunk)
            _require_at_most(bytes_max, total)
            self.hold(len(chunk))
        return b"".join(chunks)

    async def unless_gone(self, answering: Awaitable[Body]) -> Body:
        """What comes of this, unless the client goes away before: then it is cancelled, and ``ClientGone`` raised.

        Of a request that arrived whole the protocol sees that, and cancels whoever answers it.
        """
        if self._receive is None:
            return await answering
        work = asyncio.ensure_future(answering)
        gone = asyncio.ensure_future(self._gone(self._receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientGone
            return work.result()
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    def media_type(self) -> str:
        """``json`` or ``form``. Raises ``Refused`` (415)."""
        content_type = self.headers.get(b"content-type")
        if content_type is None or content_type == b"application/json":
            return "json"
        return or_refused(media_type(content_type.decode("latin-1")))

    async def fields(self, alternatives: Collection[str] | None = None) -> dict[str, Any]:
        """Query string, and over it the body of a POST (a form, or a JSON object). Raises as ``body`` does.

        With ``alternatives`` a name comes once, as ``read_form`` has it: then also either in the query string or in the body.
        """
        fields: dict[str, Any] = dict(self.parameters(alternatives))
        if self.method != "POST":
            return fields
        body = await self.body()
        if not body:
            return fields
        if self.media_type() == "form" and body.lstrip()[:1] != b"{":
            told: dict[str, Any] = dict(or_refused(read_form(body, alternatives)))
        else:
            told = _json_object(body)
        if alternatives is not None and (twice := fields.keys() & told.keys()):
            raise Refused(400, f"{min(twice)[:60]} is given in the query string and in the body. Give it once.")
        return fields | told


def _require_at_most(bytes_max: int, size: int) -> None:
    if size > bytes_max:
        too_large = body_too_large(bytes_max)
        raise Refused(413, too_large.error, rejected=too_large)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
        raise Refused(400, f"The body is not valid JSON: {failure}.") from failure
    if not isinstance(read, dict):
        raise Refused(400, "The body must be a JSON object.")
    return read


def or_refused(read: Body | Rejected) -> Body:
    """What was read, or the refusal of it raised. Raises ``Refused``."""
    if isinstance(read, Rejected):
        raise Refused(read.status, read.error, rejected=read)
    return read


def json_answer(content: object, *, status: int = 200, headers: Headers | None = None, pretty: bool = False) -> Answer:
    """An answer in JSON, indented where it is for eyes."""
    body = msgspec.json.encode(content)
    if pretty:
        body = msgspec.json.format(body, indent=2) + b"\n"
    return Answer(status, body, [JSON, *(headers or [])])


def error_answer(status: int, error: str, headers: Headers | None = None, more: Mapping[str, Any] | None = None) -> Answer:
    """``{"error": …}``: the one shape of every error."""
    return json_answer({"error": error, **(more or {})}, status=status, headers=headers)


def unavailable(error: str) -> Answer:
    """503 with ``Retry-After``: nothing was acknowledged."""
    return error_answer(503, error, [(b"retry-after", str(RETRY_AFTER_SECONDS).encode())])

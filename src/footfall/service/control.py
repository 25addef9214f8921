"""The control socket: commands of the owner, over HTTP on a Unix socket of mode 0600. Whoever can open it has full rights.

``POST /<command>`` with a JSON object of parameters. One value comes back as ``{"result": …}``; a stream as one JSON value a
line, ``{"item": …}``, or ``{"bytes": n}`` and after that line n raw bytes; ``{"end": true}`` ends it, so that what broke off
is never taken for the whole. A failure comes as ``{"error": …}``, in a stream too.
"""

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any

import msgspec
import structlog

from footfall.api.exchange import Receive, Scope, Send
from footfall.errors import FootfallError
from footfall.limits import CONTROL_BODY_BYTES_MAX
from footfall.service.commands import ABANDONED, STREAMING, Commands

_logger = structlog.get_logger("footfall.control")


class Control:
    """The ASGI application behind the control socket."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        name = scope["path"].strip("/")
        command = getattr(self._commands, name, None) if not name.startswith("_") else None
        if command is None or scope["method"] != "POST":
            await _reply(send, 404, {"error": f"There is no command {name!r}: is this the same version of Footfall?"})
            return
        try:
            parameters = await _parameters(receive)
            inspect.signature(command).bind(**parameters)
            if name != "status":
                self._commands.require_caught_up()
            if name in STREAMING:
                await _stream(receive, send, command(**parameters))
            elif name in ABANDONED:
                await _answer(receive, send, command(**parameters))
            else:
                await _reply(send, 200, {"result": await command(**parameters)})
        except FootfallError as failure:
            await _reply(send, 400, {"error": str(failure), "kind": type(failure).__name__})
        except (TypeError, msgspec.MsgspecError) as failure:
            await _reply(send, 400, {"error": f"The command {name!r} can't be called like this: {failure}"})
        except Exception as failure:
            _logger.exception("command_failed", command=name)
            await _reply(send, 500, {"error": f"The command {name!r} failed: {failure!r}. The server's log says more."})


async def _parameters(receive: Receive) -> dict[str, Any]:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > CONTROL_BODY_BYTES_MAX:
            raise FootfallError(f"A command's parameters have at most {CONTROL_BODY_BYTES_MAX} bytes.")
        if not message.get("more_body"):
            return msgspec.json.decode(body, type=dict[str, Any]) if body else {}


async def _stream(receive: Receive, send: Send, items: Any) -> None:
    """The first item is fetched before the status is sent, so that what is wrong from the start is an error answer.

    Ends as soon as the client goes away, though no item may ever come again: nobody else would end a watcher or a child.
    """
    gone = asyncio.ensure_future(_gone(receive))
    iterator = aiter(items)
    try:
        item = await _next(iterator, gone)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]})
        try:
            while item is not None:
                await send({"type": "http.response.body", "body": _line(item), "more_body": True})
                item = await _next(iterator, gone)
            end = b'{"end":true}\n'
        except FootfallError as failure:
            end = msgspec.json.encode({"error": str(failure), "kind": type(failure).__name__}) + b"\n"
        await send({"type": "http.response.body", "body": end})
    finally:
        gone.cancel()
        await iterator.aclose()


async def _answer(receive: Receive, send: Send, value: Awaitable[Any]) -> None:
    """What is made for the client alone ends as soon as it goes away."""
    gone = asyncio.ensure_future(_gone(receive))
    try:
        result = await _unless(gone, value)
    finally:
        gone.cancel()
    await _reply(send, 200, {"result": result})


async def _next(iterator: Any, gone: asyncio.Future[None]) -> Any:
    """The next item; ``None`` at the end, or when nobody waits for it any more."""
    return await _unless(gone, anext(iterator, None))


async def _unless(gone: asyncio.Future[None], awaited: Awaitable[Any]) -> Any:
    """What is awaited, which is cancelled when nobody waits for it any more: then ``None``."""
    value = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait((value, gone), return_when=asyncio.FIRST_COMPLETED)
        return value.result() if value.done() else None
    finally:
        if not value.done():
            value.cancel()
            await asyncio.gather(value, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(item: Any) -> bytes:
    if isinstance(item, bytes):
        return b'{"bytes":%d}\n' % len(item) + item
    return msgspec.json.encode({"item": item}) + b"\n"


async def _reply(send: Send, status: int, content: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(content)})

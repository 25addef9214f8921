"""The way in: every request passes here for its route, CORS, limits and errors. Order is decided in ``respond``, once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

import structlog

from footfall.api.answers import ANSWERS, AnswerRoute
from footfall.api.catalog import COLLECTIONS, PRODUCTS, CatalogRoutes
from footfall.api.collect import PIXEL_PATH, Collection
from footfall.api.data_sources import CUSTOM, DATA_SOURCES, Custom, DataSourceRoutes
from footfall.api.exchange import (
    JSON,
    Answer,
    Budget,
    ClientGone,
    Exchange,
    Headers,
    Receive,
    Refused,
    Scope,
    Send,
    error_answer,
    json_answer,
    unavailable,
)
from footfall.api.lists import PREFIX, Lists
from footfall.api.live_feed import LIVE_FEED, LiveFeedRoute
from footfall.api.parts import Parts
from footfall.api.reports import REPORTS_PATH, SQL_PATH, Reports, Sql
from footfall.api.sources import Sources
from footfall.api.status import Status
from footfall.api.webhooks import SHOPIFY, WebhookRoutes
from footfall.api.where import Where
from footfall.errors import LogUnavailableError, NotReadyError, PositionNotReachedError
from footfall.limits import REQUESTS_MAX

Handler = Callable[[Exchange], Awaitable[Answer]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

COLLECTION_PATHS: Final = frozenset(
    {
        "/api/v1/analytics/event",
        PIXEL_PATH,
        "/api/v2/analytics/event",
        "/admin/api/v2/event",
        "/api/v2/analytics/event/bulk",
    }
)
_SOON_PATHS: Final = frozenset({"/api/v2/analytics/event", "/admin/api/v2/event"})
NOT_SERVED: Final = ("/user/config", "/widgets/settings", "/smart-search/", "/smart-collections/", "/meta/")
"""Families of the inherited interface that stay where they are, with and without ``/api/v1`` before them."""
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Footfall-Position, Footfall-Lag, Footfall-Truncated, Retry-After, ETag",
)
_CORS_FOR_EVERYBODY: Final[Headers] = [(b"access-control-allow-origin", b"*"), _EXPOSED]
_METHODS: Final = b"GET, HEAD, POST, PUT, DELETE, OPTIONS"

_logger = structlog.get_logger("footfall.api")


class Application:
    """The ASGI application. ``pages`` answers what has no plain handler: typed handlers, documentation, pages."""

    def __init__(self, parts: Parts, pages: ASGI) -> None:
        collection = Collection(parts)
        status = Status(parts)
        lists = Lists(parts)
        custom, data_sources = Custom(parts, lists), DataSourceRoutes(parts, lists)
        catalog = CatalogRoutes(parts)
        reports = Reports(parts)
        self._routes: Mapping[str, Mapping[str, Handler]] = {
            "/api/v1/analytics/event": {"GET": collection.v1, "POST": collection.v1},
            PIXEL_PATH: {"GET": collection.v1},
            "/api/v2/analytics/event": {"POST": collection.v2},
            "/admin/api/v2/event": {"POST": collection.v2},
            "/api/v2/analytics/event/bulk": {"POST": collection.bulk},
            **{PREFIX + name: {"GET": of.handler, "POST": of.handler} for name, of in lists.items()},
            "/api/v1/sources": {"GET": Sources(parts, lists)},
            DATA_SOURCES: {"GET": data_sources.list},
            PRODUCTS: {"PUT": catalog.put_products},
            COLLECTIONS: {"PUT": catalog.put_collections},
            REPORTS_PATH: {"GET": reports.list},
            SQL_PATH: {"POST": Sql(parts)},
            LIVE_FEED: {"GET": LiveFeedRoute(parts)},
            SHOPIFY: {"POST": WebhookRoutes(parts).shopify},
            "/health": {"GET": status.health},
            "/ready": {"GET": status.ready},
        }
        self._with_reference: Mapping[str, Mapping[str, Handler]] = {
            "/api/v1/events/": {"GET": Where(parts)},
            ANSWERS + "/": {"GET": AnswerRoute(parts)},
            REPORTS_PATH + "/": {"GET": reports.report, "POST": reports.report},
            PRODUCTS + "/": {"DELETE": catalog.delete_product},
            COLLECTIONS + "/": {"DELETE": catalog.delete_collection},
            DATA_SOURCES + "/": {"PUT": data_sources.put, "GET": data_sources.get, "DELETE": data_sources.delete},
            **{path + "/": {"GET": custom, "POST": custom} for path in CUSTOM},
        }
        self._pages = pages
        self._requests = 0
        self._budget = Budget()
        self._collection = collection
        self._soon = lists.soon

    def answers(self, path: str) -> bool:
        """Whether this path has a plain handler, so that ``respond`` knows it."""
        return path in self._routes or path.startswith(tuple(self._with_reference))

    def streams(self, path: str) -> bool:
        """Whether this path's answer goes on for as long as somebody reads it: only ``__call__`` sends such a one whole."""
        return path == LIVE_FEED

    def ends_with_client(self, path: str) -> bool:
        """Whether answering this path stops when its client goes away, since nobody else has anything of it."""
        return path == SQL_PATH or path.startswith(REPORTS_PATH)

    def _handlers(self, path: str) -> Mapping[str, Handler]:
        """The handlers of a path that has some, by method."""
        handlers = self._routes.get(path)
        if handlers is None:
            handlers = next(of for prefix, of in self._with_reference.items() if path.startswith(prefix))
        return handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        exchange = Exchange(scope["method"], path, scope["query_string"], scope["headers"], receive=receive)
        if exchange.method == "OPTIONS" or self.answers(path):
            answer = await self.respond(exchange)
            if answer.rest is None:
                await _send(send, answer)
            else:
                await _stream(exchange, send, answer, answer.rest)
        else:
            await self._answer_elsewhere(exchange, scope, receive, send)

    async def respond(self, exchange: Exchange) -> Answer:
        """The answer of a plain handler, headers of every kind included; whole, unless its path ``streams``."""
        collection = exchange.path in COLLECTION_PATHS
        if exchange.method == "OPTIONS":
            answer = _preflight(exchange)
        else:
            answer = await self._respond(exchange)
            if collection:
                answer = await self._collection.completed(exchange, answer)
            if exchange.method == "HEAD":
                # Errors too: a client would take a body for the beginning of the next answer.
                if answer.rest is not None:
                    await answer.rest.aclose()
                answer = answer._replace(body=b"", rest=None)
        answer.headers.extend(_cors(exchange, collection=collection))
        return answer

    def respond_soon(self, exchange: Exchange, deliver: Callable[[Answer], None]) -> bool:
        """The short way of the requests that a shop sends most, a good v2 event and a plain list of one visitor; ``deliver``
        is called with the whole answer, now or later.

        ``False``, with nothing done, where a request needs ``respond``: the answers are the same.
        """
        soon = self._soon.get(exchange.path)
        if soon is not None and self._requests < REQUESTS_MAX:
            answer = soon(exchange)
            if answer is not None:
                answer.headers.extend(_CORS_FOR_EVERYBODY)
                deliver(answer)
            return answer is not None
        if exchange.path not in _SOON_PATHS or exchange.method != "POST" or self._requests >= REQUESTS_MAX:
            return False
        cors = _cors(exchange, collection=True)

        def finish(answer: Answer) -> None:
            self._requests -= 1
            exchange.release()
            answer.headers.extend(cors)
            deliver(answer)

        exchange.share(self._budget)
        if not self._collection.v2_soon(exchange, finish):
            exchange.release()
            return False
        self._requests += 1
        return True

    async def _respond(self, exchange: Exchange) -> Answer:
        path, method = exchange.path, exchange.method
        handlers = self._handlers(path)
        handler = handlers.get(method)
        if handler is not None:
            return await self._answer(handler, exchange)
        if method != "HEAD" or "GET" not in handlers:
            allowed = ", ".join([*handlers, "OPTIONS"])
            return error_answer(405, f"{method} is not taken here. Use {allowed}.", [(b"allow", allowed.encode())])
        if path in COLLECTION_PATHS:
            return Answer(200, b"", [JSON])
        return await self._answer(handlers["GET"], exchange)

    async def _answer(self, handler: Handler, exchange: Exchange) -> Answer:
        """Run a handler within the bounds that all requests share; every failure becomes an answer."""
        if self._requests >= REQUESTS_MAX:
            return unavailable("More requests are under way than this server takes at once. Send again later.")
        exchange.share(self._budget)
        self._requests += 1
        try:
            return await handler(exchange)
        except Refused as refused:
            if refused.status == 503:
                return unavailable(refused.error)
            return error_answer(refused.status, refused.error, refused.headers)
        except (LogUnavailableError, NotReadyError, PositionNotReachedError) as failure:
            return unavailable(str(failure))
        except ClientGone:
            return error_answer(400, "The body ended before it was complete.")
        except Exception:
            _logger.exception("request_failed", path=exchange.path)
            return error_answer(500, "Footfall failed to answer this; its log says why. Nothing was acknowledged.")
        finally:
            self._requests -= 1
            exchange.release()

    async def _answer_elsewhere(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        path = exchange.path
        headers = _cors(exchange, collection=False)
        for prefix in NOT_SERVED:
            if path.startswith(("/api/v1" + prefix, prefix)):
                answer = error_answer(404, f"{path[:200]} is not served by Footfall; see /docs/moving")
                answer.headers.extend(headers)
                await _send(send, answer if exchange.method != "HEAD" else answer._replace(body=b""))
                return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        try:
            await self._pages(scope, receive, send_with_headers)
        except NotReadyError as failure:
            answer = unavailable(str(failure))
            answer.headers.extend(headers)
            await _send(send, answer)


def _cors(exchange: Exchange, *, collection: bool) -> Headers:
    """CORS for an answer: everybody may read; collection echoes a real origin, since beacons are credentialed requests."""
    if collection:
        origin = exchange.headers.get(b"origin")
        if origin and origin != b"null":
            return [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"vary", b"Origin"),
                _EXPOSED,
            ]
    return _CORS_FOR_EVERYBODY


def _preflight(exchange: Exchange) -> Answer:
    """The answer to OPTIONS, before any key check: everything that is asked for is allowed."""
    wanted = exchange.headers.get(b"access-control-request-headers", b"*")
    return json_answer(
        {"data": "OK"},
        headers=[
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", b"7200"),
            (b"allow", _METHODS),
        ],
    )


async def _send(send: Send, answer: Answer) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
    await send({"type": "http.response.body", "body": answer.body})


async def _stream(exchange: Exchange, send: Send, answer: Answer, rest: AsyncGenerator[bytes, None]) -> None:
    """Send an answer bit by bit, each once the client has room for it, until it ends or the client goes away."""
    async with aclosing(rest):
        with suppress(ClientGone):
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await exchange.unless_gone(_pour(exchange, send, answer.body, rest))


async def _pour(exchange: Exchange, send: Send, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
    await send({"type": "http.response.body", "body": first, "more_body": True})
    try:
        async for chunk in rest:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except Exception:
        _logger.exception("stream_failed", path=exchange.path)
    await send({"type": "http.response.body", "body": b""})

"""Pages for people and the document for tools, as typed handlers of Litestar; what has no route is answered here too.

Imported after the server is up (``pages_later``): Litestar takes half a second to import. Everything is rendered at import, on
that thread, so that no request waits for a template.
"""

import hashlib
import html
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import HttpMethod, Litestar, MediaType, Request, Response, route
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from footfall import __version__
from footfall.api import reference_page
from footfall.api.application import ASGI, NOT_SERVED
from footfall.api.exchange import HOST
from footfall.api.lists import INHERITED, PREFIX
from footfall.api.openapi import document
from footfall.api.parts import Parts
from footfall.api.sdk import served_files

_METHODS: Final = [HttpMethod.GET, HttpMethod.HEAD]
_ALLOWED: Final = "GET, HEAD, OPTIONS"
_MAX_AGE_SECONDS: Final = 300
"""For how long a page may be shown without asking: after an update nobody reads the old one for long."""
_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The pages need no script and no other host; this makes sure.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}

_logger = structlog.get_logger("footfall.pages")


def _rendered(name: str, **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader("footfall.api", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(version=__version__, base=reference_page.BASE, page=name, **values)


_DOCUMENT: Final = document()
_OPENAPI: Final = msgspec.json.encode(_DOCUMENT)
_HOME: Final = _rendered("home.html")
_MOVING: Final = _rendered(
    "moving.html",
    lists=[PREFIX + name for name in INHERITED if PREFIX + name not in _DOCUMENT["paths"]],
    families=[f"{family}*" if family.endswith("/") else family for family in NOT_SERVED],
)
_DOCS: Final = _rendered(
    "docs.html",
    about=reference_page.prose(_DOCUMENT["info"]["description"]),
    groups=reference_page.groups(_DOCUMENT),
    fields=reference_page.rows(_DOCUMENT, "Event"),
    receipt=reference_page.rows(_DOCUMENT, "Receipt"),
    product=reference_page.rows(_DOCUMENT, "Product"),
    vocabulary=reference_page.vocabulary(),
)

_SDK: Final = served_files()

_Asked = Request[Any, Any, Any]


@route("/", http_method=_METHODS, media_type=MediaType.HTML)
async def home(request: _Asked) -> Response[bytes]:
    """What runs here, and what to do next."""
    return _page(request, _HOME)


@route("/docs", http_method=_METHODS, media_type=MediaType.HTML)
async def docs(request: _Asked) -> Response[bytes]:
    """The reference: every route, rendered from the OpenAPI document."""
    return _page(request, _DOCS)


@route("/docs/moving", http_method=_METHODS, media_type=MediaType.HTML)
async def moving(request: _Asked) -> Response[bytes]:
    """The guide for callers of the inherited interface."""
    return _page(request, _MOVING)


@route("/openapi.json", http_method=_METHODS, media_type=MediaType.JSON)
async def openapi(request: _Asked) -> Response[bytes]:
    """The OpenAPI document."""
    return _cached(request, _OPENAPI, MediaType.JSON)


@route("/sdk/{name:str}", http_method=_METHODS)
async def sdk(request: _Asked) -> Response[bytes]:
    """A file for browsers: the script, its companions, their types."""
    name: str = request.path_params["name"]
    file = _SDK.get(name)
    if file is None:
        return _error(404, f"There is no /sdk/{name[:100]}. There are {', '.join(_SDK)}.")
    headers = {
        "ETag": file.etag,
        "Cache-Control": file.cache_control,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    # Pages that ask for the document's isolation take nothing from elsewhere without this.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(content=b"", status_code=304, headers=headers, media_type=file.media_type)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(content=file.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(content=file.content, headers=headers, media_type=file.media_type)


def _page(request: _Asked, page: str) -> Response[bytes]:
    """A page with the address under which this server was called."""
    body = page.replace(reference_page.BASE, html.escape(_address(request))).encode()
    return _cached(request, body, MediaType.HTML)


def _address(request: _Asked) -> str:
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if HOST.fullmatch(host) else 'localhost:8080'}"


def _cached(request: _Asked, body: bytes, media_type: MediaType) -> Response[bytes]:
    """The answer with its ETag, or 304 where the client has it already."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={_MAX_AGE_SECONDS}", **_SECURITY}
    known = {given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(content=b"", status_code=304, headers=headers, media_type=media_type)
    return Response(content=body, headers=headers, media_type=media_type)


def _refusal(request: _Asked, refused: HTTPException) -> Response[bytes]:
    """404 and 405 as every error here is: JSON that says what to do."""
    if refused.status_code == 404 and refused.detail == HTTPStatus.NOT_FOUND.phrase:
        return _error(404, f"{request.scope['path'][:200]} is not here. /docs lists every route.")
    if refused.status_code == 405:
        return _error(405, f"{request.method} is not taken here. Use {_ALLOWED}.", {"Allow": _ALLOWED})
    return _error(refused.status_code, refused.detail)


def _failure(request: _Asked, failure: Exception) -> Response[bytes]:
    _logger.error("request_failed", path=request.scope["path"], exc_info=failure)
    return _error(500, "Footfall failed to answer this; its log says why. Try again, and report it if it stays.")


def _error(status: int, error: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        content=msgspec.json.encode({"error": error}),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MediaType.JSON,
    )


HANDLERS: Final = (home, docs, moving, openapi, sdk)
"""Every typed handler."""


def build(parts: Parts, more: Sequence[HTTPRouteHandler] = ()) -> ASGI:
    """The ASGI application; ``more`` handlers find the parts in its state. CORS headers are added around it (``application``),
    OPTIONS never comes this far."""
    application = Litestar(
        route_handlers=[*HANDLERS, *more],
        state=State({"parts": parts}),
        openapi_config=None,
        logging_config=None,
        exception_handlers={HTTPException: _refusal, Exception: _failure},
    )
    # Litestar's types of the three arguments are narrower than ASGI's; what is passed is the same.
    return cast("ASGI", application)

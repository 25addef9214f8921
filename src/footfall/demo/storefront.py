"""The demo shop's pages, as typed handlers of Litestar under ``/demo``. What is live on them comes by the public script alone.

Imported after the server is up, as ``api.pages`` is: nothing that starts a server may import it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import HttpMethod, MediaType, Request, Response, route
from litestar.exceptions import NotFoundException, ServiceUnavailableException

from footfall.demo import catalog
from footfall.demo.pictures import picture
from footfall.projections.shops import Shop

PREFIX: Final = "/demo"
"""Where the storefront is. Products' links and pictures lead there."""

_METHODS: Final = [HttpMethod.GET, HttpMethod.HEAD]
_STATIC: Final = {"demo.js": "text/javascript", "demo.css": "text/css"}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What a strict shop would send: the script needs no more than its own two lines. Lists bring a style of their own.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

_Asked = Request[Any, Any, Any]


@route([PREFIX, PREFIX + "/"], http_method=_METHODS)
async def home(request: _Asked) -> Response[str]:
    """The first page: what trends, what sells, what was seen."""
    return _page(request, "home.html", featured=catalog.products()[22:26])


@route(PREFIX + "/collections/{handle:str}", http_method=_METHODS)
async def collection(request: _Asked) -> Response[str]:
    """One collection, with all its products."""
    handle = request.path_params["handle"]
    if handle not in catalog.COLLECTIONS:
        raise NotFoundException(f"The demo shop has no collection {handle[:100]}.")
    products = [product for product in catalog.products() if product.collection == handle]
    return _page(request, "collection.html", handle=handle, title=catalog.COLLECTIONS[handle], products=products)


@route(PREFIX + "/products/{handle:str}", http_method=_METHODS)
async def product(request: _Asked) -> Response[str]:
    """One product, and what goes with it."""
    return _page(request, "product.html", product=_product(request))


@route(PREFIX + "/search", http_method=_METHODS)
async def search(request: _Asked) -> Response[str]:
    """What is found for ``q``."""
    words = str(request.query_params.get("q", ""))[:100].strip()
    return _page(request, "search.html", words=words, products=catalog.found(words))


@route(PREFIX + "/cart", http_method=_METHODS)
async def cart(request: _Asked) -> Response[str]:
    """The cart, which the page itself keeps."""
    return _page(request, "cart.html")


@route(PREFIX + "/pictures/{name:str}", http_method=_METHODS)
async def pictures(request: _Asked) -> Response[str]:
    """A product's picture."""
    found = catalog.by_handle().get(request.path_params["name"].removesuffix(".svg"))
    if found is None:
        raise NotFoundException("The demo shop has no such picture.")
    return _kept(request, picture(found), "image/svg+xml")


@route(PREFIX + "/static/{name:str}", http_method=_METHODS)
async def static(request: _Asked) -> Response[str]:
    """The storefront's own script and style."""
    name = request.path_params["name"]
    if name not in _STATIC:
        raise NotFoundException(f"There is no {name[:100]}. There are {', '.join(_STATIC)}.")
    return _kept(request, _text(name), _STATIC[name])


HANDLERS: Final = (home, collection, product, search, cart, pictures, static)


def _product(request: _Asked) -> catalog.DemoProduct:
    handle = request.path_params["handle"]
    found = catalog.by_handle().get(handle)
    if found is None:
        raise NotFoundException(f"The demo shop has no product {handle[:100]}.")
    return found


def _page(request: _Asked, name: str, **values: Any) -> Response[str]:
    shop = request.app.state.parts.shops.by_name(catalog.SHOP)
    if shop is None or shop.url is None:
        raise ServiceUnavailableException("The demo shop is being made. Load this page again.")
    elsewhere = _elsewhere(request, shop.url)
    if elsewhere is not None:
        return Response("", status_code=302, headers={"Location": elsewhere, "Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", **_SECURITY}
    return Response(_rendered(name, shop, values), media_type=MediaType.HTML, headers=headers)


def _elsewhere(request: _Asked, shop_url: str) -> str | None:
    """The same page where the shop's links lead: ``localhost`` and ``127.0.0.1`` are two visitors to a browser."""
    own = urlsplit(shop_url)
    if {own.hostname, request.url.hostname} <= _LOOPBACK and own.hostname != request.url.hostname:
        return f"{own.scheme}://{own.netloc}{request.url.path}{'?' + request.url.query if request.url.query else ''}"
    return None


def _rendered(name: str, shop: Shop, values: Mapping[str, Any]) -> str:
    return (
        _environment()
        .get_template(name)
        .render(
            key=shop.public_keys[0],
            currency=catalog.CURRENCY,
            collections=catalog.COLLECTIONS,
            goes_with=catalog.GOES_WITH,
            **values,
        )
    )


def _kept(request: _Asked, content: str, media_type: str) -> Response[str]:
    """A file, or 304 where the browser has it already."""
    tag = f'"{hashlib.blake2b(content.encode(), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if tag in request.headers.get("if-none-match", ""):
        return Response("", status_code=304, headers=headers, media_type=media_type)
    return Response(content, headers=headers, media_type=media_type)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("footfall.demo", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _text(name: str) -> str:
    return (files("footfall.demo") / "static" / name).read_text(encoding="utf-8")

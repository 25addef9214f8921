"""Lists of products as the client hands them over, and how a question for one is written. The shape is Shopify's REST one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict
from urllib.parse import quote, urlencode

import msgspec


class Variant(TypedDict):
    """A variant of a product. Amounts are decimal texts; ids are numbers where they are digits."""

    id: int | str | None
    product_id: int | str | None
    title: str | None
    price: str | None
    compare_at_price: str | None
    sku: str | None
    inventory_quantity: int | None
    available: bool
    admin_graphql_api_id: str | None


class _ProductExtras(TypedDict, total=False):
    metafields: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    metadata: dict[str, Any]


class Product(_ProductExtras):
    """A product. ``reasons`` are there with ``explain=True``, ``metafields`` with ``metafields=True``, ``metadata`` in
    ``purchased``; every other key always is, ``None`` where nothing is known."""

    id: int | str | None
    title: str | None
    body_html: str | None
    description: str | None
    vendor: str | None
    product_type: str | None
    created_at: str | None
    handle: str | None
    updated_at: str | None
    published_at: str | None
    template_suffix: str | None
    published_scope: str | None
    tags: str | None
    admin_graphql_api_id: str | None
    status: str | None
    image: dict[str, Any] | None
    images: list[dict[str, Any]]
    options: list[dict[str, Any]]
    variants: list[Variant]
    link: str | None
    catalog: bool


class Products(list[Product]):
    """The products of an answer, and what it says beside them."""

    def __init__(self, products: Iterable[Product] = (), metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(products)
        self.metadata: Mapping[str, Any] = metadata or {}


Parameter = str | int | bool | Iterable[str | int] | None
"""A parameter of a list: ``True`` and ``False`` are the words ``yes`` and ``no``, several values are joined by commas."""

_LISTS: Final = "/api/v1/products/"
_EVENTS: Final = "/api/v1/events/"


class _Found(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None


_FOUND: Final = msgspec.json.Decoder(_Found)


def list_path(name: str) -> str:
    """Where a list is: a name such as ``viewed``, or a whole path such as ``/custom/id/1234``."""
    return name if name.startswith("/") else _LISTS + quote(name, safe="")


def event_path(reference: str) -> str:
    """Where it is told what became of an event."""
    return _EVENTS + quote(reference, safe="")


def query(parameters: Mapping[str, Parameter]) -> str:
    """Parameters as they stand in a query string or a form."""
    return urlencode({name: _text(value) for name, value in parameters.items() if value is not None})


def found_in(body: bytes) -> _Found | None:
    """What an answer holds under ``data`` and ``metadata``; ``None`` where it can't be read."""
    try:
        return _FOUND.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: Parameter) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str | int):
        return str(value)
    return ",".join(map(str, value))

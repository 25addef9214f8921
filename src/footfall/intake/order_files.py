"""Files of orders of the Admin API, in whichever of the known shapes: which one it is, and its orders one by one."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from footfall.catalog import graphql, table
from footfall.catalog.shape import ShapeError, decode_json
from footfall.errors import InputInvalidError
from footfall.intake import order_graphql, order_rest, order_table
from footfall.intake.opening import Opened, looks_like
from footfall.limits import CATALOG_FILE_BYTES_MAX, ORDER_LINE_BYTES_MAX
from footfall.order import Order

Read = TypeVar("Read")

ORDERS_WANTED: Final = "orders of the Admin API: REST JSON, or the lines of a GraphQL bulk operation"
ORDER_TABLE: Final = "the CSV of orders that Shopify's admin exports"
_HEAD_CHARACTERS: Final = 2_000
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin, newer and older ones."""


class Item(NamedTuple, Generic[Read]):
    """One order of a file: the line it begins on (its number where the file is one JSON text), and what it says, or why it
    can't be read."""

    line: int
    order: Read | str


class OrderFile:
    """A file of orders for which ``looks_instead`` is ``None``. Use it once, then close what it reads."""

    def __init__(self, file: Opened) -> None:
        self._file = file
        text = _text_of(file.head())
        self._bulk = graphql.kind_of(_first_object(text)) == "Order"
        self._lines = isinstance(_first_object(text), dict) and "\n" in text.strip()

    def items(self, read: Callable[[Any], Read]) -> Iterator[Item[Read]]:
        """Its orders, in order, as ``read`` makes them of JSON objects. Raises ``InputInvalidError`` where the file breaks off
        or can't be read at all."""
        for number, raw in self._objects():
            if isinstance(raw, str):
                yield Item(number, raw)
                continue
            try:
                order: Read | str = read(raw)
            except ShapeError as failure:
                order = str(failure)
            yield Item(number, order)

    def fraction(self) -> float | None:
        """How much of it has been read, 0 to 1."""
        return self._file.fraction()

    def _objects(self) -> Iterator[tuple[int, Any]]:
        """Line and object of each order; a text stands for one that can't be read, and is why."""
        if self._bulk or self._lines:
            yield from _of_lines(self._file.lines(ORDER_LINE_BYTES_MAX), bulk=self._bulk)
            return
        # One JSON text; or lines of which the first is longer than what was looked at.
        body = self._file.read(CATALOG_FILE_BYTES_MAX)
        try:
            document = decode_json(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
            lines = body.splitlines()
            first = _first_object(lines[0].decode("utf-8", "replace"))
            if first is None:
                raise InputInvalidError(f"{self._file.name} is not valid JSON: {failure}.") from failure
            yield from _of_lines(lines, bulk=graphql.kind_of(first) == "Order")
            return
        yield from enumerate((raw for _, raw in _ungathered([(1, document)])), 1)


def read_order(raw: Any) -> Order:
    """An order out of an object of either API. Raises ``ShapeError`` with the field that is wrong."""
    return order_graphql.read_order(raw) if is_node(raw) else order_rest.read_order(raw)


def is_node(raw: Any) -> bool:
    """Whether an order is GraphQL's, by its id."""
    return graphql.kind_of(raw) == "Order"


def _of_lines(lines: Iterable[bytes], *, bulk: bool) -> Iterator[tuple[int, Any]]:
    """The lines of a bulk operation; else an order, or a page of them, on every line."""
    broken: list[tuple[int, str]] = []

    def objects() -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, decode_json(line.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
                broken.append((number, f"it is not valid JSON: {failure}"))

    found = graphql.gathered(objects(), order_graphql.list_of) if bulk else _ungathered(objects())
    for number, raw in found:
        yield from broken
        broken.clear()
        yield number, raw
    yield from broken


def _ungathered(objects: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    for number, read in objects:
        orders = _orders_of(read)
        for raw in [read] if orders is None else orders:
            yield number, "it is no object." if isinstance(raw, str) else raw


def looks_instead(head: bytes) -> str | None:
    """What a file with this beginning looks like, where it holds no orders of the Admin API."""
    text = _text_of(head)
    beginning = text[:_HEAD_CHARACTERS]
    kind = graphql.kind_of(_first_object(text))
    if kind not in (None, "Order"):
        return f"the lines of a GraphQL bulk operation over {kind}"
    if kind == "Order" or '"orders"' in beginning or '"line_items"' in text or '"lineItems"' in text:
        return None
    if not text.startswith(("{", "[")):
        return _no_json(head, text)
    if '"products"' in beginning or '"variants"' in text:
        return "products"
    if '"verb"' in beginning and '"noun"' in beginning:
        return "events"
    if text.strip() in ("[]", "{}"):
        return "empty JSON"
    return None if _may_be_orders(text) else "JSON of something else"


def _no_json(head: bytes, text: str) -> str:
    if not text:
        return "an empty file"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a text in UTF-16: save it as UTF-8"
    if text.startswith("--") and "content-disposition:" in text[:1_000].lower():
        return "the upload of a form: send the file as it is (--data-binary, with curl)"
    if head.startswith(_WORKBOOKS):
        return "a workbook of a spreadsheet program"
    looks = looks_like(head)
    if looks not in ("csv", None):
        return {"binary": "no text at all"}.get(looks, looks)
    if order_table.delimiter_of(text) is not None:
        return ORDER_TABLE
    columns = next(csv.reader(text.splitlines()[:1]), [])
    if table.looks_like_products(columns):
        return "a product CSV"
    return "a CSV of something else" if len(columns) > 1 or ";" in "".join(columns) else "plain text"


def _may_be_orders(text: str) -> bool:
    """Orders without lines: of a query that did not ask for them."""
    return any(
        f'"{name}"' in text for name in ("order_number", "checkout_token", "processed_at", "processedAt", "financial_status")
    )


def _text_of(head: bytes) -> str:
    return head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()


def _first_object(text: str) -> Any:
    """What stands on the first line, ``None`` where that is no JSON by itself."""
    try:
        return decode_json(text.partition("\n")[0])
    except (msgspec.DecodeError, RecursionError):
        return None


def _orders_of(document: Any) -> Iterable[Any] | None:
    """The orders that a JSON text holds: a list, or one under ``orders``, as GraphQL nests it too; ``None``: it is one."""
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        return None
    if isinstance(document.get("data"), Mapping):
        return _orders_of(document["data"])
    if "orders" not in document:
        return None
    orders = document["orders"]
    if isinstance(orders, Mapping):
        edges = orders.get("edges")
        orders = (
            [edge.get("node") for edge in edges if isinstance(edge, Mapping)]
            if isinstance(edges, list)
            else orders.get("nodes")
        )
    return orders if isinstance(orders, list) else [orders]

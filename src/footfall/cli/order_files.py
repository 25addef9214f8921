"""Files of orders, in whichever of the known shapes: which one it is, and its orders one by one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from footfall.catalog import graphql
from footfall.catalog.shape import ShapeError, decode_json
from footfall.cli.sources.opening import OpenFile, looks_like
from footfall.errors import InputInvalidError
from footfall.intake import order_graphql, order_rest
from footfall.limits import CATALOG_FILE_BYTES_MAX, ORDER_LINE_BYTES_MAX
from footfall.order import Order

_HEAD_CHARACTERS: Final = 2_000
_WANTED: Final = "orders of the Admin API: REST JSON, or the lines of a GraphQL bulk operation"


class Item(NamedTuple):
    """One order of a file: the line it begins on (its number where the file is one JSON text), and what it says, or why it
    can't be read."""

    line: int
    order: Order | str


class OrderFile:
    """A file of orders. Use it once, then close what it reads."""

    def __init__(self, file: OpenFile) -> None:
        """Raises ``InputInvalidError`` where the file looks like something else."""
        self._file = file
        head = file.head()
        text = head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
        first = _first_object(text)
        _require_orders(file.name, head, text, first)
        self._bulk = graphql.kind_of(first) == "Order"
        self._lines = isinstance(first, dict) and "\n" in text.strip()

    def items(self) -> Iterator[Item]:
        """Its orders, in order. Raises ``InputInvalidError`` where the file breaks off or can't be read at all."""
        if not self._bulk and not self._lines:
            yield from self._of_document()
            return
        yield from _of_lines(self._file.lines(ORDER_LINE_BYTES_MAX), bulk=self._bulk)

    def fraction(self) -> float | None:
        """How much of it has been read, 0 to 1."""
        return self._file.fraction()

    def _of_document(self) -> Iterator[Item]:
        """One JSON text; or lines of which the first is longer than what was looked at."""
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
        orders = _orders_of(document)
        for number, raw in enumerate([document] if orders is None else orders, 1):
            yield Item(number, _read(raw))


def _of_lines(lines: Iterable[bytes], *, bulk: bool) -> Iterator[Item]:
    """The lines of a bulk operation; else an order, or a page of them, on every line."""
    broken: list[Item] = []

    def objects() -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, decode_json(line.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
                broken.append(Item(number, f"it is not valid JSON: {failure}"))

    found = graphql.gathered(objects(), order_graphql.list_of) if bulk else _ungathered(objects())
    for number, raw in found:
        yield from broken
        broken.clear()
        yield Item(number, raw if isinstance(raw, str) else _read(raw))
    yield from broken


def _ungathered(objects: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    for number, read in objects:
        orders = _orders_of(read)
        for raw in [read] if orders is None else orders:
            yield number, "it is no object." if isinstance(raw, str) else raw


def _require_orders(name: str, head: bytes, text: str, first: Any) -> None:
    """Raise ``InputInvalidError``, saying what it looks like, where a file holds no orders."""
    beginning = text[:_HEAD_CHARACTERS]
    kind = graphql.kind_of(first)
    if kind not in (None, "Order"):
        looks = f"the lines of a GraphQL bulk operation over {kind}"
    elif kind == "Order" or '"orders"' in beginning or '"line_items"' in text or '"lineItems"' in text:
        return
    elif not text.startswith(("{", "[")):
        looks = {"binary": "no text at all", None: "plain text"}.get(looks_like(head), f"{looks_like(head)}, not JSON")
    elif '"products"' in beginning or '"variants"' in text:
        looks = "products"
    elif '"verb"' in beginning and '"noun"' in beginning:
        looks = "events: use --format jsonl"
    elif text.strip() in ("[]", "{}"):
        looks = "empty JSON"
    elif _may_be_orders(text):
        return
    else:
        looks = "JSON of something else"
    advice = " `footfall catalog import` reads products." if looks == "products" or "over Product" in looks else ""
    raise InputInvalidError(f"{name} looks like {looks}. --format shopify-orders reads {_WANTED}.{advice}")


def _may_be_orders(text: str) -> bool:
    """Orders without lines: of a query that did not ask for them."""
    return any(
        f'"{name}"' in text for name in ("order_number", "checkout_token", "processed_at", "processedAt", "financial_status")
    )


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


def _read(raw: Any) -> Order | str:
    try:
        return order_graphql.read_order(raw) if graphql.kind_of(raw) == "Order" else order_rest.read_order(raw)
    except ShapeError as failure:
        return str(failure)

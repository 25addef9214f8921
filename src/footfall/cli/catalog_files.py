"""Files of products, in whichever of the known shapes: which one it is, and its products one by one."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from footfall.catalog import graphql, rest, table
from footfall.catalog.product import Product
from footfall.catalog.shape import ShapeError, decode_json
from footfall.cli.sources.opening import OpenFile
from footfall.errors import InputInvalidError
from footfall.limits import CATALOG_FILE_BYTES_MAX, CATALOG_LINE_BYTES_MAX

FORMATS: Final = ("storefront", "admin", "bulk", "csv")


class Item(NamedTuple):
    """One product of a file: the line it begins on (its number where the file is one JSON text), and what it says, or why it
    can't be read. ``collections`` are those that it names itself."""

    line: int
    product: Product | str
    collections: list[str]


class CatalogFile:
    """A file of products. Use it once, then close it."""

    def __init__(self, file: OpenFile, form: str | None) -> None:
        """``form`` is one of ``FORMATS``, ``None`` to tell it from the file. Raises ``InputInvalidError`` where it is of
        another."""
        self._file = file
        found = _format_of(file.head(), file.name)
        if form is not None and form != found and not {form, found} <= {"storefront", "admin"}:
            raise InputInvalidError(f"{file.name} looks like {_NAMES[found]}, not like {_NAMES[form]}. Use --format {found}.")
        self.form = form or found

    def items(self) -> Iterator[Item]:
        """Its products, in order. Raises ``InputInvalidError`` where the file breaks off or can't be read at all."""
        if self.form == "csv":
            yield from _of_table(self._file)
        elif self.form == "bulk":
            yield from _of_lines(self._file)
        else:
            yield from _of_document(self._file)

    def fraction(self) -> float | None:
        """How much of it has been read, 0 to 1."""
        return self._file.fraction()


_NAMES: Final = {
    "storefront": "Shopify's products.json",
    "admin": "products of Shopify's Admin REST API",
    "bulk": "the lines of a GraphQL bulk operation",
    "csv": "a product CSV",
}


def _format_of(head: bytes, name: str) -> str:
    text = head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
    if text.startswith(("{", "[")):
        if graphql.kind_of(_first_object(text)) is not None:
            return "bulk"
        if '"products"' in text[:200] or text.startswith("[") or '"handle"' in text:
            return "admin" if '"admin_graphql_api_id"' in text else "storefront"
        raise InputInvalidError(f"{name} is JSON, and holds no products: neither a list nor an object with `products`.")
    columns = next(csv.reader(io.StringIO(text)), [])
    if table.looks_like_products(columns):
        return "csv"
    if len(columns) > 1:
        looks = "events of REES46" if "user_session" in columns else "a CSV of something else"
        raise InputInvalidError(
            f"{name} looks like {looks}: a product CSV has columns such as Handle, Title and Variant Price."
            " `footfall import` reads events."
        )
    raise InputInvalidError(f"{name} is no file of products that is known: {', '.join(_NAMES.values())}.")


def _first_object(text: str) -> Any:
    """What stands on the first line, ``None`` where that is no JSON by itself."""
    try:
        return decode_json(text.partition("\n")[0])
    except (msgspec.DecodeError, RecursionError):
        return None


def _of_table(file: OpenFile) -> Iterator[Item]:
    text = (line.decode("utf-8-sig" if number == 0 else "utf-8", "replace") for number, line in enumerate(file.lines()))
    for line, raw in table.gathered(table.rows(text)):
        yield Item(line, raw if isinstance(raw, str) else _read(rest.read_product, raw), [])


def _of_lines(file: OpenFile) -> Iterator[Item]:
    broken: list[Item] = []

    def objects() -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(file.lines(CATALOG_LINE_BYTES_MAX), 1):
            if line.isspace():
                continue
            try:
                yield number, decode_json(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
                broken.append(Item(number, f"it is not valid JSON: {failure}", []))

    for number, raw in graphql.gathered(objects()):
        yield from broken
        broken.clear()
        if isinstance(raw, str):
            yield Item(number, raw, [])
            continue
        collections = graphql.collection_ids(raw) if graphql.kind_of(raw) == "Product" else []
        yield Item(number, _read(graphql.read_product, raw), collections)
    yield from broken


def _of_document(file: OpenFile) -> Iterator[Item]:
    """One JSON text: a list of products, or an object that has it under ``products``; or such a text on every line."""
    body = file.read(CATALOG_FILE_BYTES_MAX)
    try:
        documents: Iterable[Any] = [decode_json(body)]
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        try:
            documents = [decode_json(line) for line in body.splitlines() if line.strip()]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise InputInvalidError(f"{file.name} is not valid JSON: {failure}.") from failure
    number = 0
    for document in documents:
        products = document.get("products", [document]) if isinstance(document, dict) else document
        if not isinstance(products, list):
            raise InputInvalidError(f"{file.name} has no list of products.")
        for raw in products:
            number += 1
            yield Item(number, _read(rest.read_product, raw), [])


def _read(read: Callable[[object], Product], raw: object) -> Product | str:
    try:
        return read(raw)
    except ShapeError as failure:
        return str(failure)

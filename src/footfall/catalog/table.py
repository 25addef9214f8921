"""Products in the shape of a product CSV: one row for each variant, images on rows of their own, and no ids, so that a product
is known by its handle. Column names after Shopify's documentation of the product CSV, those of 2025 and those before."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from footfall.catalog.shape import ShapeError

_COLUMNS: Final[Mapping[str, str]] = {
    "handle": "handle",
    "url handle": "handle",
    "title": "title",
    "body (html)": "body_html",
    "body html": "body_html",
    "description": "body_html",
    "vendor": "vendor",
    "type": "product_type",
    "tags": "tags",
    "published": "published",
    "published on online store": "published",
    "status": "status",
    "template suffix": "template_suffix",
    "option1 name": "option1 name",
    "option2 name": "option2 name",
    "option3 name": "option3 name",
    "option1 value": "option1",
    "option2 value": "option2",
    "option3 value": "option3",
    "variant sku": "sku",
    "sku": "sku",
    "variant barcode": "barcode",
    "barcode": "barcode",
    "variant price": "price",
    "price": "price",
    "variant compare at price": "compare_at_price",
    "compare-at price": "compare_at_price",
    "variant grams": "grams",
    "weight value (grams)": "grams",
    "variant inventory tracker": "inventory_management",
    "inventory tracker": "inventory_management",
    "variant inventory qty": "inventory_quantity",
    "inventory quantity": "inventory_quantity",
    "variant inventory policy": "inventory_policy",
    "continue selling when out of stock": "inventory_policy",
    "image src": "image",
    "product image url": "image",
    "image position": "image position",
    "image alt text": "image alt",
    "variant image": "variant image",
    "variant image url": "variant image",
}
_OF_PRODUCT: Final = ("title", "body_html", "vendor", "product_type", "tags", "published", "status", "template_suffix")
_OF_VARIANT: Final = (
    "sku", "barcode", "price", "compare_at_price", "grams", "inventory_management", "inventory_quantity", "inventory_policy",
    "option1", "option2", "option3",
)  # fmt: skip
_PRICE_IN: Final = re.compile(r"(?P<what>price|compare[ -]at price)\s*/\s*(?P<country>[a-z]{2})", re.IGNORECASE)
_POLICIES: Final = {"true": "continue", "false": "deny"}
_FIELD_BYTES_MAX: Final = 1024 * 1024


class Row(NamedTuple):
    """One row of the file, under our names: the line it begins on, and its cells that are not empty."""

    line: int
    cells: dict[str, str]


def looks_like_products(columns: Iterable[str]) -> bool:
    """Whether a CSV with these columns is one of products."""
    known = {_COLUMNS.get(column.strip().lower()) for column in columns}
    return {"handle", "title"} <= known


def rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a product CSV. Raises ``ShapeError`` where it has no column for the handle."""
    csv.field_size_limit(_FIELD_BYTES_MAX)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        names = [_name_of(column) for column in header]
        if "handle" not in names:
            raise ShapeError("The file has no column Handle (or URL handle), by which its products are known.")
        line = reader.line_num + 1
        for cells in reader:
            there = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name and cell.strip()}
            if there:
                yield Row(line, there)
            line = reader.line_num + 1
    except csv.Error as failure:
        raise ShapeError(f"line {reader.line_num}: {failure}.") from failure


def _name_of(column: str) -> str | None:
    plain = column.strip().removeprefix("\ufeff").lower()
    price = _PRICE_IN.fullmatch(plain)
    if price is not None:
        return f"{'price' if price['what'] == 'price' else 'compare_at_price'}/{price['country'].upper()}"
    return _COLUMNS.get(plain)


def gathered(table: Iterable[Row]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The products of these rows in the REST shape, each with the line that it begins on; the rows of one stand together. A
    text stands for a row that belongs to nothing, and is why."""
    raw: dict[str, Any] | None = None
    first = 0
    for row in table:
        handle = row.cells.get("handle")
        if handle is None and (raw is None or "title" in row.cells):
            yield row.line, "it has no Handle, by which its product is known."
            continue
        if raw is None or (handle is not None and handle != raw["handle"]):
            if raw is not None:
                yield first, raw
            raw, first = {"handle": handle, "variants": [], "images": []}, row.line
            raw |= {name: row.cells.get(name) for name in _OF_PRODUCT if name in row.cells}
            raw["options"] = [{"name": row.cells[name], "values": []} for name in _option_names(row.cells)]
        _add(raw, row.cells)
    if raw is not None:
        yield first, raw


def _option_names(cells: Mapping[str, str]) -> list[str]:
    return [name for name in ("option1 name", "option2 name", "option3 name") if name in cells]


def _add(raw: dict[str, Any], cells: Mapping[str, str]) -> None:
    """Add a row's variant and image to its product."""
    if "image" in cells:
        raw["images"].append({"src": cells["image"], "alt": cells.get("image alt")})
    if "price" not in cells and "option1" not in cells and "sku" not in cells:
        return
    variant: dict[str, Any] = {name: cells.get(name) for name in _OF_VARIANT}
    policy = (variant["inventory_policy"] or "deny").lower()
    variant["inventory_policy"] = _POLICIES.get(policy, policy)
    values = [cells[name] for name in ("option1", "option2", "option3") if name in cells]
    variant["title"] = " / ".join(values) or "Default Title"
    for option, value in zip(raw["options"], values, strict=False):
        if value not in option["values"]:
            option["values"].append(value)
    prices = _prices(cells)
    if prices:
        variant["prices"] = prices
    raw["variants"].append(variant)


def _prices(cells: Mapping[str, str]) -> dict[str, dict[str, str]]:
    prices: dict[str, dict[str, str]] = {}
    for name, cell in cells.items():
        what, slash, country = name.partition("/")
        if slash:
            prices.setdefault(country, {})[what] = cell
    return {country: price for country, price in prices.items() if "price" in price}

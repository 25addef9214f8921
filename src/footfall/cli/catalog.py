"""``footfall catalog``: the shop's products and collections, from files and from a live store."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from footfall.catalog.product import Product
from footfall.cli.catalog_chunks import put_products
from footfall.cli.catalog_files import FORMATS, CatalogFile
from footfall.cli.catalog_pull import pull
from footfall.cli.options import data_option, json_option, shop_option
from footfall.cli.owner import Owner, open_owner
from footfall.cli.show import counted, note, plain, print_json, progress
from footfall.cli.sources.opening import OpenFile
from footfall.limits import IMPORT_REASONS_SHOWN_MAX


@click.group()
def catalog() -> None:
    """The shop's products and collections.

    \b
    Examples:
      footfall catalog pull https://shop.example --shop my-shop
      footfall catalog import products.csv --shop my-shop
    """


catalog.add_command(pull)


@dataclass
class Tally:
    """What an import did to the catalog. ``rejected`` products are told with their line and reason, the first of them."""

    shop: str
    form: str = ""
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    collections: int = 0
    seconds: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, error: str) -> None:
        self.rejected += 1
        if len(self.reasons) < IMPORT_REASONS_SHOWN_MAX:
            self.reasons.append({"line": line, "error": error})
            note(f"line {line}: {error}")


@catalog.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@shop_option
@click.option("--format", "form", type=click.Choice(FORMATS), help="What the file is; told from its content unless given.")
@data_option
@json_option
def import_catalog(*, file: Path, shop: str, form: str | None, data: Path | None, as_json: bool) -> None:
    """Put the products of a file into a shop's catalog (gzip or not; `-` is standard input).

    A product is known by its id, in a product CSV by its handle. What a file doesn't tell of a product stays as it is, so
    files of several kinds add up; products that it doesn't name stay. Run it again at any time. A product that can't be read
    is told with its line and reason, and the rest is imported.

    \b
    storefront  products.json of a storefront, one page or several
    admin       products of the Admin REST API
    bulk        the lines of a GraphQL bulk operation over products, with variants, images, metafields, collections
    csv         a product CSV as Shopify exports it: one row for each variant

    \b
    Example: footfall catalog import products_export.csv --shop my-shop
    """
    tally = Tally(shop)
    started = time.monotonic()
    opened = OpenFile(file)
    try:
        with open_owner(data) as owner:
            _import(owner, CatalogFile(opened, form), tally)
    finally:
        opened.close()
    tally.seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json(asdict(tally))
    else:
        _print(tally)
    if tally.rejected and not (tally.created or tally.updated or tally.unchanged):
        sys.exit(1)


def _import(owner: Owner, file: CatalogFile, tally: Tally) -> None:
    tally.form = file.form
    members: dict[str, list[str]] = {}
    started = time.monotonic()

    def readable() -> Iterator[tuple[int, Product]]:
        for item in file.items():
            if isinstance(item.product, str):
                tally.reject(item.line, item.product)
                continue
            yield item.line, item.product
            for collection in item.collections:
                members.setdefault(collection, []).append(str(item.product.id))

    with progress(plain(tally.shop)) as bar:
        task = bar.add_task("", total=1.0, rows="0", rate="0")
        for outcomes in put_products(owner, tally.shop, readable()):
            for line, outcome in outcomes:
                if outcome["status"] == "rejected":
                    tally.reject(line, outcome["error"])
                else:
                    setattr(tally, outcome["status"], getattr(tally, outcome["status"]) + 1)
            done = tally.created + tally.updated + tally.unchanged
            rate = done / max(time.monotonic() - started, 0.001)
            fraction = file.fraction()
            bar.update(
                task,
                completed=fraction or 0.0,
                total=1.0 if fraction is not None else None,
                rows=f"{done:,}",
                rate=f"{rate:,.0f}",
            )
        for collection, products in sorted(members.items()):
            owner.call("catalog_put_collections", shop=tally.shop, collections=[{"id": collection, "products": products}])
            tally.collections += 1


def _print(tally: Tally) -> None:
    done = tally.created + tally.updated + tally.unchanged
    parts = [f"{counted(tally.created, 'product')} new", f"{tally.updated:,} changed", f"{tally.unchanged:,} as before"]
    parts += [f"{tally.rejected:,} could not be read"] if tally.rejected else []
    parts += [counted(tally.collections, "collection")] if tally.collections else []
    click.echo(plain(f"{tally.shop}: {', '.join(parts)}; {done / max(tally.seconds, 0.001):,.0f} products/s."))

"""Products on their way to the owner of a data directory, in chunks that fit into one command, whatever they come from."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from footfall.catalog.product import Product
from footfall.cli.owner import Owner
from footfall.limits import CATALOG_BATCH_MAX, CATALOG_CHUNK_BYTES_MAX

Place = TypeVar("Place")


def put_products(
    owner: Owner, shop: str, products: Iterable[tuple[Place, Product]]
) -> Iterator[list[tuple[Place, dict[str, Any]]]]:
    """Put products into a shop's catalog, in order; for each chunk that is stored, what happened to each product of it
    beside the place where it was read."""
    waiting: list[tuple[Place, Any]] = []
    size = 0
    for place, product in products:
        length = len(msgspec.json.encode(product))
        if waiting and (len(waiting) == CATALOG_BATCH_MAX or size + length > CATALOG_CHUNK_BYTES_MAX):
            yield _put(owner, shop, waiting)
            waiting, size = [], 0
        waiting.append((place, msgspec.to_builtins(product)))
        size += length
    if waiting:
        yield _put(owner, shop, waiting)


def _put(owner: Owner, shop: str, waiting: list[tuple[Place, Any]]) -> list[tuple[Place, dict[str, Any]]]:
    outcomes = owner.call("catalog_put", shop=shop, products=[product for _, product in waiting])
    return [(place, outcome) for (place, _), outcome in zip(waiting, outcomes, strict=True)]

"""``/api/v1/catalog/…``: products and collections in and out of the catalog, for the shop's own servers (secret key)."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, error_answer, json_answer
from footfall.api.keys import require_secret
from footfall.api.parts import Parts
from footfall.catalog import graphql, rest
from footfall.catalog.collection import read_collection
from footfall.catalog.shape import ShapeError, decode_json
from footfall.errors import NotReadyError
from footfall.intake.catalog import Outcome
from footfall.limits import CATALOG_BATCH_MAX
from footfall.projections.shops import Shop

PRODUCTS: Final = "/api/v1/catalog/products"
COLLECTIONS: Final = "/api/v1/catalog/collections"

Thing = TypeVar("Thing")


class CatalogRoutes:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put_products(self, exchange: Exchange) -> Answer:
        """Products in, in the REST shape or as GraphQL nodes; one outcome for each."""
        shop = self._shop(exchange)
        raws = await _items(exchange, "products")
        return _answer(
            await self._parts.catalog_intake.put_products(shop.id, [_or_reason(_read_product, raw) for raw in raws])
        )

    async def put_collections(self, exchange: Exchange) -> Answer:
        """Collections in, with their products where they are told."""
        shop = self._shop(exchange)
        raws = await _items(exchange, "collections")
        read = [_or_reason(read_collection, raw) for raw in raws]
        return _answer(await self._parts.catalog_intake.put_collections(shop.id, read))

    async def delete_product(self, exchange: Exchange) -> Answer:
        """One product out, by id or handle."""
        shop = self._shop(exchange)
        return _deleted(await self._parts.catalog_intake.delete_product(shop.id, _last(exchange, PRODUCTS)), "product")

    async def delete_collection(self, exchange: Exchange) -> Answer:
        """One collection out, by id."""
        shop = self._shop(exchange)
        return _deleted(
            await self._parts.catalog_intake.delete_collection(shop.id, _last(exchange, COLLECTIONS)), "collection"
        )

    def _shop(self, exchange: Exchange) -> Shop:
        shop = require_secret(exchange, self._parts.shops)
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Send again later.")
        return shop


def _read_product(raw: object) -> Any:
    is_node = isinstance(raw, dict) and graphql.kind_of(raw) == "Product"
    return graphql.read_product(raw) if is_node else rest.read_product(raw)


def _or_reason(read: Callable[[object], Thing], raw: object) -> Thing | str:
    try:
        return read(raw)
    except ShapeError as failure:
        return str(failure)


async def _items(exchange: Exchange, name: str) -> list[Any]:
    """The list in a body: bare, under ``name``, or one object by itself. Raises ``Refused`` (400, 413)."""
    # What a bare `curl -d` says is a form; what it sends tells.
    exchange.media_type()
    try:
        read = decode_json(await exchange.body())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
        raise Refused(400, f"The body is not valid JSON: {failure}.") from failure
    items = read.get(name, [read]) if isinstance(read, dict) else read
    if not isinstance(items, list):
        raise Refused(400, f'The body must be a JSON array of {name}, or {{"{name}": [...]}}.')
    if len(items) > CATALOG_BATCH_MAX:
        raise Refused(413, f"There are {len(items):,} {name}; at most {CATALOG_BATCH_MAX:,} fit in one request.")
    return items


def _answer(outcomes: list[Outcome]) -> Answer:
    if outcomes and all(outcome.status == "rejected" for outcome in outcomes):
        error = outcomes[0].error if len(outcomes) == 1 else f"None of them could be read. The first: {outcomes[0].error}"
        return error_answer(400, str(error), [NO_STORE], {"data": outcomes})
    return json_answer({"data": outcomes}, headers=[NO_STORE])


def _deleted(outcome: Outcome, what: str) -> Answer:
    if outcome.status == "unknown":
        raise Refused(404, f"The catalog has no {what} {str(outcome.id)[:100]!r}.")
    return json_answer({"data": outcome}, headers=[NO_STORE])


def _last(exchange: Exchange, prefix: str) -> str:
    """The rest of the path: an id, or a GraphQL id."""
    return exchange.path.removeprefix(prefix).strip("/").rpartition("gid://shopify/")[2].rpartition("/")[2]

"""Lists that the caller names: ``/api/v1/products/static`` by products, ``/api/v1/products/collections`` by collections."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from footfall.api.exchange import Answer, Exchange
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, Told, product_references, read_list
from footfall.api.ranked import read_days
from footfall.identifiers import ProductReference
from footfall.limits import COLLECTIONS_NAMED_MAX


class Static:
    """The products that the caller names, in that order; unknown ones are left out."""

    def __init__(self, products: Products) -> None:
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange, in_stock=False, hidden=True)
        told = ((reference, {"source": "static"}) for reference in await self.references(question, Context()))
        return await _answer(exchange, self._products, question, told, read_list(question.fields, "excluded_ids"))

    async def references(self, question: Question, _context: Context) -> Iterable[ProductReference]:
        """The list's source: ``ids`` (``h:`` and a handle among them), ``shopify_product_ids``, ``handles``, then the products
        of ``shopify_collection_id``."""
        fields = question.fields
        references = product_references([*read_list(fields, "ids"), *read_list(fields, "shopify_product_ids")])
        references += [ProductReference("h:" + handle) for handle in read_list(fields, "handles")]
        of_collections = (
            reference
            for collection in collections_named(question, "shopify_collection_id")
            for reference in self._products.of_collection(question, collection)
        )
        return chain(references, of_collections)


class InCollections:
    """The products of collections, those of each in its own order, with ``smart_sort`` in that of the top sellers; the
    products that are given are left out."""

    def __init__(self, parts: Parts, products: Products) -> None:
        self._parts = parts
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange)
        told = await self._told(question)
        return await _answer(exchange, self._products, question, told, read_list(question.fields, "shopify_product_ids"))

    async def references(self, question: Question, _context: Context) -> Iterator[ProductReference]:
        """The list's source: ``shopify_collection_ids``, by id or handle."""
        return (reference for reference, _ in await self._told(question))

    async def _told(self, question: Question) -> Iterable[Told]:
        names = collections_named(question, "shopify_collection_ids", "shopify_collection_id")
        order = await self._order(question) if question.fields.get("smart_sort") in ("yes", "top_sellers") else None
        return (
            (reference, {"source": "collections", "collection": name})
            for name in names
            for reference in _sorted(self._products.of_collection(question, name), order)
        )

    async def _order(self, question: Question) -> Callable[[ProductReference], tuple[float, ...]]:
        """What to sort by so that top sellers come first."""
        days, now = read_days(question.fields), self._parts.clock.now()
        return await self._parts.rankings.order(question.caller.shop.id, days=days, now=now)


def collections_named(question: Question, *parameters: str) -> list[str]:
    """The collections that a question names, each once."""
    return list(dict.fromkeys(read_list(question.fields, *parameters)))[:COLLECTIONS_NAMED_MAX]


def _sorted(
    references: Iterable[ProductReference], order: Callable[[ProductReference], tuple[float, ...]] | None
) -> Iterable[ProductReference]:
    return references if order is None else sorted(references, key=order)


async def _answer(
    exchange: Exchange, products: Products, question: Question, told: Iterable[Told], left_out: list[str]
) -> Answer:
    """The answer without the products that are left out."""
    if left_out:
        unwanted = {products.names(question, reference) for reference in product_references(left_out)}
        told = (one for one in told if products.names(question, one[0]) not in unwanted)
    return products.cached_answer(exchange, question, await products.told(question, told))

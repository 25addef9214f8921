"""Lists that the caller names: ``/api/v1/products/static`` by products, ``/api/v1/products/collections`` by collections."""

import hashlib

from footfall.api.exchange import JSON, Answer, Exchange
from footfall.api.products import SHORT_CACHE, VARY_BY_KEY, Products, Question, product_references, read_list
from footfall.identifiers import ProductReference


class Static:
    """The products that the caller names, in that order; unknown ones are left out."""

    def __init__(self, products: Products) -> None:
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange, in_stock=False, hidden=True)
        fields = question.fields
        references = product_references([*read_list(fields, "ids"), *read_list(fields, "shopify_product_ids")])
        references += [ProductReference("h:" + handle) for handle in read_list(fields, "handles")]
        for collection in read_list(fields, "shopify_collection_id"):
            references += self._products.of_collection(question, collection)
        return _answer(exchange, self._products, question, references, read_list(fields, "excluded_ids"))


class InCollections:
    """The products of collections, those of each in its own order; the products that are given are left out."""

    def __init__(self, products: Products) -> None:
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange)
        fields = question.fields
        references: list[ProductReference] = []
        for collection in read_list(fields, "shopify_collection_ids", "shopify_collection_id"):
            references += self._products.of_collection(question, collection)
        return _answer(exchange, self._products, question, references, read_list(fields, "shopify_product_ids"))


def _answer(
    exchange: Exchange, products: Products, question: Question, references: list[ProductReference], left_out: list[str]
) -> Answer:
    """The answer with an ``ETag``, without the products that are left out; or 304 where the caller has it already."""
    if left_out:
        unwanted = {products.names(question, reference) for reference in product_references(left_out)}
        references = [reference for reference in references if products.names(question, reference) not in unwanted]
    answer = products.answer(question, products.shown(question, references), [(b"cache-control", SHORT_CACHE), VARY_BY_KEY])
    tag = b'"' + hashlib.blake2b(answer.body, digest_size=12).hexdigest().encode() + b'"'
    answer.headers.append((b"etag", tag))
    if exchange.method not in ("GET", "HEAD"):
        return answer
    held = exchange.headers.get(b"if-none-match", b"").split(b",")
    if tag in [part.strip().removeprefix(b"W/") for part in held]:
        return Answer(304, b"", [header for header in answer.headers if header != JSON])
    return answer

"""What all lists of products share: their common parameters, and how references become product objects in an answer."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from footfall.api.exchange import Answer, Exchange, Headers, Refused, json_answer
from footfall.api.keys import KEY_HEADERS, Caller, find_caller
from footfall.api.parts import Parts
from footfall.catalog.product import known
from footfall.catalog.told import ToldProduct, product_json
from footfall.errors import NotReadyError, PositionNotReachedError
from footfall.identifiers import ProductReference, position_token, read_id, read_position_token
from footfall.limits import AFTER_WAIT_SECONDS, PRODUCTS_DEFAULT, PRODUCTS_MAX, PRODUCTS_NAMED_MAX
from footfall.log.port import Stream
from footfall.projections.catalog import Card, View

SHORT_CACHE: Final = b"public, max-age=60"
"""For lists that are the same for everybody: a page that asks again within a minute shows the same."""

VARY_BY_KEY: Final = (b"vary", ", ".join((*KEY_HEADERS, "Authorization")).encode())
"""The key may stand in a header: a cache that looked at the address alone would answer one shop with another's list."""


class Listing(NamedTuple):
    """What a list asks for. ``any_product``: also those that the catalog doesn't have, as far as events tell."""

    limit: int
    view: View
    any_product: bool
    only_in_stock: bool
    only_published: bool
    without_hidden: bool


class Question(NamedTuple):
    """A request for products that may be answered: whose, with which fields, and what its list asks for."""

    caller: Caller
    fields: Mapping[str, Any]
    listing: Listing


class Products:
    """References in, product objects out."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def question(self, exchange: Exchange, *, in_stock: bool = True, hidden: bool = False) -> Question:
        """Read a request, body included. Raises as ``asked`` does."""
        fields = await exchange.fields()
        question = self.asked(exchange, fields, in_stock=in_stock, hidden=hidden)
        await wait_for(fields.get("after"), self._parts)
        return question

    def asked(self, exchange: Exchange, fields: Mapping[str, Any], *, in_stock: bool, hidden: bool) -> Question:
        """What a request asks for. ``in_stock``: whether the list leaves out what is out of stock unless ``filter_oos`` says
        otherwise; ``hidden``: whether it shows products that are never to be recommended. Raises ``Refused``,
        ``NotReadyError``."""
        caller = find_caller(exchange, fields, self._parts.shops)
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ".")
        return Question(caller, fields, read_listing(caller, fields, in_stock=in_stock, hidden=hidden))

    def shown(self, question: Question, references: Iterable[ProductReference]) -> list[msgspec.Raw]:
        """The products that these references name, each once, where it comes first; ``limit`` counts products after their
        names are resolved and the list's filters."""
        shop = question.caller.shop.id
        listing = question.listing
        stocked = self._parts.catalog.has_products(shop)
        bodies: dict[str, msgspec.Raw] = {}
        asked: set[ProductReference] = set()
        for reference in references:
            if reference in asked:
                continue
            asked.add(reference)
            card = self.card(question, reference) if stocked else None
            if card is not None:
                if card.key not in bodies and _passes(card, listing):
                    bodies[card.key] = card.body
            elif not stocked or listing.any_product:
                named, told = self._parts.sightings.product(shop, reference)
                if named not in bodies:
                    bodies[named] = product_json(told, listing.view.shop_url, metafields=listing.view.metafields)
            if len(bodies) == listing.limit:
                break
        return list(bodies.values())

    def of_collection(self, question: Question, name: str) -> Iterator[ProductReference]:
        """The products of a collection, by its id or handle, in its own order."""
        shop, catalog = question.caller.shop.id, self._parts.catalog
        collection_id = read_id(name, "Collection")
        collection = catalog.collection(shop, collection_id) if collection_id is not None else None
        if collection is None:
            by_handle = catalog.key_of(shop, "c:" + name)
            collection = catalog.collection(shop, by_handle) if by_handle is not None else None
        if collection is not None:
            yield from (ProductReference("p:" + product) for product in known(collection.products) or [])

    def card(self, question: Question, reference: ProductReference) -> Card | None:
        """The catalog's product for a reference: by that name, else by another that the events tied to it."""
        shop, view = question.caller.shop.id, question.listing.view
        catalog = self._parts.catalog
        key = catalog.key_of(shop, reference)
        card = catalog.card(shop, key, view) if key is not None else None
        if card is not None:
            return card
        _, told = self._parts.sightings.product(shop, reference)
        for name in _names(told):
            key = catalog.key_of(shop, name) if name != reference else None
            card = catalog.card(shop, key, view) if key is not None else None
            if card is not None:
                return card
        return None

    def names(self, question: Question, reference: ProductReference) -> str:
        """Which product a reference names: the same text for every name of one. One that the catalog doesn't know stands for
        itself."""
        card = self.card(question, reference)
        return card.key if card is not None else reference

    def answer(self, question: Question, products: list[msgspec.Raw], headers: Headers) -> Answer:
        """The answer that holds these products."""
        token = position_token(self._parts.log.generation, self._parts.covered(Stream.EVENTS)).encode()
        return json_answer(
            {"data": products}, headers=[*headers, (b"footfall-position", token)], pretty=is_pretty(question.fields)
        )


async def wait_for(after: object, parts: Parts) -> None:
    """Wait until answers cover the position of ``after=``; one of another generation counts as reached.

    Raises ``Refused`` (400) where it is no position, ``PositionNotReachedError`` after the bound.
    """
    if after is None or after == "":
        return
    token = read_position_token(str(after))
    if token is None:
        raise Refused(400, "Invalid after. It must be a position, as the header Footfall-Position gives it.")
    generation, ends = token
    if generation == parts.log.generation and not await parts.log.wait(
        Stream.EVENTS, ends, timeout_seconds=AFTER_WAIT_SECONDS
    ):
        raise PositionNotReachedError


def read_listing(caller: Caller, fields: Mapping[str, Any], *, in_stock: bool, hidden: bool) -> Listing:
    """The common parameters: unusable values count as absent, since a read never fails over them."""
    country = str(fields.get("country_code") or "").strip().upper()
    view = View(
        caller.shop.url,
        metafields=fields.get("metafields") == "yes",
        variant_metafields=fields.get("variant_metafields") == "yes",
        country=country if len(country) == 2 and country.isalpha() else None,
    )
    any_product = fields.get("catalog") == "any"
    filter_oos = fields.get("filter_oos")
    return Listing(
        read_limit(fields.get("limit")),
        view,
        any_product,
        only_in_stock=filter_oos == "yes" or (in_stock and filter_oos != "no"),
        only_published=not any_product and fields.get("filter_unpublished") != "no",
        without_hidden=not hidden,
    )


def _passes(card: Card, listing: Listing) -> bool:
    return (
        (card.in_stock or not listing.only_in_stock)
        and (card.published or not listing.only_published)
        and not (card.hidden and listing.without_hidden)
    )


def _names(told: ToldProduct) -> list[str]:
    names = (("p:", told.product_id), ("h:", told.handle), ("v:", told.variant_id))
    return [prefix + value for prefix, value in names if value is not None]


def read_list(fields: Mapping[str, Any], *names: str) -> list[str]:
    """The values of a parameter in which commas part them (or of a JSON list), without empty ones; of its first name that has
    any, at most ``PRODUCTS_NAMED_MAX``."""
    for name in names:
        value = fields.get(name, fields.get(f"{name}[]"))
        parts = value if isinstance(value, list) else str(value).split(",") if value is not None else []
        read = [text for part in parts if (text := str(part).strip()) and text.lower() not in ("null", "undefined")]
        if read:
            return read[:PRODUCTS_NAMED_MAX]
    return []


def product_references(values: Iterable[str]) -> list[ProductReference]:
    """Product ids (or GraphQL ids) as references."""
    read = (read_id(value, "Product") for value in values)
    return [ProductReference("p:" + value) for value in read if value is not None]


def read_limit(value: object) -> int:
    """``limit``: 5 where it is absent, empty, zero, negative or not a number; at most 250. A read never fails over it."""
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        return PRODUCTS_DEFAULT
    digits = text.lstrip("0")
    if len(digits) > len(str(PRODUCTS_MAX)):
        return PRODUCTS_MAX
    return min(int(digits), PRODUCTS_MAX) if digits else PRODUCTS_DEFAULT


def is_pretty(fields: Mapping[str, Any]) -> bool:
    """``format=pretty``, or a bare ``pretty``."""
    return fields.get("format") == "pretty" or fields.get("pretty") == ""

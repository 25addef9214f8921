"""What all lists of products share: their common parameters, and how references become product objects in an answer."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from footfall.api.exchange import JSON, Answer, Exchange, Headers, Refused, json_answer
from footfall.api.keys import KEY_HEADERS, Caller, find_caller
from footfall.api.parts import Parts
from footfall.catalog.amount import COMPARISONS, Comparison, hold, read_amount
from footfall.catalog.product import known
from footfall.catalog.told import ToldProduct
from footfall.errors import NotReadyError, PositionNotReachedError
from footfall.identifiers import CustomerId, ProductReference, Uuid, position_token, read_id, read_position_token
from footfall.limits import (
    AFTER_WAIT_SECONDS,
    PRODUCTS_DEFAULT,
    PRODUCTS_LOOKED_AT_MAX,
    PRODUCTS_LOOKED_AT_ONCE,
    PRODUCTS_MAX,
    PRODUCTS_NAMED_MAX,
)
from footfall.log.port import Stream
from footfall.projections.cards import Card, View
from footfall.projections.catalog import told_card

SHORT_CACHE: Final = b"public, max-age=60"
"""For lists that are the same for everybody: a page that asks again within a minute shows the same."""

VARY_BY_KEY: Final = (b"vary", ", ".join((*KEY_HEADERS, "Authorization")).encode())
"""The key may stand in a header: a cache that looked at the address alone would answer one shop with another's list."""

_PRICES: Final = {
    prefix + name: holds for prefix in ("any_variant_price_", "variant_price_") for name, holds in COMPARISONS.items()
}
"""Parameters that bound prices. Both prefixes mean the same: one variant must be within the bound."""


_SPLIT_MAX: Final = 2 * PRODUCTS_NAMED_MAX
"""Parts of a parameter that are looked at; some may be empty."""


Beside = TypeVar("Beside")


class Listing(NamedTuple):
    """What a list asks for. ``any_product``: also those that the catalog doesn't have, as far as events tell."""

    limit: int
    view: View
    any_product: bool
    only_in_stock: bool
    only_published: bool
    without_hidden: bool
    prices: tuple[Comparison, ...] = ()


class Question(NamedTuple):
    """A request for products that may be answered: whose, with which fields, and what its list asks for."""

    caller: Caller
    fields: Mapping[str, Any]
    listing: Listing


class Context(NamedTuple):
    """What a request says of the visitor and of what they look at; ``None`` and empty where it says nothing.

    ``customer`` is absent where the caller may not read by customer. ``inputs``: the products that the answer is to go with.
    ``tags`` and ``country`` are as they are compared: lower and upper case.
    """

    uuid: Uuid | None = None
    customer: CustomerId | None = None
    inputs: tuple[ProductReference, ...] = ()
    cart: tuple[ProductReference, ...] | None = None
    cart_subtotal: Decimal | None = None
    customer_tags: frozenset[str] = frozenset()
    country: str | None = None


class ListSource(Protocol):
    """Where the products of a list come from: for the list's own route, and for rules that name it.

    ``question.fields`` holds the list's own parameters: a request's, or those of a rule. Who asks and what they look at stands
    in ``context`` alone. The best product first; each may come several times; names are not resolved and nothing is filtered,
    which whoever asks does (``Products``), so that a source may give more than ``question.listing.limit`` and, where that
    costs something, had better give them lazily. A source that needs an identity gives nothing where the context has none.
    """

    async def __call__(self, question: Question, context: Context, /) -> Iterable[ProductReference]: ...


Told = tuple[ProductReference, Mapping[str, Any]]
"""A reference and the reason for which a list has it, as ``explain=yes`` shows it."""


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
        bodies = []
        for card in self.cards(question, references):
            if card is not None:
                bodies.append(card.body)
                if len(bodies) == question.listing.limit:
                    break
        return bodies

    async def shown_in_turns(self, question: Question, references: Iterable[ProductReference]) -> list[msgspec.Raw]:
        """The same for lists that may be long: other requests are answered in between."""
        return [card.body for card in await self._cards_in_turns(question, references)]

    async def _cards_in_turns(self, question: Question, references: Iterable[ProductReference]) -> list[Card]:
        cards: list[Card] = []
        for looked_at, card in enumerate(self.cards(question, references), 1):
            if card is not None:
                cards.append(card)
                if len(cards) == question.listing.limit:
                    break
            if looked_at % PRODUCTS_LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if looked_at == PRODUCTS_LOOKED_AT_MAX:
                break
        return cards

    async def told(self, question: Question, told: Iterable[Told]) -> list[msgspec.Raw]:
        """``shown_in_turns``; with ``explain=yes`` each product with its ``reasons``."""
        if question.fields.get("explain") != "yes":
            return await self.shown_in_turns(question, (reference for reference, _ in told))
        return await self.shown_with(question, ((reference, {"reasons": [reason]}) for reference, reason in told))

    async def shown_with(self, question: Question, told: Iterable[Told]) -> list[msgspec.Raw]:
        """``shown_in_turns``, each product with what is told of it beside its reference: of several, what comes first."""
        return [extended(card.body, more) for card, more in await self.picked(question, told)]

    async def picked(self, question: Question, told: Iterable[tuple[ProductReference, Beside]]) -> list[tuple[Card, Beside]]:
        """The products that an answer shows, each with what stands beside its reference: of several, what comes first."""
        shop, names = question.caller.shop.id, self._parts.names
        besides: dict[ProductReference, Beside] = {}

        def references() -> Iterator[ProductReference]:
            for reference, beside in told:
                besides.setdefault(names.product(shop, reference), beside)
                yield reference

        cards = await self._cards_in_turns(question, references())
        return [(card, besides[names.product(shop, card.reference)]) for card in cards]

    def picked_soon(
        self, question: Question, told: Iterable[tuple[ProductReference, Beside]]
    ) -> list[tuple[Card, Beside]] | None:
        """``picked`` without turns for others, for lists whose references name each product in one way; ``None`` where that
        would take too long."""
        besides: dict[ProductReference, Beside] = {}

        def references() -> Iterator[ProductReference]:
            for reference, beside in told:
                besides[reference] = beside
                yield reference

        picked: list[tuple[Card, Beside]] = []
        names = self._parts.names
        for looked_at, card in enumerate(self.cards(question, references()), 1):
            if card is not None:
                beside = besides.get(card.reference)
                if beside is None:
                    beside = besides[names.product(question.caller.shop.id, card.reference)]
                picked.append((card, beside))
                if len(picked) == question.listing.limit:
                    return picked
            if looked_at == PRODUCTS_LOOKED_AT_ONCE:
                return None
        return picked

    def cards(self, question: Question, references: Iterable[ProductReference]) -> Iterator[Card | None]:
        """The products that these references name, each once, in order; ``None`` for each that the list leaves out."""
        shop, listing = question.caller.shop.id, question.listing
        stocked = self._parts.catalog.has_products(shop)
        found: set[str] = set()
        asked: set[ProductReference] = set()
        for reference in references:
            if reference in asked:
                # Looked at all the same: a list may repeat itself at will.
                yield None
                continue
            asked.add(reference)
            card = self.card(question, reference) if stocked else None
            if card is not None:
                fits = _passes(card, listing)
            elif not stocked or listing.any_product:
                named, told = self._parts.sightings.product(shop, reference)
                card = told_card(named, told, listing.view)
                # Of all that a list filters by, events tell nothing but a price.
                fits = not listing.prices or hold(listing.prices, card.prices)
            if card is None or not fits or card.key in found:
                yield None
            else:
                found.add(card.key)
                yield card

    def of_collection(self, question: Question, name: str) -> Iterator[ProductReference]:
        """The products of a collection, by its id or handle, in its own order."""
        collection = self._parts.catalog.collection_named(question.caller.shop.id, name)
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
        return card.key if card is not None else self._parts.sightings.product(question.caller.shop.id, reference)[0]

    def answer(
        self, question: Question, products: list[msgspec.Raw], headers: Headers, metadata: Mapping[str, Any] | None = None
    ) -> Answer:
        """The answer that holds these products."""
        token = position_token(self._parts.log.generation, self._parts.covered(Stream.EVENTS)).encode()
        content = {"data": products} if metadata is None else {"data": products, "metadata": metadata}
        return json_answer(content, headers=[*headers, (b"footfall-position", token)], pretty=is_pretty(question.fields))

    def cached_answer(
        self,
        exchange: Exchange,
        question: Question,
        products: list[msgspec.Raw],
        metadata: Mapping[str, Any] | None = None,
        cache: bytes = SHORT_CACHE,
    ) -> Answer:
        """The answer of a list that is the same for everybody, with an ``ETag``; or 304 where the caller has it already."""
        answer = self.answer(question, products, [(b"cache-control", cache), VARY_BY_KEY], metadata)
        tag = b'"' + hashlib.blake2b(answer.body, digest_size=12).hexdigest().encode() + b'"'
        answer.headers.append((b"etag", tag))
        if exchange.method not in ("GET", "HEAD"):
            return answer
        held = exchange.headers.get(b"if-none-match", b"").split(b",")
        if tag in [part.strip().removeprefix(b"W/") for part in held]:
            return Answer(304, b"", [header for header in answer.headers if header != JSON])
        return answer


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


def extended(body: msgspec.Raw, more: Mapping[str, Any]) -> msgspec.Raw:
    """A product object with more in it."""
    return msgspec.Raw(bytes(body)[:-1] + b"," + msgspec.json.encode(more)[1:])


def read_listing(caller: Caller, fields: Mapping[str, Any], *, in_stock: bool, hidden: bool) -> Listing:
    """The common parameters: unusable values count as absent, since a read never fails over them."""
    view = View(
        caller.shop.url,
        metafields=fields.get("metafields") == "yes",
        variant_metafields=fields.get("variant_metafields") == "yes",
        country=read_country(fields),
        without_variants=fields.get("unset_variants") == "yes",
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
        prices=tuple(
            Comparison(_PRICES[name], amount)
            for name, value in fields.items()
            if name in _PRICES and (amount := read_amount(value)) is not None
        ),
    )


def read_country(fields: Mapping[str, Any]) -> str | None:
    """``country_code``: two letters in upper case, ``None`` where it is anything else."""
    country = str(fields.get("country_code") or "").strip().upper()
    return country if len(country) == 2 and country.isalpha() else None


def _passes(card: Card, listing: Listing) -> bool:
    return (
        (card.in_stock or not listing.only_in_stock)
        and (card.published or not listing.only_published)
        and not (card.hidden and listing.without_hidden)
        and (not listing.prices or hold(listing.prices, card.prices))
    )


def _names(told: ToldProduct) -> list[str]:
    names = (("p:", told.product_id), ("h:", told.handle), ("v:", told.variant_id))
    return [prefix + value for prefix, value in names if value is not None]


def read_list(fields: Mapping[str, Any], *names: str) -> list[str]:
    """The values of a parameter in which commas part them (or of a JSON list), without empty ones; of its first name that has
    any, at most ``PRODUCTS_NAMED_MAX``."""
    for name in names:
        value = fields.get(name, fields.get(f"{name}[]"))
        # Not split further than it is read: a body may hold a million commas.
        parts = (
            value if isinstance(value, list) else str(value).split(",", _SPLIT_MAX)[:_SPLIT_MAX] if value is not None else []
        )
        read = [
            text for part in parts[:_SPLIT_MAX] if (text := str(part).strip()) and text.lower() not in ("null", "undefined")
        ]
        if read:
            return read[:PRODUCTS_NAMED_MAX]
    return []


def product_references(values: Iterable[str]) -> list[ProductReference]:
    """Product ids (or GraphQL ids) as references; ``h:`` and a handle names a product by that."""
    references = []
    for value in values:
        if value.startswith("h:") and len(value) > 2:
            references.append(ProductReference(value))
        elif (product := read_id(value, "Product")) is not None:
            references.append(ProductReference("p:" + product))
    return references


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

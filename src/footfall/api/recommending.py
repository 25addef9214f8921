"""What goes with products, and what a visitor may want next: answered from sessions, and where these say too little by a chain
of fallbacks.

The chain: sessions; products whose content is like what was asked about; top sellers; whatever else the catalog has.
``fallback=no`` ends it after the sessions.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

from footfall.api.context import read_context
from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, extended, read_list
from footfall.api.viewed import read_action, read_identity, read_identity_if_any, require_may_read
from footfall.catalog.told import id_number
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import ProductReference, ShopId, position_token
from footfall.limits import FALLBACK_PRODUCTS_LIKE, RANKING_DAYS_DEFAULT
from footfall.projections.cards import Card, reference_of
from footfall.projections.recommendations.answers import Because, Made
from footfall.projections.recommendations.neighbours import Kernel
from footfall.projections.recommendations.recommender import (
    GOES_WITH,
    NEXT,
    Asked,
    Own,
    Recommended,
    Said,
    settings_of,
)

Why = Recommended | dict[str, Any]
"""Why a product is in an answer: sessions recommend it, or what else is told of it: ``by`` and what belongs to that."""
Given = tuple[ProductReference, Why]


class Start(NamedTuple):
    """What an answer starts from, and which products it never gives. ``within``: it gives only these, those of a collection
    that the caller named."""

    asked: Asked
    without: Collection[ProductReference] = ()
    within: Collection[ProductReference] | None = None

    def gives(self, reference: ProductReference) -> bool:
        """Whether an answer may give a product."""
        return reference not in self.without and (self.within is None or reference in self.within)

    def given(self, said: Said) -> Iterator[Given]:
        """What sessions say, as far as an answer may give it, the best first."""
        return ((one.reference, one) for one in said.best(self.gives))


class RecommendedList(ABC):
    """What the lists have in common."""

    name: str
    kernel: Kernel

    def __init__(self, parts: Parts, products: Products) -> None:
        self._parts = parts
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange)
        context = self._context(question)
        start = self.start(question, context)
        said = self.said(question, start)
        picked = await self._products.picked(question, start.given(said))
        if len(picked) < question.listing.limit and question.fields.get("fallback") != "no":
            others = await self.others(question, start)
            picked = await self._products.picked(question, chain(start.given(said), others))
        return self._answer(question, context, start, said, picked)

    def soon(self, exchange: Exchange) -> Answer | None:
        """The answer to what storefronts ask nearly always, a GET that sessions answer alone, without a task of its own.
        ``None`` where a request needs more than that, or is refused."""
        if exchange.method != "GET":
            return None
        try:
            fields = exchange.parameters()
            if "after" in fields:
                return None
            question = self._products.asked(exchange, fields, in_stock=True, hidden=False)
            context = self._context(question)
            start = self.start(question, context)
            said = self.said(question, start)
            picked = self._products.picked_soon(question, start.given(said))
            if picked is None or (len(picked) < question.listing.limit and fields.get("fallback") != "no"):
                return None
            return self._answer(question, context, start, said, picked)
        except (Refused, NotReadyError, LogUnavailableError):
            return None

    async def references(self, question: Question, context: Context) -> Iterable[ProductReference]:
        """The list's source. For a rule it gives what sessions say and no more: what comes then is the next rule's to say."""
        start = self.start(question, context)
        return (reference for reference, _ in start.given(self.said(question, start)))

    @abstractmethod
    def start(self, question: Question, context: Context) -> Start:
        """What an answer in a context starts from; from nothing where it says nothing."""

    def said(self, question: Question, start: Start) -> Said:
        """What sessions say."""
        return self._parts.recommender.recommended(question.caller.shop.id, start.asked, self.kernel, self._parts.clock.now())

    async def others(self, question: Question, start: Start) -> Iterator[Given]:
        """The chain after that."""
        shop = question.caller.shop.id
        like = await like_products(self._parts, shop, start.asked.owns[:FALLBACK_PRODUCTS_LIKE])
        sellers = await self._parts.rankings.top_sellers(
            shop, days=RANKING_DAYS_DEFAULT, now=self._parts.clock.now(), of_any=question.listing.any_product
        )
        named = self._parts.names.product
        chained = chain(
            (
                (reference, {"by": "content", **like[reference].detail, "score": round(like[reference].score, 6)})
                for reference in sorted(like, key=lambda reference: (-like[reference].score, reference))
            ),
            ((one.reference, {"by": "top_sellers", **one.reason}) for one in sellers),
            ((reference, {"by": "collection"}) for reference in start.within or ()),
            ((reference, {"by": "catalog"}) for reference in self._parts.catalog.references(shop)),
        )
        return (given for given in chained if start.gives(named(shop, given[0])))

    def _context(self, question: Question) -> Context:
        return read_context(question, self._parts.catalog)

    def _of_visitor(self, question: Question, context: Context, asked: Asked, without: Iterable[ProductReference]) -> Start:
        """From what a visitor did; what they bought lately is never given."""
        shop = question.caller.shop.id
        bought = self._parts.recommender.just_bought(shop, context.uuid, context.customer, self._parts.clock.now())
        return Start(asked, bought | {*without} | self._products_named(question, context.inputs))

    def _products_named(self, question: Question, references: Iterable[ProductReference]) -> set[ProductReference]:
        shop, names = question.caller.shop.id, self._parts.names
        return {names.product(shop, reference) for reference in references}

    def _answer(
        self, question: Question, context: Context, start: Start, said: Said, picked: list[tuple[Card, Why]]
    ) -> Answer:
        shop, parts = question.caller.shop.id, self._parts
        evidence = iter(said.evidence([why for _, why in picked if isinstance(why, Recommended)]))
        whys = [next(evidence) if isinstance(why, Recommended) else why for _, why in picked]
        owns = start.asked.owns
        owners = parts.recommender.owners(shop, context.uuid, context.customer)
        made = Made(
            list=self.name,
            at=parts.clock.now(),
            position=position_token(parts.log.generation, parts.recommender.covered()),
            settings=settings_of(self.kernel),
            of_visitor=bool(owners),
            owns=owns,
            products=[(card.key, why) for (card, _), why in zip(picked, whys, strict=True)],
        )
        answer_id = parts.answers.keep(shop, owners, made)
        bodies = [card.body for card, _ in picked]
        if question.fields.get("explain") == "yes":
            reasons = (reason(self.name, why, owns) for why in whys)
            bodies = [extended(body, {"reasons": [one]}) for body, one in zip(bodies, reasons, strict=True)]
        return self._products.answer(question, bodies, [NO_STORE], {"attribution": answer_id})


class ViewedRelated(RecommendedList):
    """Complementary to what this visitor viewed (or did with ``verb``): never what they viewed or bought lately."""

    name = "viewed-related"
    kernel = NEXT

    def start(self, question: Question, context: Context) -> Start:
        shop = question.caller.shop.id
        action = read_action(question.fields) if question.fields.get("verb") else None
        asked = self._parts.recommender.of_visitor(shop, context.uuid, context.customer, action)
        return self._of_visitor(question, context, asked, (own.product for own in asked.owns))

    def _context(self, question: Question) -> Context:
        _, customer = read_identity(question.fields)
        require_may_read(question.caller, customer)
        return super()._context(question)


class ForYou(RecommendedList):
    """What this visitor may want next: also what they saw before, but not what they see now or bought lately. Without an
    identity, top sellers."""

    name = "for-you"
    kernel = NEXT

    def start(self, question: Question, context: Context) -> Start:
        asked = self._parts.recommender.of_visitor(question.caller.shop.id, context.uuid, context.customer)
        return self._of_visitor(question, context, asked, (own.product for own in asked.owns[:1]))

    def _context(self, question: Question) -> Context:
        _, customer = read_identity_if_any(question.fields)
        require_may_read(question.caller, customer)
        return super()._context(question)


class RecommendedFor(RecommendedList):
    """Goes with the products, variants or cart given, which are left out unless ``filter_inputs=no``. Without any, what the
    visitor may want next."""

    name = "recommended"
    kernel = GOES_WITH

    def start(self, question: Question, context: Context) -> Start:
        shop, now = question.caller.shop.id, self._parts.clock.now()
        recommender = self._parts.recommender
        given = [*context.inputs, *(context.cart or ())]
        if given:
            asked = recommender.of_products(shop, given, context.uuid, context.customer, now)
            inputs = [] if question.fields.get("filter_inputs") == "no" else given
        else:
            asked = recommender.of_visitor(shop, context.uuid, context.customer)
            inputs = [own.product for own in asked.owns[:1]]
        start = self._of_visitor(question, context._replace(inputs=()), asked, self._products_named(question, inputs))
        return start._replace(within=self._within(question))

    def _within(self, question: Question) -> Collection[ProductReference] | None:
        """The products of the collection that a request names, in its order; none where it isn't known."""
        named = read_list(question.fields, "shopify_collection_id", "shopify_collection_ids")
        return dict.fromkeys(self._products.of_collection(question, named[0])) if named else None


class Like(NamedTuple):
    """How much of its content a product shares with one that was asked about, of 1, and what."""

    score: float
    own: Own
    shared: tuple[str, ...]

    @property
    def detail(self) -> dict[str, Any]:
        """As reasons show it."""
        return {"like": named_outside(self.own.product), "shared": list(self.shared)}


async def like_products(parts: Parts, shop: ShopId, owns: Iterable[Own]) -> dict[ProductReference, Like]:
    """Products whose content is like that of one of these, each with the one that it is most like. None while the catalog is
    still being read."""
    found: dict[ProductReference, Like] = {}
    with suppress(NotReadyError):
        for own in owns:
            key = parts.catalog.key_of(shop, own.product)
            for similar in await parts.contents.similar(shop, key) if key is not None else ():
                reference = reference_of(similar.key)
                if reference not in found or similar.score > found[reference].score:
                    found[reference] = Like(similar.score, own, similar.shared)
    return found


def reason(list_name: str, why: Because, owns: Iterable[Own]) -> dict[str, Any]:
    """A reason as ``explain=yes`` shows it."""
    if isinstance(why, dict):
        return {"source": list_name, **why}
    return {
        "source": list_name,
        "by": "sessions",
        "score": round(why.score, 6),
        "sessions": why.sessions,
        "newest_at": why.newest_at,
        "because": [{**shown_own(own), "sessions": share} for own, share in zip(owns, why.shares, strict=True) if share],
    }


def shown_own(own: Own) -> dict[str, Any]:
    """A product that an answer started from, as reasons show it."""
    return {"product": named_outside(own.product), "verb": own.verb, "at": own.time, "steps": own.steps}


def named_outside(reference: ProductReference) -> dict[str, Any]:
    """A reference as answers name it: an object with ``id``, ``handle`` or ``variant_id``."""
    kind, _, name = reference.partition(":")
    return {{"p": "id", "h": "handle", "v": "variant_id"}[kind]: name if kind == "h" else id_number(name)}

"""``/api/v1/products/similar_products``: alternatives to products: the same kind of thing by what the catalog says of them,
the ones that are looked at instead of each other first. Never filled up with anything else."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from footfall.api.exchange import Answer, Exchange
from footfall.api.products import Context, Question
from footfall.api.recommending import Given, Other, RecommendedList, Start, like_products
from footfall.identifiers import ProductReference
from footfall.projections.recommendations.recommender import LIKE, Recommended

_CONTENT_LEAST: Final = 0.15
"""How much of what the catalog says of them two products must share, of 1."""
_BEHAVIOUR_LOOKED_AT: Final = 250
"""Products of which it counts that they are looked at instead of what was asked about."""


class SimilarProducts(RecommendedList):
    """Rank: how much of its content a product shares (see ``contents``), times one plus how much sessions speak for it beside
    the one they speak most for. Without a catalog sessions alone say what is similar."""

    name = "similar_products"
    kernel = LIKE

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange)
        context = self._context(question)
        start = self.start(question, context)
        picked = await self._products.picked(question, await self._alike(question, start))
        return self._answer(question, context, start, picked)

    async def references(self, question: Question, context: Context) -> Iterable[ProductReference]:
        return (reference for reference, _ in await self._alike(question, self.start(question, context)))

    def start(self, question: Question, context: Context) -> Start:
        shop, now = question.caller.shop.id, self._parts.clock.now()
        asked = self._parts.recommender.of_products(shop, context.inputs, context.uuid, context.customer, now)
        keep = question.fields.get("filter_inputs") == "no"
        return Start(asked, () if keep else self._products_named(question, context.inputs))

    async def _alike(self, question: Question, start: Start) -> Iterator[Given]:
        shop = question.caller.shop.id
        said = self.said(question, start)
        if not self._parts.catalog.has_products(shop):
            return said
        by_sessions = {one: why for one, why in islice(said, _BEHAVIOUR_LOOKED_AT) if isinstance(why, Recommended)}
        most = max((why.score for why in by_sessions.values()), default=1.0)
        found: list[tuple[float, ProductReference, Other]] = []
        for reference, like in (await like_products(self._parts, shop, start.asked.owns)).items():
            if like.score < _CONTENT_LEAST or not start.gives(reference):
                continue
            why = by_sessions.get(reference)
            score = like.score * (1 + (why.score / most if why is not None else 0.0))
            told = {
                "score": round(score, 6),
                "content": round(like.score, 6),
                "sessions": why.sessions if why is not None else 0,
            }
            found.append((-score, reference, Other("content", {**like.detail, **told})))
        found.sort(key=lambda one: one[:2])
        return ((reference, other) for _, reference, other in found)

"""``/api/v1/products/similar_products``: alternatives to products: the same kind of thing by what the catalog says of them,
the ones that are looked at instead of each other first. Never filled up with anything else."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from footfall.api.exchange import Answer, Exchange
from footfall.api.products import Context, Question
from footfall.api.recommending import Given, RecommendedList, Start, like_products
from footfall.identifiers import ProductReference
from footfall.projections.recommendations.recommender import LIKE, Said

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
        said = self.said(question, start)
        picked = await self._products.picked(question, await self._alike(question, start, said))
        return self._answer(question, context, start, said, picked)

    async def references(self, question: Question, context: Context) -> Iterable[ProductReference]:
        start = self.start(question, context)
        return (reference for reference, _ in await self._alike(question, start, self.said(question, start)))

    def start(self, question: Question, context: Context) -> Start:
        shop, now = question.caller.shop.id, self._parts.clock.now()
        asked = self._parts.recommender.of_products(shop, context.inputs, context.uuid, context.customer, now)
        keep = question.fields.get("filter_inputs") == "no"
        return Start(asked, () if keep else self._products_named(question, context.inputs))

    async def _alike(self, question: Question, start: Start, said: Said) -> Iterator[Given]:
        shop = question.caller.shop.id
        if not self._parts.catalog.has_products(shop):
            return start.given(said)
        best = list(islice(said.best(start.gives), _BEHAVIOUR_LOOKED_AT))
        by_sessions = {one.reference: why for one, why in zip(best, said.evidence(best), strict=True)}
        most = max((why.score for why in by_sessions.values()), default=1.0)
        found: list[tuple[float, ProductReference, dict[str, Any]]] = []
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
            found.append((-score, reference, {"by": "content", **like.detail, **told}))
        found.sort(key=lambda one: one[:2])
        return ((reference, because) for _, reference, because in found)

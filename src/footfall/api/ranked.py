"""``/api/v1/products/top_sellers`` and ``/api/v1/products/trending_products``: what a shop's products are ranked by, live."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from footfall.api.exchange import Answer, Exchange
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, Told
from footfall.identifiers import ProductReference
from footfall.limits import RANKING_DAYS_DEFAULT, RANKING_DAYS_MAX

WINDOWS_DAYS: Final = (1, 7, 14, RANKING_DAYS_DEFAULT, 60, RANKING_DAYS_MAX)
"""The windows of top sellers; another number counts as the next longer one. Each is a ranking of its own in memory: who tries
all numbers must not make ninety."""

RANKING_CACHE: Final = b"public, max-age=1"
"""An event counts within a second, so that is how long an answer may be kept."""


class _RankedList(ABC):
    """What both have in common."""

    def __init__(self, parts: Parts, products: Products) -> None:
        self._parts = parts
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange)
        shown = await self._products.told(question, await self.told(question))
        return self._products.cached_answer(exchange, question, shown, cache=RANKING_CACHE)

    async def references(self, question: Question, _context: Context) -> Iterator[ProductReference]:
        """The list's source."""
        return (reference for reference, _ in await self.told(question))

    @abstractmethod
    async def told(self, question: Question) -> Iterable[Told]:
        """References, the best first, each with its reason."""

    async def _top_sellers(self, question: Question) -> Iterator[Told]:
        """Top sellers, then whatever else the catalog has."""
        shop = question.caller.shop.id
        ranked = await self._parts.rankings.top_sellers(
            shop, days=read_days(question.fields), now=self._parts.clock.now(), of_any=question.listing.any_product
        )
        others = ((reference, {"source": "catalog"}) for reference in self._parts.catalog.references(shop))
        return chain(((one.reference, {"source": "top_sellers", **one.reason}) for one in ranked), others)


class TopSellers(_RankedList):
    """By units bought within ``days`` and not taken back, then by adds to carts, then by views; never empty while there are
    products."""

    async def told(self, question: Question) -> Iterable[Told]:
        return await self._top_sellers(question)


class TrendingProducts(_RankedList):
    """What more visitors see now than its own past lets expect; then top sellers, unless ``fallback=no``."""

    async def told(self, question: Question) -> Iterable[Told]:
        shop, now = question.caller.shop.id, self._parts.clock.now()
        ranked = await self._parts.rankings.trending(shop, now=now, of_any=question.listing.any_product)
        rising = ((one.reference, {"source": "trending_products", **one.reason}) for one in ranked)
        if question.fields.get("fallback") == "no":
            return rising
        return chain(rising, await self._top_sellers(question))


def read_days(fields: Mapping[str, Any]) -> int:
    """``days``, the window of top sellers: 30 where it is absent or no number above 0, else the shortest window that is not
    shorter; at most 90."""
    text = str(fields.get("days", "")).strip().lstrip("0")
    if not (text.isascii() and text.isdigit()):
        return RANKING_DAYS_DEFAULT
    days = int(text[:9])
    return next((window for window in WINDOWS_DAYS if window >= days), RANKING_DAYS_MAX)

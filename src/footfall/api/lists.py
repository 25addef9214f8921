"""The registry of lists: every list of products by name, with its route and the source that rules of data sources name.

A list is added here with one line; its route, its place in ``/api/v1/sources`` and its name in rules follow from that.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, NamedTuple

from footfall.api.exchange import Answer, Exchange
from footfall.api.named import InCollections, Static
from footfall.api.parts import Parts
from footfall.api.products import ListSource, Products
from footfall.api.purchased import Purchased
from footfall.api.ranked import TopSellers, TrendingProducts
from footfall.api.recommending import ForYou, RecommendedFor, ViewedRelated
from footfall.api.similar import SimilarProducts
from footfall.api.viewed import Viewed

PREFIX: Final = "/api/v1/products/"
INHERITED: Final = (
    "viewed",
    "viewed-related",
    "recommended",
    "similar_products",
    "purchased",
    "trending_products",
    "top_sellers",
    "collections",
    "static",
)
"""The lists of the inherited interface. Those that aren't in the registry are told of as not served yet."""


class ProductList(NamedTuple):
    """A list. ``changes``: its products depend on who asks or on what happened, not on the request and the catalog alone."""

    handler: Callable[[Exchange], Awaitable[Answer]]
    source: ListSource
    changes: bool


class Lists(Mapping[str, ProductList]):
    """Every list of this server, by name."""

    def __init__(self, parts: Parts) -> None:
        self.products = products = Products(parts)
        viewed = Viewed(parts, products)
        purchased = Purchased(parts, products)
        top_sellers, trending = TopSellers(parts, products), TrendingProducts(parts, products)
        static, in_collections = Static(products), InCollections(parts, products)
        related, recommended = ViewedRelated(parts, products), RecommendedFor(parts, products)
        similar, for_you = SimilarProducts(parts, products), ForYou(parts, products)
        self._lists: dict[str, ProductList] = {
            "viewed": ProductList(viewed, viewed.references, changes=True),
            "viewed-related": ProductList(related, related.references, changes=True),
            "recommended": ProductList(recommended, recommended.references, changes=True),
            "similar_products": ProductList(similar, similar.references, changes=True),
            "for-you": ProductList(for_you, for_you.references, changes=True),
            "static": ProductList(static, static.references, changes=False),
            "purchased": ProductList(purchased, purchased.references, changes=True),
            "top_sellers": ProductList(top_sellers, top_sellers.references, changes=True),
            "trending_products": ProductList(trending, trending.references, changes=True),
            "collections": ProductList(in_collections, in_collections.references, changes=False),
        }

        self.soon: Mapping[str, Callable[[Exchange], Answer | None]] = {
            PREFIX + "viewed": viewed.soon,
            **{PREFIX + of.name: of.soon for of in (related, recommended, for_you)},
        }
        """Path → a quick way to an answer, ``None`` where a request needs the handler."""

    def __getitem__(self, name: str) -> ProductList:
        return self._lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

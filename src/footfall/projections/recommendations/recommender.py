"""Recommendations: whose products are asked about, which sessions say what goes with them, and why.

Every answer holds for the moment at which it is asked: ``now`` is passed in.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import CustomerId, Position, ProductReference, ShopId, Uuid
from footfall.limits import EVOLVING_EVENTS_MAX, EVOLVING_PRODUCTS_MAX, JUST_BOUGHT_DAYS
from footfall.projections.bought import Buyers
from footfall.projections.history import History, Seen
from footfall.projections.identity import Identity, trail_of_customer, trail_of_uuid
from footfall.projections.names import Names
from footfall.projections.recommendations.index import Index, ShopIndex
from footfall.projections.recommendations.neighbours import Kernel, Scores, Step
from footfall.projections.recommendations.sessions import IN_CART, KINDS, PURCHASED, VIEWED
from footfall.vocabulary import ACTIONS, Action

NEXT: Final = Kernel()
"""What comes next: the measured defaults."""
GOES_WITH: Final = Kernel(added=3.0, purchased=5.0)
"""What goes with products: what was put into one cart says more than what was looked at."""
LIKE: Final = Kernel(added=0.5, purchased=0.25)
"""What is looked at instead of each other: what is bought together is no alternative."""


@lru_cache
def settings_of(kernel: Kernel) -> str:
    """A name for all that decides how these weights answer: another one whenever any of it is another."""
    return hashlib.blake2b(repr(kernel).encode(), digest_size=4).hexdigest()


_VERBS: Final = {ACTIONS[("user", verb)]: verb for verb in ("viewed", "added", "removed", "purchased")}
_KINDS: Final = {"viewed": VIEWED, "added": IN_CART, "removed": 0, "purchased": PURCHASED}
_BATCH: Final = 12
"""Products that are put in order at once: most answers need half of them."""


class Own(NamedTuple):
    """A product that an answer starts from, and why: the most that the visitor did with it, or that it was ``given``."""

    product: ProductReference
    steps: int
    kinds: int
    verb: str
    time: Milliseconds | None


class Recommended(NamedTuple):
    """A product, and how much speaks for it. ``reference`` is one for all names of the product; ``items``: the numbers by
    which sessions know it."""

    reference: ProductReference
    score: float
    items: Sequence[int]


class Evidence(NamedTuple):
    """Why a product is recommended. ``sessions``: how many say so; ``newest_at``: when the newest of them began; ``shares``:
    how many of them share each of the products that were asked about, in their order."""

    score: float
    sessions: int
    newest_at: Milliseconds
    shares: Sequence[int]


class Asked(NamedTuple):
    """What an answer starts from: products, the newest first, and which trails' sessions that went on since ``since`` may not
    speak for them, because they are the asker's own."""

    owns: Sequence[Own]
    trails: Sequence[str] = ()
    since: Milliseconds = Milliseconds(0)


class Recommender:
    """The questions. All methods belong to the event loop."""

    def __init__(self, index: Callable[[], Index], history: History, identity: Identity, buyers: Buyers, names: Names) -> None:
        self._index = index
        self._history = history
        self._identity = identity
        self._buyers = buyers
        self._names = names

    def of_visitor(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action | None = None) -> Asked:
        """What a visitor or customer did last, as far as they may be asked about together (see ``History.of_both``);
        ``action``: only that."""
        trails = self._trails(shop, uuid, customer)
        told: list[_Did] = []
        if action is None and customer is None and uuid is not None and self._is_nobody(shop, uuid):
            # Nothing of anybody else stands under this uuid, and its sessions are in memory.
            told = self._of_index(shop, trails)
        if not told:
            told = self._of_history(shop, uuid, customer, action)
        kinds_of: dict[ProductReference, int] = {}
        times: list[Milliseconds] = []
        for product, kinds, time in told:
            known = kinds_of.get(product)
            if known is not None:
                kinds_of[product] = known | kinds
            elif len(times) < EVOLVING_PRODUCTS_MAX:
                kinds_of[product] = kinds
                times.append(time)
        owns = [
            Own(product, steps, kinds, _verb(kinds), time)
            for steps, ((product, kinds), time) in enumerate(zip(kinds_of.items(), times, strict=True))
        ]
        return Asked(owns, trails, min(times, default=Milliseconds(0)))

    def _is_nobody(self, shop: ShopId, uuid: Uuid) -> bool:
        return self._identity.stretches(shop, trail_of_uuid(uuid)).last_named is None

    def _of_index(self, shop: ShopId, trails: Sequence[str], among: int = KINDS - 1) -> list["_Did"]:
        """What the index knows of these trails, the newest first; nothing where it is still being read. ``among``: only
        products of which one of these is known."""
        index = self._index()
        of_shop = index.shops.get(shop)
        if of_shop is None or not index.is_live:
            return []
        visitors = (index.visitor(shop, trail) for trail in trails)
        told = [one for visitor in visitors if visitor is not None for one in of_shop.sessions.told_by(visitor, among)]
        if len(trails) > 1:
            told.sort(reverse=True)
        return [
            _Did(product_of(self._names, shop, of_shop, item), kinds, Milliseconds(time))
            for time, _, item, kinds in told[: 4 * EVOLVING_EVENTS_MAX]
        ]

    def _of_history(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action | None) -> list["_Did"]:
        """The same, of the visitor history. In the cart is what was added more often than it was removed; what was only
        removed speaks for nothing."""
        actions = _VERBS if action is None else (action,)
        rows = [row for one in actions for row in islice(self._rows(shop, uuid, customer, one), EVOLVING_EVENTS_MAX)]
        rows.sort(key=lambda row: (-row.time, -row.position))
        nets: dict[ProductReference, int] = {}
        told = []
        for row in rows:
            product, verb = self._names.product(shop, row.reference), _VERBS.get(row.action, "viewed")
            nets[product] = nets.get(product, 0) + (verb == "added") - (verb == "removed")
            told.append(_Did(product, _KINDS[verb], row.time))
        kept = (did._replace(kinds=did.kinds & ~IN_CART | IN_CART * (nets[did.product] > 0)) for did in told)
        return [did for did in kept if did.kinds]

    def of_products(
        self,
        shop: ShopId,
        products: Sequence[ProductReference],
        uuid: Uuid | None,
        customer: CustomerId | None,
        now: Milliseconds,
    ) -> Asked:
        """Products that are given, each as near as the other. Sessions of who asks that went on within a day don't count."""
        named = dict.fromkeys(self._names.product(shop, reference) for reference in products)
        owns = [Own(product, 0, VIEWED, "given", None) for product in islice(named, EVOLVING_PRODUCTS_MAX)]
        return Asked(owns, self._trails(shop, uuid, customer), Milliseconds(now - DAY_MS))

    def just_bought(
        self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, now: Milliseconds
    ) -> set[ProductReference]:
        """What a visitor or customer bought lately: nobody needs it again at once."""
        if uuid is None and customer is None:
            return set()
        since = now - JUST_BOUGHT_DAYS * DAY_MS
        if not self._buyers.has_orders(shop) and self._index().is_live:
            told = self._of_index(shop, self._trails(shop, uuid, customer), PURCHASED)
            return {did.product for did in told if did.time >= since}
        bought = self._buyers.bought(shop, uuid, customer)
        return {self._names.product(shop, one.reference) for one in bought if one.time >= since}

    def covered(self) -> Mapping[int, Position]:
        """Up to where answers cover the events, by partition."""
        return self._index().ends or {0: Position(0)}

    def owners(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None) -> list[int]:
        """The hashes of who asks."""
        trails = [trail_of_uuid(uuid)] if uuid is not None else []
        trails += [trail_of_customer(customer)] if customer is not None else []
        index = self._index()
        return [visitor for trail in trails if (visitor := index.visitor(shop, trail)) is not None]

    def recommended(self, shop: ShopId, asked: Asked, kernel: Kernel, now: Milliseconds) -> "Said":
        """What sessions like these say."""
        index = self._index()
        of_shop = index.shops.get(shop)
        if of_shop is None or not asked.owns:
            return SILENCE
        known = [
            (place, Step(numbers, own.steps, own.kinds))
            for place, own in enumerate(asked.owns)
            if (numbers := self._numbers(of_shop, own.product))
        ]
        without = [
            slot
            for trail in asked.trails
            if (visitor := index.visitor(shop, trail)) is not None
            for slot in of_shop.sessions.slots_since(visitor, asked.since)
        ]
        scores = of_shop.asker.ask([step for _, step in known], now, without, kernel)
        places = [place for place, _ in known]
        return _Scored(self._names, shop, of_shop, scores, places, len(asked.owns))

    def _rows(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Iterator[Seen]:
        if uuid is not None and customer is not None:
            return self._history.of_both(shop, uuid, customer, action)
        if uuid is not None:
            return self._history.of_uuid(shop, uuid, action)
        return self._history.of_customer(shop, customer, action) if customer is not None else iter(())

    def _trails(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None) -> list[str]:
        trails = [trail_of_uuid(uuid)] if uuid is not None else []
        if customer is not None:
            trails += [trail_of_customer(customer), *self._identity.trails(shop, customer)]
        return list(dict.fromkeys(trails))

    def _numbers(self, of_shop: ShopIndex, product: ProductReference) -> tuple[int, ...]:
        """The names under which sessions know a product."""
        own, others = of_shop.numbers.get(product), of_shop.aliases.numbers(product)
        if not others:
            return (own,) if own is not None else ()
        return tuple(dict.fromkeys([*others, own] if own is not None else others))


class _Did(NamedTuple):
    """What somebody did with a product, and when last."""

    product: ProductReference
    kinds: int
    time: Milliseconds


def product_of(names: Names, shop: ShopId, of_shop: ShopIndex, item: int) -> ProductReference:
    """The product that a number stands for."""
    name = of_shop.names[item]
    if name.startswith("p:"):
        # An id names itself; looking that up for each would take longer than all of this.
        return name
    known = of_shop.aliases.product(item)
    return known if known is not None else names.product(shop, name)


def _verb(kinds: int) -> str:
    """The most that was done with a product."""
    return "purchased" if kinds & PURCHASED else "added" if kinds & IN_CART else "viewed"


class Said:
    """What sessions say of products. Here: nothing."""

    def best(self, gives: Callable[[ProductReference], bool]) -> Iterator[Recommended]:
        """The products of which something is said, the best first (of equals, the one whose reference comes first); put in
        order as far as they are asked for. ``gives``: whether a product may be among them."""
        del gives
        return iter(())

    def evidence(self, products: Sequence[Recommended]) -> list[Evidence]:
        """Why each of these is among them: all in one go, since an answer shows a few of those that are asked for."""
        del products
        return []


SILENCE: Final = Said()


class _Scored(Said):
    """Scores of names, as products."""

    def __init__(
        self, names: Names, shop: ShopId, of_shop: ShopIndex, scores: Scores, places: Sequence[int], owns: int
    ) -> None:
        """``places``: which of the ``owns`` products each step of the scores was."""
        self._names = names
        self._shop = shop
        self._of_shop = of_shop
        self._scores = scores
        self._places = places
        self._owns = owns

    def best(self, gives: Callable[[ProductReference], bool]) -> Iterator[Recommended]:
        names = self._of_shop.names
        given: set[ProductReference] = set()
        wanted = _BATCH
        while True:
            best = self._scores.best(wanted)
            scores = dict(zip(best.items.tolist(), best.values.tolist(), strict=True))
            products: dict[ProductReference, list[int]] = {}
            for item in scores:
                product = names[item]
                if not product.startswith("p:"):
                    product = product_of(self._names, self._shop, self._of_shop, item)
                if product in products:
                    products[product].append(item)
                else:
                    products[product] = [item]
            # One product under several names is added up exactly: numbers are given in the order in which names come.
            order = sorted(
                (-(scores[items[0]] if len(items) == 1 else math.fsum(map(scores.__getitem__, items))), product)
                for product, items in products.items()
            )
            for score, product in order:
                if product not in given:
                    given.add(product)
                    if gives(product):
                        yield Recommended(product, -score, products[product])
            if len(best.items) >= len(self._scores.items):
                return
            wanted *= 8

    def evidence(self, products: Sequence[Recommended]) -> list[Evidence]:
        of = [number for number, one in enumerate(products) for _ in one.items]
        items = [item for one in products for item in one.items]
        places, tellers = self._of_shop.asker.tellers(self._scores, items)
        if len(items) > len(products):
            # A session that knows a product under two names tells of it once.
            neighbours = len(self._scores.neighbours.slots)
            places, tellers = np.divmod(np.unique(np.array(of).take(places) * neighbours + tellers), neighbours)
        steps, starts = self._scores.neighbours.steps, self._scores.neighbours.starts
        count = len(self._places)
        shares = np.bincount(places * count + steps.take(tellers), minlength=count * len(products)).tolist()
        # Of several the last is written last, and neighbours stand oldest first.
        newest = np.zeros(len(products), np.int64)
        newest[places] = starts.take(tellers)
        told = []
        for number, (one, second) in enumerate(zip(products, newest.tolist(), strict=True)):
            of_owns = shares[number * count : (number + 1) * count]
            if count < self._owns:
                of_known = dict(zip(self._places, of_owns, strict=True))
                of_owns = [of_known.get(place, 0) for place in range(self._owns)]
            told.append(Evidence(one.score, sum(of_owns), Milliseconds(second * 1_000), of_owns))
        return told

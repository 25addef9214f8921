"""Rankings: top sellers and trending products, read from the tables when first asked for and kept up from then on.

A question never reads a table: it takes the head of what is in order, which is sorted about once a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import structlog

from footfall.clock import DAY_MS, HOUR_MS, SECOND_MS, Milliseconds
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import ProductReference, ShopId
from footfall.limits import (
    RANKED_PRODUCTS_MAX,
    RANKING_HEAD,
    RANKING_LATE_SECONDS,
    RANKING_LOAD_SECONDS,
    RANKING_RESOLVED_ONCE,
    RANKING_SECONDS,
)
from footfall.projections.counters import Counters, Counts
from footfall.projections.names import Names
from footfall.projections.orders import Orders, Sold
from footfall.projections.purchases import Purchases
from footfall.projections.selling import Row, Selling
from footfall.projections.state import Reader
from footfall.projections.trending import LIVE_HOURS, Trending

_PUT: Final = 2_000
"""Rows that are taken in before live requests get their turn: a millisecond."""

_logger = structlog.get_logger("footfall.rankings")

Numbers = tuple[float, ...]
Flags = npt.NDArray[np.bool_]


class Ranking(Protocol):
    """What a shop's products are put in order by."""

    facts: bool

    def __len__(self) -> int:
        """How many products it holds."""

    def stale_hours(self, now: Milliseconds) -> int:
        """For how many hours its window has not been the one that is asked for."""

    def viewed(self, reference: ProductReference, day: int) -> None:
        """One more view."""

    def added(self, reference: ProductReference, day: int) -> None:
        """One more add."""

    def seen(self, reference: ProductReference, hour: int, level: int, bit: int) -> None:
        """A visitor's bit."""

    def touch(self, order_id: str) -> None:
        """What is known of an order is about to change."""

    def take(self, counts: Counts) -> None:
        """What is in memory only."""

    def read(self, reader: Reader) -> list[Row]:
        """What the tables hold; may run on a thread of its own."""

    def put(self, rows: Iterable[Row]) -> None:
        """Take in what was read."""

    @property
    def names(self) -> Sequence[ProductReference]:
        """Its products, each in its place, with all that has changed until now."""

    def head(self, count: int, among: Flags) -> list[tuple[ProductReference, Numbers]]:
        """At least the first ``count`` of these products, in some order, with their numbers."""

    def order(self, among: Flags) -> Iterable[int]:
        """The places of these products, the best first."""

    def numbers(self, reference: ProductReference) -> Numbers:
        """The numbers of one product, under this name alone."""

    def rank(self, numbers: Numbers) -> Numbers:
        """What to sort by, smallest first."""

    def reason(self, numbers: Numbers) -> dict[str, float]:
        """The numbers by name."""


class Ranked(NamedTuple):
    """A product in order, and why it stands there."""

    reference: ProductReference
    reason: dict[str, float]


class _Key(NamedTuple):
    shop: ShopId
    days: int
    """The window of top sellers, 0 for trending products."""


class _Known:
    """Which products of a ranking the shop's catalog has: the others are ranked only where somebody wants any product. Looked
    up in turns, so that a flood of invented products costs what any other event does."""

    def __init__(self) -> None:
        self._flags = np.zeros(0, np.bool_)
        self._next = 0
        self._changes = -1

    def update(self, names: Sequence[ProductReference], is_known: Callable[[ProductReference], bool], changes: int) -> None:
        """Look up the next products, at most ``RANKING_RESOLVED_ONCE``: new ones, and all once the catalog has changed."""
        if len(self._flags) < len(names):
            self._flags = np.concatenate([self._flags, np.zeros(len(names), np.bool_)])
        if self._next >= len(names) and changes != self._changes:
            self._next, self._changes = 0, changes
        for place in range(self._next, min(self._next + RANKING_RESOLVED_ONCE, len(names))):
            self._flags[place] = is_known(names[place])
            self._next = place + 1

    def flags(self, count: int) -> Flags:
        """One for each of the first ``count`` products."""
        return self._flags[:count]


class _Held:
    """A ranking in memory, with what was put in order last."""

    def __init__(self, ranking: Ranking, read_at: Milliseconds) -> None:
        self.ranking = ranking
        self.read_at = read_at
        self.asked_at = read_at
        self._known = _Known()
        self._heads: dict[bool, tuple[Milliseconds, list[tuple[ProductReference, Numbers]]]] = {}
        """Whether of any products → when, and the first ``RANKING_HEAD`` in order."""

    def look_up(self, view: "_View") -> None:
        """Learn which products the catalog has, a part at a time."""
        self._known.update(self.ranking.names, view.is_known, view.changes)

    def best(self, now: Milliseconds, view: "_View") -> Iterator[Ranked]:
        """Its products, the best first, each under one name."""
        given = set()
        for reference, numbers in self._head(now, view):
            given.add(reference)
            yield Ranked(reference, self.ranking.reason(numbers))
        if len(self.ranking) <= RANKING_HEAD:
            return
        # Somebody asks beyond the head, as who filters much does.
        names = self.ranking.names
        for place in self.ranking.order(self._flags(view)):
            reference = view.name(names[place])
            if reference not in given:
                given.add(reference)
                yield Ranked(reference, self.ranking.reason(self.ranking.numbers(names[place])))

    def order(self, now: Milliseconds, view: "_View") -> Callable[[ProductReference], Numbers]:
        """What to sort products by: those of the head as they stand there, the others by what is known under that name."""
        head = {reference: (0.0, float(place)) for place, (reference, _) in enumerate(self._head(now, view))}

        def key(reference: ProductReference) -> Numbers:
            place = head.get(reference)
            return place if place is not None else (1.0, *self.ranking.rank(self.ranking.numbers(reference)))

        return key

    def _head(self, now: Milliseconds, view: "_View") -> list[tuple[ProductReference, Numbers]]:
        self.asked_at = now
        ordered_at, head = self._heads.get(view.of_any, (None, []))
        if ordered_at is None or not 0 <= now - ordered_at < RANKING_SECONDS * SECOND_MS:
            if not view.of_any:
                self.look_up(view)
            head = self._in_order(view)
            self._heads[view.of_any] = (now, head)
        return head

    def _in_order(self, view: "_View") -> list[tuple[ProductReference, Numbers]]:
        # A product that events named in several ways counts with the sum of them.
        numbers: dict[ProductReference, Numbers] = {}
        for reference, told in self.ranking.head(RANKING_HEAD, self._flags(view)):
            named = view.name(reference)
            before = numbers.get(named)
            numbers[named] = told if before is None else tuple(map(sum, zip(before, told, strict=True)))
        return sorted(numbers.items(), key=lambda item: (self.ranking.rank(item[1]), item[0]))

    def _flags(self, view: "_View") -> Flags:
        # Asked for by name, so that what orders have changed is brought in before anything is counted.
        count = len(self.ranking.names)
        return np.ones(count, np.bool_) if view.of_any else self._known.flags(count)


class _View(NamedTuple):
    """How a shop's products are named while a ranking is put in order. ``of_any``: also those that its catalog hasn't."""

    name: Callable[[ProductReference], ProductReference]
    is_known: Callable[[ProductReference], bool]
    of_any: bool
    changes: int
    """Counts the changes of the catalog."""


class Rankings:
    """The questions. All methods belong to the event loop."""

    def __init__(
        self,
        counters: Counters,
        orders: Orders,
        purchases: Purchases,
        names: Names,
        open_reader: Callable[[], Reader],
        merge: Callable[[], Awaitable[None]],
    ) -> None:
        self._counters = counters
        self._orders = orders
        self._purchases = purchases
        self._names = names
        self._open_reader = open_reader
        self._merge = merge
        self._held: dict[_Key, _Held] = {}
        self._loading: dict[_Key, asyncio.Task[_Held]] = {}
        self._watching: dict[ShopId, list[Ranking]] = {}
        orders.touch = purchases.touch = self._touch

    async def top_sellers(self, shop: ShopId, *, days: int, now: Milliseconds, of_any: bool = False) -> Iterator[Ranked]:
        """Products by units bought within the last ``days`` (UTC, today included) and not taken back, then by adds, then by
        views. ``of_any``: also those that the shop's catalog doesn't have. Raises ``NotReadyError`` where it can't be read in
        time."""
        return await self._best(_Key(shop, days), now, of_any=of_any)

    async def order(self, shop: ShopId, *, days: int, now: Milliseconds) -> Callable[[ProductReference], tuple[float, ...]]:
        """What to sort products by so that top sellers come first, and those that never sold last, as they were."""
        return (await self._kept(_Key(shop, days), now)).order(now, self._view(shop, of_any=False))

    async def trending(self, shop: ShopId, *, now: Milliseconds, of_any: bool = False) -> Iterator[Ranked]:
        """Products that more visitors see now than the product's own past lets expect, the most striking first; then the
        others. Raises ``NotReadyError``."""
        return await self._best(_Key(shop, 0), now, of_any=of_any)

    async def stop(self) -> None:
        """End what is being read."""
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def _best(self, key: _Key, now: Milliseconds, *, of_any: bool) -> Iterator[Ranked]:
        return (await self._kept(key, now)).best(now, self._view(key.shop, of_any=of_any))

    def _view(self, shop: ShopId, *, of_any: bool) -> _View:
        names = self._names
        return _View(
            lambda reference: names.product(shop, reference),
            lambda reference: names.is_in_catalog(shop, reference),
            of_any or not names.has_catalog(shop),
            names.changes(shop),
        )

    async def _kept(self, key: _Key, now: Milliseconds) -> _Held:
        """A ranking in memory, read where it is not there or not the one that is asked for any more."""
        held = self._held.get(key)
        stale = held.ranking.stale_hours(now) if held is not None else 0
        if held is None or not 0 <= stale <= 1:
            held = await self._loaded(key, now)
        elif stale or self._is_outdated(key.shop, held, now):
            self._load(key, now)
        return held

    def _is_outdated(self, shop: ShopId, held: _Held, now: Milliseconds) -> bool:
        """Whether it must be read anew although its window is the right one: the shop has orders now where claims had to do,
        or something came late."""
        ranking = held.ranking
        if isinstance(ranking, Trending):
            return ranking.is_late and now - held.read_at > RANKING_LATE_SECONDS * SECOND_MS
        return not ranking.facts and self._has_facts(shop)

    async def _loaded(self, key: _Key, now: Milliseconds) -> _Held:
        task = self._load(key, now)
        try:
            async with asyncio.timeout(RANKING_LOAD_SECONDS):
                return await asyncio.shield(task)
        except TimeoutError as failure:
            raise NotReadyError("rankings: still being read. Ask again.") from failure

    def _load(self, key: _Key, now: Milliseconds) -> asyncio.Task[_Held]:
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._read(key, now))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: _Key, task: asyncio.Task[_Held]) -> None:
        del self._loading[key]
        if not task.cancelled() and task.exception() is not None:
            _logger.warning("ranking_failed", shop=key.shop, error=str(task.exception()))

    async def _read(self, key: _Key, now: Milliseconds) -> _Held:
        """Read a ranking from the tables as they are at one moment; what is only in memory then, and what comes after,
        is taken in beside."""
        if key.days == 0 and self._counters.is_waiting(key.shop, before=now // HOUR_MS - LIVE_HOURS + 1):
            # What is kept as a number can't be put together from table and memory; what stays behind comes with the next one.
            with suppress(LogUnavailableError):
                await self._merge()
        try:
            reader = self._open_reader()
        except LogUnavailableError as failure:
            raise NotReadyError(f"rankings: {failure}") from failure
        ranking: Ranking | None = None
        try:
            reader.rows("BEGIN")
            fresh = self._counters.fresh(reader)
            ranking = self._made(key, now)
            for counts in fresh:
                ranking.take(counts)
            self._watch(key.shop, ranking)
            rows = await asyncio.to_thread(ranking.read, reader)
            for first in range(0, len(rows), _PUT):
                ranking.put(rows[first : first + _PUT])
                await asyncio.sleep(0)
            held = _Held(ranking, now)
            for _ in range(0, len(ranking), RANKING_RESOLVED_ONCE):
                held.look_up(self._view(key.shop, of_any=False))
                await asyncio.sleep(0)
        except BaseException:
            if ranking is not None:
                self._unwatch(key.shop, ranking)
            raise
        finally:
            reader.close()
        older = self._held.pop(key, None)
        if older is not None:
            self._unwatch(key.shop, older.ranking)
        self._held[key] = held
        self._make_room(key)
        return held

    def _made(self, key: _Key, now: Milliseconds) -> Ranking:
        if key.days == 0:
            return Trending(key.shop, hour=now // HOUR_MS)
        facts = self._has_facts(key.shop)
        return Selling(
            key.shop,
            day=now // DAY_MS,
            days=key.days,
            facts=facts,
            sales=lambda order_id: self._sales(key.shop, order_id, facts=facts),
            fresh={*self._orders.fresh(key.shop), *self._purchases.fresh(key.shop)},
        )

    def _sales(self, shop: ShopId, order_id: str, *, facts: bool) -> Iterator[Sold]:
        """What an order counts with: its own word where it has one, else what events told."""
        sold = self._orders.sold(shop, order_id)
        if sold is not None:
            yield sold
            return
        if self._orders.tells_of(shop, order_id):
            return
        for purchase in self._purchases.of_order(shop, order_id):
            if purchase.verified or not facts:
                yield Sold(purchase.time, [(purchase.reference, purchase.units)])

    def _has_facts(self, shop: ShopId) -> bool:
        return self._orders.has_any(shop) or self._purchases.has_facts(shop)

    def _touch(self, shop: ShopId, order_id: str) -> None:
        for ranking in self._watching.get(shop, ()):
            ranking.touch(order_id)

    def _watch(self, shop: ShopId, ranking: Ranking) -> None:
        self._watching.setdefault(shop, []).append(ranking)
        self._counters.watchers[shop] = list(self._watching[shop])

    def _unwatch(self, shop: ShopId, ranking: Ranking) -> None:
        self._watching[shop] = [other for other in self._watching[shop] if other is not ranking]
        self._counters.watchers[shop] = list(self._watching[shop])
        if not self._watching[shop]:
            del self._watching[shop], self._counters.watchers[shop]

    def _make_room(self, key: _Key) -> None:
        """Let go of the rankings that were asked for longest ago, beyond what may be held."""
        held = sum(len(one.ranking) for one in self._held.values())
        for other in sorted(self._held, key=lambda one: self._held[one].asked_at):
            if held <= RANKED_PRODUCTS_MAX:
                return
            if other != key:
                gone = self._held.pop(other)
                held -= len(gone.ranking)
                self._unwatch(other.shop, gone.ranking)

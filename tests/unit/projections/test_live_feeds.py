"""Live feeds: what they hold, how far they are, who may have one, and what ends them. That they miss nothing is a property."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any

import pytest

from footfall.errors import NotReadyError, OverloadedError
from footfall.event import Event, encode_event
from footfall.identifiers import Position, ShopId
from footfall.limits import LIVE_FEEDS_MAX, LIVE_FEEDS_PER_SHOP_MAX, LIVE_PAGE_BYTES_MAX
from footfall.log.memory import MemoryLog
from footfall.log.port import Record, Stream
from footfall.projections.live_feeds import LiveFeed, LiveFeeds
from tests.support import NOW, run

SHOP, OTHER = ShopId(1), ShopId(2)


class Followed(MemoryLog):
    """A log in memory whose groups feeds are handed; until ``acknowledge`` they are durable, and not acknowledged."""

    def __init__(self) -> None:
        super().__init__(followers=[self._follow])
        self.end = Position(0)
        self.reads = 0
        self.feeds = LiveFeeds(lambda: self, lambda stream: {0: self.end})
        self._durable: list[Any] = []

    def _follow(self, group: Any) -> None:
        self._durable.append(group)

    def acknowledge(self) -> None:
        for group in self._durable:
            self.end = group.positions[-1]
            self.feeds.follow(group)
        self._durable = []

    async def tell(self, *shops: ShopId, **fields: Any) -> None:
        await self.append(Stream.EVENTS, [record(shop, **fields) for shop in shops])
        self.acknowledge()

    async def read(self, *arguments: Any, **options: Any) -> Any:
        self.reads += 1
        return await super().read(*arguments, **options)


def record(shop: ShopId, **fields: Any) -> Record:
    event = Event(shop=shop, received_at=NOW, time=NOW, subject="user", verb="viewed", noun="product", **fields)
    return Record("visitor", encode_event(event), event)


@contextmanager
def many(feeds: LiveFeeds, *shops: ShopId) -> Iterator[list[LiveFeed]]:
    with ExitStack() as stack:
        yield [stack.enter_context(feeds.opened(shop)) for shop in shops]


async def positions(feed: LiveFeed) -> list[int]:
    return [told.position for told in await feed.take()]


def test_a_feed_that_keeps_up_reads_nothing_from_the_log_and_leaves_nothing_in_memory() -> None:
    async def scenario() -> None:
        log = Followed()
        await log.tell(SHOP)
        with many(log.feeds, SHOP, SHOP) as (first, second):
            await log.tell(SHOP, OTHER, SHOP)
            one, other = await first.take(), await second.take()
            # The same objects, so that what is made of one event is made once.
            assert [(told.position, told is same) for told, same in zip(one, other, strict=True)] == [(2, True), (4, True)]
            assert log.reads == 0
            assert first._recent.told == []

    run(scenario())


def test_events_of_other_shops_move_a_feed_on_and_do_not_wake_it() -> None:
    async def scenario() -> None:
        log = Followed()
        with many(log.feeds, SHOP) as (feed,):
            waiting = asyncio.ensure_future(feed.news(60))
            await asyncio.sleep(0)
            await log.tell(OTHER, OTHER)
            await asyncio.sleep(0)
            assert (waiting.done(), feed.is_behind) == (False, False)
            assert await positions(feed) == []
            assert feed.position == 2
            await log.tell(SHOP)
            await waiting
            assert await positions(feed) == [3]

    run(scenario())


def test_what_is_durable_and_not_acknowledged_yet_is_not_told() -> None:
    async def scenario() -> None:
        log = Followed()
        with many(log.feeds, SHOP) as (feed,):
            await log.tell(SHOP, SHOP)
            feed.position = Position(0)
            feed._recent.start = Position(2)
            await log.append(Stream.EVENTS, [record(SHOP)])
            assert await positions(feed) == [1, 2]
            assert (feed.position, feed.is_behind) == (2, False)
            log.acknowledge()
            assert await positions(feed) == [3]

    run(scenario())


def test_what_a_slow_feed_leaves_in_memory_is_bounded_and_shared_among_shops(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(record(SHOP).value)
    monkeypatch.setattr("footfall.projections.live_feeds.LIVE_RECENT_BYTES_MAX", 10 * size)

    async def scenario() -> None:
        log = Followed()
        with many(log.feeds, SHOP) as (slow,):
            await log.tell(*[SHOP] * 50)
            assert [told.position for told in slow._recent.told] == list(range(41, 51))
            with many(log.feeds, OTHER):
                assert slow._recent.size == 5 * size
                await log.tell(*[SHOP, OTHER] * 20)
                assert sum(recent.size for recent in log.feeds._shops.values()) == 10 * size
            told = []
            while slow.is_behind:
                told += await positions(slow)
            assert told == [*range(1, 51), *range(51, 91, 2)]

    run(scenario())


def test_a_page_ends_where_its_bytes_do_and_has_an_event_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    large = "x" * (LIVE_PAGE_BYTES_MAX // 2 + 1)

    async def scenario() -> None:
        log = Followed()
        with many(log.feeds, SHOP) as (feed,):
            await log.tell(*[SHOP] * 5, label=large)
            assert [await positions(feed) for _ in range(3)] == [[1, 2], [3, 4], [5]]
            feed.position, feed._recent.start = Position(0), Position(5)
            assert [await positions(feed) for _ in range(3)] == [[1, 2], [3, 4], [5]]
            monkeypatch.setattr("footfall.projections.live_feeds.LIVE_PAGE_BYTES_MAX", 1)
            feed.position = Position(3)
            assert [await positions(feed) for _ in range(2)] == [[4], [5]]

    run(scenario())


def test_reading_far_back_lets_everybody_else_have_their_turn_after_each_page_of_any_feed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("footfall.projections.live_feeds.LIVE_PAGE_EVENTS", 10)

    async def scenario() -> None:
        log = Followed()
        await log.tell(*[OTHER] * 1_000)
        turns: list[int] = []

        async def beside() -> None:
            while True:
                turns.append(log.reads)
                await asyncio.sleep(0)

        async def catch_up(feed: LiveFeed) -> None:
            feed.position = Position(0)
            while feed.is_behind:
                assert await positions(feed) == []

        with many(log.feeds, SHOP, SHOP, SHOP) as feeds:
            task = asyncio.ensure_future(beside())
            await asyncio.gather(*map(catch_up, feeds))
            task.cancel()
        assert log.reads == 300
        assert max(later - earlier for earlier, later in pairwise(turns)) == 1

    run(scenario())


def test_the_last_events_are_found_among_those_of_other_shops_as_far_as_one_looks_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("footfall.projections.live_feeds.LIVE_PAGE_EVENTS", 4)

    async def scenario() -> None:
        log = Followed()
        await log.tell(SHOP, OTHER, SHOP, OTHER, OTHER, OTHER, SHOP, OTHER, OTHER)

        def any_event(_event: Event) -> bool:
            return True

        with many(log.feeds, SHOP) as (feed,):
            found = {n: await feed.last(n, any_event, positions_max=100) for n in (0, 1, 2, 3, 4)}
            assert found == {0: 9, 1: 6, 2: 2, 3: 0, 4: 0}
            assert await feed.last(2, any_event, positions_max=4) == 5
            assert await feed.last(1, lambda event: event.verb == "added", positions_max=100) == 0

    run(scenario())


def test_feeds_are_bounded_by_shop_and_in_all_and_make_room_when_they_leave() -> None:
    async def scenario() -> None:
        feeds = Followed().feeds
        for _ in range(2):
            with many(feeds, *[SHOP] * LIVE_FEEDS_PER_SHOP_MAX):
                with pytest.raises(OverloadedError), feeds.opened(SHOP):
                    pass
                others = [ShopId(10 + n) for n in range(LIVE_FEEDS_MAX - LIVE_FEEDS_PER_SHOP_MAX)]
                with many(feeds, *others), pytest.raises(OverloadedError), feeds.opened(OTHER):
                    pass
            assert feeds.count == 0

    run(scenario())


def test_closing_ends_every_wait_and_opens_no_more() -> None:
    async def scenario() -> None:
        feeds = Followed().feeds
        with many(feeds, SHOP, OTHER) as both:
            waiting = [asyncio.ensure_future(feed.news(60)) for feed in both]
            await asyncio.sleep(0)
            feeds.close()
            await asyncio.gather(*waiting)
            await both[0].news(60)
        with pytest.raises(NotReadyError), feeds.opened(SHOP):
            pass

    run(scenario())


def test_a_record_that_cannot_be_read_ends_no_feed() -> None:
    async def steps() -> None:
        log = Followed()
        await log.append(
            Stream.EVENTS, [record(SHOP, uuid="u1"), Record("visitor", b'{"shop":1,"time":', None), record(SHOP, uuid="u3")]
        )
        log.acknowledge()
        with log.feeds.opened(SHOP) as feed:
            feed.position = Position(0)
            assert [told.event.uuid for told in await feed.take()] == ["u1", "u3"]

    run(steps())

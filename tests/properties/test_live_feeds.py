"""Live feeds: however appends and readers take turns, each reader gets what the log holds of its shop, once and in order."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.event import Event, encode_event
from footfall.identifiers import Position, ShopId
from footfall.log.memory import MemoryLog
from footfall.log.port import Record, Stream
from footfall.projections.live_feeds import LiveFeed, LiveFeeds
from tests.properties.replica import OTHER_SHOP, SHOP
from tests.support import NOW, run

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.sampled_from([SHOP, OTHER_SHOP]), min_size=1, max_size=12)),
        st.tuples(st.just("open"), st.tuples(st.sampled_from([SHOP, OTHER_SHOP]), st.integers(0, 30))),
        st.tuples(st.just("take"), st.integers(0, 5)),
    ),
    max_size=40,
)


class Readers:
    """A log with its feeds, and what each of them was told."""

    def __init__(self, stack: ExitStack) -> None:
        self.log = MemoryLog(followers=[self._follow])
        self.feeds = LiveFeeds(lambda: self.log, lambda stream: {0: self._end})
        self.told: list[tuple[LiveFeed, ShopId, Position, list[Position]]] = []
        self._stack = stack
        self._end = Position(0)

    def _follow(self, group: Any) -> None:
        self._end = group.positions[-1]
        self.feeds.follow(group)

    async def append(self, shops: Sequence[ShopId]) -> None:
        await self.log.append(Stream.EVENTS, [record(shop) for shop in shops])

    def open(self, shop: ShopId, back: int) -> None:
        if len(self.told) < 6:
            feed = self._stack.enter_context(self.feeds.opened(shop))
            feed.position = Position(max(0, self._end - back))
            self.told.append((feed, shop, feed.position, []))

    async def take(self, number: int) -> None:
        if number < len(self.told):
            feed, _, _, told = self.told[number]
            told += [one.position for one in await feed.take()]


def record(shop: ShopId) -> Record:
    event = Event(shop=shop, received_at=NOW, time=NOW, subject="user", verb="viewed", noun="product")
    return Record("visitor", encode_event(event), event)


@pytest.mark.parametrize("recent_bytes", [0, 2_000, 1_000_000])
@given(steps=STEPS)
def test_each_feed_tells_every_event_of_its_shop_once_and_in_order(recent_bytes: int, steps: list[tuple[str, Any]]) -> None:
    async def scenario() -> None:
        with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
            patch.setattr("footfall.projections.live_feeds.LIVE_RECENT_BYTES_MAX", recent_bytes)
            patch.setattr("footfall.projections.live_feeds.LIVE_PAGE_EVENTS", 3)
            readers = Readers(stack)
            for step, argument in steps:
                if step == "append":
                    await readers.append(argument)
                elif step == "open":
                    readers.open(*argument)
                else:
                    await readers.take(argument)
            for number, (feed, shop, start, told) in enumerate(readers.told):
                while feed.is_behind:
                    await readers.take(number)
                stored = await readers.log.read(Stream.EVENTS, 0, Position(start + 1), 1_000)
                assert told == [entry.position for entry in stored if entry.value == record(shop).value]

    run(scenario())

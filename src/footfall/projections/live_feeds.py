"""Live feeds: each is a place in the log that moves on. The newest events come from memory, which all feeds of a shop share;
what is there no longer is read from the log, so that a slow reader costs no memory and misses nothing."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Final

import msgspec
import structlog

from footfall.errors import NotReadyError, OverloadedError
from footfall.event import Event, decode_event, shop_of
from footfall.identifiers import Position, ShopId
from footfall.limits import (
    LIVE_FEEDS_MAX,
    LIVE_FEEDS_PER_SHOP_MAX,
    LIVE_PAGE_BYTES_MAX,
    LIVE_PAGE_EVENTS,
    LIVE_RECENT_BYTES_MAX,
)
from footfall.log.port import Entry, Group, Log, Stream

_PARTITION: Final = 0
_logger = structlog.get_logger("footfall.live")
_position_of: Final = attrgetter("position")


class Told:
    """An event with its place. ``message`` is what feeds send of it, once one of them has made it: it is the same for all."""

    __slots__ = ("event", "message", "position", "size")

    def __init__(self, position: Position, event: Event, size: int) -> None:
        self.position = position
        self.event = event
        self.size = size
        """Bytes of its record."""
        self.message: bytes | None = None


class _Recent:
    """The newest events of a shop that has feeds: all of them after ``start``."""

    def __init__(self, start: Position) -> None:
        self.start = start
        self.told: list[Told] = []
        self.size = 0
        self.feeds: list[LiveFeed] = []

    def add(self, told: Told) -> None:
        self.told.append(told)
        self.size += told.size

    def after(self, position: Position) -> list[Told]:
        """The next page after a position that is not before ``start``."""
        first = bisect_right(self.told, position, key=_position_of)
        return _page(self.told[first : first + LIVE_PAGE_EVENTS])

    def shrink(self, size_max: int) -> None:
        """Let go of what every feed is past, and of the oldest beyond a size."""
        passed = min((feed.position for feed in self.feeds), default=self.start)
        gone = 0
        for told in self.told:
            if told.position > passed and self.size <= size_max:
                break
            self.size -= told.size
            gone += 1
        if gone:
            self.start = max(self.start, self.told[gone - 1].position)
            del self.told[:gone]


class LiveFeed:
    """One reader of a shop's events: it is done with everything up to ``position``, which may be set before it takes any."""

    def __init__(self, feeds: "LiveFeeds", shop: ShopId, recent: _Recent, position: Position) -> None:
        self.position = position
        self._feeds = feeds
        self._shop = shop
        self._recent = recent
        self._news = asyncio.Event()

    @property
    def is_behind(self) -> bool:
        """Whether ``take`` would find more at once."""
        recent = self._recent
        return self.position < recent.start or (bool(recent.told) and recent.told[-1].position > self.position)

    async def take(self) -> list[Told]:
        """The shop's next events, at most a page, in the order of the log; none where it has none up to the new ``position``.

        All feeds together take one page before everybody else has their turn. Raises ``LogUnavailableError``.
        """
        async with self._feeds.turn:
            await asyncio.sleep(0)
            if self.position < self._recent.start:
                return await self._take_from_log()
            taken = self._recent.after(self.position)
            if taken:
                self.position = taken[-1].position
            if not self.is_behind:
                # Only events of other shops came since.
                self.position = self._feeds.end
            self._recent.shrink(self._feeds.share)
            return taken

    async def _take_from_log(self) -> list[Told]:
        # Asked for before reading: what becomes durable meanwhile is not passed over.
        end = self._feeds.end
        found, passed = await self._feeds.read(self._shop, self.position, end)
        taken = _page(found)
        self.position = taken[-1].position if len(taken) < len(found) else passed
        return taken

    async def last(self, count: int, lets_pass: Callable[[Event], bool], *, positions_max: int) -> Position:
        """The place after which the last so many events come that pass, of those among the last ``positions_max``."""
        start = end = self._feeds.end
        while count and start > max(0, end - positions_max):
            page_end, start = start, Position(max(0, start - LIVE_PAGE_EVENTS))
            async with self._feeds.turn:
                await asyncio.sleep(0)
                found, _ = await self._feeds.read(self._shop, start, page_end)
            for told in reversed(found):
                if lets_pass(told.event):
                    count -= 1
                    if not count:
                        return Position(told.position - 1)
        return start

    async def news(self, seconds: float) -> None:
        """Wait until there is more to take, the feeds are closed, or so much time is over."""
        self._news.clear()
        if not self.is_behind and not self._feeds.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()

    def wake(self) -> None:
        """End the wait for news."""
        self._news.set()


class LiveFeeds:
    """All live feeds, and the follower of the log that feeds them."""

    def __init__(self, log: Callable[[], Log], covered: Callable[[Stream], Mapping[int, Position]]) -> None:
        """``log``: asked for when it is read, since the log is opened with its followers. ``covered``: up to where it was
        followed."""
        self._log = log
        self._covered = covered
        self._shops: dict[ShopId, _Recent] = {}
        self.turn: Final = asyncio.Lock()
        self.closed = False

    @property
    def end(self) -> Position:
        """The last position that was acknowledged."""
        return self._covered(Stream.EVENTS).get(_PARTITION, Position(0))

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(recent.feeds) for recent in self._shops.values())

    def follow(self, group: Group) -> None:
        """Keep what feeds have to send of a group that has just become durable."""
        if group.stream is not Stream.EVENTS or not self._shops:
            return
        touched = set()
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            recent = self._shops.get(event.shop)
            if recent is not None:
                recent.add(Told(position, event, len(record.value)))
                touched.add(recent)
        for recent in touched:
            recent.shrink(self.share)
            for feed in recent.feeds:
                feed.wake()

    @property
    def share(self) -> int:
        """Bytes of newest events that a shop may have in memory."""
        return LIVE_RECENT_BYTES_MAX // len(self._shops)

    @contextmanager
    def opened(self, shop: ShopId) -> Iterator[LiveFeed]:
        """A feed of a shop, from here on. Raises ``OverloadedError`` at the bounds, ``NotReadyError`` once closed."""
        if self.closed:
            raise NotReadyError("The server is stopping. Connect again.")
        recent = self._shops.get(shop)
        if self.count >= LIVE_FEEDS_MAX or (recent is not None and len(recent.feeds) >= LIVE_FEEDS_PER_SHOP_MAX):
            raise OverloadedError(
                f"As many live feeds are open as may be: {LIVE_FEEDS_PER_SHOP_MAX} of a shop, {LIVE_FEEDS_MAX} in all. "
                "Close one, or connect again later."
            )
        if recent is None:
            recent = self._shops[shop] = _Recent(self.end)
            for other in self._shops.values():
                other.shrink(self.share)
        feed = LiveFeed(self, shop, recent, self.end)
        recent.feeds.append(feed)
        try:
            yield feed
        finally:
            recent.feeds.remove(feed)
            if not recent.feeds:
                del self._shops[shop]

    def close(self) -> None:
        """End every feed: the server stops."""
        self.closed = True
        for recent in self._shops.values():
            for feed in recent.feeds:
                feed.wake()

    async def read(self, shop: ShopId, after: Position, end: Position) -> tuple[list[Told], Position]:
        """The shop's events among the next page of positions after one, up to ``end``; and the last position looked at."""
        entries = await self._log().read(Stream.EVENTS, _PARTITION, Position(after + 1), LIVE_PAGE_EVENTS)
        # Positions may have gaps: a page that is not full goes to the end.
        passed = min(entries[-1].position, end) if len(entries) == LIVE_PAGE_EVENTS else end
        return [told for entry in entries if entry.position <= end and (told := _told(entry, shop)) is not None], passed


def _told(entry: Entry, shop: ShopId) -> Told | None:
    """An entry as feeds tell it; ``None`` where it is another shop's or can't be read: a feed that ended at a damaged record
    would begin there again and again, and ``verify`` says more of it."""
    if not entry.value:
        return None
    try:
        if shop_of(entry.value) != shop:
            return None
        return Told(entry.position, decode_event(entry.value), len(entry.value))
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        _logger.warning("record_unreadable", position=entry.position, error=str(failure))
        return None


def _page(told: list[Told]) -> list[Told]:
    """As many of the first as a page may have bytes; at least one."""
    size = 0
    for number, one in enumerate(told, 1):
        size += one.size
        if size >= LIVE_PAGE_BYTES_MAX:
            return told[:number]
    return told

"""Watching: events and rejections as they are acknowledged, for ``footfall tail``. Slow watchers miss some and are told so."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from footfall.errors import OverloadedError
from footfall.limits import TAIL_QUEUE_EVENTS, WATCHERS_MAX
from footfall.log.port import Group


class _Watcher:
    """One watcher: what waits for it, and how much it missed."""

    def __init__(self, pick: Callable[[Group], list[Any]]) -> None:
        self.pick = pick
        self.waiting: list[Any] = []
        self.missed = 0
        self.news = asyncio.Event()


class Watchers:
    """A follower of the log that hands groups to whoever watches."""

    def __init__(self) -> None:
        self._watchers: list[_Watcher] = []
        self._closed = False

    def follow(self, group: Group) -> None:
        """Give each watcher what it picks out of a group that has just become durable."""
        for watcher in self._watchers:
            picked = watcher.pick(group)
            room = TAIL_QUEUE_EVENTS - len(watcher.waiting)
            watcher.waiting.extend(picked[:room])
            watcher.missed += max(0, len(picked) - room)
            if picked:
                watcher.news.set()

    def close(self) -> None:
        """End every watch: the server stops, and would wait for them."""
        self._closed = True
        for watcher in self._watchers:
            watcher.news.set()

    @contextmanager
    def watching(self, pick: Callable[[Group], list[Any]]) -> Iterator[AsyncIterator[Any]]:
        """From here on, what ``pick`` takes of each group, until ``close``; ``{"missed": n}`` where it was too slow."""
        if len(self._watchers) >= WATCHERS_MAX:
            raise OverloadedError(f"{WATCHERS_MAX} watchers are at work already.")
        watcher = _Watcher(pick)
        self._watchers.append(watcher)
        try:
            yield self._items(watcher)
        finally:
            self._watchers.remove(watcher)

    async def _items(self, watcher: _Watcher) -> AsyncIterator[Any]:
        while True:
            items, watcher.waiting = watcher.waiting, []
            missed, watcher.missed = watcher.missed, 0
            watcher.news.clear()
            for item in items:
                yield item
            if missed:
                yield {"missed": missed}
            if self._closed:
                return
            await watcher.news.wait()

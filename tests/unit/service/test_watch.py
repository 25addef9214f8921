"""Watchers: each sees what it picks, in order; who is too slow is told how much was missed."""

import asyncio
from typing import Any

import pytest

from footfall.errors import OverloadedError
from footfall.identifiers import Position
from footfall.limits import TAIL_QUEUE_EVENTS, WATCHERS_MAX
from footfall.log.port import Group, Record, Stream
from footfall.service.watch import Watchers
from tests.support import run


def _group(*numbers: int) -> Group:
    return Group(Stream.EVENTS, 0, [Position(n) for n in numbers], [Record("k", b"{}", n) for n in numbers])


def _numbers(group: Group) -> list[Any]:
    return [record.decoded for record in group.records]


def test_a_watcher_sees_what_it_picks_in_order() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        with watchers.watching(lambda group: [n for n in _numbers(group) if n % 2]) as items:
            watchers.follow(_group(1, 2, 3))
            watchers.follow(_group(4, 5))
            assert [await anext(items) for _ in range(3)] == [1, 3, 5]

    run(scenario())


def test_a_watcher_that_was_too_slow_is_told_how_many_it_missed() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        with watchers.watching(_numbers) as items:
            watchers.follow(_group(*range(TAIL_QUEUE_EVENTS + 7)))
            seen = [await anext(items) for _ in range(TAIL_QUEUE_EVENTS + 1)]
            assert seen[:-1] == list(range(TAIL_QUEUE_EVENTS))
            assert seen[-1] == {"missed": 7}

    run(scenario())


def test_closing_ends_every_watch() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        with watchers.watching(_numbers) as items:

            async def watch() -> list[Any]:
                return [item async for item in items]

            watching = asyncio.ensure_future(watch())
            watchers.follow(_group(1))
            await asyncio.sleep(0)
            watchers.close()
            assert await watching == [1]

    run(scenario())


def test_watchers_are_bounded_and_make_room_when_they_leave() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        for _ in range(2):
            watches = [watchers.watching(_numbers) for _ in range(WATCHERS_MAX)]
            for watch in watches:
                watch.__enter__()
            with pytest.raises(OverloadedError), watchers.watching(_numbers):
                pass
            for watch in watches:
                watch.__exit__(None, None, None)

    run(scenario())

"""The bounds that all requests share: beyond them 503 with ``Retry-After``, before anything is read or stored."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx

from footfall.errors import LogUnavailableError
from footfall.limits import BODY_BYTES_MAX, WAITING_BYTES_MAX, WAITING_EVENTS_MAX
from footfall.log.port import Lane, Record, Stream
from tests.support import PUBLIC_KEY, Running, event, run, running

V1 = "/api/v1/analytics/event"
V2 = "/api/v2/analytics/event"
BULK = "/api/v2/analytics/event/bulk"
KEY = {"X-Rebuy-User-Token": PUBLIC_KEY}
GZIP = {"Content-Encoding": "gzip"}
GOOD = json.dumps(event(uuid="good")).encode()


_HANGS_AFTER_SECONDS = 60
"""A request that is never answered fails its test instead of holding it up."""


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else go on until this holds."""
    while not condition():  # noqa: ASYNC110  # what is waited for is the service's own state, which tells no event
        await asyncio.sleep(0)


class Slow:
    """Bodies that are declared, begin with so many bytes, and go on only when they may."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.begun = 0

    async def body(self, size: int, *, first: int = 1) -> AsyncIterator[bytes]:
        yield b"[" + b" " * (first - 1)
        self.begun += 1
        await self.go_on.wait()
        yield b" " * (size - first - 1) + b"]"


def test_more_bodies_than_may_wait_get_503_before_they_are_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            slow = Slow()
            size = BODY_BYTES_MAX
            fitting = WAITING_BYTES_MAX // size
            declared = {**KEY, "Content-Length": str(size)}
            waiting = [
                asyncio.create_task(shop.client.post(BULK, content=slow.body(size, first=size - 1), headers=declared))
                for _ in range(fitting)
            ]
            await until(lambda: slow.begun == fitting)
            refused = await shop.client.post(BULK, content=b"[" + GOOD + b"]", headers=KEY)
            assert_overloaded(refused)
            assert (await shop.commands.status())["ends"]["events"] == 0
            slow.go_on.set()
            for task in waiting:
                assert (await task).status_code == 200
            assert (await shop.client.post(BULK, content=b"[" + GOOD + b"]", headers=KEY)).status_code == 200

    run(asyncio.wait_for(scenario(), _HANGS_AFTER_SECONDS))


def test_who_announces_much_and_sends_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            slow = Slow()
            declared = {**KEY, "Content-Length": str(BODY_BYTES_MAX)}
            waiting = [
                asyncio.create_task(shop.client.post(BULK, content=slow.body(BODY_BYTES_MAX), headers=declared))
                for _ in range(2 * WAITING_BYTES_MAX // BODY_BYTES_MAX)
            ]
            await until(lambda: slow.begun == len(waiting))
            assert (await shop.client.post(BULK, content=b"[" + GOOD + b"]", headers=KEY)).status_code == 200
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    run(asyncio.wait_for(scenario(), _HANGS_AFTER_SECONDS))


def test_what_small_bodies_unpack_to_counts_as_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            gate = hold_up_the_log(shop)
            packed = gzip.compress(b"[" + GOOD + b" " * (BODY_BYTES_MAX - len(GOOD) - 2) + b"]")
            fitting = WAITING_BYTES_MAX // BODY_BYTES_MAX
            tasks = [
                asyncio.create_task(shop.client.post(BULK, content=packed, headers={**KEY, **GZIP}))
                for _ in range(fitting + 3)
            ]
            await until(lambda: sum(task.done() for task in tasks) == 3)
            gate.set()
            answers = [await task for task in tasks]
            assert sorted(answer.status_code for answer in answers) == [200] * fitting + [503] * 3

    run(asyncio.wait_for(scenario(), _HANGS_AFTER_SECONDS))


def test_more_events_than_may_wait_get_503_and_none_of_them_is_stored(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            gate = hold_up_the_log(shop)
            batch = b"[" + b",".join([GOOD] * 1_000) + b"]"
            tasks = [
                asyncio.create_task(shop.client.post(BULK, content=batch, headers=KEY))
                for _ in range(WAITING_EVENTS_MAX // 1_000)
            ]
            await until(lambda: shop.service.intake.waiting_events == WAITING_EVENTS_MAX)
            for path, body in ((BULK, b"[" + GOOD + b"]"), (V2, GOOD), (V1, GOOD)):
                assert_overloaded(await shop.client.post(path, content=body, headers=KEY))
            pixel = await shop.client.get("/api/v1/analytics/event.gif", params={"key": PUBLIC_KEY, **event()})
            assert (pixel.status_code, pixel.content[:3], pixel.headers["retry-after"]) == (503, b"GIF", "5")
            gate.set()
            assert [(await task).status_code for task in tasks] == [200] * len(tasks)
            assert (await shop.commands.status())["ends"]["events"] == WAITING_EVENTS_MAX

    run(asyncio.wait_for(scenario(), _HANGS_AFTER_SECONDS))


def test_while_the_log_cannot_be_written_nothing_is_acknowledged_and_a_repeat_is_stored_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            log = shop.service.log
            append = log.append

            async def broken(stream: Stream, records: Any, *, lane: Lane = Lane.LIVE) -> Any:
                raise LogUnavailableError

            log.append = broken  # type: ignore[method-assign]
            sent = event(uuid="v", event_id="e")
            for path, body in ((V2, sent), (V1, sent), (BULK, [sent, event(verb="licked")]), (V2, event(verb="licked"))):
                assert_overloaded(await shop.client.post(path, json=body, headers=KEY))
            log.append = append  # type: ignore[method-assign]
            assert await shop.viewed(uuid="v") == []
            statuses = [(await shop.send(sent)).json()["receipts"][0]["status"] for _ in range(2)]
            assert statuses == ["stored", "duplicate"]

    run(asyncio.wait_for(scenario(), _HANGS_AFTER_SECONDS))


def hold_up_the_log(shop: Running) -> asyncio.Event:
    """Every append waits until the answered gate is set."""
    gate = asyncio.Event()
    log = shop.service.log
    append = log.append

    async def held_up(stream: Stream, records: list[Record], *, lane: Lane = Lane.LIVE) -> Any:
        await gate.wait()
        places: Any = await append(stream, records, lane=lane)
        return places

    log.append = held_up  # type: ignore[assignment,method-assign]
    return gate


def assert_overloaded(response: httpx.Response) -> None:
    """503 with ``Retry-After``, as JSON."""
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "again" in response.json()["error"]

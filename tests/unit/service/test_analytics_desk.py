"""The server's side of analytics: it waits for nothing that will never come, and believes nothing that is over."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import AnalyticsUnavailableError
from footfall.identifiers import ShopId
from footfall.log.port import Stream
from footfall.service.analytics.desk import Desk
from tests.support import event, run, running

SHOP = ShopId(1)


def scenario(tmp_path: Path, steps: Callable[[Desk], Awaitable[None]]) -> None:
    """Steps with a desk over a log of a few events."""

    async def whole() -> None:
        async with running(tmp_path) as shop:
            await shop.commands.import_rows("shop", "source", 0, [event(uuid="u1", product_id="5") for _ in range(20)])
            desk = Desk(tmp_path, shop.service.log, shop.service.shops, 128)
            try:
                await asyncio.wait_for(steps(desk), 30)
            finally:
                await desk.stop()

    run(whole())


async def without_a_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Start a desk whose process the test is; answers what it is sent, as it comes."""
    sent: list[Any] = []

    async def idle() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk, "_run", idle)
    monkeypatch.setattr(desk, "_send", sent.append)
    await desk.start()
    desk._up.set()
    return sent


def test_who_waits_for_figures_is_told_that_the_process_ends_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.service.analytics.desk.sys.executable", "/bin/false")
    monkeypatch.setattr("footfall.service.analytics.desk._RESTART_SECONDS", (0.01,))

    async def steps(desk: Desk) -> None:
        with pytest.raises(AnalyticsUnavailableError, match="again and again"):
            await desk.caught_up(SHOP)
        assert "again and again" in str(desk.pending)

    scenario(tmp_path, steps)


def test_a_stop_in_the_middle_of_a_large_answer_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, written = tmp_path / "large", tmp_path / "pid"
    half = "head -c 16000000 /dev/zero"
    head = '{"answer": 1, "bytes": 32000000}'
    script.write_text(f"#!/bin/sh\necho '{head}'\n{half}\necho $$ > {written}\nsleep 0.5\n{half}\n", encoding="utf-8")
    script.chmod(0o700)
    monkeypatch.setattr("footfall.service.analytics.desk.sys.executable", str(script))
    monkeypatch.setattr("footfall.service.analytics.desk._STOP_SECONDS", 2.0)

    async def steps(desk: Desk) -> None:
        await desk.start()
        while not written.exists():  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.01)
        await desk.stop()

    scenario(tmp_path, steps)
    assert not Path("/proc", written.read_text(encoding="utf-8").strip()).exists()


def test_a_file_that_is_made_anew_is_behind_whatever_was_said_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(desk: Desk) -> None:
        sent = await without_a_process(desk, monkeypatch)
        ends = {stream.value: desk._ends[stream] for stream in (Stream.EVENTS, Stream.DOCUMENTS)}
        reached = {"reached": {str(SHOP): ends}, "failing": {}}
        desk._hear(reached, b"")
        assert desk.behind(SHOP) == 0
        making = asyncio.create_task(desk.start_anew(SHOP))
        await asyncio.sleep(0)
        # What the process wrote before it read that it should.
        desk._hear(reached, b"")
        assert not making.done()
        desk._hear({"answer": sent[-1]["anew"], "anew": SHOP, "ends": {}, "type": "", "truncated": False}, b"")
        desk._hear({"reached": {}, "failing": {}}, b"")
        await making
        assert desk.behind(SHOP) == sum(ends.values()) > 0

    scenario(tmp_path, steps)


def test_a_shop_that_fails_is_said_to_whoever_waits_for_it_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(desk: Desk) -> None:
        await without_a_process(desk, monkeypatch)
        waiting = {shop: asyncio.create_task(desk.caught_up(ShopId(shop))) for shop in (1, 2)}
        await asyncio.sleep(0.01)
        desk._hear({"reached": {}, "failing": {"1": "The file of shop 1 can't be written now: why"}}, b"")
        with pytest.raises(AnalyticsUnavailableError, match="shop 1 can't be written"):
            await waiting[1]
        assert not waiting[2].done()
        assert "nothing of a shop" in str(desk.pending)
        waiting[2].cancel()

    scenario(tmp_path, steps)

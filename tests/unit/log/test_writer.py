"""The writer: one thread, in the order of lanes, with no lane starved."""

import asyncio
import threading
from typing import Any

import pytest

from footfall.log.port import Lane
from footfall.log.writer import Writer
from tests.support import run


def _order(jobs: list[Lane]) -> list[tuple[Lane, int]]:
    """In which order a writer executes jobs that all wait when it begins."""
    writer, go = Writer(), threading.Event()
    writer.post(lambda: go.wait(30), Lane.LIVE)  # type: ignore[arg-type]  # its result is of no use
    done: list[tuple[Lane, int]] = []
    for number, lane in enumerate(jobs):
        writer.post(lambda at=(lane, number): done.append(at), lane)  # type: ignore[misc]
    go.set()
    writer.stop()
    return done


def test_the_lower_lanes_wait_while_there_is_live_work() -> None:
    order = _order([Lane.UPKEEP, Lane.IMPORT, Lane.LIVE, Lane.IMPORT, Lane.LIVE])
    assert [lane for lane, _ in order] == [Lane.LIVE, Lane.LIVE, Lane.IMPORT, Lane.IMPORT, Lane.UPKEEP]


def test_jobs_of_one_lane_keep_their_order() -> None:
    assert [number for _, number in _order([Lane.LIVE] * 50)] == list(range(50))


def test_a_flood_of_live_work_does_not_starve_upkeep() -> None:
    order = [lane for lane, _ in _order([Lane.LIVE] * 100 + [Lane.UPKEEP] * 3)]
    assert Lane.UPKEEP in order[:10]
    assert order.index(Lane.LIVE) == 0


def test_results_and_failures_come_back_to_the_loop() -> None:
    async def scenario() -> None:
        writer = Writer()
        assert await writer.run(lambda: threading.current_thread().name, Lane.LIVE) == "footfall-log-writer"

        def fail() -> Any:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await writer.run(fail, Lane.UPKEEP)
        assert await writer.run(lambda: 5, Lane.LIVE) == 5
        await asyncio.to_thread(writer.stop)

    run(scenario())


def test_stopping_finishes_what_was_given() -> None:
    assert len(_order([Lane.UPKEEP] * 500)) == 500

"""A question about a file is stopped while the file is read."""

import gzip
import io
import threading
from contextlib import closing
from pathlib import Path

import pytest

from footfall.errors import InputInvalidError
from footfall.identifiers import Generation, ShopId
from footfall.intake.order_exports import exported_orders
from footfall.projections.analytics import engine
from footfall.projections.analytics.answering import Answered
from footfall.projections.analytics.asking import Question
from footfall.service.analytics.process import Stoppable, _Asked, _Process
from tests.support import run, running
from tests.unit.intake.order_tables import COLUMNS


def test_an_export_is_read_no_further_once_it_is_stopped(tmp_path: Path) -> None:
    path, left = tmp_path / "orders.csv.gz", [50]
    path.write_bytes(gzip.compress(",".join(COLUMNS).encode() + b"\n" + b"#1,\n" * 1_000))

    def stop() -> None:
        left[0] -= 1
        if not left[0]:
            raise InputInvalidError("It was stopped.")

    with path.open("rb") as raw, pytest.raises(InputInvalidError, match="stopped"):
        list(exported_orders(Stoppable(raw, path.name, stop)))
    assert left == [0]


def test_a_question_that_is_stopped_between_two_statements_is_stopped_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made() -> None:
        async with running(tmp_path):
            """There is a log now."""

    run(made())
    process = _Process(tmp_path, Generation("0badcafe"), 128, io.BytesIO())
    process._ends_known.set()
    pause, late = threading.Event(), threading.Event()

    def told(connection: engine.Connection, _: Question) -> Answered:
        # The engine is at rest here, and forgets that it was interrupted when the next statement begins.
        process._interrupt(7)
        pause.wait(0.1)

        # So that a test that fails ends.
        def end() -> None:
            late.set()
            connection.interrupt()

        watchdog = threading.Timer(20, end)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3")
        finally:
            watchdog.cancel()
        raise AssertionError("It was not stopped.")

    monkeypatch.setattr("footfall.service.analytics.process.answer", told)
    process._running[7] = None
    with closing(process._files), closing(process._feed), pytest.raises(InputInvalidError, match="was stopped"):
        process._answered(_Asked(7, ShopId(1), Question(report="overview"), 600.0))
    assert not late.is_set()

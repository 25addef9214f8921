"""The worker as a process of its own: what it writes, how it fails, and how its parent hears of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footfall.errors import FootfallError
from footfall.service.workers import run_worker
from tests.support import run, running


def _worker(*arguments: str, nice: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "footfall.service.worker", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "FOOTFALL_WORKER_NICE": nice},
    )


async def _all(task: str, parameters: dict[str, Any], *, lines: bool = False) -> list[Any]:
    return [item async for item in run_worker(task, parameters, lines=lines)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "There is no task ''"),
        (("dance", "{}"), "There is no task 'dance'. Known: analytics, evaluation, export, index, verify."),
        (("export",), "one JSON object"),
        (("export", "[]"), "one JSON object"),
        (("export", "{}"), "missing"),
        (("verify", '{"log": 1}'), "missing"),
    ],
)
def test_what_can_not_be_done_is_one_line_on_standard_error(arguments: tuple[str, ...], says: str) -> None:
    done = _worker(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_log_that_is_not_there_is_one_line_on_standard_error(tmp_path: Path) -> None:
    parameters = {"log": str(tmp_path / "log.db"), "shop": 1, "form": "csv", "first": 1, "last": 1, "out": None}
    done = _worker("export", msgspec.json.encode(parameters).decode())
    assert done.returncode == 1
    assert "log.db" in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_lowers_its_priority() -> None:
    program = (
        "import os, sys, footfall.service.worker as worker;"
        "before = os.nice(0); worker.main(['none', '{}'], sys.stdout.buffer); print(os.nice(0) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "FOOTFALL_WORKER_NICE": "3"},
    )
    assert done.stdout.strip() == "3"


def test_a_failure_reaches_the_parent_as_its_message(tmp_path: Path) -> None:
    parameters = {"log": str(tmp_path / "log.db"), "shop": 1, "form": "xml", "first": 1, "last": 1, "out": None}
    with pytest.raises(FootfallError, match="The export failed: There is no format 'xml'"):
        run(_all("export", parameters))


def test_commands_get_export_and_verification_from_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop.send(uuid="visitor", event_id="one")
            chunks = [chunk async for chunk in shop.commands.export("shop")]
            (line,) = [msgspec.json.decode(line) for line in b"".join(chunks).splitlines()]
            assert (line["event_id"], line["uuid"]) == ("one", "visitor")
            lines = [line async for line in shop.commands.verify()]
            assert [line for line in lines if "finding" in line] == []
            assert lines[-1]["summary"]["events"] == 1

    run(scenario())


def test_a_child_that_nobody_listens_to_any_more_is_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            lines = shop.commands.verify()
            await anext(lines)
            await lines.aclose()  # type: ignore[attr-defined]  # it is a generator
            own = str(os.getpid())
            ps = await asyncio.create_subprocess_exec("ps", "--ppid", own, "-o", "args=", stdout=subprocess.PIPE)
            output, _ = await ps.communicate()
            assert b"footfall.service.worker" not in output

    run(scenario())

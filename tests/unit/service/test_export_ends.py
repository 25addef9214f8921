"""How an export ends that does not come to its end: with a word, and without a file left behind."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footfall.event import Event, encode_event
from footfall.identifiers import ShopId
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Record, Stream
from footfall.log.writer import Writer
from footfall.service import workers
from footfall.service.workers import run_worker
from tests.support import NOW, run

_FILE_BYTES_MAX = 512 * 1024
_LIMITED = (
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({_FILE_BYTES_MAX}, {_FILE_BYTES_MAX}));"
    "runpy.run_module('footfall.service.worker', run_name='__main__', alter_sys=True)"
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 4 MB that does not shrink when it is packed: more than pipes and readers hold."""
    chance = random.Random(7)
    events = [
        Event(
            shop=ShopId(1),
            received_at=NOW,
            time=NOW,
            subject="user",
            verb="viewed",
            noun="product",
            url=chance.randbytes(3_000).decode("latin-1"),
        )
        for _ in range(1_000)
    ]
    path = tmp_path_factory.mktemp("log") / "log.db"

    async def scenario() -> None:
        writer = Writer()
        log = EmbeddedLog.open(path, writer)
        await log.append(Stream.EVENTS, [Record("k", encode_event(event), event) for event in events])
        await asyncio.to_thread(writer.stop)
        log.close()

    run(scenario())
    return path


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system has its temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def asked(log: Path, form: str, *, out: Path | None = None, **more: Any) -> dict[str, Any]:
    bounds = {"first": 1, "last": 1_000}
    return {"log": str(log), "shop": 1, "form": form, "out": str(out) if out is not None else None, **bounds, **more}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "by day"])
def test_a_full_disk_is_told_and_changes_nothing(log: Path, scratch: Path, tmp_path: Path, form: str, there: bool) -> None:
    places = tmp_path / "places"
    places.mkdir()
    out = places / "events"
    parameters = asked(log, form, out=out) if form != "by day" else asked(log, "parquet", out=out, by_day_of="UTC")
    if there and form == "by day":
        out.mkdir()
    elif there:
        out.write_text("from before")
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, "export", msgspec.json.encode(parameters).decode()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "File too large" in done.stderr
    assert (names(places), names(scratch)) == (["events"] if there else [], [])
    if there:
        assert names(out) == [] if form == "by day" else out.read_text() == "from before"


def test_an_export_that_nobody_waits_for_any_more_clears_away_its_files(log: Path, scratch: Path) -> None:
    async def scenario() -> None:
        chunks = run_worker("export", asked(log, "parquet"))
        await anext(chunks)
        # It has more to write than anybody takes.
        assert any(name.startswith("footfall-export-") for name in names(scratch))
        await chunks.aclose()

    run(scenario())
    assert names(scratch) == []


def test_a_child_that_does_not_end_when_it_is_asked_to_is_killed(
    log: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WORKER_END_SECONDS", 0.01)

    async def scenario() -> None:
        chunks = run_worker("export", asked(log, "jsonl"))
        await anext(chunks)
        child = await children()
        os.kill(child[0], signal.SIGSTOP)
        await chunks.aclose()
        assert await children() == []

    run(scenario())


async def children() -> list[int]:
    """Processes of this one that are workers."""
    ps = await asyncio.create_subprocess_exec("ps", "--ppid", str(os.getpid()), "-o", "pid=,args=", stdout=subprocess.PIPE)
    output, _ = await ps.communicate()
    return [int(line.split()[0]) for line in output.decode().splitlines() if "footfall.service.worker" in line]

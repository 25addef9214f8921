"""Child processes as their parent sees them: what they say arrives, and they end when nobody listens any more."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import pytest

from footfall.errors import FootfallError
from footfall.service.workers import run_worker
from tests.support import run


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that runs in the place of a worker."""
    script = tmp_path / "child"
    monkeypatch.setattr("footfall.service.workers.sys", SimpleNamespace(executable=str(script)))
    return script


def write(script: Path, *lines: str) -> None:
    script.write_text("\n".join(["#!/bin/sh", *lines]) + "\n", encoding="utf-8")
    script.chmod(0o700)


def test_a_child_that_says_much_before_it_fails_fails_with_its_last_line(child: Path) -> None:
    write(child, "seq 40000 >&2", "echo '[1]'", "seq 40000 >&2", "echo the disk is full >&2", "exit 1")

    async def scenario() -> None:
        async with aclosing(run_worker("verify", {}, lines=True)) as lines:
            assert await anext(lines) == [1]
            with pytest.raises(FootfallError, match=r"^The verify failed: the disk is full$"):
                await anext(lines)

    run(scenario())


@pytest.mark.parametrize("rest", ["exec sleep 60", "exec 1>&-; exec sleep 60", "exec 2>&-; exec sleep 60", "exit 0"])
def test_a_child_that_nobody_listens_to_any_more_is_ended_whatever_it_has_said_and_closed(child: Path, rest: str) -> None:
    write(child, "echo '[1]'", f"echo $$ > {child}.pid", rest)

    written = Path(f"{child}.pid")

    async def scenario() -> None:
        async with aclosing(run_worker("verify", {}, lines=True)) as lines:
            assert await anext(lines) == [1]
            while not written.exists():  # noqa: ASYNC110, ASYNC240  # a file tells nobody
                await asyncio.sleep(0.01)
            # So that the end of a pipe that it closed is known here.
            await asyncio.sleep(0.1)

    run(scenario())
    assert not Path("/proc", written.read_text(encoding="utf-8").strip()).exists()

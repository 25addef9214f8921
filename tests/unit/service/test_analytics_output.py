"""What the analytics process writes to its parent: answers, and nothing that it logs."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from footfall.clock import Milliseconds
from footfall.log.port import Stream
from footfall.projections.analytics.asking import read_report
from tests.support import running


async def _log(directory: Path) -> tuple[str, dict[str, int]]:
    async with running(directory) as shop:
        log = shop.service.log
        return log.generation, {stream.value: (await log.ends(stream))[0] for stream in (Stream.EVENTS, Stream.DOCUMENTS)}


def test_what_it_logs_does_not_come_between_its_answers(tmp_path: Path) -> None:
    generation, ends = asyncio.run(_log(tmp_path))
    question = read_report("overview", {}, timezone="UTC", currency="USD", now=Milliseconds(1_785_542_400_000))
    unforeseen = msgspec.structs.replace(question, report="unforeseen")
    commands = [
        {"shops": {"1": "6b" * 32}, "since": None},
        {"ends": ends},
        {"ask": 1, "shop": 1, "question": unforeseen, "timeout_seconds": 20},
        {"ask": 2, "shop": 1, "question": question, "timeout_seconds": 20},
    ]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "footfall.service.worker", "analytics"),
            msgspec.json.encode({"data": str(tmp_path), "generation": generation, "memory_mb": 128}).decode(),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(b"".join(msgspec.json.encode(command) + b"\n" for command in commands))
        process.stdin.flush()
        answered: dict[object, object] = {}
        while len(answered) < 2:
            told = msgspec.json.decode(process.stdout.readline(), type=dict[str, object])
            process.stdout.read(int(str(told.get("bytes", 0))))
            if "answer" in told:
                answered[told["answer"]] = told.get("error")
        assert answered == {1: "KeyError: 'unforeseen'", 2: None}
    finally:
        process.stdin.close()
        process.wait(30)
    assert b"question_failed" in process.stderr.read()
    process.stdout.close()
    process.stderr.close()

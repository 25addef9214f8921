"""Child processes for heavy work: at lower priority, reading the log read-only; one may die without touching collection."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import msgspec
import structlog

from footfall.errors import FootfallError
from footfall.limits import WORKER_END_SECONDS

_NICE: Final = 10
_CHUNK_BYTES: Final = 256 * 1024
_ERROR_BYTES_MAX: Final = 4_000

_logger = structlog.get_logger("footfall.workers")


async def run_worker(task: str, parameters: Mapping[str, Any], *, lines: bool = False) -> AsyncGenerator[Any, None]:
    """Run a task of ``footfall.service.worker`` and yield what it writes: bytes, or with ``lines`` one JSON value a line.

    Raises ``FootfallError`` with the last line that the child wrote to standard error where it fails. Whoever stops
    iterating ends it.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "footfall.service.worker",
        task,
        msgspec.json.encode(parameters).decode(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_CHUNK_BYTES,
        env={**os.environ, "FOOTFALL_WORKER_NICE": str(_NICE)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_last_of(process.stderr))
    try:
        if lines:
            async for line in process.stdout:
                yield msgspec.json.decode(line)
        else:
            while chunk := await process.stdout.read(_CHUNK_BYTES):
                yield chunk
        message = (await errors).decode("utf-8", "replace").strip()
        if await process.wait() != 0:
            last = message.splitlines()[-1] if message else f"it ended with status {process.returncode}"
            raise FootfallError(f"The {task} failed: {last}")
    finally:
        if process.returncode is None:
            await _end(process)
        errors.cancel()


async def _last_of(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end, and keep the last of it: a child whose pipe is full would wait for ever."""
    kept = b""
    while chunk := await stream.read(_CHUNK_BYTES):
        kept = (kept + chunk)[-_ERROR_BYTES_MAX:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask a child to end, so that it clears away the files it works with, and kill it where it does not soon."""
    process.terminate()
    try:
        async with asyncio.timeout(WORKER_END_SECONDS):
            await ended(process)
    except TimeoutError:
        _logger.warning("worker_killed", pid=process.pid)
    finally:
        if process.returncode is None:
            process.kill()
            await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait until a child has ended. What it still says is read and dropped: asyncio takes no process for ended before it has
    seen the end of its pipes, and does not look for it in one that is full. Its errors are for others to read."""
    while process.stdout is not None and await process.stdout.read(_CHUNK_BYTES):
        pass
    await process.wait()

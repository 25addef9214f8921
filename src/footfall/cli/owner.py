"""How a command reaches what owns a data directory: through the owner's control socket where there is one, else as the owner.

Either way the same commands run (``service.commands``); nothing here opens a file of the directory.
"""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import msgspec

from footfall import __version__
from footfall.config import Config, read_config
from footfall.errors import DataDirectoryTakenError, FootfallError, NotFoundError, NotReadyError
from footfall.limits import OWNER_ANSWER_SECONDS, OWNER_WAIT_SECONDS
from footfall.service.directory import LOG_FILE
from footfall.service.lock import LOCK_NAME, DirectoryLock, read_owner

_PAUSE_SECONDS: Final = 0.05
_ANSWERS: Final = httpx.Timeout(OWNER_ANSWER_SECONDS, connect=OWNER_WAIT_SECONDS)
_PROBE: Final = httpx.Timeout(OWNER_WAIT_SECONDS)
_STREAMS: Final = httpx.Timeout(None, connect=OWNER_WAIT_SECONDS)


class Owner(Protocol):
    """What owns a data directory, as commands see it. Both methods raise ``FootfallError`` with a message for people."""

    serves: bool
    """Whether it is a running server, so that events may come in while the command works."""
    address: str | None
    """Where it answers over HTTP, if it does."""

    def call(self, name: str, /, **parameters: Any) -> Any:
        """The value that a command answers."""

    def stream(self, name: str, /, **parameters: Any) -> Generator[Any, None, None]:
        """The items (or chunks of bytes) that a command yields; what ends too early raises. Close it to end the command."""


@contextmanager
def open_owner(data: Path | None, *, create: bool = False, unready: bool = False) -> Iterator[Owner]:
    """The owner of a data directory: who has its lock, or this process for as long as it is open.

    ``create`` makes a directory that isn't there; ``unready`` takes a server that is still reading its log. Raises
    ``NotFoundError``, ``DataDirectoryTakenError``, ``NotReadyError``, or what opening the files raises.
    """
    config = read_config({"data": data})
    lock_or_server = _reach(config, create=create, unready=unready)
    if isinstance(lock_or_server, _Server):
        try:
            yield lock_or_server
        finally:
            # Not as its own context: httpx refuses one that has asked something already, as the probe has.
            lock_or_server.client.close()
        return
    try:
        # Imported for this alone: beside a server, a command is done in the time that this takes.
        from footfall.cli.owning import owning

        with owning(config) as process:
            yield process
    finally:
        lock_or_server.release()


def give_way() -> None:
    """Let this process run only when nobody else wants the processor, as who reads a file beside a server does.

    Measured beside an import: acknowledgements took 2.4 times as long with a niceness of 10, and 1.2 times with this.
    """
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def _reach(config: Config, *, create: bool, unready: bool) -> "DirectoryLock | _Server":
    """The lock, or the server that has it; waits, bounded, for one that is just starting or ending."""
    data = config.data
    if not create and not (data / LOCK_NAME).exists() and not (data / LOG_FILE).exists():
        raise _nothing_there(data)
    deadline = time.monotonic() + OWNER_WAIT_SECONDS
    while True:
        try:
            lock = DirectoryLock.take(data)
        except DataDirectoryTakenError as taken:
            server, why = _server_of(data, unready=unready)
            if server is not None:
                return server
            if time.monotonic() > deadline:
                raise why from taken
            time.sleep(_PAUSE_SECONDS)
            continue
        if not create and not (data / LOG_FILE).exists():
            lock.release()
            raise _nothing_there(data)
        return lock


def _nothing_there(data: Path) -> NotFoundError:
    what = "is not there" if not data.exists() else "holds no data of Footfall"
    return NotFoundError(
        f"The data directory {data} {what}. Name another with --data or FOOTFALL_DATA; `footfall serve` and "
        "`footfall shop create` make one."
    )


def _server_of(data: Path, *, unready: bool) -> "tuple[_Server | None, FootfallError]":
    """The server that has the lock, or why it can't be asked now."""
    owner = read_owner(data)
    who = f"process {owner.pid}" if owner is not None else "another process"
    if owner is None or owner.control is None:
        return None, DataDirectoryTakenError(
            f"The data directory {data} belongs to {who}, which takes no commands: it is another command at work, or a server "
            "that is not up yet. Wait until it is done; beside `footfall serve` commands work at the same time."
        )
    server = _Server(owner.control, owner.address)
    try:
        status = server.probe()
    except FootfallError as failure:
        server.client.close()
        return None, failure
    if status["version"] != __version__:
        server.client.close()
        raise FootfallError(
            f"The server that owns {data} ({who}) is Footfall {status['version']}, this command is {__version__}. "
            "Restart the server with this version, or use the command of that one."
        )
    if status["unready"] and not unready:
        server.client.close()
        why = "; ".join(f"{part}: {reason}" for part, reason in status["unready"].items())
        return None, NotReadyError(f"The server that owns {data} is not ready: {why}. Try again later.")
    return server, FootfallError()


class _Server:
    """A server, over its control socket."""

    serves = True

    def __init__(self, control: str, address: str | None) -> None:
        self.address = address
        self.client = httpx.Client(
            transport=httpx.HTTPTransport(uds=control), base_url="http://footfall", timeout=_ANSWERS, trust_env=False
        )

    def call(self, name: str, /, **parameters: Any) -> Any:
        return self._call(name, parameters, _ANSWERS)

    def probe(self) -> dict[str, Any]:
        """Its status, or a ``FootfallError`` soon."""
        status: dict[str, Any] = self._call("status", {}, _PROBE)
        return status

    def _call(self, name: str, parameters: dict[str, Any], timeout: httpx.Timeout) -> Any:
        try:
            response = self.client.post(f"/{name}", content=msgspec.json.encode(parameters), timeout=timeout)
            answer = msgspec.json.decode(response.content)
        except (httpx.HTTPError, msgspec.DecodeError) as failure:
            raise _no_answer(failure) from failure
        if "error" in answer:
            raise FootfallError(answer["error"])
        return answer["result"]

    def stream(self, name: str, /, **parameters: Any) -> Generator[Any, None, None]:
        content = msgspec.json.encode(parameters)
        try:
            with self.client.stream("POST", f"/{name}", content=content, timeout=_STREAMS) as response:
                yield from _items(response.iter_bytes())
        except (httpx.HTTPError, msgspec.DecodeError) as failure:
            raise _no_answer(failure) from failure


def _items(chunks: Iterator[bytes]) -> Iterator[Any]:
    """What a stream on the control socket says, up to its end. Raises ``FootfallError`` where it fails or breaks off."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = msgspec.json.decode(buffer[:end])
            if "bytes" in line:
                if len(buffer) < end + 1 + line["bytes"]:
                    break
                yield bytes(buffer[end + 1 : end + 1 + line["bytes"]])
                del buffer[: end + 1 + line["bytes"]]
                continue
            del buffer[: end + 1]
            if "end" in line:
                return
            if "error" in line:
                raise FootfallError(line["error"])
            yield line["item"]
    if buffer:
        # An answer that is no stream: an error from the start comes without a line's end.
        line = msgspec.json.decode(buffer)
        raise FootfallError(line.get("error"))
    raise FootfallError("The server stopped before its answer was complete.")


def _no_answer(failure: Exception) -> FootfallError:
    cause = str(failure) or type(failure).__name__
    return FootfallError(f"The server that owns the data directory does not answer ({cause}). Is it stopping, or stopped?")

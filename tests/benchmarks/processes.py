"""Footfall's server as a process: started and timed until it is ready, asked over its control socket, stopped by its id."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from footfall.service.lock import read_owner
from tests.benchmarks.events import KEY
from tests.benchmarks.load import ROOT

SHOP: Final = "bench"
_READY_SECONDS_MAX: Final = 300
_STOP_SECONDS_MAX: Final = 60
_POLL_SECONDS: Final = 0.005


class ServerProcess:
    """``footfall serve`` on a data directory; made by ``start``."""

    def __init__(self, process: subprocess.Popen[str], url: str, data: Path, ready_seconds: float) -> None:
        self.process = process
        self.url = url
        self.data = data
        self.ready_seconds = ready_seconds
        """From the start of the process to the first 200 of ``/ready``."""
        self.secret_key = ""
        """Of the shop that ``make_shop`` made."""

    @classmethod
    def start(cls, data: Path, environment: Mapping[str, str] | None = None) -> "ServerProcess":
        """Start a server on a free port and wait until it is ready. Raises ``RuntimeError`` with what it logged."""
        data.parent.mkdir(parents=True, exist_ok=True)
        log = data.with_name(data.name + ".log")
        begin = time.perf_counter()
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "footfall", "serve", "--data", str(data), "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )
        watchdog = threading.Timer(_READY_SECONDS_MAX, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            if found is None:
                raise RuntimeError(f"The server did not start: {log.read_text()[-2000:]}")
            while not _is_ready(found[0]):
                if process.poll() is not None:
                    raise RuntimeError(f"The server ended before it was ready: {log.read_text()[-2000:]}")
                time.sleep(_POLL_SECONDS)
            ready_seconds = time.perf_counter() - begin
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            watchdog.cancel()
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return cls(process, found[0], data, ready_seconds)

    def command(self, name: str, /, **parameters: Any) -> Any:
        """The result of a command over the control socket. Raises ``RuntimeError`` where it fails."""
        owner = read_owner(self.data)
        if owner is None or owner.control is None:
            raise RuntimeError(f"{self.data} names no control socket.")
        transport = httpx.HTTPTransport(uds=owner.control)
        with httpx.Client(transport=transport, base_url="http://footfall", timeout=30) as client:
            answer = client.post(f"/{name}", json=parameters).json()
        if "result" not in answer:
            raise RuntimeError(f"The command {name} failed: {answer}")
        return answer["result"]

    def make_shop(self) -> None:
        """The benchmarks' shop, in a store that is new."""
        self.secret_key = self.command("shop_create", name=SHOP, public_key=KEY)["secret_key"]

    def stored(self) -> int:
        """Events given a position so far."""
        return int(self.command("status")["ends"]["events"])

    def resident_bytes(self) -> int:
        """Resident memory of the process, from /proc where there is one."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            return int(status.read_text().partition("VmRSS:")[2].split()[0]) * 1024
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=True, timeout=10
        )
        return int(told.stdout) * 1024

    def stop(self) -> None:
        """SIGTERM. Raises ``RuntimeError`` where it does not end well."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=_STOP_SECONDS_MAX)
        if status != 0:
            raise RuntimeError(f"The server ended with {status}.")

    def kill(self) -> None:
        """SIGKILL; without effect on one that has ended."""
        self.process.kill()
        self.process.wait(timeout=_STOP_SECONDS_MAX)


@contextmanager
def serving(data: Path, *, fresh: bool = False, environment: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """A server on a data directory, stopped cleanly at the end and killed after a failure. ``fresh``: a new store.
    ``environment``: variables beside those of this process."""
    server = ServerProcess.start(data, environment)
    try:
        if fresh:
            server.make_shop()
        yield server
        server.stop()
    finally:
        server.kill()


def _is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()

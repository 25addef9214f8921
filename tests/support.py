"""What tests share: a service in this process, and a server as a process of its own, each with one shop."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from footfall.api.application import Application
from footfall.clock import Clock, Milliseconds
from footfall.config import Config
from footfall.service.commands import Commands
from footfall.service.lock import read_owner
from footfall.service.service import Service

PUBLIC_KEY = "0123456789abcdef0123456789abcdef01234567"
NOW = Milliseconds(1_790_000_000_000)
WAIT_SECONDS = 60.0
"""How long a test waits for what it expects, before it fails: a busy machine's disk may be silent for long."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int = NOW) -> None:
        self.time = now

    def now(self) -> Milliseconds:
        return Milliseconds(self.time)


async def no_pages(_scope: Any, _receive: Any, send: Any) -> None:
    """Stands where typed handlers and pages would answer."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"error":"nothing here"}'})


@dataclass
class Running:
    """A service in this process, with a client whose requests go straight to its application."""

    service: Service
    commands: Commands
    client: httpx.AsyncClient
    secret_key: str
    public_key: str = PUBLIC_KEY

    @property
    def bearer(self) -> dict[str, str]:
        """The header that carries the secret key."""
        return {"Authorization": f"Bearer {self.secret_key}"}

    async def send(self, *events: dict[str, Any], **fields: Any) -> httpx.Response:
        """Send events as v2 bulk with receipts."""
        path = f"/api/v2/analytics/event/bulk?receipts=yes&key={self.public_key}"
        return await self.client.post(path, json=list(events) or [event(**fields)])

    async def viewed(self, **parameters: Any) -> list[dict[str, Any]]:
        """What ``/api/v1/products/viewed`` answers."""
        response = await self.client.get("/api/v1/products/viewed", params={"key": self.public_key, **parameters})
        assert response.status_code == 200, response.text
        products: list[dict[str, Any]] = response.json()["data"]
        return products


@asynccontextmanager
async def running(data: Path, clock: Clock | None = None, **settings: str) -> AsyncIterator[Running]:
    """A started service on a data directory, with the shop ``shop`` (made if it isn't there)."""
    os.makedirs(data, exist_ok=True)  # noqa: PTH103  # at the start of a test there is no loop to hold up
    service = Service(Config(data=data), clock=clock or ManualClock())
    try:
        await service.start()
        commands = Commands(service)
        secret = ""
        if service.shops.by_name("shop") is None:
            made = await commands.shop_create("shop", public_key=PUBLIC_KEY, settings=settings)
            secret = made["secret_key"]
        transport = httpx.ASGITransport(app=Application(service.parts, no_pages))
        async with httpx.AsyncClient(transport=transport, base_url="http://footfall.test") as client:
            yield Running(service, commands, client, secret)
    finally:
        await service.stop()


def event(**fields: Any) -> dict[str, Any]:
    """A view of a product by a new visitor, with other fields over it; a field that is ``None`` is left out."""
    whole = {
        "subject": "user",
        "verb": "viewed",
        "noun": "product",
        "uuid": str(uuid.uuid4()),
        "product_id": "5630650697948",
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    data: Path

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=WAIT_SECONDS)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=WAIT_SECONDS)


def start_server(
    data: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    errors: IO[str] | None = None,
    name: str = "serve",
) -> Server:
    """Start ``footfall serve`` (or another command that serves) on a free port and wait until it says that it listens and is
    ready.

    ``errors``: an open file that takes what the process logs.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "footfall", name, "--data", str(data), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=errors or subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    line, found = "", None
    while found is None and (said := process.stdout.readline()):
        line += said
        found = re.search(r"http://[^\s/]+", said)
    if found is None:
        process.kill()
        raise AssertionError(f"the server said {line!r} and ended with {process.wait()}")
    # The rest of its output must not fill the pipe; at its end the pipe is closed.
    threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
    server = Server(process, found[0], data)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for _ in range(int(WAIT_SECONDS / 0.05)):
            if client.get("/ready").status_code == 200:
                return server
            threading.Event().wait(0.05)
    server.kill()
    raise AssertionError(f"the server was not ready within {WAIT_SECONDS:.0f} s")


def _drain(output: IO[str]) -> None:
    with output:
        output.read()


@contextmanager
def server(data: Path, *arguments: str, shop: bool = False) -> Iterator[Server]:
    """A server that is stopped at the end, whatever happens; with ``shop`` there is one of that name, with ``PUBLIC_KEY``."""
    started = start_server(data, *arguments)
    try:
        if shop:
            new_shop(data, "shop", PUBLIC_KEY)
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def control(data: Path, name: str, /, **parameters: Any) -> list[Any]:
    """The lines that a command of the server answers with."""
    owner = read_owner(data)
    assert owner is not None
    assert owner.control is not None
    with httpx.Client(transport=httpx.HTTPTransport(uds=owner.control), base_url="http://footfall", timeout=30) as client:
        return [json.loads(line) for line in client.post(f"/{name}", json=parameters).text.splitlines()]


def answer_of(data: Path, name: str, /, **parameters: Any) -> Any:
    """What a command of the server answers that is no stream."""
    (line,) = control(data, name, **parameters)
    return line["result"]


def new_shop(data: Path, name: str, public_key: str | None = None, **settings: str) -> dict[str, str]:
    """Make a shop, beside a server where there is one: its ``public_key`` and ``secret_key``; sooner than the command."""
    if read_owner(data) is not None:
        made: dict[str, str] = answer_of(data, "shop_create", name=name, public_key=public_key, settings=settings)
        return made

    async def alone() -> dict[str, str]:
        service = Service(Config(data=data))
        await service.start()
        try:
            return dict(await Commands(service).shop_create(name, public_key=public_key, settings=settings))
        finally:
            await service.stop()

    data.mkdir(exist_ok=True)
    return asyncio.run(alone())


def command(*arguments: str, data: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``footfall <arguments>`` on a data directory."""
    done = subprocess.run(
        [sys.executable, "-m", "footfall", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "FOOTFALL_DATA": str(data), "COLUMNS": "160", "NO_COLOR": "1"},
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@contextmanager
def directory() -> Iterator[Path]:
    """A temporary directory with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="ff") as name:
        yield Path(name)


def run(coroutine: Any) -> Any:
    """Run a coroutine to its end on a loop of its own."""
    return asyncio.run(coroutine)


@dataclass
class Standing:
    """A running service that many tests ask one after the other, without an event loop of their own."""

    shop: Running
    runner: asyncio.Runner

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the service's loop to its end."""
        return self.runner.run(coroutine)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request to the application."""
        response: httpx.Response = self.run(self.shop.client.request(method, url, **options))
        return response

    def end(self) -> int:
        """The last position of the stream of events."""
        return int(self.run(self.shop.commands.status())["ends"]["events"])

    def stored(self, last: int = 1) -> list[dict[str, Any]]:
        """The last events of the shop, as feeds show them."""

        async def collect() -> list[dict[str, Any]]:
            return [item async for item in self.shop.commands.tail("shop", last=last, follow=False)]

        items: list[dict[str, Any]] = self.run(collect())
        return items

    def quarantined(self, limit: int = 1) -> list[dict[str, Any]]:
        """The shop's newest rejected events."""
        items: list[dict[str, Any]] = self.run(self.shop.commands.quarantine_list("shop", limit=limit))
        return items


@contextmanager
def standing(data: Path, clock: Clock | None = None, **settings: str) -> Iterator[Standing]:
    """``running`` for the tests of a whole module: starting a service for each would take most of their time."""
    with asyncio.Runner() as runner:
        context = running(data, clock, **settings)
        shop = runner.run(context.__aenter__())
        try:
            yield Standing(shop, runner)
        finally:
            runner.run(context.__aexit__(None, None, None))

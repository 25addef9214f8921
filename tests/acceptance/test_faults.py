"""What goes wrong on real machines, with a real process and real HTTP: it is killed, its disk fills up, it is told to stop.

After all of it every acknowledged event is in the log exactly once.
"""

import asyncio
import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.event import decode_event
from footfall.identifiers import Position
from footfall.log.embedded import read_entries
from footfall.log.port import Stream
from footfall.log.sqlite import open_reader
from footfall.service.verify import check
from tests.support import PUBLIC_KEY, command, directory, event, run, running, server, start_server

_KILLS = 20
_CLIENTS = 4
_BULK = f"/api/v2/analytics/event/bulk?key={PUBLIC_KEY}"


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory with the shop ``shop``."""
    with directory() as folder:
        run(_with_shop(folder / "data"))
        yield folder / "data"


async def _with_shop(data: Path) -> str:
    async with running(data) as made:
        return made.secret_key


class _Load:
    """Clients that send events and know which were acknowledged; what was not answered is sent again later."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.refused = 0
        self._unanswered: list[list[str]] = []
        self._made = 0
        self._progress: asyncio.Event

    @property
    def unanswered(self) -> set[str]:
        """Events of which it is not known whether they were stored."""
        return {name for batch in self._unanswered for name in batch}

    @asynccontextmanager
    async def on(self, url: str) -> AsyncIterator[None]:
        """Have clients send at once, until the end of this context or of the server."""
        self._progress = asyncio.Event()
        stopping = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=30, verify=False) as client:
            clients = [asyncio.ensure_future(self._client(client, stopping)) for _ in range(_CLIENTS)]
            try:
                yield
            finally:
                stopping.set()
                await asyncio.gather(*clients)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for what answers bring about."""
        async with asyncio.timeout(60):
            while not reached():
                self._progress.clear()
                await self._progress.wait()

    async def settle(self, url: str) -> None:
        """Send again what was not answered, until everything is."""
        self._progress = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=30, verify=False) as client:
            while self._unanswered:
                assert await self._send(client, self._unanswered.pop())

    async def _client(self, client: httpx.AsyncClient, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if not await self._send(client, self._unanswered.pop() if self._unanswered else self._new()):
                return

    async def _send(self, client: httpx.AsyncClient, batch: list[str]) -> bool:
        try:
            answer = await client.post(_BULK, json=[event(uuid=f"of {name}", event_id=name) for name in batch])
        except httpx.TransportError:
            # Perhaps stored, perhaps not: the same ids go out again.
            self._unanswered.append(batch)
            return False
        if answer.status_code == 200:
            assert answer.json() == {"data": "Received"}
            self.acknowledged.update(batch)
        else:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            self.refused += 1
            self._unanswered.append(batch)
        self._progress.set()
        return answer.status_code == 200

    def _new(self) -> list[str]:
        first = self._made
        self._made += self.chance.choice((1, 3, 20, 100))
        return [f"event-{number}" for number in range(first, self._made)]


def _stored(data: Path) -> Counter[str]:
    """How often each event id is in the log, as the file says."""
    connection = open_reader(data / "log.db", cache_bytes=1024 * 1024)
    try:
        entries = read_entries(connection, Stream.EVENTS, Position(1), 10_000_000)
        return Counter(str(decode_event(entry.value).event_id) for entry in entries)
    finally:
        connection.close()


def _assert_stored_once(load: _Load, data: Path) -> None:
    stored = _stored(data)
    lost = load.acknowledged - stored.keys()
    assert not lost, f"{len(lost)} acknowledged events are lost, such as {min(lost)}"
    assert [name for name, times in stored.items() if times > 1] == []
    assert stored.keys() <= load.acknowledged | load.unanswered


def _complaints(data: Path) -> list[Any]:
    lines = list(check(data / "log.db", data / "state.db"))
    assert lines[-1]["summary"]["events"] > 0
    return [line["finding"] for line in lines if "finding" in line]


def test_twenty_kills_under_load_lose_and_double_nothing(data: Path) -> None:
    load = _Load(seed=20)
    answers_lost: set[str] = set()

    async def life(url: str, kill: Callable[[], None]) -> None:
        async with load.on(url):
            before = len(load.acknowledged)
            await load.until(lambda: len(load.acknowledged) > before)
            # The moment of death is what is being tried out here.
            await asyncio.sleep(load.chance.uniform(0, 0.15))
            await asyncio.to_thread(kill)

    for _ in range(_KILLS):
        with server(data) as started:
            _assert_stored_once(load, data)
            answers_lost |= load.unanswered & _stored(data).keys()
            run(life(started.url, started.kill))
    with server(data) as last:
        _assert_stored_once(load, data)
        run(load.settle(last.url))
        assert last.stop() == 0
    # Otherwise no event was ever stored with its answer lost, and this test would say nothing of duplicates.
    assert answers_lost
    assert answers_lost <= load.acknowledged
    _assert_stored_once(load, data)
    assert _complaints(data) == []


def test_a_server_told_to_stop_under_load_ends_well_in_time_with_everything_stored(data: Path) -> None:
    load = _Load(seed=2)

    async def scenario(url: str, process: subprocess.Popen[str]) -> int:
        async with load.on(url):
            await load.until(lambda: len(load.acknowledged) >= 1_000)
            process.terminate()
            return await asyncio.to_thread(process.wait, 10)

    with server(data) as started:
        assert run(scenario(started.url, started.process)) == 0
    _assert_stored_once(load, data)
    assert _complaints(data) == []


def test_a_second_server_on_the_same_directory_is_refused_and_told_why(data: Path) -> None:
    with server(data) as first:
        second = command("serve", "--port", "0", data=data, check=False)
        assert second.returncode == 1
        assert str(data) in second.stderr
        assert "another process" in second.stderr
        assert str(first.process.pid) in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(first.url + "/ready", timeout=60).status_code == 200


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 12 MB of its own."""
    with directory() as folder:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            pytest.skip(f"a small file system can't be mounted here: {made.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            if file.write(os.urandom(4096)) < 4096:
                return


def _has_grown(load: _Load, refused: int) -> bool:
    return load.refused > refused


def test_a_full_disk_is_answered_with_503_and_left_behind_when_there_is_room(small_disk: Path) -> None:
    data, ballast = small_disk / "data", small_disk / "ballast"
    run(_with_shop(data))
    load = _Load(seed=3)

    async def scenario(url: str) -> None:
        async with load.on(url):
            await load.until(lambda: len(load.acknowledged) >= 200)
        _fill(ballast)
        async with httpx.AsyncClient(base_url=url, timeout=30, verify=False) as client:
            not_ready = await client.get("/ready")
            # What was written before may be overwritten without new room, and one event may fit where a hundred don't.
            while not_ready.status_code == 200:
                refused = load.refused
                async with load.on(url):
                    await load.until(partial(_has_grown, load, refused))
                not_ready = await client.get("/ready")
            _assert_stored_once(load, data)
            assert not_ready.status_code == 503
            assert not_ready.json()["error"]
            assert (await client.get("/health")).status_code == 200
            ballast.unlink()
            assert (await client.get("/ready")).status_code == 200
        refused, before = load.refused, len(load.acknowledged)
        async with load.on(url):
            await load.until(lambda: len(load.acknowledged) >= before + 200)
        assert load.refused == refused

    with server(data) as started:
        run(scenario(started.url))
        assert started.stop() == 0
    _assert_stored_once(load, data)
    assert _complaints(data) == []


def test_the_log_of_the_process_names_no_secret_and_no_person(data: Path) -> None:
    personal = {
        "uuid": "visitor-who-is-nobodys-business",
        "customer_id": "7777000077770000",
        "subject_email": "someone.private@example.com",
        "event_id": "event-of-somebody",
        "shopify_cart_token": "cart-token-of-somebody",
    }
    with directory() as other, tempfile.TemporaryFile("w+") as errors:
        secret = run(_with_shop(other / "data"))
        started = start_server(other / "data", "--log-level", "debug", "--log-format", "json", errors=errors)
        with httpx.Client(base_url=started.url, timeout=30, headers={"User-Agent": "agent-of-somebody"}) as client:
            bearer = {"Authorization": f"Bearer {secret}"}
            sent = [
                client.post(_BULK, json=[event(**personal), event(**personal), event(**{**personal, "verb": "stole"})]),
                client.post(_BULK, content=b'[{"uuid": "visitor-who-is-nobodys-business", ' + b"\xff" * 10),
                client.post("/api/v2/analytics/event/bulk?key=wrong", json=[event(**personal)], headers=bearer),
                client.post(_BULK, json=[event(**personal)], headers={**bearer, "Origin": "https://shop.example"}),
                client.get("/api/v1/products/viewed", params={"key": PUBLIC_KEY, "uuid": personal["uuid"], "limit": "x"}),
                client.get("/api/v1/events/event-of-somebody", headers=bearer),
                client.get("/api/v1/nothing/here", params={"uuid": personal["uuid"], "email": personal["subject_email"]}),
                client.request("BREW", "/api/v1/analytics/event", params=personal),
            ]
        assert started.stop() == 0
        errors.seek(0)
        log = errors.read()
    assert {answer.status_code for answer in sent} >= {200, 400, 403}
    assert "ready" in log
    for word in (secret, PUBLIC_KEY, "agent-of-somebody", *personal.values()):
        assert word not in log


@pytest.mark.parametrize("name", ["log.db", "state.db"])
def test_a_file_that_can_not_be_opened_is_a_finding_of_verify_and_no_traceback(data: Path, name: str) -> None:
    for path in data.glob(f"{name}*"):
        path.unlink()
    (data / name).write_bytes(b"no database at all " * 1_000)
    done = command("verify", data=data, check=False)
    assert done.returncode == 1
    assert f"error: {name}: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr

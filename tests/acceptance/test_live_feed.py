"""The live feed of a real server: whoever comes back misses nothing and gets nothing twice, and nobody is held up."""

import itertools
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from footfall.limits import LIVE_FEEDS_PER_SHOP_MAX
from tests.acceptance.sse import HTTP, LIVE, Parser, listening
from tests.support import Server, command, directory, event, new_shop, server, start_server

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "live-feed.md"
_NAMES = itertools.count()


class Shop(NamedTuple):
    """A shop of the server."""

    url: str
    data: Path
    name: str
    key: str
    secret: str

    def send(self, *events: dict[str, Any]) -> None:
        """Send events as one batch, which must be acknowledged."""
        path = f"{self.url}/api/v2/analytics/event/bulk?key={self.key}"
        answer = HTTP.post(path, json=list(events))
        assert answer.json() == {"data": "Received"}

    def exported(self) -> list[dict[str, Any]]:
        """All events, as exports show them."""
        lines = command("export", "--shop", self.name, data=self.data).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def get(self, **parameters: str) -> httpx.Response:
        """The answer to a request for a feed that is refused."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        return HTTP.get(self.url + LIVE, params=parameters, headers=headers)


def make_shop(running: Server) -> Shop:
    name = f"shop-{next(_NAMES)}"
    made = new_shop(running.data, name)
    return Shop(running.url, running.data, name, made["public_key"], made["secret_key"])


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with directory() as data, server(data) as started:
        yield started
        # Killed, its children might still write into the folder while it is removed.
        started.stop()


@pytest.fixture
def shop(running: Server) -> Shop:
    return make_shop(running)


def views(sender: str, count: int, *, size: int = 0) -> list[dict[str, Any]]:
    """Views of one sender, numbered; each with so many more bytes."""
    return [event(uuid=sender, event_id=f"{sender}-{n}", **({"padding": "x" * size} if size else {})) for n in range(count)]


def batches(events: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, len(events), size):
        yield events[first : first + size]


def uuids(told: list[dict[str, Any]]) -> list[str]:
    return [one["event_id"] for one in told]


def test_a_feed_that_is_broken_off_and_resumed_again_and_again_gives_what_an_export_gives(running: Server) -> None:
    shops = make_shop(running), make_shop(running)
    heard: dict[str, list[Any]] = {shop.name: [] for shop in shops}
    with listening(running.url, shops[0].secret) as feed:
        begun = feed.parser.last_id

    def send_all(shop: Shop, sender: str) -> None:
        for batch in batches(views(sender, 3_000), 50):
            shop.send(*batch)

    def listen(shop: Shop) -> None:
        told, last_id, chance = heard[shop.name], begun, random.Random(7)
        while len(told) < 6_000:
            with listening(shop.url, shop.secret, last_id) as feed:
                messages = [feed.next() for _ in range(min(chance.randint(1, 800), 6_000 - len(told)))]
            told += [message.data for message in messages]
            last_id = messages[-1].id

    tasks = [threading.Thread(target=send_all, args=(shop, f"{shop.name}-{n}")) for shop in shops for n in range(2)]
    tasks += [threading.Thread(target=listen, args=(shop,)) for shop in shops]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(120)
    for shop in shops:
        exported = shop.exported()
        assert len(exported) == 6_000
        assert heard[shop.name] == exported


def test_several_feeds_of_a_shop_tell_the_same_and_their_filters_hold(shop: Shop) -> None:
    with listening(shop.url, shop.secret) as everything, listening(shop.url, shop.secret, verb="added") as adds:
        for n in range(100):
            shop.send(event(uuid="visitor", event_id=f"view-{n}"), event(uuid="visitor", verb="added", event_id=f"add-{n}"))
        told = [everything.next().data for _ in range(200)]
        assert told == shop.exported()
        assert [adds.next().data for _ in range(100)] == [one for one in told if one["verb"] == "added"]


def test_a_client_that_does_not_read_holds_nobody_up_and_misses_nothing(shop: Shop) -> None:
    # More than the buffers of two kernels take.
    sent = views("visitor", 1_500, size=20_000)
    with slow_connection(shop) as connection:
        assert connection.recv(1_024).startswith(b"HTTP/1.1 200 OK\r\n")
        for batch in batches(sent, 50):
            shop.send(*batch)
        answer, parser, told = HTTP.get(shop.url + "/ready"), Parser(), []
        assert answer.status_code == 200
        for text in bodies(connection):
            told += [message.data["event_id"] for message in parser.take(text)]
            if told[-1:] == [sent[-1]["event_id"]]:
                break
    assert told == uuids(sent)


def slow_connection(shop: Shop) -> socket.socket:
    """A request for the feed over a connection with a small buffer, of which nothing is read yet."""
    address = urlsplit(shop.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(60)
    connection.connect((address.hostname, address.port))
    connection.sendall(f"GET {LIVE} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {shop.secret}\r\n\r\n".encode())
    return connection


def bodies(connection: socket.socket) -> Iterator[str]:
    """The chunks of an answer whose head has been read."""
    file = connection.makefile("rb")
    for line in file:
        # What was read with the head may have been the first chunk.
        if re.fullmatch(rb"[0-9a-f]+\r\n", line):
            yield file.read(int(line, 16)).decode()
            file.readline()


def test_more_feeds_than_a_shop_may_have_are_refused_until_one_is_closed(running: Server, shop: Shop) -> None:
    with slow_connection(shop) as first:
        first.recv(1_024)
        others = [slow_connection(shop) for _ in range(LIVE_FEEDS_PER_SHOP_MAX - 1)]
        for other in others:
            other.recv(1_024)
        refused = shop.get()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "8 of a shop, 64 in all" in refused.json()["error"]
        another = make_shop(running)
        with listening(another.url, another.secret):
            pass
        for other in others:
            other.close()
        # The server learns of it when it looks at the connection next.
        while (again := opened(shop)) == 503:
            pass
        assert again == 200


def opened(shop: Shop) -> int:
    """The status of a request for a feed, which is closed again."""
    with HTTP.stream("GET", shop.url + LIVE, headers={"Authorization": f"Bearer {shop.secret}"}) as response:
        return response.status_code


def test_a_feed_whose_key_is_replaced_ends_before_the_next_event_and_others_go_on(running: Server, shop: Shop) -> None:
    other = make_shop(running)
    with listening(shop.url, shop.secret) as feed, listening(other.url, other.secret) as goes_on:
        command("shop", "rotate-key", shop.name, data=shop.data)
        shop.send(event(event_id="after"))
        assert feed.rest() == []
        assert shop.get().status_code == 401
        other.send(event(event_id="other"))
        assert goes_on.next().data["event_id"] == "other"


def test_a_server_that_stops_ends_its_feeds_and_they_go_on_with_the_next_one(tmp_path: Path) -> None:
    with directory() as data, (tmp_path / "log").open("w+") as errors:
        started = start_server(data, errors=errors)
        shop = make_shop(started)
        stalled = slow_connection(shop)
        with stalled, listening(shop.url, shop.secret) as feed:
            stalled.recv(1_024)
            for batch in batches(views("visitor", 1_500, size=20_000), 50):
                shop.send(*batch)
            told = [feed.next().data for _ in range(1_000)]
            reading = threading.Thread(target=lambda: told.extend(message.data for message in feed.rest()))
            reading.start()
            assert started.stop() == 0
            reading.join(60)
        errors.seek(0)
        # Neither the one that reads nor the one that doesn't was waited for until the server's patience was over.
        assert "exceeded" not in errors.read()
        again = start_server(data)
        try:
            shop = shop._replace(url=again.url)
            shop.send(event(event_id="afterwards"))
            with listening(shop.url, shop.secret, told[-1]["position"]) as feed:
                while told[-1]["event_id"] != "afterwards":
                    told.append(feed.next().data)
            assert told == shop.exported()
        finally:
            again.stop()


def blocks(language: str) -> list[str]:
    """The blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_clients_of_the_guide_go_on_after_a_restart_and_miss_nothing(language: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if language == "js" and node is None:
        pytest.skip("Node is missing: apt-get install nodejs")
    (block,) = blocks(language)
    with directory() as data:
        started = start_server(data)
        shop = make_shop(started)
        port = str(urlsplit(started.url).port)
        program = tmp_path / f"client.{'py' if language == 'python' else 'mjs'}"
        program.write_text(block.replace("http://127.0.0.1:8080", started.url), encoding="utf-8")
        line = [sys.executable, "-u", str(program)] if language == "python" else [str(node), str(program)]
        client = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env={"SECRET": shop.secret})
        assert client.stdout is not None
        try:
            # Until it is connected, events come in that a feed which begins now need not show.
            beginnings = threading.Event()
            sends = threading.Thread(target=send_until, args=(shop, beginnings))
            sends.start()
            first = client.stdout.readline()
            beginnings.set()
            sends.join()
            assert " added beanie-" in first
            assert started.stop() == 0
            started = start_server(data, "--port", port)
            shop.send(event(), event(verb="added", product_id=None, product_handle="after-the-restart"))
            heard = [first]
            while "after-the-restart" not in heard[-1]:
                heard.append(client.stdout.readline())
            told = [line.split() for line in heard if not line.startswith("the feed broke off")]
            adds = [one for one in shop.exported() if one["verb"] == "added"]
            places = [one["position"] for one in adds]
            assert [place for place, _, _ in told] == places[places.index(told[0][0]) :]
        finally:
            client.kill()
            client.wait()
            client.stdout.close()
            started.stop()


def send_until(shop: Shop, enough: threading.Event) -> None:
    """Adds of products, one after the other."""
    for n in itertools.count():
        shop.send(event(verb="added", product_id=None, product_handle=f"beanie-{n}"))
        if enough.is_set():
            return

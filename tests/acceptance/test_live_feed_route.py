"""``/api/v1/events/stream`` in one process: where a feed begins, what passes, its signs of life, and what ends it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn

from footfall.api.application import Application
from footfall.errors import LogUnavailableError
from footfall.limits import LIST_ROWS_MAX, LIVE_PRODUCTS_MAX, LIVE_RETRY_MS
from footfall.service.http import whole_requests
from tests.acceptance.sse import LIVE, Message, Parser
from tests.acceptance.test_bounds import until
from tests.support import PUBLIC_KEY, Running, event, no_pages, run, running

_HANGS_AFTER_SECONDS = 60
"""A feed that never says what is waited for fails its test instead of holding it up."""


class Connection:
    """A client of the feed whose connection has no buffer: what it does not take holds up who sends."""

    def __init__(self, shop: Running, headers: dict[str, str], parameters: dict[str, str]) -> None:
        self.parser = Parser()
        self.messages: list[Message] = []
        self.status = 0
        self.chunks = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self._gone = asyncio.Event()
        self._heard = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": LIVE,
            "query_string": urlencode(parameters).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        application = Application(shop.service.parts, no_pages)
        self.task = asyncio.ensure_future(application(scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._heard.set())

    async def until(self, holds: Callable[[], object]) -> None:
        """Listen until this holds."""
        while not holds():
            assert not self.task.done(), "the feed ended"
            self._heard.clear()
            await self._heard.wait()

    async def has(self, count: int) -> list[Message]:
        """The messages, once there are so many."""
        await self.until(lambda: len(self.messages) >= count)
        return self.messages

    async def leave(self) -> None:
        """Go away."""
        self._gone.set()
        await self.task

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.chunks += 1
            self.messages += self.parser.take(message["body"].decode())
        self._heard.set()


@asynccontextmanager
async def connected(shop: Running, last_id: str = "", **parameters: str) -> AsyncIterator[Connection]:
    """A connection whose feed has begun."""
    headers = {**shop.bearer, "Last-Event-ID": last_id} if last_id else shop.bearer
    connection = Connection(shop, headers, parameters)
    try:
        await connection.until(lambda: connection.chunks)
        yield connection
    finally:
        await connection.leave()
    assert shop.service.live_feeds.count == 0


def scenario(path: Path, steps: Callable[[Running], Any]) -> None:
    """Run steps on a service of their own."""

    async def whole() -> None:
        async with running(path) as shop:
            await steps(shop)

    run(asyncio.wait_for(whole(), _HANGS_AFTER_SECONDS))


def told(messages: Sequence[Message]) -> list[Any]:
    """Which visitors' events these are."""
    return [message.data["uuid"] for message in messages]


async def send(shop: Running, *uuids: str, **fields: Any) -> None:
    answer = await shop.send(*[event(uuid=uuid, **fields) for uuid in uuids])
    assert answer.status_code == 200, answer.text


async def exported(shop: Running) -> list[dict[str, Any]]:
    return [item async for item in shop.commands.tail("shop", last=LIST_ROWS_MAX, follow=False)]


# --- where a feed begins -----------------------------------------------------------------------------------------


def test_a_feed_begins_now_and_tells_events_as_they_are_acknowledged_as_exports_show_them(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        await send(shop, "before")
        async with connected(shop) as feed:
            assert feed.parser.retry == LIVE_RETRY_MS
            assert feed.parser.last_id == (await exported(shop))[-1]["position"]
            await send(shop, "one", "two", position="a client's own")
            messages = await feed.has(2)
            assert [message.data for message in messages] == (await exported(shop))[1:]
            assert [message.id for message in messages] == [message.data["position"] for message in messages]
            assert {message.type for message in messages} == {"message"}

    scenario(tmp_path, steps)


def test_a_feed_goes_on_behind_the_position_that_its_client_had(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        await send(shop, "one", "two", "three")
        first, second, _ = await exported(shop)
        async with connected(shop, after=first["position"]) as feed:
            assert told(await feed.has(2)) == ["two", "three"]
        # The address stays as it was when a client connects again: its header says more.
        async with connected(shop, second["position"], after=first["position"], last="3") as feed:
            assert told(await feed.has(1)) == ["three"]
            await send(shop, "four")
            assert told(await feed.has(2)) == ["three", "four"]

    scenario(tmp_path, steps)


def test_a_feed_begins_with_the_last_events_that_pass(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        await send(shop, "one", "two", "three")
        await send(shop, "bot", test=True)
        async with connected(shop, last="2") as feed:
            assert told(await feed.has(2)) == ["three", "bot"]
        async with connected(shop, last="2", test="no") as feed:
            assert told(await feed.has(2)) == ["two", "three"]
        async with connected(shop, last="1000") as feed:
            assert told(await feed.has(4)) == ["one", "two", "three", "bot"]

    scenario(tmp_path, steps)


@pytest.mark.parametrize("token", ["00000000-0.2", "{generation}-0.4"])
def test_a_position_of_another_log_is_said_so_and_the_whole_log_follows(tmp_path: Path, token: str) -> None:
    async def steps(shop: Running) -> None:
        await send(shop, "one", "two", "three")
        last_id = token.format(generation=shop.service.log.generation)
        async with connected(shop, last_id) as feed:
            restarted, *events = await feed.has(4)
            assert restarted.type == "restarted"
            assert "restored or replaced" in restarted.data["reason"]
            assert told(events) == ["one", "two", "three"]
        async with connected(shop, restarted.id) as feed:
            # That this log goes on from its beginning is known by now.
            assert told(await feed.has(3)) == ["one", "two", "three"]

    scenario(tmp_path, steps)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"after": "nonsense"}, "Invalid after. It must be a position"),
        ({"last": "-1"}, "Invalid last."),
        ({"last": "1001"}, "Invalid last."),
        ({"last": "٣"}, "Invalid last."),
        ({"verbs": "viewed"}, "Unknown parameter 'verbs'. The feed takes: subject, verb, noun, product, uuid, customer_id,"),
        ({"subject": "usr"}, "Unknown subject 'usr'. There are: abtest, collection, collections, search, user."),
        ({"verb": "viewed,veiwed"}, "Unknown verb 'veiwed'. There are: added, "),
        ({"noun": "cart,"}, "Unknown noun ''. There are: cart, "),
        ({"subject": "search", "verb": "viewed"}, "No event has such a subject, verb and noun together."),
        ({"uuid": "undefined"}, "Invalid uuid."),
        ({"uuid": "x" * 129}, "Invalid uuid."),
        ({"customer_id": "0"}, "Invalid customer_id."),
        ({"product": "null"}, "Invalid product 'null'."),
        ({"product": ",".join("5" * (LIVE_PRODUCTS_MAX + 1))}, f"at most {LIVE_PRODUCTS_MAX} products"),
        ({"bots": "only"}, "Invalid bots. It is yes (with them, as without it) or no (without them)."),
        ({"test": "1"}, "Invalid test."),
    ],
)
def test_what_a_feed_cannot_begin_with_is_refused_and_what_there_is_is_named(
    tmp_path: Path, parameters: dict[str, str], said: str
) -> None:
    async def steps(shop: Running) -> None:
        answer = await shop.client.get(LIVE, params=parameters, headers=shop.bearer)
        assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text
        assert shop.service.live_feeds.count == 0

    scenario(tmp_path, steps)


def test_a_last_event_id_that_is_no_position_is_refused_by_its_name(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        answer = await shop.client.get(LIVE, headers={**shop.bearer, "Last-Event-ID": "42"})
        assert (answer.status_code, "Invalid Last-Event-ID." in answer.json()["error"]) == (400, True)

    scenario(tmp_path, steps)


# --- filters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, ["viewer", "adder", "searcher", "bot", "tester", "customer"]),
        ({"subject": "user", "verb": "viewed", "noun": "product"}, ["viewer", "bot", "tester", "customer"]),
        ({"verb": "added,searched"}, ["adder", "searcher"]),
        ({"noun": "term"}, ["searcher"]),
        ({"subject": "search"}, []),
        ({"uuid": "viewer"}, ["viewer"]),
        ({"customer_id": "gid://shopify/Customer/77"}, ["customer"]),
        ({"bots": "no"}, ["viewer", "adder", "searcher", "tester", "customer"]),
        ({"test": "no", "bots": ""}, ["viewer", "adder", "searcher", "bot", "customer"]),
        ({"bots": "yes", "test": "yes", "verb": "viewed"}, ["viewer", "bot", "tester", "customer"]),
    ],
)
def test_a_filter_lets_its_events_pass_live_and_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], wanted: list[str]
) -> None:
    # So that a feed soon tells that it is past what it doesn't show.
    monkeypatch.setattr("footfall.api.live_feed.LIVE_HEARTBEAT_SECONDS", 0.01)

    async def steps(shop: Running) -> None:
        async with connected(shop, **parameters) as live:
            await send(shop, "viewer")
            await send(shop, "adder", verb="added")
            await send(shop, "searcher", verb="searched", noun="term", defined_noun_id="beanie", product_id=None)
            path = f"/api/v2/analytics/event?key={PUBLIC_KEY}"
            robot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
            assert (await shop.client.post(path, json=event(uuid="bot"), headers=robot)).status_code == 200
            await send(shop, "tester", test=True)
            await send(shop, "customer", customer_id="77")
            end = (await exported(shop))[-1]["position"]
            await live.until(lambda: live.parser.last_id == end)
            assert told(live.messages) == wanted
        async with connected(shop, f"{shop.service.log.generation}-0.0", **parameters) as again:
            await again.until(lambda: again.parser.last_id == end)
            assert told(again.messages) == wanted

    scenario(tmp_path, steps)


def test_a_product_is_known_by_its_id_a_handle_and_a_variant_and_events_by_any_of_them(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        names = {"product_id": "5630650697948", "product_handle": "classic-beanie", "shopify_variant_id": "36287950323868"}
        nothing = dict.fromkeys(names)
        await send(shop, "all", **names)
        for name, value in names.items():
            await send(shop, name, **nothing | {name: value})
        await send(shop, "other", **nothing | {"product_handle": "linen-shirt"})
        await send(shop, "no-product", verb="searched", noun="term", defined_noun_id="beanie", **nothing)
        for asked in (*names.values(), "gid://shopify/Product/5630650697948", "gid://shopify/ProductVariant/36287950323868"):
            async with connected(shop, last="100", product=asked) as feed:
                assert told(await feed.has(4)) == ["all", *names], asked
        async with connected(shop, last="100", product="linen-shirt, classic-beanie") as feed:
            assert told(await feed.has(5)) == ["all", *names, "other"]

    scenario(tmp_path, steps)


def test_a_product_that_gets_another_name_while_a_feed_is_open_is_known_by_it(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        async with connected(shop, product="classic-beanie") as feed:
            await send(shop, "unknown", product_id="5630650697948")
            await send(shop, "tied", product_id="5630650697948", product_handle="classic-beanie")
            await send(shop, "known", product_id="5630650697948")
            # When the feed looks, the names may be tied already: the first is told or not, the others always.
            await feed.until(lambda: told(feed.messages)[-2:] == ["tied", "known"])

    scenario(tmp_path, steps)


# --- signs of life -----------------------------------------------------------------------------------------------


def test_a_silent_feed_says_that_it_is_there_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.api.live_feed.LIVE_HEARTBEAT_SECONDS", 0.01)

    async def steps(shop: Running) -> None:
        async with connected(shop, verb="added") as feed:
            begun = feed.parser.last_id
            await feed.until(lambda: len(feed.parser.comments) > 2)
            assert feed.parser.last_id == begun
            await send(shop, "one", "two")
            end = (await exported(shop))[-1]["position"]
            await feed.until(lambda: feed.parser.last_id == end)
            assert feed.messages == []

    scenario(tmp_path, steps)


def test_a_feed_that_passes_many_events_without_one_for_it_tells_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.api.live_feed.LIVE_SILENT_POSITIONS_MAX", 200)
    monkeypatch.setattr("footfall.api.live_feed.LIVE_HEARTBEAT_SECONDS", 3_600)

    async def steps(shop: Running) -> None:
        generation = shop.service.log.generation
        await send(shop, *[f"visitor-{n}" for n in range(500)])
        async with connected(shop, f"{generation}-0.0", verb="added") as feed:
            await feed.until(lambda: feed.parser.last_id == f"{generation}-0.400")
            assert (len(feed.parser.comments), feed.messages) == (2, [])

    scenario(tmp_path, steps)


# --- what ends it ------------------------------------------------------------------------------------------------


def test_a_feed_ends_when_its_key_is_taken_away_and_tells_nothing_that_came_after(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        async with connected(shop) as feed:
            await shop.commands.shop_rotate_key("shop", keep_old=True)
            await send(shop, "before")
            assert told(await feed.has(1)) == ["before"]
            await shop.commands.shop_rotate_key("shop")
            await send(shop, "after")
            await feed.task
            assert told(feed.messages) == ["before"]
            assert "Unknown secret key" in feed.parser.comments[-1]
        assert (await shop.client.get(LIVE, headers=shop.bearer)).status_code == 401

    scenario(tmp_path, steps)


def test_a_feed_ends_when_its_key_is_taken_away_though_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.api.live_feed.LIVE_HEARTBEAT_SECONDS", 0.01)

    async def steps(shop: Running) -> None:
        async with connected(shop) as feed:
            await shop.commands.shop_rotate_key("shop")
            await feed.task

    scenario(tmp_path, steps)


def test_a_feed_ends_with_its_reason_while_the_log_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(shop: Running) -> None:
        await send(shop, "one")

        async def unreadable(*_arguments: Any) -> Any:
            raise LogUnavailableError("The log can't be read now\n(disk I/O error).")

        monkeypatch.setattr(shop.service.log, "read", unreadable)
        async with connected(shop, f"{shop.service.log.generation}-0.0") as feed:
            await feed.task
            assert feed.parser.comments == ["The log can't be read now (disk I/O error)."]

    scenario(tmp_path, steps)


def test_feeds_end_when_they_are_closed_and_a_new_one_is_answered_with_503(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        async with connected(shop) as feed:
            shop.service.live_feeds.close()
            await feed.task
        answer = await shop.client.get(LIVE, headers=shop.bearer)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    scenario(tmp_path, steps)


# --- who may, and beside whom ------------------------------------------------------------------------------------


def test_a_feed_needs_the_secret_key_and_not_from_a_page(tmp_path: Path) -> None:
    async def steps(shop: Running) -> None:
        async def answer(**options: Any) -> httpx.Response:
            return await shop.client.get(LIVE, **options)

        assert (await answer()).status_code == 401
        assert (await answer(params={"key": PUBLIC_KEY})).status_code == 401
        in_page = await answer(headers={**shop.bearer, "Origin": "https://shop.example"})
        assert (in_page.status_code, in_page.headers["access-control-allow-origin"]) == (403, "*")
        assert (await shop.client.post(LIVE, headers=shop.bearer)).status_code == 405
        head = await shop.client.head(LIVE, headers=shop.bearer)
        assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/event-stream", b"")
        assert (head.headers["cache-control"], head.headers["x-accel-buffering"]) == ("no-store", "no")
        assert shop.service.live_feeds.count == 0

    scenario(tmp_path, steps)


def test_a_feed_waits_until_the_server_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(shop: Running) -> None:
        monkeypatch.setattr(shop.service, "caught_up", False)
        answer = await shop.client.get(LIVE, headers=shop.bearer)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    scenario(tmp_path, steps)


def test_a_client_that_does_not_read_holds_nobody_up_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.projections.live_feeds.LIVE_RECENT_BYTES_MAX", 2_000)

    async def steps(shop: Running) -> None:
        visitors = [f"visitor-{n}" for n in range(400)]
        async with connected(shop) as slow, connected_beside(shop) as quick:
            slow.reads.clear()
            for first in range(0, 400, 50):
                await send(shop, *visitors[first : first + 50])
                await quick.has(first + 50)
            assert len(slow.messages) == 0
            slow.reads.set()
            assert told(await slow.has(400)) == visitors
            assert told(quick.messages) == visitors

    scenario(tmp_path, steps)


def test_the_connection_of_a_client_that_reads_nothing_for_long_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.service.http.LIVE_STALLED_SECONDS", 0.01)

    async def steps(shop: Running) -> None:
        application = Application(shop.service.parts, no_pages)
        config = uvicorn.Config(application, http=whole_requests(application), lifespan="off", log_config=None)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            await server.startup(sockets=[listener])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(listener.getsockname())
            client.sendall(f"GET {LIVE} HTTP/1.1\r\nAuthorization: {shop.bearer['Authorization']}\r\n\r\n".encode())
            await until(lambda: shop.service.live_feeds.count == 1)
            for _ in range(30):
                await send(shop, *["visitor"] * 50, padding="x" * 20_000)
            await until(lambda: shop.service.live_feeds.count == 0)
            await server.shutdown()

    scenario(tmp_path, steps)


@asynccontextmanager
async def connected_beside(shop: Running) -> AsyncIterator[Connection]:
    """A connection beside another one."""
    connection = Connection(shop, shop.bearer, {})
    await connection.until(lambda: connection.chunks)
    yield connection
    await connection.leave()

"""``/api/v1/events/stream`` in one process: where a feed begins, its signs of life, and what ends it."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from footfall.api.application import Application
from footfall.errors import LogUnavailableError
from footfall.limits import LIVE_PRODUCTS_MAX, LIVE_RETRY_MS
from footfall.service.http import whole_requests
from tests.acceptance.live import connected, connected_beside, exported, scenario, send, told
from tests.acceptance.sse import LIVE
from tests.acceptance.test_bounds import until
from tests.support import PUBLIC_KEY, Running, no_pages

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
        ({"uuid": ""}, "uuid is empty."),
        ({"bots": ""}, "bots is empty."),
        ({"uuid": ["ann", "bob"]}, "uuid is given twice."),
        ({"uuid": "x" * 129}, "Invalid uuid."),
        ({"customer_id": "0"}, "Invalid customer_id."),
        ({"product": "null"}, "Invalid product 'null'."),
        ({"product": ",".join("5" * (LIVE_PRODUCTS_MAX + 1))}, f"at most {LIVE_PRODUCTS_MAX} products"),
        ({"bots": "only"}, "Invalid bots. It is yes (with them, as without it) or no (without them)."),
        ({"test": "1"}, "Invalid test."),
    ],
)
def test_what_a_feed_cannot_begin_with_is_refused_and_what_there_is_is_named(
    tmp_path: Path, parameters: dict[str, str | list[str]], said: str
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

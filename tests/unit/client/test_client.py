"""A client as it is made: what can't be used is told at once, and nothing of the server comes along."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from footfall.client import AsyncClient, Client, ClosedError, FootfallError, QueueFullError, SettingInvalidError
from footfall.limits import BATCH_EVENTS_MAX

URL = "http://127.0.0.1:9"
_OF_THE_SERVER = {"apsw", "duckdb", "httptools", "jinja2", "litestar", "numpy", "rbloom", "structlog", "uvicorn", "uvloop"}


def test_importing_the_client_brings_nothing_of_the_server_along() -> None:
    script = "import sys, footfall.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "footfall" in loaded.split()
    assert not _OF_THE_SERVER & set(loaded.split())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("url", "settings", "named"),
    [
        ("events.shop.example", {}, "address"),
        ("ftp://events.shop.example", {}, "address"),
        ("https://", {}, "address"),
        ("https://events.shop example", {}, "address"),
        ("https://events.shop.example:99999", {}, "address"),
        (URL, {"key": None}, "key"),
        (URL, {"key": "ab\ncd"}, "key"),
        (URL, {"batch_events": 0}, "batch_events"),
        (URL, {"batch_events": BATCH_EVENTS_MAX + 1}, "batch_events"),
        (URL, {"batch_seconds": -1}, "batch_seconds"),
        (URL, {"batch_seconds": float("nan")}, "batch_seconds"),
        (URL, {"queue_events": 0}, "queue_events"),
        (URL, {"answer_seconds": 0}, "answer_seconds"),
        (URL, {"retries": -1}, "retries"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(kind: Any, url: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingInvalidError, match=named):
        kind(url, **{"key": "k", **settings})


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://shop:hush@events.shop.example", "password before its @"),
        ("https://hush@events.shop.example:8080/", "password before its @"),
        ("ftp://:hush@events.shop.example", "password before its @"),
        ("https://shop:hu/sh@events.shop.example", "no address"),
        ("https://shop:hush@[events.shop.example", "no address"),
        ("shop:hush@events.shop.example", "no address"),
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(kind: Any, url: str, said: str) -> None:
    with pytest.raises(SettingInvalidError, match=said) as raised:
        kind(url, "k")
    assert "hu" not in str(raised.value).replace("the shop", "")


def test_an_at_sign_in_the_path_of_an_address_is_no_password() -> None:
    Client("https://events.shop.example/@shop", "k").close()


def test_a_client_that_never_waits_is_told_no_waiting_time() -> None:
    with pytest.raises(SettingInvalidError, match="full_wait_seconds"):
        AsyncClient(URL, "k", full_wait_seconds=1)


def test_a_closed_client_says_so_and_closes_again_without_a_word() -> None:
    with Client(URL, "k") as client:
        pass
    client.close()
    for call in (lambda: client.viewed(1, uuid="u"), lambda: client.send([]), lambda: client.products("viewed")):
        with pytest.raises(ClosedError):
            call()


def test_where_an_event_is_needs_the_secret_key() -> None:
    with Client(URL, "k") as client, pytest.raises(SettingInvalidError, match="secret"):
        client.event("e")


def test_an_asynchronous_client_without_a_loop_or_on_another_one_says_so() -> None:
    client = AsyncClient(URL, "k")
    with pytest.raises(FootfallError, match="running event loop"):
        client.viewed(1, uuid="u")
    assert asyncio.run(client.send([])) == []
    with pytest.raises(FootfallError, match="another event loop"):
        asyncio.run(client.send([]))


def test_what_a_loop_that_ended_could_not_send_is_given_up_and_counted() -> None:
    client = AsyncClient(URL, "k")

    async def put() -> None:
        client.viewed(1, uuid="u")

    asyncio.run(put())
    assert (client.counts.failed, client.counts.waiting) == (1, 0)
    with pytest.raises(ClosedError):
        asyncio.run(put())


def test_an_event_that_finds_the_queue_full_is_refused_and_those_that_wait_stay() -> None:
    given_up: list[Any] = []

    async def fill() -> None:
        client = AsyncClient(URL, "k", queue_events=2, on_failed=lambda events, _: given_up.extend(events))
        client.viewed(1, uuid="u")
        with pytest.raises(QueueFullError):
            client.purchased(1001, [{"product_id": 1}, {"product_id": 2}], uuid="u")
        client.viewed(2, uuid="u")
        assert client.counts.waiting == 2
        await client.close(timeout_seconds=0)

    asyncio.run(fill())
    assert [event["product_id"] for event in given_up] == ["1", "2"]

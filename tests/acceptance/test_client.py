"""The Python client against a real server: receipts, order, faults on the way, forks, exits; each event is stored once."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from footfall.cli.owner import open_owner
from footfall.client import (
    AsyncClient,
    Client,
    ClosedError,
    Counts,
    Event,
    FootfallError,
    NotFlushedError,
    Product,
    Products,
    QueueFullError,
    Receipt,
    UnavailableError,
    UnknownKeyError,
    events,
)
from tests.faulty import Fault, Faulty, event_ids, faulty
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server, directory, new_shop, server, start_server

FAULTS: tuple[Fault, ...] = get_args(Fault)
NEVER_ENDING: tuple[Fault, ...] = ("silent", "trickling")


@pytest.fixture(scope="module")
def footfall() -> Iterator[Server]:
    """A server with one shop, for all tests here: each has visitors of its own."""
    with directory() as data, server(data / "data", shop=True) as running:
        yield running


@pytest.fixture
def between(footfall: Server) -> Iterator[Faulty]:
    with faulty(footfall.url) as misbehaving:
        yield misbehaving


def stored(data: Path, visitor: str) -> list[dict[str, Any]]:
    """What the log has of a visitor, in its order."""
    with open_owner(data) as owner:
        return list(owner.stream("tail", shop="shop", uuid=visitor, last=1_000, follow=False))


def test_a_shops_own_code_puts_events_and_reads_what_it_wrote(footfall: Server) -> None:
    with Client(footfall.url, PUBLIC_KEY) as client:
        first = client.viewed("linen-shirt", uuid="v-1", customer_id="c-1")
        client.added({"id": 5630650697948, "handle": "beanie", "title": "Beanie"}, uuid="v-1", quantity=2, price="19.90")
        client.removed(5630650697948, uuid="v-1")
        ids = client.purchased("1001", [{"product_handle": "linen-shirt", "quantity": 1}], currency="EUR", uuid="v-1")
        client.track("user", "searched", "term", uuid="v-1", defined_noun_id="linen")
        client.put({"subject": "user", "verb": "viewed", "noun": "product", "uuid": "v-1", "product_id": 7, "own": "kept"})
        client.flush()
        assert client.counts == Counts(6, 0, 0, 0, waiting=0, requests=1, retries=0)
        products = client.products("viewed", uuid="v-1", limit=5, explain=True)
        assert [product["id"] or product["handle"] for product in products] == [7, "linen-shirt"]
        assert products[0]["reasons"][0]["source"] == "viewed"
    said = stored(footfall.data, "v-1")
    assert [item["verb"] for item in said] == ["viewed", "added", "removed", "purchased", "searched", "viewed"]
    assert (said[0]["event_id"], said[0]["customer_id"], said[3]["event_id"], said[5]["own"]) == (first, "c-1", ids[0], "kept")


def test_the_same_on_an_event_loop(footfall: Server) -> None:
    async def work() -> Products:
        async with AsyncClient(footfall.url, PUBLIC_KEY) as client:
            for number in range(250):
                client.viewed(number + 1, uuid="v-2")
            await client.flush()
            assert client.counts == Counts(250, 0, 0, 0, waiting=0, requests=3, retries=0)
            client.viewed("linen-shirt", uuid="v-2")
            receipts = await client.send([events.added("linen-shirt", uuid="v-2")])
            assert receipts[0].status == "stored"
            await client.flush()
            return await client.products("viewed", uuid="v-2", limit=3)

    assert [product["id"] or product["handle"] for product in asyncio.run(work())] == ["linen-shirt", 250, 249]


def test_with_the_secret_key_events_are_the_shops_own_word_and_can_be_asked_for() -> None:
    with directory() as data, server(data / "data") as running:
        made = new_shop(running.data, "shop")
        with Client(running.url, secret=made["secret_key"]) as client:
            receipt = client.send([events.viewed("linen-shirt", uuid="v", event_id="order/7 ü")])[0]
            assert client.event("order/7 ü")[0]["event"]["verified"] is True
            assert client.event(str(receipt.position))[0]["event_id"] == "order/7 ü"
            assert client.event("another") == []

        async def ask() -> list[dict[str, Any]]:
            async with AsyncClient(running.url, secret=made["secret_key"]) as client:
                return await client.event("order/7 ü")

        assert asyncio.run(ask())[0]["status"] == "stored"


def test_what_a_user_writes_has_the_types_that_a_user_expects(footfall: Server) -> None:
    # mypy reads this too: what it must refuse is marked, and an unused mark fails `make check`.
    def on_rejected(event: Any, receipt: Receipt) -> None:
        raise AssertionError(event, receipt)

    client = Client(footfall.url, PUBLIC_KEY, on_rejected=on_rejected)
    with client as same:
        assert same is client
        told: str = client.viewed("linen-shirt", uuid="v-3", quantity=2)
        made: Event = events.added(5, uuid="v-3", event_id=told + "-2")
        receipts: list[Receipt] = client.send([made])
        products: Products = client.products("viewed", uuid="v-3")
        first: Product | None = products[0] if products else None
        title: str | None = first["title"] if first else None
        assert (receipts[0].event_id, title) == (told + "-2", None)
        client.viewed("linen-shirt", uuid="v-3", quantitty=2)  # type: ignore[call-arg]
        client.purchased(7, [{"product_id": 1, "quantity": "two"}], uuid="v-3")  # type: ignore[typeddict-item]
        with pytest.raises(TypeError):
            Client(footfall.url, PUBLIC_KEY, batch=5)  # type: ignore[call-arg]


def test_a_rejected_event_is_told_with_its_receipt_and_the_others_are_stored(footfall: Server) -> None:
    told: list[tuple[str, str | None]] = []

    def on_rejected(event: Any, receipt: Receipt) -> None:
        told.append((event["event_id"], receipt.error))
        raise ValueError("the shop's own mistake")

    with Client(footfall.url, PUBLIC_KEY, on_rejected=on_rejected) as client:
        client.track("user", "saw", "product", uuid="v-4", product_id=1, event_id="bad-1")
        client.viewed(1, uuid="v-4")
        client.viewed(2, event_id="bad-2")
        client.flush()
        assert client.counts[:4] == (1, 0, 2, 0)
        client.viewed(2, uuid="v-4")
    assert [event_id for event_id, _ in told] == ["bad-1", "bad-2"]
    assert "Unsupported verb 'saw'" in str(told[0][1])
    assert len(stored(footfall.data, "v-4")) == 2


def test_what_a_key_that_is_unknown_cannot_send_is_given_back(footfall: Server, caplog: pytest.LogCaptureFixture) -> None:
    given_back: list[str] = []
    why: list[Exception] = []

    def on_failed(failed: Any, failure: Exception) -> None:
        given_back.extend(event["event_id"] for event in failed)
        why.append(failure)

    with Client(footfall.url, "0" * 40, on_failed=on_failed) as client:
        event_id = client.viewed(1, uuid="v-5")
    assert (given_back, client.counts.failed) == ([event_id], 1)
    assert isinstance(why[0], UnknownKeyError)
    with Client(footfall.url, "0" * 40) as silent:
        silent.viewed(1, uuid="v-5")
    assert "1 events were given up" in caplog.text
    assert "Unknown key" in caplog.text


def test_a_connection_that_cannot_be_made_is_a_failure_like_any_other(
    footfall: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[tuple[str, str]] = []

    def on_failed(failed: Sequence[Mapping[str, Any]], failure: FootfallError) -> None:
        given_back.extend((event["product_id"], str(failure)) for event in failed)

    with Client(footfall.url, PUBLIC_KEY, retries=0, on_failed=on_failed) as client:
        monkeypatch.setenv("ALL_PROXY", "carrier-pigeon://127.0.0.1:9")
        client.viewed(1, uuid="v-proxy")
        client.flush()
        ((product, why),) = given_back
        assert product == "1"
        assert "carrier-pigeon" in why
        with pytest.raises(UnavailableError, match="carrier-pigeon"):
            client.send([events.viewed(2, uuid="v-proxy")])
        monkeypatch.delenv("ALL_PROXY")
        client.viewed(3, uuid="v-proxy")
        client.flush()
        assert client.counts[:4] == (1, 0, 0, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_an_exit_within_what_it_calls_a_client_takes_no_events_that_nobody_would_send(footfall: Server) -> None:
    before = set(threading.enumerate())
    with Client(footfall.url, "unknown", batch_seconds=60, on_failed=lambda *_: sys.exit()) as client:
        client.viewed(1, uuid="v-exit")
        (sending,) = set(threading.enumerate()) - before
        client.flush()
        sending.join(WAIT_SECONDS)
        with pytest.raises(ClosedError):
            client.viewed(2, uuid="v-exit")
        assert client.counts[3:5] == (1, 0)


def test_a_process_that_may_have_no_more_threads_says_so_and_the_next_event_tries_again(
    footfall: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Client(footfall.url, PUBLIC_KEY) as client:
        with monkeypatch.context() as without_threads:
            without_threads.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                client.viewed(1, uuid="v-threads")
        client.viewed(2, uuid="v-threads")
        client.flush()
        assert client.counts[:4] == (1, 0, 0, 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_on_the_way_each_event_is_stored_once_and_in_order(
    footfall: Server, between: Faulty, fault: Fault
) -> None:
    visitor = f"v-sync-{fault}"
    between.faults.extend([fault, fault])
    with Client(between.url, PUBLIC_KEY, batch_events=10, answer_seconds=0.5 if fault in NEVER_ENDING else 10) as client:
        told = [client.viewed(number, uuid=visitor) for number in range(25)]
        client.flush(60)
        counts = client.counts
        assert (counts.stored + counts.duplicate, counts.rejected, counts.failed) == (25, 0, 0)
        was_handed_on = fault in ("cut after", "cut within", "garbage", *NEVER_ENDING)
        assert (counts.duplicate > 0) == was_handed_on
        assert [product["id"] for product in client.products("viewed", uuid=visitor, limit=2)] == [24, 23]
    assert [item["event_id"] for item in stored(footfall.data, visitor)] == told
    if fault != "narrow":
        # Sent again as it was.
        assert between.bodies[0] == between.bodies[1] == between.bodies[2]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_on_an_event_loop_after_a_fault(footfall: Server, between: Faulty, fault: Fault) -> None:
    visitor = f"v-async-{fault}"
    between.faults.extend([fault, fault])

    async def work() -> list[Receipt]:
        given = [events.viewed(number, uuid=visitor, event_id=f"{visitor} {number}") for number in range(15)]
        async with AsyncClient(between.url, PUBLIC_KEY, answer_seconds=0.5 if fault in NEVER_ENDING else 10) as client:
            receipts = await client.send(given[:5], timeout_seconds=60)
            for event in given[5:]:
                client.put(event)
            await client.flush(60)
            return receipts

    assert all(receipt.is_acknowledged and receipt.position for receipt in asyncio.run(work()))
    assert [item["event_id"] for item in stored(footfall.data, visitor)] == [f"{visitor} {number}" for number in range(15)]


def test_events_wait_for_a_server_that_is_away_and_arrive_when_it_is_back() -> None:
    with directory() as data:
        first = start_server(data / "data")
        new_shop(first.data, "shop", PUBLIC_KEY)
        with Client(first.url, PUBLIC_KEY, batch_seconds=0.05) as client:
            told = [client.viewed(0, uuid="v")]
            client.flush()
            first.kill()
            told += [client.viewed(number, uuid="v") for number in range(1, 250)]
            until(lambda: client.counts.retries >= 2)
            second = start_server(data / "data", "--port", first.url.rpartition(":")[2])
            try:
                client.flush(60)
                assert client.counts[:4] == (250, 0, 0, 0)
                assert [item["event_id"] for item in stored(data / "data", "v")] == told
            finally:
                second.kill()


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition, half a minute at most."""
    for _ in range(600):
        if is_so():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came to that")


def test_a_full_queue_refuses_at_once_or_waits_for_room_as_it_was_told(between: Faulty) -> None:
    between.faults.append("silent")
    with Client(between.url, PUBLIC_KEY, queue_events=2, batch_events=1, answer_seconds=0.5) as client:
        client.viewed(1, uuid="v-6")
        client.viewed(2, uuid="v-6")
        with pytest.raises(QueueFullError):
            client.viewed(3, uuid="v-6")
        client.flush(60)
        client.viewed(3, uuid="v-6")
    assert client.counts.stored + client.counts.duplicate == 3
    with Client(between.url, PUBLIC_KEY, queue_events=2, batch_seconds=60, full_wait_seconds=30) as waiting:
        for number in range(20):
            waiting.viewed(number, uuid="v-7")
    assert waiting.counts.stored == 20


def test_what_a_flush_and_a_close_have_no_time_for_is_told_and_given_back() -> None:
    given_back: list[str] = []
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        before = set(threading.enumerate())
        client = Client(
            f"http://127.0.0.1:{deaf.getsockname()[1]}",
            PUBLIC_KEY,
            batch_events=1,
            answer_seconds=0.5,
            retries=0,
            on_failed=lambda failed, failure: given_back.extend(event["product_id"] for event in failed),
        )
        client.viewed(1, uuid="v")
        client.viewed(2, uuid="v")
        (sending,) = set(threading.enumerate()) - before
        with pytest.raises(NotFlushedError, match="2 events"):
            client.flush(0.1)
        with pytest.raises(UnavailableError) as raised:
            client.send([events.viewed(3, uuid="v")], timeout_seconds=0.1)
        assert [event["product_id"] for event in raised.value.events] == ["3"]
        client.close(0.1)
        # The batch that was on its way comes to nothing later, and is not given back again.
        sending.join(WAIT_SECONDS)
    assert not sending.is_alive()
    assert (given_back, client.counts.failed, client.counts.waiting) == (["1", "2"], 2, 0)


def test_threads_share_a_client_and_each_event_is_stored_once(footfall: Server) -> None:
    with Client(footfall.url, PUBLIC_KEY, batch_events=7) as client:

        def shopper(name: str) -> None:
            for number in range(40):
                client.viewed(number, uuid=name)
                if number % 10 == 0:
                    client.send([events.added(number, uuid=name)])
                    client.products("viewed", uuid=name)

        threads = [threading.Thread(target=shopper, args=(f"v-8-{number}",)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.flush()
        assert client.counts[:4] == (6 * 44, 0, 0, 0)
    said = [item["product_id"] for item in stored(footfall.data, "v-8-3") if item["verb"] == "viewed"]
    assert said == [str(number) for number in range(40)]


def script(text: str, footfall_url: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a shop's as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "URL": footfall_url, "KEY": PUBLIC_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


_FORKING = """
import os, sys
from footfall.client import Client

client = Client(os.environ["URL"], os.environ["KEY"], batch_seconds=60)
client.send([{"subject": "user", "verb": "viewed", "noun": "product", "uuid": "v-fork", "product_id": "master"}])
client.viewed("of-the-parent", uuid="v-fork", event_id="parent")
children = []
for name in ("one", "two"):
    child = os.fork()
    if child == 0:
        assert client.counts.waiting == 0
        client.viewed(f"of-child-{name}", uuid="v-fork", event_id=name)
        sys.exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
client.close()
assert (client.counts.stored, client.counts.duplicate) == (2, 0), client.counts
"""


def test_a_forked_process_sends_its_own_events_and_not_its_parents(footfall: Server, between: Faulty) -> None:
    done = script(_FORKING, between.url)
    assert done.returncode == 0, done.stderr
    assert sorted(item["event_id"] for item in stored(footfall.data, "v-fork")[1:]) == ["one", "parent", "two"]
    # Once over the wire, too: a duplicate would hide a second delivery.
    sent = [event_id for body in between.bodies for event_id in event_ids(body)]
    assert sorted(sent)[-3:] == ["one", "parent", "two"]
    assert len(sent) == 4


_ENDING = """
import os
from footfall.client import Client

client = Client(os.environ["URL"], os.environ["KEY"], batch_seconds=60)
client.viewed("linen-shirt", uuid="v-exit", event_id="last-words")
"""


def test_a_process_that_ends_sends_what_it_has(footfall: Server) -> None:
    done = script(_ENDING, footfall.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert [item["event_id"] for item in stored(footfall.data, "v-exit")] == ["last-words"]


def test_a_process_that_ends_waits_for_no_server_that_is_away_and_says_what_it_could_not_send() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        done = script(_ENDING, f"http://127.0.0.1:{deaf.getsockname()[1]}")
    assert done.returncode == 0
    assert "1 events were given up" in done.stderr

"""The index of sessions and its upkeep: read from its file and the log, made anew where it is missing, never in collection's
way."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from footfall.clock import DAY_MS
from footfall.log.port import Stream
from footfall.projections.recommendations.index import Index
from footfall.service import index_keeper
from footfall.service.index_keeper import INDEX_FILE, IndexKeeper
from tests.acceptance.test_recommendations import ask, ids, sessions, visit
from tests.support import NOW, Running, event, run, running

_SECONDS_MAX = 60


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(_SECONDS_MAX):
        while not holds():  # noqa: ASYNC110 - what is waited for doesn't tell
            await asyncio.sleep(0.01)


async def current(shop: Running) -> None:
    """Wait until the index covers everything."""
    await until(lambda: shop.service.index_keeper.pending is None)


async def redact(shop: Running, visitor: str) -> None:
    """Take a visitor's events out of the log."""
    log = shop.service.log
    told = await log.read(Stream.EVENTS, 0, 1, 100)  # type: ignore[arg-type]  # the first position
    await log.redact(Stream.EVENTS, [entry.position for entry in told if f'"{visitor}"'.encode() in entry.value])


async def forget(shop: Running, visitor: str) -> None:
    """Forget what recommendations know of a visitor."""
    shop_id = next(iter(shop.service.shops.all())).id
    await shop.service.forget_recommendations(shop_id, [f"u:{visitor}"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of a few events counts as a long one, so that a start needs the file or a child process."""
    monkeypatch.setattr(index_keeper, "INDEX_READ_EVENTS", 2)
    monkeypatch.setattr(index_keeper, "INDEX_CATCH_UP_EVENTS_MAX", 4)


def test_a_start_reads_the_file_and_what_came_after_it(tmp_path: Path, small: None) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            await shop.service.index_keeper.save()
            await visit(shop, "late", [1, 5], at=NOW - DAY_MS // 2)
            before = await ask(shop, "recommended", shopify_product_ids="1", explain="yes", fallback="no")
        saved = (tmp_path / INDEX_FILE).read_bytes()
        async with running(tmp_path) as shop:
            await current(shop)
            assert await ask_again(shop) == before["data"]
        assert (tmp_path / INDEX_FILE).read_bytes() == saved, "a few events are read from the log"

    async def ask_again(shop: Running) -> object:
        return (await ask(shop, "recommended", shopify_product_ids="1", explain="yes", fallback="no"))["data"]

    run(scenario())


@pytest.mark.parametrize("damage", ["missing", "flipped", "cut", "of another log"])
def test_without_a_file_that_can_be_used_a_child_makes_it_anew_while_fallbacks_answer(
    tmp_path: Path, small: None, damage: str
) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await sessions(shop)
            await shop.service.index_keeper.save()
            before = await ids(shop, "recommended", shopify_product_ids="1", fallback="no")
        file = tmp_path / INDEX_FILE
        told = file.read_bytes()
        if damage == "missing":
            file.unlink()
        elif damage == "flipped":
            file.write_bytes(told[:-100] + bytes([told[-100] ^ 1]) + told[-99:])
        elif damage == "cut":
            file.write_bytes(told[:-1])
        else:
            generation = shop.service.log.generation.encode()
            file.write_bytes(told.replace(generation, generation[::-1]))
        async with running(tmp_path) as shop:
            assert "reading sessions" in shop.service.parts.pending()["recommendations"]
            assert await ids(shop, "recommended", shopify_product_ids="1"), "top sellers fill in"
            await current(shop)
            assert "recommendations" not in shop.service.parts.pending()
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == before
            assert file.exists()

    run(scenario())


def test_more_than_can_be_taken_in_is_read_from_the_log_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_keeper, "WAITING_EVENTS_MAX", 20)
    monkeypatch.setattr(index_keeper, "_UPKEEP_SECONDS", 0.01)

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            many = [event(uuid=f"v{n // 2}", product_id=str(1 + n % 2), event_time=NOW - DAY_MS + n) for n in range(60)]
            await shop.send(*many)
            assert shop.service.index_keeper.pending is not None
            await current(shop)
            answer = await ask(shop, "recommended", shopify_product_ids="1", explain="yes", fallback="no")
            assert answer["data"][0]["reasons"][0]["sessions"] == 31
            await visit(shop, "b", [1, 2])
            answer = await ask(shop, "recommended", shopify_product_ids="1", explain="yes", fallback="no")
            assert answer["data"][0]["reasons"][0]["sessions"] == 32, "live again"

    run(scenario())


def test_who_is_forgotten_does_not_come_back_with_a_restart(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keeper, "_UPKEEP_SECONDS", 0.01)

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            await visit(shop, "b", [1, 3])
            await shop.service.index_keeper.save()
            await redact(shop, "a")
            await forget(shop, "a")
            assert not (tmp_path / INDEX_FILE).exists(), "the file knew them"
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]
            await until((tmp_path / INDEX_FILE).exists)
        async with running(tmp_path) as shop:
            await current(shop)
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]

    run(scenario())


@pytest.mark.parametrize("fails", [0, 1], ids=["", "and the file can't be made at first"])
def test_who_is_forgotten_while_the_index_is_being_read_is_not_in_it_afterwards(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    monkeypatch.setattr(index_keeper, "_UPKEEP_SECONDS", 0.01)
    monkeypatch.setattr(index_keeper, "_RETRY_SECONDS", 0.01)
    saves: list[int] = []
    save = IndexKeeper._save

    async def save_later(keeper: IndexKeeper, *, fresh: bool) -> None:
        if forgotten.is_set():
            saves.append(1)
            if len(saves) <= fails:
                raise OSError("no space left")
        await save(keeper, fresh=fresh)

    read, forgotten = asyncio.Event(), asyncio.Event()
    behind = IndexKeeper._behind

    async def behind_later(keeper: IndexKeeper, index: Index) -> int:
        """How much is left to read, once somebody was forgotten."""
        read.set()
        await forgotten.wait()
        return await behind(keeper, index)

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            await visit(shop, "b", [1, 3])
            await shop.service.index_keeper.save()
            await redact(shop, "a")
            file = (tmp_path / INDEX_FILE).read_bytes()
        monkeypatch.setattr(IndexKeeper, "_behind", behind_later)
        monkeypatch.setattr(IndexKeeper, "_save", save_later)
        async with running(tmp_path) as shop:
            keeper = shop.service.index_keeper
            await read.wait()
            assert keeper.pending is not None
            await forget(shop, "a")
            forgotten.set()
            await until(lambda: (tmp_path / INDEX_FILE).exists() and (tmp_path / INDEX_FILE).read_bytes() != file)
            await until(lambda: not keeper._knows_forgotten and keeper.pending is None)
            assert saves == [1] * (fails + 1)
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]

    run(scenario())


def test_who_is_forgotten_while_the_index_is_being_replaced_is_not_in_it_afterwards(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keeper, "_UPKEEP_SECONDS", 0.01)
    replaced = 0

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await visit(shop, "a", [1, 2])
            await visit(shop, "b", [1, 3])
            await current(shop)
            keeper = shop.service.index_keeper
            load = keeper._load

            async def load_and_forget() -> Index | None:
                nonlocal replaced
                index = await load()
                replaced += 1
                if replaced == 1:
                    assert index is not None
                    await redact(shop, "a")
                    await forget(shop, "a")
                return index

            monkeypatch.setattr(keeper, "_load", load_and_forget)
            keeper._knows_forgotten = True
            await until(lambda: replaced > 0 and not keeper._knows_forgotten and keeper.pending is None)
            assert await ids(shop, "recommended", shopify_product_ids="1", fallback="no") == [3]

    run(scenario())


def test_no_uuid_and_no_customer_stands_in_the_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            await shop.send(event(uuid="visitor-whose-name-is-long", customer_id="70000000123", rsid="session-of-theirs"))
            await shop.service.index_keeper.save()
            told = (tmp_path / INDEX_FILE).read_bytes()
            assert b"5630650697948" in told
            for name in (b"visitor-whose", b"70000000123", b"session-of"):
                assert name not in told

    run(scenario())

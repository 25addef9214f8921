"""Event ids: the filters in front of the tables spare look-ups, and never cost a duplicate."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import EventId, event_digest
from footfall.projections import event_ids as event_ids_module
from tests.properties.replica import EVENT_IDS_DAYS, SHOP, Replica, make_event

TODAY = 20_000


def lived(tmp_path: Path, life: Callable[[Replica], Awaitable[None]]) -> None:
    """Let a replica live."""

    async def whole() -> None:
        replica = Replica(tmp_path)
        await replica.open()
        try:
            await life(replica)
        finally:
            replica.close()

    asyncio.run(whole())


async def send(replica: Replica, *names: str, day: int = TODAY) -> None:
    """Events with these ids on a day, merged into the tables."""
    at = Milliseconds(day * DAY_MS)
    await replica.append(*(make_event(uuid="u1", event_id=EventId(name), received_at=at) for name in names))
    await replica.tails.merge()


async def restart(replica: Replica) -> None:
    replica.close()
    await replica.open()
    replica.warm_up()


def is_known(replica: Replica, name: str, *, day: int = TODAY) -> bool:
    return replica.event_ids.find(event_digest(SHOP, "u1", name), Milliseconds(day * DAY_MS)) is not None


def count_look_ups(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The first rows of the pages that are asked of the tables from now on."""
    asked: list[bytes] = []
    find = replica.event_ids._runs.find

    def counted(first: bytes, beyond: bytes, limit: int, *, oldest: int = 0) -> list[bytes]:
        asked.append(first)
        return find(first, beyond, limit, oldest=oldest)

    monkeypatch.setattr(replica.event_ids._runs, "find", counted)
    return asked


def test_after_the_warm_up_known_ids_are_found_and_new_ones_cost_no_look_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life(replica: Replica) -> None:
        await send(replica, *(f"old-{n}" for n in range(50)))
        await send(replica, *(f"older-{n}" for n in range(50)), day=TODAY - 1)
        await restart(replica)
        asked = count_look_ups(replica, monkeypatch)
        assert sum(is_known(replica, f"new-{n}") for n in range(1_000)) == 0
        assert len(asked) < 50, "of false positives"
        assert all(is_known(replica, f"old-{n}") and is_known(replica, f"older-{n}") for n in range(50))

    lived(tmp_path, life)


def test_before_the_warm_up_every_id_is_looked_up(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        await send(replica, "old")
        replica.close()
        await replica.open()
        assert is_known(replica, "old")
        assert not is_known(replica, "new")

    lived(tmp_path, life)


def test_more_ids_in_a_run_than_are_read_at_once_are_all_in_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life(replica: Replica) -> None:
        monkeypatch.setattr(event_ids_module, "_WARM_UP_ROWS", 7)
        await send(replica, *(f"old-{n}" for n in range(35)))
        await restart(replica)
        assert all(is_known(replica, f"old-{n}") for n in range(35))

    lived(tmp_path, life)


@pytest.mark.parametrize("first_capacity", [4, 1 << 17])
@pytest.mark.parametrize("left", [0, 40, 200_000])
def test_filters_that_find_no_more_memory_cost_look_ups_and_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_capacity: int, left: int
) -> None:
    async def life(replica: Replica) -> None:
        monkeypatch.setattr(event_ids_module, "EVENT_ID_FILTER_BYTES_MAX", left)
        monkeypatch.setattr(event_ids_module, "_FIRST_CAPACITY", first_capacity)
        for day in (TODAY - 1, TODAY):
            await send(replica, *(f"{day}-{n}" for n in range(60)), day=day)
            await restart(replica)
            await send(replica, *(f"{day}-{n}" for n in range(60, 120)), day=day)
        for day in (TODAY - 1, TODAY):
            assert all(is_known(replica, f"{day}-{n}") for n in range(120))
        assert replica.event_ids._filters._bytes <= left

    lived(tmp_path, life)


def test_the_filters_of_days_beyond_the_window_are_let_go(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        replica.warm_up()
        await send(replica, "first", day=TODAY)
        of_one_day = replica.event_ids._filters._bytes
        for day in range(1, 3 * EVENT_IDS_DAYS):
            await send(replica, f"of-{day}", day=TODAY + day)
        assert replica.event_ids._filters._bytes == of_one_day * (EVENT_IDS_DAYS + 1)

    lived(tmp_path, life)

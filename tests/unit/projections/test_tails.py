"""The tails, and the file they are merged into: what holds when it can't be written, is foreign, or is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from footfall.clock import DAY_MS, Milliseconds
from footfall.errors import LogUnavailableError, StoreTooNewError
from footfall.event import encode_event
from footfall.identifiers import EventId, Generation, event_digest
from footfall.log import sqlite
from footfall.log.port import Record, Stream
from footfall.projections.history import History
from footfall.projections.state import State
from tests.properties.replica import EVENT_IDS_DAYS, SHOP, ImmediateWriter, Replica, make_event


def with_replica(tmp_path: Path, life: Callable[[Replica], Awaitable[None]]) -> None:
    """Run a coroutine with an open replica of two shops."""

    async def whole() -> None:
        replica = Replica(tmp_path)
        await replica.open()
        try:
            await replica.make_shops()
            await life(replica)
        finally:
            replica.close()

    asyncio.run(whole())


async def ids(replica: Replica) -> list[int]:
    return [product["id"] for product in await replica.viewed(uuid="u1", limit=250)]


def is_full(replica: Replica) -> bool:
    return replica.tails.full


async def view(replica: Replica, product: int) -> None:
    await replica.append(make_event(uuid="u1", product_id=str(product), time=product))


def saved(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows: list[tuple[object, ...]] = connection.execute(sql).fetchall()
        return rows
    finally:
        connection.close()


def change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def test_a_merge_that_failed_keeps_answers_right_and_is_made_up_for_with_all_that_came_since(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        await view(replica, 1)
        assert await replica.fail_to_merge(1)
        await view(replica, 2)
        assert await ids(replica) == [2, 1]
        await replica.tails.merge()
        assert len(saved(replica.path, "SELECT * FROM history")) == 2
        replica.close()
        await replica.open()
        assert await ids(replica) == [2, 1]

    with_replica(tmp_path, life)


def test_a_merge_that_fails_again_and_again_leaves_one_run_in_the_end(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        await view(replica, 1)
        for _ in range(5):
            assert await replica.fail_to_merge(1)
        await replica.tails.merge()
        assert saved(replica.path, "SELECT rows FROM history_runs") == [(1,)]
        assert await ids(replica) == [1]

    with_replica(tmp_path, life)


def test_positions_are_those_of_what_was_set_aside_not_of_what_came_during_the_merge(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        await view(replica, 1)
        assert await replica.fail_to_merge(0)
        await view(replica, 2)
        # The first of two merges brings in what was set aside; the crash comes before the second.
        slices = sum(1 for projection in replica.tails._projections for _ in projection.slices())
        assert await replica.fail_to_merge(slices)
        positions = saved(replica.path, "SELECT positions FROM projections WHERE name = 'history'")
        assert positions == [('{"0":1}',)]
        replica.close()
        await replica.open()
        assert await ids(replica) == [2, 1]

    with_replica(tmp_path, life)


def test_a_checkpoint_that_fails_after_its_slice_counts_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_connection: apsw.Connection) -> None:
        raise apsw.FullError("database or disk is full")

    async def life(replica: Replica) -> None:
        replica.outcomes.count(SHOP, 1, "accepted", "", 3)
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "checkpoint", full)
            patch.setattr("footfall.projections.state.STATE_WAL_PAGES_CHECKPOINT", 0)
            await replica.tails.merge()
        await replica.tails.merge()
        assert replica.outcomes.totals(SHOP) == {"accepted": 3}

    with_replica(tmp_path, life)


def test_tails_are_full_while_state_db_cannot_be_written_and_recover_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.projections.tails.TAIL_EVENTS_MAX", 10)

    async def life(replica: Replica) -> None:
        for product in range(1, 6):
            await view(replica, product)
        assert await replica.fail_to_merge(0)
        assert not is_full(replica)
        for product in range(6, 9):
            await view(replica, product)
        assert is_full(replica), "eight events and two shops"
        assert await ids(replica) == [8, 7, 6, 5, 4, 3, 2, 1]
        await replica.tails.merge()
        assert not is_full(replica)

    with_replica(tmp_path, life)


def test_a_failing_merge_is_not_tried_again_with_every_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.tails.TAIL_EVENTS_MERGE", 1)

    async def life(replica: Replica) -> None:
        await replica.tails.merge()
        tried = 0

        async def fail(_projection: object) -> None:
            nonlocal tried
            tried += 1
            raise LogUnavailableError

        with monkeypatch.context() as patch:
            patch.setattr(replica.state, "merge", fail)
            for product in range(1, 6):
                await view(replica, product)
                await asyncio.sleep(0)
            assert tried == 1
        await replica.tails.merge()
        assert await ids(replica) == [5, 4, 3, 2, 1]

    with_replica(tmp_path, life)


def test_events_beyond_the_bound_are_merged_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.tails.TAIL_EVENTS_MERGE", 3)

    async def life(replica: Replica) -> None:
        for product in range(1, 6):
            await view(replica, product)
            await asyncio.sleep(0)
        assert len(saved(replica.path, "SELECT * FROM history")) >= 1

    with_replica(tmp_path, life)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE projections SET version = version - 1",
        "UPDATE projections SET version = version + 1",
        "UPDATE projections SET generation = 'ffffffff'",
        """UPDATE projections SET positions = '{"0":999}'""",
    ],
)
def test_a_foreign_state_is_set_aside_and_rebuilt_with_the_same_answers(tmp_path: Path, damage: str) -> None:
    async def life(replica: Replica) -> None:
        for product in (1, 2, 3):
            await view(replica, product)
        await replica.append(make_event(uuid="u1", customer_id="c1", product_id="4", time=9))
        await replica.tails.merge()
        replica.close()
        # A row that the log does not tell of shows whether the rows were set aside.
        ((run, row), *_) = saved(replica.path, "SELECT run, hex(row || '99') FROM history")
        change(replica.path, f"INSERT INTO history VALUES ({run}, x'{row}')")
        change(replica.path, damage)
        await replica.open()
        assert await ids(replica) == [4, 3, 2, 1]
        assert [p["id"] for p in await replica.viewed(shopify_customer_id="c1")] == [4, 3, 2, 1]
        assert replica.shops.by_public_key("1" * 40) is not None

    with_replica(tmp_path, life)


def test_outcomes_are_kept_where_the_log_is_another(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        replica.outcomes.count(SHOP, 1, "accepted", "", 3)
        await replica.tails.merge()
        replica.close()
        replica.log.generation = Generation("0badcafe")
        await replica.open()
        assert replica.outcomes.totals(SHOP) == {"accepted": 3}

    with_replica(tmp_path, life)


def test_a_newer_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    State.open(path, ImmediateWriter()).close()
    change(path, "PRAGMA user_version = 99")
    with pytest.raises(StoreTooNewError, match="99"):
        State.open(path, ImmediateWriter())
    assert saved(path, "PRAGMA user_version") == [(99,)]


def test_a_state_that_can_not_be_written_at_the_start_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = State.open(path, ImmediateWriter())
    try:
        state._connection.pragma("query_only", True)
        history = History(state.reader, None)  # type: ignore[arg-type]  # nothing is asked of it
        with pytest.raises(LogUnavailableError, match=r"state\.db"):
            state.attach(history, Generation("00000000"), {})
    finally:
        state.close()


def test_a_redacted_event_is_passed_over_when_the_log_is_read_again(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        for product in (1, 2, 3):
            await view(replica, product)
        for partition, end in (await replica.log.ends(Stream.EVENTS)).items():
            await replica.log.redact(Stream.EVENTS, [end], partition=partition)
        await replica.live_through(("rebuild", 0))
        assert await ids(replica) == [2, 1]

    with_replica(tmp_path, life)


def test_the_runs_of_days_beyond_the_window_are_emptied_and_dropped(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        replica.warm_up()

        async def send(day: int) -> None:
            at = Milliseconds(day * DAY_MS)
            await replica.append(make_event(uuid="u1", event_id=EventId(f"day-{day}"), received_at=at))
            await replica.tails.merge()

        for day in range(10, 20):
            await send(day)
        for _ in range(3):
            await send(19)
        days = saved(replica.path, "SELECT DISTINCT label FROM event_ids_runs ORDER BY label")
        assert days == [(day,) for day in range(19 - EVENT_IDS_DAYS, 20)]
        assert saved(replica.path, "SELECT count(DISTINCT substr(row, 1, 16)) FROM event_ids") == [(EVENT_IDS_DAYS + 1,)]

    with_replica(tmp_path, life)


def test_a_drop_is_repeated_without_harm_and_seen_by_no_look_up(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        async def send(day: int) -> None:
            at = Milliseconds(day * DAY_MS)
            await replica.append(make_event(uuid="u1", event_id=EventId(f"day-{day}"), received_at=at))

        await send(10)
        await replica.tails.merge()
        await send(19)
        await replica.tails.merge()
        await send(20)
        assert replica.event_ids.freeze()
        for piece in replica.event_ids.slices():
            replica.state._run(piece)
        assert saved(replica.path, "SELECT state FROM event_ids_runs WHERE label = 10") == [("dead",)]
        for piece in replica.event_ids.slices():
            replica.state._run(piece)
        replica.event_ids.thaw()
        assert replica.event_ids.places(SHOP, "day-10") == []
        assert replica.event_ids.find(event_digest(SHOP, "u1", "day-20"), Milliseconds(20 * DAY_MS)) is not None

    with_replica(tmp_path, life)


def test_a_clock_that_once_jumped_ahead_does_not_have_later_ids_forgotten(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        for number, day in enumerate((10, 40_000, 10)):
            at = Milliseconds(day * DAY_MS)
            await replica.append(make_event(uuid="u1", event_id=EventId(f"id-{number}"), received_at=at))
        for _ in range(3):
            replica.close()
            await replica.open()
            await replica.tails.merge()
        for number in (0, 2):
            digest = event_digest(SHOP, "u1", f"id-{number}")
            assert replica.event_ids.find(digest, Milliseconds(11 * DAY_MS)) is not None

    with_replica(tmp_path, life)


def test_the_first_of_two_events_with_one_id_holds_before_and_after_the_merge(tmp_path: Path) -> None:
    async def life(replica: Replica) -> None:
        digest = event_digest(SHOP, "u1", "id-1")
        event = make_event(uuid="u1", event_id=EventId("id-1"))
        ((partition, first),) = await replica.append(event)
        assert await replica.fail_to_merge(0)
        await replica.log.append(Stream.EVENTS, [Record("1:u1", encode_event(event), event)])
        for _ in range(2):
            assert replica.event_ids.find(digest, Milliseconds(1_000)) == (partition, first)
            await replica.tails.merge()

    with_replica(tmp_path, life)

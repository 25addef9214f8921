"""What only a log on a disk can promise: records outlive the process, redaction reaches the bytes, failures are told."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from footfall.errors import LogUnavailableError, StoreDamagedError, StoreTooNewError
from footfall.identifiers import Position
from footfall.limits import LOG_BLOCK_POSITIONS
from footfall.log import schema
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Follower, Lane, Record, Stream
from footfall.log.writer import Writer
from tests.simulation.disk import Disk
from tests.support import run


@asynccontextmanager
async def opened(
    folder: Path, *followers: Follower, vfs: str | None = None, writer: Writer | None = None
) -> AsyncIterator[EmbeddedLog]:
    writer = writer or Writer()
    try:
        log = EmbeddedLog.open(folder / "log.db", writer, followers=followers, vfs=vfs)
    except BaseException:
        writer.stop()
        raise
    try:
        yield log
    finally:
        await asyncio.to_thread(writer.stop)
        log.close()


def record(number: int, size: int = 0) -> Record:
    return Record("visitor", b'{"number":%d,"filling":"%s"}' % (number, b"x" * size))


def rows(folder: Path, sql: str) -> list[Any]:
    connection = apsw.Connection(str(folder / "log.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.name in ("log.db", "log.db-wal"))


def test_records_positions_and_generation_outlive_the_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            generation = log.generation
            places = await log.append(Stream.EVENTS, [record(n) for n in range(5)])
        async with opened(tmp_path) as log:
            assert log.generation == generation
            assert await log.ends(Stream.EVENTS) == {0: places[-1][1]}
            assert [e.value for e in await log.read(Stream.EVENTS, 0, Position(1), 10)] == [record(n).value for n in range(5)]

    run(scenario())


def test_the_position_of_a_redacted_newest_record_is_not_reused_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            ((_, newest),) = await log.append(Stream.EVENTS, [record(1)])
            await log.redact(Stream.EVENTS, [newest])
        async with opened(tmp_path) as log:
            ((_, later),) = await log.append(Stream.EVENTS, [record(2)])
            assert later > newest

    run(scenario())


def test_positions_of_a_block_that_became_a_gap_are_not_reused_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            for first in range(0, LOG_BLOCK_POSITIONS, 1_000):
                await log.append(Stream.EVENTS, [record(first + n) for n in range(1_000)])
            wanted = [Position(n) for n in range(1, LOG_BLOCK_POSITIONS + 1)]
            assert await log.redact(Stream.EVENTS, wanted) == LOG_BLOCK_POSITIONS
        async with opened(tmp_path) as log:
            ((_, later),) = await log.append(Stream.EVENTS, [record(-1)])
            assert later == LOG_BLOCK_POSITIONS + 1
            # A read steps over the gap.
            assert [entry.position for entry in await log.read(Stream.EVENTS, 0, Position(1), 5)] == [later]
        assert rows(tmp_path, "SELECT stream, first, last FROM gaps") == [("events", 1, LOG_BLOCK_POSITIONS)]
        assert rows(tmp_path, "SELECT * FROM blocks") == []

    run(scenario())


@pytest.mark.parametrize("size", [0, 20_000])
def test_a_redacted_value_is_found_in_no_byte_of_the_files(tmp_path: Path, size: int) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            secret = Record("visitor", b'{"uuid":"to-be-forgotten","filling":"%s"}' % (b"forget me " * (size // 10)))
            await log.append(Stream.EVENTS, [record(n) for n in range(100)])
            ((_, position),) = await log.append(Stream.EVENTS, [secret])
            await log.append(Stream.EVENTS, [record(n) for n in range(100)])
            assert b"to-be-forgotten" in bytes_on_disk(tmp_path)
            await log.redact(Stream.EVENTS, [position])
            assert b"to-be-forgotten" not in bytes_on_disk(tmp_path)
            assert b"forget me" not in bytes_on_disk(tmp_path)

    run(scenario())


def test_what_a_reader_kept_in_the_write_ahead_log_is_cleared_at_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.log.embedded._CLEARING_PAUSES_SECONDS", (0.0,))

    async def scenario() -> None:
        writer = Writer()
        async with opened(tmp_path, writer=writer) as log:
            ((_, position),) = await log.append(Stream.EVENTS, [Record("visitor", b'{"uuid":"to-be-forgotten"}')])
            reader = apsw.Connection(str(tmp_path / "log.db"), flags=apsw.SQLITE_OPEN_READONLY)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchall()
            assert await log.redact(Stream.EVENTS, [position]) == 1
            assert b"to-be-forgotten" in bytes_on_disk(tmp_path)
            reader.close()
            await log.append(Stream.EVENTS, [record(1)])
            # In the lane of the clearing, behind it.
            await writer.run(lambda: None, Lane.UPKEEP)
            assert b"to-be-forgotten" not in bytes_on_disk(tmp_path)

    run(scenario())


def test_a_complete_block_has_a_count_and_a_checksum_that_a_redaction_renews(tmp_path: Path) -> None:
    async def scenario() -> None:
        sent = [record(n) for n in range(LOG_BLOCK_POSITIONS + 10)]
        async with opened(tmp_path) as log:
            for first in range(0, len(sent), 997):
                await log.append(Stream.EVENTS, sent[first : first + 997])
            values = [r.value for r in sent[:LOG_BLOCK_POSITIONS]]
            assert rows(tmp_path, "SELECT * FROM blocks") == [("events", 0, LOG_BLOCK_POSITIONS, schema.checksum(values))]
            await log.redact(Stream.EVENTS, [Position(5), Position(7_000)])
            values[4] = values[6_999] = b""
            assert rows(tmp_path, "SELECT * FROM blocks") == [("events", 0, LOG_BLOCK_POSITIONS, schema.checksum(values))]

    run(scenario())


def test_a_block_is_sealed_rightly_after_a_restart_and_a_redaction_within_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        sent = [record(n) for n in range(LOG_BLOCK_POSITIONS)]
        async with opened(tmp_path) as log:
            await log.append(Stream.EVENTS, sent[:4_000])
            await log.redact(Stream.EVENTS, [Position(17)])
            await log.append(Stream.EVENTS, sent[4_000:8_000])
        async with opened(tmp_path) as log:
            await log.append(Stream.EVENTS, sent[8_000:])
        values = [r.value for r in sent]
        values[16] = b""
        assert rows(tmp_path, "SELECT * FROM blocks") == [("events", 0, LOG_BLOCK_POSITIONS, schema.checksum(values))]

    run(scenario())


def test_a_chunk_of_an_import_waits_behind_live_groups(tmp_path: Path) -> None:
    async def scenario() -> None:
        order: list[Any] = []
        writer = Writer()
        held, go = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            go.wait(30)

        async with opened(tmp_path, lambda group: order.append(group.records[0].decoded), writer=writer) as log:
            writer.post(hold, Lane.LIVE)
            held.wait(30)
            appends = [
                asyncio.ensure_future(log.append(Stream.EVENTS, [Record("k", b"{}", lane)], lane=lane))
                for lane in (Lane.UPKEEP, Lane.IMPORT, Lane.LIVE)
            ]
            await asyncio.sleep(0)
            go.set()
            await asyncio.gather(*appends)
        assert order == [Lane.LIVE, Lane.IMPORT, Lane.UPKEEP]

    run(scenario())


def test_a_full_disk_refuses_appends_and_recovers_without_losing_or_doubling_anything(tmp_path: Path) -> None:
    disk = Disk(random.Random(1))

    async def scenario() -> None:
        async with opened(tmp_path, vfs=disk.name) as log:
            first = await log.append(Stream.EVENTS, [record(1)])
            disk.full = True
            outcomes = await asyncio.gather(
                *(log.append(Stream.EVENTS, [record(n)] * 40) for n in range(5)), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes] == [LogUnavailableError] * 5
            with pytest.raises(LogUnavailableError):
                await log.probe()
            with pytest.raises(LogUnavailableError):
                await log.redact(Stream.EVENTS, [Position(1)])
            assert await log.ends(Stream.EVENTS) == {0: first[0][1]}
            disk.full = False
            await log.probe()
            second = await log.append(Stream.EVENTS, [record(2)])
            assert second[0][1] == first[0][1] + 1
            assert [e.value for e in await log.read(Stream.EVENTS, 0, Position(1), 10)] == [record(1).value, record(2).value]

    run(scenario())
    disk.unregister()


def test_blocks_stay_right_when_groups_fail_between_others(tmp_path: Path) -> None:
    disk = Disk(random.Random(1))
    sent = [record(n) for n in range(LOG_BLOCK_POSITIONS)]

    async def scenario() -> None:
        async with opened(tmp_path, vfs=disk.name) as log:
            for first in range(0, LOG_BLOCK_POSITIONS, 2_500):
                disk.full = True
                with pytest.raises(LogUnavailableError):
                    await log.append(Stream.EVENTS, sent[first : first + 2_500])
                disk.full = False
                await log.append(Stream.EVENTS, sent[first : first + 2_500])

    run(scenario())
    disk.unregister()
    expected = schema.checksum(r.value for r in sent)
    assert rows(tmp_path, "SELECT * FROM blocks") == [("events", 0, LOG_BLOCK_POSITIONS, expected)]


def test_a_redaction_while_another_program_holds_the_write_lock_says_that_it_can_not_be_done_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.log.sqlite.BUSY_MILLISECONDS", 1)

    async def scenario() -> None:
        async with opened(tmp_path) as log:
            await log.append(Stream.EVENTS, [record(1)])
            other = apsw.Connection(str(tmp_path / "log.db"))
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogUnavailableError):
                await log.redact(Stream.EVENTS, [Position(1)])
            other.execute("ROLLBACK")
            other.close()
            assert await log.redact(Stream.EVENTS, [Position(1)]) == 1

    run(scenario())


def test_a_follower_that_fails_costs_the_acknowledgement_and_no_later_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        broken = [True]

        def follow(_group: object) -> None:
            if broken:
                broken.clear()
                raise ValueError("a projection is wrong")

        async with opened(tmp_path, follow) as log:
            with pytest.raises(ValueError, match="a projection is wrong"):
                await log.append(Stream.EVENTS, [record(1)])
            assert len(await log.append(Stream.EVENTS, [record(2)])) == 1

    run(scenario())


def _refused(folder: Path, error: type[Exception]) -> str:
    async def scenario() -> None:
        async with opened(folder):
            pass

    with pytest.raises(error) as refused:
        run(scenario())
    return str(refused.value)


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "log.db"))
    connection.execute("CREATE TABLE later (x); PRAGMA user_version = 99")
    connection.close()
    message = _refused(tmp_path, StoreTooNewError)
    assert "99" in message
    assert rows(tmp_path, "SELECT name FROM sqlite_schema") == [("later",)]


def test_an_older_store_is_migrated_keeps_its_records_and_becomes_a_new_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before() -> str:
        async with opened(tmp_path) as log:
            await log.append(Stream.EVENTS, [record(1)])
            return log.generation

    async def after() -> str:
        async with opened(tmp_path) as log:
            assert [entry.value for entry in await log.read(Stream.EVENTS, 0, Position(1), 5)] == [record(1).value]
            return log.generation

    def later(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE later (x)")

    old = run(before())
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, later))
    new = run(after())
    assert old != new
    assert rows(tmp_path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
    assert run(after()) == new


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> str:
        async with opened(tmp_path) as log:
            return log.generation

    def broken(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE later (x)")
        raise apsw.FullError("there is no room")

    generation = run(scenario())
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
        _refused(tmp_path, LogUnavailableError)
    assert run(scenario()) == generation


def test_a_file_of_something_else_is_refused_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(random.Random(1).randbytes(50_000))
    assert "footfall verify" in _refused(tmp_path, StoreDamagedError)


def test_a_database_without_our_tables_is_refused_as_damaged(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "log.db"))
    connection.execute("CREATE TABLE other (x); PRAGMA user_version = 1")
    connection.close()
    _refused(tmp_path, StoreDamagedError)


def test_a_log_without_a_generation_is_refused_as_damaged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path):
            pass

    run(scenario())
    connection = apsw.Connection(str(tmp_path / "log.db"))
    connection.execute("DELETE FROM meta")
    connection.close()
    _refused(tmp_path, StoreDamagedError)


def test_a_directory_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    assert "log.db" in _refused(tmp_path / "missing", LogUnavailableError)


def test_an_append_that_nobody_waits_for_any_more_is_stored_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            waiting = asyncio.ensure_future(log.append(Stream.EVENTS, [record(1)]))
            await asyncio.sleep(0)
            waiting.cancel()
            places: Sequence[Any] = await log.append(Stream.EVENTS, [record(2)])
            assert places[0][1] == 2
            assert len(await log.read(Stream.EVENTS, 0, Position(1), 10)) == 2

    run(scenario())


def test_a_reader_beside_it_sees_what_was_acknowledged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as log:
            await log.append(Stream.EVENTS, [record(n) for n in range(3)])
            count = partial(rows, tmp_path, "SELECT count(*) FROM events")
            assert await asyncio.to_thread(count) == [(3,)]

    run(scenario())

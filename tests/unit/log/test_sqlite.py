"""SQLite as Footfall opens it."""

from pathlib import Path

import apsw
import pytest

from footfall.errors import EngineTooOldError, LogUnavailableError, StoreTooNewError
from footfall.log import sqlite
from footfall.log.blocks import block_bounds, block_of
from footfall.log.port import Span
from footfall.log.schema import checksum


def test_a_writer_syncs_every_commit_deletes_securely_and_leaves_checkpoints_to_its_owner(tmp_path: Path) -> None:
    connection = sqlite.open_writer(tmp_path / "x.db", synchronous="FULL", cache_bytes=1024)
    settings = {name: connection.pragma(name) for name in ("journal_mode", "synchronous", "secure_delete")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    assert connection.pragma("wal_autocheckpoint") == 0
    connection.close()


def test_a_reader_can_not_write(tmp_path: Path) -> None:
    writer = sqlite.open_writer(tmp_path / "x.db", synchronous="FULL", cache_bytes=1024)
    writer.execute("CREATE TABLE t (x)")
    reader = sqlite.open_reader(tmp_path / "x.db", cache_bytes=1024)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.close()
    writer.close()


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailableError):
        sqlite.open_reader(tmp_path / "x.db", cache_bytes=1024)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_can_corrupt_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "SQLITE_VERSION_NUMBER", 3_051_002)
    with pytest.raises(EngineTooOldError):
        sqlite.open_writer(tmp_path / "x.db", synchronous="FULL", cache_bytes=1024)


def test_migrations_run_once_each_and_a_version_beyond_them_is_refused(tmp_path: Path) -> None:
    steps = [lambda c, n=n: c.execute(f"CREATE TABLE t{n} (x)") for n in range(3)]
    path = tmp_path / "x.db"
    connection = sqlite.open_writer(path, synchronous="FULL", cache_bytes=1024)
    assert sqlite.migrate(connection, path, steps[:1]) == 0
    assert sqlite.migrate(connection, path, steps) == 1
    assert sqlite.migrate(connection, path, steps) == 3
    with pytest.raises(StoreTooNewError, match="schema version 3"):
        sqlite.migrate(connection, path, steps[:2])
    connection.close()


def test_a_checksum_goes_on_where_it_stopped_and_knows_where_records_end() -> None:
    assert checksum([b"c"], checksum([b"a", b"b"])) == checksum([b"a", b"b", b"c"])
    assert checksum([b"ab", b"c"]) != checksum([b"a", b"bc"])


def test_blocks_and_their_bounds_agree() -> None:
    for block in (0, 1, 7):
        first, last = block_bounds(block)
        assert (block_of(first), block_of(last)) == (block, block)
        assert block_bounds(block + 1)[0] == last + 1


def test_a_span_is_the_list_that_it_stands_for() -> None:
    places = [(0, 5), (0, 6), (0, 7)]
    span = Span(0, places[0][1], 3)  # type: ignore[arg-type]  # a position
    assert list(span) == places
    assert (len(span), span[0], span[-1], span[1:]) == (3, places[0], places[-1], places[1:])
    with pytest.raises(IndexError):
        span[3]

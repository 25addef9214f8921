"""The engine as Footfall opens it."""

from pathlib import Path

import duckdb
import pytest

from footfall.projections.analytics.engine import is_damage, open_file, rows


def test_a_join_of_a_table_with_itself_that_stands_twice_in_a_statement_keeps_its_sides(tmp_path: Path) -> None:
    connection = open_file(tmp_path / "1.duckdb", memory_bytes=2**28, spill=tmp_path / "spill")
    try:
        connection.execute("CREATE TABLE names (number UINTEGER, name VARCHAR, product UINTEGER)")
        connection.execute("INSERT INTO names VALUES (1, 'a', 1), (2, 'b', 2), (3, 'another a', 1)")
        joined = "FROM names n JOIN names p ON p.number = n.product"
        found = rows(
            connection,
            f"""WITH e AS (SELECT i, (SELECT list(p.name ORDER BY n.number) {joined})[i] AS product FROM range(1, 4) t(i))
            SELECT i, product FROM e WHERE product IN (SELECT name FROM (SELECT DISTINCT p.number, p.name {joined}))
            ORDER BY i""",
        )
        assert found == [(1, "a"), (2, "b"), (3, "a")]
    finally:
        connection.close()


def test_a_block_that_went_bad_after_the_file_was_opened_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "1.duckdb"
    made = open_file(path, memory_bytes=2**28, spill=tmp_path / "spill")
    made.execute("CREATE TABLE t AS SELECT hash(range) AS a, hash(range * 3) AS b FROM range(300000)")
    made.close()
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 64):
        content[place] ^= 1
    path.write_bytes(content)
    opened = open_file(path, memory_bytes=2**28, spill=tmp_path / "spill")
    try:
        with pytest.raises(duckdb.Error) as failure:
            rows(opened, "SELECT sum(a), sum(b) FROM t")
        assert is_damage(failure.value)
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("failure", "damaged"),
    [
        (duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2 in block"), True),
        (duckdb.IOException("Could not read enough bytes of block 7"), True),
        (duckdb.IOException('Could not set lock on file "1.duckdb"'), False),
        (duckdb.IOException("Could not write file: No space left on device"), False),
        (duckdb.InvalidInputException("Corrupt database file"), False),
        (duckdb.Error("something else"), False),
    ],
)
def test_a_file_is_damaged_by_what_the_engine_says_of_it_and_not_by_a_full_disk_or_a_statement(
    failure: duckdb.Error, damaged: bool
) -> None:
    assert is_damage(failure) is damaged

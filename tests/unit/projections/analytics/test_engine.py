"""The engine as Footfall opens it."""

from pathlib import Path

from footfall.projections.analytics.engine import open_file, rows


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

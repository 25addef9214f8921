"""SQL from outside: exactly one SELECT, that names the documented views and no other source.

The engine's own parser decides what a statement is; what it may name is decided on the parsed tree. The connection cannot read
files or change settings either (``engine``), and the transaction is read-only: each of the three alone would be enough.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import msgspec

from footfall.errors import InputInvalidError
from footfall.limits import SQL_CHARACTERS_MAX
from footfall.projections.analytics.engine import Connection, rows
from footfall.projections.analytics.schema import PUBLIC_VIEWS

TABLE_FUNCTIONS: Final = ("range", "generate_series", "unnest")
"""Functions that may stand where a table does."""

DESCRIBE: Final = "DESCRIBE "
_SAID_CHARACTERS_MAX: Final = 2_000

_REFUSED: Final = frozenset(
    {"query", "query_table", "getvariable", "current_setting", "pg_read_file", "read_text", "read_blob", "nextval", "currval",
     "getenv", "add_parquet_key", "write_log", "parse_duckdb_log_message", "json_execute_serialized_sql"}
)  # fmt: skip
"""Functions that answer what is not in the views, or run what the parser has not seen."""


def require_select(connection: Connection, statement: str) -> str:
    """The statement, without what ends it. Raises ``InputInvalidError`` for anything but one SELECT over the views."""
    text = statement.strip()
    if not text:
        raise InputInvalidError("There is no statement: send one SELECT, such as select count(*) from events.")
    if len(text) > SQL_CHARACTERS_MAX:
        raise InputInvalidError(f"A statement has at most {SQL_CHARACTERS_MAX} characters.")
    try:
        found = connection.extract_statements(text)
    except duckdb.Error as failure:
        raise InputInvalidError(said(failure)) from failure
    if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
        raise InputInvalidError("Exactly one statement is taken, and it must be a SELECT: this can only read.")
    serialized = rows(connection, "SELECT json_serialize_sql(?::VARCHAR)", [text])[0][0]
    try:
        return _checked(msgspec.json.decode(serialized), found[0])
    except RecursionError as failure:
        raise InputInvalidError("The statement is nested too deeply.") from failure


def _checked(tree: Any, found: duckdb.Statement) -> str:
    if tree.get("error"):
        # What is one SELECT by its type and can't be serialized, such as PRAGMA or SHOW in its clothes.
        raise InputInvalidError(f"Only a SELECT is taken: {tree.get('error_message', 'this is none')}.")
    if len(tree["statements"]) != 1:
        raise InputInvalidError("Exactly one statement is taken.")
    _check(tree["statements"][0]["node"])
    return found.query.strip().rstrip(";").strip()


def _check(tree: Any) -> None:
    for node, names in _walk(tree, frozenset()):
        kind = node.get("type")
        if kind == "BASE_TABLE":
            name = str(node.get("table_name", ""))
            qualified = node.get("schema_name") or node.get("catalog_name") or len(_path(node)) > 1
            if qualified or name.lower() not in names | set(PUBLIC_VIEWS):
                shown = ".".join(_path(node)) or name
                raise InputInvalidError(f"There is no view {shown[:80]!r}. Views: {', '.join(PUBLIC_VIEWS)}.")
        elif kind == "TABLE_FUNCTION":
            function = node.get("function") or {}
            if str(function.get("function_name", "")).lower() not in TABLE_FUNCTIONS:
                raise InputInvalidError(
                    f"The function {str(function.get('function_name'))[:60]!r} can't stand where a table does. These can:"
                    f" {', '.join(TABLE_FUNCTIONS)}."
                )
        elif kind == "SHOW_REF":
            raise InputInvalidError("Only a SELECT over the views is taken; `docs/reference/sql` describes their columns.")
        elif node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in _REFUSED:
            raise InputInvalidError(f"The function {node['function_name']!r} is not taken here.")


def _path(node: dict[str, Any]) -> list[str]:
    qualified = node.get("qualified_name") or {}
    return [str(part) for part in qualified.get("path") or [] if part]


def _walk(tree: Any, names: frozenset[str]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every node, with the names that mean a query there: those of CTEs around it and before it."""
    if isinstance(tree, list):
        for one in tree:
            yield from _walk(one, names)
    elif isinstance(tree, dict):
        inner = dict(tree)
        ctes = inner.pop("cte_map", None)
        for entry in ctes.get("map", []) if isinstance(ctes, dict) else []:
            # A query knows its own name only where it is recursive: else it would mean what the engine has of that name.
            yield from _walk(entry.get("value"), names)
            names |= {str(entry.get("key", "")).lower()}
        if tree.get("type") == "RECURSIVE_CTE_NODE":
            names |= {str(tree.get("cte_name", "")).lower()}
        yield tree, names
        for value in inner.values():
            yield from _walk(value, names)


def said(failure: duckdb.Error) -> str:
    """What the engine says of a statement, pointing at its place in what was asked."""
    text = str(failure).strip().replace("\n\n", "\n")
    # The statement was described before it was run: the mark below the line stands as far to the right.
    text = re.sub(rf"LINE 1: {DESCRIBE}(.*)\n {{{len(DESCRIBE)}}}", r"LINE 1: \1\n", text)
    return text[:_SAID_CHARACTERS_MAX]

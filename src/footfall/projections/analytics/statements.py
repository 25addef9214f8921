"""SQL from outside: exactly one SELECT, that names the documented views and no other source.

The engine's own parser decides what a statement is; what it may name is decided on the parsed tree. The connection cannot read
files or change settings either (``engine``), and the transaction is read-only: what one lets pass, the next stops.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import msgspec

from footfall.errors import InputInvalidError
from footfall.limits import SQL_CHARACTERS_MAX, SQL_NAME_PARTS_MAX, SQL_TABLES_MAX
from footfall.projections.analytics.engine import Connection, rows
from footfall.projections.analytics.schema import PUBLIC_VIEWS

TABLE_FUNCTIONS: Final = ("range", "generate_series", "unnest")
"""Functions that may stand where a table does."""

DESCRIBE: Final = "DESCRIBE "
_SAID_CHARACTERS_MAX: Final = 2_000

_REFUSED: Final = frozenset(
    {"query", "query_table", "getvariable", "nextval", "currval", "setval", "getenv", "add_parquet_key", "write_log",
     "parse_duckdb_log_message", "col_description", "obj_description", "shobj_description", "index_key", "in_search_path",
     "version", "user", "session_user", "sleep_ms", "setseed", "icu_sort_key", "stats", "get_block_size"}
)  # fmt: skip
_REFUSED_BEGINNINGS: Final = (
    *("json_serialize_", "json_deserialize_", "json_execute_", "read_", "pg_", "has_", "inet_", "txid_", "__internal"),
    *("current_set", "current_que", "current_con", "current_tra", "current_database", "current_cat", "current_sch"),
    *("current_rol", "current_use"),
)
_TAKEN: Final = frozenset({"pg_typeof", "pg_size_pretty"})
"""Functions that answer what is not in the views, run what the parser has not seen, or do nothing for long: by name and by
beginnings, of which a few are taken all the same."""


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
    return _without_end(found.query)


def _without_end(statement: str) -> str:
    """A statement without the semicolons that end it, which a remark may follow."""
    text = statement.encode()
    for offset, kind in reversed(duckdb.tokenize(statement)):
        if kind == duckdb.token_type.comment:
            continue
        if text[offset : offset + 1] != b";":
            break
        text = text[:offset] + b" " + text[offset + 1 :]
    return text.decode().strip()


def _check(tree: Any) -> None:
    tables = 0
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
            raise InputInvalidError(
                "Only a SELECT over the views is taken: `select * from events limit 0` shows the columns of one."
            )
        elif "function_name" in node and _is_refused(str(node["function_name"]).lower()):
            raise InputInvalidError(f"The function {str(node['function_name'])[:60]!r} is not taken here.")
        # Of very many of either the engine makes a plan for minutes, and hears nothing meanwhile.
        elif kind == "COLUMN_REF" and len(node.get("column_names") or ()) > SQL_NAME_PARTS_MAX:
            raise InputInvalidError(f"A name has at most {SQL_NAME_PARTS_MAX} parts.")
        tables += kind in ("BASE_TABLE", "TABLE_FUNCTION")
        if tables > SQL_TABLES_MAX:
            raise InputInvalidError(f"A statement names at most {SQL_TABLES_MAX} tables.")


def _is_refused(name: str) -> bool:
    return name in _REFUSED or (name.startswith(_REFUSED_BEGINNINGS) and name not in _TAKEN)


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
        yield tree, names
        # Of a recursive query only the step knows its name: where it begins, the name means what the engine has of it.
        own = {str(tree.get("cte_name", "")).lower()} if tree.get("type") == "RECURSIVE_CTE_NODE" else set()
        for key, value in inner.items():
            yield from _walk(value, names | own if key == "right" else names)


def said(failure: duckdb.Error, *, line: int = 1) -> str:
    """What the engine says of a statement, pointing at its place in what was asked, which began in this line."""
    text = str(failure).strip().replace("\n\n", "\n")
    text = re.sub(r"^LINE (\d+):", lambda found: f"LINE {max(1, int(found[1]) - line + 1)}:", text, flags=re.MULTILINE)
    # The statement was described before it was run: the mark below the line stands as far to the right.
    text = re.sub(rf"LINE 1: {DESCRIBE}(.*)\n {{{len(DESCRIBE)}}}", r"LINE 1: \1\n", text)
    return text[:_SAID_CHARACTERS_MAX]

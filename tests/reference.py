"""Writes the generated parts of ``docs/reference`` from the code: ``python -m tests.reference``. A test checks both agree.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- /generated -->``; the rest is written by hand.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click

from footfall import limits
from footfall.api import reference_page
from footfall.api.openapi import document
from footfall.api.openapi_report_schemas import REPORT_SCHEMAS, SCHEMA_OF
from footfall.api.openapi_reports import PARAMETERS, taken_by
from footfall.cli.main import footfall
from footfall.config import Config
from footfall.projections.analytics.asking import REPORTS
from footfall.projections.analytics.reports.reconciliation import CAUSES

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "docs" / "reference"
_PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_WIDTH: Final = 100


def renewed(text: str) -> str:
    """A page with its generated parts made anew. Raises ``KeyError`` for a part that nobody makes."""
    return _PART.sub(lambda part: f"{part[1]}{_PARTS[part[2]]()}\n{part[3]}", text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def bounds() -> dict[str, tuple[str, int, str]]:
    """Every bound of ``limits.py``: name → what it belongs to, its value, and its reason."""
    source = Path(limits.__file__).read_text(encoding="utf-8")
    headings = {
        number: line[6:].rstrip("- ") for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ---")
    }
    body = ast.parse(source).body
    found = {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            told = after.value if isinstance(after, ast.Expr) else None
            assert isinstance(told, ast.Constant), f"{statement.target.id} has no reason"
            heading = headings[max((number for number in headings if number < statement.lineno), default=min(headings))]
            reason = " ".join(str(told.value).replace("``", "`").split())
            found[statement.target.id] = (heading, getattr(limits, statement.target.id), reason)
    return found


def _limits() -> str:
    parts = []
    for heading in dict.fromkeys(of for of, _, _ in bounds().values()):
        rows = [(f"`{name}`", f"{value:,}", reason) for name, (of, value, reason) in bounds().items() if of == heading]
        parts.append(f"## {heading.capitalize()}\n\n" + _table(("name", "value", "what, and why"), rows))
    return "\n\n".join(parts)


def _settings() -> str:
    rows = []
    for field in fields(Config):
        flag = f"`--{field.name.replace('_', '-')}`" if field.name in _serve_flags() else ""
        in_file = "" if field.name == "data" else f"`{field.name}`"
        rows.append(
            (f"`FOOTFALL_{field.name.upper()}`", flag, in_file, "none" if field.default is None else f"`{field.default}`")
        )
    return _table(("environment", "flag of `serve`", "in `footfall.toml`", "default"), rows)


def _serve_flags() -> set[str]:
    serve = footfall.get_command(click.Context(footfall), "serve")
    assert serve is not None
    return {str(parameter.name) for parameter in serve.params}


def _rows(schema: str) -> Callable[[], str]:
    def made() -> str:
        rows = [
            (", ".join(f"`{name}`" for name in [row.name, *row.also.split(", ")] if name), row.shape, _plain(row.description))
            for row in reference_page.rows(document(), schema)
        ]
        return _table(("name", "type", "meaning"), rows)

    return made


def _figures(report: str) -> Callable[[], str]:
    """What a report answers: its own figures, and those of the rows in it."""

    def made() -> str:
        whole = REPORT_SCHEMAS[SCHEMA_OF[report]]
        if "items" in whole:
            return _described("of each row", _named(whole["items"]))
        inner: dict[str, list[str]] = {}
        for name, schema in whole["properties"].items():
            if "$ref" in schema.get("items", {}):
                inner.setdefault(_named(schema["items"]), []).append(f"`{name}`")
        tables = [_described(f"of {' and '.join(names)}", schema) for schema, names in inner.items()]
        return "\n\n".join([_described("figure", SCHEMA_OF[report]), *tables])

    return made


def _named(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def _described(head: str, schema: str) -> str:
    rows = [(f"`{row.name}`", _plain(row.description)) for row in reference_page.rows(document(), schema)]
    return _table((head, "what"), rows)


def _report_parameters() -> str:
    rows = []
    for name, (schema, example, about) in PARAMETERS.items():
        of = taken_by(name)
        rows.append(
            (
                f"`{name}`",
                ", ".join(f"`{value}`" for value in schema.get("enum", [f"{example}"])),
                about,
                "all" if len(of) == len(REPORTS) else ", ".join(of),
            )
        )
    return _table(("parameter", "such as", "what", "of"), rows)


def _causes() -> str:
    return _table(
        ("cause", "the order, or what it differs by:"), [(f"`{cause}`", meaning) for cause, meaning in CAUSES.items()]
    )


def _plain(marked_up: Any) -> str:
    return str(marked_up.replace("<code>", "`").replace("</code>", "`").unescape())


def _vocabulary() -> str:
    return _table(("subject", "noun", "verbs"), [(f"`{s}`", f"`{n}`", verbs) for s, n, verbs in reference_page.vocabulary()])


def _routes() -> str:
    rows = [
        (f"`{operation.method}`", f"`{operation.path}`", operation.summary + (" (deprecated)" if operation.deprecated else ""))
        for group in reference_page.groups(document())
        for operation in group.operations
    ]
    return _table(("method", "path", "what"), rows)


def commands(group: click.Group = footfall, name: str = "footfall") -> dict[str, click.Command]:
    """Every command and its subcommands, by the line that calls it."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for short in group.list_commands(context):
        command = group.get_command(context, short)
        assert command is not None
        found[f"{name} {short}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{name} {short}")
    return found


def _command_line() -> str:
    parts = []
    for line, command in commands().items():
        # Inherited from the group when a command is called; click keeps what it made of it the first time.
        names = footfall.context_settings["help_option_names"]
        context = click.Context(
            command, info_name=line, max_content_width=_WIDTH, terminal_width=_WIDTH, help_option_names=names
        )
        text = "\n".join(row.rstrip() for row in command.get_help(context).splitlines())
        parts.append(f"## {line}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


_PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "limits": _limits,
    "settings": _settings,
    "fields": _rows("Event"),
    "receipt": _rows("Receipt"),
    "product": _rows("Product"),
    "vocabulary": _vocabulary,
    "routes": _routes,
    "command_line": _command_line,
    "report_parameters": _report_parameters,
    "causes": _causes,
    **{f"report_{report.replace('-', '_')}": _figures(report) for report in REPORTS},
}


if __name__ == "__main__":
    for page in sorted(FOLDER.glob("*.md")):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")

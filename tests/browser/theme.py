"""The theme's files as Shopify renders them: as much of Liquid as they use, and a failing test for anything else."""

import html
import json
import re
from typing import Any

from footfall.sdk_files import folder

_PART = re.compile(r"\{%-?\s*(.*?)\s*-?%\}|\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_SCHEMA = re.compile(r"\{% schema %\}(.*)\{% endschema %\}", re.DOTALL)
_COMMENT = re.compile(r"\{%-? comment -?%\}.*?\{%-? endcomment -?%\}", re.DOTALL)


def source(name: str) -> str:
    """A theme's file as a shop pastes it."""
    return (folder() / "shopify" / name).read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """What a section tells the theme editor of itself."""
    (text,) = _SCHEMA.findall(source(name))
    read: dict[str, Any] = json.loads(text)
    return read


def rendered(name: str, **objects: Any) -> str:
    """The HTML of a file for these objects."""
    text = _SCHEMA.sub("", _COMMENT.sub("", source(name)))
    out: list[str] = []
    shown = [True]
    end = 0
    for part in _PART.finditer(text):
        out.append(text[end : part.start()] if all(shown) else "")
        end = part.end()
        tag, output = part.groups()
        if output is not None:
            out.append(_output(output, objects) if all(shown) else "")
        elif condition := re.fullmatch(r"if ([\w.]+) != blank", tag):
            shown.append(_value(condition[1], objects) not in (None, ""))
        elif tag == "else":
            shown[-1] = not shown[-1]
        elif tag == "endif":
            shown.pop()
        else:
            raise AssertionError(f"{name} has a tag that is not known here: {tag}")
    assert shown == [True], f"{name} leaves an if open"
    return "".join([*out, text[end:]])


def _output(expression: str, objects: dict[str, Any]) -> str:
    path, *filters = (word.strip() for word in expression.split("|"))
    assert filters in ([], ["escape"]), expression
    value = _value(path, objects)
    text = "" if value is None else str(value)
    return html.escape(text) if filters else text


def _value(path: str, objects: dict[str, Any]) -> Any:
    found: Any = objects
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found

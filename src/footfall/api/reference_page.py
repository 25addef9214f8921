"""From the OpenAPI document to what the page ``/docs`` shows: references resolved, schemas in words, curl lines for examples.

Knows no HTTP and no template; works on the document alone, so that the page can't say what the document doesn't.
"""

import html
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from markupsafe import Markup

from footfall.api.openapi_shared import PRICE_BOUNDS
from footfall.vocabulary import VOCABULARY

BASE: Final = "http://footfall.invalid"
"""Stands for the server's address in a rendered page: put in for each request, so that a page is rendered once."""

_KEY: Final = "$KEY"
_KEYS: Final[Mapping[tuple[str, ...], str]] = {(): "none", ("secret",): "secret", ("signature",): "none, but signed"}
"""Which key operations ask for, by their security schemes; all others take any."""
_CODE: Final = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """A line of a table: a parameter, a field, a key of an object."""

    name: str
    also: str
    shape: str
    description: Markup
    example: str = ""


class Shown(NamedTuple):
    """A block of text with a title: an example, an answer."""

    title: str
    about: Markup
    text: str


class Operation(NamedTuple):
    """One method of one route."""

    anchor: str
    method: str
    path: str
    summary: str
    description: Markup
    deprecated: bool
    key: str
    parameters: list[Row]
    body: str
    requests: list[Shown]
    answers: list[Shown]


class Group(NamedTuple):
    """The operations of one tag."""

    anchor: str
    name: str
    about: Markup
    operations: list[Operation]


def prose(text: str) -> Markup:
    """The document's plain text as HTML: escaped, with `code` and paragraphs."""
    paragraphs = [_CODE.sub(r"<code>\1</code>", html.escape(part, quote=False)) for part in text.split("\n\n")]
    return Markup("".join(f"<p>{part}</p>" for part in paragraphs))  # noqa: S704  # escaped above, paragraph by paragraph


def words(text: str) -> Markup:
    """The same for one line of a table."""
    return Markup(_CODE.sub(r"<code>\1</code>", html.escape(text, quote=False)))  # noqa: S704  # escaped here


def resolved(document: Mapping[str, Any], value: Any) -> Any:
    """What a ``$ref`` points at, or the value itself."""
    while isinstance(value, Mapping) and "$ref" in value:
        found: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


def shape(schema: Mapping[str, Any]) -> str:
    """A schema in words, such as ``string or integer, at most 128 characters``."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "oneOf" in schema:
        return " or ".join(shape(option) for option in schema["oneOf"])
    if "const" in schema:
        return msgspec.json.encode(schema["const"]).decode()
    types = schema.get("type", "anything")
    said = types if isinstance(types, str) else " or ".join(types)
    if inner := schema.get("items"):
        said = said.replace("array", f"array of {shape(inner) if '$ref' in inner else inner.get('type', 'anything')}")
    for bound, unit in (("maxLength", "characters"), ("maxItems", "items"), ("maxProperties", "keys"), ("maximum", "")):
        if bound in schema:
            said += f", at most {schema[bound]} {unit}".rstrip()
    if "enum" in schema and len(schema["enum"]) <= 6:
        said += ": " + ", ".join(schema["enum"])
    return said


def groups(document: Mapping[str, Any]) -> list[Group]:
    """Every operation by its tag, in the order of the document."""
    found = []
    for tag in document["tags"]:
        operations = [
            _operation(document, path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ]
        anchor = re.sub(r"[^a-z]+", "-", tag["name"].lower()).strip("-")
        found.append(Group(anchor, tag["name"], words(tag["description"]), operations))
    return found


def rows(document: Mapping[str, Any], schema: str) -> list[Row]:
    """The properties of a schema of the components; names that mean the same stand in one row."""
    properties: Mapping[str, Mapping[str, Any]] = document["components"]["schemas"][schema]["properties"]
    same: dict[str, list[str]] = {}
    for name, of in properties.items():
        means = re.fullmatch(r"The same as `(\w+)`\.", of.get("description", ""))
        if means is not None:
            same.setdefault(means[1], []).append(name)
    aliases = {alias for names in same.values() for alias in names}
    return [
        Row(name, ", ".join(same.get(name, [])), shape(of), words(of.get("description", "")), _example_of(of))
        for name, of in properties.items()
        if name not in aliases
    ]


def vocabulary() -> list[tuple[str, str, str]]:
    """Subject, noun and the verbs that go with them."""
    pairs = sorted({(subject, noun) for subject, _, noun in VOCABULARY}, key=lambda pair: (pair[0] != "user", pair))
    return [(s, n, ", ".join(sorted(v for s2, v, n2 in VOCABULARY if (s2, n2) == (s, n)))) for s, n in pairs]


def _example_of(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples", [])
    return _json(examples[0]) if examples else ""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    parameters = [resolved(document, parameter) for parameter in operation.get("parameters", [])]
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    bodies = {shape(media["schema"]): list[str]() for media in content.values()}
    for media_type, media in content.items():
        bodies[shape(media["schema"])].append(media_type)
    schemes = [name for requirement in operation["security"] for name in requirement]
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=prose(operation["description"]),
        deprecated=operation.get("deprecated", False),
        key=_KEYS.get(tuple(schemes), "public or secret"),
        parameters=[
            Row(p["name"], p["in"], shape(p["schema"]), words(p["description"]), str(p["example"])) for p in parameters
        ],
        body="; ".join(f"{schema}, as {', '.join(types)}" for schema, types in bodies.items()),
        requests=_requests(path, method, parameters, content, schemes=schemes, streams=_streams(operation)),
        answers=[_answer(document, status, answer) for status, answer in operation["responses"].items()],
    )


def _answer(document: Mapping[str, Any], status: str, answer: Any) -> Shown:
    answer = resolved(document, answer)
    media_types = " or ".join(answer["content"])
    examples = [
        _json(example["value"]) for media in answer["content"].values() for example in media.get("examples", {}).values()
    ]
    headers = [f"header `{name}`" for name in answer.get("headers", {})]
    return Shown(status, words("; ".join([answer["description"].rstrip("."), media_types, *headers])), "\n".join(examples))


_LEFT_OUT: Final = {
    "after",
    "filter_oos",
    "country_code",
    "metafields",
    "variant_metafields",
    "unset_variants",
    "catalog",
    "explain",
    "filter_unpublished",
    "format",
    "excluded_ids",
    "smart_sort",
    "fallback",
    *PRICE_BOUNDS,
}
"""Parameters that a curl line leaves out: all of them at once would leave nothing over."""


def _streams(operation: Mapping[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"]["200"]["content"]


def _requests(
    path: str, method: str, parameters: list[Any], content: Mapping[str, Any], *, schemes: list[str], streams: bool
) -> list[Shown]:
    """A curl line for each example of the body, or one where there is no body."""
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(parameter["example"])))
    # Nor what only some reports take, of which others would refuse some.
    taken = [p for p in parameters if p["in"] == "query" and "x-reports" not in p]
    query = [(p["name"], p["example"]) for p in taken if p["name"] not in _LEFT_OUT]
    if not content:
        # The shell puts the key in; everything else is encoded.
        line = urlencode([(name, value) for name, value in query if name != "key"])
        secret = schemes == ["secret"]
        keyed = f"?{'' if secret else f'key={_KEY}&'}{line}" if query else ""
        bearer = ' -H "Authorization: Bearer $SECRET"' if secret else ""
        verb = "-N " if streams else "" if method == "get" else f"-X {method.upper()} "
        return [Shown("", Markup(""), f'curl {verb}"{BASE}{path}{keyed}"{bearer}')]
    headers = [(p["name"], p["example"]) for p in parameters if p["in"] == "header" and p["required"]]
    if schemes == ["secret"]:
        headers.append(("Authorization", "Bearer $SECRET"))
    if schemes == ["signature"]:
        headers.append(("X-Shopify-Hmac-Sha256", "$SIGNATURE"))
    return [
        Shown(name, words(media_type), _curl_with_body(path, method, media_type, example["value"], headers))
        for media_type, media in content.items()
        for name, example in media["examples"].items()
    ]


def _curl_with_body(path: str, method: str, media_type: str, value: Any, headers: list[tuple[str, str]]) -> str:
    line = f'curl -X {method.upper()} "{BASE}{path}{"" if headers else f"?key={_KEY}"}"'
    for name, header in headers:
        line += f' \\\n  -H "{name}: {header}"'
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if name != "key"}
    if media_type == "application/x-www-form-urlencoded":
        return f"{line} \\\n  -d {shlex.quote(urlencode(value))}"
    return f"{line} \\\n  -H 'Content-Type: {media_type}' \\\n  -d {shlex.quote(_json(value))}"

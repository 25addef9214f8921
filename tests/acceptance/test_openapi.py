"""The OpenAPI document is held against what is served: every route, every example, every error word for word."""

import asyncio
import base64
import hmac
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from footfall.api import pages
from footfall.api.application import Application
from footfall.api.openapi import document
from footfall.api.openapi_recommendations import EXAMPLE_ANSWER
from footfall.api.openapi_schemas import FIELDS, SCHEMAS
from footfall.api.openapi_shared import ERRORS, EXAMPLE_KEY
from footfall.api.reference_page import resolved
from footfall.identifiers import ShopId
from footfall.intake import fields, reading
from footfall.intake.privacy import EMAIL_FIELDS
from footfall.projections.recommendations.answers import Made
from tests.support import NOW, PUBLIC_KEY, Running, run, running

DOCUMENT: Final = document()
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in upper case, and operation, in the order of the document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def problems(schema: Any, value: Any, where: str = "$") -> list[str]:
    """What is wrong with a value, by the part of JSON Schema that the document uses."""
    schema = resolved(DOCUMENT, schema)
    if "oneOf" in schema:
        fitting = [option for option in schema["oneOf"] if not problems(option, value, where)]
        return [] if len(fitting) == 1 else [f"{where}: {len(fitting)} of the options fit"]
    found = []
    types = schema.get("type", list(_TYPES))
    wanted = tuple(t for name in ([types] if isinstance(types, str) else types) for t in _TYPES[name])
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        return [f"{where}: {value!r} is not {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            found.append(f"{where}: its length is {len(value)}")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{where}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, list):
        found += [p for n, item in enumerate(value) for p in problems(schema.get("items", {}), item, f"{where}[{n}]")]
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where}: it has {len(value)} items")
    if isinstance(value, dict):
        found += [f"{where}: no {name}" for name in schema.get("required", []) if name not in value]
        known = schema.get("properties", {})
        found += [p for name, item in value.items() if name in known for p in problems(known[name], item, f"{where}.{name}")]
    return found


@asynccontextmanager
async def served(path: Path, **settings: str) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service with its pages."""
    async with running(path, None, **settings) as shop:
        transport = httpx.ASGITransport(app=Application(shop.service.parts, pages.build(shop.service.parts)))
        async with httpx.AsyncClient(transport=transport, base_url="http://footfall.test") as client:
            yield shop, client


def requests(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[httpx.Request]:
    """A request for each example of an operation; the secret key stands as ``SECRET``."""
    parameters = [resolved(DOCUMENT, parameter) for parameter in operation.get("parameters", [])]
    url = path.format(**{p["name"]: p["example"] for p in parameters if p["in"] == "path"})
    query = {p["name"]: str(p["example"]) for p in parameters if p["in"] == "query" and "x-reports" not in p}
    headers = {"Authorization": "Bearer SECRET"} if operation["security"] == [{"secret": []}] else {}
    headers |= {p["name"]: p["example"] for p in parameters if p["in"] == "header"}
    url = "http://footfall.test" + url
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        yield httpx.Request(method, url, params=query, headers=headers)
    for media_type, media in content.items():
        for example in media["examples"].values():
            if media_type == "application/x-www-form-urlencoded":
                yield httpx.Request(method, url, params=query, headers=headers, data=example["value"])
            else:
                typed = {**headers, "Content-Type": media_type}
                sent = httpx.Request("POST", url, json=example["value"]).content
                if operation["security"] == [{"signature": []}]:
                    typed["X-Shopify-Hmac-Sha256"] = base64.b64encode(hmac.digest(b"hush", sent, "sha256")).decode()
                yield httpx.Request(method, url, params=query, headers=typed, content=sent)


def test_every_route_that_is_served_is_documented_with_every_method_and_no_other(tmp_path: Path) -> None:
    async def scenario() -> set[tuple[str, str]]:
        async with running(tmp_path) as shop:
            application = Application(shop.service.parts, pages.build(shop.service.parts))
            plain = {(path, method) for path, handlers in application._routes.items() for method in handlers}
            typed = {(path, str(method)) for of in pages.HANDLERS for path in of.paths for method in of.http_methods}
            typed = {(path.replace(":str", ""), method) for path, method in typed}
            assert application.answers("/api/v1/events/anything")
            of_references = application._with_reference.items()
            return plain | typed | {(prefix + "{reference}", method) for prefix, of in of_references for method in of}

    there = {(path, method) for path, method in run(scenario()) if method not in ("HEAD", "OPTIONS")}
    assert there == {(path, method) for path, method, _ in operations()}


def test_every_path_answers_options_and_head_where_it_takes_get_as_the_document_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (shop, client):
            assert "Every path answers `OPTIONS`" in DOCUMENT["info"]["description"]
            ends = dict(shop.service.parts.log._ends)  # type: ignore[attr-defined]  # the embedded log's
            for path, methods in DOCUMENT["paths"].items():
                answer = await client.options(path, headers={"Origin": "https://shop.example"})
                assert (answer.status_code, answer.headers["access-control-max-age"]) == (200, "7200"), path
                assert ("get" in methods) == ((await client.head(path)).status_code != 405), path
                refused = await client.patch(path)
                assert refused.status_code == 405, path
                assert refused.json().keys() == {"error"} if "gif" not in path else refused.headers["footfall-error"]
            assert dict(shop.service.parts.log._ends) == ends  # type: ignore[attr-defined]

    run(scenario())


def test_every_documented_example_works_and_is_answered_by_its_schema(tmp_path: Path) -> None:
    assert EXAMPLE_KEY == PUBLIC_KEY

    async def scenario() -> None:
        async with served(tmp_path, domain="my-shop.myshopify.com", webhook_secret="hush") as (shop, client):
            put = DOCUMENT["paths"]["/api/v1/data-sources/{reference}"]["put"]["requestBody"]["content"]["application/json"]
            # Its answers are documented with the other products, before it is put.
            await shop.commands.datasource_put("shop", put["examples"]["json"]["value"], 1234)
            made = Made("recommended", NOW, "", "", of_visitor=False, owns=[], products=[])
            answers = shop.service.answers
            answers._kept[EXAMPLE_ANSWER] = answers._kept.pop(answers.keep(ShopId(1), (), made))
            sent = 0
            for path, method, operation in operations():
                for request in requests(path, method, operation):
                    if "authorization" in request.headers:
                        request.headers["Authorization"] = shop.bearer["Authorization"]
                    sending = asyncio.ensure_future(client.send(request))
                    if "text/event-stream" in resolved(DOCUMENT, operation["responses"]["200"])["content"]:
                        # It has no end of its own.
                        while not shop.service.live_feeds.count:  # noqa: ASYNC110  # the feed tells no event of that
                            await asyncio.sleep(0)
                        shop.service.live_feeds.close()
                    answer = await sending
                    sent += 1
                    assert answer.status_code == 200, (path, method, answer.text)
                    described = resolved(DOCUMENT, operation["responses"]["200"])
                    media_type = answer.headers["content-type"].split(";")[0]
                    assert media_type in described["content"], (path, method)
                    media = described["content"][media_type]
                    assert described.get("headers", {}).keys() <= {name.title() for name in answer.headers}
                    if "schema" in media:
                        assert problems(media["schema"], answer.json()) == [], (path, method)
            assert sent > len(DOCUMENT["paths"])

    run(scenario())


def test_every_documented_answer_and_field_fits_its_schema() -> None:
    for path, method, operation in operations():
        for status, described in operation["responses"].items():
            for media in resolved(DOCUMENT, described)["content"].values():
                for example in media.get("examples", {}).values():
                    assert problems(media["schema"], example["value"]) == [], (path, method, status)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for example in media["examples"].values():
                assert [p for p in problems(media["schema"], example["value"]) if ": no " not in p] == [], (path, method)
        for parameter in operation.get("parameters", []):
            parameter = resolved(DOCUMENT, parameter)
            assert problems(parameter["schema"], parameter["example"]) == [], parameter["name"]
    for field in FIELDS:
        assert problems(field.schema, field.example) == [], field.name


def test_the_examples_of_fields_are_stored_without_a_warning(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            answer = await shop.send({field.name: field.example for field in FIELDS})
            (receipt,) = answer.json()["receipts"]
            assert (receipt["status"], receipt.get("warnings", [])) == ("stored", [])

    run(scenario())


def test_the_errors_are_documented_word_for_word(tmp_path: Path) -> None:
    event, viewed = "/api/v2/analytics/event", "/api/v1/products/viewed"
    typed = {"Content-Type": "image/png"}

    async def scenario() -> None:
        async with served(tmp_path, customer_reads="secret") as (shop, client):
            in_page = {**shop.bearer, "Origin": "https://shop.example"}
            known = {"key": PUBLIC_KEY}
            wrong = {"id": 5, "variants": [{"price": "cheap"}]}
            bound = {"source": "static", "products": ["5"], "filters": {"price": {"at_least": "abc"}}}
            wrong_rule = {"rules": [{"source": "viewed"}, bound]}
            by_customer = {**known, "shopify_customer_id": "1"}
            provoked = {
                "MissingIdentity": await client.get(viewed, params=known),
                "UnknownKey": await client.get(viewed, params={"key": "f" * 40, "uuid": "visitor"}),
                "NoSecret": await client.get("/api/v1/events/never-sent"),
                "SecretInPage": await client.post(event, json={}, headers=in_page),
                "CustomerReadsSecret": await client.get(viewed, params=by_customer),
                "UnknownAnswer": await client.get("/api/v1/answers/recommended.never", headers=shop.bearer),
                "UnknownEvent": await client.get("/api/v1/events/never-sent", headers=shop.bearer),
                "WrongFilter": await client.get("/api/v1/events/stream?subject=usr", headers=shop.bearer),
                "UnknownProduct": await client.delete("/api/v1/catalog/products/5", headers=shop.bearer),
                "WrongProduct": await client.put("/api/v1/catalog/products", json=wrong, headers=shop.bearer),
                "UnknownDataSource": await client.get("/custom/id/5", params=known),
                "WrongDataSource": await client.put("/api/v1/data-sources/5", json=wrong_rule, headers=shop.bearer),
                "UnknownReport": await client.get("/api/v1/reports/sales", headers=shop.bearer),
                "WrongReport": await client.get("/api/v1/reports/overview?last=soon", headers=shop.bearer),
                "WrongStatement": await client.post("/api/v1/sql", json={"sql": "from orders"}, headers=shop.bearer),
                "WrongSignature": await client.post("/api/v1/webhooks/shopify", json={}),
                "WebhookTooLarge": await client.post("/api/v1/webhooks/shopify", content=b"x" * (8 * 1024 * 1024 + 1)),
                "TooLarge": await client.post(event, params=known, content=b"x" * (2 * 1024 * 1024 + 1)),
                "Unsupported": await client.post(event, params=known, content=b"{}", headers=typed),
            }
            for name, answer in provoked.items():
                assert (answer.status_code, answer.json()["error"]) == (ERRORS[name].status, ERRORS[name].example), name
            # Those that need a slow client, a broken disk and another setting have tests of their own.
            assert ERRORS.keys() - provoked.keys() == {"TooSlow", "Unavailable", "NoAnalytics"}

    run(scenario())


def test_the_errors_that_an_operation_can_answer_are_documented_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            for path, method, operation in operations():
                if not operation["security"]:
                    continue
                for key in ({}, {"key": "f" * 40}):
                    answer = await client.request(method, path, params={**key, "uuid": "visitor"}, json={"uuid": "visitor"})
                    assert str(answer.status_code) in operation["responses"], (path, method, answer.status_code)
                    described = resolved(DOCUMENT, operation["responses"][str(answer.status_code)])
                    assert answer.headers["content-type"] in described["content"], (path, method)

    run(scenario())


def test_the_v1_event_is_deprecated_and_points_to_v2() -> None:
    v1 = DOCUMENT["paths"]["/api/v1/analytics/event"]
    assert v1["post"]["operationId"] == "analytics-event"
    for operation in v1.values():
        assert operation["deprecated"] is True
        assert "/api/v2/analytics/event" in operation["description"]
    assert not DOCUMENT["paths"]["/api/v2/analytics/event"]["post"].get("deprecated")


def test_the_document_is_whole() -> None:
    named: list[str] = []

    def follow(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                named.append(value["$ref"])
                assert resolved(DOCUMENT, value), value["$ref"]
            for item in value.values():
                follow(item)
        elif isinstance(value, list):
            for item in value:
                follow(item)

    follow(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    schemes = DOCUMENT["components"]["securitySchemes"].keys()
    for path, method, operation in operations():
        assert operation["summary"]
        assert operation["description"]
        assert {name for requirement in operation["security"] for name in requirement} <= schemes
        in_path = {p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), (path, method)
        assert {tag["name"] for tag in DOCUMENT["tags"]} >= set(operation["tags"])
    for kind in ("parameters", "responses", "schemas", "headers"):
        unused = {name for name in DOCUMENT["components"][kind] if f"#/components/{kind}/{name}" not in named}
        assert unused == set(), kind


def test_every_field_that_intake_reads_is_documented_and_no_other() -> None:
    not_of_the_event = {"key", "cache_key", "receipts"}
    read = (set(fields.PLAIN) | set(reading._HANDLED)) - not_of_the_event
    documented = set(SCHEMAS["Event"]["properties"])
    assert documented - set(EMAIL_FIELDS) == read
    assert documented & set(EMAIL_FIELDS)


def test_the_document_is_what_the_server_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            assert (await client.get("/openapi.json")).json() == DOCUMENT
            shown = (await client.get("/docs")).text
            for path, _, operation in operations():
                assert path in shown
                assert f'id="{operation["operationId"]}"' in shown

    asyncio.run(scenario())


@pytest.mark.parametrize("value", [{"data": "received"}, {"rejected": []}, {"data": "Received", "rejected": [{"index": -1}]}])
def test_the_schemas_tell_a_wrong_answer_from_a_right_one(value: dict[str, Any]) -> None:
    assert problems({"$ref": "#/components/schemas/Received"}, {"data": "Received"}) == []
    assert problems({"$ref": "#/components/schemas/Received"}, value)

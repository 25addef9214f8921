"""Bad input: whatever arrives is answered in JSON, the good events of a batch are kept, and the server is well afterwards."""

import gzip
import json
import socket
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.api.application import Application
from footfall.limits import BODY_BYTES_MAX
from tests.support import PUBLIC_KEY, Standing, event, new_shop, no_pages, server, standing

V1 = "/api/v1/analytics/event"
V2 = "/api/v2/analytics/event"
BULK = "/api/v2/analytics/event/bulk"
KEY = {"X-Rebuy-User-Token": PUBLIC_KEY}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GZIP = {"Content-Encoding": "gzip"}
UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"
GOOD = json.dumps(event(uuid="good")).encode()
DEEP = b"[" * 100_000 + b"]" * 100_000


def bomb() -> bytes:
    """A gzip of 300 MB of nothing in 300 KB."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()


def one(field: bytes, value: bytes) -> bytes:
    """A good event with one more field, written by hand."""
    return GOOD[:-1] + b', "' + field + b'": ' + value + b"}"


BODIES: list[tuple[str, str, bytes, dict[str, str], set[int]]] = [
    ("an empty body", V2, b"", {}, {400}),
    ("an empty batch body", BULK, b"", {}, {400}),
    ("white space", V2, b" \n", {}, {400}),
    ("a number", V2, b"5", {}, {400}),
    ("a number as a batch", BULK, b"5", {}, {400}),
    ("a text", V2, b'"x"', {}, {400}),
    ("null", BULK, b"null", {}, {400}),
    ("an array of one", V2, b"[" + GOOD + b"]", {}, {400}),
    ("an object as a batch", BULK, GOOD, {}, {400}),
    ("half an object", V2, GOOD[:-9], {}, {400}),
    ("half a batch", BULK, b"[" + GOOD + b",", {}, {400}),
    ("an oversized event", V2, one(b"note", b'"' + b"x" * 40_000 + b'"'), {}, {413}),
    ("an oversized v1 event", V1, one(b"note", b'"' + b"x" * 40_000 + b'"'), {}, {413}),
    ("an oversized form", V1, b"note=" + b"x" * 40_000, FORM, {413}),
    ("too long a batch", BULK, b"[" + b",".join([b"{}"] * 1_001) + b"]", {}, {413}),
    ("too large a body", BULK, b"[" + b" " * BODY_BYTES_MAX + b"]", {}, {413}),
    ("a zip bomb", BULK, bomb(), GZIP, {413}),
    ("a cut gzip", BULK, gzip.compress(b"[]", mtime=0)[:-3], GZIP, {400}),
    ("no gzip", BULK, b"[]", GZIP, {400}),
    ("nothing that should be gzip", BULK, b"", GZIP, {400}),
    ("brotli", BULK, b"[]", {"Content-Encoding": "br"}, {415}),
    ("UTF-16", BULK, "[]".encode("utf-16"), {}, {400}),
    ("a charset", V2, GOOD, {"Content-Type": "application/json; charset=latin-1"}, {415}),
    ("XML", V2, b"<event/>", {"Content-Type": "application/xml"}, {415}),
    ("a multipart form", V1, b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}, {415}),
    ("bad UTF-8", V2, one(b"note", b'"\xff"'), {}, {400}),
    ("bad UTF-8 in a form", V1, b"uuid=%ff", FORM, {400}),
    ("a byte of nothing", V2, one(b"note", b'"\x00"'), {}, {400}),
    ("an escaped byte of nothing", V2, one(b"note", rb'"\u0000"'), {}, {200}),
    ("nothing as a uuid", V2, GOOD.replace(b'"good"', rb'"a\u0000b"'), {}, {400}),
    ("a huge integer", V2, one(b"value", b"1" + b"0" * 400), {}, {200}),
    ("a huge unknown integer", V2, one(b"own", b"1" + b"0" * 400), {}, {200}),
    ("a huge integer as product", V2, GOOD.replace(b'"5630650697948"', b"1" + b"0" * 400), {}, {400}),
    ("a huge integer as uuid", V2, GOOD.replace(b'"good"', b"1" + b"0" * 400), {}, {400}),
    ("a huge integer as event id", V2, one(b"event_id", b"1" + b"0" * 400), {}, {200}),
    ("an integer of 5,000 digits", V2, one(b"own", b"1" * 5_000), {}, {400}),
    ("a number out of range", V2, one(b"own", b"1e999"), {}, {400}),
    ("NaN", V2, one(b"own", b"NaN"), {}, {400}),
    ("Infinity", BULK, b"[" + one(b"own", b"-Infinity") + b"]", {}, {400}),
    ("100,000 brackets", V2, DEEP, {}, {413}),
    ("100,000 brackets as a batch", BULK, DEEP, {}, {400}),
    ("100,000 brackets in a batch", BULK, b"[" + GOOD + b"," + DEEP + b"]", {}, {200}),
    ("900 brackets in a field", V2, one(b"own", b"[" * 900 + b"]" * 900), {}, {200}),
    ("900 objects in a field", V2, one(b"own", b'{"a":' * 900 + b"1" + b"}" * 900), {}, {200}),
    ("900 brackets in meta", V2, one(b"meta", b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"), {}, {200}),
    ("900 brackets as a verb", V2, GOOD.replace(b'"viewed"', b"[" * 900 + b"]" * 900), {}, {400}),
    ("980 brackets in a wrong event", V2, one(b"own", b"[" * 980 + b"]" * 980).replace(b"viewed", b"licked"), {}, {400}),
    ("half a surrogate pair", V2, one(b"label", rb'"x\ud83d"'), {}, {200}),
    ("half a surrogate pair as a verb", V2, GOOD.replace(b"viewed", rb"\udfff"), {}, {400}),
    ("keys given twice", V2, GOOD[:-1] + b', "verb": "added"}', {}, {200}),
    ("10,000 fields in a form", V1, b"&".join(b"f%d=1" % n for n in range(10_000)), FORM, {413}),
    ("2,000 fields", V2, json.dumps(event(**{f"f{n}": 1 for n in range(2_000)})).encode(), {}, {200}),
    ("a million commas", BULK, b"[" + b"," * 1_000_000 + b"]", {}, {400}),
    ("a batch of depth", BULK, b"[" * 2_000 + b"[],[{" * 300_000, {}, {400}),
    ("an event of names", V2, json.dumps({"x" * 10_000: 1, **event(), "y" * 20_000: 1}).encode(), {}, {200}),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("attacks")) as service:
        yield service


def assert_well(shop: Standing) -> None:
    """The server takes an event, answers it, and holds nothing back of what came before."""
    response = shop.request("POST", V2, json=event(uuid="well"), headers=KEY)
    assert (response.status_code, response.content) == (200, b'{"data":"Received"}')
    assert len(shop.run(shop.shop.viewed(uuid="well"))) == 1
    assert shop.shop.service.intake.waiting_events == 0


@pytest.mark.parametrize(("path", "body", "headers", "statuses"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_every_bad_body_is_answered_in_json_and_the_server_is_well(
    shop: Standing, path: str, body: bytes, headers: dict[str, str], statuses: set[int]
) -> None:
    response = shop.request("POST", path, content=body, headers={**KEY, **headers})
    assert response.status_code in statuses, response.text
    assert response.json()["data" if response.status_code == 200 else "error"]
    assert_well(shop)


@pytest.mark.parametrize(("path", "body", "headers", "statuses"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_a_body_in_pieces_is_answered_like_a_whole_one(
    shop: Standing, path: str, body: bytes, headers: dict[str, str], statuses: set[int]
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, len(body), 60_000):
            yield body[first : first + 60_000]

    response = shop.request("POST", path, content=pieces(), headers={**KEY, **headers})
    assert response.status_code in statuses, response.text


@pytest.mark.parametrize(
    "bad",
    [
        b"5",
        b"null",
        b'"text"',
        b"[]",
        b"{}",
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        one(b"note", b'"' + b"x" * 40_000 + b'"'),
        DEEP,
        one(b"own", DEEP),
        GOOD.replace(b"viewed", b"licked"),
        GOOD.replace(b'"good"', b"1" + b"0" * 400),
        one(b"own", b"[" * 980 + b"]" * 980).replace(b"viewed", b"licked"),
    ],
)
@pytest.mark.parametrize("padding", [b"", b" " * 40_000])
def test_the_good_events_of_a_batch_are_kept_and_the_bad_one_is_in_quarantine(
    shop: Standing, bad: bytes, padding: bytes
) -> None:
    before = shop.end()
    response = shop.request("POST", BULK, content=b"[" + GOOD + b"," + bad + b"," + GOOD + b"]" + padding, headers=KEY)
    assert response.status_code == 200
    assert response.json()["data"] == "Received"
    assert [entry["index"] for entry in response.json()["rejected"]] == [1]
    assert shop.end() == before + 2
    entry = shop.quarantined()[0]
    assert without_client_words(entry["error"]) == without_client_words(response.json()["rejected"][0]["error"])
    assert len(json.dumps(entry["original"])) < 3 * 32 * 1024


def without_client_words(error: str) -> str:
    """An error up to where it may repeat what the client sent."""
    return error.partition("'")[0]


def test_a_body_that_is_declared_too_large_is_refused_before_it_is_read(shop: Standing) -> None:
    async def ask() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            raise AssertionError("the body was read")

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-length", str(BODY_BYTES_MAX + 1).encode())]
        scope = {"type": "http", "method": "POST", "path": BULK, "query_string": b"", "headers": headers}
        await Application(shop.shop.service.parts, no_pages)(scope, receive, send)
        return sent

    start, body = shop.run(ask())
    assert start["status"] == 413
    assert "2 MB" in json.loads(body["body"])["error"]


@pytest.mark.parametrize(
    "query",
    ["&".join("a" * 10_000), "a=" + "x" * 40_000, "uuid=%ff", "%", "&&&==&", "uuid=%00", "=" * 1_000],
)
@pytest.mark.parametrize("path", [V1, V2, BULK, "/api/v1/products/viewed", "/api/v1/analytics/event.gif"])
def test_any_query_string_is_answered(shop: Standing, path: str, query: str) -> None:
    for method in ("GET", "POST"):
        response = shop.request(method, f"{path}?{query}", headers=KEY)
        assert response.status_code in (400, 405, 413)
        if not path.endswith("gif"):
            assert response.json()["error"]
    assert_well(shop)


def test_what_is_shown_of_a_bad_original_names_nobody(shop: Standing) -> None:
    personal = {"uuid": UUID, "customer_id": 207119551, "subject_email": "jane@mail.example"}
    whole = json.dumps({**event(**personal), "note": "x"}).encode()
    for body in (
        whole.replace(b"viewed", b"licked"),
        whole[:-1],
        b"[" + whole + b"]",
        whole.replace(b'"x"', b'"' + b"x" * 40_000 + b'"'),
        whole.replace(b'"x"', b'"\xff"'),
    ):
        assert shop.request("POST", V2, content=body, headers=KEY).status_code in (400, 413)
        shown = json.dumps(shop.quarantined()[0])
        for secret in (UUID, "207119551", "jane@mail.example"):
            assert secret not in shown


# --- bounds that all requests share ------------------------------------------------------------------------------


# --- anything at all ---------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b'"',
        b"\\",
        b"null",
        b"1e999",
        b'"uuid"',
        b'"verb"',
        GOOD,
        b"\xff",
        b"\x00",
        b"\\ud800",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join), st.sampled_from([V1, V2, BULK]))
def test_any_bytes_as_a_body_get_a_json_answer_and_never_a_500(shop: Standing, body: bytes, path: str) -> None:
    response = shop.request("POST", path, content=body, headers={**KEY, "Content-Type": "application/json"})
    assert response.status_code in (200, 400, 413)
    assert response.json()["data" if response.status_code == 200 else "error"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5) | st.just(event()), max_size=8
    )
)
def test_any_json_array_is_sorted_into_stored_and_rejected(shop: Standing, items: list[Any]) -> None:
    body = json.dumps(items).encode()
    before = shop.end()
    response = shop.request("POST", f"{BULK}?receipts=yes", content=body, headers=KEY)
    statuses = [receipt["status"] for receipt in response.json()["receipts"]]
    assert statuses == ["stored" if isinstance(item, dict) else "rejected" for item in items]
    assert shop.end() == before + statuses.count("stored")
    assert response.status_code == (400 if items and "stored" not in statuses else 200)


# --- a real process ----------------------------------------------------------------------------------------------


def test_a_real_server_is_well_after_all_of_it(tmp_path: Path) -> None:
    with server(tmp_path) as real, httpx.Client(base_url=real.url, timeout=30) as client:
        new_shop(tmp_path, "shop", PUBLIC_KEY)
        for name, path, body, headers, statuses in BODIES:
            response = client.post(path, content=body, headers={**KEY, **headers})
            assert response.status_code in statuses, name
            assert response.json()["data" if response.status_code == 200 else "error"], name
        for raw in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"x" * 70_000, b"\xff" * 100 + b"\r\n\r\n"):
            answer = said_back(real.url, raw)
            assert not answer or answer.startswith(b"HTTP/1.1 4")
        assert client.post(V2, json=event(uuid="v"), headers=KEY).content == b'{"data":"Received"}'
        assert len(client.get("/api/v1/products/viewed", params={"uuid": "v"}, headers=KEY).json()["data"]) == 1
        client.close()
        assert real.stop() == 0


def said_back(url: str, raw: bytes) -> bytes:
    """What the server answers to bytes that are no request, until it closes the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(raw)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer

"""Bodies: what can be read and what cannot, and that one bad event of a batch costs the others nothing."""

import gzip
import json
import zlib
from typing import Any

import pytest

from footfall.intake.body import Unreadable, media_type, read_batch, read_form, read_item, read_single, unpacked
from footfall.intake.rejection import Rejected
from footfall.limits import BATCH_EVENTS_MAX, BODY_BYTES_MAX, EVENT_BYTES_MAX

DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECT = b'{"a":' * 20_000 + b"1" + b"}" * 20_000


def shape(items: object) -> list[Any]:
    """What of a batch could be read, ``None`` in the place of what could not."""
    assert isinstance(items, list), items
    return [None if isinstance(item, Unreadable) else item for item in map(read_item, items)]


def refusal(read: object, status: int) -> str:
    """The error of a refusal with this status."""
    assert isinstance(read, Rejected), read
    assert read.status == status
    return read.error


# --- packing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_gzip_body_is_unpacked(encoding: str) -> None:
    assert unpacked(gzip.compress(b"[]", mtime=0), encoding) == b"[]"
    assert unpacked(b"[]", "identity") == b"[]"


def test_a_body_may_unpack_to_its_bound_and_no_byte_more() -> None:
    assert unpacked(gzip.compress(b" " * BODY_BYTES_MAX, mtime=0), "gzip") == b" " * BODY_BYTES_MAX
    assert "2 MB" in refusal(unpacked(gzip.compress(b" " * (BODY_BYTES_MAX + 1)), "gzip"), 413)


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    assert len(bomb) < BODY_BYTES_MAX
    assert "2 MB" in refusal(unpacked(bomb, "gzip"), 413)


@pytest.mark.parametrize(
    "body", [b"[]", gzip.compress(b"[]", mtime=0)[:-5], gzip.compress(b"[]", mtime=0) + b"more", b"\x1f\x8b"]
)
def test_what_is_no_whole_gzip_is_refused(body: bytes) -> None:
    assert "gzip" in refusal(unpacked(body, "gzip"), 400)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_encoding_is_refused_by_name(encoding: str) -> None:
    assert repr(encoding) in refusal(unpacked(b"", encoding), 415)


# --- types -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8", "application/octet-stream",
     "application/vnd.api+json", 'application/json; charset="utf-8"; x=y', "Application/JSON"],
)  # fmt: skip
def test_what_beacons_and_clients_send_counts_as_json(content_type: str) -> None:
    assert media_type(content_type) == "json"


def test_a_form_is_a_form() -> None:
    assert media_type("application/x-www-form-urlencoded; charset=utf-8") == "form"


@pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/xml", "json"])
def test_another_type_is_refused_by_name(content_type: str) -> None:
    assert content_type.partition(";")[0] in refusal(media_type(content_type), 415)


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "shift_jis"])
def test_another_charset_is_refused_by_name(charset: str) -> None:
    assert charset in refusal(media_type(f"application/json; charset={charset}"), 415)


# --- forms -------------------------------------------------------------------------------------------------------


def test_a_form_is_read_with_empty_values_and_the_last_of_two() -> None:
    assert read_form(b"a=1&b=&a=%C3%A9+x&c") == {"a": "é x", "b": "", "c": ""}
    assert read_form("a=é".encode()) == {"a": "é"}


def test_where_names_come_once_alternatives_may_come_several_times() -> None:
    assert read_form(b"a=1&b=2&a=3&a=4", {"a"}) == {"a": "1,3,4", "b": "2"}
    assert "b is given twice" in refusal(read_form(b"a=1&b=2&b=2", {"a"}), 400)
    # An empty one among them says nothing that could be joined.
    assert "a is given twice" in refusal(read_form(b"a=1&a=", {"a"}), 400)


def test_a_form_that_is_no_utf_8_is_refused() -> None:
    assert "UTF-8" in refusal(read_form(b"a=%ff"), 400)
    assert "UTF-8" in refusal(read_form(b"a=\xff"), 400)
    assert "UTF-8" in refusal(read_form(b"a=%ED%A0%80"), 400)


def test_a_form_with_10000_fields_is_refused() -> None:
    assert "200 fields" in refusal(read_form(b"&".join(b"f%d=1" % n for n in range(10_000))), 413)


# --- one event ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"{}}", b"[{}]", b"5", b'"x"', b"null", b"true", b"{'a':1}", b'{"a":NaN}', b'{"a":Infinity}',
     b'{"a":1,}', b'{"a":"\x00"}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":1e999}',
     b'{"a":' + b"1" * 5_000 + b"}", b"\xff\xfe{\x00}"],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refusal(read_single(body), 400).endswith(".")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":1' + b"0" * 400 + b"}", {"a": 10**400}),
        (rb'{"a":"\u0000"}', {"a": "\x00"}),
        (rb'{"a":"x\ud83d"}', {"a": "x\ufffd"}),
        (rb'{"a":"\udc00\ud83d\ude00\\ud83d"}', {"a": "\ufffd😀\\ud83d"}),
    ],
)
def test_what_only_looks_broken_is_read(body: bytes, value: object) -> None:
    assert read_single(body) == value


def test_an_event_over_its_size_is_refused_with_size_and_limit() -> None:
    body = json.dumps({"a": "x" * EVENT_BYTES_MAX}).encode()
    error = refusal(read_single(body), 413)
    assert str(len(body)) in error
    assert "32 KB" in error
    exact = json.dumps({"a": "x" * (EVENT_BYTES_MAX - 9)}).encode()
    assert len(exact) == EVENT_BYTES_MAX
    assert isinstance(read_single(exact), dict)


def test_brackets_100000_deep_are_refused_and_harm_nobody() -> None:
    assert "32 KB" in refusal(read_single(DEEP), 413)
    assert "nested too deeply" in refusal(read_single(b"[" * 10_000 + b"]" * 10_000), 400)


# --- batches -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [0, EVENT_BYTES_MAX])
def test_a_batch_is_a_bare_array_or_stands_under_events(padding: int) -> None:
    events = [{"n": 1}, {"n": 2}]
    body = json.dumps(events).encode() + b" " * padding
    assert shape(read_batch(body)) == events
    assert shape(read_batch(b'{"events":' + body + b', "more": 1}')) == events


@pytest.mark.parametrize("padding", [0, EVENT_BYTES_MAX])
@pytest.mark.parametrize("body", [b"{}", b"5", b'"x"', b"null", b'{"events": 5}', b'{"events": {}}', b'{"event": []}'])
def test_another_value_is_no_batch(body: bytes, padding: int) -> None:
    assert "JSON array" in refusal(read_batch(body + b" " * padding), 400)


@pytest.mark.parametrize("padding", [0, EVENT_BYTES_MAX])
@pytest.mark.parametrize("body", [b"", b"[", b"[1,]", b"[{}", b"[{}] x", b"[NaN]", b"[[", b'["'])
def test_a_body_that_is_no_json_is_refused(body: bytes, padding: int) -> None:
    refusal(read_batch(body + b" " * padding), 400)


@pytest.mark.parametrize("padding", [b"", b" " * EVENT_BYTES_MAX])
def test_more_events_than_a_batch_holds_are_refused_with_number_and_limit(padding: bytes) -> None:
    body = b"[" + b",".join([b"{}"] * (BATCH_EVENTS_MAX + 1)) + b"]" + padding
    error = refusal(read_batch(body), 413)
    assert "1001" in error
    assert "1000" in error
    assert len(shape(read_batch(b"[" + b",".join([b"{}"] * BATCH_EVENTS_MAX) + b"]" + padding))) == BATCH_EVENTS_MAX


@pytest.mark.parametrize(
    "bad",
    [b'{"a":1e999}', b'{"a":' + b"1" * 5_000 + b"}", b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}',
     b'{"a":"' + b"x" * 33_000 + b'"}',
     b'{"a":' + DEEP + b"}", DEEP, DEEP_OBJECT, b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b', "b": "],[\\"]"}'],
)  # fmt: skip
def test_one_event_that_cannot_be_read_costs_the_others_nothing(bad: bytes) -> None:
    body = b'[{"n":1} , ' + bad + b', {"n":"],[{\\""},' + bad + b"\n, 5]"
    wanted = [{"n": 1}, None, {"n": '],[{"'}, None, 5]
    assert shape(read_batch(body)) == wanted
    assert shape(read_batch(b' {"events" : ' + body + b', "x": []}')) == wanted


def test_half_a_surrogate_pair_costs_neither_its_event_nor_the_batch() -> None:
    body = rb'[{"term":"hat \ud83e"},{"n":1}]'
    for padding in (b"", b" " * EVENT_BYTES_MAX):
        assert shape(read_batch(body + padding)) == [{"term": "hat \ufffd"}, {"n": 1}]


@pytest.mark.parametrize("body", [DEEP, b"[" * 100_000, b"[" * 1_100 + b"[],[{" * 100_000, b"[" + b"[" * 2_000 + b"}" * 9_000])
def test_a_batch_that_is_nothing_but_depth_is_answered(body: bytes) -> None:
    read = read_batch(body)
    assert isinstance(read, Rejected) or shape(read) == [None] * len(read)

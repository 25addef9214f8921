"""The short way to read an event stores what the long way stores, and leaves to it everything that needs a second look."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.event import encode_event
from footfall.identifiers import NIL_UUID
from footfall.intake.reading import Arrival, Read, read_event
from footfall.intake.usual import usual_event
from footfall.vocabulary import VOCABULARY
from tests.unit.intake.arrivals import ARRIVAL

UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"
NOW = ARRIVAL.received_at

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 5.0, 5.5, 2**61, 2**63, 2**64, 2**70,
    "", " ", "0", "00", "5", "undefined", "Null", "none", "NaN", "false",
    NIL_UUID, NIL_UUID + " ", UUID, UUID.upper(), " " + UUID[1:], UUID[:-1] + " ", "0" + UUID[1:],
    UUID[:35] + "\x00", "x" * 15, "x" * 16, "x" * 128,
    "x" * 129, "7" * 128, "7" * 255, "7" * 256, "٣" * 20, "ß" * 36, "x" * 2_048, "x" * 2_049, "gid://shopify/Product/5",
    "gid://shopify/ProductVariant/6", "gid://shopify/Customer/7", "gid",
    "classic-beanie", "green-tee", " padded ",
    "jane@example.com", "a%40b.example", "100% wool", "Mozilla/5.0 (iPhone)", [], ["a"], {}, {"a": 1}, "granted", "denied",
    "Shopify", str(NOW),
    str(NOW - 1), NOW, NOW - 10, NOW + 10**6, str(NOW + 10**6), NOW // 1000, str(NOW - 10**9), NOW - 10**9,
    "2024-05-01T00:00:00Z",
    "2024-05-01", 10**15, 10**17, "٣٣٣", "1.5e12",
)  # fmt: skip

META = st.dictionaries(
    st.sampled_from(("a", "userAgent", "email", "IP", "a@b.example", "price")),
    st.sampled_from((*ODD, {"deep": {}})),
    max_size=3,
)

FIELDS = (
    "event_id", "uuid", "customer_id", "shopify_customer_id", "rsid", "product_id", "shopify_product_id", "product_handle",
    "shopify_product_handle", "shopify_variant_id", "shopify_product_title", "shopify_variant_title",
    "defined_noun_id", "platform", "label", "url", "referrer", "event_time", "sent_at",
    # Ours, unknown, and what only the long way reads.
    "shop", "received_at", "time", "verified", "flags", "origin", "unknown", "subject_email_hmac", "session_id", "variant_id",
    "key", "consent", "test", "tags", "value", "device", "subject_email", "something",
)  # fmt: skip


@st.composite
def sent(draw: st.DrawFn) -> dict[str, Any]:
    """An event with a usual core, and a few fields of any kind."""
    subject, verb, noun = draw(
        st.sampled_from([("user", "viewed", "product")] * 3 + sorted(VOCABULARY) + [("user", "ate", "product")])
    )
    event: dict[str, Any] = {"subject": subject, "verb": verb, "noun": noun}
    if draw(st.booleans()):
        event["uuid"] = UUID
    if draw(st.booleans()):
        event["product_id"] = "5630650697948"
    event |= draw(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD), max_size=4))
    if draw(st.booleans()):
        event["meta"] = draw(META)
    return event


ARRIVALS = (
    ARRIVAL,
    msgspec.structs.replace(ARRIVAL, device="mobile", verified=False),
    msgspec.structs.replace(ARRIVAL, device=None, verified=True),
    msgspec.structs.replace(ARRIVAL, bot=True),
)


@settings(max_examples=2_000)
@given(sent(), st.sampled_from(ARRIVALS))
def test_whatever_the_short_way_takes_the_long_way_stores_as_the_same(event: dict[str, Any], arrival: Arrival) -> None:
    text = msgspec.json.encode(event)
    usual = usual_event(text, arrival)
    if usual is None:
        return
    read = read_event(msgspec.json.decode(text), arrival)
    assert isinstance(read, Read), read
    assert read.warnings == []
    assert msgspec.json.decode(encode_event(usual)) == msgspec.json.decode(encode_event(read.event))
    for name in read.event.__struct_fields__:
        assert getattr(usual, name) == getattr(read.event, name), name


@pytest.mark.parametrize(
    "more",
    [
        {}, {"uuid": "0" + UUID[1:]}, {"event_id": UUID}, {"rsid": "0" + UUID[1:]}, {"customer_id": "42"}, {"customer_id": 42},
        {"shopify_customer_id": "42"}, {"product_id": 5630650697948}, {"shopify_product_handle": "green-tee"},
        {"shopify_variant_id": 7}, {"url": "https://shop.example/products/green-tee"}, {"platform": "Magento"},
        {"event_time": str(NOW - 5)}, {"event_time": NOW - 5, "sent_at": NOW - 1}, {"event_time": str(NOW - 10**9)},
        {"meta": {"price": "9.90", "n": 1}}, {"meta": {"email": "jane@example.com"}},
    ],
)  # fmt: skip
def test_what_storefronts_send_takes_the_short_way(more: dict[str, Any]) -> None:
    event = {"subject": "user", "verb": "viewed", "noun": "product", "uuid": UUID, "product_id": "5"} | more
    assert usual_event(msgspec.json.encode(event), ARRIVALS[1]) is not None


def test_an_event_over_its_size_does_not() -> None:
    event = b'{"subject":"user","verb":"viewed","noun":"product","uuid":"%b","product_id":"5"%b}'
    assert usual_event(event % (UUID.encode(), b""), ARRIVALS[1]) is not None
    assert usual_event(event % (UUID.encode(), b" " * 33_000), ARRIVALS[1]) is None

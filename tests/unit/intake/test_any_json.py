"""Whatever a client sends: reading never raises, and what is kept survives the log and can be shown."""

import copy
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.event import decode_event, encode_event, wire_fields
from footfall.intake.fields import PLAIN
from footfall.intake.quarantine import decode_quarantined, quarantined
from footfall.intake.reading import Read, read_event
from footfall.intake.rejection import Rejected
from footfall.vocabulary import VOCABULARY
from tests.unit.intake.arrivals import ARRIVAL, V1_ARRIVAL

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    ["undefined", "null", "", "0", 0, 10**400, -(10**400), 2**64, 1e308, -0.0, True, None, [], {}, "x" * 40_000, "\x00", "😀",
     "gid://shopify/Product/5", "gid://shopify/Customer/", "jane@mail.example", "Mozilla/5.0 (X)", "1790000000", "{",
     '{"a":[[]]}', "denied",
     {"analytics": False}, "2026-09-21T14:13:20Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "%40"]
)  # fmt: skip
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | ODD
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
NAMES = st.sampled_from(
    [*PLAIN, "uuid", "customer_id", "shopify_customer_id", "product_id", "shopify_product_id", "product_handle",
     "shopify_product_handle", "shopify_variant_id", "variant_id", "consent", "event_time", "sent_at", "meta", "metadata",
     "test", "key", "subject_email", "email", "user_agent", "Email", "flags", "time", "shop", "received_at", "unknown"]
)  # fmt: skip
GOOD = st.sampled_from(sorted(VOCABULARY)).map(
    lambda triple: {"subject": triple[0], "verb": triple[1], "noun": triple[2], "uuid": "visitor", "product_id": "5"}
)
EVENTS = st.builds(
    lambda good, named, free: {**good, **free, **named},
    GOOD,
    st.dictionaries(NAMES, VALUES, max_size=8),
    st.dictionaries(TEXT, VALUES, max_size=3),
)


def same(value: Any, other: Any) -> bool:
    """Equal as JSON has it: 1 and 1.0 and true are three values."""
    return bool(json.dumps(msgspec.to_builtins(value)) == json.dumps(msgspec.to_builtins(other)))


@settings(max_examples=400, deadline=None)
@given(VALUES | EVENTS, st.sampled_from([ARRIVAL, V1_ARRIVAL]))
def test_any_json_value_is_read_or_rejected_and_never_raises(value: Any, arrival: Any) -> None:
    before = copy.deepcopy(value)
    found = read_event(value, arrival)
    assert same(value, before)
    if isinstance(found, Rejected):
        assert found.error
        assert found.status in (400, 413)
        record = quarantined(found, value, arrival)
        assert decode_quarantined(record.value) == record.decoded
    else:
        event = found.event
        assert decode_event(encode_event(event)) == event
        assert same(decode_event(encode_event(event)), event)
        assert json.loads(json.dumps(wire_fields(event))) is not None
        assert 0 <= event.time <= event.received_at
        assert "jane@mail.example" not in encode_event(event).decode() or _is_identity(event)


def _is_identity(event: Any) -> bool:
    """Whether a client used an email where an id belongs: those are compared as they are."""
    names = ("uuid", "customer_id", "session_id", "event_id", "cart_token", "checkout_token", "order_id",
             "product_id", "product_handle", "variant_id")  # fmt: skip
    return any("jane@mail.example" in str(getattr(event, name)) for name in names)


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_any_optional_field_never_costs_a_good_event(fields: dict[str, Any]) -> None:
    strict = ("uuid", "customer_id", "shopify_customer_id", "product_id", "shopify_product_id", "product_handle",
              "shopify_product_handle", "shopify_variant_id", "variant_id", "subject", "verb", "noun")  # fmt: skip
    optional = {name: value for name, value in fields.items() if name not in strict}
    good = {"subject": "user", "verb": "viewed", "noun": "product", "uuid": "visitor", "product_id": "5"}
    assert isinstance(read_event({**optional, **good}, ARRIVAL), Read)


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_the_order_of_fields_means_nothing(fields: dict[str, Any]) -> None:
    emails = [name for name in fields if name.lower() in ("subject_email", "email")]
    metas = [name for name in fields if name in ("meta", "metadata")]
    if len(emails) > 1 or len(metas) > 1:
        return
    turned = dict(reversed(fields.items()))
    first, second = read_event(fields, ARRIVAL), read_event(turned, ARRIVAL)
    assert type(first) is type(second)
    if isinstance(first, Rejected):
        assert first == second
    elif len(first.event.unknown or ()) < 100 and isinstance(second, Read):
        assert first.event == second.event


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_a_rejected_event_that_is_resubmitted_is_read_as_it_was_sent(fields: dict[str, Any]) -> None:
    found = read_event(fields, ARRIVAL)
    record = quarantined(Rejected("wrong"), fields, ARRIVAL).decoded
    if record.truncated:
        return
    again = read_event(record.original | record.withheld, ARRIVAL)
    assert type(again) is type(found)
    if isinstance(found, Read) and isinstance(again, Read) and len(found.event.unknown or ()) < 100:
        assert again.event == found.event

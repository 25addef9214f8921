"""The quarantine: enough to understand a rejected event and to submit it again, nothing personal in what is shown."""

import json
from typing import Any

import pytest

from footfall.identifiers import EventId, ShopId, event_id_digest
from footfall.intake.privacy import email_hmac
from footfall.intake.quarantine import Quarantined, decode_quarantined, quarantined
from footfall.intake.reading import read_event
from footfall.intake.rejection import Rejected
from footfall.limits import ORIGINAL_BYTES_MAX
from tests.unit.intake.arrivals import ARRIVAL, EMAIL_KEY, NOW, kept, raw, refused

UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"
EMAIL = "jane@mail.example"
PERSONAL = (UUID, "207119551", EMAIL, "session-0815", "cart-4711", "e-1234", "AppleWebKit", "203.0.113.9")


def record(original: object, rejected: Rejected | None = None) -> Quarantined:
    """What is kept of an original, read back from its record."""
    stored = quarantined(rejected or Rejected("wrong", "verb"), original, ARRIVAL)
    assert stored.decoded == decode_quarantined(stored.value)
    return decode_quarantined(stored.value)


def wrong(**fields: Any) -> dict[str, Any]:
    """An event with a wrong verb and everything personal."""
    return raw(
        verb="licked", uuid=UUID, customer_id=207119551, rsid="session-0815", event_id="e-1234",
        shopify_cart_token="cart-4711", subject_email=EMAIL, tags=["session-0815", "sale"],
        url=f"https://shop.example/?u={UUID}&e={EMAIL}&c=207119551", user_agent="AppleWebKit",
        meta={"email": EMAIL, "uuid": UUID, "ip": "203.0.113.9", "colour": "red"}, **fields,
    )  # fmt: skip


def test_a_rejected_event_is_kept_with_reason_field_and_time() -> None:
    why = refused(verb="licked")
    entry = record(raw(verb="licked"), why)
    assert (entry.shop, entry.received_at, entry.error, entry.reason, entry.field) == (1, NOW, why.error, "verb", "verb")
    assert entry.original == {"subject": "user", "verb": "licked", "noun": "product", "product_id": "5"}


def test_what_is_shown_of_an_original_says_nothing_about_who_it_was() -> None:
    entry = record(wrong())
    shown = json.dumps(entry.original)
    for personal in PERSONAL:
        assert personal not in shown
    assert entry.original["meta"]["colour"] == "red"
    assert entry.original["tags"] == ["<id>", "sale"]
    assert entry.original["subject_email"] == "hmac:" + email_hmac(EMAIL, EMAIL_KEY)


def test_no_email_user_agent_or_address_is_in_the_record_at_all() -> None:
    stored = quarantined(Rejected("wrong"), wrong(), ARRIVAL).value.decode()
    for personal in (EMAIL, "AppleWebKit", "203.0.113.9"):
        assert personal not in stored


def test_an_error_that_repeats_what_the_client_sent_repeats_nothing_personal() -> None:
    why = refused(verb=EMAIL)
    assert EMAIL in why.error
    assert EMAIL not in record(raw(verb=EMAIL), why).error


def test_fixed_and_submitted_again_it_is_the_event_that_it_would_have_been() -> None:
    entry = record(wrong())
    again = read_event(entry.original | entry.withheld | {"verb": "viewed"}, ARRIVAL)
    assert again == read_event(wrong() | {"verb": "viewed"}, ARRIVAL)
    assert again == (kept(**{k: v for k, v in wrong().items() if k != "verb"}), [])


def test_without_consent_nothing_is_withheld_for_later_either() -> None:
    entry = record(wrong(consent="denied"))
    assert entry.withheld == {"event_id": "e-1234"}
    stored = quarantined(Rejected("wrong"), wrong(consent="denied"), ARRIVAL).value.decode()
    for personal in (*PERSONAL[:5], email_hmac(EMAIL, EMAIL_KEY)):
        assert personal not in stored
    again = read_event(entry.original | entry.withheld | {"verb": "viewed"}, ARRIVAL)
    assert not isinstance(again, Rejected)
    assert again.event.event_id == "e-1234"


def test_the_key_of_the_request_is_not_kept() -> None:
    assert "key" not in record(raw(key="0123456789abcdef")).original


@pytest.mark.parametrize("event_id", ["e-1", 17, 17.0, " e-2 "])
def test_it_is_found_by_the_event_id_as_it_would_have_been_stored(event_id: object) -> None:
    wanted = kept(event_id=event_id).event_id
    assert wanted is not None
    assert record(raw(event_id=event_id)).event_digest == event_id_digest(ShopId(1), EventId(wanted)).hex()


@pytest.mark.parametrize("event_id", [None, "", True, {}, [], "x" * 200])
def test_without_a_usable_event_id_it_has_no_digest(event_id: object) -> None:
    assert record(raw(event_id=event_id)).event_digest is None


@pytest.mark.parametrize(
    "original",
    [
        raw(note="x" * 40_000),
        raw(uuid="x" * 40_000),
        {f"field{n}": "y" * 100 for n in range(1_000)},
        b'{"uuid":"' + UUID.encode() + b'","note":"' + b"x" * 100_000,
        "text " * 20_000,
        ["x" * 40_000],
    ],
)
def test_an_original_is_kept_up_to_its_bound(original: object) -> None:
    entry = record(original)
    assert isinstance(entry.original, str)
    assert len(entry.original) <= ORIGINAL_BYTES_MAX
    assert entry.withheld == {}
    assert UUID not in entry.original
    assert entry.truncated or not isinstance(original, dict | bytes)


def test_a_field_that_is_nested_too_deeply_is_kept_as_text() -> None:
    deep: Any = {"uuid": UUID}
    for _ in range(900):
        deep = [deep]
    entry = record(raw(deep=deep, uuid=deep))
    assert isinstance(entry.original["deep"], str)
    assert UUID not in json.dumps(entry.original)
    assert (entry.truncated, entry.withheld) == (True, {})


@pytest.mark.parametrize("original", [None, 5, True, [], [raw()], "text", b"\xff\x00{", b""])
def test_what_is_no_object_is_kept_as_text(original: object) -> None:
    assert isinstance(record(original).original, str)

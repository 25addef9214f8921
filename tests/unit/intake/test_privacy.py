"""Consent and personal data: what is stripped, what is kept as an HMAC, and what never gets as far as the log."""

import hashlib
import hmac
from typing import Any

import pytest

from footfall.event import encode_event
from footfall.intake.privacy import anonymous, device_and_bot, without_emails, without_identities
from tests.unit.intake.arrivals import EMAIL_KEY, kept, read

EMAIL = "jane.doe+shop@mail.example"
HMAC = hmac.new(EMAIL_KEY, EMAIL.encode(), hashlib.sha256).hexdigest()
UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
DENIALS: list[Any] = ["denied", "Denied", {"analytics": False}, '{"analytics": false}', False, {"analytics": "denied"}]


def text_of(**fields: Any) -> str:
    """What is stored of an event, as the log has it."""
    return encode_event(read(**fields).event).decode()


# --- emails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [EMAIL, EMAIL.upper(), f"  {EMAIL}\n"])
def test_an_email_is_kept_as_its_hmac_trimmed_and_lower_cased(sent: str) -> None:
    assert kept(subject_email=sent).email_hmac == HMAC
    assert kept(customer_email=sent).email_hmac == HMAC


def test_another_shops_key_gives_another_hmac() -> None:
    assert HMAC not in without_emails(EMAIL, b"another key")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (EMAIL, "{}"),
        (f"Hello {EMAIL}, welcome", "Hello {}, welcome"),
        (f"https://shop.example/a?email={EMAIL}&x=1", "https://shop.example/a?email={}&x=1"),
        ("https://shop.example/?email=jane.doe%2Bshop%40mail.example", "https://shop.example/?email={}"),
        ("?next=%2Fa%3Femail%3Djane.doe%2Bshop%40mail.example%26b", "?next=%2Fa%3Femail%3D{}%26b"),
        ("?next=a%2540b&e=jane.doe+shop%2540mail.example", "?next=a%2540b&e={}"),
        (f"mailto:{EMAIL}", "mailto:{}"),
        (f"{EMAIL};{EMAIL}", "{};{}"),
    ],
)
def test_an_email_inside_a_text_becomes_the_same_hmac(text: str, left: str) -> None:
    assert without_emails(text, EMAIL_KEY) == left.replace("{}", "hmac:" + HMAC)


@pytest.mark.parametrize("text", ["jörg@müller.example", "a@b.co", "x_y'z@sub.shop.example", "100%jane@mail.example"])
def test_no_shape_of_email_stays_in_the_clear(text: str) -> None:
    assert "@" not in without_emails(f"see {text} there", EMAIL_KEY)


@pytest.mark.parametrize("text", ["no address", "5 @ 3 each", "@handle", "40% off", "a%40", "user@host"])
def test_what_is_no_email_stays_as_it_is(text: str) -> None:
    assert without_emails(text, EMAIL_KEY) == text


def test_a_long_text_full_of_at_signs_is_read_in_time_that_grows_with_its_length() -> None:
    # With a search that begins anew at every letter this would take minutes.
    for piece in ("a", "@", "a@", "%2B", "a.", "%40", "@a.", "a%40b"):
        assert without_identities(piece * (300_000 // len(piece)), EMAIL_KEY) is not None


@pytest.mark.parametrize(
    "field",
    ["url", "referrer", "label", "defined_noun_id", "shopify_product_title", "shopify_variant_title", "shopify_variant_sku",
     "widget_id", "promo_id", "subject_email", "email", "note", "Customer_Email"],
)  # fmt: skip
def test_no_field_stores_an_email_in_the_clear(field: str) -> None:
    stored = text_of(**{field: EMAIL})
    assert EMAIL not in stored
    assert HMAC in stored


@pytest.mark.parametrize(
    "fields",
    [
        {"meta": {"email": EMAIL}},
        {"meta": {"Note": EMAIL}},
        {"meta": {f"term:{EMAIL}": True}},
        {"meta": {EMAIL: EMAIL}},
        {"tags": ["vip", EMAIL]},
        {"customer": {"email": EMAIL, "notes": [EMAIL, {"to": EMAIL}]}},
        {EMAIL: "yes"},
    ],
)
def test_no_depth_and_no_name_of_a_field_stores_an_email_in_the_clear(fields: dict[str, Any]) -> None:
    stored = text_of(**fields)
    assert EMAIL not in stored
    assert "@" not in stored
    assert HMAC in stored


@pytest.mark.parametrize("value", ["undefined", "null", "", None, "[object Object]"])
def test_a_placeholder_is_no_email(value: object) -> None:
    event, warnings = read(subject_email=value)
    assert event.email_hmac is None
    assert [warning.text for warning in warnings] == ["subject_email is a placeholder and counts as absent."]


def test_what_stands_for_an_email_in_the_quarantine_stays_what_it_is() -> None:
    assert kept(subject_email="hmac:" + HMAC).email_hmac == HMAC


# --- user agents and addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user_agent", "device", "bot"),
    [
        (IPHONE, "mobile", False),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "mobile", False),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "tablet", False),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15", "tablet", False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "desktop", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "desktop", True),
        ("", None, False),
    ],
)
def test_a_user_agent_tells_device_and_bot(user_agent: str, device: str | None, bot: bool) -> None:
    assert device_and_bot(user_agent) == (device, bot)


@pytest.mark.parametrize(
    "fields",
    [
        {"meta": {"userAgent": IPHONE, "platform": "web"}},
        {"user_agent": IPHONE, "UserAgent": IPHONE},
        {"device": IPHONE},
        {"browser": {"user_agent": IPHONE, "raw": IPHONE}},
        {"label": IPHONE},
        {"ip": "203.0.113.9", "client_ip": "203.0.113.9", "meta": {"ip_address": "203.0.113.9"}, "net": {"ip": "203.0.113.9"}},
    ],
)
def test_no_field_stores_a_user_agent_or_an_address(fields: dict[str, Any]) -> None:
    stored = text_of(**fields)
    assert "AppleWebKit" not in stored
    assert "203.0.113.9" not in stored


def test_a_user_agent_in_meta_or_device_still_tells_the_device() -> None:
    assert kept(subject="user", verb="started", noun="session", meta={"userAgent": IPHONE}).device == "mobile"
    assert kept(device=IPHONE).device == "mobile"
    assert kept(device="kiosk").device == "kiosk"


# --- consent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("denied", DENIALS)
def test_without_consent_nothing_that_says_who_it_was_is_stored(denied: object) -> None:
    stored = text_of(
        consent=denied, uuid=UUID, customer_id="207119551", subject_email=EMAIL, rsid="session-0815", event_id="e-1",
        shopify_cart_token="cart-4711", checkout_token="checkout-4712", url=f"https://shop.example/?u={UUID}&e={EMAIL}",
        label="for 207119551", tags=["session-0815", "sale"], meta={"email": EMAIL, "uuid": UUID, "n": 207119551, "ok": 1},
        customer={"name": "Jane"}, extra=[{"customerId": 207119551, "cart_token": "other", "note": "cart-4711 " + EMAIL}],
    )  # fmt: skip
    for personal in (UUID, "207119551", EMAIL, HMAC, "session-0815", "cart-4711", "checkout-4712", "Jane", "other"):
        assert personal not in stored
    assert '"consent":"denied"' in stored
    assert '"sale"' in stored
    assert '"ok":1' in stored
    assert '"product_id":"5"' in stored


@pytest.mark.parametrize("denied", DENIALS)
def test_without_consent_no_identity_is_needed_and_a_wrong_one_does_not_matter(denied: object) -> None:
    identities: list[dict[str, Any]] = [{"uuid": ...}, {"uuid": "undefined"}, {"uuid": []}, {"customer_id": {}}]
    for identity in identities:
        event = kept(consent=denied, **identity)
        assert (event.uuid, event.customer_id, event.session_id) == (None, None, None)


@pytest.mark.parametrize("granted", ["granted", "GRANTED", {"analytics": True}, True])
def test_with_consent_everything_stays(granted: object) -> None:
    event = kept(consent=granted, rsid="s", subject_email=EMAIL)
    assert (event.consent, event.uuid, event.session_id, event.email_hmac) == ("granted", "visitor", "s", HMAC)


def test_anonymous_leaves_what_is_about_nobody() -> None:
    value = {"colour": "red", "sizes": [38, 39.5, True, None], "nested": {"deep": "x"}}
    assert anonymous(value, {"red-shoes"}) == value


# --- texts that could not be read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'{{"uuid":"{UUID}","customer_id":207119551,"subject_email":"{EMAIL}","rsid":"session-0815"',
        f'{{"uuid" : "x \\" 207119551", "shopify_customer_id":"207119551", "u": "{UUID.upper()}"',
        f"uuid={UUID}&shopify_customer_id=207119551&subject_email=jane.doe%2Bshop%40mail.example&rsid=session-0815",
        '{"subject_email":"jane.doe+shop\\u0040mail.example", "ip": "203.0.113.9", "user_agent": "AppleWebKit"',
    ],
)
def test_a_text_that_could_not_be_read_is_kept_without_who_it_was(text: str) -> None:
    left = without_identities(text, EMAIL_KEY)
    for personal in (UUID, UUID.upper(), "207119551", EMAIL, "jane", "session-0815", "203.0.113.9", "AppleWebKit"):
        assert personal not in left

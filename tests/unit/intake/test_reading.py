"""Reading an event: the order of checks, placeholders, ids, the product ("Reading an event" in the semantics)."""

from typing import Any

import pytest

from footfall.intake.reading import Read, read_event
from footfall.vocabulary import VOCABULARY
from tests.unit.intake.arrivals import ARRIVAL, V1_ARRIVAL, kept, raw, read, refused

MISSING_IDENTITY = "Missing required args. You must pass either shopify_customer_id or uuid."
PLACEHOLDERS = ["undefined", "null", "NaN", "[object Object]", "false", "none", "", "00000000-0000-0000-0000-000000000000",
                None, False]  # fmt: skip


# --- the order of checks -----------------------------------------------------------------------------------------


def test_the_documentations_own_sample_gets_the_documented_400() -> None:
    assert read_event({"key": "x", "subject": "user"}, V1_ARRIVAL) == read_event({}, V1_ARRIVAL)
    assert refused(V1_ARRIVAL, uuid=..., verb=..., noun=..., product_id=...).error == MISSING_IDENTITY


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"uuid": ..., "subject": "robot", "product_id": ...}, None),
        ({"uuid": [], "subject": "robot", "product_id": ...}, "uuid"),
        ({"subject": "robot", "verb": "licked", "noun": "page", "product_id": ...}, "subject"),
        ({"subject": ..., "verb": ..., "noun": ..., "product_id": ...}, "subject"),
        ({"verb": ..., "noun": ..., "product_id": ...}, "verb"),
        ({"noun": ..., "product_id": ...}, "noun"),
        ({"verb": "licked", "product_id": ...}, "verb"),
        ({"product_id": ...}, "shopify_product_handle or product_id"),
        ({"product_id": [], "event_time": "yesterday"}, "product_id"),
    ],
)
def test_the_first_check_that_fails_is_the_answer(wrong: dict[str, Any], field: str | None) -> None:
    why = refused(**wrong)
    assert (why.field, why.status) == (field, 400)
    assert field is None or field in why.error


def test_each_row_of_the_vocabulary_is_read() -> None:
    for subject, verb, noun in VOCABULARY:
        event = kept(subject=subject, verb=verb, noun=noun)
        assert (event.subject, event.verb, event.noun) == (subject, verb, noun)


@pytest.mark.parametrize("name", ["subject", "verb", "noun"])
@pytest.mark.parametrize("value", [5, True, [], {}, "User", " user", "x" * 30_000, "undefined", None])
def test_a_word_outside_the_vocabulary_is_refused_by_its_name(name: str, value: object) -> None:
    assert refused(**{name: value}).field in {"subject", "verb", "noun"}


@pytest.mark.parametrize("value", [None, 5, "text", [], [raw()], True, 1.5])
def test_what_is_no_object_is_no_event(value: object) -> None:
    assert not isinstance(read_event(value, ARRIVAL), Read)


# --- identity ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", PLACEHOLDERS)
@pytest.mark.parametrize("name", ["uuid", "customer_id", "shopify_customer_id"])
def test_a_placeholder_alone_is_no_identity(name: str, value: object) -> None:
    assert refused(**{"uuid": ..., name: value}).error == MISSING_IDENTITY


@pytest.mark.parametrize("value", [0, "0", " 0 ", 0.0, "gid://shopify/Customer/0"])
def test_0_is_no_customer(value: object) -> None:
    assert refused(uuid=..., customer_id=value).error == MISSING_IDENTITY
    assert read(customer_id=value).event.customer_id is None


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_a_placeholder_beside_a_usable_identity_costs_a_warning_only(value: object) -> None:
    for found in (read(uuid=value, customer_id="7"), read(customer_id=value), read(shopify_customer_id=value)):
        assert len(found.warnings) == 1
        assert "placeholder" in found.warnings[0].text
    assert read(uuid=value, customer_id="7").event.uuid is None


@pytest.mark.parametrize("value", ["x" * 129, "a\nb", True, [], {}, 1.5, -1])
@pytest.mark.parametrize("name", ["uuid", "customer_id", "shopify_customer_id"])
def test_an_identity_that_cannot_be_read_is_refused_by_name_even_beside_another(name: str, value: object) -> None:
    assert refused(**{"uuid": "v", "customer_id": "7", name: value}).field == name


def test_a_uuid_is_lowered_where_it_has_36_characters_and_kept_as_it_is_otherwise() -> None:
    assert kept(uuid="BE6F5FAB-32A4-43E5-967C-68017BAA3AA5").uuid == "be6f5fab-32a4-43e5-967c-68017baa3aa5"
    assert kept(uuid="Visitor").uuid == "Visitor"
    assert kept(uuid=17).uuid == "17"


@pytest.mark.parametrize("value", ["207119551", 207119551, "gid://shopify/Customer/207119551"])
@pytest.mark.parametrize("name", ["customer_id", "shopify_customer_id"])
def test_a_customer_is_the_same_by_string_number_and_graphql_id_in_both_dialects(name: str, value: object) -> None:
    assert kept(**{name: value}).customer_id == "207119551"
    assert kept(**{"uuid": ..., name: value}).uuid is None


def test_a_session_alone_is_an_identity_on_v2_and_not_on_v1() -> None:
    assert kept(uuid=..., rsid="s-1").session_id == "s-1"
    assert refused(V1_ARRIVAL, uuid=..., rsid="s-1").error == MISSING_IDENTITY
    assert refused(uuid=..., rsid="undefined").error == MISSING_IDENTITY
    assert refused(uuid=..., rsid="x" * 200).error == MISSING_IDENTITY


def test_an_email_is_never_an_identity() -> None:
    assert refused(uuid=..., subject_email="jane@shop.example").error == MISSING_IDENTITY


# --- the product -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["viewed", "added", "removed", "purchased"])
def test_only_what_a_user_does_to_a_product_needs_one(verb: str) -> None:
    assert (
        refused(verb=verb, product_id=...).error
        == "Missing required args. You must pass shopify_product_handle or product_id."
    )
    for subject, other, noun in VOCABULARY:
        if (subject, noun) != ("user", "product"):
            assert kept(subject=subject, verb=other, noun=noun, product_id=...).product_id is None


@pytest.mark.parametrize(
    ("sent", "attribute", "value"),
    [
        ({"product_id": 5630650697948}, "product_id", "5630650697948"),
        ({"shopify_product_id": "5630650697948"}, "product_id", "5630650697948"),
        ({"shopify_product_id": "gid://shopify/Product/5630650697948"}, "product_id", "5630650697948"),
        ({"product_handle": "classic-beanie"}, "product_handle", "classic-beanie"),
        ({"shopify_product_handle": "classic-beanie"}, "product_handle", "classic-beanie"),
        ({"shopify_product_handle": 12345678901}, "product_handle", "12345678901"),
        ({"shopify_product_handle": "gid://shopify/Product/5"}, "product_id", "5"),
        ({"shopify_product_handle": "gid://shopify/ProductVariant/6"}, "variant_id", "6"),
        ({"shopify_variant_id": 6}, "variant_id", "6"),
        ({"variant_id": "gid://shopify/ProductVariant/6"}, "variant_id", "6"),
    ],
)
def test_id_handle_and_variant_name_the_product_in_both_dialects(sent: dict[str, Any], attribute: str, value: str) -> None:
    event = (
        kept(product_id=..., **{k: v for k, v in sent.items() if k != "product_id"})
        if "product_id" not in sent
        else kept(**sent)
    )
    assert getattr(event, attribute) == value
    names = {"product_id", "product_handle", "variant_id"}
    assert all(getattr(event, name) is None for name in names - {attribute})


@pytest.mark.parametrize("value", PLACEHOLDERS)
@pytest.mark.parametrize("name", ["product_id", "shopify_product_id", "product_handle", "shopify_product_handle"])
def test_a_placeholder_is_no_product_and_beside_one_costs_a_warning(name: str, value: object) -> None:
    assert refused(**{"product_id": ..., name: value}).field == "shopify_product_handle or product_id"
    found = read(**{"product_id": ..., "shopify_variant_id": "6", name: value})
    assert found.event.variant_id == "6"
    assert len(found.warnings) == 1
    assert name in found.warnings[0].text


@pytest.mark.parametrize("value", [[], {}, True, -5, 1.5, "x" * 256, "a\nb", 10**400])
def test_a_product_that_cannot_be_read_is_refused_by_name_even_beside_another(value: object) -> None:
    assert refused(product_id=value, product_handle="cap").field == "product_id"
    # Where the event is not about a product it is an optional field.
    found = read(subject="user", verb="searched", noun="term", product_id=value)
    assert (found.event.product_id, len(found.warnings)) == (None, 1)


def test_an_event_keeps_both_id_and_handle_so_that_they_are_tied() -> None:
    event = kept(product_id="5", shopify_product_handle="cap", shopify_variant_id=6)
    assert (event.product_id, event.product_handle, event.variant_id) == ("5", "cap", "6")


# --- unknown fields ----------------------------------------------------------------------------------------------


def test_unknown_fields_are_kept_as_they_came() -> None:
    unknown: dict[str, Any] = {
        "theme": {"dark": [1, 2.5, None, True, "x"]},
        "Verified": "forged",
        "shop": 99,
        "time": 1,
        "e": "",
    }
    event = kept(**unknown)
    assert event.unknown == unknown
    assert (event.shop, event.verified) == (1, False)


def test_parameters_of_the_request_are_no_fields_of_the_event() -> None:
    assert kept(key="x", cache_key="1", receipts="yes").unknown is None


def test_more_unknown_fields_than_are_kept_cost_a_warning() -> None:
    found = read(**{f"field{n}": n for n in range(150)})
    assert found.event.unknown is not None
    assert len(found.event.unknown) == 100
    assert "unknown fields" in found.warnings[0].text


def test_an_unknown_field_that_is_nested_too_deeply_is_left_out_with_a_warning() -> None:
    deep: Any = "end"
    for _ in range(900):
        deep = [deep]
    found = read(deep=deep, flat=[[["kept"]]])
    assert found.event.unknown == {"flat": [[["kept"]]]}
    assert "deep is nested" in found.warnings[0].text


def test_fields_that_footfall_does_not_know_are_counted_together_whatever_their_names() -> None:
    deep: Any = "end"
    for _ in range(20):
        deep = [deep]
    many = {f"field{n}": n for n in range(150)}
    found = read(**many, **{"<b>": deep, "x" * 500: deep}, meta={"term:cap": []}, SUBJECT_EMAIL="null", user_email=5)
    assert [warned.field for warned in found.warnings] == [
        "meta",
        *["unknown"] * 2,
        "subject_email",
        "user_email",
        "unknown",
    ]
    assert [warned.placeholder for warned in found.warnings] == [False, False, False, True, False, False]
    assert found.warnings[3].text.startswith("SUBJECT_EMAIL is")


def test_warnings_end_at_their_bound() -> None:
    bad: dict[str, Any] = {
        name: {} for name in ("label", "value", "quantity", "price", "currency", "order_id", "widget_id", "promo_id")
    }
    more: dict[str, Any] = {
        name: {} for name in ("url", "referrer", "device", "country", "gpc", "tags", "theme_id", "checkout_token")
    }
    rest: dict[str, Any] = {
        name: {} for name in ("rsid", "event_id", "defined_noun_id", "platform", "event_time", "sent_at", "test")
    }
    assert len(read(**bad, **more, **rest).warnings) == 20

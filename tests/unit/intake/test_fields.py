"""Optional fields: what each takes, and that an unusable one is left out with a warning that names it, never the event."""

from typing import Any

import pytest

from tests.unit.intake.arrivals import NOW, kept, read

TEXTS = ["shopify_product_title", "shopify_variant_title", "shopify_variant_sku", "label", "url", "referrer", "device",
         "defined_noun_id", "platform"]  # fmt: skip
IDS = ["rsid", "event_id", "shopify_cart_token", "theme_id", "order_id", "checkout_token", "widget_id", "promo_id"]
ATTRIBUTES = {
    "shopify_product_title": "product_title", "shopify_variant_title": "variant_title", "shopify_variant_sku": "variant_sku",
    "shopify_variant_price": "variant_price", "shopify_cart_token": "cart_token", "rsid": "session_id",
}  # fmt: skip


def value_of(name: str, value: Any) -> Any:
    """What is kept of a field."""
    return getattr(kept(**{name: value}), ATTRIBUTES.get(name, name))


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_kept_and_a_number_stands_for_its_text(name: str) -> None:
    assert value_of(name, "Beanie — été") == "Beanie — été"
    assert value_of(name, 12) == "12"
    assert value_of(name, 1.5) == "1.5"


@pytest.mark.parametrize("name", IDS)
def test_an_id_is_kept_as_text_and_a_placeholder_is_absent(name: str) -> None:
    assert value_of(name, "72d76fde-8bb3-4e00-8c23-a032dfed738c") == "72d76fde-8bb3-4e00-8c23-a032dfed738c"
    assert value_of(name, 128457719932) == "128457719932"
    for placeholder in ("undefined", "null", "", "00000000-0000-0000-0000-000000000000", None, False):
        assert value_of(name, placeholder) is None


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("value", 4500, 4500), ("value", "4500", 4500), ("value", 4500.0, 4500), ("value", "4500.0", 4500), ("value", -5, -5),
        ("value", " 7 ", 7), ("value", "", None), ("quantity", "2", 2), ("quantity", 0, 0),
        ("price", "19.90", "19.90"), ("price", 19.9, "19.9"), ("price", 5, "5"), ("price", "", None),
        ("shopify_variant_price", "19.90", "19.90"), ("shopify_variant_price", 1990, "1990"),
        ("currency", "eur", "EUR"), ("currency", " EUR ", "EUR"), ("currency", "undefined", None), ("country", "de", "DE"),
        ("gpc", True, True), ("gpc", "yes", True), ("gpc", "1", True), ("gpc", 0, False), ("gpc", "no", False),
        ("tags", ["a", "b"], ["a", "b"]), ("tags", "a, b", ["a", "b"]), ("tags", [], None), ("tags", "", None),
    ],
)  # fmt: skip
def test_numbers_and_numeric_strings_stand_for_each_other(name: str, sent: object, stored: object) -> None:
    assert value_of(name, sent) == stored


UNUSABLE: list[tuple[tuple[str, ...], tuple[Any, ...]]] = [
    (tuple(TEXTS), ({}, [], True, "x" * 2_049)),
    (tuple(IDS), ({}, [], True, "x" * 129, "a\nb", 1.5, -1)),
    (("value",), ("many", {}, True, 1.5, "1_000", "٣", 10**400, "9" * 400, 2**53)),
    (("quantity",), (-1, "-1", "two", [])),
    (("price", "shopify_variant_price"), ("$5", "-5", -5, "1e3", 1e300, "5,00", {}, True, 10**400)),
    (("currency",), ("€", "EURO", 5, {}, "E1R")),
    (("country",), ("DEU", 5, {})),
    (("gpc",), ("perhaps", [], {}, 2)),
    (("tags",), (5, {}, [1], ["a", None], ["x" * 2_049], ["x"] * 101, True)),
    (("meta",), (5, [], "text", True, "{broken", {f"k{n}": n for n in range(251)})),
    (("event_time", "sent_at"), ("yesterday", {}, True, "2026-09-21T14:13:20", 10**400)),
    (("test",), ("perhaps", {}, [])),
    (("consent",), ("perhaps", 5, [], {}, {"analytics": "perhaps"}, {"marketing": False}, "{broken")),
    (("subject_email",), (5, {}, "x" * 321)),
]
KEPT_AS = {"subject_email": "email_hmac", "test": "flags", "event_time": "flags", "sent_at": "flags", **ATTRIBUTES}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for names, values in UNUSABLE for name in names for value in values]
)
def test_an_unusable_optional_field_is_left_out_with_a_warning_that_names_it(name: str, value: object) -> None:
    event, warnings = read(**{name: value})
    assert getattr(event, KEPT_AS.get(name, name)) == ("Shopify" if name == "platform" else None)
    assert len(warnings) == 1
    assert (warnings[0].field, warnings[0].text.partition(" ")[0]) == (name, name)


def test_the_scalars_of_meta_are_kept_and_the_rest_of_it_is_named() -> None:
    event, warnings = read(meta={"term:cap": True, "n": 3, "share": 0.5, "none": None, "text": "x", "list": [1], "obj": {}})
    assert event.meta == {"term:cap": True, "n": 3, "share": 0.5, "none": None, "text": "x"}
    assert [warning.text.partition(" ")[0] for warning in warnings] == ["meta.list", "meta.obj"]


def test_metadata_is_another_name_for_meta_and_a_query_string_carries_it_as_json() -> None:
    assert kept(metadata={"a": 1}).meta == {"a": 1}
    assert kept(meta='{"a": 1}').meta == {"a": 1}
    assert kept(meta="").meta is None


def test_a_platform_is_shopify_unless_another_is_named() -> None:
    assert kept().platform == kept(platform="").platform == kept(platform="Shopify").platform == "Shopify"
    assert kept(platform="Hydrogen").platform == "Hydrogen"


def test_an_event_is_flagged_as_a_test_where_it_says_so() -> None:
    assert kept(test="yes").flags == kept(test=True).flags == ["test"]
    assert kept(test="no").flags is kept(test="").flags is None


def test_time_and_arrival_are_both_kept() -> None:
    event = kept(event_time=str(NOW - 60_000), sent_at=NOW - 50_000)
    assert (event.time, event.received_at) == (NOW - 10_000, NOW)
    assert kept(event_time="").time == kept(event_time=None).time == NOW

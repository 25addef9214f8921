"""Ids, as "Reading an event" in the semantics has them, and the tokens and digests that stand for places and events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.identifiers import (
    Generation,
    ShopId,
    event_digest,
    event_id_digest,
    is_placeholder,
    position_token,
    product_reference,
    read_id,
    read_position_token,
    read_public_key,
    read_uuid,
    secret_key_hash,
)

UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"


@pytest.mark.parametrize(
    "value",
    ["undefined", "null", "NaN", "[object Object]", "false", "none", "", "  ", "UNDEFINED", " None ", "Null",
     "00000000-0000-0000-0000-000000000000", None, False, float("nan")],
)  # fmt: skip
def test_what_storefront_bugs_send_counts_as_absent(value: object) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize("value", ["0", 0, "undefined-hoodie", "nullable", UUID, "n", "a" * 128, 7, True, [], {}])
def test_what_only_looks_like_a_placeholder_is_none(value: object) -> None:
    assert not is_placeholder(value)


def test_a_uuid_of_36_characters_is_compared_in_lower_case_and_any_other_as_it_is() -> None:
    assert read_uuid(UUID.upper()) == UUID
    assert read_uuid("Visitor-A") == "Visitor-A"
    assert read_uuid("G" * 36) == "G" * 36


@pytest.mark.parametrize("value", ["x", "x" * 128, "a visitor", "é", "😀", " padded "])
def test_a_uuid_is_any_printable_text_of_1_to_128_characters(value: str) -> None:
    assert read_uuid(value) == value


@pytest.mark.parametrize("value", ["", "x" * 129, "a\nb", "a\x00b", "\ud800", "\u200b", True, -1, 1.5, [], {}, 2**64])
def test_what_is_no_printable_text_of_that_length_is_no_uuid(value: object) -> None:
    assert read_uuid(value) is None


@pytest.mark.parametrize(
    "value",
    ["5630650697948", 5630650697948, 5630650697948.0, "gid://shopify/Product/5630650697948", " 5630650697948 ",
     "gid://shopify/Product/5630650697948?variant=1"],
)  # fmt: skip
def test_string_number_and_graphql_id_name_the_same_product(value: object) -> None:
    assert read_id(value, "Product") == "5630650697948"


@pytest.mark.parametrize(
    "value", ["classic-beanie", "gid://shopify/Customer/5", "gid://shopify/Product/x", "007", "12a", "gid://shopify/Product/"]
)
def test_another_text_is_kept_as_it_is(value: str) -> None:
    assert read_id(value, "Product") == value


@pytest.mark.parametrize("value", ["", " ", "x" * 256, "9" * 256, "a\tb", None, True, -5, 5.5, 10**400, [], {}])
def test_what_is_no_text_or_whole_number_is_no_id(value: object) -> None:
    assert read_id(value, "Product") is None


def test_a_product_is_named_by_its_id_else_its_handle_else_its_variant() -> None:
    assert product_reference("1", "cap", "2") == "p:1"
    assert product_reference(None, "cap", "2") == "h:cap"
    assert product_reference(None, None, "2") == "v:2"
    assert product_reference(None, "", None) is None


def test_a_public_key_is_40_hex_digits_in_any_case() -> None:
    assert read_public_key(" " + "AB" * 20) == "ab" * 20
    assert read_public_key("ab" * 19) is None
    assert read_public_key("xy" * 20) is None


def test_a_secret_key_is_kept_as_a_hash_only() -> None:
    assert "ffs_" not in secret_key_hash("ffs_1")
    assert secret_key_hash("ffs_1") != secret_key_hash("ffs_2")


@given(
    st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    st.dictionaries(st.integers(0, 999_999), st.integers(0, 10**18), min_size=1, max_size=5),
)
def test_a_position_token_says_back_generation_and_places(generation: str, places: dict[int, int]) -> None:
    assert read_position_token(position_token(Generation(generation), places)) == (generation, places)


@pytest.mark.parametrize("text", ["", "5", "0123456-0.1", "0123456g-0.1", "01234567-0", "01234567-0.1_", "01234567-٣.1"])
def test_what_is_no_token_is_told_from_one(text: str) -> None:
    assert read_position_token(text) is None


@given(
    st.integers(1, 9), st.integers(1, 9), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)
)
def test_digests_tell_shops_visitors_and_ids_apart(a: int, b: int, v: str, w: str, x: str, y: str) -> None:
    first, second = event_digest(ShopId(a), v, x), event_digest(ShopId(b), w, y)
    assert (first == second) == ((a, v, x) == (b, w, y))
    assert first[:8] == event_id_digest(ShopId(a), x)
    assert len(first) == 16

"""What says of which kind a product is."""

import msgspec
import pytest

from footfall.catalog.product import Product
from footfall.limits import CONTENT_TAGS_MAX, CONTENT_TEXT_CHARACTERS_MAX, CONTENT_WORDS_MAX
from footfall.projections.recommendations.features import (
    FEATURES_MAX,
    TAG_WEIGHT,
    TITLE_WEIGHT,
    TYPE_WEIGHT,
    VENDOR_WEIGHT,
    features_of,
)


def features(product: Product) -> dict[str, int]:
    return features_of(msgspec.json.encode(product))


def words(title: str) -> list[str]:
    return list(features(Product(id="1", title=title)))


def test_type_tags_title_and_vendor_are_told_with_their_weights() -> None:
    product = Product(id="1", title="Leather boot", vendor="Acme", product_type="Boots", tags=["Winter", "men"])
    assert features(product) == {
        "type: boots": TYPE_WEIGHT,
        "vendor: acme": VENDOR_WEIGHT,
        "tag: winter": TAG_WEIGHT,
        "tag: men": TAG_WEIGHT,
        "title: leather": TITLE_WEIGHT,
        "title: boot": TITLE_WEIGHT,
    }


def test_what_a_source_could_not_see_or_left_empty_tells_nothing() -> None:
    assert features(Product(id="1")) == {}
    assert features(Product(id="1", title=None, vendor="", product_type="  ", tags=["", " "])) == {}


def test_case_accents_and_spaces_make_no_difference() -> None:
    one = Product(id="1", title="Crème BRÛLÉE", vendor="Straße", product_type=" Home  Décor ", tags=["Été"])
    other = Product(id="2", title="creme brulee", vendor="STRASSE", product_type="home decor", tags=["ETE"])
    assert features(one) == features(other)


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Boot-cut jeans (W32/L34), a classic", ["boot", "cut", "jeans", "w32", "l34", "classic"]),
        ("Tee_shirt tee", ["tee", "shirt"]),
        ("हिन्दी की किताब", ["हिन्दी", "की", "किताब"]),
        ("ガラス・コップ", ["ガラス", "コップ"]),
        ("Стеклянный стакан", ["стеклянныи", "стакан"]),
        ("½ x – & !", []),
    ],
)
def test_words_end_where_neither_letter_nor_digit_stands(title: str, told: list[str]) -> None:
    assert words(title) == [f"title: {word}" for word in told]


def test_tags_that_hide_a_product_say_nothing_of_its_kind() -> None:
    assert features(Product(id="1", tags=["Exclude_Rebuy", "footfall:hidden"])) == {}


def test_a_product_has_a_bounded_number_of_features_of_bounded_length() -> None:
    tags = [f"tag {number} " + "x" * 1_000 for number in range(500)]
    title = " ".join(f"w{number}" for number in range(500))
    found = features(Product(id="1", title=title, vendor="v" * 1_000, product_type="t" * 1_000, tags=tags))
    assert len(found) == FEATURES_MAX == 2 + CONTENT_TAGS_MAX + CONTENT_WORDS_MAX
    assert max(map(len, found)) == len("vendor: ") + CONTENT_TEXT_CHARACTERS_MAX
    assert "tag: tag 0 " + "x" * 122 in found
    assert list(found)[-1] == f"title: w{CONTENT_WORDS_MAX - 1}"

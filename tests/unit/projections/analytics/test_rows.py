"""What an event tells of where a shopper came from."""

import pytest

from footfall.projections.analytics.money import scaled
from footfall.projections.analytics.rows import source_of

_PAGE = "https://www.shop.example/products/cap"


@pytest.mark.parametrize(
    ("url", "referrer", "source"),
    [
        (None, None, None),
        (_PAGE, None, None),
        (_PAGE, "https://shop.example/", None),
        (_PAGE, "https://www.google.com/search?q=caps", "google.com"),
        (None, "https://news.example/a", "news.example"),
        (_PAGE + "?utm_source=News%20Letter&utm_medium=email", "https://www.google.com/", "news letter"),
        (_PAGE + "?a=1&utm_source=", "https://www.google.com/", "google.com"),
        (_PAGE + "?utm_source=%20", None, None),
        (_PAGE, "android-app://com.instagram.android/", "com.instagram.android"),
        (_PAGE, "nonsense", None),
        (_PAGE, "https://[broken", None),
        (_PAGE + "?utm_source=" + "x" * 500, None, "x" * 100),
    ],
)
def test_a_source_is_what_the_address_says_else_who_referred(
    url: str | None, referrer: str | None, source: str | None
) -> None:
    assert source_of(url, referrer) == source


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("19.99", 199_900), ("0.00005", 0), ("0.00015", 2), ("-3", -30_000), ("1e3", None), ("", None), (None, None)),
        *(("99999999999999.9999", 10**18 - 1), ("100000000000000", None)),
    ],
)
def test_amounts_are_whole_ten_thousandths_or_none(text: str | None, number: int | None) -> None:
    assert scaled(text) == number

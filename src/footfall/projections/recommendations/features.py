"""What says of which kind a product is: its type, its tags, words of its title and its vendor, each as a text to be shown."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.product import Text, known
from footfall.limits import CONTENT_TAGS_MAX, CONTENT_TEXT_CHARACTERS_MAX, CONTENT_WORDS_MAX
from footfall.projections.catalog import HIDING_TAGS

FEATURES_MAX: Final = 2 + CONTENT_TAGS_MAX + CONTENT_WORDS_MAX
"""Features of one product."""
TYPE_WEIGHT: Final = 8
TAG_WEIGHT: Final = 6
TITLE_WEIGHT: Final = 3
VENDOR_WEIGHT: Final = 2
"""How much each counts beside the others where it is equally rare. A word of a title tends to be rarer than a type or a tag,
and often is a mere name; a vendor sells things of all kinds."""

_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_WORDS: Final = re.compile(r"[^\W_]{2,}")


class _Described(msgspec.Struct):
    """What is read of a product's document; the rest, which is most of it, is passed over."""

    title: Text = UNSET
    vendor: Text = UNSET
    product_type: Text = UNSET
    tags: list[str] | UnsetType = UNSET


_decode: Final = msgspec.json.Decoder(_Described).decode


def features_of(document: bytes | msgspec.Raw) -> dict[str, int]:
    """The features of a product, by its document, each with its weight: ``type: boots``, ``tag: winter``, ``title: leather``,
    ``vendor: acme``. At most ``FEATURES_MAX``; upper case and accents make no difference."""
    described = _decode(document)
    features = {}
    if kind := _folded_once(known(described.product_type)):
        features[f"type: {kind}"] = TYPE_WEIGHT
    if vendor := _folded_once(known(described.vendor)):
        features[f"vendor: {vendor}"] = VENDOR_WEIGHT
    for tag in (known(described.tags) or [])[:CONTENT_TAGS_MAX]:
        if (folded := _folded_once(tag)) and folded not in HIDING_TAGS:
            features[f"tag: {folded}"] = TAG_WEIGHT
    for word in _words(_folded(known(described.title))):
        features[f"title: {word}"] = TITLE_WEIGHT
    return features


def _folded(text: str | None) -> str:
    """A text as it is compared."""
    cut = (text or "")[:CONTENT_TEXT_CHARACTERS_MAX]
    if not cut.isascii():
        # Only the accents of European scripts: in others, marks are the vowels.
        cut = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", cut)))
    return " ".join(cut.casefold().split())


_folded_once: Final = lru_cache(maxsize=10_000)(_folded)
"""For what many products have."""


def _words(title: str) -> list[str]:
    """The first words of two letters or digits or more."""
    if not title.isascii():
        title = "".join(_spaced(title))
        return [word for word in title.split() if len(word) > 1][:CONTENT_WORDS_MAX]
    return _WORDS.findall(title)[:CONTENT_WORDS_MAX]


def _spaced(title: str) -> Iterator[str]:
    """The title with a space for whatever is neither letter, digit nor a mark on one: to ``re`` Hindi's vowels end a word."""
    for character in title:
        yield character if character.isalnum() or unicodedata.category(character).startswith("M") else " "

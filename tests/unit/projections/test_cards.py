"""Products ready to answer: found again from memory and from the file, never once they have changed, and within bounds."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from footfall.projections import cards as module
from footfall.projections.cards import Card, Cards, View

PLAIN = View("https://shop.example")
GERMAN = View("https://shop.example", country="DE")


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cards]:
    """Of which memory holds one."""
    monkeypatch.setattr(module, "CATALOG_CACHE_BYTES_MAX", 1)
    monkeypatch.setattr(module, "DISK_LEFT_FOR_CARDS_MIN", 0)
    kept = Cards(tmp_path)
    yield kept
    kept.close()


def card(number: int, title: str = "T-shirt") -> Card:
    body = msgspec.Raw(msgspec.json.encode({"id": number, "title": title}))
    prices = (Decimal("19.90"), Decimal(f"{number}.50"))
    return Card(str(number), body, True, number % 2 == 0, False, prices, "acme", "shirts", frozenset({"red", "new"}))


def test_a_card_that_left_memory_is_found_as_it_was(cards: Cards) -> None:
    for number in range(20):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert [cards.find(f"product/1/{number}", PLAIN) for number in range(20)] == [card(number) for number in range(20)]


def test_a_card_that_is_asked_for_often_comes_back_into_memory(cards: Cards) -> None:
    for number in range(2):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert ("product/1/0", PLAIN) not in cards._cards
    for _ in range(20):
        assert cards.find("product/1/0", PLAIN) == card(0)
    assert ("product/1/0", PLAIN) in cards._cards


def test_what_was_never_kept_is_not_found(cards: Cards) -> None:
    cards.keep("product/1/1", PLAIN, card(1))
    for document, view in (("product/1/2", PLAIN), ("product/2/1", PLAIN), ("product/1/1", GERMAN)):
        with pytest.raises(KeyError):
            cards.find(document, view)


def test_that_there_is_no_such_product_is_kept_too(cards: Cards) -> None:
    cards.keep("product/1/1", PLAIN, None)
    assert cards.find("product/1/1", PLAIN) is None


def test_a_changed_product_is_found_in_no_view(cards: Cards) -> None:
    for number in range(3):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
        cards.keep(f"product/1/{number}", GERMAN, card(number, "Leibchen"))
    cards.forget("product/1/1")
    for view in (PLAIN, GERMAN):
        with pytest.raises(KeyError):
            cards.find("product/1/1", view)
    cards.keep("product/1/1", GERMAN, card(1, "Hemd"))
    cards.keep("product/1/9", PLAIN, card(9))
    assert cards.find("product/1/1", GERMAN) == card(1, "Hemd")
    assert cards.find("product/1/2", GERMAN) == card(2, "Leibchen")


def test_a_full_file_starts_anew_and_stays_within_its_bound(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CARD_FILE_BYTES_MAX", 1_000)
    for number in range(100):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
        assert cards._file._file is not None
        assert os.fstat(cards._file._file.fileno()).st_size <= 1_000
    kept = [number for number in range(100) if found(cards, number)]
    assert kept
    assert kept[-1] == 99
    assert all(found(cards, number) == card(number) for number in kept)


def test_the_file_holds_a_bounded_number_of_products_and_of_views(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CARD_FILE_PRODUCTS_MAX", 10)
    monkeypatch.setattr(module, "CARD_FILE_VIEWS_MAX", 2)
    for number in range(35):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert 1 <= sum(map(len, cards._file._places.values())) <= 10
    for country in ("DE", "FR", "IT"):
        cards.keep("product/1/1", View(None, country=country), card(1))
    assert len(cards._file._places) <= 2


def test_a_disk_that_is_nearly_full_is_left_to_events(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISK_LEFT_FOR_CARDS_MIN", 2**60)
    for number in range(3):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert cards._file._file is None
    assert cards.find("product/1/2", PLAIN) == card(2)


def test_a_file_that_can_not_be_written_is_done_without(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    cards.keep("product/1/1", PLAIN, card(1))
    monkeypatch.setattr(os, "pwrite", full)
    for number in range(2, 5):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert cards.find("product/1/4", PLAIN) == card(4)
    assert found(cards, 1) is None


def test_what_was_cut_short_on_the_disk_is_not_found(cards: Cards) -> None:
    for number in range(2):
        cards.keep(f"product/1/{number}", PLAIN, card(number))
    assert cards._file._file is not None
    first = cards._file._places[PLAIN]["product/1/0"] & (2**module._SIZE_BITS - 1)
    for left in (first - 1, 10, 0):
        cards._file._file.truncate(left)
        assert found(cards, 0) is None


def test_the_file_has_no_name(cards: Cards, tmp_path: Path) -> None:
    cards.keep("product/1/1", PLAIN, card(1))
    assert list(tmp_path.iterdir()) == []


def found(cards: Cards, number: int) -> Card | None:
    try:
        return cards.find(f"product/1/{number}", PLAIN)
    except KeyError:
        return None

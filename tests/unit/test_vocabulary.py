"""The vocabulary: the table of the wire, no row more or less."""

import itertools

import pytest

from footfall.vocabulary import ACTIONS, SUBJECTS, VOCABULARY, refusal

TABLE = """
user | product | viewed, added, removed, purchased
user | searched-products, search-result | added-from, clicked-to-pdp-from
user | widget | viewed, clicked, added-from
user | term | searched, passive-searched
user | search-term | changed
user | searched-product | viewed
user | search-filter-type, search-filter-values, collection-filter-type, collection-filter-values | filtered-with
user | collection-sort-type | sorted-by
user | session | started
user | collection | viewed, clicked-to-pdp-from, added-from
user | collection-product | viewed
user | product-in-collection | clicked-to-pdp-from, added-from
user | pdp-via-collection, pdp-via-collection-product | added-from
user | smart-flow | started, clicked-in
abtest | cart | tracking
search | session | used-in
search | no-search-results | returned
collection | product | viewed
collections | session | used-in
"""


def table() -> set[tuple[str, str, str]]:
    """The documented table as (subject, verb, noun)."""
    rows = [[cell.strip().split(", ") for cell in line.split(" | ")] for line in TABLE.strip().splitlines()]
    return {triple for subjects, nouns, verbs in rows for triple in itertools.product(subjects, verbs, nouns)}


def test_the_supported_events_are_those_of_the_documented_table() -> None:
    assert table() == VOCABULARY


@pytest.mark.parametrize(
    ("triple", "field", "supported"),
    [
        (("robot", "viewed", "product"), "subject", "user, abtest, search, collection, collections"),
        (("user", "viewed", "page"), "noun", "product"),
        (("user", "licked", "product"), "verb", "added, purchased, removed, viewed"),
    ],
)
def test_a_refusal_names_the_word_at_fault_and_lists_what_is_supported(
    triple: tuple[str, str, str], field: str, supported: str
) -> None:
    at_fault, error = refusal(*triple)
    assert at_fault == field
    assert supported in error
    assert repr(triple[("subject", "verb", "noun").index(field)]) in error


def test_a_refusal_repeats_no_more_than_40_characters_of_a_word() -> None:
    assert len(refusal("x" * 30_000, "viewed", "product")[1]) < 300


def test_every_action_of_the_history_is_an_event_on_a_product() -> None:
    assert {(subject, verb, "product") for subject, verb in ACTIONS} == {t for t in VOCABULARY if t[2] == "product"}
    assert len(set(ACTIONS.values())) == len(ACTIONS)
    assert {subject for subject, _, _ in VOCABULARY} == set(SUBJECTS)

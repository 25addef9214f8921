"""Numbers for names: the same name the same number, however few are kept in memory."""

import duckdb
import pytest

from footfall.projections.analytics import numbers as numbers_module
from footfall.projections.analytics.numbers import Names
from footfall.projections.analytics.schema import KIND_NUMBERS, KINDS, TABLES
from footfall.vocabulary import ACTIONS


def test_names_keep_their_numbers_where_more_are_asked_for_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers_module, "ANALYTICS_NUMBERS_CACHED_MAX", 3)
    connection = duckdb.connect()
    connection.execute(TABLES)
    names = Names(connection)
    assert names.numbers(["p:1", None, "p:2"]) == [1, 0, 2]
    assert names.numbers([f"p:{n}" for n in range(1, 9)]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert names.numbers(["p:2", "p:9", "p:1"]) == [2, 9, 1]


def test_actions_on_products_have_the_numbers_that_history_keeps_them_by() -> None:
    assert {(kind[0], kind[1]): KIND_NUMBERS[kind] for kind in KINDS if kind[2] == "product"} == ACTIONS

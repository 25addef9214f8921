"""Sorted runs: rows are found whatever run they stand in, and runs become few without a row being lost."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import pytest

from footfall.projections import runs as runs_module
from footfall.projections.runs import SortedRuns
from footfall.projections.state import Reader, Slice, Step

FULL_MERGE = 50
"""What counts as a full merge here, so that a few hundred rows make runs of several sizes."""


class Table:
    """One table of runs, with what a merge and its thread would do."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.runs = self.opened()
        for statement in self.runs.tables.values():
            connection.execute(statement)
        self.runs.load()

    def opened(self) -> SortedRuns:
        """The runs as a new process finds them."""
        columns = (("key", "TEXT NOT NULL"), ("number", "INTEGER NOT NULL"))
        return SortedRuns(
            Reader(self.connection), "things", columns=columns, order="key, number", values="value->>0, value->>1"
        )

    def execute(self, step: Step) -> None:
        """What the writer does with a step."""
        if isinstance(step, Slice):
            self.connection.execute(step.sql, (step.rows.decode(),) if step.rows is not None else ())
        else:
            step(self.connection)

    def merge(self, rows: list[tuple[str, int]], *, label: int = 0, steps: int = 10_000, forget: int | None = None) -> None:
        """A merge of these rows with at most so many steps of tidying up after it."""
        for piece in self.runs.merge(sorted(rows), count=len(rows), label=label):
            self.execute(piece)
        tidy = self.runs.tidy(lambda: False, lambda day: forget is not None and day <= forget)
        for step in islice(tidy, steps):
            self.execute(step)
        self.runs.load()

    def found(self) -> set[tuple[Any, ...]]:
        """What questions find: the rows of the live runs."""
        numbers = ", ".join(str(run.number) for run in self.runs.live)
        return set(self.connection.execute(f"SELECT key, number FROM things WHERE run IN ({numbers})").fetchall())


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "TAIL_EVENTS_MERGE", FULL_MERGE)
    monkeypatch.setattr(runs_module, "_STEP_ROWS", 40)
    monkeypatch.setattr(runs_module, "_DROP_ROWS", 7)


@contextmanager
def table(path: Path) -> Iterator[Table]:
    connection = apsw.Connection(str(path / "runs.db"))
    try:
        yield Table(connection)
    finally:
        connection.close()


def _rows(chance: random.Random, first: int, count: int) -> list[tuple[str, int]]:
    return [(f"{chance.randrange(40):02d}", first + number) for number in range(count)]


@pytest.mark.parametrize("steps", [0, 1, 3, 10_000])
def test_every_row_is_found_once_after_every_merge_however_much_was_tidied_up(tmp_path: Path, steps: int) -> None:
    chance = random.Random(7)
    with table(tmp_path) as things:
        told: set[tuple[str, int]] = set()
        for number in range(120):
            rows = _rows(chance, number * 100, chance.randrange(1, 30))
            told |= set(rows)
            things.merge(rows, steps=steps)
            assert things.found() == told


def test_runs_of_like_size_become_one_and_their_rows_leave(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(300):
            things.merge(_rows(random.Random(number), number * 100, 20))
        assert len(things.runs.live) < 3 * 8
        listed = things.connection.execute("SELECT DISTINCT run FROM things_runs").fetchall()
        assert set(things.connection.execute("SELECT DISTINCT run FROM things").fetchall()) <= set(listed)
        assert len(things.connection.execute("SELECT 1 FROM things").fetchall()) < 2 * 300 * 20


def test_one_key_with_more_rows_than_a_step_is_joined_whole(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        told = set()
        for number in range(20):
            rows = [("same", number * 100 + n) for n in range(30)]
            told |= set(rows)
            things.merge(rows)
        assert things.found() == told


def test_a_process_that_dies_while_runs_are_joined_loses_no_row_and_leaves_none_behind(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        told: set[tuple[str, int]] = set()
        for number in range(60):
            rows = _rows(random.Random(number), number * 100, 20)
            told |= set(rows)
            things.merge(rows, steps=number % 7)
            if number % 5 == 0:
                # Another process: it knows nothing of a joining that was under way.
                things.runs = things.opened()
                things.runs.load()
            assert things.found() == told
        for number in range(60, 80):
            things.merge([("x", number * 100)])
        live = {(run.number,) for run in things.runs.live}
        building = set(things.connection.execute("SELECT run FROM things_runs WHERE state = 'building'").fetchall())
        assert set(things.connection.execute("SELECT DISTINCT run FROM things").fetchall()) - building <= live | {
            (number,) for number in things.runs._dead
        }


def test_runs_of_different_labels_are_never_joined_and_those_to_forget_go(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(40):
            things.merge([(f"{number:02d}", number)], label=number % 2)
        labels = {run.label for run in things.runs.live}
        assert labels == {0, 1}
        for _ in range(3):
            things.merge([("new", 1_000)], label=2, forget=0)
        assert {number % 2 for key, number in things.found() if key != "new"} == {1}
        assert things.connection.execute("SELECT count(*) FROM things_runs WHERE label = 0").fetchall() == [(0,)]


def test_a_merge_that_is_near_goes_before_tidying_up(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(20):
            for step in things.runs.merge([("k", number)], count=1):
                things.execute(step)
            things.runs.load()
        assert list(things.runs.tidy(lambda: True)) == []
        assert len(things.runs.live) == 20

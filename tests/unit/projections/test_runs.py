"""Sorted runs: rows are found whatever run they stand in, and runs become few without a row being lost."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

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
        return SortedRuns(Reader(self.connection), "things")

    def execute(self, step: Step) -> None:
        """What the writer does with a step."""
        if isinstance(step, Slice):
            self.connection.execute(step.sql, step.parameters)
        else:
            step(self.connection)

    def merge(self, rows: list[bytes], *, label: int = 0, steps: int = 10_000, forget: int | None = None) -> None:
        """A merge of these rows with at most so many steps of tidying up after it."""
        for piece in self.runs.merge(sorted(rows), count=len(rows), label=label):
            self.execute(piece)
        tidy = self.runs.tidy(lambda: False, lambda day: forget is not None and day <= forget)
        for step in islice(tidy, steps):
            self.execute(step)
        self.runs.load()

    def found(self) -> set[bytes]:
        """What questions find: the rows of the live runs, each once."""
        rows = self.runs.find(b"", b"\xff", 1_000_000)
        assert rows == sorted(set(rows))
        return set(rows)


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


def _rows(chance: random.Random, first: int, count: int) -> list[bytes]:
    return [b"%02d/%d" % (chance.randrange(40), first + number) for number in range(count)]


@pytest.mark.parametrize("steps", [0, 1, 3, 10_000])
def test_every_row_is_found_once_after_every_merge_however_much_was_tidied_up(tmp_path: Path, steps: int) -> None:
    chance = random.Random(7)
    with table(tmp_path) as things:
        told: set[bytes] = set()
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


def test_many_rows_of_one_key_are_joined_whole(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        told = set()
        for number in range(20):
            rows = [b"same/%d" % (number * 100 + n) for n in range(30)]
            told |= set(rows)
            things.merge(rows)
        assert things.found() == told


def test_a_process_that_dies_while_runs_are_joined_loses_no_row_and_leaves_none_behind(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        told: set[bytes] = set()
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
            things.merge([b"x%d" % number])
        live = {(run.number,) for run in things.runs.live}
        building = set(things.connection.execute("SELECT run FROM things_runs WHERE state = 'building'").fetchall())
        assert set(things.connection.execute("SELECT DISTINCT run FROM things").fetchall()) - building <= live | {
            (number,) for number in things.runs._dead
        }


def test_runs_of_different_labels_are_never_joined_and_those_to_forget_go(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(40):
            things.merge([b"%02d" % number], label=number % 2)
        labels = {run.label for run in things.runs.live}
        assert labels == {0, 1}
        for _ in range(3):
            things.merge([b"new"], label=2, forget=0)
        assert {int(row) % 2 for row in things.found() if row != b"new"} == {1}
        assert things.connection.execute("SELECT count(*) FROM things_runs WHERE label = 0").fetchall() == [(0,)]


def test_a_page_of_rows_comes_in_order_out_of_all_runs_and_of_later_labels_alone_where_asked(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(30):
            things.merge([b"%02d" % number, b"%02d" % (number + 30)], label=number % 3, steps=0)
        assert things.runs.find(b"05", b"50", 7) == [b"%02d" % n for n in range(5, 12)]
        assert things.runs.find(b"05", b"50", 4, oldest=2) == [b"05", b"08", b"11", b"14"]


def test_a_merge_that_is_near_goes_before_tidying_up(tmp_path: Path) -> None:
    with table(tmp_path) as things:
        for number in range(20):
            for step in things.runs.merge([b"%02d" % number], count=1):
                things.execute(step)
            things.runs.load()
        assert list(things.runs.tidy(lambda: True)) == []
        assert len(things.runs.live) == 20

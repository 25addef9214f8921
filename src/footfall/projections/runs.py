"""Sorted runs: rows that arrive in no order of their keys, kept so that writing them is cheap.

Each merge writes its rows, sorted, as a run of its own at the end of the table, where a B-tree in key order would be touched
at a new page by nearly every row (measured on 10 million rows: 26 µs a row in one tree, 5 µs in runs). Questions look into
every run; so that there are few, runs of like size are joined in the background, as in a log-structured merge tree
(P. O'Neil et al., "The log-structured merge-tree", 1996).

A row is one blob, whose bytes are its order: it goes into SQLite as it is, where a row of columns went through JSON (measured:
5 µs a row, 1 µs as a blob). A row that stands in two runs counts once: readers see to that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import apsw

from footfall.limits import RUNS_JOINED_MAX, RUNS_MAX, TAIL_EVENTS_MERGE
from footfall.projections.state import Reader, Slice, Step

_JOIN: Final = 4
"""Runs of one size are joined when there are so many: each row is written again once for each factor of 4 in size."""
_STEP_ROWS: Final = 16_000
"""Rows of all its runs together that one step of a joining copies: about 30 ms, however many runs there are."""
_DROP_ROWS: Final = 16_000


class Run(NamedTuple):
    """One run. ``label`` keeps runs apart that must not be joined (a day, say); ``rows`` is how many it was made with."""

    number: int
    label: int
    rows: int


class _Joining:
    """A joining under way: everything in ``sources`` up to ``cursor`` is in ``target`` too."""

    def __init__(self, target: int, sources: Sequence[Run]) -> None:
        self.target = target
        self.label = sources[0].label
        self.rows = sum(run.rows for run in sources)
        self.numbers = {run.number for run in sources}
        self.sources = ", ".join(map(str, self.numbers))
        largest = max(sources, key=lambda run: run.rows)
        self.largest = largest.number
        self.step_rows = max(1, _STEP_ROWS * largest.rows // max(1, self.rows))
        """How far in the largest run a step goes: its share of the rows that a step copies."""
        self.cursor: bytes | None = None
        self.done = False


class SortedRuns:
    """The runs of one table, which belongs to one projection; its rows are blobs.

    ``merge``, ``tidy`` and what they yield run on the writer's thread, the rest on the event loop.
    """

    def __init__(self, reader: Reader, table: str) -> None:
        self._reader = reader
        self._table = table
        self.tables: Mapping[str, str] = {
            table: f"CREATE TABLE {table} (run INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (run, row))"
            " STRICT, WITHOUT ROWID",
            f"{table}_runs": f"CREATE TABLE {table}_runs (run INTEGER PRIMARY KEY, label INTEGER NOT NULL,"
            " rows INTEGER NOT NULL, state TEXT NOT NULL) STRICT",
        }
        self.live: tuple[Run, ...] = ()
        """What questions look into, the newest first."""
        self._statements: dict[int, tuple[str, ...]] = {}
        self._dead: tuple[int, ...] = ()
        self._next = 1
        self._begun: dict[int, int] = {}
        """Label → the run that a merge writes since the last ``load``: one that is tried again goes on with its own, or a disk
        that is full for an hour would leave more runs than one question can look into."""
        self._joining: _Joining | None = None
        self._joined: set[int] = set()
        """Runs that were joined since the last ``load``: they are in a target already."""

    def load(self) -> None:
        """Learn which runs there are: at start, and after each merge."""
        rows = self._reader.rows(f"SELECT run, label, rows, state FROM {self._table}_runs ORDER BY run DESC")
        target = self._joining.target if self._joining is not None else None
        self.live = tuple(Run(*row[:3]) for row in rows if row[3] == "live")
        # A target that nobody fills any more is what a crash left of a joining.
        self._dead = tuple(row[0] for row in rows if row[3] == "dead" or (row[3] == "building" and row[0] != target))
        self._next = max([self._next, *(row[0] + 1 for row in rows)])
        self._begun = {}
        self._joined = set()
        self._statements = {}

    def find(self, first: bytes, beyond: bytes, limit: int, *, oldest: int = 0) -> list[bytes]:
        """At most ``limit`` rows from ``first`` on and before ``beyond``, in order, out of the runs with a label from
        ``oldest`` on; each once."""
        statements = self._statements.get(oldest)
        if statements is None:
            statements = self._statements[oldest] = self._finding(oldest)
        if not statements:
            return []
        few, many = statements
        parameters = (first, beyond, limit)
        rows = self._reader.rows(few, parameters)
        if len(rows) < limit:
            return sorted({row for (row,) in rows})
        return [row for (row,) in self._reader.rows(many, parameters)]

    def _finding(self, oldest: int) -> tuple[str, ...]:
        """Two statements: one that stops at the limit wherever it is then, which answers most questions whole and takes half
        the time, and one that merges the runs in order."""
        numbers = [str(run.number) for run in self.live if run.label >= oldest]
        if not numbers:
            return ()
        table, between = self._table, "row >= ?1 AND row < ?2"
        few = f"SELECT row FROM {table} WHERE run IN ({', '.join(numbers)}) AND {between} LIMIT ?3"
        of_runs = (
            f"SELECT row FROM (SELECT row FROM {table} WHERE run = {number} AND {between} ORDER BY row LIMIT ?3)"
            for number in numbers
        )
        return few, f"{' UNION '.join(of_runs)} ORDER BY 1 LIMIT ?3"

    def merge(self, rows: Iterable[bytes], *, count: int, label: int = 0) -> Iterator[Slice]:
        """The slices that write these rows as a new run. SQLite sorts them, which needs no lock of Python's."""
        if count == 0:
            return
        if label not in self._begun:
            self._begun[label], self._next = self._next, self._next + 1
        run = self._begun[label]
        yield Slice(f"INSERT OR REPLACE INTO {self._table}_runs VALUES ({run}, {label}, {count}, 'live')")
        sql = f"INSERT OR IGNORE INTO {self._table} SELECT {run}, value FROM carray(?) ORDER BY value"
        remaining = iter(rows)
        while part := tuple(islice(remaining, TAIL_EVENTS_MERGE)):
            yield Slice(sql, part)

    def tidy(self, busy: Callable[[], bool], forget: Callable[[int], bool] = lambda _label: False) -> Iterator[Step]:
        """The steps that drop what is dead and join runs of like size, until nothing is left to do or ``busy`` says that
        there is a merge to do first. Runs whose label is to be forgotten are dropped."""
        for run in self.live:
            if forget(run.label):
                yield self._set_state([run.number], "dead")
        for number in self._dead:
            yield from self._drop(number, busy)
        while self._joining is not None or (sources := self._to_join(forget)):
            if self._joining is None:
                self._joining = _Joining(self._next, sources)
                self._next += 1
            joining = self._joining
            while not joining.done:
                if busy() and len(self.live) < RUNS_MAX:
                    return
                yield self._join_step(joining)
            yield self._finish_step(joining)

    def _to_join(self, forget: Callable[[int], bool]) -> list[Run]:
        """The runs to join next, all of one label: of the smallest size of which there are enough; where there are too many
        runs altogether, the smallest ones."""
        sizes: dict[tuple[int, int], list[Run]] = {}
        there = [run for run in self.live if run.number not in self._joined and not forget(run.label)]
        for run in there:
            sizes.setdefault((_size(run.rows), run.label), []).append(run)
        for _, runs in sorted(sizes.items()):
            if len(runs) >= _JOIN:
                return sorted(runs, key=lambda run: run.number)[:RUNS_JOINED_MAX]
        if len(there) < RUNS_MAX:
            return []
        labels: dict[int, list[Run]] = {}
        for run in there:
            labels.setdefault(run.label, []).append(run)
        crowd = max(labels.values(), key=len)
        return sorted(crowd, key=lambda run: run.rows)[: max(2, len(crowd) // 2)][:RUNS_JOINED_MAX]

    def _join_step(self, joining: _Joining) -> Step:
        table = self._table
        after = "AND row > ?1" if joining.cursor is not None else "AND ?1 IS NULL"

        def step(connection: apsw.Connection) -> None:
            # Said anew each time: rows of a run that no list names would be found by nobody, not even to be dropped.
            connection.execute(
                f"INSERT OR IGNORE INTO {table}_runs VALUES (?, ?, ?, 'building')",
                (joining.target, joining.label, joining.rows),
            )
            rows: list[Any] = connection.execute(
                f"SELECT row FROM {table} WHERE run = {joining.largest} {after}"
                f" ORDER BY row LIMIT 1 OFFSET {joining.step_rows}",
                (joining.cursor,),
            ).fetchall()
            bound = rows[0][0] if rows else None
            until = "AND row <= ?2" if rows else "AND ?2 IS NULL"
            connection.execute(
                f"INSERT OR IGNORE INTO {table} SELECT {joining.target}, row FROM {table}"
                f" WHERE run IN ({joining.sources}) {after} {until} ORDER BY row",
                (joining.cursor, bound),
            )
            joining.cursor = bound
            joining.done = bound is None

        return step

    def _finish_step(self, joining: _Joining) -> Step:
        def step(connection: apsw.Connection) -> None:
            # One transaction: whoever starts after a crash finds either the sources or the target. The sources' rows stay
            # until the event loop has loaded the new list, which is at the end of this merge.
            with connection:
                connection.execute(f"UPDATE {self._table}_runs SET state = 'live' WHERE run = ?", (joining.target,))
                connection.execute(f"UPDATE {self._table}_runs SET state = 'dead' WHERE run IN ({joining.sources})")
            self._joined |= joining.numbers
            self._joining = None

        return step

    def _drop(self, number: int, busy: Callable[[], bool]) -> Iterator[Step]:
        """Empty a run in steps, then forget it: with secure_delete all at once would hold up the thread for seconds."""
        left = [True]

        def step(connection: apsw.Connection) -> None:
            rows: list[Any] = connection.execute(
                f"SELECT row FROM {self._table} WHERE run = ? ORDER BY row LIMIT 1 OFFSET {_DROP_ROWS}",
                (number,),
            ).fetchall()
            if rows:
                connection.execute(f"DELETE FROM {self._table} WHERE run = ? AND row <= ?", (number, rows[0][0]))
                return
            with connection:
                connection.execute(f"DELETE FROM {self._table} WHERE run = ?", (number,))
                connection.execute(f"DELETE FROM {self._table}_runs WHERE run = ?", (number,))
            left[0] = False

        while left[0]:
            if busy():
                return
            yield step

    def _set_state(self, numbers: Sequence[int], state: str) -> Slice:
        return Slice(f"UPDATE {self._table}_runs SET state = '{state}' WHERE run IN ({', '.join(map(str, numbers))})")


def _size(rows: int) -> int:
    """In which class of size a run is: 0 up to one full merge, then one more for each factor of 4."""
    size = 0
    while rows > TAIL_EVENTS_MERGE:
        rows //= _JOIN
        size += 1
    return size

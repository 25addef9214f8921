"""Sessions: which one an event belongs to, and one row for each with what happened in it.

A session has the client's own name (``rsid``), or is what one person did without a pause of more than half an hour. Events of
robots and of tests have sessions of their own, so that leaving them out leaves whole sessions out. Rows are recomputed from
the events of every session that a batch touched: late events need no way of their own.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from footfall.projections.analytics.engine import Connection, given, rows, whole
from footfall.projections.analytics.schema import ADDED, PURCHASED, REMOVED, SESSION_GAP_MS, VIEWED


class Steps(NamedTuple):
    """Events as sessions see them, column by column. ``names``: the hash of each session's own name, 0 without; ``persons``: 0
    where nobody is known; ``marks``: those by which sessions are told apart."""

    times: Sequence[int]
    persons: Sequence[int]
    names: Sequence[int]
    marks: Sequence[int]


class Session:
    """One session that a batch may touch."""

    __slots__ = ("finish", "marks", "name", "number", "start", "touched")

    def __init__(self, number: int, name: int, marks: int, start: int, finish: int) -> None:
        self.number = number
        self.name = name
        self.marks = marks
        self.start = start
        self.finish = finish
        self.touched = False

    def take(self, start: int, finish: int) -> None:
        """Reach over another stretch of time as well."""
        if start < self.start:
            self.start = start
        if finish > self.finish:
            self.finish = finish
        self.touched = True


class Sessions:
    """Gives events their sessions, in the order of the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next = int(rows(connection, "SELECT coalesce(max(number), 0) + 1 FROM store.sessions")[0][0])
        self._named: dict[tuple[int, int], Session] = {}
        self._unnamed: dict[tuple[int, int], list[Session]] = {}
        self._merged: dict[int, int] = {}

    def assign(self, steps: Steps) -> list[int]:
        """The number of each event's session, 0 where it has none. Follow with ``store`` once the events are in the table."""
        self._load(steps)
        found = []
        # Written out: this runs for every event.
        for time, person, name, marks in zip(*steps, strict=True):
            if name:
                session = self._named.get((name, marks))
                if session is None:
                    session = self._named[(name, marks)] = self._made(name, marks, time)
                if time < session.start:
                    session.start = time
                if time > session.finish:
                    session.finish = time
                session.touched = True
                found.append(session.number)
            else:
                found.append(self._unnamed_session(time, person, marks) if person else 0)
        return [self._final(number) for number in found] if self._merged else found

    def _load(self, steps: Steps) -> None:
        self._named, self._unnamed, self._merged = {}, {}, {}
        names = set(steps.names) - {0}
        if names:
            with given(self._connection, "asked", {"name": whole(names, np.uint64)}):
                for number, name, marks, start, finish in rows(self._connection, _NAMED):
                    self._named[(name, marks)] = Session(number, name, marks, start, finish)
        if 0 not in steps.names:
            return
        alone = [
            (time, person)
            for time, person, name in zip(steps.times, steps.persons, steps.names, strict=True)
            if person and not name
        ]
        if alone:
            persons = np.array(sorted({person for _, person in alone}), dtype=np.uint32)
            first, last = min(alone)[0], max(alone)[0]
            with given(self._connection, "asked", {"person": persons}):
                near = rows(self._connection, _UNNAMED, [first - SESSION_GAP_MS, last + SESSION_GAP_MS])
            for number, person, marks, start, finish in near:
                self._unnamed.setdefault((person, marks), []).append(Session(number, 0, marks, start, finish))

    def _unnamed_session(self, time: int, person: int, marks: int) -> int:
        of_person = self._unnamed.get((person, marks))
        if of_person is None:
            of_person = self._unnamed[(person, marks)] = []
        near = [s for s in of_person if s.start - SESSION_GAP_MS <= time <= s.finish + SESSION_GAP_MS]
        if not near:
            near = [self._made(0, marks, time)]
            of_person.append(near[0])
        elif len(near) > 1:
            # An event between two sessions can make them one: the older number stays.
            near.sort(key=lambda session: session.number)
            for other in near[1:]:
                near[0].take(other.start, other.finish)
                of_person.remove(other)
                self._merged[other.number] = near[0].number
        near[0].take(time, time)
        return near[0].number

    def _made(self, name: int, marks: int, time: int) -> Session:
        session = Session(self._next, name, marks, time, time)
        self._next += 1
        return session

    def _final(self, number: int) -> int:
        while number in self._merged:
            number = self._merged[number]
        return number

    def store(self) -> None:
        """Bring the rows of all sessions that were touched up to date."""
        touched = [s for s in (*self._named.values(), *(s for of in self._unnamed.values() for s in of)) if s.touched]
        if self._merged:
            self._renumber()
        if not touched:
            return
        columns = {
            "number": whole((s.number for s in touched), np.uint32),
            "name": whole((s.name for s in touched), np.uint64),
            "marks": whole((s.marks for s in touched), np.uint8),
        }
        bounds = [min(s.start for s in touched), max(s.finish for s in touched)]
        with given(self._connection, "touched", columns):
            self._connection.execute("DELETE FROM store.sessions WHERE number IN (SELECT number FROM touched)")
            self._connection.execute(COMPUTED, bounds)

    def _renumber(self) -> None:
        old = list(self._merged)
        columns = {
            "old": np.array(old, dtype=np.uint32),
            "new": np.array([self._final(number) for number in old], dtype=np.uint32),
        }
        with given(self._connection, "merged", columns):
            for table in ("events", "told", "tokens"):
                self._connection.execute(
                    f"UPDATE store.{table} SET session = merged.new FROM merged WHERE {table}.session = merged.old"
                )
            self._connection.execute("DELETE FROM store.sessions WHERE number IN (SELECT old FROM merged)")


_NAMED: Final = "SELECT number, name, marks, start, finish FROM store.sessions WHERE name IN (SELECT name FROM asked)"
_UNNAMED: Final = (
    "SELECT number, person, marks, start, finish FROM store.sessions"
    " WHERE name IS NULL AND finish >= ? AND start <= ? AND person IN (SELECT person FROM asked)"
)


def _first(column: str) -> str:
    """What the first event of a session that says it says."""
    return f"arg_min(e.{column}, e.place) FILTER (e.{column} IS NOT NULL)"


def _count(kinds: Iterable[int]) -> str:
    return f"count(*) FILTER (e.kind IN ({', '.join(map(str, kinds))}))"


COMPUTED: Final = f"""
INSERT INTO store.sessions
WITH inside AS (
    SELECT e.*, row_number() OVER (ORDER BY e.time, e.position) AS place FROM store.events e
    WHERE e.session IN (SELECT number FROM touched) AND e.time BETWEEN ? AND ?
), row AS (
    SELECT e.session AS number, {_first("person")} AS person,
        min(coalesce(e.person, 0)) <> max(coalesce(e.person, 0)) AS mixed,
        arg_min_null(e.customer, e.place) FILTER (e.person IS NOT NULL) AS customer,
        min(e.time) AS start, max(e.time) AS finish, count(*) AS events,
        arg_min(e.position, e.place) FILTER (e.person IS NOT NULL) AS position,
        min(e.time) FILTER (e.person IS NOT NULL) - min(e.time) AS known_after,
        {_count([VIEWED])} AS views, {_count([ADDED])} AS adds, {_count([REMOVED])} AS removes,
        {_count([PURCHASED])} AS purchases, min(e.time) FILTER (e.kind = {VIEWED}) AS viewed_at,
        {_first("device")} AS device, {_first("country")} AS country, {_first("source")} AS source, {_first("theme")} AS theme,
        {_first("url")} AS landing
    FROM inside e GROUP BY e.session
), added AS (
    SELECT e.session AS number, min(e.time) AS added_at FROM inside e JOIN row ON row.number = e.session
    WHERE e.kind = {ADDED} AND e.time >= row.viewed_at GROUP BY e.session
)
SELECT row.number, nullif(touched.name, 0), touched.marks, row.person, row.mixed, row.customer, row.start, row.finish,
    row.position, row.known_after, row.events, row.views, row.adds, row.removes, row.purchases, row.viewed_at, added.added_at,
    row.device, row.country, row.source, row.theme, row.landing
FROM row JOIN touched USING (number) LEFT JOIN added USING (number)
"""

"""Distinct persons of a window, by points in time or by whatever else there is: a customer where one owns the event, else who
left it.

Nearly all persons count as themselves: of these there is a bit for each. The others are looked up, or, where only each event
tells as whom they count, told by their events.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from footfall.limits import REPORT_BITMAP_BYTES_MAX
from footfall.projections.analytics.reports.asked import Asked
from footfall.projections.analytics.schema import APART, OWNED, QUARTER_MS

_EXCEPTIONS: Final = f"{APART} UNION ALL SELECT person FROM store.figures"


class Seen(NamedTuple):
    """Who was seen, as SQL: rows of ``key`` (what they are counted by) and who."""

    rows: Callable[[str, str], str]
    """Given what says who (``person``, or a column of what is joined) and a join, ``USING (person)``."""
    events: str
    """The events that tell of those who are apart: ``key``, ``person``, ``customer``, ``position``, ``time``."""


def visitors(asked: Asked, *, one_point: bool = False) -> dict[int, int]:
    """Distinct persons by the number of the point, 0 where there is ``one_point``."""
    points = 1 if one_point else len(asked.starts)
    return distinct(asked, _by_events(asked, points) if asked.is_filtered else _by_sessions(asked, points), points)


def counted(asked: Asked, persons: str) -> str:
    """SQL for how many there are in the column ``person`` of ``persons``, each once, by their numbers alone."""
    if asked.people // 8 > REPORT_BITMAP_BYTES_MAX:
        return f"SELECT count(DISTINCT person) FROM ({persons})"
    return f"SELECT coalesce(bit_count(bitstring_agg(person, 0, {asked.people})), 0) FROM ({persons})"


def distinct(asked: Asked, seen: Seen, keys: int) -> dict[Any, int]:
    """Distinct persons by key, of which there are so many at most."""
    people = asked.people
    if not people:
        return {}
    everybody = seen.rows("person", "")
    if keys * people // 8 > REPORT_BITMAP_BYTES_MAX:
        plain = f"SELECT key, count(DISTINCT who) FROM ({everybody}) WHERE who NOT IN ({_EXCEPTIONS}) GROUP BY 1"
    else:
        # Number 0 is nobody's: where there are no exceptions, its bit makes the set that none is in.
        of_exceptions = f"SELECT bitstring_agg(person, 0, {people}) FROM ({_EXCEPTIONS} UNION ALL SELECT 0)"
        plain = f"""SELECT key, bit_count(bitstring_agg(who, 0, {people}) & ~({of_exceptions})) FROM ({everybody})
            WHERE who IS NOT NULL GROUP BY 1"""
    found = dict(asked.rows(plain))
    told = asked.rows(
        f"""WITH e AS MATERIALIZED ({seen.events} AND e.person IN ({APART})), {OWNED}, told AS (
            SELECT key, who FROM ({seen.rows("f.figure", "JOIN store.figures f USING (person)")})
            UNION SELECT key, figure FROM owned
        ) SELECT key, count(*) FROM told GROUP BY 1"""
    )
    for key, persons in told:
        found[key] = found.get(key, 0) + persons
    return found


def _by_events(asked: Asked, points: int) -> Seen:
    """Persons with the points in which they did something, by their events."""
    point = asked.point("e.time") if points > 1 else "0"
    return Seen(
        lambda who, join: f"SELECT {point} AS key, {who} AS who FROM store.events e {join} WHERE {asked.events()}",
        _events_of(asked, point),
    )


def _by_sessions(asked: Asked, points: int) -> Seen:
    """The same by sessions, a quarter as many: a session has an event where it begins and where it ends. What it has between
    these, its events tell, as they do of one that several persons share."""
    window = asked.window
    start, finish, time = (asked.point(of) if points > 1 else "0" for of in ("s.start", "s.finish", "e.time"))
    unmarked = f"s.marks & {asked.marks_left_out} = 0"
    across = f" OR s.start // {QUARTER_MS} <> s.finish // {QUARTER_MS}" if points > 1 else ""
    # The few that may have more than one point, or more than one person.
    asked.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE stretched AS SELECT * FROM (SELECT s.number, s.person, s.mixed,
            CASE WHEN s.start < {window.start} THEN -1 ELSE {start} END AS first,
            CASE WHEN s.finish >= {window.end} THEN {points} ELSE {finish} END AS last
        FROM store.sessions s
        WHERE s.start < {window.end} AND s.finish >= {window.start} AND {unmarked}
            AND (s.mixed OR s.start < {window.start} OR s.finish >= {window.end}{across})) WHERE mixed OR first <> last"""
    )
    ((doubtful,),) = asked.rows("SELECT count(*) FROM stretched WHERE mixed OR last - first > 1")

    def rows(who: str, join: str) -> str:
        branches = [
            f"""SELECT {start} AS key, {who} AS who FROM store.sessions s {join}
            WHERE s.start >= {window.start} AND s.start < {window.end} AND {unmarked} AND NOT s.mixed""",
            f"SELECT last, {who} FROM stretched {join} WHERE last < {points} AND last <> first AND NOT mixed",
        ]
        if doubtful:
            branches.append(
                f"""SELECT {time}, {who} FROM store.events e {join} WHERE {asked.events()}
                AND e.session IN (SELECT number FROM stretched WHERE mixed OR last - first > 1)"""
            )
        return " UNION ALL ".join(branches)

    return Seen(rows, _events_of(asked, time))


def _events_of(asked: Asked, point: str) -> str:
    return f"SELECT {point} AS key, e.person, e.customer, e.position, e.time FROM store.events e WHERE {asked.events()}"

"""``funnel``, ``sessions`` and ``retention``: how far shoppers come, how they behave, and whether they come back."""

from collections.abc import Sequence
from typing import Any, Final

from footfall.clock import DAY_MS
from footfall.projections.analytics.asking import Window, bucket_starts
from footfall.projections.analytics.reports.asked import SESSION_COLUMNS, Asked, Told, ratio
from footfall.projections.analytics.reports.persons import counted
from footfall.projections.analytics.schema import ADDED, APART, OWNED, VIEWED

STEPS: Final = ("viewed", "added", "purchased")


# --- funnel --------------------------------------------------------------------------------------------------------


def funnel(asked: Asked) -> Told:
    """How many viewed a product, then added one, then purchased, in this order; with ``breakdown`` by what they came with."""
    found, previous = _steps(asked), None
    data = _shown(found, None)
    if asked.question.compare:
        with asked.before() as before:
            previous = _steps(before)
        data["previous"] = _shown(previous, None)
    columns = list(data["steps"][0])
    if asked.question.breakdown:
        data["breakdown"] = [{asked.question.breakdown: part, **_shown(found, part)} for part in _parts(found)]
        columns = [asked.question.breakdown, *columns]
    return Told(data, columns, _table(asked, found), _table(asked, previous) if previous is not None else None)


def _table(asked: Asked, found: "_Counts") -> list[dict[str, Any]]:
    if not asked.question.breakdown:
        return list(_shown(found, None)["steps"])
    return [{asked.question.breakdown: part, **step} for part in _parts(found) for step in _shown(found, part)["steps"]]


def _parts(found: "_Counts") -> list[Any]:
    return sorted({part for part, *_ in found}, key=lambda part: (-_total(found, part)[0], str(part)))


_Counts = Sequence[tuple[Any, int, int, int]]


def _steps(asked: Asked) -> _Counts:
    """(part, viewed, added, purchased)."""
    return _by_visitor(asked) if asked.question.by == "visitor" else _by_session(asked)


def _total(found: _Counts, part: Any) -> list[int]:
    return [sum(row[step] for row in found if part is None or row[0] == part) for step in (1, 2, 3)]


def _shown(found: _Counts, part: Any) -> dict[str, Any]:
    numbers = _total(found, part)
    steps = [
        {
            "step": step,
            "count": count,
            "from_first": ratio(count, numbers[0]),
            "from_previous": ratio(count, numbers[place - 1]) if place else None,
        }
        for place, (step, count) in enumerate(zip(STEPS, numbers, strict=True))
    ]
    return {"steps": steps}


def _part_of(asked: Asked) -> str:
    return SESSION_COLUMNS[asked.question.breakdown].format("s") if asked.question.breakdown else "''"


def _journeys(asked: Asked) -> str:
    """Sessions with when they first viewed, and when after that they first added, as ``s``."""
    if not asked.has_product_filter:
        return f"s AS (SELECT * FROM store.sessions s WHERE {asked.sessions()})"
    # With one product in mind, each step is about it.
    inside = "e.session IN (SELECT number FROM begun) AND e.product IN (SELECT number FROM chosen)"
    return f"""
        begun AS (SELECT * FROM store.sessions s WHERE {asked.sessions()}),
        v AS (SELECT e.session, min(e.time) AS at FROM store.events e WHERE e.kind = {VIEWED} AND {inside} GROUP BY 1),
        a AS (SELECT e.session, min(e.time) AS at FROM store.events e JOIN v USING (session)
            WHERE e.kind = {ADDED} AND e.time >= v.at AND {inside} GROUP BY 1),
        s AS (SELECT begun.* EXCLUDE (viewed_at, added_at), v.at AS viewed_at, a.at AS added_at
            FROM begun LEFT JOIN v ON v.session = begun.number LEFT JOIN a ON a.session = begun.number)"""


def _bought(asked: Asked) -> str:
    return "store.counted_lines l" + (" WHERE l.product IN (SELECT number FROM chosen)" if asked.has_product_filter else "")


def _by_session(asked: Asked) -> _Counts:
    return asked.rows(
        f"""WITH {_journeys(asked)},
        b AS (SELECT l.session, max(l.time) AS at FROM {_bought(asked)} GROUP BY 1)
        SELECT {_part_of(asked)}, count(s.viewed_at), count(s.added_at), count(*) FILTER (b.at >= s.added_at)
        FROM s LEFT JOIN b ON b.session = s.number GROUP BY 1"""
    )


def _by_visitor(asked: Asked) -> _Counts:
    """Visitors for whom there are a view, a later add and a later purchase, the last at most ``within`` after the first.

    Most are told by a session in which they viewed and then added. Only for those whom none tells, every add looks for the
    last view before it, and every purchase for the last add: a chain through these is the shortest that there is.
    """
    parts = {
        "journeys": _journeys(asked),
        "part": _part_of(asked),
        "bought": _bought(asked),
        "inside": _inside(asked),
        "within": asked.question.within_ms,
        "chosen": " AND e.product IN (SELECT number FROM chosen)" if asked.has_product_filter else "",
    }
    for name, statement in _VISITORS_STEPS.items():
        # In the place of that of the window compared with.
        asked.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {statement.format(**parts)}")
    if asked.question.breakdown:
        return asked.rows(_BROKEN_DOWN.format(**parts))
    viewers = counted(asked, _VIEWERS.format(**parts))
    return asked.rows(f"SELECT '', ({viewers}), (SELECT count(*) FROM added), (SELECT count(*) FROM bought)")


def _inside(asked: Asked) -> str:
    """The condition on events ``e`` of sessions that began in the window. All but those of the few sessions that lie across
    one of its ends are told by their own time."""
    start, end = asked.window.start, asked.window.end
    parts = [
        f"e.marks & {asked.marks_left_out} = 0 AND e.time >= {start}",
        f"e.session NOT IN (SELECT number FROM store.sessions WHERE start < {start} AND finish >= {start})",
        f"(e.time < {end} OR e.session IN (SELECT number FROM store.sessions WHERE start < {end} AND finish >= {end}))",
    ]
    if asked.is_filtered:
        parts.append(f"e.session IN (SELECT s.number FROM store.sessions s WHERE {asked.sessions()})")
    if asked.has_product_filter:
        parts.append("e.product IN (SELECT number FROM chosen)")
    return " AND ".join(parts)


# Temporary tables rather than one statement: what a step is done with is not in memory while the next one works.
_VISITORS_STEPS: Final = {
    "quick": """
        WITH {journeys} SELECT s.person, s.viewed_at AS viewed, s.added_at AS time FROM s
        WHERE NOT s.mixed AND s.person IS NOT NULL AND s.added_at - s.viewed_at <= {within}""",
    "adds": f"""
        SELECT e.person, e.time FROM store.events e WHERE e.kind = {ADDED} AND e.person IS NOT NULL
        AND {{inside}}""",
    "buys": """
        SELECT DISTINCT coalesce(l.person, l.customer) AS person, l.time FROM {bought}""",
    "quick_buyers": """
        SELECT DISTINCT b.person FROM buys b ASOF JOIN quick q ON q.person = b.person AND q.time <= b.time
        WHERE b.time - q.viewed <= {within}""",
    "unsure": """
        SELECT person FROM adds WHERE person NOT IN (SELECT person FROM quick)
        UNION SELECT b.person FROM buys b ASOF JOIN adds a ON a.person = b.person AND a.time <= b.time
        WHERE b.time - a.time <= {within} AND b.person NOT IN (SELECT person FROM quick_buyers)""",
    "viewed_adds": f"""
        WITH views AS (
            SELECT e.person, e.time FROM store.events e WHERE e.kind = {VIEWED} AND e.person IN (SELECT person FROM unsure)
                AND {{inside}}
        ), late AS (SELECT person, time FROM adds WHERE person IN (SELECT person FROM unsure))
        SELECT a.person, a.time, v.time AS viewed FROM late a ASOF JOIN views v ON v.person = a.person AND v.time <= a.time""",
    "added": """
        SELECT person FROM quick UNION SELECT person FROM viewed_adds WHERE time - viewed <= {within}""",
    "bought": """
        SELECT person FROM quick_buyers
        UNION SELECT b.person FROM buys b ASOF JOIN viewed_adds a ON a.person = b.person AND a.time <= b.time
        WHERE b.time - a.viewed <= {within}""",
}
_VIEWS: Final = f"""
    SELECT s.person, s.viewed_at AS viewed, {{part}} AS part, s.start FROM s WHERE NOT s.mixed
    UNION ALL
    SELECT e.person, e.time, {{part}}, s.start FROM store.events e JOIN s ON s.number = e.session
    WHERE s.mixed AND e.kind = {VIEWED}{{chosen}}"""
_VIEWERS: Final = f"WITH {{journeys}} SELECT person FROM ({_VIEWS}) WHERE viewed IS NOT NULL"
_BROKEN_DOWN: Final = f"""
    WITH {{journeys}}, visitors AS (
        SELECT person, count(viewed) > 0 AS viewed, arg_min(part, start) AS part FROM ({_VIEWS})
        WHERE person IS NOT NULL GROUP BY person
    )
    SELECT v.part, count(*) FILTER (v.viewed), count(a.person), count(b.person)
    FROM visitors v LEFT JOIN added a USING (person) LEFT JOIN bought b USING (person) GROUP BY 1"""


# --- sessions ------------------------------------------------------------------------------------------------------

_LENGTHS: Final = ((0, 0), (1, 10), (11, 30), (31, 60), (61, 180), (181, 600), (601, 1_800), (1_801, None))
"""Lengths of sessions in whole seconds, from and to, as the distribution tells them apart."""


def sessions(asked: Asked) -> Told:
    """How long sessions are and how much happens in them. A bounce views one product at most, adds none and buys nothing."""
    data: dict[str, Any] = _whole(asked)
    columns, table = list(data), [dict(data)]
    previous = None
    if asked.question.compare:
        with asked.before() as before:
            data["previous"] = _whole(before)
            previous = _by_part(before) if asked.question.breakdown else [data["previous"]]
    data["lengths"] = _lengths(asked)
    if asked.question.breakdown:
        data["breakdown"] = table = _by_part(asked)
        columns = [asked.question.breakdown, *columns]
    return Told(data, columns, table, previous)


def _whole(asked: Asked) -> dict[str, Any]:
    (row,) = _behaviour(asked, "''")
    return {name: value for name, value in row.items() if name != "part"}


def _by_part(asked: Asked) -> list[dict[str, Any]]:
    rows = _behaviour(asked, _part_of(asked))
    return [{asked.question.breakdown: row.pop("part"), **row} for row in rows if row["sessions"]]


def _behaviour(asked: Asked, part: str) -> list[dict[str, Any]]:
    told = asked.rows(
        f"""SELECT {part} AS part, count(*), avg(s.finish - s.start) / 1000, median(s.finish - s.start) / 1000, avg(s.events),
            avg(s.views), count(*) FILTER (s.views <= 1 AND s.adds = 0 AND s.purchases = 0 AND b.session IS NULL)
        FROM store.sessions s LEFT JOIN (SELECT DISTINCT session FROM store.counted_lines) b ON b.session = s.number
        WHERE {asked.sessions()} GROUP BY 1 ORDER BY 2 DESC, 1"""
    )
    if not told:
        told = [("", 0, None, None, None, None, 0)]
    return [
        {
            "part": name,
            "sessions": count,
            "seconds_average": _rounded(average),
            "seconds_median": _rounded(median),
            "events_average": _rounded(events),
            "views_average": _rounded(views),
            "bounces": bounces,
            "bounce_rate": ratio(bounces, count),
        }
        for name, count, average, median, events, views, bounces in told
    ]


def _lengths(asked: Asked) -> list[dict[str, Any]]:
    cases = " ".join(f"WHEN seconds <= {last} THEN {number}" for number, (_, last) in enumerate(_LENGTHS) if last is not None)
    told = dict(
        asked.rows(
            f"SELECT CASE {cases} ELSE {len(_LENGTHS) - 1} END, count(*) FROM (SELECT (s.finish - s.start) // 1000 AS seconds"
            f" FROM store.sessions s WHERE {asked.sessions()}) GROUP BY 1"
        )
    )
    return [
        {"from_seconds": first, "to_seconds": last, "sessions": told.get(number, 0)}
        for number, (first, last) in enumerate(_LENGTHS)
    ]


def _rounded(number: float | None) -> float | None:
    return round(number, 3) if number is not None else None


_BITS: Final = 62
"""Weeks that one number holds: a ``BIGINT`` without its sign, and without the step where shifting into it would fail."""


# --- retention -----------------------------------------------------------------------------------------------------


def retention(asked: Asked) -> Told:
    """Who came for the first time in a week, and how many of them came again in each week after it.

    A session counts as who owns the first of its events that tell of a person. Weeks begin on Monday in the window's zone.
    """
    starts = bucket_starts(_whole_weeks(asked.window), "week")
    ends = [*starts[1:], asked.window.end]
    # Week 0 is what was before them. Each person's weeks are bits of a few numbers.
    case = " ".join(f"WHEN s.start < {end} THEN {number}" for number, end in enumerate([starts[0], *ends]))
    sets = [f"weeks{number}" for number in range(len(starts) // _BITS + 1)]
    came_in = ", ".join(
        f"bit_or(CASE WHEN week // {_BITS} = {number} THEN 1::BIGINT << (week % {_BITS}) ELSE 0 END) AS {name}"
        for number, name in enumerate(sets)
    )
    first = " ".join(
        f"WHEN {name} <> 0 THEN {number * _BITS} + bit_count(({name} & -{name}) - 1)" for number, name in enumerate(sets)
    )
    of_week = " ".join(f"WHEN {number} THEN {name}" for number, name in enumerate(sets))
    told = asked.rows(
        f"""WITH e AS (
            SELECT s.person, s.customer, s.position, s.start + s.known_after AS time, s.start FROM store.sessions s
            WHERE s.person IN ({APART}) AND s.start < {asked.window.end}
                AND s.marks & {asked.marks_left_out} = 0
        ), {OWNED},
        came AS (
            SELECT coalesce(f.figure, s.person) AS figure, s.start FROM store.sessions s
            LEFT JOIN store.figures f ON f.person = s.person
            WHERE s.person IS NOT NULL AND s.person NOT IN ({APART}) AND s.start < {asked.window.end}
                AND s.marks & {asked.marks_left_out} = 0
            UNION ALL SELECT figure, start FROM owned
        ), persons AS (
            SELECT {came_in} FROM (SELECT figure, CASE {case} END AS week FROM came s) GROUP BY figure
        ), alike AS (
            SELECT {", ".join(sets)}, CASE {first} END - 1 AS cohort, count(*) AS persons FROM persons GROUP BY ALL
        )
        SELECT cohort, week - 1 - cohort, sum(persons)::BIGINT FROM alike, range(1, {len(starts) + 1}) w(week)
        WHERE cohort >= 0 AND (CASE week // {_BITS} {of_week} END >> (week % {_BITS})) & 1 = 1 GROUP BY 1, 2"""
    )
    numbers = {(cohort, week): count for cohort, week, count in told}
    cohorts = []
    for cohort, start in enumerate(starts):
        size = numbers.get((cohort, 0), 0)
        weeks = [numbers.get((cohort, week), 0) for week in range(len(starts) - cohort)]
        cohorts.append(
            {"week": asked.label(start)[:10], "visitors": size, "came": weeks, "rates": [ratio(one, size) for one in weeks]}
        )
    table = [
        {"week": cohort["week"], "visitors": cohort["visitors"], "after_weeks": week, "came": came, "rate": rate}
        for cohort in cohorts
        for week, (came, rate) in enumerate(zip(cohort["came"], cohort["rates"], strict=True))
    ]
    return Told({"cohorts": cohorts}, list(table[0]), table)


def _whole_weeks(window: Window) -> Window:
    """The window from the Monday on or before its start."""
    earlier = Window(type(window.start)(window.start - 7 * DAY_MS), window.end, window.timezone)
    mondays = [start for start in bucket_starts(earlier, "week")[1:] if start <= window.start]
    return Window(mondays[-1] if mondays else window.start, window.end, window.timezone)

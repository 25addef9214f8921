"""Analytics, whatever happens: made in any batches or anew it is the same, and every figure is what a naive reading gives."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS, Milliseconds
from footfall.event import Event, Flag
from footfall.identifiers import CustomerId, Generation, Handle, Position, ProductId, SessionId, ShopId, Uuid, VariantId
from footfall.log.port import Stream
from footfall.projections.analytics import engine, rollups
from footfall.projections.analytics.answering import answer
from footfall.projections.analytics.asking import read_report
from footfall.projections.analytics.engine import Connection
from footfall.projections.analytics.file import prepare
from footfall.projections.analytics.projection import Batch, Projection
from tests.properties import analytics_model as model

SHOP = ShopId(1)
_GENERATION = Generation("0badcafe")
_KEY = b"k" * 32
_START = 1_785_542_400_000
"""2026-08-01 00:00 UTC, a Saturday."""
NOW = Milliseconds(_START + 40 * DAY_MS)

_SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

_KINDS = [
    *(("user", verb, "product") for verb in ("viewed", "viewed", "viewed", "added", "added", "removed", "purchased")),
    ("collection", "viewed", "product"),
    ("user", "searched", "term"),
]
_PEOPLE = [
    *(("u1", None, None), ("u1", "c1", None), ("u2", None, None), ("u2", "c1", None), ("u2", "c2", None)),
    *(("u1", None, "s1"), ("u3", None, "s1"), ("u3", None, None), (None, "c1", None), (None, "c2", None)),
    *((None, None, "s2"), ("u3", "c2", "s2"), (None, None, None)),
]
"""Who may do something: uuid, customer and session."""
_PRODUCTS = [
    *(("1", None, None), ("1", "one", "11"), (None, "one", None), ("2", "two", None), (None, "two", "21")),
    *((None, None, "11"), (None, None, "99"), ("3", "one", None), (None, "7310002224", None)),
]
"""What it may be about: product id, handle and variant."""
_FLAGS: list[list[Flag] | None] = [None, None, None, None, ["bot"], ["test"], ["late"]]
_TIMES = st.one_of(
    st.integers(0, 240).map(lambda minutes: minutes * MINUTE_MS),
    st.integers(0, 30 * 24).map(lambda hours: hours * HOUR_MS),
    st.sampled_from([7 * DAY_MS - 1, 7 * DAY_MS, 30 * MINUTE_MS, 30 * MINUTE_MS + 1, 60 * MINUTE_MS]),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """One event of a small shop, about few products, by few people, at any time."""
    subject, verb, noun = draw(st.sampled_from(_KINDS))
    time = Milliseconds(_START + draw(_TIMES))
    uuid, customer, session = draw(st.sampled_from(_PEOPLE))
    product = draw(st.sampled_from(_PRODUCTS))
    bought = verb == "purchased"
    return Event(
        shop=SHOP,
        received_at=time,
        time=time,
        subject=subject,
        verb=verb,
        noun=noun,
        uuid=Uuid(uuid) if uuid else None,
        customer_id=CustomerId(customer) if customer else None,
        session_id=SessionId(session) if session else None,
        product_id=ProductId(product[0]) if product[0] and noun == "product" else None,
        product_handle=Handle(product[1]) if product[1] and noun == "product" else None,
        variant_id=VariantId(product[2]) if product[2] and noun == "product" else None,
        defined_noun_id="shoes" if noun == "term" else None,
        price=draw(st.sampled_from([None, "19.99", "0.1", "7"])) if bought else None,
        quantity=draw(st.sampled_from([None, 1, 3, 0])) if bought else None,
        order_id=draw(st.sampled_from([None, "o1", "o2"])) if bought else None,
        checkout_token=draw(st.sampled_from([None, None, "t1"])) if bought else None,
        verified=draw(st.booleans()) if bought else False,
        consent=None if uuid or customer or session else "denied",
        flags=draw(st.sampled_from(_FLAGS)),
    )


_LOGS = st.lists(events(), min_size=1, max_size=40)
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)


ROLLED_UP_AFTER = 5
"""So few, that most logs have events on both sides."""


@contextmanager
def file_of(log: Sequence[Event], cuts: Sequence[int]) -> Iterator[Connection]:
    """A shop's file that took in a log in batches of these sizes, again and again from the first."""
    with tempfile.TemporaryDirectory() as directory:
        connection = engine.open_file(Path(directory, "1.duckdb"), memory_bytes=2**28, spill=Path(directory, "spill"))
        try:
            assert prepare(connection, _GENERATION, {}) == {}
            projection = Projection(connection, SHOP, _KEY)
            done, turn = 0, 0
            while done < len(log):
                size = cuts[turn % len(cuts)]
                part = [((0, Position(done + n + 1)), event) for n, event in enumerate(log[done : done + size])]
                done, turn = done + len(part), turn + 1
                if turn % 3 == 0:
                    # What it keeps in memory must not matter.
                    projection = Projection(connection, SHOP, _KEY)
                with patch.object(rollups, "ANALYTICS_ROLLUP_AFTER", ROLLED_UP_AFTER):
                    projection.apply(Batch(part, [], {Stream.EVENTS: {0: Position(done)}}))
            yield connection
        finally:
            connection.close()


def told(connection: Connection, name: str, **fields: Any) -> Any:
    """What a report answers under ``data``."""
    question = read_report(name, fields, timezone="UTC", currency="USD", now=NOW)
    return msgspec.json.decode(answer(connection.cursor(), question).body)["data"]


Days = tuple[float, float]


def moment(day: float) -> Milliseconds:
    """So many days from the start, to the minute."""
    return Milliseconds(_START + round(day * 1440) * 60_000)


def window(start: float, end: float) -> Mapping[str, str]:
    """Parameters that name a window, in days from the start."""
    times = [datetime.fromtimestamp(moment(day) / 1000, UTC).isoformat() for day in (start, end)]
    return {"from": times[0], "to": times[1]}


_WINDOWS = st.sampled_from([(0, 30), (0, 1), (1, 8), (7, 14), (0.3388, 8.7514), (7.01, 7.99), (0.0007, 29.9993)])

# --- rebuilt = incremental ------------------------------------------------------------------------------------------

_DUMPS = (
    """SELECT e.position, e.time, e.kind, e.marks, p.hash, c.hash, s.start, s.name, r.name, e.price FROM store.events e
    LEFT JOIN store.people p ON p.number = e.person LEFT JOIN store.people c ON c.number = e.customer
    LEFT JOIN store.sessions s ON s.number = e.session LEFT JOIN store.names n ON n.number = e.product
    LEFT JOIN store.names r ON r.number = n.product ORDER BY 1""",
    """SELECT s.* EXCLUDE (number, person, customer), p.hash, c.hash FROM store.sessions s
    LEFT JOIN store.people p ON p.number = s.person LEFT JOIN store.people c ON c.number = s.customer
    ORDER BY start, position, name""",
    """SELECT t.* EXCLUDE (person, customer, session, product, variant), p.hash, s.start FROM store.told t
    LEFT JOIN store.people p ON p.number = t.person LEFT JOIN store.sessions s ON s.number = t.session ORDER BY 1, 2""",
    """SELECT t.token, t.position, p.hash, s.start FROM store.tokens t LEFT JOIN store.people p ON p.number = t.person
    LEFT JOIN store.sessions s ON s.number = t.session ORDER BY 1""",
    """SELECT p.hash, n.position, c.hash, n.time FROM store.namings n JOIN store.people p ON p.number = n.person
    JOIN store.people c ON c.number = n.customer ORDER BY 1, 2""",
    "SELECT p.hash FROM store.apart a JOIN store.people p ON p.number = a.person ORDER BY 1",
    """SELECT p.hash, f.hash FROM store.figures c JOIN store.people p ON p.number = c.person
    JOIN store.people f ON f.number = c.figure ORDER BY 1""",
    "SELECT * FROM store.ties ORDER BY 1",
    "SELECT * FROM store.positions",
)


def dumped(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """Everything in a file, with what numbers stand for in their place."""
    return [engine.rows(connection, statement) for statement in _DUMPS]


@_SLOW
@given(_LOGS, CUTS)
def test_a_file_made_in_any_batches_is_the_one_made_at_once(log: list[Event], cuts: list[int]) -> None:
    with file_of(log, cuts) as incremental, file_of(log, [1_000]) as rebuilt:
        assert dumped(incremental) == dumped(rebuilt)


# --- figures --------------------------------------------------------------------------------------------------------


@_SLOW
@given(_LOGS, CUTS, _WINDOWS)
def test_the_overview_is_what_a_naive_reading_gives(log: list[Event], cuts: list[int], days: Days) -> None:
    start, end = (moment(day) for day in days)
    expected = model.overview(log, start, end)
    with file_of(log, cuts) as connection:
        found = told(connection, "overview", **window(*days))
    buying = expected.pop("buying_sessions")
    assert found["conversion"] == (round(buying / expected["sessions"], 6) if expected["sessions"] else None)
    assert {**{name: found[name] for name in expected}, "revenue": Decimal(found["revenue"])} == expected


@_SLOW
@given(_LOGS, CUTS, st.sampled_from(["hour", "day", "week", "month"]))
def test_each_point_of_a_time_series_is_the_overview_of_its_time(log: list[Event], cuts: list[int], granularity: str) -> None:
    with file_of(log, cuts) as connection:
        days = (0, 2) if granularity == "hour" else (0, 29)
        points = told(connection, "timeseries", granularity=granularity, **window(*days))["points"]
        ends = [*(point["start"] for point in points[1:]), f"2026-08-{1 + days[1]:02d}T00:00:00+00:00"]
        for point, end in list(zip(points, ends, strict=True))[:: 7 if granularity == "hour" else 3]:
            whole = told(connection, "overview", **{"from": point["start"], "to": end})
            assert {name: whole[name] for name in point if name != "start"} == {n: v for n, v in point.items() if n != "start"}


@_SLOW
@given(_LOGS, CUTS)
def test_products_are_viewed_as_often_and_by_as_many_as_a_naive_reading_gives(log: list[Event], cuts: list[int]) -> None:
    expected = model.viewers(log, _START, _START + 30 * DAY_MS)
    with file_of(log, cuts) as connection:
        found = told(connection, "top-products", **window(0, 30))
        by_viewers = told(connection, "top-products", sort="viewers", **window(0, 30))
        first = told(connection, "top-products", sort="viewers", limit="2", **window(0, 30))
    assert {row["product"]: (row["views"], row["viewers"]) for row in found if row["views"]} == expected
    assert {row["product"]: row["viewers"] for row in by_viewers} == {name: seen for name, (_, seen) in expected.items()}
    assert first == by_viewers[:2]
    assert all(sum(row["sparkline"]) == row["views"] for row in found)


@_SLOW
@given(_LOGS, CUTS, _WINDOWS)
def test_funnels_are_what_a_naive_reading_gives(log: list[Event], cuts: list[int], days: Days) -> None:
    start, end = (moment(day) for day in days)
    with file_of(log, cuts) as connection:
        by_session = told(connection, "funnel", breakdown="source", **window(*days))
        by_visitor = told(connection, "funnel", by="visitor", within="7d", **window(*days))
    assert tuple(step["count"] for step in by_session["steps"]) == model.funnel_by_session(log, start, end)
    assert tuple(step["count"] for step in by_visitor["steps"]) == model.funnel_by_visitor(log, start, end, 7 * DAY_MS)


_STEPS = st.tuples(
    st.sampled_from([*((f"v{n}", None) for n in range(6)), ("v0", "s1"), ("v1", "s1"), ("v2", "s2")]),
    st.sampled_from(["viewed", "viewed", "added", "added", "purchased"]),
    st.one_of(
        st.integers(0, 4 * 14).map(lambda quarters: quarters * 6 * HOUR_MS), st.integers(0, 90).map(lambda n: n * MINUTE_MS)
    ),
)
"""What a visitor (in a session of its own name, which may be another's too) does, and when."""


def stepped(step: tuple[tuple[str, str | None], str, int]) -> Event:
    (uuid, session), verb, at = step
    return Event(
        shop=SHOP,
        received_at=Milliseconds(_START + at),
        time=Milliseconds(_START + at),
        subject="user",
        verb=verb,
        noun="product",
        uuid=Uuid(uuid),
        session_id=SessionId(session) if session else None,
        product_id=ProductId("1"),
    )


@settings(_SLOW, max_examples=40)
@given(st.lists(_STEPS.map(stepped), min_size=20, max_size=80))
def test_funnels_of_visitors_are_what_a_naive_reading_gives(log: list[Event]) -> None:
    start, end = moment(0), moment(10.5)
    with file_of(log, [50]) as connection:
        for within, length in (("1h", HOUR_MS), ("1d", DAY_MS), ("3d", 3 * DAY_MS), ("7d", 7 * DAY_MS)):
            expected = model.funnel_by_visitor(log, start, end, length)
            for breakdown in (None, "device"):
                found = told(connection, "funnel", by="visitor", within=within, breakdown=breakdown, **window(0, 10.5))
                assert tuple(step["count"] for step in found["steps"]) == expected, (within, breakdown)


@_SLOW
@given(_LOGS, CUTS, _WINDOWS)
def test_sessions_behave_as_a_naive_reading_gives(log: list[Event], cuts: list[int], days: Days) -> None:
    count, bounces, lasted = model.behaviour(log, *(moment(day) for day in days))
    with file_of(log, cuts) as connection:
        found = told(connection, "sessions", **window(*days))
    assert (found["sessions"], found["bounces"]) == (count, bounces)
    assert found["seconds_average"] == (round(lasted / count / 1000, 3) if count else None)
    assert sum(length["sessions"] for length in found["lengths"]) == count


@_SLOW
@given(_LOGS, CUTS)
def test_retention_is_what_a_naive_reading_gives(log: list[Event], cuts: list[int]) -> None:
    monday = _START + 2 * DAY_MS
    starts = [monday + week * 7 * DAY_MS for week in range(4)]
    with file_of(log, cuts) as connection:
        found = told(connection, "retention", **window(2, 30))
    assert [cohort["came"] for cohort in found["cohorts"]] == model.cohorts(log, starts, _START + 30 * DAY_MS)

"""A shop's file with many events for the benchmarks of reports, and the same rows in SQLite, the floor that anybody would try.

The events are put straight into the tables, column by column; sessions are computed from them by the statement that the
projection uses. Shoppers come again (few of them often), look at popular products most, and sometimes buy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import numpy as np
import numpy.typing as npt

from footfall.clock import DAY_MS
from footfall.identifiers import Generation, Position
from footfall.projections.analytics import engine, sessions
from footfall.projections.analytics.engine import Connection, given
from footfall.projections.analytics.file import prepare
from footfall.projections.analytics.rollups import Rollups
from footfall.projections.analytics.schema import ADDED, PURCHASED, REMOVED, VIEWED

END: Final = 1_793_750_400_000
"""When the window of the benchmarks ends: 2026-11-04 00:00 UTC."""
DAYS: Final = 90
START: Final = END - DAYS * DAY_MS
PRODUCTS: Final = 20_000

_CHUNK: Final = 500_000
_EVENTS_OF_SESSION: Final = 4
_SESSIONS_OF_VISITOR: Final = 2.5
_KINDS: Final = ((VIEWED, 0.80), (ADDED, 0.06), (REMOVED, 0.01), (PURCHASED, 0.02), (12, 0.06), (20, 0.05))
"""What events are: most are views of products, some about widgets and terms."""
_NAMED_EVERY: Final = 20
"""One visitor in so many is a customer who was named."""
_DEVICES: Final = np.array(["mobile", "desktop", "tablet"], dtype=object)
_COUNTRIES: Final = np.array(["DE", "US", "FR", "GB", "AT"], dtype=object)
_SOURCES: Final = np.array(["", "google.com", "newsletter", "instagram.com"], dtype=object)

Whole = npt.NDArray[np.int64]


class Chunk(NamedTuple):
    """Some events in the order of the log."""

    position: Whole
    time: Whole
    kind: Whole
    person: Whole
    session: Whole
    product: Whole
    price: Whole
    device: npt.NDArray[Any]
    country: npt.NDArray[Any]
    source: npt.NDArray[Any]


def chunks(events: int, seed: int = 1) -> Iterator[Chunk]:
    """The events, in chunks; the same ones for the same numbers."""
    chance = np.random.default_rng(seed)
    all_sessions = events // _EVENTS_OF_SESSION
    visitors = int(all_sessions / _SESSIONS_OF_VISITOR)
    # A few come very often. By number in the order in which they come first, as the projection gives them.
    of_session = (chance.random(all_sessions) ** 2 * visitors).astype(np.int64)
    _, first, numbers = np.unique(of_session, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(1, len(first) + 1)
    person_of = order[numbers]
    kinds = np.array([kind for kind, _ in _KINDS])
    odds = np.array([odd for _, odd in _KINDS])
    for begin in range(0, events, _CHUNK):
        places = np.arange(begin, min(begin + _CHUNK, events))
        size = len(places)
        # Each session is under way among its neighbours: a few hundred shoppers at a time.
        session = np.clip(places // _EVENTS_OF_SESSION + chance.integers(-100, 100, size), 0, all_sessions - 1)
        kind = chance.choice(kinds, size, p=odds)
        product = (chance.random(size) ** 3 * PRODUCTS).astype(np.int64)
        yield Chunk(
            position=places + 1,
            time=START + (places * (DAYS * DAY_MS / events)).astype(np.int64) + chance.integers(-500, 500, size),
            kind=kind,
            person=person_of[session],
            session=session + 1,
            product=product + 1,
            price=product % 500 * 10_000 + 19_9900,
            device=_DEVICES[session % 7 % 3],
            country=_COUNTRIES[session % 11 % 5],
            source=_SOURCES[session % 13 % 4],
        )


def build(path: Path, events: int) -> None:
    """Make a shop's file with so many events."""
    connection = engine.open_file(path, memory_bytes=2**30, spill=path.parent / "spill")
    try:
        if prepare(connection, Generation("benchmark"), {}) != {}:
            raise ValueError(f"{path} is there already")
        people = 0
        rollups = Rollups(connection)
        for chunk in chunks(events):
            people = max(people, int(chunk.person.max()))
            _insert(connection, chunk)
            rollups.extend({0: Position(int(chunk.position.max()))})
        _sessions(connection, int(chunk.session.max()))
        _others(connection, people)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _insert(connection: Connection, chunk: Chunk) -> None:
    with given(connection, "chunk", chunk._asdict()):
        connection.execute(
            f"""INSERT INTO store.events BY NAME SELECT 0 AS part, position, time, time + position % 300 AS received_at, kind,
            0 AS marks, person, CASE WHEN person % {_NAMED_EVERY} = 0 AND position % 3 = 0 THEN 1 END AS customer, session,
            CASE WHEN kind <= {PURCHASED} THEN product END AS product, device, country, nullif(source, '') AS source,
            CASE WHEN kind = {PURCHASED} THEN {engine.amount_of("price")} END AS price, 'Shopify' AS platform,
            CASE WHEN kind = {PURCHASED} THEN position::VARCHAR END AS order_id FROM chunk"""
        )


def _sessions(connection: Connection, last: int) -> None:
    """Compute the sessions from the events, some at a time as a batch does."""
    step = _CHUNK // _EVENTS_OF_SESSION
    for first in range(1, last + 1, step):
        numbers = np.arange(first, min(first + step, last + 1), dtype=np.uint32)
        bounds = engine.rows(
            connection,
            "SELECT min(time), max(time) FROM store.events WHERE session BETWEEN ? AND ?",
            [first, first + step - 1],
        )[0]
        if bounds[0] is None:
            continue
        # Half of them have a name of their own.
        names = np.where(numbers % 2 == 0, numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), np.uint64(0))
        touched = {"number": numbers, "name": names, "marks": np.zeros(len(numbers), dtype=np.uint8)}
        with given(connection, "touched", touched):
            connection.execute(sessions.COMPUTED, bounds)


def _others(connection: Connection, people: int) -> None:
    """Who people are, what products are called, and what was told of purchases."""
    named = f"person % {_NAMED_EVERY} = 0"
    for statement in (
        f"INSERT INTO store.people SELECT i, hash(i) FROM range(1, {people + 1}) t(i)",
        f"""INSERT INTO store.people SELECT {people} + row_number() OVER (ORDER BY i), hash(-i)
        FROM range(1, {people + 1}) t(i) WHERE i % {_NAMED_EVERY} = 0""",
        f"""CREATE TEMP TABLE customers AS SELECT i AS person, {people} + row_number() OVER (ORDER BY i) AS customer
        FROM range(1, {people + 1}) t(i) WHERE i % {_NAMED_EVERY} = 0""",
        """UPDATE store.events SET customer = c.customer FROM customers c
        WHERE events.customer IS NOT NULL AND c.person = events.person""",
        f"""INSERT INTO store.namings SELECT e.person, min(e.position), any_value(e.customer), arg_min(e.time, e.position)
        FROM store.events e WHERE e.customer IS NOT NULL AND {named} GROUP BY e.person""",
        # A few have several customers, so that each of their events must be looked at.
        "INSERT INTO store.apart SELECT person FROM store.namings WHERE person % 1000 = 0",
        (
            "INSERT INTO store.figures SELECT person, customer FROM store.namings WHERE person % 1000 <> 0"
            " UNION SELECT customer, customer FROM store.namings"
        ),
        f"INSERT INTO store.names SELECT i, 'p:' || (5630650000000 + i), i FROM range(1, {PRODUCTS + 1}) t(i)",
        f"""INSERT INTO store.told BY NAME SELECT position::VARCHAR AS order_key, 'p:' || product AS line, position, time,
        position % 10 <> 0 AS verified, order_id, person, customer, session, product, 1 AS units, price AS amount
        FROM store.events WHERE kind = {PURCHASED}""",
    ):
        connection.execute(statement)


def build_sqlite(path: Path, events: int) -> None:
    """The same rows in a table of SQLite, with an index by time."""
    connection = apsw.Connection(str(path))
    try:
        connection.pragma("journal_mode", "off")
        connection.pragma("synchronous", "off")
        connection.pragma("cache_size", -256 * 1024)
        connection.execute(
            "CREATE TABLE events (position INTEGER PRIMARY KEY, time INTEGER, kind INTEGER, person INTEGER, session INTEGER,"
            " product INTEGER, price INTEGER, device TEXT, country TEXT, source TEXT)"
        )
        for chunk in chunks(events):
            with connection:
                columns = [column.tolist() for column in chunk]
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", zip(*columns, strict=True))
        connection.execute("CREATE INDEX by_time ON events (time)")
    finally:
        connection.close()

"""Analytics: how long reports take on very many events, beside the same questions to SQLite, how large a shop's file is, and
whether it keeps up with a minute of batches."""

import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Final

import apsw
import httpx

from footfall.clock import Milliseconds
from footfall.projections.analytics import engine
from footfall.projections.analytics.answering import answer
from footfall.projections.analytics.asking import Question, read_report
from footfall.projections.analytics.schema import ADDED, PURCHASED, QUARTER_MS, VIEWED
from tests.benchmarks.analytics_file import END, START, build, build_sqlite
from tests.benchmarks.bench import BATCH_CONNECTIONS, Bench
from tests.benchmarks.load import BATCH, Traffic
from tests.benchmarks.load import Generator as Load
from tests.benchmarks.processes import serving
from tests.benchmarks.table import Figure, Sample, count, milliseconds, seconds, verdict

EVENTS: Final = 20_000_000
QUICK_ASKED_SECONDS: Final = 0.5
SLOW_ASKED_SECONDS: Final = 2.0
AGAIN_ASKED_MS: Final = 20
BYTES_ASKED: Final = 24
_AT_REST_SECONDS: Final = 0.004
_REST_SECONDS_MAX: Final = 60
RATE_ASKED: Final = 20_000
SLOWER_ASKED: Final = 1.2
BEHIND_ASKED_SECONDS: Final = 1.0
MEMORY_MB: Final = 512

_QUICK: Final = 100
"""With --quick everything is so much smaller."""
_WINDOW: Final = {"from": "2026-08-06", "to": "2026-11-04"}
_IN_WINDOW: Final = f"time >= {START} AND time < {END}"
_WEEK_MS: Final = 7 * 24 * 60 * 60 * 1000

_OVERVIEW: Final = f"""
SELECT kind, count(*), count(DISTINCT person), count(DISTINCT session) FROM events WHERE {_IN_WINDOW} GROUP BY kind
"""
_SERIES: Final = f"""
SELECT time / {QUARTER_MS}, count(*), sum(kind = {VIEWED}), sum(kind = {ADDED}) FROM events WHERE {_IN_WINDOW} GROUP BY 1
"""
_PRODUCTS: Final = f"""
SELECT product, sum(kind = {VIEWED}) AS views, sum(kind = {ADDED}), sum(kind = {PURCHASED}) FROM events
WHERE {_IN_WINDOW} GROUP BY product ORDER BY views DESC LIMIT 50
"""
_VIEWERS: Final = f"""
SELECT product, count(DISTINCT person) AS viewers FROM events WHERE kind = {VIEWED} AND {_IN_WINDOW}
GROUP BY product ORDER BY viewers DESC LIMIT 50
"""
_RETENTION: Final = f"""
WITH w AS (SELECT DISTINCT person, time / {_WEEK_MS} AS week FROM events),
f AS (SELECT person, min(week) AS first FROM w GROUP BY person)
SELECT first, week - first, count(*) FROM w JOIN f USING (person) GROUP BY 1, 2
"""
_REPORTS: Final[tuple[tuple[str, str, dict[str, str], float, str | None], ...]] = (
    ("overview", "overview", {}, QUICK_ASKED_SECONDS, _OVERVIEW),
    ("time series by day", "timeseries", {"granularity": "day"}, QUICK_ASKED_SECONDS, _SERIES),
    ("top products", "top-products", {"viewers": "no"}, QUICK_ASKED_SECONDS, _PRODUCTS),
    ("top products with unique viewers", "top-products", {}, SLOW_ASKED_SECONDS, None),
    ("top products by unique viewers", "top-products", {"sort": "viewers"}, SLOW_ASKED_SECONDS, _VIEWERS),
    ("ordered funnel by session", "funnel", {}, SLOW_ASKED_SECONDS, None),
    ("ordered funnel by visitor, within 7 days", "funnel", {"by": "visitor"}, SLOW_ASKED_SECONDS, None),
    ("retention over 12 weeks", "retention", {}, SLOW_ASKED_SECONDS, _RETENTION),
)
"""What is measured: its name, the report with its parameters, what is asked, and the same question to SQLite."""


def reports(bench: Bench) -> Iterator[Figure]:
    """Reports on twenty million events within 512 MB and on two threads, each beside SQLite, asked once."""
    events = EVENTS // (_QUICK if bench.quick else 1)
    file = bench.directory / f"analytics-{events}.duckdb"
    floor = bench.directory / f"analytics-{events}.sqlite"
    if not file.exists():
        bench.say(f"building a shop's file with {events:,} events")
        build(file, events)
    if not floor.exists():
        bench.say("the same rows in SQLite")
        build_sqlite(floor, events)
    size = file.stat().st_size
    yield Figure(
        what=f"analytics of {events:,} events: bytes on disk per event, sessions included, without meta",
        asked=f"<= {BYTES_ASKED}",
        measured=f"{size / events:.1f}",
        beside=f"SQLite {floor.stat().st_size / events:.1f}",
        ratio=f"{floor.stat().st_size / size:.1f}x",
        verdict=verdict(met=size / events <= BYTES_ASKED),
        raw={"bytes": size},
    )
    connection = engine.open_file(file, memory_bytes=MEMORY_MB * 1024 * 1024, spill=bench.directory / "spill")
    plain = apsw.Connection(str(floor), flags=apsw.SQLITE_OPEN_READONLY)
    plain.pragma("cache_size", -MEMORY_MB * 1024)
    try:
        for what, name, fields, asked, statement in _REPORTS:
            bench.say(what)
            question = _question(name, fields)
            ours = Sample.of(_timed(partial(_answered, connection, question)) for _ in range(bench.rounds))
            theirs = _timed(partial(_told, plain, statement)) if statement is not None else None
            yield Figure(
                what=f"analytics of {events:,} events: {what}",
                asked=f"<= {asked} s",
                measured=ours.shown(seconds),
                beside=f"SQLite {seconds(theirs)}" if theirs is not None else "",
                ratio=f"{theirs / ours.median:.1f}x" if theirs is not None else "",
                verdict=verdict(met=ours.median <= asked),
                raw={"seconds": ours.values, "sqlite": theirs},
            )
    finally:
        connection.close()
        plain.close()
    if not bench.keep:
        file.unlink()
        floor.unlink()


def _question(name: str, fields: dict[str, str]) -> Question:
    return read_report(name, {**_WINDOW, **fields}, timezone="Europe/Berlin", currency="USD", now=Milliseconds(END))


def _answered(connection: engine.Connection, question: Question) -> None:
    answer(connection.cursor(), question)


def _told(connection: apsw.Connection, statement: str) -> None:
    connection.execute(statement).fetchall()


def _timed(asking: Callable[[], object]) -> float:
    begin = time.perf_counter()
    asking()
    return time.perf_counter() - begin


def keeping_up(bench: Bench) -> Iterator[Figure]:
    """Batches as fast as they go with analytics and without, in turns; then 10,000 and 20,000 events a second for a minute,
    and how far behind it is meanwhile; and the same report again and again."""
    lasting = bench.lasting(20.0)
    rates: dict[int, list[float]] = {0: [], MEMORY_MB: []}
    for turn in range(max(2, bench.rounds - 2)):
        for memory, measured in rates.items():
            bench.say(f"batches {'with' if memory else 'without'} analytics, round {turn + 1}")
            data = bench.new_data()
            with serving(data, fresh=True, environment={"FOOTFALL_ANALYTICS_MEMORY_MB": str(memory)}) as server:
                measured.append(bench.drive(server.url, "batch", lasting).per_second * BATCH)
            bench.discard(data)
    with_it, without = Sample.of(rates[MEMORY_MB]), Sample.of(rates[0])
    yield Figure(
        what="batches, with analytics taking them in",
        asked=f"at most {SLOWER_ASKED:.1f}x slower",
        measured=f"{with_it.shown(count)}/s",
        beside=f"without analytics {without.shown(count)}/s",
        ratio=f"{without.median / with_it.median:.2f}x slower",
        verdict=verdict(met=without.median / with_it.median <= SLOWER_ASKED),
        raw={"with": with_it.values, "without": without.values},
    )
    for rate in (RATE_ASKED // 2, RATE_ASKED):
        again = yield from _minute(bench, rate)
        if rate < RATE_ASKED:
            yield Figure(
                what="the same report again at the same position, over HTTP, at rest",
                asked=f"<= {AGAIN_ASKED_MS} ms",
                measured=again.shown(milliseconds),
                verdict=verdict(met=again.median <= AGAIN_ASKED_MS),
                raw={"milliseconds": again.values},
            )


def _minute(bench: Bench, rate: int) -> Generator[Figure, None, Sample]:
    bench.say(f"{rate:,} events a second for a minute")
    data = bench.new_data()
    lasting = bench.lasting(60.0)
    behind: list[float] = []
    with serving(data, fresh=True) as server:
        headers = {"Authorization": f"Bearer {server.secret_key}"}
        load = Load(
            Traffic(
                url=server.url,
                kind="batch",
                visitors=100_000,
                seconds=lasting,
                connections=BATCH_CONNECTIONS,
                rate=rate / BATCH,
            )
        )
        try:
            with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                while load.running:
                    # A question that costs nothing: reports would take from what is measured.
                    behind.append(int(_selected(client, "select 1").headers["footfall-lag"]) / rate)
                    time.sleep(0.2)
                outcome = load.outcome()
                stored = server.stored()
                begin = time.perf_counter()
                while _selected(client, "select count(*) from events").json()["rows"][0][0] < stored:
                    time.sleep(0.1)
                left = time.perf_counter() - begin
                _asked(client, "timeseries")
                _rest(client)
                again = Sample.of(_timed(lambda: _asked(client, "timeseries")) * 1_000 for _ in range(20))
        finally:
            load.stop()
    bench.discard(data)
    lags = sorted(behind)
    median = lags[len(lags) // 2]
    yield Figure(
        what=f"{rate:,} events a second for a minute: how far behind analytics is",
        asked=f"<= {BEHIND_ASKED_SECONDS:.0f} s",
        measured=f"median {seconds(median)}, at most {seconds(lags[-1])}; all of it {seconds(left)} after the end",
        beside=f"{outcome.per_second * BATCH:,.0f} events/s acknowledged",
        verdict=verdict(met=median <= BEHIND_ASKED_SECONDS and left <= 2 * BEHIND_ASKED_SECONDS),
        raw={"behind": behind, "left": left},
    )
    return again


def _rest(client: httpx.Client) -> None:
    """Wait until the server is done with what follows such a minute (history, recommendations): it answers nothing at once
    before."""
    deadline = time.monotonic() + _REST_SECONDS_MAX
    while time.monotonic() < deadline:
        if max(_timed(lambda: client.get("/health")) for _ in range(10)) < _AT_REST_SECONDS:
            return
        time.sleep(0.2)


def _selected(client: httpx.Client, statement: str) -> httpx.Response:
    answered = client.post("/api/v1/sql", json={"sql": statement})
    answered.raise_for_status()
    return answered


def _asked(client: httpx.Client, name: str) -> httpx.Response:
    answered = client.get(f"/api/v1/reports/{name}", params={"last": "1d"})
    answered.raise_for_status()
    return answered

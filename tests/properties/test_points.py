"""Points of a time series: each time of a window falls into the one that begins last before it, whatever their lengths."""

from bisect import bisect_right
from random import Random

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import DAY_MS, Milliseconds
from footfall.projections.analytics.asking import Granularity, Window, read_report
from footfall.projections.analytics.reports.asked import Asked
from tests.support import NOW

_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
_GRANULARITIES: tuple[tuple[Granularity, int], ...] = (("hour", 40), ("day", 500), ("week", 1_500), ("month", 3_000))
"""With about as many days as a window has at most."""


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(_ZONES),
    granularity=st.sampled_from(_GRANULARITIES),
    start=st.integers(0, 800 * DAY_MS),
    part=st.floats(0.001, 1),
    chance=st.randoms(use_true_random=False),
)
def test_a_time_falls_into_the_point_that_begins_last_before_it(
    zone: str, granularity: tuple[Granularity, int], start: int, part: float, chance: Random
) -> None:
    name, days = granularity
    begin = NOW - 3_800 * DAY_MS + start
    window = Window(Milliseconds(begin), Milliseconds(begin + 1 + int(part * days * DAY_MS)), zone)
    question = read_report("timeseries", {"granularity": name}, timezone=zone, currency="EUR", now=NOW)
    with duckdb.connect() as connection:
        asked = Asked(connection, question, window)
        times = {window.start, window.end - 1}
        times |= {time for at in asked.starts for time in (at - 1, at, at + 1)}
        times |= {chance.randrange(window.start, window.end) for _ in range(50)}
        within = sorted(time for time in times if window.start <= time < window.end)
        told = f"SELECT {asked.point('time')} FROM (SELECT unnest(?::BIGINT[]) AS time)"
        found = connection.execute(told, [within]).fetchall()
    assert [point for (point,) in found] == [bisect_right(asked.starts, time) - 1 for time in within]

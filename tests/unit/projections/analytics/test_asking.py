"""What may be asked: windows by the shop's own days, through changes of the clock, and points that cover them."""

from typing import Any

import pytest

from footfall.clock import DAY_MS, HOUR_MS, Milliseconds
from footfall.errors import InputInvalidError
from footfall.projections.analytics.asking import REPORTS, Window, bucket_starts, label, read_report, read_window

_NOW = Milliseconds(1_793_360_000_000)
"""2026-10-30 11:33:20 UTC."""


def window(timezone: str = "Europe/Berlin", **fields: Any) -> tuple[str, str]:
    """From and to, as answers show them."""
    found = read_window(fields, timezone=timezone, now=_NOW)
    return label(found.start, timezone), label(found.end, timezone)


def test_without_a_window_it_is_the_last_thirty_days_of_the_shop_with_today() -> None:
    assert window() == ("2026-10-01T00:00:00+02:00", "2026-10-31T00:00:00+01:00")
    assert window("UTC") == ("2026-10-01T00:00:00+00:00", "2026-10-31T00:00:00+00:00")


def test_dates_are_days_of_the_zone_and_times_with_an_offset_are_what_they_say() -> None:
    assert window(**{"from": "2026-10-25", "to": "2026-10-26"}) == ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00")
    assert window(**{"from": "2026-10-25T08:00", "to": "2026-10-25T12:00Z"}) == (
        "2026-10-25T08:00:00+01:00",
        "2026-10-25T13:00:00+01:00",
    )
    # A plus sign of a query string that nobody escaped.
    assert window("UTC", **{"from": "2026-10-25T08:00:00 02:00"})[0] == "2026-10-25T06:00:00+00:00"


def test_last_is_whole_days_and_weeks_with_today_and_whole_hours_with_this_one() -> None:
    assert window(last="7d") == ("2026-10-24T00:00:00+02:00", "2026-10-31T00:00:00+01:00")
    assert window(last="1w") == window(last="7d")
    assert window(last="24h") == ("2026-10-29T13:00:00+01:00", "2026-10-30T13:00:00+01:00")


@pytest.mark.parametrize(
    "fields",
    [
        {"from": "2026-10-02", "to": "2026-10-01"},
        {"from": "1.10.2026"},
        {"to": "2026-02-30"},
        {"last": "0d"},
        {"last": "99999d"},
        {"last": "1046w"},
        {"last": "7d", "from": "2026-10-01"},
        {"timezone": "Nowhere/City"},
        {"timezone": "../etc/passwd"},
        {"from": "1900-01-01"},
        {"to": "99999-01-01"},
    ],
)
def test_a_window_that_is_none_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(InputInvalidError):
        read_window(fields, timezone="Europe/Berlin", now=_NOW)


def test_the_window_before_has_as_many_days_also_through_a_change_of_the_clock() -> None:
    week = read_window({"last": "7d"}, timezone="Europe/Berlin", now=_NOW)
    assert week.end - week.start == 7 * DAY_MS + HOUR_MS
    before = week.before()
    assert (label(before.start, week.timezone), before.end) == ("2026-10-17T00:00:00+02:00", week.start)
    assert read_window({"last": "1h"}, timezone="Asia/Kolkata", now=_NOW).end % HOUR_MS == HOUR_MS // 2
    # Where the clock skips midnight.
    week = read_window({"from": "2026-04-24", "to": "2026-05-01"}, timezone="Africa/Cairo", now=_NOW)
    assert label(week.before().start, week.timezone) == "2026-04-17T00:00:00+02:00"
    hours = read_window({"last": "6h"}, timezone="Europe/Berlin", now=_NOW)
    assert hours.before() == Window(Milliseconds(hours.start - 6 * HOUR_MS), hours.start, hours.timezone)


@pytest.mark.parametrize(
    ("granularity", "zone", "count", "second"),
    [
        ("hour", "Europe/Berlin", 31 * 24 + 1, "2026-10-01T01:00:00+02:00"),
        ("hour", "Asia/Kolkata", 31 * 24, "2026-10-01T01:00:00+05:30"),
        ("day", "Europe/Berlin", 31, "2026-10-02T00:00:00+02:00"),
        ("week", "Europe/Berlin", 5, "2026-10-05T00:00:00+02:00"),
        ("month", "Europe/Berlin", 1, None),
    ],
)
def test_points_begin_where_hours_days_weeks_and_months_of_the_zone_do(
    granularity: Any, zone: str, count: int, second: str | None
) -> None:
    october = read_window({"from": "2026-10-01", "to": "2026-11-01"}, timezone=zone, now=_NOW)
    starts = bucket_starts(october, granularity)
    assert (len(starts), starts[0]) == (count, october.start)
    assert starts == sorted(set(starts))
    assert (label(starts[1], zone) if len(starts) > 1 else None) == second


def test_values_of_filters_come_with_commas_or_as_a_list_and_have_a_bound() -> None:
    asked = read_report(
        "overview", {"device": "mobile, tablet", "vendor": ["A, B", "C"]}, timezone="UTC", currency="EUR", now=_NOW
    )
    assert asked.filters == {"device": ["mobile", "tablet"], "vendor": ["A, B", "C"]}
    for wrong in (",", ",".join(map(str, range(101)))):
        with pytest.raises(InputInvalidError, match="device takes 1 to 100"):
            read_report("overview", {"device": wrong}, timezone="UTC", currency="EUR", now=_NOW)


@pytest.mark.parametrize("value", ["", " ", "0h", "91d", "13w", "3m"])
def test_a_funnel_is_walked_within_hours_days_or_weeks_up_to_a_quarter(value: str) -> None:
    def asked(**fields: str) -> int:
        return read_report("funnel", fields, timezone="UTC", currency="EUR", now=_NOW).within_ms

    assert [asked(by="visitor", within=within) for within in ("24h", "7d", "2w")] == [DAY_MS, 7 * DAY_MS, 14 * DAY_MS]
    with pytest.raises(InputInvalidError, match="within"):
        asked(by="visitor", within=value)
    for by in ({}, {"by": "session"}):
        with pytest.raises(InputInvalidError, match="within goes with by=visitor"):
            asked(within="24h", **by)


def test_an_empty_parameter_is_refused_rather_than_everything_answered() -> None:
    for name, takes in REPORTS.items():
        for parameter in takes:
            with pytest.raises(InputInvalidError, match=f"{parameter} is empty"):
                read_report(name, {parameter: ""}, timezone="UTC", currency="EUR", now=_NOW)
    assert read_report("overview", {"device": None, "after": ""}, timezone="UTC", currency="EUR", now=_NOW).filters == {}


def test_every_report_takes_its_own_parameters_and_refuses_those_of_others() -> None:
    every = {parameter for takes in REPORTS.values() for parameter in takes}
    for name, takes in REPORTS.items():
        for parameter in sorted(every - set(takes)):
            with pytest.raises(InputInvalidError, match=f"takes no parameter '{parameter}'"):
                read_report(name, {parameter: "1"}, timezone="UTC", currency="EUR", now=_NOW)


def test_the_same_question_within_an_hour_is_the_same() -> None:
    later = Milliseconds(_NOW + 20 * 60 * 1_000)
    for fields in ({}, {"last": "24h"}, {"last": "12w"}):
        first, second = (read_report("overview", fields, timezone="UTC", currency="EUR", now=now) for now in (_NOW, later))
        assert first == second

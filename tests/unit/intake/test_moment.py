"""When an event happened: every form of time, and the correction of the client's clock ("When" in the semantics)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS, Milliseconds
from footfall.intake.moment import event_moment, read_moment

NOW = Milliseconds(1_790_000_000_000)
ARRIVED = Milliseconds(NOW + 1_000)


@pytest.mark.parametrize(
    "value",
    [
        1_790_000_000_000,
        "1790000000000",
        " 1790000000000 ",
        1_790_000_000_000.0,
        1_790_000_000,
        "1790000000",
        1_790_000_000.0,
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20.000Z",
        "2026-09-21T16:13:20+02:00",
        "2026-09-21 14:13:20+00:00",
        "20260921T141320Z",
    ],
)
def test_milliseconds_seconds_and_iso_8601_with_an_offset_are_one_moment(value: object) -> None:
    assert read_moment(value) == NOW


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "2026-09-21T14:13:20", "2026-09-21", "2026-13-21T14:13:20Z", "undefined", "NaN", "-5", -5, True, None,
     float("nan"), float("inf"), 10**400, "9" * 17, "9" * 400, [], {}, "1e12", "٣٣٣٣٣٣٣٣٣٣٣٣٣", "2026-09-21T24:61:00Z"],
)  # fmt: skip
def test_anything_else_is_no_moment(value: object) -> None:
    assert read_moment(value) is None


@pytest.mark.parametrize("digits", [1, 9, 11, 12, 13])
def test_only_ten_digits_are_seconds(digits: int) -> None:
    number = int("1" * digits)
    assert read_moment(number) == read_moment(str(number)) == number
    assert read_moment(int("1" * 10)) == 1_111_111_111_000


@given(st.integers(0, 4_000_000_000_000), st.integers(-23, 23))
def test_iso_8601_is_exact_to_the_millisecond_in_every_zone(milliseconds: int, hours: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    text = moment.astimezone(timezone(timedelta(hours=hours))).isoformat(timespec="milliseconds")
    assert read_moment(text) == milliseconds


def test_an_event_without_a_time_happened_when_it_arrived() -> None:
    assert event_moment(ARRIVED, None, None) == (ARRIVED, ())
    assert event_moment(ARRIVED, None, Milliseconds(NOW - DAY_MS)) == (ARRIVED, ())


def test_a_clock_that_is_wrong_is_corrected_by_when_it_sent() -> None:
    for skew in (-3 * DAY_MS, 0, 3 * DAY_MS):
        happened, sent = Milliseconds(NOW - 7_000 + skew), Milliseconds(NOW + skew)
        assert event_moment(ARRIVED, happened, sent) == (ARRIVED - 7_000, ())


@pytest.mark.parametrize(
    ("ahead", "flags"), [(1, ()), (5 * MINUTE_MS, ()), (5 * MINUTE_MS + 1, ("clamped",)), (365 * DAY_MS, ("clamped",))]
)
def test_a_time_after_the_arrival_is_the_arrival_and_flagged_when_by_more_than_5_minutes(
    ahead: int, flags: tuple[str, ...]
) -> None:
    assert event_moment(ARRIVED, Milliseconds(ARRIVED + ahead), None) == (ARRIVED, flags)
    # The same where the correction leads there: it says that it sent before it happened.
    assert event_moment(ARRIVED, Milliseconds(NOW + ahead), NOW) == (ARRIVED, flags)


@pytest.mark.parametrize(
    ("age", "flags"), [(0, ()), (48 * HOUR_MS, ()), (48 * HOUR_MS + 1, ("late",)), (20 * 365 * DAY_MS, ("late",))]
)
def test_any_age_is_accepted_and_over_48_hours_is_flagged_late(age: int, flags: tuple[str, ...]) -> None:
    assert event_moment(ARRIVED, Milliseconds(ARRIVED - age), None) == (ARRIVED - age, flags)


@given(st.integers(0, 2**43), st.none() | st.integers(0, 2**43), st.none() | st.integers(0, 2**43))
def test_no_event_is_ever_later_than_its_arrival_or_before_the_epoch(
    received: int, happened: int | None, sent: int | None
) -> None:
    time, _ = event_moment(
        Milliseconds(received),
        Milliseconds(happened) if happened is not None else None,
        Milliseconds(sent) if sent is not None else None,
    )
    assert 0 <= time <= received

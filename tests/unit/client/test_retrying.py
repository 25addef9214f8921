"""Asking again: what a busy server asks for, and how long it is left alone."""

import random

import pytest

from footfall.client.retrying import asked_seconds, pause_seconds

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


def pause(attempt: int, asked: float | None = None) -> float:
    return pause_seconds(attempt, asked, first=0.1, longest=60, chance=random.Random(1))


def test_a_server_that_says_when_is_left_alone_until_then_and_never_longer_than_the_bound() -> None:
    assert pause(0, 3) == 3
    assert pause(0, 9999) == 60


def test_without_a_word_each_pause_is_twice_as_long_and_half_of_it_more_by_chance_at_most() -> None:
    for attempt in range(9):
        assert 0.1 * 2**attempt <= pause(attempt) <= 0.15 * 2**attempt
    assert pause(30) == 60


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": DATE}, 30),
        ({"Retry-After": "Wed, 21 Oct 2015 07:27:30 GMT", "Date": DATE}, 0),
        ({"Retry-After": DATE}, None),
        ({"Retry-After": DATE, "Date": "today"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_own_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_seconds(headers) == seconds

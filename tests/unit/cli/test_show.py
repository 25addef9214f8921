"""What commands print: nothing that a terminal would obey."""

import shlex

import pytest

from footfall.cli.show import moment, plain, shown_event
from footfall.cli.sql import note_lag
from footfall.cli.welcome import Place, read_line, send_line, snippet


def test_what_comes_from_outside_cannot_steer_a_terminal() -> None:
    assert plain("a\x1b[31mb\nc") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c"
    assert "\x1b" not in shown_event({"verb": "viewed", "noun": "term", "defined_noun_id": "\x1b]0;x\x07"})


def test_a_time_that_no_calendar_has_is_shown_as_its_number() -> None:
    assert moment(1_569_888_000_250) == "2019-10-01 00:00:00.250Z"
    assert moment(8_640_000_000_000_000) == "8640000000000000 ms"


def test_a_server_that_listens_everywhere_is_called_where_this_machine_reaches_it() -> None:
    assert Place("http://0.0.0.0:81", None).url == "http://127.0.0.1:81"
    assert Place("http://[::]:81", None).url == "http://[::1]:81"
    assert Place("http://10.0.0.7:81", None).url == "http://10.0.0.7:81"


def test_a_server_behind_a_proxy_is_called_where_browsers_reach_it() -> None:
    assert Place("http://0.0.0.0:81", None, "https://events.shop.example").url == "https://events.shop.example"
    assert Place(None, None, "https://events.shop.example").url == "https://events.shop.example"


def test_lines_to_copy_are_what_a_shell_takes_apart_again() -> None:
    assert shlex.split(send_line("http://h", "k"))[-1].startswith('{"subject":"user"')
    assert shlex.split(read_line("http://h", "k")) == ["curl", "http://h/api/v1/products/viewed?key=k&uuid=try-it"]
    assert '<script src="http://h/sdk/footfall.js" data-key="k"></script>' in snippet("http://h", "k")


def test_what_an_answer_lacks_is_said_where_it_is_more_than_comes_while_it_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    note_lag(7)
    assert capsys.readouterr().err == ""
    note_lag(123_456)
    assert "The last 123,456 records" in capsys.readouterr().err

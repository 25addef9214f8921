"""``--every``: passes at an interval, the failing ones told and tried again."""

from collections.abc import Callable

import click
import pytest

from footfall.cli.catalog_pass import Tally
from footfall.cli.catalog_pull import Interval, repeat
from footfall.cli.sources.web import StoreError, WrongStoreError
from tests.support import ManualClock


class Passes:
    """Passes that take 40 s each and end as the test says; after the last pause a person presses Ctrl-C."""

    def __init__(self, *ends: Exception | None) -> None:
        self.clock = ManualClock(0)
        self.shown: list[int] = []
        self.pauses: list[float] = []
        self._ends = list(ends)

    def once(self) -> Tally:
        self.clock.time += 40_000
        end = self._ends.pop(0)
        if end is not None:
            raise end
        return Tally("my-shop", "storefront https://shop.example")

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.time += int(seconds * 1000)
        if not self._ends:
            raise KeyboardInterrupt

    def run(self, every: float = 60) -> None:
        show: Callable[[Tally, int], None] = lambda _, at: self.shown.append(at)  # noqa: E731
        repeat(self.once, every, show=show, pause=self.pause, clock=self.clock)


def test_passes_begin_one_interval_apart_until_ctrl_c() -> None:
    passes = Passes(None, None)
    passes.run()
    assert passes.shown == [40_000, 100_000]
    assert passes.pauses == [20, 20]


def test_a_pass_that_takes_longer_than_the_interval_is_followed_at_once() -> None:
    passes = Passes(None, None)
    passes.run(every=30)
    assert passes.pauses == [0, 0]


def test_a_pass_that_fails_is_told_and_the_next_one_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    passes = Passes(StoreError("It answered 500."), None, WrongStoreError("It is behind a password."), None)
    passes.run()
    assert len(passes.shown) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "1970-01-01 00:00:00.000Z  It answered 500. Trying again at the next interval."
    assert "behind a password" in told[1]


def test_a_first_pass_that_finds_no_store_ends_it() -> None:
    with pytest.raises(WrongStoreError):
        Passes(WrongStoreError("no store"), None).run()


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1m", 60), ("15m", 900), ("2h", 7_200), ("1d", 86_400)])
def test_an_interval_is_read(text: str, seconds: int) -> None:
    assert Interval().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-1m", "59s", "0h", "32d", "999999999d", "1w"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Interval().convert(text, None, None)

"""Where an export of a window begins to read the log: as late as is safe, whatever came late and whatever clocks did."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from footfall.clock import DAY_MS, Milliseconds
from footfall.event import Event, encode_event
from footfall.identifiers import Position, ShopId
from footfall.limits import ARRIVALS_BACK_DAYS_MAX
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Record, Stream
from footfall.log.sqlite import open_reader
from footfall.log.writer import Writer
from footfall.service import wanted
from footfall.service.wanted import Wanted, WantedEvents
from tests.support import NOW, run

_SHOP = ShopId(1)
_DAYS = 400


@pytest.fixture(autouse=True)
def close_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at every fifth record, as they would be thousands apart in a log of millions."""
    monkeypatch.setattr(wanted, "READ_ENTRIES", 5)


def day(number: float) -> Milliseconds:
    return Milliseconds(NOW + round(number * DAY_MS))


def arrived(number: float, *, late: float = 0, shop: ShopId = _SHOP) -> Event:
    """An event that came on a day, and happened ``late`` days before."""
    return Event(shop=shop, received_at=day(number), time=day(number - late), subject="user", verb="viewed", noun="product")


def log_of(folder: Path, records: Sequence[Event | bytes], *, redacted: Sequence[int] = ()) -> Path:
    async def scenario() -> None:
        writer = Writer()
        log = EmbeddedLog.open(folder / "log.db", writer)
        encoded = [record if isinstance(record, bytes) else encode_event(record) for record in records]
        await log.append(Stream.EVENTS, [Record("k", value) for value in encoded])
        await log.redact(Stream.EVENTS, [Position(position) for position in redacted])
        await asyncio.to_thread(writer.stop)
        log.close()

    run(scenario())
    return folder / "log.db"


def since(number: float, *, first: int = 1, last: int = 1_000_000) -> Wanted:
    return Wanted(shop=_SHOP, first=Position(first), last=Position(last), since=day(number))


def begin(log: Path, asked: Wanted) -> int:
    with closing(open_reader(log, cache_bytes=1024 * 1024)) as connection:
        return wanted.begin(connection, asked)


def found(log: Path, asked: Wanted) -> list[int]:
    """Positions of the events that are wanted."""
    with closing(WantedEvents(log, asked)) as events:
        return [int(token.rpartition(".")[2]) for token, _ in events]


def test_what_came_long_before_the_window_is_not_read(tmp_path: Path) -> None:
    # One event a day: position n came on day n - 1.
    log = log_of(tmp_path, [arrived(number) for number in range(_DAYS)])
    start = begin(log, since(300, last=_DAYS))
    assert 300 - ARRIVALS_BACK_DAYS_MAX - 5 < start <= 300 - ARRIVALS_BACK_DAYS_MAX + 1
    assert found(log, since(300, last=_DAYS)) == list(range(301, _DAYS + 1))
    assert begin(log, since(0, last=_DAYS)) == 1


def test_a_window_after_everything_reads_the_end_alone(tmp_path: Path) -> None:
    log = log_of(tmp_path, [arrived(number) for number in range(_DAYS)])
    assert begin(log, since(1_000, last=_DAYS)) > _DAYS - 5
    assert found(log, since(1_000, last=_DAYS)) == []


def test_a_position_that_is_further_on_holds_beside_the_window(tmp_path: Path) -> None:
    log = log_of(tmp_path, [arrived(number) for number in range(_DAYS)])
    assert begin(log, since(10, first=350, last=_DAYS)) == 350
    assert found(log, since(396, first=399, last=_DAYS)) == [399, 400]


def test_late_events_are_found_wherever_they_stand(tmp_path: Path) -> None:
    events = [arrived(number, late=number - 50.5 if number in (51, 90, 399) else 0) for number in range(_DAYS)]
    log = log_of(tmp_path, events)
    asked = Wanted(shop=_SHOP, first=Position(1), last=Position(_DAYS), since=day(50.4), until=day(50.9))
    assert found(log, asked) == [52, 91, 400]


def test_an_event_that_was_submitted_again_bears_an_old_arrival_and_hides_nothing_before_it(tmp_path: Path) -> None:
    # Positions 301 to 305 came on days 270 and on, and were submitted again on day 300: a look falls on one of them.
    events = [arrived(number - 30 if 300 <= number < 305 else number) for number in range(_DAYS)]
    log = log_of(tmp_path, events)
    assert found(log, since(299, last=_DAYS))[:3] == [300, 306, 307]


@pytest.mark.parametrize("back_days", [0.5, 200])
def test_a_clock_that_stepped_back_hides_nothing_that_came_before(tmp_path: Path, back_days: float) -> None:
    # For sixty days in the middle of the log the clock is behind; then somebody sets it right.
    events = [arrived(number - back_days if 200 <= number < 260 else number) for number in range(_DAYS)]
    log = log_of(tmp_path, events)
    for start in (150, 190, 205, 255, 300):
        assert found(log, since(start, last=_DAYS)) == [n + 1 for n, event in enumerate(events) if event.time >= day(start)]


def test_looks_at_what_was_redacted_or_is_torn_tell_nothing(tmp_path: Path) -> None:
    looked_at = range(1, _DAYS + 1, 5)
    records: list[Event | bytes] = [arrived(number) for number in range(_DAYS)]
    records[looked_at[3] - 1] = b'{"shop":1,"torn":'
    log = log_of(tmp_path, records, redacted=[*looked_at[6:10], *looked_at[58:]])
    assert begin(log, since(300, last=_DAYS)) > 250
    assert found(log, since(300, last=_DAYS)) == [n for n in range(301, _DAYS + 1) if n not in looked_at]


def test_events_of_other_shops_tell_as_well_how_old_a_place_of_the_log_is(tmp_path: Path) -> None:
    log = log_of(tmp_path, [arrived(number, shop=ShopId(1 if number == 399 else 2)) for number in range(_DAYS)])
    assert begin(log, since(390, last=_DAYS)) > 350
    assert found(log, since(390, last=_DAYS)) == [400]

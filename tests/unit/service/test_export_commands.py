"""What an export is asked for: the last days of a shop, and what can't be asked together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS
from footfall.errors import InputInvalidError
from tests.support import NOW, ManualClock, Running, run, running

# 2026-09-21, 14:13:20 in UTC: 16:13:20 in Berlin.
_SINCE_MIDNIGHT_MS = 16 * HOUR_MS + 13 * MINUTE_MS + 20_000
_BACK = {
    "now": 0,
    "this hour": 13 * MINUTE_MS,
    "the hour before": 14 * MINUTE_MS,
    "today": _SINCE_MIDNIGHT_MS,
    "yesterday": _SINCE_MIDNIGHT_MS + 1,
    "a week ago": _SINCE_MIDNIGHT_MS + 6 * DAY_MS,
    "longer ago": _SINCE_MIDNIGHT_MS + 6 * DAY_MS + 1,
}


async def labels(shop: Running, **asked: Any) -> Sequence[str]:
    chunks = [chunk async for chunk in shop.commands.export("shop", **asked)]
    return [msgspec.json.decode(line)["label"] for line in b"".join(chunks).splitlines()]


def test_the_last_days_are_those_of_the_shops_zone_and_the_last_hours_those_of_the_clock(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, timezone="Europe/Berlin") as shop:
            for label, back_ms in _BACK.items():
                await shop.send(label=label, event_time=NOW - back_ms)
            names = list(_BACK)
            assert await labels(shop, window="1h") == names[:2]
            assert await labels(shop, window="1d") == names[:4]
            assert await labels(shop, window="7d") == await labels(shop, window="1w") == names[:6]

    run(scenario())


def test_the_last_days_end_with_today_whatever_came_while_the_clock_was_ahead(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock(NOW + 2 * DAY_MS)
        async with running(tmp_path, clock) as shop:
            await shop.send(label="ahead")
            clock.time = NOW
            await shop.send(label="now")
            assert await labels(shop, window="1d") == ["now"]
            assert await labels(shop) == ["ahead", "now"]

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"window": "7d", "start": "2026-11-01"}, "either --last, or --from and --to"),
        ({"window": "7d", "stop": "0badcafe-0.5"}, "either --last, or --from and --to"),
        ({"window": "a week"}, "no stretch of time such as 24h, 7d or 12w"),
        ({"window": "0d"}, "no stretch of time"),
        ({"start": "2026-13-01"}, "--from '2026-13-01' is no date such as 2026-11-01"),
        ({"start": "2026-11-01", "stop": "2026-11-01"}, "--from must lie before --to"),
        ({"start": "0badcafe-0.5"}, "a position of another log"),
        ({"start": "GENERATION-0.999999"}, "beyond the end of this log"),
        ({"stop": "0badcafe-0.5"}, "a position of another log"),
        # The same moment, said in two zones.
        ({"start": "2026-11-01T12:00Z", "stop": "2026-11-01T13:00+01:00"}, "--from must lie before --to"),
    ],
)
def test_what_can_not_be_asked_is_refused(tmp_path: Path, asked: dict[str, str], words: str) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as shop:
            told = {name: value.replace("GENERATION", shop.service.log.generation) for name, value in asked.items()}
            with pytest.raises(InputInvalidError) as refused:
                await labels(shop, **told)
            assert words in str(refused.value)

    run(scenario())

"""What the quarantine keeps, by age, number and size."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import Position, ShopId
from footfall.intake.quarantine import Quarantined
from footfall.limits import QUARANTINE_DAYS
from footfall.log.port import Record, Stream
from tests.properties.replica import OTHER_SHOP, SHOP, Replica

NOW = Milliseconds(100 * DAY_MS)


def rejected(shop: ShopId, *, days_old: int = 0, text: str = "") -> Record:
    kept = Quarantined(
        shop=shop, received_at=Milliseconds(NOW - days_old * DAY_MS), error="wrong", reason="verb", original=text
    )
    return Record(str(shop), msgspec.json.encode(kept), kept)


def beyond(tmp_path: Path, records: Sequence[Record], *, removed: Sequence[int] = ()) -> list[Position]:
    """Which positions go, once these records are merged, and these positions removed."""

    async def life() -> list[Position]:
        replica = Replica(tmp_path)
        await replica.open()
        try:
            await replica.log.append(Stream.QUARANTINE, records)
            assert replica.rejections.beyond_what_is_kept(NOW) == [], "what is not merged waits for the next round"
            await replica.tails.merge()
            replica.rejections.remove([Position(position) for position in removed])
            return replica.rejections.beyond_what_is_kept(NOW)
        finally:
            replica.close()

    return asyncio.run(life())


def test_what_is_older_than_the_days_kept_goes(tmp_path: Path) -> None:
    ages = (QUARANTINE_DAYS + 1, QUARANTINE_DAYS, 0, QUARANTINE_DAYS + 5)
    assert beyond(tmp_path, [rejected(SHOP, days_old=days) for days in ages]) == [1, 4]


def test_the_oldest_of_a_shop_go_where_it_has_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.rejections.QUARANTINE_EVENTS_MAX", 2)
    shops = (SHOP, SHOP, OTHER_SHOP, SHOP, SHOP)
    assert beyond(tmp_path, [rejected(shop) for shop in shops]) == [1, 2]


def test_the_oldest_of_a_shop_go_where_they_take_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.rejections.QUARANTINE_BYTES_MAX", 2_500)
    records = [rejected(shop, text="x" * 1_000) for shop in (SHOP, SHOP, OTHER_SHOP, SHOP)]
    assert beyond(tmp_path, records) == [1]


def test_what_was_removed_already_is_not_removed_again(tmp_path: Path) -> None:
    old = [rejected(SHOP, days_old=QUARANTINE_DAYS + 1) for _ in range(3)]
    assert beyond(tmp_path, old, removed=[2]) == [1, 3]

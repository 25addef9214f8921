"""Accepting: duplicates, what fails and is tried again, and the bounds; on a log in memory that can be made to fail."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from footfall.clock import DAY_MS, Milliseconds
from footfall.errors import LogUnavailableError, OverloadedError
from footfall.event import Event
from footfall.identifiers import Position, ShopId, event_digest
from footfall.intake.accept import Accepted, Intake
from footfall.intake.reading import Arrival
from footfall.limits import WAITING_EVENTS_MAX
from footfall.log.memory import MemoryLog
from footfall.log.port import Group, Lane, Place, Record, Stream
from tests.unit.intake.arrivals import ARRIVAL, EMAIL_KEY, NOW, raw


class Shelf:
    """Stands for the projections: remembers ids as they are handed over by the log, and what was counted."""

    def __init__(self) -> None:
        self.ids: dict[bytes, Place] = {}
        self.counted: dict[tuple[str, str], int] = {}
        self.deliveries: list[Place] = []
        self.asked: list[int] = []

    def follow(self, group: Group) -> None:
        if group.stream is not Stream.EVENTS:
            return
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.event_id is not None:
                visitor = event.uuid or event.customer_id or event.session_id or ""
                self.ids[event_digest(event.shop, visitor, event.event_id)] = (group.partition, position)

    def find(self, digest: bytes, received_at: Milliseconds) -> Place | None:
        self.asked.append(received_at)
        return self.ids.get(digest)

    def count(self, shop: ShopId, hour: int, outcome: str, reason: str, events: int = 1) -> None:
        self.counted[outcome, reason] = self.counted.get((outcome, reason), 0) + events

    def duplicate(self, shop: ShopId, digest: bytes, received_at: Milliseconds, place: Place) -> None:
        self.deliveries.append(place)


class GatedLog(MemoryLog):
    """A log whose appends wait for a gate, and fail while it is broken."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(followers=[shelf.follow])
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def append(self, stream: Stream, records: Sequence[Record], *, lane: Lane = Lane.LIVE) -> Sequence[Place]:
        await self.gate.wait()
        if self.broken:
            raise LogUnavailableError
        return await super().append(stream, records, lane=lane)


class Bench:
    """An intake with what it stands on."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.log = GatedLog(self.shelf)
        self.intake = Intake(self.log, self.shelf, self.shelf)

    async def accept(self, *items: Any, arrival: Arrival = ARRIVAL) -> Accepted:
        return await self.intake.accept(list(items), arrival, receipts=True)

    async def events(self) -> int:
        return max((await self.log.ends(Stream.EVENTS)).values())


def statuses(accepted: Accepted) -> list[str]:
    """What happened to each item."""
    return [receipt.status for receipt in accepted.receipts]


def test_the_same_event_id_twice_in_one_batch_is_stored_once() -> None:
    async def scenario() -> None:
        bench = Bench()
        accepted = await bench.accept(raw(event_id="e"), raw(), raw(event_id="e"), raw(event_id="f"))
        assert statuses(accepted) == ["stored", "stored", "duplicate", "stored"]
        assert accepted.receipts[0].place == accepted.receipts[2].place
        assert await bench.events() == 3

    asyncio.run(scenario())


def test_an_event_without_an_id_is_a_separate_one_each_time() -> None:
    async def scenario() -> None:
        bench = Bench()
        for _ in range(3):
            assert statuses(await bench.accept(raw())) == ["stored"]
        assert await bench.events() == 3

    asyncio.run(scenario())


def test_an_event_id_is_one_visitors_and_one_shops() -> None:
    async def scenario() -> None:
        bench = Bench()
        elsewhere = Arrival(shop=ShopId(2), email_key=EMAIL_KEY, received_at=NOW, session_suffices=True)
        assert statuses(await bench.accept(raw(event_id="e"), raw(event_id="e", uuid="another"))) == ["stored", "stored"]
        assert statuses(await bench.accept(raw(event_id="e"), arrival=elsewhere)) == ["stored"]
        by_customer = raw(event_id="e", uuid=..., customer_id="7")
        assert statuses(await bench.accept(by_customer, by_customer)) == ["stored", "duplicate"]
        # The uuid is the visitor where there is one, whoever is named beside it.
        assert statuses(await bench.accept(raw(event_id="e", customer_id="8"))) == ["duplicate"]

    asyncio.run(scenario())


def test_a_duplicate_with_other_content_is_a_duplicate_and_its_receipt_says_what_differs() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.accept(raw(event_id="e", price="5", event_time=NOW - 9_000))
        same = (await bench.accept(raw(event_id="e", price="5", event_time=NOW - 9_000))).receipts[0]
        assert (same.status, list(same.warnings)) == ("duplicate", [])
        other = (await bench.accept(raw(event_id="e", price="6", product_id="9", verb="added"))).receipts[0]
        assert other.status == "duplicate"
        assert "verb, product_id, price" in other.warnings[0]

    asyncio.run(scenario())


def test_requests_at_the_same_time_with_one_event_id_store_it_once_and_all_wait_until_it_is_durable() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.log.gate.clear()
        requests = [asyncio.create_task(bench.accept(raw(event_id="e"))) for _ in range(5)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(request.done() for request in requests)
        bench.log.gate.set()
        found = [(await request).receipts[0] for request in requests]
        assert sorted(receipt.status for receipt in found) == ["duplicate"] * 4 + ["stored"]
        assert {receipt.place for receipt in found} == {(0, Position(1))}
        assert len(bench.shelf.deliveries) == 4

    asyncio.run(scenario())


def test_where_the_first_attempt_fails_the_others_fail_too_and_the_next_one_stores_it() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.log.gate.clear()
        bench.log.broken = True
        requests = [asyncio.create_task(bench.accept(raw(event_id="e"))) for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        bench.log.gate.set()
        for failure in await asyncio.gather(*requests, return_exceptions=True):
            assert isinstance(failure, LogUnavailableError)
        assert bench.shelf.counted == {}
        bench.log.broken = False
        assert statuses(await bench.accept(raw(event_id="e"))) == ["stored"]
        assert await bench.events() == 1
        assert bench.intake.waiting_events == 0

    asyncio.run(scenario())


def test_good_events_are_stored_in_order_and_bad_ones_are_quarantined_in_theirs() -> None:
    async def scenario() -> None:
        bench = Bench()
        items = [raw(product_id="1"), 5, raw(product_id="2"), raw(verb="licked"), raw(product_id="3")]
        accepted = await bench.accept(*items)
        assert statuses(accepted) == ["stored", "rejected", "stored", "rejected", "stored"]
        assert [index for index, _ in accepted.rejected] == [1, 3]
        assert [receipt.place for receipt in accepted.receipts if receipt.place] == [(0, 1), (0, 2), (0, 3)]
        assert accepted.ends == {0: 3}
        assert max((await bench.log.ends(Stream.QUARANTINE)).values()) == 2
        assert bench.shelf.counted == {("accepted", ""): 3, ("rejected", "body"): 1, ("rejected", "verb"): 1}

    asyncio.run(scenario())


def test_what_is_stored_with_a_warning_is_counted_by_the_field_that_it_names_once_an_event() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.accept(
            raw(price="cheap", meta={"a": [], "b": []}, event_id="e"),
            raw(meta=5),
            raw(uuid="undefined", customer_id="7", shopify_customer_id="null"),
            raw(product_id="null", product_handle="beanie", Email="none"),
            raw(uuid="undefined"),
            raw(),
        )
        assert bench.shelf.counted == {
            ("accepted", ""): 5,
            ("warning", ""): 4,
            ("warning", "price"): 1,
            ("warning", "meta"): 2,
            ("warning", "uuid"): 1,
            ("warning", "shopify_customer_id"): 1,
            ("warning", "product_id"): 1,
            ("warning", "email"): 1,
            ("placeholder-identity", ""): 1,
            ("rejected", "identity"): 1,
        }

    asyncio.run(scenario())


def test_a_duplicates_warnings_are_counted_no_second_time_nor_those_of_what_was_not_stored() -> None:
    async def scenario() -> None:
        bench = Bench()
        warned = raw(uuid="undefined", customer_id="7", price="cheap", event_id="e")
        bench.log.broken = True
        with pytest.raises(LogUnavailableError):
            await bench.accept(warned)
        assert bench.shelf.counted == {}
        bench.log.broken = False
        assert statuses(await bench.accept(warned, warned)) == ["stored", "duplicate"]
        assert statuses(await bench.accept(warned)) == ["duplicate"]
        once = [("warning", ""), ("warning", "uuid"), ("warning", "price"), ("placeholder-identity", ""), ("accepted", "")]
        assert bench.shelf.counted == {("duplicate", ""): 2, **dict.fromkeys(once, 1)}

    asyncio.run(scenario())


def test_more_events_than_may_wait_are_refused_before_anything_is_stored() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.log.gate.clear()
        first = asyncio.create_task(bench.accept(*[raw()] * WAITING_EVENTS_MAX))
        await asyncio.sleep(0)
        assert bench.intake.waiting_events == WAITING_EVENTS_MAX
        with pytest.raises(OverloadedError):
            await bench.accept(raw(event_id="e"))
        bench.log.gate.set()
        assert (await first).stored == WAITING_EVENTS_MAX
        assert statuses(await bench.accept(raw(event_id="e"))) == ["stored"]

    asyncio.run(scenario())


def test_the_receipt_of_a_rejected_event_repeats_its_id() -> None:
    async def scenario() -> None:
        receipt = (await Bench().accept(raw(event_id="e", verb="licked"))).receipts[0]
        assert (receipt.status, receipt.event_id, receipt.place) == ("rejected", "e", None)

    asyncio.run(scenario())


def test_a_denied_events_id_is_known_again_though_nobody_is() -> None:
    async def scenario() -> None:
        bench = Bench()
        first = await bench.accept(raw(event_id="e", consent="denied"))
        again = await bench.accept(raw(event_id="e", consent="denied", uuid=...))
        assert statuses(first) + statuses(again) == ["stored", "duplicate"]

    asyncio.run(scenario())


def test_the_position_of_an_answer_covers_duplicates_too() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.accept(raw(), raw(event_id="e"), raw())
        assert (await bench.accept(raw(event_id="e"))).ends == {0: 2}
        assert (await bench.accept(5)).ends == {}

    asyncio.run(scenario())


def test_the_window_is_asked_with_the_time_of_arrival() -> None:
    async def scenario() -> None:
        bench = Bench()
        later = Arrival(shop=ShopId(1), email_key=EMAIL_KEY, received_at=Milliseconds(NOW + DAY_MS), session_suffices=True)
        await bench.accept(raw(event_id="e", event_time=NOW - 30 * DAY_MS), arrival=later)
        assert bench.shelf.asked == [NOW + DAY_MS]

    asyncio.run(scenario())


def test_an_import_rests_after_a_chunk_beside_which_live_events_came_and_else_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def import_chunk(*, beside_live: bool) -> None:
        bench = Bench()
        bench.log.gate.clear()
        importing = asyncio.create_task(bench.intake.accept([raw()], ARRIVAL, lane=Lane.IMPORT))
        live = [asyncio.create_task(bench.accept(raw()))] if beside_live else []
        await asyncio.sleep(0.01)
        bench.log.gate.set()
        await asyncio.gather(importing, *live)

    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        rests.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr("footfall.intake.accept.asyncio.sleep", noted)
    asyncio.run(import_chunk(beside_live=True))
    assert [seconds for seconds in rests if 0 < seconds != 0.01], "it rests as long as it took"
    rests.clear()
    asyncio.run(import_chunk(beside_live=False))
    assert [seconds for seconds in rests if 0 < seconds != 0.01] == []

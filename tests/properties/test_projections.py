"""The other projections against what was put into them, at every moment in the life of a replica."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import DAY_MS, Milliseconds
from footfall.event import Event, Origin
from footfall.identifiers import EventId, Position, ShopId, event_digest, event_id_digest
from footfall.intake.quarantine import Quarantined
from footfall.log.port import Place, Record, Stream
from footfall.projections.documents import document_record
from tests.properties.replica import EVENT_IDS_DAYS, MOMENTS, OTHER_SHOP, SHOP, Replica, live, make_event, small_pages

THOROUGH = settings(max_examples=60, deadline=None)
NEVER_LOST = st.one_of(
    st.sampled_from([("merge", 0), ("restart", 0), ("warm up", 0), ("replay", 0)]),
    st.tuples(st.just("fail"), st.integers(0, 6)),
)
"""What may happen to operational figures, which a crash may cost a few seconds of."""


@pytest.fixture(autouse=True, scope="module")
def _small_pages() -> Iterator[None]:
    with small_pages():
        yield


sendings = st.tuples(
    st.integers(0, 1),
    st.sampled_from([SHOP, OTHER_SHOP]),
    st.sampled_from(["u1", "u2"]),
    st.sampled_from(["id-1", "id-2", "id-3"]),
)


@THOROUGH
@given(st.lists(st.tuples(st.lists(sendings, max_size=4), MOMENTS), min_size=3, max_size=10))
def test_an_event_id_is_remembered_for_its_window_and_filter_and_tables_never_show(
    steps: list[tuple[list[tuple[int, ShopId, str, str]], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        stored: list[tuple[Event, Place]] = []
        day = 10

        def expected(shop: ShopId, uuid: str, event_id: str) -> Place | None:
            for event, place in reversed(stored):
                same = (event.shop, event.uuid, event.event_id) == (shop, uuid, event_id)
                if same and event.received_at // DAY_MS >= day - EVENT_IDS_DAYS:
                    return place
            return None

        def check() -> None:
            now = Milliseconds(day * DAY_MS)
            for shop in (SHOP, OTHER_SHOP):
                for uuid in ("u1", "u2", "u3"):
                    for event_id in ("id-1", "id-2", "id-3", "id-4"):
                        found = replica.event_ids.find(event_digest(shop, uuid, event_id), now)
                        assert found == expected(shop, uuid, event_id)

        for sent, moment in steps:
            for days, shop, uuid, event_id in sent:
                day += days
                if expected(shop, uuid, event_id) is None:
                    at = Milliseconds(day * DAY_MS + 5)
                    event = make_event(shop=shop, uuid=uuid, event_id=EventId(event_id), received_at=at)
                    (place,) = await replica.append(event)
                    stored.append((event, place))
            check()
            await replica.live_through(moment)
            check()

    live(life, partitions=4)


@THOROUGH
@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from(["a/1", "a/2", "a/30", "b/1"]), st.one_of(st.none(), st.integers(0, 9)), max_size=3
            ),
            MOMENTS,
        ),
        min_size=3,
        max_size=8,
    )
)
def test_the_latest_version_of_a_document_holds_also_where_it_deletes_it(
    steps: list[tuple[Mapping[str, int | None], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        latest: dict[str, dict[str, Any]] = {}

        def check() -> None:
            for key in ("a/1", "a/2", "a/30", "b/1"):
                assert replica.documents.get(key) == latest.get(key)
            under = {key: latest[key] for key in sorted(latest) if key.startswith("a/")}
            assert list(replica.documents.under("a/").items()) == list(under.items())

        for changes, moment in steps:
            for key, number in changes.items():
                value = {"number": number} if number is not None else None
                await replica.log.append(Stream.DOCUMENTS, [document_record(key, value)])
                latest.pop(key, None)
                if value is not None:
                    latest[key] = value
            check()
            await replica.live_through(moment)
            check()

    live(life)


@THOROUGH
@given(
    st.lists(st.dictionaries(st.sampled_from(["a/1", "a/2", "a/3", "a/40", "b/1"]), st.one_of(st.none(), st.integers()))),
    st.lists(st.one_of(st.just(("merge", 0)), st.tuples(st.just("fail"), st.integers(0, 4)), st.none()), max_size=6),
    st.integers(1, 3),
)
def test_a_walk_tells_every_document_once_whatever_is_merged_meanwhile(
    merged: list[Mapping[str, int | None]], meanwhile: list[tuple[str, int] | None], limit: int
) -> None:
    async def life(replica: Replica) -> None:
        latest: dict[str, int] = {}

        async def change(changes: Mapping[str, int | None]) -> None:
            for key, number in changes.items():
                await replica.log.append(Stream.DOCUMENTS, [document_record(key, number)])
                latest.pop(key, None)
                if number is not None:
                    latest[key] = number

        for number, changes in enumerate(merged):
            await change(changes)
            if number % 2:
                await replica.fail_to_merge(number // 2)
        walk = replica.documents.walk_under("a/", limit=limit)
        parts = [next(walk, [])]
        expected = {key: number for key, number in latest.items() if key.startswith("a/")}
        changed: set[str] = set()
        for moment in meanwhile:
            if moment is None:
                await change({"a/2": None, "a/3": 7, "a/5": 8})
                changed |= {"a/2", "a/3", "a/5"}
            else:
                await replica.live_through(moment)
            parts.append(next(walk, []))
        parts.extend(walk)
        assert all(len(part) <= limit for part in parts)
        told = [(key, int(value)) for part in parts for key, value in part if key not in changed]
        assert sorted(told) == sorted((key, number) for key, number in expected.items() if key not in changed)

    live(life)


@THOROUGH
@given(st.lists(st.tuples(st.lists(st.sampled_from(["x.csv", "y.csv"]), max_size=3), MOMENTS), min_size=3, max_size=8))
def test_an_import_goes_on_after_its_last_row_in_the_log(steps: list[tuple[list[str], tuple[str, int]]]) -> None:
    async def life(replica: Replica) -> None:
        done = {"x.csv": 0, "y.csv": 0}
        for sources, moment in steps:
            for source in sources:
                # Every third row was rejected and is not in the log.
                done[source] += 1 if done[source] % 3 else 2
                await replica.append(make_event(uuid="u1", origin=Origin(source, done[source] - 1)))
            for _ in range(2):
                assert {source: replica.imports.rows_done(SHOP, source) for source in done} == done
                assert replica.imports.rows_done(OTHER_SHOP, "x.csv") == 0
                await replica.live_through(moment)

    live(life)


def _rejected(shop: ShopId, event_id: str) -> Record:
    record = Quarantined(
        shop=shop,
        received_at=Milliseconds(5),
        error="wrong",
        reason="verb",
        event_digest=event_id_digest(shop, event_id).hex(),
    )
    return Record(str(shop), msgspec.json.encode(record), record)


@THOROUGH
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from([SHOP, OTHER_SHOP]), st.sampled_from(["id-1", "id-2"])), max_size=4),
            st.integers(0, 3),
            MOMENTS,
        ),
        min_size=3,
        max_size=8,
    )
)
def test_rejections_come_newest_first_and_removed_ones_never_again(
    steps: list[tuple[list[tuple[ShopId, str]], int, tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        kept: dict[int, tuple[ShopId, str]] = {}

        def check() -> None:
            for shop in (SHOP, OTHER_SHOP):
                newest = sorted((p for p, (of, _) in kept.items() if of == shop), reverse=True)
                assert [r.position for r in replica.rejections.newest(shop, limit=3)] == newest[:3]
                if newest:
                    before = Position(newest[0])
                    found = replica.rejections.newest(shop, limit=100, before=before)
                    assert [r.position for r in found] == newest[1:]
                named = [p for p in newest if kept[p][1] == "id-1"]
                assert [r.position for r in replica.rejections.with_event_id(shop, "id-1")] == named

        for rejected, removals, moment in steps:
            for shop, event_id in rejected:
                ((_, position),) = await replica.log.append(Stream.QUARANTINE, [_rejected(shop, event_id)])
                kept[position] = (shop, event_id)
            gone = [Position(p) for p in sorted(kept)[:removals]]
            if gone:
                await replica.log.redact(Stream.QUARANTINE, gone)
                replica.rejections.remove(gone)
                for position in gone:
                    del kept[position]
            check()
            if moment[0] == "replay":
                # Reading the log again passes over what was redacted; the groups as they came do not.
                moment = ("rebuild", 0)
            if moment[0] == "crash":
                # What was removed and not merged is listed again after a crash, until it is removed again.
                await replica.tails.merge()
            await replica.live_through(moment)
            check()

    live(life)


@THOROUGH
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from([SHOP, OTHER_SHOP]), st.integers(0, 2), st.sampled_from(["accepted", "rejected"])),
                max_size=6,
            ),
            NEVER_LOST,
        ),
        min_size=3,
        max_size=8,
    )
)
def test_outcomes_are_counted_once_over_restarts_and_merges_that_fail(
    steps: list[tuple[list[tuple[ShopId, int, str]], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        counted: dict[ShopId, dict[str, int]] = {SHOP: {}, OTHER_SHOP: {}}
        by_hour: dict[tuple[ShopId, int], dict[str, int]] = {(of, hour): {} for of in counted for hour in range(3)}
        deliveries: list[tuple[ShopId, int]] = []

        def check() -> None:
            for shop, totals in counted.items():
                assert replica.outcomes.totals(shop) == totals
                for hour in range(3):
                    assert replica.outcomes.between(shop, hour, hour + 1) == by_hour[shop, hour]
                assert replica.outcomes.between(shop, 0, 3) == totals
                assert replica.outcomes.between(shop, 1, 1) == {}
                found = [d.received_at for d in replica.outcomes.deliveries(shop, "id-1")]
                assert found == [at for of, at in deliveries if of == shop]

        for outcomes, moment in steps:
            for shop, hour, outcome in outcomes:
                reason = "verb" if outcome == "rejected" else ""
                replica.outcomes.count(shop, hour, outcome, reason)
                name = f"{outcome}:{reason}" if reason else outcome
                for counts in (counted[shop], by_hour[shop, hour]):
                    counts[name] = counts.get(name, 0) + 1
                at = Milliseconds(len(deliveries))
                replica.outcomes.duplicate(shop, event_digest(shop, "u1", "id-1"), at, (0, Position(1)))
                deliveries.append((shop, at))
            check()
            await replica.live_through(moment)
            check()

    live(life)


def _places(found: Sequence[Place]) -> list[int]:
    return [position for _, position in found]


@pytest.mark.parametrize("merged", [False, True])
def test_all_places_of_an_event_id_are_found_by_the_id_alone(merged: bool) -> None:
    async def life(replica: Replica) -> None:
        for uuid in ("u1", "u2", "u3"):
            await replica.append(make_event(uuid=uuid, event_id=EventId("id-1")))
        await replica.append(make_event(shop=OTHER_SHOP, uuid="u1", event_id=EventId("id-1")))
        if merged:
            await replica.tails.merge()
        assert len(_places(replica.event_ids.places(SHOP, "id-1"))) == 3
        assert len(_places(replica.event_ids.places(OTHER_SHOP, "id-1"))) == 1
        assert replica.event_ids.places(SHOP, "id-2") == []

    live(life)

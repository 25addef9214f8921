"""The contract of the log's port, on every log there is: what the docstrings of ``footfall.log.port`` promise."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from footfall.identifiers import Position
from footfall.log.embedded import EmbeddedLog
from footfall.log.memory import MemoryLog
from footfall.log.port import Entry, Follower, Group, Lane, Log, Place, Record, Stream
from footfall.log.writer import Writer
from tests.support import run

Opened = Callable[..., AbstractAsyncContextManager[Log]]


@pytest.fixture(params=["memory", "memory in four partitions", "embedded"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens a log of each kind; an embedded one opened twice is the same log."""

    @asynccontextmanager
    async def memory(*followers: Follower) -> AsyncIterator[Log]:
        yield MemoryLog(followers=followers, partitions=4 if "four" in request.param else 1)

    @asynccontextmanager
    async def embedded(*followers: Follower, name: str = "log.db") -> AsyncIterator[Log]:
        writer = Writer()
        log = EmbeddedLog.open(tmp_path / name, writer, followers=followers)
        try:
            yield log
        finally:
            await asyncio.to_thread(writer.stop)
            log.close()

    return embedded if request.param == "embedded" else memory


def records(*numbers: int, key: str = "visitor") -> list[Record]:
    return [Record(key, b'{"number":%d}' % number, number) for number in numbers]


def values(entries: Sequence[Entry]) -> list[bytes]:
    return [entry.value for entry in entries]


async def _all(log: Log, stream: Stream) -> dict[Place, bytes]:
    """Everything in a stream, by place."""
    found: dict[Place, bytes] = {}
    for partition in await log.ends(stream):
        for entry in await log.read(stream, partition, Position(1), 100_000):
            found[partition, entry.position] = entry.value
    return found


def test_what_was_appended_is_read_back_at_its_place(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            sent = [Record(f"visitor {n}", b'{"n":%d}' % n) for n in range(50)]
            places = await log.append(Stream.EVENTS, sent)
            assert len(places) == 50
            assert await _all(log, Stream.EVENTS) == {p: r.value for p, r in zip(places, sent, strict=True)}

    run(scenario())


def test_streams_are_apart(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = [list(await log.append(stream, records(n))) for n, stream in enumerate(Stream)]
            for n, stream in enumerate(Stream):
                assert await _all(log, stream) == {places[n][0]: b'{"number":%d}' % n}

    run(scenario())


def test_positions_strictly_increase_within_a_partition(opened: Opened) -> None:
    async def scenario() -> None:
        last: dict[int, int] = {}
        async with opened() as log:
            for call in range(20):
                for partition, position in await log.append(Stream.EVENTS, [Record(str(n * call), b"{}") for n in range(9)]):
                    assert position > last.get(partition, 0)
                    last[partition] = position

    run(scenario())


def test_positions_begin_after_nought(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            assert set((await log.ends(Stream.EVENTS)).values()) == {0}
            ((_, position),) = await log.append(Stream.EVENTS, records(1))
            assert position >= 1

    run(scenario())


def test_records_of_one_key_keep_their_order(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            for number in range(30):
                await log.append(Stream.EVENTS, [Record(f"key {n}", b"[%d,%d]" % (n, number)) for n in range(10)])
            for key in range(10):
                of_key = [p for p, v in (await _all(log, Stream.EVENTS)).items() if v.startswith(b"[%d," % key)]
                assert len({partition for partition, _ in of_key}) == 1
                found = await _all(log, Stream.EVENTS)
                assert [found[p] for p in sorted(of_key)] == [b"[%d,%d]" % (key, n) for n in range(30)]

    run(scenario())


def test_records_of_one_call_stand_together_where_callers_come_at_once(opened: Opened) -> None:
    async def scenario() -> None:
        groups: list[Group] = []
        async with opened(groups.append) as log:
            calls = [records(*range(n * 10, n * 10 + 10)) for n in range(20)]
            places = await asyncio.gather(*(log.append(Stream.EVENTS, call) for call in calls))
            for place in places:
                positions = [position for _, position in place]
                assert positions == list(range(positions[0], positions[0] + 10))
                assert any(set(positions) <= set(group.positions) for group in groups)

    run(scenario())


def test_followers_are_handed_everything_before_an_append_returns_and_in_order(opened: Opened) -> None:
    async def scenario() -> None:
        seen: dict[Place, Record] = {}
        last: dict[int, int] = {}

        def follow(group: Group) -> None:
            for position, record in zip(group.positions, group.records, strict=True):
                assert position > last.get(group.partition, 0)
                last[group.partition] = position
                seen[group.partition, position] = record

        async with opened(follow) as log:

            async def client(number: int) -> None:
                sent = [Record(f"{number}-{n}", b'{"n":%d}' % n, (number, n)) for n in range(5)]
                places = await log.append(Stream.EVENTS, sent)
                assert [seen[place].decoded for place in places] == [record.decoded for record in sent]

            await asyncio.gather(*(client(number) for number in range(40)))
            assert len(seen) == 200

    run(scenario())


def test_an_empty_append_gives_no_place_and_calls_no_follower(opened: Opened) -> None:
    async def scenario() -> None:
        groups: list[Group] = []
        async with opened(groups.append) as log:
            assert list(await log.append(Stream.EVENTS, [])) == []
            assert groups == []

    run(scenario())


def test_a_read_begins_where_it_is_told_and_keeps_its_limit(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = await log.append(Stream.EVENTS, records(*range(1, 11)))
            partition, first = places[0]
            entries = await log.read(Stream.EVENTS, partition, Position(first + 3), 4)
            assert values(entries) == [b'{"number":%d}' % n for n in (4, 5, 6, 7)]
            assert [entry.position for entry in entries] == [first + 3, first + 4, first + 5, first + 6]
            assert len(await log.read(Stream.EVENTS, partition, Position(first + 8), 4)) == 2
            assert list(await log.read(Stream.EVENTS, partition, Position(first + 10), 4)) == []

    run(scenario())


def test_a_partition_that_is_not_there_is_empty(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            await log.append(Stream.EVENTS, records(1))
            assert list(await log.read(Stream.EVENTS, 99, Position(1), 10)) == []
            assert await log.redact(Stream.EVENTS, [Position(1)], partition=99) == 0

    run(scenario())


def test_ends_are_the_last_positions_given_out(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            expected = dict(await log.ends(Stream.EVENTS))
            for partition, position in await log.append(Stream.EVENTS, [Record(str(n), b"{}") for n in range(20)]):
                expected[partition] = max(expected[partition], position)
            assert await log.ends(Stream.EVENTS) == expected
            assert set((await log.ends(Stream.QUARANTINE)).values()) == {0}

    run(scenario())


def test_a_redacted_record_stays_as_a_tombstone(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = await log.append(Stream.EVENTS, records(1, 2, 3))
            partition, second = places[1]
            before = await log.ends(Stream.EVENTS)
            assert await log.redact(Stream.EVENTS, [second], partition=partition) == 1
            found = await log.read(Stream.EVENTS, partition, places[0][1], 10)
            assert values(found) == [b'{"number":1}', b"", b'{"number":3}']
            assert await log.ends(Stream.EVENTS) == before

    run(scenario())


def test_redacting_counts_only_what_was_there(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = await log.append(Stream.EVENTS, records(1, 2))
            partition, first = places[0]
            beyond = [Position(-5), Position(0), Position(first + 100), Position(first + 50_000)]
            assert await log.redact(Stream.EVENTS, [first, first, *beyond], partition=partition) == 1
            assert await log.redact(Stream.EVENTS, [first], partition=partition) == 0
            assert await log.redact(Stream.EVENTS, [], partition=partition) == 0
            assert values(await log.read(Stream.EVENTS, partition, first, 10)) == [b"", b'{"number":2}']

    run(scenario())


def test_a_position_is_never_given_out_again_after_the_newest_record_was_redacted(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            ((partition, newest),) = await log.append(Stream.EVENTS, records(1))
            await log.redact(Stream.EVENTS, [newest], partition=partition)
            ((_, next_one),) = await log.append(Stream.EVENTS, records(2))
            assert next_one > newest

    run(scenario())


def test_waiting_for_what_is_there_returns_at_once(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            ((partition, position),) = await log.append(Stream.EVENTS, records(1))
            assert await log.wait(Stream.EVENTS, {partition: position}, timeout_seconds=0)

    run(scenario())


def test_waiting_ends_when_the_followers_have_been_handed_the_position(opened: Opened) -> None:
    async def scenario() -> None:
        handed: list[int] = []
        async with opened(lambda group: handed.extend(group.positions)) as log:
            ((partition, position),) = await log.append(Stream.EVENTS, records(1))
            waiting = asyncio.ensure_future(log.wait(Stream.EVENTS, {partition: Position(position + 2)}, timeout_seconds=30))
            await log.append(Stream.EVENTS, records(2))
            assert not waiting.done()
            await log.append(Stream.EVENTS, records(3))
            assert await waiting
            assert position + 2 in handed

    run(scenario())


def test_waiting_for_what_does_not_come_ends_with_false(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            ((partition, position),) = await log.append(Stream.EVENTS, records(1))
            ahead = {partition: Position(position + 1)}
            assert not await log.wait(Stream.EVENTS, ahead, timeout_seconds=0.01)
            await log.append(Stream.EVENTS, records(2))
            assert await log.wait(Stream.EVENTS, ahead, timeout_seconds=0.01)

    run(scenario())


def test_two_logs_have_different_generations(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as one:
            generation = one.generation
        async with opened() if isinstance(one, MemoryLog) else opened(name="other.db") as other:
            assert other.generation != generation
            assert len(generation) == len(other.generation) == 8

    run(scenario())


@pytest.mark.parametrize("lane", list(Lane))
def test_every_lane_leads_into_the_log(opened: Opened, lane: Lane) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = await log.append(Stream.EVENTS, records(1, 2), lane=lane)
            assert list((await _all(log, Stream.EVENTS)).values()) == [b'{"number":1}', b'{"number":2}']
            assert len(places) == 2

    run(scenario())


def test_a_place_can_be_asked_for_from_the_end_and_in_slices(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as log:
            places = await log.append(Stream.EVENTS, records(1, 2, 3))
            assert places[-1] == list(places)[2]
            assert list(places[-1:]) == [list(places)[2]]
            assert list(places[:2]) == list(places)[:2]
            with pytest.raises(IndexError):
                places[3]

    run(scenario())

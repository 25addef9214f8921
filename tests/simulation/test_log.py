"""A seeded simulation of the log and of projections on a disk that loses power at any write, fills up, and of a clock that
jumps. ``FOOTFALL_SIMULATION_SEEDS=1000-1999`` runs other seeds than the usual ones.
"""

import asyncio
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.json import encode

from footfall.clock import DAY_MS
from footfall.errors import FootfallError, LogUnavailableError
from footfall.event import Event, decode_event, encode_event
from footfall.identifiers import CustomerId, EventId, Position, ProductId, ShopId, Uuid
from footfall.intake.quarantine import decode_quarantined
from footfall.log import blocks, embedded
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Group, Lane, Record, Stream
from footfall.log.writer import Writer
from footfall.projections.documents import Documents, decode_document, document_record
from footfall.projections.event_ids import EventIds
from footfall.projections.history import History
from footfall.projections.identity import Identity
from footfall.projections.sightings import Sightings
from footfall.projections.state import Projection, State
from footfall.projections.tails import Tails
from footfall.service import verify
from tests.simulation.disk import Disk
from tests.support import ManualClock

_BLOCK_POSITIONS = 50
_CHECKPOINT_PAGES = 40
_LIVES = 4
_DECODERS: Mapping[Stream, Any] = {
    Stream.EVENTS: decode_event,
    Stream.DOCUMENTS: decode_document,
    Stream.QUARANTINE: decode_quarantined,
}


def _seeds() -> list[int]:
    first, _, last = os.environ.get("FOOTFALL_SIMULATION_SEEDS", "1-24").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and checkpoints small enough that a life of a few hundred records sees many of them."""
    for module in (blocks, embedded, verify):
        monkeypatch.setattr(module, "LOG_BLOCK_POSITIONS", _BLOCK_POSITIONS)
    monkeypatch.setattr(embedded, "WAL_PAGES_CHECKPOINT", _CHECKPOINT_PAGES)
    monkeypatch.setattr(embedded, "_CLEARING_PAUSES_SECONDS", (0.0,))


class _Truth:
    """What the log has acknowledged, and so must hold for ever."""

    def __init__(self) -> None:
        self.values: dict[tuple[Stream, Position], bytes] = {}
        self.redacted: set[tuple[Stream, Position]] = set()
        self.maybe_redacted: set[tuple[Stream, Position]] = set()
        self.highest = dict.fromkeys(Stream, 0)

    def acknowledged(self, stream: Stream, position: Position, value: bytes) -> None:
        assert position > self.highest[stream] or (stream, position) not in self.values, f"position {position} was reused"
        self.values[stream, position] = value

    def compare(self, stream: Stream, found: Mapping[Position, bytes], gaps: list[tuple[int, int]]) -> None:
        """What is found after a restart; what it holds beyond the acknowledged must stay from now on, too."""
        for (of, position), value in self.values.items():
            if of is not stream:
                continue
            if position in found:
                redacted = (stream, position) in self.redacted
                possibly = (stream, position) in self.maybe_redacted
                assert found[position] == (b"" if redacted else value) or (possibly and found[position] == b"")
            else:
                assert any(first <= position <= last for first, last in gaps), f"{stream} {position} is lost"
                assert (stream, position) in self.redacted | self.maybe_redacted
        kept = [value for value in found.values() if value]
        assert len(kept) == len(set(kept)), "a record is there twice"
        for position, value in found.items():
            if value:
                self.values.setdefault((stream, position), value)
            elif (stream, position) not in self.redacted:
                assert (stream, position) in self.maybe_redacted
                self.redacted.add((stream, position))


class _Simulation:
    """Several lives of one store on one disk."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.disk = Disk(self.chance)
        self.clock = ManualClock()
        self.truth = _Truth()
        self.generation: str | None = None
        self._made = 0

    def run(self) -> None:
        for _ in range(_LIVES):
            if self.chance.random() < 0.9:
                self.disk.die_after(int(self.chance.expovariate(1 / 250)))
            asyncio.run(self._live())
            self.disk.full = False
            if self.disk.dead or self.chance.random() < 0.5:
                self.disk.die()
                self.disk.power_up()
        asyncio.run(self._live(last=True))
        self.disk.unregister()

    @contextmanager
    def _opened(self) -> Iterator[tuple[EmbeddedLog, Tails]]:
        writer, state_writer = Writer(), Writer("state")
        state = log = None
        try:
            state = State.open(self.folder / "state.db", state_writer, vfs=self.disk.name)
            tails = _tails(state)
            log = EmbeddedLog.open(
                self.folder / "log.db", writer, followers=[tails.follow], chance=self.chance, vfs=self.disk.name
            )
            yield log, tails
        finally:
            writer.stop()
            state_writer.stop()
            for part in (log, state):
                # A machine without power closes nothing; the files are what the disk makes of them.
                with suppress(apsw.Error):
                    if part is not None:
                        part.close()

    async def _live(self, *, last: bool = False) -> None:
        try:
            with self._opened() as (log, tails):
                assert self.generation in (None, log.generation)
                self.generation = log.generation
                await self._compare(log)
                await tails.catch_up(log)
                if last:
                    await self._compare_projections(log, tails)
                    return
                for _ in range(self.chance.randrange(5, 60)):
                    await self._step(log, tails)
                if not self.disk.dead and not self.disk.full:
                    await tails.merge()
        except FootfallError:
            if not (self.disk.dead or self.disk.full):
                raise

    async def _step(self, log: EmbeddedLog, tails: Tails) -> None:
        self.clock.time += int(self.chance.triangular(-3 * DAY_MS, 3 * DAY_MS))
        action = self.chance.random()
        if action < 0.05:
            self.disk.full = not self.disk.full
        elif action < 0.15:
            with suppress(LogUnavailableError):
                await asyncio.shield(tails._start_merge(log)) if not self.disk.full and not self.disk.dead else None
        elif action < 0.3:
            await self._redact(log)
        else:
            # At once, so that several fall into one group.
            await asyncio.gather(*(self._append(log) for _ in range(self.chance.randrange(1, 8))))

    async def _append(self, log: EmbeddedLog) -> None:
        stream = self.chance.choice((Stream.EVENTS, Stream.EVENTS, Stream.DOCUMENTS, Stream.QUARANTINE))
        records = [self._record(stream) for _ in range(self.chance.choice((1, 1, 2, 30)))]
        lane = self.chance.choice((Lane.LIVE, Lane.IMPORT))
        with suppress(LogUnavailableError):
            places = await log.append(stream, records, lane=lane)
            positions = [position for _, position in places]
            assert positions == list(range(positions[0], positions[0] + len(records)))
            for record, position in zip(records, positions, strict=True):
                self.truth.acknowledged(stream, position, record.value)

    def _record(self, stream: Stream) -> Record:
        self._made += 1
        if stream is Stream.DOCUMENTS:
            return document_record(f"thing/{self.chance.randrange(5)}", {"number": self._made})
        if stream is Stream.QUARANTINE:
            return Record("1", encode({"shop": 1, "received_at": self.clock.now(), "error": str(self._made), "reason": "x"}))
        event = Event(
            shop=ShopId(self.chance.randrange(1, 3)),
            received_at=self.clock.now(),
            time=self.clock.now(),
            subject="user",
            verb=self.chance.choice(("viewed", "added")),
            noun="product",
            event_id=EventId(f"event-{self._made}"),
            uuid=Uuid(f"visitor-{self.chance.randrange(6)}") if self.chance.random() < 0.9 else None,
            customer_id=CustomerId(f"customer-{self.chance.randrange(3)}") if self.chance.random() < 0.4 else None,
            product_id=ProductId(str(self.chance.randrange(10))),
            label="x" * self.chance.choice((0, 10, 3_000)),
        )
        return Record("visitor", encode_event(event), event)

    async def _redact(self, log: EmbeddedLog) -> None:
        """Redact rejected events: what projections made of other records is for those who redact to see to."""
        stream = Stream.QUARANTINE
        end = (await log.ends(stream))[0]
        if end == 0:
            return
        first = self.chance.randrange(1, end + 1)
        wanted = [Position(first + n) for n in range(self.chance.choice((1, 5, 2 * _BLOCK_POSITIONS)))]
        places = {(stream, position) for position in wanted if position <= end}
        self.truth.maybe_redacted |= places
        with suppress(LogUnavailableError):
            await log.redact(stream, wanted)
            self.truth.redacted |= places

    async def _compare(self, log: EmbeddedLog) -> None:
        for stream in Stream:
            found = {entry.position: entry.value for entry in await log.read(stream, 0, Position(1), 1_000_000)}
            rows: list[Any] = log._reader.execute("SELECT first, last FROM gaps WHERE stream = ?", (stream.value,)).fetchall()
            self.truth.compare(stream, found, rows)
            end = (await log.ends(stream))[0]
            assert end >= self.truth.highest[stream]
            self.truth.highest[stream] = end
        lines = list(verify.check(self.folder / "log.db", self.folder / "not-made"))
        assert [line for line in lines if line.get("finding", {}).get("level") == "error"] == []

    async def _compare_projections(self, log: EmbeddedLog, tails: Tails) -> None:
        """Rows that were merged through all these lives are those that one reading of the log makes."""
        await tails.merge()
        writer = Writer("state")
        state = State.open(self.folder / "rebuilt.db", writer)
        rebuilt = _tails(state)
        await rebuilt.catch_up(log)
        await rebuilt.merge()
        writer.stop()
        state.close()
        assert _rows(self.folder / "state.db", self.disk.name) == _rows(self.folder / "rebuilt.db", None)
        lines = list(verify.check(self.folder / "log.db", self.folder / "state.db"))
        assert [line for line in lines if line.get("finding", {}).get("level") == "error"] == []


def _tails(state: State) -> Tails:
    identity = Identity(state.reader)
    # A window longer than the clock jumps: when a day's table is dropped depends on when it was merged.
    event_ids = EventIds(state.reader, days=1_000)
    projections: list[Projection] = [
        History(state.reader, identity),
        identity,
        Sightings(state.reader),
        event_ids,
        Documents(state.reader),
    ]
    return Tails(state, projections, _DECODERS)


def _rows(path: Path, vfs: str | None) -> dict[str, list[Any]]:
    """The rows of each table. Which run a row stands in depends on when merges ran, and is no part of any answer."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    try:
        tables = [
            str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        found: dict[str, list[Any]] = {}
        for table in tables:
            if table.endswith("_runs"):
                continue
            live = f" WHERE run IN (SELECT run FROM {table}_runs WHERE state = 'live')" if f"{table}_runs" in tables else ""
            rows = connection.execute(f'SELECT * FROM "{table}"{live}').fetchall()
            found[table] = sorted({row[1:] for row in rows} if live else rows, key=repr)
        return found
    finally:
        connection.close()


@pytest.mark.parametrize("seed", _seeds())
def test_a_store_keeps_its_promises_through_crashes(seed: int, tmp_path: Path) -> None:
    _Simulation(seed, tmp_path).run()


def test_an_acknowledgement_comes_after_a_sync_that_covers_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A checkpoint syncs, too; none comes while this counts.
    monkeypatch.setattr(embedded, "WAL_PAGES_CHECKPOINT", 1_000_000)
    disk = Disk(random.Random(1))
    groups: list[int] = []
    uncovered: list[int] = []
    synced_when_committed: list[int] = []

    async def scenario() -> None:
        writer = Writer()

        def follow(group: Group) -> None:
            groups.append(len(group.records))

        log = EmbeddedLog.open(tmp_path / "log.db", writer, followers=[follow], vfs=disk.name)
        await log.append(Stream.EVENTS, [Record("k", b"{}")])
        before = disk.syncs["-wal"]
        for number in range(20):
            await log.append(Stream.EVENTS, [Record("k", b"{}")] * (number + 1))
            uncovered.append(disk.unsynced("-wal"))
            synced_when_committed.append(disk.syncs["-wal"] - before)
        groups.clear()
        before = disk.syncs["-wal"]
        await asyncio.gather(*(log.append(Stream.EVENTS, [Record("k", b"{}")] * 300) for _ in range(40)))
        assert sum(groups) == 40 * 300
        assert len(groups) > 1
        assert disk.syncs["-wal"] - before == len(groups)
        writer.stop()
        log.close()

    asyncio.run(scenario())
    disk.unregister()
    assert uncovered == [0] * 20
    assert synced_when_committed == list(range(1, 21))

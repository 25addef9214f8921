"""Exports of windows: each is what a plain filter of the whole finds, together they are the whole, and so are days."""

import asyncio
import io
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.clock import HOUR_MS, Milliseconds
from footfall.event import Event, Flag, encode_event
from footfall.identifiers import Position, ShopId
from footfall.limits import ARRIVALS_BACK_DAYS_MAX
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Record, Stream
from footfall.log.writer import Writer
from footfall.projections.analytics.asking import read_moment_in
from footfall.service import export as exporting
from footfall.service import wanted
from footfall.service.export import export
from tests.properties.replica import OTHER_SHOP, SHOP
from tests.support import NOW, run

_ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland")
_HOURS_BACK_MAX = ARRIVALS_BACK_DAYS_MAX * 24
_FLAGS: Sequence[list[Flag] | None] = (None, None, ["bot"], ["late", "test"])

EVENTS = st.lists(
    st.tuples(
        # Hours since the one before came, by which the clock was behind, and from when it happened until it came.
        st.integers(0, 400),
        st.one_of(st.just(0), st.integers(0, _HOURS_BACK_MAX)),
        st.one_of(st.just(0), st.integers(0, 3_000)),
        st.sampled_from([SHOP, SHOP, OTHER_SHOP]),
        st.sampled_from(_FLAGS),
        # Whether it was redacted.
        st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)
CUTS = st.lists(st.integers(-2_000, 24_000), min_size=1, max_size=4, unique=True).map(sorted)


class Exported:
    """A log of such events, and what exports of it give."""

    def __init__(self, folder: Path, drawn: Sequence[tuple[int, int, int, ShopId, list[Flag] | None, bool]]) -> None:
        self.folder = folder
        self.events: list[Event] = []
        hours = 0
        for since_last, behind, late, shop, flags, _ in drawn:
            hours += since_last
            came = Milliseconds(NOW + (hours - behind) * HOUR_MS)
            own = Milliseconds(came - late * HOUR_MS)
            self.events.append(
                Event(shop=shop, received_at=came, time=own, subject="user", verb="viewed", noun="product", flags=flags)
            )
        self.redacted = [Position(n) for n, one in enumerate(drawn, start=1) if one[-1]]
        run(self._write())

    async def _write(self) -> None:
        writer = Writer()
        log = EmbeddedLog.open(self.folder / "log.db", writer)
        await log.append(Stream.EVENTS, [Record("k", encode_event(event), event) for event in self.events])
        await log.redact(Stream.EVENTS, self.redacted)
        await asyncio.to_thread(writer.stop)
        log.close()

    def run(self, *, form: str = "jsonl", out: Path | None = None, **more: Any) -> bytes:
        output = io.BytesIO()
        target = str(out) if out is not None else None
        log = str(self.folder / "log.db")
        export(log=log, shop=SHOP, form=form, first=1, last=len(self.events), out=target, output=output, **more)
        return output.getvalue()

    def positions(self, **more: Any) -> list[int]:
        return [_number(msgspec.json.decode(line)["position"]) for line in self.run(**more).splitlines()]

    def filtered(self, since: int | None, until: int | None, without: Sequence[str] = ()) -> list[int]:
        """The same by looking at every event."""
        return [
            position
            for position, event in enumerate(self.events, start=1)
            if event.shop == SHOP and position not in self.redacted
            if since is None or event.time >= since
            if until is None or event.time < until
            if not set(without) & set(event.flags or ())
        ]


def _number(token: str) -> int:
    return int(token.rpartition(".")[2])


@given(looks=st.sampled_from([2, 20]), drawn=EVENTS, cuts=CUTS, without=st.sets(st.sampled_from(["bot", "test"])))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_each_window_is_what_a_filter_finds_and_adjacent_ones_are_the_whole(
    looks: int, drawn: list[Any], cuts: list[int], without: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(wanted, "READ_ENTRIES", 3)
        patch.setattr(wanted, "_LOOKS", looks)
        exported = Exported(Path(folder), drawn)
        bounds = [None, *(NOW + cut * HOUR_MS for cut in cuts), None]
        together: list[int] = []
        for since, until in pairwise(bounds):
            window = exported.positions(since=since, until=until, without=sorted(without))
            assert window == exported.filtered(since, until, sorted(without))
            together += window
        assert sorted(together) == exported.positions(without=sorted(without))


@given(part_events=st.sampled_from([4, 1_000]), drawn=EVENTS, zone=st.sampled_from(_ZONES))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=15)
def test_each_day_of_a_folder_is_the_window_of_that_day_and_all_days_are_the_whole(
    part_events: int, drawn: list[Any], zone: str
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "_PART_EVENTS", part_events)
        exported = Exported(Path(folder), drawn)
        out = Path(folder) / "days"
        told = msgspec.json.decode(exported.run(form="parquet", out=out, by_day_of=zone))
        days = by_day(out)
        assert told == {"events": sum(map(len, days.values()))}
        assert sorted(position for of in days.values() for position in of) == exported.positions()
        for name, of in days.items():
            next_day = date.fromisoformat(name) + timedelta(days=1)
            start, end = (read_moment_in("day", str(day), ZoneInfo(zone)) for day in (name, next_day))
            assert sorted(of) == exported.positions(since=start, until=end)


def by_day(folder: Path) -> dict[str, list[int]]:
    """Positions by the day that DuckDB reads in the names of a folder; in each file they are in order."""
    days: dict[str, list[int]] = defaultdict(list)
    files = sorted(folder.rglob("*.parquet"))
    with duckdb.connect() as engine:
        for file in files:
            source = f"read_parquet('{file}', hive_partitioning = true)"
            rows = engine.execute(f"SELECT day::VARCHAR, position FROM {source}").fetchall()
            positions = [_number(position) for _, position in rows]
            assert positions == sorted(positions)
            days[rows[0][0]] += positions
    assert {path for path in folder.rglob("*") if path.is_file()} == set(files)
    return days

"""The big store: 10,000,000 events put through the real service (log, projections, merges), only without HTTP.

Run as a module it builds one; ``prepare`` does that in a child process and keeps what is there already.
"""

import asyncio
import random
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from footfall.clock import DAY_MS
from footfall.config import Config
from footfall.event import encode_event
from footfall.identifiers import ShopId
from footfall.log.port import Place, Record, Stream
from footfall.service.commands import Commands
from footfall.service.lock import DirectoryLock
from footfall.service.logs import configure_logs
from footfall.service.service import Service
from tests.benchmarks.events import KEY, VISITORS, stored_event
from tests.benchmarks.load import ROOT
from tests.benchmarks.processes import SHOP

BUILD_SECONDS_MAX: Final = 1_200
_GROUP_EVENTS: Final = 5_000
_APPENDS_MAX: Final = 4
_FULL_PAUSE_SECONDS: Final = 0.01
_SPREAD_MS: Final = 6 * DAY_MS
"""Over how long the events arrived: all within the window in which event ids are remembered."""
_EVENTS_PER_VISITOR: Final = 10
_FRESH_SECONDS: Final = 24 * 3600
"""A kept store older than this is built anew: its event ids would be leaving the window during the measurement."""


class Store(msgspec.Struct, frozen=True):
    """A store that was built: how many events by how many visitors, and how long that took."""

    events: int
    visitors: int
    seconds: float
    built_at: float


def visitors_of(events: int) -> int:
    """From how many visitors so many events are drawn: 1,000,000, fewer for a small store, so that each has a few."""
    return min(VISITORS, max(1_000, events // _EVENTS_PER_VISITOR))


def prepare(data: Path, events: int) -> Store:
    """The store on this directory, built if it isn't there with so many events. Raises ``subprocess.CalledProcessError``."""
    marker = data.with_name(data.name + ".json")
    if marker.exists():
        found = msgspec.json.decode(marker.read_bytes(), type=Store)
        if found.events == events and time.time() - found.built_at < _FRESH_SECONDS:
            return found
    marker.unlink(missing_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.store", str(data), str(events)],
        check=True,
        cwd=ROOT,
        timeout=BUILD_SECONDS_MAX,
    )
    store = Store(events, visitors_of(events), time.perf_counter() - begin, time.time())
    marker.write_bytes(msgspec.json.encode(store))
    return store


async def build(data: Path, events: int) -> None:
    """Append events and let the projections follow and merge, as they do when a server takes them in."""
    lock = DirectoryLock.take(data)
    try:
        service = Service(Config(data=data))
        try:
            await service.start()
            await Commands(service).shop_create(SHOP, public_key=KEY)
            shop = next(iter(service.shops.all())).id
            await _fill(service, shop, events)
            await service.index_keeper.save()
        finally:
            await service.stop()
    finally:
        lock.release()


async def _fill(service: Service, shop: ShopId, events: int) -> None:
    chance = random.Random(events)
    visitors = visitors_of(events)
    began_at = service.clock.now() - _SPREAD_MS
    appends: deque[asyncio.Task[Sequence[Place]]] = deque()
    begin = time.perf_counter()
    for first in range(0, events, _GROUP_EVENTS):
        records = [
            _record(chance, shop, visitors, number, began_at + number * _SPREAD_MS // events)
            for number in range(first, min(first + _GROUP_EVENTS, events))
        ]
        appends.append(asyncio.create_task(service.log.append(Stream.EVENTS, records)))
        # The append begins while the next records are made.
        await asyncio.sleep(0)
        while len(appends) >= _APPENDS_MAX:
            await appends.popleft()
        while service.tails.full:  # noqa: ASYNC110 - the tails tell nobody when they have room again
            # Collection refuses here: memory holds no more until the merge under way is through.
            await asyncio.sleep(_FULL_PAUSE_SECONDS)
        if first and first % (events // 10 // _GROUP_EVENTS * _GROUP_EVENTS or events) == 0:
            rate = first / (time.perf_counter() - begin)
            print(f"  {first:,} events stored, {rate:,.0f} a second", file=sys.stderr, flush=True)
    for append in appends:
        await append
    await service.tails.merge()
    while service.tails.untidy:
        # A store that grew over days is tidy; this one grew in minutes.
        await service.tails.merge()


def _record(chance: random.Random, shop: ShopId, visitors: int, number: int, received_at: int) -> Record:
    """Half of the events have an event id."""
    event_id = f"{chance.getrandbits(32):08x}-0000-4000-9000-{number:012x}" if number % 2 else None
    event = stored_event(chance, shop=shop, visitors=visitors, received_at=received_at, event_id=event_id)
    return Record(f"{shop}:{event.uuid}", encode_event(event), event)


def main() -> None:
    """Build a store: directory and number of events are the arguments."""
    configure_logs(level="warning", form="console")
    uvloop.run(build(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()

"""A server's life on an empty store and on one with 10,000,000 events: starts, memory, disk, and a minute of batches."""

import time
from collections.abc import Iterator

from tests.benchmarks import floors
from tests.benchmarks.bench import BATCH_CONNECTIONS, Bench
from tests.benchmarks.load import BATCH, Generator, Kind, Outcome, Traffic
from tests.benchmarks.measures_collect import check_stored, failed
from tests.benchmarks.processes import ServerProcess, serving
from tests.benchmarks.table import Figure, Sample, count, megabytes, seconds, verdict

EMPTY_START_ASKED_SECONDS = 1.0
RESTART_ASKED_SECONDS = 2.0
RESIDENT_ASKED_BYTES = 400_000_000
MINUTE_ASKED = 50_000
MINUTE_WITH_IDS_ASKED = 25_000

_WINDOW_SECONDS = 5.0
_SETTLE_SECONDS = 3.0


def start(bench: Bench) -> Iterator[Figure]:
    """From the start of the process to ``/ready``, with no data directory yet."""
    bench.say("starts on an empty store")
    times = []
    for _ in range(bench.rounds):
        data = bench.new_data()
        with serving(data) as server:
            times.append(server.ready_seconds)
        bench.discard(data)
    sample = Sample.of(times)
    yield Figure(
        what="start on an empty store to ready",
        asked=f"< {EMPTY_START_ASKED_SECONDS:.0f} s",
        measured=sample.shown(seconds),
        verdict=verdict(met=sample.median < EMPTY_START_ASKED_SECONDS),
        raw={"seconds": sample.values},
    )


def restart(bench: Bench) -> Iterator[Figure]:
    """The big store: bytes on disk after a clean stop, start to ready after a clean stop and after kill -9 under batches, and
    the memory of a server that has just started. The files are in the page cache, as after a restart of the process alone."""
    store = bench.store
    yield from _disk(bench)
    clean, resident = [], []
    for turn in range(bench.rounds):
        bench.say(f"restart after a clean stop, round {turn + 1} of {bench.rounds}")
        with serving(bench.store_data) as server:
            clean.append(server.ready_seconds)
            time.sleep(bench.lasting(_SETTLE_SECONDS))
            resident.append(float(server.resident_bytes()))
    times, memory = Sample.of(clean), Sample.of(resident)
    yield Figure(
        what=f"{store.events:,} events stored: restart to ready after a clean stop",
        asked=f"< {RESTART_ASKED_SECONDS:.0f} s",
        measured=times.shown(seconds),
        verdict=verdict(met=times.median < RESTART_ASKED_SECONDS),
        raw={"seconds": times.values},
    )
    yield from _restart_after_kill(bench)
    yield _resident("after a restart", memory)


def _disk(bench: Bench) -> Iterator[Figure]:
    events = bench.store.events
    sizes = {path.name: path.stat().st_size for path in bench.store_data.iterdir() if path.is_file()}
    total = sum(sizes.values())
    parts = ", ".join(f"{name} {sizes[name] / events:.0f}" for name in ("log.db", "state.db"))
    yield Figure(
        what=f"{events:,} events stored: bytes on disk per event",
        asked="printed",
        measured=f"{total / events:.0f} ({parts})",
        beside=f"in all {megabytes(total)}, built in {bench.store.seconds:,.0f} s",
        raw={"sizes": sizes, "build_seconds": bench.store.seconds},
    )


def _restart_after_kill(bench: Bench) -> Iterator[Figure]:
    times, added = [], []
    for turn in range(bench.rounds):
        bench.say(f"restart after kill -9, round {turn + 1} of {bench.rounds}")
        server = ServerProcess.start(bench.store_data)
        try:
            before = server.stored()
            outcome = bench.drive(server.url, "batch", bench.lasting(4), visitors=bench.store.visitors)
            added.append(float(server.stored() - before))
        finally:
            server.kill()
        with serving(bench.store_data) as again:
            times.append(again.ready_seconds)
            check_stored(again, outcome.answered * BATCH, before)
    sample = Sample.of(times)
    yield Figure(
        what="the same after kill -9 under batches (the tails are read again)",
        asked="printed",
        measured=sample.shown(seconds),
        beside=f"events since the restart before it: {Sample.of(added).shown(count)}",
        raw={"seconds": sample.values, "events": added},
    )


def minute(bench: Bench) -> Iterator[Figure]:
    """Batches of 100 for a minute on the big store, first without event ids, then with fresh ones, by the same server."""
    group_size = BATCH * BATCH_CONNECTIONS
    visitors = bench.store.visitors
    with serving(bench.store_data) as server:
        kinds: tuple[tuple[Kind, str, int], ...] = (
            ("batch", "without event ids", MINUTE_ASKED),
            ("batch-ids", "with event ids", MINUTE_WITH_IDS_ASKED),
        )
        for kind, words, asked in kinds:
            bench.say(f"batches on the big store, {words}")
            alone = floors.sqlite_group_commit(bench.directory, group=group_size, seconds=bench.lasting(3))
            before = server.stored()
            outcome, windows = _sampled(bench, server, kind, visitors)
            check_stored(server, outcome.answered * BATCH, before)
            rate = outcome.per_second * BATCH
            yield Figure(
                what=f"batches of {BATCH} for {outcome.seconds:.0f} s on {before:,} events, {words}: events a second",
                asked=f"≥ {asked:,}",
                measured=f"{count(rate)}{failed([outcome])}; {_WINDOW_SECONDS:.0f} s windows {windows.shown(count)}",
                beside=f"SQLite alone, groups of {group_size:,}: {count(alone)}",
                ratio=f"{rate / alone:.0%}",
                verdict=verdict(met=rate >= asked),
                raw={"per_second": rate, "windows": windows.values, "sqlite_per_second": alone, "p99_ms": outcome.p99_ms},
            )
        yield _resident("after these minutes", Sample.of([float(server.resident_bytes())]))


def _sampled(bench: Bench, server: ServerProcess, kind: Kind, visitors: int) -> tuple[Outcome, Sample]:
    """A minute of batches, and the events a second that were stored in each window of it."""
    traffic = Traffic(url=server.url, kind=kind, visitors=visitors, seconds=bench.lasting(60), connections=BATCH_CONNECTIONS)
    generator = Generator(traffic)
    try:
        rates = []
        at, stored = time.perf_counter(), server.stored()
        end = at + traffic.seconds
        while generator.running and (left := end - at) > _WINDOW_SECONDS / 5:
            time.sleep(min(_WINDOW_SECONDS, left))
            now, stored_now = time.perf_counter(), server.stored()
            rates.append((stored_now - stored) / (now - at))
            at, stored = now, stored_now
        return generator.outcome(), Sample.of(rates)
    finally:
        generator.stop()


def _resident(when: str, memory: Sample) -> Figure:
    return Figure(
        what=f"resident memory of the server {when}",
        asked=f"< {megabytes(RESIDENT_ASKED_BYTES)}",
        measured=memory.shown(megabytes),
        verdict=verdict(met=max(memory.values) < RESIDENT_ASKED_BYTES),
        raw={"bytes": memory.values},
    )

"""Collection on an empty store: single events, batches, and how long an acknowledgement takes."""

from collections.abc import Iterator

from tests.benchmarks import floors
from tests.benchmarks.bench import BATCH_CONNECTIONS, CONNECTIONS, RATE, Bench
from tests.benchmarks.load import BATCH, Outcome
from tests.benchmarks.processes import ServerProcess, serving
from tests.benchmarks.table import Figure, Sample, count, milliseconds, verdict

SINGLES_ASKED = 10_000
SINGLES_SHARE_ASKED = 0.4
BATCH_EVENTS_ASKED = 60_000
P50_ASKED_MS = 3.0
P99_ABOVE_FLOOR_ASKED_MS = 10.0


def single(bench: Bench) -> Iterator[Figure]:
    """Single v2 events in a closed loop, in turns with the bare framework; SQLite alone in groups of at most what this load
    can form (one event for each connection)."""
    data = bench.new_data()
    ours: list[Outcome] = []
    bare: list[float] = []
    alone: list[float] = []
    with floors.bare_framework() as bare_url, serving(data, fresh=True) as server:
        for turn in range(bench.rounds):
            bench.say(f"single events, round {turn + 1} of {bench.rounds}")
            alone.append(floors.sqlite_group_commit(bench.directory, group=CONNECTIONS, seconds=bench.lasting(3)))
            bare.append(bench.drive(bare_url, "single", bench.lasting(8)).per_second)
            ours.append(bench.drive(server.url, "single", bench.lasting(8)))
        check_stored(server, sum(outcome.answered for outcome in ours))
    bench.discard(data)
    rate, framework, group = Sample.of(o.per_second for o in ours), Sample.of(bare), Sample.of(alone)
    share = rate.median / framework.median
    raw = {"per_second": rate.values, "bare_per_second": framework.values, "sqlite_per_second": group.values}
    yield Figure(
        what=f"single v2 events, {CONNECTIONS} connections, durable: events a second",
        asked=f"≥ {SINGLES_ASKED:,}",
        measured=rate.shown(count) + failed(ours),
        beside=f"SQLite alone, groups of {CONNECTIONS}: {group.shown(count)}",
        ratio=f"{rate.median / group.median:.0%}",
        verdict=verdict(met=rate.median >= SINGLES_ASKED),
        raw=raw,
    )
    yield Figure(
        what="the same as a share of the bare framework",
        asked=f"≥ {SINGLES_SHARE_ASKED:.0%}",
        measured=f"{share:.0%}",
        beside=f"bare framework, same requests: {framework.shown(count)}",
        ratio=f"{share:.0%}",
        verdict=verdict(met=share >= SINGLES_SHARE_ASKED),
        raw={"share": share},
    )


def batch(bench: Bench) -> Iterator[Figure]:
    """Batches of 100 without event ids in a closed loop, each round on a store that is new; SQLite alone in groups of one
    batch for each connection."""
    ours: list[Outcome] = []
    bare: list[float] = []
    alone: list[float] = []
    group_size = BATCH * BATCH_CONNECTIONS
    with floors.bare_framework() as bare_url:
        for turn in range(bench.rounds):
            bench.say(f"batches on an empty store, round {turn + 1} of {bench.rounds}")
            alone.append(floors.sqlite_group_commit(bench.directory, group=group_size, seconds=bench.lasting(3)))
            bare.append(bench.drive(bare_url, "batch", bench.lasting(5)).per_second * BATCH)
            data = bench.new_data()
            with serving(data, fresh=True) as server:
                ours.append(bench.drive(server.url, "batch", bench.lasting(10)))
                check_stored(server, ours[-1].answered * BATCH)
            bench.discard(data)
    rate, framework, group = Sample.of(o.per_second * BATCH for o in ours), Sample.of(bare), Sample.of(alone)
    yield Figure(
        what=f"batches of {BATCH} on an empty store, {BATCH_CONNECTIONS} connections: events a second",
        asked=f"≥ {BATCH_EVENTS_ASKED:,} (aim 100,000)",
        measured=rate.shown(count) + failed(ours),
        beside=f"SQLite alone, groups of {group_size:,}: {group.shown(count)}",
        ratio=f"{rate.median / group.median:.0%}",
        verdict=verdict(met=rate.median >= BATCH_EVENTS_ASKED),
        raw={"per_second": rate.values, "bare_per_second": framework.values, "sqlite_per_second": group.values},
    )
    yield Figure(
        what="the same as a share of the bare framework, which reads the batch and answers",
        measured=f"{rate.median / framework.median:.0%}",
        beside=f"bare framework, same requests: {framework.shown(count)}",
        ratio=f"{rate.median / framework.median:.0%}",
    )


def latency(bench: Bench) -> Iterator[Figure]:
    """Acknowledgements of single events at a fixed rate on a new store, in turns with bare append + fdatasync."""
    data = bench.new_data()
    ours: list[Outcome] = []
    floor: list[floors.Latency] = []
    with serving(data, fresh=True) as server:
        for turn in range(bench.rounds):
            bench.say(f"acknowledgements at {RATE:,} a second, round {turn + 1} of {bench.rounds}")
            floor.append(floors.append_and_sync(bench.directory, rate=RATE, seconds=bench.lasting(12)))
            ours.append(bench.drive(server.url, "single", bench.lasting(12), rate=RATE))
    bench.discard(data)
    p50, p99 = Sample.of(o.p50_ms for o in ours), Sample.of(o.p99_ms for o in ours)
    floor_p50, floor_p99 = Sample.of(f.p50_ms for f in floor), Sample.of(f.p99_ms for f in floor)
    above = p99.median - floor_p99.median
    yield Figure(
        what=f"acknowledgement at {RATE:,} single events a second: p50",
        asked=f"< {P50_ASKED_MS:.0f} ms",
        measured=p50.shown(milliseconds) + failed(ours),
        beside=f"append + fdatasync, same rate: {floor_p50.shown(milliseconds)}",
        ratio=f"{p50.median / floor_p50.median:.1f}x",
        verdict=verdict(met=p50.median < P50_ASKED_MS),
        raw={"p50_ms": p50.values, "floor_p50_ms": floor_p50.values},
    )
    yield Figure(
        what="the same: p99",
        asked=f"≤ {P99_ABOVE_FLOOR_ASKED_MS:.0f} ms above the floor",
        measured=p99.shown(milliseconds),
        beside=f"append + fdatasync, same rate: {floor_p99.shown(milliseconds)}",
        ratio=f"{above:+.2f} ms",
        verdict=verdict(met=above <= P99_ABOVE_FLOOR_ASKED_MS),
        raw={"p99_ms": p99.values, "floor_p99_ms": floor_p99.values, "max_ms": [o.max_ms for o in ours]},
    )


def check_stored(server: ServerProcess, acknowledged: int, before: int = 0) -> None:
    """A rate of acknowledgements means nothing if the events aren't there. Raises ``RuntimeError``."""
    stored = server.stored() - before
    if stored < acknowledged:
        raise RuntimeError(f"{acknowledged:,} events were acknowledged, and {stored:,} are stored.")


def failed(outcomes: list[Outcome]) -> str:
    """A remark on requests that were not answered with success, where there are any."""
    number = sum(outcome.failed for outcome in outcomes)
    return f", {number:,} requests failed" if number else ""

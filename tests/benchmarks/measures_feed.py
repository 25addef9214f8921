"""What the live feed costs collection: batches while nobody, one and as many as a shop may have listen to all of it."""

import time
from collections.abc import Iterator

from footfall.limits import LIVE_FEEDS_PER_SHOP_MAX
from tests.benchmarks.bench import Bench
from tests.benchmarks.listen import listening
from tests.benchmarks.load import BATCH
from tests.benchmarks.measures_collect import check_stored
from tests.benchmarks.processes import serving
from tests.benchmarks.table import Figure, Sample, count, seconds

RATE: int = 2_000
"""Events a second where the rate is fixed: more than a large shop has."""


def live(bench: Bench) -> Iterator[Figure]:
    """Batches in a closed loop and at a fixed rate, each on a store that is new, by how many feeds are open; and how long
    after the last acknowledgement all of them had told everything."""
    for rate in (0, RATE):
        rates: dict[int, list[float]] = {0: [], 1: [], LIVE_FEEDS_PER_SHOP_MAX: []}
        waits: dict[int, list[float]] = {feeds: [] for feeds in rates}
        for turn in range(max(1, bench.rounds - 2)):
            for feeds in rates:
                bench.say(f"batches {f'at {rate:,} events a second ' if rate else ''}beside {feeds} feeds, round {turn + 1}")
                per_second, wait = _beside(bench, feeds, rate)
                rates[feeds].append(per_second)
                waits[feeds].append(wait)
        alone = Sample.of(rates[0])
        for feeds in list(rates)[1:]:
            per, waited = Sample.of(rates[feeds]), Sample.of(waits[feeds])
            how = f"at {rate:,} events a second: p99" if rate else "in a closed loop: events a second"
            yield Figure(
                what=f"batches beside {feeds} live feed{'s' * (feeds > 1)} of all events, {how}",
                measured=(f"{per.shown(lambda ms: f'{ms:.1f} ms')}" if rate else per.shown(count))
                + f"; told {waited.shown(seconds)} after the end",
                beside=f"without {alone.shown(lambda ms: f'{ms:.1f} ms') if rate else alone.shown(count)}",
                ratio=f"{per.median / alone.median:.2f}x",
                raw={"with": per.values, "without": alone.values, "told_after": waited.values},
            )


def _beside(bench: Bench, feeds: int, rate: int) -> tuple[float, float]:
    """Events a second (at a fixed rate: the p99 in milliseconds), and seconds until all feeds had told everything."""
    data = bench.new_data()
    with serving(data, fresh=True) as server, listening(server.url, server.secret_key, feeds) as listeners:
        outcome = bench.drive(server.url, "batch", bench.lasting(8.0), rate=rate / BATCH)
        begin = time.perf_counter()
        if listeners is not None:
            told = listeners.told(server.stored())
            if min(told) != server.stored() or max(told) != server.stored():
                raise RuntimeError(f"Feeds told {told} of {server.stored()} events.")
        wait = time.perf_counter() - begin
        if not rate:
            check_stored(server, outcome.answered * BATCH)
    bench.discard(data)
    return (outcome.p99_ms if rate else outcome.per_second * BATCH), wait

"""The index of sessions: how long a question, an event and forgetting take, how much memory it has, and how soon it is there
again. Run as a module it is the process that loads a snapshot and says what that took."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from footfall.identifiers import Generation, ProductReference, ShopId
from footfall.projections.recommendations.index import Index, ShopIndex
from footfall.projections.recommendations.neighbours import Asker, Step
from footfall.projections.recommendations.sessions import Sessions
from footfall.projections.recommendations.snapshot import load, save
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import ROOT
from tests.benchmarks.synthetic_sessions import PlainNeighbours, Synthetic, live_events, packed, questions, synthetic
from tests.benchmarks.table import Figure, Sample, megabytes, milliseconds, seconds, verdict

FEW: Final = 130_000
MANY: Final = 5_000_000
TO_FORGET: Final = 1_000_000
LISTED: Final = 50
P50_ASKED_MS: Final = 0.4
P90_ASKED_MS: Final = 1.0
EVENT_ASKED_US: Final = 20
MEMORY_ASKED_BYTES: Final = 1_500_000_000
LOAD_ASKED_SECONDS: Final = 5
FORGET_ASKED_SECONDS: Final = 1

_QUESTIONS: Final = 3_000
_QUESTIONS_PLAIN: Final = 500
_EVENTS: Final = 50_000
_FORGOTTEN: Final = 1_000
_QUICK: Final = 100
"""With --quick everything is so much smaller."""
_SHOP: Final = ShopId(1)
_GENERATION: Final = Generation("benchmark")


class Times(NamedTuple):
    """Percentiles of each round, in milliseconds."""

    p50: Sample
    p90: Sample


def sessions(bench: Bench) -> Iterator[Figure]:
    """Questions to few and to many sessions, events, memory and loading of the many, and forgetting."""
    part = _QUICK if bench.quick else 1
    made = _made(bench, FEW // part)
    asker = Asker(Sessions(packed(made)))
    few, plain = _asked_beside_plain(bench, asker, made, part)
    yield _asking(len(made), few, "VMIS-kNN in plain Python", plain)
    made = _made(bench, MANY // part)
    many = Sessions(packed(made))
    gc.collect()
    yield _asking(len(made), _asked(bench, Asker(many), made, part), "the fewer sessions", few)
    snapshot = bench.directory / "snapshot"
    bench.say("saving them")
    names = [ProductReference(f"p:{5_630_650_000_000 + number}") for number in range(made.products)]
    index = Index(_no_key, {_SHOP: ShopIndex(names, many.packed())})
    size = save(snapshot, index, _GENERATION)
    del index, names
    yield _updating(bench, many, made, part)
    count = len(made)
    del many, made
    gc.collect()
    yield from _loading(bench, snapshot, size, count)
    snapshot.unlink()
    yield _forgetting(bench, part)


def _made(bench: Bench, count: int) -> Synthetic:
    bench.say(f"making {count:,} sessions")
    return synthetic(count)


def _asked(bench: Bench, asker: Asker, made: Synthetic, part: int) -> Times:
    asked = questions(made, _QUESTIONS // part)
    _timed(asked, lambda question: asker.ask(question, made.now).best(LISTED))
    rounds = []
    for turn in range(bench.rounds):
        bench.say(f"asking {len(made):,} sessions, round {turn + 1} of {bench.rounds}")
        rounds.append(_timed(asked, lambda question: asker.ask(question, made.now).best(LISTED)))
    return _times(rounds)


def _asked_beside_plain(bench: Bench, asker: Asker, made: Synthetic, part: int) -> tuple[Times, Times]:
    """Both in turns."""
    plain = PlainNeighbours(made)
    asked = questions(made, _QUESTIONS // part)
    asked_plain = asked[: _QUESTIONS_PLAIN // part]
    _timed(asked, lambda question: asker.ask(question, made.now).best(LISTED))
    ours, theirs = [], []
    for turn in range(bench.rounds):
        bench.say(f"asking {len(made):,} sessions, and in plain Python, round {turn + 1} of {bench.rounds}")
        ours.append(_timed(asked, lambda question: asker.ask(question, made.now).best(LISTED)))
        theirs.append(_timed(asked_plain, lambda question: plain.best(question, LISTED)))
    return _times(ours), _times(theirs)


def _timed(asked: Sequence[list[Step]], ask: Callable[[list[Step]], object]) -> list[float]:
    found = []
    for question in asked:
        begin = time.perf_counter()
        ask(question)
        found.append((time.perf_counter() - begin) * 1_000)
    return found


def _times(rounds: Sequence[list[float]]) -> Times:
    return Times(*(Sample.of(float(np.percentile(one, percent)) for one in rounds) for percent in (50, 90)))


def _asking(count: int, ours: Times, peer: str, beside: Times) -> Figure:
    return Figure(
        what=f"a question to {count:,} sessions, the best {LISTED}: p50, p90",
        asked=f"p50 ≤ {P50_ASKED_MS} ms, p90 ≤ {P90_ASKED_MS} ms",
        measured=f"{ours.p50.shown(milliseconds)}, {ours.p90.shown(milliseconds)}",
        beside=f"{peer}: {beside.p50.shown(milliseconds)}, {beside.p90.shown(milliseconds)}",
        ratio=f"{ours.p50.median / beside.p50.median:.2f}, {ours.p90.median / beside.p90.median:.2f}",
        verdict=verdict(met=ours.p50.median <= P50_ASKED_MS and ours.p90.median <= P90_ASKED_MS),
        raw={"p50_ms": ours.p50.values, "p90_ms": ours.p90.values, "beside": beside},
    )


def _updating(bench: Bench, many: Sessions, made: Synthetic, part: int) -> Figure:
    events = live_events(made)
    rounds = []
    for turn in range(bench.rounds):
        bench.say(f"live events, round {turn + 1} of {bench.rounds}")
        told = list(islice(events, _EVENTS // part))
        begin = time.perf_counter()
        for signal in told:
            many.add(signal)
        rounds.append((time.perf_counter() - begin) / len(told) * 1e6)
    spent = Sample.of(rounds)
    return Figure(
        what=f"a live event beside {len(made):,} sessions: sessions begin and grow",
        asked=f"≤ {EVENT_ASKED_US} µs",
        measured=spent.shown(lambda value: f"{value:.1f} µs"),
        beside=f"{len(told):,} events a round, the first after a start",
        verdict=verdict(met=spent.median <= EVENT_ASKED_US),
        raw={"event_us": spent.values},
    )


def _loading(bench: Bench, snapshot: Path, size: int, count: int) -> Iterator[Figure]:
    """In processes of their own: with the file in the page cache, and after the system was told to drop it from there."""
    warm, cold, resident = [], [], []
    for turn in range(bench.rounds):
        bench.say(f"loading {count:,} sessions, round {turn + 1} of {bench.rounds}")
        _drop_from_page_cache(snapshot)
        loaded = _loaded(snapshot)
        cold.append(loaded["seconds"])
        resident.append(loaded["resident_bytes"])
        warm.append(_loaded(snapshot)["seconds"])
    from_disk, from_cache, memory = Sample.of(cold), Sample.of(warm), Sample.of(resident)
    yield Figure(
        what=f"loading {count:,} sessions from a file dropped from the page cache",
        asked=f"≤ {LOAD_ASKED_SECONDS} s",
        measured=from_disk.shown(seconds),
        beside=f"with a warm page cache {from_cache.shown(seconds)}; {megabytes(size)}",
        verdict=verdict(met=from_disk.median <= LOAD_ASKED_SECONDS),
        raw={"cold_seconds": from_disk.values, "warm_seconds": from_cache.values},
    )
    yield Figure(
        what=f"memory of a process that has {count:,} sessions, after loading them",
        asked=f"≤ {megabytes(MEMORY_ASKED_BYTES)}",
        measured=memory.shown(megabytes),
        beside=f"of which Python and its modules {megabytes(loaded['before_bytes'])}",
        verdict=verdict(met=memory.median <= MEMORY_ASKED_BYTES),
        raw={"resident_bytes": memory.values},
    )


def _drop_from_page_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _loaded(snapshot: Path) -> dict[str, Any]:
    """What a process of its own says of loading."""
    command = [sys.executable, "-m", "tests.benchmarks.measures_recommend", str(snapshot)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def _forgetting(bench: Bench, part: int) -> Figure:
    made = _made(bench, TO_FORGET // part)
    kept = Sessions(packed(made))
    several, how_many = np.unique(made.visitors, return_counts=True)
    chosen = several[np.argsort(-how_many, kind="stable")[: _FORGOTTEN // part]].tolist()
    bench.say(f"forgetting {len(chosen):,} visitors")
    spent, gone = [], 0
    for visitor in chosen:
        begin = time.perf_counter()
        gone += kept.forget(visitor)
        spent.append((time.perf_counter() - begin) * 1_000)
    return Figure(
        what=f"forgetting a visitor among {len(made):,} sessions, of those who have most: median, longest",
        asked=f"< {FORGET_ASKED_SECONDS} s",
        measured=f"{milliseconds(float(np.median(spent)))}, {milliseconds(max(spent))}",
        beside=f"{len(chosen):,} visitors with {gone / len(chosen):.1f} sessions on average",
        verdict=verdict(met=max(spent) < FORGET_ASKED_SECONDS * 1_000),
        raw={"median_ms": float(np.median(spent)), "longest_ms": max(spent)},
    )


def _no_key(_shop: ShopId) -> None:
    return None


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Load the snapshot that the command line names."""
    before = _resident_bytes()
    begin = time.perf_counter()
    index = load(Path(sys.argv[1]), _no_key, _GENERATION)
    lasted = time.perf_counter() - begin
    told = {"seconds": lasted, "resident_bytes": _resident_bytes(), "before_bytes": before, "shops": len(index.shops)}
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main()

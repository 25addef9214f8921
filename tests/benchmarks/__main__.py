"""``python -m tests.benchmarks`` (``make bench``): measure, each figure beside its floor, and print one table."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw
import msgspec

from footfall import __version__
from tests.benchmarks import (
    measures_analytics,
    measures_answers,
    measures_catalog,
    measures_collect,
    measures_feed,
    measures_read,
    measures_recommend,
    measures_store,
)
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import ROOT, closed_loop
from tests.benchmarks.table import Figure, print_table

MEASURES: Final[Mapping[str, Callable[[Bench], Iterator[Figure]]]] = {
    "single": measures_collect.single,
    "batch": measures_collect.batch,
    "latency": measures_collect.latency,
    "start": measures_store.start,
    "restart": measures_store.restart,
    "catalog": measures_catalog.catalog,
    "sessions": measures_recommend.sessions,
    "analytics": measures_analytics.reports,
    "analytics-minute": measures_analytics.keeping_up,
    "live-feeds": measures_feed.live,
    "viewed": measures_read.viewed,
    "rankings": measures_catalog.rankings,
    "recommended": measures_answers.recommended,
    "import": measures_read.beside_import,
    "minute": measures_store.minute,
}
"""In the order in which they run: those on the big store stand last, and of these the one that adds most to it."""

_EVENTS: Final = 10_000_000
_EVENTS_QUICK: Final = 200_000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs on a small store, to try it: figures mean nothing")
    parser.add_argument("--only", metavar="NAME[,NAME]", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure with its raw values there as well")
    parser.add_argument("--events", type=int, help=f"size of the big store ({_EVENTS:,}; {_EVENTS_QUICK:,} with --quick)")
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="where; keeps the big store there for the next run (else under bench-data)"
    )
    arguments = parser.parse_args()
    arguments.names = arguments.only.split(",") if arguments.only else list(MEASURES)
    unknown = sorted(set(arguments.names) - set(MEASURES))
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}: choose from {', '.join(MEASURES)}")
    if arguments.events is not None and arguments.events < 1_000:
        parser.error("--events must be 1,000 or more")
    return arguments


def main() -> int:
    """Run what was asked for; 1 where a measurement broke, whatever the figures are."""
    arguments = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Both unwind the stack, which ends every server and generator that was started.
        signal.signal(number, signal.default_int_handler)
    figures: list[Figure] = []
    broken = 0
    with ExitStack() as stack:
        directory = arguments.data
        if directory is None:
            (ROOT / "bench-data").mkdir(exist_ok=True)
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT / "bench-data")))
        directory.mkdir(parents=True, exist_ok=True)
        bench = Bench(
            directory.resolve(),
            arguments.events or (_EVENTS_QUICK if arguments.quick else _EVENTS),
            quick=arguments.quick,
            keep=arguments.data is not None,
        )
        for name, measure in MEASURES.items():
            if name not in arguments.names:
                continue
            try:
                figures.extend(measure(bench))
            except Exception as failure:
                # One measurement that breaks must not cost the others, which took twenty minutes.
                broken += 1
                bench.say(f"{name} broke: {failure!r}")
                figures.append(Figure(what=name, measured=str(failure).strip(), verdict="BROKE"))
        lasted = time.perf_counter() - bench.begin
    title = f"Footfall {__version__}, {_machine()}; {lasted / 60:.1f} minutes" + (" (quick: only a trial)" * arguments.quick)
    print_table(figures, title=title)
    if arguments.json is not None:
        report = {
            "at": datetime.now(UTC).isoformat(),
            "machine": _machine(),
            "quick": arguments.quick,
            "events": bench.events,
            "seconds": lasted,
            "figures": figures,
        }
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return 1 if broken else 0


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {apsw.sqlite_lib_version()}, closed loops by {closed_loop()}"
    )


if __name__ == "__main__":
    sys.exit(main())

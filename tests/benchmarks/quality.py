"""``python -m tests.benchmarks.quality`` (``make bench-quality``): how good recommendations are on public recordings, and what
each part of the kernel brings. Needs the folder of recordings; without it, it says so and ends."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from footfall.cli.sources.clicks import read_clicks
from footfall.projections.recommendations.evaluation import Last, Recorded, Result, evaluate, train
from footfall.projections.recommendations.neighbours import Kernel
from tests.benchmarks.load import ROOT
from tests.benchmarks.table import Figure, print_table, verdict

RECORDINGS: Final = ROOT.parent / "shared" / "data"
_NEVER: Final = 1e9
"""A step or an age after which something counts 1/e, that never comes."""

PARTS: Final[Mapping[str, Kernel]] = {
    "all": Kernel(),
    "place in the session under way": Kernel(lambda_spw=_NEVER),
    "newest shared item": Kernel(lambda_ipw=_NEVER),
    "place in the neighbour": Kernel(lambda_inh=_NEVER),
    "age": Kernel(lambda_snh_days=_NEVER),
    "rarity": Kernel(lambda_idf=0.0),
    "coming again": Kernel(again=0.0),
}
"""The kernel whole, and without each of its parts."""


class Bar(NamedTuple):
    """What is asked on one recording: the best of what was published or reproduced."""

    name: str
    train: str
    test: str
    last: Last
    prefix_min: int
    hr20: float
    mrr20: float


BARS: Final = (
    Bar("RetailRocket, keep", "retailrocket_views_train.tsv.gz", "retailrocket_views_test.tsv.gz", "keep", 2, 0.562, 0.290),
    Bar("RetailRocket, drop", "retailrocket_views_train.tsv.gz", "retailrocket_views_test.tsv.gz", "drop", 2, 0.42, 0.179),
    Bar("Serenade toy, drop", "serenade_toy_train.tsv.gz", "serenade_toy_test.tsv.gz", "drop", 1, 0.664, 0.340),
)


def measure(folder: Path) -> Iterator[Figure]:
    """A figure for each recording and each part left out."""
    read: dict[str, list[Recorded]] = {}
    for bar in BARS:
        for name in (bar.train, bar.test):
            if name not in read:
                read[name] = read_clicks(folder / name).sessions
        trained = train(read[bar.train])
        for part, kernel in PARTS.items():
            print(f"{bar.name}: {part}", file=sys.stderr, flush=True)
            result = evaluate(trained, read[bar.test], last=bar.last, prefix_min=bar.prefix_min, kernel=kernel)
            yield _figure(bar, part, result)


def _figure(bar: Bar, part: str, result: Result) -> Figure:
    whole = part == "all"
    return Figure(
        what=f"{bar.name}, {result.predictions:,} predictions" if whole else f"{bar.name}, without: {part}",
        asked=f"HR@20 ≥ {bar.hr20:.3f}, MRR@20 ≥ {bar.mrr20:.3f}" if whole else "printed",
        measured=f"{result.hr20:.3f}, {result.mrr20:.3f}",
        beside=f"a list p50 {result.p50_ms:.2f} ms, p90 {result.p90_ms:.2f} ms; coverage {result.coverage:.0%}",
        verdict=verdict(met=result.hr20 >= bar.hr20 and result.mrr20 >= bar.mrr20) if whole else "",
        raw={"hr20": result.hr20, "mrr20": result.mrr20, "p50_ms": result.p50_ms, "p90_ms": result.p90_ms},
    )


def main() -> int:
    """Print the table; 0 also where a figure falls short."""
    missing = [bar.train for bar in BARS if not (RECORDINGS / bar.train).exists()]
    if missing:
        print(f"The recordings are not there: {', '.join(missing)} in {RECORDINGS}.", file=sys.stderr)
        return 0
    print_table(list(measure(RECORDINGS)), title="Recommendations on public recordings")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.benchmarks.quality`` (``make bench-quality``): how good recommendations are on public recordings, what
each part of the kernel brings, and what it brings to learn on the way. Needs the folder of recordings; without it, it says so
and ends."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from footfall.cli.sources.clicks import read_clicks
from footfall.limits import SESSION_ITEMS_MAX
from footfall.projections.recommendations.evaluation import Last, Recorded, Result, Trained, evaluate, replay
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
    "place in the neighbour": Kernel(lambda_inh=_NEVER, places_max=SESSION_ITEMS_MAX),
    "age": Kernel(lambda_snh_days=_NEVER),
    "rarity": Kernel(lambda_idf=0.0),
    "coming again": Kernel(again=0.0),
}
"""The kernel whole, and without each of its parts. These recordings have views alone, so cart and purchases bring nothing."""


class Bar(NamedTuple):
    """What is asked on one recording: the best of what was published or reproduced. ``aim``: what we want beyond it.
    ``replayed``: whether it is also asked while it learns, which needs times."""

    name: str
    train: str
    test: str
    last: Last
    prefix_min: int
    hr20: float
    mrr20: float
    aim: str = ""
    replayed: bool = False


_ROCKET: Final = ("retailrocket_views_train.tsv.gz", "retailrocket_views_test.tsv.gz")
_TOY: Final = ("serenade_toy_train.tsv.gz", "serenade_toy_test.tsv.gz")

BARS: Final = (
    Bar("RetailRocket, keep", *_ROCKET, "keep", 2, 0.562, 0.290, aim="0.585, 0.300", replayed=True),
    Bar("RetailRocket, drop", *_ROCKET, "drop", 2, 0.42, 0.179, replayed=True),
    Bar("Serenade toy, drop", *_TOY, "drop", 1, 0.664, 0.340, aim="0.670, 0.345"),
)


def measure(folder: Path) -> Iterator[Figure]:
    """A figure for each recording and each part left out; then for each that is asked while it learns."""
    read: dict[str, list[Recorded]] = {}
    for bar in BARS:
        for name in (bar.train, bar.test):
            if name not in read:
                read[name] = read_clicks(folder / name).sessions
        test = read[bar.test]
        trained = Trained(read[bar.train], before=test)
        for part, kernel in PARTS.items():
            _say(f"{bar.name}: {part}")
            result = evaluate(trained, test, last=bar.last, prefix_min=bar.prefix_min, kernel=kernel)
            yield _figure(bar, part, result)
        if bar.replayed:
            _say(f"{bar.name}: prequential replay")
            # It takes the test in, so it comes last.
            yield _replayed(bar, replay(trained, test, last=bar.last, prefix_min=bar.prefix_min))


def _figure(bar: Bar, part: str, result: Result) -> Figure:
    whole = part == "all"
    aim = f" (aim {bar.aim})" if bar.aim else ""
    return Figure(
        what=f"{bar.name}, {result.predictions:,} predictions" if whole else f"{bar.name}, without: {part}",
        asked=f"HR@20 ≥ {bar.hr20:.3f}, MRR@20 ≥ {bar.mrr20:.3f}{aim}" if whole else "printed",
        measured=f"{result.hr20:.4f}, {result.mrr20:.4f}",
        beside=_beside(result),
        verdict=verdict(met=result.hr20 >= bar.hr20 and result.mrr20 >= bar.mrr20) if whole else "",
        raw=_raw(result),
    )


def _replayed(bar: Bar, result: Result) -> Figure:
    return Figure(
        what=f"{bar.name}, prequential replay, {result.predictions:,} predictions",
        asked="printed",
        measured=f"{result.hr20:.4f}, {result.mrr20:.4f}",
        beside=_beside(result),
        raw=_raw(result),
    )


def _beside(result: Result) -> str:
    return f"a list p50 {result.p50_ms:.2f} ms, p90 {result.p90_ms:.2f} ms; coverage {result.coverage:.0%}"


def _raw(result: Result) -> dict[str, float]:
    return {"hr20": result.hr20, "mrr20": result.mrr20, "p50_ms": result.p50_ms, "p90_ms": result.p90_ms}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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

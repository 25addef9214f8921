"""``footfall evaluate``: how good the recommendations of session neighbours are, on a shop's own events or on a recording."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from footfall.cli.options import data_option, json_option
from footfall.cli.owner import open_owner
from footfall.cli.show import counted, note, print_json, print_table, progress
from footfall.cli.sources.clicks import Clicks, read_clicks
from footfall.errors import FootfallError
from footfall.projections.recommendations.evaluation import LISTED, Last, both_ways

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_BOTH: Final[tuple[Last, ...]] = ("keep", "drop")
_COLUMNS: Final = (
    "asked",
    "seen last",
    "predictions",
    f"HR@{LISTED}",
    f"MRR@{LISTED}",
    f"P@{LISTED}",
    f"R@{LISTED}",
    "coverage",
    "popularity",
    "p50",
    "p90",
)


@click.command()
@click.option("--shop", metavar="NAME", help="Evaluate on this shop's own events: the last days are the test.")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How many days the test has.")
@click.option("--train", "train_file", type=_FILE, help="Sessions from which the answers are made.")
@click.option("--test", "test_file", type=_FILE, help="Later sessions, which are revealed click by click.")
@click.option(
    "--last",
    type=click.Choice(_BOTH),
    help="Whether what was seen last may come again: papers keep it, a shop drops it. Both unless given; with --json, drop.",
)
@click.option(
    "--min-prefix",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Clicks that are known before the first question.",
)
@data_option
@json_option
def evaluate(
    *,
    shop: str | None,
    days: int,
    train_file: Path | None,
    test_file: Path | None,
    last: Last | None,
    min_prefix: int,
    data: Path | None,
    as_json: bool,
) -> None:
    """Measure recommendations on recorded sessions, by the protocol of the papers and with what a shop gets.

    Each session of the test is revealed one click after another; after each, 20 items are asked for and held against the next
    click: once as the training left it (static), once as it happened, each click also teaching (replay). Files have a head
    with session, item and optionally time (seconds since the epoch), parted by tabs or commas, gzip or not.

    \b
    Examples:
      footfall evaluate --shop my-shop
      footfall evaluate --train train.tsv.gz --test test.tsv.gz
    """
    lasts = (last,) if last is not None else ("drop",) if as_json else _BOTH
    if shop is not None and train_file is None and test_file is None:
        found = _of_shop(shop, days, lasts, min_prefix, data)
    elif shop is None and train_file is not None and test_file is not None:
        found = _of_files(train_file, test_file, lasts, min_prefix)
    else:
        raise click.UsageError("Give either --shop, or --train and --test.")
    if as_json:
        print_json(_for_programs(found))
        return
    click.echo(
        f"{counted(found['train_sessions'], 'session')}, {counted(found['items'], 'item')} before the test; "
        f"{counted(found['test_sessions'], 'session')} in it."
    )
    print_table(_COLUMNS, map(_row, found["results"]))
    if found.get("lists"):
        click.echo()
        print_table(
            ("list", "impressions", "clicks", "adds", "clicked", "added"), map(_of_list, sorted(found["lists"].items()))
        )


def _of_files(train_file: Path, test_file: Path, lasts: tuple[Last, ...], prefix_min: int) -> dict[str, Any]:
    train, test = _read(train_file).sessions, _read(test_file).sessions
    results = []
    with progress("evaluating") as bar:
        task = bar.add_task("", total=2 * len(lasts))
        for way, last, result in both_ways(train, test, lasts=lasts, prefix_min=prefix_min):
            results.append({"way": way, "last": last, **result._asdict()})
            bar.advance(task)
    items = len({item for session in train for item in session.items})
    return {"results": results, "train_sessions": len(train), "items": items, "test_sessions": len(test)}


def _of_shop(shop: str, days: int, lasts: tuple[Last, ...], prefix_min: int, data: Path | None) -> dict[str, Any]:
    found: dict[str, Any] | None = None
    with open_owner(data) as owner, progress("evaluating") as bar:
        task = bar.add_task("", total=1.0)
        told = owner.stream("evaluate", shop=shop, days=days, lasts=list(lasts), prefix_min=prefix_min)
        with closing(told) as lines:
            for line in lines:
                if "results" in line:
                    found = line
                else:
                    bar.update(task, completed=line["done"])
    if found is None:
        raise FootfallError("The evaluation ended before it had measured anything.")
    return found


def _for_programs(found: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the first result at the top: the static split, with what was seen last dropped unless it was asked for
    otherwise."""
    results = [{name: round(v, 5) if isinstance(v, float) else v for name, v in result.items()} for result in found["results"]]
    return {**found, **results[0], "results": results}


def _row(result: Mapping[str, Any]) -> list[str]:
    return [
        "after the training" if result["way"] == "static" else "as it happened",
        "may come again" if result["last"] == "keep" else "left out",
        f"{result['predictions']:,}",
        *(f"{result[name]:.3f}" for name in ("hr20", "mrr20", "p20", "r20")),
        f"{result['coverage']:.1%}",
        f"{result['popularity']:.3f}",
        *(f"{result[name]:.2f} ms" for name in ("p50_ms", "p90_ms")),
    ]


def _of_list(told: tuple[str, Mapping[str, int]]) -> list[str]:
    name, figures = told
    shown = figures["impressions"]
    shares = [f"{figures[what] / shown:.1%}" if shown else "" for what in ("clicks", "adds")]
    return [name, *(f"{figures[what]:,}" for what in ("impressions", "clicks", "adds")), *shares]


def _read(path: Path) -> Clicks:
    clicks = read_clicks(path)
    for problem in clicks.problems:
        note(f"{path}: {problem}")
    if clicks.broken > len(clicks.problems):
        note(f"{path}: {counted(clicks.broken, 'line')} in all could not be read.")
    return clicks

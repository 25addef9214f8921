"""``footfall evaluate``: how good the recommendations of session neighbours are on a recording."""

from pathlib import Path

import click

from footfall.cli.options import json_option
from footfall.cli.show import counted, note, print_fields, print_json
from footfall.cli.sources.clicks import Clicks, read_clicks
from footfall.projections.recommendations.evaluation import LISTED, Last, Result, Trained
from footfall.projections.recommendations.evaluation import evaluate as measure

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--train", "train_file", type=_FILE, required=True, help="Sessions from which the answers are made.")
@click.option("--test", "test_file", type=_FILE, required=True, help="Later sessions, which are revealed click by click.")
@click.option(
    "--last",
    type=click.Choice(["keep", "drop"]),
    default="drop",
    show_default=True,
    help="Whether what was seen last may come again: papers keep it, a shop drops it.",
)
@click.option(
    "--min-prefix",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Clicks that are known before the first question.",
)
@json_option
def evaluate(*, train_file: Path, test_file: Path, last: Last, min_prefix: int, as_json: bool) -> None:
    """Measure recommendations on recorded sessions, by the protocol of the papers and with what a shop gets.

    Files have a head with session, item and optionally time (seconds since the epoch), parted by tabs or commas, gzip or not.
    Each session of the test is revealed one click after another; after each, 20 items are asked for and held against the next
    click.

    \b
    Example: footfall evaluate --train train.tsv.gz --test test.tsv.gz
    """
    trained = Trained(_read(train_file).sessions)
    result = measure(trained, _read(test_file).sessions, last=last, prefix_min=min_prefix)
    if as_json:
        shown = {name: round(value, 5) if isinstance(value, float) else value for name, value in result._asdict().items()}
        print_json({"train_sessions": trained.sessions.counted, "items": len(trained.numbers), "last": last, **shown})
        return
    print_fields(
        [
            ("trained on", f"{counted(trained.sessions.counted, 'session')}, {counted(len(trained.numbers), 'item')}"),
            *_told(result, last),
        ]
    )


def _told(result: Result, last: Last) -> list[tuple[str, str]]:
    return [
        ("predictions", f"{result.predictions:,}, the item seen last {'may come again' if last == 'keep' else 'is left out'}"),
        (f"HR@{LISTED}", f"{result.hr20:.3f}"),
        (f"MRR@{LISTED}", f"{result.mrr20:.3f}"),
        (f"P@{LISTED}, R@{LISTED}", f"{result.p20:.3f}, {result.r20:.3f}"),
        ("coverage", f"{result.coverage:.1%} of the items came in a list"),
        ("popularity", f"{result.popularity:.3f} of the most popular item's, on average"),
        ("a list takes", f"p50 {result.p50_ms:.2f} ms, p90 {result.p90_ms:.2f} ms"),
    ]


def _read(path: Path) -> Clicks:
    clicks = read_clicks(path)
    for problem in clicks.problems:
        note(f"{path}: {problem}")
    if clicks.broken > len(clicks.problems):
        note(f"{path}: {counted(clicks.broken, 'line')} in all could not be read.")
    return clicks

"""``footfall conformance``: hold a host against the promises of the wire, and show each that it doesn't keep."""

import sys
from collections.abc import Sequence
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from footfall.cli.options import json_option
from footfall.cli.promises import PROMISES
from footfall.cli.promises.host import Host
from footfall.cli.promises.promise import Outcome, catalog_of, outcome
from footfall.cli.show import console, counted, note, plain, print_json

_STYLES: Final = {"kept": "green", "broken": "bold red", "not tried": "dim"}
_TOLD: Final = ("sent", "expected", "came")
"""What is told of a broken promise."""


@click.command()
@click.option("--url", required=True, help="The host, such as http://127.0.0.1:8080.")
@click.option("--key", required=True, help="The shop's public key.")
@click.option("--secret-key", metavar="SECRET", help="Its secret key, for the promises that need one.")
@click.option("--documented-only", is_flag=True, help="Leave out what Footfall adds to the documented wire.")
@click.option("--catalog", is_flag=True, help="Take products that sell best on the host, not invented ones.")
@json_option
def conformance(*, url: str, key: str, secret_key: str | None, documented_only: bool, catalog: bool, as_json: bool) -> None:
    """Hold a host against the promises of the wire, as its callers use it: a Footfall, or whatever else speaks it.

    Each promise is tried with a visitor of its own. What is sent is marked as a test where the wire has a mark, and is
    not removed afterwards: counts leave it out, the history of its visitors keeps it. One request at a time, about 160.
    With --catalog, for a host that shows only what its catalog has, views name six products of the host's own.

    Exit status 1 if a promise is broken; it shows what was sent, what was expected, and what came.

    \b
    Example: footfall conformance --url http://127.0.0.1:8080 --key 0123...
    For programs: --json prints {"ok": ..., "url": ..., "requests": ..., "promises": [{"name": ..., "outcome": ...}]}
    """
    note(f"This sends test events of new visitors to {url}, and removes nothing.")
    host = Host(url, key, secret_key)
    try:
        products = catalog_of(host) if catalog else ()
        tried = [outcome(promise, host, products) for promise in PROMISES if promise.documented or not documented_only]
    finally:
        host.close()
    broken = [each for each in tried if each.broken is not None]
    if as_json:
        told = [_told(each) for each in tried]
        print_json({"ok": not broken, "url": host.url, "requests": host.requests, "promises": told})
    else:
        _print(tried, broken, host.requests)
    if broken:
        sys.exit(1)


def _word(tried: Outcome) -> str:
    if tried.broken is not None:
        return "broken"
    return "kept" if tried.skipped is None else "not tried"


def _told(tried: Outcome) -> dict[str, Any]:
    promise, broken = tried.promise, tried.broken
    why = {name: getattr(broken, name) for name in _TOLD} if broken is not None else {}
    return {
        "name": promise.name,
        "group": promise.group,
        "documented": promise.documented,
        "says": promise.says,
        "outcome": _word(tried),
        **({"why": tried.skipped} if tried.skipped is not None else {}),
        **why,
    }


def _print(tried: Sequence[Outcome], broken: Sequence[Outcome], requests: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("group", "promise", "of", "outcome", "what it says"):
        table.add_column(column, no_wrap=column != "what it says")
    group = ""
    for each in tried:
        promise, word = each.promise, _word(each)
        says = promise.says if each.skipped is None else f"{promise.says} ({each.skipped})"
        shown = promise.group if promise.group != group else ""
        group = promise.group
        of = "documented" if promise.documented else "ours"
        table.add_row(Text(shown), Text(promise.name), Text(of), Text(word, style=_STYLES[word]), Text(says))
    screen = console()
    screen.print(table)
    for each in broken:
        click.echo(f"\n{each.promise.name} is broken: {each.promise.says}")
        for name in _TOLD:
            first, *rest = str(getattr(each.broken, name)).splitlines() or [""]
            click.echo(f"  {name:<10}{plain(first)}")
            for line in rest:
                click.echo(f"  {'':<10}{plain(line)}")
    kept = sum(_word(each) == "kept" for each in tried)
    skipped = len(tried) - kept - len(broken)
    untried = f", {skipped} could not be tried" if skipped else ""
    click.echo(f"\n{counted(kept, 'promise is', 'promises are')} kept, {len(broken)} broken{untried}; {requests} requests.")

"""``footfall verify``: check the whole store, and say what is wrong where."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from footfall.cli.options import data_option, json_option
from footfall.cli.owner import open_owner
from footfall.cli.show import console, plain, print_json
from footfall.config import read_config
from footfall.errors import FootfallError, StoreDamagedError
from footfall.service.directory import LOG_FILE, STATE_FILE
from footfall.service.verify import check


@click.command()
@data_option
@json_option
def verify(*, data: Path | None, as_json: bool) -> None:
    """Check the whole store: positions, counts, checksums, torn rows, and that every projection fits the log.

    Exit status 1 if an error is found; warnings alone leave it at 0.

    \b
    Example: footfall verify
    For programs: --json prints {"ok": ..., "findings": [...], "summary": {...}}
    """
    try:
        with open_owner(data) as owner:
            findings, summary = _check(owner.stream("verify"))
    except StoreDamagedError:
        # So damaged that nothing can own it: then the files are looked at as they are.
        folder = read_config({"data": data}).data
        findings, summary = _check(check(folder / LOG_FILE, folder / STATE_FILE))
    errors = sum(finding["level"] == "error" for finding in findings)
    if as_json:
        print_json({"ok": errors == 0, "findings": findings, "summary": summary})
    else:
        for finding in findings:
            click.echo(plain(f"{finding['level']}: {finding['where']}: {finding['what']}"))
        click.echo("  ".join(f"{name.replace('_', ' ')} {plain(value)}" for name, value in summary.items()))
        click.echo(f"{errors} errors, {len(findings) - errors} warnings." if findings else "The store is sound.")
    if errors:
        sys.exit(1)


def _check(lines: Iterator[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Findings and summary, with a bar for each stream meanwhile."""
    findings: list[dict[str, Any]] = []
    summary: dict[str, Any] | None = None
    screen = console(err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bars:
        tasks: dict[str, Any] = {}
        for item in lines:
            if "progress" in item:
                step = item["progress"]
                if step["stream"] not in tasks:
                    tasks[step["stream"]] = bars.add_task(plain(step["stream"]))
                bars.update(tasks[step["stream"]], completed=step["done"], total=step["total"])
            elif "finding" in item:
                findings.append(item["finding"])
            elif "summary" in item:
                summary = item["summary"]
    if summary is None:
        raise FootfallError("The check ended before it had seen everything.")
    return findings, summary

"""``footfall export``: a shop's events as a file, in the order of the log."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import click
import msgspec

from footfall.cli.options import data_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import note

_FORMATS: Final = ("jsonl", "csv", "parquet")


@click.command()
@shop_option
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="What is written; as the name of --out ends, else jsonl, unless given.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The file (or folder) to write; standard output unless given.")
@click.option("--from", "start", metavar="WHEN|TOKEN", help="Only events from this date or time on, or after this position.")
@click.option("--to", "stop", metavar="WHEN|TOKEN", help="Only events before this date or time, or up to this position.")
@click.option("--last", "window", metavar="24h|7d|12w", help="Only events of the last hours, days or weeks, today included.")
@click.option("--by-day", is_flag=True, help="Make --out a folder of Parquet files, one folder for each day.")
@click.option("--no-bots", is_flag=True, help="Leave out robots.")
@click.option("--no-tests", is_flag=True, help="Leave out tests.")
@data_option
def export(
    *,
    shop: str,
    form: str | None,
    out: Path | None,
    start: str | None,
    stop: str | None,
    window: str | None,
    by_day: bool,
    no_bots: bool,
    no_tests: bool,
    data: Path | None,
) -> None:
    """Write a shop's events, one a line or row: field names as on the wire, and each event's position.

    WHEN is a date or time of the shop's zone, such as 2026-11-01 or 2026-11-01T08:00, and goes by the events' own time: --from
    is inclusive, --to is not. A position (TOKEN) comes in receipts, in the header Footfall-Position and in exports: with
    --from the last one of an export, the next goes on where that one ended. What --out names is there once it is complete,
    never before.

    \b
    Examples:
      footfall export --shop my-shop > events.jsonl
      footfall export --shop my-shop --format csv --last 7d --no-bots --no-tests --out week.csv
      footfall export --shop my-shop --format parquet --from 2026-11-01 --to 2026-12-01 --out november.parquet
      footfall export --shop my-shop --format parquet --by-day --out events
    """
    without = [flag for flag, left_out in (("bot", no_bots), ("test", no_tests)) if left_out]
    form = form or _form_of(out)
    asked = {"shop": shop, "form": form, "start": start, "stop": stop, "window": window, "without": without}
    if out is not None and not out.parent.is_dir():
        raise click.UsageError(f"There is no folder {out.parent}: make it first.")
    if by_day:
        if form != "parquet" or out is None:
            raise click.UsageError("--by-day makes a folder of Parquet files: say --format parquet and --out FOLDER.")
        with open_owner(data) as owner:
            told = owner.stream("export", **asked, out=str(out.absolute()), by_day=True)
            with closing(told) as chunks:
                counted = msgspec.json.decode(b"".join(chunks))["events"]
        note(f"{out}: {counted:,} events")
        return
    if out is not None and out.is_dir():
        raise click.UsageError(f"{out} is a folder: name a file, or say --by-day.")
    if out is None and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals: name a file with --out.")
    with open_owner(data) as owner, closing(owner.stream("export", **asked)) as chunks:
        if out is None:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        else:
            size = _write_whole(out, chunks)
            note(f"{out}: {size:,} bytes")


def _form_of(out: Path | None) -> str:
    form = out.suffix.removeprefix(".").lower() if out is not None else ""
    return form if form in _FORMATS else _FORMATS[0]


def _write_whole(out: Path, chunks: Iterator[bytes]) -> int:
    """Write a file under its name only once it is complete and on disk; answers its size."""
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    size = 0
    try:
        with part.open("xb") as file:
            for chunk in chunks:
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return size

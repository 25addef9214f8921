"""``footfall export``: a shop's events as a file, in the order of the log."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from footfall.cli.options import data_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import note


@click.command()
@shop_option
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "parquet"]), default="jsonl", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; standard output unless given."
)
@click.option("--from", "start", metavar="TOKEN", help="Only events after this position.")
@click.option("--to", "stop", metavar="TOKEN", help="Only events up to this position, itself included.")
@data_option
def export(*, shop: str, form: str, out: Path | None, start: str | None, stop: str | None, data: Path | None) -> None:
    """Write a shop's events, one a line or row: field names as on the wire, and each event's position.

    A position (TOKEN) comes in receipts, in the header Footfall-Position and in exports: with --from the last one of an
    export, the next goes on where that one ended. The file of --out is there once it is complete, never before.

    \b
    Examples:
      footfall export --shop my-shop > events.jsonl
      footfall export --shop my-shop --format parquet --out events.parquet
    """
    if out is None and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals: name a file with --out.")
    with open_owner(data) as owner, closing(owner.stream("export", shop=shop, form=form, start=start, stop=stop)) as chunks:
        if out is None:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        else:
            size = _write_whole(out, chunks)
            note(f"{out}: {size:,} bytes")


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

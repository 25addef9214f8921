"""``footfall serve``: own a data directory and serve it over HTTP until told to stop."""

from pathlib import Path
from typing import Any

import click
import uvloop

from footfall.config import read_config
from footfall.service.logs import configure_logs
from footfall.service.server import serve as serve_directory


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data directory (FOOTFALL_DATA).")
@click.option("--host", help="Address to listen on; 127.0.0.1 unless given.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 8080 unless given, 0 for any free one.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much is logged.")
@click.option("--log-format", type=click.Choice(["console", "json"]), help="For eyes, or for programs.")
def serve(**flags: Any) -> None:
    """Serve a data directory over HTTP.

    Makes the directory if it isn't there. Stops on SIGTERM or Ctrl-C: finishes what it took, then exits with 0.
    """
    config = read_config(flags)
    configure_logs(level=config.log_level, form=config.log_format)
    uvloop.run(serve_directory(config, announce=_announce))


def _announce(address: str) -> None:
    click.echo(f"Footfall listens on {address}")

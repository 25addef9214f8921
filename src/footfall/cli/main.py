"""The command ``footfall``: its commands, imported when they are asked for, and how failures are told."""

import errno
import os
import sys
from importlib import import_module
from typing import Final

import click

from footfall import __version__
from footfall.errors import FootfallError

_COMMANDS: Final = {
    "analytics": "footfall.cli.analytics:analytics",
    "catalog": "footfall.cli.catalog:catalog",
    "conformance": "footfall.cli.conformance:conformance",
    "datasource": "footfall.cli.datasource:datasource",
    "demo": "footfall.cli.demo:demo",
    "evaluate": "footfall.cli.evaluate:evaluate",
    "event": "footfall.cli.event:event",
    "export": "footfall.cli.export:export",
    "import": "footfall.cli.import_file:import_file",
    "quarantine": "footfall.cli.quarantine:quarantine",
    "replay": "footfall.cli.replay:replay",
    "report": "footfall.cli.report:report",
    "sdk": "footfall.cli.sdk:sdk",
    "serve": "footfall.cli.serve:serve",
    "shop": "footfall.cli.shop:shop",
    "sql": "footfall.cli.sql:sql",
    "status": "footfall.cli.status:status",
    "tail": "footfall.cli.tail:tail",
    "verify": "footfall.cli.verify:verify",
}
"""Command → module and function. Each module is imported when its command is asked for: ``serve`` starts without the rest."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, function = place.partition(":")
        command: click.Command = getattr(import_module(module), function)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="footfall")
def footfall() -> None:
    """Footfall, the open, self-hosted event stream for storefronts.

    \b
    Start with:
      footfall serve                     own ./footfall-data and listen on 127.0.0.1:8080
      footfall shop create my-shop       make a shop; shows its keys and what to do next
      footfall tail --shop my-shop       see its events as they come in

    Commands work beside a running server (they go through it) and without one. Exit status: 0 done, 1 failed, 2 called
    wrongly.
    """


def main() -> None:
    """Run the command line; every failure ends with its cause on standard error and status 1."""
    try:
        footfall(prog_name="footfall")
    except FootfallError as failure:
        _fail(str(failure))
    except OSError as failure:
        # click has dealt with a closed pipe: what is left is a disk that is full, a file that may not be read.
        name = f": {failure.filename}" if failure.filename is not None else ""
        _fail(f"{failure.strerror or failure}{name}{_advice(failure)}")
    except Exception as failure:
        if os.environ.get("FOOTFALL_LOG_LEVEL") == "debug":
            raise
        _fail(f"This is a defect of Footfall: {failure!r}. With FOOTFALL_LOG_LEVEL=debug it shows where.")


def _fail(message: str) -> None:
    click.echo(f"footfall: {message}", err=True)
    sys.exit(1)


def _advice(failure: OSError) -> str:
    if failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return ". Make room and run it again."
    return ""

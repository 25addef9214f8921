"""``footfall status``: what a data directory holds, who owns it, and whether it is ready."""

from pathlib import Path

import click

from footfall.cli.options import data_option, json_option
from footfall.cli.owner import open_owner
from footfall.cli.show import print_fields, print_json


@click.command()
@data_option
@json_option
def status(*, data: Path | None, as_json: bool) -> None:
    """Show what a data directory holds, whether a server runs on it, and whether that is ready.

    \b
    Example: footfall status
    For programs: --json; "server" is the address of the running server, or null.
    """
    with open_owner(data, unready=True) as owner:
        found = {"server": owner.address, **owner.call("status")}
    if as_json:
        print_json(found)
        return
    unready = [(f"not ready: {part}", why) for part, why in found["unready"].items()]
    print_fields(
        [
            ("server", found["server"] or "none runs on this data"),
            ("version", found["version"]),
            ("data", found["data"]),
            ("generation", found["generation"]),
            *((f"{stream}: last position", f"{end:,}") for stream, end in found["ends"].items()),
            *(unready or [("ready", "yes")]),
        ]
    )

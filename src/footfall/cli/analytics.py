"""``footfall analytics``: where analytics is, and making a shop's file anew from the log."""

from pathlib import Path

import click

from footfall.cli.options import data_option, json_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import note, print_json, print_table
from footfall.cli.sql import watch


@click.group()
def analytics() -> None:
    """Analytics keeps every event of a shop in columns, in a file beside the log. `footfall sql` and `footfall report` ask it.

    \b
    Example:
      footfall analytics status
    """


@analytics.command()
@data_option
@json_option
def status(*, data: Path | None, as_json: bool) -> None:
    """Show how far behind the log each shop's file is, in records, and how large it is.

    \b
    Example:
      footfall analytics status
    """
    with open_owner(data, unready=True) as owner:
        told = owner.call("analytics_status")
    if as_json:
        print_json(told)
    else:
        print_table(("shop", "records behind", "bytes"), ((row["shop"], row["behind"], f"{row['bytes']:,}") for row in told))


@analytics.command()
@shop_option
@data_option
def rebuild(*, shop: str, data: Path | None) -> None:
    """Make a shop's file anew from the log. Reports cover what has been read meanwhile; collection goes on.

    \b
    Example:
      footfall analytics rebuild --shop my-shop
    """
    with open_owner(data) as owner:
        watch(owner, "analytics_rebuild", shop, "reading the log")
    note(f"Analytics of {shop} is made anew.")

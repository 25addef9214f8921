"""``footfall event``: where is my event? Stored where, delivered how often, or rejected and why."""

from pathlib import Path
from typing import Any

import click

from footfall.cli.options import data_option, json_option
from footfall.cli.owner import open_owner
from footfall.cli.show import moment, print_fields, print_json


@click.command()
@click.argument("reference", metavar="ID")
@click.option("--shop", metavar="NAME", help="Look in this shop only; in all of them unless given.")
@data_option
@json_option
def event(*, reference: str, shop: str | None, data: Path | None, as_json: bool) -> None:
    """Tell what happened to an event: stored at which position, a duplicate of which, or rejected why.

    ID is the event's own event_id, or a position as receipts and exports give it.

    \b
    Examples:
      footfall event 4f1c2c2e-order-1001 --shop my-shop
      footfall event 9f3a01bc-0.1234
    """
    with open_owner(data) as owner:
        found = owner.call("event", reference=reference, shop=shop)
    if as_json:
        print_json(found)
        return
    for number, entry in enumerate(found):
        if number:
            click.echo()
        print_fields(_fields(entry))


def _fields(entry: dict[str, Any]) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = [("shop", entry["shop"]), ("status", entry["status"])]
    if entry["status"] == "rejected":
        fields += [
            ("error", entry["error"]),
            ("field", entry["field"]),
            ("received", moment(entry["received_at"])),
            ("quarantine number", entry["quarantine"]),
            ("original", entry["original"]),
        ]
        return fields
    fields += [("position", entry["position"]), ("received", moment(entry["received_at"]))]
    fields += [("delivered again", moment(again["received_at"])) for again in entry.get("duplicates", [])]
    fields += [(f"  {name}", value) for name, value in sorted(entry["event"].items()) if name != "received_at"]
    return fields

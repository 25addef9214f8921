"""``footfall replay``: send a recorded file over HTTP as a real client would, at its own pace or faster."""

import asyncio
import math
import random
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click
import uvloop

from footfall.cli.options import Assignment, as_mapping, json_option
from footfall.cli.sender import Outcome, Sender, stable_id
from footfall.cli.show import counted, note, plain, print_fields, print_json
from footfall.cli.sources import Source, open_source
from footfall.errors import FootfallError
from footfall.intake.moment import read_moment
from footfall.limits import BATCH_EVENTS_MAX

_EVENTS_BETWEEN_TURNS: Final = 200
"""Rows that are read before the connections get their turn."""


class Speed(click.ParamType):  # type: ignore[type-arg]  # an older click's is no generic
    """``60x``, or ``max``."""

    name = "SPEED"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if value == "max":
            return math.inf
        try:
            speed = float(str(value).removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < math.inf:
            self.fail(f"{value!r} is no speed: such as 1x, 60x or max.", param, ctx)
        return speed


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--url", required=True, help="The server, such as http://127.0.0.1:8080.")
@click.option("--key", required=True, help="The shop's public key.")
@click.option("--speed", type=Speed(), required=True, help="How much faster than it was recorded: 1x, 60x, or max.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "rees46", "csv"]),
    default="jsonl",
    show_default=True,
    help="What the file is.",
)
@click.option(
    "--batch", type=click.IntRange(1, BATCH_EVENTS_MAX), default=100, show_default=True, help="Events in one request."
)
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True, help="Connections at once.")
@click.option("--fresh-ids", is_flag=True, help="Give every event a new event_id, so that it is stored again.")
@click.option(
    "--map", "mapping", type=Assignment(), multiple=True, metavar="FIELD=COLUMN", help="As `footfall import` has it."
)
@click.option(
    "--set", "constants", type=Assignment(), multiple=True, metavar="FIELD=VALUE", help="As `footfall import` has it."
)
@json_option
def replay(
    *,
    file: Path,
    url: str,
    key: str,
    speed: float,
    form: str,
    batch: int,
    connections: int,
    fresh_ids: bool,
    mapping: tuple[tuple[str, str], ...],
    constants: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Send a recorded file over HTTP (v2 bulk), as a real client would.

    Each event has an event_id that is the same in every replay of the file, so that a second one stores nothing twice. A
    server that is busy (503, 429) is asked again when it says, with the same ids. Events of one visitor or customer keep
    their order. Acknowledged events are those stored now or before; exit status 1 if the server could not take them.

    \b
    Example: footfall replay 2019-Oct.csv.gz --url http://127.0.0.1:8080 --key 0123... --speed 60x --format rees46
    """
    sender: Sender | None = None
    with closing(open_source(file, form, as_mapping(mapping), as_mapping(constants))) as source:
        chance = random.Random()
        try:
            recording = _Recording(source, speed, fresh_ids=fresh_ids)
            sender = Sender(url, key, batch=batch, connections=connections, chance=chance)
            uvloop.run(sender.send_all(recording.events()))
        except KeyboardInterrupt:
            raise FootfallError(f"Stopped. {_short(sender)}") from None
        except FootfallError as failure:
            raise FootfallError(f"{failure} {_short(sender)}") from failure
    _print(sender.outcome, recording.broken, as_json=as_json)
    if sender.outcome.rejected and not sender.outcome.acknowledged:
        sys.exit(1)


def _short(sender: Sender | None) -> str:
    return f"{counted(sender.outcome.acknowledged if sender else 0, 'event was', 'events were')} acknowledged."


class _Recording:
    """The events of a source with the seconds from the start at which each is due."""

    def __init__(self, source: Source, speed: float, *, fresh_ids: bool) -> None:
        self.broken = 0
        self._source = source
        self._speed = speed
        self._fresh_ids = fresh_ids

    async def events(self) -> AsyncIterator[tuple[float, dict[str, Any]]]:
        """In the file's order; one that is out of time is due with the one before it."""
        first: int | None = None
        due = 0.0
        for row in self._source.rows():
            if row.number % _EVENTS_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)
            if row.problem is not None:
                note(f"line {row.line}: {row.problem}")
            if row.item is None:
                self.broken += 1
                continue
            moment = read_moment(row.item.get("event_time"))
            if self._speed < math.inf and moment is not None:
                first = moment if first is None else first
                due = max(due, (moment - first) / 1000 / self._speed)
            event = row.item
            if self._fresh_ids:
                event["event_id"] = str(uuid.uuid4())
            elif not event.get("event_id"):
                event["event_id"] = stable_id(row.number, event)
            yield due, event


def _print(outcome: Outcome, broken: int, *, as_json: bool) -> None:
    latency = {f"p{percent}": outcome.percentile_ms(percent) for percent in (50, 90, 99)}
    sent = outcome.acknowledged + outcome.rejected
    rate = round(sent / max(outcome.seconds, 0.001), 1)
    if as_json:
        print_json(
            {
                "sent": sent,
                "acknowledged": outcome.acknowledged,
                "stored": outcome.stored,
                "duplicate": outcome.duplicate,
                "rejected": outcome.rejected,
                "broken": broken,
                "requests": outcome.requests,
                "retries": outcome.retries,
                "seconds": round(outcome.seconds, 3),
                "events_per_second": rate,
                "latency_ms": latency,
                "errors": outcome.errors,
            }
        )
        return
    for error in outcome.errors:
        note(f"rejected: {error}")
    shown = "  ".join(f"{name} {value} ms" for name, value in latency.items())
    print_fields(
        [
            ("acknowledged", f"{outcome.acknowledged:,}, of which {outcome.duplicate:,} duplicate"),
            ("rejected", f"{outcome.rejected:,}"),
            *([("not readable", f"{broken:,}")] if broken else []),
            ("requests", f"{outcome.requests:,}, of which {outcome.retries:,} sent again"),
            ("time", plain(f"{outcome.seconds:.1f} s, {rate:,} events/s")),
            ("latency", shown),
        ]
    )

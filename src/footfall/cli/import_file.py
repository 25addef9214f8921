"""``footfall import``: a file of recorded events (or of orders) into a shop; may be broken off and run again at any time."""

import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from footfall.cli.import_orders import SHOPIFY_ORDERS, import_orders
from footfall.cli.options import Assignment, as_mapping, data_option, json_option, shop_option
from footfall.cli.owner import Owner, give_way, open_owner
from footfall.cli.show import counted, note, plain, print_json, progress
from footfall.cli.sources import FORMATS, Row, Source, open_source
from footfall.cli.sources.chunks import Chunk, chunks
from footfall.errors import FootfallError, InputInvalidError
from footfall.limits import IMPORT_REASONS_SHOWN_MAX


@dataclass
class Tally:
    """What an import did. ``passed_over``: rows that were imported before."""

    shop: str
    source: str
    stored: int = 0
    duplicate: int = 0
    passed_over: int = 0
    rejected: int = 0
    broken: int = 0
    warnings: int = 0
    seconds: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, kind: str, row: int, line: int, error: str) -> None:
        """Keep one of the first reasons, and show it."""
        if len(self.reasons) < IMPORT_REASONS_SHOWN_MAX:
            self.reasons.append({"kind": kind, "row": row, "line": line, "error": error})
            note(f"line {line}: {kind}: {error}")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@shop_option
@click.option("--format", "form", type=click.Choice([*FORMATS, SHOPIFY_ORDERS]), required=True, help="What the file is.")
@click.option("--source", help="The name by which its rows are known; the file's name unless given.")
@click.option(
    "--map", "mapping", type=Assignment(), multiple=True, metavar="FIELD=COLUMN", help="Which column is a field; repeatable."
)
@click.option(
    "--set", "constants", type=Assignment(), multiple=True, metavar="FIELD=VALUE", help="A field of every row; repeatable."
)
@data_option
@json_option
def import_file(
    *,
    file: Path,
    shop: str,
    form: str,
    source: str | None,
    mapping: tuple[tuple[str, str], ...],
    constants: tuple[tuple[str, str], ...],
    data: Path | None,
    as_json: bool,
) -> None:
    """Import recorded events from a file (gzip or not; `-` is standard input).

    Run it again after anything: a row is known by the source's name and its number, so nothing is stored twice, and identical
    rows stay separate events. Rows that are no event go to quarantine with their reason; rows that can't even be read are told
    and left out; the rest is imported.

    \b
    rees46   the columns of REES46's data sets (event_time, event_type, product_id, ... user_id, user_session)
    csv      columns named as the fields of an event, or mapped: --map uuid=visitor --map meta.color=color
    jsonl    one event a line, as on the wire or as `footfall export` writes them
    parquet  as csv; a timestamp without a zone counts as UTC

    shopify-orders is no file of events but of orders: of the Admin REST API (a list, {"orders": [...]}, or one a line), or the
    lines of a GraphQL bulk operation. An order is known by its id, so it is stored once; --map, --set, --source are refused.

    \b
    Examples:
      footfall import 2019-Oct.csv.gz --shop my-shop --format rees46
      footfall import views.csv --shop my-shop --format csv --set subject=user --set verb=viewed --set noun=product \\
        --map customer_id=account --map product_id=sku --map event_time=at
    """
    if form == SHOPIFY_ORDERS:
        if mapping or constants or source is not None:
            raise click.UsageError("Orders have fields and ids of their own: --map, --set and --source don't go with them.")
        import_orders(file, shop, data, as_json=as_json)
        return
    if source is None and str(file) == "-":
        raise click.UsageError("Standard input has no name: give one with --source.")
    tally = Tally(shop, source or file.name)
    started = time.monotonic()
    with closing(open_source(file, form, as_mapping(mapping), as_mapping(constants))) as rows, open_owner(data) as owner:
        if owner.serves:
            give_way()
        try:
            _import(owner, rows, tally)
        except KeyboardInterrupt:
            raise FootfallError(f"Stopped. {_so_far(tally)}") from None
        except InputInvalidError as failure:
            raise FootfallError(f"{failure}. {_so_far(tally)}" if tally.stored else str(failure)) from failure
        except FootfallError as failure:
            raise FootfallError(f"{failure} {_so_far(tally)}") from failure
    tally.seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json(asdict(tally))
    else:
        _print(tally)
    if (tally.rejected or tally.broken) and not (tally.stored or tally.duplicate or tally.passed_over):
        sys.exit(1)


def _so_far(tally: Tally) -> str:
    if not (tally.stored or tally.passed_over):
        return "Nothing is stored."
    return f"{counted(tally.stored, 'event is', 'events are')} stored; run it again to go on where it was."


def _import(owner: Owner, rows: Source, tally: Tally) -> None:
    def tell(row: Row) -> None:
        if row.item is None:
            tally.broken += 1
        else:
            tally.warnings += 1
        tally.tell("broken" if row.item is None else "warning", row.number, row.line, row.problem or "")

    done = owner.call("import_progress", shop=tally.shop, source=tally.source)
    tally.passed_over = done
    started = time.monotonic()
    sent = 0
    with progress(plain(tally.source)) as bar:
        task = bar.add_task("", total=1.0, rows="0", rate="0")
        for number, chunk in enumerate(chunks(rows.rows(done), tell)):
            if number == 0:
                _require_times(chunk, tally)
            answer = owner.call("import_rows", shop=tally.shop, source=tally.source, first=chunk.first, rows=chunk.items)
            for outcome in ("stored", "duplicate", "passed_over", "rejected"):
                setattr(tally, outcome, getattr(tally, outcome) + answer[outcome])
            for reason in answer["reasons"]:
                tally.tell("rejected", reason["row"], chunk.lines[reason["row"] - chunk.first], reason["error"])
            sent += len(chunk.items)
            rate = sent / max(time.monotonic() - started, 0.001)
            fraction = rows.fraction()
            bar.update(
                task,
                completed=fraction or 0.0,
                total=1.0 if fraction is not None else None,
                rows=f"{chunk.following:,}",
                rate=f"{rate:,.0f}",
            )


def _require_times(chunk: Chunk, tally: Tally) -> None:
    """Refuse a file in which no time can be read: all its events would seem to have happened now."""
    if tally.warnings and tally.warnings >= sum(bool(item.get("event_time")) for item in chunk.items):
        raise InputInvalidError("No event_time in this file can be read, so nothing was imported")


def _print(tally: Tally) -> None:
    new = tally.stored + tally.duplicate + tally.rejected
    parts = [counted(tally.stored, "event") + " stored"]
    parts += [f"{tally.duplicate:,} stored before under the same event_id"] if tally.duplicate else []
    parts += [f"{tally.rejected:,} rejected (`footfall quarantine list --shop {tally.shop}`)"] if tally.rejected else []
    parts += [f"{tally.broken:,} could not be read"] if tally.broken else []
    parts += [f"{tally.warnings:,} without a time of their own"] if tally.warnings else []
    parts += [f"{tally.passed_over:,} imported before"] if tally.passed_over else []
    click.echo(plain(f"{tally.source}: {', '.join(parts)}; {new / max(tally.seconds, 0.001):,.0f} rows/s."))
    if tally.passed_over and not new:
        note(
            f"All rows were imported before, from a source of the name {tally.source!r}. If this is another file, "
            "name it with --source."
        )

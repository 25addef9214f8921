"""The export of a shop's events as a file or folder, in the order of the log, in bounded memory. Runs in a worker."""

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from footfall.clock import Milliseconds
from footfall.errors import InputInvalidError
from footfall.event import Event, numbered_fields
from footfall.identifiers import Position, PositionToken, ShopId
from footfall.service.wanted import READ_ENTRIES, Numbered, Wanted, WantedEvents

Kind = Literal["text", "whole", "flag", "texts", "json", "moment"]

COLUMNS: Final[tuple[tuple[str, Kind], ...]] = (
    ("position", "text"),
    ("received_at", "whole"),
    ("event_time", "whole"),
    ("subject", "text"),
    ("verb", "text"),
    ("noun", "text"),
    ("event_id", "text"),
    ("uuid", "text"),
    ("customer_id", "text"),
    ("rsid", "text"),
    ("product_id", "text"),
    ("product_handle", "text"),
    ("shopify_variant_id", "text"),
    ("shopify_product_title", "text"),
    ("shopify_variant_title", "text"),
    ("shopify_variant_price", "text"),
    ("shopify_variant_sku", "text"),
    ("shopify_cart_token", "text"),
    ("subject_email_hmac", "text"),
    ("defined_noun_id", "text"),
    ("theme_id", "text"),
    ("platform", "text"),
    ("label", "text"),
    ("value", "whole"),
    ("quantity", "whole"),
    ("price", "text"),
    ("currency", "text"),
    ("order_id", "text"),
    ("checkout_token", "text"),
    ("widget_id", "text"),
    ("promo_id", "text"),
    ("url", "text"),
    ("referrer", "text"),
    ("device", "text"),
    ("country", "text"),
    ("consent", "text"),
    ("gpc", "flag"),
    ("tags", "texts"),
    ("meta", "json"),
    ("unknown", "json"),
    ("flags", "texts"),
    ("verified", "flag"),
    ("origin", "json"),
    ("time", "moment"),
)
"""The columns of ``csv`` and ``parquet``, in order. Programs of users depend on them: add at the end, never change. ``time``
is ``event_time`` once more, as a moment (UTC)."""

_PARQUET_TYPES: Final[dict[Kind, str]] = {
    "text": "VARCHAR",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
    "texts": "VARCHAR[]",
    "json": "VARCHAR",
    "moment": "TIMESTAMP",
}
_PART_EVENTS: Final = 100_000
"""Events that are spooled as text before they become a part of the Parquet file: 60 MB of disk, no memory."""
_ROW_GROUP_EVENTS: Final = 10_000
"""Events that DuckDB holds in memory to compress them together."""
_DUCKDB_MEMORY: Final = "512MB"
_COPIED_BYTES: Final = 1024 * 1024

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SPECIAL_COLUMNS: Final = tuple(name for name, kind in COLUMNS if kind in ("flag", "texts", "json"))
_JSON_COLUMNS: Final = tuple(name for name, kind in COLUMNS if kind == "json")
_ENCODER: Final = msgspec.json.Encoder()


def export(
    *,
    log: str,
    shop: int,
    form: str,
    first: int,
    last: int,
    out: str | None,
    output: IO[bytes],
    since: int | None = None,
    until: int | None = None,
    without: Sequence[str] = (),
    by_day_of: str | None = None,
) -> None:
    """Write a shop's events between two positions, both inclusive, and between two moments where they are given, to
    ``output``; or to the file ``out``, and then only ``{"events": n}`` to ``output``. With ``by_day_of`` (a time zone) ``out``
    becomes a folder of Parquet files by day.

    ``out`` appears whole or not at all. Raises ``FootfallError`` before anything is written where ``form`` is unknown.
    """
    if form not in ("jsonl", "csv", "parquet"):
        raise InputInvalidError(f"There is no format {form[:40]!r}. Choose jsonl, csv or parquet.")
    wanted = Wanted(
        shop=ShopId(shop),
        first=Position(first),
        last=Position(last),
        since=Milliseconds(since) if since is not None else None,
        until=Milliseconds(until) if until is not None else None,
        without=frozenset(without),
    )
    with closing(WantedEvents(Path(log), wanted)) as events:
        if out is None:
            _write(events, form, output)
            return
        if by_day_of is not None:
            _write_by_day(events, Path(out), ZoneInfo(by_day_of))
        else:
            _write_whole(events, form, Path(out))
        output.write(_ENCODER.encode({"events": events.count}) + b"\n")


def _write_whole(events: WantedEvents, form: str, target: Path) -> None:
    """Make a file under a temporary name beside its place, and rename it once it is complete and on the disk."""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as failure:
        raise InputInvalidError(f"{target} can't be written: {failure.strerror}.") from failure
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(events, form, file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write(events: Iterable[Numbered], form: str, output: IO[bytes]) -> None:
    if form == "parquet":
        _write_parquet(events, output)
        return
    if form == "csv":
        output.write((",".join(name for name, _ in COLUMNS) + "\n").encode())
    line = _csv_lines if form == "csv" else _json_lines
    for batch in _in_batches(events, READ_ENTRIES):
        output.write(line(batch))


def _in_batches(events: Iterable[Numbered], size: int) -> Iterator[list[Numbered]]:
    batch: list[Numbered] = []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _json_lines(batch: list[Numbered]) -> bytes:
    return _ENCODER.encode_lines([numbered_fields(token, event) for token, event in batch])


def _csv_lines(batch: list[Numbered]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for token, event in batch:
        fields = _columns(token, event)
        for name in _SPECIAL_COLUMNS:
            if fields.get(name) is not None:
                # A flag, a list or an object reads the same in its cell as in JSON.
                fields[name] = _ENCODER.encode(fields[name]).decode()
        writer.writerow([fields.get(name) for name, _ in COLUMNS])
    return text.getvalue().encode()


def _columns(token: PositionToken, event: Event) -> dict[str, Any]:
    """An event by the names of ``COLUMNS``; fields that Footfall doesn't know stay together under ``unknown``."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    del fields["shop"]
    fields["event_time"] = fields.pop("time")
    moment = _moment(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"position": token, "platform": event.platform, "verified": event.verified, **fields, "time": moment}


def _moment(event: Event) -> datetime:
    return _EPOCH + timedelta(milliseconds=event.time)


def _write_parquet(events: Iterable[Numbered], output: IO[bytes]) -> None:
    """Parts of the file are made one after the other and then put together, so that memory doesn't grow with the shop."""
    numbered = iter(events)
    with _engine() as (engine, directory):
        spool, whole = directory / "spool.jsonl", directory / "whole.parquet"
        parts: list[str] = []
        # At least one part, though it be empty: it carries the columns.
        while _spool(islice(numbered, _PART_EVENTS), spool) or not parts:
            parts.append(str(directory / f"{len(parts)}.parquet"))
            _copy(engine, "read_json(?, format = 'newline_delimited', columns = ?)", [str(spool), _types()], parts[-1])
        _copy(engine, "read_parquet(?)", [parts], str(whole))
        with whole.open("rb") as file:
            shutil.copyfileobj(file, output, _COPIED_BYTES)


def _write_by_day(events: Iterable[Numbered], target: Path, zone: ZoneInfo) -> None:
    """Make a folder with one folder for each day of the zone (``day=2026-11-01``, as Hive has it), under a temporary name
    beside its place, and rename it once it is complete and on the disk."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputInvalidError(f"{target} is there already. Name a folder that isn't, or is empty.")
    numbered = iter(events)
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as failure:
        raise InputInvalidError(
            f"{target} can't be made: {failure.strerror}. The process that owns the data makes it, and must be allowed to."
        ) from failure
    try:
        with _engine() as (engine, directory):
            spool, part = directory / "spool.jsonl", 0
            while _spool(islice(numbered, _PART_EVENTS), spool, zone):
                part += 1
                _divide(engine, spool, beside, f"part-{part:05}.parquet")
        _sync(beside)
        beside.chmod(0o755)
        # Over an empty folder, too.
        beside.replace(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _divide(engine: duckdb.DuckDBPyConnection, spool: Path, folder: Path, name: str) -> None:
    """Add a file of this name to each day that occurs in a part: a day has as many files as parts in which it occurs.

    One day after the other, since DuckDB's own ``PARTITION_BY`` leaves a day's rows in no order, and opens many files.
    """
    source = "read_json(?, format = 'newline_delimited', columns = ?)"
    engine.execute(f"CREATE OR REPLACE TABLE part AS FROM {source}", [str(spool), {**_types(), "day": "VARCHAR"}])
    for (day,) in engine.execute("SELECT DISTINCT day FROM part ORDER BY day").fetchall():
        of_day = folder / f"day={day}"
        of_day.mkdir(exist_ok=True)
        _copy(engine, "(SELECT * EXCLUDE (day) FROM part WHERE day = ?)", [day], str(of_day / name))


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _engine() -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """DuckDB with a bound on its memory, and a folder for what it works with: in the system's place for such, since filling
    the log's own disk would stop collection."""
    with tempfile.TemporaryDirectory(prefix="footfall-export-") as name:
        settings: dict[str, Any] = {"threads": 1, "memory_limit": _DUCKDB_MEMORY, "temp_directory": name}
        with duckdb.connect(config=settings) as engine:
            yield engine, Path(name)


def _types() -> dict[str, str]:
    return {column: _PARQUET_TYPES[kind] for column, kind in COLUMNS}


def _spool(events: Iterable[Numbered], spool: Path, zone: ZoneInfo | None = None) -> int:
    """Write events as lines of JSON that DuckDB reads with its own types, with their day where a zone is given; answers how
    many."""
    count = 0
    with spool.open("wb") as file:
        for batch in _in_batches(events, READ_ENTRIES):
            count += len(batch)
            rows = [_typed(_columns(token, event)) for token, event in batch]
            if zone is not None:
                for row, (_, event) in zip(rows, batch, strict=True):
                    row["day"] = _moment(event).astimezone(zone).date().isoformat()
            file.write(_ENCODER.encode_lines(rows))
    return count


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {name: _ENCODER.encode(fields[name]).decode() for name in _JSON_COLUMNS if fields.get(name) is not None}


def _copy(engine: duckdb.DuckDBPyConnection, source: str, parameters: list[Any], target: str) -> None:
    quoted = target.replace("'", "''")
    form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP_EVENTS}"
    engine.execute(f"COPY (SELECT * FROM {source}) TO '{quoted}' ({form})", parameters)

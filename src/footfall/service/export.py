"""The export of a shop's events, in the order of the log, in bounded memory. Runs in a worker; only reads the log."""

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal

import apsw
import duckdb
import msgspec

from footfall.errors import InputInvalidError, StoreDamagedError
from footfall.event import Event, decode_event, wire_fields
from footfall.identifiers import Generation, Position, PositionToken, ShopId, position_token
from footfall.log.embedded import read_entries
from footfall.log.port import Stream
from footfall.log.sqlite import open_reader

Kind = Literal["text", "whole", "flag", "texts", "json"]

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
)
"""The columns of ``csv`` and ``parquet``, in order. Programs of users depend on them: add at the end, never change."""

_PARQUET_TYPES: Final[dict[Kind, str]] = {
    "text": "VARCHAR",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
    "texts": "VARCHAR[]",
    "json": "VARCHAR",
}
_READ_ENTRIES: Final = 1_000
"""Records in memory at once: 32 MB where each is as large as it may be."""
_PART_EVENTS: Final = 100_000
"""Events that are spooled as text before they become a part of the Parquet file: 60 MB of disk, no memory."""
_ROW_GROUP_EVENTS: Final = 10_000
"""Events that DuckDB holds in memory to compress them together."""
_DUCKDB_MEMORY: Final = "512MB"
_COPIED_BYTES: Final = 1024 * 1024

_SPECIAL_COLUMNS: Final = tuple(name for name, kind in COLUMNS if kind in ("flag", "texts", "json"))
_JSON_COLUMNS: Final = tuple(name for name, kind in COLUMNS if kind == "json")
_ENCODER: Final = msgspec.json.Encoder()

_Numbered = tuple[PositionToken, Event]


def export(*, log: str, shop: int, form: str, first: int, last: int, out: str | None, output: IO[bytes]) -> None:
    """Write a shop's events between two positions, both inclusive, to ``output``; or to the file ``out``, and then only
    ``{"events": n}`` to ``output``.

    ``out`` appears whole or not at all. Raises ``FootfallError`` before anything is written where ``form`` is unknown.
    """
    if form not in ("jsonl", "csv", "parquet"):
        raise InputInvalidError(f"There is no format {form[:40]!r}. Choose jsonl, csv or parquet.")
    with closing(_Events(Path(log), ShopId(shop), Position(first), Position(last))) as events:
        if out is None:
            _write(events, form, output)
        else:
            _write_whole(events, form, Path(out))
            output.write(_ENCODER.encode({"events": events.count}) + b"\n")


def _write_whole(events: "_Events", form: str, target: Path) -> None:
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


class _Events:
    """A shop's events, read in steps that hold no read transaction while they are being written; counted."""

    def __init__(self, log: Path, shop: ShopId, first: Position, last: Position) -> None:
        self.count = 0
        self._shop = shop
        self._first = first
        self._last = last
        self._connection = open_reader(log, cache_bytes=1024 * 1024)
        self._generation = Generation(str(_one(self._connection, "SELECT value FROM meta WHERE name = 'generation'")))

    def close(self) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[_Numbered]:
        start = self._first
        while start <= self._last:
            entries = read_entries(self._connection, Stream.EVENTS, start, _READ_ENTRIES)
            for position, value in entries:
                if position > self._last:
                    return
                if not value:
                    continue
                try:
                    event = decode_event(value)
                except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
                    raise StoreDamagedError(
                        f"The event at position {position} can't be read ({failure}). Run `footfall verify`."
                    ) from failure
                if event.shop == self._shop:
                    self.count += 1
                    yield position_token(self._generation, {0: position}), event
            if len(entries) < _READ_ENTRIES:
                return
            start = Position(entries[-1].position + 1)


def _one(connection: apsw.Connection, sql: str) -> Any:
    rows: list[Any] = connection.execute(sql).fetchall()
    if not rows:
        raise StoreDamagedError("The log has no generation. Run `footfall verify`.")
    return rows[0][0]


def _write(events: Iterable[_Numbered], form: str, output: IO[bytes]) -> None:
    if form == "parquet":
        _write_parquet(events, output)
        return
    if form == "csv":
        output.write((",".join(name for name, _ in COLUMNS) + "\n").encode())
    line = _csv_lines if form == "csv" else _json_lines
    for batch in _in_batches(events, _READ_ENTRIES):
        output.write(line(batch))


def _in_batches(events: Iterable[_Numbered], size: int) -> Iterator[list[_Numbered]]:
    batch: list[_Numbered] = []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _json_lines(batch: list[_Numbered]) -> bytes:
    # The token stands first, and again last: a client's own field of that name must not take its place.
    return _ENCODER.encode_lines([{"position": t} | wire_fields(event) | {"position": t} for t, event in batch])


def _csv_lines(batch: list[_Numbered]) -> bytes:
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
    return {"position": token, "platform": event.platform, "verified": event.verified, **fields}


def _write_parquet(events: Iterable[_Numbered], output: IO[bytes]) -> None:
    """Parts of the file are made one after the other and then put together, so that memory doesn't grow with the shop."""
    numbered = iter(events)
    # In the system's place for such files: filling the log's own disk would stop collection.
    with tempfile.TemporaryDirectory(prefix="footfall-export-") as name:
        spool, whole = Path(name, "spool.jsonl"), Path(name, "whole.parquet")
        settings: dict[str, Any] = {"threads": 1, "memory_limit": _DUCKDB_MEMORY, "temp_directory": name}
        with duckdb.connect(config=settings) as engine:
            parts: list[str] = []
            # At least one part, though it be empty: it carries the columns.
            while _spool(islice(numbered, _PART_EVENTS), spool) or not parts:
                parts.append(str(Path(name, f"{len(parts)}.parquet")))
                columns = {column: _PARQUET_TYPES[kind] for column, kind in COLUMNS}
                _copy(engine, "read_json(?, format = 'newline_delimited', columns = ?)", [str(spool), columns], parts[-1])
            _copy(engine, "read_parquet(?)", [parts], str(whole))
        with whole.open("rb") as file:
            shutil.copyfileobj(file, output, _COPIED_BYTES)


def _spool(events: Iterable[_Numbered], spool: Path) -> int:
    """Write events as lines of JSON that DuckDB reads with its own types; answers how many."""
    count = 0
    with spool.open("wb") as file:
        for batch in _in_batches(events, _READ_ENTRIES):
            count += len(batch)
            file.write(_ENCODER.encode_lines([_typed(_columns(token, event)) for token, event in batch]))
    return count


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {name: _ENCODER.encode(fields[name]).decode() for name in _JSON_COLUMNS if fields.get(name) is not None}


def _copy(engine: duckdb.DuckDBPyConnection, source: str, parameters: list[Any], target: str) -> None:
    quoted = target.replace("'", "''")
    engine.execute(
        f"COPY (SELECT * FROM {source}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP_EVENTS})",
        parameters,
    )

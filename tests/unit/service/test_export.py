"""The export: every form says the same of the same events."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from footfall.clock import DAY_MS
from footfall.errors import InputInvalidError, StoreDamagedError
from footfall.event import Event, Origin, encode_event
from footfall.identifiers import EventId, Position, ProductId, ShopId, Uuid
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Record, Stream
from footfall.log.writer import Writer
from footfall.service import export as exporting
from footfall.service import wanted
from footfall.service.export import COLUMNS, export
from tests.support import NOW, run

_SHOP, _OTHER_SHOP = ShopId(1), ShopId(2)


def _event(shop: ShopId = _SHOP, **fields: Any) -> Event:
    return Event(shop=shop, received_at=NOW, time=NOW, subject="user", verb="viewed", noun="product", **fields)


_RICH = _event(
    event_id=EventId("one"),
    uuid=Uuid('quoted "and", with a comma'),
    product_id=ProductId("5630650697948"),
    value=1999,
    quantity=2,
    gpc=False,
    tags=["red", "größe"],
    meta={"color": "red", "size": 4, "sale": True, "none": None},
    unknown={"position": "not ours", "weather": {"rain": [1, 2]}},
    flags=["late"],
    verified=True,
    origin=Origin("file.csv", 7),
)


def _log(folder: Path, events: Sequence[Event], *, redacted: Sequence[int] = ()) -> str:
    """Makes a log of these events, at positions from 1; answers its generation."""

    async def scenario() -> str:
        writer = Writer()
        log = EmbeddedLog.open(folder / "log.db", writer)
        await log.append(Stream.EVENTS, [Record("k", encode_event(event), event) for event in events])
        await log.redact(Stream.EVENTS, [Position(position) for position in redacted])
        await asyncio.to_thread(writer.stop)
        log.close()
        return log.generation

    generation: str = run(scenario())
    return generation


def _exported(
    folder: Path,
    form: str,
    *,
    shop: ShopId = _SHOP,
    first: int = 1,
    last: int = 1_000_000,
    out: Path | None = None,
    by_day_of: str | None = None,
) -> bytes:
    output = io.BytesIO()
    log, target = str(folder / "log.db"), str(out) if out is not None else None
    export(log=log, shop=shop, form=form, first=first, last=last, out=target, output=output, by_day_of=by_day_of)
    return output.getvalue()


def _json(content: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in content.splitlines()]


def _parquet(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as engine:
        found = engine.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_json_lines_carry_the_names_of_the_wire_and_the_position(tmp_path: Path) -> None:
    generation = _log(tmp_path, [_RICH, _event()])
    rich, plain = _json(_exported(tmp_path, "jsonl"))
    assert rich["position"] == f"{generation}-0.1"
    assert (rich["event_id"], rich["event_time"], rich["weather"]) == ("one", NOW, {"rain": [1, 2]})
    assert plain == {
        "position": f"{generation}-0.2",
        "event_time": NOW,
        "received_at": NOW,
        "subject": "user",
        "verb": "viewed",
        "noun": "product",
        "platform": "Shopify",
    }


def test_only_the_shop_that_was_asked_for_is_exported(tmp_path: Path) -> None:
    _log(tmp_path, [_event(label="ours"), _event(_OTHER_SHOP, label="theirs"), _event(label="ours")])
    assert [line["label"] for line in _json(_exported(tmp_path, "jsonl"))] == ["ours", "ours"]
    assert b"theirs" not in _exported(tmp_path, "csv")


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_bounds_are_inclusive_and_redacted_events_are_left_out(tmp_path: Path, form: str) -> None:
    _log(tmp_path, [_event(label=f"number {n}") for n in range(1, 8)], redacted=[4])
    out = tmp_path / "out"
    _exported(tmp_path, form, first=3, last=6, out=out)
    if form == "parquet":
        labels = [row["label"] for row in _parquet(out)]
    elif form == "csv":
        labels = [row["label"] for row in csv.DictReader(out.read_text().splitlines())]
    else:
        labels = [line["label"] for line in _json(out.read_bytes())]
    assert labels == ["number 3", "number 5", "number 6"]


def test_csv_has_fixed_columns_with_lists_and_objects_as_json(tmp_path: Path) -> None:
    _log(tmp_path, [_RICH, _event()])
    rich, plain = csv.DictReader(io.StringIO(_exported(tmp_path, "csv").decode()))
    assert list(rich) == [name for name, _ in COLUMNS]
    assert rich["uuid"] == 'quoted "and", with a comma'
    assert msgspec.json.decode(rich["tags"]) == ["red", "größe"]
    assert msgspec.json.decode(rich["meta"]) == {"color": "red", "size": 4, "sale": True, "none": None}
    assert msgspec.json.decode(rich["unknown"]) == {"position": "not ours", "weather": {"rain": [1, 2]}}
    assert (rich["gpc"], rich["verified"], rich["value"], rich["origin"]) == ("false", "true", "1999", '["file.csv",7]')
    assert (plain["gpc"], plain["verified"], plain["value"], plain["platform"]) == ("", "false", "", "Shopify")


def test_parquet_has_typed_columns(tmp_path: Path) -> None:
    generation = _log(tmp_path, [_RICH, _event()])
    out = tmp_path / "events.parquet"
    assert msgspec.json.decode(_exported(tmp_path, "parquet", out=out)) == {"events": 2}
    rich, plain = _parquet(out)
    assert list(rich) == [name for name, _ in COLUMNS]
    assert rich["position"] == f"{generation}-0.1"
    assert (rich["event_time"], rich["value"], rich["gpc"], rich["verified"]) == (NOW, 1999, False, True)
    assert rich["tags"] == ["red", "größe"]
    assert msgspec.json.decode(rich["meta"]) == {"color": "red", "size": 4, "sale": True, "none": None}
    assert (plain["value"], plain["tags"], plain["gpc"], plain["verified"]) == (None, None, None, False)


def test_parquet_of_many_parts_keeps_the_order_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_PART_EVENTS", 300)
    monkeypatch.setattr(wanted, "READ_ENTRIES", 70)
    generation = _log(tmp_path, [_event(label=str(n)) for n in range(1_000)])
    out = tmp_path / "events.parquet"
    _exported(tmp_path, "parquet", out=out)
    assert [row["position"] for row in _parquet(out)] == [f"{generation}-0.{n}" for n in range(1, 1_001)]


def test_a_file_of_a_day_keeps_the_order_of_the_log_however_days_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_PART_EVENTS", 6_000)
    days = [n * 7_919 % 40 for n in range(9_000)]
    events = [msgspec.structs.replace(_event(label=str(n)), time=NOW - day * DAY_MS) for n, day in enumerate(days)]
    _log(tmp_path, events)
    out = tmp_path / "events"
    assert msgspec.json.decode(_exported(tmp_path, "parquet", out=out, by_day_of="UTC")) == {"events": 9_000}
    files = sorted(out.rglob("*.parquet"))
    assert {file.name for file in files} == {"part-00001.parquet", "part-00002.parquet"}
    told = [(file.parent.name, [int(row["label"]) for row in _parquet(file)]) for file in files]
    assert all(numbers == sorted(numbers) for _, numbers in told)
    for name, numbers in told:
        (of_day,) = {events[number].time for number in numbers}
        assert name == f"day={datetime.fromtimestamp(of_day / 1_000, UTC).date()}"


def test_a_folder_of_a_shop_without_events_is_empty_and_one_with_files_is_left_alone(tmp_path: Path) -> None:
    _log(tmp_path, [_event(_OTHER_SHOP)])
    out = tmp_path / "events"
    out.mkdir()
    assert msgspec.json.decode(_exported(tmp_path, "parquet", out=out, by_day_of="UTC")) == {"events": 0}
    (out / "notes.txt").write_text("mine")
    for target in (out, out / "notes.txt"):
        with pytest.raises(InputInvalidError, match="is there already"):
            _exported(tmp_path, "parquet", out=target, by_day_of="UTC")
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_parquet_on_standard_output_is_the_same_file(tmp_path: Path) -> None:
    _log(tmp_path, [_RICH])
    out, streamed = tmp_path / "out.parquet", tmp_path / "streamed.parquet"
    _exported(tmp_path, "parquet", out=out)
    streamed.write_bytes(_exported(tmp_path, "parquet"))
    assert _parquet(streamed) == _parquet(out)


def test_an_empty_shop_is_exported_as_a_valid_empty_file(tmp_path: Path) -> None:
    _log(tmp_path, [_event(_OTHER_SHOP)])
    assert _exported(tmp_path, "jsonl") == b""
    assert _exported(tmp_path, "csv").decode() == ",".join(name for name, _ in COLUMNS) + "\n"
    out = tmp_path / "events.parquet"
    _exported(tmp_path, "parquet", out=out)
    with duckdb.connect() as engine:
        columns = engine.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(out)]).fetchall()
    assert _parquet(out) == []
    assert [column[0] for column in columns] == [name for name, _ in COLUMNS]


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    _log(tmp_path, [_event()])
    with pytest.raises(InputInvalidError, match="jsonl, csv or parquet"):
        _exported(tmp_path, "xml", out=tmp_path / "out.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["log.db"]


def test_a_file_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    _log(tmp_path, [_event()])
    with pytest.raises(InputInvalidError, match="missing"):
        _exported(tmp_path, "csv", out=tmp_path / "missing" / "out.csv")


def test_an_export_that_breaks_off_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    events = [_event(label=str(n)) for n in range(5)]
    _log(tmp_path, events)

    async def tear() -> None:
        writer = Writer()
        log = EmbeddedLog.open(tmp_path / "log.db", writer)
        await log.append(Stream.EVENTS, [Record("k", b'{"shop":1,"torn":')])
        await asyncio.to_thread(writer.stop)
        log.close()

    run(tear())
    out = tmp_path / "out.jsonl"
    out.write_text("from before")
    with pytest.raises(StoreDamagedError, match="position 6"):
        _exported(tmp_path, "jsonl", out=out)
    assert out.read_text() == "from before"
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.jsonl"]


def test_every_field_of_an_event_has_a_column() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(Event)}
    assert {name for name, _ in COLUMNS} == fields - {"shop"} | {"position", "event_time"}

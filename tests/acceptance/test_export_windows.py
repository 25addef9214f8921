"""Exports of any window: by the events' own time, in the shop's zone, in every form, whole or not at all."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from tests.support import command, directory, event, new_shop, server

_ROBOT = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
_TIMES = [
    "2026-10-24T21:59:59.999Z",
    "2026-10-24T22:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T22:59:59Z",
    "2026-10-25T23:00:00Z",
    "2026-10-26T12:00:00Z",
    # What comes late stands behind what is newer.
    "2026-10-24T12:00:00Z",
    "1999-12-31T23:00:00Z",
]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A store with a shop in Berlin, another shop with the same ids, a robot and a test."""
    with directory() as path:
        data = path / "data"
        with server(data) as running:
            for name in ("berlin", "other"):
                made = new_shop(data, name, timezone="Europe/Berlin")
                bulk = f"{running.url}/api/v2/analytics/event/bulk?key={made['public_key']}"
                events = [event(uuid=f"u{n}", product_id=str(n), event_time=time) for n, time in enumerate(_TIMES)]
                sent = httpx.post(bulk, json=[*events, event(uuid="t", test=True, event_time=_TIMES[5])], timeout=60)
                assert sent.status_code == 200
                robot = [event(uuid="r", event_time=_TIMES[5])]
                assert httpx.post(bulk, json=robot, headers=_ROBOT, timeout=60).status_code == 200
            running.stop()
        yield data


def exported(data: Path, *arguments: str) -> list[dict[str, Any]]:
    done = command("export", "--shop", "berlin", *arguments, data=data)
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_of(statement: str) -> list[tuple[Any, ...]]:
    """What DuckDB reads in a file."""
    with duckdb.connect() as engine:
        return engine.execute(statement).fetchall()


def products(data: Path, *arguments: str) -> list[str]:
    return [row["product_id"] for row in exported(data, "--no-bots", "--no-tests", *arguments)]


def test_a_window_of_days_goes_by_the_shops_zone_and_the_events_own_time(data: Path) -> None:
    assert products(data, "--from", "2026-10-25", "--to", "2026-10-26") == ["1", "2", "3"]
    assert products(data, "--to", "2026-10-25") == ["0", "6", "7"]
    assert products(data, "--from", "2026-10-26") == ["4", "5"]
    assert products(data, "--from", "2026-10-25T01:30", "--to", "2026-10-25T23:00:00Z") == ["2", "3"]


def test_adjacent_windows_together_are_the_whole(data: Path) -> None:
    days = ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"]
    parts = [exported(data, "--to", days[0]), exported(data, "--from", days[-1])]
    parts += [exported(data, "--from", first, "--to", last) for first, last in pairwise(days)]
    whole = exported(data)
    assert len(whole) == len(_TIMES) + 2
    assert sorted(row["position"] for part in parts for row in part) == sorted(row["position"] for row in whole)


def test_a_position_and_a_time_bound_the_same_export(data: Path) -> None:
    third = exported(data)[2]["position"]
    assert products(data, "--from", third, "--to", "2026-10-25") == ["6", "7"]


def test_robots_and_tests_are_in_an_export_unless_they_are_left_out(data: Path) -> None:
    day = ("--from", "2026-10-26T13:00", "--to", "2026-10-26T14:00")
    assert [len(exported(data, *day, *flags)) for flags in ((), ("--no-bots",), ("--no-tests",))] == [3, 2, 2]


def test_every_form_says_the_same_of_a_window_with_the_time_as_a_moment(data: Path, tmp_path: Path) -> None:
    window = ("--from", "2026-10-25", "--to", "2026-10-26")
    lines = exported(data, *window)
    table = command("export", "--shop", "berlin", "--format", "csv", *window, data=data).stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    file = tmp_path / "events.parquet"
    command("export", "--shop", "berlin", "--format", "parquet", "--out", str(file), *window, data=data)
    told = rows_of(f"SELECT position, event_time, epoch_ms(time), typeof(time) FROM '{file}'")
    assert [(row["position"], int(row["event_time"])) for row in rows] == [
        (row["position"], row["event_time"]) for row in lines
    ]
    assert told == [(row["position"], row["event_time"], row["event_time"], "TIMESTAMP") for row in lines]
    assert rows[0]["time"] == "2026-10-24T22:00:00.000Z"


def test_parquet_by_day_has_a_folder_for_each_day_of_the_zone_and_every_event_once(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "events"
    done = command("export", "--shop", "berlin", "--format", "parquet", "--by-day", "--out", str(out), data=data)
    assert f"{len(_TIMES) + 2} events" in done.stderr
    assert sorted(folder.name for folder in out.iterdir()) == [
        *("day=2000-01-01", "day=2026-10-24", "day=2026-10-25", "day=2026-10-26")
    ]
    source = f"read_parquet('{out}/**/*.parquet', hive_partitioning = true)"
    told = rows_of(f"SELECT day::VARCHAR, count(*) FROM {source} GROUP BY 1")
    assert Counter(dict(told)) == {"2000-01-01": 1, "2026-10-24": 2, "2026-10-25": 3, "2026-10-26": 4}
    positions = rows_of(f"SELECT position FROM {source}")
    assert sorted(position for (position,) in positions) == sorted(row["position"] for row in exported(data))
    again = command("export", "--shop", "berlin", "--format", "parquet", "--by-day", "--out", str(out), data=data, check=False)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_a_file_is_written_as_its_name_ends_unless_another_format_is_asked_for(data: Path, tmp_path: Path) -> None:
    def written(name: str, *more: str) -> bytes:
        command("export", "--shop", "berlin", "--out", str(tmp_path / name), *more, data=data)
        return (tmp_path / name).read_bytes()

    assert written("a.parquet").startswith(b"PAR1")
    assert written("a.CSV").startswith(b"position,")
    assert written("a.txt").startswith(b'{"')
    assert written("b.csv", "--format", "jsonl").startswith(b'{"')


@pytest.mark.parametrize("form", [(), ("--format", "parquet", "--by-day")])
def test_a_folder_that_is_not_there_is_named_and_nothing_is_made(data: Path, tmp_path: Path, form: tuple[str, ...]) -> None:
    out = tmp_path / "missing" / "events"
    done = command("export", "--shop", "berlin", "--out", str(out), *form, data=data, check=False)
    assert (done.returncode, f"There is no folder {out.parent}" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_beside_a_server_windows_and_days_are_the_same_as_without_one(data: Path, tmp_path: Path) -> None:
    window = ("--from", "2026-10-25", "--to", "2026-10-26T13:00", "--no-tests")
    days = ("--format", "parquet", "--by-day", *window, "--out")
    alone = exported(data, *window)
    command("export", "--shop", "berlin", *days, str(tmp_path / "alone"), data=data)
    with server(data):
        assert exported(data, *window) == alone
        command("export", "--shop", "berlin", *days, str(tmp_path / "beside"), data=data)
        wrong = command("export", "--shop", "berlin", "--last", "soon", data=data, check=False)
        assert (wrong.returncode, wrong.stdout, "24h, 7d or 12w" in wrong.stderr) == (1, "", True)
    assert files_of(tmp_path / "beside") == files_of(tmp_path / "alone")
    assert [row["product_id"] for row in alone] == ["1", "2", "3", "4"]


def files_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What is in each file of a folder, by the file's place in it."""
    return {str(file.relative_to(folder)): rows_of(f"SELECT * FROM '{file}'") for file in sorted(folder.rglob("*.parquet"))}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2026-10-02", "--to", "2026-10-01"), "--from must lie before --to"),
        (("--from", "yesterday"), "is no date such as 2026-11-01"),
        (("--to", "0badcafe-"), "Nor is it a position"),
        (("--by-day",), "--format parquet and --out FOLDER"),
        (("--by-day", "--format", "parquet"), "--out FOLDER"),
        (("--out", "."), "is a folder"),
        (("--last", "7d", "--from", "2026-10-01"), "either --last, or --from and --to"),
    ],
)
def test_what_is_asked_wrongly_is_told_and_writes_nothing(data: Path, arguments: tuple[str, ...], words: str) -> None:
    done = command("export", "--shop", "berlin", *arguments, data=data, check=False)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert done.stdout == ""

"""Importing and replaying recorded events with the command line: nothing twice, nothing lost, every bad row told."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import PUBLIC_KEY, WAIT_SECONDS, command, directory, event, new_shop, server

_HEAD = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


@pytest.fixture
def data() -> Iterator[Path]:
    with directory() as path:
        new_shop(path / "data", "my-shop", PUBLIC_KEY)
        yield path / "data"


def recording(path: Path, rows: int) -> Path:
    path.write_text(
        _HEAD + "".join(f"2019-10-01 00:00:{n % 60:02d} UTC,view,{n},,,,,{n % 7},s-{n % 7}\n" for n in range(rows))
    )
    return path


def imported(data: Path, file: Path, form: str, *more: str) -> dict[str, Any]:
    done = command("import", str(file), "--shop", "my-shop", "--format", form, "--json", *more, data=data)
    tally: dict[str, Any] = json.loads(done.stdout)
    return tally


def exported(data: Path, *more: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command("export", "--shop", "my-shop", *more, data=data).stdout.splitlines()]


def test_an_import_that_runs_again_stores_nothing_twice_and_identical_rows_stay_separate_events(data: Path) -> None:
    file = data.parent / "twice.csv"
    file.write_text(_HEAD + "2019-10-01 00:00:00 UTC,view,1,,,,,5,s\n" * 3)
    first = imported(data, file, "rees46")
    assert (first["stored"], first["rejected"], first["broken"], first["source"]) == (3, 0, 0, "twice.csv")
    again = imported(data, file, "rees46")
    assert (again["stored"], again["passed_over"]) == (0, 3)
    assert imported(data, file, "rees46", "--source", "another")["stored"] == 3
    assert len(exported(data)) == 6


def test_rows_that_are_no_events_are_told_with_line_and_reason_and_the_rest_is_imported(data: Path) -> None:
    file = data.parent / "some.jsonl"
    file.write_text(f'{json.dumps(event(uuid="u"))}\n{{"cut\n{json.dumps(event(verb="saw"))}\n{json.dumps(event(uuid="v"))}\n')
    done = command("import", str(file), "--shop", "my-shop", "--format", "jsonl", "--json", data=data)
    tally = json.loads(done.stdout)
    assert (tally["stored"], tally["rejected"], tally["broken"]) == (2, 1, 1)
    assert [(reason["kind"], reason["line"]) for reason in tally["reasons"]] == [("broken", 2), ("rejected", 3)]
    assert "line 3: rejected: Unsupported verb 'saw'" in done.stderr
    (kept,) = json.loads(command("quarantine", "list", "--shop", "my-shop", "--json", data=data).stdout)
    assert kept["original"]["verb"] == "saw"
    command("quarantine", "resubmit", "--shop", "my-shop", str(kept["number"]), "--set", "verb=viewed", data=data)
    assert imported(data, file, "jsonl")["stored"] == 0
    assert len(exported(data)) == 3


def test_a_file_in_which_no_time_can_be_read_is_refused_as_a_whole(data: Path) -> None:
    file = data.parent / "naive.csv"
    file.write_text("subject,verb,noun,uuid,product_id,event_time\nuser,viewed,product,u,1,2019-10-01 00:00:00\n")
    done = command("import", str(file), "--shop", "my-shop", "--format", "csv", data=data, check=False)
    assert done.returncode == 1
    assert "nothing was imported" in done.stderr
    assert exported(data) == []


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_export_imported_again_is_exported_as_it_was(data: Path, form: str) -> None:
    file = data.parent / "sent.jsonl"
    odd = event(
        uuid="u", tags=["a", "b,c"], meta={"x": 1.5, "y": "é\n"}, mine={"deep": [1]}, quantity=2, price="9.90", test="yes"
    )
    plain = event(customer_id="7", event_time="1569888000000", url="https://shop.example/?a=b")
    file.write_text("".join(json.dumps(item) + "\n" for item in (odd, plain)))
    imported(data, file, "jsonl")
    out = data.parent / f"out.{form}"
    command("export", "--shop", "my-shop", "--format", form, "--out", str(out), data=data)
    done = command("import", str(out), "--shop", "my-shop", "--format", form, data=data)
    assert done.stderr == ""
    made_anew = {"position", "received_at", "origin"}
    events = [{name: value for name, value in item.items() if name not in made_anew} for item in exported(data)]
    assert events[2:] == events[:2]


def test_standard_input_is_imported_under_the_name_that_is_given(data: Path) -> None:
    line = f"{json.dumps(event())}\n"
    arguments = ["import", "-", "--source", "pipe", "--shop", "my-shop", "--format", "jsonl", "--data", str(data), "--json"]
    for stored in (1, 0):
        done = subprocess.run(
            [sys.executable, "-m", "footfall", *arguments], input=line, capture_output=True, text=True, check=True, timeout=60
        )
        assert json.loads(done.stdout)["stored"] == stored


@pytest.mark.parametrize("beside", [True, False])
def test_an_import_that_is_killed_goes_on_where_it_was_with_every_row_once(data: Path, beside: bool) -> None:
    rows = 30_000
    file = recording(data.parent / "long.csv", rows)

    def scenario() -> None:
        importing = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "footfall",
                "import",
                str(file),
                "--shop",
                "my-shop",
                "--format=rees46",
                "--data",
                str(data),
            ],
            stderr=subprocess.DEVNULL,
        )
        # Rows are in the log: it is in the middle of its work.
        log = data / "log.db-wal"
        while importing.poll() is None and not (log.exists() and log.stat().st_size > 2_000_000):
            threading.Event().wait(0.01)
        importing.send_signal(signal.SIGKILL)
        assert importing.wait(WAIT_SECONDS) == -signal.SIGKILL
        done = imported(data, file, "rees46")
        assert 0 < done["stored"] < rows
        assert imported(data, file, "rees46")["stored"] == 0

    if beside:
        with server(data):
            scenario()
    else:
        scenario()
    assert [item["product_id"] for item in exported(data)] == [str(n) for n in range(rows)]


class _Busy(BaseHTTPRequestHandler):
    """Refuses every batch once, then takes it."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        again = body in self.bodies
        self.bodies.append(body)
        receipts = [{"status": "stored", "event_id": item["event_id"]} for item in json.loads(body)]
        answer = json.dumps({"data": "Received", "receipts": receipts} if again else {"error": "busy"}).encode()
        self.send_response(200 if again else 503)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that http.server gives it
        """Say nothing."""


def test_a_replay_sends_a_refused_batch_again_with_the_same_ids(data: Path) -> None:
    _Busy.bodies = []
    busy = ThreadingHTTPServer(("127.0.0.1", 0), _Busy)
    threading.Thread(target=busy.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{busy.server_address[1]}"
        file = recording(data.parent / "a.csv", 50)
        call = ("--key", "k", "--speed", "max", "--format", "rees46", "--batch", "10", "--json")
        told = json.loads(command("replay", str(file), "--url", url, *call, data=data).stdout)
    finally:
        busy.shutdown()
        busy.server_close()
    assert (told["acknowledged"], told["rejected"]) == (50, 0)
    assert told["retries"] == len(set(_Busy.bodies)) == len(_Busy.bodies) / 2


def test_a_second_replay_is_all_duplicates_unless_it_is_given_fresh_ids(data: Path) -> None:
    file = recording(data.parent / "a.csv", 120)
    with server(data) as running:
        call = ("replay", str(file), "--url", running.url, "--key", PUBLIC_KEY, "--format", "rees46", "--json")
        first, second, fresh = (
            json.loads(command(*call, *more, data=data).stdout)
            for more in (["--speed", "max"], ["--speed", "600x"], ["--speed", "max", "--fresh-ids"])
        )
        assert (first["stored"], first["duplicate"], first["sent"]) == (120, 0, 120)
        assert (second["stored"], second["duplicate"], second["acknowledged"]) == (0, 120, 120)
        assert (fresh["stored"], fresh["duplicate"]) == (120, 0)
        assert set(first["latency_ms"]) == {"p50", "p90", "p99"}
        wrong = command(*call[:4], "--key", "0" * 40, *call[6:], "--speed", "max", data=data, check=False)
        assert wrong.returncode == 1
        assert "Unknown key" in wrong.stderr


def test_a_replay_to_where_nothing_answers_says_so_at_once(data: Path) -> None:
    file = data.parent / "one.jsonl"
    file.write_text(json.dumps(event(uuid="u")) + "\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = command("replay", str(file), "--url", url, "--key", PUBLIC_KEY, "--speed", "max", data=data, check=False)
    assert done.returncode == 1
    assert f"Nothing answers at {url}" in done.stderr
    assert "--url" in done.stderr


def test_an_import_into_a_shop_that_is_not_there_says_that_nothing_is_stored(data: Path) -> None:
    file = recording(data.parent / "some.csv", 3)
    done = command("import", str(file), "--shop", "other", "--format", "rees46", data=data, check=False)
    assert done.returncode == 1
    assert "There is no shop 'other'. There are: my-shop. Nothing is stored." in done.stderr

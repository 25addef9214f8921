"""The command line as a person or a program uses it: beside a running server and without one."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from footfall.cli.main import footfall
from footfall.limits import WATCHERS_MAX
from footfall.sdk_files import folder
from footfall.service.lock import DirectoryLock, read_owner
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server, command, directory, event, server

SHOP = ("shop", "create", "my-shop", "--public-key", PUBLIC_KEY, "--json")


@pytest.fixture
def data() -> Iterator[Path]:
    with directory() as path:
        yield path / "data"


@contextmanager
def served(data: Path) -> Iterator[Server]:
    with server(data) as running:
        command(*SHOP, data=data)
        yield running


def send(running: Server, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answer = httpx.post(
        f"{running.url}/api/v2/analytics/event/bulk?receipts=yes&key={PUBLIC_KEY}", json=list(events), timeout=30
    )
    receipts: list[dict[str, Any]] = answer.json()["receipts"]
    return receipts


def curl(line: str) -> httpx.Response:
    """Do what a curl line of this shape does."""
    words = shlex.split(line)
    headers = {words[at + 1].split(": ")[0]: words[at + 1].split(": ")[1] for at, word in enumerate(words) if word == "-H"}
    if "-d" in words:
        return httpx.post(words[1], headers=headers, content=words[words.index("-d") + 1], timeout=60)
    return httpx.get(words[1], headers=headers, timeout=60)


@pytest.mark.parametrize("beside", [True, False])
def test_a_shop_is_made_changed_shown_listed_and_its_key_replaced(data: Path, beside: bool) -> None:
    def scenario() -> None:
        made = json.loads(command(*SHOP, data=data).stdout)
        assert list(made) == ["shop", "public_key", "secret_key"]
        assert (made["shop"], made["public_key"]) == ("my-shop", PUBLIC_KEY)
        command("shop", "set", "my-shop", "customer_reads", "secret", data=data)
        shown = json.loads(command("shop", "show", "my-shop", "--json", data=data).stdout)
        assert (shown["customer_reads"], shown["secret_keys"]) == ("secret", 1)
        rotated = json.loads(command("shop", "rotate-key", "my-shop", "--keep-old", "--json", data=data).stdout)
        assert rotated["secret_key"] != made["secret_key"]
        (listed,) = json.loads(command("shop", "list", "--json", data=data).stdout)
        assert (listed["shop"], listed["secret_keys"]) == ("my-shop", 2)
        assert made["secret_key"] not in command("shop", "show", "my-shop", data=data).stdout

    if beside:
        with server(data):
            scenario()
    else:
        scenario()


def test_the_lines_that_shop_create_shows_work_as_they_stand(data: Path) -> None:
    with server(data) as running:
        text = command("shop", "create", "my-shop", "--url", "https://shop.example", data=data).stdout
        send_line, read_line = re.findall(r"^ +(curl .*)$", text, re.MULTILINE)
        assert curl(send_line).json() == {"data": "Received"}
        assert [product["handle"] for product in curl(read_line).json()["data"]] == ["classic-beanie"]
        found = re.search(r'<script src="([^"]+)" data-key="([^"]+)">', text)
        assert found is not None
        assert found[1] == f"{running.url}/sdk/footfall.js"
        assert httpx.get(found[1], timeout=30).content == (folder() / "footfall.js").read_bytes()
        assert httpx.get(f"{running.url}/api/v1/products/viewed?uuid=try-it&key={found[2]}", timeout=60).json()["data"]
        tags = re.search(r"^ +footfall (sdk --host .*)$", text, re.MULTILINE)
        assert tags is not None
        assert found[0] in command(*shlex.split(tags[1]), data=data).stdout
    assert "footfall tail --shop my-shop" in text
    assert "footfall shop set my-shop customer_reads secret" in text


def test_without_a_server_shop_create_says_how_to_start_one(data: Path) -> None:
    text = command("shop", "create", "my-shop", "--data", str(data), data=data).stdout
    assert f"footfall serve --data {data}" in text
    assert "http://127.0.0.1:8080/sdk/footfall.js" in text


def test_behind_a_proxy_shop_create_shows_the_address_that_browsers_reach(data: Path) -> None:
    data.mkdir()
    (data / "footfall.toml").write_text('address = "https://events.shop.example"\n')
    with server(data) as running:
        text = command("shop", "create", "my-shop", data=data).stdout
        assert running.url not in text
    assert '<script src="https://events.shop.example/sdk/footfall.js"' in text
    assert "curl https://events.shop.example/api/v2/analytics/event" in text
    assert "https://events.shop.example/sdk/footfall.v2.js" in command("sdk", data=data).stdout


def test_a_command_that_reads_makes_no_data_directory(data: Path) -> None:
    done = command("tail", "--shop", "x", data=data, check=False)
    assert done.returncode == 1
    assert "is not there. Name another with --data or FOOTFALL_DATA" in done.stderr
    assert not data.exists()
    data.mkdir()
    assert "holds no data of Footfall" in command("verify", data=data, check=False).stderr
    assert not list(data.iterdir())


def test_exit_status_is_2_for_a_wrong_call_and_1_for_a_failure_with_its_cause_and_no_traceback(data: Path) -> None:
    command(*SHOP, data=data)
    wrong: list[tuple[str, ...]] = [
        ("nothing",),
        ("shop", "create"),
        ("shop", "create", "x", "--public-key", "short"),
        ("sdk", "--host", "events.shop.example"),
        ("sdk", "--host", 'https://events.shop.example/"><script>'),
        ("sdk", "--key", "short"),
        ("tail",),
        ("quarantine", "resubmit", "--shop", "my-shop"),
        ("import", "-", "--shop", "my-shop", "--format", "csv"),
    ]
    failing: list[tuple[str, ...]] = [
        ("shop", "create", "my-shop"),
        ("shop", "show", "nobody"),
        ("event", "unknown-id"),
        ("export", "--shop", "my-shop", "--from", "no-token"),
    ]
    for status, calls in ((2, wrong), (1, failing)):
        for arguments in calls:
            done = command(*arguments, data=data, check=False)
            assert done.returncode == status, (arguments, done.stderr)
            assert done.stderr
            assert "Traceback" not in done.stderr


def test_a_directory_that_another_command_holds_is_told_and_not_waited_for_without_end(data: Path) -> None:
    command(*SHOP, data=data)
    lock = DirectoryLock.take(data)
    try:
        done = command("shop", "list", data=data, check=False)
    finally:
        lock.release()
    assert done.returncode == 1
    assert "takes no commands" in done.stderr


def test_an_event_is_found_by_its_id_and_by_its_position_and_a_rejected_one_with_its_reason(data: Path) -> None:
    with served(data) as running:
        stored, _, rejected = send(
            running, event(event_id="e-1", uuid="u"), event(event_id="e-1", uuid="u"), event(event_id="e-2", verb="saw")
        )
        assert rejected["status"] == "rejected"
        for reference in ("e-1", stored["position"]):
            (found,) = json.loads(command("event", reference, "--shop", "my-shop", "--json", data=data).stdout)
            assert (found["shop"], found["status"], found["position"]) == ("my-shop", "stored", stored["position"])
        assert len(json.loads(command("event", "e-1", "--json", data=data).stdout)[0]["duplicates"]) == 1
        assert "Unsupported verb 'saw'" in command("event", "e-2", data=data).stdout


def test_rejected_events_are_listed_and_resubmitted_with_a_fix(data: Path) -> None:
    with served(data) as running:
        send(running, event(verb="saw", uuid="u"), event(verb="saw", noun="thing"))
    second, first = json.loads(command("quarantine", "list", "--shop", "my-shop", "--json", data=data).stdout)
    assert (first["reason"], first["original"]["verb"]) == ("verb", "saw")
    resubmit = ("quarantine", "resubmit", "--shop", "my-shop", "--set", "verb=viewed", "--json")
    done = command(*resubmit, str(first["number"]), data=data)
    assert json.loads(done.stdout)["stored"] == 1
    left = command(*resubmit, "--all", data=data, check=False)
    assert (left.returncode, json.loads(left.stdout)["rejected"]) == (1, 1)
    (still,) = json.loads(command("quarantine", "list", "--shop", "my-shop", "--json", data=data).stdout)
    assert still["number"] == second["number"]


@contextmanager
def tailing(data: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """``footfall tail`` as a process of its own, which is ended whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-m", "footfall", "tail", "--shop", "my-shop", "--json", "--data", str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_tail_shows_events_as_they_are_acknowledged_and_ends_with_the_server(data: Path) -> None:
    with served(data) as running:
        send(running, event(uuid="u", product_id="1"))
        with tailing(data, "--uuid", "u") as tail:
            assert tail.stdout is not None
            assert tail.stderr is not None
            assert json.loads(tail.stdout.readline())["product_id"] == "1"
            (_, stored) = send(running, event(uuid="other"), event(uuid="u", product_id="2"))
            shown = json.loads(tail.stdout.readline())
            assert (shown["product_id"], shown["position"]) == ("2", stored["position"])
            assert running.stop() == 0
            assert tail.wait(WAIT_SECONDS) == 0
            assert "The server has stopped" in tail.stderr.read()


def test_tail_ends_quietly_when_it_is_interrupted(data: Path) -> None:
    with served(data) as running:
        send(running, event(uuid="u"))
        with tailing(data) as tail:
            assert tail.stdout is not None
            assert tail.stderr is not None
            tail.stdout.readline()
            tail.send_signal(signal.SIGINT)
            assert tail.wait(WAIT_SECONDS) == 0
            assert tail.stderr.read() == ""


def test_a_watcher_that_went_away_makes_room_for_another_though_no_event_comes(data: Path) -> None:
    with served(data) as running:
        send(running, event(uuid="u"))
        owner = read_owner(data)
        assert owner is not None
        assert owner.control is not None
        for _ in range(WATCHERS_MAX + 1):
            with (
                httpx.Client(transport=httpx.HTTPTransport(uds=owner.control), base_url="http://footfall") as client,
                client.stream("POST", "/tail", json={"shop": "my-shop"}) as answer,
            ):
                assert "item" in json.loads(next(answer.iter_lines()))


def test_tail_shows_rejected_events_with_reason_and_field(data: Path) -> None:
    with served(data) as running:
        send(running, event(verb="saw"))
    done = command("tail", "--shop", "my-shop", "--rejected", "--json", data=data)
    shown = json.loads(done.stdout)
    assert (shown["field"], shown["error"].split(".")[0]) == ("verb", "Unsupported verb 'saw' for 'user' and 'product'")
    assert "nothing new will come" in done.stderr


@pytest.mark.parametrize("beside", [True, False])
def test_an_export_is_the_same_beside_a_server_and_without_one_and_goes_on_from_a_position(data: Path, beside: bool) -> None:
    with served(data) as running:
        receipts = send(running, *(event(uuid="u", product_id=str(n)) for n in range(5)))
        if not beside:
            assert running.stop() == 0
        lines = command("export", "--shop", "my-shop", data=data).stdout.splitlines()
        assert [json.loads(line)["product_id"] for line in lines] == ["0", "1", "2", "3", "4"]
        part = ("--from", receipts[1]["position"], "--to", receipts[3]["position"])
        lines = command("export", "--shop", "my-shop", *part, data=data).stdout.splitlines()
        assert [json.loads(line)["product_id"] for line in lines] == ["2", "3"]


def test_an_export_to_a_file_leaves_nothing_under_its_name_when_it_fails(data: Path) -> None:
    command(*SHOP, data=data)
    out = data.parent / "events.csv"
    assert command("export", "--shop", "nobody", "--format", "csv", "--out", str(out), data=data, check=False).returncode == 1
    assert [path.name for path in data.parent.iterdir()] == ["data"]
    command("export", "--shop", "my-shop", "--format", "csv", "--out", str(out), data=data)
    assert out.read_text().startswith("position,received_at,")


def test_an_export_whose_reader_goes_away_ends_without_a_word(data: Path) -> None:
    with served(data) as running:
        send(running, *(event(label="x" * 2_000) for _ in range(500)))
    line = f"{shlex.quote(sys.executable)} -m footfall export --shop my-shop --data {shlex.quote(str(data))} | head -c 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("{", "")


def test_status_and_verify_answer_programs_beside_a_server_and_without_one(data: Path) -> None:
    with served(data) as running:
        send(running, event())
        status = json.loads(command("status", "--json", data=data).stdout)
        assert (status["server"], status["ends"]["events"], status["unready"]) == (running.url, 1, {})
        assert json.loads(command("verify", "--json", data=data).stdout)["ok"] is True
        assert running.stop() == 0
    assert json.loads(command("status", "--json", data=data).stdout)["server"] is None
    assert "The store is sound." in command("verify", data=data).stdout


def test_every_command_explains_itself_with_an_example() -> None:
    def explained(command: click.Command, *call: str) -> Iterator[tuple[str, ...]]:
        text = CliRunner().invoke(footfall, [*call, "--help"], prog_name="footfall").stdout
        assert "footfall " in text.partition("Example")[2] or call in ((), ("serve",)), text
        yield call
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                yield from explained(child, *call, name)

    assert len(list(explained(footfall))) > 15

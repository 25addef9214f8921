"""What is shipped for a real server agrees with itself and with the code, and Caddy carries it where it is installed."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from footfall.config import Config, read_config
from footfall.limits import SHUTDOWN_SECONDS, WEBHOOK_BYTES_MAX
from footfall.sdk_files import sdk_files
from tests.reference import ROOT
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server, command, directory, event, server

SETTINGS: Final = {f"FOOTFALL_{field.name.upper()}" for field in fields(Config)}
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
CADDYFILE: Final = ROOT / "deploy" / "Caddyfile"
UNIT: Final = (ROOT / "deploy" / "footfall.service").read_text(encoding="utf-8")
_NAME: Final = "events.shop.example"


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with what follows it."""
    lines = [line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def said(instruction: str) -> str:
    """What the Dockerfile says last with an instruction."""
    return [rest for name, rest in instructions() if name == instruction][-1]


def environment_of_image() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(said("ENV")))


def asked_for_health(port: int) -> int:
    """What the container's check of its health exits with, asked of a port."""
    _, *arguments = json.loads(said("HEALTHCHECK").partition(" CMD ")[2])
    return subprocess.run(
        [sys.executable, *(text.replace(":8080/", f":{port}/") for text in arguments)], check=False, capture_output=True
    ).returncode


def test_what_the_image_copies_is_there_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert sorted(sources) == sorted(line[1:] for line in ignored if line.startswith("!"))
    assert [source for source in sources if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {pattern.split("/")[1] for pattern in project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]}
    assert needed <= set(sources)
    left_out = [line.removeprefix("**/") for line in ignored if line.startswith("**/")]
    assert [
        name for name in ("__pycache__", "node_modules") if not any(fnmatch.fnmatch(name, line) for line in left_out)
    ] == []


def test_the_image_installs_what_is_locked_by_hash_and_nothing_else() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and " install " in rest and "pip" in rest]
    assert len(installs) == 2
    assert "--require-hashes -r /build/requirements.lock" in installs[0]
    assert "--no-deps" in installs[1]
    assert "--no-build-isolation" in installs[1]


def test_the_image_says_what_the_code_knows(tmp_path: Path) -> None:
    environment = environment_of_image()
    names = {name for name in environment if name.startswith("FOOTFALL_")}
    assert names <= SETTINGS
    assert said("VOLUME") == environment["FOOTFALL_DATA"]
    assert said("USER") == "footfall"
    assert [*json.loads(said("ENTRYPOINT")), *json.loads(said("CMD"))] == ["footfall", "serve", "--host", "0.0.0.0"]
    config = read_config({"host": "0.0.0.0", "data": tmp_path}, environment | {"FOOTFALL_DATA": ""})
    assert said("EXPOSE") == str(config.port)
    assert f"http://127.0.0.1:{config.port}/ready" in said("HEALTHCHECK")


def test_the_images_check_tells_a_server_that_is_ready_from_none() -> None:
    with directory() as data, server(data) as running:
        port = int(running.url.rsplit(":", 1)[1])
        assert asked_for_health(port) == 0
        running.stop()
        assert asked_for_health(port) == 1


def test_the_host_name_is_the_one_thing_that_compose_asks_for(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) == {"FOOTFALL_HOST"}
    footfall = COMPOSE["services"]["footfall"]
    assert footfall["environment"].keys() <= SETTINGS
    assert footfall["environment"]["FOOTFALL_ADDRESS"].startswith("https://${FOOTFALL_HOST:?")
    environment = footfall["environment"] | {"FOOTFALL_ADDRESS": f"https://{_NAME}"}
    config = read_config({"data": tmp_path}, environment)
    assert (config.address, config.port) == (f"https://{_NAME}", Config.port)
    assert "ports" not in footfall


def test_compose_keeps_what_must_be_kept_and_waits_where_it_must() -> None:
    footfall, caddy = COMPOSE["services"]["footfall"], COMPOSE["services"]["caddy"]
    assert footfall["volumes"] == [f"footfall-data:{environment_of_image()['FOOTFALL_DATA']}"]
    assert {"caddy-data:/data", "caddy-config:/config"} < set(caddy["volumes"])
    assert COMPOSE["volumes"].keys() == {"footfall-data", "caddy-data", "caddy-config"}
    (mounted,) = [volume for volume in caddy["volumes"] if volume.startswith("./")]
    assert (ROOT / mounted.split(":")[0]) == CADDYFILE
    assert caddy["depends_on"] == {"footfall": {"condition": "service_healthy"}}
    assert caddy["environment"]["FOOTFALL_UPSTREAM"] == f"footfall:{Config.port}"
    assert {footfall["restart"], caddy["restart"]} == {"unless-stopped"}
    assert int(footfall["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS + 2


def test_the_unit_serves_where_caddy_looks_and_gives_it_time_to_stop() -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
    environment = dict(word.split("=", 1) for word in said["Environment"].split())
    assert environment.keys() <= SETTINGS
    assert environment["FOOTFALL_DATA"] == f"/var/lib/{said['StateDirectory']}"
    assert said["ExecStart"].split()[1:] == ["serve"]
    assert int(said["TimeoutStopSec"]) > SHUTDOWN_SECONDS + 2
    assert (said["ProtectSystem"], said["NoNewPrivileges"], said["CapabilityBoundingSet"]) == ("strict", "yes", "")


def test_caddy_is_told_where_footfall_listens_and_takes_no_more_than_it_does() -> None:
    text = CADDYFILE.read_text(encoding="utf-8")
    assert re.findall(r"^\{\$FOOTFALL_HOST\} \{$", text, re.MULTILINE)
    assert f"{{$FOOTFALL_UPSTREAM:{Config.host}:{Config.port}}}" in text
    assert f"max_size {WEBHOOK_BYTES_MAX // 1024**2}MiB" in text
    assert set(re.findall(r"\{\$(\w+)", text)) == {"FOOTFALL_HOST", *COMPOSE["services"]["caddy"]["environment"]}


GUIDE: Final = (ROOT / "docs" / "guides" / "deploying.md").read_text(encoding="utf-8")
LINES: Final = [
    line for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
"""The command lines of the guide."""


def test_the_guide_calls_footfall_as_it_is_called() -> None:
    """In the container, and as the user that the unit runs as."""
    for prefix, rest in (
        ("docker compose exec footfall footfall ", ""),
        ("sudo -u footfall footfall ", "--data /var/lib/footfall"),
    ):
        calls = [line.removeprefix(prefix) for line in LINES if line.startswith(prefix)]
        assert {call.split()[0] for call in calls} >= {"shop", "tail"}
        with directory() as data, server(data):
            for call in calls:
                assert call.endswith(rest)
                follows = ["--no-follow"] if call.startswith("tail") else []
                command(*shlex.split(call.removesuffix(rest)), *follows, data=data)


def test_the_guide_speaks_of_services_and_files_that_are_there() -> None:
    composed = [shlex.split(line) for line in LINES if line.startswith("docker compose ")]
    assert len(composed) > 5
    named = {word for line in composed for word in line if word in ("footfall", "caddy")}
    assert named <= COMPOSE["services"].keys()
    assert [line for line in composed if "--entrypoint" in line and "/data" not in line] == []
    assert "echo FOOTFALL_HOST=events.shop.example > .env" in LINES
    paths = re.findall(r"\bdeploy/[\w.]+", GUIDE)
    assert {"deploy/Caddyfile", "deploy/footfall.service"} <= set(paths)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    (install,) = [line for line in LINES if "pipx install" in line]
    assert f"PIPX_BIN_DIR={re.search(r'ExecStart=(.*)/footfall serve', UNIT)[1]} " in install  # type: ignore[index]
    (user,) = [line for line in LINES if "useradd" in line]
    assert user.split()[-1] == re.search(r"^User=(.*)$", UNIT, re.MULTILINE)[1]  # type: ignore[index]


def test_the_guides_lines_write_the_name_where_it_belongs(tmp_path: Path) -> None:
    said, named = [line.partition(" | sudo")[0] for line in LINES if " tee " in line]
    shell = partial(subprocess.run, cwd=ROOT, shell=True, check=True, capture_output=True, text=True)
    (tmp_path / "footfall.toml").write_text(shell(said).stdout)
    assert read_config({"data": tmp_path}, {}).address == f"https://{_NAME}"
    assert f"\n{_NAME} {{\n" in shell(named).stdout


@contextmanager
def caddy(upstream: str, place: Path) -> Iterator[httpx.Client]:
    """The shipped Caddyfile in front of a server, without certificates; a client of it."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("Caddy is not installed (Debian: apt-get install caddy)")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    told = {"FOOTFALL_HOST": f"http://{_NAME}:{port}", "FOOTFALL_UPSTREAM": upstream}
    kept = {"XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    adapted = subprocess.run(
        [program, "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env={**os.environ, **told},
        check=True,
        capture_output=True,
    )
    config = place / "caddy.json"
    config.write_text(json.dumps({"admin": {"disabled": True}, **json.loads(adapted.stdout)}))
    process = subprocess.Popen(
        [program, "run", "--config", str(config)], env={**os.environ, **kept}, stderr=subprocess.DEVNULL
    )
    try:
        transport = httpx.HTTPTransport(retries=8)  # Until it listens.
        headers = {"Host": f"{_NAME}:{port}"}
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=WAIT_SECONDS)


@pytest.fixture
def footfall() -> Iterator[Server]:
    with directory() as data, server(data / "data", shop=True) as running:
        yield running


def test_behind_caddy_all_is_as_without_it(footfall: Server, tmp_path: Path) -> None:
    with caddy(footfall.url.removeprefix("http://"), tmp_path) as client:
        keyed = {"key": PUBLIC_KEY}
        sent = client.post("/api/v2/analytics/event/bulk", params=keyed, json=[event(uuid="v", product_handle="shirt")])
        assert sent.json() == {"data": "Received"}
        viewed = client.get("/api/v1/products/viewed", params=keyed | {"uuid": "v"})
        assert [product["handle"] for product in viewed.json()["data"]] == ["shirt"]
        assert client.get("/openapi.json", headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"
        script = client.get("/sdk/footfall.v1.js", headers={"Accept-Encoding": "gzip"})
        assert int(script.headers["content-length"]) == len(sdk_files()["footfall.v1.js"].gzipped)
        assert script.headers["cache-control"].endswith("immutable")
        first = client.get("/", headers={"X-Forwarded-Proto": "https"}).text
        assert (f"http://{_NAME}" in first, f"https://{_NAME}" in first) == (True, False)
        large = client.post("/api/v2/analytics/event/bulk", params=keyed, content=b"[" + b" " * 2 * 1024 * 1024 + b"]")
        assert (large.status_code, list(large.json())) == (413, ["error"])


def test_while_footfall_is_gone_caddy_answers_as_footfall_would(footfall: Server, tmp_path: Path) -> None:
    footfall.stop()
    with caddy(footfall.url.removeprefix("http://"), tmp_path) as client:
        answer = client.post("/api/v2/analytics/event", params={"key": PUBLIC_KEY}, json=event())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Send again" in answer.json()["error"]

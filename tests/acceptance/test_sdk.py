"""The browser's files as they are served: small, compressed, kept for as long as they may be."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from footfall.sdk_files import folder
from tests.support import PUBLIC_KEY, Server, command, directory, server

NEWEST = sorted(path.name for path in folder().iterdir() if path.suffix in (".js", ".mjs", ".ts"))
PASTED = sorted(path.name for path in (folder() / "shopify").iterdir())
FROZEN = sorted(path.name for path in (folder() / "frozen").iterdir())


@pytest.fixture(scope="module")
def footfall() -> Iterator[Server]:
    """A server."""
    with directory() as data, server(data / "data") as running:
        with httpx.Client(base_url=running.url, timeout=30) as client:
            for _ in range(100):
                if client.get("/docs").status_code == 200:
                    break
        yield running


@pytest.mark.parametrize("name", [*NEWEST, *PASTED, *FROZEN])
def test_a_file_is_served_as_it_is_to_every_origin(footfall: Server, name: str) -> None:
    path = folder() / ("frozen" if name in FROZEN else "shopify" if name in PASTED else "") / name
    answer = httpx.get(f"{footfall.url}/sdk/{name}", headers={"Origin": "https://shop.example"}, timeout=30)
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"].startswith("text/")
    plain = httpx.get(f"{footfall.url}/sdk/{name}", headers={"Accept-Encoding": "identity"}, timeout=30)
    assert (plain.content, "content-encoding" in plain.headers) == (path.read_bytes(), False)


def test_the_newest_is_asked_for_again_and_a_version_never(footfall: Server) -> None:
    newest = httpx.get(f"{footfall.url}/sdk/footfall.js", timeout=30)
    frozen = httpx.get(f"{footfall.url}/sdk/footfall.v1.js", timeout=30)
    assert newest.headers["cache-control"] == "public, max-age=300"
    assert frozen.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = httpx.get(f"{footfall.url}/sdk/footfall.js", headers={"If-None-Match": newest.headers["etag"]}, timeout=30)
    assert (again.status_code, again.content) == (304, b"")
    changed = httpx.get(f"{footfall.url}/sdk/footfall.js", headers={"If-None-Match": '"another"'}, timeout=30)
    assert changed.status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpyproject.toml", "package.json", "footfall.v0.js"])
def test_what_is_not_there_says_what_is(footfall: Server, name: str) -> None:
    answer = httpx.get(f"{footfall.url}/sdk/{name}", timeout=30)
    assert answer.status_code == 404
    assert "error" in answer.json()


@pytest.mark.parametrize("name", [name for name in NEWEST if name.endswith(".js")])
def test_each_script_is_at_most_four_kilobytes_compressed(name: str) -> None:
    assert len(gzip.compress((folder() / name).read_bytes(), 9)) <= 4_000


def integrity(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def test_the_tags_that_the_command_prints_name_what_is_served(footfall: Server) -> None:
    text = command("sdk", "--host", f"{footfall.url}/", "--key", PUBLIC_KEY, data=footfall.data).stdout
    scripts = re.findall(
        rf'<script src="({footfall.url}/sdk/([^"]+))"( integrity="([^"]+)" crossorigin="anonymous")?(.*?)>', text
    )
    assert [name for _, name, *_ in scripts] == [
        f"{script}{version}.js"
        for script, latest in (("footfall", ".v2"), ("footfall-shopify", ".v2"), ("footfall-products", ".v1"))
        for version in ("", latest)
    ]
    for url, name, _, hashed, rest in scripts:
        content = httpx.get(url, timeout=30).content
        assert hashed == (integrity(content) if name in FROZEN else ""), name
        whose = "" if name.startswith("footfall-products") else f' data-key="{PUBLIC_KEY}"'
        core = integrity((folder() / "frozen" / "footfall.v2.js").read_bytes())
        assert rest == whose + (f' data-core-integrity="{core}"' if name == "footfall-shopify.v2.js" else "")


def test_programs_are_told_of_every_file_and_of_no_hash_that_changes(footfall: Server) -> None:
    told = json.loads(command("sdk", "--json", data=footfall.data).stdout)
    assert {file["file"] for file in told} == {*NEWEST, *PASTED, *FROZEN}
    for file in told:
        answer = httpx.get(f"{footfall.url}/sdk/{file['file']}", timeout=30)
        assert file["bytes"] == int(answer.headers["content-length"])
        version = re.search(r"\.v(\d+)\.js$", file["file"])
        wanted = (int(version[1]), integrity(answer.content)) if version else (None, None)
        assert (file["version"], file["integrity"]) == wanted


def test_without_host_and_key_the_command_says_what_to_put_in(footfall: Server) -> None:
    done = command("sdk", data=footfall.data)
    assert '<script src="https://events.shop.example/sdk/footfall.js" data-key="KEY"></script>' in done.stdout
    assert done.stderr == "Put your own in with --host and --key.\n"


FROZEN_HASHES: dict[str, str] = {
    "footfall-products.v1.js": "sha384-wtzldWXqidH/vA2nmFKiyHjt86cRYvz+ZGSKHku0bu2JYWJaNVzJSxalmWFWke80",
    "footfall-shopify.v1.js": "sha384-E7YAAFNgVlIdrpTMi+aC0YAQJCvK5MG1/xQ157gxOrwIMW5x/vGbggFltLHJY1GC",
    "footfall-shopify.v2.js": "sha384-ztm5CWJtG28tI6SGdonFMP9X/l/oJOJEd3VV2IpAJRV9RD4aySQqMID/lg3g4miN",
    "footfall.v1.js": "sha384-8C9P+ue0SYb/RaB7s+kFfmbko0K6GYuCgI8O0iANSXtCXjmPZYFcR9tzDqIMoMzy",
    "footfall.v2.js": "sha384-8C9P+ue0SYb/RaB7s+kFfmbko0K6GYuCgI8O0iANSXtCXjmPZYFcR9tzDqIMoMzy",
}
"""What pages name these files with. A line here is never changed: a fix is a new version, with a line of its own."""


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_file_never_changes(name: str) -> None:
    assert FROZEN_HASHES[name] == integrity((folder() / "frozen" / name).read_bytes())

"""README and ``docs/`` hold: shell blocks run, links lead somewhere, tables and numbers agree with the code."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from footfall import limits
from footfall.config import Config
from footfall.service.shop_book import SETTINGS
from tests import reference
from tests.support import command, directory, server

ROOT: Final = reference.ROOT
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS: Final = sorted((ROOT / "docs" / "decisions").glob("*.md"))
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ADDRESS: Final = "http://127.0.0.1:8080"

NOT_RUN: Final = {
    "make demo": "installs into .venv, and serves until it is stopped",
    "make test": "runs these tests",
    "footfall serve --data footfall-data": "serves until it is stopped; the test starts a server of its own",
    "footfall catalog pull shop.example --shop my-shop --every 15m": "a live store, such as test_catalog_pull.py has",
    "FOOTFALL_SHOPIFY_TOKEN=shpat_... footfall catalog pull https://my-shop.myshopify.com --shop my-shop": "the same",
    "export KEY=the-public-key SECRET=the-secret-key": "the reader's own keys; the test takes those that shop create printed",
}
"""Blocks that don't run here, each with its reason."""

NOT_RUN_OF: Final = {
    "deploying.md": "needs Docker, a domain or root: test_deployment.py runs what it says to Footfall, and reads the rest",
}
"""Pages of which nothing runs here, each with its reason."""


def blocks(page: Path) -> list[str]:
    """The shell blocks of a page that run, and those in ``NOT_RUN``."""
    if page.name in NOT_RUN_OF:
        return []
    return [block.strip() for block in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Shell:
    """Runs blocks one after the other, as a reader would in one terminal beside a server."""

    def __init__(self, folder: Path, data: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FOOTFALL_DATA": str(data),
            "NO_COLOR": "1",
            "COLUMNS": "160",
        }

    def keys(self, public: str, secret: str) -> None:
        """Put a shop's keys where the blocks expect them."""
        self._environment |= {"KEY": public, "SECRET": secret}

    def run(self, block: str) -> str:
        """Run a block and hold its output against its ``# →`` lines, in order."""
        # An error answer must fail the block, as it would disappoint the reader.
        prelude = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; }\n'
        done = subprocess.run(
            ["bash", "-c", prelude + block.replace(_ADDRESS, self._url)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        rest = done.stdout
        for wanted in re.findall(r"^# → (.*)$", block, re.MULTILINE):
            assert wanted in rest, f"{block}\nwas to print {wanted!r}, and printed\n{done.stdout}"
            rest = rest.partition(wanted)[2]
        if found := re.search(r"Public key\s+(\S+).*?Secret key\s+(\S+)", done.stdout, re.DOTALL):
            self.keys(found[1], found[2])
        return done.stdout


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="the blocks need bash and curl, as a reader does")
@pytest.mark.parametrize("page", [page for page in PAGES if set(blocks(page)) - set(NOT_RUN)], ids=name_of)
def test_the_shell_blocks_of_a_page_work_as_they_stand(page: Path, tmp_path: Path) -> None:
    with directory() as data, server(data) as running:
        shell = Shell(tmp_path, data, running.url)
        if not any("shop create my-shop" in block for block in blocks(page)):
            made = json.loads(command("shop", "create", "my-shop", "--json", data=data).stdout)
            shell.keys(made["public_key"], made["secret_key"])
        for block in blocks(page):
            if block not in NOT_RUN:
                shell.run(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_python_blocks_of_a_page_are_python(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        compile(block, name_of(page), "exec")


def test_every_block_that_does_not_run_is_still_there() -> None:
    assert {block for page in PAGES for block in blocks(page)} >= NOT_RUN.keys()
    assert {page.name for page in PAGES} >= NOT_RUN_OF.keys()


def test_the_generated_parts_of_the_reference_are_what_the_code_says() -> None:
    for page in sorted(reference.FOLDER.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert text == reference.renewed(text), f"{page.name} is old: run python -m tests.reference"


def links(page: Path) -> Iterator[str]:
    """Links of a page that lead to files."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            yield target.partition("#")[0]


def test_every_link_between_the_pages_leads_to_a_file() -> None:
    pages = [*PAGES, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
    assert sum(1 for page in pages for _ in links(page)) > 10
    missing = [f"{page.name}: {link}" for page in pages for link in links(page) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_lists_every_command_and_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(footfall [a-z]+)` \|", text, re.MULTILINE)
    top = {line for line in reference.commands() if line.count(" ") == 1}
    assert sorted(listed) == sorted(top)
    for line in reference.commands():
        if line.count(" ") == 2 and line.split()[1] in ("shop", "quarantine"):
            assert f"`{line.split()[2]}`" in text, line


def test_every_make_target_that_a_page_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"(?:`|^)make ([a-z]+)`?", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_the_readme_has_a_place_for_measured_figures_and_says_what_public_customer_reads_expose() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert re.search(r"## Speed <!-- bench --> .+ <!-- /bench -->", text)
    sentence = re.search(r"`customer_reads: public`[^.]*\.", text)
    assert sentence is not None
    assert "can be guessed" in sentence[0]
    assert "customer_reads secret" in sentence[0]


NUMBERS: Final = {
    r"event has at most ([\d,]+) KB": limits.EVENT_BYTES_MAX // 1024,
    r"batch ([\d,]+) events": limits.BATCH_EVENTS_MAX,
    r"body ([\d,]+) MB": limits.BODY_BYTES_MAX // 1024**2,
    r"([\d,]+) MB of bodies": limits.WAITING_BYTES_MAX // 1024**2,
    r"(\d[\d,]*) events wait": limits.WAITING_EVENTS_MAX,
    r"at most ([\d,]+) products": limits.PRODUCTS_MAX,
    r"within ([\d,]+) days": limits.EVENT_ID_DAYS,
    r"for ([\d,]+) days": limits.QUARANTINE_DAYS,
    r"after ([\d,]+) days": limits.QUARANTINE_DAYS,
    r"([\d,]+) events or \d+ seconds": limits.TAIL_EVENTS_MERGE,
    r"events or (\d+) seconds": limits.TAIL_MERGE_SECONDS,
    r"per ([\d,]+) positions": limits.LOG_BLOCK_POSITIONS,
    r"chunks? of at most ([\d,]+)": limits.IMPORT_CHUNK_EVENTS_MAX,
    r"pages of ([\d,]+)": limits.PULL_PAGE,
    r"list ends at ([\d,]+) products": limits.PULL_LISTED_MAX,
    r"1 to ([\d,]+) printable": limits.IDENTITY_CHARACTERS_MAX,
    r"more than ([\d,]+) minutes": limits.CLOCK_SKEW_CLAMPED_MS // 60_000,
    r"more than ([\d,]+) hours": limits.LATE_AFTER_MS // 3_600_000,
}
"""How the pages speak of a bound → what it is."""


@pytest.mark.parametrize("phrase", NUMBERS)
def test_every_bound_that_the_pages_mention_is_the_one_that_holds(phrase: str) -> None:
    pattern = phrase.replace(" ", r"\s+")
    pages = [*PAGES, ROOT / "ARCHITECTURE.md"]
    said = {
        (name_of(page), int(number.replace(",", "")))
        for page in pages
        if page.name not in ("limits.md", "command-line.md")
        for number in re.findall(pattern, page.read_text(encoding="utf-8"))
    }
    assert said, "no page says this any more"
    assert {number for _, number in said} == {NUMBERS[phrase]}, said


def test_every_bound_has_a_reason_on_its_page() -> None:
    page = (reference.FOLDER / "limits.md").read_text(encoding="utf-8")
    named = [name for name in vars(limits) if name.isupper()]
    assert sorted(named) == sorted(reference.bounds())
    for name, (_, value, reason) in reference.bounds().items():
        assert f"| `{name}` | {value:,} | " in page
        assert reason


def test_every_setting_of_the_server_and_of_a_shop_is_described() -> None:
    page = (reference.FOLDER / "configuration.md").read_text(encoding="utf-8")
    for field in fields(Config):
        assert f"`FOOTFALL_{field.name.upper()}`" in page
    described = re.findall(r"^\| `([a-z_]+)` \|", page.partition("## A shop")[2], re.MULTILINE)
    assert sorted(described) == sorted(SETTINGS)


def test_a_decision_is_numbered_short_and_says_context_choice_and_cost() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == sorted(set(numbers))
    for page in DECISIONS:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]}: ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Choice", "Cost"], page.name
        assert len(text.splitlines()) <= 40, page.name


def test_the_architecture_names_files_that_are_there_and_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "footfall"
    named = set(re.findall(r"`([a-z_]+/(?:[a-z_]+\.py)?)`", text))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (source / path).exists()] == []
    rooms = {path.name for path in source.iterdir() if (path / "__init__.py").exists()}
    assert {room for room in rooms if f"`{room}/`" not in text} == set()


def test_every_dependency_has_its_reason() -> None:
    decision = (ROOT / "docs" / "decisions" / "0001-the-stack.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = re.findall(r'^  "([a-z0-9-]+)[>=]=', project, re.MULTILINE)
    assert len(names) > 15
    assert [name for name in names if name not in decision] == []

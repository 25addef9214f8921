"""The types of ``sdk/``: they say what the scripts have, the guides' code compiles by them, and they come with the package."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.events import script
from tests.browser.node import GUIDES, ROOT, blocks, need_node
from tests.browser.shopfront import Shopfront
from tests.support import Server

SDK = ROOT / "sdk"
TYPES = ROOT / "tests" / "types"

MEMBERS = """(name) => {
  const kind = name === "Footfall" ? Footfall : customElements.get("footfall-products");
  const platform = Object.getPrototypeOf(kind).prototype;
  const callbacks = ["constructor", "connectedCallback", "disconnectedCallback", "attributeChangedCallback"];
  const own = Object.entries(Object.getOwnPropertyDescriptors(kind.prototype)).filter(([name]) => !(name in platform) && !callbacks.includes(name));
  return Object.fromEntries(own.map(([name, { value }]) => [name, value ? value.toString().match(/\\((.*?)\\) {/)[1].split(/,(?![^{]*})/).filter(Boolean).length : -1]));
}"""
"""Each method of a class and how many parameters it has; -1 is a property that is computed."""


def declared(file: str, name: str) -> dict[str, int]:
    """What a class or interface in a file of types declares; fields apart."""
    text = re.sub(r"/\*\*.*?\*/", "", (SDK / file).read_text(encoding="utf-8"), flags=re.DOTALL)
    body = re.search(rf"(?:class|interface) {name} extends \w+ \{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    assert body is not None
    methods = re.findall(r"^  (\w+)\((.*?)\): ", body[1], re.MULTILINE)
    found = {name: len(re.findall(r"\w+\??: (?:[^,{]|\{[^}]*\})+", parameters)) for name, parameters in methods}
    properties = re.findall(r"^  readonly (\w+)\??: ", body[1], re.MULTILINE)
    return {name: count for name, count in found.items() if name not in ("constructor", "addEventListener")} | dict.fromkeys(
        properties, -1
    )


@pytest.mark.parametrize(
    ("file", "name", "fields"),
    [
        ("footfall.d.ts", "Footfall", {"key", "host", "position"}),
        ("footfall-products.d.ts", "FootfallProducts", {"products", "metadata"}),
    ],
)
def test_the_types_declare_each_member_of_a_class_and_no_other(
    page: Page, front: Shopfront, footfall: Server, file: str, name: str, fields: set[str]
) -> None:
    page.goto(front.show("/", head=script(footfall) + f'<script src="{footfall.url}/sdk/footfall-products.js"></script>'))
    found = declared(file, name)
    assert fields <= found.keys()
    assert {member: count for member, count in found.items() if member not in fields} == page.evaluate(MEMBERS, name)
    assert len(found) >= 8


def compiles(folder: Path, **options: object) -> None:
    """Check all TypeScript of a folder as strictly as ``make check`` does."""
    need_node()
    settings = {
        "extends": str(TYPES / "tsconfig.json"),
        # As in most storefronts: Hydrogen's own types name modules of its tools that only its tools need.
        "compilerOptions": {"skipLibCheck": True, **options},
        "include": ["**/*.ts", "**/*.tsx"],
    }
    (folder / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    for package in (ROOT / "node_modules").iterdir():
        if not package.name.startswith(".") and package.is_dir():
            (modules / package.name).symlink_to(package)
    done = subprocess.run(
        [str(ROOT / "node_modules" / ".bin" / "tsc"), "--project", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


TYPESCRIPT = re.compile(r"^```(?:tsx?|jsx)$", re.MULTILINE)
WITH_README = [*sorted(GUIDES.glob("*.md")), SDK / "react" / "README.md"]
PAGES = [page for page in WITH_README if TYPESCRIPT.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_typescript_of_a_guide_compiles(page: Path, tmp_path: Path) -> None:
    found = blocks(page)
    begins = "each block begins with the name of its file"
    assert len(found) == len(TYPESCRIPT.findall(page.read_text(encoding="utf-8"))), begins
    for name, code in found.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    if page.name == "hydrogen.md":
        shutil.copy(TYPES / "hydrogen-2026-10" / "analytics.d.ts", tmp_path)
    compiles(tmp_path)


def test_the_package_has_all_that_it_needs_and_compiles_where_it_is_installed(tmp_path: Path) -> None:
    need_node()
    npm = shutil.which("npm")
    assert npm is not None
    shutil.copytree(SDK, tmp_path / "sdk")
    environment = {**os.environ, "npm_config_update_notifier": "false", "npm_config_offline": "true", "HOME": str(tmp_path)}
    package = tmp_path / "sdk" / "react"
    subprocess.run([npm, "pack", "--silent"], cwd=package, env=environment, capture_output=True, timeout=60, check=True)
    assert not (package / "footfall.d.ts").exists()
    app = tmp_path / "app"
    installed = app / "node_modules" / "@footfall" / "react"
    installed.mkdir(parents=True)
    with tarfile.open(next(package.glob("*.tgz"))) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            (installed / Path(member.name).relative_to("package")).write_bytes(content.read())
    names = sorted(path.name for path in installed.iterdir())
    assert names == ["README.md", "footfall.d.ts", "index.d.ts", "index.js", "package.json"]
    shutil.copy(TYPES / "react.tsx", app)
    compiles(app, paths={}, rootDirs=[], skipLibCheck=False)


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 10
    assert [name for name, package in packages.items() if "resolved" in package or "integrity" not in package] == []

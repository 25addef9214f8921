"""The types of ``sdk/``: they say what the scripts have."""

import json
import re

import pytest
from playwright.sync_api import Page

from tests.browser.events import script
from tests.browser.node import ROOT
from tests.browser.shopfront import Shopfront
from tests.support import Server

SDK = ROOT / "sdk"

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


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 10
    assert [name for name, package in packages.items() if "resolved" in package or "integrity" not in package] == []

"""The pages of ``docs/guides/browser.md``: each block is a page that works as it stands."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from footfall.cli.welcome import snippet
from footfall.sdk_files import sdk_files
from tests.browser.events import errors_of, eventually, stored
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "browser.md"
BLOCKS = re.findall(r"^```html\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_guide_works_as_it_stands(page: Page, front: Shopfront, footfall: Server, number: int) -> None:
    block = BLOCKS[number].replace("https://events.shop.example", footfall.url).replace("KEY", PUBLIC_KEY)
    before = len(stored(footfall))
    with errors_of(page):
        page.goto(front.show("/", body=block))
        if "footfall-products" in block:
            page.wait_for_selector("footfall-products[aria-busy=false]", state="attached")
            return
        eventually(page, lambda: stored(footfall)[before:], lambda events: any(event["verb"] == "viewed" for event in events))
        told = len(re.findall(r"footfall\.(?:viewed|added|removed|track|purchased)\(", block))
        eventually(page, lambda: len(stored(footfall)) - before, lambda count: count == told)
    assert stored(footfall, rejected=True) == []


def test_what_shop_create_prints_for_pages_tells_of_product_pages_and_of_no_other(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    before = len(stored(footfall))
    body = snippet(footfall.url, PUBLIC_KEY)
    with errors_of(page):
        page.goto(front.show("/pages/about", body=body))
        page.goto(front.show("/products/linen-shirt", body=body))
        events = eventually(page, lambda: stored(footfall)[before:])
    assert [(event["verb"], event["product_handle"]) for event in events] == [("viewed", "linen-shirt")]


def test_a_browser_runs_a_version_that_is_named_with_its_hash_and_nothing_else_in_its_place(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    version = sdk_files()["footfall.v1.js"]
    page.goto(front.show("/", body=version.tag(footfall.url, PUBLIC_KEY)))
    assert page.evaluate("typeof footfall.viewed") == "function"
    other = version._replace(integrity=sdk_files()["footfall-shopify.v1.js"].integrity)
    page.goto(front.show("/", body=other.tag(footfall.url, PUBLIC_KEY)))
    assert page.evaluate("typeof window.footfall") == "undefined"


def test_the_guide_has_pages_to_try() -> None:
    assert len(BLOCKS) >= 6

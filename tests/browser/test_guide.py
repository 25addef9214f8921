"""The pages of ``docs/guides/browser.md``: each block is a page that works as it stands."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

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


def test_the_guide_has_pages_to_try() -> None:
    assert len(BLOCKS) >= 6

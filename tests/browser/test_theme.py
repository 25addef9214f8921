"""What a shop pastes into its theme: the snippet that loads the scripts, and the section that shows a list."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.events import errors_of, eventually, stored, uuid_of
from tests.browser.shopfront import Shopfront
from tests.browser.theme import rendered, schema, source
from tests.support import PUBLIC_KEY, Server

SECTION = "footfall-products.liquid"


def defaults(**changed: Any) -> dict[str, Any]:
    """A section as it is when it was just added, with other settings over its defaults."""
    settings = {setting["id"]: setting.get("default") for setting in schema(SECTION)["settings"]}
    return {"settings": {**settings, **changed}}


def shown(page: Page, front: Shopfront, footfall: Server, customer: int | None = None, **settings: Any) -> None:
    """Open a product's page of a theme that has both files."""
    head = rendered("footfall.liquid", host=footfall.url, key=PUBLIC_KEY, customer={"id": customer})
    theme = '<script type=\'application/json\' data-product-json>{"id":5,"handle":"mug","title":"Mug"}</script>'
    body = rendered(SECTION, section=defaults(**settings), product={"id": 5})
    page.goto(front.show("/products/mug", head=theme + head, body=body))
    page.wait_for_function("window.footfall?.defaults.platform")


def test_the_section_shows_what_was_viewed_as_soon_as_it_was(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        shown(page, front, footfall)
        page.get_by_role("heading", name="Recently viewed").wait_for()
        page.locator("footfall-products .footfall-title", has_text="Mug").wait_for()
    assert page.locator("footfall-products").get_attribute("parameters") == "shopify_product_ids=5"


def test_the_section_takes_its_settings(page: Page, front: Shopfront, footfall: Server) -> None:
    heading = 'Yours & "ours"'
    shown(page, front, footfall, source="top_sellers", limit=7, heading=heading, add="Buy")
    found = page.evaluate(
        "['source', 'limit', 'heading', 'add'].map((name) => document.querySelector('footfall-products').getAttribute(name))"
    )
    assert found == ["top_sellers", "7", heading, "Buy"]
    shown(page, front, footfall, data_source="1234", heading="", add=None)
    assert page.locator("footfall-products").get_attribute("source") == "/custom/id/1234"
    assert page.locator("footfall-products[heading], footfall-products[add]").count() == 0


def test_the_snippet_names_the_customer_and_may_ask_for_consent(page: Page, front: Shopfront, footfall: Server) -> None:
    shown(page, front, footfall, customer=7001)
    event = eventually(page, lambda: stored(footfall, uuid_of(page)))[0]
    assert (event["customer_id"], event["product_id"]) == ("7001", "5")
    asking = rendered("footfall.liquid", host=footfall.url, key=PUBLIC_KEY, consent="required", gpc="refuse")
    page.goto(front.show("/", head=asking))
    page.evaluate("localStorage.clear()")
    page.reload()
    page.wait_for_function("window.footfall?.defaults.platform")
    assert page.evaluate("footfall.allowed") is None
    assert page.evaluate("document.querySelector('script[data-gpc]').dataset.gpc") == "refuse"


def test_the_schema_says_what_the_theme_editor_takes() -> None:
    read = schema(SECTION)
    assert len(read["name"]) <= 25
    assert read["presets"] == [{"name": read["name"]}], "without one the editor does not offer it"
    ids = [setting["id"] for setting in read["settings"]]
    assert len(ids) == len(set(ids))
    for setting in read["settings"]:
        assert setting["label"]
        if setting["type"] == "select":
            assert setting["default"] in [option["value"] for option in setting["options"]]
        elif setting["type"] == "range":
            assert setting["min"] <= setting["default"] <= setting["max"]
            assert (setting["max"] - setting["min"]) % setting["step"] == 0
        else:
            assert (setting["type"], setting.get("default", "a text")) != ("text", "")
    used = set(re.findall(r"section\.settings\.(\w+)", source(SECTION)))
    assert used == set(ids)


def test_every_list_that_the_section_offers_is_served(footfall: Server) -> None:
    told = httpx.get(f"{footfall.url}/api/v1/sources", params={"key": PUBLIC_KEY}, timeout=30).json()["data"]
    served = {source["path"].rsplit("/", 1)[-1] for source in told}
    (lists,) = (setting for setting in schema(SECTION)["settings"] if setting["id"] == "source")
    assert {option["value"] for option in lists["options"]} <= served


@pytest.mark.parametrize("name", ["footfall.liquid", SECTION])
def test_every_text_of_the_shop_is_escaped(name: str) -> None:
    outputs = re.findall(r"\{\{(.*?)\}\}", source(name))
    assert outputs
    plain = {"section.settings.limit", "product.id", "customer.id"}
    assert [one for one in outputs if "| escape" not in one and one.strip() not in plain] == []

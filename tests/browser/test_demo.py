"""``footfall demo``: its storefront in a real browser, from the first page to an order."""

import re
import signal
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from footfall.demo.catalog import COLLECTIONS, SHOP, products
from tests.browser.events import eventually, stored, uuid_of
from tests.support import WAIT_SECONDS, Server, directory, start_server


@pytest.fixture(scope="module")
def demo() -> Iterator[Server]:
    """The demo with nobody else in it."""
    with directory() as path:
        running = start_server(path / "data", "--no-shoppers", name="demo")
        yield running
        running.kill()


@pytest.fixture
def shopper(context: BrowserContext) -> Iterator[Page]:
    """A page whose errors, and whatever its Content-Security-Policy refuses, fail the test."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    yield page
    assert wrong == []


def told(demo: Server, uuid: str) -> list[tuple[str, str]]:
    """Verb and noun of what is stored of a visitor, without impressions, in the order of their positions."""
    return [(event["verb"], event["noun"]) for event in stored(demo, uuid, shop=SHOP) if event["noun"] != "widget"]


def listed(page: Page, heading: str) -> list[str]:
    """The titles that a list shows."""
    return page.get_by_role("region", name=heading).locator(".footfall-title").all_inner_texts()


def test_what_is_viewed_added_and_bought_is_stored_and_shown_with_its_receipt(demo: Server, shopper: Page) -> None:
    shopper.goto(f"{demo.url}/demo/products/harbour-jacket")
    expect(shopper.locator("#events li").filter(has_text="viewed product Harbour Jacket")).to_contain_text("stored")
    shopper.get_by_label("L", exact=True).check(force=True)
    shopper.get_by_role("button", name="Add to cart").click()
    expect(shopper.locator("#cart-count")).to_have_text("1")
    expect(shopper.locator("#events li").filter(has_text="added product")).to_contain_text(re.compile("stored"))
    shopper.goto(f"{demo.url}/demo/cart")
    expect(shopper.locator("#cart li")).to_contain_text("Harbour Jacket, L")
    uuid = uuid_of(shopper)
    shopper.get_by_role("button", name="Buy it all").click()
    expect(shopper.locator("#thanks")).to_contain_text("Thank you")
    expect(shopper.locator("#cart li")).to_have_count(0)
    wanted = [("viewed", "product"), ("added", "product"), ("purchased", "product")]
    assert eventually(shopper, lambda: told(demo, uuid), lambda events: len(events) >= 3) == wanted
    expect(shopper.locator("#steps li.done")).to_have_count(3)


def test_what_was_viewed_is_in_the_list_at_once_and_says_why(demo: Server, shopper: Page) -> None:
    shopper.goto(f"{demo.url}/demo/products/alpine-mug")
    recently = shopper.get_by_role("region", name="Recently viewed")
    expect(recently.locator(".footfall-title")).to_have_text(["Alpine Mug"])
    shopper.goto(f"{demo.url}/demo/products/linen-lamp")
    expect(recently.locator(".footfall-title")).to_have_text(["Linen Lamp", "Alpine Mug"])
    expect(shopper.locator("#reasons")).to_contain_text("you viewed it just now")


def test_a_list_leads_to_a_product_of_this_shop_and_its_button_puts_it_into_the_cart(demo: Server, shopper: Page) -> None:
    shopper.goto(f"{demo.url}/demo/products/classic-mug")
    goes_with = shopper.get_by_role("region", name="Goes with this")
    expect(goes_with.locator(".footfall-product")).to_have_count(4)
    assert "Classic Mug" not in listed(shopper, "Goes with this")
    first = listed(shopper, "Goes with this")[0]
    goes_with.get_by_role("button").first.click()
    expect(shopper.locator("#cart-count")).to_have_text("1")
    # What is in the cart goes with nothing any more.
    eventually(shopper, lambda: listed(shopper, "Goes with this"), lambda titles: first not in titles and len(titles) == 4)
    second = listed(shopper, "Goes with this")[0]
    goes_with.locator("a").first.click()
    expect(shopper.get_by_role("heading", level=1)).to_have_text(second)
    cart = shopper.evaluate("JSON.parse(localStorage.getItem('demo.cart'))")
    assert cart[0]["title"] == first
    assert cart[0]["properties"]["_source"] == "Footfall"
    assert cart[0]["properties"]["_widget_id"] == "product-goes-with"


def test_a_search_is_told_with_what_it_found(demo: Server, shopper: Page) -> None:
    shopper.goto(f"{demo.url}/demo")
    shopper.get_by_role("searchbox").fill("Midnight jacket")
    shopper.keyboard.press("Enter")
    expect(shopper.get_by_role("heading", level=1)).to_have_text("1 found for “Midnight jacket”")
    uuid = uuid_of(shopper)
    assert eventually(shopper, lambda: told(demo, uuid)) == [("searched", "term")]
    shopper.goto(f"{demo.url}/demo/search?q=unicorn")
    expect(shopper.get_by_role("heading", level=1)).to_contain_text("0 found")
    eventually(shopper, lambda: told(demo, uuid), lambda events: ("returned", "no-search-results") in events)


def test_who_refuses_is_nobody_and_who_allows_again_is_somebody_else(demo: Server, shopper: Page) -> None:
    shopper.goto(f"{demo.url}/demo/products/linen-mug")
    before = uuid_of(shopper)
    shopper.get_by_role("button", name="Refuse analytics").click()
    expect(shopper.locator("#visitor")).to_contain_text("Nobody")
    expect(shopper.get_by_role("region", name="Recently viewed")).to_be_hidden()
    shopper.get_by_role("button", name="Allow analytics").click()
    expect(shopper.locator("#visitor")).to_contain_text("Visitor")
    assert uuid_of(shopper) != before


def test_every_page_and_picture_is_there_on_a_phone_without_scrolling_sideways(demo: Server, shopper: Page) -> None:
    shopper.set_viewport_size({"width": 390, "height": 844})
    paths = [
        "",
        "/cart",
        "/search",
        "/search?q=linen",
        "/products/midnight-socks",
        *(f"/collections/{one}" for one in COLLECTIONS),
    ]
    for path in paths:
        shopper.goto(f"{demo.url}/demo{path}")
        shopper.wait_for_selector("footfall-products[aria-busy=false]", state="attached")
        assert shopper.evaluate("document.documentElement.scrollWidth") <= 390, path
    shopper.get_by_role("button", name="What Footfall sees").click()
    expect(shopper.locator("#visitor")).to_be_visible()


def test_every_product_has_a_picture_of_its_own_and_what_is_not_there_says_so(demo: Server) -> None:
    with httpx.Client(base_url=f"{demo.url}/demo", timeout=30) as client:
        pictures = {client.get(f"/pictures/{product.handle}.svg").text for product in products()}
        assert len(pictures) == len(products())
        assert all(picture.startswith("<svg") for picture in pictures)
        for path in ("/products/nothing", "/collections/nothing", "/pictures/nothing.svg", "/static/nothing.js"):
            refused = client.get(path)
            assert (refused.status_code, "nothing" in refused.text or "picture" in refused.text) == (404, True), path
            assert refused.json().keys() == {"error"}
        again = client.get("/static/demo.js")
        assert client.get("/static/demo.js", headers={"If-None-Match": again.headers["etag"]}).status_code == 304


def test_another_name_of_this_machine_leads_to_the_address_that_the_links_have(demo: Server) -> None:
    host = demo.url.replace("127.0.0.1", "localhost")
    moved = httpx.get(f"{host}/demo/search?q=linen", timeout=30)
    assert (moved.status_code, moved.headers["location"]) == (302, f"{demo.url}/demo/search?q=linen")
    elsewhere = httpx.get(f"{demo.url}/demo", headers={"Host": "shop.example"}, timeout=30)
    assert elsewhere.status_code == 200


def test_started_again_it_goes_on_with_the_same_shop_at_its_new_address() -> None:
    with directory() as path:
        first = start_server(path / "data", "--no-shoppers", name="demo")
        key = _key(first)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(timeout=WAIT_SECONDS) == 0
        second = start_server(path / "data", "--no-shoppers", name="demo")
        try:
            assert _key(second) == key
            parameters = {"key": key, "handles": "linen-mug"}
            answer = httpx.get(f"{second.url}/api/v1/products/static", params=parameters, timeout=30).json()
            assert answer["data"][0]["link"] == f"{second.url}/demo/products/linen-mug"
            assert answer["data"][0]["image"]["src"] == f"{second.url}/demo/pictures/linen-mug.svg"
        finally:
            second.kill()


def _key(demo: Server) -> str:
    for _ in range(100):
        page = httpx.get(f"{demo.url}/demo", timeout=30)
        found = re.search(r'data-key="([0-9a-f]+)"', page.text)
        if found is not None:
            return found[1]
    raise AssertionError(page.text)

"""``<footfall-products>``: a list on a page, seen and clicked, its place kept, what is added from it marked."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route

from tests.browser.events import command_of, errors_of, eventually, script, stored, uuid_of
from tests.browser.shopfront import Shopfront
from tests.support import Server, directory, server

PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E"


def product(number: int, **fields: Any) -> dict[str, Any]:
    """A product with a variant."""
    variants = [{"id": number * 10 + 1, "title": "One", "price": f"{number}.50", "available": number != 4}]
    images = [{"src": f"https://pictures.example/{number}.png"}]
    return {
        "id": number,
        "handle": f"p-{number}",
        "title": f"Product {number}",
        "images": images,
        "variants": variants,
        **fields,
    }


@pytest.fixture(scope="module")
def footfall() -> Iterator[Server]:
    """A server whose shop has a catalog of six products, one of them with markup for a title and a script for an address."""
    with directory() as path, server(path / "data", shop=True) as running:
        command_of(running, "shop", "set", "shop", "url", "https://shop.example")
        secret = command_of(running, "shop", "rotate-key", "shop", "--json")["secret_key"]
        products = [product(number) for number in range(1, 6)]
        products.append(product(6, title="<img src=x onerror=window.hacked=1>", handle="p-6"))
        answer = httpx.put(
            f"{running.url}/api/v1/catalog/products", json=products, headers={"Authorization": f"Bearer {secret}"}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        yield running


def opened(page: Page, front: Shopfront, footfall: Server, *, viewed: str = "", after: str = "", **attributes: str) -> str:
    """Open a page with the element on it, once these products were viewed; the visitor."""
    said = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    head = script(footfall) + script(footfall, "footfall-products.js")
    page.goto(front.show("/", head=script(footfall)))
    page.evaluate(f"for (const number of '{viewed}'.split(' ')) if (number) footfall.viewed(number)")
    page.evaluate("footfall.flush()")
    page.goto(
        front.show("/list", head=head, body=f"<footfall-products {said}></footfall-products><p id=after>after</p>{after}")
    )
    page.wait_for_selector("footfall-products[aria-busy=false]", state="attached")
    return uuid_of(page)


def test_the_shops_currency_goes_before_that_of_the_shopper(page: Page, front: Shopfront, footfall: Server) -> None:
    shopper = "<script>window.Shopify = { currency: { active: 'USD' } }</script>"
    opened(page, front, footfall, viewed="1", source="viewed", currency="EUR", after=shopper)
    assert "€1.50" in page.locator(".footfall-price").first.inner_text()


def test_a_price_is_shown_also_where_the_pages_language_is_none(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, viewed="1", source="viewed", currency="EUR")
    page.evaluate(
        "document.documentElement.lang = 'en_US'; document.querySelector('footfall-products').setAttribute('limit', 3)"
    )
    page.evaluate("document.querySelector('footfall-products').products = null")
    page.evaluate("document.querySelector('footfall-products').refresh()")
    assert page.locator(".footfall-price").first.inner_text() == "1.50"


def titles(page: Page) -> list[str]:
    """The titles that are shown."""
    return page.locator("footfall-products .footfall-title").all_inner_texts()


def test_it_shows_what_the_visitor_viewed_as_a_list_that_all_can_read(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        opened(page, front, footfall, viewed="1 2 3", source="viewed", limit="2", heading="Seen", currency="EUR")
    assert titles(page) == ["Product 3", "Product 2"]
    region = page.get_by_role("region", name="Seen")
    assert region.get_by_role("heading", name="Seen").count() == 1
    assert region.get_by_role("listitem").count() == 2
    link = region.get_by_role("link").first
    assert link.get_attribute("href") == "https://shop.example/products/p-3"
    assert link.inner_text().split("\n") == ["Product 3", "€3.50"]
    assert link.locator("img").get_attribute("src") == "https://pictures.example/3.png"


def test_a_title_is_text_and_never_markup(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        opened(page, front, footfall, viewed="6", source="viewed")
    assert titles(page) == ["<img src=x onerror=window.hacked=1>"]
    assert page.evaluate("window.hacked") is None


def test_an_address_that_is_a_script_is_no_link(page: Page, front: Shopfront, footfall: Server) -> None:
    page.route(
        "**/products/viewed?*",
        lambda route: route.fulfill(
            json={"data": [product(1, link="javascript:alert(1)", image={"src": "javascript:alert(2)"})]},
            headers={"Access-Control-Allow-Origin": "*"},
        ),
    )
    opened(page, front, footfall, source="viewed")
    assert titles(page) == ["Product 1"]
    assert page.locator("footfall-products a[href]").count() == 0
    assert page.locator("footfall-products img").count() == 0


def test_an_impression_is_told_once_and_only_of_a_list_that_was_seen(page: Page, front: Shopfront, footfall: Server) -> None:
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(front.show("/", head=script(footfall)))
    page.evaluate("footfall.viewed('1')")
    page.evaluate("footfall.flush()")
    head = script(footfall) + script(footfall, "footfall-products.js")
    body = "<div style='height:2000px'></div><footfall-products source=viewed widget=below limit=1></footfall-products>"
    page.goto(front.show("/long", head=head, body=body))
    page.wait_for_selector("footfall-products .footfall-title", state="attached")
    uuid = uuid_of(page)
    page.wait_for_timeout(2_500)
    assert not [event for event in stored(footfall, uuid) if event["noun"] == "widget"]
    page.evaluate("document.querySelector('footfall-products').scrollIntoView({ block: 'center' })")
    found = eventually(page, lambda: [event for event in stored(footfall, uuid) if event["noun"] == "widget"])
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("document.querySelector('footfall-products').scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(2_500)
    again = [event for event in stored(footfall, uuid) if event["noun"] == "widget"]
    assert len(found) == len(again) == 1
    (seen,) = found
    assert (seen["verb"], seen["defined_noun_id"], seen["widget_id"]) == ("viewed", "below", "below")
    assert (seen["meta"]["source"], seen["meta"]["products"]) == ("viewed", "1")


def test_a_click_is_told_though_the_page_goes(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall, viewed="2", source="viewed", widget="w7")
    page.route("https://shop.example/**", lambda route: route.fulfill(body="there", content_type="text/html"))
    page.get_by_role("link").first.click()
    page.wait_for_url("https://shop.example/**")
    found = eventually(page, lambda: [event for event in stored(footfall, uuid) if event["verb"] == "clicked"])
    assert [(e["noun"], e["defined_noun_id"], e["product_id"]) for e in found] == [("widget", "w7", "2")]


def test_what_is_added_from_it_carries_where_it_came_from(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall, viewed="4 1", source="viewed", widget="w8", add="Add")
        # A product that can't be bought has no button.
        assert page.get_by_role("button").count() == 1
        page.get_by_role("button", name="Add: Product 1").click()
        eventually(page, lambda: front.cart["items"])
    (line,) = front.cart["items"]
    assert line["properties"] == {"_source": "Footfall", "_widget_id": "w8", "_attribution": "viewed"}
    found = eventually(page, lambda: [event for event in stored(footfall, uuid) if event["verb"] == "added-from"])
    assert [(e["noun"], e["defined_noun_id"], e["product_id"]) for e in found] == [("widget", "w8", "1")]


def test_a_page_with_a_cart_of_its_own_adds_itself(page: Page, front: Shopfront, footfall: Server) -> None:
    body = """<script>window.addEventListener("footfall:add", (event) => { event.preventDefault(); window.added = event.detail; })</script>"""
    opened(page, front, footfall, viewed="1", source="viewed", add="Add", after=body)
    page.get_by_role("button").click()
    added = page.evaluate("({ id: added.variant.id, properties: added.properties })")
    assert added == {"id": 11, "properties": {"_source": "Footfall", "_widget_id": "viewed", "_attribution": "viewed"}}
    assert front.cart["items"] == []


def test_a_live_list_follows_what_the_visitor_does(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, viewed="1", source="viewed", live="")
    page.evaluate("footfall.viewed('2')")
    eventually(page, lambda: titles(page), lambda found: found == ["Product 2", "Product 1"])


def test_the_page_does_not_move_when_the_list_comes(page: Page, front: Shopfront, footfall: Server) -> None:
    page.add_init_script("""
        window.shifts = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value })
            .observe({ type: "layout-shift", buffered: true });
    """)
    slow: list[int] = []

    def answer_late(route: Route) -> None:
        page.wait_for_timeout(400)
        slow.append(1)
        route.continue_()

    page.route("**/products/viewed?*", answer_late)
    for viewed in ("", "1", "1 2 3 4 5"):
        opened(page, front, footfall, viewed=viewed, source="viewed", limit="4", heading="Seen")
        page.wait_for_timeout(300)
        assert page.evaluate("shifts") < 0.01, viewed
    assert len(slow) == 3


def test_an_empty_list_below_the_fold_takes_no_place(page: Page, front: Shopfront, footfall: Server) -> None:
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(front.show("/", head=script(footfall)))
    head = script(footfall) + script(footfall, "footfall-products.js")
    page.goto(front.show("/l", head=head, body="<div style='height:2000px'></div><footfall-products></footfall-products>"))
    page.wait_for_selector("footfall-products[aria-busy=false]", state="attached")
    assert page.evaluate("document.querySelector('footfall-products').offsetHeight") == 0


def test_a_list_that_fails_leaves_the_page_as_it_is(page: Page, front: Shopfront, footfall: Server) -> None:
    page.route("**/products/**", lambda route: route.abort())
    with errors_of(page):
        opened(page, front, footfall, viewed="1", source="viewed")
        assert titles(page) == [] or titles(page) == [""] * 5
        assert page.locator("footfall-products").is_visible() is False

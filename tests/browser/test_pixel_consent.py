"""Consent in the Shopify pixel: who is known, what counts without anybody, and what is left in the page's storage."""

import pytest
from playwright.sync_api import Page, Route

from tests.browser.events import errors_of, eventually, script, stored
from tests.browser.sandbox import LATER, THEME, Sandbox, checkout, of_term, order, searched, variant, viewed
from tests.support import Server


def test_who_refuses_is_nobody_and_leaves_nothing_and_who_agrees_is_known(shop: Sandbox, page: Page, footfall: Server) -> None:
    number = order()
    shop.open("/")
    shop.start(allowed=False, customer="7")
    shop.publish(*searched("pixel refused"))
    shop.publish(*checkout(number, (variant(), 1), order={"id": number, "customer": {"id": "8"}}))
    (found,) = eventually(page, lambda: of_term(footfall, "pixel refused"))
    (bought,) = eventually(page, lambda: [event for event in stored(footfall) if event.get("order_id") == number])
    for event in (found, bought):
        assert event["consent"] == "denied"
        assert not {"uuid", "rsid", "customer_id", "checkout_token"} & event.keys()
    assert page.evaluate("Object.keys(localStorage)") == []
    shop.consent(allowed=True)
    shop.publish(*searched("pixel granted"))
    (found,) = eventually(page, lambda: of_term(footfall, "pixel granted"))
    assert (found["uuid"], found["consent"], found["customer_id"]) == (shop.kept("uuid"), "granted", "7")


def test_a_refusal_takes_the_visitor_out_of_the_storage(shop: Sandbox, page: Page, footfall: Server) -> None:
    shop.open("/")
    shop.start()
    eventually(page, lambda: shop.kept("session"))
    shop.consent(allowed=False)
    eventually(page, lambda: page.evaluate("Object.keys(localStorage)"), lambda names: names == [])
    shop.publish(*searched("pixel after a refusal"))
    (found,) = eventually(page, lambda: of_term(footfall, "pixel after a refusal"))
    assert "uuid" not in found
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_refusal_holds_for_what_could_not_be_sent_before_it(shop: Sandbox, page: Page, footfall: Server) -> None:
    page.clock.install()
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.post_data or "")
        route.fulfill(status=503, json={"error": "busy"}, headers={"Access-Control-Allow-Origin": "*"})

    page.route("**/analytics/**", fail)
    shop.open("/")
    shop.start(customer="7")
    shop.publish(*searched("pixel refused while it waits"))
    eventually(page, lambda: asked)
    page.wait_for_timeout(200)
    assert '"uuid"' in asked[0]
    shop.consent(allowed=False)
    shop.delivered()
    page.unroute("**/analytics/**")
    page.clock.fast_forward(61_000)
    (found,) = eventually(page, lambda: of_term(footfall, "pixel refused while it waits"))
    assert (found["consent"], {"uuid", "rsid", "customer_id"} & found.keys()) == ("denied", set())


def test_where_nobody_has_asked_yet_it_waits(shop: Sandbox, page: Page, footfall: Server) -> None:
    shop.open("/")
    shop.start(allowed=None)
    shop.publish(*searched("pixel asked later"))
    page.wait_for_timeout(700)
    assert of_term(footfall, "pixel asked later") == []
    assert page.evaluate("Object.keys(localStorage)") == []
    shop.consent(allowed=True)
    (found,) = eventually(page, lambda: of_term(footfall, "pixel asked later"))
    assert found["uuid"] == shop.kept("uuid")


def test_who_leaves_without_an_answer_is_nobody(shop: Sandbox, page: Page, footfall: Server) -> None:
    shop.open("/")
    shop.start(allowed=None)
    shop.publish(*searched("pixel never asked"))
    shop.delivered()
    page.goto("about:blank")
    (found,) = eventually(page, lambda: of_term(footfall, "pixel never asked"))
    assert (found["consent"], "uuid" in found) == ("denied", False)


def test_where_the_storage_never_answers_it_tells_of_nobody_when_the_page_is_left(
    shop: Sandbox, page: Page, footfall: Server
) -> None:
    """Nobody knows what the visitor has said to the script."""
    page.add_init_script("Storage.prototype.getItem = () => { throw new Error('never') }")
    shop.open("/")
    shop.start()
    shop.publish(*searched("pixel without an answer"))
    shop.delivered()
    page.goto("about:blank")
    (found,) = eventually(page, lambda: of_term(footfall, "pixel without an answer"))
    assert (found["consent"], "uuid" in found) == ("denied", False)


def test_a_view_of_a_visitor_who_refused_counts_once_beside_the_script(shop: Sandbox, page: Page, footfall: Server) -> None:
    """There the script may leave no mark: it says aloud that it is there."""
    title = f"Shirt {order()}"
    page.clock.install()
    with errors_of(page):
        shop.open("/products/shirt")
        head = THEME.replace("Shirt", title) + script(footfall, "footfall-shopify.js", consent="required")
        shop.open("/products/shirt", head=head)
        page.wait_for_function("window.footfall?.defaults.platform")
        shop.start(allowed=False)
        name, data = viewed()
        data["productVariant"]["product"]["title"] = title
        shop.publish(name, data)
        shop.consent(allowed=False)
        page.clock.fast_forward(LATER)
        named = eventually(page, lambda: [e for e in stored(footfall) if e.get("shopify_product_title") == title])
        shop.publish(*searched(title))
        eventually(page, lambda: of_term(footfall, title.lower()))
    assert len([e for e in stored(footfall) if e.get("shopify_product_title") == title]) == len(named) == 1
    assert page.evaluate("Object.keys(localStorage).filter((name) => name !== 'footfall.cart')") == ["footfall.consent"]


def test_what_the_script_was_told_holds_for_the_pixel_until_the_visitor_says_otherwise(
    shop: Sandbox, page: Page, footfall: Server
) -> None:
    shop.open("/checkouts/1")
    page.evaluate("localStorage.setItem('footfall.consent', 'denied')")
    shop.start()
    shop.publish(*searched("pixel told before"))
    (found,) = eventually(page, lambda: of_term(footfall, "pixel told before"))
    assert "uuid" not in found
    shop.consent(allowed=True)
    eventually(page, lambda: shop.kept("consent"), lambda said: said == "granted")


@pytest.mark.parametrize("refused", [False, True])
def test_global_privacy_control_is_told_and_refuses_where_the_shop_says_so(
    shop: Sandbox, page: Page, footfall: Server, refused: bool
) -> None:
    term = f"pixel gpc {refused}".lower()
    shop.open("/")
    shop.start(gpc=True, constants={"GPC": "refuse"} if refused else {})
    shop.publish(*searched(term))
    (found,) = eventually(page, lambda: of_term(footfall, term))
    assert (found["gpc"], found["consent"] == "denied", "uuid" in found) == (True, refused, not refused)

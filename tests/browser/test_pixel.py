"""The Shopify pixel in a sandboxed frame, alone and beside the script: one visitor, and each action counts once."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.browser import sandbox
from tests.browser.events import errors_of, eventually, script, stored
from tests.browser.sandbox import (
    LATER,
    THEME,
    Sandbox,
    added,
    checkout,
    collection,
    of_shop,
    order,
    removed,
    searched,
    variant,
    viewed,
    words,
)
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A shopper's browser: purchases of one that calls itself headless are a robot's."""
    fresh = browser.new_context(user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36")
    fresh.set_default_timeout(1_000 * WAIT_SECONDS)
    yield fresh
    fresh.close()


def with_script(shop: Sandbox, footfall: Server, path: str = "/products/shirt", **attributes: str) -> None:
    """Open a product's page with the script on it, and wait until it has begun."""
    shop.open(path, head=THEME + script(footfall, "footfall-shopify.js", **attributes))
    shop.page.wait_for_function("window.footfall?.defaults.platform")


def load_script(shop: Sandbox, footfall: Server) -> None:
    """Let the script come to a page that is there already."""
    shop.page.evaluate(
        """([source, key]) => {
            const tag = document.createElement("script");
            Object.assign(tag, { src: source }).dataset.key = key;
            document.head.append(tag);
        }""",
        [f"{footfall.url}/sdk/footfall-shopify.js", PUBLIC_KEY],
    )
    shop.page.wait_for_function("window.footfall?.defaults.platform")


def test_alone_it_tells_of_everything(shop: Sandbox, page: Page, footfall: Server) -> None:
    number = order()
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if "/analytics/" in request.url else None)
    page.clock.install()
    with errors_of(page):
        shop.open("/collections/summer")
        shop.start(customer="gid://shopify/Customer/7")
        told = [shop.publish(*event) for event in (viewed(), added(), removed(), searched(), collection())]
        bought = shop.publish(*checkout(f"gid://shopify/Order/{number}", (variant(), 2)))
        page.clock.fast_forward(LATER)
        found = eventually(page, lambda: of_shop(footfall, shop), lambda events: len(events) == 6)
    assert {request.header_value("origin") for request in requests} == {"null"}
    by_id = {event["event_id"]: event for event in found}
    view, add, remove, search, look, purchase = (by_id[name] for name in [*told, f"{bought}.11"])
    product = {
        "product_id": "1",
        "product_handle": "shirt",
        "shopify_product_title": "Shirt",
        "shopify_variant_id": "11",
        "price": "19.90",
        "currency": "EUR",
        "customer_id": "7",
        "consent": "granted",
    }
    assert product.items() <= view.items()
    assert (product | {"verb": "added", "quantity": 2}).items() <= add.items()
    assert (product | {"verb": "removed", "quantity": 1}).items() <= remove.items()
    assert (search["defined_noun_id"], search["meta"], search["url"]) == ("linen shirt", {"result:1": True}, page.url)
    assert (look["noun"], look["defined_noun_id"], look["label"]) == ("collection", "77", "Summer")
    assert (
        product | {"order_id": number, "checkout_token": f"token-gid://shopify/Order/{number}", "quantity": 2}
    ).items() <= (purchase.items())
    assert "url" not in purchase, "it opens the checkout"
    assert len({event["rsid"] for event in found}) == 1


def test_the_script_and_the_pixel_are_one_visitor_and_each_action_counts_once(
    shop: Sandbox, page: Page, front: Shopfront, footfall: Server
) -> None:
    with errors_of(page):
        with_script(shop, footfall)
        shop.start()
        shop.publish(*viewed())
        page.evaluate("fetch('/cart/add.js', { method: 'POST', body: new URLSearchParams({ id: 11, quantity: 2 }) })")
        for event in (added(), searched(), collection()):
            shop.publish(*event)
        shop.publish(*checkout(order(), (variant(), 2), (variant(21, 2), 1)))
        expected = [
            "added product",
            "purchased product",
            "purchased product",
            "searched term",
            "viewed collection",
            "viewed product",
        ]
        eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == expected)
        front.show("/next")
        page.goto(front.url + "/next")
    assert words(of_shop(footfall, shop)) == expected
    assert len({event["rsid"] for event in of_shop(footfall, shop)}) == 1


def test_a_script_that_comes_after_the_pixel_tells_of_the_view_alone(shop: Sandbox, page: Page, footfall: Server) -> None:
    with errors_of(page):
        shop.open("/products/shirt", head=THEME)
        shop.start()
        view = shop.publish(*viewed())
        search = shop.publish(*searched())
        eventually(page, lambda: of_shop(footfall, shop), lambda found: [event["event_id"] for event in found] == [search])
        load_script(shop, footfall)
        found = eventually(page, lambda: of_shop(footfall, shop), lambda events: len(events) == 2)
        page.goto("about:blank")
    assert words(found) == ["searched term", "viewed product"]
    assert view not in {event["event_id"] for event in stored(footfall, found[0]["uuid"])}
    assert len({(event["uuid"], event["rsid"]) for event in stored(footfall, found[0]["uuid"])}) == 1


def test_a_view_waits_for_the_script_only_so_long(shop: Sandbox, page: Page, footfall: Server) -> None:
    page.clock.install()
    shop.open("/products/shirt")
    shop.start()
    shop.publish(*viewed())
    shop.publish(*searched())
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])
    page.clock.fast_forward(LATER)
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term", "viewed product"])
    shop.publish(*viewed(product=2))
    eventually(page, lambda: of_shop(footfall, shop), lambda found: len(found) == 3)


def test_a_view_of_a_page_that_is_left_while_it_waits_is_sent_and_the_visitor_stays(
    shop: Sandbox, page: Page, footfall: Server
) -> None:
    shop.open("/products/shirt")
    shop.start()
    first = shop.publish(*viewed())
    known = eventually(page, lambda: shop.kept("uuid"))
    shop.delivered()
    shop.open("/products/mug")
    shop.start()
    second = shop.publish(*viewed(product=2))
    shop.delivered()
    eventually(page, lambda: stored(footfall, known), lambda found: [event["event_id"] for event in found] == [first])
    assert shop.kept("uuid") == known
    page.goto("about:blank")
    found = eventually(page, lambda: stored(footfall, known), lambda events: len(events) == 2)
    assert [event["event_id"] for event in found] == [first, second]
    assert len({event["rsid"] for event in found}) == 1


@pytest.mark.parametrize("early", [True, False])
def test_what_is_added_while_the_script_loads_counts_once(
    shop: Sandbox, page: Page, front: Shopfront, footfall: Server, early: bool
) -> None:
    """The script takes what it finds at its first look for an old cart."""
    shop.open("/")
    shop.start()
    eventually(page, lambda: shop.kept("uuid"))
    if not early:
        load_script(shop, footfall)
        page.wait_for_function("localStorage.getItem('footfall.cart')")
    page.evaluate("fetch('/cart/add.js', { method: 'POST', body: new URLSearchParams({ id: 11, quantity: 2 }) })")
    told = shop.publish(*added())
    if early:
        load_script(shop, footfall)
    (event,) = eventually(page, lambda: of_shop(footfall, shop))
    known = event["uuid"]
    page.goto("about:blank")
    (event,) = stored(footfall, known)
    assert (event["verb"], event["quantity"], event["event_id"] == told) == ("added", 2, early)


@pytest.mark.parametrize(("minutes", "expected"), [(29, []), (31, ["viewed product"])])
def test_a_mark_holds_for_one_visit(
    shop: Sandbox, page: Page, front: Shopfront, footfall: Server, minutes: int, expected: list[str]
) -> None:
    """Longer, and a script that was taken out of the theme would silence the pixel for ever."""
    page.clock.install()
    shop.open("/products/shirt")
    page.evaluate(f"localStorage.setItem('footfall.script', Date.now() - {minutes} * 60_000)")
    page.evaluate("localStorage.setItem('footfall.uuid', crypto.randomUUID())")
    shop.start()
    shop.publish(*viewed())
    shop.publish(*searched())
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])
    page.clock.fast_forward(LATER)
    # What is told of the view goes before this.
    last = shop.publish(*searched())
    eventually(page, lambda: last in {event["event_id"] for event in of_shop(footfall, shop)})
    assert words(of_shop(footfall, shop)) == ["searched term", "searched term", *expected]


def test_a_visitor_that_the_script_is_about_to_make_is_not_made_twice(shop: Sandbox, page: Page, footfall: Server) -> None:
    shop.open("/")
    page.evaluate("localStorage.setItem('footfall.script', Date.now())")
    shop.start()
    shop.publish(*searched())
    page.wait_for_timeout(700)
    assert shop.kept("uuid") is None
    page.evaluate("localStorage.setItem('footfall.uuid', crypto.randomUUID())")
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])


def test_an_id_of_the_shops_own_is_the_pixels_too(shop: Sandbox, page: Page, footfall: Server) -> None:
    given = f"shop-{uuid.uuid4()}"
    with_script(shop, footfall, uuid=given)
    shop.start()
    shop.publish(*searched())
    eventually(page, lambda: words(stored(footfall, given)), lambda found: found == ["searched term", "viewed product"])


def test_without_storage_the_visitor_is_shopifys_client(shop: Sandbox, page: Page, footfall: Server) -> None:
    page.clock.install()
    with errors_of(page):
        shop.open("/products/shirt")
        shop.start(blocked=True)
        shop.publish(*viewed())
        shop.publish(*checkout(order(), (variant(), 1)))
        eventually(page, lambda: words(stored(footfall, shop.client)), lambda found: found == ["purchased product"])
        page.clock.fast_forward(LATER)
        expected = ["purchased product", "viewed product"]
        eventually(page, lambda: words(stored(footfall, shop.client)), lambda found: found == expected)


def test_a_checkout_at_another_address_is_the_visitor_that_the_cart_names(shop: Sandbox, page: Page, footfall: Server) -> None:
    known = str(uuid.uuid4())
    attributes = [{"key": "gift", "value": "yes"}, {"key": "_footfall_uuid", "value": known}]
    shop.open("/checkouts/1")
    page.evaluate("localStorage.setItem('footfall.script', 0)")
    shop.publish(*checkout(order(), (variant(), 1), attributes=attributes))
    shop.start()
    found = eventually(page, lambda: stored(footfall, known))
    assert words(found) == ["purchased product"]


def test_lines_of_one_variant_are_one_purchase_line_and_a_tip_is_none(shop: Sandbox, page: Page, footfall: Server) -> None:
    number = order()
    shop.open("/checkouts/1")
    shop.start()
    lines = (
        (variant(), 1),
        (None, 1),
        (variant(21, 2, 0.1), 1),
        (variant(), 2),
        (variant(31, 3, 10), 1),
        (variant(31, 3, 4.5), 3),
    )
    bought = shop.publish(*checkout(number, *lines))
    found = eventually(page, lambda: of_shop(footfall, shop), lambda events: len(events) == 3)
    told = sorted((e["event_id"], e["product_id"], e["quantity"], e["price"], e["order_id"]) for e in found)
    assert told == [
        (f"{bought}.11", "1", 3, "19.90", number),
        (f"{bought}.21", "2", 1, "0.10", number),
        (f"{bought}.31", "3", 4, "5.875", number),
    ]
    query = {"key": PUBLIC_KEY, "uuid": str(shop.kept("uuid"))}
    products = httpx.get(f"{footfall.url}/api/v1/products/purchased", params=query, timeout=30).json()["data"]
    quantities = {product["id"]: product["metadata"]["purchased_quantity"] for product in products}
    assert quantities == {1: "3", 2: "1", 3: "4"}


def test_an_order_that_the_pixel_and_somebody_else_tell_of_is_one(shop: Sandbox, page: Page, footfall: Server) -> None:
    """A server that sends the order's number means the same order, and the same line."""
    number = order()
    shop.open("/checkouts/1")
    shop.start()
    shop.publish(*checkout(f"gid://shopify/Order/{number}", (variant(), 2)))
    (found,) = eventually(page, lambda: of_shop(footfall, shop))
    again = {name: found[name] for name in ("subject", "verb", "noun", "uuid", "product_id", "shopify_variant_id")}
    event = {**again, "order_id": int(number), "quantity": 2, "event_id": "another"}
    address = f"{footfall.url}/api/v2/analytics/event?key={PUBLIC_KEY}"
    assert httpx.post(address, json=event, timeout=30).status_code == 200
    query = {"key": PUBLIC_KEY, "uuid": found["uuid"]}
    (product,) = httpx.get(f"{footfall.url}/api/v1/products/purchased", params=query, timeout=30).json()["data"]
    assert product["metadata"]["purchased_quantity"] == "2"


def test_the_pixel_that_is_pasted_has_no_more_to_fill_in_than_its_first_lines() -> None:
    told = sandbox.pixel("https://events.shop.example").splitlines()
    assert [line.split(" = ")[0] for line in told if line.startswith("const ")] == [
        "const FOOTFALL_KEY",
        "const FOOTFALL_HOST",
        "const FOOTFALL_GPC",
    ]
    assert told[4] == ""

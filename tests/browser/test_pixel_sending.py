"""How the Shopify pixel sends: in pieces, again where that failed, with bounds; and nothing that Shopify says breaks it."""

import json
from typing import Any

from playwright.sync_api import Page, Request, Route

from tests.browser.events import errors_of, eventually, restarted, stored
from tests.browser.sandbox import (
    Sandbox,
    added,
    checkout,
    collection,
    moment,
    of_shop,
    order,
    removed,
    searched,
    variant,
    viewed,
    words,
)
from tests.browser.shopfront import Shopfront
from tests.support import Server, directory, server


def test_an_order_of_many_lines_goes_in_pieces_that_a_page_that_is_gone_may_send(
    shop: Sandbox, page: Page, footfall: Server
) -> None:
    sizes: list[int] = []

    def measure(request: Request) -> None:
        if "/analytics/" in request.url:
            sizes.append(len(request.post_data_buffer or b""))

    page.on("request", measure)
    shop.open("/checkouts/1")
    shop.start()
    shop.publish(*checkout(order(), *((variant(n, n), 1) for n in range(1, 301))))
    eventually(page, lambda: len(of_shop(footfall, shop)), lambda count: count == 300)
    eventually(page, lambda: len(sizes), lambda count: count > 1)
    assert max(sizes) <= 64 * 1024


def test_a_server_that_is_down_and_comes_back_gets_everything_once(page: Page, front: Shopfront) -> None:
    with directory() as path, server(path / "data", shop=True) as first:
        shop = Sandbox(page, front, first)
        page.clock.install()
        with errors_of(page):
            shop.open("/checkouts/1")
            shop.start()
            known = eventually(page, lambda: shop.kept("uuid"))
            first.kill()
            shop.publish(*checkout(order(), (variant(), 1), (variant(21, 2), 1)))
            with page.expect_event("requestfailed"):
                shop.publish(*searched())
            again = restarted(first)
            page.clock.fast_forward(61_000)
            try:
                expected = ["purchased product", "purchased product", "searched term"]
                eventually(page, lambda: words(stored(again, known)), lambda found: found == expected)
            finally:
                again.kill()


def test_an_answer_that_got_lost_makes_no_second_event(shop: Sandbox, page: Page, footfall: Server) -> None:
    asked: list[Any] = []

    def lose_first(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or ""))
        if len(asked) > 1:
            route.continue_()
        else:
            route.fetch()
            route.abort()

    page.route("**/analytics/**", lose_first)
    shop.open("/")
    shop.start()
    told = shop.publish(*searched())
    eventually(page, lambda: asked, lambda bodies: len(bodies) == 2)
    assert [body[0]["event_id"] for body in asked] == [told, told]
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])


def test_a_failing_server_is_asked_ten_times_and_then_left_alone(shop: Sandbox, page: Page) -> None:
    page.clock.install()
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, json={"error": "busy"}, headers={"Access-Control-Allow-Origin": "*"})

    def later() -> int:
        page.clock.fast_forward(61_000)
        return len(asked)

    page.route("**/analytics/**", fail)
    shop.open("/")
    shop.start()
    shop.publish(*searched())
    eventually(page, later, lambda found: found >= 10)
    for _ in range(5):
        page.wait_for_timeout(100)
        assert later() == 10


def test_the_wait_that_the_server_asks_for_is_kept(shop: Sandbox, page: Page, footfall: Server) -> None:
    page.clock.install()
    asked: list[str] = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        headers = {"Retry-After": "20", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
        route.fulfill(status=503, json={"error": "busy"}, headers=headers)

    page.route("**/analytics/**", busy)
    shop.open("/")
    shop.start()
    shop.publish(*searched())
    eventually(page, lambda: asked)
    page.wait_for_timeout(200)
    page.clock.fast_forward(15_000)
    page.wait_for_timeout(300)
    assert len(asked) == 1
    page.unroute("**/analytics/**")
    page.clock.fast_forward(6_000)
    eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])


def test_a_wait_that_is_a_date_does_not_hurry_it(shop: Sandbox, page: Page) -> None:
    page.clock.install()
    asked: list[str] = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        until = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Access-Control-Expose-Headers": "Retry-After"}
        route.fulfill(status=503, json={"error": "busy"}, headers={"Access-Control-Allow-Origin": "*", **until})

    page.route("**/analytics/**", busy)
    shop.open("/")
    shop.start()
    shop.publish(*searched())
    eventually(page, lambda: asked)
    page.clock.pause_at(page.evaluate("Date.now()") + 2_000)
    page.wait_for_timeout(500)
    tried = len(asked)
    page.wait_for_timeout(500)
    assert len(asked) == tried < 3


def test_what_is_refused_is_not_sent_again(shop: Sandbox, page: Page, footfall: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/analytics/" in request.url else None)
    page.clock.install()
    shop.open("/")
    shop.start(constants={"KEY": "0" * 40})
    shop.publish(*searched())
    eventually(page, lambda: asked)
    page.clock.fast_forward(120_000)
    page.wait_for_timeout(500)
    assert len(asked) == 1


def test_a_clock_that_is_an_hour_wrong_makes_no_wrong_time(shop: Sandbox, page: Page, footfall: Server) -> None:
    page.add_init_script("const now = Date.now.bind(Date); Date.now = () => now() - 3_600_000")
    shop.open("/")
    shop.start()
    shop.publish(*searched(), timestamp=moment(page.evaluate("Date.now()")))
    (found,) = eventually(page, lambda: of_shop(footfall, shop))
    assert abs(found["received_at"] - found["event_time"]) < 60_000


ODD: list[Any] = [
    None,
    {},
    {"checkout": {}},
    {"productVariant": None},
    {"cartLine": {}},
    {"searchResult": {}},
    {"collection": None},
]


def test_nothing_that_shopify_says_throws_or_costs_what_comes_after(shop: Sandbox, page: Page, footfall: Server) -> None:
    with errors_of(page):
        shop.open("/")
        shop.start()
        names = [kind()[0] for kind in (viewed, added, removed, searched, collection)] + ["checkout_completed"]
        for name in names:
            for data in ODD:
                shop.publish(name, data)
        shop.publish(*searched(), context=None)
        eventually(page, lambda: words(of_shop(footfall, shop)), lambda found: found == ["searched term"])

"""``footfall.js`` on real pages: who the visitor is, and that each event arrives once, whatever happens to page and server."""

import re

from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.browser.events import errors_of, eventually, restarted, script, stored, uuid_of
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server, directory, server

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def opened(page: Page, front: Shopfront, footfall: Server, body: str = "", **attributes: str) -> str:
    """Open a page with the script on it; the visitor."""
    page.goto(front.show("/", head=script(footfall, **attributes), body=body))
    return uuid_of(page)


def views(footfall: Server, uuid: str) -> list[str]:
    """The products that a visitor's views name, as stored."""
    return [event["product_id"] for event in stored(footfall, uuid) if event["verb"] == "viewed"]


def test_a_view_is_stored_and_can_be_read_at_once(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall)
        seen = page.evaluate("""async () => {
            footfall.viewed("5630650697948");
            footfall.viewed({ id: 2, handle: "mug", title: "Mug", variants: [{}] });
            return (await footfall.recentlyViewed({ limit: 3 })).map((product) => product.id);
        }""")
    assert seen == [2, 5630650697948]
    assert UUID.fullmatch(uuid)
    first, second = stored(footfall, uuid)
    assert (first["product_id"], first["subject"], first["verb"], first["noun"]) == (
        "5630650697948",
        "user",
        "viewed",
        "product",
    )
    assert (second["product_id"], second["product_handle"], second["shopify_product_title"]) == ("2", "mug", "Mug")
    assert first["url"] == front.url + "/"
    assert UUID.fullmatch(first["rsid"])
    assert first["rsid"] == second["rsid"]


def test_a_visitor_is_the_same_after_a_reload_and_in_another_tab(
    page: Page, context: BrowserContext, front: Shopfront, footfall: Server
) -> None:
    uuid = opened(page, front, footfall)
    session = page.evaluate("footfall.session")
    page.reload()
    other = context.new_page()
    assert [uuid_of(page), opened(other, front, footfall)] == [uuid, uuid]
    assert other.evaluate("footfall.session") == session


def test_another_browser_is_another_visitor(page: Page, browser: Browser, front: Shopfront, footfall: Server) -> None:
    context = browser.new_context()
    assert opened(page, front, footfall) != opened(context.new_page(), front, footfall)
    context.close()


def test_a_session_ends_after_thirty_minutes_of_silence(page: Page, front: Shopfront, footfall: Server) -> None:
    page.clock.install()
    opened(page, front, footfall)
    first = page.evaluate("footfall.session")
    page.clock.run_for(29 * 60_000)
    assert page.evaluate("footfall.session") == first
    page.clock.run_for(29 * 60_000)
    assert page.evaluate("footfall.session") == first, "it slides"
    page.clock.run_for(31 * 60_000)
    assert page.evaluate("footfall.session") != first


def test_the_shops_own_id_is_used_where_it_gives_one(page: Page, front: Shopfront, footfall: Server) -> None:
    assert opened(page, front, footfall, uuid="shop-visitor-7") == "shop-visitor-7"
    page.evaluate("footfall.viewed('1')")
    eventually(page, lambda: views(footfall, "shop-visitor-7"), lambda found: found == ["1"])


def test_identify_names_the_customer_and_reset_forgets_who_it_was(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate("footfall.identify(77); footfall.viewed('1')")
    page.reload()
    page.evaluate("footfall.viewed('2')")
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1", "2"])
    assert [event["customer_id"] for event in stored(footfall, uuid)] == ["77", "77"]
    after = page.evaluate("footfall.reset(); footfall.viewed('3'); footfall.uuid")
    assert after != uuid
    eventually(page, lambda: views(footfall, after), lambda found: found == ["3"])
    assert "customer_id" not in stored(footfall, after)[0]


def test_a_purchase_is_one_event_for_each_line(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate("""footfall.purchased({ order_id: "900", currency: "EUR", lines: [
        { product_id: "1", shopify_variant_id: "11", quantity: 2, price: "19.90" }, { product_id: "2", quantity: 1 }] })""")
    found = eventually(page, lambda: stored(footfall, uuid), lambda events: len(events) == 2)
    assert [(e["verb"], e["order_id"], e["product_id"], e["quantity"]) for e in found] == [
        ("purchased", "900", "1", 2),
        ("purchased", "900", "2", 1),
    ]


def test_what_is_done_in_a_second_is_sent_together_and_a_view_at_once(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate("window.sent = []; footfall.addEventListener('sent', ({ detail }) => sent.push(detail.events.length))")
    page.evaluate("for (const term of ['a', 'b', 'c']) footfall.track('user', 'searched', 'term', { defined_noun_id: term })")
    eventually(page, lambda: stored(footfall, uuid), lambda found: len(found) == 3)
    assert page.evaluate("sent") == [3]
    page.evaluate("footfall.track('user', 'searched', 'term', { defined_noun_id: 'd' }); footfall.viewed('1')")
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])
    assert page.evaluate("sent") == [3, 2]


def test_a_burst_of_five_hundred_views_arrives_whole(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate("for (let n = 1; n <= 500; n++) footfall.viewed(`${n}`)")
    eventually(page, lambda: views(footfall, uuid), lambda found: len(found) >= 500)
    assert views(footfall, uuid) == [str(n) for n in range(1, 501)]


def test_offline_and_back_nothing_is_lost_and_nothing_comes_twice(
    page: Page, context: BrowserContext, front: Shopfront, footfall: Server
) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall)
        context.set_offline(True)
        page.evaluate("footfall.viewed('1'); footfall.added('1', { quantity: 2 })")
        page.wait_for_timeout(1_500)
        assert stored(footfall, uuid) == []
        context.set_offline(False)
        eventually(page, lambda: stored(footfall, uuid), lambda found: len(found) == 2)
    page.wait_for_timeout(1_500)
    assert [event["verb"] for event in stored(footfall, uuid)] == ["viewed", "added"]
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('footfall.event')).length") == 0


def test_a_view_of_a_page_that_is_closed_right_after_arrives(
    context: BrowserContext, front: Shopfront, footfall: Server
) -> None:
    page = context.new_page()
    uuid = opened(page, front, footfall)
    page.evaluate("footfall.track('user', 'searched', 'term', { defined_noun_id: 'last' })")
    page.close(run_before_unload=True)
    eventually(
        context.new_page(),
        lambda: stored(footfall, uuid),
        lambda found: [event["defined_noun_id"] for event in found] == ["last"],
    )


def test_what_a_page_could_not_send_a_later_page_sends_once(
    page: Page, context: BrowserContext, front: Shopfront, footfall: Server
) -> None:
    page.clock.install()
    uuid = opened(page, front, footfall)
    context.route("**/analytics/**", lambda route: route.abort())
    page.evaluate("footfall.viewed('1'); footfall.viewed('2')")
    page.clock.run_for(5_000)
    page.goto("about:blank")
    context.unroute("**/analytics/**")
    page.clock.fast_forward(15_000)
    assert opened(page, front, footfall) == uuid
    page.clock.run_for(2_000)
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1", "2"])
    page.reload()
    page.clock.run_for(15_000)
    assert views(footfall, uuid) == ["1", "2"]


def test_an_answer_that_got_lost_makes_no_second_event(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(str(route.request.post_data))
            route.fetch()
            route.abort()

    page.route("**/analytics/**", lose_first)
    page.evaluate("footfall.viewed('1')")
    outcome = page.evaluate("new Promise((told) => footfall.addEventListener('sent', ({ detail }) => told(detail.receipts)))")
    assert [receipt["status"] for receipt in outcome] == ["duplicate"]
    assert views(footfall, uuid) == ["1"]


def test_a_server_that_is_down_and_comes_back_gets_everything_once(page: Page, front: Shopfront) -> None:
    with directory() as path, server(path / "data", shop=True) as first:
        uuid = opened(page, front, first)
        page.evaluate("footfall.viewed('1')")
        eventually(page, lambda: views(first, uuid), lambda found: found == ["1"])
        first.kill()
        page.evaluate("for (let n = 2; n <= 40; n++) footfall.viewed(`${n}`)")
        page.wait_for_timeout(3_000)
        again = restarted(first)
        try:
            eventually(page, lambda: views(again, uuid), lambda found: len(found) == 40)
            page.wait_for_timeout(500)
            assert views(again, uuid) == [str(n) for n in range(1, 41)]
        finally:
            again.kill()


def test_the_wait_that_the_server_asks_for_is_kept(page: Page, front: Shopfront, footfall: Server) -> None:
    page.clock.install()
    uuid = opened(page, front, footfall)
    asked: list[int] = []

    def busy(route: Route) -> None:
        asked.append(1)
        headers = {"Retry-After": "20", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
        route.fulfill(status=503, json={"error": "busy"}, headers=headers)

    page.route("**/analytics/**", busy)
    page.evaluate("footfall.viewed('1')")
    page.clock.run_for(1_000)
    eventually(page, lambda: asked)
    page.clock.run_for(15_000)
    page.wait_for_timeout(300)
    assert len(asked) == 1
    page.unroute("**/analytics/**")
    page.clock.run_for(6_000)
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])


def test_a_wait_that_is_a_date_is_none(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    asked: list[int] = []

    def busy_once(route: Route) -> None:
        asked.append(1)
        if len(asked) > 1:
            route.continue_()
            return
        said = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
        route.fulfill(status=503, json={"error": "busy"}, headers={"Retry-After": "Fri, 27 Nov 2026 05:00:00 GMT", **said})

    page.route("**/analytics/**", busy_once)
    page.evaluate("footfall.viewed('1')")
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])


def test_events_that_keep_coming_do_not_hold_each_other_up(page: Page, front: Shopfront, footfall: Server) -> None:
    page.clock.install()
    uuid = opened(page, front, footfall)
    for _ in range(4):
        page.evaluate("footfall.track('user', 'searched', 'term', { defined_noun_id: 'mug' })")
        page.clock.run_for(700)
    eventually(page, lambda: stored(footfall, uuid))


def test_of_a_product_as_json_only_its_names_are_told(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    product = "{ id: 5, handle: 'mug', title: 'Mug', price: 1990, url: '/products/mug', description: 'x', variants: [{}] }"
    page.evaluate(f"footfall.viewed({product})")
    (event,) = eventually(page, lambda: stored(footfall, uuid))
    assert (event["product_id"], event["product_handle"], event["url"]) == ("5", "mug", front.url + "/")
    assert "price" not in event


def test_who_logged_out_in_one_tab_is_named_in_no_other(context: BrowserContext, front: Shopfront, footfall: Server) -> None:
    first, second = context.new_page(), context.new_page()
    opened(first, front, footfall)
    first.evaluate("footfall.identify('71')")
    opened(second, front, footfall)
    second.evaluate("footfall.reset()")
    uuid = uuid_of(second)
    # A browser tells its tabs of each other's storage a moment later.
    first.wait_for_function("(uuid) => footfall.uuid === uuid", arg=uuid)
    first.evaluate("footfall.viewed('1')")
    (event,) = eventually(first, lambda: stored(footfall, uuid))
    assert "customer_id" not in event


def test_what_was_handed_over_is_not_sent_again_once_its_id_may_be_forgotten(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    opened(page, front, footfall)
    old = {"subject": "user", "verb": "viewed", "noun": "product", "event_time": 0, "uuid": "of-long-ago"}
    kept = "footfall.event." + PUBLIC_KEY + "."
    page.evaluate(
        """([kept, old]) => {
            for (const [id, mark] of [["handed-over", " "], ["never-sent", ""]]) {
                const event = { ...old, event_id: id, product_id: id, event_time: Date.now() - 8 * 864e5 };
                localStorage.setItem(kept + id, JSON.stringify(event) + mark);
            }
        }""",
        [kept, old],
    )
    page.reload()
    eventually(page, lambda: views(footfall, "of-long-ago"), lambda found: found == ["never-sent"])
    assert page.evaluate("(kept) => localStorage.getItem(kept + 'handed-over')", kept) is None
    page.route("**/analytics/**", lambda route: route.abort())
    page.evaluate("footfall.viewed('2'); dispatchEvent(new Event('pagehide'))")
    marks = page.evaluate(
        "(kept) => Object.keys(localStorage).filter((name) => name.startsWith(kept)).map((name) => localStorage[name])", kept
    )
    assert [mark.endswith("} ") for mark in marks] == [True]


def test_what_is_rejected_is_told_and_not_sent_again(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    outcome = page.evaluate("""new Promise((told) => {
        footfall.addEventListener("rejected", ({ detail }) => told(detail.error));
        footfall.track("user", "danced", "product", { product_id: "1" });
    })""")
    assert "danced" in outcome
    page.evaluate("footfall.viewed('2')")
    eventually(page, lambda: views(footfall, uuid), lambda found: found == ["2"])


def test_a_clock_that_is_an_hour_wrong_makes_no_wrong_time(page: Page, front: Shopfront, footfall: Server) -> None:
    page.add_init_script("const now = Date.now.bind(Date); Date.now = () => now() - 3_600_000")
    uuid = opened(page, front, footfall)
    page.evaluate("footfall.viewed('1')")
    found = eventually(page, lambda: stored(footfall, uuid))[0]
    assert abs(found["received_at"] - found["event_time"]) < 60_000


def test_without_storage_a_cookie_keeps_the_visitor(page: Page, front: Shopfront, footfall: Server) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.reload()
        assert uuid_of(page) == uuid
        page.evaluate("footfall.viewed('1')")
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])


def test_without_storage_and_cookies_a_page_has_one_visitor(page: Page, front: Shopfront, footfall: Server) -> None:
    page.add_init_script("""
        for (const [what, name] of [[window, "localStorage"], [Document.prototype, "cookie"]])
            Object.defineProperty(what, name, { get() { throw new DOMException("no", "SecurityError") }, set() { throw new DOMException("no", "SecurityError") } });
    """)
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.evaluate("footfall.viewed('1'); footfall.viewed('2')")
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1", "2"])
        assert uuid_of(page) == uuid


def test_full_storage_costs_no_event(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.evaluate("""() => {
            let text = "x".repeat(1_000_000);
            while (text) try { localStorage["fill" + localStorage.length] = text } catch { text = text.slice(text.length / 2 + 1) }
            footfall.viewed("1");
        }""")
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])


def test_on_an_insecure_page_ids_are_made_as_well(page: Page, front: Shopfront, footfall: Server) -> None:
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'randomUUID', { value: undefined })")
    assert UUID.fullmatch(opened(page, front, footfall))


def test_nothing_that_a_page_passes_throws_into_it(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.evaluate("""() => {
            for (const odd of [undefined, null, 0, "", NaN, [], {}, () => {}, Symbol.iterator, new Proxy({}, { get() { throw 1 } })]) {
                footfall.viewed(odd); footfall.added(odd, odd); footfall.track(odd, odd, odd, odd); footfall.identify(odd); footfall.purchased(odd); footfall.purchased({ lines: odd });
            }
            const loop = {}; loop.loop = loop;
            footfall.track("user", "viewed", "product", loop);
            footfall.reset();
        }""")
        page.evaluate("footfall.viewed('1')")
        eventually(page, lambda: views(footfall, uuid_of(page)), lambda found: found == ["1"])
    assert uuid


def test_loaded_twice_it_is_there_once(page: Page, front: Shopfront, footfall: Server) -> None:
    tags = script(footfall) + script(footfall)
    with errors_of(page):
        page.goto(
            front.show("/", head=tags, body="<script>window.footfallReady.push((footfall) => footfall.viewed('1'))</script>")
        )
        uuid = uuid_of(page)
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])
        page.wait_for_timeout(1_200)
    assert views(footfall, uuid) == ["1"]


def test_a_frozen_version_beside_the_newest_is_one_client(page: Page, front: Shopfront, footfall: Server) -> None:
    tags = script(footfall, "footfall.v1.js") + script(footfall)
    with errors_of(page):
        page.goto(front.show("/", head=tags, body="<script>footfall.viewed('1')</script>"))
        uuid = uuid_of(page)
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])


def test_what_is_asked_for_before_it_is_loaded_is_done_then(page: Page, front: Shopfront, footfall: Server) -> None:
    early = "<script>(window.footfallReady ||= []).push((footfall) => footfall.viewed('1'))</script>"
    late = script(footfall).replace("<script ", "<script async ")
    page.goto(front.show("/", head=early, body=late))
    page.wait_for_function("window.footfall")
    eventually(page, lambda: views(footfall, uuid_of(page)), lambda found: found == ["1"])


def test_it_is_an_es_module_too(page: Page, front: Shopfront, footfall: Server) -> None:
    body = f"""<script type="module">
        import {{ Footfall }} from "{footfall.url}/sdk/footfall.mjs";
        window.footfall = new Footfall({{ key: "{PUBLIC_KEY}", host: "{footfall.url}/" }});
        window.footfall.viewed("1");
    </script>"""
    page.goto(front.show("/", body=body))
    page.wait_for_function("window.footfall")
    eventually(page, lambda: views(footfall, uuid_of(page)), lambda found: found == ["1"])


def test_a_strict_page_needs_two_lines_of_its_policy(page: Page, front: Shopfront, footfall: Server) -> None:
    front.headers["Content-Security-Policy"] = f"default-src 'none'; script-src {footfall.url}; connect-src {footfall.url}"
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.evaluate("footfall.viewed('1')")
        eventually(page, lambda: views(footfall, uuid), lambda found: found == ["1"])
        assert page.evaluate("footfall.recentlyViewed().then((products) => products.length)") == 1


def test_a_page_whose_policy_forbids_it_is_not_disturbed(page: Page, front: Shopfront, footfall: Server) -> None:
    front.headers["Content-Security-Policy"] = f"default-src 'none'; script-src {footfall.url}"
    with errors_of(page):
        uuid = opened(page, front, footfall)
        assert page.evaluate("footfall.viewed('1'), footfall.recentlyViewed()") == []
        page.wait_for_timeout(500)
    assert stored(footfall, uuid) == []


def test_a_list_that_can_not_be_had_is_empty_and_says_why(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        opened(page, front, footfall)
        told = page.evaluate("""async () => {
            const errors = [];
            footfall.addEventListener("error", ({ detail }) => errors.push(detail.error.message));
            const products = await footfall.products("nowhere");
            const failed = await footfall.read("nowhere").catch((error) => error.message);
            return [products, errors.length, errors[0] === failed];
        }""")
    assert told == [[], 1, True]

"""``footfall-shopify.js`` on pages as Shopify's themes make them: the product, the cart, consent and the customer by themselves."""

import json
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route

from footfall.sdk_files import sdk_files
from tests.browser.events import errors_of, eventually, script, stored, uuid_of
from tests.browser.shopfront import Shopfront
from tests.support import Server


def opened(
    page: Page, front: Shopfront, footfall: Server, path: str = "/", head: str = "", body: str = "", **more: str
) -> str:
    """Open a theme's page; the visitor."""
    page.goto(front.show(path, head=head + script(footfall, "footfall-shopify.js", **more), body=body))
    page.wait_for_function("window.footfall && window.footfall.defaults.platform")
    return uuid_of(page)


def told(footfall: Server, uuid: str, *verbs: str) -> list[tuple[Any, ...]]:
    """What is stored of a visitor's products: verb, product, variant, quantity."""
    names = ("verb", "product_id", "shopify_variant_id", "quantity")
    return [tuple(event.get(name) for name in names) for event in stored(footfall, uuid) if event["verb"] in verbs]


PRODUCT = {"id": 5630650697948, "handle": "shirt", "title": "Shirt", "variants": [{"id": 11}]}
LINKED = {"@context": "http://schema.org", "@type": "Product", "name": "Shirt", "productID": "5630650697948"}
PAGES = {
    "the theme's product JSON": f"<script type='application/json' data-product-json>{json.dumps(PRODUCT)}</script>",
    "product JSON under a product key": f"<script type='application/json' id='ProductJson-1'>{json.dumps({'product': PRODUCT})}</script>",
    "the analytics of the page": "<script>window.ShopifyAnalytics = { meta: { product: { id: 5630650697948 } } }</script>",
    "linked data": f"<script type='application/ld+json'>{json.dumps(LINKED)}</script>",
    "a graph of linked data": f"<script type='application/ld+json'>{json.dumps({'@graph': [{'@type': 'WebPage'}, LINKED]})}</script>",
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_product_page_is_one_view(page: Page, front: Shopfront, footfall: Server, kind: str) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall, "/products/shirt", head=PAGES[kind])
        eventually(page, lambda: told(footfall, uuid, "viewed"))
        page.wait_for_timeout(1_200)
    (event,) = stored(footfall, uuid)
    assert (event["product_id"], event["product_handle"], event["verb"]) == ("5630650697948", "shirt", "viewed")


def test_meta_tags_and_the_address_are_enough(page: Page, front: Shopfront, footfall: Server) -> None:
    head = "<meta property='og:type' content='product'><meta property='og:title' content='A shirt'>"
    uuid = opened(page, front, footfall, "/collections/all/products/shirt", head=head)
    eventually(page, lambda: stored(footfall, uuid))
    (event,) = stored(footfall, uuid)
    assert (event["product_handle"], event["shopify_product_title"], event.get("product_id")) == ("shirt", "A shirt", None)


def test_the_chosen_variant_and_the_theme_are_told(page: Page, front: Shopfront, footfall: Server) -> None:
    head = PAGES["linked data"] + "<script>window.Shopify = { theme: { id: 128 } }</script>"
    address = front.show("/products/shirt", head=head + script(footfall, "footfall-shopify.js"))
    page.goto(address + "?variant=12")
    page.wait_for_function("window.footfall")
    event = eventually(page, lambda: stored(footfall, uuid_of(page)))[0]
    assert (event["shopify_variant_id"], event["theme_id"]) == ("12", "128")


@pytest.mark.parametrize("path", ["/", "/collections/all"])
@pytest.mark.parametrize("kind", ["the theme's product JSON", "product JSON under a product key", "linked data"])
def test_a_product_that_a_page_only_features_is_no_view(
    page: Page, front: Shopfront, footfall: Server, path: str, kind: str
) -> None:
    uuid = opened(page, front, footfall, path, head=PAGES[kind])
    page.evaluate("footfall.track('user', 'searched', 'term', { defined_noun_id: 'last' })")
    eventually(page, lambda: stored(footfall, uuid))
    assert [event["verb"] for event in stored(footfall, uuid)] == ["searched"]


UPSELL = {"id": 99, "handle": "upsell", "title": "Upsell"}
LINKED_UPSELL = {"@type": "Product", "name": "Upsell", "productID": "99", "url": "https://shop.example/products/upsell"}
BESIDE = {
    "JSON": f"<script type='application/json' data-product-json>{json.dumps(UPSELL)}</script>",
    "linked data": f"<script type='application/ld+json'>{json.dumps(LINKED_UPSELL)}</script>",
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("kind", PAGES)
def test_a_product_page_tells_of_its_own_product_whatever_it_shows_first(
    page: Page, front: Shopfront, footfall: Server, beside: str, kind: str
) -> None:
    uuid = opened(page, front, footfall, "/products/shirt", head=BESIDE[beside] + PAGES[kind])
    (event,) = eventually(page, lambda: stored(footfall, uuid))
    assert (event["product_id"], event["product_handle"]) == ("5630650697948", "shirt")
    assert event.get("shopify_product_title") != "Upsell"


@pytest.mark.parametrize("path", ["/", "/collections/all", "/pages/products"])
def test_a_page_of_no_product_is_no_view(page: Page, front: Shopfront, footfall: Server, path: str) -> None:
    listed = {"@type": "ItemList", "itemListElement": []}
    head = (
        f"<script type='application/ld+json'>{json.dumps(listed)}</script><script type='application/ld+json'>no json</script>"
    )
    with errors_of(page):
        uuid = opened(page, front, footfall, path, head=head)
        page.wait_for_timeout(1_500)
    assert stored(footfall, uuid) == []


ADD = {
    "fetch of JSON": """fetch("/cart/add.js", { method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ items: [{ id: 11, quantity: 2 }] }) })""",
    "fetch of a form": """fetch(new Request("/cart/add", { method: "POST", body: new URLSearchParams({ id: 11, quantity: 2 }), redirect: "manual" }))
        .then(() => fetch("/cart/update.js", { method: "POST", body: new URLSearchParams({}) }))""",
    "fetch of a form whose answer leads elsewhere": """fetch("/cart/add", { method: "POST", redirect: "manual",
        body: new URLSearchParams({ id: 11, quantity: 2 }) }).then(() => null)""",
    "XMLHttpRequest": """new Promise((done) => { const request = new XMLHttpRequest(); request.open("POST", "/cart/add.js");
        request.setRequestHeader("Content-Type", "application/json"); request.onload = done; request.send('{"id":11,"quantity":2}') })""",
}


@pytest.mark.parametrize("way", ADD)
def test_what_is_put_into_the_cart_counts_once(page: Page, front: Shopfront, footfall: Server, way: str) -> None:
    with errors_of(page):
        uuid = opened(page, front, footfall)
        page.evaluate(ADD[way])
        eventually(page, lambda: told(footfall, uuid, "added"))
        page.wait_for_timeout(1_200)
    assert told(footfall, uuid, "added", "removed") == [("added", "1", "11", 2)]
    event = next(event for event in stored(footfall, uuid) if event["verb"] == "added")
    assert (event["price"], event["currency"], event["shopify_cart_token"]) == ("19.90", "EUR", "c1")


@pytest.mark.parametrize("way", ADD)
def test_what_is_put_into_the_cart_before_its_first_look_is_answered_counts_once(
    page: Page, front: Shopfront, footfall: Server, way: str
) -> None:
    held: list[Route] = []
    page.route("**/cart.js", lambda route: route.continue_() if held else held.append(route))
    uuid = opened(page, front, footfall)
    eventually(page, lambda: held)
    page.evaluate(ADD[way])
    held[0].continue_()
    eventually(page, lambda: told(footfall, uuid, "added"))
    page.wait_for_timeout(1_200)
    assert told(footfall, uuid, "added", "removed") == [("added", "1", "11", 2)]


def test_of_a_cart_that_its_first_look_found_as_it_was_only_the_change_counts(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/cart.js", lambda route: route.continue_() if held else held.append((route, route.fetch())))
    front.add(21, 4)
    uuid = opened(page, front, footfall)
    eventually(page, lambda: held)
    page.evaluate(ADD["fetch of JSON"])
    ((route, before),) = held
    route.fulfill(response=before)
    eventually(page, lambda: told(footfall, uuid, "added"))
    page.wait_for_timeout(1_200)
    assert told(footfall, uuid, "added", "removed") == [("added", "1", "11", 2)]


def test_a_form_that_leads_to_the_cart_page_counts_too(page: Page, front: Shopfront, footfall: Server) -> None:
    form = (
        "<form action='/cart/add' method=post><input name=id value=21><input name=quantity value=3><button>Add</button></form>"
    )
    uuid = opened(page, front, footfall, body=form)
    front.show("/cart", head=script(footfall, "footfall-shopify.js"))
    page.wait_for_timeout(500)
    page.get_by_role("button").click()
    page.wait_for_url("**/cart")
    eventually(page, lambda: told(footfall, uuid, "added"), lambda found: found == [("added", "2", "21", 3)])


def test_the_page_of_the_cart_tells_of_changes_that_no_script_made(page: Page, front: Shopfront, footfall: Server) -> None:
    """Forms that post to the cart's page, and links to ``/cart/change``."""
    uuid = opened(page, front, footfall)
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: told(footfall, uuid, "added"))
    front.change(11, 5)
    opened(page, front, footfall, "/cart")
    expected = [("added", "1", "11", 2), ("added", "1", "11", 3)]
    eventually(page, lambda: told(footfall, uuid, "added"), lambda found: found == expected)


def test_requests_still_go_through_the_fetch_that_another_script_put_there(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    """It comes between the script and the core, which is still on its way."""
    late = """<script>{ const before = window.fetch; window.through = [];
        window.fetch = function (...request) { through.push(request[0]); return before.apply(this, request) } }</script>"""
    opened(page, front, footfall, body=late)
    page.evaluate(ADD["fetch of JSON"])
    assert "/cart/add.js" in page.evaluate("through")
    uuid = uuid_of(page)
    eventually(page, lambda: told(footfall, uuid, "added"), lambda found: found == [("added", "1", "11", 2)])


def test_a_cart_whose_token_gets_another_key_is_the_same_cart(page: Page, front: Shopfront, footfall: Server) -> None:
    front.new_cart("c1?key=one")
    uuid = opened(page, front, footfall)
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: told(footfall, uuid, "added"))
    front.cart["token"] = "c1?key=two"
    page.evaluate("fetch('/cart/add.js', { method: 'POST', body: new URLSearchParams({ id: 21 }) })")
    expected = [("added", "1", "11", 2), ("added", "2", "21", 1)]
    eventually(page, lambda: told(footfall, uuid, "added"), lambda found: len(found) >= 2)
    page.wait_for_timeout(300)
    assert told(footfall, uuid, "added") == expected


def test_a_changed_quantity_counts_as_what_changed(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: told(footfall, uuid, "added"))
    expected = [("added", "1", "11", 2)]
    for quantity, change in ((5, ("added", "1", "11", 3)), (1, ("removed", "1", "11", 4)), (0, ("removed", "1", "11", 1))):
        page.evaluate(
            f"fetch('/cart/change.js', {{ method: 'POST', body: new URLSearchParams({{ id: 11, quantity: {quantity} }}) }})"
        )
        expected.append(change)
        eventually(page, lambda: told(footfall, uuid, "added", "removed"), lambda found: found == expected)


def test_nothing_of_the_cart_is_kept_before_consent_or_after_a_refusal(page: Page, front: Shopfront, footfall: Server) -> None:
    def kept() -> list[str]:
        names: list[str] = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
        return [name for name in names if name not in ("footfall.consent", "footfall.script")]

    with errors_of(page):
        page.goto(front.show("/", head=script(footfall, "footfall-shopify.js", consent="required")))
        page.wait_for_function("window.footfall && window.footfall.defaults.platform")
        page.evaluate("fetch('/cart/add.js', { method: 'POST', body: new URLSearchParams({ id: 11 }) })")
        eventually(page, lambda: front.calls.count("/cart.js") >= 2)
        assert kept() == []
        page.evaluate("footfall.consent(true)")
        eventually(page, kept, lambda names: "footfall.cart" in names)
        uuid = uuid_of(page)
        assert eventually(page, lambda: told(footfall, uuid, "added")) == [("added", "1", "11", 1)]
        page.evaluate("footfall.consent(false)")
        eventually(page, kept, lambda names: not any(name == "footfall.cart" for name in names))
        page.evaluate("fetch('/cart/add.js', { method: 'POST', body: new URLSearchParams({ id: 11 }) })")
        eventually(page, lambda: front.calls.count("/cart.js") >= 3)
        assert [name for name in kept() if not name.startswith("footfall.event.")] == []


def test_a_cart_from_before_the_script_counts_for_nothing(page: Page, front: Shopfront, footfall: Server) -> None:
    front.add(21, 4)
    uuid = opened(page, front, footfall)
    page.wait_for_timeout(1_500)
    assert told(footfall, uuid, "added", "removed") == []
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: told(footfall, uuid, "added"), lambda found: found == [("added", "1", "11", 2)])


def test_an_order_removes_nothing(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: told(footfall, uuid, "added"))
    front.new_cart("c2")
    page.evaluate("fetch('/cart/update.js', { method: 'POST', body: new URLSearchParams({}) })")
    page.wait_for_timeout(1_500)
    assert told(footfall, uuid, "removed") == []


def test_the_cart_is_given_its_visitor_once(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.wait_for_timeout(300)
    assert "/cart/update.js" not in front.calls, "an empty cart is left alone"
    for _ in range(3):
        page.evaluate(ADD["fetch of JSON"])
        page.wait_for_timeout(300)
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": uuid})
    page.reload()
    page.wait_for_timeout(500)
    assert front.calls.count("/cart/update.js") == 1


def test_a_visitor_who_refuses_stays_out_of_the_cart(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall)
    page.evaluate("footfall.consent(false)")
    page.evaluate(ADD["fetch of JSON"])
    page.wait_for_timeout(800)
    assert front.cart["attributes"] == {}


def test_a_refusal_takes_the_visitor_out_of_the_cart(page: Page, front: Shopfront, footfall: Server) -> None:
    uuid = opened(page, front, footfall)
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": uuid})
    page.evaluate("footfall.consent(false)")
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": ""})


def test_who_agrees_after_filling_the_cart_is_in_it(page: Page, front: Shopfront, footfall: Server) -> None:
    page.goto(front.show("/", head=script(footfall, "footfall-shopify.js", consent="required")))
    page.wait_for_function("window.footfall && window.footfall.defaults.platform")
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: front.calls.count("/cart.js") >= 2)
    assert front.cart["attributes"] == {}
    page.evaluate("footfall.consent(true)")
    uuid = uuid_of(page)
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": uuid})


def test_after_a_log_out_the_cart_is_the_next_visitors(page: Page, front: Shopfront, footfall: Server) -> None:
    before = opened(page, front, footfall, customer="78")
    page.evaluate(ADD["fetch of JSON"])
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": before})
    page.route("**/cart/update.js", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        after = opened(page, front, footfall, customer="")
    assert after != before
    page.unroute("**/cart/update.js")
    assert opened(page, front, footfall, customer="") == after, "what the page before could not do, the next one does"
    eventually(page, lambda: front.cart["attributes"], lambda found: found == {"_footfall_uuid": after})
    eventually(page, lambda: told(footfall, before, "added"))
    assert told(footfall, after, "added", "removed") == [], "the same cart, though another's"


PRIVACY = """<script>window.Shopify = {{ customerPrivacy: {{
    analyticsProcessingAllowed: () => {allowed}, currentVisitorConsent: () => ({{ analytics: "{choice}" }}) }} }}</script>"""
ASKED = """<script>window.Shopify = { loadFeatures(features, done) { window.answer = (allowed) => {
    Shopify.customerPrivacy = { analyticsProcessingAllowed: () => allowed }; done() } ; window.fail = () => done(new Error("blocked")) } }
</script>"""
"""Shopify's privacy interface as it is on most pages: it comes later."""


def test_before_shopify_has_answered_nobody_is_known_and_nothing_sent(page: Page, front: Shopfront, footfall: Server) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if "/analytics/" in request.url else None)
    page.goto(front.show("/products/shirt", head=ASKED + PAGES["linked data"] + script(footfall, "footfall-shopify.js")))
    page.wait_for_function("window.answer && window.footfall?.defaults.platform")
    page.evaluate("footfall.flush()")
    kept = "Object.keys(localStorage)"
    assert (sent, page.evaluate(kept), page.evaluate("footfall.uuid")) == ([], [], None)
    page.evaluate("answer(false)")
    eventually(page, lambda: sent)
    (event,) = json.loads(sent[0])
    assert (event["consent"], "uuid" in event, "rsid" in event) == ("denied", False, False)
    assert "footfall.uuid" not in page.evaluate(kept)


def test_where_shopifys_privacy_interface_fails_nobody_has_agreed(page: Page, front: Shopfront, footfall: Server) -> None:
    page.goto(front.show("/products/shirt", head=ASKED + PAGES["linked data"] + script(footfall, "footfall-shopify.js")))
    page.wait_for_function("window.fail && window.footfall?.defaults.platform")
    page.evaluate("fail()")
    assert page.evaluate("[footfall.allowed, localStorage.length]") == [None, 0]
    page.evaluate("footfall.consent(true)")
    uuid = uuid_of(page)
    eventually(page, lambda: told(footfall, uuid, "viewed"))


@pytest.mark.parametrize(
    ("said", "choice", "allowed", "then"),
    [
        (None, "", True, True),
        (None, "", False, False),
        ("denied", "", True, False),
        ("granted", "", False, True),
        ("denied", "yes", True, True),
        ("granted", "no", False, False),
    ],
)
def test_a_choice_at_shopify_holds_and_a_regions_default_only_where_nobody_said_anything(
    page: Page, front: Shopfront, footfall: Server, said: str | None, choice: str, allowed: bool, then: bool
) -> None:
    before = f"<script>localStorage.setItem('footfall.consent', '{said}')</script>" if said else ""
    head = before + PRIVACY.format(allowed=str(allowed).lower(), choice=choice)
    page.goto(front.show("/", head=head + script(footfall, "footfall-shopify.js")))
    page.wait_for_function("window.footfall?.defaults.platform")
    assert page.evaluate("footfall.allowed") is then


def test_shopifys_consent_is_taken_over(page: Page, front: Shopfront, footfall: Server) -> None:
    page.goto(
        front.show(
            "/", head=PRIVACY.format(allowed="false", choice="") + script(footfall, "footfall-shopify.js", consent="required")
        )
    )
    page.wait_for_function("window.footfall && footfall.allowed === false")
    assert page.evaluate("footfall.uuid") is None
    page.evaluate("document.dispatchEvent(new CustomEvent('visitorConsentCollected', { detail: { analyticsAllowed: true } }))")
    assert page.evaluate("footfall.allowed") is True
    assert page.evaluate("footfall.uuid")


def test_shopifys_privacy_interface_is_loaded_where_the_theme_has_not(page: Page, front: Shopfront, footfall: Server) -> None:
    head = """<script>window.Shopify = { loadFeatures(features, done) {
        window.asked = features; Shopify.customerPrivacy = { analyticsProcessingAllowed: () => true }; done() } }</script>"""
    opened(page, front, footfall, head=head, consent="required")
    assert page.evaluate("[asked[0].name, footfall.allowed]") == ["consent-tracking-api", True]


def test_a_customer_is_known_and_after_the_log_out_is_not(page: Page, front: Shopfront, footfall: Server) -> None:
    head = PAGES["linked data"]
    uuid = opened(page, front, footfall, "/products/a", head=head + "<script>window.__st = { cid: 77 }</script>")
    event = eventually(page, lambda: stored(footfall, uuid))[0]
    assert event["customer_id"] == "77"
    after = opened(page, front, footfall, "/products/b", head=head + "<script>window.__st = {}</script>")
    assert after != uuid
    event = eventually(page, lambda: stored(footfall, after))[0]
    assert "customer_id" not in event


def test_the_theme_may_name_the_customer(page: Page, front: Shopfront, footfall: Server) -> None:
    head = PAGES["linked data"]
    uuid = opened(page, front, footfall, "/products/a", head=head, customer="78")
    event = eventually(page, lambda: stored(footfall, uuid))[0]
    assert event["customer_id"] == "78"
    after = opened(page, front, footfall, "/products/b", head=head, customer="")
    assert after != uuid, "named and empty is logged out"
    event = eventually(page, lambda: stored(footfall, after))[0]
    assert "customer_id" not in event


def test_the_pages_own_work_after_a_log_out_is_the_next_visitors(page: Page, front: Shopfront, footfall: Server) -> None:
    before = opened(page, front, footfall, customer="78")
    work = "<script>(window.footfallReady ||= []).push((footfall) => footfall.viewed('mug'))</script>"
    after = opened(page, front, footfall, head=work, customer="")
    (event,) = eventually(page, lambda: stored(footfall, after))
    assert ("customer_id" in event, told(footfall, before, "viewed")) == (False, [])


def test_a_customer_who_agrees_later_is_known_to_the_page_after_the_log_out(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    page.goto(front.show("/", head=script(footfall, "footfall-shopify.js", consent="required", customer="78")))
    page.wait_for_function("window.footfall?.defaults.platform")
    page.evaluate("footfall.consent(true)")
    before = uuid_of(page)
    assert opened(page, front, footfall, consent="required", customer="") != before


@pytest.mark.parametrize("right", [True, False])
def test_the_core_runs_only_with_the_hash_that_the_tag_names(
    page: Page, front: Shopfront, footfall: Server, right: bool
) -> None:
    core = sdk_files()["footfall.js"].integrity if right else "sha384-" + "A" * 64
    tag = script(footfall, "footfall-shopify.js", **{"core-integrity": core})
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/sdk/footfall.js")):
        page.goto(front.show("/", head=tag))
    page.wait_for_function("document.readyState === 'complete'")
    assert page.evaluate("Boolean(window.footfall)") is right


def test_a_host_may_be_named_like_the_script(page: Page, front: Shopfront, footfall: Server) -> None:
    named = script(footfall, "footfall-shopify.js").replace("127.0.0.1", "footfall-shopify.localhost")
    page.goto(front.show("/", head=named))
    page.wait_for_function("window.footfall?.defaults.platform")
    assert "//footfall-shopify.localhost" in page.evaluate("footfall.host")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_its_frozen_version_loads_the_frozen_core(page: Page, front: Shopfront, footfall: Server, version: str) -> None:
    page.goto(front.show("/products/shirt", head=PAGES["linked data"] + script(footfall, f"footfall-shopify.{version}.js")))
    page.wait_for_function("window.footfall")
    loaded = page.evaluate("[...document.scripts].map((script) => script.src.split('/').pop()).filter(Boolean)")
    assert sorted(loaded) == [f"footfall-shopify.{version}.js", f"footfall.{version}.js"]
    eventually(page, lambda: stored(footfall, uuid_of(page)))

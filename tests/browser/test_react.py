"""``@footfall/react`` with React itself, in a page and on a server, against a server of ours."""

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Request, Route

from tests.browser.events import errors_of, eventually, stored
from tests.browser.node import ROOT, bundle, constants, rendered
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server

HEAD = """
import { StrictMode, useEffect, useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import * as hooks from "@footfall/react";
const { FootfallProvider, useFootfall, useProducts, useRecentlyViewed, useRecommended, useShopifyConsent, useTrending, useViewed } = hooks;
const shop = { apiKey: KEY, host: HOST };
function Client() { const client = useFootfall(); useEffect(() => { globalThis.client = client; }, [client]); return null; }
function List({ of }) {
  return <p id="list">{of.loading ? "loading" : of.error ? "error: " + of.error.message : ["handles:", ...of.products.map(({ handle }) => handle)].join(" ")}</p>;
}
"""
STRICT = """
const show = (page) => (globalThis.root ??= createRoot(document.getElementById("app"))).render(<StrictMode>{page}</StrictMode>);
"""


def open_app(page: Page, front: Shopfront, footfall: Server, source: str, *, host: str | None = None, html: str = "") -> None:
    """Open a page of which React renders ``#app``."""
    script = bundle(constants({"KEY": PUBLIC_KEY, "HOST": host or footfall.url}) + HEAD + STRICT + source)
    page.goto(front.show("/", body=f'<div id="app">{html}</div><script>{script}</script>'))


def of_client(page: Page) -> str:
    """The visitor, once there is a client."""
    page.wait_for_function("globalThis.client?.uuid")
    uuid: str = page.evaluate("client.uuid")
    return uuid


def list_says(page: Page, wanted: str) -> None:
    """Wait for what the list shows."""
    eventually(page, lambda: page.inner_text("#list"), lambda text: text == wanted)


def viewed(footfall: Server, uuid: str) -> list[Any]:
    """The products of a visitor's views, in order."""
    return [event.get("product_id") or event.get("product_handle") for event in stored(footfall, uuid)]


def settled(page: Page) -> None:
    """Wait for all that the page has to tell, of which the last is a search."""
    page.evaluate("client.track('user', 'searched', 'term', { defined_noun_id: 'last' }); client.flush()")


PRODUCT = """
function Product({ product }) { useViewed(product, { widget_id: "page" }); return <h1>{product ? product.handle : "none"}</h1>; }
globalThis.open = (product) => show(<FootfallProvider {...shop}><Client /><Product product={product} /></FootfallProvider>);
"""


def test_a_product_is_told_once_and_again_when_it_becomes_another(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        open_app(page, front, footfall, PRODUCT + "open({ id: 1, handle: 'shirt' });")
        uuid = of_client(page)
        eventually(page, lambda: viewed(footfall, uuid), lambda found: len(found) == 1)
        for product in ({"id": 1, "handle": "shirt"}, {"id": 2, "handle": "mug"}, None, {"id": 2, "handle": "mug"}):
            page.evaluate("(product) => open(product)", product)
            page.wait_for_function(
                "(name) => document.querySelector('h1').textContent === name", arg=product["handle"] if product else "none"
            )
        settled(page)
        eventually(page, lambda: viewed(footfall, uuid), lambda found: len(found) > 3 and found[-1] is None)
    assert viewed(footfall, uuid) == ["1", "2", "2", None]
    assert stored(footfall, uuid)[0]["widget_id"] == "page"


def test_what_was_viewed_is_listed_and_a_live_list_follows(page: Page, front: Shopfront, footfall: Server) -> None:
    source = """
    function Shelf() { return <List of={useRecentlyViewed({ limit: 2, live: true })} />; }
    function Product({ handle }) { useViewed(handle); return null; }
    globalThis.open = (handle) => show(<FootfallProvider {...shop}><Client /><Product handle={handle} /><Shelf /></FootfallProvider>);
    open("shirt");
    """
    with errors_of(page):
        open_app(page, front, footfall, source)
        list_says(page, "handles: shirt")
        page.evaluate("open('mug')")
        list_says(page, "handles: mug shirt")
        page.evaluate("open('socks')")
        list_says(page, "handles: socks mug")


def test_a_list_that_is_not_live_changes_when_it_is_asked_to(page: Page, front: Shopfront, footfall: Server) -> None:
    source = """
    function Shelf() { const viewed = useRecentlyViewed(); globalThis.refresh = viewed.refresh; return <List of={viewed} />; }
    show(<FootfallProvider {...shop}><Client /><Shelf /></FootfallProvider>);
    """
    open_app(page, front, footfall, source)
    list_says(page, "handles:")
    uuid = of_client(page)
    page.evaluate("client.viewed('shirt'); client.flush()")
    eventually(page, lambda: viewed(footfall, uuid))
    assert page.inner_text("#list") == "handles:"
    page.evaluate("refresh()")
    list_says(page, "handles: shirt")


def test_each_hook_asks_for_its_list_and_a_list_that_cannot_be_had_is_empty_with_the_reason(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    source = """
    function Shelf() {
      useTrending({ limit: 3 }); useRecommended({ shopify_product_ids: [1, 2] }); useRecentlyViewed();
      const missing = useProducts("no-such-list"); globalThis.missing = missing.products;
      return <List of={missing} />;
    }
    show(<FootfallProvider {...shop}><Client /><Shelf /></FootfallProvider>);
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/api/v1/products/")[2]))
    with errors_of(page):
        open_app(page, front, footfall, source)
        eventually(page, lambda: page.inner_text("#list"), lambda text: text.startswith("error: "))
    assert page.evaluate("missing") == []
    lists = [one for one in asked if one]
    assert {one.partition("?")[0] for one in lists} == {"trending_products", "recommended", "viewed", "no-such-list"}
    assert any("limit=3" in one for one in lists if one.startswith("trending"))
    assert any("shopify_product_ids=1%2C2" in one for one in lists if one.startswith("recommended"))


def test_other_parameters_ask_again_and_never_show_what_was_answered_for_the_ones_before(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    source = """
    globalThis.shown = [];
    function Shelf({ limit }) { const { products, loading } = useRecentlyViewed({ limit }); shown.push([limit, loading, products.length]); return null; }
    globalThis.open = (limit) => show(<FootfallProvider {...shop}><Client /><Shelf limit={limit} /></FootfallProvider>);
    open(2);
    """
    open_app(page, front, footfall, source)
    of_client(page)
    page.evaluate("client.viewed('shirt'); client.viewed('mug'); open(1)")
    eventually(page, lambda: page.evaluate("shown.at(-1)"), lambda last: last == [1, False, 1])
    page.evaluate("open(2)")
    eventually(page, lambda: page.evaluate("shown.at(-1)"), lambda last: last == [2, False, 2])
    assert [2, False, 1] not in page.evaluate("shown")
    assert [2, True, 1] not in page.evaluate("shown")


def test_a_list_that_goes_takes_its_request_along(page: Page, front: Shopfront, footfall: Server) -> None:
    source = """
    function Shelf() { return <List of={useTrending()} />; }
    globalThis.open = (shown) => show(<FootfallProvider {...shop}><Client />{shown && <Shelf />}</FootfallProvider>);
    open(true);
    """
    waiting: list[Route] = []
    failed: list[Request] = []
    page.route("**/trending_products*", lambda route: waiting.append(route))
    page.on("requestfailed", lambda request: failed.append(request))
    with errors_of(page):
        open_app(page, front, footfall, source)
        eventually(page, lambda: waiting)
        page.evaluate("open(false)")
        eventually(page, lambda: len(failed) == len(waiting) > 0)
    assert {request.failure for request in failed} == {"net::ERR_ABORTED"}


@pytest.mark.parametrize("how", ["blocked", "another hash"])
def test_a_script_that_cannot_be_had_leaves_the_page_whole_and_says_so(
    page: Page, front: Shopfront, footfall: Server, how: str
) -> None:
    source = """
    function Shelf() { useViewed("shirt"); const footfall = useFootfall(); return <><h1>{String(footfall)}</h1><List of={useRecentlyViewed()} /></>; }
    show(<FootfallProvider {...shop} integrity={INTEGRITY} customerId="7" consent={true}><Shelf /></FootfallProvider>);
    """
    if how == "blocked":
        page.route("**/sdk/footfall.js", lambda route: route.abort())
    warned: list[str] = []
    page.on("console", lambda message: warned.append(message.text) if message.type == "warning" else None)
    with errors_of(page):
        integrity = "" if how == "blocked" else "sha384-" + "A" * 64
        open_app(page, front, footfall, constants({"INTEGRITY": integrity}) + source)
        eventually(page, lambda: page.inner_text("#list"), lambda text: text.startswith("error: "))
    assert "/sdk/footfall.js could not be loaded" in page.inner_text("#list")
    assert page.inner_text("h1") == "null"
    assert any("could not be loaded" in text for text in warned)
    assert page.evaluate("document.querySelectorAll('script[src]').length") == 0


def test_a_version_of_the_script_is_taken_by_its_hash_and_asked_for_once(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    source = """
    const frozen = { src: HOST + "/sdk/footfall.v1.js", integrity: INTEGRITY };
    function Product() { useViewed("shirt"); return null; }
    show(<><FootfallProvider {...shop} {...frozen}><Client /><Product /></FootfallProvider><FootfallProvider {...shop} {...frozen}><Client /></FootfallProvider></>);
    """
    frozen = httpx.get(f"{footfall.url}/sdk/footfall.v1.js", timeout=30)
    assert frozen.status_code == 200
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(frozen.content).digest()).decode()
    open_app(page, front, footfall, constants({"INTEGRITY": integrity}) + source)
    uuid = of_client(page)
    eventually(page, lambda: viewed(footfall, uuid))
    assert page.evaluate("document.querySelectorAll('script[src]').length") == 1


def test_two_providers_of_one_shop_share_a_client_and_outlive_each_other(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    source = """
    function Shared({ name }) { const client = useFootfall(); useEffect(() => { globalThis[name] = client; }); return null; }
    globalThis.open = (two) => show(<>
      <FootfallProvider {...shop}><Client /><Shared name="one" /></FootfallProvider>
      {two && <FootfallProvider {...shop} host={HOST + "/"}><Shared name="two" /></FootfallProvider>}
    </>);
    open(true);
    """
    with errors_of(page):
        open_app(page, front, footfall, source)
        page.wait_for_function("globalThis.one && globalThis.two")
        assert page.evaluate("one === two")
        page.evaluate("open(false)")
        uuid = of_client(page)
        page.evaluate("one.viewed('shirt')")
        eventually(page, lambda: viewed(footfall, uuid), lambda found: found == ["shirt"])


WHO = """
function Product({ handle }) { useViewed(handle); return <List of={useRecentlyViewed()} />; }
globalThis.open = (visitor, handle) => show(<FootfallProvider {...shop} {...visitor}><Client /><Product handle={handle} /></FootfallProvider>);
"""


def test_a_customer_stands_on_what_is_told_until_nobody_is_logged_in(page: Page, front: Shopfront, footfall: Server) -> None:
    open_app(page, front, footfall, WHO + "open({ customerId: '7' }, 'shirt');")
    first = of_client(page)
    list_says(page, "handles: shirt")
    page.evaluate("open({ customerId: null }, 'mug')")
    page.wait_for_function("(before) => client.uuid !== before", arg=first)
    second = of_client(page)
    list_says(page, "handles: mug")
    assert [(event["product_handle"], event.get("customer_id")) for event in stored(footfall, first)] == [("shirt", "7")]
    assert [(event["product_handle"], event.get("customer_id")) for event in stored(footfall, second)] == [("mug", None)]


def test_a_customer_who_logged_out_on_the_server_is_forgotten_and_a_visitor_is_not(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    open_app(page, front, footfall, WHO + "open({ customerId: location.hash.slice(1) || null }, 'shirt');")
    nobody = of_client(page)
    page.reload()
    assert of_client(page) == nobody
    page.goto(front.url + "/?again#7")
    assert of_client(page) == nobody
    eventually(page, lambda: [event.get("customer_id") for event in stored(footfall, nobody)], lambda found: "7" in found)
    page.goto(front.url + "/")
    assert of_client(page) != nobody


def test_the_shops_own_id_is_the_visitors_and_another_one_is_another_visitor(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    open_app(page, front, footfall, WHO + "open({ uuid: 'react-1', customerId: '8' }, 'shirt');")
    eventually(page, lambda: viewed(footfall, "react-1"), lambda found: found == ["shirt"])
    page.evaluate("open({ uuid: 'react-2', customerId: null }, 'shirt')")
    page.wait_for_function("client.uuid === 'react-2'")
    page.evaluate("open({ uuid: 'react-2', customerId: null }, 'mug')")
    found = eventually(page, lambda: stored(footfall, "react-2"))
    assert [(event["product_handle"], event.get("customer_id")) for event in found] == [("mug", None)]


def test_nothing_is_kept_or_sent_before_consent_is_given(page: Page, front: Shopfront, footfall: Server) -> None:
    open_app(page, front, footfall, WHO + "open({ consent: null, customerId: '9' }, 'shirt');")
    list_says(page, "handles:")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("client.flush()")
    assert page.evaluate(
        "[client.uuid, client.allowed, Object.keys(localStorage).filter((name) => name !== 'footfall.script')]"
    ) == [None, None, []]
    assert not any("analytics" in url for url in asked)
    page.evaluate("open({ consent: true, customerId: '9' }, 'shirt')")
    uuid = of_client(page)
    list_says(page, "handles: shirt")
    (told,) = stored(footfall, uuid)
    assert (told["consent"], told["customer_id"]) == ("granted", "9")
    page.evaluate("open({ consent: false, customerId: '9' }, 'mug')")
    list_says(page, "handles:")
    assert page.evaluate("client.uuid") is None
    page.evaluate("open({ consent: true, customerId: '9' }, 'mug')")
    again = of_client(page)
    assert again != uuid


def test_what_shopifys_privacy_api_says_is_followed(page: Page, front: Shopfront, footfall: Server) -> None:
    source = """
    function Consent() { return <h1>{String(useShopifyConsent())}</h1>; }
    show(<Consent />);
    """
    with errors_of(page):
        open_app(page, front, footfall, source)
        assert page.inner_text("h1") == "null"
        for allowed, event in ((False, "shopifyCustomerPrivacyApiLoaded"), (True, "visitorConsentCollected")):
            page.evaluate(
                """([allowed, event]) => {
                    globalThis.Shopify = { customerPrivacy: { analyticsProcessingAllowed: () => allowed } };
                    document.dispatchEvent(new CustomEvent(event, { detail: null }));
                }""",
                [allowed, event],
            )
            page.wait_for_function("(wanted) => document.querySelector('h1').textContent === wanted", arg=str(allowed).lower())


def test_hooks_without_a_provider_do_nothing_and_say_so(page: Page, front: Shopfront, footfall: Server) -> None:
    warned: list[str] = []
    page.on("console", lambda message: warned.append(message.text) if message.type == "warning" else None)
    with errors_of(page):
        open_app(
            page,
            front,
            footfall,
            "function Lone() { useViewed('shirt'); return <List of={useTrending()} />; } show(<Lone />);",
        )
        list_says(page, "error: There is no <FootfallProvider> above.")
    assert any("FootfallProvider" in text for text in warned)


def test_a_provider_takes_a_client_that_the_page_has(page: Page, front: Shopfront, footfall: Server) -> None:
    source = """
    function Product() { useViewed("shirt"); return <List of={useRecentlyViewed()} />; }
    globalThis.open = (client) => show(<FootfallProvider client={client}><Client /><Product /></FootfallProvider>);
    open(null);
    """
    open_app(page, front, footfall, source)
    assert page.inner_text("#list") == "loading"
    page.add_script_tag(url=f"{footfall.url}/sdk/footfall.js")
    page.evaluate("([key, host]) => { globalThis.own = new Footfall({ key, host }); open(own); }", [PUBLIC_KEY, footfall.url])
    list_says(page, "handles: shirt")
    assert page.evaluate("client === own")


TREE = """
function Product() { useViewed("shirt"); const consent = useShopifyConsent(); return <><h1>{String(consent)}</h1><List of={useRecentlyViewed()} /></>; }
const tree = <StrictMode><FootfallProvider {...shop} customerId={null}><Client /><Product /></FootfallProvider></StrictMode>;
"""


def test_a_page_rendered_on_a_server_is_taken_over_as_it_is(page: Page, front: Shopfront, footfall: Server) -> None:
    names = constants({"KEY": PUBLIC_KEY, "HOST": footfall.url})
    server = 'import { renderToString } from "react-dom/server";\n' + names + HEAD + TREE
    html = rendered(server + "process.stdout.write(JSON.stringify([typeof window, typeof document, renderToString(tree)]));")
    window, document, markup = json.loads(html)
    assert (window, document) == ("undefined", "undefined")
    assert markup == '<h1>null</h1><p id="list">loading</p>'
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    takes_over = """
    globalThis.mismatches = [];
    globalThis.before = document.querySelector("h1");
    hydrateRoot(document.getElementById("app"), tree, { onRecoverableError: (error) => mismatches.push(error.message) });
    """
    with errors_of(page):
        open_app(page, front, footfall, TREE + takes_over, html=markup)
        list_says(page, "handles: shirt")
    assert page.evaluate("[mismatches, before.isConnected]") == [[], True]
    assert [text for text in said if "hydrat" in text.lower() or "did not match" in text] == []


def test_the_package_exports_what_its_types_declare() -> None:
    told = rendered('import * as hooks from "@footfall/react"; process.stdout.write(JSON.stringify(Object.keys(hooks)));')
    declared = (ROOT / "sdk" / "react" / "index.d.ts").read_text(encoding="utf-8")
    names = [line.split("function ")[1].split("(")[0] for line in declared.splitlines() if line.startswith("export function ")]
    assert sorted(json.loads(told)) == sorted(names)

"""The guides to Hydrogen in a page: what its Content-Security-Policy must allow, and that carts are told of."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.events import errors_of, eventually, stored
from tests.browser.node import GUIDES, blocks, bundle, constants, rendered
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server

NEW = GUIDES / "hydrogen.md"
OLD = GUIDES / "hydrogen-analytics-provider.md"
LINE = 'connectSrc: ["https://events.shop.example"],'

PAGE = """
import { FootfallProvider, useFootfall, useViewed } from "@footfall/react";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
function Product() { useViewed("shirt"); return null; }
function Client() { const client = useFootfall(); useEffect(() => { globalThis.client = client; }, [client]); return null; }
createRoot(document.getElementById("app")).render(<FootfallProvider apiKey={KEY} host={HOST}><Client /><Product /></FootfallProvider>);
"""


def policies(with_line: bool, host: str) -> dict[str, str]:
    """A policy for each page of the guide, of nonce ``abc``: Hydrogen's own function makes that of the earlier versions."""
    code = blocks(OLD)["app/lib/content-security-policy.ts"]
    assert LINE in code
    if not with_line:
        code = code.replace(LINE, "")
    asked = 'contentSecurityPolicy({ PUBLIC_CHECKOUT_DOMAIN: "checkout.shop.example", PUBLIC_STORE_DOMAIN: "shop.example" })'
    told = rendered(code + f"const {{ header, nonce }} = {asked};\nprocess.stdout.write(header.replaceAll(nonce, 'abc'));")
    line = "\nconnect-src https://events.shop.example\n"
    assert line in NEW.read_text(encoding="utf-8")
    own = "default-src 'self'; script-src 'nonce-abc'; connect-src 'self'"
    new = own.replace("connect-src 'self'", line.strip()) if with_line else own
    return {
        name: policy.replace("https://events.shop.example", host) for name, policy in {"earlier": told, "library": new}.items()
    }


@pytest.mark.parametrize("version", ["earlier", "library"])
def test_events_arrive_with_the_line_that_the_guide_names_and_none_is_sent_without_it(
    page: Page, front: Shopfront, footfall: Server, version: str
) -> None:
    code = bundle(constants({"KEY": PUBLIC_KEY, "HOST": footfall.url}) + PAGE)
    address = front.show("/", body=f'<div id="app"></div><script nonce="abc">{code}</script>')
    sent: list[str] = []
    page.on("response", lambda answer: sent.append(answer.url) if "/analytics/" in answer.url else None)
    violations = "addEventListener('securitypolicyviolation', ({ effectiveDirective }) => (globalThis.violated ??= []).push(effectiveDirective))"
    page.add_init_script(violations)

    front.headers["Content-Security-Policy"] = policies(False, footfall.url)[version]
    with errors_of(page):
        page.goto(address)
        eventually(page, lambda: page.evaluate("Boolean(globalThis.client && globalThis.violated)"))
        uuid = page.evaluate("client.uuid")
    assert set(page.evaluate("violated")) == {"connect-src"}
    assert (sent, stored(footfall, uuid)) == ([], [])

    front.headers["Content-Security-Policy"] = policies(True, footfall.url)[version]
    with errors_of(page):
        page.goto(address)
        eventually(page, lambda: stored(footfall, uuid))
    assert page.evaluate("globalThis.violated ?? null") is None
    assert sent


CART = """
import { createRoot } from "react-dom/client";
import { StrictMode, useEffect } from "react";
import { useFootfall } from "@footfall/react";
function Client() { const client = useFootfall(); useEffect(() => { globalThis.client = client; }, [client]); return null; }
globalThis.Shopify = { customerPrivacy: { analyticsProcessingAllowed: () => true } };
"""

OLD_BUS = """
const heard = {};
const useAnalytics = () => ({ subscribe: (event, callback) => { heard[event] = callback; }, register: () => ({ ready: () => { globalThis.ready = true; } }) });
globalThis.publish = (event, payload) => heard[event](payload);
"""

NEW_BUS = """
const heard = {};
globalThis.Shopify.analytics = {
  addDestination({ setup }) {
    setup({ subscribe: (event, callback) => { heard[event] = callback; } });
    return () => { for (const event in heard) delete heard[event]; };
  },
};
globalThis.publish = (event, payload) => heard[event](payload);
"""

SHOW = """
createRoot(document.getElementById("app")).render(<StrictMode><Footfall customerId="7"><Client /><ProductView product={PRODUCT} variantId="11" /></Footfall></StrictMode>);
"""


def line(quantity: int) -> dict[str, Any]:
    """A line of a cart as the Storefront API has it."""
    product = {"id": "gid://shopify/Product/1", "handle": "shirt"}
    price = {"amount": "19.90", "currencyCode": "EUR"}
    return {"quantity": quantity, "merchandise": {"id": "gid://shopify/ProductVariant/11", "price": price, "product": product}}


def app(guide: dict[str, str], bus: str, footfall: Server) -> str:
    """The guide's components as one source: their imports stand at its top, but for Hydrogen's, which ``bus`` stands in for."""
    components = [guide[f"app/components/{name}.tsx"] for name in ("FootfallCart", "Footfall", "ProductView")]
    code = "\n".join(components).replace("https://events.shop.example", footfall.url).replace('"KEY"', json.dumps(PUBLIC_KEY))
    lines = [one for one in code.splitlines() if not one.startswith(("import ", '"use client"'))]
    imports = (
        'import { FootfallProvider, useShopifyConsent, useViewed } from "@footfall/react";\nimport { useRef } from "react";\n'
    )
    product = json.dumps({"id": "gid://shopify/Product/1", "handle": "shirt", "title": "Shirt"})
    return imports + CART + bus + f"const PRODUCT = {product};\n" + "\n".join(lines) + SHOW


@pytest.mark.parametrize("version", ["earlier", "library"])
def test_the_components_of_the_guide_tell_of_views_and_of_each_change_of_the_cart(
    page: Page, front: Shopfront, footfall: Server, version: str
) -> None:
    source = app(blocks(OLD), OLD_BUS, footfall) if version == "earlier" else app(blocks(NEW), NEW_BUS, footfall)
    with errors_of(page):
        page.goto(front.show("/", body=f'<div id="app"></div><script>{bundle(source)}</script>'))
        page.wait_for_function("globalThis.client?.uuid")
        uuid = page.evaluate("client.uuid")
        eventually(page, lambda: stored(footfall, uuid))
        page.evaluate("(payload) => publish('product_added_to_cart', payload)", {"currentLine": line(1)})
        page.evaluate("(payload) => publish('product_added_to_cart', payload)", {"prevLine": line(1), "currentLine": line(3)})
        page.evaluate("(payload) => publish('product_removed_from_cart', payload)", {"prevLine": line(3)})
        found = eventually(page, lambda: stored(footfall, uuid), lambda events: len(events) == 4)
    assert [(event["verb"], event.get("quantity")) for event in found] == [
        ("viewed", None),
        ("added", 1),
        ("added", 2),
        ("removed", 3),
    ]
    assert {(event["product_id"], event["product_handle"], event["customer_id"], event["consent"]) for event in found} == {
        ("1", "shirt", "7", "granted")
    }
    assert {(event["price"], event["currency"]) for event in found[1:]} == {("19.90", "EUR")}

"""Shopify's sandbox for custom pixels on loopback, as its public documentation tells of it: a frame without an origin, whose pixel
hears the shop's events, and reaches the storage of the page around it by messages alone.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from playwright.sync_api import Page

from footfall.sdk_files import folder
from tests.browser.events import stored
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server

LATER = 11_000
"""Milliseconds after which the pixel no longer waits for the script."""

THEME = '<script type=\'application/json\' data-product-json>{"id":1,"handle":"shirt","title":"Shirt"}</script>'
_AROUND = """
    // What a theme and Shopify publish is told to a pixel that starts later as well.
    window.sandbox = {
        told: [],
        tell(message) {
            this.told.push(message);
            if (this.ready) this.frame.contentWindow.postMessage(message, "*");
        },
        deliver() {
            this.frame.contentWindow.postMessage({ delivered: true }, "*");
            return new Promise((resolve) => (this.delivered = resolve));
        },
        start(page, blocked) {
            this.frame = document.createElement("iframe");
            this.frame.sandbox = "allow-scripts allow-forms";
            this.frame.srcdoc = page;
            addEventListener("message", ({ data: { call, method, input } }) => {
                if (method === "ready") {
                    this.ready = true;
                    return this.told.forEach((message) => this.frame.contentWindow.postMessage(message, "*"));
                }
                if (method === "delivered") return this.delivered();
                const answer = blocked ? { error: "The storage is blocked." } : { value: localStorage[method](...input) };
                this.frame.contentWindow.postMessage({ call, ...answer }, "*");
            });
            document.body.append(this.frame);
        },
    };
    window.Shopify = { analytics: { publish(name, customData) {
        sandbox.tell({ event: { id: crypto.randomUUID(), name, timestamp: new Date().toISOString(), customData } });
    } } };
"""
_INSIDE = """
    const subscribers = { event: {}, consent: {} };
    const subscribing = (kind) => async (name, callback) => void (subscribers[kind][name] ??= []).push(callback);
    const calls = [];
    const asked = (method) => (...input) => new Promise((resolve, reject) => {
        parent.postMessage({ call: calls.push({ resolve, reject }) - 1, method, input }, "*");
    });
    addEventListener("message", ({ data: { call, value, error, event, consent, delivered } }) => {
        if (delivered) parent.postMessage({ method: "delivered" }, "*");
        if (call !== undefined) error ? calls[call].reject(new Error(error)) : calls[call].resolve(value);
        for (const callback of (event && subscribers.event[event.name]) ?? []) callback(event);
        for (const callback of (consent && subscribers.consent.visitorConsentCollected) ?? []) callback({ customerPrivacy: consent });
    });
    const analytics = { subscribe: subscribing("event") };
    const browser = { localStorage: { getItem: asked("getItem"), setItem: asked("setItem"), removeItem: asked("removeItem") } };
    const api = { analytics, browser, init, customerPrivacy: { subscribe: subscribing("consent") } };
"""


def pixel(url: str, constants: Mapping[str, str] = MappingProxyType({})) -> str:
    """The pixel as a shop pastes it, with its constants filled in."""
    text = (folder() / "shopify-pixel.js").read_text(encoding="utf-8")
    filled = {"KEY": PUBLIC_KEY, "HOST": url, **constants}
    lines = text.split("\n")
    for name, value in filled.items():
        (number,) = (n for n, line in enumerate(lines) if line.startswith(f"const FOOTFALL_{name} = "))
        lines[number] = f"const FOOTFALL_{name} = {json.dumps(value)};"
    return "\n".join(lines)


class Sandbox:
    """A shop's page and the pixel in it. ``client`` is what Shopify calls this browser."""

    def __init__(self, page: Page, front: Shopfront, footfall: Server) -> None:
        self.page, self._front, self._footfall = page, front, footfall
        self.client = f"client-{uuid.uuid4()}"

    def open(self, path: str = "/", *, head: str = "") -> None:
        """Open a page of the shop, without the pixel as yet."""
        self.page.goto(self._front.show(path, head=f"<script>{_AROUND}</script>{head}"))

    def start(
        self,
        *,
        allowed: bool | None = True,
        customer: str | None = None,
        blocked: bool = False,
        gpc: bool = False,
        constants: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Let Shopify start the pixel. ``allowed``: whether its consent allows analytics, as far as it says. ``gpc``: whether
        the browser sends Global Privacy Control."""
        privacy = {} if allowed is None else {"analyticsProcessingAllowed": allowed}
        init = {"data": {"customer": customer and {"id": customer}}, "context": {}, "customerPrivacy": privacy}
        signal = "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });" if gpc else ""
        inside = f"const init = {json.dumps(init)};{signal}{_INSIDE}"
        scripts = (inside, pixel(self._footfall.url, constants), "parent.postMessage({ method: 'ready' }, '*')")
        document = "<!doctype html>" + "".join(f"<script>{script}</script>" for script in scripts)
        self.page.evaluate("([document, blocked]) => sandbox.start(document, blocked)", [document, blocked])
        self.page.wait_for_function("sandbox.ready")
        self.delivered()

    def delivered(self) -> None:
        """Wait until the pixel has heard all that was said to it so far."""
        self.page.evaluate("sandbox.deliver()")

    def publish(self, name: str, data: Any, **fields: Any) -> str:
        """Publish a standard event as Shopify does; its id."""
        event_id = f"sh-{uuid.uuid4()}"
        context = {"document": {"location": {"href": self.page.url}, "referrer": ""}}
        event = {"id": event_id, "name": name, "clientId": self.client, "context": context, "data": data, **fields}
        told = "(event) => sandbox.tell({ event: { timestamp: new Date().toISOString(), ...event } })"
        self.page.evaluate(told, event)
        return event_id

    def consent(self, *, allowed: bool) -> None:
        """The visitor answers the shop's banner: the page and the pixel hear it."""
        self.page.evaluate(
            """(allowed) => {
                document.dispatchEvent(new CustomEvent("visitorConsentCollected", { detail: { analyticsAllowed: allowed } }));
                sandbox.tell({ consent: { analyticsProcessingAllowed: allowed } });
            }""",
            allowed,
        )

    def kept(self, name: str) -> str | None:
        """What the page's storage holds under ``footfall.<name>``."""
        found: str | None = self.page.evaluate("(name) => localStorage.getItem('footfall.' + name)", name)
        return found


def variant(number: int = 11, product: int = 1, price: float = 19.9) -> dict[str, Any]:
    """A variant as Shopify's events have it."""
    return {
        "id": str(number),
        "title": "Blue",
        "sku": None,
        "price": {"amount": price, "currencyCode": "EUR"},
        "product": {
            "id": str(product),
            "title": "Shirt",
            "vendor": "Acme",
            "type": "Shirts",
            "url": "/products/shirt?variant=1",
        },
    }


def viewed(**more: Any) -> tuple[str, dict[str, Any]]:
    """A look at a product."""
    return "product_viewed", {"productVariant": variant(**more)}


def added(quantity: int = 2, **more: Any) -> tuple[str, dict[str, Any]]:
    """A product put into the cart."""
    return "product_added_to_cart", {"cartLine": {"quantity": quantity, "merchandise": variant(**more)}}


def removed(quantity: int = 1) -> tuple[str, dict[str, Any]]:
    """A product taken out of the cart."""
    return "product_removed_from_cart", {"cartLine": {"quantity": quantity, "merchandise": variant()}}


def searched(query: str = " Linen Shirt") -> tuple[str, dict[str, Any]]:
    """A search with one result."""
    return "search_submitted", {"searchResult": {"query": query, "productVariants": [variant()]}}


def collection() -> tuple[str, dict[str, Any]]:
    """A look at a collection."""
    return "collection_viewed", {"collection": {"id": "77", "title": "Summer", "productVariants": [variant()]}}


def checkout(number: str, *lines: tuple[dict[str, Any] | None, int], **more: Any) -> tuple[str, dict[str, Any]]:
    """A finished checkout: variants and their quantities."""
    items: list[dict[str, Any]] = [
        {"variant": one, "quantity": quantity, "title": "a line", "discountAllocations": []} for one, quantity in lines
    ]
    told = {"token": f"token-{number}", "currencyCode": "EUR", "order": {"id": number, "customer": None}, "lineItems": items}
    return "checkout_completed", {"checkout": {**told, **more}}


def moment(milliseconds: float) -> str:
    """A time as Shopify's events have it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def order() -> str:
    """An order id that only one test uses."""
    return str(uuid.uuid4().int >> 80)


def words(events: list[dict[str, Any]]) -> list[str]:
    """Verb and noun of each event, in alphabetical order."""
    return sorted(f"{event['verb']} {event['noun']}" for event in events)


def of_shop(footfall: Server, shop: Sandbox) -> list[dict[str, Any]]:
    """What is stored of the visitor that the page's storage names."""
    known = shop.kept("uuid")
    return stored(footfall, known) if known else []


def of_term(footfall: Server, term: str) -> list[dict[str, Any]]:
    """The searches for a term that only one test uses."""
    return [event for event in stored(footfall) if event.get("defined_noun_id") == term]

"""A shop's own web server on loopback: pages that tests write, and the cart of a Shopify storefront as documented."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

CATALOG: dict[int, dict[str, Any]] = {
    11: {"product_id": 1, "handle": "shirt", "product_title": "Shirt", "price": 1990},
    12: {"product_id": 1, "handle": "shirt", "product_title": "Shirt", "price": 2090},
    21: {"product_id": 2, "handle": "mug", "product_title": "Mug", "price": 900},
}
"""The shop's variants: price in cents, as a cart has it."""


class Shopfront:
    """Serves ``pages`` (path → HTML) and one cart, which every browser shares."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        """Headers of every page, such as a Content-Security-Policy."""
        self.new_cart()
        self.calls: list[str] = []
        """The paths that were asked for, pages apart."""

    def new_cart(self, token: str = "c1") -> None:
        """What a shop does after an order: another token, nothing in it."""
        self.cart: dict[str, Any] = {"token": token, "items": [], "attributes": {}, "currency": "EUR", "item_count": 0}

    def __enter__(self) -> "Shopfront":
        front = self

        class Handler(_Handler):
            shop = front

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, path: str, *, head: str = "", body: str = "") -> str:
        """Put a page there; its address."""
        self.pages[path] = f"<!doctype html><html lang=en><head><title>{path}</title>{head}</head><body>{body}</body></html>"
        return self.url + path

    def add(self, variant: int, quantity: int, properties: Any = None) -> dict[str, Any]:
        """Put a variant into the cart; its line."""
        line = next((line for line in self.cart["items"] if line["variant_id"] == variant), None)
        if line is None:
            line = {"id": variant, "variant_id": variant, "quantity": 0, "properties": properties, **CATALOG[variant]}
            self.cart["items"].insert(0, line)
        line["quantity"] += quantity
        self._count()
        return line

    def change(self, variant: int, quantity: int) -> None:
        """Set how many of a variant are in the cart."""
        for line in self.cart["items"]:
            if line["variant_id"] == variant:
                line["quantity"] = quantity
        self.cart["items"] = [line for line in self.cart["items"] if line["quantity"] > 0]
        self._count()

    def _count(self) -> None:
        self.cart["item_count"] = sum(line["quantity"] for line in self.cart["items"])


class _Handler(BaseHTTPRequestHandler):
    shop: ClassVar[Shopfront]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/cart.js":
            self.shop.calls.append(path)
            self._answer(json.dumps(self.shop.cart), "application/json")
        elif path in self.shop.pages:
            self._answer(self.shop.pages[path], "text/html; charset=utf-8", self.shop.headers)
        else:
            self._answer("not here", "text/plain", status=404)

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        raw = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        is_json = "json" in self.headers.get("content-type", "")
        sent: Any = json.loads(raw) if is_json else {name: values[0] for name, values in parse_qs(raw).items()}
        self.shop.calls.append(path)
        if path.startswith("/cart/add"):
            lines = [
                self.shop.add(int(item["id"]), int(item.get("quantity", 1)), item.get("properties"))
                for item in sent.get("items", [sent])
            ]
            if path == "/cart/add":
                self._answer("", "text/html", {"Location": "/cart"}, status=303)
            else:
                self._answer(json.dumps({"items": lines} if "items" in sent else lines[0]), "application/json")
        elif path.startswith("/cart/change"):
            self.shop.change(int(sent["id"]), int(sent["quantity"]))
            self._answer(json.dumps(self.shop.cart), "application/json")
        elif path.startswith("/cart/update"):
            self.shop.cart["attributes"].update(sent.get("attributes", {}))
            for variant, quantity in sent.get("updates", {}).items():
                self.shop.change(int(variant), int(quantity))
            self._answer(json.dumps(self.shop.cart), "application/json")
        else:
            self._answer("not here", "text/plain", status=404)

    def _answer(self, text: str, media_type: str, headers: dict[str, str] | None = None, *, status: int = 200) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

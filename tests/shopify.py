"""A store on the loopback that answers as Shopify's public documentation says: storefront JSON in pages, the Admin GraphQL API
with cursors, and whatever goes wrong when a test wants it to."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "shpat_0123456789abcdef0123456789abcdef"


def product(number: int, **fields: Any) -> dict[str, Any]:
    """A product as a storefront shows it."""
    return {
        "id": number,
        "title": f"Product {number}",
        "handle": f"product-{number}",
        "published_at": "2025-01-03T10:00:00-05:00",
        "updated_at": "2025-06-01T10:00:00-04:00",
        "tags": ["one"],
        "variants": [{"id": number * 10, "title": "Default Title", "price": "8.00", "available": True}],
        "images": [],
        "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
        **fields,
    }


@dataclass
class Fault:
    """An answer that is given once in place of the right one: for the first request whose target has ``part`` in it."""

    part: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


class Store:
    """What the store has, and what it was asked."""

    def __init__(self) -> None:
        self.products: list[dict[str, Any]] = []
        self.collections: list[dict[str, Any]] = []
        """Each with ``members``, the ids of its products in its order."""
        self.hidden: set[int] = set()
        """Products that lists skip though they are there."""
        self.listed_max = 10**9
        self.repeats_last_page = False
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.available = 1_000.0
        self.throttled = 0
        self.errors: list[dict[str, Any]] | None = None
        self.url = ""

    def asked(self, part: str) -> list[str]:
        """The requests with this in their target."""
        return [target for target in self.requests if part in target]

    # --- the storefront ---------------------------------------------------------------------------------------------

    def storefront(self, target: str) -> tuple[int, Any]:
        parts = urlsplit(target)
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        path = unquote(parts.path)
        shown = [item for item in self.products if item["id"] not in self.hidden]
        if path == "/products.json":
            return 200, {"products": self._page(shown, page)}
        if path == "/collections.json":
            listed = [{key: value for key, value in item.items() if key != "members"} for item in self.collections]
            return 200, {"collections": self._page(listed, page)}
        if found := re.fullmatch(r"/collections/([^/]+)/products\.json", path):
            for collection in self.collections:
                if collection["handle"] == found[1]:
                    by_id = {item["id"]: item for item in self.products}
                    members = [by_id.get(member, {"id": member}) for member in collection["members"]]
                    return 200, {"products": self._page(members, page)}
        if found := re.fullmatch(r"/(product|collection)s/([^/]+)\.json", path):
            for item in self.products if found[1] == "product" else self.collections:
                if item["handle"] == found[2]:
                    return 200, {found[1]: {"id": item["id"]}}
        return 404, {"errors": "Not Found"}

    def _page(self, items: list[dict[str, Any]], page: int) -> list[dict[str, Any]]:
        items = items[: self.listed_max]
        if self.repeats_last_page:
            page = min(page, max(1, -(-len(items) // 250)))
        return items[(page - 1) * 250 : page * 250]

    # --- the Admin API ----------------------------------------------------------------------------------------------

    def admin(self, query: str, variables: dict[str, Any]) -> Any:
        cost = {"requestedQueryCost": 800, "throttleStatus": {"currentlyAvailable": self.available, "restoreRate": 50}}
        if self.errors is not None:
            return {"errors": self.errors}
        if self.throttled:
            self.throttled -= 1
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [error], "extensions": {"cost": cost}}
        return {"data": self._data(query, variables), "extensions": {"cost": cost}}

    def _data(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        name = re.match(r"query (\w+)", query)
        assert name is not None
        number = int(str(variables.get("id", "0")).rpartition("/")[2])
        if name[1] == "Products":
            page = connection(self.products, variables)
            parts = {"first": variables["parts"], "after": None}
            return {"products": {**page, "nodes": [self._node(item, parts) for item in page["nodes"]]}}
        if name[1] == "More":
            (part,) = [part for part in ("variants", "media", "metafields") if f"{part}(first: $first" in query]
            return {"product": {part: self._node(self._found(self.products, number), variables)[part]}}
        if name[1] == "Collections":
            page = connection(self.collections, variables)
            nodes = [
                {"id": f"gid://shopify/Collection/{item['id']}", "handle": item["handle"], "title": item["title"]}
                for item in page["nodes"]
            ]
            return {"collections": {**page, "nodes": nodes}}
        if name[1] == "Members":
            members = [
                {"id": f"gid://shopify/Product/{member}"} for member in self._found(self.collections, number)["members"]
            ]
            return {"collection": {"products": connection(members, variables)}}
        assert name[1] == "There"
        kind = "product" if "product(" in query else "collection"
        found = self._found(self.products if kind == "product" else self.collections, number)
        return {kind: {"id": variables["id"]} if found else None}

    def _found(self, items: list[dict[str, Any]], number: int) -> dict[str, Any]:
        return next((item for item in items if item["id"] == number), {})

    def _node(self, item: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        picture = "https://cdn.example/{}.jpg"
        variants = [
            {
                "id": f"gid://shopify/ProductVariant/{variant['id']}",
                "title": variant["title"],
                "price": variant["price"],
                "inventoryPolicy": "DENY",
                "inventoryQuantity": variant.get("inventory_quantity", 3),
                "selectedOptions": [{"name": "Title", "value": variant["title"]}],
                "image": {"id": f"gid://shopify/ProductImage/{item['id']}", "url": picture.format(item["id"])},
                "inventoryItem": {
                    "id": f"gid://shopify/InventoryItem/{variant['id']}",
                    "tracked": True,
                    "measurement": {"weight": {"value": 0.12, "unit": "KILOGRAMS"}},
                },
            }
            for variant in item["variants"]
        ]
        image = {"id": f"gid://shopify/ImageSource/{item['id']}7", "url": picture.format(item["id"]), "altText": None}
        metafields = [
            {"id": f"gid://shopify/Metafield/{n}", "namespace": "custom", "key": f"key-{n}", "value": "v", "type": "text"}
            for n in range(item.get("metafields", 1))
        ]
        return {
            "id": f"gid://shopify/Product/{item['id']}",
            "handle": item["handle"],
            "title": item["title"],
            "tags": item["tags"],
            "status": item.get("status", "active").upper(),
            "publishedAt": item["published_at"],
            "updatedAt": item["updated_at"],
            "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
            "variants": connection(variants, variables),
            "media": connection([{"image": image}, {}], variables),
            "metafields": connection(metafields, variables),
        }


def connection(items: list[Any], variables: dict[str, Any]) -> dict[str, Any]:
    """A page of a list in the API's shape; cursors are opaque to who asks."""
    first = int(variables["after"].removeprefix("cursor-")) if variables.get("after") else 0
    last = first + variables["first"]
    return {
        "nodes": items[first:last],
        "pageInfo": {"hasNextPage": last < len(items), "endCursor": f"cursor-{last}" if items else None},
    }


@contextmanager
def running_store() -> Iterator[Store]:
    """A store that answers until the end of the test."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in two small packets would wait 40 ms for each other.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(lambda: store.storefront(self.path))

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = json.loads(self.rfile.read(length))
            if self.headers.get("X-Shopify-Access-Token") != TOKEN:
                self._answer(lambda: (401, {"errors": "[API] Invalid API key or access token"}))
            else:
                self._answer(lambda: (200, store.admin(asked["query"], asked["variables"])))

        def _answer(self, answer: Any) -> None:
            store.requests.append(self.path)
            store.headers.append(dict(self.headers.items()))
            for fault in store.faults:
                if fault.part in self.path:
                    store.faults.remove(fault)
                    self._send(fault.status, fault.headers, fault.body, len(fault.body) + 10 * fault.cut)
                    self.close_connection = fault.cut
                    return
            status, content = answer()
            self._send(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

        def _send(self, status: int, headers: dict[str, str], body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()

"""A store's Admin GraphQL API: every product and collection, with stock, status and metafields, for who has a token.

Fields after Shopify's documentation of ``Product``, ``ProductVariant`` and ``Collection``. The token goes into one header of
requests to the store, and nowhere else.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from footfall.catalog import graphql
from footfall.catalog.collection import Collection, read_collection
from footfall.catalog.product import Product
from footfall.catalog.shape import ShapeError
from footfall.cli.sources.store import GoneError, Kind, Known, Listed, Page, listed_id
from footfall.cli.sources.web import RefusedError, StoreError, Web, WrongStoreError, is_loopback
from footfall.errors import InputInvalidError
from footfall.limits import (
    ADMIN_COLLECTIONS,
    ADMIN_MEMBERS,
    ADMIN_MORE,
    ADMIN_PRODUCTS,
    ADMIN_VARIANTS,
    PRODUCT_IMAGES_MAX,
    PRODUCT_METAFIELDS_MAX,
    PRODUCT_VARIANTS_MAX,
    PULL_PAUSE_SECONDS_MAX,
    PULL_RETRIES_MAX,
)

API_VERSION: Final = "2025-10"
"""The version whose shapes ``catalog.graphql`` reads. Shopify serves one for a year at least and then answers as the oldest it
still has: when this is raised, what changed in Product, ProductVariant and Collection is looked up."""

_PATH: Final = f"/admin/api/{API_VERSION}/graphql.json"

_PARTS: Final = {
    "variants": """nodes { id title price compareAtPrice sku barcode availableForSale inventoryPolicy inventoryQuantity
      selectedOptions { name value } image { id url } createdAt updatedAt
      inventoryItem { id tracked measurement { weight { value unit } } } }""",
    "media": "nodes { ... on MediaImage { image { id url altText width height } } }",
    "metafields": "nodes { id namespace key value type }",
}
"""What is asked of each list of a product."""

_PARTS_MAX: Final = {
    "variants": PRODUCT_VARIANTS_MAX,
    "media": PRODUCT_IMAGES_MAX,
    "metafields": PRODUCT_METAFIELDS_MAX,
}

_NEXT: Final = "pageInfo { hasNextPage endCursor }"

_PRODUCTS: Final = (
    "query Products($first: Int!, $after: String, $parts: Int!) {"
    " products(first: $first, after: $after, sortKey: ID) { " + _NEXT + " nodes {"
    " id handle title descriptionHtml vendor productType tags status publishedAt templateSuffix createdAt updatedAt"
    " options { name position values } "
    + " ".join(f"{name}(first: $parts) {{ {_NEXT} {fields} }}" for name, fields in _PARTS.items())
    + " } } }"
)
# In the order of ids: a product that is made or deleted meanwhile moves no other one to another page.

_MORE: Final = {
    name: f"query More($id: ID!, $first: Int!, $after: String) {{ product(id: $id) {{ {name}(first: $first, after: $after)"
    f" {{ {_NEXT} {fields} }} }} }}"
    for name, fields in _PARTS.items()
}

_COLLECTIONS: Final = (
    "query Collections($first: Int!, $after: String) { collections(first: $first, after: $after, sortKey: ID) { "
    + _NEXT
    + " nodes { id handle title descriptionHtml sortOrder updatedAt image { url } } } }"
)

_MEMBERS: Final = (
    "query Members($id: ID!, $first: Int!, $after: String) { collection(id: $id) { products(first: $first, after: $after) { "
    + _NEXT
    + " nodes { id } } } }"
)

_THERE: Final = {
    "product": "query There($id: ID!) { product(id: $id) { id } }",
    "collection": "query There($id: ID!) { collection(id: $id) { id } }",
}

Thing = TypeVar("Thing")


class _PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Connection(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a list, as the API answers it."""

    nodes: list[dict[str, Any]]
    page_info: _PageInfo

    @property
    def following(self) -> str | None:
        """The cursor behind which the list goes on."""
        return self.page_info.end_cursor if self.page_info.has_next_page else None


class AdminApi:
    """A ``Store`` with a token. Cursors are those of the API."""

    lists_unpublished = True

    def __init__(self, web: Web) -> None:
        """``web`` carries the token (``token_headers``). Raises ``InputInvalidError`` where it would cross a network in clear
        text."""
        if web.url.startswith("http:") and not is_loopback(web.url):
            raise InputInvalidError(f"A token is only sent over https: write https{web.url.removeprefix('http')}.")
        self.source = f"admin {web.url}"
        self._web = web
        self._cost = Cost()

    def products(self, cursor: str | None) -> Page[Product]:
        variables = {"first": ADMIN_PRODUCTS, "after": cursor, "parts": ADMIN_VARIANTS}
        found = _connection(self._ask("products", _PRODUCTS, variables))
        for node in found.nodes:
            for name in _PARTS:
                node[name] = self._all(node, name)
            _name_pictures(node)
        return _page(found, "Product", graphql.read_product)

    def collections(self, cursor: str | None) -> Page[Collection]:
        found = _connection(self._ask("collections", _COLLECTIONS, {"first": ADMIN_COLLECTIONS, "after": cursor}))
        return _page(found, "Collection", read_collection)

    def members(self, collection: Collection) -> Iterator[str]:
        variables = {"id": f"gid://shopify/Collection/{collection.id}", "first": ADMIN_MEMBERS}
        cursor: str | None = None
        while True:
            answer = self._ask("collection", _MEMBERS, {**variables, "after": cursor})
            if answer is None:
                raise GoneError(f"Collection {collection.id} was deleted while it was read.")
            found = _connection(answer.get("products"))
            for node in found.nodes:
                if (member := listed_id("Product", node)) is not None:
                    yield member
            cursor = found.following
            if cursor is None:
                return

    def is_there(self, kind: Kind, known: Known) -> bool:
        if known.id is None:
            # Known by its handle alone: whatever the store has under it has come with its id by now.
            return False
        return self._ask(kind, _THERE[kind], {"id": f"gid://shopify/{kind.capitalize()}/{known.id}"}) is not None

    def _all(self, node: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """A list of a product: what came with it, and what did not fit onto that page."""
        part = _connection(node.get(name))
        nodes = part.nodes
        while part.following is not None and len(nodes) < _PARTS_MAX[name]:
            variables = {"id": node.get("id"), "first": ADMIN_MORE, "after": part.following}
            product = self._ask("product", _MORE[name], variables)
            if product is None:
                # Deleted since it was listed: the next pass won't find it.
                break
            part = _connection(product.get(name))
            nodes += part.nodes
        return nodes[: _PARTS_MAX[name]]

    def _ask(self, name: str, query: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        """The object that a query asks for, asked again while the store has no points left for it."""
        content = msgspec.json.encode({"query": query, "variables": variables})
        for attempt in range(PULL_RETRIES_MAX + 1):
            self._cost.before(query, self._web.wait)
            try:
                answer = self._web.post(_PATH, content)
            except RefusedError as failure:
                raise self._refused(failure) from failure
            answer = answer if isinstance(answer, dict) else {}
            errors = answer.get("errors")
            self._cost.after(query, answer)
            if errors and not _is_throttled(errors):
                raise StoreError(f"{self._web.url} can't answer: {_told(errors)}")
            if not errors:
                data = answer.get("data")
                found = data.get(name, UNSET) if isinstance(data, dict) else UNSET
                if found is not None and not isinstance(found, dict):
                    raise WrongStoreError(f"{self._web.url}{_PATH} answers without {name}: it is no Admin API of Shopify's.")
                return found
            if attempt < PULL_RETRIES_MAX and not self._cost.is_known:
                self._web.back_off(attempt, None, "The store answers THROTTLED.")
        raise StoreError(f"{self._web.url} has no points left for this pull after {PULL_RETRIES_MAX} more tries (THROTTLED).")

    def _refused(self, failure: RefusedError) -> StoreError:
        if failure.status in (401, 403):
            return WrongStoreError(
                f"{failure} The store does not take this token: it must be an Admin API access token of this very store, with"
                " the scopes read_products and read_inventory."
            )
        if failure.status == 404:
            return WrongStoreError(
                f"{failure} There is no Admin API: use the store's own address, such as https://my-shop.myshopify.com."
            )
        return failure


class Cost:
    """What queries cost, and how many points a store has left: each is asked only when there are enough."""

    def __init__(self) -> None:
        self._requested: dict[str, float] = {}
        self._available = 0.0
        self._restored = 0.0
        """Points that come back each second; 0 while nothing is known."""

    @property
    def is_known(self) -> bool:
        """Whether an answer has told what the store has left."""
        return self._restored > 0

    def before(self, query: str, wait: Callable[[float, str], None]) -> None:
        """Wait until there are enough points for a query, as far as its cost is known."""
        lacking = self._requested.get(query, 0.0) - self._available
        if lacking > 0 and self._restored > 0:
            wait(min(lacking / self._restored, PULL_PAUSE_SECONDS_MAX), "The store has no points left for the next query.")

    def after(self, query: str, answer: dict[str, Any]) -> None:
        """Learn from an answer's ``extensions.cost``."""
        try:
            cost = answer["extensions"]["cost"]
            throttle = cost["throttleStatus"]
            self._requested[query] = float(cost["requestedQueryCost"])
            self._available = float(throttle["currentlyAvailable"])
            self._restored = float(throttle["restoreRate"])
        except (KeyError, TypeError, ValueError):
            """Without it, there is only THROTTLED to go by."""


def token_headers(token: str) -> dict[str, str]:
    """The header that carries a token. Raises ``InputInvalidError`` for what can't be one, without repeating it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputInvalidError("This is no Admin API access token, such as shpat_ and 32 hex digits.")
    return {"X-Shopify-Access-Token": token, "Content-Type": "application/json"}


def _connection(raw: object) -> _Connection:
    try:
        return msgspec.convert(raw, _Connection)
    except msgspec.ValidationError as failure:
        raise StoreError(
            f"The store's Admin API answers in another shape than version {API_VERSION} has: {failure}."
        ) from failure


def _page(found: _Connection, kind: str, read: Callable[[object], Thing]) -> Page[Thing]:
    items: list[Listed[Thing]] = []
    for node in found.nodes:
        try:
            thing: Thing | str = read(node)
        except ShapeError as failure:
            thing = str(failure)
        items.append(Listed(listed_id(kind, node), thing))
    return Page(items, found.following)


def _name_pictures(node: dict[str, Any]) -> None:
    """Let variants name their pictures as the product does: the API has two ids for one picture, and one address."""
    pictures = [image for medium in node["media"] if isinstance(image := medium.get("image"), dict)]
    ids = {image.get("url"): image.get("id") for image in pictures}
    for variant in node["variants"]:
        image = variant.get("image")
        if isinstance(image, dict) and image.get("url") in ids:
            image["id"] = ids[image["url"]]


def _is_throttled(errors: object) -> bool:
    return isinstance(errors, list) and any(
        isinstance(error, dict)
        and isinstance(error.get("extensions"), dict)
        and error["extensions"].get("code") == "THROTTLED"
        for error in errors
    )


def _told(errors: object) -> str:
    """What errors say, on one line."""
    if not isinstance(errors, list):
        return str(errors)[:300]
    messages = [str(error.get("message", error) if isinstance(error, dict) else error)[:300] for error in errors[:3]]
    return "; ".join(messages)

"""A store's public storefront JSON: ``products.json`` and ``collections.json``, which show what is published in the online
store, and neither stock nor status. Paths after Shopify's documentation and what storefronts answer."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from footfall.catalog import rest
from footfall.catalog.collection import Collection, read_collection
from footfall.catalog.product import Product, known
from footfall.catalog.shape import ShapeError
from footfall.cli.sources.store import GoneError, Kind, Known, Listed, Page, listed_id
from footfall.cli.sources.web import RefusedError, StoreError, Web, WrongStoreError
from footfall.limits import PULL_LISTED_MAX, PULL_PAGE, PULL_PAGES_MAX

Thing = TypeVar("Thing")
_LONG_AGO: Final = "1970-01-01T00:00:00Z"


class Storefront:
    """A ``Store`` without a token. Cursors are the numbers of pages."""

    lists_unpublished = False

    def __init__(self, web: Web) -> None:
        self.source = f"storefront {web.url}"
        self._web = web
        self._last: dict[str, tuple[int, list[str | None]]] = {}
        """The page read last of each list: its number, and the ids on it."""

    def products(self, cursor: str | None) -> Page[Product]:
        return self._page("/products.json", "products", "Product", cursor, _read_published)

    def collections(self, cursor: str | None) -> Page[Collection]:
        return self._page("/collections.json", "collections", "Collection", cursor, read_collection)

    def members(self, collection: Collection) -> Iterator[str]:
        handle = known(collection.handle)
        if handle is None:
            raise StoreError(f"Collection {collection.id} has no handle, by which a storefront shows its products.")
        path = f"/collections/{quote(handle, safe='')}/products.json"
        cursor: str | None = None
        while True:
            try:
                items, cursor, _ = self._page(path, "products", "Product", cursor, lambda _: None)
            except RefusedError as failure:
                if failure.status in (404, 410):
                    raise GoneError(str(failure)) from failure
                raise
            for item in items:
                if item.id is not None:
                    yield item.id
            if cursor is None:
                self._last.pop(path, None)
                return

    def is_there(self, kind: Kind, known: Known) -> bool:
        if not known.handle:
            return True
        try:
            answer = self._web.look(f"/{kind}s/{quote(known.handle, safe='')}.json")
        except RefusedError as failure:
            return failure.status not in (404, 410)
        shown = answer.get(kind) if isinstance(answer, dict) else None
        found = listed_id(kind.capitalize(), shown) if isinstance(shown, dict) else None
        # Under a handle that another one has taken, this one is no longer to be found.
        return found is None or known.id is None or found == known.id

    def _page(self, path: str, name: str, kind: str, cursor: str | None, read: Callable[[object], Thing]) -> Page[Thing]:
        number = int(cursor) if cursor is not None and cursor.isdigit() else 1
        raw = self._list(path, name, number)
        if raw is None:
            return Page([], None, whole=False)
        ids = [listed_id(kind, item) for item in raw]
        repeated = bool(ids) and (number - 1, ids) == self._last.get(path)
        if not raw or repeated:
            # A list that is longer than a storefront counts ends empty, or with its last page for ever.
            whole = not repeated and (number - 1) * PULL_PAGE < PULL_LISTED_MAX
            return Page([], None, whole=whole)
        self._last[path] = (number, ids)
        items = [Listed(found, _read(read, item)) for found, item in zip(ids, raw, strict=True)]
        if number == PULL_PAGES_MAX:
            return Page(items, None, whole=False)
        return Page(items, str(number + 1))

    def _list(self, path: str, name: str, number: int) -> list[Any] | None:
        """The objects on a page; ``None`` where the storefront refuses to count further."""
        try:
            answer = self._web.get(path, limit=PULL_PAGE, page=number)
        except RefusedError as failure:
            if number > 1 and failure.status in (400, 404, 422):
                return None
            if failure.status in (404, 410) and path == "/products.json":
                raise WrongStoreError(
                    f"{failure} {self._web.url} is no Shopify store, or one that does not show its products."
                ) from failure
            raise
        objects = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(objects, list):
            raise WrongStoreError(f"{self._web.url}{path} has no list of {name}: {self._web.url} is no Shopify store.")
        return objects


def _read_published(raw: object) -> Product:
    """A product that a storefront lists: it is published, also where it doesn't say since when."""
    product = rest.read_product(raw)
    if isinstance(product.published_at, str):
        return product
    return msgspec.structs.replace(product, published_at=known(product.created_at) or _LONG_AGO)


def _read(read: Callable[[object], Thing], raw: object) -> Thing | str:
    try:
        return read(raw)
    except ShapeError as failure:
        return str(failure)

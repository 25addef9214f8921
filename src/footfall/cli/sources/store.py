"""A live store as a pull reads it: the port, and what comes through it. Nothing here decides what the catalog keeps."""

from collections.abc import Iterator
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from footfall.catalog.collection import Collection
from footfall.catalog.product import Product
from footfall.catalog.shape import Shape, ShapeError
from footfall.cli.sources.web import StoreError

Thing = TypeVar("Thing")
Kind = Literal["product", "collection"]


class Listed(NamedTuple, Generic[Thing]):
    """One product or collection of a list: its id (``None`` where it has none that can be read), and what the store says of
    it, or why that can't be read."""

    id: str | None
    thing: Thing | str


class Page(NamedTuple, Generic[Thing]):
    """A page of a list. ``following`` leads to the next one, ``None`` at the end. ``whole`` is ``False`` where the list may
    end here before the store does: what it doesn't name may be there all the same."""

    items: list[Listed[Thing]]
    following: str | None
    whole: bool = True


class Known(msgspec.Struct, frozen=True):
    """A product or collection that the catalog has, as ``catalog_list`` answers it."""

    key: str
    id: str | None
    handle: str | None
    published: bool


class GoneError(StoreError):
    """What a list named is no longer there."""


class Store(Protocol):
    """A live store. All methods ask it over HTTP, one request at a time, and raise ``FootfallError`` for people."""

    source: str
    """Which store it is and how it is read: by this name an unfinished pull is known."""
    lists_unpublished: bool
    """Whether its list has every product, so that one which is missing is deleted; else it may be unpublished."""

    def products(self, cursor: str | None) -> Page[Product]:
        """The page of products to which a ``following`` led, the first for ``None``."""

    def collections(self, cursor: str | None) -> Page[Collection]:
        """The same for collections, without their products."""

    def members(self, collection: Collection) -> Iterator[str]:
        """The ids of a collection's products, in its own order. Raises ``GoneError`` where it was deleted since."""

    def is_there(self, kind: Kind, known: Known) -> bool:
        """Whether something that a list left out is there all the same; ``True`` too where the store doesn't say."""


def listed_id(kind: str, raw: object) -> str | None:
    """The id of an object, also of one that can't be read otherwise."""
    try:
        found = Shape(raw).id(kind, "id")
    except ShapeError:
        return None
    return found if isinstance(found, str) else None

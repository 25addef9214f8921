"""One pass over a live store: its products and collections into the catalog, and what it no longer has out of it.

Goes on where the pass before was broken off. Never takes anything out after a list that may not be whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from footfall.catalog.collection import Collection
from footfall.catalog.product import Product
from footfall.cli.catalog_chunks import put_products
from footfall.cli.owner import Owner
from footfall.cli.show import note
from footfall.cli.sources.store import GoneError, Kind, Known, Listed, Store
from footfall.limits import (
    CATALOG_BATCH_MAX,
    COLLECTION_PRODUCTS_MAX,
    IMPORT_REASONS_SHOWN_MAX,
    PULL_CHECKS_MAX,
    PULL_PAGE,
    PULL_PAGES_MAX,
    PULL_PROGRESS_COLLECTIONS,
    PULL_PROGRESS_PRODUCTS,
)


@dataclass
class Tally:
    """What a pass did to the catalog. ``held_back``: products and collections that are missing at the store and were left as
    they are, because too many are; ``partial`` says why nothing was looked for that is missing, where that is so."""

    shop: str
    source: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    collections: int = 0
    unpublished: int = 0
    deleted: int = 0
    collections_deleted: int = 0
    held_back: int = 0
    resumed: bool = False
    partial: str | None = None
    seconds: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    @property
    def products(self) -> int:
        """Products that the store told."""
        return self.created + self.updated + self.unchanged

    def reject(self, what: str, error: str) -> None:
        """Count something that can't be kept, and tell the first of them."""
        self.rejected += 1
        if len(self.reasons) < IMPORT_REASONS_SHOWN_MAX:
            self.reasons.append({"what": what, "error": error})
            note(f"{what}: {error}")


class Progress(msgspec.Struct, frozen=True):
    """How far a pass has come: the page that is next, and how many of its collections are done. Stored on disk: do not
    change."""

    phase: Kind = "product"
    cursor: str | None = None
    done: int = 0


class CatalogPass:
    """One pass. Use it once."""

    def __init__(
        self, owner: Owner, store: Store, tally: Tally, *, may_remove: bool, shown: Callable[[Tally], None] = lambda _: None
    ) -> None:
        """``may_remove``: also take out what is missing where that is most of the catalog. ``shown`` is told of each step."""
        self._owner = owner
        self._store = store
        self._tally = tally
        self._may_remove = may_remove
        self._shown = shown
        self._seen: dict[Kind, set[str]] = {"product": set(), "collection": set()}
        self._collections_created = 0

    def run(self) -> None:
        """Read the store to its end. Raises ``FootfallError``; what was read until then is stored."""
        saved = self._owner.call("pull_progress", shop=self._tally.shop, source=self._store.source)
        start = msgspec.convert(saved, Progress) if saved is not None else Progress()
        if start != Progress():
            self._tally.resumed = True
            self._is_partial("it went on where another was broken off")
        if start.phase == "product":
            self._products(start.cursor)
            start = Progress("collection")
            self._save(start)
        self._collections(start)
        if self._tally.partial is None:
            self._take_out("product")
            self._take_out("collection")
        self._save(None)

    def _is_partial(self, why: str) -> None:
        self._tally.partial = self._tally.partial or why

    def _save(self, progress: Progress | None) -> None:
        saved = msgspec.to_builtins(progress)
        self._owner.call("pull_save", shop=self._tally.shop, source=self._store.source, progress=saved)

    # --- what the store has ---------------------------------------------------------------------------------------

    def _products(self, cursor: str | None) -> None:
        unsaved = listed = 0
        while True:
            page = self._store.products(cursor)
            self._look(page.whole, page.items, "product")
            products = ((f"product {item.id}", item.thing) for item in page.items if not isinstance(item.thing, str))
            for outcomes in put_products(self._owner, self._tally.shop, products):
                for what, outcome in outcomes:
                    self._count(what, outcome)
                self._shown(self._tally)
            listed += len(page.items)
            unsaved += len(page.items)
            cursor = page.following
            if cursor is None:
                return
            if listed >= PULL_PAGES_MAX * PULL_PAGE:
                self._is_partial(f"the store lists more than {PULL_PAGES_MAX * PULL_PAGE:,} products")
                return
            if unsaved >= PULL_PROGRESS_PRODUCTS:
                self._save(Progress("product", cursor))
                unsaved = 0

    def _collections(self, start: Progress) -> None:
        cursor, done = start.cursor, start.done
        unsaved = 0
        while True:
            page = self._store.collections(cursor)
            self._look(page.whole, page.items, "collection")
            for number, item in enumerate(page.items[done:], done + 1):
                if not isinstance(item.thing, str):
                    self._collection(item.thing)
                    self._shown(self._tally)
                unsaved += 1
                if unsaved >= PULL_PROGRESS_COLLECTIONS:
                    self._save(Progress("collection", cursor, number))
                    unsaved = 0
            done = 0
            cursor = page.following
            if cursor is None:
                return

    def _look(self, whole: bool, items: list[Listed[Any]], kind: Kind) -> None:
        """Note what a page names, and what of it can't be read."""
        if not whole:
            self._is_partial(f"the list of {kind}s may be longer than the store shows")
        for item in items:
            if item.id is not None:
                self._seen[kind].add(item.id)
            else:
                self._is_partial(f"a {kind} has no id that can be read")
            if isinstance(item.thing, str):
                self._tally.reject(f"{kind} {item.id}", item.thing)

    def _collection(self, collection: Collection) -> None:
        try:
            members = list(dict.fromkeys(islice(self._store.members(collection), COLLECTION_PRODUCTS_MAX)))
        except GoneError:
            # Deleted between the list and now: as if the list had not named it.
            return
        whole = msgspec.structs.replace(collection, products=members)
        (outcome,) = self._owner.call(
            "catalog_put_collections", shop=self._tally.shop, collections=[msgspec.to_builtins(whole)]
        )
        self._tally.collections += 1
        self._collections_created += outcome["status"] == "created"

    def _count(self, what: str, outcome: dict[str, Any]) -> None:
        if outcome["status"] == "rejected":
            self._tally.reject(what, outcome["error"])
        else:
            setattr(self._tally, outcome["status"], getattr(self._tally, outcome["status"]) + 1)

    # --- what it no longer has ------------------------------------------------------------------------------------

    def _take_out(self, kind: Kind) -> None:
        """Unpublish or delete what a whole list does not name, unless that is most of what there was."""
        unpublish = kind == "product" and not self._store.lists_unpublished
        known = 0
        missing: list[Known] = []
        for entry in self._catalog(kind):
            if unpublish and not entry.published:
                continue
            known += 1
            if entry.id not in self._seen[kind]:
                missing.append(entry)
        # What this pass has made was not missing, and must not make a fault look small.
        before = known - (self._tally.created if kind == "product" else self._collections_created)
        if len(missing) * 2 > before and not self._may_remove:
            self._tally.held_back += len(missing)
            note(
                f"{len(missing):,} of {before:,} {kind}s are missing at the store, which is more likely a fault than meant: "
                "they stay as they are. If it is right, run it once with --yes-remove."
            )
            return
        if len(missing) > PULL_CHECKS_MAX:
            note(f"{len(missing):,} {kind}s are missing at the store; {PULL_CHECKS_MAX:,} are looked at now, others later.")
        # Items move from page to page while they are read, so a list may skip one: each is asked for by itself.
        gone = [entry for entry in missing[:PULL_CHECKS_MAX] if not self._store.is_there(kind, entry)]
        if unpublish:
            self._unpublish(gone)
        else:
            self._delete(kind, gone)

    def _catalog(self, kind: Kind) -> Iterator[Known]:
        after: str | None = None
        while page := self._owner.call("catalog_list", shop=self._tally.shop, kind=kind, after=after):
            yield from msgspec.convert(page, list[Known])
            after = page[-1]["key"]

    def _unpublish(self, gone: list[Known]) -> None:
        changes = (
            (
                entry.key,
                Product(id=entry.id, published_at=None) if entry.id else Product(handle=entry.handle, published_at=None),
            )
            for entry in gone
        )
        for outcomes in put_products(self._owner, self._tally.shop, changes):
            self._tally.unpublished += sum(outcome["status"] == "updated" for _, outcome in outcomes)

    def _delete(self, kind: Kind, gone: list[Known]) -> None:
        for first in range(0, len(gone), CATALOG_BATCH_MAX):
            keys = [entry.key for entry in gone[first : first + CATALOG_BATCH_MAX]]
            outcomes = self._owner.call("catalog_delete", shop=self._tally.shop, kind=kind, keys=keys)
            deleted = sum(outcome["status"] == "deleted" for outcome in outcomes)
            if kind == "product":
                self._tally.deleted += deleted
            else:
                self._tally.collections_deleted += deleted

"""A replica to try things on: a log in memory, and every projection that follows it into a ``state.db``.

It can be merged wholly or in part, broken off, reopened and rebuilt at any moment, all in one thread and without chance.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import strategies

from footfall.api.exchange import Exchange
from footfall.api.parts import Parts
from footfall.api.products import Products
from footfall.api.viewed import Viewed
from footfall.clock import Milliseconds
from footfall.errors import LogUnavailableError
from footfall.event import Event, decode_event, encode_event
from footfall.identifiers import PublicKey, ShopId
from footfall.intake.quarantine import decode_quarantined
from footfall.log.memory import MemoryLog
from footfall.log.port import Group, Lane, Place, Record, Stream
from footfall.log.writer import Writer
from footfall.projections.bought import Buyers
from footfall.projections.cards import Cards
from footfall.projections.catalog import Catalog
from footfall.projections.counters import Counters
from footfall.projections.deliveries import Deliveries
from footfall.projections.documents import Documents, decode_document, document_record
from footfall.projections.event_ids import EventIds
from footfall.projections.history import History
from footfall.projections.identity import Identity
from footfall.projections.imports import Imports
from footfall.projections.names import Names
from footfall.projections.order_documents import OrderDocuments
from footfall.projections.orders import Orders
from footfall.projections.outcomes import Outcomes
from footfall.projections.purchases import Purchases
from footfall.projections.rankings import Rankings
from footfall.projections.rejections import Rejections
from footfall.projections.shops import Shop, Shops
from footfall.projections.sightings import Sightings
from footfall.projections.state import Projection, State, Step
from footfall.projections.tails import Tails

Result = TypeVar("Result")

SHOP = ShopId(1)
OTHER_SHOP = ShopId(2)
EVENT_IDS_DAYS = 2

MOMENTS = strategies.one_of(
    strategies.just(("merge", 0)),
    strategies.just(("restart", 0)),
    strategies.tuples(strategies.just("fail"), strategies.integers(0, 12)),
    strategies.tuples(strategies.just("crash"), strategies.integers(0, 12)),
    strategies.just(("restart", 0)),
    strategies.just(("rebuild", 0)),
    strategies.just(("replay", 0)),
    strategies.just(("warm up", 0)),
)
"""What may happen to a replica between two events, for ``Replica.live_through``."""


class ImmediateWriter(Writer):
    """Runs each job at once, on the caller's thread."""

    def __init__(self) -> None:
        """Start no thread."""

    def run(self, job: Callable[[], Result], lane: Lane) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(job())
        except LogUnavailableError as failure:
            future.set_exception(failure)
        return future

    def stop(self) -> None:
        """There is nothing to stop."""


class BreakableState(State):
    """A ``state.db`` that takes only so many slices, then can't be written."""

    slices_left: int | None = None

    def _run(self, piece: Step) -> None:
        if self.slices_left is not None:
            if self.slices_left == 0:
                raise LogUnavailableError("the disk is full")
            self.slices_left -= 1
        super()._run(piece)


class Replica:
    """The log outlives ``close`` and ``open``, as it does on a disk."""

    def __init__(self, directory: Path, *, partitions: int = 1) -> None:
        self.path = directory / "state.db"
        self.partitions = partitions
        self._followers: list[Callable[[Group], None]] = []
        self.log = MemoryLog(followers=self._followers, partitions=partitions)
        self._groups: list[Group] = []

    async def open(self) -> None:
        """Open the file and read what the projections haven't seen."""
        self.state = cast("BreakableState", BreakableState.open(self.path, ImmediateWriter()))
        reader = self.state.reader
        self.identity = Identity(reader)
        self.history = History(reader, self.identity)
        self.sightings = Sightings(reader)
        self.event_ids = EventIds(reader, days=EVENT_IDS_DAYS)
        self.documents = Documents(reader)
        self.deliveries = Deliveries(reader)
        self.cards = Cards(self.path.parent)
        self.catalog = Catalog(reader, self.documents, self.cards)
        self.orders = Orders(reader)
        self.purchases = Purchases(reader)
        self.counters = Counters(reader)
        self.rejections = Rejections(reader)
        self.imports = Imports(reader)
        self.outcomes = Outcomes(reader)
        self.shops = Shops(self.documents)
        projections: list[Projection] = [self.history, self.identity, self.sightings, self.event_ids, self.imports]
        projections += [self.purchases, self.counters]
        self.tails = Tails(
            self.state,
            [*projections, self.documents, self.deliveries, self.catalog, self.orders, self.rejections, self.outcomes],
            {Stream.EVENTS: decode_event, Stream.DOCUMENTS: decode_document, Stream.QUARANTINE: decode_quarantined},
        )
        await self.tails.catch_up(self.log)
        self.shops.load()
        self._followers[:] = [self.tails.follow, self.shops.follow, self._groups.append]
        self.names = Names(self.catalog, self.sightings)
        self.rankings = Rankings(
            self.counters, self.orders, self.purchases, self.names, self.state.open_reader, self.tails.merge
        )
        self.buyers = Buyers(self.history, self.identity, self.orders, OrderDocuments(self.documents), self.purchases)
        parts = SimpleNamespace(
            log=self.log,
            shops=self.shops,
            catalog=self.catalog,
            history=self.history,
            sightings=self.sightings,
            unready=dict[str, str],
            covered=self.tails.covered,
        )
        self._viewed = Viewed(cast("Parts", parts), Products(cast("Parts", parts)))

    def close(self) -> None:
        """Close the file and forget what is only in memory, as a crash does."""
        self._followers.clear()
        self.cards.close()
        self.state.close()

    async def append(self, *events: Event) -> list[Place]:
        """Append events as intake does: one visitor's events share a partition."""
        records = [Record(f"{e.shop}:{e.uuid or e.customer_id or e.session_id or ''}", encode_event(e), e) for e in events]
        return list(await self.log.append(Stream.EVENTS, records))

    async def live_through(self, moment: tuple[str, int]) -> None:
        """Let something happen that must not change any answer."""
        name, slices = moment
        if name == "merge":
            await self.tails.merge()
        elif name in ("fail", "crash"):
            await self.fail_to_merge(slices)
            if name == "crash":
                self.close()
                await self.open()
        elif name == "restart":
            await self.tails.merge()
            self.close()
            await self.open()
        elif name == "rebuild":
            self.close()
            self.delete()
            await self.open()
        elif name == "replay":
            for group in self._groups:
                self.tails.follow(group)
        else:
            self.warm_up()

    def warm_up(self) -> None:
        """Fill the filters of event ids from the tables."""
        reader = self.state.open_reader()
        self.event_ids.warmed_up(self.event_ids.warm_up(reader, lambda: False))
        reader.close()

    async def fail_to_merge(self, slices: int) -> bool:
        """Begin a merge that breaks off after so many slices, unless it has no more; answers whether it did."""
        self.state.slices_left = slices
        try:
            await self.tails.merge()
        except LogUnavailableError:
            return True
        else:
            return False
        finally:
            self.state.slices_left = None

    def delete(self) -> None:
        """Delete ``state.db``."""
        for path in self.path.parent.glob("state.db*"):
            path.unlink()

    async def make_shops(self) -> None:
        """Two shops, with the public keys ``1…`` and ``2…``."""
        for shop in (SHOP, OTHER_SHOP):
            made = Shop(
                id=shop,
                name=f"shop-{shop}",
                created_at=Milliseconds(0),
                public_keys=[PublicKey(str(shop) * 40)],
                secret_hashes=[],
                email_key="00",
            )
            await self.log.append(Stream.DOCUMENTS, [document_record(made.key, made.value())])

    async def viewed(self, **parameters: object) -> list[dict[str, Any]]:
        """What ``/api/v1/products/viewed`` answers to the first shop's key, by the long way and by the short one."""
        query = urlencode({"key": "1" * 40, **{name: value for name, value in parameters.items() if value is not None}})
        answer = await self._viewed(Exchange("GET", "/api/v1/products/viewed", query.encode(), []))
        assert self._viewed.soon(Exchange("GET", "/api/v1/products/viewed", query.encode(), [])) == answer
        products: list[dict[str, Any]] = msgspec.json.decode(answer.body)["data"]
        return products


def live(life: Callable[[Replica], Any], *, partitions: int = 1) -> None:
    """Run a coroutine with an open replica."""

    async def whole() -> None:
        with tempfile.TemporaryDirectory(prefix="ff") as directory:
            replica = Replica(Path(directory), partitions=partitions)
            await replica.open()
            try:
                await life(replica)
            finally:
                replica.close()

    asyncio.run(whole())


@contextmanager
def small_pages() -> Iterator[None]:
    """Slices, pages and runs of two rows, so that a few events already fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("footfall.projections.rows.MERGE_SLICE_ROWS", 2)
        patch.setattr("footfall.projections.history._PAGE", 2)
        patch.setattr("footfall.projections.runs._JOIN", 2)
        patch.setattr("footfall.projections.runs._STEP_ROWS", 2)
        patch.setattr("footfall.projections.runs._DROP_ROWS", 1)
        for projection in ("history", "event_ids"):
            patch.setattr(f"footfall.projections.{projection}.TIDY_STEPS", 4)
        yield


def make_event(**fields: Any) -> Event:
    """A view of product 1, with other fields over it."""
    whole: Mapping[str, Any] = {
        "shop": SHOP,
        "received_at": Milliseconds(1_000),
        "time": Milliseconds(1_000),
        "subject": "user",
        "verb": "viewed",
        "noun": "product",
        "product_id": "1",
        **fields,
    }
    return Event(**whole)

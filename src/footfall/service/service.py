"""The service: every part of Footfall in one process, built in the order in which they need each other."""

import asyncio
import gc
import random
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog
from rbloom import Bloom

from footfall.api.parts import Parts
from footfall.clock import SECOND_MS, Clock, Milliseconds, SystemClock
from footfall.config import Config
from footfall.errors import LogUnavailableError
from footfall.event import decode_event
from footfall.identifiers import ShopId
from footfall.intake.accept import Intake
from footfall.intake.catalog import CatalogIntake
from footfall.intake.data_sources import DataSourceIntake
from footfall.intake.orders import OrderIntake
from footfall.intake.quarantine import decode_quarantined
from footfall.intake.webhooks import Webhooks
from footfall.limits import PROBE_SECONDS
from footfall.log.embedded import EmbeddedLog
from footfall.log.port import Stream
from footfall.log.writer import Writer
from footfall.projections.bought import Buyers
from footfall.projections.cards import Cards
from footfall.projections.catalog import Catalog, CatalogDocuments
from footfall.projections.counters import Counters
from footfall.projections.data_sources import DataSources
from footfall.projections.deliveries import Deliveries, DeliveryRecords
from footfall.projections.documents import Documents, decode_document
from footfall.projections.event_ids import EventIds
from footfall.projections.history import History
from footfall.projections.identity import Identity
from footfall.projections.imports import Imports
from footfall.projections.live_feeds import LiveFeeds
from footfall.projections.names import Names
from footfall.projections.order_documents import OrderDocuments
from footfall.projections.orders import Orders
from footfall.projections.outcomes import Outcomes
from footfall.projections.purchases import Purchases
from footfall.projections.rankings import Rankings
from footfall.projections.recommendations.answers import Answers
from footfall.projections.recommendations.content import Contents
from footfall.projections.recommendations.recommender import Recommender
from footfall.projections.rejections import Rejections
from footfall.projections.shops import Shops
from footfall.projections.sightings import Sightings
from footfall.projections.state import State
from footfall.projections.tails import Tails
from footfall.service.analytics.desk import Desk
from footfall.service.directory import LOG_FILE, STATE_FILE
from footfall.service.index_keeper import IndexKeeper
from footfall.service.watch import Watchers

_SWITCH_SECONDS: Final = 0.0005
"""How long one thread keeps Python's lock while another waits. The default of 5 ms would be a group's whole latency, twice
(measured beside a busy loop: 64,000 rows/s written at 5 ms, 265,000 at 0.5 ms)."""
_RETENTION_SECONDS: Final = 600
_WARM_UP_RETRY_SECONDS: Final = 10

_logger = structlog.get_logger("footfall.service")


class Service:
    """Owns a data directory whose lock the caller holds. ``start`` it before use, ``stop`` it at the end."""

    def __init__(self, config: Config, *, clock: Clock | None = None, chance: random.Random | None = None) -> None:
        """Open the files. Raises ``LogUnavailableError``, ``StoreDamagedError``, ``StoreTooNewError``."""
        self.config = config
        self.clock = clock or SystemClock()
        self.chance = chance or random.SystemRandom()
        sys.setswitchinterval(_SWITCH_SECONDS)
        # Two threads, one for each file: a merge or its checkpoint must never stand before an acknowledgement
        # (docs/decisions/0004-a-writer-for-each-file.md).
        self.writer = Writer("log")
        self.state_writer = Writer("state")
        try:
            self.state = State.open(config.data / STATE_FILE, self.state_writer)
            reader = self.state.reader
            self.identity = Identity(reader)
            self.history = History(reader, self.identity)
            self.sightings = Sightings(reader)
            self.event_ids = EventIds(reader, days=config.event_id_days)
            self.documents = Documents(reader)
            self.deliveries = Deliveries(reader)
            self.cards = Cards(config.data)
            self.catalog = Catalog(reader, self.documents, self.cards)
            self.orders = Orders(reader)
            self.purchases = Purchases(reader)
            self.counters = Counters(reader)
            self.rejections = Rejections(reader)
            self.imports = Imports(reader)
            self.outcomes = Outcomes(reader)
            self.shops = Shops(self.documents)
            self.data_sources = DataSources(self.documents)
            self.contents = Contents(self.documents)
            self.watchers = Watchers()
            self.tails = Tails(
                self.state,
                [
                    self.history,
                    self.identity,
                    self.sightings,
                    self.event_ids,
                    self.imports,
                    self.purchases,
                    self.counters,
                    self.documents,
                    self.deliveries,
                    self.catalog,
                    self.orders,
                    self.rejections,
                    self.outcomes,
                ],
                {
                    Stream.EVENTS: decode_event,
                    Stream.DOCUMENTS: decode_document,
                    Stream.QUARANTINE: decode_quarantined,
                },
            )
            self.live_feeds = LiveFeeds(lambda: self.log, self.tails.covered)
            self.log = EmbeddedLog.open(
                config.data / LOG_FILE,
                self.writer,
                followers=[
                    self.tails.follow,
                    self.shops.follow,
                    self.data_sources.follow,
                    self.contents.follow,
                    self.watchers.follow,
                    self.live_feeds.follow,
                    lambda group: self.index_keeper.follow(group),
                    lambda group: self.desk.follow(group),
                ],
                chance=self.chance,
            )
        except BaseException:
            self.writer.stop()
            self.state_writer.stop()
            raise
        self.names = Names(self.catalog, self.sightings)
        self.index_keeper = IndexKeeper(config.data, self.log, self.shops, self.names, self.clock, self.tails.merge)
        self.desk = Desk(config.data, self.log, self.shops, config.analytics_memory_mb)
        self.catalog_intake = CatalogIntake(self.log, self.catalog, CatalogDocuments())
        self.data_source_intake = DataSourceIntake(self.log, self.data_sources, self.clock)
        order_documents = OrderDocuments(self.documents)
        self.order_intake = OrderIntake(self.log, order_documents, order_documents)
        self.webhooks = Webhooks(
            self.log, self.catalog_intake, self.order_intake, self.deliveries, DeliveryRecords(), self.outcomes
        )
        self.intake = Intake(self.log, self.event_ids, self.outcomes, self.log)
        self.rankings = Rankings(
            self.counters, self.orders, self.purchases, self.names, self.state.open_reader, self.tails.merge
        )
        self.buyers = Buyers(self.history, self.identity, self.orders, order_documents, self.purchases)
        self.recommender = Recommender(self.index_keeper.index, self.history, self.identity, self.buyers, self.names)
        self.answers = Answers(config.answers_kept, self.chance)
        self.pending: dict[str, str] = {}
        self.caught_up = False
        self._probed_at = Milliseconds(0)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = threading.Event()
        self.parts = Parts(
            log=self.log,
            intake=self.intake,
            shops=self.shops,
            history=self.history,
            identity=self.identity,
            catalog=self.catalog,
            catalog_intake=self.catalog_intake,
            webhooks=self.webhooks,
            sightings=self.sightings,
            names=self.names,
            rankings=self.rankings,
            buyers=self.buyers,
            recommender=self.recommender,
            contents=self.contents,
            answers=self.answers,
            analytics=self.desk,
            data_sources=self.data_sources,
            data_source_intake=self.data_source_intake,
            event_ids=self.event_ids,
            rejections=self.rejections,
            outcomes=self.outcomes,
            live_feeds=self.live_feeds,
            covered=self.tails.covered,
            clock=self.clock,
            unready=self._unready,
            pending=self._pending,
            lags=self._lags,
            disk_left=lambda: shutil.disk_usage(config.data).free,
            probe=self._probe,
        )

    async def start(self) -> None:
        """Read what the projections haven't seen; then everything is ready."""
        await self.tails.catch_up(self.log)
        self.shops.load()
        await self.index_keeper.start()
        self.caught_up = True
        # What was made at start lives as long as the process: the collector need not look at it again. What comes later
        # is mostly plain data without cycles, so it is looked at less often than the default would.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        self._tasks = [
            asyncio.create_task(self.tails.run()),
            asyncio.create_task(self._warm_up()),
            asyncio.create_task(self._retain()),
            asyncio.create_task(self.index_keeper.run()),
        ]

    async def stop(self) -> None:
        """Finish what was taken, merge the tails, close the files."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.desk.stop()
        await self.rankings.stop()
        await self.contents.stop()
        if self.caught_up:
            try:
                await self.tails.merge()
            except LogUnavailableError as failure:
                # Nothing is lost: the next start reads it again from the log.
                _logger.warning("merge_failed", error=str(failure))
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(self.state_writer.stop)
        self.log.close()
        self.state.close()
        self.cards.close()
        # What was frozen at the start may go now: the process may live on, as those of commands and tests do.
        gc.unfreeze()

    async def forget_recommendations(self, shop: ShopId, trails: Sequence[str]) -> int:
        """Let recommendations forget who left these trails (``identity.trail_of_uuid``): their sessions and what they were
        answered; answers how many sessions there were. The log must not tell of them any more, or they come back with it."""
        forgotten = 0
        for trail in trails:
            visitor = self.index_keeper.index().visitor(shop, trail)
            if visitor is not None:
                self.answers.forget(shop, visitor)
            forgotten += self.index_keeper.forget(shop, trail)
        return forgotten

    async def _probe(self) -> None:
        """Learn whether the log can be written, at most once a second. Raises ``LogUnavailableError``."""
        now = self.clock.now()
        if not 0 <= now - self._probed_at < PROBE_SECONDS * SECOND_MS:
            await self.log.probe()
            self._probed_at = now

    def _lags(self, shop: ShopId) -> Mapping[str, int]:
        recommendations = self.index_keeper.behind if self.index_keeper.pending is not None else 0
        return {"history": 0, "recommendations": recommendations, "analytics": self.desk.behind(shop)}

    def _unready(self) -> Mapping[str, str]:
        if not self.caught_up:
            return {"history": f"reading the log again, {self.tails.progress:.0%} done"}
        if self.tails.full:
            return {"history": "state.db can't be written, and memory holds no more"}
        return {}

    def _pending(self) -> Mapping[str, str]:
        parts = {"recommendations": self.index_keeper.pending, "analytics": self.desk.pending}
        return self.pending | {part: why for part, why in parts.items() if why is not None}

    async def _warm_up(self) -> None:
        """Have ``state.db`` read into memory and fill the filters of event ids, on a thread beside the event loop; until then
        every new id is looked up."""

        def warm_up() -> Mapping[int, Bloom | None]:
            self.state.preload(self._stopping.is_set)
            reader = self.state.open_reader()
            try:
                return self.event_ids.warm_up(reader, self._stopping.is_set)
            finally:
                reader.close()

        while not self._stopping.is_set():
            try:
                self.event_ids.warmed_up(await asyncio.to_thread(warm_up))
            except (LogUnavailableError, OSError) as failure:
                _logger.warning("warm_up_failed", error=str(failure))
                await asyncio.sleep(_WARM_UP_RETRY_SECONDS)
            else:
                return

    async def _retain(self) -> None:
        """Drop what the quarantine keeps no longer: from the log, for good."""
        while True:
            try:
                await self.retain()
            except LogUnavailableError as failure:
                _logger.warning("retention_failed", error=str(failure))
            await asyncio.sleep(_RETENTION_SECONDS)

    async def retain(self) -> int:
        """One round of retention: the oldest rejected events beyond the bounds are redacted; answers how many."""
        positions = self.rejections.beyond_what_is_kept(self.clock.now())
        if positions:
            await self.log.redact(Stream.QUARANTINE, positions)
            self.rejections.remove(positions)
            _logger.info("quarantine_trimmed", events=len(positions))
        return len(positions)

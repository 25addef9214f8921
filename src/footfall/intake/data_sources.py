"""The way in for data sources, from files and HTTP alike: each put that changes something is a new version."""

import asyncio
from typing import Literal, Protocol

import msgspec

from footfall.catalog.data_source import DataSource
from footfall.clock import Clock
from footfall.errors import InputInvalidError
from footfall.identifiers import ShopId
from footfall.limits import DATA_SOURCES_MAX
from footfall.log.port import Log, Record, Stream

Status = Literal["created", "updated", "unchanged"]


class KnownDataSources(Protocol):
    """What is set up already."""

    def find(self, shop: ShopId, number: int) -> DataSource | None:
        """The data source with this number."""

    def count(self, shop: ShopId) -> int:
        """How many a shop has."""

    def record(self, shop: ShopId, number: int, source: DataSource | None) -> Record:
        """The record that makes this the latest version; ``None`` deletes it."""


class DataSourceIntake:
    """Puts and deletes data sources; durable on return. All changes happen one after the other."""

    def __init__(self, log: Log, known: KnownDataSources, clock: Clock) -> None:
        self._log = log
        self._known = known
        self._clock = clock
        self._lock = asyncio.Lock()

    async def put(self, shop: ShopId, source: DataSource) -> tuple[Status, DataSource]:
        """Make this the shop's data source of its number; answers what is kept. Raises ``InputInvalidError`` for one more than
        a shop has, ``LogUnavailableError``: nothing was stored then."""
        async with self._lock:
            older = self._known.find(shop, source.id)
            if older is None and self._known.count(shop) >= DATA_SOURCES_MAX:
                raise InputInvalidError(f"This shop has {DATA_SOURCES_MAX:,} data sources, and no shop has more.")
            if older is not None and older == msgspec.structs.replace(
                source, version=older.version, updated_at=older.updated_at
            ):
                return "unchanged", older
            version = older.version + 1 if older is not None else 1
            kept = msgspec.structs.replace(source, version=version, updated_at=self._clock.now())
            await self._log.append(Stream.DOCUMENTS, [self._known.record(shop, source.id, kept)])
        return ("created" if older is None else "updated"), kept

    async def delete(self, shop: ShopId, number: int) -> DataSource | None:
        """Take a data source away; answers what it was, ``None`` where there was none."""
        async with self._lock:
            older = self._known.find(shop, number)
            if older is not None:
                await self._log.append(Stream.DOCUMENTS, [self._known.record(shop, number, None)])
        return older

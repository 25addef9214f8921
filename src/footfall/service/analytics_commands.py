"""The commands about analytics: reports, statements, and making a shop's file anew.

Called as those of ``commands.py`` are, which is where they are reached.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from footfall.api.reports import Reports, Sql
from footfall.service.service import Service
from footfall.service.shop_book import ShopBook


class AnalyticsCommands:
    """One method for each command. All raise ``FootfallError`` with a message for people."""

    def __init__(self, service: Service, book: ShopBook) -> None:
        self._service = service
        self._book = book
        self._reports = Reports(service.parts)
        self._sql = Sql(service.parts)

    async def report(self, shop: str, name: str, fields: Mapping[str, Any], orders: str | None = None) -> dict[str, Any]:
        """A report of a shop as text: JSON, or CSV with ``format=csv``. ``orders``: a file that a reconciliation compares."""
        told = await self._reports.ask(
            self._book.find(shop), name, fields, orders=Path(orders) if orders is not None else None
        )
        return {"text": told.body.decode(), "behind": told.behind}

    async def sql(self, shop: str, statement: str, form: str, limit: int) -> dict[str, Any]:
        """What one SELECT answers, as text: JSON or CSV; ``truncated``: there are more rows."""
        told = await self._sql.ask(self._book.find(shop), statement, form=form, limit=limit)
        return {"text": told.body.decode(), "behind": told.behind, "truncated": told.truncated}

    async def analytics_status(self) -> list[dict[str, Any]]:
        """How far behind the log each shop's file is, in records, and how large."""
        desk = self._service.desk
        found = []
        for shop in self._service.shops.all():
            path = desk.path(shop.id)
            size = 0
            for of in (path, path.with_name(path.name + ".wal")):
                # What came last is beside it until it is worked in, which may be at this moment.
                with suppress(FileNotFoundError):
                    size += of.stat().st_size
            found.append({"shop": shop.name, "behind": desk.behind(shop.id), "bytes": size})
        return found

    async def analytics_catch_up(self, shop: str) -> AsyncIterator[dict[str, Any]]:
        """Return once the shop's file covers what the log holds now; yields how many records are left meanwhile."""
        async for left in self._left(shop):
            yield left

    async def analytics_rebuild(self, shop: str) -> AsyncIterator[dict[str, Any]]:
        """Make a shop's file anew from the log; yields how many records are left to read."""
        await self._service.desk.start_anew(self._book.find(shop).id)
        async for left in self._left(shop):
            yield left

    async def _left(self, shop: str) -> AsyncIterator[dict[str, Any]]:
        desk, of = self._service.desk, self._book.find(shop).id
        news: asyncio.Queue[int | None] = asyncio.Queue()
        waiting = asyncio.create_task(desk.caught_up(of, news.put_nowait))
        waiting.add_done_callback(lambda _: news.put_nowait(None))
        try:
            yield {"left": desk.behind(of)}
            while (left := await news.get()) is not None:
                yield {"left": left}
            await waiting
        finally:
            waiting.cancel()

"""What an owner may have done: the commands, as they run inside the process that owns the data directory.

Each is called by the command line, through the control socket or in-process; parameters and results are plain JSON values.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from typing import Any, Final

import msgspec

from footfall import __version__
from footfall.api.where import Where, not_found
from footfall.errors import InputInvalidError, NotFoundError, NotReadyError
from footfall.event import Event, Origin, decode_event, numbered_fields
from footfall.identifiers import Position, ShopId, position_token, read_uuid
from footfall.intake.quarantine import Quarantined, decode_quarantined
from footfall.intake.reading import Arrival
from footfall.intake.rejection import Rejected
from footfall.limits import IMPORT_CHUNK_EVENTS_MAX, LIST_ROWS_MAX, ORDER_BATCH_MAX
from footfall.log.port import Group, Lane, Stream
from footfall.order import Order
from footfall.projections.documents import document_record
from footfall.projections.shops import Shop
from footfall.service.analytics_commands import AnalyticsCommands
from footfall.service.catalog_commands import CatalogCommands
from footfall.service.data_source_book import DataSourceBook
from footfall.service.directory import LOG_FILE, STATE_FILE
from footfall.service.export_commands import ExportCommands
from footfall.service.service import Service
from footfall.service.shop_book import ShopBook, shown
from footfall.service.workers import run_worker

STREAMING: Final = frozenset({"analytics_catch_up", "analytics_rebuild", "evaluate", "export", "tail", "verify"})
"""Commands whose result is a stream of items; the others answer one value."""
ABANDONED: Final = frozenset({"report", "sql"})
"""Commands that change nothing and may take long: they end with the client that waits for them; others run to their end."""

_TAIL_PAGE: Final = 500
_TAIL_PAGES: Final = 20
_IMPORT_PREFIX: Final = "import/"


class Commands(CatalogCommands, AnalyticsCommands, ExportCommands):
    """One method for each command. All raise ``FootfallError`` with a message for people."""

    def __init__(self, service: Service) -> None:
        book = ShopBook(service.log, service.shops, service.clock, lambda size: service.chance.randbytes(size).hex())
        CatalogCommands.__init__(self, service, book)
        AnalyticsCommands.__init__(self, service, book)
        ExportCommands.__init__(self, service, book)
        self._where = Where(service.parts)
        self._sources = DataSourceBook(service.parts)
        self._importing: dict[str, asyncio.Lock] = {}

    async def status(self) -> dict[str, Any]:
        """Version, readiness and extent of what this process owns."""
        service = self._service
        ends = {stream.value: max((await service.log.ends(stream)).values()) for stream in Stream}
        return {
            "version": __version__,
            "data": str(service.config.data.resolve()),
            "generation": service.log.generation,
            "ends": ends,
            "unready": dict(service.parts.unready()),
        }

    def require_caught_up(self) -> None:
        """Raise ``NotReadyError`` while the log is still being read again: what commands look at isn't whole before."""
        if not self._service.caught_up:
            unready = "; ".join(f"{part}: {why}" for part, why in self._service.parts.unready().items())
            raise NotReadyError(f"The server is not ready yet ({unready}). Ask again.")

    # --- shops ---------------------------------------------------------------------------------------------------

    async def shop_create(
        self, name: str, public_key: str | None = None, settings: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Make a shop; its secret key is in the result and nowhere else."""
        shop, secret = await self._book.create(name, public_key=public_key, settings=dict(settings or {}))
        return {"shop": shop.name, "public_key": shop.public_keys[0], "secret_key": secret}

    async def shop_set(self, name: str, setting: str, value: str) -> dict[str, Any]:
        """Change a setting of a shop."""
        return shown(await self._book.set(name, setting, value))

    async def shop_show(self, name: str) -> dict[str, Any]:
        """A shop's settings, and what has happened to its events so far."""
        shop = self._book.find(name)
        return {**shown(shop), "outcomes": self._service.outcomes.totals(shop.id)}

    async def shop_list(self) -> list[dict[str, Any]]:
        """All shops."""
        return [shown(shop) for shop in self._service.shops.all()]

    async def shop_rotate_key(self, name: str, kind: str = "secret", keep_old: bool = False) -> dict[str, Any]:
        """A new key for a shop."""
        shop, key = await self._book.rotate(name, kind=kind, keep_old=keep_old)
        return {"shop": shop.name, f"{kind}_key": key, "old_keys_kept": keep_old}

    # --- imports -------------------------------------------------------------------------------------------------

    async def import_progress(self, shop: str, source: str) -> int:
        """How many rows of a source are done: where an import goes on."""
        found = self._book.find(shop)
        document = self._service.documents.get(_progress_key(found, source))
        return int(document["rows"]) if document is not None else 0

    async def import_rows(self, shop: str, source: str, first: int, rows: Sequence[Any]) -> dict[str, Any]:
        """Store a chunk of a source: rows from number ``first`` on, as events on the wire, in their order.

        Rows that are in the log already are passed over, so that a chunk may be sent again after anything. Answers how
        many were stored, passed over and rejected, with the first reasons.
        """
        found = self._book.find(shop)
        if len(rows) > IMPORT_CHUNK_EVENTS_MAX:
            raise InputInvalidError(f"A chunk has at most {IMPORT_CHUNK_EVENTS_MAX} rows, and this has {len(rows)}.")
        key = _progress_key(found, source)
        async with self._importing.setdefault(key, asyncio.Lock()):
            done = self._service.imports.rows_done(found.id, source)
            fresh = [(first + n, row) for n, row in enumerate(rows) if first + n >= done]
            arrival = self._arrival(found)
            accepted = await self._service.intake.accept(
                [row for _, row in fresh], arrival, lane=Lane.IMPORT, origins=[Origin(source, n) for n, _ in fresh]
            )
            progress = document_record(key, {"source": source, "rows": first + len(rows)})
            await self._service.log.append(Stream.DOCUMENTS, [progress], lane=Lane.IMPORT)
        return {
            "stored": accepted.stored,
            "duplicate": accepted.duplicates,
            "passed_over": len(rows) - len(fresh),
            "rejected": len(accepted.rejected),
            "reasons": [{"row": fresh[index][0], "error": why.error} for index, why in accepted.rejected[:20]],
        }

    def _arrival(self, shop: Shop) -> Arrival:
        return Arrival(
            shop=shop.id,
            email_key=bytes.fromhex(shop.email_key),
            received_at=self._service.clock.now(),
            session_suffices=True,
            verified=True,
        )

    # --- data sources ---------------------------------------------------------------------------------------------

    async def datasource_put(self, shop: str, source: Any, number: int | None = None) -> dict[str, Any]:
        """Make a data source, or a new version of it; ``number`` goes before its own id."""
        return await self._sources.put(self._book.find(shop), source, number)

    async def datasource_list(self, shop: str) -> list[dict[str, Any]]:
        """A shop's data sources, without their rules."""
        return self._sources.all(self._book.find(shop))

    async def datasource_show(self, shop: str, number: int) -> dict[str, Any]:
        """One data source with its rules."""
        return self._sources.show(self._book.find(shop), number)

    async def datasource_delete(self, shop: str, number: int) -> dict[str, Any]:
        """Take a data source away."""
        return await self._sources.delete(self._book.find(shop), number)

    async def datasource_try(self, shop: str, number: int, context: Mapping[str, Any]) -> dict[str, Any]:
        """What a data source answers to a context, with its reasons; as with the secret key."""
        return await self._sources.attempt(self._book.find(shop), number, context)

    async def orders_put(self, shop: str, orders: Sequence[Any]) -> list[dict[str, Any]]:
        """Put what a source says of orders over what is known of them, one outcome for each."""
        found = self._book.find(shop)
        if len(orders) > ORDER_BATCH_MAX:
            raise InputInvalidError(f"At most {ORDER_BATCH_MAX} orders go at once, and these are {len(orders)}.")
        read = msgspec.convert(orders, list[Order])
        outcomes = await self._service.order_intake.put_orders(found.id, read, lane=Lane.IMPORT)
        return [msgspec.to_builtins(outcome) for outcome in outcomes]

    # --- looking -------------------------------------------------------------------------------------------------

    async def event(self, reference: str, shop: str | None = None) -> list[dict[str, Any]]:
        """Where is my event? In one shop, or in all of them."""
        shops = [self._book.find(shop)] if shop is not None else list(self._service.shops.all())
        found = [{"shop": s.name, **entry} for s in shops for entry in await self._where.find(s.id, reference)]
        if not found:
            raise NotFoundError(not_found(reference))
        return found

    async def tail(
        self, shop: str, uuid: str | None = None, rejected: bool = False, last: int = 10, follow: bool = True
    ) -> AsyncIterator[dict[str, Any]]:
        """A shop's last events, then events as they are acknowledged; with ``rejected`` its rejected ones instead."""
        found = self._book.find(shop)

        def pick(group: Group) -> list[dict[str, Any]]:
            return self._picked(group, found.id, uuid, rejected=rejected)

        uuid = read_uuid(uuid) if uuid is not None else None
        # Watching begins before the last ones are read, so that none is missed in between.
        with self._service.watchers.watching(pick) if follow else nullcontext() as watched:
            latest = await self._latest(found.id, uuid, rejected=rejected, count=min(last, LIST_ROWS_MAX))
            for item in latest:
                yield item
            seen = {item.get("position") or item.get("number") for item in latest}
            if watched is not None:
                async for item in watched:
                    if (item.get("position") or item.get("number")) not in seen:
                        yield item

    def _picked(self, group: Group, shop: ShopId, uuid: str | None, *, rejected: bool) -> list[dict[str, Any]]:
        if group.stream is not (Stream.QUARANTINE if rejected else Stream.EVENTS):
            return []
        pairs = zip(group.positions, group.records, strict=True)
        if rejected:
            return [_rejection(position, r.decoded) for position, r in pairs if r.decoded.shop == shop]
        return [
            self._shown(group.partition, position, record.decoded)
            for position, record in pairs
            if record.decoded.shop == shop and (uuid is None or record.decoded.uuid == uuid)
        ]

    async def _latest(self, shop: ShopId, uuid: str | None, *, rejected: bool, count: int) -> list[dict[str, Any]]:
        if rejected:
            newest = self._service.rejections.newest(shop, limit=count)
            return [item for r in reversed(newest) if (item := await self._rejection_at(r.position)) is not None]
        found: list[dict[str, Any]] = []
        for partition, end in (await self._service.log.ends(Stream.EVENTS)).items():
            # A few pages back from the end: enough for a look, however rare this visitor or shop is.
            for page in range(1, _TAIL_PAGES + 1):
                start = Position(end - page * _TAIL_PAGE + 1)
                if len(found) >= count or start + _TAIL_PAGE <= 1:
                    break
                entries = await self._service.log.read(Stream.EVENTS, partition, Position(max(1, start)), _TAIL_PAGE)
                found[:0] = [
                    self._shown(partition, entry.position, event)
                    for entry in entries
                    if start <= entry.position < start + _TAIL_PAGE and entry.value
                    for event in [decode_event(entry.value)]
                    if event.shop == shop and (uuid is None or event.uuid == uuid)
                ]
                await asyncio.sleep(0)
        return found[-count:] if count else []

    def _shown(self, partition: int, position: Position, event: Event) -> dict[str, Any]:
        return numbered_fields(position_token(self._service.log.generation, {partition: position}), event)

    # --- quarantine ----------------------------------------------------------------------------------------------

    async def quarantine_list(self, shop: str, limit: int = 50, before: int | None = None) -> list[dict[str, Any]]:
        """A shop's rejected events, newest first."""
        found = self._book.find(shop)
        bound = Position(before) if before is not None else None
        newest = self._service.rejections.newest(found.id, limit=min(limit, LIST_ROWS_MAX), before=bound)
        return [item for r in newest if (item := await self._rejection_at(r.position)) is not None]

    async def quarantine_resubmit(
        self,
        shop: str,
        numbers: Sequence[int] | None = None,
        fixes: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        """Submit rejected events again, as they came, with some fields set to what they should have been.

        ``numbers`` names them (all of the shop's where it is ``None``, at most 1,000 at once), ``reason`` picks those
        rejected for it. Those that are stored (or were before) leave the quarantine; the others stay as they are.
        """
        found = self._book.find(shop)
        if numbers is None:
            newest = self._service.rejections.newest(found.id, limit=LIST_ROWS_MAX)
            numbers = [rejection.position for rejection in reversed(newest)]
        outcomes: list[dict[str, Any]] = []
        for number in list(numbers)[:LIST_ROWS_MAX]:
            record = await self._quarantined_at(Position(number))
            if record is None or record.shop != found.id:
                outcomes.append({"number": number, "status": "unknown", "error": "There is no such rejected event."})
            elif reason is None or record.reason == reason:
                outcomes.append({"number": number, **await self._resubmit(found, Position(number), record, fixes or {})})
        statuses = [outcome["status"] for outcome in outcomes]
        counts = {status: statuses.count(status) for status in ("stored", "duplicate", "rejected", "unknown")}
        return {**counts, "outcomes": outcomes}

    async def _resubmit(self, shop: Shop, position: Position, record: Quarantined, fixes: Mapping[str, Any]) -> dict[str, Any]:
        if record.truncated or not isinstance(record.original, dict):
            return {"status": "rejected", "error": "Its original was cut or could not be read; send it anew."}
        arrival = Arrival(
            shop=shop.id,
            email_key=bytes.fromhex(shop.email_key),
            # The time of its first arrival: its own time was told against that.
            received_at=record.received_at,
            session_suffices=record.session_suffices,
            verified=record.verified,
        )
        origin = record.origin
        if origin is not None and origin.row >= await self.import_progress(shop.name, origin.source):
            # Its chunk is not done: stored as this row, it would say that the rows before it are.
            origin = None
        receipt = await self._service.intake.resubmit(record.original | record.withheld | dict(fixes), arrival, origin)
        if isinstance(receipt, Rejected):
            return {"status": "rejected", "error": receipt.error}
        await self._service.log.redact(Stream.QUARANTINE, [position])
        self._service.rejections.remove([position])
        place = dict([receipt.place]) if receipt.place is not None else {}
        return {"status": receipt.status, "position": position_token(self._service.log.generation, place)}

    async def _quarantined_at(self, position: Position) -> Quarantined | None:
        entries = await self._service.log.read(Stream.QUARANTINE, 0, position, 1)
        if not entries or entries[0].position != position or not entries[0].value:
            return None
        return decode_quarantined(entries[0].value)

    async def _rejection_at(self, position: Position) -> dict[str, Any] | None:
        record = await self._quarantined_at(position)
        return _rejection(position, record) if record is not None else None

    # --- heavy work, in children ---------------------------------------------------------------------------------

    async def verify(self) -> AsyncIterator[dict[str, Any]]:
        """Check the whole store; progress, then findings."""
        await self._service.tails.merge()
        parameters = {
            "log": str(self._service.config.data / LOG_FILE),
            "state": str(self._service.config.data / STATE_FILE),
        }
        async with aclosing(run_worker("verify", parameters, lines=True)) as lines:
            async for line in lines:
                yield line

    async def evaluate(self, shop: str, days: int, lasts: Sequence[str], prefix_min: int) -> AsyncIterator[dict[str, Any]]:
        """How good recommendations are on a shop's own events: progress, then the results."""
        found = self._book.find(shop)
        end = max((await self._service.log.ends(Stream.EVENTS)).values())
        await self._service.tails.merge()
        parameters = {
            "data": str(self._service.config.data),
            "shop": found.id,
            "end": end,
            "days": days,
            "lasts": list(lasts),
            "prefix_min": prefix_min,
        }
        async with aclosing(run_worker("evaluation", parameters, lines=True)) as lines:
            async for line in lines:
                yield line


def _progress_key(shop: Shop, source: str) -> str:
    if not 1 <= len(source) <= 255:
        raise InputInvalidError("A source's name has 1 to 255 characters.")
    return f"{_IMPORT_PREFIX}{shop.id}/{source}"


def _rejection(position: Position, record: Quarantined) -> dict[str, Any]:
    return {
        "number": position,
        "received_at": record.received_at,
        "reason": record.reason,
        "field": record.field,
        "error": record.error,
        "original": record.original,
        "truncated": record.truncated,
    }

"""Orders in: put over what is known of them, stored durably as documents, one outcome for each."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from footfall.identifiers import ShopId
from footfall.intake.catalog import Outcome, Status
from footfall.intake.order_merging import united
from footfall.limits import ORDER_BATCH_MAX
from footfall.log.port import Lane, Log, Record, Stream
from footfall.order import Order

_SLICE: Final = 20
"""Orders that are put over what is known of them before live requests get their turn: a millisecond or two."""


class KnownOrders(Protocol):
    """What is known of a shop's orders now."""

    def order(self, shop: ShopId, order_id: str) -> Order | None:
        """The order with this id."""


class OrderRecords(Protocol):
    """How documents of orders are named and written."""

    def record(self, shop: ShopId, order: Order) -> Record:
        """The record that makes this the latest version of an order."""


class OrderIntake:
    """The way in for orders, from files and webhooks alike. Each shop's changes happen one after the other."""

    def __init__(self, log: Log, known: KnownOrders, records: OrderRecords) -> None:
        self._log = log
        self._known = known
        self._records = records
        self._locks: dict[ShopId, asyncio.Lock] = {}

    async def put_orders(
        self, shop: ShopId, orders: Sequence[Order | str], *, lane: Lane = Lane.LIVE, also: Sequence[Record] = ()
    ) -> list[Outcome]:
        """Take in what messages say of orders (at most ``ORDER_BATCH_MAX``), in any order; one outcome for each. A text stands
        for one that could not be read, and is why.

        ``also`` is appended in the same call, even where no order changes. Raises ``LogUnavailableError``: nothing was
        stored then.
        """
        outcomes: list[Outcome] = []
        changed: dict[str, Order] = {}
        async with self._locks.setdefault(shop, asyncio.Lock()):
            for number, order in enumerate(orders[:ORDER_BATCH_MAX]):
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
                if isinstance(order, str):
                    outcomes.append(Outcome("rejected", error=order))
                else:
                    outcomes.append(self._put(shop, order, changed))
            records = [*(self._records.record(shop, order) for order in changed.values()), *also]
            if records:
                await self._log.append(Stream.DOCUMENTS, records, lane=lane)
        return outcomes

    def _put(self, shop: ShopId, told: Order, changed: dict[str, Order]) -> Outcome:
        known = changed.get(told.id) or self._known.order(shop, told.id)
        order = united(known, told)
        status: Status = "created" if known is None else "unchanged" if order == known else "updated"
        if status != "unchanged":
            changed[told.id] = order
        return Outcome(status, told.id)

"""Top sellers, trending products and what customers bought, against a naive reading of all that was told, at every moment in
the life of a replica."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS, Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Uuid
from footfall.log.port import Stream
from footfall.order import Order, OrderCustomer, OrderLine, Refund, RefundLine, order_document
from footfall.projections.counters import marks, visitors
from footfall.projections.documents import document_record
from tests.properties.replica import MOMENTS, OTHER_SHOP, SHOP, Replica, live, make_event, small_pages

THOROUGH = settings(max_examples=50, deadline=None)
NOW = Milliseconds(100 * DAY_MS + 10 * HOUR_MS + 5 * MINUTE_MS)
DAYS = 3

events = st.builds(
    lambda shop, verb, uuid, product, ago, order, checkout, verified, flags: make_event(
        shop=shop,
        verb=verb,
        uuid=uuid,
        product_id=product,
        time=Milliseconds(NOW - ago),
        received_at=NOW,
        order_id=order if verb == "purchased" else None,
        checkout_token=checkout if verb == "purchased" else None,
        quantity=2 if product == "2" else None,
        verified=verified,
        flags=flags,
    ),
    st.sampled_from([SHOP, SHOP, OTHER_SHOP]),
    st.sampled_from(["viewed", "viewed", "added", "removed", "purchased"]),
    st.sampled_from(["u1", "u2", "u3", None]),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from([0, MINUTE_MS, HOUR_MS, 30 * HOUR_MS, 2 * DAY_MS, 4 * DAY_MS, 12 * DAY_MS, 95 * DAY_MS]),
    st.sampled_from([None, None, "o1", "o2", "o3"]),
    st.sampled_from([None, "t1", "t2"]),
    st.booleans(),
    st.sampled_from([None, None, None, ["bot"], ["test"]]),
)
orders = st.builds(
    lambda order_id, lines, refunded, cancelled, ago: Order(
        id=order_id,
        created_at=Milliseconds(NOW - ago),
        # Its own from the beginning.
        checkout_token="t1" if order_id == "o1" else None,
        cancelled_at=NOW if cancelled else None,
        # A test order stays one.
        test=order_id == "o3",
        lines=[OrderLine(id=str(n), quantity=quantity, product_id=product) for n, (product, quantity) in enumerate(lines)],
        refunds=[Refund(id="r", lines=[RefundLine("0", refunded)])],
    ),
    st.sampled_from(["o1", "o2", "o3"]),
    st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from([0, DAY_MS, 4 * DAY_MS]),
)


@pytest.fixture(autouse=True, scope="module")
def _small_pages() -> Iterator[None]:
    with small_pages():
        yield


class Told:
    """Everything that was told, and the answers by the plainest reading of it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.orders: dict[str, Order] = {}

    def sold(self) -> dict[str, int]:
        """Units of the first shop by product."""
        facts = any(e.verb == "purchased" and e.verified for e in self._counted()) or any(
            order.test is not True for order in self.orders.values()
        )
        units: dict[str, int] = defaultdict(int)
        for order in self.orders.values():
            if order.test is not True and self._within(order.created_at):
                for bought, left in _left(order):
                    units[str(bought.product_id)] += left
        best: dict[tuple[str, str], Event] = {}
        for number, event in enumerate(self._counted()):
            if event.verb != "purchased":
                continue
            checkout = f"t:{event.checkout_token}" if event.checkout_token else None
            if event.order_id in self.orders or (event.order_id is None and checkout == "t:t1" and "o1" in self.orders):
                continue
            line = (event.order_id or checkout or f"@{number}", str(event.product_id))
            if line not in best or (event.verified and not best[line].verified):
                best[line] = event
        for event in best.values():
            if (event.verified or not facts) and self._within(event.time):
                units[str(event.product_id)] += event.quantity or 1
        return units

    def top(self) -> list[str]:
        """Products of the first shop, best first."""
        sold = self.sold()
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for event in self._counted():
            if event.verb in ("added", "viewed"):
                counts[str(event.product_id)][int(event.verb == "viewed") if self._within(event.time) else 2] += 1
        known = {*counts, *(product for product, units in sold.items() if units)}
        return sorted(known, key=lambda product: (-sold[product], *(-number for number in counts[product]), product))

    def trending(self) -> list[str]:
        """Products of the first shop, the most rising first."""
        bits: dict[tuple[str, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for event in self._counted():
            if event.verb == "viewed" and event.uuid is not None and NOW - event.time < 8 * DAY_MS:
                for level, bit in marks(event.uuid):
                    bits[(str(event.product_id), event.time // HOUR_MS)][level] |= bit
        recent: dict[str, float] = defaultdict(float)
        usual: dict[str, float] = defaultdict(float)
        for (product, hour), of_hour in bits.items():
            ago = NOW // HOUR_MS - hour
            recent[product] += visitors(of_hour) * 2 ** (-ago / 6)
            usual[product] += visitors(of_hour) * 2 ** (-ago / 72)
        pace = sum(recent.values()) / (sum(usual.values()) or 1)

        def score(product: str) -> float:
            expected = usual[product] * pace
            return (recent[product] - expected) / math.sqrt(expected + 1)

        return sorted(recent, key=lambda p: (-round(max(score(p), 0), 9), -round(recent[p], 9), p))

    def _counted(self) -> list[Event]:
        return [event for event in self.events if event.shop == SHOP and event.flags is None]

    def _within(self, time: Any) -> bool:
        return bool(NOW // DAY_MS - DAYS < time // DAY_MS <= NOW // DAY_MS)


def _left(order: Order) -> Iterator[tuple[OrderLine, int]]:
    assert isinstance(order.lines, list)
    for line in order.lines:
        refunded = sum(taken.quantity for refund in order.refunds for taken in refund.lines if taken.line_id == line.id)
        yield line, 0 if order.cancelled_at is not None else max(0, line.quantity - refunded)


async def _read_anew(replica: Replica) -> None:
    """Wait until what is being read is read."""
    while replica.rankings._loading:
        await asyncio.wait(replica.rankings._loading.values())
        await asyncio.sleep(0)


async def _names(ranked: Any) -> list[str]:
    return [one.reference[2:] for one in await ranked]


@THOROUGH
@given(st.lists(st.tuples(st.lists(st.one_of(events, events, orders), max_size=5), MOMENTS), min_size=2, max_size=8))
def test_rankings_say_what_was_told_and_nothing_else_whatever_happens_to_the_tables(
    steps: list[tuple[list[Event | Order], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        told = Told()

        async def check() -> None:
            # Sorted anew for each look: what is kept for half a second has a test of its own.
            for held in replica.rankings._held.values():
                held._heads.clear()
                if getattr(held.ranking, "is_late", False):
                    held.read_at = Milliseconds(0)
            await replica.rankings.top_sellers(SHOP, days=DAYS, now=NOW)
            await replica.rankings.trending(SHOP, now=NOW)
            await _read_anew(replica)
            assert await _names(replica.rankings.top_sellers(SHOP, days=DAYS, now=NOW)) == told.top()
            if not any(getattr(held.ranking, "is_late", False) for held in replica.rankings._held.values()):
                assert await _names(replica.rankings.trending(SHOP, now=NOW)) == told.trending()

        for things, moment in steps:
            for thing in things:
                if isinstance(thing, Order):
                    told.orders[thing.id] = thing
                    await replica.log.append(Stream.DOCUMENTS, [document_record(order_document(SHOP, thing.id), thing)])
                else:
                    told.events.append(thing)
                    await replica.append(thing)
            await check()
            await replica.live_through(moment)
            await check()
        await replica.tails.merge()
        for held in replica.rankings._held.values():
            held.read_at = Milliseconds(0)
        await replica.rankings.trending(SHOP, now=NOW)
        await _read_anew(replica)
        assert await _names(replica.rankings.trending(SHOP, now=NOW)) == told.trending()

    live(life)


shoppers = st.builds(
    lambda verb, uuid, customer, product, cart, checkout, order, ago: make_event(
        verb=verb,
        uuid=uuid,
        customer_id=customer,
        product_id=product,
        cart_token=cart,
        checkout_token=checkout if verb == "purchased" else None,
        order_id=order if verb == "purchased" else None,
        time=Milliseconds(NOW - ago),
        received_at=NOW,
    ),
    st.sampled_from(["viewed", "purchased"]),
    st.sampled_from(["u1", "u2", None]),
    st.sampled_from(["c1", "c2", None]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["k1?key=x", "k2", None]),
    st.sampled_from(["t1", None]),
    st.sampled_from([None, "o1", "o2"]),
    st.sampled_from([0, HOUR_MS, DAY_MS]),
).filter(lambda event: event.uuid is not None or event.customer_id is not None)
theirs = st.builds(
    lambda order_id, customer, uuid, cart, ago: Order(
        id=order_id,
        created_at=Milliseconds(NOW - ago),
        customer=OrderCustomer(id=CustomerId(customer)) if customer else None,
        uuid=Uuid(uuid) if uuid else UNSET,
        cart_token=cart,
        # Its own from the beginning.
        checkout_token="t1" if order_id == "o1" else None,
        lines=[OrderLine(id="1", quantity=3, product_id="3")],
    ),
    st.sampled_from(["o1", "o2"]),
    st.sampled_from(["c1", "c2", None, None]),
    st.sampled_from(["u1", "u2", None, None]),
    st.sampled_from(["k1", "k2", None]),
    st.sampled_from([0, HOUR_MS, DAY_MS]),
)


class Known:
    """Who bought what, by the plainest reading."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.orders: dict[str, Order] = {}
        self.checkouts: set[str] = set()
        """Those that an order has, or had."""

    def bought(self, uuid: str | None, customer: str | None) -> list[tuple[str, int]]:
        """Products with their units, sorted."""
        if uuid is not None and customer is not None and self.last_named(uuid) not in (None, customer):
            uuid = None
        found: set[tuple[str, str, int]] = set()
        for order in self.orders.values():
            visitor = self.visitor(order)
            owner = self.owner_of(order, visitor)
            mine = customer is not None and owner == customer
            last = self.last_named(uuid) if uuid is not None else None
            if mine or (uuid is not None and visitor == uuid and (last is None or owner in (None, last))):
                found.add((order.id, "3", 3))
        lines: dict[tuple[str, str], int] = {}
        for number, event in enumerate(self.events):
            if event.verb == "purchased":
                checkout = f"t:{event.checkout_token}" if event.checkout_token else None
                lines.setdefault((event.order_id or checkout or f"@{number}", str(event.product_id)), number)
        for (order_id, product), number in lines.items():
            event = self.events[number]
            owner = self.owner(number)
            mine = customer is not None and owner == customer
            own = uuid is not None and event.uuid == uuid and owner in (None, self.last_named(uuid))
            ever = {f"t:{token}" for token in self.checkouts}
            if (mine or own) and order_id not in self.orders and order_id not in ever:
                found.add((order_id, product, 1))
        return sorted((product, units) for _, product, units in found)

    def visitor(self, order: Order) -> str | None:
        if isinstance(order.uuid, str):
            return order.uuid
        for name, value in (
            ("checkout_token", order.checkout_token),
            ("order_id", order.id),
            ("cart_token", order.cart_token),
        ):
            if name == "order_id" and isinstance(order.customer, OrderCustomer):
                continue
            # Of a cart the last word holds, of a checkout or an order the first.
            for event in reversed(self.events) if name == "cart_token" else self.events:
                told = getattr(event, name)
                if event.uuid is not None and told is not None and told.partition("?")[0] == value:
                    return event.uuid
        return None

    def owner_of(self, order: Order, visitor: str | None) -> str | None:
        if isinstance(order.customer, OrderCustomer):
            return order.customer.id
        namings = [self.events[number] for number in self.namings(visitor)] if visitor is not None else []
        assert isinstance(order.created_at, int)
        before = [event for event in namings if event.time <= order.created_at]
        latest = max(reversed(before), key=lambda event: event.time, default=None)
        return latest.customer_id if latest is not None else namings[0].customer_id if namings else None

    def owner(self, number: int) -> str | None:
        """The rules of ``test_history``, for one event."""
        event = self.events[number]
        namings = self.namings(event.uuid) if event.uuid is not None else []
        if event.customer_id is not None or not namings:
            return event.customer_id
        before = [other for other in namings if other < number]
        if not before:
            return self.events[namings[0]].customer_id
        return self.events[before[-1]].customer_id if event.time >= self.events[before[-1]].time else None

    def namings(self, uuid: str | None) -> list[int]:
        """The events that named another customer than the one before them."""
        found: list[int] = []
        for number, event in enumerate(self.events):
            named = event.customer_id if event.uuid == uuid else None
            if named is not None and (not found or self.events[found[-1]].customer_id != named):
                found.append(number)
        return found

    def last_named(self, uuid: str) -> str | None:
        namings = self.namings(uuid)
        return self.events[namings[-1]].customer_id if namings else None


@THOROUGH
@given(st.lists(st.tuples(st.lists(st.one_of(shoppers, shoppers, theirs), max_size=5), MOMENTS), min_size=2, max_size=6))
def test_a_purchase_is_its_customers_and_its_visitors_and_counted_once_whoever_told_it(
    steps: list[tuple[list[Event | Order], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        known = Known()

        def check() -> None:
            for uuid in ("u1", "u2", None):
                for customer in ("c1", "c2", None):
                    if uuid is None and customer is None:
                        continue
                    found = replica.buyers.bought(
                        SHOP, Uuid(uuid) if uuid else None, CustomerId(customer) if customer else None
                    )
                    assert sorted((row.reference[2:], row.units) for row in found) == known.bought(uuid, customer)
                    assert [row.time for row in found] == sorted((row.time for row in found), reverse=True)
                    assert replica.buyers.bought(OTHER_SHOP, Uuid(uuid or "u1"), None) == []

        for things, moment in steps:
            for thing in things:
                if isinstance(thing, Order):
                    known.orders[thing.id] = thing
                    known.checkouts |= {thing.checkout_token} if isinstance(thing.checkout_token, str) else set()
                    await replica.log.append(Stream.DOCUMENTS, [document_record(order_document(SHOP, thing.id), thing)])
                else:
                    known.events.append(thing)
                    await replica.append(thing)
            check()
            await replica.live_through(moment)
            check()

    live(life)

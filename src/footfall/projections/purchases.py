"""Purchases that events told, one row for each purchase line, whoever told it and however often; and which visitor a cart was
last seen with, a checkout or an order first.

A line is (order id, variant). An event without an order id belongs to its checkout, and one without that is a purchase of its
own. Of several events about one line, one that came with the secret key or an import goes before a claim, and then the one
that came first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import Position, ProductReference, ShopId, Uuid, product_reference
from footfall.limits import ORDERS_READ_MAX, UNITS_MAX
from footfall.log.port import Group, Stream
from footfall.projections.orders import Touch
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

_COLUMNS: Final = ("position", "time", "reference", "units", "verified")
_MERGE: Final = (
    f"INSERT INTO purchases (shop, order_id, line, {', '.join(_COLUMNS)})"
    f" SELECT {', '.join(f'value->>{n}' for n in range(len(_COLUMNS) + 3))} FROM json_each(?) WHERE true"
    f" ON CONFLICT DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in _COLUMNS)}"
    " WHERE (excluded.verified, -excluded.position) > (verified, -position)"
)
_MERGE_SEEN: Final = (
    "INSERT INTO seen_with SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET uuid = excluded.uuid, position = excluded.position"
    " WHERE (excluded.position > position) = (token LIKE 'k:%')"
)
_READ: Final = f"SELECT line, {', '.join(_COLUMNS)} FROM purchases WHERE shop = ? AND order_id = ?"
_READ_POSITIONS: Final = (
    # CROSS JOIN: each position is looked up. With IN, SQLite reads all purchases of the shop.
    f"SELECT order_id, {', '.join(_COLUMNS)} FROM json_each(?) CROSS JOIN purchases ON shop = ? AND position = value"
)


class Purchase(NamedTuple):
    """What an event told of a purchase line. ``verified``: by the secret key or an import; else it is a claim."""

    position: Position
    time: Milliseconds
    reference: ProductReference
    units: int
    verified: bool


_Key = tuple[int, str]


class _Tail:
    """Purchases in memory: lines by (shop, order id), the order of each position, and who was seen with what."""

    __slots__ = ("orders", "places", "seen", "tokens")

    def __init__(self) -> None:
        self.orders: dict[_Key, dict[str, Purchase]] = {}
        """``t:<checkout token>``, or ``@<partition>.<position>``, stands for an order that has no id; its lines go by variant,
        else by product."""
        self.places: dict[tuple[int, Position, Milliseconds], str] = {}
        self.seen: dict[_Key, tuple[Uuid, Position]] = {}
        self.tokens: dict[_Key, set[str]] = {}

    def see(self, shop: int, token: str, uuid: Uuid, position: Position) -> None:
        if (shop, token) in self.seen and not token.startswith("k:"):
            # A cart goes on; of a checkout or an order who told of it first holds: anybody can name one later.
            return
        self.seen[(shop, token)] = (uuid, position)
        tokens = self.tokens.get((shop, uuid))
        if tokens is None:
            self.tokens[(shop, uuid)] = {token}
        else:
            tokens.add(token)


class Purchases:
    """The projection, and the questions it answers."""

    name = "purchases"
    version = 1
    stream = Stream.EVENTS
    tables: Mapping[str, str] = {
        "purchases": "CREATE TABLE purchases (shop INTEGER NOT NULL, order_id TEXT NOT NULL, line TEXT NOT NULL,"
        " position INTEGER NOT NULL, time INTEGER NOT NULL, reference TEXT NOT NULL, units INTEGER NOT NULL,"
        " verified INTEGER NOT NULL, PRIMARY KEY (shop, order_id, line)) STRICT, WITHOUT ROWID",
        "purchases_by_time": "CREATE INDEX IF NOT EXISTS purchases_by_time ON purchases (shop, verified, time)",
        "purchases_by_position": "CREATE INDEX IF NOT EXISTS purchases_by_position ON purchases (shop, position)",
        "seen_with": "CREATE TABLE seen_with (shop INTEGER NOT NULL, token TEXT NOT NULL, uuid TEXT NOT NULL,"
        " position INTEGER NOT NULL, PRIMARY KEY (shop, token)) STRICT, WITHOUT ROWID",
        "seen_with_by_uuid": "CREATE INDEX IF NOT EXISTS seen_with_by_uuid ON seen_with (shop, uuid)",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active = _Tail()
        self._frozen = _Tail()
        self._facts: set[int] = set()
        """Shops that are known to have purchases which are no claims."""
        self.touch: Touch | None = None

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            event: Event = record.decoded
            if event.verb == "purchased":
                self._take(event, group.partition, position)
            elif event.cart_token is not None or event.checkout_token is not None:
                self._see(event, position)

    def _take(self, event: Event, partition: int, position: Position) -> None:
        reference = product_reference(event.product_id, event.product_handle, event.variant_id)
        if reference is None or event.noun != "product":
            return
        self._see(event, position)
        if event.flags is not None and not {"test", "bot"}.isdisjoint(event.flags):
            return
        order_id = event.order_id or (f"t:{event.checkout_token}" if event.checkout_token else f"@{partition}.{position}")
        line = f"v:{event.variant_id}" if event.variant_id is not None else str(reference)
        units = min(event.quantity, UNITS_MAX) if event.quantity is not None and event.quantity > 0 else 1
        purchase = Purchase(position, event.time, reference, units, event.verified)
        lines = self._active.orders.setdefault((int(event.shop), order_id), {})
        if line in lines and not _goes_before(purchase, lines[line]):
            return
        if self.touch is not None:
            self.touch(event.shop, order_id)
        lines[line] = purchase
        if event.verified:
            self._facts.add(int(event.shop))
        self._active.places[(int(event.shop), position, event.time)] = order_id

    def _see(self, event: Event, position: Position) -> None:
        if event.uuid is None:
            return
        tail, shop = self._active, int(event.shop)
        if event.cart_token is not None:
            tail.see(shop, cart_name(event.cart_token), event.uuid, position)
        if event.checkout_token is not None:
            tail.see(shop, "t:" + event.checkout_token, event.uuid, position)
        if event.order_id is not None:
            tail.see(shop, "o:" + event.order_id, event.uuid, position)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, _Tail()
        return bool(self._frozen.orders or self._frozen.seen)

    def slices(self) -> Iterator[Slice]:
        orders, seen = self._frozen.orders, self._frozen.seen
        yield from sliced(
            _MERGE,
            ((*key, *row) for key in in_key_order(orders) for row in sorted((line, *b) for line, b in orders[key].items())),
        )
        yield from sliced(_MERGE_SEEN, ((*key, *seen[key]) for key in in_key_order(seen)))

    def thaw(self) -> None:
        self._frozen = _Tail()

    def fresh(self, shop: ShopId) -> list[str]:
        """The orders of a shop of which something is in memory and perhaps not in the table."""
        return [order_id for tail in (self._frozen, self._active) for of, order_id in tail.orders if of == shop]

    def of_order(self, shop: ShopId, order_id: str) -> list[Purchase]:
        """What events told of an order, each line once. ``t:<checkout token>``, else ``@<partition>.<position>``, stands for
        one without id."""
        key = (int(shop), order_id)
        found = {str(line): _purchase(values) for line, *values in self._reader.rows(_READ, key)}
        for tail in (self._frozen, self._active):
            for line, purchase in tail.orders.get(key, {}).items():
                if line not in found or _goes_before(purchase, found[line]):
                    found[line] = purchase
        return [found[line] for line in sorted(found)]

    def at(self, shop: ShopId, places: Sequence[tuple[Position, Milliseconds]]) -> dict[Position, tuple[str, Purchase]]:
        """Order (as ``of_order`` takes it) and purchase of the events at these positions, with their own times; without those
        of which another event tells the same line, and holds."""
        if not places:
            return {}
        wanted = set(places)
        positions = msgspec.json.encode([position for position, _ in places]).decode()
        stored = [(str(row[0]), _purchase(row[1:])) for row in self._reader.rows(_READ_POSITIONS, (positions, shop))]
        tails = (self._frozen, self._active)
        fresh = {tail.places[key] for tail in tails for place in wanted if (key := (int(shop), *place)) in tail.places}
        # A word on a line that came since may hold instead of the one in the table, and the other way around.
        fresh |= {order_id for order_id, _ in stored if any((int(shop), order_id) in tail.orders for tail in tails)}
        found = [(order_id, purchase) for order_id in fresh for purchase in self.of_order(shop, order_id)]
        found += [(order_id, purchase) for order_id, purchase in stored if order_id not in fresh]
        return {held[1].position: held for held in found if (held[1].position, held[1].time) in wanted}

    def has_facts(self, shop: ShopId) -> bool:
        """Whether any purchase of the shop was told with its secret key or by an import."""
        if shop not in self._facts and self._reader.rows(
            "SELECT 1 FROM purchases WHERE shop = ? AND verified = 1 LIMIT 1", (shop,)
        ):
            self._facts.add(shop)
        return shop in self._facts

    def visitor_with(self, shop: ShopId, token: str) -> Uuid | None:
        """The uuid last seen with a cart (``k:<cart token>``), or first with a checkout or order (``t:<checkout token>``,
        ``o:<order id>``)."""
        key = (int(shop), token)
        in_memory = [seen[0] for tail in (self._frozen, self._active) if (seen := tail.seen.get(key)) is not None]
        if in_memory and token.startswith("k:"):
            return in_memory[-1]
        rows = self._reader.rows("SELECT uuid FROM seen_with WHERE shop = ? AND token = ?", key)
        return Uuid(rows[0][0]) if rows else in_memory[0] if in_memory else None

    def tokens_of(self, shop: ShopId, uuid: Uuid) -> list[str]:
        """The tokens that a uuid was seen with, at most ``ORDERS_READ_MAX``; another may have been seen with some since."""
        rows = self._reader.rows(
            "SELECT token FROM seen_with WHERE shop = ? AND uuid = ? LIMIT ?", (shop, uuid, ORDERS_READ_MAX)
        )
        found = {str(token) for (token,) in rows}
        for tail in (self._frozen, self._active):
            found |= tail.tokens.get((int(shop), uuid), set())
        return sorted(found)[:ORDERS_READ_MAX]


def cart_name(cart_token: str) -> str:
    """A cart's token as it is compared: without a ``?key=`` tail."""
    return "k:" + cart_token.partition("?")[0]


def _goes_before(one: Purchase, other: Purchase) -> bool:
    return (one.verified, -one.position) > (other.verified, -other.position)


def _purchase(values: Any) -> Purchase:
    position, time, reference, units, verified = values
    return Purchase(Position(position), Milliseconds(time), ProductReference(reference), units, bool(verified))

"""Orders: what each one bought, by time, and by which names (customer, visitor, cart, checkout) it is found.

The orders themselves are documents; a test order stands here without lines, so that nothing else that tells of it counts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import UnsetType

from footfall.clock import Milliseconds
from footfall.identifiers import CustomerId, ProductReference, ShopId
from footfall.limits import ORDERS_READ_MAX
from footfall.log.port import Group, Stream
from footfall.order import ORDER_PREFIX, Order, bought_lines, decode_order
from footfall.projections.documents import Document
from footfall.projections.rows import in_key_order, sliced
from footfall.projections.state import Reader, Slice

_MERGE: Final = "INSERT OR REPLACE INTO orders SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)"
_MERGE_NAMES: Final = "INSERT OR IGNORE INTO order_names SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)"
_READ_NAMES: Final = (
    "SELECT order_id, time FROM order_names WHERE shop = ? AND name = ? ORDER BY time DESC, order_id DESC LIMIT ?"
)

_Key = tuple[int, str]
Touch = Callable[[ShopId, str], None]
"""Told (shop, order id) before what is known of the order changes."""


class Sold(NamedTuple):
    """What an order sold: when, and units left of each product that it names."""

    time: Milliseconds
    lines: Sequence[tuple[ProductReference, int]]


class _Entry(NamedTuple):
    sold: Sold
    names: tuple[str, ...]


class _Tail:
    """Orders in memory, by number and by name."""

    __slots__ = ("by_name", "entries")

    def __init__(self) -> None:
        self.entries: dict[_Key, _Entry] = {}
        self.by_name: dict[_Key, set[str]] = {}

    def take(self, shop: int, order_id: str, entry: _Entry) -> None:
        self.entries[(shop, order_id)] = entry
        for name in entry.names:
            self.by_name.setdefault((shop, name), set()).add(order_id)


_NOTHING: Final = Sold(Milliseconds(0), ())
decode_lines: Final = msgspec.json.Decoder(list[tuple[ProductReference, int]]).decode


def name_of_customer(customer: CustomerId) -> str:
    """The name under which a customer's orders are found. Stored on disk: do not change, as all of these."""
    return f"c:{customer}"


def names_of(order: Order) -> Iterator[str]:
    """Everything that leads to an order: ``c:<customer>``, ``u:<uuid>``, ``t:<checkout token>``, ``k:<cart token>``,
    ``o:<order id>``."""
    if isinstance(order.customer, msgspec.Struct):
        yield name_of_customer(order.customer.id)
    for prefix, value in (("u:", order.uuid), ("t:", order.checkout_token), ("k:", order.cart_token), ("o:", order.id)):
        if isinstance(value, str):
            yield prefix + value


class Orders:
    """The projection, and the questions it answers."""

    name = "orders"
    version = 1
    stream = Stream.DOCUMENTS
    tables: Mapping[str, str] = {
        "orders": "CREATE TABLE orders (shop INTEGER NOT NULL, order_id TEXT NOT NULL, time INTEGER NOT NULL,"
        " lines TEXT NOT NULL, PRIMARY KEY (shop, order_id)) STRICT, WITHOUT ROWID",
        "orders_by_time": "CREATE INDEX IF NOT EXISTS orders_by_time ON orders (shop, time)",
        "order_names": "CREATE TABLE order_names (shop INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL,"
        " order_id TEXT NOT NULL, PRIMARY KEY (shop, name, time, order_id)) STRICT, WITHOUT ROWID",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active = _Tail()
        self._frozen = _Tail()
        self._facts: set[int] = set()
        """Shops that are known to have orders."""
        self._looked_up: set[int] = set()
        """Shops whose table was looked at: what comes after that is in ``_facts``."""
        self.touch: Touch | None = None

    def apply(self, group: Group) -> None:
        for record in group.records:
            document: Document = record.decoded
            if document.key.startswith(ORDER_PREFIX):
                _, shop, order_id = document.key.split("/", 2)
                entry = _entry(document)
                if entry is None:
                    continue
                if self.touch is not None:
                    for known_by in (order_id, *_checkouts(entry)):
                        self.touch(ShopId(int(shop)), known_by)
                self._active.take(int(shop), order_id, entry)
                if entry.sold.lines:
                    self._facts.add(int(shop))

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, _Tail()
        return bool(self._frozen.entries)

    def slices(self) -> Iterator[Slice]:
        frozen = self._frozen.entries
        keys = list(in_key_order(frozen))
        yield from sliced(
            _MERGE,
            ((*key, frozen[key].sold.time, msgspec.json.encode(frozen[key].sold.lines).decode()) for key in keys),
        )
        # Names that an order has no longer stay: who asks looks at the order itself.
        yield from sliced(
            _MERGE_NAMES, ((key[0], name, frozen[key].sold.time, key[1]) for key in keys for name in frozen[key].names)
        )

    def thaw(self) -> None:
        self._frozen = _Tail()

    def fresh(self, shop: ShopId) -> list[str]:
        """The orders of a shop that are in memory and perhaps not in the table, by id and by checkout."""
        return [
            known_by
            for tail in (self._frozen, self._active)
            for (of, order_id), entry in tail.entries.items()
            if of == shop
            for known_by in (order_id, *_checkouts(entry))
        ]

    def tells_of(self, shop: ShopId, known_by: str) -> bool:
        """Whether an order itself tells of a purchase that events know by its order id, or as ``t:<checkout token>``."""
        return self.sold(shop, known_by) is not None or (known_by.startswith("t:") and bool(self.named(shop, known_by)))

    def sold(self, shop: ShopId, order_id: str) -> Sold | None:
        """What an order sold; nothing for a test order, ``None`` where there is no such order."""
        key = (int(shop), order_id)
        entry = self._active.entries.get(key) or self._frozen.entries.get(key)
        if entry is not None:
            return entry.sold
        rows = self._reader.rows("SELECT time, lines FROM orders WHERE shop = ? AND order_id = ?", key)
        return Sold(Milliseconds(rows[0][0]), decode_lines(rows[0][1])) if rows else None

    def has_any(self, shop: ShopId) -> bool:
        """Whether the shop has an order that is no test."""
        if shop not in self._looked_up:
            if self._reader.rows("SELECT 1 FROM orders WHERE shop = ? AND lines <> '[]' LIMIT 1", (shop,)):
                self._facts.add(shop)
            self._looked_up.add(shop)
        return shop in self._facts

    def named(self, shop: ShopId, name: str) -> list[str]:
        """The orders that a name leads to, newest first, at most ``ORDERS_READ_MAX``; some may have lost the name since."""
        found = {str(order_id): int(time) for order_id, time in self._reader.rows(_READ_NAMES, (shop, name, ORDERS_READ_MAX))}
        for tail in (self._frozen, self._active):
            for order_id in tail.by_name.get((int(shop), name), ()):
                found[order_id] = tail.entries[(int(shop), order_id)].sold.time
        return sorted(found, key=lambda order_id: (-found[order_id], order_id))[:ORDERS_READ_MAX]


def _checkouts(entry: _Entry) -> Iterator[str]:
    return (name for name in entry.names if name.startswith("t:"))


def _entry(document: Document) -> _Entry | None:
    """What an order says; ``None`` while only a refund of it has come, which says nothing of what was bought."""
    if document.is_deleted:
        return _Entry(_NOTHING, ())
    order = decode_order(document.value)
    if isinstance(order.lines, UnsetType):
        return None
    time = order.created_at if isinstance(order.created_at, int) else Milliseconds(0)
    lines = () if order.test is True else tuple((line.reference, line.units) for line in bought_lines(order))
    return _Entry(Sold(time, lines), tuple(names_of(order)))

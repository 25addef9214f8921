"""The index: the sessions of every shop, kept up with the stream of events.

Whoever owns it tells it groups in the order of their positions (``apply``); what it has been told already it passes over. It
knows products by the names that events gave them; which of these are one product is decided when a question is asked.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from footfall.event import Event
from footfall.identifiers import Position, ProductReference, ShopId, product_reference
from footfall.limits import INDEXED_NAMES_MAX
from footfall.log.port import Group, Stream
from footfall.projections.identity import trail_of
from footfall.projections.recommendations.aliases import Aliases
from footfall.projections.recommendations.neighbours import Asker
from footfall.projections.recommendations.sessions import Kind, Packed, Sessions, Signal

_KINDS: Final = {
    "viewed": Kind.VIEWED,
    "added": Kind.ADDED,
    "removed": Kind.REMOVED,
    "purchased": Kind.PURCHASED,
}
_LEFT_OUT: Final = frozenset({"bot", "test"})
_VISITORS_HASHED_MAX: Final = 50_000
_NAME_MASK: Final = 2**32 - 1

KeyOf = Callable[[ShopId], bytes | None]
"""The shop's own key, under which its visitors are hashed; ``None`` for one that isn't known."""


class ShopIndex:
    """One shop's sessions, and what their numbers stand for."""

    def __init__(self, names: Sequence[ProductReference] = (), packed: Packed | None = None) -> None:
        self.sessions = Sessions(packed)
        self.asker = Asker(self.sessions)
        self.names: list[ProductReference] = list(names)
        """By number."""
        self.numbers: dict[ProductReference, int] = {name: number for number, name in enumerate(self.names)}
        self.aliases = Aliases()

    def number(self, reference: ProductReference) -> int | None:
        """A product's number, made where there is none; ``None`` where there is no more room."""
        number = self.numbers.get(reference)
        if number is None and len(self.names) < INDEXED_NAMES_MAX:
            number = self.numbers[reference] = len(self.names)
            self.names.append(reference)
        return number


class Index:
    """The projection. All methods belong to one thread."""

    stream = Stream.EVENTS

    def __init__(
        self, key_of: KeyOf, shops: Mapping[ShopId, ShopIndex] | None = None, ends: Mapping[int, Position] | None = None
    ) -> None:
        self._key_of = key_of
        self.shops: dict[ShopId, ShopIndex] = dict(shops or {})
        self.ends: dict[int, Position] = dict(ends or {})
        """Up to where events have been taken in, by partition."""
        self.is_live = False
        """Whether it is kept up with the log, so that what it doesn't know did not happen."""
        self._hashes: dict[tuple[int, str], int] = {}

    def apply(self, group: Group) -> None:
        """Take in a group, but for what was taken in before."""
        done = self.ends.get(group.partition, 0)
        for position, record in zip(group.positions, group.records, strict=True):
            if position > done:
                self._take(record.decoded, position)
        self.ends[group.partition] = max(Position(done), group.positions[-1])

    def _take(self, event: Event, position: Position) -> None:
        kind, session = kind_of(event), session_of(event)
        reference = product_reference(event.product_id, event.product_handle, event.variant_id)
        if kind is None or session is None or reference is None:
            return
        trail, name = session
        visitor = self.visitor(event.shop, trail)
        if visitor is None:
            return
        shop = self.shops.get(event.shop)
        if shop is None:
            shop = self.shops[event.shop] = ShopIndex()
        item = shop.number(reference)
        if item is not None:
            number = 0
            if name:
                # A plain checksum would tell whoever reads the file that a session they know of is in it.
                number = (self.visitor(event.shop, f"s:{name}") or 0) & _NAME_MASK | 1
            shop.sessions.add(Signal(visitor, number, item, kind, event.time, position))

    def visitor(self, shop: ShopId, trail: str) -> int | None:
        """The number of whoever left a trail, above 0: a hash under the shop's own key. ``None`` where it has none."""
        known = (shop, trail)
        visitor = self._hashes.get(known)
        if visitor is None:
            key = self._key_of(shop)
            if key is None:
                return None
            digest = hashlib.blake2b(f"{shop}\0{trail}".encode("utf-8", "replace"), digest_size=8, key=key).digest()
            visitor = int.from_bytes(digest, "big") or 1
            if len(self._hashes) >= _VISITORS_HASHED_MAX:
                self._hashes.clear()
            self._hashes[known] = visitor
        return visitor

    def forget(self, shop: ShopId, trail: str) -> int:
        """Let go of the sessions that left a trail; answers how many there were."""
        visitor, of_shop = self.visitor(shop, trail), self.shops.get(shop)
        # The names of their sessions are among these.
        self._hashes.clear()
        return of_shop.sessions.forget(visitor) if visitor is not None and of_shop is not None else 0

    def settle(self, now: int) -> Iterator[None]:
        """``Sessions.settle`` for every shop."""
        for of_shop in list(self.shops.values()):
            yield from of_shop.sessions.settle(now)
            yield


def kind_of(event: Event) -> Kind | None:
    """What an event says of a product, ``None`` where it says nothing that counts: bots and tests don't."""
    if event.noun != "product" or event.subject != "user":
        return None
    if event.flags is not None and not _LEFT_OUT.isdisjoint(event.flags):
        return None
    return _KINDS.get(event.verb)


def session_of(event: Event) -> tuple[str, str] | None:
    """Whose session an event belongs to: a trail (``s:`` and its name for one without an identity), and the name that the
    client gave the session, empty where it gave none. ``None`` for an event of nobody."""
    trail, name = trail_of(event), event.session_id
    if trail is None:
        return ("s:" + name, name) if name is not None else None
    return trail, name or ""

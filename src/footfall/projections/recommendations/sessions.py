"""Sessions, live: which products each has, in which order and with which signals, and for each product the sessions that have
it.

What stands here is a function of the set of events that were told and of the window, whatever order they came in. Products are
numbers (``items``) and visitors are hashes; whoever tells the events keeps what they stand for.

A session is what one visitor did with no gap over 30 minutes between two events, or where the client names its sessions what
bears one name, with no gap over a day: clients exist that never renew a name.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from footfall.clock import HOUR_MS
from footfall.limits import (
    SESSION_EVENTS_MAX,
    SESSION_ITEMS_MAX,
    SESSION_SPAN_HOURS_MAX,
    SESSIONS_TOLD_MAX,
)
from footfall.projections.recommendations.columns import Columns
from footfall.projections.recommendations.postings import NO_POSTINGS, SECOND_SHIFT, SLOT_MASK, STEP_BITS, Integers, Postings
from footfall.projections.recommendations.visitors import Hashes, Slots, Visitors
from footfall.projections.recommendations.window import GAP_MS, NAMED_GAP_MS, Window

VIEWED: Final = 1
IN_CART: Final = 2
PURCHASED: Final = 4
"""The bits of what is known of a product in a session. Stored on disk: do not change."""
KINDS: Final = 8

_NEVER: Final = -(2**62)
"""When a product was last seen of which only a removal is known."""

_OF_SESSION: Final = {
    "starts": "i8",
    "ends": "i8",
    "visitors": "u8",
    "names": "u4",
    "rows": "i8",
    "events": "i4",
    "rooms": "u1",
    "states": "u1",
}
_OF_ITEM: Final = {"items": "i4", "kinds": "u1", "nets": "i2", "times": "i8", "positions": "i8"}
_NAME_FACTOR: Final = 0x9E3779B97F4A7C15
"""An odd number that spreads 32 bits over 64 (Fibonacci hashing: Knuth, The Art of Computer Programming, 6.4)."""
_HASH_MASK: Final = 2**64 - 1
_LENGTH_BITS: Final = 8
_LENGTH_MASK: Final = 2**_LENGTH_BITS - 1

_POSTED: Final = 1
_ABNORMAL: Final = 2


class Kind(IntEnum):
    """What an event says of a product."""

    VIEWED = 1
    ADDED = 2
    REMOVED = 3
    PURCHASED = 4


class Signal(NamedTuple):
    """An event on a product. ``visitor``: their hash, above 0; ``name``: a hash of the session's name, 0 where the client
    names none; ``time`` in milliseconds."""

    visitor: int
    name: int
    item: int
    kind: Kind
    time: int
    position: int


class Told(NamedTuple):
    """A product of a session: when it was seen last (milliseconds), by the event at which position, its number, and what is
    known of it."""

    time: int
    position: int
    item: int
    kinds: int


class Packed(NamedTuple):
    """All that stands in ``Sessions``, without gaps, to be saved: columns by name, and single numbers by name."""

    arrays: Mapping[str, npt.NDArray[Any]]
    numbers: Mapping[str, int]


class Sessions:
    """The sessions of one shop.

    A session *counts* when it began in the window, has at least two events and a product with a signal, and neither it nor
    another session of its visitor in the window is abnormal: has more products, events or hours than a person gets to. Those
    that count stand in postings. ``settle`` brings the window forward.
    """

    def __init__(self, packed: Packed | None = None) -> None:
        """``packed``: what they hold at first."""
        arrays = packed.arrays if packed is not None else None
        self._sessions = Columns(_OF_SESSION, self._look, arrays)
        self._arena = Columns(_OF_ITEM, self._look, arrays)
        self._look()
        self._free: list[int] = []
        self._free_rooms: dict[int, list[int]] = {}
        self._abnormal: dict[int, set[int]] = {}
        """Visitor → the slots of their abnormal sessions in the window."""
        self.kept = 0
        """Sessions in memory."""
        self.counted = 0
        """``N``: those that count."""
        counts = arrays["counts"] if arrays is not None else np.zeros(0, np.int32)
        self._postings = Postings(self._rank, counts, arrays["postings"] if arrays is not None else NO_POSTINGS)
        used = np.arange(self._sessions.used, dtype=np.int32)
        visitors = self._sessions.arrays["visitors"][: len(used)]
        self._by_visitor = Visitors(visitors, used)
        self._by_name = Visitors(self._named(used), used)
        """By visitor and the session's name: a client may name a new session with each event."""
        self._window = Window(packed.numbers if packed is not None else None, self._sessions.arrays["starts"][: len(used)])
        if packed is not None:
            self._unpack()

    def _look(self) -> None:
        of_session, of_item = self._sessions.views, self._arena.views
        self._starts, self._ends = of_session["starts"], of_session["ends"]
        self._visitor, self._name = of_session["visitors"], of_session["names"]
        self._rows, self._rooms = of_session["rows"], of_session["rooms"]
        self._events, self._states = of_session["events"], of_session["states"]
        self._items, self._kinds, self._nets = of_item["items"], of_item["kinds"], of_item["nets"]
        self._times, self._positions = of_item["times"], of_item["positions"]
        self.rows: Integers = self._sessions.arrays["rows"]
        """For each slot where its items begin, and in the last 8 bits how many it has."""
        self.items: npt.NDArray[np.int32] = self._arena.arrays["items"]
        """The items of all sessions, each session's together, in the order in which they were seen last."""
        self.kinds: npt.NDArray[np.uint8] = self._arena.arrays["kinds"]
        """What is known of each: ``VIEWED``, ``IN_CART``, ``PURCHASED``; 0 where it was only removed."""

    # --- events ---------------------------------------------------------------------------------------------------

    def add(self, signal: Signal) -> None:
        """Take in an event. Each may be told once."""
        visitor, name, item, kind, time, position = signal
        if time < self._window.kept_from:
            return
        slot = self._session(visitor, name, time)
        self._events[slot] += 1
        if self._states[slot] & _ABNORMAL:
            return
        if kind == Kind.VIEWED:
            self._put(slot, item, VIEWED, 0, time, position)
        elif kind == Kind.ADDED:
            self._put(slot, item, IN_CART, 1, time, position)
        elif kind == Kind.REMOVED:
            self._put(slot, item, 0, -1, _NEVER, 0)
        else:
            self._put(slot, item, PURCHASED, 0, time, position)
        if self._is_abnormal(slot):
            self._become_abnormal(slot)
        elif not self._states[slot] & _POSTED and self._counts(slot):
            self._post(slot)

    def _session(self, visitor: int, name: int, time: int) -> int:
        """The session that an event at a time belongs to: one that is there, or a new one, or one made of several."""
        gap = NAMED_GAP_MS if name else GAP_MS
        found = -1
        for slot in self.slots(visitor, name):
            # One that was joined with another is nobody's.
            if self._visitor[slot] and self._starts[slot] - gap <= time <= self._ends[slot] + gap:
                if found < 0:
                    found = slot
                else:
                    self._join(found, slot)
        if found < 0:
            return self._new(visitor, name, time)
        if time > self._ends[found]:
            self._ends[found] = time
        elif time < self._starts[found]:
            self._stretch(found, time, time)
        return found

    @property
    def postings(self) -> list[Integers]:
        """For each item the sessions that count and have it (see ``Postings``)."""
        return self._postings.lists

    @property
    def counts(self) -> npt.NDArray[np.int32]:
        """``n_i``: how many of them have each item; at least as long as there are items."""
        return self._postings.counts

    def slots(self, visitor: int, name: int | None = None) -> list[int]:
        """Where the sessions of a visitor are; with ``name`` only those of that name."""
        whose, names = self._visitor, self._name
        if name is None:
            return [slot for slot in self._by_visitor.slots(visitor) if whose[slot] == visitor]
        found = self._by_name.slots(_named(visitor, name))
        return [slot for slot in found if whose[slot] == visitor and names[slot] == name]

    def slots_since(self, visitor: int, time: int) -> list[int]:
        """Where those sessions of a visitor are that went on at or after a time; of very many, those that were told of
        last."""
        return [slot for slot in self._latest(visitor) if self._ends[slot] >= time]

    def _latest(self, visitor: int) -> list[int]:
        whose = self._visitor
        return [slot for slot in self._by_visitor.slots(visitor, SESSIONS_TOLD_MAX) if whose[slot] == visitor]

    def told_by(self, visitor: int, among: int = KINDS - 1) -> list[Told]:
        """What is known of the products of a visitor's sessions, the last seen first; one of several sessions comes several
        times. Nothing of abnormal sessions; of very many, those that were told of last. ``among``: only products of which
        one of these is known."""
        told: list[Told] = []
        times, positions, items = self._times, self._positions, self._items
        for slot in self._latest(visitor):
            row = self._rows[slot]
            begin, end = row >> _LENGTH_BITS, (row >> _LENGTH_BITS) + (row & _LENGTH_MASK)
            for place, kinds in enumerate(self._kinds[begin:end].tolist(), begin):
                if kinds & among:
                    told.append(Told(times[place], positions[place], items[place], kinds))
        told.sort(reverse=True)
        return told

    def forget(self, visitor: int) -> int:
        """Let go of all sessions of a visitor; answers how many there were."""
        slots = self.slots(visitor)
        for slot in slots:
            self._drop(slot)
        return len(slots)

    @property
    def needs_visitors_merged(self) -> bool:
        """Whether ``merge_visitors`` should be called."""
        return self._by_visitor.is_full or self._by_name.is_full

    def merge_visitors(self) -> Callable[[], None]:
        """See ``Visitors.merge``."""
        visitors = self._sessions.arrays["visitors"]
        works = [self._by_visitor.merge(lambda slots: visitors[slots]), self._by_name.merge(self._namer())]

        def work() -> None:
            for one in works:
                one()

        return work

    def _named(self, slots: Slots) -> Hashes:
        return self._namer()(slots)

    def _namer(self) -> Callable[[Slots], Hashes]:
        """What ``_by_name`` knows the sessions in slots by, as long as the columns don't grow."""
        visitors, names = self._sessions.arrays["visitors"], self._sessions.arrays["names"]

        def hashes_of(slots: Slots) -> Hashes:
            hashes: Hashes = visitors[slots] ^ names[slots].astype(np.uint64) * np.uint64(_NAME_FACTOR)
            return hashes

        return hashes_of

    def packed(self) -> Packed:
        """What stands here, sessions in the order of their starts."""
        used = self._sessions.used
        of_session = {name: array[:used] for name, array in self._sessions.arrays.items()}
        alive = np.flatnonzero(of_session["visitors"])
        order = alive[np.lexsort([of_session[name][alive] for name in ("names", "visitors", "starts")])]
        packed = {name: array[order] for name, array in of_session.items()}
        lengths = packed["rows"] & _LENGTH_MASK
        begins = np.cumsum(lengths) - lengths
        at = np.repeat((packed["rows"] >> _LENGTH_BITS) - begins, lengths) + np.arange(int(lengths.sum()))
        packed["rows"] = (begins << _LENGTH_BITS) | lengths
        packed["rooms"] = lengths.astype(np.uint8)
        packed |= {name: array[at] for name, array in self._arena.arrays.items()}
        numbers = np.zeros(used, np.int64)
        numbers[order] = np.arange(len(order))
        counts = self.counts[: len(self.postings)]
        told = self._postings.told()
        slots = numbers[(told >> STEP_BITS) & SLOT_MASK]
        packed["counts"] = counts
        packed["postings"] = (told >> SECOND_SHIFT << SECOND_SHIFT) | (slots << STEP_BITS)
        return Packed(packed, self._window.numbers)

    def _unpack(self) -> None:
        visitors, states = self._sessions.arrays["visitors"], self._sessions.arrays["states"]
        self.kept = len(visitors)
        self.counted = int(np.count_nonzero(states & _POSTED))
        for slot in np.flatnonzero(states & _ABNORMAL).tolist():
            if self._window.has(self._starts[slot]):
                self._abnormal.setdefault(self._visitor[slot], set()).add(slot)

    # --- the window -----------------------------------------------------------------------------------------------

    @property
    def is_incomplete(self) -> bool:
        """See ``Window.is_incomplete``."""
        return self._window.is_incomplete

    def settle(self, now: int) -> Iterator[None]:
        """Bring the window up to a time. Works in small steps, between which everything may be asked and told; they must be
        taken to their end before it is brought further."""
        low, high = self._window.advance(now)
        if low != high:
            starts = self._sessions.arrays["starts"][: self._sessions.used]
            yield from self._move(np.flatnonzero((starts >= low) & (starts < high)).tolist())
        if self._window.let_go(self.kept):
            ends = self._sessions.arrays["ends"][: self._sessions.used]
            yield from self._let_go(np.flatnonzero(ends < self._window.kept_from).tolist())

    def _move(self, slots: list[int]) -> Iterator[None]:
        """Sessions that came into the window or left it."""
        for number, slot in enumerate(slots):
            if self._visitor[slot]:
                if self._states[slot] & _ABNORMAL:
                    self._mark(slot)
                elif self._states[slot] & _POSTED:
                    if not self._counts(slot):
                        self._unpost(slot)
                else:
                    self._post_if_it_counts(slot)
            if number % 50 == 49:
                yield

    def _let_go(self, slots: list[int]) -> Iterator[None]:
        for number, slot in enumerate(slots):
            if self._visitor[slot] and self._ends[slot] < self._window.kept_from:
                self._drop(slot)
            if number % 50 == 49:
                yield

    # --- sessions -------------------------------------------------------------------------------------------------

    def _new(self, visitor: int, name: int, time: int) -> int:
        slot = self._free.pop() if self._free else self._sessions.take(1)
        self._starts[slot] = self._ends[slot] = time
        self._visitor[slot], self._name[slot] = visitor, name
        self._rows[slot] = self._events[slot] = self._rooms[slot] = self._states[slot] = 0
        self._by_visitor.add(visitor, slot)
        self._by_name.add(_named(visitor, name), slot)
        self.kept += 1
        self._window.count(time, 1)
        return slot

    def _drop(self, slot: int) -> None:
        """Let go of a session, whatever state it is in."""
        if self._states[slot] & _POSTED:
            self._unpost(slot)
        self._give_room_back(slot)
        self._window.count(self._starts[slot], -1)
        self.kept -= 1
        visitor = self._visitor[slot]
        abnormal = self._states[slot] & _ABNORMAL
        self._visitor[slot] = self._rows[slot] = self._states[slot] = 0
        # Nothing of a visitor stays behind in a slot that waits for another.
        self._starts[slot] = self._ends[slot] = self._name[slot] = 0
        self._free.append(slot)
        if abnormal:
            self._unmark(visitor, slot)

    def _stretch(self, slot: int, start: int, end: int) -> None:
        """Let a session reach from and to these times as well."""
        if end > self._ends[slot]:
            self._ends[slot] = end
        before = self._starts[slot]
        if start < before:
            # Postings are in the order of starts.
            posted = self._states[slot] & _POSTED
            if posted:
                self._unpost(slot)
            self._window.count(before, -1)
            self._starts[slot] = start
            self._window.count(start, 1)
            if self._states[slot] & _ABNORMAL:
                self._mark(slot)
            elif posted:
                self._post_if_it_counts(slot)

    def _join(self, slot: int, other: int) -> None:
        """Make one session of two: what a late event between them does."""
        # Neither stands in postings while both may have one start.
        if self._states[slot] & _POSTED:
            self._unpost(slot)
        start, end, events = self._starts[other], self._ends[other], self._events[other]
        abnormal = self._states[other] & _ABNORMAL
        begin, length = divmod(self._rows[other], _LENGTH_MASK + 1)
        columns = (self._items, self._kinds, self._nets, self._times, self._positions)
        told = list(zip(*(view[begin : begin + length].tolist() for view in columns), strict=True))
        self._drop(other)
        self._stretch(slot, start, end)
        self._events[slot] += events
        if abnormal and not self._states[slot] & _ABNORMAL:
            self._become_abnormal(slot)
        if not self._states[slot] & _ABNORMAL:
            for item, kinds, net, time, position in told:
                self._put(slot, item, kinds, net, time, position)

    def _is_abnormal(self, slot: int) -> bool:
        return (
            self._rows[slot] & _LENGTH_MASK > SESSION_ITEMS_MAX
            or self._events[slot] > SESSION_EVENTS_MAX
            or self._ends[slot] - self._starts[slot] > SESSION_SPAN_HOURS_MAX * HOUR_MS
        )

    def _become_abnormal(self, slot: int) -> None:
        """From now on only how far it reaches is kept."""
        if self._states[slot] & _POSTED:
            self._unpost(slot)
        self._give_room_back(slot)
        self._states[slot] |= _ABNORMAL
        self._mark(slot)

    def _mark(self, slot: int) -> None:
        """Note whether an abnormal session is in the window: then none of its visitor's counts."""
        visitor = self._visitor[slot]
        if not self._window.has(self._starts[slot]):
            self._unmark(visitor, slot)
            return
        self._abnormal.setdefault(visitor, set()).add(slot)
        for other in self.slots(visitor):
            if self._states[other] & _POSTED:
                self._unpost(other)

    def _unmark(self, visitor: int, slot: int) -> None:
        marked = self._abnormal.get(visitor)
        if marked is None:
            return
        marked.discard(slot)
        if not marked:
            del self._abnormal[visitor]
            for other in self.slots(visitor):
                if not self._states[other] & (_POSTED | _ABNORMAL):
                    self._post_if_it_counts(other)

    # --- the items of a session -----------------------------------------------------------------------------------

    def _put(self, slot: int, item: int, kinds: int, net: int, time: int, position: int) -> None:
        """Bring together what is known of an item in a session with this. ``net``: adds less removals; in the cart is what has
        more adds. Keeps postings right."""
        row = self._rows[slot]
        begin, length = row >> _LENGTH_BITS, row & _LENGTH_MASK
        items = self._items
        # What was seen last is most likely seen again.
        place = begin + length - 1
        while place >= begin and items[place] != item:
            place -= 1
        if place < begin:
            if length > SESSION_ITEMS_MAX:
                # It is abnormal by now; nobody asks for its items again.
                return
            if item >= len(self._postings.lists):
                self._postings.know(item)
            if length >= self._rooms[slot]:
                begin = self._move_to_room(slot, begin, length)
            place = begin + length
            length += 1
            self._rows[slot] = (begin << _LENGTH_BITS) | length
            before = 0
            self._items[place], self._times[place], self._positions[place] = item, time, position
        else:
            before = self._kinds[place]
            net += self._nets[place]
            if (time, position) > (self._times[place], self._positions[place]):
                self._times[place], self._positions[place] = time, position
        after = (before | kinds) & ~IN_CART | (IN_CART if net > 0 else 0)
        self._kinds[place], self._nets[place] = after, net
        if length > 1:
            self._order(begin, begin + length, place)
        if (before == 0) != (after == 0) and self._states[slot] & _POSTED:
            if after:
                self._postings.insert(item, slot)
            else:
                self._postings.remove(item, slot)
                if not self._counts(slot):
                    self._unpost(slot)

    def _order(self, begin: int, end: int, place: int) -> None:
        """Bring an item that may have been seen later, or that stands last, to where it belongs: by time, then position, then
        number (of those that were only removed)."""
        times, positions, items = self._times, self._positions, self._items
        moved = (times[place], positions[place], items[place])
        goal = place
        while goal + 1 < end and (times[goal + 1], positions[goal + 1], items[goal + 1]) < moved:
            goal += 1
        while goal > begin and (times[goal - 1], positions[goal - 1], items[goal - 1]) > moved:
            goal -= 1
        if goal == place:
            return
        for view in (items, self._kinds, self._nets, times, positions):
            value = view[place]
            if goal > place:
                view[place:goal] = view[place + 1 : goal + 1]
            else:
                view[goal + 1 : place + 1] = view[goal:place]
            view[goal] = value

    def _move_to_room(self, slot: int, begin: int, length: int) -> int:
        """Move a session's items to where there is room for one more; answers where they begin then."""
        wanted = min(max(4, 2 * length), SESSION_ITEMS_MAX + 1)
        free = self._free_rooms.get(wanted)
        new = free.pop() if free else self._arena.take(wanted)
        if length:
            for view in (self._items, self._kinds, self._nets, self._times, self._positions):
                view[new : new + length] = view[begin : begin + length]
            self._give_room_back(slot)
        self._rooms[slot] = wanted
        return new

    def _give_room_back(self, slot: int) -> None:
        room = self._rooms[slot]
        if room:
            self._free_rooms.setdefault(room, []).append(self._rows[slot] >> _LENGTH_BITS)
            self._rooms[slot] = self._rows[slot] = 0

    # --- postings -------------------------------------------------------------------------------------------------

    def _counts(self, slot: int) -> bool:
        """Whether a session counts."""
        return (
            self._events[slot] >= 2
            and self._window.has(self._starts[slot])
            and not self._states[slot] & _ABNORMAL
            and self._visitor[slot] not in self._abnormal
            and bool(self._signalled(slot))
        )

    def _signalled(self, slot: int) -> list[int]:
        begin, length = divmod(self._rows[slot], _LENGTH_MASK + 1)
        end = begin + length
        return [item for item, kinds in zip(self._items[begin:end], self._kinds[begin:end], strict=True) if kinds]

    def _post(self, slot: int) -> None:
        self._states[slot] |= _POSTED
        self.counted += 1
        for item in self._signalled(slot):
            self._postings.insert(item, slot)

    def _post_if_it_counts(self, slot: int) -> None:
        if self._counts(slot):
            self._post(slot)

    def _unpost(self, slot: int) -> None:
        self._states[slot] &= ~_POSTED
        self.counted -= 1
        for item in self._signalled(slot):
            self._postings.remove(item, slot)

    def _rank(self, slot: int) -> tuple[int, int, int]:
        return self._starts[slot], self._visitor[slot], self._name[slot]


def _named(visitor: int, name: int) -> int:
    """What ``_by_name`` knows a session by."""
    return visitor ^ (name * _NAME_FACTOR & _HASH_MASK)

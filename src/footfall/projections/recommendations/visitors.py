"""Whose sessions are where: from a visitor's hash (or a session's) to slots."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

_FRESH_MAX: Final = 100_000
"""Visitors that are kept in a dictionary (20 MB) before they are put into the sorted arrays (12 bytes each)."""
_BUCKET_BITS: Final = 16

Hashes = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int32]


class _Sorted:
    """Hashes in order, each with its slot. A table of where the hashes begin whose first bits are the same saves most of what
    a search in millions would wait for memory."""

    def __init__(self, hashes: Hashes, slots: Slots) -> None:
        self.hashes = hashes
        self.slots = slots
        bounds = np.arange(2**_BUCKET_BITS, dtype=np.uint64) << np.uint64(64 - _BUCKET_BITS)
        self._begins = np.append(np.searchsorted(hashes, bounds), len(hashes)).astype(np.int64).data
        self._hashes = np.ascontiguousarray(hashes).data

    def find(self, hashed: int, latest: int | None) -> list[int]:
        bucket = hashed >> (64 - _BUCKET_BITS)
        hashes, behind = self._hashes, self._begins[bucket + 1]
        begin = bisect_left(hashes, hashed, self._begins[bucket], behind)
        if begin == behind or hashes[begin] != hashed:
            return []
        end = bisect_right(hashes, hashed, begin, behind)
        found: list[int] = self.slots[begin if latest is None else max(begin, end - latest) : end].tolist()
        return found


class Visitors:
    """Sorted arrays of what has been known for long, a dictionary of what came since.

    Whoever asks tells a slot apart that somebody else has got since; a merge takes such entries out.
    """

    def __init__(self, hashes: Hashes, slots: Slots) -> None:
        """Slots and whose session is in each, in any order."""
        order = np.argsort(hashes, kind="stable")
        self._sorted = _Sorted(hashes[order], slots[order])
        self._merging: dict[int, list[int]] = {}
        self._fresh: dict[int, list[int]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it is time to ``merge``."""
        return len(self._fresh) >= _FRESH_MAX and not self._merging

    def add(self, hashed: int, slot: int) -> None:
        """A session of this hash is in this slot."""
        slots = self._fresh.get(hashed)
        if slots is None:
            self._fresh[hashed] = [slot]
        else:
            slots.append(slot)

    def slots(self, hashed: int, latest: int | None = None) -> list[int]:
        """The slots in which sessions of this hash are or were, each once, in the order in which they were told of;
        ``latest``: at most so many, from the end."""
        found = self._sorted.find(hashed, latest)
        if self._merging and (merging := self._merging.get(hashed)):
            found = [*found, *merging]
        if fresh := self._fresh.get(hashed):
            found = [*found, *(fresh if latest is None else fresh[-latest:])] if found else fresh
        if latest is not None and len(found) > latest:
            found = found[-latest:]
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def merge(self, hashes_of: Callable[[Slots], Hashes] | None = None) -> Callable[[], None]:
        """Set aside what is in the dictionary, and answer the work that puts it into the arrays: it may run on another thread,
        mostly without Python's lock, while questions and additions go on. ``hashes_of``: whose sessions are in slots now;
        entries of others are taken out."""
        self._merging, self._fresh = self._fresh, {}
        merging = self._merging

        def work() -> None:
            count = sum(map(len, merging.values()))
            more = np.fromiter((hashed for hashed, of in merging.items() for _ in of), np.uint64, count)
            hashes = np.concatenate([self._sorted.hashes, more])
            more_slots = np.fromiter((slot for of in merging.values() for slot in of), np.int32, count)
            slots = np.concatenate([self._sorted.slots, more_slots])
            if hashes_of is not None:
                kept = np.flatnonzero(hashes_of(slots) == hashes)
                hashes, slots = hashes[kept], slots[kept]
            order = np.argsort(hashes, kind="stable")
            self._sorted = _Sorted(hashes[order], slots[order])
            self._merging = {}

        return work

"""Whose sessions are where: from a visitor's number to the slots of their sessions."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

_FRESH_MAX: Final = 100_000
"""Visitors that are kept in a dictionary (20 MB) before they are put into the sorted arrays (12 bytes each)."""

Hashes = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int32]


class Visitors:
    """Sorted arrays of what has been known for long, a dictionary of what came since.

    Nothing is taken out: whoever asks tells a slot apart that another visitor has got since.
    """

    def __init__(self, hashes: Hashes, slots: Slots) -> None:
        """Slots and whose session is in each, in any order."""
        order = np.argsort(hashes, kind="stable")
        self._sorted = (hashes[order], slots[order])
        """One pair, so that another thread never sees one of them without the other."""
        self._merging: dict[int, list[int]] = {}
        self._fresh: dict[int, list[int]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it is time to ``merge``."""
        return len(self._fresh) >= _FRESH_MAX and not self._merging

    def add(self, visitor: int, slot: int) -> None:
        """A session of this visitor is in this slot."""
        slots = self._fresh.get(visitor)
        if slots is None:
            self._fresh[visitor] = [slot]
        elif slot not in slots:
            slots.append(slot)

    def slots(self, visitor: int) -> list[int]:
        """The slots in which sessions of this visitor are or were, each once."""
        found = self._fresh.get(visitor, [])
        if self._merging and (merging := self._merging.get(visitor)):
            found = [*found, *merging]
        hashes, slots = self._sorted
        if len(hashes):
            wanted = np.uint64(visitor)
            begin = int(hashes.searchsorted(wanted))
            if begin < len(hashes) and hashes[begin] == wanted:
                found = [*found, *slots[begin : int(hashes.searchsorted(wanted, "right"))].tolist()]
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def merge(self) -> Callable[[], None]:
        """Set aside what is in the dictionary, and answer the work that puts it into the arrays: it may run on another thread,
        mostly without Python's lock, while questions and additions go on."""
        self._merging, self._fresh = self._fresh, {}
        merging = self._merging

        def work() -> None:
            hashes, slots = self._sorted
            count = sum(map(len, merging.values()))
            more_hashes = np.fromiter((visitor for visitor, of in merging.items() for _ in of), np.uint64, count)
            more_slots = np.fromiter((slot for of in merging.values() for slot in of), np.int32, count)
            order = np.argsort(more_hashes, kind="stable")
            more_hashes, more_slots = more_hashes[order], more_slots[order]
            places = np.searchsorted(hashes, more_hashes)
            self._sorted = (np.insert(hashes, places, more_hashes), np.insert(slots, places, more_slots))
            self._merging = {}

        return work

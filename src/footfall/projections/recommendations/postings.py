"""Postings: for each item the sessions that have it, in the order of their starts."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

SLOT_BITS: Final = 24
STEP_BITS: Final = 4
"""The last bits of a posting are free, for a question to note which of its items it came from."""
SLOT_MASK: Final = 2**SLOT_BITS - 1
SECOND_SHIFT: Final = SLOT_BITS + STEP_BITS

Integers = npt.NDArray[np.int64]

NO_POSTINGS: Final = np.zeros(0, np.int64)


class Postings:
    """A posting is ``start second << 28 | slot << 4``. What comes first of two with one second is decided by ``rank``."""

    def __init__(self, rank: Callable[[int], tuple[int, int, int]], counts: npt.NDArray[np.int32], postings: Integers) -> None:
        """``rank``: start (milliseconds), visitor and name of the session in a slot. ``counts``, ``postings``: how many
        sessions each item has at first, and those of all behind each other."""
        self._rank = rank
        ends = np.cumsum(counts, dtype=np.int64)
        begins = ends - counts
        self.lists: list[Integers] = [postings[a:b] for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
        """By item. Room for more may follow behind the ``counts`` entries."""
        self.counts: npt.NDArray[np.int32] = np.concatenate([counts, np.zeros(1_024, np.int32)]).astype(np.int32)
        """``n_i``: how many sessions have each item; at least as long as there are items."""
        self._count = self.counts.data

    def know(self, item: int) -> None:
        """Have a place for this item, and all with lower numbers."""
        self.lists.extend([NO_POSTINGS] * (item + 1 - len(self.lists)))
        if item >= len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros(max(len(self.counts), item + 1), np.int32)])
            self._count = self.counts.data

    def insert(self, item: int, slot: int) -> None:
        """A session has an item."""
        posting, count = self.lists[item], self._count[item]
        if count == len(posting):
            posting = np.zeros(count + (count >> 2) + 4, np.int64)
            posting[:count] = self.lists[item]
            self.lists[item] = posting
        start = self._rank(slot)[0]
        place = self._search(posting, count, slot, start)
        if place < count:
            posting[place + 1 : count + 1] = posting[place:count].copy()
        posting[place] = (start // 1_000 << SECOND_SHIFT) | (slot << STEP_BITS)
        self._count[item] = count + 1

    def remove(self, item: int, slot: int) -> None:
        """A session that has an item has it no more."""
        posting, count = self.lists[item], self._count[item]
        place = self._search(posting, count, slot, self._rank(slot)[0])
        posting[place : count - 1] = posting[place + 1 : count].copy()
        posting[count - 1] = 0
        self._count[item] = count - 1

    def told(self) -> Integers:
        """All postings behind each other, by item."""
        counts = self.counts[: len(self.lists)].tolist()
        return np.concatenate([NO_POSTINGS, *(one[:count] for one, count in zip(self.lists, counts, strict=True))])

    def _search(self, posting: Integers, count: int, slot: int, start: int) -> int:
        """Where a session stands or belongs."""
        second = start // 1_000
        if count == 0 or posting.item(count - 1) >> SECOND_SHIFT < second:
            return count
        begin = int(posting[:count].searchsorted(second << SECOND_SHIFT))
        end = begin + int(posting[begin:count].searchsorted((second + 1) << SECOND_SHIFT))
        rank = self._rank
        return bisect_left(
            range(count), rank(slot), begin, end, key=lambda place: rank(posting.item(place) >> STEP_BITS & SLOT_MASK)
        )

"""Sessions as columns: which items each has, in their order, and for each item the sessions that have it.

Items are numbers here; whoever builds the columns keeps what they stand for. Built once and never changed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Items = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_DAY_SECONDS: Final = 86_400.0


class Sessions:
    """``N`` sessions in the order of their times, oldest first; a session's number is its place in that order.

    ``items``: the items of all sessions behind each other, each item once for each session, where it came last (without
    that, one who reloads a page counts as many: see "What decides the score" of the papers that ``neighbours`` names);
    ``begins``: where each session begins in it, and at the end where the last one ends; ``days``: when each was, in days.
    ``postings``: for each item the numbers of the sessions that have it, oldest first, and ``places``: where in the session
    it stands, from 0; ``posting_begins``: where each item's postings begin.
    """

    def __init__(self, items: Items, begins: npt.NDArray[np.int64], days: Floats, item_count: int) -> None:
        self.items = items
        self.begins = begins
        self.days = days
        self.lengths: Numbers = np.diff(begins).astype(np.int32)
        numbers = np.repeat(np.arange(len(self.lengths), dtype=np.int32), self.lengths)
        by_item = np.argsort(items, kind="stable")
        self.postings: Numbers = numbers[by_item]
        places = np.arange(len(items), dtype=np.int64) - np.repeat(begins[:-1], self.lengths)
        self.places: Numbers = places[by_item].astype(np.int32)
        counts = np.bincount(items, minlength=item_count)
        self.counts: npt.NDArray[np.int64] = counts
        """``n_i``: in how many sessions each item is."""
        self.posting_begins = np.concatenate(([0], np.cumsum(counts)))
        self.idf: Floats = np.log(max(1, len(self.lengths)) / np.maximum(counts, 1))
        """``ln(N / n_i)`` of each item."""

    def __len__(self) -> int:
        """``N``."""
        return len(self.lengths)


def build(sessions: Iterable[Sequence[int]], days: Sequence[float], item_count: int) -> Sessions:
    """The columns of sessions that come oldest first; ``days`` has the time of each, in days, not falling.

    Raises ``ValueError`` where there are not as many times as sessions.
    """
    items: list[int] = []
    begins = [0]
    for session in sessions:
        # The last place of each item, in the order of these places.
        items.extend(reversed(dict.fromkeys(reversed(session))))
        begins.append(len(items))
    if len(days) != len(begins) - 1:
        raise ValueError(f"{len(begins) - 1} sessions, but {len(days)} times")
    return Sessions(
        np.array(items, dtype=np.int32), np.array(begins, dtype=np.int64), np.array(days, dtype=np.float64), item_count
    )


def days_of(seconds: Sequence[float]) -> list[float]:
    """Seconds since the epoch as days."""
    return [second / _DAY_SECONDS for second in seconds]

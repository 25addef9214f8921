"""Growing columns of numbers: numpy's arrays for whole questions, and views of the same memory, quick for one number."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_FIRST: Final = 1_024
_GROWTH: Final = 0.125
"""By which part columns grow: little, because they are most of the memory."""

Array = npt.NDArray[Any]


class Columns:
    """Columns of one length, by name. ``arrays`` and ``views`` are replaced when they grow."""

    def __init__(self, kinds: Mapping[str, str], grown: Callable[[], None], arrays: Mapping[str, Array] | None = None) -> None:
        """``kinds``: name → numpy's name of the kind of number; ``grown`` is called when they were replaced; ``arrays``: what
        they hold at first."""
        self._kinds = dict(kinds)
        self._grown = grown
        self.arrays: dict[str, Array] = {
            name: np.zeros(_FIRST, kind) if arrays is None else np.ascontiguousarray(arrays[name], kind)
            for name, kind in kinds.items()
        }
        self.views = {name: array.data for name, array in self.arrays.items()}
        self.used = 0 if arrays is None else len(next(iter(self.arrays.values())))
        """How many rows are in use, from the first."""

    def take(self, rows: int) -> int:
        """Use so many further rows; answers the first of them."""
        first = self.used
        self.used += rows
        length = len(next(iter(self.arrays.values())))
        if self.used > length:
            wanted = max(self.used, length + int(length * _GROWTH) + _FIRST)
            for name, array in self.arrays.items():
                # One after the other, so that only one of them is there twice.
                self.views.pop(name).release()
                longer = np.zeros(wanted, self._kinds[name])
                longer[:length] = array
                self.arrays[name] = longer
                self.views[name] = longer.data
            self._grown()
        return first

"""Slots: the products of a ranking, each with its place in arrays of numbers."""

from typing import Final

import numpy as np
import numpy.typing as npt

from footfall.identifiers import ProductReference
from footfall.limits import RANKING_PRODUCTS_MAX

_FIRST: Final = 1_024


class Slots:
    """``whole`` and ``real`` have a row for each number of a product, and a column for each product; both grow by doubling."""

    def __init__(self, whole: int, real: int = 0) -> None:
        self.names: list[ProductReference] = []
        self._places: dict[ProductReference, int] = {}
        self._whole = np.zeros((whole, _FIRST), np.int64)
        self._real = np.zeros((real, _FIRST), np.float64)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def whole(self) -> npt.NDArray[np.int64]:
        """The whole numbers, one column for each of ``names``."""
        return self._whole[:, : len(self.names)]

    @property
    def real(self) -> npt.NDArray[np.float64]:
        """The others."""
        return self._real[:, : len(self.names)]

    def add(self, reference: ProductReference, row: int, number: int) -> None:
        """Add to a whole number."""
        # The place first: making it may put another array in this one's place.
        place = self._place(reference)
        if place is not None:
            self._whole[row, place] += number

    def mark(self, reference: ProductReference, row: int, bits: int) -> None:
        """Set bits of a whole number."""
        place = self._place(reference)
        if place is not None:
            self._whole[row, place] |= bits

    def add_real(self, reference: ProductReference, row: int, number: float) -> None:
        """Add to another number."""
        place = self._place(reference)
        if place is not None:
            self._real[row, place] += number

    def place_of(self, reference: ProductReference) -> int | None:
        """The place of a product that has one."""
        return self._places.get(reference)

    def of(self, reference: ProductReference) -> list[int]:
        """The whole numbers of a product, zeros for one that has none."""
        place = self.place_of(reference)
        return [0] * len(self._whole) if place is None else self._whole[:, place].tolist()

    def _place(self, reference: ProductReference) -> int | None:
        """The place of a product, made where there is none; ``None`` where there is no more room."""
        place = self._places.get(reference)
        if place is None and len(self.names) < RANKING_PRODUCTS_MAX:
            place = self._places[reference] = len(self.names)
            if place == self._whole.shape[1]:
                self._whole = np.concatenate([self._whole, np.zeros_like(self._whole)], axis=1)
                self._real = np.concatenate([self._real, np.zeros_like(self._real)], axis=1)
            self.names.append(reference)
        return place

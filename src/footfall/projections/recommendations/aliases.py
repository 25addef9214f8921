"""Aliases: which of a shop's names in the index stand for one product, so that sessions that knew it by handle or variant
count for it as well.

What a name stands for may change with the catalog and with every event, so it is looked up anew now and then.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from footfall.identifiers import ProductReference, ShopId
from footfall.projections.names import Names

_UPDATES_BEFORE_ALL: Final = 60
"""Updates (there is one each second) after which every name is looked up again, because events tie names to each other."""
_STEP: Final = 50


class Aliases:
    """Names that are no product ids, with what they stood for when they were looked up last."""

    def __init__(self) -> None:
        self._products: dict[int, ProductReference] = {}
        """Number of such a name → its product."""
        self._numbers: dict[ProductReference, list[int]] = {}
        self._next = 0
        self._changes = -1
        self._updates = 0

    def product(self, number: int) -> ProductReference | None:
        """The product that a name with this number stood for, ``None`` where it names itself or wasn't looked up."""
        return self._products.get(number)

    def numbers(self, product: ProductReference) -> Sequence[int]:
        """The numbers of the names that stood for a product, but for its own."""
        return self._numbers.get(product, ())

    def update(self, shop: ShopId, names: Sequence[ProductReference], resolver: Names) -> Iterator[None]:
        """Look up the names that came since, and all where the catalog has changed or it is time; in steps."""
        self._updates += 1
        changes = resolver.changes(shop)
        if self._next >= len(names) and (changes != self._changes or self._updates >= _UPDATES_BEFORE_ALL):
            self._next, self._changes, self._updates = 0, changes, 0
        while self._next < len(names):
            for number in range(self._next, min(self._next + _STEP, len(names))):
                if not names[number].startswith("p:"):
                    self._learn(number, names[number], resolver.product(shop, names[number]))
            self._next = min(self._next + _STEP, len(names))
            yield

    def _learn(self, number: int, name: ProductReference, product: ProductReference) -> None:
        before = self._products.pop(number, None)
        if before is not None and before != product:
            self._numbers[before].remove(number)
        if product != name:
            self._products[number] = product
            if before != product:
                self._numbers.setdefault(product, []).append(number)

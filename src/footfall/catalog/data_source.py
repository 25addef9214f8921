"""A data source: an ordered list of rules that a shop has set up. What is kept of one; reading it is ``rule_shape``'s."""

from collections.abc import Set
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from footfall.catalog.amount import COMPARISONS, Comparison

Excluded = Literal["inputs", "cart", "purchased", "viewed"]
Names = tuple[str, ...]


class Bounds(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, dict=True):
    """Between which amounts something must be; all that are given must hold."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    equal_to: Decimal | None = None

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The bounds that are given."""
        told = (
            ("greater_than_or_equal_to", self.at_least),
            ("less_than_or_equal_to", self.at_most),
            ("greater_than", self.above),
            ("less_than", self.below),
            ("equal_to", self.equal_to),
        )
        return tuple(Comparison(COMPARISONS[name], amount) for name, amount in told if amount is not None)


class Choice(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, dict=True):
    """Which names a product must have: one of ``any``, every one of ``all``, none of ``none``; in any case of letters."""

    any: Names = ()
    all: Names = ()
    none: Names = ()

    @cached_property
    def _lowered(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        return lowered(self.any), lowered(self.all), lowered(self.none)

    def allows(self, names: Set[str]) -> bool:
        """Whether these names (in lower case) fit."""
        any_of, all_of, none_of = self._lowered
        return (not any_of or not any_of.isdisjoint(names)) and all_of <= names and none_of.isdisjoint(names)


class Contained(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, dict=True):
    """A product that one of these lists names."""

    products: Names = ()
    tags: Names = ()
    vendors: Names = ()
    types: Names = ()
    collections: Names = ()

    @cached_property
    def lowered_tags(self) -> frozenset[str]:
        """``tags`` as they are compared."""
        return lowered(self.tags)

    @cached_property
    def lowered_vendors(self) -> frozenset[str]:
        """``vendors`` as they are compared."""
        return lowered(self.vendors)

    @cached_property
    def lowered_types(self) -> frozenset[str]:
        """``types`` as they are compared."""
        return lowered(self.types)


class When(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename={"since": "from"}):
    """When a rule counts: all that is given must hold. ``since`` is inclusive, ``until`` exclusive."""

    cart_subtotal: Bounds | None = None
    cart_contains: Contained | None = None
    inputs_contain: Contained | None = None
    country: Names = ()
    customer_tags: Names = ()
    since: datetime | None = None
    until: datetime | None = None


class Filters(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """Which of a rule's products count: all that is given must hold."""

    price: Bounds | None = None
    tags: Choice | None = None
    vendors: Choice | None = None
    types: Choice | None = None
    collections: Choice | None = None
    in_stock: bool | None = None
    exclude: tuple[Excluded, ...] = ()


class Rule(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One rule: where its products come from, when it counts, and which of them do. ``limit``: at most so many of them."""

    source: str
    name: str | None = None
    products: Names = ()
    collections: Names = ()
    limit: int | None = None
    when: When | None = None
    filters: Filters | None = None


class DataSource(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """An ordered list of rules. ``version`` counts its changes from 1."""

    id: int
    name: str | None = None
    description: str | None = None
    rules: tuple[Rule, ...] = ()
    version: int = 0
    updated_at: int = 0


def lowered(names: Names) -> frozenset[str]:
    """Names as they are compared."""
    return frozenset(name.lower() for name in names)

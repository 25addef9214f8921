"""Answering by rules: which rules of a data source count for a request, and which products they contribute, in order."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

from footfall.api.lists import Lists
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, product_references
from footfall.catalog.amount import hold
from footfall.catalog.data_source import Choice, Contained, Filters, Rule, When, lowered
from footfall.clock import Milliseconds
from footfall.identifiers import ProductReference
from footfall.limits import EXCLUDED_PRODUCTS_MAX, PRODUCTS_LOOKED_AT_MAX, PRODUCTS_LOOKED_AT_ONCE
from footfall.projections.cards import Card

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_NO_FILTERS: Final = Filters()
_NOT_OF_THE_REQUEST: Final = frozenset({"purchased", "viewed"})
"""What a rule may leave out and that the request doesn't name itself."""


class Picked(NamedTuple):
    """A product of an answer, and the rule that contributed it, by its number from 1."""

    card: Card
    number: int
    rule: Rule


def holds(when: When, context: Context, now: Milliseconds) -> bool:
    """Whether a condition holds, as far as neither cart nor inputs must be looked into. What the context doesn't say makes a
    condition that needs it false."""
    moment = _EPOCH + timedelta(milliseconds=now)
    if (when.since is not None and moment < when.since) or (when.until is not None and moment >= when.until):
        return False
    if when.country and context.country not in when.country:
        return False
    if when.customer_tags and context.customer_tags.isdisjoint(lowered(when.customer_tags)):
        return False
    subtotal = context.cart_subtotal
    return when.cart_subtotal is None or (subtotal is not None and hold(when.cart_subtotal.comparisons, (subtotal,)))


def is_the_same_for_everybody(rules: Iterable[Rule], lists: Lists) -> bool:
    """Whether answers of these rules depend on nothing but the request's address and the catalog, so that caches may keep
    them. The simple part of them: country and products given stand in the address, and all else counts as changing."""
    return all(
        rule.source in lists
        and not lists[rule.source].changes
        and (rule.when is None or rule.when == When(country=rule.when.country))
        and (rule.filters is None or set(rule.filters.exclude) <= {"inputs"})
        for rule in rules
    )


class Evaluation:
    """One question, answered by rules."""

    def __init__(self, parts: Parts, lists: Lists, question: Question, context: Context) -> None:
        self._parts = parts
        self._lists = lists
        self._products: Products = lists.products
        self._question = question
        self._context = context
        self._left_out: dict[str, frozenset[str]] = {}
        self._looked_at = 0

    async def picked(self, rules: Iterable[Rule]) -> list[Picked]:
        """The products: those of the first rule that counts, topped up by the next ones, each once."""
        picked: dict[str, Picked] = {}
        limit = self._question.listing.limit
        for number, rule in enumerate(rules, 1):
            if rule.when is None or await self._counts(rule.when):
                room = min(rule.limit or limit, limit - len(picked))
                await self._add(picked, number, rule, room)
            if len(picked) == limit or self._looked_at >= PRODUCTS_LOOKED_AT_MAX:
                break
        return list(picked.values())

    async def _add(self, picked: dict[str, Picked], number: int, rule: Rule, room: int) -> None:
        # A rule that was kept before its list went away contributes nothing.
        listed = self._lists.get(rule.source)
        if listed is None:
            return
        filters = rule.filters or _NO_FILTERS
        question = self._question_of(rule, filters)
        unwanted = await self._unwanted(filters)
        fits = self._fitting(filters)
        for card in self._products.cards(question, await listed.source(question, self._context)):
            if card is not None and card.key not in picked and card.key not in unwanted and fits(card):
                picked[card.key] = Picked(card, number, rule)
                room -= 1
            await self._take_turns()
            if room == 0 or self._looked_at >= PRODUCTS_LOOKED_AT_MAX:
                return

    def _question_of(self, rule: Rule, filters: Filters) -> Question:
        """The question to a rule's list: the rule's own parameters; the request's stand in the context."""
        fields: dict[str, Any] = {}
        if rule.products:
            fields["ids"] = list(rule.products)
        if rule.collections:
            fields["shopify_collection_ids"] = list(rule.collections)
        listing = self._question.listing
        if filters.in_stock is not None:
            asked = self._question.fields.get("filter_oos") == "yes"
            listing = listing._replace(only_in_stock=filters.in_stock or asked)
        return self._question._replace(fields=fields, listing=listing)

    def _fitting(self, filters: Filters) -> Callable[[Card], bool]:
        """Whether a product passes a rule's filters, but for what it leaves out."""
        price = filters.price.comparisons if filters.price is not None else ()
        in_collections = self._in_collections(filters.collections) if filters.collections is not None else None

        def fits(card: Card) -> bool:
            return (
                (not price or hold(price, card.prices))
                and (filters.tags is None or filters.tags.allows(card.tags))
                and (filters.vendors is None or filters.vendors.allows({card.vendor}))
                and (filters.types is None or filters.types.allows({card.product_type}))
                and (in_collections is None or in_collections(card.key))
            )

        return fits

    def _in_collections(self, choice: Choice) -> Callable[[str], bool]:
        any_of, all_of, none_of = ([self._members(name) for name in names] for names in (choice.any, choice.all, choice.none))
        return lambda key: (
            (not any_of or any(key in members for members in any_of))
            and all(key in members for members in all_of)
            and not any(key in members for members in none_of)
        )

    def _members(self, collection: str) -> frozenset[str]:
        return self._parts.catalog.members(self._question.caller.shop.id, collection)

    async def _counts(self, when: When) -> bool:
        """Whether a condition holds."""
        context = self._context
        return (
            holds(when, context, self._parts.clock.now())
            and (when.cart_contains is None or await self._contains(when.cart_contains, context.cart or ()))
            and (when.inputs_contain is None or await self._contains(when.inputs_contain, context.inputs))
        )

    async def _contains(self, contained: Contained, references: Iterable[ProductReference]) -> bool:
        """Whether one of these products is one that a list names."""
        references = tuple(references)
        if not references:
            return False
        if contained.products:
            named = await self._keys(product_references(contained.products))
            if not named.isdisjoint(await self._keys(references)):
                return True
        members = [self._members(name) for name in contained.collections]
        for reference in references:
            card = self._products.card(self._question, reference)
            await self._take_turns()
            if card is not None and (
                not contained.lowered_tags.isdisjoint(card.tags)
                or card.vendor in contained.lowered_vendors
                or card.product_type in contained.lowered_types
                or any(card.key in collection for collection in members)
            ):
                return True
        return False

    async def _unwanted(self, filters: Filters) -> frozenset[str]:
        """The keys of what a rule leaves out. The products given are, unless the request keeps them."""
        kinds: set[str] = set(filters.exclude)
        if self._question.fields.get("filter_inputs") != "no":
            kinds.add("inputs")
        for kind in kinds - self._left_out.keys():
            self._left_out[kind] = await self._keys(await self._references_left_out(kind))
        return frozenset().union(*(self._left_out[kind] for kind in kinds))

    async def _references_left_out(self, kind: str) -> Iterable[ProductReference]:
        if kind not in _NOT_OF_THE_REQUEST:
            return self._context.inputs if kind == "inputs" else self._context.cart or ()
        # What the visitor's own events say, and where there is a list of what was bought, what that says too.
        references = islice(_each_once(await self._of_list("viewed", verb=kind)), EXCLUDED_PRODUCTS_MAX)
        if kind not in self._lists or kind == "viewed":
            return references
        return [*references, *islice(_each_once(await self._of_list(kind)), EXCLUDED_PRODUCTS_MAX)]

    async def _of_list(self, name: str, **fields: str) -> Iterable[ProductReference]:
        return await self._lists[name].source(self._question._replace(fields=fields), self._context)

    async def _keys(self, references: Iterable[ProductReference]) -> frozenset[str]:
        """The keys of products, every name of one product giving the same."""
        keys = set()
        for reference in references:
            keys.add(self._products.names(self._question, reference))
            await self._take_turns()
        return frozenset(keys)

    async def _take_turns(self) -> None:
        """Count a product that was looked at, and let other requests have their turn now and then."""
        self._looked_at += 1
        if self._looked_at % PRODUCTS_LOOKED_AT_ONCE == 0:
            await asyncio.sleep(0)


def _each_once(references: Iterable[ProductReference]) -> Iterator[ProductReference]:
    seen: set[ProductReference] = set()
    for reference in references:
        if reference not in seen:
            seen.add(reference)
            yield reference

"""What the semantics promise, said once more as plainly as possible: loops over the list of stored events, in log order.

Written from the text, slow on purpose, and without anything of the projections.
"""

from collections.abc import Sequence
from typing import NamedTuple

from footfall.event import Event

Log = Sequence[Event]
"""Every stored event, in log order; its index stands for its position."""


def last_named(log: Log, shop: int, uuid: str) -> str | None:
    """The customer last named on a uuid."""
    found = None
    for event in log:
        if event.shop == shop and event.uuid == uuid and event.customer_id is not None:
            found = event.customer_id
    return found


def owner(log: Log, index: int) -> str | None:
    """Who owns an event: "the customer it names; else the customer last named on its uuid; else the first customer named on
    that uuid later; else nobody"; nobody, too, where its own time is earlier than the event that began the stretch."""
    event = log[index]
    if event.customer_id is not None:
        return event.customer_id
    if event.uuid is None:
        return None
    customer, began = None, 0
    for earlier in log[:index]:
        names = earlier.shop == event.shop and earlier.uuid == event.uuid and earlier.customer_id is not None
        if names and earlier.customer_id != customer:
            customer, began = earlier.customer_id, earlier.time
    if customer is not None:
        return customer if event.time >= began else None
    for later in log[index + 1 :]:
        if later.shop == event.shop and later.uuid == event.uuid and later.customer_id is not None:
            return later.customer_id
    return None


def history(log: Log, shop: int, uuid: str | None, customer: str | None, verb: str, *, subject: str = "user") -> list[Event]:
    """The events that a read answers from, newest first, later position first where times are the same."""
    by_uuid: set[int] = set()
    by_customer: set[int] = set()
    for index, event in enumerate(log):
        if (event.shop, event.subject, event.verb, event.noun) != (shop, subject, verb, "product"):
            continue
        owned_by = owner(log, index)
        if uuid is not None and event.uuid == uuid and owned_by in (None, last_named(log, shop, uuid)):
            by_uuid.add(index)
        if customer is not None and owned_by == customer:
            by_customer.add(index)
    if uuid is not None and customer is not None and last_named(log, shop, uuid) not in (None, customer):
        by_uuid = set()
    newest = sorted(by_uuid | by_customer, key=lambda index: (-log[index].time, -index))
    return [log[index] for index in newest]


class Told(NamedTuple):
    """What is known of a product; ``name`` tells it from all others."""

    name: str
    product_id: str | None
    handle: str | None
    title: str | None
    variant_id: str | None
    variant_title: str | None
    price: str | None
    sku: str | None


def _handle(event: Event) -> str | None:
    return event.product_handle if str(event.product_handle) != event.product_id else None


def _stands_for_id(handle: str) -> bool:
    return len(handle) >= 10 and set(handle) <= set("0123456789")


class Names:
    """What the events of one shop told about products."""

    def __init__(self, log: Log, shop: int) -> None:
        self._log = [event for event in log if event.shop == shop]

    def product_of(self, event: Event) -> Told:
        """The product that an event is about, by what is known now."""
        if event.product_id is not None:
            return self._by_id(event.product_id)
        if event.product_handle is not None:
            return self._by_handle(event.product_handle)
        assert event.variant_id is not None
        return self._by_variant(event.variant_id)

    def _last(self, field: str, events: list[Event]) -> str | None:
        for event in reversed(events):
            value: str | None = _handle(event) if field == "product_handle" else getattr(event, field)
            if value is not None:
                return value
        return None

    def _id_of_handle(self, handle: str) -> str | None:
        tied = self._last("product_id", [e for e in self._log if _handle(e) == handle])
        if tied is None and _stands_for_id(handle):
            return self._last("product_id", [e for e in self._log if e.variant_id == handle]) or handle
        return tied

    def _by_id(self, product_id: str) -> Told:
        own = [
            e
            for e in self._log
            if e.product_id == product_id
            or (e.product_id is None and e.product_handle == product_id and _stands_for_id(product_id))
        ]
        handle = self._last("product_handle", [e for e in own if e.product_id == product_id])
        if handle is not None and self._id_of_handle(handle) != product_id:
            handle = None
        sources = [own]
        if handle is not None:
            sources.append([e for e in self._log if e.product_id is None and e.product_handle == handle])
        return self._told(f"p:{product_id}", product_id, handle, sources)

    def _by_handle(self, handle: str) -> Told:
        product_id = self._id_of_handle(handle)
        if product_id is not None:
            return self._by_id(product_id)
        return self._told(f"h:{handle}", None, handle, [[e for e in self._log if e.product_handle == handle]])

    def _by_variant(self, variant: str) -> Told:
        of_variant = [e for e in self._log if e.variant_id == variant]
        alone = [e for e in of_variant if e.product_id is None and e.product_handle is None]
        product_id = self._last("product_id", of_variant)
        handle = self._last("product_handle", of_variant)
        if product_id is not None:
            known = self._by_id(product_id)
        elif handle is not None:
            known = self._by_handle(handle)
        else:
            return self._told(f"v:{variant}", None, None, [alone])
        if known.variant_id is None:
            known = self._with_variant(known._replace(variant_id=variant))
        return known._replace(title=known.title or self._last("product_title", alone))

    def _told(self, name: str, product_id: str | None, handle: str | None, sources: list[list[Event]]) -> Told:
        """What was told last in the first of these lists that tells it."""

        def first(field: str, pick: list[list[Event]]) -> str | None:
            return next((value for events in pick if (value := self._last(field, events)) is not None), None)

        without_variant = [[e for e in events if e.variant_id is None] for events in sources]
        known = Told(
            name,
            product_id,
            handle,
            first("product_title", sources),
            first("variant_id", sources),
            first("variant_title", without_variant),
            first("variant_price", without_variant),
            first("variant_sku", without_variant),
        )
        return self._with_variant(known)

    def _with_variant(self, known: Told) -> Told:
        if known.variant_id is None:
            return known
        told = [e for e in self._log if e.variant_id == known.variant_id]
        return known._replace(
            variant_title=self._last("variant_title", told) or known.variant_title,
            price=self._last("variant_price", told) or known.price,
            sku=self._last("variant_sku", told) or known.sku,
        )

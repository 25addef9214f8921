"""Visitor history and product names against a naive model, at every moment in the life of a replica."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Uuid
from footfall.projections.history import Seen
from footfall.vocabulary import ACTIONS
from tests.properties import model
from tests.properties.replica import MOMENTS, OTHER_SHOP, SHOP, Replica, make_event, small_pages

UUIDS = ("u1", "u2")
CUSTOMERS = ("c1", "c2", "c3")
VERBS = ("viewed", "added")
THOROUGH = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True, scope="module")
def _small_pages() -> Iterator[None]:
    with small_pages():
        yield


ID_IN_DIGITS = "5630650697948"
VARIANT_IN_DIGITS = "3943000000001"

events = st.builds(
    make_event,
    shop=st.sampled_from([SHOP, SHOP, SHOP, OTHER_SHOP]),
    time=st.integers(1, 6),
    verb=st.sampled_from([*VERBS, "viewed"]),
    uuid=st.sampled_from([*UUIDS, *UUIDS, None]),
    customer_id=st.sampled_from([*CUSTOMERS, None, None, None]),
    session_id=st.just("s1"),
    product_id=st.sampled_from(["1", "2", "3", "4"]),
)
namings = st.builds(
    make_event,
    time=st.integers(1, 6),
    verb=st.just("started"),
    noun=st.just("session"),
    uuid=st.sampled_from(UUIDS),
    customer_id=st.sampled_from(CUSTOMERS),
    product_id=st.none(),
)
names = st.builds(
    lambda fields, names, uuid, time: make_event(uuid=uuid, time=time, **{"product_id": None, **fields, **names}),
    st.fixed_dictionaries(
        {
            "product_title": st.sampled_from([None, None, "Hat", "Cap"]),
            "variant_title": st.sampled_from([None, None, "Red", "Blue"]),
            "variant_price": st.sampled_from([None, None, "5.00", "7.00"]),
            "variant_sku": st.sampled_from([None, None, "A", "B"]),
        }
    ),
    st.sampled_from(
        [
            {"product_id": product_id, "product_handle": handle, "variant_id": variant}
            for product_id in (None, "1", "2")
            for handle in (None, "hat", "cap")
            for variant in (None, "11", "12")
            if product_id or handle or variant
        ]
        + [
            {"product_handle": ID_IN_DIGITS},
            {"product_handle": VARIANT_IN_DIGITS},
            {"product_id": "1", "variant_id": VARIANT_IN_DIGITS},
            {"variant_id": VARIANT_IN_DIGITS, "product_id": None},
            {"product_id": ID_IN_DIGITS},
            {"product_id": ID_IN_DIGITS, "product_handle": "hat"},
            {"product_id": ID_IN_DIGITS, "product_handle": ID_IN_DIGITS},
        ]
    ),
    st.sampled_from(UUIDS),
    st.integers(1, 6),
)
Step = tuple[list[Event], tuple[str, int]]
"""Some events, and what happens after them."""

steps_of_visitors = st.lists(st.tuples(st.lists(st.one_of(events, namings), max_size=4), MOMENTS), min_size=3, max_size=8)
steps_of_names = st.lists(st.tuples(st.lists(names, max_size=3), MOMENTS), min_size=3, max_size=8)


def live(steps: Sequence[Step], check: Any, **options: Any) -> None:
    """Let a replica live through these steps, and check before and after whatever happens."""

    async def life() -> None:
        with tempfile.TemporaryDirectory(prefix="ff") as directory:
            replica = Replica(Path(directory), **options)
            await replica.open()
            try:
                await replica.make_shops()
                stored: list[Event] = []
                for happened, moment in steps:
                    stored += happened
                    await replica.append(*happened)
                    await check(replica, stored)
                    await replica.live_through(moment)
                    await check(replica, stored)
            finally:
                replica.close()

    asyncio.run(life())


async def check_every_question(replica: Replica, stored: Sequence[Event]) -> None:
    questions = [(u, c) for u in (None, *UUIDS) for c in (None, *CUSTOMERS) if u or c]
    for uuid, customer in questions:
        for verb in VERBS:
            ids = [int(e.product_id or 0) for e in model.history(stored, SHOP, uuid, customer, verb)]
            expected = list(dict.fromkeys(ids))
            seen = [(row.time, row.position) for row in _rows(replica, uuid, customer, verb)]
            assert seen == sorted(set(seen), reverse=True) or replica.partitions > 1, "each event once, newest first"
            for limit in (2, 250):
                answer = await replica.viewed(uuid=uuid, shopify_customer_id=customer, verb=verb, limit=limit)
                assert [product["id"] for product in answer] == expected[:limit], (uuid, customer, verb)


def _rows(replica: Replica, uuid: str | None, customer: str | None, verb: str) -> Iterator[Seen]:
    action = ACTIONS["user", verb]
    if uuid is None:
        return replica.history.of_customer(SHOP, CustomerId(customer or ""), action)
    if customer is None:
        return replica.history.of_uuid(SHOP, Uuid(uuid), action)
    return iter(())


@THOROUGH
@given(steps_of_visitors)
def test_viewed_answers_what_the_semantics_say_at_every_moment(steps: list[Step]) -> None:
    live(steps, check_every_question)


@THOROUGH
@given(steps_of_names)
def test_a_product_is_what_the_events_told_last_under_its_names(steps: list[Step]) -> None:
    async def check(replica: Replica, stored: Sequence[Event]) -> None:
        told = model.Names(stored, SHOP)
        for uuid in UUIDS:
            products: dict[str, model.Told] = {}
            for event in model.history(stored, SHOP, uuid, None, "viewed"):
                product = told.product_of(event)
                products.setdefault(product.name, product)
            answer = await replica.viewed(uuid=uuid, limit=250)
            assert [_as_told(product) for product in answer] == [_as_shown(p) for p in products.values()]

    live(steps, check)


def _as_told(product: dict[str, Any]) -> tuple[object, ...]:
    variant = product["variants"][0] if product["variants"] else {}
    shown = (variant.get(name) for name in ("id", "title", "price", "sku"))
    return product["id"], product["handle"], product["title"], *shown


def _as_shown(told: model.Told) -> tuple[object, ...]:
    product_id = int(told.product_id) if told.product_id else None
    if told.variant_id is None and told.price is None:
        return product_id, told.handle, told.title, None, None, None, None
    variant = int(told.variant_id) if told.variant_id else None
    return product_id, told.handle, told.title, variant, told.variant_title, told.price, told.sku


@settings(THOROUGH, max_examples=60)
@given(steps_of_visitors)
def test_viewed_holds_where_a_customers_events_lie_in_several_partitions(steps: list[Step]) -> None:
    # Positions of different partitions say nothing about each other, so times decide alone here.
    number = 0
    apart: list[Step] = []
    for happened, moment in steps:
        different = []
        for event in happened:
            number += 1
            different.append(msgspec.structs.replace(event, time=Milliseconds(event.time * 1_000 - number * (-1) ** number)))
        apart.append((different, moment))
    live(apart, check_every_question, partitions=4)

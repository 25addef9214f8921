"""Orders, whatever the order in which their messages come and however often: the same document, rebuilt or not."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import CustomerId, ShopId
from footfall.intake import order_rest
from footfall.intake.order_merging import united
from footfall.intake.orders import OrderIntake
from footfall.limits import WEBHOOK_DAYS
from footfall.log.port import Stream
from footfall.order import Order, OrderCustomer, OrderLine, Refund, RefundLine, bought_lines
from footfall.projections.deliveries import DeliveryRecords
from footfall.projections.documents import document_record
from footfall.projections.order_documents import OrderDocuments
from tests.properties.replica import MOMENTS, OTHER_SHOP, SHOP, Replica, live
from tests.unit.intake.order_shapes import REFUND, REST

UNREFUNDED = {**REST, "refunds": []}
CREATE = order_rest.read_order(UNREFUNDED | {"updated_at": "2025-06-01T10:00:00-04:00", "note_attributes": []})
PAID = order_rest.read_order(UNREFUNDED | {"updated_at": "2025-06-01T10:00:07-04:00"})
UPDATE = order_rest.read_order(
    UNREFUNDED | {"updated_at": "2025-06-01T11:00:00-04:00", "line_items": [REST["line_items"][0] | {"quantity": 3}]}
)
CANCEL = order_rest.read_order(
    REST | {"updated_at": "2025-06-03T10:00:00-04:00", "cancelled_at": "2025-06-03T10:00:00-04:00", "line_items": []}
)
REFUNDED = order_rest.read_refund(REFUND)
OTHER_REFUND = order_rest.read_refund(REFUND | {"id": 7700000000002, "created_at": "2025-06-02T08:00:00-04:00"})
MESSAGES = [CREATE, PAID, UPDATE, CANCEL, REFUNDED, OTHER_REFUND]


def put_together(messages: list[Order]) -> Order:
    order: Order | None = None
    for message in messages:
        order = united(order, message)
    assert order is not None
    return order


@given(st.permutations(MESSAGES), st.lists(st.sampled_from(MESSAGES), max_size=4))
def test_messages_in_any_order_and_again_give_the_same_order(messages: list[Order], again: list[Order]) -> None:
    order = put_together([*messages, *again])
    assert order == put_together(MESSAGES)
    assert (order.updated_at, order.cancelled_at, order.uuid) == (CANCEL.updated_at, CANCEL.cancelled_at, CANCEL.uuid)
    assert [refund.id for refund in order.refunds] == ["7700000000002", "7700000000001"], "by time"


TEXTS = st.sampled_from(["a", "b", None])
ORDER_LINES = st.builds(
    OrderLine, id=st.sampled_from(["1", "2"]), quantity=st.integers(0, 2), price=TEXTS, properties=st.just({"_source": "x"})
)
VERSIONS = st.builds(
    Order,
    id=st.just("1"),
    created_at=st.sampled_from([Milliseconds(1), Milliseconds(2), None]),
    cancelled_at=st.sampled_from([None, Milliseconds(3)]),
    test=st.booleans(),
    currency=TEXTS,
    customer=st.sampled_from([None, OrderCustomer(id=CustomerId("1")), OrderCustomer(id=CustomerId("2"), first_name="a")]),
    uuid=TEXTS,
    cart_token=TEXTS,
    checkout_token=TEXTS,
    lines=st.lists(ORDER_LINES, max_size=2, unique_by=lambda line: line.id),
    refunds=st.lists(
        st.builds(
            Refund,
            id=st.sampled_from(["r1", "r2"]),
            created_at=st.sampled_from([Milliseconds(5), Milliseconds(6)]),
            lines=st.lists(st.builds(RefundLine, st.just("1"), st.integers(1, 2), TEXTS), max_size=1),
        ),
        max_size=2,
        unique_by=lambda refund: refund.id,
    ),
)


@given(st.lists(VERSIONS, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_versions_of_one_moment_give_the_same_whichever_comes_first(versions: list[Order], chance: Any) -> None:
    told = [_at(version, 9) for version in versions]
    order = put_together(told)
    chance.shuffle(told)
    assert put_together(told) == order
    assert put_together([order, *told]) == order


def test_a_line_that_was_refunded_twice_in_one_refund_stays_twice() -> None:
    lines = [RefundLine("1", 1, "5.00"), RefundLine("1", 2, "10.00")]
    told = [Order(id="1", updated_at=Milliseconds(9), refunds=[Refund(id="r1", created_at=Milliseconds(5), lines=lines)])] * 2
    assert put_together(told).refunds[0].lines == lines


@given(VERSIONS, VERSIONS)
def test_what_changed_last_holds_and_what_it_cannot_see_stays(one: Order, other: Order) -> None:
    older, newer = _at(one, 1), _at(other, 2)
    order = put_together([newer, older])
    assert order == put_together([older, newer])
    for name in ("cancelled_at", "currency", "test", "uuid", "updated_at"):
        assert getattr(order, name) == getattr(newer, name)
    assert order.lines == _in_order(newer)
    blind = Order(id="1", updated_at=Milliseconds(3))
    after = put_together([order, blind])
    assert (after.currency, after.lines, after.updated_at) == (order.currency, order.lines, 3)


@given(VERSIONS)
def test_a_source_that_does_not_say_when_adds_and_changes_nothing(version: Order) -> None:
    known = Order(id="1", updated_at=Milliseconds(1), currency="EUR")
    order = put_together([known, version])
    assert (order.currency, order.lines, order.updated_at) == ("EUR", _in_order(version), 1)
    assert put_together([version, known]) == order
    assert put_together([version, Order(id="1", currency="SEK")]).currency == "SEK", "where none says, the last one holds"


def _in_order(version: Order) -> list[OrderLine]:
    """Its lines as a document has them: by their numbers, which is how a shop made them."""
    assert isinstance(version.lines, list)
    return sorted(version.lines, key=lambda line: line.id)


def _at(version: Order, at: int) -> Order:
    values = {name: getattr(version, name) for name in version.__struct_fields__}
    return Order(**{**values, "updated_at": Milliseconds(at)})


def _intake(replica: Replica) -> OrderIntake:
    documents = OrderDocuments(replica.documents)
    return OrderIntake(replica.log, documents, documents)


def _stored(replica: Replica, shop: ShopId = SHOP) -> Order | None:
    return OrderDocuments(replica.documents).order(shop, CREATE.id)


@pytest.mark.parametrize("batched", [False, True])
def test_every_arrival_of_a_purchase_ends_in_one_document_and_again_in_no_other(batched: bool) -> None:
    async def life(replica: Replica) -> None:
        intake = _intake(replica)
        wanted = put_together([CREATE, PAID, CANCEL, REFUNDED])
        for number, messages in enumerate(itertools.permutations([CREATE, PAID, CANCEL, REFUNDED]), 1):
            shop = ShopId(number)
            for some in [list(messages)] if batched else [[message] for message in messages]:
                await intake.put_orders(shop, some)
            assert _stored(replica, shop) == wanted
            ends = await replica.log.ends(Stream.DOCUMENTS)
            assert {outcome.status for outcome in await intake.put_orders(shop, messages)} == {"unchanged"}
            assert await replica.log.ends(Stream.DOCUMENTS) == ends, "what changes nothing is not written"

    live(life)


def test_outcomes_say_what_happened_and_what_goes_along_is_stored_in_any_case() -> None:
    async def life(replica: Replica) -> None:
        intake = _intake(replica)
        outcomes = await intake.put_orders(SHOP, [REFUNDED, "why not", CREATE, CREATE])
        told = [(outcome.status, outcome.error) for outcome in outcomes]
        assert told == [("created", None), ("rejected", "why not"), ("updated", None), ("unchanged", None)]
        assert _stored(replica, OTHER_SHOP) is None
        seen: list[str] = []
        replica._followers.append(lambda group: seen.extend(record.decoded.key for record in group.records))
        also = document_record("a", 1)
        assert [outcome.status for outcome in await intake.put_orders(SHOP, [CREATE], also=[also])] == ["unchanged"]
        await intake.put_orders(SHOP, [PAID], also=[also])
        assert seen == ["a", f"order/{SHOP}/{CREATE.id}", "a"]

    live(life)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(MESSAGES), MOMENTS), min_size=1, max_size=6))
def test_an_order_is_the_same_after_everything_that_may_happen_to_a_replica(
    steps: list[tuple[Order, tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        told: list[Order] = []
        for message, moment in steps:
            await _intake(replica).put_orders(SHOP, [message])
            told.append(message)
            await replica.live_through(moment)
            assert _stored(replica) == put_together(told)

    live(life)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([SHOP, OTHER_SHOP]), st.sampled_from(["a" * 32, "b" * 32]), st.integers(0, 10 * DAY_MS), MOMENTS
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_delivery_is_remembered_for_its_window_and_is_no_document(
    steps: list[tuple[ShopId, str, int, tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        now = 100 * DAY_MS
        taken: dict[tuple[ShopId, str], int] = {}
        for shop, digest, later, moment in steps:
            now += later
            await replica.log.append(Stream.DOCUMENTS, [DeliveryRecords().record(shop, digest, Milliseconds(now))])
            taken[(shop, digest)] = now
            await replica.live_through(moment)
            for of in (SHOP, OTHER_SHOP):
                for name in ("a" * 32, "b" * 32, "c" * 32):
                    at = taken.get((of, name), 0)
                    done = replica.deliveries.is_done(of, name, Milliseconds(now))
                    assert done == (at > now - WEBHOOK_DAYS * DAY_MS)
        await replica.tails.merge()
        assert replica.documents.under("delivery/") == {}
        rows = replica.state.reader.rows("SELECT min(day) FROM deliveries")
        assert rows[0][0] >= now // DAY_MS - WEBHOOK_DAYS

    live(life)


def test_the_units_that_are_left_are_those_of_the_whole_story() -> None:
    assert [line.units for line in bought_lines(put_together([UPDATE, REFUNDED]))] == [2]
    assert list(bought_lines(put_together([REFUNDED]))) == [], "its lines are unknown as yet"
    assert put_together([REFUNDED]).lines is UNSET

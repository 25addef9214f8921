"""From events to sessions: which of them count, whose they are, and that shops share nothing."""

import pytest

from footfall.clock import MINUTE_MS, Milliseconds
from footfall.event import Event
from footfall.identifiers import CustomerId, Handle, Position, ProductReference, SessionId, ShopId, Uuid, VariantId
from footfall.log.port import Group, Record, Stream
from footfall.projections.recommendations.index import Index
from tests.properties.replica import OTHER_SHOP, SHOP, make_event
from tests.support import NOW

KEYS = {SHOP: b"the first shop's key", OTHER_SHOP: b"the other shop's key"}


def group(*events: Event, first: int = 1, partition: int = 0) -> Group:
    """Events that became durable together."""
    positions = [Position(first + number) for number in range(len(events))]
    return Group(Stream.EVENTS, partition, positions, [Record("", b"", event) for event in events])


def pair(**fields: object) -> list[Event]:
    """Views of products 1 and 2 by one visitor, with other fields over them."""
    return [
        make_event(**{"uuid": "u1", "time": Milliseconds(NOW + number * MINUTE_MS), "product_id": product, **fields})
        for number, product in enumerate(("1", "2"))
    ]


def indexed(*events: Event) -> Index:
    index = Index(KEYS.get)
    index.apply(group(*events))
    return index


def counted(index: Index, shop: ShopId = SHOP) -> int:
    """How many sessions of a shop count."""
    return index.shops[shop].sessions.counted if shop in index.shops else 0


def test_events_on_products_make_sessions() -> None:
    index = indexed(*pair())
    assert counted(index) == 1
    assert index.shops[SHOP].names == ["p:1", "p:2"]
    assert index.shops[SHOP].numbers == {"p:1": 0, "p:2": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"flags": ["bot"]},
        {"flags": ["late", "test"]},
        {"noun": "collection"},
        {"subject": "system"},
        {"verb": "clicked"},
        {"uuid": None},
        {"product_id": None},
    ],
)
def test_what_is_no_signal_of_a_visitor_on_a_product_is_left_out(fields: dict[str, object]) -> None:
    assert indexed(*pair(**fields)).shops == {}


def test_late_events_and_those_of_claimed_purchases_count() -> None:
    assert counted(indexed(*pair(flags=["late", "clamped"]))) == 1
    assert counted(indexed(*pair(verb="purchased"))) == 1


def test_a_product_is_known_by_what_the_event_calls_it() -> None:
    events = pair(product_handle=Handle("hat"), variant_id=VariantId("9"))
    index = indexed(
        *events, *pair(product_id=None, product_handle=Handle("hat")), *pair(product_id=None, variant_id=VariantId("9"))
    )
    assert index.shops[SHOP].names == ["p:1", "p:2", "h:hat", "v:9"]


def test_two_shops_with_the_same_ids_share_nothing() -> None:
    index = indexed(*pair(session_id=SessionId("s1")), *pair(shop=OTHER_SHOP, session_id=SessionId("s1")))
    assert index.visitor(SHOP, "u:u1") != index.visitor(OTHER_SHOP, "u:u1")
    names = [index.shops[shop].sessions._name[0] for shop in (SHOP, OTHER_SHOP)]
    assert names[0] != names[1]
    assert index.forget(SHOP, "u:u1") == 1
    assert (counted(index), counted(index, OTHER_SHOP)) == (0, 1)
    same_key = Index(lambda _shop: b"a key")
    assert same_key.visitor(SHOP, "u:u1") != same_key.visitor(OTHER_SHOP, "u:u1")


def test_hashes_cannot_be_told_without_the_key() -> None:
    known, other = Index({SHOP: b"a key"}.get), Index({SHOP: b"another key"}.get)
    assert known.visitor(SHOP, "u:u1") != other.visitor(SHOP, "u:u1")
    for index in (known, other):
        index.apply(group(*pair(session_id=SessionId("s1"))))
    names = [index.shops[SHOP].sessions._name[0] for index in (known, other)]
    assert 0 not in names
    assert names[0] != names[1], "nor is a session's name a plain checksum"


def test_a_visitor_is_known_by_uuid_then_customer_then_the_sessions_name() -> None:
    session, customer = SessionId("s1"), CustomerId("7")
    index = indexed(
        *pair(uuid=None, session_id=session),
        *pair(uuid=None, customer_id=customer),
        *pair(uuid=Uuid("u1"), customer_id=customer, session_id=session),
    )
    assert counted(index) == 3
    for trail in ("s:s1", "c:7", "u:u1"):
        visitor = index.visitor(SHOP, trail)
        assert visitor is not None
        assert len(index.shops[SHOP].sessions.slots(visitor)) == 1


def test_a_name_of_a_session_parts_what_one_visitor_does() -> None:
    index = indexed(*pair(session_id=SessionId("s1")), *pair(session_id=SessionId("s2")), *pair())
    assert counted(index) == 3


def test_a_group_that_is_told_twice_counts_once() -> None:
    index = Index(KEYS.get)
    events = pair()
    for _ in range(2):
        index.apply(group(*events))
        index.apply(group(*pair(uuid="u2"), partition=1))
    assert (counted(index), index.ends) == (2, {0: 2, 1: 2})
    index.apply(group(events[1], *pair(uuid="u3"), first=2))
    assert (counted(index), index.ends) == (3, {0: 4, 1: 2})
    assert index.shops[SHOP].sessions._events[0] == 2, "what a group repeats is passed over as well"


def test_a_shop_without_a_key_has_no_sessions() -> None:
    index = Index(lambda _shop: None)
    index.apply(group(*pair()))
    assert (index.shops, index.visitor(SHOP, "u:u1"), index.forget(SHOP, "u:u1")) == ({}, None, 0)
    assert index.ends == {0: 2}


def test_products_beyond_the_bound_recommend_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.recommendations.index.INDEXED_NAMES_MAX", 1)
    index = indexed(*pair(), *pair(product_id="1"))
    assert index.shops[SHOP].names == [ProductReference("p:1")]
    assert index.shops[SHOP].number(ProductReference("p:2")) is None


def test_whoever_was_forgotten_is_in_no_memory_of_hashes() -> None:
    index = indexed(*pair(session_id=SessionId("s1")))
    assert index.forget(SHOP, "u:u1") == 1
    assert index._hashes == {}
    assert index.forget(SHOP, "u:u1") == 0


def test_hashes_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.recommendations.index._VISITORS_HASHED_MAX", 3)
    index = Index(KEYS.get)
    first = [index.visitor(SHOP, f"u:{number}") for number in range(10)]
    assert len(index._hashes) <= 3
    assert [index.visitor(SHOP, f"u:{number}") for number in range(10)] == first


def test_every_shops_window_is_brought_forward() -> None:
    index = indexed(*pair(), *pair(shop=OTHER_SHOP))
    for _ in index.settle(NOW + 400 * 24 * 60 * MINUTE_MS):
        pass
    assert (counted(index), counted(index, OTHER_SHOP)) == (0, 0)

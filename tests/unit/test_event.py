"""The stored event: what is kept of it comes back, and it shows the wire's names."""

import msgspec
import pytest

from footfall.clock import Milliseconds
from footfall.event import Event, decode_event, encode_event, wire_fields
from footfall.identifiers import EventId, ProductId, SessionId, ShopId, Uuid, VariantId


def stored() -> Event:
    """A stored event with something of everything."""
    return Event(
        shop=ShopId(3),
        received_at=Milliseconds(2_000),
        time=Milliseconds(1_000),
        subject="user",
        verb="added",
        noun="product",
        event_id=EventId("e-1"),
        uuid=Uuid("visitor"),
        session_id=SessionId("s-1"),
        product_id=ProductId("5"),
        variant_id=VariantId("6"),
        variant_price="19.90",
        email_hmac="ab" * 32,
        tags=["sale"],
        meta={"term:cap": True, "position": 3, "share": 0.5, "nothing": None},
        unknown={"theme": {"dark": [1, 2.5, None, "x"]}, "shop": "mine"},
        flags=["late", "test"],
        verified=True,
    )


def test_an_event_comes_back_from_the_log_as_it_was_stored() -> None:
    assert decode_event(encode_event(stored())) == stored()


def test_absent_fields_take_no_room() -> None:
    plain = Event(shop=ShopId(1), received_at=Milliseconds(1), time=Milliseconds(1), subject="a", verb="b", noun="c")
    assert encode_event(plain) == b'{"shop":1,"received_at":1,"time":1,"subject":"a","verb":"b","noun":"c"}'


def test_an_event_is_shown_under_the_names_of_the_wire() -> None:
    shown = wire_fields(stored())
    wanted = {
        "event_time": 1_000,
        "rsid": "s-1",
        "shopify_variant_id": "6",
        "shopify_variant_price": "19.90",
        "subject_email_hmac": "ab" * 32,
        "platform": "Shopify",
        "theme": {"dark": [1, 2.5, None, "x"]},
    }
    assert wanted.items() <= shown.items()
    assert not {"time", "session_id", "unknown", "email_hmac"} & shown.keys()


def test_the_number_of_the_shop_is_not_shown_and_a_clients_own_field_of_that_name_is() -> None:
    assert wire_fields(stored())["shop"] == "mine"


def test_an_unknown_field_never_hides_one_that_footfall_keeps() -> None:
    event = msgspec.structs.replace(stored(), unknown={"received_at": "forged", "verb": "forged", "event_time": 0})
    shown = wire_fields(event)
    assert (shown["received_at"], shown["verb"], shown["event_time"]) == (2_000, "added", 1_000)


def test_a_client_cannot_say_what_only_footfall_says() -> None:
    plain = Event(shop=ShopId(1), received_at=Milliseconds(1), time=Milliseconds(1), subject="a", verb="b", noun="c")
    forged = {"verified": True, "flags": ["test"], "origin": ["file", 1], "subject_email_hmac": "00", "own": 1}
    shown = wire_fields(msgspec.structs.replace(plain, unknown=forged))
    assert forged.keys() & shown.keys() == {"own"}


def test_what_holds_no_event_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event(b'{"shop":1}')

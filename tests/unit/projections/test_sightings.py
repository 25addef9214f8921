"""How the names of a product lead to it, and what is known of it, from memory, from the table, and from both."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from footfall.catalog.told import ToldProduct
from footfall.event import Event
from footfall.identifiers import ProductReference
from tests.properties.replica import SHOP, Replica, make_event


@pytest.fixture(params=[None, 1, 2])
def merges(request: pytest.FixtureRequest) -> int | None:
    """After how many events there is a merge and a restart; never where it is ``None``."""
    every: int | None = request.param
    return every


def product(tmp_path: Path, merges: int | None, reference: str, events: Sequence[Event]) -> tuple[str, ToldProduct]:
    tmp_path.mkdir(exist_ok=True)

    async def life() -> tuple[str, ToldProduct]:
        replica = Replica(tmp_path)
        await replica.open()
        try:
            for number, event in enumerate(events, 1):
                # Asked in between, so that what is remembered of the answer must be kept right.
                replica.sightings.product(SHOP, ProductReference(reference))
                await replica.append(event)
                if merges is not None and number % merges == 0:
                    await replica.live_through(("restart", 0))
            return replica.sightings.product(SHOP, ProductReference(reference))
        finally:
            replica.close()

    return asyncio.run(life())


def told(**fields: str | None) -> Event:
    return make_event(uuid="u1", **{"product_id": None, **fields})


def test_what_was_told_last_holds(tmp_path: Path, merges: int | None) -> None:
    events = [told(product_id="1", product_title="Hat"), told(product_id="1", product_title="Cap"), told(product_id="1")]
    assert product(tmp_path, merges, "p:1", events) == ("p:1", ToldProduct(product_id="1", title="Cap"))


@pytest.mark.parametrize("reference", ["p:1", "h:hat", "v:11"])
def test_id_handle_and_variant_lead_to_one_product(tmp_path: Path, merges: int | None, reference: str) -> None:
    events = [
        told(variant_id="11", variant_price="5.00"),
        told(product_handle="hat", product_title="Hat"),
        told(product_id="1", product_handle="hat"),
        told(product_handle="hat", variant_id="11", variant_title="Red"),
    ]
    known = ToldProduct(product_id="1", handle="hat", title="Hat", variant_id="11", variant_title="Red", price="5.00")
    assert product(tmp_path, merges, reference, events) == ("p:1", known)


def test_a_reused_handle_is_its_newest_owners_and_no_longer_the_old_ones(tmp_path: Path, merges: int | None) -> None:
    events = [told(product_id="1", product_handle="hat"), told(product_id="2", product_handle="hat")]
    assert product(tmp_path, merges, "h:hat", events) == ("p:2", ToldProduct(product_id="2", handle="hat"))
    assert product(tmp_path / "again", merges, "p:1", events) == ("p:1", ToldProduct(product_id="1"))


def test_a_price_never_comes_from_another_variant(tmp_path: Path, merges: int | None) -> None:
    events = [
        told(product_id="1", variant_id="11", variant_title="Red", variant_price="5.00", variant_sku="R"),
        told(product_id="1", variant_id="12", variant_title="Blue"),
    ]
    known = ToldProduct(product_id="1", variant_id="12", variant_title="Blue")
    assert product(tmp_path, merges, "p:1", events) == ("p:1", known)


def test_what_was_told_without_a_variant_stands_in_where_the_variant_says_nothing(tmp_path: Path, merges: int | None) -> None:
    events = [
        told(product_id="1", variant_id="11", variant_price="5.00"),
        told(product_id="1", variant_price="9.00", variant_sku="H"),
    ]
    known = ToldProduct(product_id="1", variant_id="11", price="5.00", sku="H")
    assert product(tmp_path, merges, "p:1", events) == ("p:1", known)


def test_a_handle_of_ten_digits_or_more_stands_for_a_product_id(tmp_path: Path, merges: int | None) -> None:
    events = [told(product_handle="5630650697948", product_title="Hat")]
    known = ToldProduct(product_id="5630650697948", title="Hat")
    assert product(tmp_path, merges, "h:5630650697948", events) == ("p:5630650697948", known)
    assert product(tmp_path / "by-id", merges, "p:5630650697948", events) == ("p:5630650697948", known)
    short = [told(product_handle="563065069")]
    assert product(tmp_path / "short", merges, "h:563065069", short) == ("h:563065069", ToldProduct(handle="563065069"))


def test_a_handle_that_is_a_known_variants_id_stands_for_that_variants_product(tmp_path: Path, merges: int | None) -> None:
    events = [told(product_handle="3943000000001"), told(product_id="1", variant_id="3943000000001")]
    known = ToldProduct(product_id="1", variant_id="3943000000001")
    assert product(tmp_path, merges, "h:3943000000001", events) == ("p:1", known)


def test_names_that_lead_in_a_circle_still_lead_to_an_answer(tmp_path: Path, merges: int | None) -> None:
    one, two = "1000000000001", "1000000000002"
    events = [told(product_handle=two, variant_id=one), told(product_handle=one, variant_id=two)]
    assert product(tmp_path, merges, f"h:{one}", events)[0] == f"p:{one}"
    assert product(tmp_path / "variant", merges, f"v:{one}", events)[0] == f"p:{two}"


def test_what_one_shops_events_told_is_unknown_to_another(tmp_path: Path, merges: int | None) -> None:
    events = [make_event(shop=2, product_id="1", product_handle="hat", product_title="Hat")]
    assert product(tmp_path, merges, "h:hat", events) == ("h:hat", ToldProduct(handle="hat"))

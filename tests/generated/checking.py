"""Asking a server everything about a generated shop, and comparing with the truth."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.generated import catalog as c
from tests.generated.catalog import product_id
from tests.generated.telling import Door
from tests.generated.truth import Truth

VERBS = ("viewed", "added", "removed")


def numbers(products: list[dict[str, Any]]) -> list[int]:
    """The numbers of products of an answer."""
    return [product["id"] - product_id(0) for product in products]


def askers(truth: Truth) -> list[dict[str, str]]:
    """Every uuid (of a crowd, one), every customer, every customer with each of their devices and with another's."""
    people = truth.shop.people
    uuids = [uuid for name, uuid in people.uuids.items() if not name.startswith("crowd") or name.endswith(" 0")]
    both = {(act.uuid, act.customer) for act in truth.shop.acts if act.uuid and act.customer}
    both |= {(people.uuids["tablet"], customer) for customer in people.customers[:5]}
    return [
        *({"uuid": uuid} for uuid in uuids),
        *({"shopify_customer_id": customer} for customer in people.customers),
        *({"uuid": uuid, "shopify_customer_id": customer} for uuid, customer in sorted(both)),
    ]


async def check_histories(door: Door, truth: Truth) -> None:
    """Who viewed, added, removed and bought what."""
    for asker in askers(truth):
        who = asker.get("uuid"), asker.get("shopify_customer_id")
        for verb in VERBS:
            assert numbers(await door.ask("viewed", verb=verb, **asker)) == truth.viewed(*who, verb), (verb, asker)
        bought = truth.purchased(*who)
        products = await door.ask("purchased", explain="yes", filter_oos="no", **asker)
        reasons = [product["reasons"][0] for product in products]
        told = {n: (why["units"], why["last_bought_at"]) for n, why in zip(numbers(products), reasons, strict=True)}
        assert told == bought, asker
        assert [product["metadata"]["purchased_quantity"] for product in products] == [str(why["units"]) for why in reasons]
        times = [why["last_bought_at"] for why in reasons]
        assert times == sorted(times, reverse=True), asker
        in_stock = numbers(await door.ask("purchased", **asker))
        assert in_stock == [number for number in numbers(products) if truth.in_stock(number)], asker


async def check_rankings(door: Door, truth: Truth, *, windows: Sequence[int] = (30, 7)) -> None:
    """Top sellers of so many days, trending products, and collections."""
    for days in windows:
        products = await door.ask("top_sellers", explain="yes", days=str(days))
        ranked = [product for product in products if product["reasons"][0]["source"] == "top_sellers"]
        counts = [tuple(product["reasons"][0][name] for name in ("units", "adds", "views", "earlier")) for product in ranked]
        assert list(zip(numbers(ranked), counts, strict=True)) == truth.top_sellers(days), days
        everything = {number for number in truth.products if truth.recommended(number)}
        assert len(products) == len(everything)
        assert set(numbers(products)) == everything, "then whatever else the catalog has"
    rising = truth.trending()
    for score, next_score in pairwise([*(score for score, _ in rising), 0.0][:6]):
        assert score > 1.3 * next_score, "what is generated must leave no doubt"
    found = await door.ask("trending_products", limit="5")
    assert numbers(found) == [number for _, number in rising[:5]]
    sold = truth.numbers()
    for handle in truth.shop.catalog.collections:
        assert numbers(await door.ask("collections", shopify_collection_ids=handle)) == truth.collection(handle)
        best = numbers(await door.ask("collections", shopify_collection_ids=handle, smart_sort="yes"))
        wanted = truth.collection(handle, best_first=True)
        nothing = (0, 0, 0, 0)
        assert [sold.get(n, nothing) for n in best] == [sold.get(n, nothing) for n in wanted]
        assert sorted(best) == sorted(wanted)


async def check_catalog(door: Door, truth: Truth) -> None:
    """Products by all their names, and which are in stock."""
    shown = [number for number in truth.products if truth.shown(number)]
    ids = ",".join(str(product_id(number)) for number in range(1, 100))
    found = await door.ask("static", ids=ids)
    assert numbers(found) == shown
    stock = {n: any(v["available"] for v in product["variants"]) for n, product in zip(shown, found, strict=True)}
    assert stock == {number: truth.in_stock(number) for number in shown}
    assert numbers(await door.ask("static", ids=ids, filter_oos="yes")) == [n for n in shown if truth.in_stock(n)]
    whole = numbers(await door.ask("static", ids=ids, filter_unpublished="no"))
    assert whole == list(truth.products), "all but what was deleted"
    for product, number in zip(found, shown, strict=True):
        wanted = truth.products[number]
        for name in ("title", "handle", "vendor", "product_type", "tags", "published_at", "updated_at"):
            assert product[name] == wanted[name], (number, name)
        assert [v["id"] for v in product["variants"]] == [v["id"] for v in wanted["variants"]]
        assert [v["price"] for v in product["variants"]] == [v["price"] for v in wanted["variants"]]
    handles = [truth.products[number]["handle"] for number in shown]
    assert numbers(await door.ask("static", handles=",".join(handles))) == shown
    for handle in (c.OLD_HANDLE, c.LOST_HANDLE, f"thing-{c.ROBBER}", "kettle-classic", "lantern-new"):
        assert numbers(await door.ask("static", handles=handle)) == [truth.number(f"handle:{handle}")], handle
    assert await door.ask("static", handles="nobodys-handle,thing-8") == []


async def check_everything(door: Door, truth: Truth) -> None:
    """Every answer is the true one."""
    await check_catalog(door, truth)
    await check_rankings(door, truth)
    await check_histories(door, truth)

"""Recommendations over HTTP: over the big store, whose visitors have two sessions of five events each, with its products in
the catalog."""

import time
from collections.abc import Iterator
from typing import Final

import httpx

from tests.benchmarks.bench import CONNECTIONS, RATE, Bench
from tests.benchmarks.events import KEY, PRODUCTS, product_number
from tests.benchmarks.load import Generator, Kind, Outcome, Traffic
from tests.benchmarks.measures_collect import failed
from tests.benchmarks.processes import SHOP, ServerProcess, serving
from tests.benchmarks.table import Figure, Sample, count, milliseconds, verdict

P90_ASKED_MS: Final = 5.0
P995_ASKED_MS: Final = 15.0

_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("recommended", "recommended for a product"),
    ("viewed-related", "viewed-related for a visitor"),
)
_CHUNK: Final = 250
_READY_SECONDS_MAX: Final = 600


def recommended(bench: Bench) -> Iterator[Figure]:
    """At a fixed rate while single events come in at the same rate; then in a closed loop, alone."""
    fixed: dict[Kind, list[Outcome]] = {kind: [] for kind, _ in _KINDS}
    closed: dict[Kind, list[Outcome]] = {kind: [] for kind, _ in _KINDS}
    visitors, events = bench.store.visitors, bench.store.events
    with serving(bench.store_data) as server:
        bench.say("waiting until sessions are read")
        waited = _wait_until_read(server)
        _stock(server)
        _check(server)
        for turn in range(bench.rounds):
            bench.say(f"recommendations, round {turn + 1} of {bench.rounds}")
            for kind, _ in _KINDS:
                fixed[kind].append(_beside_events(bench, server, kind, visitors))
                closed[kind].append(bench.drive(server.url, kind, bench.lasting(5), visitors=visitors))
    for kind, name in _KINDS:
        p50, p90 = Sample.of(o.p50_ms for o in fixed[kind]), Sample.of(o.p90_ms for o in fixed[kind])
        p995, rate = Sample.of(o.p995_ms for o in fixed[kind]), Sample.of(o.per_second for o in closed[kind])
        yield Figure(
            what=f"{name}, {events:,} events, {RATE:,} a second while {RATE:,} events a second come in: p90, p99.5",
            asked=f"< {P90_ASKED_MS:.0f} ms, < {P995_ASKED_MS:.0f} ms",
            measured=f"{p90.shown(milliseconds)}; {p995.shown(milliseconds)}" + failed(fixed[kind]),
            beside=f"p50: {p50.shown(milliseconds)}; sessions were read {waited:.1f} s after the start",
            verdict=verdict(met=p90.median < P90_ASKED_MS and p995.median < P995_ASKED_MS),
            raw={"p50_ms": p50.values, "p90_ms": p90.values, "p995_ms": p995.values, "read_seconds": waited},
        )
        yield Figure(
            what=f"{name}, closed loop, {CONNECTIONS} connections: answers a second",
            asked="printed",
            measured=rate.shown(count) + failed(closed[kind]),
            raw={"per_second": rate.values},
        )


def _beside_events(bench: Bench, server: ServerProcess, kind: Kind, visitors: int) -> Outcome:
    seconds = bench.lasting(8)
    events = Generator(Traffic(url=server.url, kind="single", visitors=visitors, seconds=seconds + 3, rate=RATE))
    try:
        time.sleep(1.5)
        outcome = bench.drive(server.url, kind, seconds, visitors=visitors, rate=RATE)
        events.outcome()
    finally:
        events.stop()
    return outcome


def _wait_until_read(server: ServerProcess) -> float:
    begin = time.perf_counter()
    while "recommendations" in httpx.get(f"{server.url}/ready").json()["data"]["pending"]:
        if time.perf_counter() - begin > _READY_SECONDS_MAX:
            raise RuntimeError("The index of sessions is not read.")
        time.sleep(0.05)
    return time.perf_counter() - begin


def _stock(server: ServerProcess) -> None:
    """The products of the events, in the catalog, and asked for once: a storefront's are rendered."""
    products = [
        {
            "id": str(product_number(number)),
            "handle": f"product-{number}",
            "title": f"Product {number}",
            "product_type": f"Type {number % 50}",
            "tags": [f"tag-{number % 31}", f"tag-{number % 7}"],
            "variants": [{"id": str(product_number(number) * 10), "price": f"{number % 90 + 9}.90", "available": True}],
        }
        for number in range(PRODUCTS)
    ]
    for first in range(0, len(products), _CHUNK):
        server.command("catalog_put", shop=SHOP, products=products[first : first + _CHUNK])


def _check(server: ServerProcess) -> None:
    """Raises ``RuntimeError`` where an answer isn't what it should be: whole products, by sessions."""
    asked = {"key": KEY, "shopify_product_ids": str(product_number(5)), "fallback": "no", "explain": "yes"}
    answer = httpx.get(f"{server.url}/api/v1/products/recommended", params=asked, timeout=60).json()
    if len(answer.get("data", ())) != 5 or any(one["reasons"][0]["by"] != "sessions" for one in answer["data"]):
        raise RuntimeError(f"recommended answered {str(answer)[:300]}")

"""``footfall conformance``: a server of ours keeps every promise, and for each there is a fault that it finds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from footfall.cli.promises import PROMISES
from footfall.cli.promises.host import Host
from footfall.cli.promises.promise import PRODUCTS_WANTED, Product, catalog_of, outcome
from footfall.errors import FootfallError, InputInvalidError
from footfall.limits import CONFORMANCE_BODY_BYTES_MAX, CONFORMANCE_REQUESTS_MAX
from tests.acceptance.broken_host import (
    Fault,
    Proxy,
    answers_body,
    answers_products,
    answers_without,
    everything,
    refuses,
    sound,
)
from tests.acceptance.faults import AS_ANY, FAULTS, ORIGIN, VIEWED
from tests.support import PUBLIC_KEY, command, directory, new_shop, server

STOCKED_KEY: Final = "f0" * 20
BY_NAME: Final = {promise.name: promise for promise in PROMISES}


@dataclass
class Hosts:
    """A server with a shop without a catalog and one with, a proxy before it, and both shops as hosts behind that."""

    proxy: Proxy
    url: str
    data: Path
    plain: Host
    stocked: Host
    products: tuple[Product, ...]

    def broken(self, name: str, fault: Fault) -> str | None:
        """What the proxy with this fault was expected to answer; ``None`` where it keeps the promise all the same."""
        needs_catalog = BY_NAME[name].needs == "catalog"
        host, products = (self.stocked, self.products) if needs_catalog else (self.plain, ())
        host.requests = 0
        with self.proxy.with_fault(fault):
            tried = outcome(BY_NAME[name], host, products)
        assert tried.skipped is None
        return tried.broken.expected if tried.broken is not None else None

    def given(self, host: Host, *, proxied: bool = False) -> tuple[str, ...]:
        """The options that name a host with both keys, itself or through the proxy."""
        url = self.proxy.url if proxied else self.url
        return ("--url", url, "--key", host.key, "--secret-key", host.secret or "")


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with directory() as folder, server(folder / "data") as running:
        made = []
        for name, key in (("plain", PUBLIC_KEY), ("stocked", STOCKED_KEY)):
            made.append(new_shop(running.data, name, key)["secret_key"])
        variants = [{"id": 40 + number, "price": "19.90", "title": "One size"} for number in range(PRODUCTS_WANTED)]
        products = [
            {
                "id": 10 + number,
                "handle": f"thing-{number}",
                "title": f"Thing {number}",
                "status": "active",
                "variants": [variant],
            }
            for number, variant in enumerate(variants)
        ]
        bearer = {"Authorization": f"Bearer {made[1]}"}
        answer = httpx.put(running.url + "/api/v1/catalog/products", json={"products": products}, headers=bearer, timeout=30)
        assert answer.status_code == 200, answer.text
        with Proxy(running.url) as proxy:
            plain, stocked = Host(proxy.url, PUBLIC_KEY, made[0]), Host(proxy.url, STOCKED_KEY, made[1])
            yield Hosts(proxy, running.url, running.data, plain, stocked, catalog_of(stocked))
            plain.close()
            stocked.close()


def conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as a process of its own."""
    line = [sys.executable, "-m", "footfall", "conformance", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Promise → what the command prints of it as JSON."""
    return {promise["name"]: promise for promise in json.loads(done.stdout)["promises"]}


def test_a_server_keeps_every_promise(hosts: Hosts) -> None:
    done = conformance(*hosts.given(hosts.plain))
    assert done.returncode == 0, done.stdout
    assert f"{len(PROMISES) - 1} promises are kept, 0 broken, 1 could not be tried" in done.stdout
    assert done.stderr == f"This sends test events of new visitors to {hosts.url}, and removes nothing.\n"
    for promise in PROMISES:
        assert promise.name in done.stdout
        assert promise.says in done.stdout


def test_so_does_a_shop_with_a_catalog_with_its_own_products_and_with_invented_ones(hosts: Hosts) -> None:
    done = conformance(*hosts.given(hosts.stocked), "--json", "--catalog")
    assert done.returncode == 0, done.stdout
    untried = {name: promise["why"] for name, promise in told(done).items() if promise["outcome"] == "not tried"}
    assert untried == {"limit-most": "can't be tried with --catalog"}
    assert conformance(*hosts.given(hosts.stocked)).returncode == 0


def test_what_is_sent_is_marked_as_a_test_and_sells_nothing(hosts: Hosts) -> None:
    query = {"key": PUBLIC_KEY, "limit": "250", "explain": "yes"}
    conformance("--url", hosts.url, "--key", PUBLIC_KEY)
    lines = command("export", "--shop", "plain", "--format", "jsonl", data=hosts.data).stdout.splitlines()
    of_the_promises = [json.loads(line) for line in lines]
    assert len(of_the_promises) > 100
    assert all("test" in event.get("flags", []) for event in of_the_promises)
    assert httpx.get(hosts.url + "/api/v1/products/top_sellers", params=query, timeout=30).json() == {"data": []}


def test_the_documented_wire_alone_can_be_asked_for(hosts: Hosts) -> None:
    done = conformance("--url", hosts.url, "--key", PUBLIC_KEY, "--documented-only", "--json")
    assert done.returncode == 0
    assert set(told(done)) == {promise.name for promise in PROMISES if promise.documented}
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert answer["requests"] < 100


def test_without_the_secret_key_what_needs_it_is_not_tried_and_nothing_is_broken(hosts: Hosts) -> None:
    done = conformance("--url", hosts.url, "--key", PUBLIC_KEY, "--json")
    untried = {name for name, promise in told(done).items() if promise.get("why") == "needs --secret-key"}
    assert untried == {promise.name for promise in PROMISES if promise.needs == "secret"}
    assert done.returncode == 0


def test_there_is_a_fault_for_every_promise() -> None:
    assert FAULTS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_every_promise_is_broken_by_each_of_its_faults_and_kept_without(hosts: Hosts, name: str) -> None:
    assert hosts.broken(name, sound) is None
    kept = [number for number, fault in enumerate(FAULTS[name], 1) if hosts.broken(name, fault) is None]
    assert kept == [], "these faults went unnoticed"


def test_a_host_without_cors_breaks_what_pages_need_and_nothing_else(hosts: Hosts) -> None:
    broken = {name for name in BY_NAME if hosts.broken(name, answers_without(ORIGIN)) is not None}
    assert broken == {
        "preflight-event", "preflight-get", "readable-answers", "sandbox", "credentialed-beacon", "readable-refusals",
        "not-served", "path-unknown",
    }  # fmt: skip


def test_a_broken_promise_is_told_with_what_was_sent_expected_and_came(hosts: Hosts) -> None:
    given = hosts.given(hosts.plain, proxied=True)
    with hosts.proxy.with_fault(answers_products(lambda products: products[::-1], AS_ANY)):
        done = conformance(*given)
        as_json = told(conformance(*given, "--documented-only", "--json"))
    assert done.returncode == 1
    shown = done.stdout.partition("\nnewest-first is broken: ")[2]
    assert f"  sent      GET {hosts.proxy.url}{VIEWED}?key={PUBLIC_KEY}&uuid=" in shown
    assert "  expected  the products conformance-" in shown
    assert "  came      conformance-" in shown
    assert as_json["newest-first"]["outcome"] == "broken"
    wanted = as_json["newest-first"]["expected"].removeprefix("the products ").split(", ")
    assert as_json["newest-first"]["came"].split(", ") == wanted[::-1]
    assert as_json["nobody"]["outcome"] == "kept"


def test_a_secret_key_is_never_shown(hosts: Hosts) -> None:
    with hosts.proxy.with_fault(refuses(everything)):
        done = conformance(*hosts.given(hosts.plain, proxied=True))
    assert "Authorization: Bearer …" in done.stdout
    assert hosts.plain.secret
    assert hosts.plain.secret not in done.stdout + done.stderr


def test_a_host_that_isnt_there_is_told_in_a_line() -> None:
    done = conformance("--url", "http://127.0.0.1:9", "--key", PUBLIC_KEY)
    assert (done.returncode, done.stdout) == (1, "")
    assert "footfall: Nothing answers at http://127.0.0.1:9" in done.stderr


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "http://127.0.0.1:port", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputInvalidError, match="is no address"):
        Host(url, PUBLIC_KEY)


def test_a_catalog_with_too_few_products_is_told(hosts: Hosts) -> None:
    done = conformance("--url", hosts.url, "--key", PUBLIC_KEY, "--catalog")
    assert done.returncode == 1
    assert f"{PRODUCTS_WANTED} are needed" in done.stderr


def test_an_answer_without_end_is_broken_off(hosts: Hosts) -> None:
    expected = hosts.broken("nobody", answers_body(AS_ANY, b" " * (CONFORMANCE_BODY_BYTES_MAX + 1)))
    assert expected == f"an answer of at most {CONFORMANCE_BODY_BYTES_MAX:,} bytes"


def test_requests_have_a_bound(hosts: Hosts) -> None:
    host = Host(hosts.url, PUBLIC_KEY)
    host.requests = CONFORMANCE_REQUESTS_MAX
    with pytest.raises(FootfallError, match="one more"):
        host.ask("GET", "/health")
    host.close()

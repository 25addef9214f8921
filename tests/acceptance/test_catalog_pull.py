"""Pulling a live store's catalog: everything arrives, nothing unknown is lost, and nothing is taken out by a fault."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.cli.catalog_pass import CatalogPass, Tally
from footfall.cli.owner import Owner
from footfall.cli.sources.admin_api import AdminApi, token_headers
from footfall.cli.sources.storefront import Storefront
from footfall.cli.sources.web import StoreError, Web, WrongStoreError, store_url
from footfall.errors import FootfallError
from footfall.limits import PULL_PAUSE_SECONDS_MAX, PULL_RETRIES_MAX
from tests.shopify import TOKEN, Fault, Store, product, running_store
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Standing, command, directory, new_shop, server, standing


@pytest.fixture
def store() -> Iterator[Store]:
    with running_store() as running:
        yield running


@pytest.fixture
def data() -> Iterator[Path]:
    with directory() as path:
        new_shop(path / "data", "my-shop", PUBLIC_KEY)
        yield path / "data"


class ServiceInProcess:
    """A running service as commands see an owner, without a process of its own."""

    serves = True
    address: str | None = None

    def __init__(self, service: Standing) -> None:
        self._service = service

    def call(self, name: str, /, **parameters: Any) -> Any:
        """What the command answers."""
        return self._service.run(getattr(self._service.shop.commands, name)(**parameters))

    def stream(self, name: str, /, **parameters: Any) -> Generator[Any, None, None]:
        """No pull asks for one."""
        raise AssertionError(f"a pull streamed {name}")


class Puller:
    """Pulls of one store into one catalog, with pauses that are noted and not waited for."""

    def __init__(self, owner: Owner, store: Store, *, token: str | None = None) -> None:
        self.owner = owner
        self.store = store
        self.pauses: list[float] = []
        self.told: list[str] = []
        self._token = token

    def once(self, *, may_remove: bool = False) -> Tally:
        headers = token_headers(self._token) if self._token else None
        web = Web(self.store.url, headers=headers, pause=self.pauses.append, tell=self.told.append, chance=random.Random(1))
        source = AdminApi(web) if self._token else Storefront(web)
        tally = Tally("shop", source.source)
        try:
            CatalogPass(self.owner, source, tally, may_remove=may_remove).run()
        finally:
            web.close()
        return tally

    def listed(self, kind: str = "product") -> dict[str, bool]:
        """Key → whether it is published, of all that the catalog has."""
        found: dict[str, bool] = {}
        while page := self.owner.call("catalog_list", shop="shop", kind=kind, after=max(found, default=None)):
            found |= {entry["key"]: entry["published"] for entry in page}
        return found


@contextmanager
def pulling(data: Path, store: Store, **options: Any) -> Iterator[Puller]:
    with standing(data) as service:
        yield Puller(ServiceInProcess(service), store, **options)


def shown(url: str, path: str, **parameters: str | int) -> list[dict[str, Any]]:
    """Products that a server answers."""
    answer = httpx.get(f"{url}/api/v1/products/{path}", params={"key": PUBLIC_KEY, "limit": 250, **parameters}, timeout=60)
    answer.raise_for_status()
    products: list[dict[str, Any]] = answer.json()["data"]
    return products


def pulled(store: Store, data: Path, *more: str) -> dict[str, Any]:
    done = command("catalog", "pull", store.url, "--shop", "my-shop", "--json", *more, data=data)
    tally: dict[str, Any] = json.loads(done.stdout)
    return tally


@pytest.mark.parametrize("beside", [True, False])
def test_every_product_and_membership_of_a_storefront_arrives(store: Store, data: Path, beside: bool) -> None:
    store.products = [product(number) for number in range(1, 601)]
    store.collections = [{"id": 10_000 + n, "handle": f"hats-{n}", "title": "Hats", "members": [n + 1]} for n in range(260)]
    store.collections[0]["members"] = list(range(600, 0, -1))
    if beside:
        with server(data) as running:
            tally = pulled(store, data)
            assert [p["id"] for p in shown(running.url, "collections", shopify_collection_ids="hats-259")] == [260]
    else:
        tally = pulled(store, data)
    assert (tally["created"], tally["collections"], tally["rejected"], tally["partial"]) == (600, 260, 0, None)
    with server(data) as running:
        first = shown(running.url, "collections", shopify_collection_ids="hats-0")
        assert [p["id"] for p in first] == list(range(600, 350, -1))
        assert first[0]["variants"][0]["price"] == "8.00"
    again = pulled(store, data)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 600)
    assert store.headers[0]["User-Agent"].startswith("footfall/")
    assert "X-Shopify-Access-Token" not in store.headers[0]


def test_what_a_storefront_cannot_see_stays_as_another_source_told_it(store: Store, data: Path) -> None:
    file = data.parent / "products.json"
    variant = {"id": 10, "price": "7.00", "inventory_quantity": 4, "inventory_item_id": 5, "inventory_management": "shopify"}
    file.write_text(json.dumps([{**product(1), "status": "active", "variants": [variant], "metafields": [{"key": "care"}]}]))
    command("catalog", "import", str(file), "--shop", "my-shop", data=data)
    store.products = [product(1, title="Renamed")]
    assert pulled(store, data)["updated"] == 1
    with server(data) as running:
        (found,) = shown(running.url, "static", ids="1", metafields="yes")
    assert (found["title"], found["status"], found["metafields"][0]["key"]) == ("Renamed", "active", "care")
    (variant,) = found["variants"]
    assert (variant["price"], variant["inventory_quantity"], variant["inventory_item_id"]) == ("8.00", 4, 5)
    assert variant["available"] is True


def test_a_product_that_cannot_be_read_is_told_and_still_counts_as_listed(store: Store, tmp_path: Path) -> None:
    store.products = [product(1), product(2), product(3)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products[1]["variants"] = 5
        tally = puller.once()
        assert (tally.unchanged, tally.rejected, tally.unpublished) == (2, 1, 0)
        assert tally.reasons == [{"what": "product 2", "error": "variants is 5; it must be a list."}]
        assert puller.listed() == {"1": True, "2": True, "3": True}


# --- what the store no longer has ------------------------------------------------------------------------------------


def test_a_product_that_is_no_longer_listed_is_unpublished_and_comes_back(store: Store, tmp_path: Path) -> None:
    everything = store.products = [product(number) for number in range(1, 5)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products = everything[:3]
        assert puller.once().unpublished == 1
        assert puller.listed() == {"1": True, "2": True, "3": True, "4": False}
        assert puller.once().unpublished == 0
        store.products = everything
        assert (puller.once().updated, puller.listed()["4"]) == (1, True)


def test_a_product_that_slips_between_two_pages_is_asked_for_and_stays_published(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 5)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.hidden = {2}
        assert puller.once().unpublished == 0
        assert store.asked("/products/product-2.json")
        assert puller.listed()["2"] is True


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/products/product-4.json", 200, {"Content-Type": "text/html"}, b"<html>Are you human?"),
        Fault("/products/product-4.json", 302, {"Location": "https://elsewhere.example/"}),
        Fault("/products/product-4.json", 403),
    ],
)
def test_a_store_that_does_not_say_whether_a_product_is_there_leaves_it_as_it_is(
    store: Store, tmp_path: Path, fault: Fault
) -> None:
    store.products = [product(number) for number in range(1, 5)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products.pop()
        store.faults = [fault]
        assert (puller.once().unpublished, puller.pauses) == (0, [])
        assert puller.once().unpublished == 1


def test_a_product_whose_handle_another_has_taken_is_no_longer_there(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 5)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products[1] = product(9, handle="product-2")
        assert puller.once().unpublished == 1
        assert puller.listed() == {"1": True, "2": False, "3": True, "4": True, "9": True}


def test_where_most_of_the_catalog_is_missing_nothing_is_taken_out_without_consent(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 6)]
    store.collections = [{"id": n, "handle": f"c-{n}", "title": "C", "members": []} for n in (7, 8)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        # Another store: as many products, none of which is known.
        store.products = [product(number) for number in range(101, 106)]
        store.collections = []
        tally = puller.once()
        assert (tally.unpublished, tally.collections_deleted, tally.held_back) == (0, 0, 7)
        assert all(puller.listed().values())
        tally = puller.once(may_remove=True)
        assert (tally.unpublished, tally.collections_deleted, tally.held_back) == (5, 2, 0)
        assert puller.listed("collection") == {}


def test_a_pass_asks_for_so_many_missing_ones_and_the_next_pass_for_the_others(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("footfall.cli.catalog_pass.PULL_CHECKS_MAX", 2)
    store.products = [product(number) for number in range(1, 8)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products = store.products[:4]
        assert puller.once().unpublished == 2
        assert "3 products are missing at the store; 2 are looked at now" in capsys.readouterr().err
        assert puller.once().unpublished == 1


def test_an_empty_list_takes_nothing_out(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products = []
        assert (puller.once().held_back, puller.listed()) == (1, {"1": True})


def test_a_collection_that_vanishes_is_deleted_and_its_products_stay(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.collections = [{"id": n, "handle": f"c-{n}", "title": "C", "members": [1]} for n in (7, 8, 9)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        del store.collections[0]
        assert puller.once().collections_deleted == 1
        assert list(puller.listed("collection")) == ["8", "9"]
        assert puller.listed() == {"1": True}


def test_a_collection_that_is_deleted_while_it_is_read_keeps_what_was_known(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.collections = [{"id": n, "handle": f"c-{n}", "title": "C", "members": [1]} for n in (7, 8)]
    store.faults = [Fault("/collections/c-7/", 404)]
    with pulling(tmp_path, store) as puller:
        assert puller.once().collections == 1


@pytest.mark.parametrize("repeats", [True, False])
def test_a_list_that_ends_where_storefronts_stop_counting_takes_nothing_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeats: bool
) -> None:
    monkeypatch.setattr("footfall.cli.sources.storefront.PULL_LISTED_MAX", 500)
    store.products = [product(number) for number in range(1, 501)]
    with pulling(tmp_path, store) as puller:
        puller.once()
        store.products.insert(0, product(1000))
        store.listed_max, store.repeats_last_page = 500, repeats
        tally = puller.once()
        assert (tally.created, tally.unpublished) == (1, 0)
        assert "may be longer" in (tally.partial or "")
        assert store.asked("/products/product-500.json") == []


# --- broken off ------------------------------------------------------------------------------------------------------


def test_a_pull_that_fails_goes_on_at_the_page_where_it_was_and_takes_nothing_out(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 601)]
    store.collections = [{"id": n, "handle": f"c-{n}", "title": "C", "members": [n]} for n in range(1, 61)]
    store.faults = [Fault("page=3", 403)]
    with pulling(tmp_path, store) as puller:
        with pytest.raises(StoreError, match=r"page=3 answered 403"):
            puller.once()
        store.requests.clear()
        store.faults = [Fault("/collections/c-40/", 403)]
        with pytest.raises(StoreError):
            puller.once()
        assert store.asked("/products.json")[:2] == ["/products.json?limit=250&page=3", "/products.json?limit=250&page=4"]
        store.requests.clear()
        tally = puller.once()
        assert (tally.resumed, tally.collections, tally.products) == (True, 35, 0)
        assert store.asked("/products.json")[0] == "/collections/c-26/products.json?limit=250&page=1"
        assert "broken off" in (tally.partial or "")
        assert len(puller.listed()) == 600
        assert len(puller.listed("collection")) == 60
        assert (puller.once().products, puller.once().resumed) == (600, False)


def test_progress_is_forgotten_after_an_hour(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.products = [product(number) for number in range(1, 301)]
    store.faults = [Fault("page=2", 403)]
    with pulling(tmp_path, store) as puller:
        with pytest.raises(StoreError):
            puller.once()
        monkeypatch.setattr("footfall.service.catalog_commands.PULL_PROGRESS_HOURS", -1)
        assert puller.once().resumed is False


@pytest.mark.parametrize("beside", [True, False])
def test_a_pull_that_is_killed_loses_nothing(store: Store, data: Path, beside: bool) -> None:
    store.products = [product(number) for number in range(1, 1_001)]
    reached, goes_on = threading.Event(), threading.Event()
    usual = store.storefront

    def held(target: str) -> tuple[int, Any]:
        if target.startswith("/products.json") and "page=3" in target:
            reached.set()
            goes_on.wait(WAIT_SECONDS)
        return usual(target)

    store.storefront = held  # type: ignore[method-assign]

    def scenario() -> None:
        arguments = ["catalog", "pull", store.url, "--shop", "my-shop", "--data", str(data)]
        process = subprocess.Popen([sys.executable, "-m", "footfall", *arguments], stderr=subprocess.DEVNULL)
        assert reached.wait(WAIT_SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT_SECONDS)
        goes_on.set()
        store.requests.clear()
        tally = pulled(store, data)
        assert (tally["resumed"], tally["created"]) == (True, 500)
        assert store.requests[0] == "/products.json?limit=250&page=3"

    if beside:
        with server(data):
            scenario()
    else:
        scenario()
    again = pulled(store, data)
    assert (again["resumed"], again["unchanged"], again["partial"]) == (False, 1_000, None)


def test_ctrl_c_tells_what_is_done_and_that_it_goes_on(store: Store, data: Path) -> None:
    store.products = [product(number) for number in range(1, 501)]
    reached = threading.Event()
    usual = store.storefront

    def held(target: str) -> tuple[int, Any]:
        if "page=2" in target:
            reached.set()
            threading.Event().wait(5)
        return usual(target)

    store.storefront = held  # type: ignore[method-assign]
    arguments = ["catalog", "pull", store.url, "--shop", "my-shop", "--data", str(data)]
    process = subprocess.Popen([sys.executable, "-m", "footfall", *arguments], stderr=subprocess.PIPE, text=True)
    assert reached.wait(WAIT_SECONDS)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert "Stopped. 250 products and 0 collections are stored; run it again within an hour" in errors
    assert "Traceback" not in errors


# --- a store that is busy, broken, or none ---------------------------------------------------------------------------


def test_a_busy_store_is_asked_again_when_it_says(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.faults = [
        Fault("page=1", 429, {"Retry-After": "0"}),
        Fault("page=1", 429, {"Retry-After": "1"}),
        Fault("page=1", 503, {"Retry-After": "100000"}),
        Fault("page=1", 429, {"Retry-After": "Thu, 01 Jan 2099 00:00:00 GMT"}),
        Fault("page=2", 503),
    ]
    with pulling(tmp_path, store) as puller:
        assert puller.once().created == 1
        assert puller.pauses[:4] == [0, 1, PULL_PAUSE_SECONDS_MAX, PULL_PAUSE_SECONDS_MAX]
        assert 1 <= puller.pauses[4] <= 1.5
        assert any("answered 503. Waiting 120 s." in told for told in puller.told)


def test_a_page_that_is_cut_or_no_json_is_asked_for_again(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.faults = [
        Fault("products.json", 200, {}, b'{"products": [', cut=True),
        Fault("products.json", 200, {}, b'{"products": [{'),
        Fault("collections.json", 200, {"Content-Type": "text/html"}, b"<html>one moment</html>"),
    ]
    with pulling(tmp_path, store) as puller:
        assert (puller.once().created, len(puller.pauses)) == (1, 3)


def test_a_store_that_stays_busy_is_given_up_with_its_address_and_status(store: Store, tmp_path: Path) -> None:
    store.faults = [Fault("products.json", 429) for _ in range(20)]
    with pulling(tmp_path, store) as puller:
        with pytest.raises(StoreError, match=rf"Gave up .* {store.url}/products\.json\?limit=250&page=1 answered 429"):
            puller.once()
        assert len(puller.pauses) == PULL_RETRIES_MAX


def test_an_answer_that_is_too_large_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.cli.sources.web.PULL_BODY_BYTES_MAX", 100)
    store.products = [product(1)]
    with pulling(tmp_path, store) as puller, pytest.raises(StoreError, match="no page of products"):
        puller.once()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("", 302, {"Location": "/password"}), "the store is behind a password"),
        (Fault("", 301, {"Location": "https://elsewhere.example/products.json"}), "Pull from there: URL https://elsewhere"),
        (Fault("", 301, {"Location": "ftp://127.0.0.1/products.json"}), "which is another address"),
        (Fault("", 404), "is no Shopify store"),
        (Fault("", 200, {"Content-Type": "text/html"}, b"<!doctype html><p>Hello"), "is no Shopify store"),
        (Fault("", 200, {}, b'{"hello": "world"}'), "is no Shopify store"),
        (Fault("", 401), "answered 401"),
    ],
)
def test_what_is_no_store_or_a_closed_one_says_so_at_once(store: Store, data: Path, fault: Fault, said: str) -> None:
    store.faults = [fault]
    done = command("catalog", "pull", store.url, "--shop", "my-shop", data=data, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(store.requests) == 1


def test_a_redirect_within_the_store_is_followed_and_a_circle_is_not(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.faults = [Fault("products.json", 301, {"Location": "/products.json?limit=250&page=1&moved=1"})]
    with pulling(tmp_path, store) as puller:
        assert puller.once().created == 1
        store.faults = [Fault("", 302, {"Location": "/products.json"}) for _ in range(10)]
        with pytest.raises(WrongStoreError, match="again and again"):
            puller.once()


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("http://shop.example/products.json?limit=1", "http://shop.example"),
        (" Shop.Example/collections/all ", "https://shop.example"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080"),
        ("localhost:9292", "https://localhost:9292"),
    ],
)
def test_an_address_is_taken_as_people_write_it(given: str, address: str) -> None:
    assert store_url(given) == address


@pytest.mark.parametrize(
    "given", ["", "shop", "ftp://shop.example", "https://", "https://user:word@shop.example", "a b.c", "x.y:z"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(FootfallError, match="is no address of a store"):
        store_url(given)


def test_what_a_newcomer_gets_wrong_is_told_with_what_to_do(store: Store, data: Path) -> None:
    def said(*arguments: str) -> str:
        done = command("catalog", "pull", *arguments, data=data, check=False)
        assert done.returncode
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "There is no shop 'other'" in said(store.url, "--shop", "other")
    assert "There is no shop 'other'" in said(store.url, "--shop", "other", "--every", "1m")
    assert "Nothing answers at http://127.0.0.1:1" in said("http://127.0.0.1:1", "--shop", "my-shop")
    assert "Nothing answers at" in said("http://127.0.0.1:1", "--shop", "my-shop", "--every", "1m")
    assert "is no interval" in said(store.url, "--shop", "my-shop", "--every", "soon")
    assert "too short" in said(store.url, "--shop", "my-shop", "--every", "59s")
    assert "too long" in said(store.url, "--shop", "my-shop", "--every", "32d")
    assert "only sent over https" in said("http://shop.example", "--shop", "my-shop", "--token", TOKEN)
    assert "no Admin API access token" in said(store.url, "--shop", "my-shop", "--token", "a b")


# --- with a token ----------------------------------------------------------------------------------------------------


def test_everything_of_the_admin_api_arrives_page_by_page(store: Store, data: Path) -> None:
    store.products = [product(number) for number in range(1, 31)]
    store.products[0]["variants"] = [{"id": n, "title": f"V{n}", "price": "1.00"} for n in range(1_000, 1_230)]
    store.products[0]["metafields"] = 25
    store.products[1]["status"] = "draft"
    store.products[2]["status"] = "unlisted"
    store.collections = [{"id": 7_000 + n, "handle": f"c-{n}", "title": "C", "members": [n + 1]} for n in range(55)]
    store.collections[0]["members"] = [*range(30, 0, -1), *range(1_000, 1_300)]
    done = command("catalog", "pull", store.url, "--shop", "my-shop", "--json", "--token", TOKEN, data=data)
    tally = json.loads(done.stdout)
    assert (tally["created"], tally["collections"], tally["rejected"], tally["partial"]) == (30, 55, 0, None)
    assert TOKEN not in done.stdout + done.stderr
    assert TOKEN.encode() not in b"".join(path.read_bytes() for path in data.iterdir() if path.is_file())
    with server(data) as running:
        (first,) = shown(running.url, "static", ids="1", metafields="yes")
        assert len(first["variants"]) == 230
        assert len(first["metafields"]) == 25
        variant = first["variants"][229]
        assert (variant["id"], variant["inventory_quantity"], variant["inventory_item_id"]) == (1_229, 3, 1_229)
        assert (variant["weight"], variant["weight_unit"]) == ("0.12", "kg")
        assert variant["image_id"] == first["images"][0]["id"] == 17
        assert [p["id"] for p in shown(running.url, "static", ids="1,2,3,4")] == [1, 4]
        members = shown(running.url, "collections", shopify_collection_ids="c-0")
        assert [p["id"] for p in members] == [*range(30, 3, -1), 1]


def test_what_vanishes_at_the_admin_api_is_deleted_unless_it_is_most_of_the_catalog(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 6)]
    store.collections = [{"id": n, "handle": f"c-{n}", "title": "C", "members": [1]} for n in (7, 8)]
    with pulling(tmp_path, store, token=TOKEN) as puller:
        puller.once()
        store.products = store.products[:4]
        store.collections = store.collections[:1]
        tally = puller.once()
        assert (tally.deleted, tally.collections_deleted) == (1, 1)
        assert list(puller.listed()) == ["1", "2", "3", "4"]
        store.products = store.products[:1]
        assert (puller.once().held_back, len(puller.listed())) == (3, 4)
        assert (puller.once(may_remove=True).deleted, list(puller.listed())) == (3, ["1"])


def test_a_pull_with_a_token_goes_on_behind_its_cursor(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 601)]
    with pulling(tmp_path, store, token=TOKEN) as puller:
        usual = store.admin

        def failing(query: str, variables: dict[str, Any]) -> Any:
            if variables.get("after") == "cursor-320":
                return {"errors": [{"message": "Internal error"}]}
            return usual(query, variables)

        store.admin = failing  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="Internal error"):
            puller.once()
        store.admin = usual  # type: ignore[method-assign]
        tally = puller.once()
        # Saved behind product 256; what came after it until the failure is read again.
        assert (tally.resumed, tally.created, tally.unchanged) == (True, 280, 64)


def test_a_throttled_query_waits_for_its_points_and_is_asked_again(store: Store, tmp_path: Path) -> None:
    store.products = [product(1)]
    store.throttled, store.available = 2, 300.0
    with pulling(tmp_path, store, token=TOKEN) as puller:
        assert puller.once().created == 1
        # 800 points are asked for, 300 are there, 50 come back each second.
        assert puller.pauses[:2] == [10, 10]


def test_without_enough_points_the_next_query_waits_before_it_is_sent(store: Store, tmp_path: Path) -> None:
    store.products = [product(number) for number in range(1, 10)]
    store.available = 750.0
    with pulling(tmp_path, store, token=TOKEN) as puller:
        puller.once()
        assert puller.pauses == [1]


def test_a_store_that_stays_throttled_is_given_up(store: Store, tmp_path: Path) -> None:
    store.throttled, store.available = 100, 0.0
    with pulling(tmp_path, store, token=TOKEN) as puller, pytest.raises(StoreError, match="THROTTLED"):
        puller.once()


def test_errors_of_the_admin_api_are_told_without_the_token(store: Store, data: Path) -> None:
    def said(token: str = TOKEN) -> str:
        done = command("catalog", "pull", store.url, "--shop", "my-shop", "--token", token, data=data, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert token not in done.stderr
        return done.stderr

    assert "does not take this token" in said("shpat_wrong")
    store.faults = [Fault("graphql.json", 403)]
    assert "read_products" in said()
    store.faults = [Fault("graphql.json", 404)]
    assert "such as https://my-shop.myshopify.com" in said()
    store.faults = [Fault("graphql.json", 301, {"Location": "https://my-shop.myshopify.com/admin"})]
    assert "redirects to https://my-shop.myshopify.com" in said()
    store.faults = [Fault("graphql.json", 200, {}, b'{"data": {"products": {"nodes": 5}}}')]
    assert "another shape" in said()
    store.faults = [Fault("graphql.json", 200, {}, b'{"hello": "world"}')]
    assert "no Admin API" in said()
    store.errors = [{"message": "Access denied for inventoryItem field."}]
    assert "Access denied for inventoryItem field." in said()


def test_the_token_comes_from_the_environment_too(store: Store, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SHOPIFY_TOKEN", TOKEN)
    store.products = [product(1)]
    assert pulled(store, data)["source"].startswith("admin http://127.0.0.1")

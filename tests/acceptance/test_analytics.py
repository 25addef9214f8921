"""Analytics beside a real server: within a second, for its own shop alone, and whatever happens to its process and files."""

import csv
import io
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from footfall.api.openapi_shared import ERRORS
from footfall.projections.analytics.asking import REPORTS
from tests.support import PUBLIC_KEY, Server, command, directory, event, new_shop, server, start_server

_ENDLESS = "select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 3"
_PATIENCE_SECONDS = 60


class Shop:
    """One shop of a server, with its keys."""

    def __init__(self, running: Server, name: str) -> None:
        self.running = running
        self.name = name
        made = new_shop(running.data, name)
        self.public, self.secret = made["public_key"], made["secret_key"]
        self.url = running.url

    def ask(self, method: str, path: str, *, timeout: float = _PATIENCE_SECONDS, **options: Any) -> httpx.Response:
        """A request with the secret key."""
        bearer = {"Authorization": f"Bearer {self.secret}"}
        return httpx.request(method, self.url + path, headers=bearer, timeout=timeout, **options)

    def send(self, *events: dict[str, Any]) -> str:
        """Send events; the position behind them."""
        answer = httpx.post(
            f"{self.url}/api/v2/analytics/event/bulk",
            params={"key": self.public},
            json=list(events),
            timeout=_PATIENCE_SECONDS,
        )
        assert answer.json() == {"data": "Received"}, answer.text
        return answer.headers["footfall-position"]

    def report(self, name: str, **parameters: Any) -> Any:
        """What a report answers under ``data``."""
        answer = self.patiently("GET", f"/api/v1/reports/{name}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def patiently(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, asked for again where it is not there in time: on a busy machine a process takes long to start."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (answer := self.ask(method, path, **options)).status_code == 503 and time.monotonic() < deadline:
            threading.Event().wait(0.2)
        return answer

    def sql(self, statement: str, **fields: Any) -> httpx.Response:
        return self.patiently("POST", "/api/v1/sql", json={"sql": statement, **fields})

    def rows(self, statement: str, **fields: Any) -> list[list[Any]]:
        answer = self.patiently("POST", "/api/v1/sql", json={"sql": statement, **fields})
        assert answer.status_code == 200, answer.text
        found: list[list[Any]] = answer.json()["rows"]
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with directory() as path, server(path / "data") as started:
        yield started


_numbers = iter(range(1_000))


@pytest.fixture
def shop(running: Server) -> Shop:
    """A shop of this test's own."""
    return Shop(running, f"shop-{next(_numbers)}")


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        threading.Event().wait(0.05)


def analytics_process(of: Server) -> int | None:
    """The process id of a server's analytics."""
    for pid in Path(f"/proc/{of.process.pid}/task/{of.process.pid}/children").read_text(encoding="ascii").split():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"analytics" in words:
            return int(pid)
    return None


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_a_report_covers_the_position_that_it_is_asked_to_wait_for(shop: Shop) -> None:
    for number in range(1, 4):
        position = shop.send(event(uuid="u1"), event(uuid="u2"))
        assert shop.report("overview", after=position)["events"] == 2 * number


def test_an_event_shows_without_anybody_waiting_for_its_position(shop: Shop) -> None:
    shop.send(event(uuid="u1"))
    until(lambda: shop.report("overview")["events"] == 1)


def test_robots_and_tests_are_left_out_unless_they_are_asked_for(shop: Shop) -> None:
    robot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    sent = httpx.post(
        f"{shop.running.url}/api/v2/analytics/event",
        params={"key": shop.public},
        json=event(uuid="r"),
        headers=robot,
        timeout=60,
    )
    assert sent.status_code == 200
    position = shop.send(event(uuid="u1"), event(uuid="u1", test=True), event(uuid="u1", verb="added"))
    clean = shop.report("overview", after=position)
    assert (clean["events"], clean["visitors"], clean["sessions"]) == (2, 1, 1)
    assert shop.report("overview", bots="yes")["events"] == 3
    assert shop.report("overview", tests="yes")["events"] == 3
    both = shop.report("overview", bots="yes", tests="yes")
    assert (both["events"], both["visitors"], both["sessions"]) == (4, 2, 3)
    health = shop.report("data-health")
    assert (health["bots"], health["tests"], health["events"]) == (1, 1, 4)


def test_data_health_tells_what_was_left_out_of_events_and_who_was_a_placeholder(shop: Shop) -> None:
    shop.send(event(uuid="u1"), event(uuid="undefined", customer_id="7", price="cheap"), event(uuid="u1", event_time="now"))
    health = shop.report("data-health", last="24h")
    assert (health["accepted"], health["placeholder_identities"]) == (3, 1)
    assert health["warnings"] == {"events": 2, "reasons": {"event_time": 1, "price": 1, "uuid": 1}}
    shown = command("shop", "show", shop.name, data=shop.running.data).stdout
    assert re.search(r"events: warning +2\b", shown)
    assert re.search(r"events: warning:event_time +1\b", shown)


def test_who_refused_consent_counts_in_totals_and_is_nobody(shop: Shop) -> None:
    position = shop.send(event(uuid="u1", consent="denied"), event(uuid="u2"))
    found = shop.report("overview", after=position)
    assert (found["events"], found["views"], found["visitors"], found["sessions"]) == (2, 2, 1, 1)


def test_meta_and_tags_can_be_asked_about(shop: Shop) -> None:
    position = shop.send(event(meta={"color": "red", "size": 42}, tags=["sale", "new"]), event(meta={"color": "blue"}))
    told = shop.rows("select meta->>'color', tags from events where list_contains(tags, 'sale')", after=position)
    assert told == [["red", ["sale", "new"]]]


def test_two_shops_with_the_same_ids_know_nothing_of_each_other(running: Server) -> None:
    one, other = Shop(running, "one"), Shop(running, "other")
    same = [event(uuid="u1", product_id="5", order_id="o", verb="purchased", price="10.00") for _ in range(2)]
    first = one.send(*same, event(uuid="u1"))
    second = other.send(*same)
    assert (one.report("overview", after=first)["events"], other.report("overview", after=second)["events"]) == (3, 2)
    assert one.rows("select count(*) from events") == [[3]]
    assert other.rows("select count(*) from purchases") == [[1]]
    assert other.ask("GET", "/api/v1/reports/visitor", params={"uuid": "u1"}).json()["data"]["events"] == 2


def test_the_same_question_at_the_same_position_is_answered_alike_and_anew_after_another_event(shop: Shop) -> None:
    position = shop.send(event(uuid="u1"))
    first = shop.patiently("GET", "/api/v1/reports/overview", params={"after": position})
    again = shop.ask("GET", "/api/v1/reports/overview")
    assert (again.content, again.headers["footfall-lag"]) == (first.content, "0")
    assert first.headers["footfall-position"] == position
    position = shop.send(event(uuid="u2"))
    assert shop.report("overview", after=position)["events"] == 2


def test_a_product_of_which_the_catalog_learns_later_is_one_under_all_its_names(shop: Shop) -> None:
    shop.send(
        event(product_id=None, shopify_product_handle="cap"),
        event(product_id="77"),
        event(shopify_variant_id="771", product_id=None),
    )
    put = shop.ask(
        "PUT",
        "/api/v1/catalog/products",
        json={"products": [{"id": 77, "handle": "cap", "title": "Cap", "vendor": "Hats", "variants": [{"id": 771}]}]},
    )
    assert put.status_code == 200, put.text
    until(lambda: [row["vendor"] for row in shop.report("top-products")] == ["Hats"])
    (row,) = shop.report("top-products")
    assert (row["product_id"], row["handle"], row["title"], row["views"], row["viewers"]) == ("77", "cap", "Cap", 3, 3)
    assert shop.report("overview", vendor="hats")["views"] == 3
    assert shop.report("overview", product="cap")["views"] == 3


# --- what is asked wrongly -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nothing", 404, "Reports: overview, timeseries"),
        ("overview?colour=red", 400, "takes no parameter 'colour'. It takes: from, to"),
        ("overview?from=yesterday", 400, "from 'yesterday' is no date such as 2026-11-01"),
        ("overview?from=2026-02-02&to=2026-02-02", 400, "from must lie before to"),
        ("overview?last=soon", 400, "no stretch of time such as 24h"),
        ("overview?timezone=Mars", 400, "timezone 'Mars' is none"),
        ("overview?timezone=localtime", 400, "timezone 'localtime' is none"),
        ("overview?timezone=Factory", 400, "timezone 'Factory' is none"),
        ("overview?from=0001-01-01&to=0001-01-02&compare=yes", 400, "to '0001-01-02' is no date"),
        ("overview?to=0001-01-01", 400, "to '0001-01-01' is no date"),
        ("retention?from=9999-12-01&to=9999-12-31", 400, "to '9999-12-31' is no date"),
        ("timeseries?granularity=year", 400, "none of hour, day, week, month"),
        ("timeseries?granularity=hour&from=2020-01-01", 400, "more than 10000 points"),
        ("top-products?sort=luck", 400, "none of views, viewers"),
        ("top-products?limit=0", 400, "no number from 1 to"),
        ("overview?after=here", 400, "Invalid after"),
        ("overview?last=1000w&last=1d", 400, "last is given twice"),
        ("overview?last=99999d", 400, "20 years at most"),
        ("overview?device=", 400, "device is empty"),
        ("overview?country=Germany", 400, "country 'Germany' is not two letters"),
        ("visitor", 400, "needs uuid or customer_id"),
        ("visitor?uuid=nobody", 404, "Nobody is known"),
        ("visitor?uuid=nobody&customer_id=1", 400, "not both"),
        ("visitor?uuid=", 400, "uuid is empty"),
    ],
)
def test_what_is_asked_wrongly_is_told_with_what_there_is(shop: Shop, path: str, status: int, words: str) -> None:
    answer = shop.patiently("GET", f"/api/v1/reports/{path}")
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_filters_may_come_several_times_and_nothing_comes_in_the_address_and_the_body(shop: Shop) -> None:
    position = shop.send(*(event(uuid=device, product_id="5", device=device) for device in ("mobile", "tablet", "desktop")))
    several = shop.patiently("GET", f"/api/v1/reports/overview?device=mobile&device=tablet&after={position}")
    assert several.json()["data"]["events"] == 2
    by_command = command(
        "report", "overview", "device=mobile", "device=tablet", "--shop", shop.name, "--json", data=shop.running.data
    )
    assert json.loads(by_command.stdout) == several.json()
    both = shop.patiently("POST", "/api/v1/reports/overview?device=mobile", json={"device": "tablet"})
    assert (both.status_code, "in the query string and in the body" in both.json()["error"]) == (400, True)
    twice = shop.patiently("POST", "/api/v1/sql?sql=select+1&sql=select+2")
    assert (twice.status_code, "sql is given twice" in twice.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("overview", "last=7d", "last=1d"), "last is given twice"),
        (("overview", "--orders", __file__), "--orders is of the report reconciliation"),
        (("overview", "--csv", "--json"), "not both"),
        (("nothing",), "'overview'"),
    ],
)
def test_the_command_refuses_what_would_be_ignored(shop: Shop, options: tuple[str, ...], words: str) -> None:
    done = command("report", *options, "--shop", shop.name, data=shop.running.data, check=False)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        (name, parameters)
        for name in sorted(set(REPORTS) - {"visitor", "reconciliation", "data-health"})
        for parameters in ({}, {"breakdown": "device"}, {"group": "vendor"}, {"viewers": "no"})
        if set(parameters) <= set(REPORTS[name])
    ],
)
def test_a_report_has_the_same_columns_in_csv_whether_there_are_rows_or_none(
    shop: Shop, name: str, parameters: dict[str, str]
) -> None:
    def columns() -> tuple[str, int]:
        asked = {**parameters, "format": "csv", "after": position}
        head, *rows = shop.patiently("GET", f"/api/v1/reports/{name}", params=asked).text.splitlines()
        return head, len(rows)

    position = ""
    before, _ = columns()
    named = event(uuid="u1", verb="viewed", noun="widget", defined_noun_id="w")
    position = shop.send(
        event(uuid="u1", device="mobile"), event(uuid="u1", verb="searched", noun="term", defined_noun_id="hat"), named
    )
    after, rows = columns()
    assert before == after
    assert "," in before
    assert rows or parameters.get("group") == "vendor", "no product has a vendor without a catalog"


def test_funnels_by_visitor_compare_and_take_any_text_as_a_filter(shop: Shop) -> None:
    url = "https://shop.example/?utm_source=a%3Bb"
    position = shop.send(*(event(uuid="u1", verb=verb, product_id="5", url=url) for verb in ("viewed", "added")))
    asked = {"by": "visitor", "compare": "yes", "source": "a;b", "after": position}
    funnel = shop.report("funnel", **asked)
    assert [step["count"] for step in funnel["steps"]] == [1, 1, 0]
    assert [step["count"] for step in funnel["previous"]["steps"]] == [0, 0, 0]


@pytest.mark.parametrize("name", sorted(name for name, takes in REPORTS.items() if "compare" in takes))
def test_what_is_compared_is_in_csv_as_well_or_refused(shop: Shop, name: str) -> None:
    position = shop.send(event(uuid="u1", device="mobile", product_id="5"))
    asked = {"compare": "yes", "last": "2d", "format": "csv", "after": position}
    answer = shop.patiently("GET", f"/api/v1/reports/{name}", params=asked)
    if name in ("search", "widgets"):
        assert (answer.status_code, "ask for JSON" in answer.json()["error"]) == (400, True)
        return
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    if name == "top-products":
        assert (rows[0]["views"], rows[0]["previous_views"], rows[0]["previous_viewers"]) == ("1", "0", "0")
        return
    by_window = {window: [row for row in rows if row["window"] == window] for window in ("current", "previous")}
    assert len(rows) == sum(map(len, by_window.values()))
    assert len(by_window["current"]) == len(by_window["previous"]) > 0
    assert by_window["current"] != by_window["previous"]


def test_filters_take_products_devices_and_sources_as_reports_show_them(shop: Shop) -> None:
    search = {"url": "https://shop.example/", "referrer": "https://www.google.com/"}
    robots = {"User-Agent": ""}
    batch = [event(uuid="u1", product_handle="hat", product_id=None, **search), event(uuid="u2", product_id="5")]
    sent = httpx.post(
        f"{shop.running.url}/api/v2/analytics/event/bulk", params={"key": shop.public}, json=batch, headers=robots, timeout=60
    )
    position = sent.headers["footfall-position"]
    for filters, events in (
        ({"product": "h:hat"}, 1),
        ({"product": "p:5"}, 1),
        ({"product": "h:hat,5"}, 2),
        ({"device": "unknown"}, 2),
        ({"country": "unknown"}, 2),
        ({"source": "www.google.com"}, 1),
        ({"source": "google.com,direct"}, 2),
    ):
        assert shop.report("overview", after=position, **filters)["events"] == events, filters


@pytest.mark.parametrize("named", ["1", "cap", "11", "12", "p:1", "v:11", "gid://shopify/ProductVariant/11"])
def test_a_filter_by_any_name_of_a_product_takes_all_its_events(shop: Shop, named: str) -> None:
    names: list[dict[str, Any]] = [
        {"product_id": "1", "product_handle": "cap"},
        {"product_id": None, "product_handle": "cap"},
        {"product_id": None, "shopify_variant_id": "11"},
        {"product_id": "1", "shopify_variant_id": "12"},
        {"product_id": "1", "shopify_variant_id": "11"},
        {"product_id": "2", "shopify_variant_id": "21"},
    ]
    position = shop.send(*(event(uuid=f"u{number}", **fields) for number, fields in enumerate(names)))
    assert shop.report("overview", after=position, product=named)["views"] == 5


def test_products_with_as_many_viewers_come_in_the_order_of_their_names(shop: Shop) -> None:
    position = shop.send(*(event(uuid=f"u{number}", product_id=str(number)) for number in (9, 3, 7, 1, 5, 2)))
    found = shop.report("top-products", sort="viewers", limit="4", after=position)
    assert [row["product"] for row in found] == ["p:1", "p:2", "p:3", "p:5"]


def test_a_purchase_is_theirs_who_owned_its_visitor_then(shop: Shop) -> None:
    at = int(time.time() * 1000) - 600_000

    def acted(minute: int, **more: Any) -> dict[str, Any]:
        return event(uuid="u1", product_id="5", event_time=at + minute * 60_000, **more)

    position = shop.send(
        acted(0, customer_id="71"), acted(1, customer_id="72"), acted(2, verb="purchased", order_id="o1", price="5.00")
    )
    first, second = (shop.report("visitor", customer_id=customer, after=position) for customer in ("71", "72"))
    assert [(one["orders"], one["revenue"]) for one in (first, second)] == [(0, "0.00"), (1, "5.00")]


def test_a_term_with_a_point_is_one_also_where_it_is_clicked(shop: Shop) -> None:
    clicked = {"verb": "clicked-to-pdp-from", "noun": "search-result", "product_id": "55"}
    position = shop.send(
        event(uuid="u1", verb="searched", noun="term", defined_noun_id="USB 2.0"),
        event(uuid="u1", defined_noun_id="usb 2.0", **clicked),
        event(uuid="u1", defined_noun_id="usb 2.0.55", **clicked),
    )
    terms = shop.report("search", after=position)["terms"]
    assert [(row["term"], row["searches"], row["clicks"]) for row in terms] == [("usb 2.0", 1, 2)]


@pytest.mark.parametrize("price", ["999999999999999.99", "100000000000000.00", "99999999999999.9999"])
def test_a_price_of_any_size_that_the_catalog_takes_ends_no_figures(shop: Shop, price: str) -> None:
    product = {"id": 7, "handle": "dear", "title": "Dear", "variants": [{"id": 70, "price": price}]}
    put = shop.ask("PUT", "/api/v1/catalog/products", json=[product])
    assert put.status_code == 200, put.text
    assert shop.report("overview", after=shop.send(event(uuid="u1", product_id="7")))["events"] == 1
    # A column holds 14 digits before the point.
    assert shop.rows("select price::varchar from products") == [[price if price.endswith("9999") else None]]


def test_a_report_that_is_too_large_is_refused_and_nothing_else_suffers() -> None:
    large = {f"field{number}": "x" * 900 for number in range(20)}
    # With the memory that a shop has alone: with less it is refused for that.
    with directory() as path, server(path / "data") as started:
        shop = Shop(started, "large")
        for _ in range(20):
            position = shop.send(*(event(uuid="big", meta=large) for _ in range(100)))
        answer = shop.patiently("GET", "/api/v1/reports/visitor", params={"uuid": "big", "limit": "10000", "after": position})
        assert (answer.status_code, "more than 32 MB" in answer.json()["error"]) == (400, True), answer.text[:300]
        assert len(shop.report("visitor", uuid="big", limit="3")["timeline"]) == 3


def test_sparklines_have_a_bound(shop: Shop) -> None:
    answer = shop.ask("GET", "/api/v1/reports/top-products", params={"limit": "10000", "last": "1000d"})
    assert (answer.status_code, "Ask for fewer rows" in answer.json()["error"]) == (400, True)


def test_figures_within_figures_are_columns_of_the_tables_that_the_command_prints(shop: Shop) -> None:
    shop.report("overview", after=shop.send(event(uuid="u1", device="mobile"), event(uuid="u2", device="desktop")))
    by_device = command("report", "funnel", "breakdown=device", "--shop", shop.name, data=shop.running.data).stdout
    assert [line.split()[:3] for line in by_device.splitlines() if "viewed" in line] == [
        ["viewed", "2", "1.0"],
        ["desktop", "viewed", "1"],
        ["mobile", "viewed", "1"],
    ]
    weeks = command("report", "retention", "last=2w", "--shop", shop.name, data=shop.running.data).stdout
    assert "[" not in by_device + weeks
    compared = command("report", "top-products", "compare=yes", "--shop", shop.name, data=shop.running.data).stdout
    assert "previous views" in compared
    assert "█" in compared
    twice = command("report", "funnel", "compare=yes", "device=mobile", "--shop", shop.name, data=shop.running.data).stdout
    assert "(UTC), USD, device mobile" in twice
    assert "previous steps" in twice
    empty = command("report", "top-products", "product=none", "--shop", shop.name, data=shop.running.data).stdout
    assert "No rows." in empty


def test_numbers_with_very_many_digits_and_objects_for_texts_are_refused(shop: Shop) -> None:
    digits = "0" * 9 + "9" * 5_000
    for answer, words in (
        (shop.sql("select 1", limit=digits), "limit is a number"),
        (shop.sql("select 1", limit="000000001999999"), "limit is a number"),
        (shop.ask("GET", "/api/v1/events/stream", params={"last": digits}), "last"),
        (shop.ask("POST", "/api/v1/reports/overview", json={"device": {"a": 1}}), "device takes texts"),
        (shop.ask("POST", "/api/v1/reports/overview", json={"device": [["mobile"]]}), "device takes texts"),
    ):
        assert answer.status_code == 400
        assert words in answer.json()["error"]


def test_reports_and_sql_need_the_secret_key(shop: Shop) -> None:
    for method, path in (("GET", "/api/v1/reports/overview"), ("POST", "/api/v1/sql"), ("GET", "/api/v1/reports")):
        answer = httpx.request(method, f"{shop.running.url}{path}", params={"key": shop.public}, timeout=60)
        assert answer.status_code == 401
        assert "secret key" in answer.json()["error"]
        # As Bearer it gets no advice that leads to the next refusal.
        bearer = {"Authorization": f"Bearer {shop.public}"}
        answer = httpx.request(method, f"{shop.running.url}{path}", headers=bearer, timeout=60)
        assert answer.status_code == 401
        assert "this needs the shop's secret key" in answer.json()["error"]


# --- SQL -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "insert into events select * from events",
        "update sessions set events = 0",
        "delete from store.events",
        "drop view events",
        "create table t as select 1",
        "attach '/tmp/other.duckdb'",
        "copy (select 1) to '/tmp/out.csv'",
        "export database '/tmp/out'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '8GB'",
        "pragma database_list",
        "call duckdb_tables()",
        "begin",
        "select 1; select 2",
        "select 1; drop view events",
        "explain analyze select 1",
        "select * from store.events",
        "select * from information_schema.tables",
        "select * from duckdb_settings()",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from '/etc/passwd'",
        "select * from 'log.db'",
        "select * from sqlite_scan('log.db', 'events')",
        "from (select * from (values (1)) v, read_blob('/etc/passwd'))",
        "select (select max(value) from store.facts)",
        "with events as (select * from store.people) select * from events",
        "select * from query('select 1')",
        "select * from query_table('store.people')",
        "select getenv('HOME')",
        "select current_setting('temp_directory')",
        "select * from pragma_table_info('store.events')",
        "values (1), (2) union all select count(*) from store.people",
        "select 1 from events where position in (select name from store.facts)",
        "with sqlite_master as (select * from sqlite_master) select * from sqlite_master",
        "with a as (select * from pg_tables), pg_tables as (select 1) select * from a",
        "select " + "(" * 400 + "1" + ")" * 400 + " from (select * from sqlite_master)",
        "select " + "1 + (" * 3000 + "1" + ")" * 3000,
        "select json_serialize_plan('select min(hash) from store.people', optimize := true)",
        "select json_serialize_sql('select 1')",
        "select current_query()",
        "select current_database()",
        "select txid_current()",
        "select pg_conf_load_time()",
        "select has_table_privilege('x', 'y')",
        "select sum(x) over (order by pg_sleep(1)) from range(2) t(x)",
        "with recursive sqlite_master as (from sqlite_master union all from sqlite_master where false) from sqlite_master",
        "with recursive pg_settings as (from pg_settings union from pg_settings) select count(*) from pg_settings",
        "select 1 from " + ", ".join(f"range(2) r{n}" for n in range(100)),
        "select " + ".".join("a" * 100) + " from range(1) a",
        "describe events",
        "show tables",
        "",
        "no statement at all",
        "select * from events limit",
        "select nothing from events",
    ],
)
def test_a_statement_that_is_not_one_select_over_the_views_is_refused(shop: Shop, statement: str) -> None:
    answer = shop.sql(statement)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_a_select_over_the_views_answers_in_json_and_csv(shop: Shop) -> None:
    position = shop.send(event(uuid="u1", product_id="5"), event(uuid="u1", product_id="6", verb="added"))
    answer = shop.sql(
        "with v as (select verb from events) select verb, count(*) as n from v group by 1 order by 1", after=position
    )
    assert answer.json() == {
        "columns": [{"name": "verb", "type": "VARCHAR"}, {"name": "n", "type": "BIGINT"}],
        "rows": [["added", 1], ["viewed", 1]],
        "truncated": False,
    }
    table = shop.sql("select product, verb from events order by 1 -- with a remark", format="csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text == "product,verb\np:5,viewed\np:6,added\n"
    for ended in ("select 1;", "select 1 ; -- done", "select ';é' as a ;; /* ; */ --\n"):
        assert len(shop.rows(ended)) == 1, ended
    assert len(shop.sql("from range(10)", limit=3).json()["rows"]) == 3
    assert shop.sql("from range(10)", limit=3).json()["truncated"] is True
    recursive = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select sum(i)::int from n"
    assert shop.rows(recursive) == [[6]]
    assert shop.rows("with a as (select 1 as x), b as (select x + 1 as x from a) select * from b") == [[2]]
    joined = "select count(*) from sessions join visitors using (visitor) join purchases using (visitor), products, range(2)"
    assert shop.rows(joined) == [[0]]


def test_an_answer_that_has_not_all_rows_says_so_in_either_format_and_by_the_command(shop: Shop) -> None:
    for form in ("json", "csv"):
        cut, whole = (shop.sql("from range(10)", format=form, limit=limit) for limit in (3, 10))
        assert (cut.headers.get("footfall-truncated"), whole.headers.get("footfall-truncated")) == ("yes", None)
        limited = ("--format", form, "--limit", "3")
        done = command("sql", "from range(10)", "--shop", shop.name, *limited, data=shop.running.data)
        assert "These are the first 3 rows" in done.stderr
    assert shop.sql("from range(5000)", format="csv", limit=2100).text.count("\n") == 2101


def test_the_command_prints_csv_however_it_is_asked_for(shop: Shop) -> None:
    shop.report("overview", after=shop.send(event(uuid="u1")))
    asked = ("report", "overview", "--shop", shop.name)
    by_flag, by_parameter = (command(*asked, how, data=shop.running.data).stdout for how in ("--csv", "format=csv"))
    assert by_flag == by_parameter
    assert by_flag.startswith("events,visitors,")
    timeline = shop.ask("GET", "/api/v1/reports/visitor", params={"uuid": "u1", "format": "csv"}).text
    assert ",false," in timeline


def test_the_command_takes_a_remark_first_and_keeps_columns_of_one_name_apart(shop: Shop) -> None:
    statement = "-- a remark\nselect 1 as a, 2 as a, 3 as a_1, 4 as b"
    done = command("sql", statement, "--shop", shop.name, "--format", "json", data=shop.running.data)
    assert json.loads(done.stdout) == {"a": 1, "a_2": 2, "a_1": 3, "b": 4}


def test_what_is_no_number_is_null_in_json_and_a_text_that_says_so_stays(shop: Shop) -> None:
    statement = """select 1 / 0 as a, 'nan'::double as b, ['-inf'::float, 1.5] as c, 'NaN "Infinity' as d"""
    assert shop.rows(statement) == [[None, None, [None, 1.5], 'NaN "Infinity']]


def test_what_is_no_number_is_empty_in_csv_and_a_text_that_says_so_stays(shop: Shop) -> None:
    statement = """select 0 / 0 as a, '-nan'::double as b, 'inf'::float as c, 'nan' as d, 1.5::double as e"""
    assert shop.sql(statement, format="csv").text == "a,b,c,d,e\n,,,nan,1.5\n"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select cast(verb as integer) from events", "LINE 1: select cast"),
        ("select *\nfrom events where cast(verb as integer) = 1", "LINE 2: from events"),
        ("select *\nfrom events where nothing = 1", "LINE 2: from events"),
    ],
)
def test_what_is_wrong_with_a_statement_is_told_with_its_own_lines(shop: Shop, statement: str, words: str) -> None:
    shop.report("overview", after=shop.send(event(uuid="u1")))
    answer = shop.sql(statement)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text


def test_a_line_is_of_the_type_that_the_click_tells_to_which_it_is_attributed(shop: Shop) -> None:
    click = {"verb": "clicked", "noun": "widget", "uuid": "u1", "product_id": "5"}
    position = shop.send(
        event(**click, widget_id="first", meta={"attribution": "list.1"}),
        event(**click, widget_id="last"),
        event(uuid="u1", product_id="5", verb="purchased", price="10.00"),
    )
    found = shop.report("widgets", after=position)
    assert {row["widget"]: row["lines"] for row in found["widgets"]} == {"first": 0, "last": 1}
    assert {row["type"]: row["lines"] for row in found["types"]} == {"list.1": 0, None: 1}


def test_what_somebody_paid_in_several_currencies_is_not_added(shop: Shop) -> None:
    bought = {"verb": "purchased", "price": "10.00"}
    position = shop.send(
        event(**bought, uuid="u1", order_id="1", currency="USD"),
        event(**bought, uuid="u2", order_id="2", currency="USD"),
        event(**bought, uuid="u2", order_id="3", currency="EUR"),
        event(uuid="u3"),
    )
    told = shop.rows("select orders, revenue, currency from visitors order by visitor", after=position)
    assert told == [[1, 10.0, "USD"], [2, None, None], [0, 0.0, None]]


def test_what_needs_more_memory_than_there_is_is_told_so_and_nothing_else_suffers(shop: Shop) -> None:
    answer = shop.sql("select list(a.range * b.range) from range(100000) a, range(2000) b")
    assert answer.status_code == 400
    assert "memory" in answer.json()["error"]
    assert shop.rows("select 1") == [[1]]


def test_rows_that_need_more_memory_than_the_process_may_have_are_refused_and_it_starts_again() -> None:
    with directory() as path, server(path / "data") as running:
        shop = Shop(running, "wide")
        assert shop.rows("select 1") == [[1]]
        pid = analytics_process(running)
        # The engine does not count what it works on: of these rows alone it holds 8 GB at once.
        answer = shop.sql("select repeat('x', 4000000) as text from range(5000)")
        assert answer.status_code == 400
        assert "analytics_memory_mb" in answer.json()["error"]
        assert shop.rows("select count(*) from range(10)") == [[10]]
        assert analytics_process(running) not in (None, pid)


def test_the_first_by_viewers_are_found_though_others_are_viewed_more_often(shop: Shop) -> None:
    views = {"1": ["a"] * 7 + ["b", "c", "d"], "2": ["a", "b", "c", "d", "e", "f"], "3": ["a"] * 8, "4": ["a", "b"]}
    position = shop.send(*(event(uuid=uuid, product_id=product) for product, seen in views.items() for uuid in seen))
    for limit, expected in ((1, [("2", 6)]), (2, [("2", 6), ("1", 4)]), (4, [("2", 6), ("1", 4), ("4", 2), ("3", 1)])):
        parameters = {"sort": "viewers", "limit": str(limit), "after": position}
        found = shop.ask("GET", "/api/v1/reports/top-products", params=parameters).json()["data"]
        assert [(row["product_id"], row["viewers"]) for row in found] == expected


def test_an_answer_that_is_too_large_is_refused(shop: Shop) -> None:
    answer = shop.sql("select repeat('x', 1000) from range(90000)")
    assert answer.status_code == 400
    assert "export" in answer.json()["error"]


def test_a_statement_ends_when_its_client_goes_away_and_the_next_of_the_shop_has_its_turn(shop: Shop) -> None:
    with pytest.raises(httpx.ReadTimeout):
        shop.ask("POST", "/api/v1/sql", json={"sql": _ENDLESS}, timeout=1.0)
    # One at a time: this would wait half a minute behind the other.
    began = time.monotonic()
    assert shop.rows("select 42") == [[42]]
    assert time.monotonic() - began < 20


def test_a_statement_whose_body_came_late_ends_when_its_client_goes_away(shop: Shop) -> None:
    host, port = shop.running.url.removeprefix("http://").split(":")
    body = f'{{"sql": "{_ENDLESS}"}}'.encode()
    with socket.create_connection((host, int(port))) as raw:
        head = (
            f"POST /api/v1/sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        raw.sendall(head.encode())
        threading.Event().wait(0.2)
        raw.sendall(body)
        threading.Event().wait(0.5)
    began = time.monotonic()
    assert shop.rows("select 42") == [[42]]
    assert time.monotonic() - began < 20


# --- what may go wrong -----------------------------------------------------------------------------------------------


def test_a_process_that_is_killed_costs_the_question_and_nothing_else(shop: Shop) -> None:
    shop.report("overview", after=shop.send(event(uuid="u1")))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(shop.ask, "POST", "/api/v1/sql", json={"sql": _ENDLESS})
        threading.Event().wait(0.5)
        pid = analytics_process(shop.running)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        answer = asked.result()
    assert answer.status_code == 503
    assert "ended while it worked on this" in answer.json()["error"]
    position = shop.send(event(uuid="u2"))
    assert shop.report("overview", after=position)["events"] == 2
    assert analytics_process(shop.running) not in (None, pid)


def test_a_file_stays_where_it_is_when_somebody_asks_the_moment_the_process_is_back(running: Server) -> None:
    shop = Shop(running, "kept")
    shop.report("overview", after=shop.send(event(uuid="u1")))
    files = {path: path.stat().st_ino for path in (running.data / "analytics").glob("*.duckdb")}
    for _ in range(3):
        pid = analytics_process(running)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert shop.rows("select count(*) from events") == [[1]]
    assert {path: path.stat().st_ino for path in files} == files


def test_a_question_that_hears_nothing_does_not_keep_the_others_waiting() -> None:
    with directory() as path, server(path / "data") as running:
        shop, other = Shop(running, "one"), Shop(running, "other")
        assert (shop.rows("select 1"), other.rows("select 1")) == ([[1]], [[1]])
        pid = analytics_process(running)
        deaf = "select levenshtein(repeat('ab', 400000), repeat('ba', 400000))"
        for _ in range(4):
            with suppress(httpx.TimeoutException):
                shop.ask("POST", "/api/v1/sql", json={"sql": deaf}, timeout=0.5)
        assert other.rows("select 1") == [[1]]
        assert analytics_process(running) not in (None, pid)


def test_nothing_is_lost_or_counted_twice_however_often_the_process_is_killed(running: Server) -> None:
    shop = Shop(running, "killed")
    sent = 0
    position = ""
    for turn in range(30):
        batch = [event(uuid=f"u{n % 7}", product_id=str(n % 5)) for n in range(200)]
        position = shop.send(*batch)
        sent += len(batch)
        if turn % 5 == 4:
            pid = analytics_process(running)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
    until(lambda: shop.ask("GET", "/api/v1/reports/overview", params={"after": position}).status_code == 200)
    found = shop.report("overview", after=position)
    assert (found["events"], found["visitors"], found["sessions"]) == (sent, 7, 7)
    counted = "select count(*), count(distinct position), (select sum(events) from sessions)::int from events"
    assert shop.rows(counted) == [[sent, sent, sent]]


def test_a_file_made_anew_answers_the_same() -> None:
    with directory() as path, server(path / "data") as running:
        shop = Shop(running, "shop")
        people = [
            event(uuid=f"u{n % 9}", product_id=str(n % 4), customer_id=str(n % 3) if n % 2 else None) for n in range(300)
        ]
        position = shop.send(*people)
        reports = ("overview", "timeseries", "top-products", "funnel", "retention", "sessions", "search", "widgets")
        before = {name: shop.report(name, after=position) for name in reports}
        done = command("analytics", "rebuild", "--shop", "shop", data=running.data)
        assert "made anew" in done.stderr
        assert {name: shop.report(name) for name in reports} == before


def test_answers_of_a_file_are_forgotten_when_it_is_made_anew() -> None:
    with directory() as path:
        with server(path / "data") as started:
            shop = Shop(started, "changed")
            shop.report("overview", after=shop.send(*(event(uuid=f"u{number}") for number in range(5))))
            started.stop()
        file = next((path / "data" / "analytics").glob("*.duckdb"))
        with duckdb.connect(str(file)) as connection:
            connection.execute("DELETE FROM store.events WHERE position > 2")
        with server(path / "data") as started:
            shop.running, shop.url = started, started.url
            assert shop.report("overview")["events"] == 2
            command("analytics", "rebuild", "--shop", "changed", data=started.data)
            assert shop.report("overview")["events"] == 5


def test_a_damaged_file_is_set_aside_and_made_anew_and_said_so(tmp_path: Path) -> None:
    with directory() as path:
        log = path / "log"
        with server(path / "data") as running:
            shop = Shop(running, "shop")
            position = shop.send(*(event(uuid=f"u{n}") for n in range(50)))
            assert shop.report("overview", after=position)["events"] == 50
            running.stop()
        file = path / "data" / "analytics" / "1.duckdb"
        file.write_bytes(b"no database" * 2_000)
        with log.open("w") as errors:
            again = start_server(path / "data", errors=errors)
            try:
                shop.url = again.url
                assert shop.report("overview", after=position)["events"] == 50
            finally:
                again.stop()
        assert file.with_suffix(".damaged").exists()
        assert "analytics_file_set_aside" in log.read_text()


def test_a_file_of_another_log_is_made_anew() -> None:
    with directory() as path:
        with server(path / "one") as running:
            shop = Shop(running, "shop")
            shop.report("overview", after=shop.send(event(), event(), event()))
            running.stop()
        (path / "other" / "analytics").mkdir(parents=True)
        (path / "one" / "analytics" / "1.duckdb").rename(path / "other" / "analytics" / "1.duckdb")
        with server(path / "other") as running:
            other = Shop(running, "shop")
            assert other.report("overview", after=other.send(event()))["events"] == 1


def test_a_server_without_analytics_says_so_and_does_the_rest() -> None:
    with directory() as path:
        started = start_server(path / "data", environment={"FOOTFALL_ANALYTICS_MEMORY_MB": "0"})
        try:
            shop = Shop(started, "shop")
            shop.send(event(uuid="u1"))
            answer = shop.ask("GET", "/api/v1/reports/overview")
            assert (answer.status_code, answer.json()["error"]) == (503, ERRORS["NoAnalytics"].example)
            assert "retry-after" in answer.headers
            done = command("report", "overview", "--shop", "shop", data=started.data, check=False)
            assert "turned off" in done.stderr
            assert analytics_process(started) is None
        finally:
            started.stop()


# --- the command line ------------------------------------------------------------------------------------------------


def test_commands_work_without_a_server_too() -> None:
    with directory() as path:
        data = path / "data"
        with server(data, shop=True) as running:
            batch = [event(uuid=f"u{n % 3}", product_id="5") for n in range(20)]
            httpx.post(f"{running.url}/api/v2/analytics/event/bulk", params={"key": PUBLIC_KEY}, json=batch, timeout=60)
            running.stop()
        told = command(
            "sql",
            "select count(*) as n, count(distinct visitor) as v from events",
            "--shop",
            "shop",
            "--format",
            "json",
            data=data,
        )
        assert told.stdout == '{"n":20,"v":3}\n'
        assert command("sql", "from range(2)", "--shop", "shop", "--format", "csv", data=data).stdout == "range\n0\n1\n"
        table = command("report", "overview", "last=1d", "--shop", "shop", data=data).stdout
        assert re.search(r"events +20", table)
        lines = command(
            "report", "timeseries", "last=1d", "granularity=day", "--shop", "shop", "--csv", data=data
        ).stdout.splitlines()
        assert lines[0].startswith("start,events,views")
        assert len(lines) == 2
        wrong = command("sql", "drop view events", "--shop", "shop", data=data, check=False)
        assert (wrong.returncode, "must be a SELECT" in wrong.stderr) == (1, True)
        status = command("analytics", "status", "--json", data=data)
        assert '"behind":0' in status.stdout


def test_the_status_tells_the_size_of_a_file_with_what_is_not_worked_into_it_yet() -> None:
    with directory() as path, server(path / "data") as started:
        shop = Shop(started, "sized")
        shop.report("overview", after=shop.send(*(event(uuid=f"u{number}") for number in range(500))))
        files = list((path / "data" / "analytics").glob("*.duckdb*"))
        assert sorted(file.suffix for file in files) == [".duckdb", ".wal"]
        (row,) = json.loads(command("analytics", "status", "--json", data=started.data).stdout)
        assert row == {"shop": "sized", "behind": 0, "bytes": sum(file.stat().st_size for file in files)}

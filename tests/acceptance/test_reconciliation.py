"""Reconciliation: the shop's own orders beside those that are counted, and each difference with its cause."""

import gzip
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.acceptance.hooks import SECRET, signed
from tests.support import Server, command, directory, event, new_shop, server
from tests.unit.intake.order_tables import COLUMNS

_DAY: Final = {"from": "2026-03-10", "to": "2026-03-12"}


def order(number: int, *, day: int = 10, quantity: int = 1, price: str = "20.00", **more: Any) -> dict[str, Any]:
    """An order as webhooks tell it."""
    return {
        "id": 4_600_000_000_000 + number,
        "name": f"#{number}",
        "created_at": f"2026-03-{day}T1{number % 10}:00:00+00:00",
        "processed_at": f"2026-03-{day}T1{number % 10}:00:00+00:00",
        "updated_at": f"2026-03-{day}T1{number % 10}:00:00+00:00",
        "currency": "EUR",
        "line_items": [{"id": 10 * number, "product_id": 5, "variant_id": 50, "quantity": quantity, "price": price}],
        "refunds": [],
        **more,
    }


def row(number: int, *, day: int = 10, quantity: int = 1, price: str = "20.00", **more: str) -> dict[str, str]:
    """The same as the admin's CSV has it, without tax and shipping."""
    subtotal = f"{quantity * float(price):.2f}"
    return {
        "Name": f"#{number}",
        "Id": str(4_600_000_000_000 + number),
        "Email": "somebody@shop.example",
        "Financial Status": "paid",
        "Created at": f"2026-03-{day} 1{number % 10}:00:00 +0000",
        "Currency": "EUR",
        "Subtotal": subtotal,
        "Shipping": "0.00",
        "Taxes": "0.00",
        "Total": subtotal,
        "Lineitem quantity": str(quantity),
        "Lineitem name": "Thing",
        "Lineitem price": price,
        **more,
    }


def csv_of(*rows: dict[str, str]) -> bytes:
    lines = [",".join(COLUMNS), *(",".join(one.get(column, "") for column in COLUMNS) for one in rows)]
    return "\n".join(lines).encode()


class Shop:
    """A shop that was told of orders."""

    def __init__(self, running: Server, name: str) -> None:
        self.domain = f"{name}.myshopify.com"
        made = new_shop(running.data, name, domain=self.domain, currency="EUR", webhook_secret=SECRET)
        self.name, self.url, self.data = name, running.url, running.data
        self.public = made["public_key"]
        self.bearer = {"Authorization": f"Bearer {made['secret_key']}"}

    def hook(self, topic: str, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-Hmac-Sha256": signed(content),
            "Content-Type": "application/json",
        }
        answer = httpx.post(f"{self.url}/api/v1/webhooks/shopify", content=content, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text

    def claim(self, number: int, *, at: str, **more: str) -> None:
        """What a page tells of an order."""
        known = {"uuid": "u1", "verb": "purchased", "order_id": str(4_600_000_000_000 + number), "product_id": "5"}
        sent = event(event_time=at, **{**known, **more})
        answer = httpx.post(f"{self.url}/api/v2/analytics/event", params={"key": self.public}, json=sent, timeout=60)
        assert answer.status_code == 200, answer.text

    def ask(self, body: bytes, **parameters: str) -> httpx.Response:
        """The report, once analytics has everything."""
        command("sql", "select 1", "--shop", self.name, data=self.data)
        return httpx.post(
            f"{self.url}/api/v1/reports/reconciliation",
            params={**_DAY, **parameters},
            content=body,
            headers=self.bearer,
            timeout=60,
        )

    def compared(self, *rows: dict[str, str]) -> Any:
        answer = self.ask(csv_of(*rows))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with directory() as path, server(path / "data") as started:
        yield started


_NUMBERS = count(1)


@pytest.fixture
def shop(running: Server) -> Shop:
    """A shop of this test's own."""
    return Shop(running, f"shop-{next(_NUMBERS)}")


def causes(told: Any) -> dict[str, tuple[int, int, str]]:
    return {cause["cause"]: (cause["orders"], cause["units"], cause["revenue"]) for cause in told["causes"]}


def test_orders_that_are_the_same_on_both_sides_differ_in_nothing(shop: Shop) -> None:
    for number in (1, 2):
        shop.hook("orders/create", order(number, day=9 + number, quantity=number))
    told = shop.compared(row(1), row(2, day=11, quantity=2))
    assert told["export"] == told["footfall"] == {"orders": 2, "units": 3, "revenue": "60.00"}
    assert (told["causes"], told["orders"], told["unread"]) == ([], [], [])
    assert [(day["day"], day["footfall"]["revenue"]) for day in told["days"]] == [
        ("2026-03-10", "20.00"),
        ("2026-03-11", "40.00"),
    ]


def test_each_difference_has_its_cause_and_all_of_them_add_up(shop: Shop) -> None:
    shop.hook("orders/create", order(1))
    back = [
        {
            "id": 1,
            "created_at": "2026-03-11T08:00:00Z",
            "refund_line_items": [{"line_item_id": 20, "quantity": 1, "subtotal": "20.00"}],
        }
    ]
    shop.hook("orders/updated", order(2, quantity=3) | {"refunds": back, "updated_at": "2026-03-11T08:00:00Z"})
    shop.hook("orders/create", order(3, test=True))
    shop.hook("orders/create", order(4, price="30.00"))
    shop.hook("orders/create", order(5))
    shop.claim(6, at="2026-03-10T16:00:00Z", price="20.00")
    shop.hook("orders/create", order(9, day=11))
    rows = [
        row(1, Shipping="5.00", Taxes="4.00", Total="29.00"),
        row(2, quantity=3),
        row(3),
        row(4, price="25.00"),
        row(6),
        row(7),
        row(8, day=11, Currency="USD"),
        row(10, day=20),
        row(9, day=11),
        {**row(19, day=11), "Created at": "2026-03-11 23:00:00 +0000"},
        {**row(20, day=11), "Id": ""},
    ]
    told = shop.compared(*rows)
    assert causes(told) == {
        "missing": (1, 1, "20.00"),
        "not_yet_delivered": (1, 1, "20.00"),
        "claimed_only": (1, 1, "20.00"),
        "test": (1, 1, "20.00"),
        "other_currency": (1, 1, "0.00"),
        "refunded": (0, 1, "20.00"),
        "tax": (0, 0, "4.00"),
        "shipping": (0, 0, "5.00"),
        "not_in_export": (-1, -1, "-20.00"),
        "without_id": (1, 1, "20.00"),
        "unexplained": (0, 0, "-5.00"),
    }
    assert told["export"] == {"orders": len(rows) - 1, "units": len(rows) + 1, "revenue": "234.00"}
    assert told["other_currencies"] == {"USD": {"orders": 1, "units": 1, "revenue": "20.00"}}
    assert told["outside"] == 1
    counted = httpx.get(f"{shop.url}/api/v1/reports/overview", params=_DAY, headers=shop.bearer, timeout=60).json()["data"]
    assert told["footfall"] == {name: counted[name] for name in ("orders", "units", "revenue")}
    assert told["orders"][0]["cause"] == "unexplained", "what has no cause is shown first"


def test_what_a_page_claims_of_an_order_that_is_more_than_a_claim_counts_for_nothing(shop: Shop) -> None:
    at = "2026-03-10T11:00:00Z"
    fact = event(uuid="u1", verb="purchased", order_id=str(4_600_000_000_001), product_id="5", price="20.00", event_time=at)
    sent = httpx.post(
        f"{shop.url}/api/v2/analytics/event", json={**fact, "shopify_variant_id": "51"}, headers=shop.bearer, timeout=60
    )
    assert sent.status_code == 200
    shop.claim(1, at=at, price="100.00", shopify_variant_id="52")
    told = shop.compared(row(1))
    assert causes(told) == {}
    counted = httpx.get(f"{shop.url}/api/v1/reports/overview", params=_DAY, headers=shop.bearer, timeout=60).json()["data"]
    assert told["footfall"] == {name: counted[name] for name in ("orders", "units", "revenue")}


def test_who_only_looked_at_an_order_is_not_who_placed_it(shop: Shop) -> None:
    shop.claim(1, at="2026-03-10T11:00:00Z", verb="viewed")
    shop.hook("orders/create", order(1))
    assert shop.compared(row(1))["footfall"]["orders"] == 1
    told = command("sql", "select visitor from purchases", "--shop", shop.name, "--format", "json", data=shop.data)
    assert told.stdout == '{"visitor":null}\n'


def test_an_export_that_comes_right_after_the_start_is_compared(tmp_path: Path) -> None:
    with server(tmp_path / "data") as first:
        Shop(first, "early")
    with server(tmp_path / "data") as again:
        made = json.loads(command("shop", "rotate-key", "early", "--json", data=again.data).stdout)
        answer = httpx.post(
            f"{again.url}/api/v1/reports/reconciliation",
            params=_DAY,
            content=csv_of(row(1)),
            headers={"Authorization": f"Bearer {made['secret_key']}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        assert causes(answer.json()["data"])["not_yet_delivered"] == (1, 1, "20.00")


def test_what_is_newest_and_what_is_a_claim_is_judged_by_everything_that_was_told_not_by_the_window(shop: Shop) -> None:
    shop.hook("orders/create", order(1, day=20))
    shop.claim(2, at="2026-03-10T12:00:00Z", price="20.00")
    told = shop.compared(row(2), row(3))
    assert causes(told) == {"missing": (1, 1, "20.00"), "claimed_only": (1, 1, "20.00")}


def test_an_order_before_the_last_claim_is_missing_where_claims_are_all_there_is(shop: Shop) -> None:
    shop.claim(2, at="2026-03-10T19:00:00Z", price="20.00")
    told = shop.compared(row(2), row(3), row(4, day=11))
    assert {cause: orders for cause, (orders, _, _) in causes(told).items()} == {"missing": 1, "not_yet_delivered": 1}


def test_lines_without_a_product_are_told_apart(shop: Shop) -> None:
    tip = {"id": 99, "product_id": None, "variant_id": None, "quantity": 1, "price": "3.50", "title": "Tip"}
    with_tip = order(1)
    with_tip["line_items"].append(tip)
    shop.hook("orders/create", with_tip)
    shop.hook("orders/create", order(2) | {"line_items": [tip]})
    tip_row = {
        **dict.fromkeys(row(1), ""),
        "Name": "#1",
        "Lineitem quantity": "1",
        "Lineitem name": "Tip",
        "Lineitem price": "3.50",
    }
    told = shop.compared(row(1, Subtotal="23.50", Total="23.50"), tip_row, row(2, price="3.50"))
    assert causes(told) == {"without_product": (1, 2, "7.00")}
    assert told["footfall"] == {"orders": 1, "units": 1, "revenue": "20.00"}


def test_an_export_comes_as_csv_as_json_and_packed(shop: Shop) -> None:
    shop.hook("orders/create", order(1))
    as_json = json.dumps({"orders": [order(1, subtotal_price="20.00", total_price="20.00")]}).encode()
    answers = [
        shop.ask(body).json()["data"]["difference"] for body in (csv_of(row(1)), gzip.compress(csv_of(row(1))), as_json)
    ]
    assert answers == [{"orders": 0, "units": 0, "revenue": "0.00"}] * 3
    flat = shop.ask(csv_of(row(1)), format="csv").text.splitlines()
    assert flat[0].startswith("day,export_orders,export_units,export_revenue,footfall_orders")
    assert flat[1].startswith("2026-03-10,1,1,20.00,1,1,20.00,0,0,0.00")


def test_what_is_no_export_is_refused_and_rows_that_cannot_be_read_are_told(shop: Shop) -> None:
    wrong = shop.ask(b"PK\x03\x04 a spreadsheet")
    assert wrong.status_code == 400
    assert "export" in wrong.json()["error"]
    assert shop.ask(b"").status_code == 400
    for nothing in (csv_of(), csv_of(row(1)).replace(b"\n", b"")):
        assert "no order in this export" in shop.ask(nothing).json()["error"]
    assert httpx.get(f"{shop.url}/api/v1/reports/reconciliation", headers=shop.bearer, timeout=60).status_code == 400
    broken = shop.compared(row(1), {**row(2), "Created at": "soon"})
    assert [line["line"] for line in broken["unread"]] == [3]
    hidden = shop.ask(csv_of(row(1), {**row(2), "Created at": "soon"}), format="csv")
    assert (hidden.status_code, "Line 3 of this export" in hidden.json()["error"]) == (400, True)
    assert list((shop.data / "analytics" / "sent").glob("*")) == []


def test_the_command_compares_a_file(shop: Shop, tmp_path: Path) -> None:
    shop.hook("orders/create", order(1))
    export = tmp_path / "orders.csv"
    export.write_bytes(csv_of(row(1), row(2)))
    window = [f"{name}={value}" for name, value in _DAY.items()]
    done = command("report", "reconciliation", *window, "--orders", str(export), "--shop", shop.name, "--json", data=shop.data)
    assert causes(json.loads(done.stdout)["data"]) == {"not_yet_delivered": (1, 1, "20.00")}
    without = command("report", "reconciliation", *window, "--shop", shop.name, data=shop.data, check=False)
    assert (without.returncode, "needs an export" in without.stderr) == (1, True)
    shown = command("report", "reconciliation", *window, "--orders", str(export), "--shop", shop.name, data=shop.data).stdout
    assert "export orders" in shown
    assert "{" not in shown
    export.write_bytes(b"")
    empty = command("report", "reconciliation", "--orders", str(export), "--shop", shop.name, data=shop.data, check=False)
    assert "an empty file" in empty.stderr

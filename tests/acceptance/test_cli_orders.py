"""Past orders with the command line: every shape told by its content, idempotent, every bad order told with its line."""

import gzip
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footfall.intake import order_files
from footfall.order import Order
from tests.support import command, directory, new_shop, run, running, server
from tests.unit.catalog.shapes import ADMIN, CSV
from tests.unit.catalog.shapes import BULK as PRODUCTS_BULK
from tests.unit.intake.order_shapes import BULK, NODE, REST
from tests.unit.intake.order_tables import EXPORTED, rows_of, table

OTHER = {**REST, "id": 4500000000002, "admin_graphql_api_id": "gid://shopify/Order/4500000000002"}

FILES = {
    "orders.json": json.dumps({"orders": [REST, OTHER]}, indent=2),
    "list.json": json.dumps([REST, OTHER]),
    "one.json": json.dumps(REST),
    "lines.jsonl": json.dumps(REST) + "\n" + json.dumps(OTHER) + "\n",
    "pages.jsonl": json.dumps({"orders": [REST]}) + "\n\n" + json.dumps({"orders": [OTHER]}) + "\n",
    "bulk.jsonl": "".join(json.dumps(line) + "\n" for line in BULK),
    "nodes.json": json.dumps({"data": {"orders": {"edges": [{"node": NODE}]}}}),
    "nodes.jsonl": json.dumps(NODE) + "\n",
}


@pytest.fixture
def data() -> Iterator[Path]:
    with directory() as path:
        new_shop(path / "data", "my-shop")
        yield path / "data"


def imported(data: Path, file: Path | str, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    line = ("import", str(file), "--shop", "my-shop", "--format", "shopify-orders", *more)
    return command(*line, data=data, check=check)


def stored(data: Path, *ids: str) -> list[Order | None]:
    """The orders of the first shop."""

    async def scenario() -> list[Order | None]:
        async with running(data) as shop:
            found = shop.service.shops.by_name("my-shop")
            assert found is not None
            return [shop.service.order_intake._known.order(found.id, name) for name in ids]

    orders: list[Order | None] = run(scenario())
    return orders


@pytest.mark.parametrize(("name", "packed"), list(zip(FILES, itertools.cycle([False, True]), strict=False)))
def test_a_file_of_every_shape_is_told_by_its_content_and_again_changes_nothing(data: Path, name: str, packed: bool) -> None:
    file = data.parent / (name + ".gz" * packed)
    text = FILES[name].encode()
    file.write_bytes(gzip.compress(text) if packed else text)
    tally = json.loads(imported(data, file, "--json").stdout)
    assert (tally["created"], tally["rejected"]) == (1 if "one" in name or "node" in name or "bulk" in name else 2, 0)
    assert json.loads(imported(data, file, "--json").stdout)["unchanged"] == tally["created"]
    (order,) = stored(data, "4500000000001")
    assert order is not None
    assert isinstance(order.lines, list)
    assert [(line.quantity, line.price) for line in order.lines] == [(2, "19.90"), (1, "5.00")]
    assert [refund.lines[0].amount for refund in order.refunds] == ["18.90"]


def test_a_first_line_longer_than_what_is_looked_at_is_read_as_well(data: Path) -> None:
    long = {**REST, "note": "n" * 100_000}
    for name, lines in {"rest.jsonl": [long, OTHER], "bulk.jsonl": [{**BULK[0], "note": "n" * 100_000}, *BULK[1:]]}.items():
        file = data.parent / name
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert json.loads(imported(data, file, "--json").stdout)["rejected"] == 0, name


def test_orders_come_from_standard_input_and_beside_a_server(data: Path) -> None:
    with server(data):
        line = ("import", "-", "--shop", "my-shop", "--format", "shopify-orders", "--data", str(data))
        done = subprocess.run(
            [sys.executable, "-m", "footfall", *line],
            input=FILES["orders.json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "2 orders new" in done.stdout
    assert None not in stored(data, "4500000000001", "4500000000002")


def test_a_bad_order_is_told_with_line_and_reason_and_the_rest_is_imported(data: Path) -> None:
    file = data.parent / "some.jsonl"
    lines: list[Any] = [REST, {**REST, "currency": "euros"}, {"line_items": []}, OTHER]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n5\n")
    done = imported(data, file)
    for said in ("line 2: currency is 'euros'", "line 3: id is None", "line 5: it is not valid JSON", "line 6: It must be"):
        assert said in done.stderr
    assert "2 orders new" in done.stdout
    assert "4 could not be read" in done.stdout
    file.write_text(json.dumps({**REST, "currency": "euros"}))
    assert imported(data, file, check=False).returncode == 1


def test_a_bulk_line_that_belongs_to_nothing_is_told(data: Path) -> None:
    file = data.parent / "bulk.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in [*BULK, {"id": "x", "__parentId": "gid://shopify/Order/9"}]))
    assert "line 5: it belongs to 'gid://shopify/Order/9'" in imported(data, file).stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps({"products": [ADMIN]}), "looks like products. --format shopify-orders reads orders of the Admin API"),
        (json.dumps([ADMIN]), "`footfall catalog import` reads products."),
        ("".join(json.dumps(line) + "\n" for line in PRODUCTS_BULK), "a GraphQL bulk operation over Product"),
        (CSV, "looks like a product CSV. --format shopify-orders reads orders of the Admin API"),
        (CSV, "`footfall catalog import` reads products."),
        (
            table(rows_of(EXPORTED)),
            "exports, which names no product, variant or line by its id: `footfall report",
        ),
        ('{"subject":"user","verb":"viewed","noun":"product"}\n', "looks like events."),
        ('{"subject":"user","verb":"viewed","noun":"product"}\n', "Events are read by --format jsonl."),
        ("hello", "looks like plain text"),
        ('{"a":1}', "looks like JSON of something else"),
        ("[]", "looks like empty JSON"),
        ('{"orders": [', "not valid JSON"),
        ("PAR1", "looks like parquet"),
    ],
)
def test_another_file_says_what_it_looks_like(data: Path, text: str, said: str) -> None:
    (data.parent / "file").write_text(text)
    done = imported(data, data.parent / "file", check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [("--map", "uuid=visitor"), ("--set", "subject=user"), ("--source", "june")])
def test_what_means_nothing_for_orders_is_refused(data: Path, more: tuple[str, str]) -> None:
    (data.parent / "orders.json").write_text(FILES["orders.json"])
    done = imported(data, data.parent / "orders.json", *more, check=False)
    assert done.returncode == 2
    assert "Orders have fields and ids of their own" in done.stderr


def test_what_has_no_lines_is_no_order_and_an_order_may_have_none(data: Path) -> None:
    bare = {"id": 1, "order_number": 1001, "processed_at": "2025-06-01T10:00:00Z"}
    (data.parent / "bare.json").write_text(json.dumps([bare, {**bare, "id": 2, "line_items": []}]))
    done = imported(data, data.parent / "bare.json")
    assert "An order needs line_items." in done.stderr
    assert "1 order new" in done.stdout
    assert order_files._orders_of({"orders": {"nodes": [NODE]}}) == [NODE]

"""The page on reports holds: each of its queries gives what the report answers, and every figure has one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from footfall.api.openapi_report_schemas import REPORT_SCHEMAS, SCHEMA_OF
from footfall.projections.analytics.asking import REPORTS
from tests.acceptance.varied_shop import CLAIMS, ORDERS, VariedShop, varied_shop
from tests.report_queries import PAGE, POSITION, QUERIES, WINDOW, Query, comparable, rows_of

_OF_THE_SERVER: Final = {
    "overview": {"currency"},
    "search": {"searches", "zero_results", "clicks", "adds", "terms_searched"},
    "retention": {"cohorts.rates"},
    "visitor": {"customer_id", "uuids", "timeline"},
    "reconciliation": {
        "export",
        "footfall",
        "difference",
        "causes",
        "days",
        "orders",
        "unread",
        "other_currencies",
        "outside",
    },
    "data-health": {
        *("accepted", "duplicate", "rejected", "warnings", "placeholder_identities", "left_out", "lag", "disk_bytes_left"),
    },
}
"""What no query makes, by report: settings, ids, files and counters of the server, sums and lists of what queries make."""
_SAME_AGAIN: Final = {"previous", "change", "breakdown"}


@pytest.fixture(scope="module", params=[ORDERS, CLAIMS])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VariedShop]:
    """One shop with orders, and one of which only pages told."""
    with varied_shop(tmp_path_factory.mktemp("varied"), kind=request.param) as made:
        yield made


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.report}-{query.place}-{query.parameters}")
def test_a_query_of_the_page_gives_what_the_report_answers(shop: VariedShop, query: Query) -> None:
    asked = {**WINDOW, **query.parameters}
    if query.report != "visitor":
        _compare(shop, query, asked)
        return
    for uuid in ("ann-phone", "bob", "shared"):
        of_visitor = query._replace(text=query.text.replace(POSITION, shop.positions[uuid]))
        _compare(shop, of_visitor, {**asked, "uuid": uuid})


def _compare(shop: VariedShop, query: Query, asked: Mapping[str, str]) -> None:
    found = shop.sql(query.text)
    columns = list(found[0])
    told = rows_of(shop.report(query.report, **asked), query)
    assert comparable(found, columns) == comparable(told, columns)


def test_every_figure_of_a_report_has_its_query(shop: VariedShop) -> None:
    made: dict[str, set[str]] = {report: set() for report in REPORTS}
    for query in QUERIES:
        columns = shop.sql(query.text.replace(POSITION, shop.positions["bob"]))[0]
        made[query.report] |= {f"{query.place}.{column}".lstrip(".") for column in columns} | {query.place}
    for report in REPORTS:
        assert _figures(report) - made[report] == _OF_THE_SERVER.get(report, set()), report


def _figures(report: str) -> set[str]:
    """The figures of an answer; those of the rows in it with the name of their list before them."""
    whole = REPORT_SCHEMAS[SCHEMA_OF[report]]
    if "items" in whole:
        return set(_inner(whole["items"])) - _SAME_AGAIN
    found: set[str] = set()
    for name, schema in whole["properties"].items():
        rows = schema.get("items", schema)
        if "$ref" in rows and name not in _OF_THE_SERVER.get(report, set()):
            found |= {f"{name}.{inner}" for inner in _inner(rows)}
        else:
            found.add(name)
    return found - _SAME_AGAIN


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    of: Mapping[str, Any] = REPORT_SCHEMAS[str(schema["$ref"].rpartition("/")[2])]["properties"]
    return of


def test_every_report_has_its_section() -> None:
    assert re.findall(r"^## ([a-z-]+)$", PAGE, re.MULTILINE) == list(REPORTS)


def test_the_shop_has_something_of_everything_or_the_queries_would_agree_about_nothing(shop: VariedShop) -> None:
    (events,) = shop.sql(
        "select count(*) filter (bot) as bots, count(*) filter (test) as tests, count(*) filter (late) as late,"
        " count(*) filter (denied) as denied, count(*) filter (clamped) as clamped,"
        " count(*) filter (visitor <> person) as owned, count(*) filter (variant_id is not null) as variants from events"
    )
    assert min(events.values()) > 0
    (bought,) = shop.sql(
        "select count(*) as lines, count(*) filter (counted) as counted, count(distinct currency) as currencies,"
        " count(*) filter (refunded > 0) as refunded, count(*) filter (visitor is null) as of_nobody from purchases"
    )
    if shop.kind == ORDERS:
        assert bought["lines"] > bought["counted"] > bought["refunded"] > 0
        assert (bought["currencies"], bought["of_nobody"]) == (2, 2)
    else:
        assert bought["lines"] == bought["counted"] > 0

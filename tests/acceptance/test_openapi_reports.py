"""The OpenAPI document's part on reports is held against what is read: every parameter, and what each report answers."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from footfall.api.openapi import document
from footfall.api.openapi_report_schemas import SCHEMA_OF
from footfall.api.openapi_schemas import EXAMPLES, reference
from footfall.projections.analytics.asking import REPORTS, SORTS
from tests.acceptance.test_openapi import problems
from tests.acceptance.varied_shop import VariedShop, varied_shop

_PATH: Final = document()["paths"]["/api/v1/reports/{reference}"]
_PARAMETERS: Final = {one["name"]: one for one in _PATH["get"]["parameters"] if one["in"] == "query"}
_EXPORT: Final = b'[{"id": 4600000000001, "name": "#1", "created_at": "2026-08-20T12:00:00Z", "line_items": []}]'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VariedShop]:
    """A shop with something of everything, also of who stands in the examples."""
    with varied_shop(tmp_path_factory.mktemp("varied")) as made:
        made.send({"uuid": EXAMPLES["uuid"], "customer_id": _PARAMETERS["customer_id"]["example"], "product_id": "1"})
        yield made


def _ask(shop: VariedShop, report: str, parameters: dict[str, str]) -> Any:
    """What a report answers; one that is about somebody or an export is told whom or which."""
    asked = dict(parameters)
    if report == "visitor" and "customer_id" not in asked:
        asked["uuid"] = EXAMPLES["uuid"]
    method, content = ("POST", _EXPORT) if report == "reconciliation" else ("GET", b"")
    bearer = shop.standing.shop.bearer
    return shop.standing.request(method, f"/api/v1/reports/{report}", params=asked, content=content, headers=bearer)


@pytest.mark.parametrize("report", REPORTS)
def test_the_parameters_of_a_report_are_documented_and_no_others(report: str) -> None:
    documented = {name for name, parameter in _PARAMETERS.items() if report in parameter["x-reports"]}
    assert documented == {*REPORTS[report], "format", "after"}
    assert [name for name, parameter in _PARAMETERS.items() if not parameter["x-reports"]] == []


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_takes_each_documented_value_of_its_parameters_and_answers_by_its_schema(
    shop: VariedShop, report: str
) -> None:
    window = {"from": "2026-08-01", "to": "2026-09-01"}
    tried = 0
    for name in (*REPORTS[report], "format", "after"):
        parameter = _PARAMETERS[name]
        values = SORTS[report] if name == "sort" else parameter["schema"].get("enum", [parameter["example"]])
        for value in values:
            beside = {} if name in ("from", "last", "uuid", "customer_id") else window
            answer = _ask(shop, report, beside | ({"by": "visitor"} if name == "within" else {}) | {name: value})
            assert answer.status_code == 200, (name, value, answer.text)
            assert answer.headers["footfall-lag"].isdigit()
            if value == "csv":
                assert answer.headers["content-type"].startswith("text/csv")
                continue
            told = answer.json()
            assert problems(reference("Report"), told) == [], (name, value)
            assert problems(reference(SCHEMA_OF[report]), told["data"]) == [], (name, value)
            tried += 1
    assert tried > len(REPORTS[report])


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_refuses_what_is_documented_for_others_alone(shop: VariedShop, report: str) -> None:
    for name, parameter in _PARAMETERS.items():
        if report not in parameter["x-reports"]:
            answer = _ask(shop, report, {name: parameter["example"]})
            assert (answer.status_code, "takes no parameter" in answer.text) == (400, True), name

"""The OpenAPI document's part on reports and SQL. Data, like ``openapi``; a test holds it against what is read."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.api.openapi_schemas import Schema
from footfall.api.openapi_shared import JSON_TYPE, body, header, json_answer, operation
from footfall.api.reports import REPORTS_PATH, SQL_PATH
from footfall.limits import (
    AFTER_WAIT_SECONDS,
    ANALYTICS_QUESTION_SECONDS,
    REPORT_BUCKETS_MAX,
    REPORT_FILTER_VALUES_MAX,
    REPORT_ROWS_MAX,
    SQL_ROWS_MAX,
)
from footfall.projections.analytics.asking import BREAKDOWNS, DAYS_DEFAULT, GRANULARITIES, REPORTS, SORTS
from footfall.projections.analytics.schema import PUBLIC_VIEWS

ANALYTICS: Final = "Reports and SQL"
ANALYTICS_ABOUT: Final = (
    "Every event can be asked about: figures by name, or one SELECT. These need the secret key. What an answer covers "
    "stands in its headers."
)
_CSV: Final = "text/csv"
_YES_OR_NO: Final[Schema] = {"type": "string", "enum": ["yes", "no"]}
_TEXT: Final[Schema] = {"type": "string"}
_ERRORS: Final = ("WrongReport", "NoSecret", "SecretInPage", "UnknownReport", "TooLarge", "NoAnalytics")
_SQL_ERRORS: Final = ("WrongStatement", "NoSecret", "SecretInPage", "TooSlow", "TooLarge", "Unsupported", "NoAnalytics")
_LAG: Final = (
    "The header `Footfall-Lag` says how many records of the log it does not cover yet; usually 0 within a second. With "
    "`after` it waits for a position."
)


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _filter(about: str, example: str) -> tuple[Schema, str, str]:
    return _TEXT, example, f"{about} At most {REPORT_FILTER_VALUES_MAX}, with commas between or each by itself."


PARAMETERS: Final[Mapping[str, tuple[Schema, str, str]]] = {
    "from": (_TEXT, "2026-08-01", "Where the window begins: a date or a time of its zone, or a time with an offset."),
    "to": (_TEXT, "2026-09-01", "Where it ends, exclusive. Tomorrow unless given, so that today counts."),
    "last": (
        _TEXT,
        "7d",
        "In their place: hours, days or weeks up to now, such as `24h`, `7d` or `12w`, today or the present hour included.",
    ),
    "timezone": (_TEXT, "Europe/Berlin", "Whose days these are; the shop's unless given."),
    "granularity": (
        _one_of(*GRANULARITIES),
        "day",
        f"The length of a point; `hour` up to two days, else `day`. At most {REPORT_BUCKETS_MAX:,} points.",
    ),
    "compare": (_YES_OR_NO, "yes", "`yes` adds the figures of the window of the same length before this one."),
    "group": (_one_of("product", "vendor", "type"), "vendor", "By what it is grouped; `product` unless given."),
    "sort": (
        _one_of(*dict.fromkeys(sort for sorts in SORTS.values() for sort in sorts)),
        "views",
        "; ".join(f"Of `{report}`: {', '.join(sorts)}, the first unless given" for report, sorts in SORTS.items()) + ".",
    ),
    "limit": (
        {"type": ["integer", "string"], "default": 50, "maximum": REPORT_ROWS_MAX},
        "20",
        f"Rows at most, 1 to {REPORT_ROWS_MAX:,}; sums are over all of them.",
    ),
    "viewers": (_YES_OR_NO, "no", "`no` leaves out distinct viewers, which take longest to count."),
    "by": (_one_of("session", "visitor"), "session", "Whose steps are counted; `session` unless given."),
    "within": (
        _TEXT,
        "7d",
        "With `by=visitor`: how long after the view the last step may come, `1h` to `90d`; `7d` unless given.",
    ),
    "breakdown": (_one_of(*BREAKDOWNS), "device", "Adds the same by what sessions came with."),
    "product": _filter("Products by id, handle or a variant's id.", "5630650697948,classic-beanie"),
    "collection": _filter("Products of collections, by id or handle.", "hats"),
    "vendor": _filter("Products by vendor, in any case.", "Acme"),
    "type": _filter("Products by type, in any case.", "Hats"),
    "theme": _filter("Sessions by theme.", "127264981148"),
    "device": _filter("Sessions by class of device: `mobile`, `tablet`, `desktop`.", "mobile"),
    "source": _filter(
        "Sessions by where they came from: `utm_source`, else the referring host, else `direct`.", "google.com,direct"
    ),
    "country": _filter("Sessions by country, two letters.", "DE,AT"),
    "bots": (_YES_OR_NO, "no", "`yes` counts robots as well; what they claim to have bought never counts."),
    "tests": (
        _YES_OR_NO,
        "no",
        "`yes` counts events marked as tests as well; purchases and orders that are tests never count.",
    ),
    "uuid": (_TEXT, "be6f5fab-32a4-43e5-967c-68017baa3aa5", "The visitor; with the customer last named on it, if any."),
    "customer_id": (_TEXT, "6203091812395", "The customer, on all devices. One of both is required."),
    "format": (_one_of("json", "csv"), "json", f"`csv` answers `{_CSV}`; so does the header `Accept: {_CSV}`."),
    "after": (
        _TEXT,
        "6b1f02c4-0.1",
        f"A position, as `Footfall-Position` gave it: waits, at most {AFTER_WAIT_SECONDS} seconds, until it is covered.",
    ),
}
"""Every parameter of a report: its values, an example, and what it does."""


def taken_by(parameter: str) -> list[str]:
    """The reports that take a parameter."""
    return [name for name, takes in REPORTS.items() if parameter in takes or parameter in ("format", "after")]


def _parameters() -> list[dict[str, Any]]:
    described = []
    for name, (schema, example, about) in PARAMETERS.items():
        of = taken_by(name)
        shared = len(of) == len(REPORTS)
        described.append(
            {
                "name": name,
                "in": "query",
                "description": about if shared else f"{about} Taken by {', '.join(f'`{report}`' for report in of)}.",
                "schema": schema,
                "example": example,
                "x-reports": of,
            }
        )
    return described


_OVERVIEW: Final = {
    "data": {
        "events": 17434,
        "visitors": 4504,
        "sessions": 5066,
        "views": 17055,
        "adds": 165,
        "removes": 0,
        "purchases": 214,
        "orders": 200,
        "units": 214,
        "revenue": "59442.63",
        "aov": "297.21",
        "conversion": 0.039479,
        "currency": "USD",
        "unverified": {"purchases": 0, "orders": 0, "units": 0, "revenue": "0.00"},
        "other_currencies": {},
    },
    "metadata": {
        "report": "overview",
        "from": "2026-08-01T00:00:00+02:00",
        "to": "2026-09-01T00:00:00+02:00",
        "timezone": "Europe/Berlin",
        "currency": "USD",
    },
}


def _covering(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer in JSON or CSV that says what it covers."""
    answer["content"][_CSV] = {}
    return answer | {"headers": header("Footfall-Position") | header("Footfall-Lag")}


def report_paths() -> dict[str, Any]:
    """The reports and SQL."""
    listed = operation(
        "reports",
        ANALYTICS,
        "Every report",
        "With the parameters that each takes.",
        json_answer(
            "ReportList", "The reports.", {"data": [{"name": "retention", "parameters": ["from", "to", "format", "after"]}]}
        ),
        errors=("NoSecret", "SecretInPage", "NoAnalytics"),
        security=("secret",),
    )
    return {REPORTS_PATH: {"get": listed}, REPORTS_PATH + "/{reference}": _report(), SQL_PATH: {"post": _sql()}}


def _report() -> dict[str, Any]:
    answer = _covering(json_answer("Report", "The figures; in CSV its rows.", _OVERVIEW))
    name = {
        "name": "reference",
        "in": "path",
        "required": True,
        "description": "The report.",
        "schema": {"type": "string", "enum": list(REPORTS)},
        "example": "overview",
    }
    get = operation(
        "report",
        ANALYTICS,
        "A report",
        f"The window is the last {DAYS_DEFAULT} days unless named (`retention` 12 weeks, `data-health` 7 days, `visitor` "
        f"a year). Robots and tests are left out. A parameter that a report does not take is refused. {_LAG} Definitions: "
        "docs/reference/reports.md.",
        answer,
        errors=_ERRORS,
        security=("secret",),
    )
    post = operation(
        "report-post",
        ANALYTICS,
        "A report (POST)",
        "The same parameters as a form or a JSON object. `reconciliation` is only asked like this: its parameters stand in "
        "the query string, and its body is the export of orders to compare with, the CSV of Shopify's admin or JSON of its "
        "Admin API.",
        answer,
        errors=(*_ERRORS, "TooSlow", "Unsupported"),
        security=("secret",),
    )
    post |= body("ReportQuestion", {JSON_TYPE: {"json": {"last": "7d", "compare": "yes", "device": "mobile"}}})
    return {"get": get | {"parameters": [name, *_parameters()]}, "post": post | {"parameters": [name]}}


def question_schema() -> Schema:
    """What a report is asked with in a body."""
    return {
        "type": "object",
        "properties": {name: {**schema, "description": about} for name, (schema, _, about) in PARAMETERS.items()},
    }


def _sql() -> dict[str, Any]:
    rows = {
        "columns": [{"name": "verb", "type": "VARCHAR"}, {"name": "events", "type": "BIGINT"}],
        "rows": [["added", 165], ["viewed", 17055]],
        "truncated": False,
    }
    about = (
        f"One SELECT in DuckDB's SQL over the views {', '.join(PUBLIC_VIEWS)}, of this shop alone. It can only read; it is "
        f"stopped after {ANALYTICS_QUESTION_SECONDS} seconds or when its client goes away, and a shop's statements run one at "
        f"a time. {SQL_ROWS_MAX:,} rows at most; where there are more, the header `Footfall-Truncated` is `yes`. {_LAG} "
        "Columns: docs/reference/sql.md."
    )
    asked = {"sql": "select verb, count(*) as events from events group by all order by all"}
    return operation(
        "sql",
        ANALYTICS,
        "Run a SELECT",
        about,
        _covering(json_answer("Rows", "The rows.", rows)),
        errors=_SQL_ERRORS,
        security=("secret",),
    ) | body("Statement", {JSON_TYPE: {"json": asked, "limited": {**asked, "limit": 10, "format": "json"}}})

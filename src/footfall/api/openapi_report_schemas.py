"""The JSON Schemas of reports, with the definition of every figure; the reference page on reports takes it from here.

Data, like ``openapi_schemas``. A test holds each figure against a query over the public views.
"""

from collections.abc import Mapping
from typing import Final

from footfall.api.openapi_schemas import NULLABLE_TEXT, Schema, list_schema, object_schema, reference


def _count(description: str) -> Schema:
    return {"type": "integer", "description": description}


def _amount(description: str) -> Schema:
    return {"type": "string", "pattern": r"^-?\d+\.\d{2,4}$", "description": description}


def _ratio(description: str) -> Schema:
    return {"type": ["number", "null"], "description": description}


def _text(description: str) -> Schema:
    return {**NULLABLE_TEXT, "description": description}


def _figures(schemas: Mapping[str, Schema], *optional: str, about: str = "") -> Schema:
    """An object in which everything is required but what is named."""
    return object_schema(schemas, *(name for name in schemas if name not in optional), description=about)


_PREVIOUS: Final[Schema] = {"type": "object", "description": "With `compare=yes`: the same of the window before."}
_BOUGHT: Final[Mapping[str, Schema]] = {
    "purchases": _count("Purchase lines: one for each order and variant, by the day of the order, whatever was taken back."),
    "orders": _count(
        "Orders that these lines are of; lines without an order's id are one order for each checkout or session."
    ),
    "units": _count("Units of these lines, without those that were taken back; an event that names none, or 0, tells of one."),
    "revenue": _amount(
        "Unit price × quantity − discounts of the line − what was paid back, by the day of the order; without shipping "
        "and the tax that is added to prices (prices that include tax are counted as they are), in the shop's currency."
    ),
}
_COUNTED: Final[Mapping[str, Schema]] = {
    "events": _count("Events of every kind."),
    "visitors": _count(
        "Distinct persons who did something: the customer who owns the event where there is one, else its visitor."
    ),
    "sessions": _count("Sessions that began in the window."),
    "views": _count("Events `user` `viewed` `product`."),
    "adds": _count("Events `user` `added` `product`."),
    "removes": _count("Events `user` `removed` `product`."),
    **_BOUGHT,
    "aov": _text("`revenue` ÷ `orders`, to the cent."),
    "conversion": _ratio("Sessions of the window with a purchase ÷ `sessions`."),
}
_DONE: Final[Mapping[str, Schema]] = {
    "impressions": _count("Events `user` `viewed` `widget`."),
    "clicks": _count("Events `user` `clicked` `widget`."),
    "adds": _count("Events `user` `added-from` `widget`."),
    "lines": _count("Purchase lines that are attributed to it."),
    "orders": _count("Orders with such a line."),
    "units": _count("Units of these lines that are left."),
    "revenue": _amount("Revenue of these lines."),
}
_OF_WIDGETS: Final[Mapping[str, Schema]] = {
    **_DONE,
    "click_rate": _ratio("`clicks` ÷ `impressions`."),
    "add_rate": _ratio("`adds` ÷ `impressions`."),
}
_SEARCHED: Final[Mapping[str, Schema]] = {
    "searches": _count("Events `user` `searched` or `passive-searched` `term`."),
    "zero_results": _count("Events `search` `returned` `no-search-results`."),
    "clicks": _count("Events `user` `clicked-to-pdp-from` `search-result` or `searched-products`."),
    "adds": _count("Events `user` `added-from` `search-result` or `searched-products`."),
}
_SESSIONS: Final[Mapping[str, Schema]] = {
    "sessions": _count("Sessions that began in the window."),
    "seconds_average": _ratio("Seconds from a session's first event to its last, on average."),
    "seconds_median": _ratio("The same of the session in the middle."),
    "events_average": _ratio("Events of a session, on average."),
    "views_average": _ratio("Views of products of a session, on average."),
    "bounces": _count("Sessions with one view of a product at most, no add and no purchase, nor one that an order tells of."),
    "bounce_rate": _ratio("`bounces` ÷ `sessions`."),
}
_SIDE: Final[Mapping[str, Schema]] = {
    "orders": _count("Orders."),
    "units": _count("Units."),
    "revenue": _amount("Of the export, the orders' totals; of Footfall, revenue; else by how much the export says more."),
}

SCHEMA_OF: Final[Mapping[str, str]] = {
    "overview": "Overview",
    "timeseries": "Timeseries",
    "top-products": "TopProducts",
    "funnel": "Funnel",
    "retention": "Retention",
    "sessions": "SessionFigures",
    "search": "SearchFigures",
    "widgets": "Widgets",
    "visitor": "Timeline",
    "reconciliation": "Reconciliation",
    "data-health": "DataHealth",
}
"""The schema of what each report answers under ``data``."""

REPORT_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Overview": _figures(
        {
            **_COUNTED,
            "currency": {"type": "string", "description": "The shop's currency."},
            "unverified": {**reference("Bought"), "description": "The same of claims: purchases that only pages told of."},
            "other_currencies": {
                "type": "object",
                "description": "The same of purchases in each other currency; never added to the others.",
            },
            "previous": _PREVIOUS,
            "change": {"type": "object", "description": "With `compare=yes`: of each figure, (now − before) ÷ before."},
        },
        "previous",
        "change",
    ),
    "Bought": _figures(_BOUGHT),
    "Timeseries": _figures({"points": list_schema("Point"), "previous": _PREVIOUS}, "previous"),
    "Point": _figures({"start": {"type": "string", "description": "When it begins, in the window's zone."}, **_COUNTED}),
    "TopProducts": {"type": "array", "items": reference("ProductFigures")},
    "ProductFigures": _figures(
        {
            "product": _text("The product as SQL names it: `p:` and its id, or `h:` and its handle."),
            "product_id": _text("Its id."),
            "handle": _text("Its handle."),
            "title": _text("Its title."),
            "vendor": _text("Its vendor; with `group=vendor` the only one of these."),
            "type": _text("Its type; with `group=type` the only one of these."),
            "views": _COUNTED["views"],
            "adds": _COUNTED["adds"],
            "removes": _COUNTED["removes"],
            **_BOUGHT,
            "viewers": _count("Distinct persons who viewed it, as in `visitors`. Left out with `viewers=no`."),
            "view_to_add": _ratio("`adds` ÷ `views`."),
            "add_to_purchase": _ratio("`purchases` ÷ `adds`."),
            "remove_rate": _ratio("`removes` ÷ `adds`."),
            "sparkline": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "Views by hour (up to two days) or day.",
            },
            "previous": _PREVIOUS,
        },
        *("product", "product_id", "handle", "title", "vendor", "type", "viewers", "previous"),
    ),
    "Funnel": _figures(
        {
            "steps": {**list_schema("Step"), "description": "`viewed`, `added`, `purchased`, in this order."},
            "breakdown": {"type": "array", "description": "With `breakdown`: the same for each part."},
            "previous": _PREVIOUS,
        },
        "breakdown",
        "previous",
    ),
    "Step": _figures(
        {
            "step": {"type": "string", "enum": ["viewed", "added", "purchased"], "description": "The step."},
            "count": _count(
                "Sessions (or with `by=visitor` visitors) that came so far, each step at or after the one before it."
            ),
            "from_first": _ratio("`count` ÷ that of the first step."),
            "from_previous": _ratio("`count` ÷ that of the step before."),
        }
    ),
    "Retention": _figures({"cohorts": list_schema("Cohort")}),
    "Cohort": _figures(
        {
            "week": {"type": "string", "description": "The Monday of the week, in the window's zone."},
            "visitors": _count("Persons whose first session of all began in this week."),
            "came": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "How many of them had a session in this week, the one after it, and so on.",
            },
            "rates": {"type": "array", "description": "The same ÷ `visitors`."},
        }
    ),
    "SessionFigures": _figures(
        {
            **_SESSIONS,
            "lengths": list_schema("SessionLength"),
            "breakdown": {"type": "array", "description": "With `breakdown`: the figures of each part."},
            "previous": _PREVIOUS,
        },
        "breakdown",
        "previous",
    ),
    "SessionLength": _figures(
        {
            "from_seconds": _count("Whole seconds that the sessions lasted at least."),
            "to_seconds": {"type": ["integer", "null"], "description": "And at most; `null` without an end."},
            "sessions": _count("How many lasted so long."),
        }
    ),
    "SearchFigures": _figures(
        {
            **_SEARCHED,
            "terms_searched": _count("Different terms that were searched."),
            "terms": list_schema("Term"),
            "previous": _PREVIOUS,
        },
        "previous",
    ),
    "Term": _figures(
        {
            "term": {"type": "string", "description": "The term, trimmed and in lower case."},
            **_SEARCHED,
            "click_rate": _ratio("`clicks` ÷ `searches`."),
            "add_rate": _ratio("`adds` ÷ `searches`."),
        }
    ),
    "Widgets": _figures(
        {
            **_DONE,
            "all_lines": _count("All purchase lines of the window."),
            "all_orders": _count("All their orders."),
            "all_revenue": _amount("All their revenue."),
            "widgets": {**list_schema("WidgetFigures"), "description": "By widget."},
            "types": {**list_schema("WidgetTypeFigures"), "description": "By what widgets show: how their list was made."},
            "previous": _PREVIOUS,
        },
        "previous",
    ),
    "WidgetFigures": _figures({"widget": _text("The widget's id."), **_OF_WIDGETS}),
    "WidgetTypeFigures": _figures({"type": _text("The answer or the source that widgets showed."), **_OF_WIDGETS}),
    "Timeline": _figures(
        {
            "customer_id": _text("The customer, where there is one."),
            "uuids": {"type": "array", "items": {"type": "string"}, "description": "The visitors whose events these are."},
            "first_seen": {"type": "string", "description": "When the first event of the window happened."},
            "last_seen": {"type": "string", "description": "When the last one did."},
            "events": _count("Events, robots' and tests left out."),
            "sessions": _count("Sessions that these events are of."),
            "views": _COUNTED["views"],
            "adds": _COUNTED["adds"],
            "removes": _COUNTED["removes"],
            "orders": _BOUGHT["orders"],
            "units": _BOUGHT["units"],
            "revenue": _BOUGHT["revenue"],
            "timeline": {"type": "array", "items": {"type": "object"}, "description": "The events, the newest first."},
        }
    ),
    "Reconciliation": _figures(
        {
            "export": {**reference("Side"), "description": "What the export says."},
            "footfall": {**reference("Side"), "description": "What is counted here."},
            "difference": {**reference("Side"), "description": "By how much the export says more."},
            "other_currencies": {
                "type": "object",
                "description": "What the export says in each other currency: in no revenue above.",
            },
            "outside": _count("Orders of the export that are of no day of the window."),
            "causes": {**list_schema("Cause"), "description": "The difference by its causes: their sum is all of it."},
            "days": {"type": "array", "items": {"type": "object"}, "description": "The same by day, in the window's zone."},
            "orders": {"type": "array", "items": {"type": "object"}, "description": "The orders that differ, at most 1,000."},
            "unread": {"type": "array", "items": {"type": "object"}, "description": "Lines that can't be read, and why."},
        }
    ),
    "Side": _figures(_SIDE),
    "Cause": _figures(
        {
            "cause": {"type": "string", "description": "The cause's name."},
            **_SIDE,
            "of_orders": _count("Orders of which it explains something."),
            "meaning": {"type": "string", "description": "The cause in words."},
        }
    ),
    "DataHealth": _figures(
        {
            "accepted": _count("Events that were stored, by the counters of the hours that the window touches."),
            "duplicate": _count("Deliveries of events that were stored before."),
            "rejected": {**reference("Reasons"), "description": "Events in quarantine, by reason."},
            "warnings": {**reference("Reasons"), "description": "Events stored without a field, by that field."},
            "placeholder_identities": _count("Events in which a uuid or customer id was a placeholder, such as `undefined`."),
            "events": _count("Events that came in during the window, robots' and tests included."),
            "without_person": _count("Those of them that are nobody's."),
            "bots": _count("Those that robots left, by their user agent."),
            "tests": _count("Those marked as tests."),
            "late": _count("Those more than 48 hours old when they came."),
            "clamped": _count("Those more than 5 minutes ahead of the server's clock, set to their arrival."),
            "denied": _count("Those of visitors who refused consent."),
            "verified": _count("Those that came with the secret key or by an import."),
            "repeated_within_a_second": _count("Those at most a second after another of that visitor, product and kind."),
            "unknown_products": {
                "type": ["object", "null"],
                "description": "Those about products that the catalog does not have: `events`, `products`, and `most`, the 20 "
                "with most events; `null` without a catalog.",
            },
            "left_out": {
                "type": "object",
                "description": "What figures lack since analytics could not take it in, of any time: `events`, `records` "
                "(events, products, collections and orders), and `last`, the 20 last with why.",
            },
            "lag": {"type": "object", "description": "Records of the log that each projection has not taken in."},
            "disk_bytes_left": _count("Bytes free on the disk of the data directory."),
        }
    ),
    "Reasons": _figures(
        {"events": _count("How many."), "reasons": {"type": "object", "description": "How many of each."}},
    ),
    "Report": _figures(
        {
            "data": {"oneOf": [reference(schema) for schema in SCHEMA_OF.values()]},
            "metadata": _figures(
                {
                    "report": {"type": "string"},
                    "from": {"type": "string", "description": "Where the window begins, in its zone."},
                    "to": {"type": "string", "description": "Where it ends, exclusive."},
                    "timezone": {"type": "string"},
                    "currency": {"type": "string"},
                    "granularity": {"type": "string", "description": "Of `timeseries`."},
                    "filters": {"type": "object"},
                },
                "granularity",
                "filters",
            ),
        }
    ),
    "ReportList": _figures(
        {
            "data": {
                "type": "array",
                "items": _figures({"name": {"type": "string"}, "parameters": {"type": "array", "items": {"type": "string"}}}),
            }
        }
    ),
    "Statement": object_schema(
        {
            "sql": {"type": "string", "description": "One SELECT over the views."},
            "format": {"type": "string", "enum": ["json", "csv"], "description": "`json` unless given."},
            "limit": {"type": ["integer", "string"], "description": "Rows at most, the first ones."},
            "after": {"type": "string", "description": "A position that the answer must cover."},
        },
        "sql",
    ),
    "Rows": _figures(
        {
            "columns": {
                "type": "array",
                "items": _figures({"name": {"type": "string"}, "type": {"type": "string", "description": "DuckDB's name."}}),
            },
            "rows": {"type": "array", "items": {"type": "array"}},
            "truncated": {"type": "boolean", "description": "Whether there were more rows than `limit`."},
        }
    ),
}
"""The components' schemas on reports, by name."""

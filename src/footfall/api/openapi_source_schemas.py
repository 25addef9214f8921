"""The JSON Schemas of data sources and what they answer. Data, like ``openapi_schemas``."""

from collections.abc import Mapping
from typing import Final

from footfall.api.openapi_schemas import NULLABLE_TEXT, Schema, list_schema, object_schema, product_properties, reference

_DATA_SOURCE_HEAD: Final[dict[str, Schema]] = {
    "id": {"type": "integer"},
    "name": NULLABLE_TEXT,
    "description": NULLABLE_TEXT,
    "version": {"type": "integer", "description": "Counts its changes from 1."},
    "updated_at": {"type": "integer", "description": "Milliseconds since the epoch."},
}

SOURCE_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Answered": object_schema(
        {
            "data": {"type": "array", "items": reference("ExplainedProduct")},
            "metadata": object_schema(
                {
                    "data_source": object_schema(
                        {"id": {"type": "integer"}, "name": NULLABLE_TEXT, "version": {"type": "integer"}},
                        "id",
                        "name",
                        "version",
                    ),
                    "products": list_schema("Reason"),
                    "attribution": {"type": "string", "description": "The answer's id, where not everybody gets the same."},
                },
                description="With `explain=yes` also which version answered, and which rule each product is of.",
            ),
        },
        "data",
    ),
    "ExplainedProduct": object_schema(
        {**product_properties(), "reasons": {**list_schema("Reason"), "description": "With `explain=yes`."}},
        *product_properties(),
        description="A product; with `explain=yes` with the rules that contributed it.",
    ),
    "Reason": object_schema(
        {
            "id": {"type": ["integer", "string", "null"], "description": "The product, in `metadata`."},
            "rule": {"type": "integer", "description": "Which rule, from 1."},
            "name": NULLABLE_TEXT,
            "source": {"type": "string"},
        },
        "rule",
        "name",
        "source",
        description="The rule that contributed a product.",
    ),
    "Rule": object_schema(
        {
            "name": NULLABLE_TEXT,
            "source": {"type": "string", "description": "A list, as `/api/v1/sources` names them."},
            "products": {"type": "array", "description": "Of the source `static`: ids, or `h:` and a handle; in this order."},
            "collections": {"type": "array", "description": "Of the source `collections`: ids or handles; in this order."},
            "limit": {"type": ["integer", "null"], "description": "At most so many of its products."},
            "when": {
                "type": ["object", "null"],
                "description": "When it counts: `cart_subtotal` (bounds), `cart_contains` and `inputs_contain` (`products`, "
                "`tags`, `vendors`, `types`, `collections`), `country`, `customer_tags`, `from`, `until`. All must hold.",
            },
            "filters": {
                "type": ["object", "null"],
                "description": "Which of its products count: `price` (bounds), `tags`, `vendors`, `types` and `collections` "
                "(`any`, `none`; tags and collections also `all`), `in_stock`, `exclude` (`inputs`, `cart`, `purchased`, "
                "`viewed`). Bounds are `at_least`, `at_most`, `above`, `below`, `equal_to`.",
            },
        },
        "source",
        description="One rule of a data source.",
    ),
    "DataSourcePut": object_schema(
        {"name": NULLABLE_TEXT, "description": NULLABLE_TEXT, "rules": {**list_schema("Rule"), "minItems": 1}},
        "rules",
        description="A data source as it is put. Keys that nobody knows are refused.",
    ),
    "DataSource": object_schema(
        {
            "data": object_schema(
                {
                    **_DATA_SOURCE_HEAD,
                    "status": {"type": "string", "enum": ["created", "updated", "unchanged", "deleted"]},
                    "rules": list_schema("Rule"),
                },
                *_DATA_SOURCE_HEAD,
            )
        },
        "data",
    ),
    "DataSourceList": object_schema(
        {"data": {"type": "array", "items": object_schema(_DATA_SOURCE_HEAD, *_DATA_SOURCE_HEAD)}}, "data"
    ),
    "Sources": object_schema(
        {
            "data": {
                "type": "array",
                "items": object_schema(
                    {
                        "id": {"type": "string", "description": "A list's name, or a data source's number."},
                        "name": NULLABLE_TEXT,
                        "description": NULLABLE_TEXT,
                        "protocol": {"type": "string"},
                        "host": {"type": "string"},
                        "path": {"type": "string"},
                        "query": {
                            "type": "array",
                            "items": object_schema(
                                {
                                    "name": {"type": "string"},
                                    "required": {"type": "boolean"},
                                    "default": {},
                                    "description": {"type": "string"},
                                    "example": {},
                                },
                                "name",
                                "required",
                                "default",
                                "description",
                                "example",
                            ),
                        },
                    },
                    "id",
                    "name",
                    "description",
                    "protocol",
                    "host",
                    "path",
                    "query",
                ),
            }
        },
        "data",
    ),
}
"""By name."""

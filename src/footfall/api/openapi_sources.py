"""The OpenAPI document's part on data sources: their answers, where servers put them, and the list of all. Data."""

from typing import Any, Final

from footfall.api.openapi_shared import EXAMPLE_KEY, JSON_TYPE, body, json_answer, operation
from footfall.limits import DATA_SOURCE_BYTES_MAX, DATA_SOURCE_RULES_MAX, DATA_SOURCES_MAX

DATA_SOURCES: Final = "Data sources"
DATA_SOURCES_ABOUT: Final = (
    "Ordered lists of rules that a shop sets up: these need the secret key. Their answers are products."
)

_RULES: Final = [
    {
        "name": "Spring on sale",
        "source": "collections",
        "collections": ["spring"],
        "limit": 4,
        "when": {"cart_subtotal": {"at_least": "50.00"}},
        "filters": {"tags": {"any": ["sale"]}, "exclude": ["cart"]},
    },
    {"source": "static", "products": ["5630650697948"]},
]
_PUT: Final = {"name": "Product page cross-sell", "rules": _RULES}
_HEAD: Final = {
    "id": 1234,
    "name": "Product page cross-sell",
    "description": None,
    "version": 1,
    "updated_at": 1773136800000,
}
_CONTEXT: Final = (
    "shopify_product_ids",
    "shopify_variant_ids",
    "filter_inputs",
    "cart_items",
    "cart_subtotal",
    "customer_tags",
)
_ERRORS: Final = ("WrongDataSource", "NoSecret", "SecretInPage", "TooSlow", "TooLarge", "Unsupported", "Unavailable")
_READ_ERRORS: Final = ("NoSecret", "SecretInPage", "UnknownDataSource", "Unavailable")
_CUSTOM_ERRORS: Final = ("UnknownKey", "SecretInPage", "UnknownDataSource", "TooLarge", "Unavailable")


def _with_number(described: dict[str, Any]) -> dict[str, Any]:
    number = {
        "name": "reference",
        "in": "path",
        "required": True,
        "description": "The number of the data source.",
        "schema": {"type": "string"},
        "example": "1234",
    }
    described["parameters"] = [number, *described.get("parameters", [])]
    return described


def _custom(tag: str, product: Any, of_lists: tuple[str, ...]) -> dict[str, Any]:
    about = (
        "The shop's rules in their order: each one whose condition holds contributes its products, through its filters, until "
        "there are `limit`; each product once. Conditions read the request's context; what it doesn't say makes a condition "
        "that needs it false. A visitor is named by `uuid` or `shopify_customer_id`; a customer counts only for those who may "
        "read by customer. Parameters that no rule asks for are ignored."
    )
    answer = json_answer("Answered", "The products, in order.", {"data": [product]}, position=True)
    asked = {"key": EXAMPLE_KEY, "shopify_product_ids": "5630650697948", "cart_subtotal": "62.50", "limit": 4}
    paths: dict[str, Any] = {}
    for path, name, note in (
        ("/api/v1/custom/id/{reference}", "custom", ""),
        ("/custom/id/{reference}", "custom-short", " The same as `/api/v1/custom/id/{reference}`."),
    ):
        get = operation(
            name,
            tag,
            "Products by a data source",
            about + note,
            answer,
            errors=_CUSTOM_ERRORS,
            taking=("key", "uuid", "shopify_customer_id", *_CONTEXT, *of_lists),
        )
        post = operation(
            f"{name}-post",
            tag,
            "Products by a data source (POST)",
            "The same parameters as a form or a JSON object.",
            answer,
            errors=(*_CUSTOM_ERRORS, "MissingIdentity", "TooSlow", "Unsupported"),
        ) | body("Question", {"application/x-www-form-urlencoded": {"form": asked}, JSON_TYPE: {"json": asked}})
        paths[path] = {"get": _with_number(get), "post": _with_number(post)}
    return paths


def _sources(tag: str) -> dict[str, Any]:
    query = [
        {"name": "limit", "required": False, "default": 5, "description": "Products in the answer.", "example": 5},
    ]
    place = {"protocol": "http", "host": "footfall.example"}
    example = {
        "id": "static",
        "name": "Products by name",
        "description": "The products that the caller names, in that order.",
        **place,
        "path": "/api/v1/products/static",
        "query": query,
    }
    return operation(
        "sources",
        tag,
        "Lists and data sources",
        "Every list of products that this server answers, and the shop's data sources, each with its parameters. `protocol` "
        "and `host` are those by which this server was asked.",
        json_answer("Sources", "All of them.", {"data": [example]}),
        errors=("UnknownKey", "SecretInPage", "TooLarge", "Unavailable"),
        taking=("key", "format"),
    )


def _list() -> dict[str, Any]:
    return operation(
        "data-sources",
        DATA_SOURCES,
        "List the data sources",
        "All of the shop's, without their rules.",
        json_answer("DataSourceList", "By number.", {"data": [_HEAD]}),
        errors=("NoSecret", "SecretInPage", "Unavailable"),
        security=("secret",),
    )


def source_paths(tag: str, product: Any, of_lists: tuple[str, ...]) -> dict[str, Any]:
    """Every route of data sources. ``product`` is an example, ``of_lists`` what every list takes."""
    kept = json_answer("DataSource", "It is kept.", {"data": {"status": "created", **_HEAD, "rules": _RULES}})
    put = operation(
        "data-source-put",
        DATA_SOURCES,
        "Put a data source",
        f"At most {DATA_SOURCE_RULES_MAX} rules and {DATA_SOURCE_BYTES_MAX // 1024} KB; a shop has at most "
        f"{DATA_SOURCES_MAX:,}. One that is as before is `unchanged` and keeps its version; any other put is a new "
        "version. What is wrong is named with its place.",
        kept,
        errors=_ERRORS,
        security=("secret",),
    ) | body("DataSourcePut", {JSON_TYPE: {"json": _PUT}})
    told: dict[str, tuple[str, str, str, Any]] = {
        "get": ("Show a data source", "With its rules, as they may be put again.", "DataSource", {**_HEAD, "rules": _RULES}),
        "delete": (
            "Take a data source away",
            "From then on its number is unknown.",
            "DataSource",
            {"status": "deleted", **_HEAD},
        ),
    }
    one = {
        method: _with_number(
            operation(
                f"data-source-{method}",
                DATA_SOURCES,
                summary,
                about,
                json_answer(schema, "The data source.", {"data": example}),
                errors=_READ_ERRORS,
                security=("secret",),
            )
        )
        for method, (summary, about, schema, example) in told.items()
    }
    return {
        **_custom(tag, product, of_lists),
        "/api/v1/sources": {"get": _sources(tag)},
        "/api/v1/data-sources": {"get": _list()},
        "/api/v1/data-sources/{reference}": {"put": _with_number(put), **one},
    }

"""What operations of the OpenAPI document share: parameters, errors, the shape of an answer. Data, like ``openapi``."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from footfall.api.keys import KEY_HEADERS
from footfall.api.openapi_schemas import FIELDS, Schema, reference
from footfall.api.webhooks import UNSIGNED
from footfall.intake.body import BODY_TOO_LARGE, body_too_large
from footfall.intake.rejection import MISSING_IDENTITY
from footfall.limits import (
    AFTER_WAIT_SECONDS,
    BODY_WAIT_SECONDS,
    EVENT_ID_DAYS,
    PRODUCTS_DEFAULT,
    PRODUCTS_MAX,
    RANKING_DAYS_DEFAULT,
    RANKING_DAYS_MAX,
    WEBHOOK_BYTES_MAX,
)
from footfall.projections.analytics.asking import REPORTS
from footfall.projections.analytics.schema import PUBLIC_VIEWS

JSON_TYPE: Final = "application/json"
EXAMPLE_KEY: Final = "0123456789abcdef0123456789abcdef01234567"
"""Stands for a public key in examples."""

_ANY_KEY: Final = ("key", *KEY_HEADERS, "secret")

V1_FIELDS: Final = (
    "subject",
    "verb",
    "noun",
    "shopify_product_handle",
    "uuid",
    "shopify_customer_id",
    "subject_email",
    "theme_id",
    "event_id",
    "event_time",
)
"""The fields of an event that are documented one by one as query parameters; all others are taken there too."""


class Error(NamedTuple):
    """An answer that says what is wrong. ``example`` is the text of one such answer, word for word."""

    status: int
    description: str
    example: str


ERRORS: Final[Mapping[str, Error]] = {
    "MissingIdentity": Error(400, "The event or the question can't be read, or is not complete.", MISSING_IDENTITY),
    "UnknownKey": Error(
        401, "No key, or one that no shop has.", "Unknown key. `footfall shop list` shows the keys of this server."
    ),
    "NoSecret": Error(
        401,
        "The secret key is missing or unknown.",
        "This needs the shop's secret key: send it as `Authorization: Bearer …`.",
    ),
    "SecretInPage": Error(
        403,
        "The secret key came from a web page.",
        "This secret key came from a web page, where everybody can read it. Take it out of the page and replace it: "
        "`footfall shop rotate-key NAME`. Pages use the public key.",
    ),
    "CustomerReadsSecret": Error(
        403,
        "The shop has `customer_reads: secret` and the request only its public key; or a secret key came from a page.",
        "This shop answers by customer id only to its secret key (setting customer_reads). Ask from a server with "
        "`Authorization: Bearer …`, or by uuid.",
    ),
    "WrongFilter": Error(
        400,
        "A parameter that the feed does not take or can't use; the error names those there are.",
        "Unknown subject 'usr'. There are: abtest, collection, collections, search, user.",
    ),
    "UnknownProduct": Error(404, "The catalog has none such.", "The catalog has no product '5'."),
    "WrongProduct": Error(
        400,
        "The body can't be read, or none of what it holds.",
        "variants[0].price is 'cheap'; it must be a decimal amount such as 19.90.",
    ),
    "UnknownDataSource": Error(
        404,
        "The shop has no data source of this number.",
        "This shop has no data source '5'. Put one: `footfall datasource put FILE --shop NAME --id 1234`, or PUT "
        "/api/v1/data-sources/1234 with the secret key.",
    ),
    "WrongDataSource": Error(
        400,
        "The body can't be read; the error names the place.",
        "rules[1].filters.price.at_least is 'abc'; it must be a decimal amount such as 19.90.",
    ),
    "UnknownEvent": Error(
        404,
        "Nothing is known of such an event.",
        f"No event 'never-sent' is known to this shop. Ids are remembered for {EVENT_ID_DAYS} days after the event came, "
        "positions for ever.",
    ),
    "UnknownAnswer": Error(
        404,
        "Nothing is known of such an answer.",
        "No answer 'recommended.never' of this shop is known. The last ones are kept (setting answers_kept) until the server "
        "restarts or their visitor is forgotten.",
    ),
    "UnknownReport": Error(404, "There is no such report.", f"There is no report 'sales'. Reports: {', '.join(REPORTS)}."),
    "WrongReport": Error(
        400,
        "The report does not take this parameter, or can't use its value; the error says what it takes.",
        "last 'soon' is no stretch of time such as 24h, 7d or 12w, 20 years at most.",
    ),
    "WrongStatement": Error(
        400,
        "It is no SELECT over the views, it fails, or it needs more time, memory or rows than there are.",
        f"There is no view 'orders'. Views: {', '.join(PUBLIC_VIEWS)}.",
    ),
    "WrongSignature": Error(
        401, "It is not signed with a secret of the shop that it names, or there is no such shop.", UNSIGNED
    ),
    "WebhookTooLarge": Error(413, "It is over its bound.", body_too_large(WEBHOOK_BYTES_MAX).error),
    "TooSlow": Error(408, "The body took too long.", f"The body did not arrive within {BODY_WAIT_SECONDS} seconds."),
    "TooLarge": Error(413, "Something is over its bound; the error names it.", BODY_TOO_LARGE.error),
    "Unsupported": Error(
        415,
        "A content type, charset or encoding that is not taken.",
        "Content-Type 'image/png' is not supported. Send application/json (or text/plain from a beacon).",
    ),
    "Unavailable": Error(
        503,
        "Not now: the log can't be written, too much waits, or this part is not up yet. Nothing was acknowledged.",
        "The log can't be written now, so nothing was acknowledged. Send again later.",
    ),
    "NoAnalytics": Error(
        503,
        "Not now: analytics is turned off or not up, too many questions wait, or what `after` names was not reached in time.",
        "Analytics is turned off on this server (setting analytics_memory_mb is 0).",
    ),
}
"""The components' responses, by name."""


def _parameter(name: str, schema: Schema, example: Any, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}


_YES_OR_NO: Final[Schema] = {"type": "string", "enum": ["yes", "no"]}

PRICE_BOUNDS: Final[Mapping[str, str]] = {
    "any_variant_price_less_than": "below this",
    "any_variant_price_less_than_or_equal_to": "this or below",
    "any_variant_price_equal_to": "this",
    "variant_price_greater_than": "above this",
    "variant_price_greater_than_or_equal_to": "this or above",
}
"""Parameters that bound prices, and how."""

_QUERY_ONLY: Final = (
    _parameter(
        "key",
        {"type": "string", "pattern": "^[0-9a-fA-F]{40}$"},
        EXAMPLE_KEY,
        "The shop's public key, here or in a header.",
    ),
    _parameter(
        "receipts",
        {"type": "string", "enum": ["yes"]},
        "yes",
        "Adds a receipt for each event. The header `Prefer: return=representation` does the same.",
    ),
    _parameter(
        "limit",
        {"type": ["integer", "string"], "default": PRODUCTS_DEFAULT, "maximum": PRODUCTS_MAX},
        PRODUCTS_DEFAULT,
        f"Products in the answer: {PRODUCTS_DEFAULT} where it is absent or no number above 0; above {PRODUCTS_MAX} counts "
        f"as {PRODUCTS_MAX}.",
    ),
    _parameter(
        "filter_oos",
        {"type": "string", "enum": ["yes", "no"]},
        "yes",
        "`yes` leaves out what is out of stock; `viewed` shows it unless asked.",
    ),
    _parameter(
        "country_code",
        {"type": "string"},
        "DE",
        "Two letters: that country's prices, where the catalog has them.",
    ),
    _parameter(
        "metafields", {"type": "string", "enum": ["yes", "no"]}, "yes", "`yes` adds the product's metafields, an array."
    ),
    _parameter(
        "catalog",
        {"type": "string", "enum": ["any"]},
        "any",
        "`any` shows products that the shop's catalog doesn't know or that are not published as well.",
    ),
    *(
        _parameter(
            name,
            {"type": ["string", "number"]},
            "19.90",
            f"A decimal amount: products of which one variant's price is {bound}. The prefixes `any_variant_price_` and "
            "`variant_price_` mean the same; several bounds must all hold, not necessarily for one variant.",
        )
        for name, bound in PRICE_BOUNDS.items()
    ),
    _parameter("unset_variants", _YES_OR_NO, "yes", "`yes` leaves `variants` empty, for a shorter answer."),
    _parameter("variant_metafields", _YES_OR_NO, "yes", "`yes` adds the metafields of variants, an array."),
    _parameter("format", {"type": "string"}, "pretty", "`pretty` indents the answer; so does a bare `pretty`."),
    _parameter(
        "after",
        {"type": "string"},
        "6b1f02c4-0.1",
        f"A position, as `Footfall-Position` gave it: waits, at most {AFTER_WAIT_SECONDS} seconds, until the answer covers "
        "it. One of another generation counts as reached.",
    ),
)


def _list(name: str, example: str, description: str) -> dict[str, Any]:
    return _parameter(name, {"type": "string"}, example, f"{description} Commas part several.")


_OF_READS: Final[dict[str, Any]] = {
    "read_subject": _parameter("subject", {"type": "string", "default": "user"}, "user", "Who acted; `user` unless given."),
    "shopify_product_ids": _list("shopify_product_ids", "5630650697948", "Products by id."),
    "ids": _list("ids", "5630650697948", "Products by id; `h:` and a handle names one by that."),
    "handles": _list("handles", "classic-beanie", "Products by handle."),
    "excluded_ids": _list("excluded_ids", "5630650697949", "Products that are left out."),
    "shopify_collection_id": _list("shopify_collection_id", "7", "All products of this collection."),
    "shopify_collection_ids": _list("shopify_collection_ids", "7", "Collections, by id or handle."),
    "filter_unpublished": _parameter(
        "filter_unpublished", {"type": "string", "enum": ["yes", "no"]}, "yes", "`no` shows unpublished products as well."
    ),
    "shopify_variant_ids": _list("shopify_variant_ids", "36287950323868", "Products by a variant's id."),
    "filter_inputs": _parameter(
        "filter_inputs", _YES_OR_NO, "no", "`no` keeps the products that are given in the answer; they are left out otherwise."
    ),
    "cart_items": _list(
        "cart_items",
        "36287950323868",
        "What is in the cart: ids of products or variants, or line items with `product_id`, `variant_id` as JSON. Also as "
        "`cart_line_items`.",
    ),
    "cart_subtotal": _parameter(
        "cart_subtotal", {"type": ["string", "number"]}, "62.50", "What the cart comes to: a decimal amount in major units."
    ),
    "customer_tags": _list("customer_tags", "vip", "The customer's tags, as the page knows them."),
    "explain": _parameter(
        "explain",
        _YES_OR_NO,
        "yes",
        "`yes` adds `reasons` to each product: which list or rule it is of, and the numbers behind its place.",
    ),
    "days": _parameter(
        "days",
        {"type": ["integer", "string"], "default": RANKING_DAYS_DEFAULT, "maximum": RANKING_DAYS_MAX},
        7,
        "The window in days (UTC), today included: 1, 7, 14, 30, 60 or 90; another number counts as the next longer one.",
    ),
    "fallback": _parameter("fallback", _YES_OR_NO, "no", "`no` leaves out what would only fill the list up."),
    "smart_sort": _parameter(
        "smart_sort",
        {"type": "string", "enum": ["yes", "top_sellers"]},
        "yes",
        "Puts each collection's products in the order of the top sellers.",
    ),
    "read_verb": _parameter(
        "verb", {"type": "string", "default": "viewed"}, "viewed", "What they did; `viewed` unless given."
    ),
}
"""Parameters of reads that have another meaning in an event, under names of their own."""


def parameters() -> dict[str, Any]:
    """The components' parameters, by name."""
    described = [
        _parameter(name, field.schema, field.example, field.description)
        for field in FIELDS
        for name in (field.name, *field.same_as)
        if name in V1_FIELDS
    ]
    return {parameter["name"]: parameter for parameter in [*described, *_QUERY_ONLY]} | _OF_READS


def responses() -> dict[str, Any]:
    """The components' responses: every error, by name."""
    described = {name: json_answer("Error", error.description, {"error": error.example}) for name, error in ERRORS.items()}
    for name in ("Unavailable", "NoAnalytics"):
        described[name]["headers"] = header("Retry-After")
    return described


def json_answer(schema: str, description: str, example: Any, *, position: bool = False) -> dict[str, Any]:
    """An answer in JSON, with or without the header ``Footfall-Position``."""
    media = {"schema": reference(schema), "examples": {"answer": {"value": example}}}
    answer: dict[str, Any] = {"description": description, "content": {JSON_TYPE: media}}
    if position:
        answer["headers"] = header("Footfall-Position")
    return answer


def operation(
    name: str,
    tag: str,
    summary: str,
    description: str,
    answer: Mapping[str, Any],
    *,
    errors: Sequence[str] = (),
    taking: Sequence[str] = (),
    security: Sequence[str] = _ANY_KEY,
    deprecated: bool = False,
) -> dict[str, Any]:
    """One operation. ``errors`` and ``taking`` name responses and parameters of the components."""
    described: dict[str, Any] = {"operationId": name, "tags": [tag], "summary": summary, "description": description}
    if deprecated:
        described["deprecated"] = True
    described["security"] = [{scheme: []} for scheme in security]
    if taking:
        described["parameters"] = [{"$ref": f"#/components/parameters/{parameter}"} for parameter in taking]
    described["responses"] = {"200": dict(answer)}
    for error in errors:
        described["responses"][str(ERRORS[error].status)] = {"$ref": f"#/components/responses/{error}"}
    return described


def body(schema: str, examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A required body of a schema; ``examples`` is media type → name → example."""
    content = {
        media_type: {"schema": reference(schema), "examples": {name: {"value": value} for name, value in named.items()}}
        for media_type, named in examples.items()
    }
    return {"requestBody": {"required": True, "content": content}}


def file_answer(media_type: str, description: str) -> dict[str, Any]:
    """An answer that is no JSON of a schema: a page, a picture."""
    return {"description": description, "content": {media_type: {}}}


def header(name: str) -> dict[str, Any]:
    """A header of the components, as an answer names it."""
    return {name: {"$ref": f"#/components/headers/{name}"}}


HEADERS: Final[Mapping[str, Any]] = {
    "Footfall-Position": {
        "description": "An opaque token that covers every event the request touched; `after=` takes it.",
        "schema": {"type": "string"},
    },
    "Footfall-Lag": {
        "description": "How many records of the log the answer does not cover yet.",
        "schema": {"type": "integer"},
    },
    "Footfall-Error": {"description": "What is wrong, in ASCII.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
"""The components' headers, by name."""

"""What goes in and comes out over HTTP, as JSON Schemas: the fields of an event, receipts, answers, the product object.

Data for ``openapi`` and the reference pages; nothing here decides anything, and a test holds it against the code that does.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from footfall.catalog.told import ToldProduct, product_object
from footfall.limits import (
    EVENT_ID_DAYS,
    IDENTITY_CHARACTERS_MAX,
    META_KEYS_MAX,
    PRODUCT_REFERENCE_CHARACTERS_MAX,
    TAGS_MAX,
    TEXT_CHARACTERS_MAX,
)
from footfall.vocabulary import SUBJECTS, VOCABULARY

Schema = dict[str, Any]

_IDENTITY: Final[Schema] = {"type": ["string", "integer"], "minLength": 1, "maxLength": IDENTITY_CHARACTERS_MAX}
_REFERENCE: Final[Schema] = {"type": ["string", "integer"], "minLength": 1, "maxLength": PRODUCT_REFERENCE_CHARACTERS_MAX}
_TEXT: Final[Schema] = {"type": ["string", "number"], "maxLength": TEXT_CHARACTERS_MAX}
_DECIMAL: Final[Schema] = {"type": ["string", "number"]}
_WHOLE: Final[Schema] = {"type": ["integer", "string"]}
_MOMENT: Final[Schema] = {"type": ["string", "number"]}
_FLAG: Final[Schema] = {"type": ["boolean", "string", "integer"]}


class Field(NamedTuple):
    """A field of an event on the wire. ``same_as``: names that mean the same."""

    name: str
    schema: Schema
    example: Any
    description: str
    same_as: tuple[str, ...] = ()


FIELDS: Final[tuple[Field, ...]] = (
    Field("subject", {"type": "string", "enum": list(SUBJECTS)}, "user", "Who or what acts. Required."),
    Field(
        "verb",
        {"type": "string", "enum": sorted({verb for _, verb, _ in VOCABULARY})},
        "viewed",
        "What was done (the action). Required.",
    ),
    Field(
        "noun",
        {"type": "string", "enum": sorted({noun for _, _, noun in VOCABULARY})},
        "product",
        "What it was done to. Required. Only the combinations of the vocabulary are taken.",
    ),
    Field(
        "uuid",
        _IDENTITY,
        "be6f5fab-32a4-43e5-967c-68017baa3aa5",
        "The visitor: made and kept by the client. A uuid or a customer id is required; UUIDs are compared in lower case.",
    ),
    Field(
        "customer_id",
        _IDENTITY,
        "6203091812395",
        "The shop's known person; ties several uuids together.",
        ("shopify_customer_id",),
    ),
    Field(
        "product_id",
        _REFERENCE,
        "5630650697948",
        "The product. For `user` + any verb + `product`, a product id, handle or variant id is required. A number, its digits "
        "or a GraphQL id (`gid://shopify/Product/…`) name the same product.",
        ("shopify_product_id",),
    ),
    Field(
        "product_handle",
        _REFERENCE,
        "classic-beanie",
        "The product's handle. With an id in the same event, both name one product from then on.",
        ("shopify_product_handle",),
    ),
    Field("shopify_variant_id", _REFERENCE, "36287950323868", "The variant.", ("variant_id",)),
    Field(
        "event_id",
        _IDENTITY,
        "view-0001",
        f"Made by the client: the same id from the same visitor within {EVENT_ID_DAYS} days (a setting) is a duplicate, so "
        "a retry is safe.",
    ),
    Field(
        "event_time",
        _MOMENT,
        "1773136800000",
        "When it happened: milliseconds since the epoch (ten digits are seconds), or ISO 8601 with an offset. The arrival "
        "where it is absent or in the future.",
    ),
    Field(
        "sent_at",
        _MOMENT,
        "1773136800500",
        "The client's clock when it sent: its skew is corrected as received − (sent − event).",
    ),
    Field(
        "rsid",
        _IDENTITY,
        "9f3c2d61-session",
        "The session. On v2 it is by itself an identity; such events are in nobody's history.",
    ),
    Field(
        "consent",
        {"type": ["string", "boolean", "object"]},
        "granted",
        '`granted` or `denied` (or `{"analytics": false}`). Denied: stored without any identity, counted in totals only.',
    ),
    Field(
        "subject_email",
        {"type": "string"},
        "ada@example.com",
        "Kept only as HMAC-SHA256 under the shop's own key; never an identity.",
        ("email", "customer_email", "user_email"),
    ),
    Field("theme_id", _IDENTITY, "127264981148", "The theme that was shown."),
    Field("platform", _TEXT, "Shopify", "`Shopify` where it is absent."),
    Field("shopify_product_title", _TEXT, "Classic Beanie", "The product's title."),
    Field("shopify_variant_title", _TEXT, "Blue", "The variant's title."),
    Field("shopify_variant_price", _DECIMAL, "19.90", "The variant's price, a decimal string."),
    Field("shopify_variant_sku", _TEXT, "BEANIE-BLUE", "The variant's SKU."),
    Field("shopify_cart_token", _IDENTITY, "c1-7a2d7c2d0c0e4bb0a1f8", "The cart."),
    Field(
        "defined_noun_id",
        _TEXT,
        "2914",
        "Which one of the noun: a widget id, a search term, `<term>.<product id>`, `<experiment>.<variant>`.",
    ),
    Field(
        "tags",
        {"type": ["array", "string"], "items": {"type": "string"}, "maxItems": TAGS_MAX},
        ["sale"],
        f"At most {TAGS_MAX} texts.",
    ),
    Field(
        "meta",
        {"type": ["object", "string"], "maxProperties": META_KEYS_MAX},
        {"position": 3},
        f"An object of scalars, at most {META_KEYS_MAX} keys.",
        ("metadata",),
    ),
    Field("label", _TEXT, "hero", "A label of your own."),
    Field("value", _WHOLE, 1990, "An amount in cents."),
    Field("quantity", _WHOLE, 1, "How many; 0 or more."),
    Field("price", _DECIMAL, "19.90", "The price of one unit, a decimal string."),
    Field("currency", {"type": "string"}, "EUR", "Three letters."),
    Field("order_id", _IDENTITY, "4718264221852", "The order."),
    Field("checkout_token", _IDENTITY, "0e4bb0a1f87a2d7c2d0c", "The checkout."),
    Field("widget_id", _IDENTITY, "2914", "The widget that showed it."),
    Field("promo_id", _IDENTITY, "spring", "The promotion."),
    Field("url", _TEXT, "https://shop.example/products/classic-beanie", "The page; emails in it become their HMAC."),
    Field("referrer", _TEXT, "https://search.example/", "Where the visitor came from."),
    Field("device", _TEXT, "mobile", "Class of device; otherwise told from the user agent, which itself is not stored."),
    Field("country", {"type": "string"}, "DE", "Two letters."),
    Field("gpc", _FLAG, False, "Global Privacy Control, as the browser said it: yes or no."),
    Field("test", _FLAG, False, "Marks an event as a test: yes or no."),
)
"""Every field that means something to Footfall. Others are kept as they came."""

EXAMPLES: Final[Mapping[str, Any]] = {field.name: field.example for field in FIELDS}


def object_schema(properties: Mapping[str, Schema], *required: str, description: str = "") -> Schema:
    """An object with these properties."""
    schema: Schema = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    if description:
        schema["description"] = description
    return schema


def reference(name: str) -> Schema:
    """A reference to a schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_schema(name: str) -> Schema:
    """A list of a schema of the components."""
    return {"type": "array", "items": reference(name)}


def _event_properties() -> dict[str, Schema]:
    properties: dict[str, Schema] = {}
    for field in FIELDS:
        properties[field.name] = {**field.schema, "description": field.description, "examples": [field.example]}
        for name in field.same_as:
            properties[name] = {**field.schema, "description": f"The same as `{field.name}`."}
    return properties


NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}
"""A text, or nothing."""
_POSITION: Final[Schema] = {
    "type": "string",
    "description": "An opaque token, as the header `Footfall-Position` carries it.",
    "examples": ["6b1f02c4-0.1"],
}
_NULLABLE_POSITION: Final[Schema] = {**_POSITION, "type": ["string", "null"]}


def product_properties() -> dict[str, Schema]:
    """The product object's keys, from what the code answers for a product that everything is told of."""
    whole = product_object(
        ToldProduct("5630650697948", "classic-beanie", "Classic Beanie", "36287950323868", "Blue", "19.90", "BEANIE-BLUE"),
        "https://shop.example",
    )
    nullable: dict[type, Schema] = {
        int: {"type": ["integer", "string", "null"]},
        str: NULLABLE_TEXT,
        type(None): {},
        bool: {"type": "boolean"},
        list: {"type": "array"},
    }
    properties = {name: dict(nullable[type(value)]) for name, value in whole.items()}
    properties["variants"]["items"] = object_schema(
        {name: dict(nullable[type(value)]) for name, value in whole["variants"][0].items()}, *whole["variants"][0]
    )
    properties["tags"]["description"] = "One comma-separated text."
    properties["link"]["description"] = "`<url>/products/<handle>` where the shop has the setting `url`."
    properties["catalog"]["description"] = "`true`: from the shop's catalog. `false`: told by the events alone."
    return properties


SCHEMAS: Final[Mapping[str, Schema]] = {
    "Event": object_schema(
        _event_properties(),
        "subject",
        "verb",
        "noun",
        description="What a shopper did. Numbers and numeric strings stand for each other; `undefined`, `null` and the like "
        "count as absent; unknown fields are kept.",
    ),
    "Batch": {
        "description": 'A bare array of events, or `{"events": [...]}`.',
        "oneOf": [list_schema("Event"), object_schema({"events": list_schema("Event")}, "events")],
    },
    "Received": object_schema(
        {
            "data": {"type": "string", "const": "Received"},
            "rejected": list_schema("Rejection"),
            "receipts": list_schema("Receipt"),
        },
        "data",
        description='Exactly `{"data":"Received"}` where nothing was rejected and no receipts were asked for. Sent once the '
        "events are durable.",
    ),
    "Webhook": {"type": "object", "description": "What Shopify sends for the topic, in its REST shape."},
    "WebhookReceived": object_schema(
        {
            "data": {"type": "string", "const": "Received"},
            "duplicate": {"type": "boolean", "description": "It came before, and changed nothing again."},
            "rejected": {"type": "string", "description": "Why it can't be read; it is in quarantine."},
        },
        "data",
        description="Sent once what it changed is durable.",
    ),
    "Rejection": object_schema(
        {
            "index": {"type": "integer", "minimum": 0, "description": "Its place in the batch, from 0."},
            "error": {"type": "string"},
        },
        "index",
        "error",
        description="An event of a batch that was not stored; it is in quarantine.",
    ),
    "Receipt": object_schema(
        {
            "status": {"type": "string", "enum": ["stored", "duplicate", "rejected"]},
            "event_id": NULLABLE_TEXT,
            "position": _NULLABLE_POSITION,
            "error": NULLABLE_TEXT,
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
        "status",
        "event_id",
        "position",
        "error",
        description="What happened to one event. `warnings` name what was left out, or what a duplicate said differently.",
    ),
    "Product": object_schema(
        {
            **product_properties(),
            "reasons": {"type": "array", "items": {"type": "object"}, "description": "With `explain=yes`."},
            "metadata": {"type": "object", "description": "Of `purchased`: `purchased_quantity`, a text."},
        },
        *product_properties(),
        description="Shopify REST style. Every key is always there; `null` where nothing is known.",
    ),
    "Products": object_schema({"data": list_schema("Product")}, "data"),
    "Purchased": object_schema(
        {
            "data": list_schema("Product"),
            "metadata": {"type": "object", "description": "`shopify_customer`, where one was named."},
        },
        "data",
    ),
    "Recommendations": object_schema(
        {
            "data": list_schema("Product"),
            "metadata": object_schema(
                {"attribution": {"type": "string", "description": "The answer's id: its list and 16 characters."}},
                "attribution",
            ),
        },
        "data",
        "metadata",
    ),
    "Because": object_schema(
        {
            "product": {"type": "object", "description": "`id`, `handle` or `variant_id`."},
            "verb": {"type": "string", "description": "What the visitor did last with it, or `given`."},
            "at": {"type": ["integer", "null"], "description": "When, in milliseconds since the epoch."},
            "steps": {"type": "integer", "description": "How many steps back it lies."},
            "sessions": {"type": "integer", "description": "How many of the sessions share it."},
        },
        "product",
        "verb",
        "at",
        "steps",
    ),
    "Made": object_schema(
        {
            "data": object_schema(
                {
                    "id": {"type": "string"},
                    "list": {"type": "string"},
                    "at": {"type": "integer"},
                    "position": {"type": "string", "description": "Up to where it covered the events."},
                    "settings": {"type": "string", "description": "Another one whenever what decides is another."},
                    "asked": object_schema(
                        {"of_visitor": {"type": "boolean"}, "products": list_schema("Because")}, "of_visitor", "products"
                    ),
                    "products": {"type": "array", "items": {"type": "object"}},
                },
                "id",
                "list",
                "at",
                "position",
                "settings",
                "asked",
                "products",
            )
        },
        "data",
    ),
    "CatalogProducts": {
        "description": "Products in Shopify's REST shape, or GraphQL nodes: an array, an object with `products`, or one.",
        "oneOf": [{"type": "array"}, {"type": "object"}],
    },
    "CatalogCollections": {
        "description": "Collections, with products where they are told: an array, an object with `collections`, or one.",
        "oneOf": [{"type": "array"}, {"type": "object"}],
    },
    "Outcome": object_schema(
        {
            "status": {"type": "string", "enum": ["created", "updated", "unchanged", "deleted", "unknown", "rejected"]},
            "id": NULLABLE_TEXT,
            "handle": NULLABLE_TEXT,
            "error": {"type": "string"},
        },
        "status",
        description="What happened to one product or collection.",
    ),
    "Outcomes": object_schema({"data": list_schema("Outcome")}, "data"),
    "Deleted": object_schema({"data": reference("Outcome")}, "data"),
    "Where": object_schema(
        {
            "data": {
                "type": "array",
                "minItems": 1,
                "items": object_schema(
                    {
                        "status": {"type": "string", "enum": ["stored", "rejected"]},
                        "event_id": NULLABLE_TEXT,
                        "position": _POSITION,
                        "received_at": {"type": "integer", "description": "Milliseconds since the epoch."},
                        "event": {"type": "object", "description": "The event as it is stored."},
                        "duplicates": {"type": "array", "description": "Its later deliveries."},
                        "quarantine": {"type": "integer", "description": "Its number in quarantine, if it was rejected."},
                        "reason": {"type": "string"},
                        "field": NULLABLE_TEXT,
                        "error": {"type": "string"},
                        "original": {"description": "What came, without identities."},
                        "truncated": {"type": "boolean"},
                    },
                    "status",
                    "event_id",
                    "received_at",
                ),
            }
        },
        "data",
        description="All that is known of it: stored first, then rejections.",
    ),
    "Health": object_schema({"data": object_schema({"status": {"type": "string", "const": "alive"}}, "status")}, "data"),
    "Ready": object_schema(
        {
            "data": object_schema(
                {
                    "status": {"type": "string", "const": "ready"},
                    "pending": {"type": "object", "description": "Parts that are still loading, with why."},
                },
                "status",
                "pending",
            )
        },
        "data",
    ),
    "Error": object_schema(
        {
            "error": {"type": "string", "description": "What is wrong and what to do."},
            "rejected": list_schema("Rejection"),
            "receipts": list_schema("Receipt"),
            "parts": {"type": "object", "description": "On `/ready`: the parts that are not up, with why."},
        },
        "error",
    ),
}
"""The components' schemas, by name."""

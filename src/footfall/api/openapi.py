"""The OpenAPI 3.1 document: every route with its parameters, bodies, answers and examples, described by hand as data.

The routes with plain handlers have no types from which it could be made; tests hold it against the routes that are there,
send every example to a running service, and check every answer against its schema.
"""

from collections.abc import Mapping
from typing import Any, Final

from footfall import __version__
from footfall.api.keys import KEY_HEADERS
from footfall.api.openapi_catalog import CATALOG, CATALOG_ABOUT, catalog_paths, list_paths
from footfall.api.openapi_live_feed import live_feed_paths
from footfall.api.openapi_recommendations import recommendation_paths
from footfall.api.openapi_report_schemas import REPORT_SCHEMAS
from footfall.api.openapi_reports import ANALYTICS, ANALYTICS_ABOUT, question_schema, report_paths
from footfall.api.openapi_schemas import EXAMPLES, SCHEMAS
from footfall.api.openapi_shared import (
    ERRORS,
    EXAMPLE_KEY,
    HEADERS,
    JSON_TYPE,
    PRICE_BOUNDS,
    V1_FIELDS,
    body,
    file_answer,
    header,
    json_answer,
    operation,
    parameters,
    responses,
)
from footfall.api.openapi_source_schemas import SOURCE_SCHEMAS
from footfall.api.openapi_sources import DATA_SOURCES, DATA_SOURCES_ABOUT, source_paths
from footfall.api.openapi_webhooks import WEBHOOKS, WEBHOOKS_ABOUT, webhook_paths
from footfall.intake.rejection import MISSING_IDENTITY
from footfall.limits import BATCH_EVENTS_MAX, BODY_BYTES_MAX, EVENT_BYTES_MAX, QUERY_BYTES_MAX, RETRY_AFTER_SECONDS

_FORM: Final = "application/x-www-form-urlencoded"
_BEACON: Final = "text/plain"

_EVENTS, _PRODUCTS, _WHERE, _STATUS, _PAGES = "Send events", "Read products", "Where and why?", "Status", "Pages"
_TAGS: Final[Mapping[str, str]] = {
    _EVENTS: "An event is acknowledged once it is durable. Use v2; v1 and the older path are here for callers that have them.",
    _PRODUCTS: "What a visitor viewed is right as soon as the event is acknowledged.",
    _WHERE: "For the shop's own servers: these need the secret key.",
    CATALOG: CATALOG_ABOUT,
    DATA_SOURCES: DATA_SOURCES_ABOUT,
    WEBHOOKS: WEBHOOKS_ABOUT,
    ANALYTICS: ANALYTICS_ABOUT,
    _STATUS: "For operators and load balancers; no key.",
    _PAGES: "For people and tools; no key.",
}
_BODY_ERRORS: Final = ("TooSlow", "TooLarge", "Unsupported")
_COLLECTION_ERRORS: Final = ("MissingIdentity", "UnknownKey", "SecretInPage", *_BODY_ERRORS, "Unavailable")
_PIXEL_ERRORS: Final = ("MissingIdentity", "UnknownKey", "SecretInPage", "TooLarge", "Unavailable")
_OF_LISTS: Final = (
    "limit",
    "filter_oos",
    "country_code",
    *PRICE_BOUNDS,
    "unset_variants",
    "metafields",
    "variant_metafields",
    "catalog",
    "explain",
    "format",
    "after",
)
"""The parameters that every list of products takes."""
_READ_ERRORS: Final = ("MissingIdentity", "UnknownKey", "CustomerReadsSecret", "TooLarge", "Unavailable")

_ABOUT: Final = (
    "The public key names a shop. It stands in page source and is no secret: it may send events and read what storefronts "
    "show. Send it as `key` in the query string, or in the header "
    f"{', '.join(f'`{name}`' for name in KEY_HEADERS)}, on every route. The secret key (`Authorization: Bearer …`) opens "
    "everything of its shop and belongs on servers: with an `Origin` header it is refused.\n\n"
    'Every error but the pixel\'s is JSON, `{"error": "what is wrong and what to do"}`. A method that a path doesn\'t take '
    "is answered with 405, an unknown path with 404. Every path answers `OPTIONS` (CORS, before any key check), and `HEAD` "
    "where it takes `GET`; `HEAD` records nothing. What can't be stored or answered in time is answered with 503 and "
    f"`Retry-After: {RETRY_AFTER_SECONDS}`, and nothing was acknowledged.\n\n"
    f"Bounds: an event {EVENT_BYTES_MAX // 1024} KB, a batch {BATCH_EVENTS_MAX} events, a body "
    f"{BODY_BYTES_MAX // 1024 // 1024} MB packed and unpacked (gzip is taken), a query string {QUERY_BYTES_MAX // 1024} KB."
)


def _example(*names: str, **fields: Any) -> dict[str, Any]:
    """An event from the fields' own examples."""
    return {name: EXAMPLES[name] for name in ("subject", "verb", "noun", "uuid", *names)} | fields


_VIEW: Final = _example("product_id", "product_handle", "event_id")
_V1_VIEW: Final = {**_example(), "shopify_product_handle": EXAMPLES["product_handle"], "key": EXAMPLE_KEY}
_SEARCH: Final = _example("rsid", verb="searched", noun="term", defined_noun_id="beanie", meta={"result:5630650697948": True})
_BATCH: Final = [_example("product_id", event_id="view-0002"), {"subject": "user", "verb": "viewed", "noun": "product"}]
_STORED: Final = "Stored, durably, or a duplicate of what is."
_RECEIVED: Final = json_answer("Received", _STORED, {"data": "Received"}, position=True)
_PARTLY: Final = json_answer(
    "Received",
    "Stored, durably, or duplicates of what is. Those in `rejected` are in quarantine.",
    {
        "data": "Received",
        "rejected": [{"index": 1, "error": MISSING_IDENTITY}],
        "receipts": [
            {"status": "stored", "event_id": "view-0002", "position": "6b1f02c4-0.2", "error": None},
            {"status": "rejected", "event_id": None, "position": None, "error": MISSING_IDENTITY},
        ],
    },
    position=True,
)
_POINTER: Final = "Use `POST /api/v2/analytics/event` (`analytics-event-v2`) instead."
_ANY_FIELD: Final = "Every other field of an event is taken here too."


def _v1() -> dict[str, Any]:
    taking = ("key", *V1_FIELDS, "receipts")
    post = operation(
        "analytics-event",
        _EVENTS,
        "Send one event (v1)",
        f"Fields in the query string, a form or a JSON object; of a field in both, the body's counts. {_ANY_FIELD} {_POINTER}",
        _RECEIVED,
        errors=_COLLECTION_ERRORS,
        deprecated=True,
    )
    post |= body("Event", {_FORM: {"form": _V1_VIEW}, JSON_TYPE: {"json": _V1_VIEW}, _BEACON: {"beacon": _V1_VIEW}})
    get = operation(
        "analytics-event-get",
        _EVENTS,
        "Send one event (v1, query string)",
        f"The same by GET, as storefronts send it. {_ANY_FIELD} {_POINTER}",
        _RECEIVED,
        errors=_PIXEL_ERRORS,
        taking=taking,
        deprecated=True,
    )
    pixel = operation(
        "analytics-event-pixel",
        _EVENTS,
        "Send one event (pixel)",
        "For pages without script: the query string of v1, always answered with a GIF of one pixel and the status that v1 "
        f"would have; an error stands in the header `Footfall-Error`. {_ANY_FIELD}",
        {**file_answer("image/gif", _STORED), "headers": header("Footfall-Position")},
        taking=taking[:-1],
    )
    for error in (ERRORS[name] for name in _PIXEL_ERRORS):
        answer = {**file_answer("image/gif", error.description), "headers": header("Footfall-Error")}
        pixel["responses"][str(error.status)] = answer
    return {"/api/v1/analytics/event": {"post": post, "get": get}, "/api/v1/analytics/event.gif": {"get": pixel}}


def _v2() -> dict[str, Any]:
    taking = ("key", "receipts")
    single = body("Event", {JSON_TYPE: {"view": _VIEW, "search": _SEARCH}, _BEACON: {"beacon": _VIEW}})
    post = operation(
        "analytics-event-v2",
        _EVENTS,
        "Send one event",
        "One JSON object. `text/plain` is read as JSON too, because that is what `navigator.sendBeacon` sends; the key then "
        "goes into the query string.",
        _RECEIVED,
        errors=_COLLECTION_ERRORS,
        taking=taking,
    )
    older = operation(
        "analytics-event-v2-older",
        _EVENTS,
        "Send one event (older path)",
        f"The same as `POST /api/v2/analytics/event`. {_POINTER}",
        _RECEIVED,
        errors=_COLLECTION_ERRORS,
        taking=taking,
        deprecated=True,
    )
    bulk = operation(
        "analytics-event-bulk",
        _EVENTS,
        "Send many events",
        f"A bare array, or an object with `events`; at most {BATCH_EVENTS_MAX} events. The good ones are stored in their "
        "order; the others are named in `rejected` and kept in quarantine. Where none is good the answer is 400 with "
        "`error` and `rejected`.",
        _PARTLY,
        errors=_COLLECTION_ERRORS,
        taking=taking,
    )
    batch = body("Batch", {JSON_TYPE: {"array": _BATCH, "object": {"events": _BATCH}}, _BEACON: {"beacon": _BATCH[:1]}})
    return {
        "/api/v2/analytics/event": {"post": post | single},
        "/api/v2/analytics/event/bulk": {"post": bulk | batch},
        "/admin/api/v2/event": {"post": older | single},
    }


def _reads() -> dict[str, Any]:
    known = {"id": 5630650697948, "handle": "classic-beanie", "tags": "", "catalog": False}
    lists: dict[str, Any] = {"images": [], "options": [], "variants": []}
    product: dict[str, Any] = {**dict.fromkeys(SCHEMAS["Product"]["required"]), **known, **lists}
    answer = json_answer("Products", "The products, newest first.", {"data": [product]}, position=True)
    get = operation(
        "products-viewed",
        _PRODUCTS,
        "Recently viewed products",
        "What this visitor viewed: newest first by the events' own time, each product once. `uuid` or "
        "`shopify_customer_id` is required; by uuid it is that uuid's own events, by customer all that the customer owns on "
        "all devices. `verb=added` answers what was added, whether or not it was removed later. Unknown parameters are "
        "ignored.",
        answer,
        errors=_READ_ERRORS,
        taking=("key", "uuid", "shopify_customer_id", "read_subject", "read_verb", *_OF_LISTS),
    )
    post = operation(
        "products-viewed-post",
        _PRODUCTS,
        "Recently viewed products (POST)",
        "The same parameters as a form or a JSON object, for callers whose line grows too long for GET.",
        answer,
        errors=(*_READ_ERRORS, "TooSlow", "Unsupported"),
    )
    asked = {"key": EXAMPLE_KEY, "uuid": EXAMPLES["uuid"], "limit": 10}
    post |= body("Question", {_FORM: {"form": asked}, JSON_TYPE: {"json": asked}})
    viewed = {"/api/v1/products/viewed": {"get": get, "post": post}}
    lists = list_paths(_PRODUCTS, product, _OF_LISTS) | source_paths(_PRODUCTS, product, _OF_LISTS)
    lists |= recommendation_paths(_PRODUCTS, product, _OF_LISTS, _WHERE)
    return viewed | lists | {"/api/v1/events/{reference}": {"get": _where()}} | live_feed_paths(_WHERE)


def _where() -> dict[str, Any]:
    stored = {
        "status": "stored",
        "event_id": EXAMPLES["event_id"],
        "position": "6b1f02c4-0.1",
        "received_at": 1773136800000,
        "event": {**_VIEW, "event_time": 1773136800000, "received_at": 1773136800000, "platform": "Shopify"},
        "duplicates": [],
    }
    where = operation(
        "event-where",
        _WHERE,
        "What happened to an event",
        "By its client-made `event_id`, or by a position: stored at which position (and delivered again when), or rejected "
        "and why.",
        json_answer("Where", "All that is known of it.", {"data": [stored]}),
        errors=("NoSecret", "SecretInPage", "UnknownEvent", "Unavailable"),
        security=("secret",),
    )
    where["parameters"] = [
        {
            "name": "reference",
            "in": "path",
            "required": True,
            "description": "An event id, or a position.",
            "schema": {"type": "string"},
            "example": EXAMPLES["event_id"],
        }
    ]
    return where


def _others() -> dict[str, Any]:
    page = file_answer("text/html", "The page.")
    alive = json_answer("Health", "Alive.", {"data": {"status": "alive"}})
    up = json_answer("Ready", "Up.", {"data": {"status": "ready", "pending": {}}})
    ready_about = "200 once the log can be written and history is right; a 503 names the parts that are not up in `parts`."
    moving_about = "What changes for callers of the inherited interface, and what is not served."
    told = {
        "/health": operation("health", _STATUS, "Is it alive?", "200 while the process answers at all.", alive, security=()),
        "/ready": operation("ready", _STATUS, "Can it take events?", ready_about, up, errors=("Unavailable",), security=()),
        "/": operation("home", _PAGES, "What runs here", "A page for people.", page, security=()),
        "/docs": operation("docs", _PAGES, "This reference", "Asks no other host for anything.", page, security=()),
        "/docs/moving": operation("docs-moving", _PAGES, "Moving to Footfall", moving_about, page, security=()),
        "/openapi.json": operation(
            "openapi", _PAGES, "This reference for tools", "OpenAPI 3.1.", file_answer(JSON_TYPE, "The document."), security=()
        ),
        "/sdk/{name}": _sdk(),
    }
    return {path: {"get": operation} for path, operation in told.items()}


def _sdk() -> dict[str, Any]:
    about = (
        "The newest under its plain name, kept by browsers for five minutes; each version under its own "
        "(`footfall.v1.js`), which never changes and may be kept for ever."
    )
    file = file_answer("text/javascript", "The file.")
    described = operation("sdk", _PAGES, "A file for browsers", about, file, security=())
    name = {"name": "name", "in": "path", "required": True, "description": "The file.", "schema": {"type": "string"}}
    described["parameters"] = [{**name, "example": "footfall.js"}]
    return described


def _security_schemes() -> dict[str, Any]:
    public = "The shop's public key."
    return {
        "key": {"type": "apiKey", "in": "query", "name": "key", "description": public},
        **{name: {"type": "apiKey", "in": "header", "name": name, "description": public} for name in KEY_HEADERS},
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Shopify-Hmac-Sha256",
            "description": "Base64 of the HMAC-SHA256 of the body under a webhook secret of the shop.",
        },
        "secret": {"type": "http", "scheme": "bearer", "description": "The shop's secret key, from servers only."},
    }


def document() -> dict[str, Any]:
    """The whole document. Built anew at each call; whoever needs it keeps it."""
    described = parameters()
    question = {name: described[name]["schema"] for name in ("key", "uuid", "shopify_customer_id", *_OF_LISTS)}
    question |= {name: {"type": "string"} for name in ("subject", "verb")}
    question |= {
        name: described[name]["schema"] for name in ("shopify_product_ids", "cart_items", "cart_subtotal", "fallback")
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footfall",
            "version": __version__,
            "summary": "The open, self-hosted event stream for storefronts.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": {**_v2(), **_v1(), **_reads(), **catalog_paths(), **webhook_paths(), **report_paths(), **_others()},
        "components": {
            "schemas": {
                **SCHEMAS,
                **SOURCE_SCHEMAS,
                **REPORT_SCHEMAS,
                "Question": {"type": "object", "properties": question},
                "ReportQuestion": question_schema(),
            },
            "parameters": described,
            "responses": responses(),
            "headers": dict(HEADERS),
            "securitySchemes": _security_schemes(),
        },
    }

"""Faults of a host by the promise that each of them breaks."""

import json
from typing import Any, Final

from tests.acceptance.broken_host import (
    RECEIVED,
    Asked,
    Fault,
    When,
    answers,
    answers_body,
    answers_header,
    answers_json,
    answers_products,
    answers_status,
    answers_text,
    answers_without,
    everything,
    forgets,
    hears,
    hears_no,
    hears_query,
    hears_text,
    refuses,
    says,
    to,
)

V1: Final = "/api/v1/analytics/event"
V2: Final = "/api/v2/analytics/event"
BULK: Final = "/api/v2/analytics/event/bulk"
VIEWED: Final = "/api/v1/products/viewed"
ORIGIN: Final = "access-control-allow-origin"
WORDS: Final = "Missing required args. You must pass either shopify_customer_id or uuid."
AS_ANY: Final = to("GET", VIEWED)


def of_type(media_type: str, method: str, path: str) -> When:
    """Requests to a path with a content type."""
    return lambda asked: to(method, path)(asked) and asked.headers.get("content-type", "").startswith(media_type)


def wants(method: str) -> When:
    """Preflights of a method."""
    return lambda asked: asked.method == "OPTIONS" and asked.headers.get("access-control-request-method") == method


def without_key(product: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in product.items() if key != name}


def only_half(asked: Asked) -> Asked:
    """A batch of which the second half is overlooked."""
    events = json.loads(asked.body)
    return asked._replace(body=json.dumps(events[: max(1, len(events) // 2)]).encode())


def reversed_receipts(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "receipts": told.get("receipts", [])[::-1]}


FAULTS: Final[dict[str, tuple[Fault, ...]]] = {
    "v1-get": (forgets(to("GET", V1)), answers_body(to("GET", V1), b'{"data":"OK"}'), answers_body(to("GET", V1), b"")),
    "v1-get-json-type": (
        refuses(of_type("application/json", "GET", V1), 415),
        refuses(of_type("application/json", "GET", VIEWED), 415),
    ),
    "v1-post-query": (refuses(lambda asked: to("POST", V1)(asked) and not asked.body),),
    "v1-customer": (forgets(lambda asked: to("GET", V1)(asked) and "shopify_customer_id" in asked.query),),
    "v2-single": (forgets(to("POST", V2)), hears_no("X-Rebuy-User-Token", to("POST", V2))),
    "v2-older-path": (refuses(to("POST", "/admin/api/v2/event"), 404),),
    "v2-bulk": (hears(to("POST", BULK), only_half), refuses(to("POST", BULK))),
    "v2-bulk-cache-key": (refuses(lambda asked: "cache_key" in asked.query), refuses(says("cache_key"))),
    "v2-other-kinds": (refuses(says('"widget"')), refuses(says('"no-search-results"'))),
    "v1-form": (refuses(of_type("application/x-www-form", "POST", V1), 415),),
    "v1-json": (refuses(of_type("application/json", "POST", V1), 415),),
    "v2-bulk-envelope": (refuses(lambda asked: asked.body.startswith(b'{"events"')),),
    "beacon": (refuses(of_type("text/plain", "POST", V2), 415), refuses(of_type("text/plain", "POST", BULK), 415)),
    "packed": (refuses(lambda asked: "content-encoding" in asked.headers, 415),),
    "pixel": (
        forgets(to("GET", V1 + ".gif"), b"GIF89a", "image/gif"),
        answers_body(to("GET", V1 + ".gif"), RECEIVED),
        answers_header("content-type", "text/plain", to("GET", V1 + ".gif")),
    ),
    "ids-alike": (hears_text("gid://shopify/Product/", "other-"), answers_products(lambda _: [{"id": "1"}], AS_ANY)),
    "session-alone": (refuses(says('"rsid"')), hears_text('"rsid"', '"uuid"')),
    "consent-denied": (refuses(says('"consent"')), hears_text('"denied"', '"granted"')),
    "partial-failure": (
        answers_body(to("POST", BULK), RECEIVED),
        answers_json(to("POST", BULK), lambda told: {**told, "rejected": [{"index": 0, "error": WORDS}]}),
        refuses(to("POST", BULK)),
    ),
    "all-rejected": (
        answers_body(to("POST", BULK), RECEIVED, 200),
        answers_body(to("POST", BULK), b'{"error":"All of them are bad."}'),
    ),
    "receipts": (
        answers_json(to("POST", BULK), reversed_receipts),
        answers_text(to("POST", BULK), '"position":"', '"place":"'),
    ),
    "retried": (
        hears_text('"event_id"', '"another_id"', to("POST", V2)),
        answers_text(to("POST", BULK), '"duplicate"', '"stored"'),
    ),
    "position": (answers_without("footfall-position"), hears_query(AS_ANY, after=None)),
    "event-time": (hears_text('"event_time"', '"another_time"'),),
    "whereabouts": (refuses(to("GET", "/api/v1/events/"), 404), answers_json(to("GET", "/api/v1/events/"), lambda _: {})),
    "key-in-token": (hears_no("X-Rebuy-User-Token", to("GET", VIEWED)),),
    "key-in-footfall-key": (hears_no("Footfall-Key"),),
    "key-in-api-key": (hears_no("Rebuy-Api-Key"),),
    "key-in-x-api-key": (hears_no("X-Rebuy-Api-Key"),),
    "key-in-body": (hears_text('"key"', '"yek"', to("POST", V2)), hears_text('"key"', '"yek"', to("POST", VIEWED))),
    "key-missing": (
        forgets(lambda asked: to("GET", V1)(asked) and "key" not in asked.query),
        answers_body(AS_ANY, b'{"error":""}'),
    ),
    "key-unknown": (
        answers_body(AS_ANY, b"<h1>Unauthorized</h1>"),
        answers_status(to("POST", V2), 200),
    ),
    "secret-key": (hears_no("Authorization", to("POST", V2)), hears_no("Authorization", AS_ANY)),
    "secret-key-from-page": (hears_no("Origin"),),
    "identity-missing-v1": (
        answers_text(to("GET", V1), "You must pass", "Pass"),
        answers_status(to("GET", V1), 422),
    ),
    "identity-missing-read": (answers_body(AS_ANY, b'{"data":[]}', 200), answers_text(AS_ANY, "or uuid", "or a uuid")),
    "documented-sample": (refuses(lambda asked: to("GET", V1)(asked) and "verb" not in asked.query),),
    "identity-missing-v2": (answers_text(to("POST", V2), "required args", "fields"),),
    "placeholders": (
        hears_text('"undefined"', '"somebody"'),
        hears_text('"shopify_customer_id":0', '"shopify_customer_id":1'),
        answers_body(AS_ANY, b'{"data":[]}', 200),
    ),
    "placeholder-beside-customer": (refuses(says('"undefined"')), forgets(says('"undefined"'))),
    "verb-unknown": (forgets(says("sniffed")), answers_body(says("sniffed"), b'{"error":"This verb is unknown."}')),
    "product-missing": (forgets(to("POST", V2)), answers_body(to("POST", V2), b'{"error":"Something is missing."}')),
    "body-unreadable": (answers_body(to("POST", V2), b"Bad Request"), forgets(to("POST", BULK))),
    "method-not-taken": (answers_without("allow"), refuses(to("PUT", V2), 400), answers_body(to("PUT", V2), b"")),
    "not-served": (
        answers_body(to("GET", "/api/v1/meta/"), b'{"error":"Not found."}'),
        answers_without(ORIGIN, to("GET", "/api/v1/user/")),
        forgets(to("GET", "/api/v1/widgets/")),
    ),
    "path-unknown": (answers_body(everything, b"<h1>Not found</h1>"), answers_without(ORIGIN)),
    "preflight-event": (
        refuses(wants("POST"), 401),
        answers_without(ORIGIN, wants("POST")),
        answers_header("access-control-allow-headers", "content-type", wants("POST")),
        answers_header("access-control-allow-methods", "GET", wants("POST")),
    ),
    "preflight-get": (
        refuses(wants("GET"), 405),
        answers_without(ORIGIN, wants("GET")),
        answers_without("access-control-allow-headers", wants("GET")),
    ),
    "readable-answers": (answers_without(ORIGIN, to("GET", V1)), answers_header(ORIGIN, "https://other.example", AS_ANY)),
    "sandbox": (
        answers_header(ORIGIN, "https://shop.example", wants("POST")),
        answers_without(ORIGIN, to("POST", V2)),
        refuses(lambda asked: asked.method == "POST" and asked.headers.get("origin") == "null", 403),
    ),
    "never-empty": (
        answers_body(to("POST", V2), b""),
        answers_body(to("POST", V2), b"", 204),
        answers_body(AS_ANY, b""),
        answers(to("GET", V1), lambda came: came._replace(body=b"")),
        answers_body(AS_ANY, b"[]"),
    ),
    "preflight-any-header": (
        answers_header("access-control-allow-headers", "content-type, x-rebuy-user-token"),
        answers_header("access-control-allow-headers", "*"),
        answers_without("access-control-max-age"),
    ),
    "credentialed-beacon": (
        answers_header(ORIGIN, "*"),
        answers_without("access-control-allow-credentials"),
        answers_without("vary"),
    ),
    "readable-refusals": (answers_without(ORIGIN, to("GET", V1)), answers_without(ORIGIN, AS_ANY)),
    "exposed-headers": (
        answers_header("access-control-expose-headers", "ETag", to("POST", V2)),
        answers_without("access-control-expose-headers", AS_ANY),
    ),
    "not-kept": (
        answers_header("cache-control", "public, max-age=60", to("GET", V1)),
        answers_without("cache-control", AS_ANY),
    ),
    "head-records-nothing": (
        hears(to("HEAD", V1), lambda asked: asked._replace(method="GET")),
        refuses(to("HEAD", V1), 405),
    ),
    "long-questions": (refuses(lambda asked: len(asked.body) > 32_000, 413),),
    "newest-first": (
        answers_products(lambda products: products[::-1], AS_ANY),
        answers_products(lambda products: products[:1] + products, AS_ANY),
        answers_products(lambda products: products[:-1], AS_ANY),
    ),
    "limit": (
        hears_query(AS_ANY, limit=None),
        hears(AS_ANY, lambda asked: asked._replace(query={"limit": "10", **asked.query})),
    ),
    "limit-most": (refuses(lambda asked: asked.query.get("limit") == "1000"), answers_products(lambda p: p * 2, AS_ANY)),
    "nobody": (answers_body(AS_ANY, b'{"error":"Nobody."}', 404), answers_body(AS_ANY, b'{"data":null}')),
    "added": (
        hears_query(AS_ANY, verb=None),
        hears_text('"removed"', '"added"'),
        hears_text('"viewed"', '"added"'),
    ),
    "context-ignored": (
        refuses(lambda asked: "widget_parameter" in asked.query),
        answers(lambda asked: asked.query.get("limit") == "", lambda came: came._replace(body=b'{"data":[]}')),
    ),
    "posted-question": (
        refuses(of_type("application/x-www-form", "POST", VIEWED), 415),
        refuses(of_type("application/json", "POST", VIEWED), 415),
    ),
    "pretty": (
        hears_query(lambda asked: "pretty" in asked.query, pretty=None),
        hears_query(AS_ANY, format=None),
        answers_products(lambda products: products * 2, lambda asked: "pretty" in asked.query),
    ),
    "product-object": (
        answers_products(lambda products: [without_key(product, "vendor") for product in products], AS_ANY),
        answers_products(lambda products: [{**product, "id": str(product["id"])} for product in products], AS_ANY),
        answers_products(lambda products: [{**product, "tags": []} for product in products], AS_ANY),
        answers_products(lambda products: [{**product, "variants": []} for product in products], AS_ANY),
        answers_products(lambda ps: [{**p, "variants": [{**v, "price": 19.9} for v in p["variants"]]} for p in ps], AS_ANY),
        answers_products(lambda products: products * 2, AS_ANY),
    ),
    "metafields": (answers_products(lambda products: [{**product, "metafields": None} for product in products], AS_ANY),),
    "unknown-left-out": (hears_query(AS_ANY, catalog="any"),),
    "sources": (
        refuses(to("GET", "/api/v1/products/top_sellers"), 404),
        answers_products(lambda told: [source for source in told if source["id"] != "viewed"], to("GET", "/api/v1/sources")),
        answers_products(lambda told: [without_key(source, "query") for source in told], to("GET", "/api/v1/sources")),
        answers_products(lambda _: [], to("GET", "/api/v1/sources")),
    ),
    "limit-unusable": (refuses(lambda asked: asked.query.get("limit") == "many"), hears_query(AS_ANY, limit="1")),
    "pretty-is-a-word": (hears_query(lambda asked: "format" in asked.query, format="pretty"),),
    "explained": (
        hears_query(AS_ANY, explain=None),
        answers_text(AS_ANY, '"source":"viewed"', '"source":"elsewhere"'),
    ),
}
"""Promise → faults, each of which breaks it."""

"""Promises about the ways in for events: what is sent is received, and read back at once."""

import gzip
from typing import Final

from footfall.cli.promises.promise import (
    BULK,
    FROM_PAGE,
    JSON,
    PIXEL,
    TOKEN,
    V1,
    V2,
    V2_OLDER,
    VIEWED,
    Group,
    Visitor,
    encoded,
    form,
    names_are,
)

GROUP: Final = Group("events")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_PLAIN: Final = {"Content-Type": "text/plain;charset=UTF-8"}
_KINDS: Final = (
    {"subject": "user", "verb": "searched", "noun": "term", "defined_noun_id": "linen"},
    {"subject": "user", "verb": "viewed", "noun": "widget", "defined_noun_id": "1234"},
    {"subject": "user", "verb": "started", "noun": "session", "meta": {"platform": "web", "mobile": False}},
    {"subject": "user", "verb": "viewed", "noun": "collection", "defined_noun_id": "everyday"},
    {"subject": "search", "verb": "returned", "noun": "no-search-results", "defined_noun_id": "linen"},
)
"""What storefront scripts tell of besides products."""


@GROUP.documented
def v1_get(visitor: Visitor) -> None:
    """v1 by GET: a view in the query string is received and read back."""
    seen = visitor.products[0]
    visitor.get(V1, visitor.view(seen)).is_received()
    visitor.has_viewed(seen)


@GROUP.documented
def v1_get_json_type(visitor: Visitor) -> None:
    """v1 by GET with Content-Type application/json, as storefront hooks send it; so is the read."""
    seen = visitor.products[0]
    visitor.get(V1, visitor.view(seen), JSON).is_received()
    names_are(visitor.viewed(JSON), [seen])


@GROUP.documented
def v1_post_query(visitor: Visitor) -> None:
    """v1 by POST with everything in the query string and no body."""
    seen = visitor.products[0]
    visitor.host.ask("POST", V1, query={"key": visitor.host.key, **visitor.view(seen)}).is_received()
    visitor.has_viewed(seen)


@GROUP.documented
def v1_customer(visitor: Visitor) -> None:
    """v1 with shopify_customer_id in the place of the uuid; read back by that customer (with the secret key, where given)."""
    seen = visitor.products[0]
    visitor.get(V1, visitor.view(seen, uuid=None, shopify_customer_id=visitor.customer)).is_received()
    asked = visitor.asked(key=visitor.host.key, shopify_customer_id=visitor.customer)
    names_are(visitor.host.ask("GET", VIEWED, query=asked, headers=visitor.bearer), [seen])


@GROUP.documented
def v2_single(visitor: Visitor) -> None:
    """v2: one JSON object with the key in X-Rebuy-User-Token."""
    seen = visitor.products[0]
    visitor.post(visitor.event(seen)).is_received()
    visitor.has_viewed(seen)


@GROUP.documented
def v2_older_path(visitor: Visitor) -> None:
    """v2 on its older path."""
    seen = visitor.products[0]
    visitor.post(visitor.event(seen), V2_OLDER).is_received()
    visitor.has_viewed(seen)


@GROUP.documented
def v2_bulk(visitor: Visitor) -> None:
    """v2 bulk: a bare array of a hundred events, a session's, of which some name a product."""
    first, second = visitor.products[:2]
    others = [{**_KINDS[0], "uuid": visitor.uuid, "test": True}] * 98
    visitor.post([visitor.event(first), *others, visitor.event(second)], BULK).is_received()
    visitor.has_viewed(second, first)


@GROUP.documented
def v2_bulk_cache_key(visitor: Visitor) -> None:
    """v2 bulk with ?cache_key=, as storefront scripts send it: it means nothing."""
    seen = visitor.products[0]
    visitor.post([visitor.event(seen, cache_key=1790000000)], BULK, query={"cache_key": "1790000000"}).is_received()
    visitor.has_viewed(seen)


@GROUP.documented
def v2_other_kinds(visitor: Visitor) -> None:
    """v2 bulk with what storefront scripts tell of besides products: searches, widgets, sessions, collections."""
    visitor.post([{**kind, "uuid": visitor.uuid, "test": True} for kind in _KINDS], BULK).is_received()
    visitor.has_viewed()


@GROUP.ours
def v1_form(visitor: Visitor) -> None:
    """v1 by POST of a form."""
    seen = visitor.products[0]
    body = form({"key": visitor.host.key, **visitor.view(seen)})
    visitor.host.ask("POST", V1, headers=_FORM, body=body).is_received()
    visitor.has_viewed(seen)


@GROUP.ours
def v1_json(visitor: Visitor) -> None:
    """v1 by POST of a JSON object."""
    seen = visitor.products[0]
    body = encoded({"key": visitor.host.key, **visitor.view(seen)})
    visitor.host.ask("POST", V1, headers=JSON, body=body).is_received()
    visitor.has_viewed(seen)


@GROUP.ours
def v2_bulk_envelope(visitor: Visitor) -> None:
    """v2 bulk with the array in an object, {"events": [...]}."""
    seen = visitor.products[0]
    visitor.post({"events": [visitor.event(seen)]}, BULK).is_received()
    visitor.has_viewed(seen)


@GROUP.ours
def beacon(visitor: Visitor) -> None:
    """navigator.sendBeacon: JSON as text/plain with the key in the query string, single and bulk."""
    first, second = visitor.products[:2]
    for path, value in ((V2, visitor.event(first)), (BULK, [visitor.event(second)])):
        query = {"key": visitor.host.key}
        visitor.host.ask("POST", path, query=query, headers={**FROM_PAGE, **_PLAIN}, body=encoded(value)).is_received()
    visitor.has_viewed(second, first)


@GROUP.ours
def packed(visitor: Visitor) -> None:
    """A body packed with gzip."""
    seen = visitor.products[0]
    headers = {TOKEN: visitor.host.key, **JSON, "Content-Encoding": "gzip"}
    visitor.host.ask("POST", V2, headers=headers, body=gzip.compress(encoded(visitor.event(seen)))).is_received()
    visitor.has_viewed(seen)


@GROUP.ours
def pixel(visitor: Visitor) -> None:
    """The pixel: a GIF answers, and the view in its query string is read back."""
    seen = visitor.products[0]
    answer = visitor.get(PIXEL, visitor.view(seen))
    answer.has_header("content-type", "image/gif")
    answer.require(answer.status == 200 and answer.body[:6] in (b"GIF87a", b"GIF89a"), "200 with a GIF")
    visitor.has_viewed(seen)


@GROUP.ours
def ids_alike(visitor: Visitor) -> None:
    """An id as text, as a number and as a GraphQL id names the same product."""
    seen = visitor.products[0]
    for product_id in (seen.id, int(seen.id), f"gid://shopify/Product/{seen.id}"):
        visitor.post(visitor.event(seen, product_id=product_id, product_handle=None)).is_received()
    answer = visitor.viewed()
    came = [product.get("id") for product in answer.products()]
    answer.require(came == [int(seen.id)], f"one product, with the number {seen.id} as its id")


@GROUP.ours
def session_alone(visitor: Visitor) -> None:
    """v2 with a session id (rsid) alone is received, and is in nobody's history."""
    visitor.post(visitor.event(visitor.products[0], uuid=None, rsid=visitor.uuid)).is_received()
    visitor.has_viewed()


@GROUP.ours
def consent_denied(visitor: Visitor) -> None:
    """With consent denied an event is received, and is in nobody's history."""
    visitor.post(visitor.event(visitor.products[0], consent="denied")).is_received()
    visitor.has_viewed()

"""Promises about refusals: the documented words, and errors that say what to do, as JSON."""

from typing import Final

from footfall.cli.promises.promise import BULK, FROM_PAGE, JSON, TOKEN, V1, V2, VIEWED, Group, Visitor

GROUP: Final = Group("refusals")
_MISSING: Final = "Missing required args. You must pass either shopify_customer_id or uuid."
_PLACEHOLDERS: Final = (None, "", "undefined", "null", "NaN", "[object Object]", "false", "none",
                        "00000000-0000-0000-0000-000000000000")  # fmt: skip
_NOT_SERVED: Final = ("/api/v1/user/config", "/api/v1/widgets/settings", "/api/v1/smart-search/results",
                      "/api/v1/smart-collections/results", "/api/v1/meta/fields")  # fmt: skip
"""One path of each family that Footfall leaves to others."""


@GROUP.documented
def identity_missing_v1(visitor: Visitor) -> None:
    """v1 without uuid and customer: the documented 400, word for word."""
    visitor.get(V1, visitor.view(visitor.products[0], uuid=None)).is_exactly(400, {"error": _MISSING})


@GROUP.documented
def identity_missing_read(visitor: Visitor) -> None:
    """viewed without uuid and customer: the same."""
    visitor.get(VIEWED, {}).is_exactly(400, {"error": _MISSING})


@GROUP.documented
def documented_sample(visitor: Visitor) -> None:
    """The documentation's own sample, which sends key and subject alone: identity is looked at first."""
    visitor.get(V1, {"subject": "user"}).is_exactly(400, {"error": _MISSING})


@GROUP.ours
def identity_missing_v2(visitor: Visitor) -> None:
    """v2 without uuid and customer: the same words."""
    visitor.post(visitor.event(visitor.products[0], uuid=None)).is_exactly(400, {"error": _MISSING})


@GROUP.ours
def placeholders(visitor: Visitor) -> None:
    """What broken pages send as uuid (undefined, null, …) and 0 as customer count as absent: no two visitors become one."""
    seen = visitor.products[0]
    batch = [{**visitor.event(seen), "uuid": placeholder} for placeholder in _PLACEHOLDERS]
    batch.append(visitor.event(seen, uuid=None, shopify_customer_id=0))
    answer = visitor.post(batch, BULK)
    rejected = [{"index": index, "error": _MISSING} for index in range(len(batch))]
    answer.is_refused(400)
    answer.require(answer.json(400).get("rejected") == rejected, f"400 with all {len(batch)} events in rejected")
    visitor.get(VIEWED, {"uuid": "undefined"}).is_exactly(400, {"error": _MISSING})


@GROUP.ours
def placeholder_beside_customer(visitor: Visitor) -> None:
    """A placeholder beside a usable identity does not cost the event."""
    seen = visitor.products[0]
    visitor.post({**visitor.event(seen), "shopify_customer_id": "undefined"}).is_received()
    visitor.has_viewed(seen)


@GROUP.ours
def verb_unknown(visitor: Visitor) -> None:
    """An unknown verb: 400, and the error tells those that are supported."""
    visitor.post(visitor.event(visitor.products[0], verb="sniffed")).is_refused(400, "viewed", "added", "removed")


@GROUP.ours
def product_missing(visitor: Visitor) -> None:
    """A view of no product: 400, and the error names the fields that would do."""
    answer = visitor.post(visitor.event(visitor.products[0], product_id=None, product_handle=None))
    answer.is_refused(400, "product_id")


@GROUP.ours
def body_unreadable(visitor: Visitor) -> None:
    """A body that is no JSON: 400, single and bulk."""
    headers = {TOKEN: visitor.host.key, **JSON}
    visitor.host.ask("POST", V2, headers=headers, body=b"{").is_refused(400)
    visitor.host.ask("POST", BULK, headers=headers, body=b"[{]").is_refused(400)


@GROUP.ours
def method_not_taken(visitor: Visitor) -> None:
    """A method that a path doesn't take: 405, and Allow says which it takes."""
    answer = visitor.host.ask("PUT", V2, headers={TOKEN: visitor.host.key, **JSON}, body=b"{}")
    answer.is_refused(405)
    answer.lists_in_header("allow", "post")


@GROUP.ours
def not_served(visitor: Visitor) -> None:
    """Paths of the families that Footfall leaves to others: 404 that says so, readable from a page."""
    for path in _NOT_SERVED:
        answer = visitor.host.ask("GET", path, query={"key": visitor.host.key}, headers=FROM_PAGE)
        answer.is_exactly(404, {"error": f"{path} is not served by Footfall; see /docs/moving"})
        answer.has_header("access-control-allow-origin", "*")


@GROUP.ours
def path_unknown(visitor: Visitor) -> None:
    """Any other path that isn't there: 404 with a JSON error, readable from a page."""
    answer = visitor.host.ask("GET", "/api/v1/products/of-no-list", headers=FROM_PAGE)
    answer.is_refused(404)
    answer.has_header("access-control-allow-origin", "*")

"""The OpenAPI document's part on the live feed. Data, like ``openapi``."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.api.live_feed import LIVE_FEED
from footfall.api.openapi_schemas import EXAMPLES
from footfall.api.openapi_shared import file_answer, operation
from footfall.limits import LIST_ROWS_MAX, LIVE_HEARTBEAT_SECONDS, LIVE_LOOKED_BACK_MAX, LIVE_PRODUCTS_MAX

_ALTERNATIVES: Final = "Commas part alternatives."
_YES_OR_NO: Final = {"type": "string", "enum": ["yes", "no"], "default": "yes"}
_NAMED: Final[Mapping[str, str]] = {
    "subject": f"Only events of this subject. {_ALTERNATIVES}",
    "verb": f"Only events of this verb. {_ALTERNATIVES}",
    "noun": f"Only events on this noun. {_ALTERNATIVES}",
    "product": "Only events on this product, whichever of its names they carry: its id, a handle, a variant's id. "
    f"Commas part alternatives, at most {LIVE_PRODUCTS_MAX}.",
    "uuid": "Only events of this visitor.",
    "customer_id": "Only events that name this customer.",
}


def live_feed_paths(tag: str) -> dict[str, Any]:
    """The route of the live feed."""
    get = operation(
        "events-stream",
        tag,
        "Events as they are acknowledged",
        "Server-sent events: each message's data is an event as exports show it, and its id the event's position. A client "
        "that connects again with `Last-Event-ID` gets what came since and goes on live, each event once and in order; "
        "without it the feed begins now. Where nothing passes its filters, ids without data say how far the feed is; in "
        f"silence a comment comes every {LIVE_HEARTBEAT_SECONDS} seconds. A position of another log (restored, replaced) is "
        "answered with a message of the type `restarted`, and the log from its beginning. An unknown parameter or value is "
        "refused.",
        file_answer("text/event-stream", "The feed, until it is closed."),
        errors=("WrongFilter", "NoSecret", "SecretInPage", "Unavailable"),
        security=("secret",),
    )
    get["parameters"] = [
        *(_query(name, {"type": "string"}, _example(name), about) for name, about in _NAMED.items()),
        _query("bots", _YES_OR_NO, "yes", "`no` leaves out events of bots."),
        _query("test", _YES_OR_NO, "yes", "`no` leaves out test events."),
        _query("after", {"type": "string"}, "6b1f02c4-0.1", "A position after which the feed begins."),
        _query(
            "last",
            {"type": "integer", "default": 0, "maximum": LIST_ROWS_MAX},
            10,
            "How many of the last events that pass come first, as far as they are among the last "
            f"{LIVE_LOOKED_BACK_MAX} of the server.",
        ),
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The id of the last message that the client had. It goes before `after`, and that before `last`.",
            "schema": {"type": "string"},
            "example": "6b1f02c4-0.1",
        },
    ]
    return {LIVE_FEED: {"get": get}}


def _example(name: str) -> Any:
    return EXAMPLES["product_handle"] if name == "product" else EXAMPLES[name]


def _query(name: str, schema: Mapping[str, Any], example: Any, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}

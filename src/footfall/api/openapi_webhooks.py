"""The OpenAPI document's part on webhooks. Data, like ``openapi``."""

from typing import Any, Final

from footfall.api.openapi_shared import JSON_TYPE, body, json_answer, operation
from footfall.limits import WEBHOOK_DAYS

WEBHOOKS: Final = "Webhooks"
WEBHOOKS_ABOUT: Final = (
    "What a shop's own system tells of products, stock, collections and orders: signed with the shop's secret."
)

_PRODUCT: Final = {
    "id": 5630650697948,
    "handle": "classic-beanie",
    "title": "Classic Beanie",
    "updated_at": "2026-03-10T10:00:00Z",
    "variants": [{"id": 36287950323868, "price": "19.90", "inventory_item_id": 38000000000001}],
}
_ERRORS: Final = ("WrongSignature", "TooSlow", "WebhookTooLarge", "Unavailable")


def _header(name: str, example: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def webhook_paths() -> dict[str, Any]:
    """The routes of webhooks."""
    post = operation(
        "webhooks-shopify",
        WEBHOOKS,
        "Take a webhook of Shopify",
        "Topics that change something: `products/create`, `products/update`, `products/delete`, `collections/create`, "
        "`collections/update`, `collections/delete`, `inventory_levels/update`, `inventory_levels/connect`, "
        "`inventory_levels/disconnect`, `orders/create`, `orders/updated`, `orders/paid`, `orders/cancelled` and "
        "`refunds/create`; every other is counted. Header names with and without `X-` mean the same. What can't be read is "
        "answered with 200 and `rejected`, since repeating it would not help.",
        json_answer("WebhookReceived", "Stored, durably, or a duplicate of what is.", {"data": "Received"}),
        errors=_ERRORS,
        security=("signature",),
    ) | body("Webhook", {JSON_TYPE: {"product": _PRODUCT}})
    post["parameters"] = [
        _header("X-Shopify-Topic", "products/update", "What it is about.", required=True),
        _header("X-Shopify-Shop-Domain", "my-shop.myshopify.com", "The shop's setting `domain`.", required=True),
        _header(
            "X-Shopify-Event-Id",
            "98880550-7158-44d4-b7cd-2c97c8a091b5",
            f"With the topic and what it is about, by what a repeated one is known for {WEBHOOK_DAYS} days.",
        ),
        _header("X-Shopify-Webhook-Id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", "The same where there is no event's id."),
        _header("X-Shopify-Triggered-At", "2026-03-10T10:00:00Z", "When it happened, where its body says no time."),
    ]
    return {"/api/v1/webhooks/shopify": {"post": post}}

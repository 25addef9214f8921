"""``/api/v1/webhooks/shopify``: what Shopify tells of products, stock, collections and orders, signed with a shop's secret."""

import asyncio
from typing import Any, Final

from footfall.api.exchange import NO_STORE, Answer, Budget, Exchange, Refused, json_answer
from footfall.api.parts import Parts
from footfall.errors import NotReadyError
from footfall.intake.webhooks import Delivery, is_genuine
from footfall.limits import IDENTITY_CHARACTERS_MAX, WEBHOOK_BYTES_MAX, WEBHOOKS_WAITING_BYTES_MAX

SHOPIFY: Final = "/api/v1/webhooks/shopify"
UNSIGNED: Final = (
    "This is not signed as a webhook of a shop here: `footfall shop set NAME domain …` and `footfall shop set NAME "
    "webhook_secret …` say which shop it is and with what it signs."
)
"""The same for an unknown shop, one without secrets and a wrong signature: nobody learns from it which shops there are."""
_ON_LOOP_BYTES: Final = 64 * 1024
"""Bodies up to this are checked on the event loop: five HMACs of 64 KB take a third of a millisecond."""


class WebhookRoutes:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._budget = Budget(WEBHOOKS_WAITING_BYTES_MAX)

    async def shopify(self, exchange: Exchange) -> Answer:
        """One webhook in. 200 also where it came before or can't be read: its sender must not repeat that."""
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Send again later.")
        # Who sends it shows only when it is here: bodies of strangers must not keep events out.
        exchange.share(self._budget)
        body = await exchange.packed(WEBHOOK_BYTES_MAX)
        shop = self._parts.shops.by_domain(_header(exchange, b"shopify-shop-domain"))
        signature = _header(exchange, b"shopify-hmac-sha256")
        secrets = shop.webhook_secrets if shop is not None else []
        if len(body) <= _ON_LOOP_BYTES:
            genuine = is_genuine(body, signature, secrets)
        else:
            genuine = await asyncio.to_thread(is_genuine, body, signature, secrets)
        if shop is None or not genuine:
            raise Refused(401, UNSIGNED, [NO_STORE])
        taken = await self._parts.webhooks.take(
            Delivery(
                shop=shop.id,
                email_key=bytes.fromhex(shop.email_key),
                topic=_header(exchange, b"shopify-topic").lower()[:IDENTITY_CHARACTERS_MAX],
                body=body,
                received_at=self._parts.clock.now(),
                event_id=_header(exchange, b"shopify-event-id"),
                webhook_id=_header(exchange, b"shopify-webhook-id"),
                triggered_at=_header(exchange, b"shopify-triggered-at"),
            )
        )
        said: dict[str, Any] = {"data": "Received"}
        if taken.duplicate:
            said["duplicate"] = True
        if taken.rejected is not None:
            said["rejected"] = taken.rejected
        return json_answer(said, headers=[NO_STORE])


def _header(exchange: Exchange, name: bytes) -> str:
    """A header of Shopify's, with or without the ``X-`` that its older ones have."""
    return (exchange.header(b"x-" + name) or exchange.header(name)).strip()

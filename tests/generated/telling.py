"""Telling a server of a generated shop over HTTP, as pages, servers and the shop's own system do."""

import base64
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httpx

from tests.generated.people import BOT, PHONE
from tests.generated.steps import Act, Message, Step

BULK = "/api/v2/analytics/event/bulk"
V1 = "/api/v1/analytics/event"
WEBHOOKS = "/api/v1/webhooks/shopify"
BATCH_MAX = 100


@dataclass
class Door:
    """A shop at a server, as everybody outside sees it: its keys, its domain, and where it has been told up to."""

    client: httpx.AsyncClient
    public_key: str
    secret_key: str
    domain: str
    webhook_secret: str
    position: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        """The header that carries the secret key."""
        return {"Authorization": f"Bearer {self.secret_key}"}

    async def tell(self, steps: Iterable[Step], now: int) -> None:
        """Send steps in their order; acts of one sender that stand together go in one request."""
        for kind, group in groupby(steps, key=lambda step: step.sender if isinstance(step, Act) else "system"):
            for batch in _batches(list(group), 1 if kind in ("hook", "system") else BATCH_MAX):
                acts = [step for step in batch if isinstance(step, Act)]
                if acts:
                    await self._act(acts, kind, now)
                for message in batch:
                    if isinstance(message, Message):
                        await self._send(message)

    async def _act(self, acts: list[Act], sender: str, now: int) -> None:
        if sender == "hook":
            headers = {"Content-Type": "application/json"}
            answer = await self.client.get(V1, params={"key": self.public_key, **acts[0].query(now)}, headers=headers)
        elif sender == "server":
            answer = await self.client.post(BULK, json=[act.wire(now) for act in acts], headers=self.bearer)
        else:
            headers = {"X-Rebuy-User-Token": self.public_key, "User-Agent": BOT if sender == "robot" else PHONE}
            answer = await self.client.post(BULK, json=[act.wire(now) for act in acts], headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"data": "Received"}), answer.text
        self.position = answer.headers["Footfall-Position"]

    async def _send(self, message: Message) -> None:
        if not message.is_webhook:
            path = f"/api/v1/catalog/{message.topic}"
            answer = await self.client.put(path, json=message.body, headers=self.bearer)
            assert answer.status_code == 200, answer.text
            return
        body = json.dumps(message.body).encode()
        headers = {
            "X-Shopify-Topic": message.topic,
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(self.webhook_secret.encode(), body, "sha256")).decode(),
            "X-Shopify-Event-Id": message.event_id,
        }
        answer = await self.client.post(WEBHOOKS, content=body, headers={k: v for k, v in headers.items() if v})
        assert answer.status_code == 200, answer.text
        assert "rejected" not in answer.json(), answer.text

    async def ask(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """The products of a list, after everything that was told here."""
        asked = {"key": self.public_key, "limit": "250", "after": self.position, **parameters}
        answer = await self.client.get(f"/api/v1/products/{name}", params=asked)
        assert answer.status_code == 200, answer.text
        products: list[dict[str, Any]] = answer.json()["data"]
        return products


def _batches(steps: list[Step], size: int) -> Iterator[list[Step]]:
    for first in range(0, len(steps), size):
        yield steps[first : first + size]

"""What tests of webhooks share: a shop as its own system sees it, which signs what it sends."""

import base64
import hmac
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from footfall.order import Order
from tests.support import Running, Server, answer_of, new_shop, run, running
from tests.unit.catalog.shapes import ADMIN

PATH = "/api/v1/webhooks/shopify"
SECRET = "hush"
ITEM, OTHER_ITEM = 38000000000001, 38000000000002
NUMBERS = itertools.count(1)
TRACKED = ADMIN | {"variants": [ADMIN["variants"][0] | {"inventory_quantity": 0}]}


def signed(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def headers(topic: str, domain: str, body: bytes, secret: str = SECRET, **more: str) -> dict[str, str]:
    of_hook = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Hmac-Sha256": signed(body, secret),
        "Content-Type": "application/json",
    }
    return of_hook | {name.replace("_", "-"): value for name, value in more.items()}


@dataclass
class Shop:
    """A shop at a server, as its own system sees it."""

    client: httpx.Client
    data: Path
    name: str
    domain: str
    public_key: str

    def send(self, topic: str, body: Any, *, secret: str = SECRET, **more: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(PATH, content=content, headers=headers(topic, self.domain, content, secret, **more))

    def take(self, topic: str, body: Any, **more: str) -> dict[str, Any]:
        answer = self.send(topic, body, **more)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def products(self, **parameters: str) -> list[dict[str, Any]]:
        """The product of the examples, as the shop's catalog has it."""
        asked = {"key": self.public_key, "ids": str(ADMIN["id"]), **parameters}
        found = self.client.get("/api/v1/products/static", params=asked).json()["data"]
        return [product for product in found if product["catalog"]]

    def in_stock(self) -> bool:
        """As the lists that leave out what is sold out see it."""
        in_list = bool(self.products(filter_oos="yes"))
        assert in_list == any(variant["available"] for variant in self.products()[0]["variants"])
        return in_list

    def counted(self) -> dict[str, int]:
        outcomes: dict[str, int] = answer_of(self.data, "shop_show", name=self.name)["outcomes"]
        return outcomes

    def quarantined(self) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = answer_of(self.data, "quarantine_list", shop=self.name)
        return kept


def make_shop(started: Server, client: httpx.Client) -> Shop:
    number = next(NUMBERS)
    name, domain = f"shop-{number}", f"shop-{number}.myshopify.com"
    made = new_shop(started.data, name, domain=domain, webhook_secret=SECRET)
    return Shop(client, started.data, name, domain, made["public_key"])


def orders(data: Path, shop: str) -> list[Order | None]:
    """The order of the examples, as a shop has it."""

    async def scenario() -> list[Order | None]:
        async with running(data) as of:
            found = of.service.shops.by_name(shop)
            assert found is not None
            return [of.service.order_intake._known.order(found.id, "4500000000001")]

    read: list[Order | None] = run(scenario())
    return read


async def take(shop: Running, topic: str, body: Any, **more: str) -> dict[str, Any]:
    content = json.dumps(body).encode()
    answer = await shop.client.post(PATH, content=content, headers=headers(topic, "my-shop.myshopify.com", content, **more))
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


SETTINGS = {"domain": "my-shop.myshopify.com", "webhook_secret": SECRET}

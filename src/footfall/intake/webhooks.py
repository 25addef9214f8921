"""Webhooks of a shop's own system: who signed them, whether they came before, and what each topic changes.

Whoever sends one repeats it until it is taken, in any order and perhaps more than once; so what can't be read is taken too
(and kept in quarantine), and what came before changes nothing.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from footfall.catalog import rest
from footfall.catalog.collection import read_collection
from footfall.catalog.merging import StockLevel
from footfall.catalog.product import known
from footfall.catalog.shape import Shape, ShapeError, decode_json
from footfall.clock import HOUR_MS, Milliseconds
from footfall.errors import LogUnavailableError, OverloadedError
from footfall.identifiers import ShopId
from footfall.intake.catalog import CatalogIntake, Outcome
from footfall.intake.moment import read_moment
from footfall.intake.order_rest import read_order, read_refund, read_time, require_id
from footfall.intake.orders import OrderIntake
from footfall.intake.quarantine import quarantined
from footfall.intake.reading import Arrival
from footfall.intake.rejection import Rejected
from footfall.limits import WEBHOOK_ANSWER_SECONDS, WEBHOOK_SECRETS_MAX, WEBHOOKS_WAITING_MAX
from footfall.log.port import Log, Record, Stream
from footfall.order import Order

_NOBODYS: Final = "nobody's"
"""Signatures are checked against it where a shop has fewer secrets than it may have, and never match for that."""
_TOPIC: Final = re.compile(r"[a-z_]{1,40}/[a-z_]{1,40}", re.ASCII)
_OTHER_TOPIC: Final = "other"
_PERSONAL_TOPICS: Final = ("orders/", "refunds/")
_KEPT_OF_ORDERS: Final = frozenset(
    {"id", "order_id", "created_at", "processed_at", "updated_at", "cancelled_at", "test", "currency", "line_items",
     "quantity", "product_id", "variant_id", "price", "price_set", "shop_money", "amount", "amount_set",
     "discount_allocations", "total_discount", "sku", "refunds", "refund_line_items", "line_item_id", "subtotal",
     "subtotal_set"}
)  # fmt: skip
"""What of an order that can't be read is kept in quarantine: nothing of the person who bought it."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook with a right signature. ``event_id`` and ``webhook_id`` are empty where it has none."""

    shop: ShopId
    email_key: bytes
    topic: str
    body: bytes
    received_at: Milliseconds
    event_id: str = ""
    webhook_id: str = ""
    triggered_at: str = ""


class Taken(msgspec.Struct, frozen=True):
    """What became of a delivery: it came before, or could not be read and why."""

    duplicate: bool = False
    rejected: str | None = None


class DoneDeliveries(Protocol):
    """Which deliveries were taken in lately."""

    def is_done(self, shop: ShopId, digest: str, now: Milliseconds) -> bool:
        """Whether the delivery of this digest was taken in within the window before ``now``."""


class DeliveryRecords(Protocol):
    """How deliveries are written."""

    def record(self, shop: ShopId, digest: str, at: Milliseconds) -> Record:
        """The record that says that a delivery was taken in."""


class Counters(Protocol):
    """Counters of what happened: operational figures."""

    def count(self, shop: ShopId, hour: int, outcome: str, reason: str, events: int = 1) -> None:
        """Add to the counter of an outcome and topic; hours since the epoch."""


_Body = Mapping[str, Any]
_Also = Sequence[Record]
_Apply = Callable[[Delivery, _Body, _Also], Awaitable[Sequence[Outcome]]]


def is_genuine(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether one of these secrets signed a body (base64 of its HMAC-SHA256). It takes the same time for every shop and for
    none, so that nobody learns from it which shops there are."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        given = b""
    padded = [*secrets, *([_NOBODYS] * WEBHOOK_SECRETS_MAX)][:WEBHOOK_SECRETS_MAX]
    matches = [hmac.compare_digest(hmac.digest(secret.encode(), body, "sha256"), given) for secret in padded]
    return any(matches[: len(secrets)])


class Webhooks:
    """Takes deliveries in; on return everything they changed is durable, and so is that they came."""

    def __init__(
        self,
        log: Log,
        catalog: CatalogIntake,
        orders: OrderIntake,
        done: DoneDeliveries,
        records: DeliveryRecords,
        counters: Counters,
    ) -> None:
        self._log = log
        self._catalog = catalog
        self._orders = orders
        self._done = done
        self._records = records
        self._counters = counters
        self._pending: dict[str, asyncio.Event] = {}
        self._under_way: set[asyncio.Task[Taken]] = set()
        self._topics: Mapping[str, _Apply] = {
            "products/create": self._put_product,
            "products/update": self._put_product,
            "products/delete": self._delete_product,
            "collections/create": self._put_collection,
            "collections/update": self._put_collection,
            "collections/delete": self._delete_collection,
            "inventory_levels/update": self._put_stock,
            "inventory_levels/connect": self._put_stock,
            "inventory_levels/disconnect": self._put_stock,
            "orders/create": self._put_order,
            "orders/updated": self._put_order,
            "orders/paid": self._put_order,
            "orders/cancelled": self._put_order,
            "refunds/create": self._put_refund,
        }

    async def take(self, delivery: Delivery) -> Taken:
        """Take a delivery in. Raises ``LogUnavailableError`` where that can't be done now, or not in time for its sender."""
        if len(self._under_way) >= WEBHOOKS_WAITING_MAX:
            raise OverloadedError
        # By itself: were it broken off while the log is at it, the next change would not see what this one had done.
        task = asyncio.create_task(self._take(delivery))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait({task}, timeout=WEBHOOK_ANSWER_SECONDS)
        if not done:
            task.add_done_callback(_let_go)
            raise LogUnavailableError("The webhook is not stored yet. Send it again later.")
        return task.result()

    async def _take(self, delivery: Delivery) -> Taken:
        body = _decoded(delivery.body)
        digest = _digest(delivery, body)
        if digest is None:
            return await self._apply(delivery, body, ())
        while (other := self._pending.get(digest)) is not None:
            await other.wait()
        if self._done.is_done(delivery.shop, digest, delivery.received_at):
            self._count(delivery, "webhook-duplicate")
            return Taken(duplicate=True)
        finished = self._pending[digest] = asyncio.Event()
        try:
            return await self._apply(delivery, body, [self._records.record(delivery.shop, digest, delivery.received_at)])
        finally:
            del self._pending[digest]
            finished.set()

    async def _apply(self, delivery: Delivery, body: _Body | str, also: _Also) -> Taken:
        apply = self._topics.get(delivery.topic)
        taken = Taken()
        outcomes: Sequence[Outcome] = [Outcome("unknown")]
        if apply is None:
            await self._append(also)
        elif isinstance(body, str):
            taken = await self._reject(delivery, body, None, also)
        else:
            try:
                outcomes = await apply(delivery, body, also)
            except ShapeError as failure:
                taken = await self._reject(delivery, str(failure), body, also)
        self._count(delivery, "webhook")
        if taken.rejected is not None:
            self._count(delivery, "webhook-rejected")
        elif any(outcome.status == "unknown" for outcome in outcomes):
            self._count(delivery, "webhook-unknown")
        return taken

    async def _reject(self, delivery: Delivery, why: str, body: _Body | None, also: _Also) -> Taken:
        """Keep what can't be read, and why."""
        arrival = Arrival(
            shop=delivery.shop,
            email_key=delivery.email_key,
            received_at=delivery.received_at,
            session_suffices=False,
            verified=True,
        )
        # As text: it is no event, so it can't be submitted again as one.
        record = quarantined(Rejected(f"Webhook {delivery.topic}: {why}", "webhook"), _original(delivery, body), arrival)
        # First: if the other fails after it, a repeat doubles what is in quarantine.
        await self._log.append(Stream.QUARANTINE, [record])
        await self._append(also)
        return Taken(rejected=why)

    async def _append(self, also: _Also) -> None:
        if also:
            await self._log.append(Stream.DOCUMENTS, also)

    def _count(self, delivery: Delivery, outcome: str) -> None:
        topic = delivery.topic if _TOPIC.fullmatch(delivery.topic) else _OTHER_TOPIC
        self._counters.count(delivery.shop, delivery.received_at // HOUR_MS, outcome, topic)

    # --- topics --------------------------------------------------------------------------------------------------

    async def _put_product(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        ids = _variant_ids(body)
        product = rest.read_product(body)
        deletion = _deletion(delivery.shop, known(product.id))
        if self._done.is_done(delivery.shop, deletion, delivery.received_at) and not self._catalog.has(delivery.shop, product):
            # A store never gives an id twice: this was on its way while the product was deleted. Where a pull or an import has
            # brought it back since, it is as any other.
            await self._append(also)
            return [Outcome("unknown")]
        return await self._catalog.put_products(
            delivery.shop, [product], keep_variants=ids is not None, variant_ids=ids, also=also
        )

    async def _delete_product(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        product_id = require_id(Shape(body), "Product", "id", "admin_graphql_api_id")
        deletion = _deletion(delivery.shop, product_id)
        also = [*also, self._records.record(delivery.shop, deletion, delivery.received_at)]
        return [await self._catalog.delete_product(delivery.shop, product_id, also=also)]

    async def _put_collection(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        # Whatever changed may have changed its products, and these it doesn't tell.
        collection = msgspec.structs.replace(read_collection(body), products=msgspec.UNSET, stale=True)
        return await self._catalog.put_collections(delivery.shop, [collection], also=also)

    async def _delete_collection(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        collection_id = require_id(Shape(body), "Collection", "id", "admin_graphql_api_id")
        return [await self._catalog.delete_collection(delivery.shop, collection_id, also=also)]

    async def _put_stock(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        shape = Shape(body)
        available = shape.whole("available")
        at = read_time(shape, "updated_at")
        if not isinstance(at, int):
            # What is taken out of a location says no time of its own.
            at = read_moment(delivery.triggered_at) or delivery.received_at
        level = StockLevel(
            require_id(shape, "InventoryItem", "inventory_item_id"),
            require_id(shape, "Location", "location_id"),
            available if isinstance(available, int) else None,
            Milliseconds(at),
        )
        return [await self._catalog.put_stock(delivery.shop, level, also=also)]

    async def _put_order(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        return await self._orders.put_orders(delivery.shop, [read_order(body)], also=also)

    async def _put_refund(self, delivery: Delivery, body: _Body, also: _Also) -> Sequence[Outcome]:
        refund: Order = read_refund(body)
        return await self._orders.put_orders(delivery.shop, [refund], also=also)


def _decoded(body: bytes) -> _Body | str:
    """The object in a body, or why there is none."""
    try:
        read = decode_json(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
        return f"The body is not valid JSON: {failure}."
    return read if isinstance(read, dict) else "The body must be a JSON object."


def _digest(delivery: Delivery, body: _Body | str) -> str | None:
    """Sixteen bytes (hex) that stand for a delivery in its shop; ``None`` where it has no id to be known by.

    An event's id is not enough: one thing that somebody does, such as editing an order, may change the stock of many items
    and tell of each under its topic with the same id. So what it is about belongs to it.
    """
    if delivery.event_id:
        about = (
            [str(body.get(name, "")) for name in ("id", "inventory_item_id", "location_id")] if isinstance(body, dict) else []
        )
        parts = ["event", delivery.event_id, delivery.topic, *about]
    elif delivery.webhook_id:
        parts = ["webhook", delivery.webhook_id]
    else:
        return None
    return _hashed(delivery.shop, *parts)


def _deletion(shop: ShopId, product_id: object) -> str:
    """What stands for the deletion of a product, beside the delivery that told of it."""
    return _hashed(shop, "deleted", product_id)


def _hashed(shop: ShopId, *parts: object) -> str:
    return hashlib.blake2b(msgspec.json.encode([shop, *parts]), digest_size=16).hexdigest()


def _variant_ids(body: _Body) -> list[str] | None:
    """All variants of a product where its list of variants is only a part of them: it ends with the hundredth, say."""
    gids = body.get("variant_gids")
    variants = body.get("variants")
    if not isinstance(gids, list) or len(gids) <= (len(variants) if isinstance(variants, list) else 0):
        return None
    return [
        require_id(Shape(gid, f"variant_gids[{number}]"), "ProductVariant", "admin_graphql_api_id")
        for number, gid in enumerate(gids)
    ]


def _original(delivery: Delivery, body: _Body | None) -> bytes:
    """What is kept of a body that can't be read: of orders nothing that says who bought them."""
    if not delivery.topic.startswith(_PERSONAL_TOPICS):
        return delivery.body
    if body is None:
        return b"%d bytes that are no JSON object" % len(delivery.body)
    return msgspec.json.encode(_impersonal(body))


def _impersonal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _impersonal(item) for name, item in value.items() if name in _KEPT_OF_ORDERS}
    return [_impersonal(item) for item in value] if isinstance(value, list) else value


def _let_go(task: asyncio.Task[Taken]) -> None:
    """Look at how it ended, which nobody waits for: its sender was told to send it again."""
    if not task.cancelled():
        task.exception()

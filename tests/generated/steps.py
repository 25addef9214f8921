"""What a generated shop tells: acts of people, and messages of the shop's own system, each at a moment and in a lane.

Steps of one lane keep their order, since that has a meaning; lanes may be mixed as one likes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS

Sender = Literal["page", "robot", "server", "hook"]
"""A page's script, the same run by a robot, the shop's server with its secret key, an older hook that speaks v1."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that somebody did. ``product`` is a name of the product, such as ``id:5``, ``handle:mug``, ``variant:7``, or
    two of them with a space between."""

    lane: str
    time: int
    told: int
    """When it was sent: later than ``time`` for what comes late."""
    subject: str = "user"
    verb: str = "viewed"
    noun: str = "product"
    product: str = ""
    uuid: str | None = None
    customer: str | None = None
    sender: Sender = "page"
    denied: bool = False
    test: bool = False
    again: bool = False
    """Whether it is one before it, told a second time."""
    quantity: int | None = None
    order_id: str | None = None
    cart_token: str | None = None
    checkout_token: str | None = None
    clock_ahead: int = 0
    """By how much the client's clock is wrong, milliseconds."""
    more: dict[str, Any] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The names of its product."""
        return self.product.split()

    def wire(self, now: int) -> dict[str, Any]:
        """The event as it is sent at the moment ``now``."""
        fields: dict[str, Any] = {
            "subject": self.subject,
            "verb": self.verb,
            "noun": self.noun,
            "event_time": str(self.time + self.clock_ahead),
            "uuid": self.uuid,
            "customer_id": self.customer,
            "quantity": self.quantity,
            "order_id": self.order_id,
            "shopify_cart_token": self.cart_token,
            "checkout_token": self.checkout_token,
            **self.more,
        }
        for name in self.names():
            kind, _, value = name.partition(":")
            fields[_FIELDS[kind]] = _GID + value if kind == "gid" else value
        if self.clock_ahead:
            fields["sent_at"] = str(now + self.clock_ahead)
        if self.denied:
            fields["consent"] = "denied"
        if self.test:
            fields["test"] = True
        return {name: value for name, value in fields.items() if value is not None}

    def query(self, now: int) -> dict[str, Any]:
        """The same in the names of v1."""
        return {_V1.get(name, name): value for name, value in self.wire(now).items()}


_GID = "gid://shopify/Product/"
_FIELDS = {"id": "product_id", "gid": "product_id", "handle": "product_handle", "variant": "shopify_variant_id"}
_V1 = {"customer_id": "shopify_customer_id", "product_id": "shopify_product_id", "product_handle": "shopify_product_handle"}


@dataclass(frozen=True)
class Message:
    """What the shop's own system says: a webhook (``topic``), or a list of products or collections."""

    lane: str
    told: int
    topic: str
    body: Any
    event_id: str = ""

    @property
    def is_webhook(self) -> bool:
        """Whether it comes as a webhook; the others are put by the shop's server."""
        return "/" in self.topic


Step = Act | Message


def in_natural_order(steps: list[Step]) -> list[Step]:
    """By when they were told; steps of one moment stay as they are."""
    return sorted(steps, key=lambda step: step.told)


def mixed(steps: list[Step], chance: Random) -> list[Step]:
    """The lanes in any order among each other, each of them in its own order."""
    lanes: dict[str, list[Step]] = {}
    for step in in_natural_order(steps):
        lanes.setdefault(step.lane, []).append(step)
    order = [lane for lane, of_lane in lanes.items() for _ in of_lane]
    chance.shuffle(order)
    waiting = {lane: iter(of_lane) for lane, of_lane in lanes.items()}
    return [next(waiting[lane]) for lane in order]


def ago(now: int, *, days: float = 0, hours: float = 0, minutes: float = 0) -> int:
    """A moment in whole seconds, so long before ``now``."""
    return int(now - days * DAY_MS - hours * HOUR_MS - minutes * MINUTE_MS) // 1000 * 1000


def rfc3339(time: int) -> str:
    """A moment as Shopify writes it."""
    return datetime.fromtimestamp(time / 1_000, UTC).isoformat(timespec="seconds")

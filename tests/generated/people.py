"""The people of the generated shop and what they do: regulars, crowds, and one for each peculiar way of being somebody."""

import uuid
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from tests.generated import catalog as c
from tests.generated.catalog import product_id, variant_id
from tests.generated.steps import Act, ago

DAYS: Final = 14
REGULARS: Final = 30
CROWDS: Final = {21: 60, 22: 29, 23: 15, 24: 8, 25: 3}
"""How many visitors see a product within the last two hours: far enough apart that an estimate keeps their order."""
LISTED: Final = range(13, c.PRODUCTS + 1)
"""The products that regulars look at."""
BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PHONE: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"

ADA, BEN, CLEO, DINA, EMIL = (str(6_200_000_000_001 + number) for number in range(5))
"""Customers: two who share a tablet, one with three devices, one known to the shop's server only, one who buys."""


class People:
    """Everybody's acts, each in the lane of its person, and the uuids of those who are asked about by name."""

    def __init__(self, chance: Random, now: int) -> None:
        self.acts: list[Act] = []
        self.uuids: dict[str, str] = {}
        self.customers: list[str] = [ADA, BEN, CLEO, DINA, EMIL]
        self._chance = chance
        self._now = now
        self._events = 0
        self._regulars()
        self._crowds()
        self._tablet()
        self._three_devices()
        self._nobodies()
        self._ways_to_name_a_product()
        self._repeats_and_clocks()
        self._other_words()

    def uuid(self, name: str) -> str:
        """The uuid of a device: the same in every generated shop, so that two of them share all ids."""
        if name not in self.uuids:
            self.uuids[name] = str(uuid.UUID(int=Random(name).getrandbits(128), version=4))
        return self.uuids[name]

    def act(self, lane: str, days: float, product: int | str | None, **more: Any) -> Act:
        """One more act so many days ago. Acts of a lane are told in the order in which they are made here."""
        time = ago(self._now, days=days)
        names = f"id:{product_id(product)}" if isinstance(product, int) else product or ""
        last = next((act.told for act in reversed(self.acts) if act.lane == lane), 0)
        made = Act(lane=lane, time=time, told=max(time, last), product=names, **more)
        self.acts.append(made)
        return made

    def event_id(self) -> dict[str, str]:
        """An id of an event, as newer clients make one."""
        self._events += 1
        return {"event_id": f"event-{self._events}"}

    def _regulars(self) -> None:
        for number in range(REGULARS):
            self._regular(number)

    def _regular(self, number: int) -> None:
        """Somebody who comes back a few times within two weeks; every other logs in at the second visit."""
        chance, lane = self._chance, f"regular {number}"
        customer = str(6_300_000_000_001 + number) if number % 2 else None
        if customer is not None:
            self.customers.append(customer)
        visits = sorted((chance.uniform(0.6, DAYS - 0.2) for _ in range(chance.randint(3, 5))), reverse=True)
        for place, day in enumerate(visits):
            session = {"rsid": f"{lane} visit {place}"}
            who = {"uuid": self.uuid(lane), "customer": customer if place else None}
            for look in range(chance.randint(3, 7)):
                product = chance.choice(LISTED)
                when = day - look / 600
                self.act(lane, when, product, **who, more=session | (self.event_id() if look % 3 else {}))
                if chance.random() < 0.3:
                    self.act(lane, when - 1 / 2000, product, verb="added", **who, more=session)
                    if chance.random() < 0.3:
                        self.act(lane, when - 1 / 1000, product, verb="removed", **who, more=session)

    def _crowds(self) -> None:
        for product, visitors in CROWDS.items():
            for number in range(visitors):
                lane = f"crowd {product} {number}"
                self.act(lane, self._chance.uniform(0.5, 2) / 24, product, uuid=self.uuid(lane))

    def _tablet(self) -> None:
        """Two on one tablet: what is done after a log-out is of the one who was there last, until the other logs in."""
        lane, who = "tablet", {"uuid": self.uuid("tablet")}
        self.act(lane, 5.0, 30, **who)
        self.act(lane, 4.9, 31, **who, customer=ADA)
        self.act(lane, 4.8, 32, **who)
        self.act(lane, 4.7, 33, **who, customer=ADA, verb="added", cart_token="cart-ada?key=1")
        self.act(lane, 4.6, 34, **who)
        self.act(lane, 3.0, 35, **who, customer=BEN)
        self.act(lane, 2.9, 36, **who)
        # Done before Ben logged in, and told after it: nobody's.
        self.act(lane, 3.5, 37, **who)
        self.act(lane, 2.8, 30, **who)
        self.act("ada at home", 2.0, 38, uuid=self.uuid("ada at home"), customer=ADA)

    def _three_devices(self) -> None:
        """One on three devices: before any log-in on the first, after it on the second, by server on none."""
        for place, device in enumerate(("phone", "laptop", "work")):
            who = {"uuid": self.uuid(f"cleo {device}")}
            for look in range(4):
                customer = CLEO if look >= 2 - place else None
                self.act("cleo", 6 - place - look / 10, 40 + 3 * place + look, **who, customer=customer)
        self.act("cleo", 1.5, 52, customer=CLEO, sender="server")
        self.act("dina", 1.4, 53, customer=DINA, sender="server")
        self.act("dina", 1.3, 54, customer=DINA, sender="hook")

    def _nobodies(self) -> None:
        """Those who count and have no history, those who have one and don't count, and a session without a uuid."""
        shy = {"uuid": self.uuid("shy"), "customer": EMIL, "denied": True, "more": {"rsid": "shy"}}
        for product in (26, 26, 27):
            self.act("shy", 1.0, product, **shy)
        self.act("shy", 0.99, 27, verb="added", cart_token="cart-shy", **shy)
        for look, product in enumerate([*range(13, 33)] * 2):
            self.act("robot", 0.9 - look / 1000, product, uuid=self.uuid("robot"), sender="robot")
        for look in range(30):
            self.act("trial", 0.8 - look / 1000, 60, uuid=self.uuid("trial"), test=True)
        self.act("session", 0.7, 28, more={"rsid": "only-a-session"})

    def _ways_to_name_a_product(self) -> None:
        """By handle before the catalog knew them, by handles that moved since, by variant, by GraphQL id, by two names."""
        lane, who = "namer", {"uuid": self.uuid("namer")}
        for day, names in (
            (13.0, "handle:thing-50"),
            (12.9, f"handle:{c.OLD_HANDLE}"),
            (12.8, f"handle:{c.LOST_HANDLE}"),
            (12.7, f"id:{product_id(c.ROBBED)}"),
            (5.5, "handle:lantern-new"),
            (5.4, f"variant:{variant_id(51)}"),
            (5.3, f"gid:{product_id(52)}"),
            (5.2, f"id:{product_id(53)} handle:thing-53"),
            (5.1, f"id:{product_id(54)} variant:{variant_id(54)}"),
        ):
            self.act(lane, day, names, **who)
            self.act(lane, day - 0.01, names, verb="added", **who)
        peculiar = (c.UNTRACKED, c.SOLD_OUT, c.LARGE, c.DRAFT, c.UNPUBLISHED, c.HIDDEN, c.DELETED, c.RESTOCKED, c.STRANGER)
        for place, product in enumerate(peculiar):
            self.act(lane, 4 - place / 10, product, **who)
            self.act(lane, 3.95 - place / 10, product, verb="added", **who)

    def _repeats_and_clocks(self) -> None:
        """What is told twice, what comes late, and clients whose clocks are wrong."""
        lane, who = "repeater", {"uuid": self.uuid("repeater")}
        told = {"more": self.event_id()}
        self.act(lane, 6.0, 14, **who, **told)
        self.act(lane, 6.0, 14, **who, **told, again=True)
        for _ in range(2):
            # The same without an id are two.
            self.act(lane, 5.9, 15, **who)
        self.act(lane, 5.8, 16, **who)
        self.act(lane, 13.5, 17, **who)
        self.act(lane, 5.7, 14, **who, clock_ahead=7_200_000)
        self.act(lane, 5.6, 18, **who, clock_ahead=-90_000_000)
        self.act("late", 9.0, 19, uuid=self.uuid("late"))

    def _other_words(self) -> None:
        """Search, widgets, sessions and removals: no views of products."""
        lane, who = "searcher", {"uuid": self.uuid("searcher")}
        others: Sequence[tuple[str, str, str]] = (
            ("session", "started", ""),
            ("term", "searched", "wool hat"),
            ("searched-product", "viewed", str(product_id(13))),
            ("searched-products", "clicked-to-pdp-from", f"wool hat.{product_id(13)}"),
            ("widget", "viewed", "42"),
            ("widget", "clicked", "42"),
            ("widget", "added-from", "42"),
            ("collection", "viewed", "401"),
        )
        for place, (noun, verb, about) in enumerate(others):
            more = {"defined_noun_id": about} if about else {}
            self.act(lane, 3 - place / 100, None, noun=noun, verb=verb, **who, more=more)
        self.act(lane, 2.5, 13, **who)
        self.act(lane, 2.4, 13, verb="added", cart_token="cart-searcher?key=2", **who)
        self.act(lane, 2.3, 20, verb="added", **who)
        self.act(lane, 2.2, 20, verb="removed", **who)

"""The true answers to what may be asked of a generated shop: straight readings of what was generated, after the promises of
``docs/reference/semantics.md``. Nothing of Footfall is called here. Products go by their numbers in the generated catalog."""

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from footfall.clock import DAY_MS, HOUR_MS
from tests.generated.catalog import product_id
from tests.generated.shop import GeneratedShop
from tests.generated.steps import Act

HIDING_TAG = "exclude_rebuy"
TREND_DAYS = 8


class Purchase(NamedTuple):
    """Units of a product that are left of a purchase. ``customer`` and ``uuid``: whose it is."""

    time: int
    product: int
    units: int
    customer: str | None
    uuid: str | None
    claim: bool


class Truth:
    """The answers about one shop."""

    def __init__(self, shop: GeneratedShop) -> None:
        self.shop = shop
        self.products = shop.catalog.products
        self._acts = [act for act in shop.acts if not act.again]
        self._namings = self._named()
        self._owners = list(self._owned())
        self._purchases = [*self._ordered(), *self._told()]

    # --- products --------------------------------------------------------------------------------------------------

    def in_stock(self, number: int) -> bool:
        """Whether a product is in stock: one of its variants is."""
        told = self.shop.catalog.stock.get(number)
        return any(
            variant["inventory_management"] is None
            or variant["inventory_policy"] == "continue"
            or (told if told is not None else variant["inventory_quantity"]) > 0
            for variant in self.products[number]["variants"]
        )

    def shown(self, number: int) -> bool:
        """Whether lists may show a product: the catalog has it, and shoppers may see it."""
        product = self.products.get(number)
        return product is not None and product["published_at"] is not None and product["status"] == "active"

    def recommended(self, number: int) -> bool:
        """Whether lists that recommend may show a product."""
        return self.shown(number) and self.in_stock(number) and HIDING_TAG not in self.products[number]["tags"].split(", ")

    def number(self, name: str) -> int:
        """The product that a name stands for."""
        return self.shop.catalog.number(name)

    # --- who -------------------------------------------------------------------------------------------------------

    def last_named(self, uuid: str | None) -> str | None:
        """The customer last named on a uuid."""
        namings = self._namings.get(uuid)
        return namings[-1].customer if namings else None

    def _named(self) -> dict[str | None, list[Act]]:
        """The acts that began a stretch of a customer on a uuid, in the order in which they were told."""
        found: dict[str | None, list[Act]] = {}
        for act in self._acts:
            if act.uuid is not None and act.customer is not None and not act.denied:
                namings = found.setdefault(act.uuid, [])
                if not namings or namings[-1].customer != act.customer:
                    namings.append(act)
        return found

    def _owned(self) -> Iterator[str | None]:
        """The customer who owns each act."""
        begun: dict[str | None, int] = defaultdict(int)
        for act in self._acts:
            namings = self._namings.get(act.uuid, [])
            if any(act is naming for naming in namings):
                begun[act.uuid] += 1
            if act.denied:
                yield None
            elif act.customer is not None or not namings:
                yield act.customer
            elif begun[act.uuid] == 0:
                yield namings[0].customer
            else:
                began = namings[begun[act.uuid] - 1]
                yield began.customer if act.time >= began.time else None

    def _owner_at(self, uuid: str | None, time: int) -> str | None:
        """Who owns what a visitor did at a time and which is no event: the customer named last before, else first."""
        namings = self._namings.get(uuid, [])
        before = [act for act in namings if act.time <= time]
        if before:
            return max(before, key=lambda act: act.time).customer
        return namings[0].customer if namings else None

    def _is_of(self, uuid: str | None, customer: str | None, of_uuid: str | None, owner: str | None) -> bool:
        """Whether something that a visitor did and a customer owns belongs to who asks by this uuid, customer or both."""
        last = self.last_named(uuid)
        if uuid is not None and customer is not None and last not in (None, customer):
            uuid = None
        if customer is not None and owner == customer:
            return True
        return uuid is not None and of_uuid == uuid and owner in (None, last)

    # --- history ---------------------------------------------------------------------------------------------------

    def viewed(self, uuid: str | None, customer: str | None, verb: str = "viewed") -> list[int]:
        """What somebody viewed (or added, removed), newest first, each once."""
        rows = [
            (act.time, place, self.number(act.names()[0]))
            for place, (act, owner) in enumerate(zip(self._acts, self._owners, strict=True))
            if (act.subject, act.verb, act.noun) == ("user", verb, "product")
            and not act.denied
            and self._is_of(uuid, customer, act.uuid, owner)
        ]
        newest_first = dict.fromkeys(number for _, _, number in sorted(rows, reverse=True))
        return [number for number in newest_first if self.shown(number)]

    def purchased(self, uuid: str | None, customer: str | None) -> dict[int, tuple[int, int]]:
        """What somebody bought and kept: product → units, and when it was bought last."""
        found: dict[int, tuple[int, int]] = {}
        for bought in self._purchases:
            # Where nobody was named on the uuid, the order is what names its customer.
            owner = None if self.last_named(uuid) is None and bought.uuid == uuid else bought.customer
            own = uuid is not None and self._is_of(uuid, customer, bought.uuid, owner)
            if bought.units and (own or self._is_of(uuid, customer, bought.uuid, bought.customer)):
                units, time = found.get(bought.product, (0, 0))
                found[bought.product] = units + bought.units, max(time, bought.time)
        return {number: of for number, of in found.items() if self.shown(number)}

    def _ordered(self) -> Iterator[Purchase]:
        """What orders tell of themselves."""
        for order in self.shop.orders.orders.values():
            if order["test"]:
                continue
            time = int(datetime.fromisoformat(order["processed_at"]).timestamp() * 1_000)
            uuid = self._visitor(order)
            customer = str(order["customer"]["id"]) if "customer" in order else self._owner_at(uuid, time)
            refunded: dict[int, int] = defaultdict(int)
            for refund in order["refunds"]:
                for taken in refund["refund_line_items"]:
                    refunded[taken["line_item_id"]] += taken["quantity"]
            for line in order["line_items"]:
                left = 0 if order["cancelled_at"] is not None else line["quantity"] - refunded[line["id"]]
                yield Purchase(time, line["product_id"] - product_id(0), left, customer, uuid, claim=False)

    def _visitor(self, order: dict[str, Any]) -> str | None:
        """Whose order it is: by what our script left in the cart, by the checkout, by the number, by the cart."""
        for attribute in order["note_attributes"]:
            if attribute["name"] == "_footfall_uuid":
                return str(attribute["value"]).lower()
        named = (
            ("checkout_token", order.get("checkout_token")),
            ("order_id", str(order["id"])),
            ("cart_token", order.get("cart_token")),
        )
        for name, value in named:
            if name == "order_id" and "customer" in order:
                # Its number can be guessed: only a guest's order is found by it.
                continue
            for act in reversed(self._acts) if name == "cart_token" else self._acts:
                told = getattr(act, name)
                if value and told and not act.denied and act.uuid and told.split("?")[0] == value.split("?")[0]:
                    return act.uuid
        return None

    def _told(self) -> Iterator[Purchase]:
        """What events tell of purchases of which no order tells: each line once, and who has the secret key goes before."""
        known = {str(order["id"]) for order in self.shop.orders.orders.values()}
        lines: dict[tuple[str, str], int] = {}
        for place, act in enumerate(self._acts):
            if act.verb != "purchased" or act.test or act.sender == "robot" or act.order_id in known:
                continue
            if act.checkout_token is not None and any(
                order.get("checkout_token") == act.checkout_token for order in self.shop.orders.orders.values()
            ):
                continue
            line = (act.order_id or f"alone {place}", act.names()[-1])
            if line not in lines or (act.sender == "server" and self._acts[lines[line]].sender != "server"):
                lines[line] = place
        for place in lines.values():
            act = self._acts[place]
            number, claim = self.number(act.names()[0]), act.sender != "server"
            yield Purchase(act.time, number, act.quantity or 1, self._owners[place], act.uuid, claim)

    # --- rankings --------------------------------------------------------------------------------------------------

    def numbers(self, days: int = 30) -> dict[int, tuple[int, ...]]:
        """Units, adds and views of each product in the last days, today included, and views and adds before that. Claims count
        for nothing here, since the shop has orders; robots and tests never do."""
        first = self.shop.now // DAY_MS - days + 1
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for bought in self._purchases:
            if bought.time // DAY_MS >= first and not bought.claim:
                counts[bought.product][0] += bought.units
        for act in self._counted():
            if act.verb in ("added", "viewed"):
                row = 3 if act.time // DAY_MS < first else 1 if act.verb == "added" else 2
                counts[self.number(act.names()[0])][row] += 1
        return {number: tuple(of) for number, of in counts.items() if any(of)}

    def top_sellers(self, days: int = 30) -> list[tuple[int, tuple[int, ...]]]:
        """Products that may be recommended with their numbers, the best first."""
        numbers = self.numbers(days)
        return sorted(
            ((number, of) for number, of in numbers.items() if self.recommended(number)),
            key=lambda one: ([-count for count in one[1]], one[0]),
        )

    def trending(self) -> list[tuple[float, int]]:
        """Products that rise, each with its score, the most striking first; with exact numbers of visitors."""
        seen: dict[tuple[int, int], set[str]] = defaultdict(set)
        for act in self._counted():
            visitor = None if act.denied else act.uuid or act.customer
            if act.verb == "viewed" and visitor is not None and self.shop.now - act.time < TREND_DAYS * DAY_MS:
                seen[(self.number(act.names()[0]), act.time // HOUR_MS)].add(visitor)
        recent: dict[int, float] = defaultdict(float)
        usual: dict[int, float] = defaultdict(float)
        for (number, hour), visitors in seen.items():
            ago = self.shop.now // HOUR_MS - hour
            recent[number] += len(visitors) * 2 ** (-ago / 6)
            usual[number] += len(visitors) * 2 ** (-ago / 72)
        pace = sum(recent.values()) / sum(usual.values())
        scores = [
            ((recent[number] - usual[number] * pace) / math.sqrt(usual[number] * pace + 1), number)
            for number in recent
            if self.recommended(number)
        ]
        return sorted((score for score in scores if score[0] > 0), reverse=True)

    def _counted(self) -> Iterator[Act]:
        """Acts on products that count in totals."""
        for act in self._acts:
            if act.noun == "product" and act.subject == "user" and not act.test and act.sender != "robot":
                yield act

    # --- lists that are named --------------------------------------------------------------------------------------

    def collection(self, handle: str, *, best_first: bool = False) -> list[int]:
        """The products of a collection, in its own order or that of the top sellers."""
        numbers = [number for number in self.shop.catalog.collections[handle] if self.recommended(number)]
        if best_first:
            sold = self.numbers()
            numbers.sort(key=lambda number: [-count for count in sold.get(number, (0, 0, 0, 0))])
        return numbers

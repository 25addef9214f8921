"""The true figures of a generated shop: straight readings of what was generated, after the promises of the semantics
("Figures"). Nothing of Footfall is called here. Products go by their numbers in the generated catalog."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from footfall.clock import MINUTE_MS
from tests.generated.catalog import product_id
from tests.generated.steps import Act
from tests.generated.truth import Truth

_PAUSE = 30 * MINUTE_MS
_KINDS = ("viewed", "added", "removed")


class Sale(NamedTuple):
    """A purchase line. ``units`` and ``amount`` are what is left of it; ``session``: the number of its session."""

    time: int
    order: str
    product: int
    units: int
    amount: Decimal
    session: int | None


class Figures:
    """The figures of one shop."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        every = list(zip(truth._acts, truth._owners, strict=True))
        self.acts = [(act, owner) for act, owner in every if act.sender != "robot" and not act.test]
        """Acts that count, with who owns them."""
        self.sessions = self._sessions()
        """Places of acts, by time, of each session."""
        self.sales = [*self._ordered(), *self._told()]

    def overview(self, start: int, end: int) -> dict[str, Any]:
        """The figures of a window."""
        inside = [(act, owner) for act, owner in self.acts if start <= act.time < end]
        sales = [sale for sale in self.sales if start <= sale.time < end]
        begun = [number for number in range(len(self.sessions)) if start <= self._start(number) < end]
        buying = {sale.session for sale in self.sales}
        return {
            "events": len(inside),
            "visitors": len({who for act, owner in inside if (who := person(act, owner)) is not None}),
            "sessions": len(begun),
            **{name: self._count(inside, verb) for name, verb in zip(("views", "adds", "removes"), _KINDS, strict=True)},
            "purchases": len(sales),
            "orders": len({sale.order for sale in sales}),
            "units": sum(sale.units for sale in sales),
            "revenue": sum((sale.amount for sale in sales), Decimal(0)),
            "conversion": round(sum(number in buying for number in begun) / len(begun), 6),
        }

    def products(self, start: int, end: int) -> dict[int, dict[str, Any]]:
        """The figures of each product."""
        found: dict[int, dict[str, Any]] = {}

        def of(number: int) -> dict[str, Any]:
            counts = dict.fromkeys(("views", "adds", "removes", "purchases", "units"), 0)
            return found.setdefault(number, {**counts, "viewers": set(), "orders": set(), "revenue": Decimal(0)})

        for act, owner in self.acts:
            if start <= act.time < end and act.verb in _KINDS and _is_about_product(act):
                row = of(self._truth.number(act.names()[0]))
                row[{"viewed": "views", "added": "adds", "removed": "removes"}[act.verb]] += 1
                if act.verb == "viewed" and (who := person(act, owner)) is not None:
                    row["viewers"].add(who)
        for sale in self.sales:
            if start <= sale.time < end:
                row = of(sale.product)
                row["purchases"] += 1
                row["units"] += sale.units
                row["orders"].add(sale.order)
                row["revenue"] += sale.amount
        return {number: {**row, "viewers": len(row["viewers"]), "orders": len(row["orders"])} for number, row in found.items()}

    def funnel(self, start: int, end: int) -> list[int]:
        """Sessions begun in the window that viewed, then added, then bought."""
        reached = [0, 0, 0]
        for number, places in enumerate(self.sessions):
            if not start <= self._start(number) < end:
                continue
            acts = [self.acts[place][0] for place in places]
            views = [act.time for act in acts if _is_about_product(act) and act.verb == "viewed"]
            adds = [
                act.time for act in acts if views and _is_about_product(act) and act.verb == "added" and act.time >= views[0]
            ]
            buys = [sale for sale in self.sales if sale.session == number and adds and sale.time >= adds[0]]
            for step, there in enumerate((views, adds, buys)):
                reached[step] += bool(there)
        return reached

    def behaviour(self, start: int, end: int) -> tuple[int, int, int]:
        """Sessions, bounces, and milliseconds that they lasted."""
        begun = [places for number, places in enumerate(self.sessions) if start <= self._start(number) < end]
        sold = {sale.session for sale in self.sales}
        bounces = 0
        for number, places in enumerate(self.sessions):
            if not start <= self._start(number) < end:
                continue
            verbs = [self.acts[place][0].verb for place in places if _is_about_product(self.acts[place][0])]
            bounces += verbs.count("viewed") <= 1 and not {"added", "purchased"} & set(verbs) and number not in sold
        lasted = sum(self.acts[places[-1]][0].time - self.acts[places[0]][0].time for places in begun)
        return len(begun), bounces, lasted

    def cohorts(self, mondays: Sequence[int], end: int) -> list[list[int]]:
        """By week in which somebody first came: how many came then and in each week after."""
        weeks: dict[Any, set[int]] = {}
        for number, places in enumerate(self.sessions):
            who = next((who for place in places if (who := person(*self.acts[place])) is not None), None)
            if who is not None and self._start(number) < end:
                week = max((n for n, monday in enumerate(mondays) if self._start(number) >= monday), default=-1)
                weeks.setdefault(who, set()).add(week)
        return [
            [
                sum(min(came) == first and first + after in came for came in weeks.values())
                for after in range(len(mondays) - first)
            ]
            for first in range(len(mondays))
        ]

    # --- how they come about ---------------------------------------------------------------------------------------

    def _count(self, inside: Sequence[tuple[Act, str | None]], verb: str) -> int:
        return sum(act.verb == verb and _is_about_product(act) for act, _ in inside)

    def _start(self, number: int) -> int:
        return self.acts[self.sessions[number][0]][0].time

    def _sessions(self) -> list[list[int]]:
        named: dict[str, list[int]] = {}
        alone: dict[str, list[int]] = {}
        for place, (act, _) in enumerate(self.acts):
            if act.denied:
                continue
            if "rsid" in act.more:
                named.setdefault(act.more["rsid"], []).append(place)
            elif act.uuid or act.customer:
                alone.setdefault(act.uuid or f"customer {act.customer}", []).append(place)
        found = [*named.values()]
        for places in alone.values():
            places.sort(key=lambda place: self.acts[place][0].time)
            for before, place in zip([None, *places], places, strict=False):
                if before is None or self.acts[place][0].time - self.acts[before][0].time > _PAUSE:
                    found.append([])
                found[-1].append(place)
        return [sorted(places, key=lambda place: self.acts[place][0].time) for places in found]

    def _session_at(self, uuid: str | None, time: int) -> int | None:
        """The visitor's session that was going on at a time, the latest."""
        going_on = [
            (self._start(number), number)
            for number, places in enumerate(self.sessions)
            if uuid is not None
            and any(self.acts[place][0].uuid == uuid for place in places)
            and self._start(number) <= time <= self.acts[places[-1]][0].time + _PAUSE
        ]
        return max(going_on)[1] if going_on else None

    def _session_of(self, act: Act) -> int | None:
        return next((n for n, places in enumerate(self.sessions) if any(self.acts[place][0] is act for place in places)), None)

    def _session_told(self, order: dict[str, Any]) -> int | None:
        """The session in which an order's checkout (of a guest its number, too) was told of first."""
        for name, value in (("order_id", str(order["id"])), ("checkout_token", order.get("checkout_token"))):
            if name == "order_id" and "customer" in order:
                continue
            for act, _ in self.acts:
                if value and getattr(act, name) == value and act.uuid and not act.denied:
                    return self._session_of(act)
        return None

    def _ordered(self) -> Iterator[Sale]:
        for order in self._truth.shop.orders.orders.values():
            if order["test"]:
                continue
            time = int(datetime.fromisoformat(order["processed_at"]).timestamp() * 1_000)
            session = self._session_at(self._truth._visitor(order), time)
            if session is None:
                session = self._session_told(order)
            for line in order["line_items"]:
                money = line.get("price_set", {}).get("shop_money", {}).get("amount", line["price"])
                back = [
                    taken
                    for refund in order["refunds"]
                    for taken in refund["refund_line_items"]
                    if taken["line_item_id"] == line["id"]
                ]
                units = line["quantity"] - sum(taken["quantity"] for taken in back)
                amount = Decimal(money) * line["quantity"] - sum(
                    (Decimal(str(taken["subtotal"])) for taken in back), Decimal(0)
                )
                if order["cancelled_at"] is not None:
                    units, amount = 0, Decimal(0)
                yield Sale(time, str(order["id"]), line["product_id"] - product_id(0), units, amount, session)

    def _told(self) -> Iterator[Sale]:
        """What the shop's own server told, of orders that did not tell of themselves."""
        known = {str(order["id"]) for order in self._truth.shop.orders.orders.values()}
        lines: dict[tuple[str, str], Act] = {}
        for act, _ in self.acts:
            if act.verb == "purchased" and act.sender == "server" and act.order_id and act.order_id not in known:
                lines.setdefault((act.order_id, act.names()[-1]), act)
        for (order, _), act in lines.items():
            product = self._truth.number(act.names()[0])
            yield Sale(act.time, order, product, act.quantity or 1, Decimal(0), self._session_of(act))


def person(act: Act, owner: str | None) -> str | None:
    """Who an act counts as: the customer who owns it, else its visitor."""
    if act.denied:
        return None
    return f"customer {owner}" if owner is not None else act.uuid


def _is_about_product(act: Act) -> bool:
    return act.noun == "product" and act.subject == "user"

"""``/api/v1/products/viewed``: what this visitor viewed (or added, removed, purchased), newest first, each product once."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused
from footfall.api.keys import Caller
from footfall.api.parts import Parts
from footfall.api.products import Products, Question, wait_for
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import (
    CustomerId,
    ShopId,
    Uuid,
    is_placeholder,
    read_id,
    read_uuid,
)
from footfall.intake.rejection import MISSING_IDENTITY, invalid
from footfall.limits import IDENTITY_CHARACTERS_MAX
from footfall.projections.history import Seen
from footfall.vocabulary import ACTIONS, Action, refusal

_IDENTITY_WANTED = f"1 to {IDENTITY_CHARACTERS_MAX} printable characters"


class _Asked(NamedTuple):
    """Whose products, of which action, and how they are shown."""

    question: Question
    uuid: Uuid | None
    customer: CustomerId | None
    action: Action


class Viewed:
    """The handler."""

    def __init__(self, parts: Parts, products: Products) -> None:
        self._parts = parts
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        fields = await exchange.fields()
        asked = self._asked(exchange, fields)
        await wait_for(fields.get("after"), self._parts)
        return self._answer(*asked)

    def soon(self, exchange: Exchange) -> Answer | None:
        """The answer to what storefronts ask nearly always, a GET that waits for nothing, without a task of its own. ``None``
        where a request needs more than that, or is refused."""
        if exchange.method != "GET":
            return None
        try:
            fields = exchange.parameters()
            return self._answer(*self._asked(exchange, fields)) if "after" not in fields else None
        except (Refused, NotReadyError, LogUnavailableError):
            return None

    def _asked(self, exchange: Exchange, fields: Mapping[str, Any]) -> _Asked:
        """What is asked for. Raises ``Refused`` or ``NotReadyError``."""
        question = self._products.asked(exchange, fields, in_stock=False, hidden=True)
        uuid, customer = read_identity(fields)
        if customer is not None and not may_read_customer(question.caller):
            raise Refused(
                403,
                "This shop answers by customer id only to its secret key (setting customer_reads). Ask from a server with "
                "`Authorization: Bearer …`, or by uuid.",
            )
        return _Asked(question, uuid, customer, _action(fields))

    def _answer(self, question: Question, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Answer:
        rows = self._rows(question.caller.shop.id, uuid, customer, action)
        return self._products.answer(question, self._products.shown(question, (row.reference for row in rows)), [NO_STORE])

    def _rows(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Iterator[Seen]:
        history = self._parts.history
        if uuid is None:
            # ``read_identity`` answers at least one of the two.
            return history.of_customer(shop, CustomerId(customer or ""), action)
        if customer is None:
            return history.of_uuid(shop, uuid, action)
        return history.of_both(shop, uuid, customer, action)


def read_identity(fields: Mapping[str, Any]) -> tuple[Uuid | None, CustomerId | None]:
    """The uuid and customer of a read, at least one of them. Raises ``Refused`` with the documented 400 where none is."""
    uuid: Uuid | None = None
    value = fields.get("uuid")
    if not is_placeholder(value):
        uuid = read_uuid(value)
        if uuid is None:
            raise Refused(400, invalid("uuid", _IDENTITY_WANTED).error)
    customer: str | None = None
    for name in ("shopify_customer_id", "customer_id"):
        value = fields.get(name)
        if is_placeholder(value) or value in (0, "0"):
            continue
        customer = read_id(value, "Customer", characters_max=IDENTITY_CHARACTERS_MAX)
        if customer is None:
            raise Refused(400, invalid(name, _IDENTITY_WANTED).error)
        break
    if uuid is None and customer is None:
        raise Refused(400, MISSING_IDENTITY)
    return uuid, CustomerId(customer) if customer is not None else None


def may_read_customer(caller: Caller) -> bool:
    """Whether this caller may read by customer id."""
    return caller.secret or caller.shop.customer_reads == "public"


def _action(fields: Mapping[str, Any]) -> Action:
    subject, verb = str(fields.get("subject") or "user"), str(fields.get("verb") or "viewed")
    action = ACTIONS.get((subject, verb))
    if action is None:
        raise Refused(400, refusal(subject, verb, "product")[1])
    return action

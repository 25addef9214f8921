"""``/api/v1/products/viewed``: what this visitor viewed (or added, removed, purchased), newest first, each product once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused
from footfall.api.keys import Caller
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, Told, wait_for
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import CustomerId, ProductReference, ShopId, Uuid, is_placeholder, read_id, read_uuid
from footfall.intake.rejection import MISSING_IDENTITY, invalid
from footfall.limits import IDENTITY_CHARACTERS_MAX
from footfall.projections.bought import Bought
from footfall.projections.history import Seen
from footfall.vocabulary import ACTIONS, Action, refusal

_PURCHASED = ACTIONS[("user", "purchased")]
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
        if asked.action == _PURCHASED or fields.get("explain") == "yes":
            return await self._answer_in_full(asked)
        return self._answer(*asked)

    async def references(self, question: Question, context: Context) -> Iterable[ProductReference]:
        """The list's source: what the context's visitor viewed, or did with ``subject`` and ``verb``."""
        asked = _Asked(question, context.uuid, context.customer, read_action(question.fields))
        return (reference for reference, _ in self._told(asked))

    def soon(self, exchange: Exchange) -> Answer | None:
        """The answer to what storefronts ask nearly always, a GET that waits for nothing, without a task of its own. ``None``
        where a request needs more than that, or is refused."""
        if exchange.method != "GET":
            return None
        try:
            fields = exchange.parameters()
            if "after" in fields or "explain" in fields or fields.get("verb") == "purchased":
                return None
            return self._answer(*self._asked(exchange, fields))
        except (Refused, NotReadyError, LogUnavailableError):
            return None

    def _asked(self, exchange: Exchange, fields: Mapping[str, Any]) -> _Asked:
        """What is asked for. Raises ``Refused`` or ``NotReadyError``."""
        question = self._products.asked(exchange, fields, in_stock=False, hidden=True)
        uuid, customer = read_identity(fields)
        require_may_read(question.caller, customer)
        return _Asked(question, uuid, customer, read_action(fields))

    def _answer(self, question: Question, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Answer:
        references = self._references(question.caller.shop.id, uuid, customer, action)
        return self._products.answer(question, self._products.shown(question, references), [NO_STORE])

    async def _answer_in_full(self, asked: _Asked) -> Answer:
        """The answer by the longer way: with reasons, and purchases with what orders say of them."""
        shown = await self._products.told(asked.question, self._told(asked))
        return self._products.answer(asked.question, shown, [NO_STORE])

    def _told(self, asked: _Asked) -> Iterator[Told]:
        shop, uuid, customer = asked.question.caller.shop.id, asked.uuid, asked.customer
        verb = str(asked.question.fields.get("verb") or "viewed")
        rows: Iterable[Seen | Bought] = self._rows(shop, uuid, customer, asked.action)
        if asked.action == _PURCHASED:
            rows = self._parts.buyers.bought(shop, uuid, customer) if uuid is not None or customer is not None else ()
        return ((row.reference, {"source": "viewed", "verb": verb, "at": row.time}) for row in rows)

    def _references(
        self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action
    ) -> Iterator[ProductReference]:
        return (row.reference for row in self._rows(shop, uuid, customer, action))

    def _rows(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Iterable[Seen]:
        history = self._parts.history
        if uuid is not None and customer is not None:
            return history.of_both(shop, uuid, customer, action)
        if uuid is not None:
            return history.of_uuid(shop, uuid, action)
        return history.of_customer(shop, customer, action) if customer is not None else ()


def read_identity_if_any(fields: Mapping[str, Any]) -> tuple[Uuid | None, CustomerId | None]:
    """The uuid and customer of a read that may have neither."""
    return read_visitor(fields), read_customer(fields)


def read_identity(fields: Mapping[str, Any]) -> tuple[Uuid | None, CustomerId | None]:
    """The uuid and customer of a read, at least one of them. Raises ``Refused`` with the documented 400 where none is."""
    uuid, customer = read_identity_if_any(fields)
    if uuid is None and customer is None:
        raise Refused(400, MISSING_IDENTITY)
    return uuid, customer


def read_visitor(fields: Mapping[str, Any]) -> Uuid | None:
    """The uuid of a read, where it has one. Raises ``Refused`` (400) where it can't be used."""
    value = fields.get("uuid")
    if is_placeholder(value):
        return None
    uuid = read_uuid(value)
    if uuid is None:
        raise Refused(400, invalid("uuid", _IDENTITY_WANTED).error)
    return uuid


def read_customer(fields: Mapping[str, Any]) -> CustomerId | None:
    """The customer of a read, where it has one. Raises ``Refused`` (400) where it can't be used."""
    for name in ("shopify_customer_id", "customer_id"):
        value = fields.get(name)
        if is_placeholder(value) or value in (0, "0"):
            continue
        customer = read_id(value, "Customer", characters_max=IDENTITY_CHARACTERS_MAX)
        if customer is None:
            raise Refused(400, invalid(name, _IDENTITY_WANTED).error)
        return CustomerId(customer)
    return None


def require_may_read(caller: Caller, customer: CustomerId | None) -> None:
    """Raise ``Refused`` (403) where a customer is named and the caller may not read by that."""
    if customer is not None and not may_read_customer(caller):
        raise Refused(
            403,
            "This shop answers by customer id only to its secret key (setting customer_reads). Ask from a server with "
            "`Authorization: Bearer …`, or by uuid.",
        )


def may_read_customer(caller: Caller) -> bool:
    """Whether this caller may read by customer id."""
    return caller.secret or caller.shop.customer_reads == "public"


def read_action(fields: Mapping[str, Any]) -> Action:
    """What ``subject`` and ``verb`` ask for, ``viewed`` where they say nothing. Raises ``Refused`` (400)."""
    subject, verb = str(fields.get("subject") or "user"), str(fields.get("verb") or "viewed")
    action = ACTIONS.get((subject, verb))
    if action is None:
        raise Refused(400, refusal(subject, verb, "product")[1])
    return action

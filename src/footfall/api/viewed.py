"""``/api/v1/products/viewed``: what this visitor viewed (or added, removed, purchased), newest first, each product once."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, json_answer
from footfall.api.keys import Caller, find_caller
from footfall.api.parts import Parts
from footfall.catalog.product import product_json
from footfall.errors import LogUnavailableError, NotReadyError, PositionNotReachedError
from footfall.identifiers import (
    CustomerId,
    ProductReference,
    ShopId,
    Uuid,
    is_placeholder,
    position_token,
    read_id,
    read_position_token,
    read_uuid,
)
from footfall.intake.rejection import MISSING_IDENTITY, invalid
from footfall.limits import AFTER_WAIT_SECONDS, IDENTITY_CHARACTERS_MAX, PRODUCTS_DEFAULT, PRODUCTS_MAX
from footfall.log.port import Stream
from footfall.projections.history import Seen
from footfall.vocabulary import ACTIONS, Action, refusal

_IDENTITY_WANTED = f"1 to {IDENTITY_CHARACTERS_MAX} printable characters"


class _Question(NamedTuple):
    """Whose products, of which action; and the other parameters."""

    caller: Caller
    uuid: Uuid | None
    customer: CustomerId | None
    action: Action
    fields: Mapping[str, Any]


class Viewed:
    """The handler."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, exchange: Exchange) -> Answer:
        fields = await exchange.fields()
        question = self._question(exchange, fields)
        await wait_for(fields.get("after"), self._parts)
        return self._answer(*question)

    def soon(self, exchange: Exchange) -> Answer | None:
        """The answer to what storefronts ask nearly always, a GET that waits for nothing, without a task of its own. ``None``
        where a request needs more than that, or is refused."""
        if exchange.method != "GET":
            return None
        try:
            fields = exchange.parameters()
            return self._answer(*self._question(exchange, fields)) if "after" not in fields else None
        except (Refused, NotReadyError, LogUnavailableError):
            return None

    def _question(self, exchange: Exchange, fields: Mapping[str, Any]) -> "_Question":
        """What is asked for. Raises ``Refused`` or ``NotReadyError``."""
        caller = find_caller(exchange, fields, self._parts.shops)
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ".")
        uuid, customer = read_identity(fields)
        if customer is not None and not may_read_customer(caller):
            raise Refused(
                403,
                "This shop answers by customer id only to its secret key (setting customer_reads). Ask from a server with "
                "`Authorization: Bearer …`, or by uuid.",
            )
        return _Question(caller, uuid, customer, _action(fields), fields)

    def _answer(
        self, caller: Caller, uuid: Uuid | None, customer: CustomerId | None, action: Action, fields: Mapping[str, Any]
    ) -> Answer:
        rows = self._rows(caller.shop.id, uuid, customer, action)
        metafields = fields.get("metafields") == "yes"
        products = self._products(caller, rows, read_limit(fields.get("limit")), metafields=metafields)
        token = position_token(self._parts.log.generation, self._parts.covered(Stream.EVENTS)).encode()
        return json_answer({"data": products}, headers=[NO_STORE, (b"footfall-position", token)], pretty=is_pretty(fields))

    def _rows(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None, action: Action) -> Iterator[Seen]:
        history = self._parts.history
        if uuid is None:
            # ``read_identity`` answers at least one of the two.
            return history.of_customer(shop, CustomerId(customer or ""), action)
        if customer is None:
            return history.of_uuid(shop, uuid, action)
        return history.of_both(shop, uuid, customer, action)

    def _products(self, caller: Caller, rows: Iterator[Seen], limit: int, *, metafields: bool) -> list[msgspec.Raw]:
        """Each product once, where it was seen last; ``limit`` counts products after their names are resolved."""
        shown: dict[ProductReference, msgspec.Raw] = {}
        names: set[ProductReference] = set()
        sightings = self._parts.sightings
        for row in rows:
            if row.reference in names:
                continue
            names.add(row.reference)
            reference, told = sightings.product(caller.shop.id, row.reference)
            if reference not in shown:
                shown[reference] = product_json(told, caller.shop.url, metafields=metafields)
                if len(shown) == limit:
                    break
        return list(shown.values())


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


async def wait_for(after: object, parts: Parts) -> None:
    """Wait until answers cover the position of ``after=``; one of another generation counts as reached.

    Raises ``Refused`` (400) where it is no position, ``PositionNotReachedError`` after the bound.
    """
    if after is None or after == "":
        return
    token = read_position_token(str(after))
    if token is None:
        raise Refused(400, "Invalid after. It must be a position, as the header Footfall-Position gives it.")
    generation, ends = token
    if generation == parts.log.generation and not await parts.log.wait(
        Stream.EVENTS, ends, timeout_seconds=AFTER_WAIT_SECONDS
    ):
        raise PositionNotReachedError


def read_limit(value: object) -> int:
    """``limit``: 5 where it is absent, empty, zero, negative or not a number; at most 250. A read never fails over it."""
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        return PRODUCTS_DEFAULT
    digits = text.lstrip("0")
    if len(digits) > len(str(PRODUCTS_MAX)):
        return PRODUCTS_MAX
    return min(int(digits), PRODUCTS_MAX) if digits else PRODUCTS_DEFAULT


def is_pretty(fields: Mapping[str, Any]) -> bool:
    """``format=pretty``, or a bare ``pretty``."""
    return fields.get("format") == "pretty" or fields.get("pretty") == ""

"""Collection: the ways in for events, v1 and v2, single and bulk, and the pixel."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from footfall.api.exchange import (
    JSON,
    NO_STORE,
    Answer,
    Exchange,
    Headers,
    Refused,
    error_answer,
    json_answer,
    or_refused,
    unavailable,
)
from footfall.api.keys import Caller, find_caller
from footfall.api.parts import Parts
from footfall.errors import NotReadyError
from footfall.identifiers import position_token
from footfall.intake.accept import Accepted
from footfall.intake.body import event_too_large, read_batch, read_form, read_single
from footfall.intake.privacy import device_and_bot
from footfall.intake.reading import Arrival
from footfall.intake.receipt import Receipt
from footfall.intake.rejection import Rejected
from footfall.limits import EVENT_BYTES_MAX
from footfall.log.port import Place, Stream

PIXEL_PATH: Final = "/api/v1/analytics/event.gif"
RECEIVED: Final = b'{"data":"Received"}'
GIF: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent GIF of one pixel (GIF89a, 43 bytes)."""

_LONG_WAY_HEADERS: Final = frozenset({b"authorization", b"content-encoding", b"prefer"})


class Collection:
    """The handlers of the collection routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def v1(self, exchange: Exchange) -> Answer:
        """One event in a query string, a form or a JSON object; the pixel takes the same query string."""
        body = b""
        try:
            fields: dict[str, Any] = dict(exchange.parameters())
            if exchange.method == "POST":
                body = await exchange.body()
                fields |= _v1_fields(exchange, body) if body else {}
        except Refused as refused:
            await self._quarantine(exchange, refused, body or exchange.query)
            raise
        caller = find_caller(exchange, fields, self._parts.shops)
        return await self._single(exchange, caller, fields, version=1)

    async def v2(self, exchange: Exchange) -> Answer:
        """One event as a JSON object."""
        parameters, body = await self._parameters_and_body(exchange)
        raw = read_single(body)
        if isinstance(raw, Rejected):
            refused = Refused(raw.status, raw.error, rejected=raw)
            await self._quarantine(exchange, refused, body)
            raise refused
        caller = find_caller(exchange, parameters if "key" in parameters else raw, self._parts.shops)
        return await self._single(exchange, caller, raw, version=2, parameters=parameters)

    def v2_soon(self, exchange: Exchange, deliver: Callable[[Answer], None]) -> bool:
        """The short way of ``v2`` for what storefronts send nearly always: one good event whose key is in a header (or alone
        in the query). ``False``, with nothing done, where the request needs ``v2``; the answers are the same."""
        headers = exchange.headers
        if exchange.whole is None or len(exchange.whole) > EVENT_BYTES_MAX or not _LONG_WAY_HEADERS.isdisjoint(headers):
            return False
        parameters: dict[str, str] = {}
        if exchange.query:
            name, _, key = exchange.query.partition(b"=")
            if name != b"key" or b"&" in key or b"%" in key:
                return False
            parameters["key"] = key.decode("latin-1")
        try:
            exchange.hold(len(exchange.whole))
            caller = find_caller(exchange, parameters, self._parts.shops)
            if self._parts.unready() or exchange.media_type() != "json":
                return False
        except Refused:
            return False

        def done(place: Place | None, failure: BaseException | None) -> None:
            if place is None:
                deliver(unavailable(str(failure)))
                return
            token = position_token(self._parts.log.generation, dict((place,)))
            deliver(Answer(200, RECEIVED, [JSON, NO_STORE, (b"footfall-position", token.encode())]))

        return self._parts.intake.accept_soon(exchange.whole, self._arrival(exchange, caller, version=2), done)

    async def bulk(self, exchange: Exchange) -> Answer:
        """Many events: a bare array, or ``{"events": [...]}``."""
        parameters, body = await self._parameters_and_body(exchange)
        items = read_batch(body)
        if isinstance(items, Rejected):
            refused = Refused(items.status, items.error, rejected=items)
            await self._quarantine(exchange, refused, body)
            raise refused
        caller = find_caller(exchange, parameters, self._parts.shops)
        self._require_ready()
        wanted = _wants_receipts(exchange, parameters)
        arrival = self._arrival(exchange, caller, version=2)
        accepted = await self._parts.intake.accept(items, arrival, receipts=wanted)
        headers = await self._headers(accepted)
        if not accepted.rejected and not wanted:
            return Answer(200, RECEIVED, [JSON, *headers])
        rejected = [{"index": index, "error": why.error} for index, why in accepted.rejected]
        more: dict[str, Any] = {"rejected": rejected} if rejected else {}
        if wanted:
            more["receipts"] = [self._shown(receipt) for receipt in accepted.receipts]
        if rejected and len(rejected) == len(items):
            first = accepted.rejected[0][1].error
            error = first if len(items) == 1 else f"None of the {len(items)} events could be stored. The first: {first}"
            return error_answer(400, error, headers, more)
        return json_answer({"data": "Received", **more}, headers=headers)

    async def completed(self, exchange: Exchange, answer: Answer) -> Answer:
        """An answer of a collection route with what every one of them has: no caching, and a position; the pixel is a GIF,
        whatever happened, and what went wrong stands in a header."""
        headers = answer.headers
        if NO_STORE not in headers:
            headers.append(NO_STORE)
        if not any(name == b"footfall-position" for name, _ in headers):
            ends = await self._parts.log.ends(Stream.EVENTS)
            headers.append((b"footfall-position", position_token(self._parts.log.generation, ends).encode()))
        if exchange.path != PIXEL_PATH:
            return answer
        headers = [header for header in headers if header != JSON]
        if answer.status != 200:
            error = str(msgspec.json.decode(answer.body)["error"])
            headers.append((b"footfall-error", error.replace("…", "...").encode("ascii", "replace")))
        return Answer(answer.status, GIF, [(b"content-type", b"image/gif"), *headers])

    async def _single(
        self,
        exchange: Exchange,
        caller: Caller,
        raw: Mapping[str, Any],
        *,
        version: int,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        self._require_ready()
        wanted = _wants_receipts(exchange, parameters if parameters is not None else raw)
        arrival = self._arrival(exchange, caller, version=version)
        accepted = await self._parts.intake.accept([raw], arrival, receipts=wanted)
        headers = await self._headers(accepted)
        more = {"receipts": [self._shown(receipt) for receipt in accepted.receipts]} if wanted else {}
        if accepted.rejected:
            why = accepted.rejected[0][1]
            return error_answer(why.status, why.error, headers, more)
        if wanted:
            return json_answer({"data": "Received", **more}, headers=headers)
        return Answer(200, RECEIVED, [JSON, *headers])

    async def _parameters_and_body(self, exchange: Exchange) -> tuple[dict[str, str], bytes]:
        body = b""
        try:
            parameters = exchange.parameters()
            body = await exchange.body()
            # A bare `curl -d` says that its JSON is a form; what it sends tells.
            if exchange.media_type() == "form" and body.lstrip()[:1] not in (b"{", b"["):
                or_refused(Rejected("This path takes JSON. Forms are taken by /api/v1/analytics/event.", "Content-Type", 415))
        except Refused as refused:
            await self._quarantine(exchange, refused, body)
            raise
        return parameters, body

    async def _quarantine(self, exchange: Exchange, refused: Refused, body: bytes) -> None:
        """Keep what could not be read, where its key (in query or header) says whose it is."""
        if refused.rejected is None:
            return
        try:
            parameters = exchange.parameters()
        except Refused:
            parameters = {}
        try:
            caller = find_caller(exchange, parameters, self._parts.shops)
        except Refused:
            return
        self._require_ready()
        await self._parts.intake.quarantine(refused.rejected, body, self._arrival(exchange, caller, version=2))

    def _require_ready(self) -> None:
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Send again later.")

    def _arrival(self, exchange: Exchange, caller: Caller, *, version: int) -> Arrival:
        device, bot = device_and_bot(exchange.header(b"user-agent")[:1024])
        return Arrival(
            shop=caller.shop.id,
            email_key=bytes.fromhex(caller.shop.email_key),
            received_at=self._parts.clock.now(),
            session_suffices=version == 2,
            verified=caller.secret,
            # A server's own user agent says nothing of the shopper's device.
            device=None if caller.secret else device,
            bot=bot and not caller.secret,
        )

    async def _headers(self, accepted: Accepted) -> Headers:
        """The headers of a collection answer: its position covers every event that the request touched."""
        covered = accepted.ends or await self._parts.log.ends(Stream.EVENTS)
        token = position_token(self._parts.log.generation, covered)
        return [NO_STORE, (b"footfall-position", token.encode())]

    def _shown(self, receipt: Receipt) -> dict[str, Any]:
        shown: dict[str, Any] = {"status": receipt.status, "event_id": receipt.event_id, "position": None, "error": None}
        if receipt.place is not None:
            shown["position"] = position_token(self._parts.log.generation, dict([receipt.place]))
        if receipt.rejection is not None:
            shown["error"] = receipt.rejection.error
        if receipt.warnings:
            shown["warnings"] = list(receipt.warnings)
        return shown


def _v1_fields(exchange: Exchange, body: bytes) -> dict[str, Any]:
    """The fields of a v1 body. Raises ``Refused`` (400, 413, 415)."""
    if exchange.media_type() != "form" or body.lstrip()[:1] == b"{":
        return dict(or_refused(read_single(body)))
    if len(body) > EVENT_BYTES_MAX:
        or_refused(event_too_large(len(body)))
    return dict(or_refused(read_form(body)))


def _wants_receipts(exchange: Exchange, parameters: Mapping[str, Any]) -> bool:
    return parameters.get("receipts") == "yes" or b"return=representation" in exchange.headers.get(b"prefer", b"")

"""``/api/v1/events/{event_id or position}``: where is my event? Stored, a duplicate, or rejected and why."""

from typing import Any

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, json_answer
from footfall.api.keys import require_secret
from footfall.api.parts import Parts
from footfall.errors import NotReadyError
from footfall.event import decode_event, wire_fields
from footfall.identifiers import Position, ShopId, position_token, read_position_token
from footfall.limits import EVENT_ID_DAYS
from footfall.log.port import Stream


class Where:
    """The handler; ``find`` also answers the command ``footfall event``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, exchange: Exchange) -> Answer:
        unready = self._parts.unready()
        if unready:
            # Before shops are loaded, a key that is right would be called unknown.
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Ask again later.")
        shop = require_secret(exchange, self._parts.shops)
        reference = exchange.path.removeprefix("/api/v1/events/")
        found = await self.find(shop.id, reference)
        if not found:
            raise Refused(404, not_found(reference))
        return json_answer({"data": found}, headers=[NO_STORE])

    async def find(self, shop: ShopId, reference: str) -> list[dict[str, Any]]:
        """All that is known of an event of this shop, by its position or its client-made id: what was stored first."""
        token = read_position_token(reference)
        if token is not None and token[0] == self._parts.log.generation:
            ends = await self._parts.log.ends(Stream.EVENTS)
            places = {part: position for part, position in token[1].items() if position <= ends.get(part, 0)}
            found = [await self._stored(shop, partition, position) for partition, position in places.items()]
            return [entry for entry in found if entry is not None]
        answers = []
        for partition, position in self._parts.event_ids.places(shop, reference):
            entry = await self._stored(shop, partition, position)
            if entry is not None and entry["event_id"] == reference:
                deliveries = self._parts.outcomes.deliveries(shop, reference)
                entry["duplicates"] = [
                    {"status": "duplicate", "of": entry["position"], "received_at": delivery.received_at}
                    for delivery in deliveries
                    if (delivery.part, delivery.position) == (partition, position)
                ]
                answers.append(entry)
        for rejection in self._parts.rejections.with_event_id(shop, reference):
            rejected = await self.rejected(shop, rejection.position)
            if rejected is not None:
                answers.append({"status": "rejected", "event_id": reference, **rejected})
        return answers

    async def rejected(self, shop: ShopId, position: Position) -> dict[str, Any] | None:
        """A record of the quarantine as answers show it: without what is withheld."""
        entries = await self._parts.log.read(Stream.QUARANTINE, 0, position, 1)
        if not entries or entries[0].position != position or not entries[0].value:
            return None
        record: dict[str, Any] = msgspec.json.decode(entries[0].value)
        if record["shop"] != shop:
            return None
        shown = {name: record.get(name) for name in ("received_at", "reason", "field", "error", "original")}
        return {"quarantine": position, **shown, "truncated": record.get("truncated", False)}

    async def _stored(self, shop: ShopId, partition: int, position: Position) -> dict[str, Any] | None:
        entries = await self._parts.log.read(Stream.EVENTS, partition, position, 1)
        if not entries or entries[0].position != position or not entries[0].value:
            return None
        event = decode_event(entries[0].value)
        if event.shop != shop:
            return None
        return {
            "status": "stored",
            "event_id": event.event_id,
            "position": position_token(self._parts.log.generation, {partition: position}),
            "received_at": event.received_at,
            "event": wire_fields(event),
        }


def not_found(reference: str) -> str:
    """What to say where nothing is known of an event."""
    return (
        f"No event {reference[:140]!r} is known to this shop. Ids are remembered for {EVENT_ID_DAYS} days after the event "
        "came, positions for ever."
    )

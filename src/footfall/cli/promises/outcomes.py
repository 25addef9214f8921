"""Promises about what became of each event: partial failure, receipts, retries, positions."""

from typing import Final

from footfall.cli.promises.promise import BULK, Group, Visitor

GROUP: Final = Group("outcomes")
_MISSING: Final = "Missing required args. You must pass either shopify_customer_id or uuid."


@GROUP.ours
def partial_failure(visitor: Visitor) -> None:
    """Of a batch with a bad event the good ones are stored, and the answer says which was rejected and why."""
    first, second = visitor.products[:2]
    batch = [visitor.event(first), visitor.event(first, uuid=None), visitor.event(second)]
    wanted = {"data": "Received", "rejected": [{"index": 1, "error": _MISSING}]}
    visitor.post(batch, BULK).is_exactly(200, wanted)
    visitor.has_viewed(second, first)


@GROUP.ours
def all_rejected(visitor: Visitor) -> None:
    """A batch of bad events alone is answered 400, with each of them in rejected."""
    answer = visitor.post([visitor.event(visitor.products[0], uuid=None)] * 2, BULK)
    answer.is_refused(400)
    rejected = [{"index": index, "error": _MISSING} for index in range(2)]
    answer.require(answer.json(400).get("rejected") == rejected, f'400 with "rejected": {rejected}')


@GROUP.ours
def receipts(visitor: Visitor) -> None:
    """With receipts=yes each event of a batch has a receipt, in the order sent."""
    good = visitor.event(visitor.products[0], event_id=visitor.uuid)
    answer = visitor.post([good, visitor.event(visitor.products[0], uuid=None)], BULK, query={"receipts": "yes"})
    told = answer.json().get("receipts") or []
    came = [(receipt.get("status"), receipt.get("event_id"), receipt.get("error")) for receipt in told]
    wanted = [("stored", visitor.uuid, None), ("rejected", None, _MISSING)]
    answer.require(came == wanted, "receipts that say stored, then rejected and why")
    answer.require(isinstance(told[0].get("position"), str) and told[0]["position"], "the position of the stored event")


@GROUP.ours
def retried(visitor: Visitor) -> None:
    """The same event_id again is received, and is a duplicate: nothing is stored twice."""
    first, second = visitor.products[:2]
    visitor.post(visitor.event(first, event_id=visitor.uuid)).is_received()
    visitor.post(visitor.event(second)).is_received()
    again = visitor.event(first, event_id=visitor.uuid)
    visitor.post(again).is_received()
    # Stored again, the first would be the newest.
    visitor.has_viewed(second, first)
    told = visitor.post([again], BULK, Prefer="return=representation")
    statuses = [receipt.get("status") for receipt in told.json().get("receipts") or []]
    told.require(statuses == ["duplicate"], "a receipt that says duplicate")


@GROUP.ours
def position(visitor: Visitor) -> None:
    """An answer to an event carries a Footfall-Position, with which after= makes a read wait."""
    seen = visitor.products[0]
    answer = visitor.post(visitor.event(seen))
    answer.is_received()
    token = answer.headers.get("footfall-position", "")
    answer.require(token, "the header Footfall-Position", f"{answer.status} without it")
    visitor.has_viewed(seen, after=token)
    refused = visitor.viewed(after="no position")
    refused.is_refused(400, "after")


@GROUP.ours
def event_time(visitor: Visitor) -> None:
    """History is in the order of event_time, milliseconds since the epoch as text or number, not of arrival."""
    first, second, third = visitor.products[:3]
    batch = [visitor.event(second, event_time="1790000002000"), visitor.event(first, event_time=1790000001000)]
    visitor.post(visitor.event(third, event_time="2026-01-01T00:00:00Z")).is_received()
    visitor.post(batch, BULK).is_received()
    visitor.has_viewed(second, first, third)


@GROUP.needing("secret")
def whereabouts(visitor: Visitor) -> None:
    """With the secret key, /api/v1/events/{event_id} tells what became of an event."""
    visitor.post(visitor.event(visitor.products[0], event_id=visitor.uuid)).is_received()
    answer = visitor.host.ask("GET", f"/api/v1/events/{visitor.uuid}", headers=visitor.bearer)
    told = [(found.get("status"), found.get("event_id")) for found in answer.json().get("data") or []]
    answer.require(told == [("stored", visitor.uuid)], "one entry that says stored")

"""``/api/v1/events/stream``: a shop's events as they are acknowledged, as server-sent events (WHATWG HTML, section 9.2).

The id of each is its position, so that a client that connects again with ``Last-Event-ID`` goes on after what it had.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused
from footfall.api.keys import require_secret
from footfall.api.live_filter import FILTERS, LISTED, Filter, Resolved, read_filter
from footfall.api.parts import Parts
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.event import numbered_fields
from footfall.identifiers import Position, PositionToken, ShopId, position_token, read_position_token
from footfall.limits import (
    LIST_ROWS_MAX,
    LIVE_HEARTBEAT_SECONDS,
    LIVE_LOOKED_BACK_MAX,
    LIVE_PAUSE_SECONDS,
    LIVE_RETRY_MS,
    LIVE_SILENT_POSITIONS_MAX,
)
from footfall.projections.live_feeds import LiveFeed, Told

LIVE_FEED: Final = "/api/v1/events/stream"
PLACES: Final = ("after", "last")
"""Where a feed begins; the header ``Last-Event-ID`` goes before them."""

_HEADERS: Final = ((b"content-type", b"text/event-stream"), NO_STORE, (b"x-accel-buffering", b"no"))
_RESTARTED: Final = (
    "The position that this feed was to go on from is none of this log, which was restored or replaced since. All events of "
    "the log follow, also those that came before."
)
_STILL_HERE: Final = b": still here\n"
_encode: Final = msgspec.json.Encoder().encode


class _Beginning(NamedTuple):
    """Where a feed begins: after a position, with so many of the last events, or now."""

    position: Position | None
    last: int
    is_restart: bool


class LiveFeedRoute:
    """The handler."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, exchange: Exchange) -> Answer:
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Connect again later.")
        shop = require_secret(exchange, self._parts.shops).id
        fields = exchange.parameters(LISTED)
        for name in fields:
            if name not in (*FILTERS, *PLACES, "key"):
                raise Refused(400, f"Unknown parameter {name[:40]!r}. The feed takes: {', '.join((*FILTERS, *PLACES))}.")
        chunks = self._chunks(exchange, shop, read_filter(fields), self._read_beginning(exchange, fields))
        # The first is made before the answer begins, so that what is wrong from the start is an error.
        return Answer(200, await anext(chunks), list(_HEADERS), chunks)

    def _read_beginning(self, exchange: Exchange, fields: Mapping[str, str]) -> _Beginning:
        """Raises ``Refused`` (400) for what is no position and no number."""
        last = fields.get("last") or "0"
        if not (last.isascii() and last.isdigit() and len(last) < 10 and int(last) <= LIST_ROWS_MAX):
            raise Refused(400, f"Invalid last. It is how many earlier events come first, 0 to {LIST_ROWS_MAX}.")
        for name, value in (("Last-Event-ID", exchange.header(b"last-event-id")), ("after", fields.get("after"))):
            if value:
                return self._after(name, value)
        return _Beginning(None, int(last), is_restart=False)

    def _after(self, name: str, value: str) -> _Beginning:
        token = read_position_token(value)
        if token is None:
            raise Refused(
                400, f"Invalid {name}. It must be a position, as the ids of this feed and Footfall-Position give it."
            )
        generation, ends = token
        position = max(ends.values())
        if generation == self._parts.log.generation and position <= self._parts.live_feeds.end:
            return _Beginning(position, 0, is_restart=False)
        # As a projection does (docs/decisions/0021-a-live-feed-is-a-place-in-the-log.md): what comes twice can be seen, and
        # what was left out could not.
        return _Beginning(Position(0), 0, is_restart=True)

    async def _chunks(
        self, exchange: Exchange, shop: ShopId, wanted: Filter, beginning: _Beginning
    ) -> AsyncGenerator[bytes, None]:
        """What goes over the wire, until the feeds are closed, the log can't be read or the key is taken away."""
        now = asyncio.get_running_loop().time
        with self._parts.live_feeds.opened(shop) as feed:
            feed.position = named = await self._begin(feed, shop, wanted, beginning)
            yield self._greeting(feed.position, is_restart=beginning.is_restart)
            due = now() + LIVE_HEARTBEAT_SECONDS
            while not self._parts.live_feeds.closed:
                try:
                    taken = await feed.take()
                    require_secret(exchange, self._parts.shops)
                except (LogUnavailableError, Refused) as failure:
                    yield b": %b\n\n" % " ".join(str(failure).split()).encode()
                    return
                passing = self._passing(shop, wanted, taken)
                chunk = b"".join(map(self._message, passing))
                if passing:
                    named = passing[-1].position
                elif feed.position - named >= LIVE_SILENT_POSITIONS_MAX or now() >= due:
                    # An id without data is no event to a client, but what it remembers.
                    chunk = _STILL_HERE + (self._place(feed.position) if feed.position > named else b"\n")
                    named = feed.position
                if chunk:
                    yield chunk
                    due = now() + LIVE_HEARTBEAT_SECONDS
                if not feed.is_behind:
                    await asyncio.sleep(LIVE_PAUSE_SECONDS)
                    await feed.news(due - now())

    async def _begin(self, feed: LiveFeed, shop: ShopId, wanted: Filter, beginning: _Beginning) -> Position:
        if beginning.position is not None:
            return beginning.position
        resolved = Resolved(wanted, shop, self._parts.names)
        return await feed.last(beginning.last, resolved.lets_pass, positions_max=LIVE_LOOKED_BACK_MAX)

    def _greeting(self, position: Position, *, is_restart: bool) -> bytes:
        greeting = b"retry: %d\n" % LIVE_RETRY_MS
        if is_restart:
            greeting += b"event: restarted\ndata: %b\n" % _encode({"reason": _RESTARTED})
        # A client that is cut off before the first event has a place to go on from, too.
        return greeting + self._place(position)

    def _passing(self, shop: ShopId, wanted: Filter, taken: Sequence[Told]) -> list[Told]:
        lets_pass = Resolved(wanted, shop, self._parts.names).lets_pass
        return [told for told in taken if lets_pass(told.event)]

    def _message(self, told: Told) -> bytes:
        if told.message is None:
            token = self._token(told.position)
            # The id behind the data: who reads line by line has taken the event before it remembers that it has.
            told.message = b"data: %b\n" % _encode(numbered_fields(token, told.event)) + self._place(told.position)
        return told.message

    def _place(self, position: Position) -> bytes:
        return b"id: %b\n\n" % self._token(position).encode()

    def _token(self, position: Position) -> PositionToken:
        return position_token(self._parts.log.generation, {0: position})

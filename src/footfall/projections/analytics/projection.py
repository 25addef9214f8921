"""The projection: a shop's events and documents into the tables of its file, rows and positions in one transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from footfall.event import Event
from footfall.identifiers import SessionId, ShopId
from footfall.limits import ANALYTICS_NUMBERS_CACHED_MAX
from footfall.log.port import Place, Stream
from footfall.projections.analytics.engine import Connection, transaction
from footfall.projections.analytics.file import Ends, save_ends
from footfall.projections.analytics.hashes import Hashes
from footfall.projections.analytics.namings import Namings
from footfall.projections.analytics.numbers import Names, People
from footfall.projections.analytics.orders import Orders, tellings
from footfall.projections.analytics.products import Products
from footfall.projections.analytics.rollups import Rollups
from footfall.projections.analytics.rows import Rows
from footfall.projections.analytics.schema import LEFT_OUT
from footfall.projections.analytics.sessions import Sessions, Steps
from footfall.projections.documents import Document


class LeftOut(NamedTuple):
    """A record that can't be taken in, and why."""

    stream: Stream
    place: Place
    why: str


class Batch(NamedTuple):
    """What one transaction takes in, in the order of the log. ``documents`` are of this shop alone."""

    events: Sequence[tuple[Place, Event]]
    documents: Sequence[Document]
    ends: Ends
    left_out: LeftOut | None = None


class Projection:
    """One shop's file, as its only writer sees it. Drop it after a failure: what it keeps in memory may be ahead of the
    file."""

    def __init__(self, connection: Connection, shop: ShopId, key: bytes) -> None:
        """``key`` is the shop's own, under which persons are hashed. The tables must be there (``prepare``)."""
        self._connection = connection
        self._hashes = Hashes(shop, key)
        self._people = People(connection, self._hashes)
        self._names = Names(connection)
        self._sessions = Sessions(connection)
        self._products = Products(connection, self._names)
        self._orders = Orders(connection, self._hashes)
        self._namings = Namings(connection)
        self._rollups = Rollups(connection)
        self._session_names: dict[SessionId, int] = {}

    def apply(self, batch: Batch) -> None:
        """Take in a batch and its ends; all of it or nothing."""
        with transaction(self._connection):
            latest = {document.key: document for document in batch.documents}
            if latest:
                self._products.put(latest, batch.documents)
                self._orders.put(latest, self._people, self._names)
            if batch.events:
                self._take(batch.events)
            if batch.left_out is not None:
                stream, place, why = batch.left_out
                self._connection.execute("INSERT INTO store.left_out VALUES (?, ?, ?, ?)", [stream.value, *place, why])
            self._products.resolve()
            self._rollups.extend(batch.ends.get(Stream.EVENTS, {}))
            save_ends(self._connection, batch.ends)

    def _take(self, events: Sequence[tuple[Place, Event]]) -> None:
        rows_of = Rows(events, self._people, self._names)
        names = self._names_of_sessions([event.session_id for event in rows_of.events])
        apart = [marks & LEFT_OUT for marks in rows_of.marks]
        rows_of.sessions = self._sessions.assign(Steps(rows_of.times, rows_of.persons, names, apart))
        rows_of.insert(self._connection)
        self._products.tell(rows_of)
        self._orders.tell(tellings(rows_of))
        self._namings.tell(rows_of)
        self._sessions.store()

    def _names_of_sessions(self, sessions: Sequence[SessionId | None]) -> list[int]:
        """The hash of each session's name, 0 for none."""
        known = self._session_names
        missing = [session for session in set(sessions) if session is not None and session not in known]
        if len(known) + len(missing) > ANALYTICS_NUMBERS_CACHED_MAX:
            known.clear()
            missing = [session for session in set(sessions) if session is not None]
        known.update((session, self._hashes.of("s:" + session)) for session in missing)
        return [known[session] if session is not None else 0 for session in sessions]

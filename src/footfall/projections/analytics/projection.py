"""The projection: a shop's events and documents into the tables of its file, rows and positions in one transaction."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from footfall.event import Event
from footfall.identifiers import SessionId, ShopId
from footfall.limits import ANALYTICS_NUMBERS_CACHED_MAX
from footfall.log.port import Place
from footfall.projections.analytics.engine import Connection, given, rows, transaction, whole
from footfall.projections.analytics.file import Ends, save_ends
from footfall.projections.analytics.hashes import Hashes
from footfall.projections.analytics.numbers import Names, People
from footfall.projections.analytics.orders import Orders, tellings
from footfall.projections.analytics.products import Products
from footfall.projections.analytics.rows import Rows
from footfall.projections.analytics.sessions import Sessions, Step
from footfall.projections.documents import Document


class Batch(NamedTuple):
    """What one transaction takes in, in the order of the log. ``documents`` are of this shop alone."""

    events: Sequence[tuple[Place, Event]]
    documents: Sequence[Document]
    ends: Ends


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
        self._namings: dict[int, int] = {}
        """Persons with the customer last named on them."""
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
            self._products.resolve()
            save_ends(self._connection, batch.ends)

    def _take(self, events: Sequence[tuple[Place, Event]]) -> None:
        rows_of = Rows(events, self._people, self._names)
        names = [self._session_name(event.session_id) if event.session_id is not None else 0 for _, event in events]
        steps = [*map(Step, rows_of.times, rows_of.persons, names, rows_of.marks)]
        rows_of.sessions = self._sessions.assign(steps)
        rows_of.insert(self._connection)
        self._products.tell(rows_of.events)
        self._orders.tell(tellings(rows_of))
        self._name(rows_of)
        self._sessions.store()

    def _session_name(self, session: SessionId) -> int:
        known = self._session_names.get(session)
        if known is None:
            if len(self._session_names) >= ANALYTICS_NUMBERS_CACHED_MAX:
                self._session_names.clear()
            known = self._session_names[session] = self._hashes.of("s:" + session)
        return known

    def _name(self, rows_of: Rows) -> None:
        """Keep who was named on a visitor, where that is somebody else than before."""
        naming = [n for n, customer in enumerate(rows_of.customers) if customer and rows_of.events[n].uuid is not None]
        if not naming:
            return
        self._recall({rows_of.persons[n] for n in naming})
        new: list[int] = []
        for n in naming:
            person, customer = rows_of.persons[n], rows_of.customers[n]
            if self._namings.get(person) != customer:
                self._namings[person] = customer
                new.append(n)
        if new:
            columns = {
                "person": whole((rows_of.persons[n] for n in new), np.uint32),
                "position": whole(rows_of.places[n][1] for n in new),
                "customer": whole((rows_of.customers[n] for n in new), np.uint32),
                "time": whole(rows_of.times[n] for n in new),
            }
            with given(self._connection, "named", columns):
                self._connection.execute("INSERT INTO store.namings SELECT person, position, customer, time FROM named")
                self._connection.execute(_APART)

    def _recall(self, persons: set[int]) -> None:
        missing = sorted(persons - self._namings.keys())
        if len(self._namings) + len(missing) > _NAMINGS_MAX:
            self._namings, missing = {}, sorted(persons)
        if missing:
            with given(self._connection, "asked", {"person": np.array(missing, dtype=np.uint32)}):
                self._namings.update(rows(self._connection, _LAST_NAMED))


_NAMINGS_MAX: Final = 100_000
_APART: Final = (
    "INSERT INTO store.apart SELECT person FROM (SELECT person FROM named UNION SELECT customer FROM named) one"
    " WHERE person NOT IN (SELECT person FROM store.apart)"
)
_LAST_NAMED: Final = (
    "SELECT person, arg_max(customer, position) FROM store.namings WHERE person IN (SELECT person FROM asked) GROUP BY person"
)

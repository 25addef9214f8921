"""Namings: which customers were named on which visitors, and so as whom a person counts.

Most visitors are nobody's, or one customer's for ever: of these one number says all. Where several customers were named on one
visitor, or an anonymous event tells of a time before its customer's stretch began (``projections.identity``), each event must
be looked at: such persons are apart.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from footfall.limits import ANALYTICS_NUMBERS_CACHED_MAX
from footfall.projections.analytics.engine import Connection, given, rows, whole
from footfall.projections.analytics.rows import Rows


class _Last(NamedTuple):
    """The customer last named on a visitor, and since when."""

    customer: int
    time: int


class Namings:
    """The tables ``namings``, ``figures`` and ``apart``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last: dict[int, _Last | None] = {}
        """Persons in memory; ``None``: nobody was named."""

    def tell(self, rows_of: Rows) -> None:
        """Take in a batch, in the order of the log."""
        persons = set(rows_of.persons)
        self._recall(persons)
        last_named = self._last
        # Of most persons nothing was ever said.
        said = {person for person in persons if last_named[person] is not None}
        said.update(person for person, customer in zip(rows_of.persons, rows_of.customers, strict=True) if customer)
        begun: list[int] = []
        apart: set[int] = set()
        for n, person in enumerate(rows_of.persons):
            if person not in said:
                continue
            customer, last = rows_of.customers[n], last_named[person]
            if customer and person != customer:
                if last is None or last.customer != customer:
                    self._last[person] = _Last(customer, rows_of.times[n])
                    begun.append(n)
                    if last is not None:
                        apart.add(person)
            elif last is not None and rows_of.times[n] < last.time:
                apart.add(person)
        if begun:
            columns = {
                "person": whole((rows_of.persons[n] for n in begun), np.uint32),
                "position": whole(rows_of.places[n][1] for n in begun),
                "customer": whole((rows_of.customers[n] for n in begun), np.uint32),
                "time": whole(rows_of.times[n] for n in begun),
            }
            with given(self._connection, "named", columns):
                self._connection.execute("INSERT INTO store.namings SELECT person, position, customer, time FROM named")
                self._connection.execute(_COUNTED_AS)
        if apart:
            self._set_apart(apart)

    def _set_apart(self, persons: Iterable[int]) -> None:
        with given(self._connection, "gone", {"person": np.array(sorted(persons), dtype=np.uint32)}):
            self._connection.execute(
                "INSERT INTO store.apart SELECT person FROM gone WHERE person NOT IN (SELECT person FROM store.apart)"
            )
            self._connection.execute("DELETE FROM store.figures WHERE person IN (SELECT person FROM gone)")

    def _recall(self, persons: set[int]) -> None:
        missing = sorted(persons - self._last.keys())
        if len(self._last) + len(missing) > ANALYTICS_NUMBERS_CACHED_MAX:
            self._last, missing = {}, sorted(persons)
        if missing:
            self._last.update(dict.fromkeys(missing))
            with given(self._connection, "asked", {"person": np.array(missing, dtype=np.uint32)}):
                told = rows(self._connection, _LAST_NAMED)
            self._last.update((person, _Last(customer, time)) for person, customer, time in told)


_LAST_NAMED: Final = """
SELECT person, arg_max(customer, position), arg_max(time, position) FROM store.namings
WHERE person IN (SELECT person FROM asked) GROUP BY person
"""
_COUNTED_AS: Final = """
INSERT INTO store.figures
SELECT DISTINCT person, figure FROM (
    SELECT person, customer AS figure FROM named UNION ALL SELECT customer, customer FROM named
) WHERE person NOT IN (SELECT person FROM store.figures) AND person NOT IN (SELECT person FROM store.apart)
QUALIFY row_number() OVER (PARTITION BY person ORDER BY figure) = 1
"""

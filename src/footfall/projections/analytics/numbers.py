"""Numbers for what has a long name: persons by their hash, products by what events call them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

import numpy as np

from footfall.identifiers import CustomerId, Uuid
from footfall.limits import ANALYTICS_NUMBERS_CACHED_MAX
from footfall.projections.analytics.engine import Column, Connection, given, rows, texts
from footfall.projections.analytics.hashes import Hashes

Name = TypeVar("Name", int, str)
Id = TypeVar("Id", bound=str)
_READ: Final = "SELECT t.{column}, t.number FROM store.{table} t WHERE t.{column} IN (SELECT name FROM asked)"
_NULL: Final = {"names": ", NULL"}


class Numbers(Generic[Name]):
    """A table of numbers, from 1 in the order in which names come; those asked for last are kept in memory."""

    def __init__(self, connection: Connection, table: str, column: str) -> None:
        self._connection = connection
        self._table = table
        self._column = column
        self.known: dict[Name, int] = {}
        """Those in memory: at least what was learnt last."""
        self.next = int(rows(connection, f"SELECT coalesce(max(number), 0) + 1 FROM store.{table}")[0][0])
        """The number that the next new name gets."""

    def learn(self, names: Iterable[Name]) -> None:
        """Have a number for each of these, new ones in the order in which they stand here."""
        listed = list(dict.fromkeys(names))
        missing = [name for name in listed if name not in self.known]
        if not missing:
            return
        if len(self.known) + len(missing) > ANALYTICS_NUMBERS_CACHED_MAX:
            # Anew rather than the oldest away: what a batch needs is looked up at once.
            self.known, missing = {}, listed
        with given(self._connection, "asked", {"name": self._array(missing)}):
            found = rows(self._connection, _READ.format(table=self._table, column=self._column))
        self.known.update(found)
        new = [name for name in missing if name not in self.known]
        if new:
            numbers = np.arange(self.next, self.next + len(new), dtype=np.uint32)
            with given(self._connection, "made", {"number": numbers, "name": self._array(new)}):
                self._connection.execute(
                    f"INSERT INTO store.{self._table} SELECT number, name{_NULL.get(self._table, '')} FROM made"
                )
            self.known.update(zip(new, numbers.tolist(), strict=True))
            self.next += len(new)

    def __getitem__(self, name: Name) -> int:
        """The number of a name that was learnt."""
        return self.known[name]

    def _array(self, names: list[Name]) -> Column:
        return texts(names) if isinstance(names[0], str) else np.array(names, dtype=np.uint64)


class People:
    """Persons, which are visitors and customers, by one row of numbers."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._hashes = hashes
        self._numbers: Numbers[int] = Numbers(connection, "people", "hash")
        self._visitors: dict[Uuid, int] = {}
        self._customers: dict[CustomerId, int] = {}

    def visitors(self, uuids: Sequence[Uuid | None]) -> list[int]:
        """The number of each visitor, made where there is none; 0 for none."""
        return self._found(uuids, self._visitors, self._hashes.visitor)

    def customers(self, customers: Sequence[CustomerId | None]) -> list[int]:
        """The same for customers."""
        return self._found(customers, self._customers, self._hashes.customer)

    def _found(self, ids: Sequence[Id | None], known: dict[Id, int], hashed: Callable[[Id], int]) -> list[int]:
        missing = {one: hashed(one) for one in dict.fromkeys(ids) if one is not None and one not in known}
        if missing:
            if len(known) + len(missing) > ANALYTICS_NUMBERS_CACHED_MAX:
                known.clear()
                missing = {one: hashed(one) for one in dict.fromkeys(ids) if one is not None}
            self._numbers.learn(missing.values())
            known.update((one, self._numbers[number]) for one, number in missing.items())
        return [known[one] if one is not None else 0 for one in ids]


class Names:
    """What events and orders call products: ``p:<id>``, ``h:<handle>``, ``v:<variant id>``."""

    def __init__(self, connection: Connection) -> None:
        self._numbers: Numbers[str] = Numbers(connection, "names", "name")

    @property
    def next(self) -> int:
        """The number that the next new name gets."""
        return self._numbers.next

    def numbers(self, names: Sequence[str | None]) -> list[int]:
        """The number of each name, made where there is none; 0 for none."""
        self._numbers.learn(name for name in dict.fromkeys(names) if name is not None)
        known = self._numbers.known
        return [known[name] if name is not None else 0 for name in names]

"""What a source gives: rows, numbered from 0, and how far it has come."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol


class Row(NamedTuple):
    """One row of a source.

    ``item`` is the event as on the wire, ``None`` where the row is no object at all; ``problem`` says what is wrong with it.
    With an item it is a warning: the row goes on without what is wrong.
    """

    number: int
    line: int
    """Where it ends in the file, from 1; its number from 1 where the file has no lines."""
    size: int
    """Bytes of the file, about."""
    item: dict[str, Any] | None
    problem: str | None = None


class Source(Protocol):
    """A file of recorded events. Use it once, then close it."""

    def rows(self, skip: int = 0) -> Iterator[Row]:
        """Every row from number ``skip`` on, in the file's order. Raises ``InputInvalidError`` where the file breaks off."""

    def fraction(self) -> float | None:
        """How much of the file has been read, 0 to 1; ``None`` where its size isn't known."""

    def close(self) -> None:
        """Close the file."""

"""The receipt: what happened to one submitted event."""

from typing import Literal, NamedTuple

from footfall.identifiers import EventId, Position
from footfall.intake.rejection import Rejected


class Receipt(NamedTuple):
    """What happened to one event. ``place`` is (partition, position) of the stored event, or of the one this duplicates.

    A rejected one has ``rejection`` instead. ``warnings`` say what was left out, or what a duplicate said differently.
    """

    status: Literal["stored", "duplicate", "rejected"]
    event_id: EventId | None = None
    place: tuple[int, Position] | None = None
    rejection: Rejected | None = None
    warnings: tuple[str, ...] | list[str] = ()

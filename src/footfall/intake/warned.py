"""What was left out of an event that is stored all the same. A value that knows its field, so that it can be counted without
its text being read back."""

from typing import Final

import msgspec

UNKNOWN: Final = "unknown"
"""The field under which everything is counted that Footfall does not know by name: names are the client's, and have no end."""


class Warned(msgspec.Struct, frozen=True, gc=False):
    """Why something was left out. ``field`` is a name that Footfall knows, or ``UNKNOWN``; ``text`` is what a receipt says.

    ``placeholder``: the field held a word that stands for nothing, such as ``undefined``.
    """

    field: str
    text: str
    placeholder: bool = False


def placeholder(field: str, name: str | None = None) -> Warned:
    """The warning about a placeholder; ``name`` is the field as the client wrote it, where that differs."""
    return Warned(field, f"{name or field} is a placeholder and counts as absent.", placeholder=True)


def left_out(field: str, wanted: str, name: str | None = None) -> Warned:
    """The warning about a value that is not what was ``wanted``; ``name`` as in ``placeholder``."""
    return Warned(field, f"{name or field} is not {wanted} and was left out.")

"""What is wrong with an event. A value, not an exception: one bad event of a batch costs the others nothing."""

from typing import Final

import msgspec

MISSING_IDENTITY: Final = "Missing required args. You must pass either shopify_customer_id or uuid."
"""The documented answer, word for word."""


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why an event, or a whole body, was refused. ``field`` is the one at fault, ``status`` the answer if it stands alone."""

    error: str
    field: str | None = None
    status: int = 400

    @property
    def reason(self) -> str:
        """A short word for counting: the field at fault, or what kind of refusal it was."""
        if self.error == MISSING_IDENTITY:
            return "identity"
        return self.field or {413: "too-large", 415: "content-type"}.get(self.status, "body")


def missing(field: str) -> Rejected:
    """The refusal of an event that lacks a required field, in the style of the documented one."""
    return Rejected(f"Missing required args. You must pass {field}.", field)


def invalid(field: str, wanted: str) -> Rejected:
    """The refusal of an event with a required field that can't be read."""
    return Rejected(f"Invalid {field}. It must be {wanted}.", field)

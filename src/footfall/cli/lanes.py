"""Lanes: how a replay uses several connections and still keeps each shopper's events in their order.

An event goes to the lane that its visitor or its customer has; where the two have different ones, everything on the way is
waited for first, and both go on in one lane.
"""

from collections.abc import Mapping
from typing import Any

_IDENTITIES = ("uuid", "customer_id", "shopify_customer_id", "rsid")


class Lanes:
    """Which of ``count`` lanes an event takes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lane_of: dict[tuple[str, str], int] = {}
        self._next = 0

    def choose(self, event: Mapping[str, Any]) -> tuple[int, bool]:
        """The lane, and whether everything on the way must arrive before this event may leave."""
        identities = [(name, str(event[name])) for name in _IDENTITIES if event.get(name)]
        known = [self._lane_of[identity] for identity in identities if identity in self._lane_of]
        if known:
            lane = known[0]
        else:
            lane = self._next
            self._next = (self._next + 1) % self._count
        for identity in identities:
            self._lane_of[identity] = lane
        return lane, any(other != lane for other in known)

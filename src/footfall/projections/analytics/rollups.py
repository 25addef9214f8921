"""Rollups: how many events each quarter hour has, and each product on each day of UTC, of all events up to a position.

They only grow, many events at once: what lies behind that position, reports count from the events themselves. So a batch that
takes in what just came costs no more for them.
"""

from collections.abc import Mapping
from typing import Final

from footfall.clock import DAY_MS
from footfall.identifiers import Position
from footfall.limits import ANALYTICS_ROLLUP_AFTER
from footfall.projections.analytics.engine import Connection, rows
from footfall.projections.analytics.schema import ADDED, QUARTER_MS, REMOVED, VIEWED


class Rollups:
    """The tables ``quarters``, ``days`` and ``rolled_up``, as their only writer sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ends = rolled_up(connection)

    def extend(self, ends: Mapping[int, Position]) -> None:
        """Bring them up to where the events go, by partition, where that is far enough ahead."""
        for part, end in ends.items():
            begin = self._ends.get(part, Position(0))
            if end - begin >= ANALYTICS_ROLLUP_AFTER:
                behind = f"part = {part} AND position > {begin} AND position <= {end}"
                self._connection.execute(_QUARTERS.format(behind=behind))
                self._connection.execute(_DAYS.format(behind=behind))
                self._connection.execute("DELETE FROM store.rolled_up WHERE part = ?", [part])
                self._connection.execute("INSERT INTO store.rolled_up VALUES (?, ?)", [part, end])
                self._ends[part] = end


def rolled_up(connection: Connection) -> dict[int, Position]:
    """Up to where the rollups go, by partition."""
    return {part: Position(position) for part, position in rows(connection, "SELECT part, position FROM store.rolled_up")}


_QUARTERS: Final = f"""
INSERT INTO store.quarters SELECT time // {QUARTER_MS}, kind, marks, count(*) FROM store.events WHERE {{behind}}
GROUP BY ALL ORDER BY 1
"""
_DAYS: Final = f"""
INSERT INTO store.days SELECT time // {DAY_MS}, product, marks, count(*) FILTER (kind = {VIEWED}),
    count(*) FILTER (kind = {ADDED}), count(*) FILTER (kind = {REMOVED})
FROM store.events WHERE {{behind}} AND product IS NOT NULL AND kind IN ({VIEWED}, {ADDED}, {REMOVED})
GROUP BY ALL ORDER BY 1
"""

"""The evaluation of recommendations on a shop's own log: in a worker, which only reads.

The last days are the test: each of their sessions is revealed event by event to what the days before taught, and then once
more as it happened, each event also teaching. Beside it stands how the lists that pages showed were taken.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from footfall.clock import DAY_MS
from footfall.errors import InputInvalidError
from footfall.event import Event, decode_event
from footfall.identifiers import Position, ProductReference, ShopId, product_reference
from footfall.limits import READ_RECORDS_MAX, SESSION_ITEMS_MAX, SESSIONS_WINDOW_DAYS
from footfall.log.embedded import read_entries
from footfall.log.port import Stream
from footfall.log.sqlite import open_reader
from footfall.projections.cards import Cards
from footfall.projections.catalog import Catalog
from footfall.projections.documents import Documents
from footfall.projections.names import Names
from footfall.projections.recommendations.evaluation import Last, Recorded, both_ways
from footfall.projections.recommendations.index import kind_of, session_of
from footfall.projections.recommendations.sessions import Kind
from footfall.projections.recommendations.window import GAP_MS, NAMED_GAP_MS
from footfall.projections.sightings import Sightings
from footfall.projections.state import Reader
from footfall.service.directory import LOG_FILE, STATE_FILE

_CACHE_BYTES: Final = 8 * 1024 * 1024
_SHOWN: Final = {"viewed": "impressions", "clicked": "clicks", "added-from": "adds"}
"""What a widget's event says → the figure that it counts in."""

_Click = tuple[int, Position, ProductReference, Kind]


def evaluation(
    *, data: str, shop: ShopId, end: Position, days: int, lasts: Sequence[Last], prefix_min: int, output: IO[bytes]
) -> None:
    """Evaluate on the events of a shop up to a position. Writes lines of JSON: how much is done, then one with ``results``.

    Raises ``InputInvalidError`` where the shop has too few sessions to learn from or to ask about.
    """
    read = _Read(shop)
    for done in read.all(Path(data) / LOG_FILE, end):
        _tell(output, {"done": 0.5 * done})
    sessions = list(read.sessions(_names(Path(data) / STATE_FILE)))
    newest = max((click[-1] for _, click in _times(sessions)), default=0)
    begin = newest - days * DAY_MS
    test = [session for session, times in _times(sessions) if times[0] > begin]
    train = [session for session, times in _times(sessions) if begin - SESSIONS_WINDOW_DAYS * DAY_MS < times[0] <= begin]
    if not train or not any(len(session.items) > prefix_min for session in test):
        raise InputInvalidError(
            f"There are {len(test):,} sessions in the last {days} days, and {len(train):,} before them: too few to "
            "ask about, or to learn from. Try another number of --days."
        )
    results = []
    for way, last, result in both_ways(train, test, lasts=lasts, prefix_min=prefix_min):
        results.append({"way": way, "last": last, **result._asdict()})
        _tell(output, {"done": 0.5 + 0.25 * len(results) / len(lasts)})
    items = len({item for session in train for item in session.items})
    figures = {"train_sessions": len(train), "items": items, "test_sessions": len(test), "lists": read.lists}
    _tell(output, {"results": results, **figures})


class _Read:
    """What an evaluation needs of a shop's events."""

    def __init__(self, shop: ShopId) -> None:
        self._shop = shop
        self._clicks: dict[tuple[str, str], list[_Click]] = {}
        """Trail and the session's name → its clicks."""
        self.lists: dict[str, dict[str, int]] = {}
        """List → how often it was shown, clicked and added from."""

    def all(self, log: Path, end: Position) -> Iterator[float]:
        """Read the log up to a position; yields how much of it is read."""
        with closing(open_reader(log, cache_bytes=_CACHE_BYTES)) as connection:
            position = Position(0)
            while position < end:
                entries = read_entries(connection, Stream.EVENTS, Position(position + 1), READ_RECORDS_MAX)
                for entry in entries:
                    if entry.value and entry.position <= end:
                        self._take(decode_event(entry.value), entry.position)
                position = entries[-1].position if len(entries) == READ_RECORDS_MAX else end
                yield min(1.0, position / end)

    def _take(self, event: Event, position: Position) -> None:
        if event.shop != self._shop:
            return
        if event.noun == "widget" and event.verb in _SHOWN:
            of_list = self.lists.setdefault(_list_of(event), dict.fromkeys(_SHOWN.values(), 0))
            of_list[_SHOWN[event.verb]] += 1
            return
        kind, session = kind_of(event), session_of(event)
        reference = product_reference(event.product_id, event.product_handle, event.variant_id)
        if kind is not None and session is not None and reference is not None:
            self._clicks.setdefault(session, []).append((event.time, position, reference, kind))

    def sessions(self, names: Names) -> Iterator[Recorded]:
        """The sessions, cut as the index cuts them, oldest first; each product under one name."""
        found: list[Recorded] = []
        for (_, name), clicks in self._clicks.items():
            clicks.sort()
            for part in _cut(clicks, NAMED_GAP_MS if name else GAP_MS):
                items = [str(names.product(self._shop, reference)) for _, _, reference, _ in part]
                if len(set(items)) <= SESSION_ITEMS_MAX:
                    found.append(Recorded(items, [time for time, *_ in part], [kind for *_, kind in part]))
        return iter(sorted(found, key=lambda session: (session.times or (0,))[0]))


def _cut(clicks: Sequence[_Click], gap_ms: int) -> Iterator[Sequence[_Click]]:
    begin = 0
    for place in range(1, len(clicks) + 1):
        if place == len(clicks) or clicks[place][0] - clicks[place - 1][0] > gap_ms:
            yield clicks[begin:place]
            begin = place


def _times(sessions: Iterable[Recorded]) -> Iterator[tuple[Recorded, Sequence[int]]]:
    for session in sessions:
        if session.times:
            yield session, session.times


def _list_of(event: Event) -> str:
    """The list that a widget showed: the answer's id begins with it; else what the page asked for."""
    told: Mapping[str, Any] = event.meta or {}
    attribution = told.get("attribution")
    if isinstance(attribution, str) and attribution:
        return attribution.partition(".")[0][:100]
    return str(told.get("source") or "unknown")[:100]


def _names(state: Path) -> Names:
    reader = Reader(open_reader(state, cache_bytes=_CACHE_BYTES))
    return Names(Catalog(reader, Documents(reader), Cards(state.parent)), Sightings(reader))


def _tell(output: IO[bytes], line: dict[str, Any]) -> None:
    output.write(msgspec.json.encode(line) + b"\n")
    output.flush()

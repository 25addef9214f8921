"""Rejections: which records of the quarantine belong to which shop, how old and large they are, and their event ids."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from footfall.clock import DAY_MS, Milliseconds
from footfall.identifiers import Position, ShopId, event_id_digest
from footfall.limits import QUARANTINE_BYTES_MAX, QUARANTINE_DAYS, QUARANTINE_EVENTS_MAX
from footfall.log.port import Group, Stream
from footfall.projections.rows import sliced
from footfall.projections.state import Reader, Slice

_MERGE = "INSERT OR REPLACE INTO rejections SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?)"
_DELETE = "DELETE FROM rejections WHERE position IN (SELECT value FROM json_each(?))"


class _Quarantined(Protocol):
    """What this projection needs of a record of the quarantine (``intake.quarantine.Quarantined``)."""

    shop: ShopId
    received_at: Milliseconds
    event_digest: str | None


class Rejection(NamedTuple):
    """One record of the quarantine."""

    position: Position
    shop: int
    received_at: Milliseconds
    size: int
    digest: str | None


class Rejections:
    """The projection, and the questions it answers. All are kept in memory over the table, newest first in answers."""

    name = "rejections"
    version = 1
    stream = Stream.QUARANTINE
    tables: Mapping[str, str] = {
        "rejections": "CREATE TABLE rejections (position INTEGER PRIMARY KEY, shop INTEGER NOT NULL,"
        " received_at INTEGER NOT NULL, size INTEGER NOT NULL, digest TEXT) STRICT",
        "rejections_by_shop": "CREATE INDEX IF NOT EXISTS rejections_by_shop ON rejections (shop, position)",
        "rejections_by_digest": "CREATE INDEX IF NOT EXISTS rejections_by_digest ON rejections (digest)",
    }

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._active: dict[Position, Rejection] = {}
        self._frozen: dict[Position, Rejection] = {}
        self._removed: set[Position] = set()
        self._removed_frozen: set[Position] = set()

    def apply(self, group: Group) -> None:
        for position, record in zip(group.positions, group.records, strict=True):
            kept: _Quarantined = record.decoded
            self._active[position] = Rejection(position, kept.shop, kept.received_at, len(record.value), kept.event_digest)

    def remove(self, positions: Sequence[Position]) -> None:
        """Forget records that were redacted: resubmitted, or beyond what is kept."""
        self._removed.update(positions)

    def freeze(self) -> bool:
        self._frozen, self._active = self._active, {}
        self._removed_frozen, self._removed = self._removed, set()
        return bool(self._frozen or self._removed_frozen)

    def slices(self) -> Iterator[Slice]:
        yield from sliced(_MERGE, [self._frozen[position] for position in sorted(self._frozen)])
        if self._removed_frozen:
            yield Slice(_DELETE, msgspec.json.encode(sorted(self._removed_frozen)))

    def thaw(self) -> None:
        self._frozen = {}
        self._removed_frozen = set()

    def newest(self, shop: ShopId, *, limit: int, before: Position | None = None) -> list[Rejection]:
        """A shop's rejections, newest first, those before a position where one is given."""
        bound = before if before is not None else 2**62
        rows = self._reader.rows(
            "SELECT position, shop, received_at, size, digest FROM rejections WHERE shop = ? AND position < ?"
            " ORDER BY position DESC LIMIT ?",
            (shop, bound, limit + len(self._removed) + len(self._removed_frozen)),
        )
        found = {row[0]: Rejection(*row) for row in rows}
        for fresh in (self._frozen, self._active):
            found.update({p: r for p, r in fresh.items() if r.shop == shop and p < bound})
        gone = self._removed | self._removed_frozen
        return [found[p] for p in sorted(found, reverse=True) if p not in gone][:limit]

    def with_event_id(self, shop: ShopId, event_id: str) -> list[Rejection]:
        """A shop's rejections of events with this id, newest first."""
        digest = event_id_digest(shop, event_id).hex()
        rows = self._reader.rows(
            "SELECT position, shop, received_at, size, digest FROM rejections WHERE digest = ? AND shop = ?"
            " ORDER BY position DESC LIMIT 100",
            (digest, shop),
        )
        found = {row[0]: Rejection(*row) for row in rows}
        for fresh in (self._frozen, self._active):
            found.update({p: r for p, r in fresh.items() if r.digest == digest and r.shop == shop})
        gone = self._removed | self._removed_frozen
        return [found[p] for p in sorted(found, reverse=True) if p not in gone]

    def beyond_what_is_kept(self, now: Milliseconds) -> list[Position]:
        """Records merged so far that are too old, or too many or too large for their shop: the oldest, at most 10,000."""
        rows = self._reader.rows(
            "SELECT position FROM (SELECT position, received_at,"
            " count(*) OVER newer AS events, sum(size) OVER newer AS bytes FROM rejections"
            " WINDOW newer AS (PARTITION BY shop ORDER BY position DESC))"
            " WHERE received_at < ? OR events > ? OR bytes > ? ORDER BY position LIMIT 10000",
            (now - QUARANTINE_DAYS * DAY_MS, QUARANTINE_EVENTS_MAX, QUARANTINE_BYTES_MAX),
        )
        gone = self._removed | self._removed_frozen
        return [Position(row[0]) for row in rows if row[0] not in gone]

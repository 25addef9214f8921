"""Making the file of the index: in a worker, which reads the log and the shops' keys and writes nothing else."""

from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from footfall.event import decode_event
from footfall.identifiers import Generation, Position
from footfall.limits import READ_RECORDS_MAX
from footfall.log.embedded import read_entries
from footfall.log.port import Group, Record, Stream
from footfall.log.sqlite import open_reader
from footfall.projections.documents import Documents
from footfall.projections.recommendations.index import Index, KeyOf
from footfall.projections.recommendations.snapshot import SnapshotInvalidError, load, save
from footfall.projections.shops import Shops
from footfall.projections.state import Reader
from footfall.service.directory import LOG_FILE, STATE_FILE
from footfall.service.index_keeper import INDEX_FILE, hash_key

_CACHE_BYTES: Final = 8 * 1024 * 1024
_PARTITION: Final = 0
_SETTLED_EACH: Final = 50
"""Reads after which the window is brought forward, so that years of events need no more memory than half a year."""


def index(*, data: str, generation: Generation, end: Position, fresh: bool, output: IO[bytes]) -> None:
    """Bring the file of the index up to ``end``, from what it holds or, with ``fresh``, from nothing. Writes how much is
    done as lines of JSON, the last with the positions that the file has reached."""
    directory = Path(data)
    shops = _shops(directory)
    made = _begun(directory / INDEX_FILE, lambda shop: hash_key(shops, shop), generation, fresh=fresh)
    with closing(open_reader(directory / LOG_FILE, cache_bytes=_CACHE_BYTES)) as connection:
        reads = 0
        now = 0
        while (done := made.ends.get(_PARTITION, Position(0))) < end:
            entries = read_entries(connection, Stream.EVENTS, Position(done + 1), min(READ_RECORDS_MAX, end - done))
            kept = [(entry.position, decode_event(entry.value)) for entry in entries if entry.value and entry.position <= end]
            if kept:
                records = [Record("", b"", event) for _, event in kept]
                made.apply(Group(Stream.EVENTS, _PARTITION, [position for position, _ in kept], records))
                now = max(now, kept[-1][1].received_at)
            # Where positions have gaps this reads less than it could at once, and none beyond the end that is asked for.
            last = min(entries[-1].position, end) if entries else end
            made.ends[_PARTITION] = last
            reads += 1
            if reads % _SETTLED_EACH == 0 or last >= end:
                _settle(made, now)
            _tell(output, {"done": min(1.0, last / end)})
    save(directory / INDEX_FILE, made, generation)
    _tell(output, {"done": 1.0, "ends": made.ends})


def _begun(path: Path, key_of: KeyOf, generation: Generation, *, fresh: bool) -> Index:
    if not fresh:
        try:
            return load(path, key_of, generation)
        except SnapshotInvalidError:
            pass
    return Index(key_of)


def _settle(made: Index, now: int) -> None:
    for _ in made.settle(now):
        pass
    for of_shop in made.shops.values():
        if of_shop.sessions.needs_visitors_merged:
            of_shop.sessions.merge_visitors()()


def _shops(directory: Path) -> Shops:
    with closing(open_reader(directory / STATE_FILE, cache_bytes=_CACHE_BYTES)) as connection:
        shops = Shops(Documents(Reader(connection)))
        shops.load()
    return shops


def _tell(output: IO[bytes], line: dict[str, Any]) -> None:
    output.write(msgspec.json.encode(line) + b"\n")
    output.flush()

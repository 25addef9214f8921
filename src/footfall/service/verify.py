"""Verification of a whole store, in bounded memory and beside live writes. It reads ``log.db`` and ``state.db``, never writes
them, and tells what is wrong as findings: a damaged file is no reason to stop.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple

import apsw
import msgspec

from footfall.errors import FootfallError
from footfall.event import Event
from footfall.identifiers import Position
from footfall.intake.quarantine import Quarantined
from footfall.limits import LOG_BLOCK_POSITIONS
from footfall.log import schema
from footfall.log.blocks import block_bounds
from footfall.log.embedded import stored_end
from footfall.log.port import Stream
from footfall.log.sqlite import open_reader
from footfall.projections import state as state_file
from footfall.projections.catalog import Catalog
from footfall.projections.counters import Counters
from footfall.projections.deliveries import Deliveries
from footfall.projections.documents import Document, Documents
from footfall.projections.event_ids import EventIds
from footfall.projections.history import History
from footfall.projections.identity import Identity
from footfall.projections.imports import Imports
from footfall.projections.orders import Orders
from footfall.projections.outcomes import Outcomes
from footfall.projections.purchases import Purchases
from footfall.projections.rejections import Rejections
from footfall.projections.sightings import Sightings

_FINDINGS_SHOWN_MAX: Final = 1_000
"""A file that is damaged throughout says nothing more with the next thousand."""
_ROWS_AT_ONCE: Final = 1_000
"""Rows in one read transaction, and in memory: 32 MB where each is as large as it may be."""
_LOOKS: Final = 3
"""How often a block is read before its finding counts: a redaction may change it between two reads."""
_CACHE_BYTES: Final = 8 * 1024 * 1024

_PROJECTIONS: Final = (
    History,
    Identity,
    Sightings,
    EventIds,
    Imports,
    Purchases,
    Counters,
    Documents,
    Deliveries,
    Catalog,
    Orders,
    Rejections,
    Outcomes,
)
_DECODERS: Final[dict[Stream, msgspec.json.Decoder[list[Any]]]] = {
    Stream.EVENTS: msgspec.json.Decoder(list[Event]),
    Stream.DOCUMENTS: msgspec.json.Decoder(list[Document]),
    Stream.QUARANTINE: msgspec.json.Decoder(list[Quarantined]),
}

Say = Callable[[Literal["error", "warning"], str, str], None]


class _Saved(NamedTuple):
    """How far a projection says that it has read."""

    name: str
    version: int
    generation: str
    positions: str


class _Findings:
    """Collects what is wrong until it is told."""

    def __init__(self) -> None:
        self.counts = {"error": 0, "warning": 0}
        self._waiting: list[dict[str, Any]] = []

    def say(self, level: Literal["error", "warning"], where: str, what: str) -> None:
        self.counts[level] += 1
        if sum(self.counts.values()) <= _FINDINGS_SHOWN_MAX:
            self._waiting.append({"finding": {"level": level, "where": where, "what": what}})

    def told(self) -> Iterator[dict[str, Any]]:
        """What was found since the last time."""
        waiting, self._waiting = self._waiting, []
        yield from waiting

    def rest(self) -> Iterator[dict[str, Any]]:
        """A last finding for those that were only counted."""
        more = sum(self.counts.values()) - _FINDINGS_SHOWN_MAX
        if more > 0:
            yield {"finding": {"level": "error", "where": "store", "what": f"{more} more findings are not listed."}}


def verify(*, log: str, state: str, output: IO[bytes]) -> None:
    """Check the store and write progress, findings and a summary as lines of JSON."""
    for line in check(Path(log), Path(state)):
        output.write(msgspec.json.encode(line) + b"\n")
        output.flush()


def check(log: Path, state: Path) -> Iterator[dict[str, Any]]:
    """``{"progress": …}`` and ``{"finding": …}`` as they come, at last one ``{"summary": …}``.

    Looks at positions up to the end that it finds at the start; beside live writes nothing later is its business.
    """
    findings = _Findings()
    # First: what a projection saved is covered by the log that is looked at afterwards.
    saved = list(_read_saved(state, findings.say))
    log_check = _LogCheck(findings)
    yield from log_check.run(log)
    _check_projections(saved, log_check, findings.say)
    if state.exists():
        _check_file(state, findings.say)
    yield from findings.told()
    yield from findings.rest()
    yield {
        "summary": {
            **{stream.value: log_check.records[stream] for stream in Stream},
            "tombstones": log_check.tombstones,
            "blocks": log_check.blocks,
            "errors": findings.counts["error"],
            "warnings": findings.counts["warning"],
            "generation": log_check.generation,
        }
    }


class _Look:
    """What one reading of one block found."""

    def __init__(self) -> None:
        self.rows = 0
        self.live = 0
        self.checksum = 0
        self.missing: list[tuple[int, int]] = []
        self.complaints: list[str] = []


class _LogCheck:
    """The check of ``log.db``: its streams, block by block."""

    def __init__(self, findings: _Findings) -> None:
        self.generation = ""
        self.ends: dict[Stream, int] = {}
        self.records = dict.fromkeys(Stream, 0)
        self.tombstones = 0
        self.blocks = 0
        self._findings = findings
        self._connection: apsw.Connection

    def run(self, path: Path) -> Iterator[dict[str, Any]]:
        say = self._findings.say
        try:
            self._connection = open_reader(path, cache_bytes=_CACHE_BYTES)
            version = int(self._connection.pragma("user_version"))
            rows: list[Any] = self._connection.execute("SELECT value FROM meta WHERE name = 'generation'").fetchall()
        except (FootfallError, apsw.Error) as failure:
            say("error", path.name, f"It can't be read: {failure}")
            yield from self._findings.told()
            return
        if version != len(schema.MIGRATIONS):
            say("error", path.name, f"It has schema version {version}; {len(schema.MIGRATIONS)} is known here.")
        elif not rows:
            say("error", path.name, "It has no generation.")
        else:
            self.generation = str(rows[0][0])
        # All ends first: what is appended while the first stream is looked at is not part of the others, either.
        for stream in Stream:
            self._find_end(path, stream)
        for stream in self.ends:
            yield from self._stream(path, stream)
        self._connection.close()
        _check_file(path, say)
        yield from self._findings.told()

    def _find_end(self, path: Path, stream: Stream) -> None:
        where = f"{path.name}, {stream}"
        try:
            # One transaction, or an append between the two would look like damage.
            with self._connection:
                given_out = stored_end(self._connection, stream)
                rows: list[Any] = self._connection.execute(f"SELECT coalesce(max(position), 0) FROM {stream}").fetchall()
        except apsw.Error as failure:
            self._findings.say("error", where, f"It can't be read: {failure}")
            return
        last = int(rows[0][0])
        if last > given_out:
            self._findings.say("error", where, f"Position {last} lies beyond the last one given out, {given_out}.")
        self.ends[stream] = max(given_out, last)

    def _stream(self, path: Path, stream: Stream) -> Iterator[dict[str, Any]]:
        end = self.ends[stream]
        for block in range((end + LOG_BLOCK_POSITIONS - 1) // LOG_BLOCK_POSITIONS):
            first, last = block_bounds(block)
            complete = last <= end
            look = self._look_at(stream, block, Position(min(last, end)), complete=complete)
            for complaint in look.complaints:
                where = f"{path.name}, {stream}, positions {first} to {min(last, end)}"
                self._findings.say("error", where, complaint)
            self.records[stream] += look.live
            self.tombstones += look.rows - look.live
            self.blocks += complete
            yield from self._findings.told()
            yield {"progress": {"stream": stream.value, "done": min(last, end), "total": end}}

    def _look_at(self, stream: Stream, block: int, last: Position, *, complete: bool) -> _Look:
        look = _Look()
        for _ in range(_LOOKS):
            look = _Look()
            try:
                self._read_block(look, stream, block_bounds(block)[0], last)
                self._compare(look, stream, block, last, complete=complete)
            except apsw.Error as failure:
                look.complaints.append(f"They can't be read: {failure}")
            if not look.complaints:
                break
        return look

    def _read_block(self, look: _Look, stream: Stream, first: Position, last: Position) -> None:
        expected = int(first)
        while expected <= last:
            rows: list[Any] = self._connection.execute(
                f"SELECT position, CAST(record AS BLOB) FROM {stream} WHERE position BETWEEN ? AND ?"
                " ORDER BY position LIMIT ?",
                (expected, last, _ROWS_AT_ONCE),
            ).fetchall()
            positions = [row[0] for row in rows]
            if positions != list(range(expected, expected + len(rows))):
                for position in positions:
                    if position < expected:
                        look.complaints.append(f"Position {position} comes after {expected - 1}: they do not increase.")
                    elif position > expected:
                        look.missing.append((expected, position - 1))
                    expected = max(expected, position + 1)
            else:
                expected += len(rows)
            look.rows += len(rows)
            look.checksum = schema.checksum([row[1] for row in rows], look.checksum)
            _decode(look, stream, rows)
            if len(rows) < _ROWS_AT_ONCE:
                if expected <= last:
                    look.missing.append((expected, last))
                return

    def _compare(self, look: _Look, stream: Stream, block: int, last: Position, *, complete: bool) -> None:
        """What was read with what the tables ``gaps`` and ``blocks`` say of it."""
        first = block_bounds(block)[0]
        gaps: list[Any] = self._connection.execute(
            "SELECT first, last FROM gaps WHERE stream = ? AND last >= ? AND first <= ? ORDER BY first",
            (stream.value, first, last),
        ).fetchall()
        look.complaints += [
            f"Positions {begin} to {end} are neither there nor in a recorded gap."
            for missing in look.missing
            for begin, end in _outside(missing, gaps)
        ]
        in_gaps = sum(min(end, last) - max(begin, first) + 1 for begin, end in gaps)
        if look.rows + in_gaps > last - first + 1:
            look.complaints.append("A recorded gap covers records that are there.")
        if not complete:
            return
        rows: list[Any] = self._connection.execute(
            "SELECT records, checksum FROM blocks WHERE stream = ? AND block = ?", (stream.value, block)
        ).fetchall()
        if not rows and look.rows:
            look.complaints.append("The block is complete and has no checksum.")
        elif rows and rows[0][0] != look.rows:
            look.complaints.append(f"{rows[0][0]} records were counted when it was written, {look.rows} are there.")
        elif rows and rows[0][1] != look.checksum:
            look.complaints.append("The checksum differs from when it was written.")


def _decode(look: _Look, stream: Stream, rows: list[Any]) -> None:
    values = [value for _, value in rows if value]
    look.live += len(values)
    decode = _DECODERS[stream].decode
    try:
        # Together first: one call for all is a third faster than one for each.
        if len(decode(b"[" + b",".join(values) + b"]")) == len(values):
            return
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    for position, value in rows:
        try:
            if value and len(decode(b"[" + value + b"]")) != 1:
                look.complaints.append(f"The record at {position} is more than one.")
        except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
            look.complaints.append(f"The record at {position} is torn: {failure}")


def _outside(missing: tuple[int, int], gaps: list[Any]) -> Iterator[tuple[int, int]]:
    """The parts of a range that no gap covers; the gaps are in order."""
    begin, end = missing
    for first, last in gaps:
        if first > begin:
            yield begin, min(first - 1, end)
        begin = max(begin, last + 1)
        if begin > end:
            return
    if begin <= end:
        yield begin, end


def _check_file(path: Path, say: Say) -> None:
    """SQLite's own check of a whole file.

    The one statement that reads more than 10,000 rows at once: nothing else sees a page that belongs to nobody. Meanwhile
    the write-ahead log grows and is not reset; that takes about a second for two million events.
    """
    try:
        connection = open_reader(path, cache_bytes=_CACHE_BYTES)
        try:
            complaints: list[Any] = connection.execute("PRAGMA quick_check").fetchall()
        finally:
            connection.close()
    except (FootfallError, apsw.Error) as failure:
        say("error", path.name, f"SQLite can't check it: {failure}")
        return
    for (complaint,) in complaints:
        if complaint != "ok":
            say("error", path.name, f"SQLite: {complaint}")


def _read_saved(path: Path, say: Say) -> Iterator[_Saved]:
    if not path.exists():
        say("warning", path.name, "It isn't there; the next start makes it anew from the log.")
        return
    try:
        connection = open_reader(path, cache_bytes=_CACHE_BYTES)
        try:
            version = int(connection.pragma("user_version"))
            if version != len(state_file.MIGRATIONS):
                say("error", path.name, f"It has schema version {version}; {len(state_file.MIGRATIONS)} is known here.")
                return
            rows: list[Any] = connection.execute("SELECT name, version, generation, positions FROM projections").fetchall()
        finally:
            connection.close()
    except (FootfallError, apsw.Error) as failure:
        say("error", path.name, f"It can't be read: {failure}. It may be deleted: the next start makes it anew.")
        return
    for row in rows:
        yield _Saved(*row)


def _check_projections(saved: list[_Saved], log: _LogCheck, say: Say) -> None:
    """Whether what each projection saved fits the log it was read from."""
    found = {projection.name: projection for projection in saved}
    for known in _PROJECTIONS:
        projection = found.pop(known.name, None)
        where = f"state.db, projection {known.name}"
        if projection is None:
            if saved:
                say("warning", where, "It has saved nothing; the next start makes it anew.")
        elif projection.version != known.version:
            say("warning", where, f"It has version {projection.version}, not {known.version}; the next start makes it anew.")
        elif known.stream is not None:
            _check_projection(projection, known.stream, log, where, say)
    for name in found:
        say("warning", f"state.db, projection {name}", "This version of Footfall doesn't know it.")


def _check_projection(projection: _Saved, stream: Stream, log: _LogCheck, where: str, say: Say) -> None:
    if log.generation and projection.generation != log.generation:
        say("error", where, f"It was read from a log of generation {projection.generation}, not {log.generation}.")
        return
    try:
        positions = msgspec.json.decode(projection.positions, type=dict[int, int])
    except msgspec.DecodeError as failure:
        say("error", where, f"Its positions can't be read: {failure}")
        return
    end = log.ends.get(stream)
    for partition, position in positions.items():
        if end is not None and position > (end if partition == 0 else 0):
            say("error", where, f"It has read up to position {position}, and the log ends at {end}.")

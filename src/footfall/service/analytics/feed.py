"""Feeding: the log into the files of shops, in micro-batches, as far as the server has said that it goes.

Shops that have reached the same place go forward together. One that is behind (new, set aside, made anew) reads on its own, a
batch at a time between those of the others, until all are at the end.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import duckdb
import msgspec
import structlog

from footfall.errors import AnalyticsUnavailableError, FootfallError
from footfall.event import Event, decode_event, decode_events
from footfall.identifiers import Position, ShopId
from footfall.limits import (
    ANALYTICS_BATCH_BYTES_MAX,
    ANALYTICS_BATCH_DOCUMENTS_MAX,
    ANALYTICS_BATCH_EVENTS_MAX,
    ANALYTICS_DISK_LEFT_MIN,
    ANALYTICS_LEFT_OUT_MAX,
    ANALYTICS_SAVED_AFTER,
    ANALYTICS_UNSAVED_MAX,
    READ_RECORDS_MAX,
)
from footfall.log.embedded import read_entries
from footfall.log.port import Entry, Place, Stream
from footfall.log.sqlite import open_reader
from footfall.projections.analytics import engine
from footfall.projections.analytics.file import Ends, documents_of, left_out
from footfall.projections.analytics.projection import Batch, LeftOut, Projection
from footfall.projections.documents import Document, decode_document
from footfall.service.analytics.desk import PARTITION
from footfall.service.analytics.files import Files, ShopFile

_CACHE_BYTES: Final = 8 * 1024 * 1024
_STREAMS: Final = (Stream.DOCUMENTS, Stream.EVENTS)

_AGAIN_SECONDS: Final = 5.0
"""How long a shop whose file failed is left alone."""

_TOLD_MAX: Final = 300
"""Characters of a failure that are kept: some say all that they failed by."""

Record = TypeVar("Record")

Reached = dict[Stream, Position]
"""Up to where a shop's file goes."""

_logger = structlog.get_logger("footfall.analytics")


class _Failing(NamedTuple):
    """A shop whose file can't be read or written, and when that is tried again (monotonic)."""

    why: str | None
    """``None`` where nobody is told as yet."""
    again_at: float


class _UnfitError(AnalyticsUnavailableError):
    """What was to be taken in is at fault, or the code that takes it in."""


class _SuspectError(_UnfitError):
    """One record is at fault, as it seems: it is tried once more before anybody is told."""


class _Part(NamedTuple):
    """A shop's records for one transaction, and up to where its file goes with them."""

    events: list[tuple[Place, Event]]
    documents: list[tuple[Place, Document]]
    ends: Reached

    @property
    def records(self) -> list[tuple[Stream, Place]]:
        """Where its records are in the log."""
        return [(Stream.DOCUMENTS, place) for place, _ in self.documents] + [
            (Stream.EVENTS, place) for place, _ in self.events
        ]

    def halves(self, start: Reached) -> tuple["_Part", "_Part"]:
        """The same for two transactions. Documents go first, as they do in one."""
        if self.documents and self.events:
            between = {**self.ends, Stream.EVENTS: start[Stream.EVENTS]}
            return _Part([], self.documents, between), _Part(self.events, [], self.ends)
        if self.events:
            half = len(self.events) // 2
            between = {**self.ends, Stream.EVENTS: self.events[half - 1][0][1]}
            return _Part(self.events[:half], [], between), _Part(self.events[half:], [], self.ends)
        half = len(self.documents) // 2
        between = {**self.ends, Stream.DOCUMENTS: self.documents[half - 1][0][1]}
        return _Part([], self.documents[:half], between), _Part([], self.documents[half:], self.ends)


class Feed:
    """Where each shop is, and the steps that bring it on. One thread steps."""

    def __init__(self, log: Path, files: Files, disk_left: Callable[[], int]) -> None:
        self._connection = open_reader(log, cache_bytes=_CACHE_BYTES)
        self._files = files
        self._disk_left = disk_left
        self._keys: dict[ShopId, bytes] = {}
        self._unsaved: dict[ShopId, Reached] = {}
        """Shops of which the file says less than has been read, since nothing of theirs was in it."""
        self._failing: dict[ShopId, _Failing] = {}
        self._suspects: dict[ShopId, tuple[Stream, Place]] = {}
        """The record that failed by itself, before it is tried once more."""
        self._born: dict[ShopId, Reached] = {}
        self.reached: dict[ShopId, Reached] = {}
        self.ends: Reached = dict.fromkeys(_STREAMS, Position(0))
        """Up to where the log goes, as far as the server has said."""

    def close(self) -> None:
        """Save where shops are that had nothing of their own for long."""
        with closing(self._connection):
            for shop in list(self._unsaved):
                if self._unsaved_records(shop, self.reached[shop]) >= ANALYTICS_UNSAVED_MAX:
                    self._tried(shop, partial(self._take_in, shop, _Part([], [], self.reached[shop])))

    @property
    def log_ends(self) -> Ends:
        """The log's ends, by stream and partition."""
        return _by_partition(self.ends)

    def know(self, keys: Mapping[ShopId, bytes], since: Reached | None = None) -> None:
        """Learn of shops and the keys under which their visitors are hashed. ``since``: where the log was before these shops
        were made, so that nothing before it is theirs."""
        self._keys.update(keys)
        if since is not None:
            self._born.update(dict.fromkeys(keys, since))

    def behind(self, shop: ShopId) -> int:
        """How many records of the log a shop has not taken in."""
        reached = self.reached.get(shop, dict.fromkeys(_STREAMS, Position(0)))
        return sum(max(0, self.ends[stream] - reached[stream]) for stream in _STREAMS)

    def start_anew(self, shop: ShopId, damaged: str | None = None) -> None:
        """Make a shop's file anew from the log. ``damaged`` says what is wrong with the one that there is: it is set aside."""
        self._files.drop(shop, anew=True, damaged=damaged)
        self._suspects.pop(shop, None)
        self.forget(shop)

    @property
    def failing(self) -> dict[ShopId, str]:
        """The shops of which nothing can be taken in at the moment, and why."""
        return {shop: of.why for shop, of in self._failing.items() if of.why is not None}

    @property
    def again_in(self) -> float | None:
        """Seconds until the first of them is tried again; ``None`` where there is none."""
        soonest = min((of.again_at for of in self._failing.values()), default=None)
        return max(0.0, soonest - time.monotonic()) if soonest is not None else None

    def step(self) -> bool:
        """Take in a batch for those who are furthest, and one for those who are furthest behind; answers whether anything was
        left to take in. A shop whose file can't be read or written now is left alone for a while, and the others go on.

        Raises ``AnalyticsUnavailableError`` where nothing can be written now.
        """
        places = self._places()
        if not places:
            return False
        for shops in (places[-1], places[0]) if len(places) > 1 else (places[0],):
            self._bring_on(shops)
        return True

    def _places(self) -> list[list[ShopId]]:
        """The shops that have something to take in, those together that are at one place, the furthest behind first."""
        places: dict[tuple[int, int], list[ShopId]] = {}
        for shop in self._keys:
            if (failing := self._failing.get(shop)) is not None and time.monotonic() < failing.again_at:
                continue
            if shop not in self.reached and not self._tried(shop, partial(self._find, shop)):
                continue
            if self.behind(shop):
                reached = self.reached[shop]
                places.setdefault((reached[Stream.EVENTS], reached[Stream.DOCUMENTS]), []).append(shop)
        return [places[place] for place in sorted(places)]

    def _tried(self, shop: ShopId, work: Callable[[], None]) -> bool:
        """Do something for a shop; whether it was done. What fails for one must not keep the others waiting."""
        try:
            work()
        except AnalyticsUnavailableError as failure:
            if engine.is_spent(failure):
                # For every shop: the process must end.
                raise
            why = None if isinstance(failure, _SuspectError) else str(failure)
            self._failing[shop] = _Failing(why, time.monotonic() + _AGAIN_SECONDS)
            trace = failure.__cause__ if isinstance(failure, _UnfitError) else None
            _logger.warning("shop_failed", shop=shop, error=str(failure), exc_info=trace)
            return False
        self._failing.pop(shop, None)
        return True

    def _find(self, shop: ShopId) -> None:
        """Find out where a shop's file is. There is none before there is something for it: a server may have very many quiet
        shops."""
        if not self._files.path(shop).exists():
            self.reached[shop] = self._where(shop, {})
            return
        with self._files.borrowed(shop, self.log_ends) as file:
            self.reached[shop] = self._where(shop, file.ends)

    def _where(self, shop: ShopId, ends: Ends) -> Reached:
        """Up to where a file goes that says this of itself. One that says nothing is new, and may leave out what was before
        its shop was made."""
        if not ends:
            return dict(self._born.get(shop, dict.fromkeys(_STREAMS, Position(0))))
        return {stream: ends.get(stream, {}).get(PARTITION, Position(0)) for stream in _STREAMS}

    def _bring_on(self, shops: list[ShopId]) -> None:
        if self._disk_left() < ANALYTICS_DISK_LEFT_MIN:
            raise AnalyticsUnavailableError("The disk is nearly full, and what is left belongs to the log.")
        start = self.reached[shops[0]]
        documents, to_document = self._documents(start[Stream.DOCUMENTS])
        events, to_event = self._events(start[Stream.EVENTS])
        ends: Reached = {Stream.EVENTS: to_event, Stream.DOCUMENTS: to_document}
        of_shop: dict[ShopId, list[tuple[Place, Event]]] = {shop: [] for shop in shops}
        for place, event in events:
            if event.shop in of_shop:
                of_shop[event.shop].append((place, event))
        for shop in shops:
            self._tried(shop, partial(self._take, shop, _Part(of_shop[shop], documents_of(shop, documents), ends)))

    def _take(self, shop: ShopId, part: _Part) -> None:
        if part.events or part.documents or self._unsaved_records(shop, part.ends) >= ANALYTICS_SAVED_AFTER:
            self._take_in(shop, part)
        else:
            self._unsaved.setdefault(shop, self.reached[shop])
            self.reached[shop] = part.ends

    def _unsaved_records(self, shop: ShopId, ends: Reached) -> int:
        """How far behind these ends a shop's file says that it is, where nothing of its own was in between."""
        saved = self._unsaved.get(shop, self.reached[shop])
        return sum(ends[stream] - saved[stream] for stream in _STREAMS) if self._files.path(shop).exists() else 0

    def _take_in(self, shop: ShopId, whole: _Part) -> None:
        """Take in a part. Where something in it fails, the rest of it is taken in: in halves, down to the record."""
        parts = [whole]
        while parts:
            part = parts.pop()
            saved = self._unsaved.get(shop, self.reached[shop])
            try:
                self._write(shop, part.ends, partial(self._apply, shop, part))
            except _UnfitError as failure:
                if len(part.records) > 1:
                    parts += reversed(part.halves(saved))
                else:
                    self._leave_out(shop, part, failure)
            if shop not in self.reached:
                # Its file was set aside: what these parts do not have must come before them.
                return
            if (suspect := self._suspects.get(shop)) is not None and self.reached[shop][suspect[0]] >= suspect[1][1]:
                del self._suspects[shop]

    def _leave_out(self, shop: ShopId, part: _Part, failure: _UnfitError) -> None:
        """Go on without a record that failed by itself, now and a while ago. Raises ``_SuspectError`` where it is the first
        time, and the failure where too many are left out already, or where it fails without the record, too."""
        if not part.records:
            raise failure
        ((stream, place),) = part.records
        if self._suspects.get(shop) != (stream, place):
            self._suspects[shop] = stream, place
            raise _SuspectError(str(failure)) from failure.__cause__

        def work(file: ShopFile) -> None:
            if left_out(file.connection) >= ANALYTICS_LEFT_OUT_MAX:
                raise failure
            without = Batch([], [], _by_partition(part.ends), LeftOut(stream, place, _told(failure.__cause__)))
            self._projection_of(shop, file).apply(without)

        self._write(shop, part.ends, work)
        if shop in self.reached:
            at = {"stream": stream.value, "position": place[1]}
            _logger.error("record_left_out", shop=shop, **at, error=str(failure), exc_info=failure.__cause__)

    def _apply(self, shop: ShopId, part: _Part, file: ShopFile) -> None:
        documents = [document for _, document in part.documents]
        self._projection_of(shop, file).apply(Batch(part.events, documents, _by_partition(part.ends)))

    def _projection_of(self, shop: ShopId, file: ShopFile) -> Projection:
        if file.projection is None:
            file.projection = Projection(file.connection, shop, self._keys[shop])
        return file.projection

    def _write(self, shop: ShopId, ends: Reached, work: Callable[[ShopFile], None]) -> None:
        """Change a shop's file, which goes up to ``ends`` then. Raises ``_UnfitError`` where neither the file nor the machine
        is at fault, else ``AnalyticsUnavailableError``."""
        try:
            with self._files.borrowed(shop, self.log_ends) as file:
                if self._where(shop, file.ends) != self._unsaved.get(shop, self.reached[shop]):
                    # It was set aside when it was opened again: what this batch does not have must come before it.
                    self.forget(shop)
                    return
                try:
                    work(file)
                except Exception as failure:
                    # What it keeps in memory may be ahead of the file.
                    file.projection = None
                    if _is_of_data(failure):
                        told = f"The file of shop {shop} can't be written now: {_told(failure)}"
                        raise _UnfitError(told) from failure
                    raise
                file.ends = _by_partition(ends)
        except _UnfitError:
            # The file is as it was: who asks it need not wait.
            raise
        except duckdb.Error as failure:
            self._drop(shop, damaged=str(failure) if engine.is_damage(failure) else None)
            raise AnalyticsUnavailableError(f"The file of shop {shop} can't be written now: {failure}") from failure
        except BaseException:
            self._drop(shop)
            raise
        self._unsaved.pop(shop, None)
        self.reached[shop] = ends

    def _drop(self, shop: ShopId, damaged: str | None = None) -> None:
        """Have a file opened anew: what its writer keeps in memory may be ahead of it."""
        self._files.drop(shop, damaged=damaged)
        self.forget(shop)

    def forget(self, shop: ShopId) -> None:
        """Look anew where a shop's file is, before anything more is taken in."""
        self.reached.pop(shop, None)
        self._unsaved.pop(shop, None)

    def _documents(self, done: Position) -> tuple[list[tuple[Place, Document]], Position]:
        entries, end = self._read(
            Stream.DOCUMENTS, done, min(self.ends[Stream.DOCUMENTS], done + ANALYTICS_BATCH_DOCUMENTS_MAX)
        )
        return list(_decoded(entries, decode_document)), end

    def _events(self, done: Position) -> tuple[list[tuple[Place, Event]], Position]:
        entries, end = self._read(Stream.EVENTS, done, min(self.ends[Stream.EVENTS], done + ANALYTICS_BATCH_EVENTS_MAX))
        held = [entry for entry in entries if entry.value]
        try:
            read = decode_events([entry.value for entry in held])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return list(_decoded(held, decode_event)), end
        return [((PARTITION, entry.position), event) for entry, event in zip(held, read, strict=True)], end

    def _read(self, stream: Stream, done: Position, to: int) -> tuple[Iterable[Entry], Position]:
        """The entries behind a position and up to another, or as many as a batch may have bytes, in reads that hold no
        transaction for long; and up to where they go."""
        entries: list[Entry] = []
        at, size = done, 0
        while at < to and size < ANALYTICS_BATCH_BYTES_MAX:
            read = read_entries(self._connection, stream, Position(at + 1), min(READ_RECORDS_MAX, to - at))
            # Where positions have gaps this reads less than it could at once, and none beyond the end that is asked for.
            at = read[-1].position if read and read[-1].position <= to else Position(to)
            within = read if read and read[-1].position == at else [entry for entry in read if entry.position <= to]
            size += sum(len(entry.value) for entry in within)
            entries += within
        return entries, at


def _is_of_data(failure: Exception) -> bool:
    if isinstance(failure, duckdb.Error):
        return engine.is_of_data(failure)
    return not isinstance(failure, FootfallError | OSError | MemoryError)


def _told(failure: BaseException | None) -> str:
    return f"{type(failure).__name__}: {failure}"[:_TOLD_MAX]


def _by_partition(ends: Reached) -> dict[Stream, dict[int, Position]]:
    return {stream: {PARTITION: end} for stream, end in ends.items()}


def _decoded(entries: Iterable[Entry], decode: Callable[[bytes], Record]) -> Iterator[tuple[Place, Record]]:
    """Those that can be read; one damaged record must not end all figures, and ``verify`` says more of it."""
    for entry in entries:
        if entry.value:
            try:
                yield (PARTITION, entry.position), decode(entry.value)
            except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
                _logger.warning("record_unreadable", position=entry.position, error=str(failure))

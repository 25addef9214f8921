"""The open files of shops: a bounded number of them, with the memory shared among them."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb

from footfall.errors import AnalyticsUnavailableError, StoreDamagedError
from footfall.identifiers import Generation, Position, ShopId
from footfall.limits import ANALYTICS_FILE_IDLE_SECONDS, ANALYTICS_FILES_OPEN_MAX
from footfall.log.port import Stream
from footfall.projections.analytics import engine
from footfall.projections.analytics.engine import Connection
from footfall.projections.analytics.file import Ends, prepare
from footfall.projections.analytics.projection import Projection
from footfall.service.analytics.desk import SPILL, file_of

_PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.1

Told = Callable[[ShopId, str], None]
"""Told of a file that was set aside, and why."""


class ShopFile:
    """An open file. ``ends``: up to where it goes; only its writer changes them."""

    def __init__(self, connection: Connection, ends: Mapping[Stream, Mapping[int, Position]], memory_bytes: int) -> None:
        self.connection = connection
        self.ends: dict[Stream, dict[int, Position]] = {stream: dict(of) for stream, of in ends.items()}
        self.memory_bytes = memory_bytes
        self.projection: Projection | None = None
        self.users = 0
        self.closing = False
        """Whether it is closed as soon as nobody uses it: nobody begins to."""
        self.used_at = time.monotonic()


class Files:
    """Opens and closes files as they are needed. Several threads may borrow at once; one of them writes."""

    def __init__(self, directory: Path, generation: Generation, memory_bytes: int, set_aside: Told) -> None:
        self._directory = directory
        self._generation = generation
        self._memory_bytes = memory_bytes
        self._set_aside = set_aside
        self._open: dict[ShopId, ShopFile] = {}
        self._lately: dict[ShopId, float] = {}
        """The shops whose files were needed lately, and when: the memory goes into as many parts."""
        self._counted_at = 0.0
        self._patient_until = time.monotonic() + _PATIENCE_SECONDS
        self._lock = threading.Lock()
        self._given_back = threading.Condition(self._lock)
        directory.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def borrowed(self, shop: ShopId, log_ends: Ends) -> Iterator[ShopFile]:
        """A shop's file for as long as it is needed, made where there is none. One that can't be read or is of another log or
        shape is set aside and made anew. Raises ``AnalyticsUnavailableError``."""
        file = self._borrow_patiently(shop, log_ends)
        try:
            yield file
        finally:
            with self._lock:
                file.users -= 1
                file.used_at = time.monotonic()
                self._given_back.notify_all()

    def _borrow_patiently(self, shop: ShopId, log_ends: Ends) -> ShopFile:
        """At a start the process before this one may still be ending. Nobody else waits for it meanwhile."""
        while True:
            try:
                return self._borrow(shop, log_ends)
            except engine.FileTakenError:
                if time.monotonic() > self._patient_until:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def _borrow(self, shop: ShopId, log_ends: Ends) -> ShopFile:
        with self._lock:
            share = self._share(shop)
            file = self._open.get(shop)
            if file is not None and file.closing:
                raise AnalyticsUnavailableError("The file of this shop is being closed or made anew. Ask again.")
            if file is not None and file.memory_bytes != share and not file.users:
                # A setting of an open file can't be changed.
                self._close(shop)
                file = None
            if file is None:
                file = self._open[shop] = self._opened(shop, share, log_ends)
            file.users += 1
            return file

    def _share(self, shop: ShopId) -> int:
        """A file's part of the memory. What was not needed for long is closed, and the others' parts grow."""
        now = time.monotonic()
        self._lately[shop] = now
        if now - self._counted_at >= ANALYTICS_FILE_IDLE_SECONDS:
            self._counted_at = now
            self._lately = {shop: at for shop, at in self._lately.items() if now - at < ANALYTICS_FILE_IDLE_SECONDS}
            for other in [other for other, file in self._open.items() if other not in self._lately and not file.users]:
                self._close(other)
        return self._memory_bytes // min(len(self._lately), ANALYTICS_FILES_OPEN_MAX)

    def _opened(self, shop: ShopId, share: int, log_ends: Ends) -> ShopFile:
        if len(self._open) >= ANALYTICS_FILES_OPEN_MAX:
            self._make_room()
        # Those with more than their share are opened anew when they are needed.
        for other, of in list(self._open.items()):
            if of.memory_bytes > share and not of.users:
                self._close(other)
        path = self.path(shop)
        try:
            file = self._made(path, share, log_ends)
            if file is not None:
                return file
            why = "it belongs to another log, or to another version of Footfall"
            self._remove(path)
        except StoreDamagedError as failure:
            why = str(failure)
            self._keep_damaged(path)
        self._set_aside(shop, why)
        file = self._made(path, share, log_ends)
        if file is None:
            raise AnalyticsUnavailableError(f"{path} can't be made anew.")
        return file

    def _made(self, path: Path, share: int, log_ends: Ends) -> ShopFile | None:
        connection = engine.open_file(path, memory_bytes=share, spill=self._directory / SPILL)
        try:
            ends = prepare(connection, self._generation, log_ends)
        except duckdb.Error as failure:
            connection.close()
            if engine.is_damage(failure):
                raise StoreDamagedError(f"{path} can't be read: {failure}") from failure
            raise AnalyticsUnavailableError(f"{path} can't be used now: {failure}") from failure
        if ends is None:
            connection.close()
            return None
        return ShopFile(connection, ends, share)

    def _make_room(self) -> None:
        idle = [shop for shop, file in self._open.items() if not file.users]
        if not idle:
            raise AnalyticsUnavailableError("More shops are asked about than files may be open. Ask again.")
        self._close(min(idle, key=lambda shop: self._open[shop].used_at))

    def _close(self, shop: ShopId) -> None:
        file = self._open.pop(shop)
        with suppress(duckdb.Error):
            file.connection.close()

    def drop(self, shop: ShopId, *, damaged: str | None = None, anew: bool = False) -> None:
        """Close a shop's file once nobody uses it: since its writer failed, or with ``anew`` to make it from the log again;
        ``damaged`` says why it is set aside."""
        with self._given_back:
            # Whoever else closes it meanwhile, and whoever opens it again before this thread has its turn.
            while (file := self._open.get(shop)) is not None:
                file.closing = True
                if not file.users:
                    self._close(shop)
                    break
                self._given_back.wait()
            if damaged is not None:
                self._keep_damaged(self.path(shop))
            elif anew:
                self._remove(self.path(shop))
        if damaged is not None:
            self._set_aside(shop, damaged)

    def close(self) -> None:
        """Close every file; who asks one fails."""
        with self._lock:
            for shop in list(self._open):
                self._close(shop)

    def path(self, shop: ShopId) -> Path:
        """A shop's file."""
        return file_of(self._directory, shop)

    def _remove(self, path: Path) -> None:
        for one in (path, _wal(path)):
            one.unlink(missing_ok=True)

    def _keep_damaged(self, path: Path) -> None:
        """Move a file out of the way, for who wants to look at it; the one before it goes."""
        _wal(path).unlink(missing_ok=True)
        if path.exists():
            path.replace(path.with_suffix(".damaged"))


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")

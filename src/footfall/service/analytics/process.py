"""The analytics process: feeds the files of shops, and answers what the server asks.

The server writes a JSON object a line: ``{"shops": {id: key}}`` (with ``since`` for new ones), ``{"ends": {stream:
position}}``, ``{"ask": number, …}``, ``{"cancel": number}``, ``{"anew": number, "shop": id}``, ``{"stop": true}``. Back come a
JSON object a line, and behind it as many bytes as its ``bytes`` says: what became of a question, where shops are and which of
them fail, and what was set aside. Its standard input ends when the server does, and so does it, at once.
"""

import gc
import io
import os
import resource
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final

import duckdb
import msgspec
import structlog

from footfall.errors import AnalyticsUnavailableError, FootfallError, InputInvalidError, NotFoundError
from footfall.identifiers import Generation, Position, ShopId
from footfall.intake.opening import Opened
from footfall.intake.order_exports import exported_orders
from footfall.limits import (
    ANALYTICS_BESIDE_BYTES,
    ANALYTICS_CACHE_BYTES_MAX,
    ANALYTICS_COLLECT_AFTER,
    ANALYTICS_QUESTIONS_AT_ONCE,
    ANALYTICS_STUCK_SECONDS,
    BODY_BYTES_MAX,
)
from footfall.log.port import Stream
from footfall.projections.analytics import engine
from footfall.projections.analytics.answering import Answered, answer
from footfall.projections.analytics.asking import Question
from footfall.service.analytics.desk import DIRECTORY, SPILL
from footfall.service.analytics.feed import Feed
from footfall.service.analytics.files import Files
from footfall.service.directory import LOG_FILE

_RETRY_SECONDS: Final = 5.0
_INSIST_SECONDS: Final = 0.25

_logger = structlog.get_logger("footfall.analytics")


def analytics(*, data: str, generation: Generation, memory_mb: int, output: IO[bytes]) -> None:
    """Run until standard input ends. ``memory_mb`` bounds what all files together hold in memory."""
    # Batches are very many objects, none of which refers to itself: looking for such took a fifth of the time.
    gc.set_threshold(ANALYTICS_COLLECT_AFTER, 5, 5)
    _bound_memory(2 * memory_mb * 1024 * 1024 + ANALYTICS_BESIDE_BYTES)
    _Process(Path(data), generation, memory_mb, output).run(sys.stdin.buffer)


def _bound_memory(size: int) -> None:
    """Refuse this process more memory than this: the engine counts what it keeps, but not each row that it works on."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size if most == resource.RLIM_INFINITY else min(size, most), most))


class Stoppable(Opened):
    """A file that is read until ``stop`` raises, line by line: a small packed one can have gigabytes."""

    def __init__(self, raw: io.BufferedReader, name: str, stop: Callable[[], None]) -> None:
        super().__init__(raw, name)
        self._stop = stop

    def lines(self, bytes_max: int = BODY_BYTES_MAX) -> Iterator[bytes]:
        """Its lines, as long as nothing stops it."""
        for line in super().lines(bytes_max):
            self._stop()
            yield line


class _Asked(msgspec.Struct):
    """A question under way."""

    number: int
    shop: ShopId
    question: Question
    timeout_seconds: float


class _Process:
    def __init__(self, data: Path, generation: Generation, memory_mb: int, output: IO[bytes]) -> None:
        directory = data / DIRECTORY
        shutil.rmtree(directory / SPILL, ignore_errors=True)
        self._directory = directory
        self._output = output
        self._writing = threading.Lock()
        self._files = Files(directory, generation, memory_mb * 1024 * 1024, self._tell_set_aside)
        self._feed = Feed(data / LOG_FILE, self._files, lambda: shutil.disk_usage(directory).free)
        self._work: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        self._running: dict[int, engine.Connection | None] = {}
        """Questions under way, with the connection that works on one."""
        self._cancelled: set[int] = set()
        self._begun: set[int] = set()
        """Those that a thread works on."""
        self._running_lock = threading.Lock()
        self._ends_known = threading.Event()
        """Whether the server has said up to where the log goes: before that, every file would go beyond it."""
        self._cache = _Cache(ANALYTICS_CACHE_BYTES_MAX)
        self._pool = ThreadPoolExecutor(ANALYTICS_QUESTIONS_AT_ONCE, thread_name_prefix="question")

    def run(self, commands: IO[bytes]) -> None:
        """Read commands on this thread, feed on another, answer on a few more."""
        threading.Thread(target=self._feed_for_ever, name="feed", daemon=True).start()
        for line in commands:
            command = msgspec.json.decode(line)
            if "stop" in command:
                # What a batch did not finish is read again; where files are is worth a moment.
                stopped = threading.Event()
                self._work.put({"stop": stopped})
                stopped.wait(_RETRY_SECONDS)
                break
            self._take(command)
        # Where the server was killed, at once: the next one wants the files.
        os._exit(0)

    def _take(self, command: Mapping[str, Any]) -> None:
        if "ask" in command:
            number = int(command["ask"])
            with self._running_lock:
                self._running[number] = None
            self._pool.submit(self._answer, number, command)
        elif "cancel" in command:
            self._interrupt(int(command["cancel"]))
        else:
            self._work.put(command)

    # --- feeding ---------------------------------------------------------------------------------------------------

    def _feed_for_ever(self) -> None:
        """One thread does all that changes files. Failures are logged, and tried again."""
        more = False
        while True:
            try:
                if more and self._ends_known.is_set() and self._work.empty():
                    more = self._feed.step()
                    self._tell_reached()
                    continue
                command = self._next_command()
                if command is None:
                    more = True
                    continue
                if "stop" in command:
                    self._feed.close()
                    self._files.close()
                    command["stop"].set()
                    return
                self._obey(command)
                more = True
            except (FootfallError, OSError, duckdb.Error) as failure:
                self._tell({"failed": str(failure)})
                self._end_if_spent(failure)
                more = self._wait_after_failure()
            except Exception as failure:
                _logger.exception("feed_failed")
                self._tell({"failed": f"{type(failure).__name__}: {failure}"})
                self._end_if_spent(failure)
                more = self._wait_after_failure()

    def _next_command(self) -> Mapping[str, Any] | None:
        """The next command; ``None`` where a shop that failed is to be tried again before there is one."""
        try:
            return self._work.get(timeout=self._feed.again_in)
        except Empty:
            return None

    def _wait_after_failure(self) -> bool:
        threading.Event().wait(_RETRY_SECONDS)
        return True

    def _obey(self, command: Mapping[str, Any]) -> None:
        if "shops" in command:
            since = command.get("since")
            self._feed.know(
                {ShopId(int(shop)): bytes.fromhex(key) for shop, key in command["shops"].items()},
                {Stream(stream): Position(end) for stream, end in since.items()} if since is not None else None,
            )
        if "ends" in command:
            self._feed.ends = {Stream(stream): Position(end) for stream, end in command["ends"].items()}
            self._ends_known.set()
        if "anew" in command:
            self._make_anew(ShopId(int(command["shop"])), int(command["anew"]))
        if "damaged" in command:
            self._feed.start_anew(ShopId(int(command["damaged"])), damaged=command["why"])
        if "set_aside" in command:
            self._feed.forget(ShopId(int(command["set_aside"])))

    def _make_anew(self, shop: ShopId, number: int) -> None:
        """Begin a file anew, and say so before anything is said of how far it is."""
        try:
            self._feed.start_anew(shop)
        except (FootfallError, OSError) as failure:
            self._tell({"answer": number, "error": str(failure), "kind": "AnalyticsUnavailableError"})
            raise
        self._cache.forget(shop)
        self._tell({"answer": number, "anew": shop, "ends": {}, "type": "", "truncated": False})

    def _tell_reached(self) -> None:
        reached = {str(shop): {s.value: at for s, at in of.items()} for shop, of in list(self._feed.reached.items())}
        self._tell({"reached": reached, "failing": {str(shop): why for shop, why in self._feed.failing.items()}})

    def _tell_set_aside(self, shop: ShopId, why: str) -> None:
        """Whoever opened it: what is known of where it was is not so any more, nor are answers that were kept."""
        self._cache.forget(shop)
        self._work.put({"set_aside": shop})
        self._tell({"set_aside": shop, "why": why})

    # --- answering -------------------------------------------------------------------------------------------------

    def _answer(self, number: int, command: Mapping[str, Any]) -> None:
        with self._running_lock:
            self._begun.add(number)
        try:
            asked = msgspec.convert(
                {"number": number, **{name: command[name] for name in ("shop", "question", "timeout_seconds")}},
                _Asked,
            )
            # Before it is asked: what comes while it works may show in the answer, and never lacks.
            reached = self._feed.reached.get(asked.shop, {})
            answered = self._answered(asked)
            ends = {stream.value: position for stream, position in reached.items()}
            self._tell(
                {"answer": number, "ends": ends, "type": answered.media_type, "truncated": answered.truncated}, answered.body
            )
        except (InputInvalidError, NotFoundError) as failure:
            self._tell({"answer": number, "error": str(failure), "kind": type(failure).__name__})
        except FootfallError as failure:
            self._tell({"answer": number, "error": str(failure), "kind": "AnalyticsUnavailableError"})
        except (duckdb.OutOfMemoryException, MemoryError) as failure:
            self._tell({"answer": number, "error": _TOO_LARGE, "kind": "InputInvalidError"})
            self._end_if_spent(failure)
        except duckdb.Error as failure:
            if engine.is_damage(failure):
                self._work.put({"damaged": command["shop"], "why": str(failure)})
            _logger.warning("question_failed", error=str(failure))
            self._tell({"answer": number, "error": f"The engine failed: {failure}", "kind": "AnalyticsUnavailableError"})
        except Exception as failure:
            _logger.exception("question_failed")
            self._tell({"answer": number, "error": f"{type(failure).__name__}: {failure}", "kind": "FootfallError"})
        finally:
            with self._running_lock:
                self._running.pop(number, None)
                self._begun.discard(number)
                self._cancelled.discard(number)

    def _end_if_spent(self, failure: Exception) -> None:
        """End, to be started again, where nothing else makes room: what was being fed is fed again."""
        if engine.is_spent(failure):
            _logger.warning("memory_spent", error=str(failure))
            os._exit(1)

    def _answered(self, asked: _Asked) -> Answered:
        timer = threading.Timer(asked.timeout_seconds, self._interrupt, [asked.number])
        timer.daemon = True
        timer.start()
        try:
            if not self._ends_known.wait(_RETRY_SECONDS):
                raise AnalyticsUnavailableError("Analytics does not know yet how far the log goes. Ask again later.")
            with self._files.borrowed(asked.shop, self._feed.log_ends) as file:
                # Before it is asked, for the same reason.
                key = asked.shop, msgspec.json.encode([{s.value: of for s, of in file.ends.items()}, asked.question])
                kept = self._cache.find(key)
                if kept is None:
                    kept = self._worked_out(file.connection, asked)
                    self._cache.keep(key, kept)
                return kept
        finally:
            timer.cancel()

    def _with_orders(self, asked: _Asked) -> Question:
        """The question with the orders of an export in the place of its path. Raises ``InputInvalidError``."""
        question = asked.question
        path = Path(question.given["path"])

        def stop() -> None:
            if asked.number in self._cancelled:
                raise InputInvalidError(_STOPPED.format(asked.timeout_seconds))

        try:
            with path.open("rb") as raw:
                items = list(exported_orders(Stoppable(raw, question.given.get("name", path.name), stop)))
        except OSError as failure:
            raise InputInvalidError(f"{question.given.get('name', path)} can't be read: {failure.strerror}.") from failure
        if not items:
            raise InputInvalidError("There is no order in this export. Send the file as it is: --data-binary, with curl.")
        unread = [{"line": item.line, "error": item.order} for item in items if isinstance(item.order, str)]
        orders = [item.order for item in items if not isinstance(item.order, str)]
        return msgspec.structs.replace(question, given={"orders": orders, "unread": unread[:_UNREAD_SHOWN_MAX]})

    def _worked_out(self, connection: engine.Connection, asked: _Asked) -> Answered:
        cursor = connection.cursor()
        with self._running_lock:
            if asked.number in self._cancelled:
                raise InputInvalidError(_STOPPED.format(asked.timeout_seconds))
            self._running[asked.number] = cursor
        try:
            question = self._with_orders(asked) if asked.question.report == "reconciliation" else asked.question
            return answer(cursor, question)
        except duckdb.InterruptException as failure:
            raise InputInvalidError(_STOPPED.format(asked.timeout_seconds)) from failure
        finally:
            with self._running_lock:
                self._running[asked.number] = None
            cursor.close()

    def _interrupt(self, number: int) -> None:
        with self._running_lock:
            if number not in self._running:
                return
            self._cancelled.add(number)
        self._insist(number, time.monotonic() + ANALYTICS_STUCK_SECONDS)

    def _insist(self, number: int, until: float) -> None:
        """Interrupt a question, and again while it is at work: the engine hears nothing between two statements. Where it keeps
        its thread all the same, end, to be started again: there are four."""
        with self._running_lock:
            if number not in self._running:
                return
            connection = self._running[number]
            if connection is not None:
                connection.interrupt()
        if time.monotonic() < until:
            again = threading.Timer(_INSIST_SECONDS, self._insist, [number, until])
            again.daemon = True
            again.start()
        elif number in self._begun:
            _logger.warning("question_stuck", number=number)
            os._exit(1)

    def _tell(self, line: Mapping[str, Any], body: bytes = b"") -> None:
        head = msgspec.json.encode({**line, "bytes": len(body)})
        with self._writing:
            self._output.write(head + b"\n" + body)
            self._output.flush()


_UNREAD_SHOWN_MAX: Final = 100
_STOPPED: Final = "This took more than {:g} seconds and was stopped. Ask for a shorter window or less at once."
_TOO_LARGE: Final = (
    "This needs more memory than analytics may use (setting analytics_memory_mb). Ask for a shorter window or less at once."
)


_Key = tuple[ShopId, bytes]
"""A shop, and what was asked where its file was."""


class _Cache:
    """Answers by what was asked and where the file was; those asked longest ago go first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[_Key, Answered] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self, shop: ShopId) -> None:
        """Drop a shop's answers: another file may say other things at the same place."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == shop]:
                self._bytes -= len(key[1]) + len(self._kept.pop(key).body)

    def find(self, key: _Key) -> Answered | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: _Key, answered: Answered) -> None:
        size = len(key[1]) + len(answered.body)
        with self._lock:
            if not answered.repeatable or key in self._kept or size > self._bytes_max // 4:
                return
            self._kept[key] = answered
            self._bytes += size
            while self._bytes > self._bytes_max:
                old, gone = self._kept.popitem(last=False)
                self._bytes -= len(old[1]) + len(gone.body)

"""A writer: the one thread that writes to an SQLite file, in the order of lanes. It decides nothing."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from footfall.log.port import Lane

Result = TypeVar("Result")

_UPKEEP_TURN: Final = 8
"""Every so many jobs the lowest waiting lane goes first, so that a flood of live groups can't starve the merges that
keep memory bounded."""


class Writer:
    """Runs jobs one after the other on a thread of its own; the results come back to the event loop.

    Jobs are short (one SQLite transaction): a live group waits for at most one of another lane.
    """

    def __init__(self, name: str = "log") -> None:
        self._lanes: tuple[deque[Callable[[], None]], ...] = tuple(deque() for _ in Lane)
        # One token per job: SimpleQueue waits in C, without the lock that Condition makes for each wait.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"footfall-{name}-writer", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[], Result], lane: Lane) -> asyncio.Future[Result]:
        """Have a job run on the writer's thread; the future carries its result or exception to the running loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def execute() -> None:
            try:
                result = job()
            except BaseException as failure:
                outcome: Any = failure
                deliver: Callable[[Any], None] = future.set_exception
            else:
                outcome, deliver = result, future.set_result
            # The loop may have been closed under a job that nobody waits for any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, future, deliver, outcome)

        self.post(execute, lane)
        return future

    def post(self, job: Callable[[], None], lane: Lane) -> None:
        """Have a job run that delivers its own outcome and never raises."""
        self._lanes[lane].append(job)
        self._tokens.put(True)

    def stop(self) -> None:
        """Finish every job that was given, then end the thread."""
        self._tokens.put(False)
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while self._tokens.get():
            turn += 1
            lanes = reversed(self._lanes) if turn % _UPKEEP_TURN == 0 else self._lanes
            next(lane for lane in lanes if lane).popleft()()


def _deliver(future: asyncio.Future[Any], deliver: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():
        deliver(outcome)

"""A worker: the child process in which one heavy task runs, as ``workers.run_worker`` starts it.

``python -m footfall.service.worker TASK JSON``. What the task yields goes to standard output; what went wrong is one line on
standard error, with exit status 1. It reads the files of the data directory and writes none but its own.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import FrameType
from typing import IO, Any, Final

import apsw
import msgspec

from footfall.errors import FootfallError, InputInvalidError
from footfall.service.logs import configure_logs_as_parent

_TASKS: Final[Mapping[str, str]] = {
    "analytics": "footfall.service.analytics.process",
    "evaluation": "footfall.service.evaluation",
    "export": "footfall.service.export",
    "index": "footfall.service.indexing",
    "verify": "footfall.service.verify",
}
"""Task → the module that has a function of its name. Only the one needed is imported: DuckDB takes a quarter second."""

Task = Callable[..., None]

_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str], output: IO[bytes]) -> int:
    """Run a task with its parameters; answers the exit status."""
    try:
        os.nice(int(os.environ.get("FOOTFALL_WORKER_NICE", "0")))
        _task(arguments)(**_parameters(arguments), output=output)
        output.flush()
    except BrokenPipeError:
        # Whoever asked has gone; nobody reads a message either.
        return 1
    except (FootfallError, OSError, apsw.Error) as failure:
        return _failed(str(failure) or type(failure).__name__)
    except Exception as failure:
        return _failed(f"{type(failure).__name__}: {failure}")
    return 0


def _task(arguments: Sequence[str]) -> Task:
    name = arguments[0] if arguments else ""
    if name not in _TASKS:
        raise InputInvalidError(f"There is no task {name[:40]!r}. Known: {', '.join(_TASKS)}.")
    task: Task = getattr(import_module(_TASKS[name]), name)
    return task


def _parameters(arguments: Sequence[str]) -> dict[str, Any]:
    try:
        return msgspec.json.decode(arguments[1], type=dict[str, Any])
    except (IndexError, msgspec.DecodeError) as failure:
        raise InputInvalidError(f"A task's parameters are one JSON object: {failure}.") from failure


def _failed(message: str) -> int:
    # One line: the parent shows the last one.
    sys.stderr.write(" ".join(message.split()) + "\n")
    return 1


def _asked_to_end(_number: int, _frame: FrameType | None) -> None:
    """Leave by way of every ``finally``, so that no file stays behind; once, since Ctrl-C and the parent may both ask."""
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(1)


if __name__ == "__main__":
    for number in _ENDS:
        signal.signal(number, _asked_to_end)
    configure_logs_as_parent()
    # What is for the parent alone: whatever else prints, prints to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        status = main(sys.argv[1:], answers)
    except SystemExit:
        status = 1
    # Without the interpreter's own clean-up: closing a broken pipe again would print a traceback.
    sys.stderr.flush()
    os._exit(status)

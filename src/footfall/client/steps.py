"""What the client's logic asks of whoever does its input and output: a generator yields steps and is sent their replies.

So all that decides stands once, in plain code that neither waits nor connects; a thread and a task only differ in how they
take a step.
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Ask(NamedTuple):
    """Send a request, and reply with its ``Answer``, or with ``NoAnswer`` after so many seconds of silence."""

    method: str
    path: str
    content: bytes
    content_type: str
    seconds: float


class Answer(NamedTuple):
    """What a server answered, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class NoAnswer(NamedTuple):
    """Why there is none. ``is_unsent``: no connection came about, so that nothing can have arrived."""

    why: str
    is_unsent: bool = False


class Pause(NamedTuple):
    """Wait so many seconds, or until the client is closed."""

    seconds: float


class Rest(NamedTuple):
    """Wait until something was put into the outbox, and no longer than this where a number is given."""

    seconds: float | None


Step = Ask | Pause | Rest
Reply = Answer | NoAnswer | None
Steps = Generator[Step, Reply, T]

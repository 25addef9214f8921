"""What a test finds of its visitors' events, and a server that it may stop and start again."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server, command, control, start_server


def command_of(server: Server, *arguments: str) -> Any:
    """What a command of the command line prints, as JSON where it is."""
    told = command(*arguments, data=server.data).stdout
    return json.loads(told) if "--json" in arguments else told


def stored(
    server: Server, uuid: str | None = None, *, last: int = 1_000, rejected: bool = False, shop: str = "shop"
) -> list[dict[str, Any]]:
    """The events that are stored (of one visitor), in the order of their positions."""
    lines = control(server.data, "tail", shop=shop, uuid=uuid, last=last, follow=False, rejected=rejected)
    return [line["item"]["event"] if "event" in line.get("item", {}) else line["item"] for line in lines if "item" in line]


def eventually(page: Page, ask: Callable[[], Any], wanted: Callable[[Any], Any] = bool) -> Any:
    """What ``ask`` answers once it is as wanted; the last answer fails the test where it never is.

    Meanwhile the test takes what the page says: its requests, its routes. ``page`` must be open.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not wanted(found := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {WAIT_SECONDS:.0f} s it is still {found!r}")
        page.wait_for_timeout(100)
    return found


def script(server: Server, name: str = "footfall.js", **attributes: str) -> str:
    """The tag that a page loads a script with."""
    said = "".join(f' data-{name}="{value}"' for name, value in {"key": PUBLIC_KEY, **attributes}.items())
    return f'<script src="{server.url}/sdk/{name}"{said}></script>'


def uuid_of(page: Page) -> str:
    """The visitor that a page's script made."""
    found: str = page.evaluate("footfall.uuid")
    return found


@contextmanager
def errors_of(page: Page) -> Iterator[list[str]]:
    """What the page throws meanwhile."""
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield thrown
    assert thrown == []


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def restarted(stopped: Server) -> Server:
    """The same server again, on the same port."""
    return start_server(stopped.data, "--port", stopped.url.rsplit(":", 1)[1])

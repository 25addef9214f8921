"""The server: the service behind HTTP on a port, and behind its control socket; started, stopped, and nothing else."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from footfall.api.application import Application
from footfall.api.pages_later import PagesLater
from footfall.config import Config
from footfall.errors import SettingInvalidError
from footfall.limits import OPEN_FILES_MAX, SHUTDOWN_SECONDS
from footfall.service.commands import Commands
from footfall.service.control import Control
from footfall.service.http import whole_requests
from footfall.service.lock import DirectoryLock
from footfall.service.service import Service

_BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 75

_logger = structlog.get_logger("footfall.server")


async def serve(
    config: Config,
    *,
    announce: Callable[[str], None],
    ready: Callable[[Service], Any] | None = None,
    more_pages: Sequence[str] = (),
) -> None:
    """Own the data directory and serve until SIGTERM or SIGINT; then stop accepting, finish what was taken, and return.

    ``announce`` is told the address once it listens; ``ready`` is called (and awaited) with the service once it is up;
    ``more_pages`` are modules of pages beside Footfall's own (``PagesLater``).
    Raises ``DataDirectoryTakenError``, ``SettingInvalidError`` and what opening the files raises.
    """
    _raise_file_limit()
    listener = _listen(config.host, config.port)
    lock = DirectoryLock.take(config.data)
    try:
        service = Service(config)
        try:
            await _run(service, listener, lock, announce, ready, more_pages)
        finally:
            await service.stop()
    finally:
        listener.close()
        lock.release()


async def _run(
    service: Service,
    listener: socket.socket,
    lock: DirectoryLock,
    announce: Callable[[str], None],
    ready: Callable[[Service], Any] | None,
    more_pages: Sequence[str],
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    control_path = lock.control_path()
    control_path.unlink(missing_ok=True)
    control_listener = _listen_control(control_path)
    pages = PagesLater(service.parts, service.pending, more_pages)
    application = Application(service.parts, pages)
    servers = [
        (_uvicorn(application, whole_requests(application), service.config.trusted_proxies), listener),
        (_uvicorn(Control(Commands(service)), HttpToolsProtocol, ""), control_listener),
    ]
    try:
        for server, sock in servers:
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[sock])
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        lock.announce(control_path, address)
        announce(address)
        await service.start()
        await service.desk.start()
        pages.load()
        _logger.info("ready", data=str(service.config.data), port=port)
        extra = asyncio.ensure_future(ready(service)) if ready is not None else None
        await stopping.wait()
        _logger.info("stopping")
        if extra is not None:
            extra.cancel()
            await asyncio.gather(extra, return_exceptions=True)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        service.watchers.close()
        service.live_feeds.close()
        # Both at once: one after the other they might take twice the time that stopping may.
        await asyncio.gather(*(server.shutdown(sockets=[sock]) for server, sock in servers if server.started))
        control_path.unlink(missing_ok=True)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _uvicorn(app: Any, protocol: type[HttpToolsProtocol], trusted_proxies: str) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        backlog=_BACKLOG,
        forwarded_allow_ips=trusted_proxies,
    )
    config.load()
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.set_inheritable(False)
    except (OSError, UnicodeError) as failure:
        raise SettingInvalidError(
            f"Can't listen on {host}:{port}: {getattr(failure, 'strerror', None) or failure}. "
            "Choose another with --host and --port."
        ) from failure
    return listener


def _listen_control(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask holds from the first moment: nobody else can connect between bind and chmod.
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    return listener

"""Pages and documentation, loaded once the server is up: Litestar takes half a second to import, and collection waits for
nobody."""

import asyncio
from collections.abc import MutableMapping, Sequence
from importlib import import_module
from typing import Any

from footfall.api.exchange import Receive, Scope, Send
from footfall.api.parts import Parts
from footfall.errors import NotReadyError

_WAIT_SECONDS = 10


class PagesLater:
    """An ASGI application that holds requests until the real one is imported.

    ``more`` are modules whose ``HANDLERS`` are served as well: they import Litestar, so they are imported later too.
    """

    def __init__(self, parts: Parts, pending: MutableMapping[str, str], more: Sequence[str] = ()) -> None:
        self._parts = parts
        self._more = more
        self._pending = pending
        self._loading: asyncio.Task[None] | None = None
        self._pages: Any = None
        pending["pages"] = "loading"

    def load(self) -> asyncio.Task[None]:
        """Begin to load, if that has not begun."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        return self._loading

    async def _load(self) -> None:
        # In a thread: its bytecode takes turns with the event loop's, where the loop's own import would stop it dead.
        module = await asyncio.to_thread(import_module, "footfall.api.pages")
        more = [handler for name in self._more for handler in (await asyncio.to_thread(import_module, name)).HANDLERS]
        self._pages = await asyncio.to_thread(module.build, self._parts, more)
        del self._pending["pages"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pages is None:
            loading = self.load()
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    await asyncio.shield(loading)
            except TimeoutError as failure:
                raise NotReadyError("The pages are still loading. Ask again.") from failure
        await self._pages(scope, receive, send)

"""This process as the owner of a data directory, for as long as a command takes."""

import asyncio
import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvloop

from footfall.config import Config
from footfall.service.commands import Commands
from footfall.service.logs import configure_logs
from footfall.service.service import Service


@contextmanager
def owning(config: Config) -> Iterator["Process"]:
    """An owner (``owner.Owner``) of the directory whose lock the caller holds. Raises what opening the files raises."""
    configure_logs(level="error", form="console")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        process = Process(config, runner)
        try:
            yield process
        finally:
            process.stop()


class Process:
    """This process, as the owner; its event loop runs while a command does."""

    serves = False
    address: str | None = None

    def __init__(self, config: Config, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._service: Service | None = None
        try:
            self._commands = runner.run(self._start(config))
        except BaseException:
            self.stop()
            raise

    async def _start(self, config: Config) -> Commands:
        self._service = Service(config)
        await self._service.start()
        return Commands(self._service)

    def call(self, name: str, /, **parameters: Any) -> Any:
        return self._runner.run(getattr(self._commands, name)(**parameters))

    def stream(self, name: str, /, **parameters: Any) -> Generator[Any, None, None]:
        items = getattr(self._commands, name)(**parameters)

        async def following() -> Any:
            return await anext(items, _END)

        async def close() -> None:
            await items.aclose()

        try:
            while (item := self._runner.run(following())) is not _END:
                yield item
        finally:
            self._runner.run(close())

    def stop(self) -> None:
        """Finish what was taken and close the files."""
        # The service froze what there was for its collector's sake; frozen, DuckDB's binding complains when Python ends.
        gc.unfreeze()
        if self._service is not None:
            self._runner.run(self._service.stop())
            self._service = None


_END: Final = object()

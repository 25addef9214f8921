"""The command that exports a shop's events: what is asked for is read here, and a child does the work.

Called as those of ``commands.py`` are, which is where it is reached.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any
from zoneinfo import ZoneInfo

from footfall.clock import Milliseconds
from footfall.errors import InputInvalidError
from footfall.identifiers import read_position_token
from footfall.log.port import Stream
from footfall.projections.analytics.asking import read_moment_in, read_window
from footfall.projections.shops import Shop
from footfall.service.directory import LOG_FILE
from footfall.service.service import Service
from footfall.service.shop_book import ShopBook
from footfall.service.workers import run_worker


class ExportCommands:
    """One method for each command. All raise ``FootfallError`` with a message for people."""

    def __init__(self, service: Service, book: ShopBook) -> None:
        self._service = service
        self._book = book

    async def export(
        self,
        shop: str,
        *,
        form: str = "jsonl",
        start: str | None = None,
        stop: str | None = None,
        window: str | None = None,
        out: str | None = None,
        without: Sequence[str] = (),
        by_day: bool = False,
    ) -> AsyncIterator[Any]:
        """A shop's events in the order of the log; bytes, or nothing but a count where ``out`` names a file.

        ``start`` and ``stop`` are position tokens (after the one, up to and including the other), or dates and times of the
        shop's zone (from the one, before the other, by the events' own time); ``window`` is the last of them, such as ``7d``,
        in their place. ``without``: flags of events that are left out. ``by_day`` makes ``out`` a folder of Parquet files by
        the shop's days.
        """
        found = self._book.find(shop)
        since, until = self._times(found, start, stop, window)
        first, last = await self._positions(start, stop)
        parameters = {
            "log": str(self._service.config.data / LOG_FILE),
            "shop": found.id,
            "form": form,
            "first": first,
            "last": last,
            "out": out,
            "since": since,
            "until": until,
            "without": list(without),
            "by_day_of": found.timezone if by_day else None,
        }
        # Closed by name: a generator within a generator would end its child only when the collector finds it.
        async with aclosing(run_worker("export", parameters)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _times(
        self, shop: Shop, start: str | None, stop: str | None, window: str | None
    ) -> tuple[Milliseconds | None, Milliseconds | None]:
        """First moment of an export and the one after its last, ``None`` where a position bounds it, or nothing."""
        if window is not None:
            if start is not None or stop is not None:
                raise InputInvalidError("Give either --last, or --from and --to.")
            read = read_window({"last": window}, timezone=shop.timezone, now=self._service.clock.now())
            return read.start, read.end
        zone = ZoneInfo(shop.timezone)
        since, until = _moment("--from", start, zone), _moment("--to", stop, zone)
        if since is not None and until is not None and since >= until:
            raise InputInvalidError("--from must lie before --to: --from is inclusive, --to is not.")
        return since, until

    async def _positions(self, start: str | None, stop: str | None) -> tuple[int, int]:
        """First and last position of an export. Raises ``InputInvalidError`` for a position of another log, or beyond
        the end of this one: nothing says what has been exported of it."""
        end = max((await self._service.log.ends(Stream.EVENTS)).values())
        bounds = []
        for token, otherwise in ((start, 0), (stop, end)):
            read = read_position_token(token) if token is not None else None
            if read is not None and read[0] != self._service.log.generation:
                raise InputInvalidError(
                    f"{str(token)[:60]} is a position of another log. Export this one anew, or name a date."
                )
            bounds.append(otherwise if read is None else max(read[1].values()))
        if bounds[0] > end:
            raise InputInvalidError(f"{str(start)[:60]} lies beyond the end of this log, which an older copy of it may have.")
        if start is not None and stop is not None and bounds[0] > bounds[1]:
            raise InputInvalidError("--from must lie before --to.")
        return bounds[0] + 1, min(bounds[1], end)


def _moment(name: str, text: str | None, zone: ZoneInfo) -> Milliseconds | None:
    """The date or time that a bound of an export is, ``None`` for a position or none. Raises ``InputInvalidError``."""
    if text is None or read_position_token(text) is not None:
        return None
    try:
        return read_moment_in(name, text, zone)
    except InputInvalidError as failure:
        raise InputInvalidError(f"{failure} Nor is it a position, as receipts and exports give them.") from failure

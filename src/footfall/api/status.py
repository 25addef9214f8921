"""``/health``: the process answers. ``/ready``: the log can be written, and history is right."""

from footfall.api.exchange import NO_STORE, Answer, Exchange, json_answer
from footfall.api.parts import Parts
from footfall.errors import LogUnavailableError
from footfall.limits import RETRY_AFTER_SECONDS


class Status:
    """The two handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def health(self, exchange: Exchange) -> Answer:
        """200 while the process answers at all."""
        return json_answer({"data": {"status": "alive"}}, headers=[NO_STORE])

    async def ready(self, exchange: Exchange) -> Answer:
        """200 once collection and history are up, 503 with the reasons until then; parts still loading are named."""
        unready = dict(self._parts.unready())
        try:
            await self._parts.probe()
        except LogUnavailableError as failure:
            unready["log"] = str(failure)
        pending = dict(self._parts.pending())
        if unready:
            error = "Not ready: " + "; ".join(f"{part}: {why}" for part, why in unready.items())
            retry = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())
            return json_answer({"error": error, "parts": unready | pending}, status=503, headers=[NO_STORE, retry])
        return json_answer({"data": {"status": "ready", "pending": pending}}, headers=[NO_STORE])

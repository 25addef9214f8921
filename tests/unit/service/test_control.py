"""The control socket's protocol: what is asked wrongly or too early is answered, never guessed."""

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import httpx

from footfall.config import Config
from footfall.service.commands import Commands
from footfall.service.control import Control
from footfall.service.service import Service
from tests.support import run


def _asked(path: Path, command: str, parameters: dict[str, Any], *, started: bool = True) -> httpx.Response:
    async def scenario() -> httpx.Response:
        service = Service(Config(data=path))
        try:
            if started:
                await service.start()
            transport = httpx.ASGITransport(app=Control(Commands(service)))
            async with httpx.AsyncClient(transport=transport, base_url="http://owner") as client:
                return await client.post(f"/{command}", json=parameters)
        finally:
            await service.stop()

    answer: httpx.Response = run(scenario())
    return answer


def test_a_command_is_answered_with_its_result(tmp_path: Path) -> None:
    answer = _asked(tmp_path, "shop_create", {"name": "shop"})
    assert answer.status_code == 200
    assert answer.json()["result"]["shop"] == "shop"


def test_only_the_status_is_told_while_the_log_is_read_again(tmp_path: Path) -> None:
    refused = _asked(tmp_path, "shop_create", {"name": "shop"}, started=False)
    assert (refused.status_code, refused.json()["kind"]) == (400, "NotReadyError")
    assert _asked(tmp_path, "status", {}, started=False).status_code == 200


def test_an_unknown_command_is_404_and_a_private_method_no_command(tmp_path: Path) -> None:
    assert _asked(tmp_path, "format_disk", {}).status_code == 404
    assert _asked(tmp_path, "_arrival", {}).status_code == 404


def test_a_command_called_with_other_parameters_says_so(tmp_path: Path) -> None:
    answer = _asked(tmp_path, "shop_show", {"shop": "x"})
    assert answer.status_code == 400
    assert "can't be called like this" in answer.json()["error"]


def test_what_a_command_refuses_comes_back_with_its_kind(tmp_path: Path) -> None:
    answer = _asked(tmp_path, "shop_show", {"name": "nobody"})
    assert (answer.status_code, answer.json()["kind"]) == (400, "NotFoundError")


def test_what_is_made_for_a_client_alone_ends_when_it_goes_away(tmp_path: Path) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    class Slow(Commands):
        async def sql(self, shop: str, statement: str, form: str, limit: int) -> dict[str, Any]:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return {}

    async def scenario() -> None:
        service = Service(Config(data=tmp_path))
        await service.start()
        messages = deque([{"type": "http.request", "body": b'{"shop":"s","statement":"","form":"json","limit":1}'}])

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.popleft()
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None:
            pass

        try:
            scope = {"type": "http", "path": "/sql", "method": "POST"}
            async with asyncio.timeout(60):
                await Control(Slow(service))(scope, receive, send)
            assert ended.is_set()
        finally:
            await service.stop()

    run(scenario())

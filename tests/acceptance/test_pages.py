"""The pages for people, and what is answered where there is nothing."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.api import pages
from footfall.api.application import NOT_SERVED, Application
from footfall.api.lists import INHERITED, PREFIX
from footfall.cli.welcome import snippet
from tests.support import PUBLIC_KEY, Running, directory, run, running, start_server

PAGES = ("/", "/docs", "/docs/moving", "/openapi.json")


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service with its pages."""
    async with running(path) as shop:
        transport = httpx.ASGITransport(app=Application(shop.service.parts, pages.build(shop.service.parts)))
        async with httpx.AsyncClient(transport=transport, base_url="http://footfall.test:8080") as client:
            yield shop, client


def ask(path: Path, method: str, url: str, **options: Any) -> httpx.Response:
    """One answer of a service with its pages."""

    async def scenario() -> httpx.Response:
        async with served(path) as (_, client):
            return await client.request(method, url, **options)

    answer: httpx.Response = run(scenario())
    return answer


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_there_and_says_how_long_it_may_be_kept(tmp_path: Path, page: str) -> None:
    answer = ask(tmp_path, "GET", page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json" if page.endswith("json") else "text/html")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_the_browser_has_already_is_not_sent_again(tmp_path: Path, page: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            tag = (await client.get(page)).headers["etag"]
            again = await client.get(page, headers={"If-None-Match": f'"other", W/{tag}'})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert (await client.get(page, headers={"If-None-Match": '"other"'})).status_code == 200

    run(scenario())


@pytest.mark.parametrize("page", PAGES)
def test_head_answers_what_get_would_without_a_body(tmp_path: Path, page: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            head, get = await client.head(page), await client.get(page)
            assert head.content == b""
            assert dict(head.headers) == dict(get.headers)

    run(scenario())


@pytest.mark.parametrize("page", ["/", "/docs", "/docs/moving"])
def test_a_page_asks_no_other_host_for_anything(tmp_path: Path, page: str) -> None:
    answer = ask(tmp_path, "GET", page)
    text = answer.text
    assert "<script" not in text
    assert not re.search(r"@import|url\(|<iframe|<img|srcset=|<object|<embed", text)
    assert [found for found in re.findall(r'(?:src|href)="([^"]*)"', text) if not re.match(r"/[a-z]*|#|data:", found)] == []
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("page", ["/", "/docs", "/docs/moving"])
def test_every_link_of_a_page_leads_somewhere(tmp_path: Path, page: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            links = set(re.findall(r'href="(/[^"]*|#[^"]*)"', (await client.get(page)).text))
            assert links
            for link in links:
                path, _, anchor = link.partition("#")
                answer = await client.get(path or page)
                assert answer.status_code == 200, link
                assert not anchor or f'id="{anchor}"' in answer.text, link

    run(scenario())


def test_the_reference_shows_how_to_look_on_with_the_secret_key(tmp_path: Path) -> None:
    text = html.unescape(ask(tmp_path, "GET", "/docs").text)
    line = re.search(r'curl -N "[^"]+/api/v1/events/stream\?([^"]*)" -H "Authorization: Bearer \$SECRET"', text)
    assert line is not None
    assert "last=10" in line[1]
    assert "key=" not in line[1]


def test_the_first_page_shows_the_same_next_steps_as_shop_create(tmp_path: Path) -> None:
    text = html.unescape(ask(tmp_path, "GET", "/").text)
    address = "http://footfall.test:8080"
    assert snippet(address, "PUBLIC_KEY") in text
    assert f'curl -X POST "{address}/api/v2/analytics/event?key=$KEY"' in text
    assert f'curl "{address}/api/v1/products/viewed?key=$KEY&uuid=visitor-1' in text
    assert "footfall tail --shop my-shop" in text
    assert "public key</b> may" in text
    assert "secret key</b> may not" in text
    assert 'href="/docs"' in text


def test_the_first_page_shows_no_key_and_no_shop(tmp_path: Path) -> None:
    text = ask(tmp_path, "GET", "/").text
    assert PUBLIC_KEY not in text
    assert not re.search(r"[0-9a-f]{40}|ffs_", text)


def test_a_host_header_that_is_no_host_does_not_reach_the_page(tmp_path: Path) -> None:
    answer = ask(tmp_path, "GET", "/", headers={"Host": "evil$(reboot)"})
    assert "evil" not in answer.text
    assert "http://localhost:8080/api/v2/analytics/event" in answer.text


def test_the_first_page_takes_the_scheme_from_a_trusted_proxy_and_from_nobody_else() -> None:
    told = {"Host": "events.shop.example", "X-Forwarded-Proto": "https"}
    for trusted, scheme in (("", "https"), ("10.0.0.0/8,127.0.0.1", "https"), ("10.0.0.0/8", "http")):
        environment = {"FOOTFALL_TRUSTED_PROXIES": trusted, "FORWARDED_ALLOW_IPS": "*"}
        with directory() as data:
            started = start_server(data, environment=environment)
            try:
                text = httpx.get(started.url, headers=told, timeout=30).text
                assert f"{scheme}://events.shop.example/api/v2/analytics/event" in text, trusted
                assert "http://events.shop.example" in httpx.get(started.url, headers={"Host": told["Host"]}, timeout=30).text
            finally:
                started.kill()


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/products/unheard-of", "/docs/unheard-of", "/openapi.yaml", "/schema"])
def test_an_unknown_path_is_answered_with_json_that_says_what_to_do(tmp_path: Path, path: str) -> None:
    answer = ask(tmp_path, "GET", path)
    assert (answer.status_code, answer.json()) == (404, {"error": f"{path} is not here. /docs lists every route."})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert ask(tmp_path, "HEAD", path).content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_method_that_a_page_does_not_take_is_answered_with_those_it_takes(tmp_path: Path, method: str) -> None:
    answer = ask(tmp_path, method, "/docs")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json() == {"error": f"{method} is not taken here. Use GET, HEAD, OPTIONS."}


def test_paths_that_footfall_does_not_serve_point_to_a_page_that_is_there(tmp_path: Path) -> None:
    answer = ask(tmp_path, "GET", "/api/v1/user/config?shop=my-shop.myshopify.com")
    assert answer.status_code == 404
    pointer = answer.json()["error"].rpartition("see ")[2]
    assert ask(tmp_path, "GET", pointer).status_code == 200


def test_the_moving_guide_names_the_lists_and_families_that_are_not_served_and_no_other(tmp_path: Path) -> None:
    def named(page: str, part: str) -> list[str]:
        found = re.search(rf'<ul id="{part}">(.*?)</ul>', page, re.DOTALL)
        return re.findall(r"<code>(.*?)</code>", found[1]) if found is not None else []

    async def scenario() -> None:
        async with served(tmp_path) as (_, client):
            page = (await client.get("/docs/moving")).text
            answers = {PREFIX + name: await client.get(PREFIX + name, params={"key": PUBLIC_KEY}) for name in INHERITED}
            assert named(page, "lists") == [path for path, answer in answers.items() if answer.status_code == 404]
            families = named(page, "families")
            assert len(families) == len(NOT_SERVED)
            for family in families:
                path = "/api/v1" + family.replace("*", "anything")
                answer = await client.get(path)
                wanted = {"error": f"{path} is not served by Footfall; see /docs/moving"}
                assert (answer.status_code, answer.json()) == (404, wanted)

    run(scenario())


def test_a_failure_inside_a_page_is_answered_with_json_and_without_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_request: Any) -> str:
        raise RuntimeError("a cause that is nobody's business")

    monkeypatch.setattr(pages, "_address", broken)
    answer = ask(tmp_path, "GET", "/")
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("Footfall failed to answer this")
    assert "nobody" not in answer.text

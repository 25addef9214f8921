"""The guide at ``/docs/moving``: its snippets are what runs here, on a page of another origin, on a server and in a shell."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route

from tests.browser.events import errors_of, eventually, free_port, stored
from tests.browser.guide import OTHER, snippets
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, WAIT_SECONDS, Server, directory, server

# npm's package as a page has it after bundling: a module with the same function. The guide's page must not care.
UUID_PACKAGE = "data:text/javascript,export const v4 = () => crypto.randomUUID()"
IMPORTS = f'<script type="importmap">{json.dumps({"imports": {"uuid": UUID_PACKAGE}})}</script>'
VIEW = "/api/v1/analytics/event?key={key}&subject=user&verb=viewed&noun=product&uuid={uuid}&shopify_product_handle={handle}"


@pytest.fixture(scope="module")
def guide(footfall: Server) -> Mapping[str, str]:
    """The guide's snippets, as this server shows them."""
    return snippets(footfall.url)


@pytest.fixture(scope="module")
def other() -> Iterator[Server]:
    """The host that one moves from: it speaks the same wire."""
    with directory() as data, server(data / "data", shop=True) as running:
        yield running


def viewed(host: str, uuid: str) -> list[str]:
    """The handles of what a host says that a visitor viewed."""
    answer = httpx.get(host + "/api/v1/products/viewed", params={"key": PUBLIC_KEY, "uuid": uuid}, timeout=30)
    return [product["handle"] for product in answer.json()["data"]]


def view(uuid: str, handle: str) -> str:
    """Path and query of a view."""
    return VIEW.format(key=PUBLIC_KEY, uuid=uuid, handle=handle)


def test_the_documented_way_works_as_it_stands_and_keeps_its_visitor(
    page: Page, front: Shopfront, footfall: Server, guide: Mapping[str, str]
) -> None:
    printed: list[str] = []
    page.on("console", lambda message: printed.append(message.text) if message.type == "log" else None)
    body = guide["documented"].replace("PUBLIC_KEY", PUBLIC_KEY)
    with errors_of(page):
        page.goto(front.show("/products/classic-beanie", head=IMPORTS, body=body))
        eventually(page, lambda: printed, lambda found: found == ["[classic-beanie]"])
        uuid = page.evaluate("localStorage.getItem('uuid')")
        page.reload()
        eventually(page, lambda: printed, lambda found: found == ["[classic-beanie]"] * 2)
    assert page.evaluate("localStorage.getItem('uuid')") == uuid
    assert [event["product_handle"] for event in stored(footfall, uuid)] == ["classic-beanie"] * 2


def test_the_policy_lets_a_page_call_and_nothing_less_does(
    page: Page, front: Shopfront, footfall: Server, guide: Mapping[str, str]
) -> None:
    url = front.show("/")
    call = f"fetch('{footfall.url}{view('a-visitor', 'mug')}').then(() => true, () => false)"
    pixel = f"""new Promise((done) => {{
        const image = new Image();
        image.onload = () => done(true);
        image.onerror = () => done(false);
        image.src = '{footfall.url}{view("a-visitor", "mug").replace("event?", "event.gif?")}';
    }})"""
    whole = " ".join(guide["policy"].split())
    for policy, allowed in ((whole, True), (whole.replace(footfall.url, ""), False)):
        front.headers = {"Content-Security-Policy": policy}
        page.goto(url)
        assert [page.evaluate(call), page.evaluate(pixel)] == [allowed, allowed], policy


@pytest.fixture
def sending(page: Page, front: Shopfront, guide: Mapping[str, str], other: Server) -> Page:
    """A page with the snippet that sends to both hosts."""
    page.goto(front.show("/", body=f"<script>{guide['both'].replace(OTHER, other.url)}</script>"))
    return page


def sent(page: Page, uuid: str) -> Any:
    """What the caller of ``send`` gets."""
    page.evaluate(f"void send('{view(uuid, 'mug')}').then(async (answer) => (window.got = await answer.json()))")
    return eventually(page, lambda: page.evaluate("window.got"))


def test_an_event_reaches_both_hosts_and_the_caller_gets_the_others_answer(
    sending: Page, footfall: Server, other: Server
) -> None:
    bulk = f"""send("/api/v2/analytics/event/bulk?cache_key=1", {{
        method: "POST", keepalive: true,
        headers: {{ "Content-Type": "application/json", "X-Rebuy-User-Token": "{PUBLIC_KEY}" }},
        body: JSON.stringify([{{ subject: "user", verb: "viewed", noun: "product", uuid: "both-1", product_handle: "shirt" }}])
    }}).then(async (answer) => [new URL(answer.url).origin, await answer.json()])"""
    with errors_of(sending):
        assert sent(sending, "both-1") == {"data": "Received"}
        assert sending.evaluate(bulk) == [other.url, {"data": "Received"}]
        for host in (other.url, footfall.url):
            eventually(sending, partial(viewed, host, "both-1"), lambda seen: sorted(seen) == ["mug", "shirt"])


@pytest.mark.parametrize("failure", ["refuses", "is gone", "never answers", "can't be aborted"])
def test_whatever_goes_wrong_on_the_second_host_the_caller_notices_nothing(
    sending: Page, footfall: Server, other: Server, failure: str
) -> None:
    rejected = "window.rejected = []; addEventListener('unhandledrejection', (event) => rejected.push(String(event.reason)))"
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        if failure == "refuses":
            route.fulfill(status=500, body="no")
        elif failure == "is gone":
            route.abort("connectionrefused")

    sending.route(footfall.url + "/**", fail)
    sending.evaluate(rejected)
    if failure == "never answers":
        sending.evaluate("void (AbortSignal.timeout = undefined)")
    if failure == "can't be aborted":
        sending.evaluate("void (AbortSignal.timeout = () => { throw new Error('not in this browser'); })")
    uuid = f"alone-{len(failure)}"
    with errors_of(sending):
        assert sent(sending, uuid) == {"data": "Received"}
        assert viewed(other.url, uuid) == ["mug"]
        if failure != "can't be aborted":
            eventually(sending, lambda: asked)
        assert sending.evaluate("new Promise((done) => setTimeout(done)).then(() => rejected)") == []
    sending.unroute_all(behavior="ignoreErrors")


@pytest.mark.parametrize("listens", [True, False], ids=["both there", "the second one gone"])
def test_the_same_snippet_serves_where_fetch_runs_on_a_server(
    page: Page, guide: Mapping[str, str], footfall: Server, other: Server, listens: bool
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    uuid = f"node-{listens}"
    snippet = guide["both"].replace(OTHER, other.url)
    if not listens:
        snippet = snippet.replace(footfall.url, f"http://127.0.0.1:{free_port()}")
    program = f"{snippet}\nconsole.log(await (await send('{view(uuid, 'mug')}')).text());"
    done = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ('{"data":"Received"}\n', "")
    assert viewed(other.url, uuid) == ["mug"]
    eventually(page, lambda: viewed(footfall.url, uuid), lambda seen: seen == (["mug"] if listens else []))


class Calls:
    """What a server's own code does today: a call to the other host, here noted."""

    def __init__(self, snippet: str) -> None:
        self.made: list[str] = []
        self.names: dict[str, Any] = {"send_to_the_other_host": self._call}
        exec(snippet, self.names)  # the guide's own text

    def _call(self, path: str, _body: bytes | None, _headers: dict[str, str]) -> str:
        self.made.append(path)
        return "what the other host says"


def test_a_server_sends_to_both_from_a_queue(page: Page, guide: Mapping[str, str], footfall: Server) -> None:
    calls = Calls(guide["server"])
    event = {"subject": "user", "verb": "viewed", "noun": "product", "uuid": "server-1", "product_handle": "mug"}
    headers = {"Content-Type": "application/json", "X-Rebuy-User-Token": PUBLIC_KEY}
    answer = calls.names["send"]("/api/v2/analytics/event/bulk", json.dumps([event]).encode(), headers)
    assert answer == "what the other host says"
    assert calls.made == ["/api/v2/analytics/event/bulk"]
    calls.names["send"](view("server-1", "shirt"), None, {})
    eventually(page, lambda: viewed(footfall.url, "server-1"), lambda seen: seen == ["shirt", "mug"])


def test_a_server_goes_on_where_the_second_host_refuses_or_is_gone(
    page: Page, guide: Mapping[str, str], footfall: Server
) -> None:
    calls = Calls(guide["server"])
    calls.names["FOOTFALL"] = f"http://127.0.0.1:{free_port()}"
    calls.names["send"](view("server-2", "mug"), None, {})
    eventually(page, calls.names["waiting"].empty)
    calls.names["FOOTFALL"] = footfall.url
    calls.names["send"]("/api/v2/analytics/event", b"{", {"X-Rebuy-User-Token": PUBLIC_KEY})
    calls.names["send"](view("server-2", "shirt"), None, {})
    eventually(page, lambda: viewed(footfall.url, "server-2"), lambda seen: "shirt" in seen)
    assert len(calls.made) == 3


def test_a_server_never_waits_for_a_second_host_that_hangs(guide: Mapping[str, str]) -> None:
    hold, taken = threading.Event(), threading.Event()

    class Hanging:
        @staticmethod
        def urlopen(*_: object, **__: object) -> None:
            taken.set()
            hold.wait()

        Request = staticmethod(lambda *_: None)

    calls = Calls(guide["server"])
    calls.names["urllib"] = type("urllib", (), {"request": Hanging})
    calls.names["send"]("/0", None, {})
    assert taken.wait(WAIT_SECONDS)
    for number in range(1, calls.names["waiting"].maxsize + 10):
        assert calls.names["send"](f"/{number}", None, {}) == "what the other host says"
    assert len(calls.made) == calls.names["waiting"].maxsize + 10
    assert calls.names["waiting"].full()
    hold.set()


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="the snippets need bash and curl, as a reader does")
def test_the_comparison_tells_whether_both_hosts_answer_the_same(
    guide: Mapping[str, str], footfall: Server, other: Server, tmp_path: Path
) -> None:
    for handle in ("mug", "shirt", "beanie"):
        for host in (footfall, other):
            httpx.get(host.url + view("compared", handle), timeout=30)
    snippet = guide["compare"].replace(OTHER, other.url)

    def run(visitor: str) -> str:
        environment = {**os.environ, "KEY": PUBLIC_KEY, "VISITOR": visitor}
        line = ["bash", "-c", snippet]
        return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout

    assert run("compared") == "the same\n"
    httpx.get(other.url + view("compared", "socks"), timeout=30)
    assert run("compared") == '1d0\n< "handle":"socks"\n'
    assert run("never-seen") == "", "nothing on both sides is no agreement"


def test_the_commands_of_the_guide_work_as_they_stand(guide: Mapping[str, str], footfall: Server, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FOOTFALL_DATA": str(footfall.data), "KEY": PUBLIC_KEY}
    for name in ("counts", "conformance"):
        script = "set -e\n" + guide[name].replace("my-shop", "shop")
        done = subprocess.run(
            ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ promises are kept, 0 broken", done.stdout)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_guide_fits_a_phone_and_a_desk(page: Page, footfall: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    with errors_of(page):
        page.goto(footfall.url + "/docs/moving")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        hidden = (
            """[...document.querySelectorAll("pre, td, li")].filter((box) => box.scrollWidth > box.clientWidth + 1).length"""
        )
        assert page.evaluate(hidden) == 0

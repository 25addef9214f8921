"""Clients written as public callers are, on a page of another origin: each unchanged but for the host."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.sync_api import Page

from tests.acceptance.broken_host import Asked, Came, Forward, Proxy
from tests.browser.events import errors_of, eventually, stored
from tests.browser.shopfront import Shopfront
from tests.support import PUBLIC_KEY, Server

HOOK = """<script>
async function ask(path, parameters) {
  let uuid = sessionStorage.getItem("visitor");
  if (!uuid) sessionStorage.setItem("visitor", (uuid = crypto.randomUUID()));
  const query = new URLSearchParams({ key: "KEY", uuid, ...parameters });
  const response = await fetch(`HOST${path}?${query}`, { method: "GET", headers: { "Content-Type": "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.data;
}
const view = (handle) => ask("/api/v1/analytics/event", {
  subject: "user", verb: "viewed", noun: "product", shopify_product_handle: handle
});
const recent = async () => (await ask("/api/v1/products/viewed", { limit: 3, country_code: "", metafields: "yes" }))
  .map((product) => [product.handle, product.metafields.find(({ key }) => key === "material") ?? null, product.images[0]?.src ?? null]);
</script>"""
"""A storefront hook: a visitor for the session, everything by GET, a content type that it has no content for."""

BATCHES = """<script>
const queue = [];
const visitor = crypto.randomUUID();
function flush() {
  if (!queue.length) return;
  fetch("HOST/api/v2/analytics/event/bulk?cache_key=1790000000", {
    method: "POST",
    keepalive: true,
    headers: { "Content-Type": "application/json", "X-Rebuy-User-Token": "KEY" },
    body: JSON.stringify(queue.splice(0))
  }).then((response) => response.json()).then((answer) => answers.push(answer));
}
const answers = [];
function push(noun, verb, more) {
  queue.push({
    subject: "user", verb, noun, uuid: visitor, rsid: "session-" + visitor, event_time: String(Date.now()),
    platform: "Shopify", cache_key: 1790000000, ...more
  });
  if (noun === "product" && verb === "viewed" || queue.length >= 10) flush();
}
setInterval(flush, 1000);
addEventListener("beforeunload", flush);
</script>"""
"""A storefront script: a queue that goes out each second, at ten events, with a view of a product, and with the page."""


@dataclass
class Watched:
    """A host that notes what it is asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def batches(self) -> list[int]:
        """How many events each batch had."""
        return [asked.body.count(b'"subject"') for asked in self.asked if asked.method == "POST"]


@pytest.fixture
def watched(footfall: Server) -> Iterator[Watched]:
    """The server, seen from outside."""
    with Proxy(footfall.url) as proxy:
        seen = Watched(proxy.url)

        def noting(asked: Asked, forward: Forward) -> Came:
            seen.asked.append(asked)
            return forward(asked)

        with proxy.with_fault(noting):
            yield seen


def opened(page: Page, front: Shopfront, host: str, client: str) -> None:
    """Open a page of the shop with a client on it."""
    page.goto(front.show("/", body=client.replace("HOST", host).replace("KEY", PUBLIC_KEY)))


def test_a_hook_that_gets_with_a_content_type_is_preflighted_and_reads_what_it_sent(
    page: Page, front: Shopfront, watched: Watched, footfall: Server
) -> None:
    with errors_of(page):
        opened(page, front, watched.url, HOOK)
        assert page.evaluate("recent()") == []
        assert [page.evaluate(f"view('{handle}')") for handle in ("shirt", "mug", "shirt")] == ["Received"] * 3
        assert page.evaluate("recent()") == [["shirt", None, None], ["mug", None, None]]
    assert watched.lines()[:2] == ["OPTIONS /api/v1/products/viewed", "GET /api/v1/products/viewed"]
    assert "OPTIONS /api/v1/analytics/event" in watched.lines()
    visitor = page.evaluate("sessionStorage.getItem('visitor')")
    assert [event["product_handle"] for event in stored(footfall, visitor)] == ["shirt", "mug", "shirt"]


def test_a_hooks_visitor_lasts_for_the_tab_and_is_another_in_the_next(page: Page, front: Shopfront, footfall: Server) -> None:
    with errors_of(page):
        opened(page, front, footfall.url, HOOK)
        page.evaluate("view('shirt')")
        page.reload()
        assert page.evaluate("recent()") == [["shirt", None, None]]
        other = page.context.new_page()
        opened(other, front, footfall.url, HOOK)
        assert other.evaluate("recent()") == []


def test_a_hook_shows_the_servers_own_words_where_it_is_refused(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall.url, HOOK)
    error = page.evaluate("ask('/api/v1/products/viewed', { uuid: '' }).catch((failure) => failure.message)")
    assert error == "Missing required args. You must pass either shopify_customer_id or uuid."


def viewed(footfall: Server, visitor: str) -> list[str]:
    """The handles of what a visitor viewed."""
    answer = httpx.get(footfall.url + "/api/v1/products/viewed", params={"key": PUBLIC_KEY, "uuid": visitor}, timeout=30)
    return [product["handle"] for product in answer.json()["data"]]


def test_a_batch_sender_flushes_each_second_and_at_ten_and_every_event_is_stored(
    page: Page, front: Shopfront, watched: Watched, footfall: Server
) -> None:
    page.clock.install()
    with errors_of(page):
        opened(page, front, watched.url, BATCHES)
        visitor = page.evaluate("visitor")
        page.evaluate("for (let n = 0; n < 3; n++) push('term', 'searched', { defined_noun_id: `linen ${n}` })")
        assert watched.batches() == []
        page.clock.run_for(1_000)
        eventually(page, watched.batches, lambda batches: batches == [3])
        page.evaluate("for (let n = 0; n < 11; n++) push('collection', 'viewed', { defined_noun_id: `${n}` })")
        eventually(page, watched.batches, lambda batches: batches == [3, 10])
        page.evaluate("push('product', 'viewed', { product_id: '11', product_handle: 'shirt' })")
        eventually(page, watched.batches, lambda batches: batches == [3, 10, 2])
        eventually(page, lambda: page.evaluate("answers"), lambda answers: answers == [{"data": "Received"}] * 3)
    assert {asked.query["cache_key"] for asked in watched.asked} == {"1790000000"}
    assert "OPTIONS /api/v2/analytics/event/bulk" in watched.lines()
    assert len(stored(footfall, visitor)) == 15
    assert viewed(footfall, visitor) == ["shirt"]


def test_what_a_batch_sender_still_has_arrives_when_the_page_is_left(
    page: Page, front: Shopfront, watched: Watched, footfall: Server
) -> None:
    page.clock.install()
    opened(page, front, watched.url, BATCHES)
    visitor = page.evaluate("visitor")
    page.evaluate("push('product', 'viewed', { product_handle: 'shirt' })")
    eventually(page, watched.batches, lambda batches: batches == [1])
    page.evaluate("push('product', 'added', { product_handle: 'shirt', quantity: 2 })")
    page.goto(front.show("/next"))
    found = eventually(page, lambda: stored(footfall, visitor), lambda events: len(events) == 2)
    assert [(event["verb"], event.get("quantity")) for event in found] == [("viewed", None), ("added", 2)]
    assert watched.batches() == [1, 1]

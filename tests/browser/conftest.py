"""A browser for each module, a fresh profile and a fresh shop for each test."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.sandbox import Sandbox
from tests.browser.shopfront import Shopfront
from tests.support import WAIT_SECONDS, Server, directory, server

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def footfall() -> Iterator[Server]:
    """A server, which the tests of a module share; each has visitors of its own."""
    with directory() as data, server(data / "data", shop=True) as running:
        yield running


@pytest.fixture
def front() -> Iterator[Shopfront]:
    """The shop's own web server, on another origin."""
    with Shopfront() as shopfront:
        yield shopfront


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that nobody used before."""
    fresh = browser.new_context()
    fresh.set_default_timeout(1_000 * WAIT_SECONDS)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of it, whose errors fail the test."""
    return context.new_page()


@pytest.fixture
def shop(page: Page, front: Shopfront, footfall: Server) -> Sandbox:
    """A shop's page, not opened yet."""
    return Sandbox(page, front, footfall)

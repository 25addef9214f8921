"""Asking a store over HTTP: one request at a time, tried again while the store is busy, within bounds of size and time.

Says what is wrong in a newcomer's words. Headers never reach a message: one of them may be a token.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from footfall import __version__
from footfall.catalog.shape import decode_json
from footfall.client.retrying import asked_seconds, pause_seconds
from footfall.errors import FootfallError, InputInvalidError
from footfall.limits import (
    PULL_ANSWER_SECONDS,
    PULL_BODY_BYTES_MAX,
    PULL_CONNECT_SECONDS,
    PULL_PAUSE_SECONDS_MAX,
    PULL_READ_SECONDS,
    PULL_REDIRECTS_MAX,
    PULL_RETRIES_MAX,
)

# 430 is Shopify's own: too many requests for its taste, without a time.
_AGAIN: Final = frozenset({429, 430, 500, 502, 503, 504})
_PAUSE_SECONDS: Final = 1.0
_TOLD_SECONDS: Final = 5
"""A pause longer than this is told: a pull that seems to hang would be broken off."""


class StoreError(FootfallError):
    """The store could not be read."""


class WrongStoreError(StoreError):
    """There is no store at this address that could be read: asking again will not help."""


class RefusedError(StoreError):
    """The store refused a request with a status that means it."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} answered {status}.")
        self.status = status


class _AgainError(Exception):
    """This try came to nothing, and the next one may not."""

    def __init__(self, why: str, asked: float | None = None) -> None:
        super().__init__(why)
        self.asked = asked


def store_url(text: str) -> str:
    """The address of a store as people give it: without a scheme it is https; path and query are cut.

    Raises ``InputInvalidError`` where it is no address.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        address = httpx.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port)
    except (ValueError, httpx.InvalidURL):
        raise _no_address(text) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise _no_address(text)
    if re.search(r"[\s<>\"'\\]", parts.netloc):
        raise _no_address(text)
    if "." not in parts.hostname and parts.hostname != "localhost" and ":" not in parts.hostname:
        raise _no_address(text)
    return str(address).rstrip("/")


def _no_address(text: str) -> InputInvalidError:
    return InputInvalidError(f"{text[:200]!r} is no address of a store, such as https://shop.example.")


def is_loopback(url: str) -> bool:
    """Whether an address is this machine, so that what goes there crosses no network."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Web:
    """Requests to one store."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        pause: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None],
        chance: random.Random,
    ) -> None:
        """``url`` as ``store_url`` answers it. ``pause`` waits so many seconds; ``tell`` shows a remark."""
        self.url = url
        self._pause = pause
        self._tell = tell
        self._chance = chance
        self._answered = False
        self._client = httpx.Client(
            headers={
                "User-Agent": f"footfall/{__version__}",
                "Accept": "application/json",
                # One packing alone: several would be unpacked whole before anybody could look how large that is.
                "Accept-Encoding": "gzip",
                **(headers or {}),
            },
            timeout=httpx.Timeout(PULL_READ_SECONDS, connect=PULL_CONNECT_SECONDS),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON that a path answers. Raises ``RefusedError`` for a status that means it, ``WrongStoreError`` where no store
        answers in this way, ``StoreError`` where it can't be had."""
        return self._asked("GET", path, params=parameters)

    def look(self, path: str) -> Any:
        """The JSON that a path answers; ``None`` where it leads to a page for people or to somewhere else. Raises
        ``RefusedError`` and ``StoreError`` as ``get`` does."""
        try:
            return self._asked("GET", path, is_patient=False)
        except WrongStoreError:
            return None

    def post(self, path: str, content: bytes) -> Any:
        """The same for a JSON body. It must change nothing: it is sent again after a try that came to nothing."""
        return self._asked("POST", path, content=content)

    def wait(self, seconds: float, why: str) -> None:
        """Wait, and tell why where that takes a while."""
        if seconds >= _TOLD_SECONDS:
            self._tell(f"{why} Waiting {seconds:.0f} s.")
        self._pause(seconds)

    def back_off(self, attempt: int, asked: float | None, why: str) -> None:
        """Wait before the next try: what the store asked for, else longer each time."""
        longest = PULL_PAUSE_SECONDS_MAX
        self.wait(pause_seconds(attempt, asked, first=_PAUSE_SECONDS, longest=longest, chance=self._chance), why)

    def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        is_patient: bool = True,
    ) -> Any:
        """``is_patient``: ask again too where a store that has answered in JSON before answers a page for people, as it does
        while it is being repaired."""
        url = httpx.URL(self.url + path)
        if params:
            url = url.copy_merge_params(params)
        for attempt in range(PULL_RETRIES_MAX + 1):
            try:
                answer = self._once(method, url, content, is_patient=is_patient and self._answered)
            except _AgainError as failure:
                if attempt == PULL_RETRIES_MAX:
                    raise StoreError(f"Gave up after {PULL_RETRIES_MAX} more tries: {failure}") from failure
                self.back_off(attempt, failure.asked, str(failure))
            else:
                self._answered = True
                return answer
        raise AssertionError("the last try answers or raises")

    def _once(self, method: str, url: httpx.URL, content: bytes | None, *, is_patient: bool) -> Any:
        """One try, redirects and all."""
        for _ in range(PULL_REDIRECTS_MAX + 1):
            try:
                with self._client.stream(method, url, content=content) as response:
                    if not response.has_redirect_location:
                        return self._read(response, url, is_patient=is_patient)
                    url = self._redirected(method, url, response)
            except httpx.ConnectError as failure:
                if not self._answered:
                    # Nothing ever answered there: an address that is wrong, rather than a store that will be back.
                    raise WrongStoreError(f"Nothing answers at {self.url}: {failure}. Is the address right?") from failure
                raise _AgainError(f"{url} can't be reached: {failure or type(failure).__name__}.") from failure
            except (httpx.HTTPError, httpx.InvalidURL) as failure:
                raise _AgainError(f"{url} gave no whole answer: {failure or type(failure).__name__}.") from failure
        raise WrongStoreError(f"{url} redirects again and again.")

    def _read(self, response: httpx.Response, url: httpx.URL, *, is_patient: bool) -> Any:
        status = response.status_code
        if status in _AGAIN:
            raise _AgainError(f"{url} answered {status}.", asked_seconds(response.headers))
        if status != 200:
            raise RefusedError(str(url), status)
        coded = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coded not in ("identity", "gzip", "deflate"):
            raise StoreError(f"{url} answered packed as {coded[:40]!r}, which was not asked for.")
        body = bytearray()
        deadline = time.monotonic() + PULL_ANSWER_SECONDS
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > PULL_BODY_BYTES_MAX:
                raise StoreError(
                    f"{url} answered more than {PULL_BODY_BYTES_MAX // 1024**2} MB, which is no page of products."
                )
            if time.monotonic() > deadline:
                raise _AgainError(f"{url} took longer than {PULL_ANSWER_SECONDS} s to answer.")
        try:
            return decode_json(bytes(body))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
            if not is_patient and bytes(body.lstrip()[:1]) not in (b"{", b"["):
                raise WrongStoreError(
                    f"{url} answered a page, not JSON: {self.url} is no Shopify store, or one that does not show its products."
                ) from failure
            raise _AgainError(f"{url} answered what is not valid JSON: {failure}.") from failure

    def _redirected(self, method: str, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        """Where a redirect leads, if that is the same store."""
        target = url.join(response.headers["Location"])
        where = f"{target.scheme}://{target.netloc.decode()}"
        if target.path.rstrip("/").endswith("/password"):
            raise WrongStoreError(f"{url} redirects to {target}: the store is behind a password. Take it off, or use --token.")
        if method != "GET":
            # A token goes nowhere but where its owner sends it.
            raise WrongStoreError(f"{url} redirects to {where}. Pull from there, if that is the same store.")
        is_safe = target.scheme == "https" or target.scheme == url.scheme == "http"
        if not is_safe or _bare(target.host) != _bare(url.host) or target.port not in (None, url.port):
            raise WrongStoreError(f"{url} redirects to {where}, which is another address. Pull from there: URL {where}")
        return target


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")

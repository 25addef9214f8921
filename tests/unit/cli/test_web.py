"""Where a store may redirect to: the same store on https or with www, and nowhere else."""

import random

import httpx
import pytest

from footfall.cli.sources.web import Web, WrongStoreError, is_loopback


def redirected(given: str, location: str, method: str = "GET") -> str:
    web = Web(given, tell=lambda _: None, chance=random.Random(1))
    try:
        answer = httpx.Response(301, headers={"Location": location})
        return str(web._redirected(method, httpx.URL(given), answer))
    finally:
        web.close()


@pytest.mark.parametrize(
    ("given", "location"),
    [
        ("http://shop.example/products.json?page=1", "https://shop.example/products.json?page=1"),
        ("https://shop.example/products.json", "https://www.shop.example/products.json"),
        ("https://www.shop.example/products.json", "https://shop.example/products.json"),
        ("http://127.0.0.1:81/products.json", "http://127.0.0.1:81/en/products.json"),
    ],
)
def test_https_www_and_another_path_are_the_same_store(given: str, location: str) -> None:
    assert redirected(given, location) == location


@pytest.mark.parametrize(
    "location",
    [
        "http://shop.example/products.json",
        "https://shop.example:8443/products.json",
        "https://shop.example.evil.example/products.json",
        "https://evil.example/products.json",
        "file:///etc/hostname",
        "//evil.example/products.json",
    ],
)
def test_clear_text_other_hosts_and_ports_are_not(location: str) -> None:
    with pytest.raises(WrongStoreError, match="another address"):
        redirected("https://shop.example/products.json", location)


def test_what_carries_a_token_is_never_redirected() -> None:
    with pytest.raises(WrongStoreError, match=r"redirects to https://www\.shop\.example"):
        redirected("https://shop.example/admin", "https://www.shop.example/admin", "POST")


def test_only_this_machine_is_reached_without_a_network() -> None:
    assert [is_loopback(f"http://{host}:80") for host in ("127.0.0.1", "localhost", "[::1]")] == [True] * 3
    assert [is_loopback(f"http://{host}") for host in ("127.0.0.1.example", "10.0.0.1", "shop.example")] == [False] * 3

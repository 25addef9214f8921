"""A real shop's recording, imported and replayed: what each customer viewed is what a reading of the file alone gives."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support import command, directory, new_shop, server

_DATA = Path(__file__).parents[2].parent / "shared" / "data"
_FILE = next(iter(sorted(_DATA.glob("rees46_*_events.csv.gz"))), None)
_USERS = 4_504
_LIMIT = 250

pytestmark = pytest.mark.skipif(_FILE is None, reason=f"the REES46 recording is not there: {_DATA}/rees46_*_events.csv.gz")


def viewed_by_customer(path: Path) -> dict[str, list[str]]:
    """Each user's products, the last viewed first: read from the file alone, by nothing of Footfall's."""
    users: dict[str, list[str]] = {}
    views: dict[str, list[tuple[str, int, str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            users.setdefault(row["user_id"], [])
            if row["event_type"] == "view":
                views.setdefault(row["user_id"], []).append((row["event_time"], number, row["product_id"]))
    for user, seen in views.items():
        users[user] = list(dict.fromkeys(product for _, _, product in sorted(seen, reverse=True)))[:_LIMIT]
    return users


def answered(url: str, key: str, users: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The same, as the server answers it."""

    def viewed(some: list[str]) -> dict[str, list[str]]:
        # A client for each thread: one that threads share may close a connection under another's hands.
        found = {}
        with httpx.Client(base_url=url, timeout=60) as client:
            for user in some:
                parameters: dict[str, str | int] = {"key": key, "shopify_customer_id": user, "limit": _LIMIT}
                answer = client.get("/api/v1/products/viewed", params=parameters)
                assert answer.status_code == 200, answer.text
                found[user] = [str(product["id"]) for product in answer.json()["data"]]
        return found

    every = list(users)
    with ThreadPoolExecutor(4) as threads:
        return {
            user: seen for found in threads.map(viewed, (every[part::4] for part in range(4))) for user, seen in found.items()
        }


@pytest.fixture
def data() -> Iterator[Path]:
    with directory() as path:
        yield path / "data"


def test_import_and_replay_answer_what_every_customer_viewed(data: Path) -> None:
    assert _FILE is not None
    expected = viewed_by_customer(_FILE)
    assert len(expected) == _USERS
    with server(data) as running:
        keys = [new_shop(data, name)["public_key"] for name in ("a", "b")]
        told = json.loads(command("import", str(_FILE), "--shop", "a", "--format", "rees46", "--json", data=data).stdout)
        assert (told["rejected"], told["broken"], told["warnings"]) == (0, 0, 0)
        rows = told["stored"]
        call = ("--url", running.url, "--key", keys[1], "--speed", "max", "--format", "rees46", "--json")
        sent = json.loads(command("replay", str(_FILE), *call, data=data).stdout)
        assert (sent["stored"], sent["rejected"]) == (rows, 0)
        for key in keys:
            assert answered(running.url, key, expected) == expected

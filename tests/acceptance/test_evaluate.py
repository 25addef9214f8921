"""``footfall evaluate`` on files as public recordings are, and on a shop's own log."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from footfall.clock import DAY_MS
from tests.acceptance.test_recommendations import ask, visit
from tests.support import ManualClock, command, event, run, running

TRAIN = [("1", "a", "100"), ("1", "b", "110"), ("2", "a", "200"), ("2", "b", "230"), ("3", "a", "300"), ("3", "c", "330")]
TEST = [("9", "b", "420"), ("9", "a", "400")]


def written(path: Path, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], parted: str = "\t") -> str:
    """A recording."""
    text = "".join(parted.join(row[: len(head)]) + "\n" for row in [head, *rows])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


def evaluated(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """What ``--json`` prints."""
    result: dict[str, Any] = json.loads(command("evaluate", *arguments, "--json", data=tmp_path).stdout)
    return result


@pytest.mark.parametrize(
    ("head", "name", "parted"),
    [
        (("session", "item", "epoch_s"), "clicks.tsv.gz", "\t"),
        (("SessionId", "ItemId", "Time"), "clicks.tsv", "\t"),
        (("session_id", "item_id", "timestamp"), "clicks.csv", ","),
    ],
)
def test_a_recording_is_read_in_either_naming(tmp_path: Path, head: tuple[str, ...], name: str, parted: str) -> None:
    train = written(tmp_path / f"train-{name}", head, TRAIN, parted)
    test = written(tmp_path / f"test-{name}", head, TEST, parted)
    result = evaluated(tmp_path, "--train", train, "--test", test)
    # The test's clicks are in no order: by their times a comes first, and b after it, as it mostly does.
    assert (result["predictions"], result["hr20"], result["mrr20"]) == (1, 1.0, 1.0)
    assert (result["train_sessions"], result["items"], result["last"]) == (3, 3, "drop")
    assert {"p20", "r20", "coverage", "popularity", "p50_ms", "p90_ms"} < result.keys()


def test_without_times_the_files_own_order_holds(tmp_path: Path) -> None:
    train = written(tmp_path / "train.tsv", ("session", "item"), TRAIN)
    test = written(tmp_path / "test.tsv", ("session", "item"), [("9", "a", ""), ("9", "c", "")])
    assert evaluated(tmp_path, "--train", train, "--test", test)["mrr20"] == 1.0, "the latest session has a and c"
    assert evaluated(tmp_path, "--train", train, "--test", test, "--min-prefix", "2")["predictions"] == 0


def test_people_read_a_table(tmp_path: Path) -> None:
    train = written(tmp_path / "train.tsv", ("session", "item", "time"), TRAIN)
    test = written(tmp_path / "test.tsv", ("session", "item", "time"), TEST)
    shown = command("evaluate", "--train", train, "--test", test, "--last", "keep", data=tmp_path).stdout
    for said in ("3 sessions, 3 items", "HR@20", "MRR@20", "may come again"):
        assert said in shown


def test_a_broken_line_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = [*TRAIN, ("4", "", "400"), ("5", "a", "soon")]
    train = written(tmp_path / "train.tsv", ("session", "item", "time"), rows)
    test = written(tmp_path / "test.tsv", ("session", "item", "time"), TEST)
    done = command("evaluate", "--train", train, "--test", test, data=tmp_path)
    assert "line 8" in done.stderr
    assert "line 9" in done.stderr
    assert "3 sessions" in done.stdout


def test_a_shops_own_log_is_evaluated_and_says_how_each_list_was_taken(tmp_path: Path) -> None:
    now = 1_790_000_000_000

    async def scenario() -> None:
        async with running(tmp_path, ManualClock(now)) as shop:
            for visitor in range(12):
                begin = now - (20 - visitor) * DAY_MS
                seen = [event(uuid=f"v{visitor}", product_id=n, event_time=begin + int(n) * 1_000) for n in ("1", "2", "3")]
                await shop.send(*seen, event(uuid=f"v{visitor}", product_id="9", verb="added", event_time=begin + 5_000))
            await visit(shop, "tester", [1, 7], at=now - DAY_MS)
            answer = await ask(shop, "recommended", shopify_product_ids="1")
            told = {"noun": "widget", "defined_noun_id": "w", "product_id": None, "uuid": "v1"}
            attribution = answer["metadata"]["attribution"]
            for verb in ("viewed", "viewed", "clicked", "added-from"):
                await shop.send(event(**told, verb=verb, meta={"attribution": attribution, "source": "recommended"}))
            await shop.send(event(**told, verb="viewed", meta={"source": "top_sellers"}))

    run(scenario())
    arguments = ("evaluate", "--shop", "shop", "--days", "12")
    result = json.loads(command(*arguments, "--json", data=tmp_path).stdout)
    # Four of the twelve visits, and the tester's, are within the last days; 9 is added, and nothing asks for it.
    assert (result["train_sessions"], result["items"]) == (8, 4)
    assert result["predictions"] == 2 * 4 + 1
    assert result["hr20"] == pytest.approx(8 / 9, abs=1e-4), "who goes from 1 to 7 does what nobody did"
    assert result["lists"] == {
        "recommended": {"impressions": 2, "clicks": 1, "adds": 1},
        "top_sellers": {"impressions": 1, "clicks": 0, "adds": 0},
    }
    shown = command(*arguments, data=tmp_path).stdout
    for said in ("as it happened", "impressions", "50.0%", "top_sellers"):
        assert said in shown
    refused = command("evaluate", "--shop", "shop", "--days", "90", data=tmp_path, check=False)
    assert refused.returncode == 1
    assert "0 before them" in refused.stderr
    assert command("evaluate", data=tmp_path, check=False).returncode == 2


def test_a_file_without_its_columns_says_which_there_are(tmp_path: Path) -> None:
    train = written(tmp_path / "train.tsv", ("visit", "product"), TRAIN)
    refused = command("evaluate", "--train", train, "--test", train, data=tmp_path, check=False)
    assert refused.returncode == 1
    assert "has no column for the session" in refused.stderr
    assert "visit, product" in refused.stderr
    assert "Traceback" not in refused.stderr
    empty = written(tmp_path / "empty.tsv", ("session", "item"), [])
    refused = command("evaluate", "--train", empty, "--test", empty, data=tmp_path, check=False)
    assert "no click that can be read" in refused.stderr

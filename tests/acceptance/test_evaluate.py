"""``footfall evaluate`` on files as public recordings are."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import command

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

"""The page on SQL and the guide's lines for notebooks hold: every column, every bound, and what is read from an answer."""

import csv
import io
import re
import time
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from footfall import limits
from footfall.identifiers import Generation
from footfall.projections.analytics.engine import open_file, rows
from footfall.projections.analytics.file import prepare
from footfall.projections.analytics.schema import PUBLIC_VIEWS
from tests.reference import FOLDER, ROOT
from tests.support import WAIT_SECONDS, directory, event, new_shop, server

_PAGE: Final = (FOLDER / "sql.md").read_text(encoding="utf-8")
_GUIDE: Final = (ROOT / "docs" / "guides" / "analytics.md").read_text(encoding="utf-8")


def test_every_column_of_every_view_is_described_with_its_type_and_no_other(tmp_path: Path) -> None:
    sections = dict(re.findall(r"^## ([a-z]+)$(.*?)(?=^## |\Z)", _PAGE, re.DOTALL | re.MULTILINE))
    assert sections.keys() == set(PUBLIC_VIEWS)
    connection = open_file(tmp_path / "1.duckdb", memory_bytes=2**28, spill=tmp_path / "spill")
    try:
        prepare(connection, Generation("0badcafe"), {})
        for view, text in sections.items():
            columns = [(name, kind) for name, kind, *_ in rows(connection, f"DESCRIBE {view}")]
            described = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]{3,} \|$", text, re.MULTILINE)
            assert described == columns, view
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("phrase", "bound"),
    [
        (r"at most ([\d,]+) characters", limits.SQL_CHARACTERS_MAX),
        (r"at most ([\d,]+) seconds", limits.ANALYTICS_QUESTION_SECONDS),
        (r"at most ([\d,]+) rows", limits.SQL_ROWS_MAX),
        (r"rows and ([\d,]+) MB", limits.ANALYTICS_ANSWER_BYTES_MAX // 1024**2),
        (r"up to ([\d,]+) GB", limits.ANALYTICS_SPILL_BYTES_MAX // 1024**3),
        (r"beyond ([\d,]+) GB", limits.ANALYTICS_SPILL_BYTES_MAX // 1024**3),
        (r"([\d,]+) MB unless set", limits.ANALYTICS_MEMORY_MB),
        (r"less than ([\d,]+) GB left", limits.ANALYTICS_DISK_LEFT_MIN // 1024**3),
    ],
)
def test_the_bounds_that_the_pages_name_are_those_that_hold(phrase: str, bound: int) -> None:
    text = " ".join((_PAGE + _GUIDE).split())
    assert {int(number.replace(",", "")) for number in re.findall(phrase, text)} == {bound}


def test_the_guides_function_for_notebooks_reads_what_a_select_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", _GUIDE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    with directory() as data, server(data) as running:
        made = new_shop(data, "shop")
        bought = event(verb="purchased", product_id="5", order_id="007", price="19.90", quantity=2)
        sent = httpx.post(f"{running.url}/api/v2/analytics/event", params={"key": made["public_key"]}, json=bought, timeout=60)
        wait = {"sql": "select 1", "after": sent.headers["footfall-position"]}
        bearer = {"Authorization": f"Bearer {made['secret_key']}"}
        ends = time.monotonic() + WAIT_SECONDS
        while httpx.post(f"{running.url}/api/v1/sql", json=wait, headers=bearer, timeout=60).status_code != 200:
            assert time.monotonic() < ends
        monkeypatch.setenv("FOOTFALL_URL", running.url)
        monkeypatch.setenv("SECRET", made["secret_key"])
        exec(blocks[0], names)  # the guide's own lines
        (row,) = csv.DictReader(io.TextIOWrapper(names["ask"]("from purchases")))
    assert (row["product"], row["order_id"], row["revenue"]) == ("p:5", "007", "39.8000")
    # What the lines for pandas and polars name is there.
    for block in blocks[1:]:
        assert {name for name in re.findall(r'"(\w+)"', block) if name != "string"} <= row.keys()

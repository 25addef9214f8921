"""Files of recorded events: what each row becomes, and what is told of those that are none."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from footfall.cli.sources import Row, open_source
from footfall.cli.sources.chunks import chunks
from footfall.cli.sources.columns import file_moment
from footfall.errors import InputInvalidError
from footfall.limits import EVENT_BYTES_MAX, IMPORT_CHUNK_EVENTS_MAX

REES46 = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
EVENT = '{"subject":"user","verb":"viewed","noun":"product","uuid":"u","product_id":"1"}'


def rows(path: Path, form: str, text: str | bytes, skip: int = 0, mapping: dict[str, str] | None = None) -> list[Row]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source = open_source(path, form, mapping or {}, {})
    try:
        return list(source.rows(skip))
    finally:
        source.close()


def test_a_purchase_of_rees46_has_customer_session_time_price_and_quantity(tmp_path: Path) -> None:
    line = "2019-10-01 00:00:01 UTC,purchase,17,99,furniture.sofa,aqua,33.20,5,s-1\n"
    assert rows(tmp_path / "a", "rees46", REES46 + line)[0].item == {
        "subject": "user",
        "verb": "purchased",
        "noun": "product",
        "uuid": "s-1",
        "rsid": "s-1",
        "customer_id": "5",
        "product_id": "17",
        "event_time": 1_569_888_001_000,
        "meta": {"category_code": "furniture.sofa", "category_id": "99", "brand": "aqua", "price": "33.20"},
        "quantity": 1,
        "price": "33.20",
    }


@pytest.mark.parametrize(
    ("kind", "verb"), [("view", "viewed"), ("cart", "added"), ("remove_from_cart", "removed"), ("other", "other")]
)
def test_each_kind_of_rees46_has_its_verb_and_an_unknown_one_stays_for_the_quarantine(
    tmp_path: Path, kind: str, verb: str
) -> None:
    item = rows(tmp_path / "a", "rees46", REES46 + f"2019-10-01 00:00:01 UTC,{kind},17,,,,,5,s\n")[0].item
    assert item is not None
    assert (item["verb"], item["meta"], "price" in item) == (verb, {}, False)


def test_a_row_with_too_few_cells_is_no_event_and_the_next_one_keeps_its_number_and_line(tmp_path: Path) -> None:
    text = REES46 + "2019-10-01 00:00:00 UTC,view\n2019-10-01 00:00:00 UTC,view,2,,,,,5,s\n"
    broken, good = rows(tmp_path / "a", "rees46", text)
    assert (broken.item, broken.problem) == (None, "it has 2 cells, and the head 9")
    assert (good.number, good.line, good.problem) == (1, 3, None)


def test_a_gzip_file_is_unpacked_and_one_that_was_cut_is_told(tmp_path: Path) -> None:
    packed = gzip.compress((EVENT + "\n").encode() * 20_000)
    assert len(rows(tmp_path / "a.gz", "jsonl", packed)) == 20_000
    with pytest.raises(InputInvalidError, match="damaged or was cut"):
        rows(tmp_path / "b.gz", "jsonl", packed[:-100])


def test_a_name_that_says_gzip_and_a_content_that_does_not_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputInvalidError, match=r"isn't gzip"):
        rows(tmp_path / "a.gz", "jsonl", EVENT)


@pytest.mark.parametrize(
    ("form", "text", "told"),
    [
        ("csv", EVENT, "looks like jsonl"),
        ("jsonl", REES46, "looks like rees46"),
        ("rees46", "a,b\n1,2\n", "looks like csv"),
        ("jsonl", "[" + EVENT + "]", "is a JSON array"),
        ("jsonl", "PAR1....", "looks like parquet"),
        ("csv", "\0\1\2,", "is no text"),
        ("csv", "a,b\n1,2\n", "No column of"),
        ("parquet", EVENT, "can't be read as Parquet"),
    ],
)
def test_a_file_in_another_format_says_which_it_looks_like(tmp_path: Path, form: str, text: str, told: str) -> None:
    with pytest.raises(InputInvalidError, match=told):
        rows(tmp_path / "a", form, text)


def test_columns_of_csv_are_mapped_also_into_meta_and_empty_cells_are_absent(tmp_path: Path) -> None:
    text = "at,who,sku,color,label\n2019-10-01 02:00:00+02:00,7,12,red,\n"
    mapping = {"event_time": "at", "customer_id": "who", "product_id": "sku", "meta.color": "color"}
    assert rows(tmp_path / "a", "csv", text, mapping=mapping)[0].item == {
        "event_time": 1_569_888_000_000,
        "customer_id": "7",
        "product_id": "12",
        "meta": {"color": "red"},
    }


def test_a_mapped_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputInvalidError, match=r"no column 'nope'. There are: uuid, b"):
        rows(tmp_path / "a", "csv", "uuid,b\n1,2\n", mapping={"product_id": "nope"})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-10-01 00:00:00 UTC", 1_569_888_000_000),
        ("2019-10-01T00:00:00Z", 1_569_888_000_000),
        ("2019-10-01 02:00:00 +0200", 1_569_888_000_000),
        ("2019-10-01 00:00:00.250 GMT", 1_569_888_000_250),
        ("1569888000000", 1_569_888_000_000),
        ("2019-10-01 00:00:00", None),
        ("01/10/2019 00:00 UTC", None),
        ("2019-10-01", None),
    ],
)
def test_a_time_is_read_where_it_can_mean_only_one(text: str, moment: int | None) -> None:
    assert file_moment(text) == moment


def test_a_time_without_a_zone_is_a_warning_and_the_row_goes_on(tmp_path: Path) -> None:
    row = rows(tmp_path / "a", "csv", "uuid,event_time\nu,2019-10-01 00:00:00\n")[0]
    assert row.item == {"uuid": "u", "event_time": "2019-10-01 00:00:00"}
    assert "without a zone" in (row.problem or "")


def test_a_line_of_an_export_comes_back_as_the_client_sent_it(tmp_path: Path) -> None:
    line = (
        '{"position":"0badcafe-0.7","received_at":5,"event_time":4,"subject":"user","uuid":"u","flags":["late","test"],'
        '"verified":true,"origin":["x",1],"subject_email_hmac":"00","mine":[1]}'
    )
    item = rows(tmp_path / "a", "jsonl", line)[0].item
    assert item == {"event_time": 4, "subject": "user", "uuid": "u", "mine": [1], "test": True}


def test_a_field_of_the_client_that_is_named_like_one_of_an_export_stays(tmp_path: Path) -> None:
    assert rows(tmp_path / "a", "jsonl", '{"uuid":"u","position":3,"origin":"mail"}')[0].item == {
        "uuid": "u",
        "position": 3,
        "origin": "mail",
    }


def test_broken_lines_of_jsonl_are_told_with_their_lines_and_empty_ones_are_no_rows(tmp_path: Path) -> None:
    big = '{"uuid":"' + "x" * EVENT_BYTES_MAX + '"}'
    found = rows(tmp_path / "a", "jsonl", f'{EVENT}\n\n{{"a":\n7\n{big}\n{EVENT}')
    assert [(row.number, row.line, row.item is not None) for row in found] == [
        (0, 1, True),
        (1, 3, False),
        (2, 4, False),
        (3, 5, False),
        (4, 6, True),
    ]
    assert [row.problem.split(":")[0] for row in found if row.problem] == [
        "it is not valid JSON",
        "it is no JSON object",
        f"it has more than {EVENT_BYTES_MAX} bytes (32 KB)",
    ]


def test_a_row_that_is_no_utf8_is_broken_and_the_others_are_not(tmp_path: Path) -> None:
    found = rows(tmp_path / "a", "csv", b"uuid,label\nu,\xff\nv,ok\n")
    assert [(row.item, row.problem) for row in found] == [
        (None, "it is not valid UTF-8"),
        ({"uuid": "v", "label": "ok"}, None),
    ]


def test_reading_goes_on_at_a_row_with_the_numbers_that_it_had_before(tmp_path: Path) -> None:
    text = "uuid,label\n" + "".join(f"u{n},x\n" for n in range(5))
    assert rows(tmp_path / "a", "csv", text, skip=3) == rows(tmp_path / "a", "csv", text)[3:]


def _row(number: int, item: dict[str, Any] | None = None, size: int = 10) -> Row:
    return Row(number, number + 2, size, item, None if item is not None else "broken")


def test_a_chunk_ends_at_its_bounds_and_before_a_row_that_is_no_object() -> None:
    told: list[Row] = []
    given = [_row(n, {} if n != 3 else None) for n in range(IMPORT_CHUNK_EVENTS_MAX + 6)]
    made = list(chunks(given, told.append))
    full = IMPORT_CHUNK_EVENTS_MAX
    assert [(chunk.first, len(chunk.items)) for chunk in made] == [(0, 3), (4, full), (4 + full, 2)]
    assert [row.number for row in told] == [3]
    assert made[1].lines[0] == 6


def test_chunks_stay_within_the_bytes_that_one_command_takes() -> None:
    given = [_row(n, {}, size=1_500_000) for n in range(3)]
    assert [chunk.first for chunk in chunks(given, lambda _: None)] == [0, 1, 2]

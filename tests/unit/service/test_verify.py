"""The verification: a sound store has no finding, and each kind of damage has one that says where."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from footfall.identifiers import Position
from footfall.log import blocks, embedded
from footfall.log.port import Stream
from footfall.service import verify as verifying
from footfall.service.verify import check, verify
from tests.support import event, run, running

_BLOCK = 20


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (blocks, embedded, verifying):
        monkeypatch.setattr(module, "LOG_BLOCK_POSITIONS", _BLOCK)
    monkeypatch.setattr(verifying, "_ROWS_AT_ONCE", 7)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """50 events, a rejected one and a shop."""

    async def scenario() -> None:
        async with running(tmp_path) as shop:
            for number in range(50):
                await shop.send(uuid=f"visitor {number}", event_id=f"event {number}", product_id=str(number))
            await shop.send(verb="stole")

    run(scenario())
    return tmp_path


def _damage(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _lines(store: Path) -> list[dict[str, Any]]:
    return list(check(store / "log.db", store / "state.db"))


def _findings(store: Path) -> list[tuple[str, str, str]]:
    lines = _lines(store)
    told = [line["finding"] for line in lines if "finding" in line]
    findings = [(finding["level"], finding["where"], finding["what"]) for finding in told]
    summary = lines[-1]["summary"]
    assert summary["errors"] == sum(finding[0] == "error" for finding in findings)
    assert summary["warnings"] == sum(finding[0] == "warning" for finding in findings)
    return findings


def _only(store: Path) -> tuple[str, str]:
    """Where and what, of the only finding, which is an error."""
    ((level, where, what),) = _findings(store)
    assert level == "error"
    return where, what


def test_a_sound_store_has_no_finding_and_is_counted(store: Path) -> None:
    lines = _lines(store)
    assert [line for line in lines if "finding" in line] == []
    summary = lines[-1]["summary"]
    assert summary | {"generation": ""} == {
        "events": 50,
        "documents": 1,
        "quarantine": 1,
        "tombstones": 0,
        "blocks": 2,
        "errors": 0,
        "warnings": 0,
        "generation": "",
    }
    assert len(summary["generation"]) == 8


def test_progress_of_each_stream_leads_to_its_end(store: Path) -> None:
    progress = [line["progress"] for line in _lines(store) if "progress" in line]
    assert [step["done"] for step in progress if step["stream"] == "events"] == [20, 40, 50]
    assert {step["stream"]: step["done"] == step["total"] for step in progress} == dict.fromkeys(map(str, Stream), True)


def test_tombstones_and_recorded_gaps_are_sound(store: Path) -> None:
    async def scenario() -> None:
        async with running(store) as shop:
            await shop.service.log.redact(Stream.EVENTS, [Position(n) for n in (3, 45, *range(21, 41))])

    run(scenario())
    lines = _lines(store)
    assert [line for line in lines if "finding" in line] == []
    assert (lines[-1]["summary"]["events"], lines[-1]["summary"]["tombstones"]) == (28, 2)


@pytest.mark.parametrize(("position", "end"), [(1, "20"), (25, "40"), (47, "50"), (50, "50")])
def test_a_missing_position_is_found_wherever_it_is(store: Path, position: int, end: str) -> None:
    _damage(store / "log.db", f"DELETE FROM events WHERE position = {position}")
    findings = _findings(store)
    assert any(f"Positions {position} to {position} are neither" in what for _, _, what in findings)
    assert all(where.endswith(f"to {end}") for _, where, what in findings if "neither" in what)


def test_missing_positions_at_the_start_of_the_log_are_found(store: Path) -> None:
    _damage(store / "log.db", "DELETE FROM events WHERE position <= 23")
    texts = [what for _, _, what in _findings(store)]
    assert "Positions 1 to 20 are neither there nor in a recorded gap." in texts
    assert "Positions 21 to 23 are neither there nor in a recorded gap." in texts


def test_a_changed_record_in_a_complete_block_is_found(store: Path) -> None:
    _damage(store / "log.db", "UPDATE events SET record = replace(record, 'visitor 4\"', 'visitor X\"')")
    where, what = _only(store)
    assert where == "log.db, events, positions 1 to 20"
    assert "checksum differs" in what


def test_a_complete_block_without_its_checksum_is_found(store: Path) -> None:
    _damage(store / "log.db", "DELETE FROM blocks WHERE stream = 'events' AND block = 1")
    assert _only(store) == ("log.db, events, positions 21 to 40", "The block is complete and has no checksum.")


def test_a_block_counted_wrongly_is_found(store: Path) -> None:
    _damage(store / "log.db", "UPDATE blocks SET records = 19 WHERE block = 0")
    assert "19 records were counted when it was written, 20 are there" in _only(store)[1]


@pytest.mark.parametrize("torn", ['{"shop":1,"received_at":', "null", '{"shop":1}', '{"shop":1},{"shop":1}'])
@pytest.mark.parametrize("stream", ["events", "documents", "quarantine"])
def test_a_record_that_does_not_decode_is_found(store: Path, torn: str, stream: str) -> None:
    _damage(store / "log.db", f"UPDATE {stream} SET record = '{torn}' WHERE position = (SELECT max(position) FROM {stream})")
    where, what = _only(store)
    assert where.startswith(f"log.db, {stream}, ")
    assert "torn" in what or "more than one" in what


def test_a_gap_recorded_over_records_is_found(store: Path) -> None:
    _damage(store / "log.db", "INSERT INTO gaps VALUES ('events', 44, 46, 'wrong')")
    assert "covers records that are there" in _only(store)[1]


def test_a_position_beyond_the_last_one_given_out_is_found(store: Path) -> None:
    _damage(store / "log.db", "UPDATE sqlite_sequence SET seq = 48 WHERE name = 'events'")
    texts = [what for _, _, what in _findings(store)]
    assert "Position 50 lies beyond the last one given out, 48." in texts


def test_a_projection_of_another_generation_is_found(store: Path) -> None:
    _damage(store / "state.db", "UPDATE projections SET generation = '00000000' WHERE name = 'history'")
    assert _only(store)[0] == "state.db, projection history"


def test_a_projection_that_has_read_beyond_the_end_is_found(store: Path) -> None:
    _damage(store / "state.db", """UPDATE projections SET positions = '{"0":51}' WHERE name = 'identity'""")
    assert _only(store) == (
        "state.db, projection identity",
        "It has read up to position 51, and the log ends at 50.",
    )


def test_a_projection_whose_positions_can_not_be_read_is_found(store: Path) -> None:
    _damage(store / "state.db", "UPDATE projections SET positions = '[' WHERE name = 'sightings'")
    assert _only(store)[0] == "state.db, projection sightings"


def test_a_projection_that_will_be_made_anew_is_a_warning(store: Path) -> None:
    _damage(
        store / "state.db",
        "UPDATE projections SET version = 99 WHERE name = 'history'",
        "UPDATE projections SET name = 'later' WHERE name = 'identity'",
    )
    assert [(level, where) for level, where, _ in _findings(store)] == [
        ("warning", "state.db, projection history"),
        ("warning", "state.db, projection identity"),
        ("warning", "state.db, projection later"),
    ]


def test_a_missing_state_is_a_warning_and_a_missing_log_an_error(store: Path) -> None:
    for path in store.glob("state.db*"):
        path.unlink()
    assert [level for level, _, _ in _findings(store)] == ["warning"]
    for path in store.glob("log.db*"):
        path.unlink()
    assert [level for level, _, _ in _findings(store)] == ["warning", "error"]


@pytest.mark.parametrize("name", ["log.db", "state.db"])
def test_a_file_that_is_no_database_is_a_finding(store: Path, name: str) -> None:
    (store / name).write_bytes(b"no database at all " * 1_000)
    assert any(level == "error" and where == name for level, where, _ in _findings(store))


def test_a_schema_of_another_version_is_a_finding(store: Path) -> None:
    _damage(store / "log.db", "PRAGMA user_version = 77")
    _damage(store / "state.db", "PRAGMA user_version = 78")
    texts = [what for _, _, what in _findings(store)]
    assert any("77" in text for text in texts)
    assert any("78" in text for text in texts)


def test_a_page_of_noise_is_a_finding_and_the_rest_is_still_looked_at(store: Path) -> None:
    connection = apsw.Connection(str(store / "log.db"))
    connection.execute("PRAGMA journal_mode = delete")
    ((root,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'documents'").fetchall()
    connection.close()
    content = bytearray((store / "log.db").read_bytes())
    content[(int(str(root)) - 1) * 4096 : int(str(root)) * 4096] = b"noise   " * 512
    (store / "log.db").write_bytes(content)
    lines = _lines(store)
    assert any(line["finding"]["where"] == "log.db, documents" for line in lines if "finding" in line)
    assert lines[-1]["summary"]["events"] == 50
    assert lines[-1]["summary"]["quarantine"] == 1


def test_endless_damage_is_counted_and_not_listed_to_the_end(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "_FINDINGS_SHOWN_MAX", 10)
    _damage(store / "log.db", "UPDATE events SET record = 'torn'")
    lines = _lines(store)
    assert sum("finding" in line for line in lines) == 11
    assert lines[-1]["summary"]["errors"] == 52


def test_a_redaction_between_two_reads_is_no_finding(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = verifying._LogCheck._compare
    pending = [True]

    async def scenario() -> list[dict[str, Any]]:
        async with running(store) as shop:
            loop = asyncio.get_running_loop()

            def compare(self: Any, *arguments: Any, **named: Any) -> None:
                if pending:
                    pending.clear()
                    redacting = shop.service.log.redact(Stream.EVENTS, [Position(5)])
                    assert asyncio.run_coroutine_threadsafe(redacting, loop).result(30) == 1
                real(self, *arguments, **named)

            monkeypatch.setattr(verifying._LogCheck, "_compare", compare)
            return await asyncio.to_thread(_lines, store)

    lines: list[dict[str, Any]] = run(scenario())
    assert [line for line in lines if "finding" in line] == []
    assert lines[-1]["summary"]["tombstones"] == 1


def test_what_comes_in_meanwhile_is_not_its_business(store: Path) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with running(store) as shop:
            checking: Iterator[dict[str, Any]] = check(store / "log.db", store / "state.db")
            lines = [next(checking)]
            await shop.send(*[event() for _ in range(100)])
            return lines + list(checking)

    lines: list[dict[str, Any]] = run(scenario())
    assert [line for line in lines if "finding" in line] == []
    assert lines[-1]["summary"]["events"] == 50


def test_it_writes_one_json_value_a_line(store: Path) -> None:
    output = io.BytesIO()
    verify(log=str(store / "log.db"), state=str(store / "state.db"), output=output)
    lines = [msgspec.json.decode(line) for line in output.getvalue().splitlines()]
    assert [list(line) for line in lines[-2:]] == [["progress"], ["summary"]]

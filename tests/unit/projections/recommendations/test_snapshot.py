"""The index as a file: the same answers come back, and nothing but what was written is taken for one."""

import os
import random
import re
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.clock import MINUTE_MS, Milliseconds
from footfall.identifiers import CustomerId, Generation, SessionId, Uuid
from footfall.projections.recommendations import snapshot
from footfall.projections.recommendations.index import Index
from footfall.projections.recommendations.neighbours import Step
from footfall.projections.recommendations.snapshot import SnapshotInvalidError, load, save
from tests.properties.replica import OTHER_SHOP, SHOP, make_event
from tests.support import NOW
from tests.unit.projections.recommendations.test_index import KEYS, group

GENERATION = Generation("a generation")


def an_index(seed: int = 1) -> Index:
    """Two shops with some sessions."""
    chance = random.Random(seed)
    index = Index(KEYS.get)
    for number in range(60):
        visitor = chance.randrange(12)
        event = make_event(
            shop=chance.choice([SHOP, SHOP, OTHER_SHOP]),
            time=Milliseconds(NOW + chance.randrange(300) * MINUTE_MS),
            verb=chance.choice(["viewed", "viewed", "added", "removed", "purchased"]),
            product_id=str(chance.randrange(8)),
            uuid=Uuid(f"visitor-{visitor}-uuid") if visitor < 9 else None,
            customer_id=CustomerId(f"customer-{visitor}-id"),
            session_id=SessionId(f"session-{visitor}-name") if visitor % 2 else None,
        )
        index.apply(group(event, first=number + 1))
    return index


def answers(index: Index) -> dict[tuple[int, str], list[tuple[str, float]]]:
    """What every product of every shop leads to, by names, to the last bit."""
    found: dict[tuple[int, str], list[tuple[str, float]]] = {}
    for shop, of_shop in index.shops.items():
        for number, name in enumerate(of_shop.names):
            scores = of_shop.asker.ask([Step((number,), 0)], NOW)
            told = zip(scores.items.tolist(), scores.values.tolist(), strict=True)
            found[shop, str(name)] = sorted((str(of_shop.names[item]), value) for item, value in told)
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of ``an_index()``."""
    path = tmp_path_factory.mktemp("snapshot") / "index"
    size = save(path, an_index(), GENERATION)
    assert size == path.stat().st_size
    return path


def test_what_was_saved_gives_the_same_answers_and_goes_on_the_same(saved: Path) -> None:
    index, again = an_index(), load(saved, KEYS.get, GENERATION)
    assert any(len(found) > 1 for found in answers(index).values())
    assert answers(again) == answers(index)
    assert again.ends == index.ends == {0: 60}
    for one in (index, again):
        one.apply(group(make_event(time=Milliseconds(NOW), uuid=Uuid("visitor-1-uuid"), product_id="99"), first=50))
        assert "p:99" not in one.shops[SHOP].numbers, "it has been told of position 50 already"
        event = make_event(time=Milliseconds(NOW), uuid=Uuid("visitor-2-uuid"), product_id="99")
        one.apply(group(event, event, first=61))
        one.forget(SHOP, "u:visitor-0-uuid")
    assert answers(again) == answers(index)
    assert (SHOP, "p:99") in answers(again)


def test_an_index_of_nothing_is_saved_as_well(tmp_path: Path) -> None:
    save(tmp_path / "index", Index(KEYS.get), GENERATION)
    assert load(tmp_path / "index", KEYS.get, GENERATION).shops == {}
    index = Index(KEYS.get)
    index.apply(group(make_event(uuid="u1")))
    index.forget(SHOP, "u:u1")
    save(tmp_path / "index", index, GENERATION)
    assert load(tmp_path / "index", KEYS.get, GENERATION).shops[SHOP].sessions.kept == 0


def test_nobodys_ids_are_in_the_file(saved: Path) -> None:
    written = saved.read_bytes()
    assert not re.search(rb"visitor-\d|customer-\d|session-\d", written)
    assert b"p:1" in written, "names of products are"


def test_nothing_of_a_forgotten_visitor_is_in_the_file(tmp_path: Path) -> None:
    index = an_index()
    visitor = index.visitor(SHOP, "u:visitor-1-uuid")
    assert visitor is not None
    save(tmp_path / "before", index, GENERATION)
    assert index.forget(SHOP, "u:visitor-1-uuid") > 0
    save(tmp_path / "after", index, GENERATION)
    told = np.array([visitor], "<u8").tobytes()
    assert told in (tmp_path / "before").read_bytes()
    assert told not in (tmp_path / "after").read_bytes()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_file_that_differs_anywhere_is_refused(saved: Path, data: st.DataObject) -> None:
    whole = saved.read_bytes()
    place = data.draw(st.one_of(st.integers(0, 60), st.integers(0, len(whole) - 1)))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :],
                whole[:place],
                whole + b"\0",
                whole[:place] + whole[place + 1 :],
            ]
        )
    )
    path = saved.with_name("damaged")
    path.write_bytes(damaged)
    with pytest.raises(SnapshotInvalidError):
        load(path, KEYS.get, GENERATION)


def test_a_position_that_is_not_what_was_written_is_refused(saved: Path) -> None:
    damaged = saved.read_bytes().replace(b'{"0":60}', b'{"0":61}')
    assert damaged != saved.read_bytes()
    path = saved.with_name("damaged")
    path.write_bytes(damaged)
    with pytest.raises(SnapshotInvalidError, match="its head is not what was written"):
        load(path, KEYS.get, GENERATION)


@pytest.mark.parametrize("damaged", [b"", b"footfall index\n", b"footfall index\n" + 12 * b"\xff", os.urandom(400)])
def test_what_is_no_snapshot_at_all_is_refused(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "index").write_bytes(damaged)
    with pytest.raises(SnapshotInvalidError):
        load(tmp_path / "index", KEYS.get, GENERATION)


def test_no_file_and_a_folder_are_no_snapshot(tmp_path: Path) -> None:
    for path in (tmp_path / "index", tmp_path):
        with pytest.raises(SnapshotInvalidError):
            load(path, KEYS.get, GENERATION)


def test_a_file_of_another_version_or_another_log_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SnapshotInvalidError, match="another version or another log"):
        load(saved, KEYS.get, Generation("another"))
    monkeypatch.setattr(snapshot, "VERSION", snapshot.VERSION + 1)
    with pytest.raises(SnapshotInvalidError, match="another version or another log"):
        load(saved, KEYS.get, GENERATION)


def test_a_write_that_fails_leaves_the_old_file(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index"
    path.write_bytes(saved.read_bytes())

    def full(_descriptor: int | IO[bytes]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, an_index(2), GENERATION)
    assert [one.name for one in tmp_path.iterdir()] == ["index"]
    assert answers(load(path, KEYS.get, GENERATION)) == answers(an_index())


def test_what_is_half_written_after_a_crash_is_written_over(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "index.new").write_bytes(saved.read_bytes()[:100])
    save(tmp_path / "index", an_index(), GENERATION)
    assert [one.name for one in tmp_path.iterdir()] == ["index"]

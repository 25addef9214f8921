"""Files of shops: a bounded number open with the memory shared, and what can't be read set aside."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from footfall.errors import AnalyticsUnavailableError
from footfall.identifiers import Generation, Position, ShopId
from footfall.limits import ANALYTICS_FILE_IDLE_SECONDS, ANALYTICS_FILES_OPEN_MAX
from footfall.log.port import Stream
from footfall.projections.analytics import engine
from footfall.projections.analytics.file import save_ends
from footfall.service.analytics.files import Files
from tests.support import WAIT_SECONDS

_GENERATION = Generation("0badcafe")
_MEMORY = 512 * 1024 * 1024
_END = {Stream.EVENTS: {0: Position(10)}, Stream.DOCUMENTS: {0: Position(10)}}


class Told:
    """Files in a directory, and what was set aside."""

    def __init__(self, directory: Path, generation: Generation = _GENERATION) -> None:
        self.set_aside: list[tuple[int, str]] = []
        self.files = Files(directory, generation, _MEMORY, lambda shop, why: self.set_aside.append((shop, why)))


def test_a_file_alone_has_all_the_memory_and_several_share_it(tmp_path: Path) -> None:
    files = Told(tmp_path).files
    with files.borrowed(ShopId(1), _END) as alone:
        assert alone.memory_bytes == _MEMORY
    for _ in range(2):
        for shop in range(1, 4):
            with files.borrowed(ShopId(shop), _END):
                pass
    with ExitStack() as stack:
        shares = [stack.enter_context(files.borrowed(ShopId(shop), _END)).memory_bytes for shop in range(1, 4)]
    assert shares == [_MEMORY // 3] * 3
    files.close()


def test_a_file_that_nobody_needs_any_more_gives_its_share_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("footfall.service.analytics.files.time.monotonic", lambda: now[0])
    files = Told(tmp_path).files
    for shop in (1, 2):
        with files.borrowed(ShopId(shop), _END):
            now[0] += 1
    for moment, share in ((ANALYTICS_FILE_IDLE_SECONDS / 2, 2), (ANALYTICS_FILE_IDLE_SECONDS, 1)):
        now[0] += moment
        with files.borrowed(ShopId(1), _END) as file:
            assert file.memory_bytes == _MEMORY // share
    files.close()


def test_the_file_that_was_used_longest_ago_is_closed_for_another_and_none_that_is_in_use(tmp_path: Path) -> None:
    files = Told(tmp_path).files
    with ExitStack() as stack:
        for shop in range(1, ANALYTICS_FILES_OPEN_MAX + 1):
            stack.enter_context(files.borrowed(ShopId(shop), _END))
        with pytest.raises(AnalyticsUnavailableError, match="More shops"), files.borrowed(ShopId(99), _END):
            pass
    with files.borrowed(ShopId(99), _END) as file:
        assert file.connection.execute("SELECT 1").fetchall() == [(1,)]
    files.close()


def test_a_file_keeps_where_it_is_over_being_closed(tmp_path: Path) -> None:
    told = Told(tmp_path)
    with told.files.borrowed(ShopId(1), _END) as file:
        save_ends(file.connection, {Stream.EVENTS: {0: Position(7)}})
    told.files.close()
    again = Told(tmp_path)
    with again.files.borrowed(ShopId(1), _END) as file:
        assert file.ends == {Stream.EVENTS: {0: Position(7)}}
    again.files.close()
    assert again.set_aside == []


@pytest.mark.parametrize("cut", [0, 3, 5_000])
def test_a_file_that_cannot_be_read_is_set_aside_and_another_stands_in_its_place(tmp_path: Path, cut: int) -> None:
    told = Told(tmp_path)
    with told.files.borrowed(ShopId(1), _END) as file:
        save_ends(file.connection, {Stream.EVENTS: {0: Position(7)}})
    told.files.close()
    path = told.files.path(ShopId(1))
    whole = path.read_bytes()
    path.write_bytes(b"garbage" * 3_000 if cut == 0 else whole[:cut])
    again = Told(tmp_path)
    with again.files.borrowed(ShopId(1), _END) as file:
        assert file.ends == {}
    again.files.close()
    assert [shop for shop, _ in again.set_aside] == [1]
    assert path.with_suffix(".damaged").exists()


def test_a_file_of_another_log_or_beyond_its_end_is_made_anew(tmp_path: Path) -> None:
    told = Told(tmp_path)
    with told.files.borrowed(ShopId(1), _END) as file:
        save_ends(file.connection, {Stream.EVENTS: {0: Position(11)}})
    told.files.close()
    for generation in (_GENERATION, Generation("0ddba115")):
        again = Told(tmp_path, generation)
        with again.files.borrowed(ShopId(1), _END) as file:
            assert file.ends == {}
        again.files.close()
        assert [shop for shop, _ in again.set_aside] == [1]


def test_a_file_that_is_to_be_closed_takes_no_more_questions_and_goes_once_those_it_has_are_answered(tmp_path: Path) -> None:
    files = Told(tmp_path).files
    with ExitStack() as stack:
        stack.enter_context(files.borrowed(ShopId(1), _END))
        dropping = threading.Thread(target=files.drop, args=[ShopId(1)], kwargs={"anew": True}, daemon=True)
        dropping.start()
        while not files._open[ShopId(1)].closing:
            time.sleep(0.001)
        with pytest.raises(AnalyticsUnavailableError, match="being closed"), files.borrowed(ShopId(1), _END):
            pass
        assert dropping.is_alive()
    dropping.join(timeout=WAIT_SECONDS)
    assert not dropping.is_alive()
    assert not files.path(ShopId(1)).exists()
    with files.borrowed(ShopId(1), _END) as file:
        assert file.ends == {}
    files.close()


def test_a_file_that_others_close_and_open_while_it_is_to_be_dropped_is_dropped_all_the_same(tmp_path: Path) -> None:
    files = Told(tmp_path).files
    with files.borrowed(ShopId(1), _END) as first:
        dropping = threading.Thread(target=files.drop, args=[ShopId(1)], kwargs={"anew": True}, daemon=True)
        dropping.start()
        while not first.closing:
            time.sleep(0.001)
        with files._lock:
            # As when room is made for another file, and this one is asked for again, before the thread has its turn.
            files._close(ShopId(1))
            files._open[ShopId(1)] = files._opened(ShopId(1), _MEMORY, _END)
    dropping.join(timeout=WAIT_SECONDS)
    assert not dropping.is_alive()
    assert files._open == {}
    assert not files.path(ShopId(1)).exists()


def test_a_file_that_another_process_has_is_waited_for_at_a_start_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, tries = engine.open_file, []

    def taken(path: Path, *, memory_bytes: int, spill: Path) -> engine.Connection:
        tries.append(path)
        if len(tries) != 3:
            raise engine.FileTakenError(f"{path} is in use by another process.")
        return opened(path, memory_bytes=memory_bytes, spill=spill)

    monkeypatch.setattr(engine, "open_file", taken)
    files = Told(tmp_path).files
    with files.borrowed(ShopId(1), _END) as file:
        assert file.ends == {}
    files.close()
    monkeypatch.setattr(files, "_patient_until", 0.0)
    with pytest.raises(AnalyticsUnavailableError, match="in use by another process"), files.borrowed(ShopId(1), _END):
        pass
    assert len(tries) == 4

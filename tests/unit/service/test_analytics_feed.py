"""Feeding: every shop gets all of its own, wherever it begins and whatever fails on the way."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from apsw import Connection

from footfall.errors import AnalyticsUnavailableError
from footfall.identifiers import Generation, Position, ShopId
from footfall.limits import ANALYTICS_DISK_LEFT_MIN
from footfall.log.embedded import read_entries
from footfall.log.port import Entry, Stream
from footfall.projections.analytics import engine
from footfall.projections.analytics.answering import answer
from footfall.projections.analytics.asking import read_report
from footfall.projections.analytics.products import Products
from footfall.projections.analytics.projection import Batch, Projection
from footfall.projections.documents import Document
from footfall.service.analytics.feed import Feed
from footfall.service.analytics.files import Files
from footfall.service.directory import LOG_FILE
from tests.support import NOW, event, running

_KEY = b"k" * 32
_PLENTY = ANALYTICS_DISK_LEFT_MIN * 2


class Fed:
    """A log with the events of three shops, and a feed over it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.disk_left = _PLENTY
        self.ends, self.generation = asyncio.run(self._made())
        self.files = Files(directory / "analytics", self.generation, 256 * 1024 * 1024, lambda *_: None)
        self.feed = Feed(directory / LOG_FILE, self.files, lambda: self.disk_left)
        self.feed.ends = self.ends

    async def _made(self) -> tuple[dict[Stream, Position], Generation]:
        async with running(self.directory) as shop:
            for name in ("second", "third"):
                await shop.commands.shop_create(name)
            for turn in range(5):
                for number, name in enumerate(("shop", "second", "third"), 1):
                    rows = [event(uuid=f"u{turn}", product_id=str(number)) for _ in range(number * 10)]
                    await shop.commands.import_rows(name, "source", turn * number * 10, rows)
            log = shop.service.log
            ends = {stream: (await log.ends(stream))[0] for stream in (Stream.EVENTS, Stream.DOCUMENTS)}
            return ends, log.generation

    def know(self, *shops: int) -> None:
        self.feed.know({ShopId(shop): _KEY for shop in shops})

    def run(self) -> None:
        """Step until nothing is left."""
        while self.feed.step():
            pass

    def counted(self, shop: int) -> tuple[int, int]:
        """Events of a shop, and of how many products."""
        with self.files.borrowed(ShopId(shop), self.feed.log_ends) as file:
            statement = "SELECT count(*), count(DISTINCT product) FROM store.events"
            found: tuple[int, int] = engine.rows(file.connection, statement)[0]
            return found


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    with closing(made.feed):
        yield made
    made.files.close()


def test_each_shop_gets_its_own_events_and_no_others(fed: Fed) -> None:
    fed.know(1, 2, 3)
    fed.run()
    assert [fed.counted(shop) for shop in (1, 2, 3)] == [(50, 1), (100, 1), (150, 1)]
    assert [fed.feed.behind(ShopId(shop)) for shop in (1, 2, 3)] == [0, 0, 0]


def test_a_shop_that_is_known_later_catches_up_and_then_goes_with_the_others(fed: Fed) -> None:
    fed.know(1)
    whole = dict(fed.ends)
    fed.feed.ends = {Stream.EVENTS: Position(140), Stream.DOCUMENTS: whole[Stream.DOCUMENTS]}
    fed.run()
    assert fed.counted(1)[0] < 50
    fed.feed.ends = whole
    fed.know(3, 2)
    fed.run()
    assert [fed.counted(shop)[0] for shop in (1, 2, 3)] == [50, 100, 150]


def test_a_shop_that_was_made_just_now_does_not_read_what_came_before_it_and_has_no_file_before_it_needs_one(fed: Fed) -> None:
    fed.know(1)
    fed.run()
    fed.feed.know({ShopId(9): _KEY}, since=fed.ends)
    assert fed.feed.step() is False
    assert fed.feed.behind(ShopId(9)) == 0
    assert not fed.files.path(ShopId(9)).exists()


def test_a_full_disk_stops_it_and_it_goes_on_once_there_is_room(fed: Fed) -> None:
    fed.know(1)
    fed.disk_left = ANALYTICS_DISK_LEFT_MIN - 1
    with pytest.raises(AnalyticsUnavailableError, match="disk is nearly full"):
        fed.feed.step()
    fed.disk_left = _PLENTY
    fed.run()
    assert fed.counted(1)[0] == 50


@contextmanager
def breaking(monkeypatch: pytest.MonkeyPatch, after: int, failure: Exception) -> Iterator[None]:
    """Let the engine, or whatever else, fail after so many statements of a batch."""
    given, left = engine.given, [after]

    @contextmanager
    def counted(connection, name, columns):  # type: ignore[no-untyped-def]  # as the engine's
        left[0] -= 1
        if left[0] == 0:
            raise failure
        with given(connection, name, columns):
            yield

    with monkeypatch.context() as patched:
        for module in ("rows", "numbers", "namings", "orders", "products", "sessions"):
            patched.setattr(f"footfall.projections.analytics.{module}.given", counted)
        yield


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the time go by after which a shop that failed is tried again."""
    now = [1_000.0]
    monkeypatch.setattr("footfall.service.analytics.feed.time.monotonic", lambda: now[0])

    def pass_by() -> None:
        now[0] += 10

    return pass_by


@pytest.mark.parametrize("failure", [duckdb.IOException("No space left on device"), RuntimeError("Of another kind.")])
@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_batch_that_fails_in_the_middle_leaves_nothing_and_is_taken_in_again(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None], after: int, failure: Exception
) -> None:
    fed.know(2)
    with breaking(monkeypatch, after, failure):
        # The last of these is more than a batch has.
        fed.run()
        assert fed.counted(2) in ((0, 0), (100, 1))
    later()
    fed.run()
    assert fed.counted(2) == (100, 1)
    with fed.files.borrowed(ShopId(2), fed.feed.log_ends) as file:
        counted = (
            "SELECT (SELECT count(*) FROM store.people), (SELECT count(*) FROM store.names), count(*) FROM store.sessions"
        )
        assert engine.rows(file.connection, counted) == [(5, 1, 5)]


def test_a_shop_that_fails_keeps_no_other_waiting_and_is_tried_again(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    fed.know(1, 2, 3)
    apply = Projection.apply

    def failing(projection: Projection, batch: Batch) -> None:
        if batch.events[0][1].shop == 1:
            raise duckdb.IOException("No space left on device")
        apply(projection, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Projection, "apply", failing)
        fed.run()
    assert [fed.counted(shop)[0] for shop in (1, 2, 3)] == [0, 100, 150]
    assert fed.feed.failing == {1: "The file of shop 1 can't be written now: No space left on device"}
    assert fed.feed.again_in == 5.0
    later()
    assert fed.feed.again_in == 0.0
    fed.run()
    assert fed.counted(1)[0] == 50
    assert fed.feed.failing == {}
    assert fed.feed.again_in is None


class _Poison:
    """Lets the projection fail by records with these positions, for as long as it is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fed: Fed, failure: Exception) -> None:
        self.events: set[int] = set()
        self.documents: set[str] = set()
        self.batches = 0
        self.closed: list[ShopId] = []
        apply, drop = Projection.apply, fed.files.drop

        def dropping(shop: ShopId, **how: Any) -> None:
            self.closed.append(shop)
            drop(shop, **how)

        monkeypatch.setattr(fed.files, "drop", dropping)

        def failing(projection: Projection, batch: Batch) -> None:
            self.batches += 1
            if self.events & {place[1] for place, _ in batch.events} or self.documents & {d.key for d in batch.documents}:
                raise failure
            apply(projection, batch)

        monkeypatch.setattr(Projection, "apply", failing)


def _left_out(fed: Fed, shop: int) -> list[tuple[str, int, str]]:
    with fed.files.borrowed(ShopId(shop), fed.feed.log_ends) as file:
        return engine.rows(file.connection, "SELECT stream, position, why FROM store.left_out ORDER BY ALL")


def _data_health(fed: Fed, shop: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_report(fed, shop, "json"))["data"]
    return found


def _report(fed: Fed, shop: int, form: str) -> bytes:
    question = read_report("data-health", {"format": form}, timezone="UTC", currency="EUR", now=NOW)
    with fed.files.borrowed(ShopId(shop), fed.feed.log_ends) as file:
        return answer(file.connection.cursor(), question).body


@pytest.mark.parametrize("failure", [ValueError("no number"), duckdb.ConversionException("Out of range")])
def test_records_that_can_never_be_taken_in_are_left_out_after_a_second_try_and_the_rest_counts(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None], failure: Exception
) -> None:
    poison = _Poison(monkeypatch, fed, failure)
    of_second = [place[1] for place, event in fed.feed._events(Position(0))[0] if event.shop == 2]
    poison.events = {of_second[0], of_second[41], of_second[-1]}
    fed.know(1, 2, 3)
    for tried in range(len(poison.events)):
        fed.run()
        # Others go on, and what comes before it counts at once.
        assert [fed.counted(shop)[0] for shop in (1, 3)] == [50, 150]
        assert fed.counted(2)[0] == (0, 40, 97)[tried]
        # Nobody is told that it fails, who waits for figures waits for the second try.
        assert (fed.feed.failing, fed.feed.again_in) == ({}, 5.0)
        later()
    fed.run()
    assert fed.feed.failing == {}
    assert (fed.counted(2)[0], fed.feed.behind(ShopId(2))) == (97, 0)
    why = f"{type(failure).__name__}: {failure}"
    assert _left_out(fed, 2) == [("events", position, why) for position in sorted(poison.events)]
    assert poison.batches < 100
    assert poison.closed == [], "who asks it need not wait"
    told = _data_health(fed, 2)["left_out"]
    assert (told["events"], told["records"], told["last"][0]["why"]) == (3, 3, why)
    assert told["last"][0]["position"].endswith(f"-0.{of_second[-1]}")
    # With what could not take them in mended, the file is made anew with all of them.
    poison.events = set()
    fed.feed.start_anew(ShopId(2))
    fed.run()
    assert (fed.counted(2), _left_out(fed, 2)) == ((100, 1), [])


def test_what_fails_once_is_taken_in_later_and_nothing_is_left_out(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    poison = _Poison(monkeypatch, fed, ValueError("not now"))
    poison.events = {40}
    fed.know(1, 2, 3)
    # As often as the file is made anew: what failed once long ago is no first try.
    for _ in range(3):
        fed.run()
        poison.events, failing = set(), poison.events
        later()
        fed.run()
        assert [fed.counted(shop)[0] for shop in (1, 2, 3)] == [50, 100, 150]
        assert [_left_out(fed, shop) for shop in (1, 2, 3)] == [[], [], []]
        poison.events = failing
        for shop in (1, 2, 3):
            fed.feed.start_anew(ShopId(shop))


def test_a_file_lacks_so_many_records_at_most_and_waits_at_the_next(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    monkeypatch.setattr("footfall.service.analytics.feed.ANALYTICS_LEFT_OUT_MAX", 2)
    poison = _Poison(monkeypatch, fed, ValueError("all of them"))
    poison.events = set(range(1_000))
    fed.know(1)
    for _ in range(6):
        fed.run()
        later()
    assert (fed.counted(1)[0], len(_left_out(fed, 1))) == (0, 2)
    assert fed.feed.failing == {1: "The file of shop 1 can't be written now: ValueError: all of them"}


def test_where_a_file_fails_whatever_it_is_given_no_record_is_left_out(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    def broken(_: Products) -> None:
        raise ValueError("not the record")

    with monkeypatch.context() as patched:
        patched.setattr(Products, "resolve", broken)
        fed.know(1, 2)
        for _ in range(4):
            fed.run()
            later()
        assert sorted(fed.feed.failing) == [1, 2]
    fed.run()
    assert [(fed.counted(shop)[0], _left_out(fed, shop)) for shop in (1, 2)] == [(50, []), (100, [])]


def test_a_process_without_memory_ends_rather_than_fail_shop_by_shop(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    _Poison(monkeypatch, fed, duckdb.OutOfMemoryException("failed to allocate data of size 1.0 MiB")).events = {1, 2, 3}
    fed.know(1)
    with pytest.raises(AnalyticsUnavailableError) as raised:
        fed.run()
    assert engine.is_spent(raised.value)


def test_a_document_that_can_never_be_taken_in_is_left_out_and_events_count(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    told = [((0, Position(number)), Document(f"product/1/{number}", msgspec.Raw(b"null"))) for number in range(1, 10)]
    fed.feed.ends = {**fed.ends, Stream.DOCUMENTS: Position(9)}
    monkeypatch.setattr(fed.feed, "_documents", lambda done: (told[done:], Position(9)))
    poison = _Poison(monkeypatch, fed, ValueError("no product"))
    poison.documents = {"product/1/4"}
    fed.know(1)
    fed.run()
    assert fed.counted(1)[0] == 0, "documents go first"
    later()
    fed.run()
    assert (fed.counted(1)[0], _left_out(fed, 1)) == (50, [("documents", 4, "ValueError: no product")])
    assert _data_health(fed, 1)["left_out"]["events"] == 0
    assert b"\nleft_out,1\n" in _report(fed, 1, "csv")


def test_a_shop_whose_file_another_process_has_keeps_no_other_waiting(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, later: Callable[[], None]
) -> None:
    monkeypatch.setattr(fed.files, "_patient_until", -1.0)
    fed.know(1, 2)
    opened = engine.open_file

    def taken(path: Path, *, memory_bytes: int, spill: Path) -> engine.Connection:
        if path.name == "1.duckdb":
            raise engine.FileTakenError(f"{path} is in use by another process.")
        return opened(path, memory_bytes=memory_bytes, spill=spill)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "open_file", taken)
        fed.run()
        assert (fed.feed.behind(ShopId(2)), list(fed.feed.failing)) == (0, [1])
    later()
    fed.run()
    assert [fed.counted(shop)[0] for shop in (1, 2)] == [50, 100]


@pytest.mark.parametrize("asked", [False, True], ids=["by the feed", "by a question"])
@pytest.mark.parametrize("damage", ["garbage", "gone"])
def test_a_file_that_is_set_aside_when_it_is_opened_again_gets_all_of_the_log(fed: Fed, damage: str, *, asked: bool) -> None:
    fed.know(2)
    whole = dict(fed.ends)
    fed.feed.ends = {Stream.EVENTS: Position(140), Stream.DOCUMENTS: whole[Stream.DOCUMENTS]}
    fed.run()
    assert 0 < fed.counted(2)[0] < 100
    fed.files.close()
    path = fed.files.path(ShopId(2))
    if damage == "garbage":
        path.write_bytes(b"garbage" * 3_000)
    else:
        path.unlink()
    if asked:
        assert fed.counted(2)[0] == 0
    fed.feed.ends = whole
    fed.run()
    assert fed.counted(2) == (100, 1)


def test_a_shop_with_a_history_before_it_is_begun_where_it_was_made_also_after_its_file_was_lost(fed: Fed) -> None:
    fed.feed.know({ShopId(3): _KEY}, since={Stream.EVENTS: Position(100), Stream.DOCUMENTS: Position(0)})
    fed.run()
    counted = fed.counted(3)
    assert 0 < counted[0] < 150
    fed.files.close()
    fed.files.path(ShopId(3)).unlink()
    fed.feed.forget(ShopId(3))
    fed.run()
    assert fed.counted(3) == counted


def test_a_batch_is_complete_once_its_records_have_so_many_bytes(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.service.analytics.feed.ANALYTICS_BATCH_BYTES_MAX", 1_000)
    monkeypatch.setattr("footfall.service.analytics.feed.READ_RECORDS_MAX", 10)
    sizes: list[int] = []
    apply = Projection.apply

    def counting(projection: Projection, batch: Batch) -> None:
        sizes.append(len(batch.events))
        apply(projection, batch)

    monkeypatch.setattr(Projection, "apply", counting)
    fed.know(3)
    fed.run()
    assert fed.counted(3) == (150, 1)
    assert max(sizes) <= 20


@pytest.mark.parametrize("stream", [Stream.EVENTS, Stream.DOCUMENTS])
def test_a_record_that_cannot_be_read_ends_no_figures(fed: Fed, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> None:
    def damaged(connection: Connection, of: Stream, start: Position, count: int) -> list[Entry]:
        entries = list(read_entries(connection, of, start, count))
        return [entry._replace(value=b'{"time":') if of is stream and entry.position == 1 else entry for entry in entries]

    monkeypatch.setattr("footfall.service.analytics.feed.read_entries", damaged)
    fed.know(1, 2, 3)
    fed.run()
    assert sum(fed.counted(shop)[0] for shop in (1, 2, 3)) == (299 if stream is Stream.EVENTS else 300)


def test_starting_anew_reads_everything_again_once(fed: Fed) -> None:
    fed.know(1, 2)
    fed.run()
    fed.feed.start_anew(ShopId(2))
    assert fed.feed.behind(ShopId(2)) == sum(fed.ends.values())
    fed.run()
    assert fed.counted(2) == (100, 1)


@pytest.mark.parametrize("bound", ["ANALYTICS_UNSAVED_MAX", "ANALYTICS_SAVED_AFTER"])
def test_where_a_quiet_shop_is_is_saved_now_and_then_and_at_the_end(
    fed: Fed, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(f"footfall.service.analytics.feed.{bound}", 100)
    quiet = ShopId(9)
    with fed.files.borrowed(quiet, fed.feed.log_ends):
        """Its file is there, and empty."""
    fed.feed.know({quiet: _KEY})
    fed.run()
    if bound == "ANALYTICS_UNSAVED_MAX":
        fed.feed.close()
    with fed.files.borrowed(quiet, fed.feed.log_ends) as file:
        assert file.ends[Stream.EVENTS] == {0: fed.ends[Stream.EVENTS]}

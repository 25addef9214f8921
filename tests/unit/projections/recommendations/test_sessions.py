"""Live sessions, one behaviour at a time; that they are a function of the set of events stands in the properties."""

import pytest

from footfall.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from footfall.projections.recommendations.neighbours import Asker, Step
from footfall.projections.recommendations.sessions import IN_CART, PURCHASED, VIEWED, Kind, Sessions, Signal

BEGIN = 20_000 * DAY_MS
OF_SESSIONS = "footfall.projections.recommendations.sessions"
OF_WINDOW = "footfall.projections.recommendations.window"


class Shop:
    """Sessions of a shop whose events are told by minutes."""

    def __init__(self) -> None:
        self.sessions = Sessions()
        self._position = 0

    def tell(self, visitor: int, item: int, minute: float, kind: Kind = Kind.VIEWED, name: int = 0) -> None:
        """One event."""
        self._position += 1
        self.sessions.add(Signal(visitor, name, item, kind, BEGIN + int(minute * MINUTE_MS), self._position))

    def tell_pair(self, visitor: int, minute: float) -> None:
        """A session of items 1 and 2."""
        self.tell(visitor, 1, minute)
        self.tell(visitor, 2, minute + 1)

    def settle(self, minute: float) -> None:
        for _ in self.sessions.settle(BEGIN + int(minute * MINUTE_MS)):
            pass

    def is_incomplete(self) -> bool:
        """Whether sessions are missing."""
        return self.sessions.is_incomplete

    def known(self, visitor: int) -> list[dict[int, int]]:
        """What is known of each item, for each session of a visitor."""
        sessions, found = self.sessions, []
        for slot in sessions.slots(visitor):
            begin, length = divmod(int(sessions.rows[slot]), 256)
            items, kinds = sessions.items[begin : begin + length], sessions.kinds[begin : begin + length]
            found.append(dict(zip(items.tolist(), kinds.tolist(), strict=True)))
        return found

    def having(self, item: int) -> int:
        """How many sessions that count have an item."""
        counts = self.sessions.counts
        return int(counts[item]) if item < len(counts) else 0


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_pause_of_more_than_half_an_hour_parts_sessions(shop: Shop) -> None:
    shop.tell(1, 1, 0)
    shop.tell(1, 2, 30)
    assert len(shop.sessions.slots(1)) == 1
    shop.tell(1, 3, 60.1)
    assert len(shop.sessions.slots(1)) == 2


def test_a_session_with_a_name_ends_where_nothing_comes_for_a_day(shop: Shop) -> None:
    for minute in (0, 23 * 60, 46 * 60):
        shop.tell(1, 1, minute, name=7)
    assert len(shop.sessions.slots(1, 7)) == 1
    shop.tell(1, 1, 71 * 60, name=7)
    assert len(shop.sessions.slots(1, 7)) == 2
    shop.tell(1, 1, 71 * 60)
    assert len(shop.sessions.slots(1, 7)) == 2
    assert len(shop.sessions.slots(1)) == 3, "without a name it is a session of its own"


def test_a_late_event_makes_one_session_of_two(shop: Shop) -> None:
    shop.tell_pair(1, 0)
    shop.tell(1, 3, 50)
    shop.tell(1, 1, 51)
    assert (shop.sessions.counted, shop.having(1)) == (2, 2)
    shop.tell(1, 4, 25)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1)
    assert list(shop.known(1)[0]) == [2, 4, 3, 1], "in the order in which they were seen last"


def test_one_event_is_no_session_that_counts(shop: Shop) -> None:
    shop.tell(1, 1, 0)
    assert (shop.sessions.counted, shop.sessions.kept) == (0, 1)
    shop.tell(1, 1, 1)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1)


def test_a_removal_takes_the_carts_signal_back_and_nothing_else(shop: Shop) -> None:
    shop.tell(1, 1, 0)
    shop.tell(1, 1, 1, Kind.ADDED)
    shop.tell(1, 2, 2, Kind.ADDED)
    shop.tell(1, 3, 3, Kind.PURCHASED)
    assert shop.known(1) == [{1: VIEWED | IN_CART, 2: IN_CART, 3: PURCHASED}]
    for item in (1, 2, 3):
        shop.tell(1, item, 3 + item, Kind.REMOVED)
    assert shop.known(1) == [{1: VIEWED, 2: 0, 3: PURCHASED}]
    assert (shop.having(1), shop.having(2), shop.having(3)) == (1, 0, 1)


def test_what_was_added_twice_and_removed_once_is_in_the_cart_whatever_came_first(shop: Shop) -> None:
    shop.tell(1, 1, 5, Kind.REMOVED)
    shop.tell(1, 1, 6, Kind.ADDED)
    assert shop.known(1) == [{1: 0}]
    assert shop.sessions.counted == 0, "nothing is left of it"
    shop.tell(1, 1, 7, Kind.ADDED)
    assert shop.known(1) == [{1: IN_CART}]
    assert (shop.sessions.counted, shop.having(1)) == (1, 1)
    shop.tell(1, 1, 8, Kind.REMOVED)
    assert (shop.sessions.counted, shop.having(1)) == (0, 0)


@pytest.mark.parametrize(
    ("bound", "value", "events"),
    [
        ("SESSION_ITEMS_MAX", 4, [(item, item) for item in range(10, 15)]),
        ("SESSION_EVENTS_MAX", 4, [(10, minute) for minute in range(5)]),
        ("SESSION_SPAN_HOURS_MAX", 2, [(10, 29 * minute) for minute in range(6)]),
    ],
)
def test_a_visitor_with_an_abnormal_session_is_left_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, events: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(f"{OF_SESSIONS}.{bound}", value)
    shop.tell_pair(1, 0)
    shop.tell_pair(2, 0)
    for item, minute in events[:-1]:
        shop.tell(1, item, 600 + minute)
    assert (shop.sessions.counted, shop.having(1)) == (3, 2), "up to the bound everything counts"
    item, minute = events[-1]
    shop.tell(1, item, 600 + minute)
    assert (shop.sessions.counted, shop.having(1), shop.having(10)) == (1, 1, 0)
    shop.tell_pair(1, 2_000)
    assert shop.sessions.counted == 1, "nor does what they do later"


def test_a_visitor_counts_again_once_the_abnormal_session_has_left_the_window(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OF_SESSIONS}.SESSION_ITEMS_MAX", 3)
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_WINDOW_DAYS", 1)
    for item in range(4):
        shop.tell(1, item, item)
    shop.tell_pair(1, 180)
    shop.settle(23 * 60 + 59)
    assert shop.sessions.counted == 0
    shop.settle(24 * 60)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1)


def test_whoever_is_forgotten_begins_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_SESSIONS}.SESSION_ITEMS_MAX", 3)
    for item in range(4):
        shop.tell(1, item, item)
    shop.tell_pair(1, 180)
    assert shop.sessions.counted == 0
    assert shop.sessions.forget(1) == 2
    assert (shop.sessions.kept, shop.sessions.slots(1)) == (0, [])
    assert shop.sessions.forget(1) == 0
    shop.tell_pair(1, 181)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1)


def test_nothing_of_a_forgotten_visitor_is_left_in_their_slots(shop: Shop) -> None:
    shop.tell(0xDEAD_BEEF, 1, 0, name=77)
    shop.tell(0xDEAD_BEEF, 2, 1, name=77)
    shop.sessions.forget(0xDEAD_BEEF)
    of_session = shop.sessions._sessions.arrays
    assert not any(of_session[name].any() for name in ("visitors", "names", "starts", "ends", "rows"))


def test_the_window_moves_by_the_hour(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_WINDOW_DAYS", 1)
    shop.tell_pair(1, 50)
    shop.tell_pair(2, 65)
    shop.settle(23 * 60 + 59.99)
    assert shop.sessions.counted == 2
    shop.settle(24 * 60)
    assert shop.sessions.counted == 1
    shop.settle(0)
    assert shop.sessions.counted == 1, "it never goes back"
    shop.settle(25 * 60)
    assert (shop.sessions.counted, shop.sessions.kept) == (0, 2), "kept for a day more: late events may extend them"
    shop.settle(49 * 60)
    assert shop.sessions.kept == 0


def test_a_late_event_may_take_a_session_out_of_the_window(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_WINDOW_DAYS", 1)
    monkeypatch.setattr(f"{OF_SESSIONS}.SESSION_ITEMS_MAX", 3)
    for item in range(4):
        shop.tell(1, item, 65 + item)
    shop.tell_pair(1, 180)
    shop.tell_pair(2, 65)
    shop.settle(24 * 60)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1), "the one of 2; 1 has an abnormal one"
    shop.tell(2, 1, 50)
    assert (shop.sessions.counted, shop.having(1)) == (0, 0)
    shop.tell(1, 1, 50)
    assert (shop.sessions.counted, shop.having(1)) == (1, 1), "the abnormal one is out as well, so 1 counts again"


def test_late_events_of_abnormal_sessions_make_one_that_leaves_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_WINDOW_DAYS", 1)
    monkeypatch.setattr(f"{OF_SESSIONS}.SESSION_ITEMS_MAX", 3)
    for item in range(4):
        shop.tell(1, item, item)
        shop.tell(1, item, 50 + item)
    shop.tell(1, 1, 25)
    shop.tell_pair(1, 180)
    shop.settle(24 * 60 - 1)
    assert (shop.sessions.kept, shop.sessions.counted) == (2, 0)
    shop.settle(24 * 60)
    assert shop.sessions.counted == 1


def test_what_is_packed_stands_in_the_order_of_starts_without_gaps(shop: Shop) -> None:
    for visitor, minute in ((1, 300), (2, 100), (3, 200)):
        shop.tell_pair(visitor, minute)
    shop.sessions.forget(3)
    packed = shop.sessions.packed()
    assert packed.arrays["visitors"].tolist() == [2, 1]
    assert packed.arrays["items"].tolist() == [1, 2, 1, 2]


def test_an_event_from_long_before_the_window_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_WINDOW_DAYS", 1)
    shop.settle(72 * 60)
    shop.tell_pair(1, 0)
    assert shop.sessions.kept == 0


def test_where_there_are_more_sessions_than_may_be_the_latest_count(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_MAX", 3)
    for visitor in range(1, 6):
        shop.tell_pair(visitor, 60 * visitor)
    shop.settle(600)
    assert shop.sessions.counted == 3
    shop.sessions.forget(5)
    shop.settle(600)
    assert shop.sessions.counted == 3, "an older one has room again"
    assert not shop.is_incomplete()


def test_the_newest_hour_counts_whatever_it_holds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_MAX", 2)
    shop.tell_pair(9, 0)
    for visitor in range(1, 5):
        shop.tell_pair(visitor, 60)
    shop.settle(61)
    assert shop.sessions.counted == 4


def test_sessions_beyond_memorys_bound_are_let_go_and_missed_when_there_is_room_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_MAX", 2)
    monkeypatch.setattr(f"{OF_WINDOW}.SESSIONS_KEPT_MAX", 4)
    days = range(0, 5 * 24 * 60, 24 * 60)
    for visitor, minute in enumerate(days[:4], 1):
        shop.tell_pair(visitor, minute)
    shop.settle(days[3] + 2)
    assert (shop.sessions.kept, shop.sessions.counted) == (4, 2)
    shop.tell_pair(5, days[4])
    shop.settle(days[4] + 2)
    assert (shop.sessions.kept, shop.sessions.counted) == (3, 2), "those who may still be extended into the window stay"
    assert not shop.is_incomplete(), "nothing that was let go would count"
    again = Sessions(shop.sessions.packed())
    shop.sessions.forget(5)
    shop.settle(days[4] + 2)
    assert shop.sessions.counted == 2
    assert shop.is_incomplete(), "the session before these would stand in the window"
    again.forget(5)
    assert again.is_incomplete, "it is saved as well from when on they are missing"
    shop.settle(days[3] + 181 * 24 * 60)
    assert not shop.is_incomplete(), "by now they would have left the window"


def test_sessions_are_found_by_visitor_name_and_time(shop: Shop) -> None:
    shop.tell(1, 1, 0)
    shop.tell(1, 1, 120)
    shop.tell(1, 1, 120, name=7)
    shop.tell(2, 1, 120)
    assert len(shop.sessions.slots(1)) == 3
    assert len(shop.sessions.slots(1, 0)) == 2
    assert len(shop.sessions.slots_since(1, BEGIN + 120 * MINUTE_MS)) == 2
    assert shop.sessions.slots_since(1, BEGIN + 121 * MINUTE_MS) == []


def test_columns_grow_while_sessions_are_asked(shop: Shop) -> None:
    asker = Asker(shop.sessions)
    for visitor in range(1, 3_001):
        shop.tell_pair(visitor, visitor / 100)
    shop.tell(3_000, 9_999, 31)
    assert (shop.sessions.counted, shop.having(1), shop.having(9_999)) == (3_000, 3_000, 1)
    found = asker.ask([Step((1,), 0)], BEGIN + HOUR_MS)
    assert set(found.items.tolist()) == {1, 2, 9_999}


def test_empty_sessions_are_packed_and_go_on(shop: Shop) -> None:
    sessions = Sessions(Sessions().packed())
    sessions.add(Signal(1, 0, 3, Kind.VIEWED, BEGIN, 1))
    sessions.add(Signal(1, 0, 4, Kind.VIEWED, BEGIN + SECOND_MS, 2))
    assert sessions.counted == 1

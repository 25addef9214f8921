"""The bounds of a question to the visitor history: the same answer from memory, from the table, and after a rebuild."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from footfall.event import Event
from footfall.identifiers import CustomerId, Uuid
from footfall.projections.history import Seen
from footfall.vocabulary import ACTIONS
from tests.properties.replica import SHOP, Replica, make_event

VIEWED = ACTIONS["user", "viewed"]
EVERYWHERE = [("warm up", 0), ("fail", 2), ("merge", 0), ("restart", 0), ("rebuild", 0)]


def positions(tmp_path: Path, events: Sequence[Event], *, uuid: str | None = None, customer: str | None = None) -> list[int]:
    """The positions that a question answers, which must be the same whatever happens; merged after every third event."""

    def ask(replica: Replica) -> list[Seen]:
        if uuid is not None:
            return list(replica.history.of_uuid(SHOP, Uuid(uuid), VIEWED))
        return list(replica.history.of_customer(SHOP, CustomerId(customer or ""), VIEWED))

    async def life() -> list[int]:
        replica = Replica(tmp_path)
        await replica.open()
        try:
            for number, event in enumerate(events, 1):
                await replica.append(event)
                if number % 3 == 0:
                    await replica.tails.merge()
            answers = []
            for moment in EVERYWHERE:
                await replica.live_through(moment)
                answers.append([row.position for row in ask(replica)])
            assert all(answer == answers[0] for answer in answers)
            return [int(position) for position in answers[0]]
        finally:
            replica.close()

    return asyncio.run(life())


def test_one_visitors_newest_events_are_looked_at_up_to_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.history.HISTORY_EVENTS_READ_MAX", 4)
    events = [make_event(uuid="u1", time=number, verb="added" if number == 7 else "viewed") for number in range(1, 9)]
    assert positions(tmp_path, events, uuid="u1") == [8, 6, 5, 4], "another verb's events take no place"


def test_all_trails_of_a_question_share_one_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.history.HISTORY_QUESTION_EVENTS_READ_MAX", 5)
    events = [make_event(uuid=f"u{number % 2}", customer_id="c1", time=number) for number in range(1, 13)]
    assert positions(tmp_path, events, customer="c1") == [12, 11, 10, 9, 8]


def test_of_more_visitors_than_a_question_looks_at_those_named_last_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.projections.identity.HISTORY_VISITORS_READ_MAX", 2)
    uuids = ("u1", "u2", "u3", "u1", "u1", "u1")
    events = [make_event(uuid=uuid, customer_id="c1", time=number) for number, uuid in enumerate(uuids, 1)]
    assert positions(tmp_path, events, customer="c1") == [6, 5, 4, 3, 1]

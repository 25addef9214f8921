"""Whose sessions are where, while the dictionary is put into the arrays."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.projections.recommendations.visitors import Hashes, Slots, Visitors

visitors = st.sampled_from([1, 2, 3, 2**63, 2**64 - 1])
steps = st.lists(st.one_of(st.tuples(visitors, st.integers(0, 20)), st.sampled_from(["merge", "work"])), max_size=40)


def nobody() -> Visitors:
    return Visitors(np.zeros(0, np.uint64), np.zeros(0, np.int32))


@settings(deadline=None)
@given(first=st.lists(st.tuples(visitors, st.integers(0, 20)), unique=True, max_size=10), steps=steps)
def test_every_slot_is_found_once_before_during_and_after_merging(
    first: list[tuple[int, int]], steps: list[tuple[int, int] | str]
) -> None:
    hashes: Hashes = np.array([visitor for visitor, _ in first], np.uint64)
    slots: Slots = np.array([slot for _, slot in first], np.int32)
    known = Visitors(hashes, slots)
    expected: dict[int, set[int]] = defaultdict(set)
    for visitor, slot in first:
        expected[visitor].add(slot)
    work = None
    for step in steps:
        if isinstance(step, tuple):
            known.add(*step)
            expected[step[0]].add(step[1])
        elif step == "merge" and work is None:
            work = known.merge()
        elif step == "work" and work is not None:
            work()
            work = None
        for visitor in (1, 2, 3, 2**63, 2**64 - 1):
            found = known.slots(visitor)
            assert sorted(found) == sorted(expected[visitor])


def test_questions_between_the_two_moments_of_a_merge_find_everything_once() -> None:
    known = nobody()
    known.add(1, 5)
    work = known.merge()
    merging = known._merging
    known.add(1, 6)
    work()
    # As another thread sees it that has looked at the dictionary just before it was let go.
    known._merging = merging
    assert sorted(known.slots(1)) == [5, 6]


def test_it_is_time_to_merge_once_the_dictionary_is_full_and_not_while_a_merge_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("footfall.projections.recommendations.visitors._FRESH_MAX", 2)
    known = nobody()
    known.add(1, 1)
    full = [known.is_full]
    known.add(2, 2)
    full.append(known.is_full)
    work = known.merge()
    known.add(3, 3)
    known.add(4, 4)
    full.append(known.is_full)
    work()
    full.append(known.is_full)
    assert full == [False, True, False, True]


def test_of_very_many_sessions_those_that_were_told_of_last_are_answered() -> None:
    known = nobody()
    for slot in range(10):
        known.add(1, slot)
        known.add(2, 100 + slot)
    known.merge()()
    for slot in range(10, 14):
        known.add(1, slot)
    merging = known.merge()
    known.add(1, 14)
    assert known.slots(1) == list(range(15))
    assert known.slots(1, 3) == [12, 13, 14]
    assert known.slots(1, 7) == list(range(8, 15))
    merging()
    assert known.slots(1, 7) == list(range(8, 15))
    assert known.slots(2, 50) == list(range(100, 110))
    assert known.slots(3, 2) == []


def test_a_merge_takes_out_what_somebody_else_has_got_since() -> None:
    known = nobody()
    for slot in range(4):
        known.add(1, slot)
    known.merge()()
    known.add(2, 1)
    whose = np.array([1, 2, 1, 0], np.uint64)
    known.merge(lambda slots: whose[slots])()
    assert known.slots(1) == [0, 2]
    assert known.slots(2) == [1]

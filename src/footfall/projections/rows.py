"""Cutting what was set aside into slices: sorted by key, so that a merge walks through a table and not across it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from footfall.limits import MERGE_SLICE_ROWS
from footfall.projections.state import Slice


def sliced(sql: str, rows: Iterable[Sequence[Any]]) -> Iterator[Slice]:
    """Slices of at most ``MERGE_SLICE_ROWS`` rows, each encoded as the JSON array that ``sql`` reads with ``json_each(?)``."""
    waiting: list[Sequence[Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == MERGE_SLICE_ROWS:
            yield Slice(sql, msgspec.json.encode(waiting))
            waiting = []
    if waiting:
        yield Slice(sql, msgspec.json.encode(waiting))


def in_key_order(keys: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Keys (shop, text) in order, sorted in parts by shop and the text's first four characters.

    One sort of 50,000 keys holds Python's lock for 30 ms, and every request with it; the parts take under one.
    """
    parts: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for key in keys:
        parts.setdefault((key[0], key[1][:4]), []).append(key)
    for part in sorted(parts):
        yield from sorted(parts[part])

"""Similar products: which of a shop's catalog are the same kind of thing by their content, so that one nobody has seen yet
has neighbours too.

A shop's products are read from the documents when somebody first asks, and kept up from then on. What is answered is a
function of the catalog as it stands, whatever it was before: all sums are of whole numbers.
"""

import asyncio
import math
import zlib
from array import array
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import ShopId
from footfall.limits import (
    CONTENT_COMPARED_MAX,
    CONTENT_LOAD_SECONDS,
    CONTENT_POSTINGS_MAX,
    CONTENT_PRODUCTS_MAX,
    CONTENT_READ_ONCE,
    CONTENT_SHARED_MAX,
    CONTENT_SIMILAR_MAX,
)
from footfall.log.port import Group, Stream
from footfall.projections.catalog import PRODUCT_PREFIX, product_document
from footfall.projections.documents import Document, Documents
from footfall.projections.recommendations.features import FEATURES_MAX, features_of

_UNIT: Final = 4_096
"""Logarithms are kept as whole multiples of 1/this."""
_NOT_SHARED: Final = FEATURES_MAX
"""Behind the places of all features that a product may have."""
_FIRST: Final = 16
_GROWTH: Final = 0.125

_logger = structlog.get_logger("footfall.content")

Integers = npt.NDArray[np.int64]
_Valued = tuple[int, str, int]
"""A feature of a product: ``−w_f · idf_f`` in units, its name, its number."""


class Similar(NamedTuple):
    """A product that is like another."""

    key: str
    """The catalog's."""
    score: float
    """Above 0, at most 1: nothing tells the two apart."""
    shared: tuple[str, ...]
    """What both have, the weightiest first: ``type: boots``, ``tag: winter``, ``vendor: acme``, ``title: leather``."""


class Index:
    """One shop's products by their features.

    Products and features are numbered, and numbers are used again; no answer depends on which is whose.
    """

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._keys: list[str] = []
        self._free_slots: list[int] = []
        self._rows = np.zeros((_FIRST, FEATURES_MAX), np.int32)
        """Slot → its features, then 0, which is none."""
        self._totals = np.zeros(_FIRST, np.int64)
        """Slot → ``Σ w_f`` over its features."""
        self._marks = np.zeros(_FIRST, np.int64)
        """Slot → a number of 32 bits that its key alone decides."""
        self._sums = np.zeros(_FIRST, np.int64)
        """All 0 between two questions."""
        self._features: dict[str, int] = {}
        self._names: list[str] = [""]
        self._free_features: list[int] = []
        self._postings: list[array[int]] = [array("i")]
        """Feature → the slots that have it, in order, so that one is found soon."""
        self._weights = np.zeros(_FIRST, np.int32)
        """Feature → ``w_f``."""
        self._commonness = np.zeros(_FIRST, np.int32)
        """Feature → ``w_f · ln n_f``, ``n_f`` products having it, in units."""
        self._places = np.full(_FIRST, _NOT_SHARED, np.int16)
        """All the same between two questions."""

    def __len__(self) -> int:
        """How many products it holds."""
        return len(self._slots)

    def put(self, key: str, features: Mapping[str, int]) -> None:
        """Make these, feature → weight, the features of a product, new or known."""
        slot = self._slot(key)
        row = self._rows[slot]
        before = {self._names[feature] for feature in row[row > 0].tolist()}
        if before == features.keys():
            return
        for name in before - features.keys():
            self._leave(slot, self._features[name])
        for name in features.keys() - before:
            self._join(slot, self._feature(name, features[name]))
        row[:] = 0
        row[: len(features)] = [self._features[name] for name in features]
        self._totals[slot] = sum(features.values())

    def remove(self, key: str) -> None:
        """Forget a product, where it is known."""
        slot = self._slots.get(key)
        if slot is not None:
            self.put(key, {})
            del self._slots[key]
            self._free_slots.append(slot)

    def similar(self, key: str) -> list[Similar]:
        """The products most like this one, best first, then by key; none where it is not known.

        The score is the cosine of two vectors in which a feature that both products may have stands with ``√(w_f · idf_f)``,
        ``idf_f = ln(N / n_f)``. Not with ``w_f · idf_f``: squared, one rare word of a title would say more than type and tags.
        """
        slot = self._slots.get(key)
        if slot is None:
            return []
        own = self._valued(slot)
        found = self._candidates(slot, own)
        rows = self._rows[found].astype(np.intp)
        # A feature's place among those of this product, its weightiest first.
        names = [name for _, name, _ in own]
        features = [feature for _, _, feature in own]
        self._places[features] = range(len(own))
        places = self._places.take(rows)
        self._places[features] = _NOT_SHARED
        values = np.zeros(_NOT_SHARED + 1, np.int64)
        values[: len(own)] = [-value for value, _, _ in own]
        lengths = _logarithm(len(self)) * self._totals[found] - self._commonness.take(rows).sum(axis=1, dtype=np.int64)
        scores = values.take(places).sum(axis=1) / np.sqrt(lengths * int(values.sum()))
        best = self._best(found, scores)
        shared = np.sort(places[best], axis=1)[:, :CONTENT_SHARED_MAX].tolist()
        told = [tuple([names[place] for place in these if place < _NOT_SHARED]) for these in shared]
        keys = [self._keys[at] for at in found[best].tolist()]
        return list(map(Similar, keys, scores[best].tolist(), told))

    def _valued(self, slot: int) -> list[_Valued]:
        """The features of a product that say anything, the weightiest first."""
        logarithm = _logarithm(len(self))
        features = [feature for feature in self._rows[slot].tolist() if feature]
        rows = (
            (self._commonness.item(feature) - logarithm * self._weights.item(feature), self._names[feature], feature)
            for feature in features
        )
        return sorted(row for row in rows if row[0] < 0)

    def _candidates(self, slot: int, own: list[_Valued]) -> Integers:
        """The slots of those that share most with it, its rarest features looked at first."""
        sums = self._sums[: len(self._keys)]
        looked_at = 0
        for value, _, feature in sorted(own, key=lambda one: (len(self._postings[one[2]]), one[1])):
            looked_at += len(self._postings[feature])
            if looked_at > CONTENT_POSTINGS_MAX:
                break
            np.add.at(sums, np.frombuffer(self._postings[feature], np.intc), -value)
        sums[slot] = 0
        found = np.flatnonzero(sums > 0)
        shared = sums[found]
        sums[found] = 0
        if len(found) <= CONTENT_COMPARED_MAX:
            return found
        # Of those that share as much, the marks decide: which came first, or by which number, must not.
        rank = (shared << 32) | self._marks[found]
        least = np.partition(rank, len(rank) - CONTENT_COMPARED_MAX)[len(rank) - CONTENT_COMPARED_MAX]
        chosen: Integers = found[rank >= least]
        return chosen

    def _best(self, found: Integers, scores: npt.NDArray[np.float64]) -> list[int]:
        """The places in ``found`` of those with the highest scores, in order."""
        chosen: Sequence[int] = range(len(found))
        if len(found) > CONTENT_SIMILAR_MAX:
            least = np.partition(scores, len(scores) - CONTENT_SIMILAR_MAX)[len(scores) - CONTENT_SIMILAR_MAX]
            chosen = np.flatnonzero(scores >= least).tolist()
        keys = [self._keys[slot] for slot in found[chosen].tolist()]
        ranked = sorted(zip((-scores[chosen]).tolist(), keys, chosen, strict=True))
        return [at for _, _, at in ranked[:CONTENT_SIMILAR_MAX]]

    def _slot(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            if self._free_slots:
                slot = self._free_slots.pop()
                self._keys[slot] = key
            else:
                slot = len(self._keys)
                self._keys.append(key)
                for column in (self._rows, self._totals, self._marks, self._sums):
                    _make_room(column, slot)
            self._slots[key] = slot
            self._marks[slot] = zlib.crc32(key.encode())
        return slot

    def _feature(self, name: str, weight: int) -> int:
        feature = self._features.get(name)
        if feature is None:
            if self._free_features:
                feature = self._free_features.pop()
                self._names[feature] = name
            else:
                feature = len(self._names)
                self._names.append(name)
                self._postings.append(array("i"))
                for column in (self._weights, self._commonness):
                    _make_room(column, feature)
                if feature >= len(self._places):
                    self._places = np.full(len(self._weights), _NOT_SHARED, np.int16)
            self._features[name] = feature
            self._weights[feature] = weight
        return feature

    def _join(self, slot: int, feature: int) -> None:
        posting = self._postings[feature]
        if not posting or posting[-1] < slot:
            posting.append(slot)
        else:
            insort(posting, slot)
        self._count(feature)

    def _leave(self, slot: int, feature: int) -> None:
        posting = self._postings[feature]
        posting.pop(bisect_left(posting, slot))
        if posting:
            self._count(feature)
        else:
            del self._features[self._names[feature]]
            self._names[feature] = ""
            self._free_features.append(feature)

    def _count(self, feature: int) -> None:
        self._commonness[feature] = self._weights.item(feature) * _logarithm(len(self._postings[feature]))


class _Reading(NamedTuple):
    """An index while its products are being read, and the keys of those that have changed meanwhile: what is read of them may
    be what they were before."""

    products: Index
    changed: set[str]


class Contents:
    """The question, for every shop. All methods belong to the event loop."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._held: OrderedDict[ShopId, Index] = OrderedDict()
        """The shop asked longest ago first."""
        self._readings: dict[ShopId, _Reading] = {}
        self._tasks: dict[ShopId, asyncio.Task[None]] = {}

    def follow(self, group: Group) -> None:
        """Take in products that were made, changed or deleted."""
        if group.stream is not Stream.DOCUMENTS or not (self._held or self._readings):
            return
        for record in group.records:
            document: Document = record.decoded
            if document.key.startswith(PRODUCT_PREFIX):
                _, shop, key = document.key.split("/", 2)
                self._take(ShopId(int(shop)), key, document.value if not document.is_deleted else None)
        self._make_room()

    async def similar(self, shop: ShopId, key: str) -> Sequence[Similar]:
        """The products of a shop that are most like the one with this key, best first, at most ``CONTENT_SIMILAR_MAX`` and
        never itself; none where the catalog hasn't got it. Raises ``NotReadyError`` where products can't be read in time."""
        index = self._held.get(shop)
        if index is None:
            index = await self._loaded(shop)
        self._held.move_to_end(shop)
        return index.similar(key)

    async def stop(self) -> None:
        """End what is being read."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _loaded(self, shop: ShopId) -> Index:
        try:
            async with asyncio.timeout(CONTENT_LOAD_SECONDS):
                # Again where others have driven it out before whoever waited for it had its turn.
                while (index := self._held.get(shop)) is None:
                    await asyncio.shield(self._load(shop))
        except TimeoutError as failure:
            raise NotReadyError("similar products: still being read. Ask again.") from failure
        return index

    def _load(self, shop: ShopId) -> asyncio.Task[None]:
        task = self._tasks.get(shop)
        if task is None:
            task = self._tasks[shop] = asyncio.create_task(self._read(shop))
            task.add_done_callback(lambda done: self._ended(shop, done))
        return task

    def _ended(self, shop: ShopId, task: asyncio.Task[None]) -> None:
        del self._tasks[shop]
        if not task.cancelled() and task.exception() is not None:
            _logger.warning("content_failed", shop=shop, error=str(task.exception()))

    async def _read(self, shop: ShopId) -> None:
        reading = self._readings[shop] = _Reading(Index(), set())
        prefix = product_document(shop, "")
        try:
            for part in self._documents.walk_under(prefix, limit=CONTENT_READ_ONCE):
                for document, value in part:
                    key = document.removeprefix(prefix)
                    if key not in reading.changed:
                        reading.products.put(key, features_of(value))
                await asyncio.sleep(0)
        except LogUnavailableError as failure:
            raise NotReadyError(f"similar products: {failure}") from failure
        finally:
            del self._readings[shop]
        self._held[shop] = reading.products
        self._make_room()

    def _take(self, shop: ShopId, key: str, value: msgspec.Raw | None) -> None:
        reading = self._readings.get(shop)
        index = reading.products if reading is not None else self._held.get(shop)
        if index is None:
            return
        if reading is not None:
            reading.changed.add(key)
        if value is None:
            index.remove(key)
        else:
            index.put(key, features_of(value))

    def _make_room(self) -> None:
        """Let go of the shops that were asked longest ago, beyond what may be held; the one asked last stays."""
        held = sum(map(len, self._held.values()))
        while held > CONTENT_PRODUCTS_MAX and len(self._held) > 1:
            held -= len(self._held.popitem(last=False)[1])


def _logarithm(count: int) -> int:
    return int(_UNIT * math.log(count) + 0.5)


def _make_room(column: npt.NDArray[Any], place: int) -> None:
    """Make a column long enough for this place. In its memory, which the system mostly makes longer without copying it: a
    copy of a large catalog's would hold up the event loop."""
    if place >= len(column):
        column.resize((place + int(place * _GROWTH) + _FIRST, *column.shape[1:]), refcheck=False)

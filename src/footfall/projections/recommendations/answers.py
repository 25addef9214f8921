"""Answers: what the last recommendations were made of, so that a shop can ask why; and the ids by which clicks name them.

An operational record in bounded memory, no projection: it is empty after a restart.
"""

import base64
import random
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from footfall.clock import Milliseconds
from footfall.identifiers import ShopId
from footfall.limits import ANSWERS_BYTES_MAX
from footfall.projections.recommendations.recommender import Evidence, Own

_ID_BYTES: Final = 12


Because = Evidence | dict[str, Any]
"""Why a product is in an answer: what sessions say, or what else is told of it."""


class Made(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What an answer was made of: kept at every answer, read at few, so it holds what there is and makes nothing of it.

    ``position``: what it covered; ``settings``: a name for the version of what decides; ``of_visitor``: whether somebody
    asked; ``owns``: what it started from; ``products``: of each its key and why it is there. No identity is in it.
    """

    list: str
    at: Milliseconds
    position: str
    settings: str
    of_visitor: bool
    owns: Sequence[Own]
    products: Sequence[tuple[str, Because]]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Made).decode


class _Kept(msgspec.Struct, array_like=True, frozen=True, gc=False):
    shop: ShopId
    owners: tuple[int, ...]
    packed: bytes


class Answers:
    """The latest answers by id. All methods belong to the event loop."""

    def __init__(self, kept_max: int, chance: random.Random) -> None:
        """``kept_max``: how many are kept, all shops together."""
        self._kept_max = kept_max
        self._chance = chance
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, shop: ShopId, owners: Collection[int], made: Made) -> str:
        """Keep an answer and name it: ``<list>.<16 characters>``, so that a click tells its list for ever. ``owners``: whose
        answer it is (see ``Index.visitor``)."""
        answer_id = f"{made.list}.{base64.urlsafe_b64encode(self._chance.randbytes(_ID_BYTES)).decode()}"
        packed = _encode(made)
        self._kept[answer_id] = _Kept(shop, tuple(owners), packed)
        self._bytes += len(packed)
        while len(self._kept) > self._kept_max or self._bytes > ANSWERS_BYTES_MAX:
            self._bytes -= len(self._kept.popitem(last=False)[1].packed)
        return answer_id

    def find(self, shop: ShopId, answer_id: str) -> Made | None:
        """An answer of this shop, while it is kept."""
        kept = self._kept.get(answer_id)
        return _decode(kept.packed) if kept is not None and kept.shop == shop else None

    def forget(self, shop: ShopId, owner: int) -> int:
        """Let go of all answers that somebody got; answers how many there were."""
        gone = [answer_id for answer_id, kept in self._kept.items() if kept.shop == shop and owner in kept.owners]
        for answer_id in gone:
            self._bytes -= len(self._kept.pop(answer_id).packed)
        return len(gone)

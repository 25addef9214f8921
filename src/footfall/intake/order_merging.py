"""Putting what one message says of an order over what others said, whichever of them came first."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.merging import filled
from footfall.order import Order, OrderCustomer, OrderLine, Refund, RefundLine

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_Put = Callable[[Any, Any], Any]
"""Two versions of a thing into one: the second over the first, or the greater of the two field by field."""

_LISTS: Final = frozenset({"lines", "refunds", "customer"})


def united(known: Order | None, told: Order) -> Order:
    """The order after ``told`` has come in.

    The version that was changed last (``updated_at``) holds, wherever it can see; what it can't see stays as another told it.
    Versions of one moment give the greater value of each field, so that their order means nothing either. A version that does
    not say when it was changed only adds, unless none does: then the one that came last holds. Refunds never go away: they
    are a union by id.
    """
    if known is None:
        return _united(Order(id=told.id), told, filled)
    if isinstance(known.updated_at, int) and known.updated_at == told.updated_at:
        return _united(known, told, _greater)
    return _united(told, known, filled) if _is_before(told, known) else _united(known, told, filled)


def _is_before(told: Order, known: Order) -> bool:
    if not isinstance(known.updated_at, int):
        return False
    return not isinstance(told.updated_at, int) or told.updated_at < known.updated_at


def _united(older: Order, newer: Order, put: _Put) -> Order:
    order: Order = put(older, newer)
    return msgspec.structs.replace(
        order,
        customer=_customer(older.customer, newer.customer, put),
        lines=_lines(older.lines, newer.lines, put),
        refunds=_refunds(older.refunds, newer.refunds, put),
    )


def _customer(
    older: OrderCustomer | UnsetType | None, newer: OrderCustomer | UnsetType | None, put: _Put
) -> OrderCustomer | UnsetType | None:
    if isinstance(older, OrderCustomer) and isinstance(newer, OrderCustomer) and older.id == newer.id:
        both: OrderCustomer = put(older, newer)
        return both
    if put is _greater:
        greater: OrderCustomer | UnsetType | None = _greater_value(older, newer)
        return greater
    return older if isinstance(newer, UnsetType) else newer


def _lines(older: list[OrderLine] | UnsetType, newer: list[OrderLine] | UnsetType, put: _Put) -> list[OrderLine] | UnsetType:
    if isinstance(older, UnsetType) or isinstance(newer, UnsetType):
        told = older if isinstance(newer, UnsetType) else newer
        return told if isinstance(told, UnsetType) else _put_lists([], told, put, lambda line: line.id)
    return _put_lists(older, newer, put, lambda line: line.id)


def _refunds(older: list[Refund], newer: list[Refund], put: _Put) -> list[Refund]:
    refunds = {refund.id: refund for refund in older}
    for refund in newer:
        before = refunds.get(refund.id)
        refunds[refund.id] = refund if before is None else _refund(before, refund, put)
    return sorted(refunds.values(), key=lambda refund: (_moment(refund), len(refund.id), refund.id))


def _moment(refund: Refund) -> int:
    return refund.created_at if isinstance(refund.created_at, int) else 0


def _refund(older: Refund, newer: Refund, put: _Put) -> Refund:
    lines = older.lines
    if newer.lines:
        # A source may tell of a refund without its lines; none takes them back.
        lines = _put_lists(older.lines, newer.lines, put, _line_id)
    refund: Refund = put(older, newer)
    return msgspec.structs.replace(refund, lines=lines)


def _line_id(line: RefundLine) -> str:
    return line.line_id


def _put_lists(older: list[_Struct], newer: list[_Struct], put: _Put, name: Callable[[_Struct], str]) -> list[_Struct]:
    """The newer list, each of its things over the same one of the older list; of two versions of one moment all that either
    has. In the order of the names, which is that in which a shop made them."""
    before, after = _named(older, name), _named(newer, name)
    names = before.keys() | after.keys() if put is _greater else after.keys()
    things = []
    for key in sorted(names):
        if key in before and key in after:
            things.append(put(before[key], after[key]))
        else:
            things.append(after[key] if key in after else before[key])
    return things


def _named(things: list[_Struct], name: Callable[[_Struct], str]) -> dict[tuple[int, str, int], _Struct]:
    """By name, the shorter first, as numbers are ordered; those of one name by which of them it is."""
    named: dict[tuple[int, str, int], _Struct] = {}
    seen: Counter[str] = Counter()
    for thing in things:
        key = name(thing)
        named[len(key), key, seen[key]] = thing
        seen[key] += 1
    return named


def _greater(one: _Struct, other: _Struct) -> _Struct:
    """Of each field the greater value: the same whichever comes first."""
    values = {
        name: _greater_value(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__ if name not in _LISTS
    }
    return msgspec.structs.replace(one, **values)


def _greater_value(one: Any, other: Any) -> Any:
    for empty in (UNSET, None):
        if one is empty or other is empty:
            return other if one is empty else one
    if isinstance(one, int | str):
        return max(one, other)
    return max(one, other, key=msgspec.json.encode)

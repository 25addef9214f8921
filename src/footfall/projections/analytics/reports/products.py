"""``top-products``: what shoppers do with each product, or with each vendor or type of product."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import numpy as np

from footfall.projections.analytics.engine import given
from footfall.projections.analytics.reports.asked import Asked, Told, amount, ratio
from footfall.projections.analytics.reports.persons import Seen, distinct
from footfall.projections.analytics.reports.rolled import by_product
from footfall.projections.analytics.schema import VIEWED

_GROUPS: Final = {"product": "n.product", "vendor": "p.vendor", "type": "p.type"}
_LISTED_MAX: Final = 500
"""Names that are listed in a statement; more are joined alone."""
_KEYS: Final = ("views", "adds", "removes", "purchases", "orders", "units", "revenue")
_DESCRIBED: Final = ("product", "product_id", "handle", "title", "vendor", "type")
_RATES: Final = ("view_to_add", "add_to_purchase", "remove_rate")


def top_products(asked: Asked) -> Told:
    """The best of the window by what they are sorted by, each with its figures."""
    found = _best(asked)
    if asked.question.compare:
        with asked.before() as before:
            _compare(before, found)
    for row in found:
        del row["key"]
        row["revenue"] = amount(row["revenue"])
    figures = (*_KEYS, *(("viewers",) if asked.question.viewers else ()), *_RATES)
    columns = [*(_DESCRIBED if asked.question.group == "product" else (asked.question.group,)), *figures]
    table = [{name: row[name] for name in columns} for row in found]
    if asked.question.compare:
        for row, of in zip(table, found, strict=True):
            row |= {f"previous_{name}": of["previous"][name] for name in figures}
        columns += [f"previous_{name}" for name in figures]
    return Told(found, columns, table)


def _compare(before: Asked, found: Sequence[dict[str, Any]]) -> None:
    """Give each row its figures of the window before."""
    keys = [row["key"] for row in found]
    earlier = {row["key"]: row for row in _numbers(before, keys)}
    viewers = _viewers(before, keys) if before.question.viewers else {}
    for row in found:
        past = earlier.get(row["key"], dict.fromkeys(_KEYS, 0))
        previous = {name: past[name] for name in _KEYS}
        if before.question.viewers:
            previous["viewers"] = viewers.get(row["key"], 0)
        row["previous"] = {**previous, "revenue": amount(Decimal(past["revenue"])), **_rates(past)}


def _rates(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = ((row["adds"], row["views"]), (row["purchases"], row["adds"]), (row["removes"], row["adds"]))
    return dict(zip(_RATES, (ratio(*part) for part in parts), strict=True))


def _best(asked: Asked) -> list[dict[str, Any]]:
    sort, limit = asked.question.sort, asked.question.limit
    viewers: Mapping[Any, int] = {}
    if sort == "viewers":
        viewers = _by_viewers(asked)
        names = _names(asked, viewers)
        first = sorted(viewers, key=lambda key: (-viewers[key], names[key]))[:limit]
        rows = _numbers(asked, first)
        order = {key: place for place, key in enumerate(first)}
        rows.sort(key=lambda row: order[row["key"]])
    else:
        rows = _numbers(asked, None, f"ORDER BY {sort} DESC, name LIMIT {limit}")
        if asked.question.viewers:
            viewers = _viewers(asked, [row["key"] for row in rows])
    sparklines = _sparklines(asked, [row["key"] for row in rows])
    for row in rows:
        key = row["key"]
        if asked.question.viewers:
            row["viewers"] = viewers.get(key, 0)
        row |= _rates(row)
        row["sparkline"] = sparklines.get(key, [0] * len(asked.starts))
    return rows


def _names(asked: Asked, keys: Iterable[Any]) -> Mapping[Any, str]:
    """By what groups are sorted that are equal: as what they are called, since numbers are another matter in another file."""
    if asked.question.group != "product":
        return {key: key for key in keys}
    with given(asked.connection, "wanted", _keyed(asked, list(keys))):
        return dict(asked.rows("SELECT number, name FROM store.names WHERE number IN (SELECT key FROM wanted)"))


def _group(asked: Asked) -> str:
    return _GROUPS[asked.question.group]


def _keyed(asked: Asked, keys: Sequence[Any] | None) -> dict[str, Any]:
    """The groups that are wanted, as a table; all of them where there are none."""
    wanted = list(keys or [])
    if asked.question.group == "product":
        return {"key": np.array(wanted, dtype=np.uint32)}
    column = np.empty(len(wanted), dtype=object)
    column[:] = wanted
    return {"key": column}


def _numbers(asked: Asked, keys: Sequence[Any] | None, tail: str = "") -> list[dict[str, Any]]:
    """The figures of each group, of those in ``keys`` where they are given."""
    if keys is not None and not keys:
        return []
    only = "WHERE key IN (SELECT key FROM wanted)" if keys is not None else "WHERE key IS NOT NULL"
    named = (
        "LEFT JOIN store.products d ON d.number = found.key"
        if asked.question.group == "product"
        else "LEFT JOIN (SELECT NULL AS number) d ON false"
    )
    described = _DESCRIBED if asked.question.group == "product" else ()
    name = "d.product" if asked.question.group == "product" else "found.key"
    statement = f"""
        WITH counted AS ({by_product(asked)}), done AS (
            SELECT {_group(asked)} AS key, sum(views) AS views, sum(adds) AS adds, sum(removes) AS removes
            FROM counted JOIN store.names n ON n.number = counted.product {_described(asked)} GROUP BY 1
        ), bought AS (
            SELECT {_group(asked)} AS key, count(*) AS purchases, count(DISTINCT l.order_key) AS orders, sum(l.units) AS units,
                sum(l.amount) AS revenue
            FROM store.counted_lines l JOIN store.names n ON n.number = l.product {_described(asked)}
            WHERE {asked.lines()} GROUP BY 1
        ), found AS (
            SELECT key, coalesce(views, 0)::BIGINT AS views, coalesce(adds, 0)::BIGINT AS adds,
                coalesce(removes, 0)::BIGINT AS removes, coalesce(purchases, 0) AS purchases, coalesce(orders, 0) AS orders,
                coalesce(units, 0)::BIGINT AS units, coalesce(revenue, 0) AS revenue
            FROM done FULL JOIN bought USING (key) {only}
        )
        SELECT found.*, {name} AS name{"".join(f", d.{one}" for one in described)} FROM found {named} {tail}"""
    with given(asked.connection, "wanted", _keyed(asked, keys)):
        told = asked.rows(statement)
    names = ["key", *_KEYS, "name", *described]
    rows = [dict(zip(names, row, strict=True)) for row in told]
    for row in rows:
        label = row.pop("name")
        if asked.question.group != "product":
            row[asked.question.group] = label
    return [_ordered(row) for row in rows]


def _ordered(row: dict[str, Any]) -> dict[str, Any]:
    """What it is first, then its figures."""
    described = {name: value for name, value in row.items() if name not in _KEYS}
    return described | {name: row[name] for name in _KEYS}


def _described(asked: Asked) -> str:
    """What says the vendor or type of a name's product, where they are grouped by it."""
    return "" if asked.question.group == "product" else "JOIN store.products p ON p.number = n.product"


def _viewers(asked: Asked, keys: Sequence[Any]) -> dict[Any, int]:
    """Distinct persons who viewed each of these groups: a customer where one owns the view."""
    if not keys:
        return {}
    with _meant(asked, keys) as views:
        # Of who left no trace of themselves, there are views without viewers.
        return dict.fromkeys(keys, 0) | distinct(
            asked,
            Seen(
                lambda who, join: f"SELECT m.key, {who} AS who FROM {views.format(join=join)}",
                f"SELECT m.key, e.person, e.customer, e.position, e.time FROM {views.format(join='')}",
            ),
            len(keys),
        )


def _by_viewers(asked: Asked) -> dict[Any, int]:
    """At least the groups with the most distinct viewers, and how many they are. No group has more viewers than views: those
    with fewer views than the last of the first ones has viewers need not be counted."""
    told = asked.rows(
        f"""SELECT {_group(asked)} AS key, sum(counted.views)::BIGINT FROM ({by_product(asked)}) counted
        JOIN store.names n ON n.number = counted.product {_described(asked)} WHERE key IS NOT NULL GROUP BY 1
        HAVING sum(counted.views) > 0 ORDER BY 2 DESC, 1"""
    )
    limit = asked.question.limit
    found = _viewers(asked, [key for key, _ in told[:limit]])
    least = min(found.values(), default=0)
    return found | _viewers(asked, [key for key, views in told[limit:] if views >= least])


def _sparklines(asked: Asked, keys: Sequence[Any]) -> dict[Any, list[int]]:
    """Views of each group by the window's points."""
    if not keys:
        return {}
    lines: dict[Any, list[int]] = {key: [0] * len(asked.starts) for key in keys}
    with _meant(asked, keys) as views:
        told = f"SELECT m.key, {asked.point('e.time')}, count(*) FROM {views.format(join='')} GROUP BY 1, 2"
        for key, point, count in asked.rows(told):
            lines[key][point] = count
    return lines


@contextmanager
def _meant(asked: Asked, keys: Sequence[Any]) -> Iterator[str]:
    """The views of these groups as what stands after FROM, ``e`` with the group's ``m.key``; ``{join}`` is another join."""
    with given(asked.connection, "wanted", _keyed(asked, keys)):
        names = asked.rows(
            f"""SELECT n.number, {_group(asked)} FROM store.names n {_described(asked)}
            WHERE {_group(asked)} IN (SELECT key FROM wanted)"""
        )
    numbers = [number for number, _ in names]
    meant = {"number": np.array(numbers, dtype=np.uint32)} | _keyed(asked, [key for _, key in names])
    with given(asked.connection, "meant", meant):
        # The engine leaves out by a list of numbers while it reads, and by what is joined afterwards: half the time.
        listed = f" AND e.product IN ({', '.join(map(str, numbers))})" if 0 < len(numbers) <= _LISTED_MAX else ""
        yield (
            "store.events e JOIN meant m ON m.number = e.product {join} WHERE "
            + f"e.kind = {VIEWED} AND {asked.events()}{listed}".replace("{", "{{").replace("}", "}}")
        )

"""``search``: what shoppers look for, what they do with what they find, and what they look for in vain."""

from typing import Any, Final

from footfall.projections.analytics.reports.asked import Asked, Told, ratio
from footfall.projections.analytics.schema import KIND_NUMBERS

_SEARCHED: Final = (KIND_NUMBERS[("user", "searched", "term")], KIND_NUMBERS[("user", "passive-searched", "term")])
_IN_VAIN: Final = KIND_NUMBERS[("search", "returned", "no-search-results")]
_CLICKED: Final = tuple(KIND_NUMBERS[("user", "clicked-to-pdp-from", noun)] for noun in ("search-result", "searched-products"))
_ADDED: Final = tuple(KIND_NUMBERS[("user", "added-from", noun)] for noun in ("search-result", "searched-products"))
_COUNTED: Final = ("searches", "zero_results", "clicks", "adds")
_COLUMNS: Final = ("term", *_COUNTED, "click_rate", "add_rate")


def search(asked: Asked) -> Told:
    """The terms of the window. A click or an add belongs to the term that it names (``<term>.<product id>``), else to the one
    searched last before it in its session."""
    found = _terms(asked)
    sort = asked.question.sort
    shown = sorted(found, key=lambda row: (-row[sort], row["term"]))[: asked.question.limit]
    data: dict[str, Any] = {**_sums(found), "terms": shown}
    if asked.question.compare:
        with asked.before() as before:
            data["previous"] = _sums(_terms(before))
    return Told(data, _COLUMNS, shown)


def _terms(asked: Asked) -> list[dict[str, Any]]:
    told = asked.rows(
        f"""WITH e AS (
            SELECT e.kind, e.session, e.time, e.position, lower(trim(e.about)) AS about FROM store.events e
            WHERE e.kind IN {(*_SEARCHED, _IN_VAIN, *_CLICKED, *_ADDED)} AND {asked.events(products=False)}
        ), searched AS (SELECT session, about AS term, (time, position) AS place FROM e WHERE kind IN {_SEARCHED}),
        followed AS (
            SELECT e.kind, CASE WHEN (e.session, e.about) IN (SELECT session, term FROM searched) THEN e.about
                WHEN e.about LIKE '%.%' THEN regexp_replace(e.about, '[.][^.]*$', '') ELSE s.term END AS term
            FROM (SELECT *, (time, position) AS place FROM e WHERE kind IN {(*_CLICKED, *_ADDED)}) e
            ASOF LEFT JOIN searched s ON s.session = e.session AND s.place <= e.place
        ), told AS (
            SELECT about AS term, kind FROM e WHERE kind IN {(*_SEARCHED, _IN_VAIN)} UNION ALL SELECT term, kind FROM followed
        )
        SELECT term, count(*) FILTER (kind IN {_SEARCHED}), count(*) FILTER (kind = {_IN_VAIN}),
            count(*) FILTER (kind IN {_CLICKED}), count(*) FILTER (kind IN {_ADDED})
        FROM told WHERE term IS NOT NULL AND term <> '' GROUP BY 1"""
    )
    return [_row({"term": term, **dict(zip(_COUNTED, numbers, strict=True))}) for term, *numbers in told]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "click_rate": ratio(row["clicks"], row["searches"]), "add_rate": ratio(row["adds"], row["searches"])}


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in rows) for name in _COUNTED}
    return {**sums, "terms_searched": sum(1 for row in rows if row["searches"])}

"""The queries of the page on reports, over whatever events: each gives what the report answers."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.event import Event
from footfall.projections.analytics.answering import answer
from footfall.projections.analytics.asking import Question, read_report
from footfall.projections.analytics.engine import Connection
from tests.properties.test_analytics import CUTS, NOW, events, file_of
from tests.report_queries import QUERIES, WINDOW, Query, comparable, rows_of, selected

_OTHERS = [
    *(("user", verb, "widget") for verb in ("viewed", "clicked", "clicked", "added-from")),
    *(("user", verb, "term") for verb in ("searched", "passive-searched")),
    *(("user", verb, "search-result") for verb in ("clicked-to-pdp-from", "added-from")),
    ("search", "returned", "no-search-results"),
]


@st.composite
def others(draw: st.DrawFn) -> Event:
    """An event about a widget or a search, where another would be."""
    subject, verb, noun = draw(st.sampled_from(_OTHERS))
    return msgspec.structs.replace(
        draw(events()),
        subject=subject,
        verb=verb,
        noun=noun,
        defined_noun_id=draw(st.sampled_from([None, "w1", " Shoes", "shoes.1"])),
        widget_id=draw(st.sampled_from([None, "w1", "w2"])),
        meta=draw(st.sampled_from([None, {"attribution": "a"}, {"source": "b"}])),
        device=draw(st.sampled_from([None, "mobile", "desktop"])),
    )


_LOGS = st.lists(st.one_of(events(), events(), others()), min_size=1, max_size=40)
_ASKED = [query for query in QUERIES if query.report != "visitor"]


def _asked(connection: Connection, query: Query) -> tuple[str, str]:
    """What the query and what the report answers."""
    statement = Question(report="sql", statement=query.text, limit=10_000)
    report = read_report(query.report, {**WINDOW, **query.parameters}, timezone="Europe/Berlin", currency="EUR", now=NOW)
    return answer(connection.cursor(), statement).body.decode(), answer(connection.cursor(), report).body.decode()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_LOGS, CUTS, st.lists(st.sampled_from(_ASKED), min_size=4, max_size=4, unique_by=lambda query: query.text))
def test_a_query_of_the_page_gives_what_the_report_answers(log: list[Event], cuts: list[int], queries: list[Query]) -> None:
    with file_of(log, cuts) as connection:
        for query in queries:
            found, told = _asked(connection, query)
            rows = selected(found)
            columns = list(rows[0]) if rows else []
            assert comparable(rows, columns) == comparable(rows_of(told, query), columns), (query, rows)

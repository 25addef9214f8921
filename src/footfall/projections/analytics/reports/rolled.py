"""Events of a window, counted: from the rollups as far as they go and the window has whole quarter hours or days, the rest
from the events themselves. Both are tables as SQL, whose sums are those of the window."""

from footfall.clock import DAY_MS
from footfall.projections.analytics.reports.asked import Asked
from footfall.projections.analytics.rollups import rolled_up
from footfall.projections.analytics.schema import ADDED, QUARTER_MS, REMOVED, VIEWED


def by_quarter(asked: Asked) -> str:
    """``quarter`` (hours of UTC), ``kind``, ``events``."""
    counted = f"SELECT e.time // {QUARTER_MS} AS quarter, e.kind, 1 AS events FROM store.events e WHERE {asked.events()}"
    if asked.is_filtered:
        return counted
    return _whole_or_rest(asked, QUARTER_MS, "SELECT quarter, kind, events FROM store.quarters", "quarter", (counted, ""))


def by_product(asked: Asked) -> str:
    """``product`` (the number of its name), ``views``, ``adds``, ``removes``."""
    counted = f"""SELECT e.product, count(*) FILTER (kind = {VIEWED}) AS views, count(*) FILTER (kind = {ADDED}) AS adds,
        count(*) FILTER (kind = {REMOVED}) AS removes FROM store.events e
        WHERE e.product IS NOT NULL AND e.kind IN ({VIEWED}, {ADDED}, {REMOVED}) AND {asked.events()}"""
    if asked.has_session_filter:
        return counted + " GROUP BY e.product"
    days = "SELECT product, views, adds, removes FROM store.days"
    return _whole_or_rest(asked, DAY_MS, days, "day", (counted, " GROUP BY e.product"))


def _whole_or_rest(asked: Asked, unit: int, rolled: str, column: str, counted: tuple[str, str]) -> str:
    """``rolled`` of the whole units of the window, and ``counted`` (its condition goes on between its two parts) of what is
    before and after them, or behind what is rolled up."""
    window = asked.window
    first, last = -(-window.start // unit), window.end // unit
    ends = rolled_up(asked.connection)
    if first >= last or not ends:
        return "".join(counted)
    inside = " OR ".join(f"(e.part = {part} AND e.position <= {end})" for part, end in ends.items())
    # Each for itself: the engine skips what a condition on one column leaves out, and nothing where columns are mixed.
    rest = [f"NOT ({inside})"]
    if first * unit > window.start:
        rest.append(f"e.time < {first * unit} AND ({inside})")
    if last * unit < window.end:
        rest.append(f"e.time >= {last * unit} AND ({inside})")
    products = " AND product IN (SELECT number FROM chosen)" if asked.has_product_filter else ""
    whole = f"{rolled} WHERE {column} >= {first} AND {column} < {last} AND marks & {asked.marks_left_out} = 0{products}"
    return " UNION ALL ".join([whole, *(f"{counted[0]} AND {condition}{counted[1]}" for condition in rest)])

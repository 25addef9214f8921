"""The tables of a shop's file, and the views that people ask. No other module makes one.

Persons, sessions and names of products go by small numbers, given as they come. No event id, uuid or customer id is in it: of
a person it holds a 64-bit hash under the shop's own key (``people``).
"""

import hashlib
from typing import Final

from footfall.vocabulary import ACTIONS, VOCABULARY

Kind = tuple[str, str, str]
"""Subject, verb and noun of an event."""

KINDS: Final[tuple[Kind, ...]] = (
    *((subject, verb, "product") for subject, verb in ACTIONS),
    *sorted(kind for kind in VOCABULARY if kind[2] != "product"),
)
"""What an event can be, each by its number from 1: actions on products first, with the numbers of ``ACTIONS``."""

KIND_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS, 1)}
VIEWED, ADDED, REMOVED, PURCHASED = 1, 2, 3, 4

LATE, CLAMPED, BOT, TEST, VERIFIED, DENIED = 1, 2, 4, 8, 16, 32
LEFT_OUT: Final = BOT | TEST
"""Events that figures leave out unless they are asked for."""

QUARTER_MS: Final = 15 * 60 * 1000
"""Time is grouped by quarter hours of UTC first: every time zone's days begin at one."""

SESSION_GAP_MS: Final = 30 * 60 * 1000
"""The longest pause within a session that has no name of its own."""

AMOUNT: Final = "DECIMAL(18,4)"
"""Amounts: at most 14 digits before the point; no currency has more than four behind it."""

EVENT_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("part", "USMALLINT"),
    ("position", "BIGINT"),
    ("time", "BIGINT"),
    ("received_at", "BIGINT"),
    ("kind", "UTINYINT"),
    ("marks", "UTINYINT"),
    ("person", "UINTEGER"),
    ("customer", "UINTEGER"),
    ("session", "UINTEGER"),
    ("product", "UINTEGER"),
    ("variant", "UINTEGER"),
    ("device", "VARCHAR"),
    ("country", "VARCHAR"),
    ("source", "VARCHAR"),
    ("theme", "VARCHAR"),
    ("platform", "VARCHAR"),
    ("about", "VARCHAR"),
    ("widget", "VARCHAR"),
    ("promo", "VARCHAR"),
    ("label", "VARCHAR"),
    ("value", "BIGINT"),
    ("quantity", "BIGINT"),
    ("price", AMOUNT),
    ("currency", "VARCHAR"),
    ("order_id", "VARCHAR"),
    ("url", "VARCHAR"),
    ("referrer", "VARCHAR"),
    ("tags", "VARCHAR[]"),
    ("meta", "VARCHAR"),
)
"""``person`` is who left the event: the visitor, else the customer it names; ``customer`` the customer it names. ``about`` is
the wire's ``defined_noun_id``, ``source`` where its page or referrer says that a shopper came from; ``meta`` holds the fields
that no version knows as well. Times are milliseconds since the epoch."""

TABLES: Final = f"""
CREATE SCHEMA store;
CREATE TABLE store.facts (name VARCHAR, value VARCHAR);
CREATE TABLE store.positions (stream VARCHAR, part USMALLINT, position BIGINT);
CREATE TABLE store.left_out (stream VARCHAR, part USMALLINT, position BIGINT, why VARCHAR);
CREATE TABLE store.events ({", ".join(f"{name} {kind}" for name, kind in EVENT_COLUMNS)});
CREATE TABLE store.rolled_up (part USMALLINT, position BIGINT);
CREATE TABLE store.quarters (quarter INTEGER, kind UTINYINT, marks UTINYINT, events UINTEGER);
CREATE TABLE store.days (day INTEGER, product UINTEGER, marks UTINYINT, views UINTEGER, adds UINTEGER, removes UINTEGER);
CREATE TABLE store.people (number UINTEGER, hash UBIGINT);
CREATE TABLE store.namings (person UINTEGER, position BIGINT, customer UINTEGER, time BIGINT);
CREATE TABLE store.figures (person UINTEGER, figure UINTEGER);
CREATE TABLE store.apart (person UINTEGER);
CREATE TABLE store.sessions (number UINTEGER, name UBIGINT, marks UTINYINT, person UINTEGER, mixed BOOLEAN,
    customer UINTEGER, start BIGINT, finish BIGINT, position BIGINT, known_after BIGINT, events UINTEGER, views UINTEGER,
    adds UINTEGER, removes UINTEGER, purchases UINTEGER, viewed_at BIGINT, added_at BIGINT, device VARCHAR, country VARCHAR,
    source VARCHAR, theme VARCHAR, landing VARCHAR);
CREATE TABLE store.names (number UINTEGER, name VARCHAR, product UINTEGER);
CREATE TABLE store.ties (name VARCHAR, product_id VARCHAR, handle VARCHAR, variant_id VARCHAR, title VARCHAR);
CREATE TABLE store.catalog_names (name VARCHAR, key VARCHAR);
CREATE TABLE store.catalog (key VARCHAR, product_id VARCHAR, handle VARCHAR, title VARCHAR, vendor VARCHAR, type VARCHAR,
    tags VARCHAR[], price {AMOUNT}, published BOOLEAN, in_stock BOOLEAN);
CREATE TABLE store.collections (collection VARCHAR, handle VARCHAR, title VARCHAR);
CREATE TABLE store.members (collection VARCHAR, key VARCHAR);
CREATE TABLE store.told (order_key VARCHAR, line VARCHAR, position BIGINT, time BIGINT, verified BOOLEAN, order_id VARCHAR,
    checkout UBIGINT, person UINTEGER, customer UINTEGER, session UINTEGER, product UINTEGER, variant UINTEGER,
    units BIGINT, amount {AMOUNT}, currency VARCHAR, source VARCHAR, widget VARCHAR, attribution VARCHAR);
CREATE TABLE store.tokens (token UBIGINT, person UINTEGER, session UINTEGER, position BIGINT);
CREATE TABLE store.orders (order_id VARCHAR, number UBIGINT, time BIGINT, test BOOLEAN, cancelled BOOLEAN, currency VARCHAR,
    customer UINTEGER, person UINTEGER, cart UBIGINT, checkout UBIGINT, other_units BIGINT, other_amount {AMOUNT});
CREATE TABLE store.order_lines (order_id VARCHAR, line VARCHAR, product UINTEGER, variant UINTEGER, placed BIGINT,
    units BIGINT, amount {AMOUNT}, refunded {AMOUNT}, source VARCHAR, widget VARCHAR, attribution VARCHAR);
"""
"""``facts``: which log and which shape the file has. ``left_out``: records that could not be taken in. ``rolled_up``,
``quarters`` and ``days``: ``rollups``. ``sessions``: ``mixed`` where not all its events are of one person. ``figures``: as
whom persons count on whom one customer was named and nobody else, and these customers as themselves; ``apart``: persons of
whom only each event tells as whom it counts. ``names``: what events call products, and the number of the name that stands for
each. ``ties``: what events told of names. ``told`` and ``tokens``: ``orders``. ``other_units`` and ``other_amount`` are of an
order's lines without a product, which are no purchase. The rest is the catalog's and the orders' own."""

HAS_FACTS: Final = """EXISTS (SELECT 1 FROM store.told WHERE verified)
    OR EXISTS (SELECT 1 FROM store.orders o JOIN store.order_lines l USING (order_id) WHERE NOT o.test)"""
"""Whether a shop has an order that is more than a claim."""

_LINES: Final = f"""
CREATE VIEW store.owned_orders AS
WITH seen AS (
    SELECT o.*, coalesce(o.person, c.person, CASE WHEN o.customer IS NULL THEN n.person END, k.person) AS visitor,
        coalesce(CASE WHEN o.customer IS NULL THEN n.session END, c.session) AS told_session
    FROM store.orders o LEFT JOIN store.tokens c ON c.token = o.checkout LEFT JOIN store.tokens n ON n.token = o.number
    LEFT JOIN store.tokens k ON k.token = o.cart
), at_the_time AS (
    SELECT seen.order_id, arg_max(s.number, s.start) AS session
    FROM seen JOIN store.sessions s ON s.person = seen.visitor AND s.start <= seen.time
        AND seen.time - s.finish <= {SESSION_GAP_MS} AND s.marks = 0
    GROUP BY seen.order_id
)
SELECT seen.* EXCLUDE (person, told_session), coalesce(a.session, seen.told_session) AS session
FROM seen LEFT JOIN at_the_time a USING (order_id);

CREATE VIEW store.lines AS
SELECT o.order_id AS order_key, o.order_id, l.line, o.time, true AS verified, o.cancelled, o.visitor AS person, o.customer,
    o.session, l.product, l.variant, l.placed, l.units, l.amount, l.refunded, o.currency, l.source, l.widget, l.attribution
FROM store.owned_orders o JOIN store.order_lines l USING (order_id) WHERE NOT o.test
UNION ALL
SELECT coalesce(t.order_id, 't:' || t.checkout, 's:' || t.session, t.order_key), t.order_id, t.line, t.time, t.verified, false,
    t.person, t.customer, t.session, t.product, t.variant, t.units, t.units, coalesce(t.amount, 0), 0, t.currency, t.source,
    t.widget, t.attribution
FROM store.told t
WHERE (t.order_id IS NULL OR t.order_id NOT IN (SELECT order_id FROM store.orders))
    AND (t.checkout IS NULL OR t.checkout NOT IN (SELECT checkout FROM store.orders WHERE checkout IS NOT NULL));

CREATE VIEW store.counted_lines AS SELECT * FROM store.lines WHERE verified = ({HAS_FACTS});
"""
"""Purchase lines, each once: an order's own data before what events tell of it. ``counted_lines``: as soon as a shop has an
order that is more than a claim, claims count for nothing. ``order_key``: lines without an order's id are one order for each
session."""


OWNED: Final = """
first AS (SELECT person, arg_min(customer, position) AS customer FROM store.namings GROUP BY person),
owned AS (
    SELECT e.*, coalesce(e.customer, CASE WHEN n.customer IS NULL THEN f.customer WHEN e.time >= n.time THEN n.customer END,
        e.person) AS figure
    FROM e ASOF LEFT JOIN store.namings n ON n.person = e.person AND n.position < e.position
    LEFT JOIN first f ON f.person = e.person
)"""
"""Who each event of ``e`` counts as: the customer who owns it (``projections.identity``), else the person who left it."""

APART: Final = "SELECT person FROM store.apart"


def _listed(words: list[str]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def _moment(column: str) -> str:
    return f"make_timestamptz({column} * 1000)"


PRODUCT_NAME: Final = (
    "(SELECT list(p.name ORDER BY n.number) FROM store.names n JOIN store.names p ON p.number = n.product)[{column}]"
)
"""The reference of the product that a number of a name stands for. Looked up in a list, since a join would be made even where
nobody asks for the column."""
_NAME: Final = "(SELECT list(n.name ORDER BY n.number) FROM store.names n)[{column}]"

_FIGURE: Final = """coalesce(owned.figure, (
    SELECT list(f.figure ORDER BY p.number) FROM store.people p
    LEFT JOIN (SELECT person, any_value(figure) AS figure FROM store.figures GROUP BY person) f ON f.person = p.number
)[{row}.person], {row}.person)"""
"""Who a row counts as; ``owned`` tells it of persons who are apart. The engine leaves out a join that brings one row at most
for each, and of which nothing is asked: whoever needs no ``person`` does not wait for it."""

_PUBLIC: Final = f"""
CREATE VIEW events AS
SELECT (SELECT value FROM store.facts WHERE name = 'generation') || '-' || e.part || '.' || e.position AS position,
    e.position AS number, {_moment("time")} AS time, {_moment("received_at")} AS received_at,
    {_listed([subject for subject, _, _ in KINDS])}[kind] AS subject, {_listed([verb for _, verb, _ in KINDS])}[kind] AS verb,
    {_listed([noun for _, _, noun in KINDS])}[kind] AS noun,
    e.person AS visitor, customer, {_FIGURE.format(row="e")} AS person, session,
    {PRODUCT_NAME.format(column="product")} AS product, substr({_NAME.format(column="variant")}, 3) AS variant_id,
    about AS defined_noun_id, device, country, source, theme AS theme_id, platform, widget AS widget_id, promo AS promo_id,
    label, value, quantity, price, currency, order_id, url, referrer, tags, meta::JSON AS meta, marks & {BOT} <> 0 AS bot,
    marks & {TEST} <> 0 AS test, marks & {LATE} <> 0 AS late, marks & {CLAMPED} <> 0 AS clamped,
    marks & {VERIFIED} <> 0 AS verified, marks & {DENIED} <> 0 AS denied
FROM store.events e LEFT JOIN (
    WITH e AS (SELECT * FROM store.events WHERE person IN ({APART})), {OWNED}
    SELECT part, position, any_value(figure) AS figure FROM owned GROUP BY part, position
) owned ON owned.part = e.part AND owned.position = e.position;

CREATE VIEW sessions AS
SELECT s.number AS session, s.person AS visitor, {_FIGURE.format(row="s")} AS person, {_moment("start")} AS start,
    {_moment("finish")} AS finish, (finish - start) / 1000 AS seconds, events, views, adds, removes, purchases, device,
    country, coalesce(source, 'direct') AS source, theme AS theme_id, landing AS landing_url, marks & {BOT} <> 0 AS bot,
    marks & {TEST} <> 0 AS test
FROM store.sessions s LEFT JOIN (
    WITH e AS (
        SELECT number, person, customer, position, start + known_after AS time FROM store.sessions WHERE person IN ({APART})
    ), {OWNED}
    SELECT number, any_value(figure) AS figure FROM owned GROUP BY number
) owned ON owned.number = s.number;

CREATE VIEW visitors AS
WITH last AS (SELECT person, arg_max(customer, position) AS customer FROM store.namings GROUP BY person),
bought AS (
    SELECT person, count(DISTINCT order_key) AS orders, min(currency) AS currency,
        CASE WHEN count(DISTINCT coalesce(currency, '')) = 1 THEN sum(amount) END AS revenue
    FROM store.counted_lines GROUP BY person
)
SELECT s.person AS visitor, any_value(last.customer) AS customer, {_moment("min(s.start)")} AS first_seen,
    {_moment("max(s.finish)")} AS last_seen, count(*) AS sessions, sum(s.events)::BIGINT AS events,
    sum(s.views)::BIGINT AS views, sum(s.adds)::BIGINT AS adds, sum(s.removes)::BIGINT AS removes,
    coalesce(any_value(bought.orders), 0) AS orders,
    CASE WHEN any_value(bought.orders) IS NULL THEN 0 ELSE any_value(bought.revenue) END AS revenue,
    CASE WHEN any_value(bought.revenue) IS NOT NULL THEN any_value(bought.currency) END AS currency,
    arg_max(s.device, s.start) AS device, arg_max(s.country, s.start) AS country,
    coalesce(arg_min(s.source, s.start), 'direct') AS source, bool_and(s.marks & {BOT} <> 0) AS bot,
    bool_and(s.marks & {TEST} <> 0) AS test
FROM store.sessions s LEFT JOIN last ON last.person = s.person LEFT JOIN bought ON bought.person = s.person
WHERE s.person IS NOT NULL GROUP BY s.person;

CREATE VIEW store.products AS
WITH named AS (SELECT DISTINCT p.number, p.name AS product FROM store.names n JOIN store.names p ON p.number = n.product),
keyed AS (SELECT *, CASE WHEN product LIKE 'p:%' THEN substr(product, 3) ELSE product END AS key FROM named)
SELECT k.number, coalesce(k.product, CASE WHEN c.key LIKE 'h:%' THEN c.key ELSE 'p:' || c.key END) AS product,
    coalesce(c.key, k.key) AS key,
    coalesce(c.product_id, CASE WHEN k.product LIKE 'p:%' THEN substr(k.product, 3) END) AS product_id,
    coalesce(c.handle, t.handle, CASE WHEN k.product LIKE 'h:%' THEN substr(k.product, 3) END) AS handle,
    coalesce(c.title, t.title) AS title, c.vendor, c.type, c.tags, c.price, c.published, c.in_stock, c.key IS NOT NULL AS known
FROM keyed k FULL JOIN store.catalog c ON c.key = k.key LEFT JOIN store.ties t ON t.name = k.product;

CREATE VIEW products AS
SELECT product, product_id, handle, title, vendor, type, tags, price, published, in_stock, known AS in_catalog,
    (SELECT map_from_entries(list((key, found))) FROM (
        SELECT m.key, list(coalesce(c.handle, m.collection) ORDER BY m.collection) AS found
        FROM store.members m JOIN store.collections c USING (collection) GROUP BY m.key))[products.key] AS collections
FROM store.products;

CREATE VIEW purchases AS
SELECT order_key, order_id, {_moment("time")} AS time, {PRODUCT_NAME.format(column="product")} AS product,
    substr({_NAME.format(column="variant")}, 3) AS variant_id, person AS visitor, customer, session, placed AS units_placed,
    units, amount AS revenue, refunded, currency, verified, verified = ({HAS_FACTS}) AS counted, cancelled, source,
    widget AS widget_id, attribution
FROM store.lines;
"""

VIEWS: Final = _LINES + _PUBLIC

PUBLIC_VIEWS: Final = ("events", "products", "purchases", "sessions", "visitors")
"""What SQL may name."""

SHAPE: Final = hashlib.sha256((TABLES + VIEWS + repr(KINDS)).encode()).hexdigest()[:16]
"""Changes with every table, view and kind: a file of another shape is made anew from the log."""

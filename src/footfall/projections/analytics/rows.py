"""Rows: the events of a batch as columns, with numbers for persons, sessions and products."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

import msgspec
import numpy as np

from footfall.event import Event
from footfall.identifiers import product_reference
from footfall.log.port import Place
from footfall.projections.analytics.engine import Column, Connection, amount_of, given, texts
from footfall.projections.analytics.money import price_of
from footfall.projections.analytics.numbers import Names, People
from footfall.projections.analytics.schema import (
    BOT,
    CLAMPED,
    DENIED,
    EVENT_COLUMNS,
    KIND_NUMBERS,
    LATE,
    TEST,
    VERIFIED,
)

_MARKS: Final = {"late": LATE, "clamped": CLAMPED, "bot": BOT, "test": TEST}
_WHOLE_MAX: Final = 2**63 - 1
_ENCODE: Final = msgspec.json.Encoder().encode
_SOURCE_CHARACTERS_MAX: Final = 100

Values = list[int]
"""A number for each event of a batch, 0 where it has none."""


class Rows:
    """The events of a batch, in the order of the log, column by column."""

    def __init__(self, events: Sequence[tuple[Place, Event]], people: People, names: Names) -> None:
        """Give persons and products their numbers; ``sessions`` are set before ``insert``."""
        self.places = [place for place, _ in events]
        self.events = [event for _, event in events]
        self.times: Values = self._all("time")
        self.marks: Values = [
            0 if e.flags is None and not e.verified and e.consent is None else marks_of(e) for e in self.events
        ]
        self.kinds: Values = [
            KIND_NUMBERS.get(kind, 0) for kind in zip(self._all("subject"), self._all("verb"), self._all("noun"), strict=True)
        ]
        visitors = people.visitors(self._all("uuid"))
        self.customers: Values = people.customers(self._all("customer_id"))
        """The customers that events name."""
        self.persons: Values = [visitor or customer for visitor, customer in zip(visitors, self.customers, strict=True)]
        """Who left each event: its visitor, else the customer it names."""
        variants = self._all("variant_id")
        references = map(product_reference, self._all("product_id"), self._all("product_handle"), variants)
        self.products: Values = names.numbers(list(references))
        self.variants: Values = names.numbers(["v:" + v if v is not None else None for v in variants])
        self.sessions: Values = []

    def products_told(self) -> Iterable[tuple[str | None, ...]]:
        """How each event calls its product: by id, handle, variant and title."""
        return zip(*map(self._all, ("product_id", "product_handle", "variant_id", "product_title")), strict=True)

    def insert(self, connection: Connection) -> None:
        """Put the events into their table."""
        columns: dict[str, Column] = {
            "part": np.array([part for part, _ in self.places], dtype=np.uint16),
            "position": np.array([position for _, position in self.places], dtype=np.int64),
            "time": np.array(self.times, dtype=np.int64),
            "received_at": np.array(self._all("received_at"), dtype=np.int64),
            "kind": np.array(self.kinds, dtype=np.uint8),
            "marks": np.array(self.marks, dtype=np.uint8),
        }
        for name in _NUMBERS:
            columns[name] = np.array(getattr(self, name + "s"), dtype=np.uint32)
        # Most events leave most fields out: a column that nobody fills is none.
        for name, field in _TEXTS.items():
            values = self._all(field)
            if any(values):
                columns[name] = texts(values)
        for name, made in _MADE.items():
            values = list(map(made, self.events))
            if any(values):
                columns[name] = texts(values)
        for name, number_of in _SPARSE.items():
            numbers = list(map(number_of, self.events))
            if any(number is not None for number in numbers):
                held = [number if number is not None and abs(number) <= _WHOLE_MAX else None for number in numbers]
                columns[name] = np.array([number or 0 for number in held], dtype=np.int64)
                columns[f"has_{name}"] = np.array([number is not None for number in held], dtype=np.bool_)
        selected = ", ".join(_selected(name, kind) if name in columns else "NULL" for name, kind in EVENT_COLUMNS)
        with given(connection, "batch", columns):
            connection.execute(f"INSERT INTO store.events SELECT {selected} FROM batch")

    def _all(self, field: str) -> list[Any]:
        return list(map(attrgetter(field), self.events))


_NUMBERS: Final = ("person", "customer", "session", "product", "variant")
_TEXTS: Final[Mapping[str, str]] = {
    "device": "device",
    "country": "country",
    "theme": "theme_id",
    "platform": "platform",
    "about": "defined_noun_id",
    "widget": "widget_id",
    "promo": "promo_id",
    "label": "label",
    "currency": "currency",
    "order_id": "order_id",
    "url": "url",
    "referrer": "referrer",
}
"""Columns that hold a field as it is."""
_MADE: Final[Mapping[str, Callable[[Event], str | None]]] = {
    "source": lambda event: source_of(event.url, event.referrer),
    "tags": lambda event: _ENCODE(event.tags).decode() if event.tags else None,
    "meta": lambda event: (
        _ENCODE((event.unknown or {}) | (event.meta or {})).decode() if event.meta or event.unknown else None
    ),
}
_SPARSE: Final[Mapping[str, Callable[[Event], int | None]]] = {
    "value": attrgetter("value"),
    "quantity": attrgetter("quantity"),
    "price": price_of,
}
"""Whole numbers of which 0 says something else than none."""


def _selected(name: str, kind: str) -> str:
    """A column as its table wants it: 0 and empty stand for none."""
    if name in _NUMBERS:
        return f"nullif({name}, 0)"
    if name in _SPARSE:
        return f"CASE WHEN has_{name} THEN {amount_of(name) if name == 'price' else name} END"
    if kind.endswith("[]"):
        return f"from_json(nullif({name}, ''), '[\"VARCHAR\"]')"
    return f"nullif({name}, '')" if kind == "VARCHAR" else name


def marks_of(event: Event) -> int:
    """What sets an event apart, as bits."""
    marks = VERIFIED if event.verified else 0
    for flag in event.flags or ():
        marks |= _MARKS[flag]
    return marks | DENIED if event.consent == "denied" else marks


def source_of(url: str | None, referrer: str | None) -> str | None:
    """Where a shopper came from, as one event tells: the page's ``utm_source``, else the host of a referrer that is another
    than the page's own, without ``www.``; in lower case, at most 100 characters. ``None`` where it tells nothing."""
    if url is not None and "utm_source=" in url:
        for pair in _parts(url)[1].split("&"):
            name, _, value = pair.partition("=")
            if name == "utm_source" and value.strip():
                return unquote_plus(value).strip().lower()[:_SOURCE_CHARACTERS_MAX] or None
    if referrer is None:
        return None
    host = _parts(referrer)[0]
    return host[:_SOURCE_CHARACTERS_MAX] if host and (url is None or host != _parts(url)[0]) else None


@lru_cache(maxsize=10_000)
def _parts(url: str) -> tuple[str, str]:
    """Host (without ``www.``) and query string of an address; empty where it is none."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").removeprefix("www."), parts.query
    except ValueError:
        return "", ""

"""Reading a data source out of JSON: what is wrong is named with its place, what nobody knows is refused."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec

from footfall.catalog.data_source import Bounds, Choice, Contained, DataSource, Excluded, Filters, Names, Rule, When
from footfall.catalog.shape import Shape, ShapeError
from footfall.limits import (
    DATA_SOURCE_NAMES_MAX,
    DATA_SOURCE_RULES_MAX,
    LABEL_CHARACTERS_MAX,
    PRODUCT_REFERENCE_CHARACTERS_MAX,
    PRODUCTS_MAX,
)

_EXCLUDED: Final[tuple[str, ...]] = get_args(Excluded)
_FIELDS: Final = {
    kind: tuple(field.encode_name for field in msgspec.structs.fields(kind))
    for kind in (Bounds, Contained, Filters, Rule, When)
}
_OF_SOURCE: Final = {"products": "static", "collections": "collections"}
"""What a rule names itself, and the source that asks for it."""


def read_data_source(raw: object, sources: Collection[str], number: int | None = None) -> DataSource:
    """A data source out of one JSON object. ``sources``: the lists that rules may name; ``number`` goes before ``id``.

    Raises ``ShapeError``, which says where something is wrong and what it must be.
    """
    if not isinstance(raw, dict):
        raise ShapeError("A data source must be an object with `rules`.")
    shape = Shape(raw)
    # What `show` prints may be put again as it is.
    shape.only("id", "name", "description", "rules", "version", "updated_at")
    source_id = number if number is not None else shape.whole("id")
    if not isinstance(source_id, int) or source_id < 1:
        raise (
            shape.wrong("id", "a whole number from 1 on, such as 1234")
            if "id" in shape
            else ShapeError("A data source needs an id, a whole number such as 1234.")
        )
    rules = shape.items("rules")
    if not isinstance(rules, list) or not rules:
        raise ShapeError('A data source needs rules: a list such as [{"source": "collections", "collections": ["spring"]}].')
    if len(rules) > DATA_SOURCE_RULES_MAX:
        raise ShapeError(f"It has {len(rules):,} rules; at most {DATA_SOURCE_RULES_MAX} are kept.")
    return DataSource(
        id=source_id,
        name=_label(shape, "name"),
        description=_label(shape, "description"),
        rules=tuple(_rule(rule, sources) for rule in rules),
    )


def _rule(shape: Shape, sources: Collection[str]) -> Rule:
    shape.only(*_FIELDS[Rule])
    source = shape.text("source")
    if not isinstance(source, str) or source not in sources:
        raise shape.wrong("source", f"one of {', '.join(sorted(sources))}")
    for name, wanting in _OF_SOURCE.items():
        if wanting == source and not _names(shape, name):
            raise shape.wrong(name, f"a list of {name}, since the source is {source}")
        if wanting != source and name in shape:
            raise shape.wrong(name, f"absent, since only the source {wanting} takes it")
    limit = shape.whole("limit")
    if isinstance(limit, int) and not 1 <= limit <= PRODUCTS_MAX:
        raise shape.wrong("limit", f"a whole number from 1 to {PRODUCTS_MAX}")
    when, filters = shape.inner("when"), shape.inner("filters")
    return Rule(
        source=source,
        name=_label(shape, "name"),
        products=_names(shape, "products"),
        collections=_names(shape, "collections"),
        limit=limit if isinstance(limit, int) else None,
        when=_when(when) if when is not None else None,
        filters=_filters(filters) if filters is not None else None,
    )


def _when(shape: Shape) -> When:
    shape.only(*_FIELDS[When])
    since, until = _moment(shape, "from"), _moment(shape, "until")
    if since is not None and until is not None and since >= until:
        raise shape.wrong("until", "later than from")
    country = tuple(name.upper() for name in _names(shape, "country"))
    if not all(len(name) == 2 and name.isascii() and name.isalpha() for name in country):
        raise shape.wrong("country", "a list of countries of two letters, such as DE")
    return When(
        cart_subtotal=_bounds(shape, "cart_subtotal"),
        cart_contains=_contained(shape, "cart_contains"),
        inputs_contain=_contained(shape, "inputs_contain"),
        country=country,
        customer_tags=_names(shape, "customer_tags"),
        since=since,
        until=until,
    )


def _filters(shape: Shape) -> Filters:
    shape.only(*_FIELDS[Filters])
    exclude: list[Any] = [name.lower() for name in _names(shape, "exclude")]
    if any(name not in _EXCLUDED for name in exclude):
        raise shape.wrong("exclude", f"a list of {', '.join(_EXCLUDED)}")
    in_stock = shape.flag("in_stock")
    return Filters(
        price=_bounds(shape, "price"),
        tags=_choice(shape.inner("tags"), "any", "all", "none"),
        vendors=_choice(shape.inner("vendors"), "any", "none"),
        types=_choice(shape.inner("types"), "any", "none"),
        collections=_choice(shape.inner("collections"), "any", "all", "none"),
        in_stock=in_stock if isinstance(in_stock, bool) else None,
        exclude=tuple(exclude),
    )


def _bounds(outer: Shape, name: str) -> Bounds | None:
    shape = outer.inner(name)
    if shape is None:
        return None
    shape.only(*_FIELDS[Bounds])
    told = {bound: amount for bound in _FIELDS[Bounds] if isinstance(amount := shape.amount(bound), str)}
    if not told:
        # One without bounds would always hold: whoever wrote it meant something else.
        raise outer.wrong(name, f"an object with one of {', '.join(_FIELDS[Bounds])}")
    return Bounds(**{bound: Decimal(amount) for bound, amount in told.items()})


def _contained(outer: Shape, name: str) -> Contained | None:
    shape = outer.inner(name)
    if shape is None:
        return None
    shape.only(*_FIELDS[Contained])
    told = Contained(**{kind: _names(shape, kind) for kind in _FIELDS[Contained]})
    if told == Contained():
        raise outer.wrong(name, f"an object with a list of {', '.join(_FIELDS[Contained])}")
    return told


def _choice(shape: Shape | None, *known: str) -> Choice | None:
    if shape is None:
        return None
    shape.only(*known)
    told = Choice(**{name: _names(shape, name) for name in known})
    return told if told != Choice() else None


def _names(shape: Shape, name: str) -> Names:
    """A list of names, each once."""
    texts = shape.texts(name)
    names = tuple(dict.fromkeys(texts)) if isinstance(texts, list) else ()
    if len(names) > DATA_SOURCE_NAMES_MAX:
        raise shape.wrong(name, f"a list of at most {DATA_SOURCE_NAMES_MAX:,}")
    if any(len(text) > PRODUCT_REFERENCE_CHARACTERS_MAX for text in names):
        raise shape.wrong(name, f"a list of texts of at most {PRODUCT_REFERENCE_CHARACTERS_MAX} characters")
    return names


def _label(shape: Shape, name: str) -> str | None:
    text = shape.text(name)
    if isinstance(text, str) and len(text) > LABEL_CHARACTERS_MAX:
        raise shape.wrong(name, f"a text of at most {LABEL_CHARACTERS_MAX:,} characters")
    return text if isinstance(text, str) else None


def _moment(shape: Shape, name: str) -> datetime | None:
    text = shape.text(name)
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  # stands for one that can't be read: it has no offset either
    if moment.tzinfo is None:
        raise shape.wrong(name, "a time with its offset, such as 2026-11-27T00:00:00+01:00")
    return moment

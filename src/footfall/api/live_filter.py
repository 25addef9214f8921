"""Which events of a shop a live feed shows, read from its parameters. What can't be used is refused: a page can do with
another list than it asked for, but a feed of other events than were asked for does harm in silence."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from footfall.api.exchange import Refused
from footfall.event import Event, Flag
from footfall.identifiers import (
    CustomerId,
    ProductReference,
    ShopId,
    Uuid,
    is_placeholder,
    product_reference,
    read_id,
    read_uuid,
)
from footfall.limits import IDENTITY_CHARACTERS_MAX, LIVE_PRODUCTS_MAX
from footfall.projections.names import Names
from footfall.vocabulary import VOCABULARY

FILTERS: Final = ("subject", "verb", "noun", "product", "uuid", "customer_id", "bots", "test")
"""What a feed can be narrowed to. Words or products parted by commas are alternatives; several filters hold together."""

_WORDS: Final = ("subject", "verb", "noun")
LISTED: Final = (*_WORDS, "product")
"""Those of them that take several, also by coming several times."""

_MARKS: Final[Mapping[str, Flag]] = {"bots": "bot", "test": "test"}


class Filter(NamedTuple):
    """What passes. Empty parts let everything pass."""

    subjects: frozenset[str]
    verbs: frozenset[str]
    nouns: frozenset[str]
    uuid: Uuid | None
    customer: CustomerId | None
    without: frozenset[Flag]
    products: tuple[ProductReference, ...]

    def lets_pass(self, event: Event) -> bool:
        """Whether an event passes, but for its product."""
        return (
            (not self.verbs or event.verb in self.verbs)
            and (not self.nouns or event.noun in self.nouns)
            and (not self.subjects or event.subject in self.subjects)
            and (self.uuid is None or event.uuid == self.uuid)
            and (self.customer is None or event.customer_id == self.customer)
            and (not self.without or not event.flags or self.without.isdisjoint(event.flags))
        )


class Resolved:
    """A filter with its products as they are known at this moment: good for one page of events, since names change."""

    def __init__(self, of: Filter, shop: ShopId, names: Names) -> None:
        self._of = of
        self._shop = shop
        self._names = names
        self._products = {names.product(shop, reference) for reference in of.products}

    def lets_pass(self, event: Event) -> bool:
        """Whether an event passes."""
        return self._of.lets_pass(event) and (not self._of.products or self._is_of_products(event))

    def _is_of_products(self, event: Event) -> bool:
        reference = product_reference(event.product_id, event.product_handle, event.variant_id)
        return reference is not None and self._names.product(self._shop, reference) in self._products


def read_filter(fields: Mapping[str, str]) -> Filter:
    """The filter of a request. Raises ``Refused`` (400), which names what exists; also for an empty filter, which a script
    sends whose variable has no value: it would see what everybody does."""
    for name in FILTERS:
        if fields.get(name) == "":
            raise Refused(400, f"{name} is empty. Give it a value, or leave it out.")
    subjects, verbs, nouns = (_read_words(fields, name, place) for place, name in enumerate(_WORDS))
    if not any(_fits(triple, (subjects, verbs, nouns)) for triple in VOCABULARY):
        raise Refused(400, "No event has such a subject, verb and noun together. /docs shows the vocabulary.")
    return Filter(
        subjects,
        verbs,
        nouns,
        _read_visitor(fields),
        _read_customer(fields),
        frozenset(flag for name, flag in _MARKS.items() if _is_no(fields, name)),
        tuple(_read_products(fields)),
    )


def _fits(triple: tuple[str, str, str], wanted: tuple[frozenset[str], ...]) -> bool:
    return all(not words or word in words for word, words in zip(triple, wanted, strict=True))


def _read_words(fields: Mapping[str, str], name: str, place: int) -> frozenset[str]:
    if name not in fields:
        return frozenset()
    words = [word.strip() for word in fields[name].split(",")]
    known = {triple[place] for triple in VOCABULARY}
    for word in words:
        if word not in known:
            raise Refused(400, f"Unknown {name} {word[:40]!r}. There are: {', '.join(sorted(known))}.")
    return frozenset(words)


def _read_visitor(fields: Mapping[str, str]) -> Uuid | None:
    if "uuid" not in fields:
        return None
    uuid = read_uuid(fields["uuid"])
    if uuid is None or is_placeholder(uuid):
        raise Refused(
            400, f"Invalid uuid. It must be 1 to {IDENTITY_CHARACTERS_MAX} printable characters of a visitor's uuid."
        )
    return uuid


def _read_customer(fields: Mapping[str, str]) -> CustomerId | None:
    if "customer_id" not in fields:
        return None
    customer = read_id(fields["customer_id"], "Customer", characters_max=IDENTITY_CHARACTERS_MAX)
    if customer is None or is_placeholder(customer) or customer == "0":
        raise Refused(400, f"Invalid customer_id. It must be 1 to {IDENTITY_CHARACTERS_MAX} printable characters of an id.")
    return CustomerId(customer)


def _is_no(fields: Mapping[str, str], name: str) -> bool:
    value = fields.get(name, "yes")
    if value not in ("yes", "no"):
        raise Refused(400, f"Invalid {name}. It is yes (with them, as without it) or no (without them).")
    return value == "no"


def _read_products(fields: Mapping[str, str]) -> list[ProductReference]:
    """Every name that each value may be: a product's id, a handle, a variant's id."""
    if "product" not in fields:
        return []
    values = [value.strip() for value in fields["product"].split(",")]
    if len(values) > LIVE_PRODUCTS_MAX:
        raise Refused(400, f"A feed is narrowed to at most {LIVE_PRODUCTS_MAX} products.")
    references = []
    for value in values:
        product, variant = read_id(value, "Product"), read_id(value, "ProductVariant")
        if product is None or variant is None or is_placeholder(value):
            raise Refused(
                400, f"Invalid product {value[:40]!r}. It must be the id, the handle or a variant's id of a product."
            )
        references += [ProductReference(name) for name in ("p:" + product, "h:" + value, "v:" + variant)]
    return references

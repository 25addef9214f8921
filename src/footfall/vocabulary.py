"""Which subject, verb and noun make an event. The table is the documentation's, and what real storefront scripts send."""

from typing import Final, NewType

Action = NewType("Action", int)
"""A small number for a subject and verb on a product, as the visitor history keeps it."""

_USER: Final[dict[str, tuple[str, ...]]] = {
    "product": ("viewed", "added", "removed", "purchased"),
    "searched-products": ("added-from", "clicked-to-pdp-from"),
    "search-result": ("added-from", "clicked-to-pdp-from"),
    "widget": ("viewed", "clicked", "added-from"),
    "term": ("searched", "passive-searched"),
    "search-term": ("changed",),
    "searched-product": ("viewed",),
    "search-filter-type": ("filtered-with",),
    "search-filter-values": ("filtered-with",),
    "collection-filter-type": ("filtered-with",),
    "collection-filter-values": ("filtered-with",),
    "collection-sort-type": ("sorted-by",),
    "session": ("started",),
    "collection": ("viewed", "clicked-to-pdp-from", "added-from"),
    "collection-product": ("viewed",),
    "product-in-collection": ("clicked-to-pdp-from", "added-from"),
    "pdp-via-collection": ("added-from",),
    "pdp-via-collection-product": ("added-from",),
    "smart-flow": ("started", "clicked-in"),
}

_OTHERS: Final[tuple[tuple[str, str, str], ...]] = (
    ("abtest", "tracking", "cart"),
    ("search", "used-in", "session"),
    ("search", "returned", "no-search-results"),
    ("collection", "viewed", "product"),
    ("collections", "used-in", "session"),
)

VOCABULARY: Final[frozenset[tuple[str, str, str]]] = frozenset(
    [("user", verb, noun) for noun, verbs in _USER.items() for verb in verbs] + list(_OTHERS)
)
"""Every supported (subject, verb, noun)."""

SUBJECTS: Final = tuple(dict.fromkeys(["user", *(subject for subject, _, _ in _OTHERS)]))

# Stored on disk: do not change, only add.
ACTIONS: Final[dict[tuple[str, str], Action]] = {
    ("user", "viewed"): Action(1),
    ("user", "added"): Action(2),
    ("user", "removed"): Action(3),
    ("user", "purchased"): Action(4),
    ("collection", "viewed"): Action(5),
}
"""(subject, verb) on the noun ``product`` → its number in the visitor history."""


def refusal(subject: str, verb: str, noun: str) -> tuple[str, str]:
    """Why this triple is not supported: the field at fault (``subject``, ``noun`` or ``verb``) and the list of what is."""
    if subject not in SUBJECTS:
        return "subject", f"Unsupported subject {_shown(subject)}. Supported subjects: {', '.join(SUBJECTS)}."
    nouns = sorted({n for s, _, n in VOCABULARY if s == subject})
    if noun not in nouns:
        return "noun", f"Unsupported noun {_shown(noun)} for subject '{subject}'. Supported nouns: {', '.join(nouns)}."
    verbs = sorted(v for s, v, n in VOCABULARY if (s, n) == (subject, noun))
    return "verb", f"Unsupported verb {_shown(verb)} for '{subject}' and '{noun}'. Supported verbs: {', '.join(verbs)}."


def _shown(word: str) -> str:
    """A client's word as an error repeats it: quoted and cut, since it may be 32 KB of anything."""
    return repr(word if len(word) <= 40 else word[:40] + "…")

"""The OpenAPI document's part on recommendations: the lists made of sessions, and what an answer was made of. Data."""

from typing import Any, Final

from footfall.api.openapi_shared import JSON_TYPE, body, json_answer, operation, parameters

_CHAIN: Final = (
    "Where sessions say too little it is filled up, unless `fallback=no`: with products whose content is like what was asked "
    "about, then top sellers, then whatever else the catalog has."
)
_NEVER: Final = "Never what is hidden, unpublished or, unless `filter_oos=no`, sold out, nor what the visitor bought lately."
_LIST_ERRORS: Final = ("UnknownKey", "SecretInPage", "TooLarge", "Unavailable")
_IDENTITY_ERRORS: Final = ("MissingIdentity", "UnknownKey", "CustomerReadsSecret", "TooLarge", "Unavailable")
_FOR_YOU_ERRORS: Final = ("UnknownKey", "CustomerReadsSecret", "TooLarge", "Unavailable")
_ANSWER_ERRORS: Final = ("NoSecret", "SecretInPage", "UnknownAnswer", "Unavailable")
EXAMPLE_ANSWER: Final = "recommended.mJ2vQxT0cY8rLd3a"
_IDENTITY: Final = ("uuid", "shopify_customer_id")
_INPUTS: Final = ("shopify_product_ids", "shopify_variant_ids", "cart_items", "filter_inputs")

_LISTS: Final[dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]]] = {
    "recommended": (
        "Products that go with others",
        (
            f"What goes with the products, variants or cart given, which are left out. {_CHAIN} {_NEVER} With "
            "`shopify_collection_id` only products of that collection. Without any input: what the visitor may want next "
            "where one is named, else top sellers."
        ),
        (*_INPUTS, "shopify_collection_id", *_IDENTITY, "fallback", "filter_unpublished"),
        _LIST_ERRORS,
    ),
    "viewed-related": (
        "Products that go with what was viewed",
        f"Complementary to what this visitor viewed, without it; with `verb=added`, to what they added. {_CHAIN} {_NEVER}",
        (*_IDENTITY, "read_subject", "read_verb", "fallback", "filter_unpublished"),
        _IDENTITY_ERRORS,
    ),
    "for-you": (
        "Products that a visitor may want next",
        (
            f"What comes next in sessions like this visitor's: also what they saw before, without what they see now. {_CHAIN} "
            f"{_NEVER} Without an identity: top sellers."
        ),
        (*_IDENTITY, "shopify_product_ids", "fallback", "filter_unpublished"),
        _FOR_YOU_ERRORS,
    ),
    "similar_products": (
        "Alternatives to products",
        (
            "Products of the same kind by what the catalog says of them (type, tags, words of the title, vendor), the ones "
            "that are looked at instead first. Fewer than `limit` where there are no more: never filled up. Without a "
            "catalog, what sessions say."
        ),
        ("shopify_product_ids", "filter_inputs", *_IDENTITY, "filter_unpublished"),
        _LIST_ERRORS,
    ),
}


def recommendation_paths(tag: str, product: Any, of_lists: tuple[str, ...], where: str) -> dict[str, Any]:
    """The lists, and under the tag ``where`` the record of an answer. ``product`` is an example."""
    answer = json_answer(
        "Recommendations",
        "The products, the best first.",
        {"data": [product], "metadata": {"attribution": EXAMPLE_ANSWER}},
        position=True,
    )
    known = parameters()
    paths: dict[str, Any] = {}
    for name, (summary, about, taking, errors) in _LISTS.items():
        get = operation(f"products-{name}", tag, summary, about, answer, errors=errors, taking=("key", *taking, *of_lists))
        post = operation(
            f"products-{name}-post",
            tag,
            f"{summary} (POST)",
            "The same parameters as a form or a JSON object.",
            answer,
            errors=(*errors, "TooSlow", "Unsupported"),
        )
        asked = {"key": known["key"]["example"], taking[0]: known[taking[0]]["example"]}
        post |= body("Question", {JSON_TYPE: {"json": asked}})
        paths[f"/api/v1/products/{name}"] = {"get": get, "post": post}
    return paths | {"/api/v1/answers/{reference}": {"get": _answer(where)}}


def _answer(tag: str) -> dict[str, Any]:
    given = {"product": {"id": 5630650697948}, "verb": "given", "at": None, "steps": 0}
    reason = {
        "source": "recommended",
        "by": "sessions",
        "score": 3.217048,
        "sessions": 12,
        "newest_at": 1773136740000,
        "because": [{**given, "sessions": 12}],
    }
    made = {
        "id": EXAMPLE_ANSWER,
        "list": "recommended",
        "at": 1773136800000,
        "position": "6b1f02c4-0.1",
        "settings": "5f0c9a1b",
        "asked": {
            "of_visitor": False,
            "products": [{"product": {"id": 5630650697948}, "verb": "given", "at": None, "steps": 0}],
        },
        "products": [{"product": "5630650697949", "reasons": [reason]}],
    }
    described = operation(
        "answer",
        tag,
        "What was an answer made of?",
        "By the id in its `metadata.attribution`, which clicks and cart lines carry as well: what it started from, which "
        "events it covered, and for each product why it was there. The last 100,000 answers are kept (setting "
        "`answers_kept`), until the server restarts; those of a visitor who is forgotten go at once. No identity is in it.",
        json_answer("Made", "What it was made of.", {"data": made}),
        errors=_ANSWER_ERRORS,
        security=("secret",),
    )
    described["parameters"] = [
        {
            "name": "reference",
            "in": "path",
            "required": True,
            "description": "The id of an answer.",
            "schema": {"type": "string"},
            "example": EXAMPLE_ANSWER,
        }
    ]
    return described

"""Promises about the ways out: what a visitor viewed, the other lists, the parameters they share, the product object."""

from typing import Any, Final

from footfall.cli.promises.host import Answer
from footfall.cli.promises.promise import (
    BULK,
    JSON,
    PRODUCTS,
    VIEWED,
    Group,
    Product,
    Visitor,
    encoded,
    form,
    invented,
    names_are,
)

GROUP: Final = Group("lists")
_DEFAULT: Final = 5
_MOST: Final = 250
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_TEXT: Final = (str, type(None))
_KEYS: Final[dict[str, tuple[type, ...]]] = {
    "id": (int,),
    "title": _TEXT,
    "body_html": _TEXT,
    "description": _TEXT,
    "vendor": _TEXT,
    "product_type": _TEXT,
    "created_at": _TEXT,
    "handle": (str,),
    "updated_at": _TEXT,
    "published_at": _TEXT,
    "template_suffix": _TEXT,
    "published_scope": _TEXT,
    "tags": (str,),
    "admin_graphql_api_id": _TEXT,
    "status": _TEXT,
    "image": (dict, type(None)),
    "images": (list,),
    "options": (list,),
    "variants": (list,),
    "link": _TEXT,
}
"""Keys of the product object, and of which type their values are."""
_VARIANT_KEYS: Final[dict[str, tuple[type, ...]]] = {"id": (int,), "price": (str,), "available": (bool,)}


def _views(visitor: Visitor, *products: Product) -> None:
    """The visitor views these, one after the other."""
    visitor.post([visitor.event(product) for product in products], BULK).is_received()


def _have_types(answer: Answer, values: list[dict[str, Any]], keys: dict[str, tuple[type, ...]], what: str) -> None:
    for value in values:
        wrong = [name for name, types in keys.items() if name not in value or type(value[name]) not in types]
        answer.require(not wrong, f"{what} with {', '.join(wrong)} of the documented type")


@GROUP.documented
def newest_first(visitor: Visitor) -> None:
    """viewed answers the newest first, and each product once, where it was seen last."""
    first, second, third = visitor.products[:3]
    for seen in (first, second, third, first):
        visitor.post(visitor.event(seen)).is_received()
    visitor.has_viewed(first, third, second)


@GROUP.documented
def limit(visitor: Visitor) -> None:
    """A list has five products unless limit says otherwise."""
    _views(visitor, *visitor.products)
    newest = visitor.products[::-1]
    visitor.has_viewed(*newest[:_DEFAULT])
    visitor.has_viewed(*newest[:2], limit="2")
    visitor.has_viewed(*newest, limit=str(len(newest)))


@GROUP.needing("invented", documented=True)
def limit_most(visitor: Visitor) -> None:
    """A limit above 250 counts as 250."""
    many = list(invented(_MOST + 1))
    for start in range(0, len(many), 100):
        _views(visitor, *many[start : start + 100])
    answer = visitor.viewed(limit="1000")
    count = len(answer.products())
    answer.require(count == _MOST, f"{_MOST} products", f"{count} products")


@GROUP.documented
def nobody(visitor: Visitor) -> None:
    """Of a visitor whom nobody has seen, viewed answers an empty list."""
    visitor.viewed().is_exactly(200, {"data": []})


@GROUP.documented
def added(visitor: Visitor) -> None:
    """verb=added answers what was added, also where it was removed later; viewed answers views alone."""
    first, second, third = visitor.products[:3]
    done = ((first, "added"), (second, "added"), (first, "removed"), (third, "viewed"))
    visitor.post([visitor.event(product, verb=verb) for product, verb in done], BULK).is_received()
    visitor.has_viewed(second, first, subject="user", verb="added")
    visitor.has_viewed(third)


@GROUP.documented
def context_ignored(visitor: Visitor) -> None:
    """Empty and unknown parameters, which widgets pass by the dozen, mean nothing."""
    seen = visitor.products[0]
    _views(visitor, seen)
    empty = dict.fromkeys(("shopify_customer_id", "country_code", "limit", "subject", "verb", "cart_token"), "")
    visitor.has_viewed(seen, **empty, cache_key="1790000000", widget_parameter="ä & %00 [1]", bust_cache="1")


@GROUP.documented
def posted_question(visitor: Visitor) -> None:
    """The same question may be posted, as a form or as JSON."""
    seen = visitor.products[0]
    _views(visitor, seen)
    asked = visitor.asked(key=visitor.host.key, uuid=visitor.uuid)
    names_are(visitor.host.ask("POST", VIEWED, headers=_FORM, body=form(asked)), [seen])
    names_are(visitor.host.ask("POST", VIEWED, headers=JSON, body=encoded(asked)), [seen])


@GROUP.documented
def pretty(visitor: Visitor) -> None:
    """format=pretty and a bare pretty answer the same, on lines of their own."""
    _views(visitor, visitor.products[0])
    plain = visitor.viewed()
    for asked in ({"format": "pretty"}, {"pretty": ""}):
        answer = visitor.viewed(**asked)
        answer.require(answer.json() == plain.json(), "the same JSON as without it")
        answer.require(b"\n " in answer.body, "JSON on several lines, indented")


@GROUP.documented
def product_object(visitor: Visitor) -> None:
    """A product has all documented keys, each of its type: numbers as ids, prices and tags as texts, lists that are there."""
    seen = visitor.products[0]
    told = {"shopify_variant_id": seen.id, "shopify_product_title": "Of a conformance run", "shopify_variant_price": "19.90"}
    visitor.post(visitor.event(seen, **told)).is_received()
    answer = visitor.viewed()
    products = answer.products()
    answer.require(len(products) == 1, "one product")
    _have_types(answer, products, _KEYS, "a product")
    _have_types(answer, products[0]["variants"], _VARIANT_KEYS, "a variant")
    answer.require(products[0]["variants"], "a product with a variant")


@GROUP.documented
def metafields(visitor: Visitor) -> None:
    """With metafields=yes a product has an array of them, if an empty one."""
    _views(visitor, visitor.products[0])
    answer = visitor.viewed(metafields="yes")
    products = answer.products()
    answer.require(products and isinstance(products[0].get("metafields"), list), "a product with an array of metafields")


@GROUP.needing("catalog", documented=True)
def unknown_left_out(visitor: Visitor) -> None:
    """A handle that the catalog doesn't have is left out of what was viewed."""
    (unknown,) = invented(1)
    seen = visitor.products[0]
    _views(visitor, seen, unknown)
    visitor.has_viewed(seen)


@GROUP.documented
def sources(visitor: Visitor) -> None:
    """/api/v1/sources tells of every list, and each that it names answers with products."""
    answer = visitor.get("/api/v1/sources", {})
    told = answer.json().get("data")
    answer.require(told and isinstance(told, list), "200 with a list of sources")
    described = {"id", "name", "description", "protocol", "host", "path", "query"}
    answer.require(all(described <= source.keys() for source in told), f"sources with {', '.join(sorted(described))}")
    names = [source["path"].rpartition("/products/")[2] for source in told if "/products/" in source["path"]]
    answer.require("viewed" in names, "a source with the path of viewed")
    identity = {"uuid": visitor.uuid, "shopify_customer_id": visitor.customer}
    for name in names:
        asked = {"key": visitor.host.key, "limit": "1", **identity}
        visitor.host.ask("GET", PRODUCTS + name, query=asked, headers=visitor.bearer).products()


@GROUP.ours
def limit_unusable(visitor: Visitor) -> None:
    """A limit that is empty, negative or no number counts as absent: a read never fails over it."""
    _views(visitor, *visitor.products)
    for unusable in ("", "-3", "many"):
        visitor.has_viewed(*visitor.products[::-1][:_DEFAULT], limit=unusable)


@GROUP.ours
def pretty_is_a_word(visitor: Visitor) -> None:
    """Any other format counts as none."""
    _views(visitor, visitor.products[0])
    plain, answer = visitor.viewed(), visitor.viewed(format="prettyy")
    answer.require(answer.json() == plain.json() and answer.body == plain.body, "the answer without it, byte for byte")


@GROUP.ours
def explained(visitor: Visitor) -> None:
    """explain=yes says of each product why it is there."""
    _views(visitor, visitor.products[0])
    answer = visitor.viewed(explain="yes")
    reasons = [product.get("reasons") for product in answer.products()]
    found = len(reasons) == 1 and isinstance(reasons[0], list) and [reason.get("source") for reason in reasons[0]]
    answer.require(found == ["viewed"], "a product with a reason whose source is viewed")

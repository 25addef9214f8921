"""What a request says around its question: the visitor, the products it looks at, the cart. Nothing here ever refuses."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from footfall.api.exchange import Refused
from footfall.api.products import Context, Question, product_references, read_country, read_list
from footfall.api.viewed import may_read_customer, read_customer, read_visitor
from footfall.catalog.amount import read_amount
from footfall.identifiers import ProductReference, ShopId, read_id
from footfall.limits import CONTEXT_REFERENCES_MAX
from footfall.projections.catalog import Catalog

Value = TypeVar("Value")

_CART: tuple[str, ...] = ("cart_items", "cart_line_items", "cart_product_ids")


def read_context(question: Question, catalog: Catalog) -> Context:
    """The context of a request. What can't be used counts as absent, and what nobody asks for is not looked at."""
    fields, caller = question.fields, question.caller
    customer = _lenient(read_customer, fields) if may_read_customer(caller) else None
    return Context(
        uuid=_lenient(read_visitor, fields),
        customer=customer,
        inputs=_inputs(fields),
        cart=_cart(fields, caller.shop.id, catalog),
        cart_subtotal=read_amount(fields.get("cart_subtotal")),
        customer_tags=frozenset(tag.lower() for tag in read_list(fields, "customer_tags")),
        country=read_country(fields),
    )


def _lenient(read: Callable[[Mapping[str, Any]], Value | None], fields: Mapping[str, Any]) -> Value | None:
    with suppress(Refused):
        return read(fields)
    return None


def _inputs(fields: Mapping[str, Any]) -> tuple[ProductReference, ...]:
    references = product_references(read_list(fields, "shopify_product_ids", "shopify_product_id"))
    for value in read_list(fields, "shopify_variant_ids", "shopify_variant_id"):
        variant = read_id(value, "ProductVariant")
        if variant is not None:
            references.append(ProductReference("v:" + variant))
    return tuple(references[:CONTEXT_REFERENCES_MAX])


def _cart(fields: Mapping[str, Any], shop: ShopId, catalog: Catalog) -> tuple[ProductReference, ...] | None:
    """The products of the cart: ids parted by commas, a list of ids, or line items as carts and their JSON have them."""
    name = next((name for name in _CART if name in fields or f"{name}[]" in fields), None)
    if name is None:
        return None
    value = fields.get(name, fields.get(f"{name}[]"))
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        with suppress(msgspec.DecodeError, RecursionError):
            value = msgspec.json.decode(value)
    items = value if isinstance(value, list) else read_list({name: value}, name)
    references = (_of_item(item, shop, catalog) for item in items[:CONTEXT_REFERENCES_MAX])
    return tuple(reference for reference in references if reference is not None)


def _of_item(item: object, shop: ShopId, catalog: Catalog) -> ProductReference | None:
    """The product of a line item. An id that stands alone may be a product's or a variant's: the catalog knows which."""
    told: Mapping[str, Any] = item if isinstance(item, dict) else {"id": item}
    product = read_id(told.get("product_id"), "Product")
    if product is not None:
        return ProductReference("p:" + product)
    alone = read_id(told.get("id"), "Product")
    variant = read_id(told.get("variant_id", told.get("id")), "ProductVariant")
    if alone is not None and "variant_id" not in told and catalog.key_of(shop, "p:" + alone) is not None:
        return ProductReference("p:" + alone)
    if variant is not None and (alone is None or catalog.key_of(shop, "v:" + variant) is not None):
        return ProductReference("v:" + variant)
    return ProductReference("p:" + alone) if alone is not None else None

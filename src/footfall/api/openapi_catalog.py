"""The OpenAPI document's part on the catalog: its own routes, and the lists that the caller names. Data, like ``openapi``."""

from typing import Any, Final

from footfall.api.openapi_shared import JSON_TYPE, body, json_answer, operation, parameters
from footfall.limits import CATALOG_BATCH_MAX

CATALOG: Final = "Catalog"
CATALOG_ABOUT: Final = "The shop's products and collections, in and out: these need the secret key."

_PRODUCT: Final = {
    "id": 5630650697948,
    "handle": "classic-beanie",
    "title": "Classic Beanie",
    "variants": [{"id": 36287950323868, "title": "Blue", "price": "19.90", "sku": "BEANIE-BLUE"}],
}
_COLLECTION: Final = {"id": 7, "handle": "hats", "title": "Hats", "products": [5630650697948]}
_ERRORS: Final = ("WrongProduct", "NoSecret", "SecretInPage", "TooSlow", "TooLarge", "Unsupported", "Unavailable")
_DELETE_ERRORS: Final = ("NoSecret", "SecretInPage", "UnknownProduct", "Unavailable")
_PURCHASED_ERRORS: Final = ("MissingIdentity", "UnknownKey", "CustomerReadsSecret", "TooLarge", "Unavailable")
_LIST_ERRORS: Final = ("UnknownKey", "SecretInPage", "TooLarge", "Unavailable")


def _put(name: str, things: str, schema: str, example: Any) -> dict[str, Any]:
    outcomes = json_answer(
        "Outcomes",
        "What happened to each.",
        {"data": [{"status": "created", "id": str(example["id"]), "handle": example["handle"]}]},
    )
    return operation(
        name,
        CATALOG,
        f"Put {things} into the catalog",
        f"At most {CATALOG_BATCH_MAX} at once, one outcome for each, in order. What one doesn't tell stays as it is; one that "
        "can't be read is `rejected`, and costs the others nothing. Where none can be read the answer is 400.",
        outcomes,
        errors=_ERRORS,
        security=("secret",),
    ) | body(schema, {JSON_TYPE: {"array": [example], "object": {things: [example]}}})


def _delete(name: str, thing: str, example: str) -> dict[str, Any]:
    answer = json_answer("Deleted", "It is gone.", {"data": {"status": "deleted", "id": example}})
    about = "By id or handle. Events about it stay." if thing == "product" else "By id. Its products stay."
    deleting = operation(
        name, CATALOG, f"Take a {thing} out of the catalog", about, answer, errors=_DELETE_ERRORS, security=("secret",)
    )
    deleting["parameters"] = [
        {
            "name": "reference",
            "in": "path",
            "required": True,
            "description": f"The {thing}.",
            "schema": {"type": "string"},
            "example": example,
        }
    ]
    return deleting


def catalog_paths() -> dict[str, Any]:
    """The catalog's own routes."""
    return {
        "/api/v1/catalog/products": {"put": _put("catalog-products-put", "products", "CatalogProducts", _PRODUCT)},
        "/api/v1/catalog/products/{reference}": {"delete": _delete("catalog-product-delete", "product", "5630650697948")},
        "/api/v1/catalog/collections": {
            "put": _put("catalog-collections-put", "collections", "CatalogCollections", _COLLECTION)
        },
        "/api/v1/catalog/collections/{reference}": {"delete": _delete("catalog-collection-delete", "collection", "7")},
    }


def list_paths(tag: str, product: Any, of_lists: tuple[str, ...]) -> dict[str, Any]:
    """The lists that the caller names. ``product`` is an example, ``of_lists`` what every list takes."""
    answer = json_answer("Products", "The products, in order.", {"data": [product]}, position=True)
    bought = {**product, "metadata": {"purchased_quantity": "1"}}
    customer = {"shopify_customer": {"id": 5630650697, "first_name": None, "last_name": None}}
    own = {
        "purchased": json_answer(
            "Purchased", "The products, bought last first.", {"data": [bought], "metadata": customer}, position=True
        )
    }
    told = {
        "static": (
            "Products by name",
            "The products that the caller names, in that order; those that the catalog doesn't know are left out.",
            ("ids", "handles", "shopify_product_ids", "shopify_collection_id", "excluded_ids", "filter_unpublished"),
        ),
        "collections": (
            "Products of collections",
            "Those of each in its order, without `shopify_product_ids` and, unless `filter_oos=no`, what is sold out.",
            ("shopify_collection_ids", "shopify_product_ids", "smart_sort", "filter_unpublished"),
        ),
        "top_sellers": (
            "Top sellers",
            (
                "By units bought within `days` and not taken back, then by adds to carts, then by views, then by what was "
                "seen before; never empty while there are products. As soon as a shop has orders, claims of pages don't "
                "count. An event counts within a second."
            ),
            ("days", "filter_unpublished"),
        ),
        "trending_products": (
            "Trending products",
            (
                "What more visitors see now than the product's own past at the shop's present pace lets expect, the most "
                "striking first, each visitor counted once an hour; then other products that are seen now, then top sellers."
            ),
            ("fallback", "filter_unpublished"),
        ),
        "purchased": (
            "Purchased products",
            (
                "What a customer (or visitor) bought and kept, the latest first, with the units of each product; without "
                "`shopify_product_ids` and, unless `filter_oos=no`, what is sold out. The customer's names are answered to "
                "the secret key alone."
            ),
            ("shopify_customer_id", "uuid", "shopify_product_ids", "filter_unpublished"),
        ),
    }
    paths: dict[str, Any] = {}
    known = parameters()
    for name, (summary, about, taking) in told.items():
        answered = own.get(name, answer)
        errors = _PURCHASED_ERRORS if name in own else _LIST_ERRORS
        get = operation(f"products-{name}", tag, summary, about, answered, errors=errors, taking=("key", *taking, *of_lists))
        post = operation(
            f"products-{name}-post",
            tag,
            f"{summary} (POST)",
            "The same parameters as a form or a JSON object.",
            answered,
            errors=(*errors, "TooSlow", "Unsupported"),
        )
        asked = {"key": "0123456789abcdef0123456789abcdef01234567", taking[0]: known[taking[0]]["example"]}
        post |= body("Question", {JSON_TYPE: {"json": asked}})
        paths[f"/api/v1/products/{name}"] = {"get": get, "post": post}
    return paths

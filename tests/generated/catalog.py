"""The catalog of the generated shop: products in the shape of Shopify's Admin REST API, collections, and how both change."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.generated.steps import Message, ago, rfc3339

PRODUCTS: Final = 60
UNTRACKED, BACKORDERED, SOLD_OUT, LARGE, DRAFT, UNPUBLISHED, HIDDEN, DELETED, RENAMED, ROBBED, ROBBER, RESTOCKED = range(1, 13)
"""The numbers of products with something peculiar; ``ROBBER`` took the handle that ``ROBBED`` had."""
STRANGER: Final = 99
"""A product that the catalog never has."""
LARGE_VARIANTS: Final = 150
OLD_HANDLE, LOST_HANDLE = "lantern-old", "kettle"
_ORDINARY: Final = range(13, PRODUCTS + 1)
_VENDORS: Final = ("Northwind", "Fernhill", "Quarry Lane", "Saltmarsh")
_TYPES: Final = ("Hats", "Mugs", "Lamps", "Bags", "Socks")
_TAGS: Final = ("winter", "summer", "wool", "gift", "sale", "new")
_LOCATIONS: Final = (71, 72)


def product_id(number: int) -> int:
    """The id of the product with this number."""
    return 5_630_650_000_000 + number


def variant_id(number: int, place: int = 1) -> int:
    """The id of one of its variants, counted from 1."""
    return 36_000_000_000_000 + number * 1_000 + place


@dataclass
class Catalog:
    """Products by number as they are in the end, the messages that lead there, and every name that leads to a product."""

    products: dict[int, dict[str, Any]] = field(default_factory=dict)
    collections: dict[str, list[int]] = field(default_factory=dict)
    """Handle → numbers of its products in its own order."""
    messages: list[Message] = field(default_factory=list)
    old_handles: dict[str, int] = field(default_factory=dict)
    stock: dict[int, int] = field(default_factory=dict)
    """What locations told of the stock of a product's only variant, by its number."""

    def number(self, name: str) -> int:
        """The product that a name (``id:``, ``gid:``, ``handle:``, ``variant:``) stands for in the end."""
        kind, _, value = name.partition(":")
        if kind == "handle":
            owners = [number for number, product in self.products.items() if product["handle"] == value]
            return owners[0] if owners else self.old_handles[value]
        if kind == "variant":
            return (int(value) - variant_id(0, 0)) // 1_000
        return int(value) - product_id(0)


def make_catalog(chance: Random, now: int) -> Catalog:
    """A catalog of ``PRODUCTS`` products that came ten days ago, and what became of it since."""
    catalog = Catalog()
    born = rfc3339(ago(now, days=200))
    first = {number: _product(chance, number, born) for number in range(1, PRODUCTS + 1)}
    _make_peculiar(first)
    catalog.products = {number: dict(product) for number, product in first.items()}
    # Those with something peculiar come in one list, since what happens to them later comes after it.
    lists = [[*range(1, 21)], [*range(21, 41)], [*range(41, PRODUCTS + 1)]]
    for place, numbers in enumerate(lists):
        body = {"products": [first[number] for number in numbers]}
        catalog.messages.append(Message(f"products {place}", ago(now, days=10), "products", body))
    _change(catalog, now)
    _collect(catalog, chance, now)
    return catalog


def _product(chance: Random, number: int, born: str) -> dict[str, Any]:
    price = f"{chance.randint(3, 90)}.{chance.choice(('00', '50', '90'))}"
    handle = f"thing-{number}"
    image = f"https://cdn.example/{handle}.jpg"
    return {
        "id": product_id(number),
        "title": f"Thing {number}",
        "body_html": f"<p>Thing <b>{number}</b> &amp; more.</p>",
        "vendor": chance.choice(_VENDORS),
        "product_type": chance.choice(_TYPES),
        "created_at": born,
        "handle": handle,
        "updated_at": born,
        "published_at": born,
        "template_suffix": None,
        "published_scope": "web",
        "tags": ", ".join(sorted(chance.sample(_TAGS, 2))),
        "status": "active",
        "admin_graphql_api_id": f"gid://shopify/Product/{product_id(number)}",
        "variants": [_variant(number, place, price) for place in range(1, chance.randint(1, 3) + 1)],
        "options": [{"name": "Size", "position": 1, "values": ["1", "2", "3"]}],
        "images": [{"id": 15_000_000_000_000 + number, "position": 1, "src": image, "width": 800, "height": 600}],
    }


def _variant(number: int, place: int, price: str, **more: Any) -> dict[str, Any]:
    return {
        "id": variant_id(number, place),
        "product_id": product_id(number),
        "title": str(place),
        "price": price,
        "sku": f"T-{number}-{place}",
        "option1": str(place),
        "inventory_item_id": variant_id(number, place) + 1_000_000_000_000,
        "inventory_management": "shopify",
        "inventory_policy": "deny",
        "inventory_quantity": 5,
        **more,
    }


def _make_peculiar(products: dict[int, dict[str, Any]]) -> None:
    products[UNTRACKED]["variants"] = [_variant(1, 1, "9.00", inventory_management=None, inventory_quantity=0)]
    products[BACKORDERED]["variants"] = [_variant(2, 1, "9.00", inventory_policy="continue", inventory_quantity=-3)]
    for number in (SOLD_OUT, RESTOCKED):
        products[number]["variants"] = [_variant(number, 1, "9.00", inventory_quantity=0)]
    products[LARGE]["variants"] = [
        _variant(LARGE, place, "12.00", inventory_quantity=int(place == LARGE_VARIANTS))
        for place in range(1, LARGE_VARIANTS + 1)
    ]
    products[DRAFT] |= {"status": "draft", "published_at": None}
    products[UNPUBLISHED] |= {"published_at": None}
    products[HIDDEN]["tags"] = "exclude_rebuy, winter"
    products[RENAMED]["handle"] = OLD_HANDLE
    products[ROBBED]["handle"] = LOST_HANDLE


def _change(catalog: Catalog, now: int) -> None:
    """What webhooks told since: names that moved, a delivery with a part of the variants, stock, a deletion."""

    def tell(day: float, number: int, **changes: Any) -> None:
        at = ago(now, days=day)
        catalog.products[number] |= changes | {"updated_at": rfc3339(at)}
        body = dict(catalog.products[number])
        if number == LARGE:
            gids = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{v['id']}"} for v in body["variants"]]
            body |= {"variants": body["variants"][:100], "variant_gids": gids}
        catalog.messages.append(Message("products 0", at, "products/update", body))

    tell(7, RENAMED, handle="lantern-new")
    tell(6.5, ROBBED, handle="kettle-classic")
    tell(6, ROBBER, handle=LOST_HANDLE)
    tell(5, LARGE, title="Thing with many sizes")
    catalog.old_handles = {OLD_HANDLE: RENAMED, f"thing-{ROBBER}": ROBBER}
    item = catalog.products[RESTOCKED]["variants"][0]["inventory_item_id"]
    for place, (location, available) in enumerate(zip(_LOCATIONS, (0, 4), strict=True)):
        at = ago(now, days=4, hours=place)
        body = {"inventory_item_id": item, "location_id": location, "available": available, "updated_at": rfc3339(at)}
        catalog.messages.append(Message("products 0", at, "inventory_levels/update", body))
    catalog.stock[RESTOCKED] = 4
    catalog.messages.append(Message("products 0", ago(now, days=1), "products/delete", {"id": product_id(DELETED)}))
    del catalog.products[DELETED]


def _collect(catalog: Catalog, chance: Random, now: int) -> None:
    catalog.collections = {
        "peculiar": [DELETED, HIDDEN, SOLD_OUT, RESTOCKED, DRAFT, LARGE, UNTRACKED, ROBBED],
        "everyday": chance.sample(_ORDINARY, 20),
        "empty": [],
    }
    bodies = [
        {"id": 400 + place, "handle": handle, "title": handle.title(), "products": [product_id(n) for n in numbers]}
        for place, (handle, numbers) in enumerate(catalog.collections.items())
    ]
    catalog.messages.append(Message("collections", ago(now, days=9), "collections", {"collections": bodies}))

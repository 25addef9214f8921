"""What the demo shop sells: sixty products in five collections, always the same, and the rules of its data sources."""

from functools import cache
from typing import Any, Final, NamedTuple

from footfall.catalog.collection import Collection
from footfall.catalog.product import Image, Option, Product, Variant

SHOP: Final = "demo"
CURRENCY: Final = "EUR"
GOES_WITH: Final = 1
"""The data source that a product's page and the cart ask."""

_FIRST_ID: Final = 5_630_650_697_000
_SIZES: Final = ("S", "M", "L")
_SOLD_OUT: Final = 4
"""One of the sixty is sold out, so that it can be seen what that changes."""


class _Kind(NamedTuple):
    name: str
    collection: str
    cents: int
    sized: bool
    told: str


_KINDS: Final = (
    _Kind(
        "Shirt", "apparel", 3900, sized=True, told="Woven to be worn often: it softens with every wash and keeps its shape."
    ),
    _Kind(
        "Beanie",
        "apparel",
        1900,
        sized=False,
        told="Ribbed merino, knitted in one piece. It fits most heads and every pocket.",
    ),
    _Kind(
        "Jacket",
        "apparel",
        12900,
        sized=True,
        told="Keeps out wind and most of the rain. Four pockets, one of them hard to find.",
    ),
    _Kind("Socks", "apparel", 1200, sized=True, told="Thick where shoes rub and thin where they don't. Sold by the pair."),
    _Kind("Mug", "home", 1600, sized=False, told="Stoneware that holds a third of a litre and keeps it warm."),
    _Kind(
        "Blanket",
        "home",
        8900,
        sized=False,
        told="Two metres of wool for sofas, cold cars and the last row of a summer cinema.",
    ),
    _Kind("Lamp", "home", 7400, sized=False, told="A small light for the far end of a room. The bulb comes with it."),
    _Kind("Notebook", "paper", 1400, sized=False, told="144 pages that take ink without showing it on the other side."),
    _Kind(
        "Backpack",
        "bags",
        9800,
        sized=False,
        told="Twenty litres, a sleeve for a laptop, and straps that forgive a long walk.",
    ),
    _Kind("Bottle", "outdoor", 2900, sized=False, told="Steel with two walls: cold for a day, hot for an afternoon."),
)


class Style(NamedTuple):
    """A line of products. Colours as CSS writes them: of the thing, its shade, and of the ground behind it."""

    name: str
    colour: str
    shade: str
    ground: str


STYLES: Final = (
    Style("Classic", "#c8553d", "#9b3d2a", "#fbeee6"),
    Style("Linen", "#cdb892", "#a08c66", "#f6f1e7"),
    Style("Harbour", "#34659c", "#234a76", "#e7eff8"),
    Style("Alpine", "#4b8063", "#345c46", "#e8f2ec"),
    Style("Midnight", "#3d3a63", "#282645", "#ecebf5"),
    Style("Everyday", "#d98a3d", "#ab6726", "#fcf1e2"),
)

COLLECTIONS: Final = {
    "apparel": "To wear",
    "home": "For the house",
    "paper": "Paper",
    "bags": "Bags",
    "outdoor": "Outdoors",
}
"""Handle → title."""


class DemoVariant(NamedTuple):
    """What can be put into a cart."""

    id: int
    title: str


class DemoProduct(NamedTuple):
    """A product of the demo shop; ``price`` is a decimal string in the shop's currency."""

    id: int
    handle: str
    title: str
    style: Style
    kind: str
    collection: str
    told: str
    price: str
    variants: tuple[DemoVariant, ...]
    sold_out: bool


@cache
def products() -> tuple[DemoProduct, ...]:
    """Every product, always the same."""
    pairs = ((style, kind) for style in STYLES for kind in _KINDS)
    return tuple(_product(number, style, kind) for number, (style, kind) in enumerate(pairs))


def _product(number: int, style: Style, kind: _Kind) -> DemoProduct:
    title = f"{style.name} {kind.name}"
    price = kind.cents + 100 * (number % 7)
    first = _FIRST_ID * 8 + number
    sizes = _SIZES if kind.sized else ("Default Title",)
    return DemoProduct(
        id=_FIRST_ID + number,
        handle=title.lower().replace(" ", "-"),
        title=title,
        style=style,
        kind=kind.name,
        collection=kind.collection,
        told=kind.told,
        price=f"{price // 100}.{price % 100:02d}",
        variants=tuple(DemoVariant(first + 1_000 * n, size) for n, size in enumerate(sizes)),
        sold_out=number == _SOLD_OUT,
    )


@cache
def by_handle() -> dict[str, DemoProduct]:
    """The same by handle."""
    return {product.handle: product for product in products()}


def found(words: str) -> list[DemoProduct]:
    """Products of which each of these words is in the title or the collection's."""
    wanted = words.lower().split()
    return [
        product
        for product in products()
        if wanted and all(word in f"{product.title} {COLLECTIONS[product.collection]}".lower() for word in wanted)
    ]


def catalog(address: str) -> list[Product]:
    """The products as the shop's catalog has them. ``address`` is where the storefront is, without a slash at its end."""
    return [_in_catalog(number, product, address) for number, product in enumerate(products())]


def _in_catalog(number: int, product: DemoProduct, address: str) -> Product:
    sized = len(product.variants) > 1
    return Product(
        id=str(product.id),
        handle=product.handle,
        title=product.title,
        body_html=f"<p>{product.told}</p>",
        vendor="Footfall Demo Goods",
        product_type=product.kind,
        tags=[product.collection, product.style.name.lower()],
        status="active",
        published_at="2026-01-01T00:00:00Z",
        images=[Image(src=f"{address}/pictures/{product.handle}.svg", alt=product.title, width=400, height=400)],
        options=[Option("Size", list(_SIZES))] if sized else [Option("Title", ["Default Title"])],
        variants=[
            Variant(
                id=str(variant.id),
                title=variant.title,
                options=[variant.title],
                price=product.price,
                sku=f"{product.handle}-{variant.title}".upper() if sized else product.handle.upper(),
                inventory_management="shopify",
                inventory_quantity=0 if product.sold_out else 3 + number,
            )
            for variant in product.variants
        ],
    )


def collections() -> list[Collection]:
    """The collections, with their products."""
    return [
        Collection(
            id=str(_FIRST_ID * 2 + number),
            handle=handle,
            title=title,
            products=[str(product.id) for product in products() if product.collection == handle],
        )
        for number, (handle, title) in enumerate(COLLECTIONS.items())
    ]


def goes_with() -> dict[str, Any]:
    """The rules behind ``GOES_WITH``, as ``footfall datasource put`` takes them: what sessions say goes with it and is not in
    the cart, then the best of the same collection, then what rises."""
    leave_out = {"exclude": ["inputs", "cart", "purchased"]}
    sessions = {"name": "goes with it", "source": "recommended", "filters": leave_out}
    of_collection = [
        {
            "name": f"best sellers: {title}",
            "source": "top_sellers",
            "limit": 3,
            "when": {"inputs_contain": {"collections": [handle]}},
            "filters": {"collections": {"any": [handle]}, **leave_out},
        }
        for handle, title in COLLECTIONS.items()
    ]
    rising = {"name": "rising now", "source": "trending_products", "filters": leave_out}
    return {"name": "Goes with this", "rules": [sessions, *of_collection, rising]}

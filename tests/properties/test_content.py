"""Similar products against a reading of the whole catalog, product by product, at every moment in the life of a replica."""

import asyncio
import math
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.catalog.product import Product
from footfall.identifiers import ShopId
from footfall.log.port import Stream
from footfall.projections.catalog import CatalogDocuments
from footfall.projections.recommendations.content import Contents, Index, Similar
from footfall.projections.recommendations.features import features_of
from tests.properties.replica import MOMENTS, OTHER_SHOP, SHOP, Replica, live, small_pages

THOROUGH = settings(max_examples=50, deadline=None)
MODULE = "footfall.projections.recommendations.content"
KEYS = ["1", "2", "3", "4", "h:hat"]
WEIGHTS = {"type": 8, "tag": 6, "title": 3, "vendor": 2}

products = st.builds(
    lambda title, kind, vendor, tags: Product(
        handle="any", title=" ".join(title), product_type=kind, vendor=vendor, tags=tags
    ),
    st.lists(st.sampled_from(["felt", "hat", "mug", "boot"]), max_size=3, unique=True),
    st.sampled_from(["hats", "mugs", None]),
    st.sampled_from(["acme", "brand", None]),
    st.lists(st.sampled_from(["sale", "winter", "new", "men"]), max_size=3, unique=True),
)
Change = tuple[ShopId, str, Product | None]
changes = st.tuples(
    st.sampled_from([SHOP, SHOP, SHOP, OTHER_SHOP]), st.sampled_from(KEYS), st.one_of(products, products, st.none())
)
turns = st.lists(st.tuples(changes, st.integers(0, 3)), max_size=6)
"""Changes, and how often others have their turn before each."""


@pytest.fixture(autouse=True, scope="module")
def _small_pages() -> Iterator[None]:
    with small_pages(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{MODULE}.CONTENT_READ_ONCE", 1)
        yield


def told_of(product: Product) -> set[tuple[str, str]]:
    """The features of one of ``products``, kind and text."""
    found = {("tag", tag) for tag in product.tags or []} | {("title", word) for word in str(product.title).split()}
    found |= {("type", product.product_type)} if isinstance(product.product_type, str) else set()
    return found | ({("vendor", product.vendor)} if isinstance(product.vendor, str) else set())


def by_hand(catalog: dict[str, Product], key: str) -> dict[str, tuple[float, set[str]]]:
    """The cosine of each product with this one where it is above 0, and what both have that says anything."""
    if key not in catalog:
        return {}
    told = {other: told_of(product) for other, product in catalog.items()}

    def value(feature: tuple[str, str]) -> float:
        return WEIGHTS[feature[0]] * math.log(len(told) / sum(feature in features for features in told.values()))

    def length(other: str) -> float:
        return math.sqrt(sum(map(value, told[other])))

    found = {}
    for other in told:
        shared = {feature for feature in told[key] & told[other] if value(feature) > 0}
        if other != key and shared:
            score = sum(map(value, shared)) / (length(key) * length(other))
            found[other] = (score, {f"{kind}: {text}" for kind, text in shared})
    return found


def check(answer: Sequence[Similar], catalog: dict[str, Product], key: str) -> None:
    expected = by_hand(catalog, key)
    assert {one.key: one.score for one in answer} == {
        other: pytest.approx(score, rel=0.01) for other, (score, _) in expected.items()
    }
    assert list(answer) == sorted(answer, key=lambda one: (-one.score, one.key))
    for one in answer:
        assert 0 < one.score <= 1
        shared = expected[one.key][1]
        assert set(one.shared) <= shared
        assert len(one.shared) == min(5, len(shared))


@THOROUGH
@given(st.lists(st.tuples(turns, turns, MOMENTS), min_size=1, max_size=5))
def test_similar_products_are_those_of_the_catalog_as_it_stands_however_it_came_about(
    steps: list[tuple[list[tuple[Change, int]], list[tuple[Change, int]], tuple[str, int]]],
) -> None:
    async def life(replica: Replica) -> None:
        catalogs: dict[ShopId, dict[str, Product]] = {SHOP: {}, OTHER_SHOP: {}}
        contents = Contents(replica.documents)
        replica._followers.append(contents.follow)

        async def change(told: list[tuple[Change, int]]) -> None:
            for (shop, key, product), waits in told:
                for _ in range(waits):
                    await asyncio.sleep(0)
                await replica.log.append(Stream.DOCUMENTS, [CatalogDocuments().product(shop, key, product)])
                catalogs[shop].pop(key, None)
                if product is not None:
                    catalogs[shop][key] = product

        for before, meanwhile, moment in steps:
            await change(before)
            # The first question reads the catalog while it changes and is merged.
            asking = asyncio.create_task(contents.similar(SHOP, KEYS[0]))
            await change(meanwhile[:3])
            await replica.fail_to_merge(2)
            await change(meanwhile[3:])
            await asking
            anew = Contents(replica.documents)
            for shop in (SHOP, OTHER_SHOP):
                for key in KEYS:
                    answer = await contents.similar(shop, key)
                    assert answer == await anew.similar(shop, key)
                    check(answer, catalogs[shop], key)
            documents = replica.documents
            await replica.live_through(moment)
            if replica.documents is not documents:
                contents = Contents(replica.documents)
                replica._followers.append(contents.follow)

    live(life)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.one_of(products, products, st.none())), min_size=1, max_size=80))
def test_where_bounds_cut_the_order_in_which_products_came_still_decides_nothing(
    told: list[tuple[int, Product | None]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in (("POSTINGS_MAX", 12), ("COMPARED_MAX", 4), ("SIMILAR_MAX", 3)):
            patch.setattr(f"{MODULE}.CONTENT_{name}", bound)
        lived = Index()
        catalog: dict[str, dict[str, int]] = {}
        for number, product in told:
            catalog.pop(str(number), None)
            if product is None:
                lived.remove(str(number))
            else:
                catalog[str(number)] = features_of(msgspec.json.encode(product))
                lived.put(str(number), catalog[str(number)])
        anew = Index()
        for key in sorted(catalog):
            anew.put(key, catalog[key])
        assert len(lived) == len(anew) == len(catalog)
        for key in catalog:
            answer = lived.similar(key)
            assert answer == anew.similar(key)
            assert len(answer) <= 3
            assert key not in {one.key for one in answer}


def test_what_is_deleted_leaves_room_for_what_comes() -> None:
    index = Index()
    for number in range(1_000):
        index.put(str(number), {f"tag: {number}": 6, "tag: all": 6})
        index.remove(str(number))
    assert len(index) == 0
    assert (len(index._keys), len(index._names)) == (1, 3), "numbers of products and features are used again"

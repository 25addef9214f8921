"""Similar products, by documents that are all in memory."""

import asyncio
from typing import Any

import pytest

from footfall.catalog.product import Product
from footfall.errors import LogUnavailableError, NotReadyError
from footfall.identifiers import Position, ShopId
from footfall.limits import CONTENT_SHARED_MAX
from footfall.log.port import Group, Record, Stream
from footfall.projections.catalog import CatalogDocuments
from footfall.projections.documents import Documents, document_record
from footfall.projections.recommendations.content import Contents, Similar
from footfall.projections.state import Reader

SHOP = ShopId(1)
OTHER_SHOP = ShopId(2)

BOOTS = Product(id="1", title="Leather boots", vendor="Acme", product_type="Boots", tags=["winter", "all"])
SIMILAR_BOOTS = Product(id="2", title="Rubber boots", vendor="Brand", product_type="Boots", tags=["winter", "all"])
SHIRT = Product(id="3", title="Linen shirt", vendor="Acme", product_type="Shirts", tags=["summer", "all"])
BELT = Product(id="4", title="Leather belt", vendor="Other", product_type="Belts", tags=["all"])
MUG = Product(id="5", title="Stoneware", vendor="Potter", product_type="Mugs", tags=["all"])
CATALOG = [BOOTS, SIMILAR_BOOTS, SHIRT, BELT, MUG]


def plain(key: str, kind: str) -> Product:
    return Product(id=key, product_type=kind, tags=["all"])


class NoTable(Reader):
    """Stands for a table into which nothing was merged yet."""

    def __init__(self) -> None:
        self.reads = 0
        self.broken = False

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        self.reads += 1
        if self.broken:
            raise LogUnavailableError("state.db can't be read now.")
        return []


class Shelf:
    """Documents that change, and the contents that follow them."""

    def __init__(self, *products: Product) -> None:
        self.reader = NoTable()
        self._documents = Documents(self.reader)
        self.contents = Contents(self._documents)
        self._position = 0
        for product in products:
            self.put(product)

    def put(self, product: Product, shop: ShopId = SHOP) -> None:
        self.tell(CatalogDocuments().product(shop, str(product.id), product))

    def delete(self, key: str) -> None:
        self.tell(CatalogDocuments().product(SHOP, key, None))

    def tell(self, record: Record, stream: Stream = Stream.DOCUMENTS) -> None:
        self._position += 1
        group = Group(stream, 0, [Position(self._position)], [record])
        if stream is Stream.DOCUMENTS:
            self._documents.apply(group)
        self.contents.follow(group)

    async def similar(self, key: str, shop: ShopId = SHOP) -> dict[str, Similar]:
        """What is similar by key, in order."""
        return {one.key: one for one in await self.contents.similar(shop, key)}


def slowly(patch: pytest.MonkeyPatch) -> None:
    """One product in each part of a reading."""
    patch.setattr("footfall.projections.recommendations.content.CONTENT_READ_ONCE", 1)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(*CATALOG)


async def _best(shelf: Shelf, key: str) -> list[str]:
    return list(await shelf.similar(key))


def test_products_of_one_type_and_with_the_same_tags_come_before_those_with_a_word_or_a_vendor_in_common(shelf: Shelf) -> None:
    found = asyncio.run(shelf.similar("1"))
    assert list(found) == ["2", "4", "3"]
    assert found["2"].shared == ("type: boots", "tag: winter", "title: boots")
    assert found["4"].shared == ("title: leather",)
    assert found["3"].shared == ("vendor: acme",)
    assert 1 > found["2"].score > found["4"].score > found["3"].score > 0


def test_what_every_product_has_makes_none_similar(shelf: Shelf) -> None:
    assert asyncio.run(shelf.similar("5")) == {}


def test_a_key_that_the_catalog_has_not_got_is_like_nothing(shelf: Shelf) -> None:
    assert asyncio.run(shelf.similar("9")) == {}
    assert asyncio.run(shelf.similar("1", OTHER_SHOP)) == {}


def test_products_that_nothing_tells_apart_score_one_and_come_by_key() -> None:
    shelf = Shelf(MUG, SHIRT)
    for key in ("30", "7", "200"):
        shelf.put(Product(id=key, title="Felt hat", vendor="Acme", product_type="Hats", tags=["wool"]))
    found = asyncio.run(shelf.similar("7"))
    assert [(key, one.score) for key, one in found.items()][:2] == [("200", 1.0), ("30", 1.0)]
    assert found["30"].shared == ("type: hats", "tag: wool", "title: felt", "title: hat", "vendor: acme")


def test_only_the_weightiest_of_what_is_shared_is_named() -> None:
    shelf = Shelf(MUG)
    for key in ("1", "2"):
        shelf.put(Product(id=key, product_type="hats", tags=[f"tag {letter}" for letter in "hgfedcba"]))
    shared = asyncio.run(shelf.similar("1"))["2"].shared
    assert shared == ("type: hats", "tag: tag a", "tag: tag b", "tag: tag c", "tag: tag d")
    assert len(shared) == CONTENT_SHARED_MAX


def test_changes_are_taken_in_at_once(shelf: Shelf) -> None:
    async def life() -> None:
        assert await _best(shelf, "5") == []
        shelf.put(plain("6", "Mugs"))
        assert await _best(shelf, "5") == ["6"]
        assert await _best(shelf, "6") == ["5"], "nobody has seen it yet"
        shelf.put(plain("6", "Belts"))
        assert await _best(shelf, "5") == []
        assert await _best(shelf, "6") == ["4"]
        shelf.delete("6")
        assert await _best(shelf, "6") == []
        assert await _best(shelf, "4") == ["1"]

    asyncio.run(life())


def test_unpublished_products_stay() -> None:
    shelf = Shelf(*CATALOG, Product(id="6", product_type="Mugs", tags=["all"], published_at=None, status="draft"))
    assert asyncio.run(_best(shelf, "5")) == ["6"]


def test_only_products_of_the_shop_are_similar(shelf: Shelf) -> None:
    async def life() -> None:
        assert await _best(shelf, "5") == []
        shelf.put(plain("6", "Mugs"), OTHER_SHOP)
        assert await _best(shelf, "5") == []

    asyncio.run(life())


def test_other_documents_and_streams_change_nothing(shelf: Shelf) -> None:
    async def life() -> None:
        before = await shelf.similar("1")
        shelf.tell(document_record("collection/1/5", {"id": "5"}))
        shelf.tell(Record("", b"", None), Stream.EVENTS)
        assert await shelf.similar("1") == before

    asyncio.run(life())


def test_those_who_ask_first_share_one_reading(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)

    async def life() -> None:
        first, second = await asyncio.gather(shelf.similar("1"), shelf.similar("1"))
        assert list(first) == list(second) == ["2", "4", "3"]
        assert shelf.reader.reads == 1, "the table is looked at once, at the end of a walk"
        await shelf.similar("2")
        assert shelf.reader.reads == 1

    asyncio.run(life())


def test_what_changes_while_it_is_read_is_not_put_back(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)

    async def life() -> None:
        asking = asyncio.create_task(shelf.similar("1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        shelf.delete("2")
        shelf.put(plain("4", "Boots"))
        assert list(await asking) == ["4", "3"]

    asyncio.run(life())


def test_who_waits_too_long_is_told_and_the_reading_goes_on(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)

    async def life() -> None:
        patient = asyncio.create_task(shelf.similar("1"))
        await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.setattr("footfall.projections.recommendations.content.CONTENT_LOAD_SECONDS", 0)
            with pytest.raises(NotReadyError, match="Ask again"):
                await shelf.similar("1")
        assert list(await patient) == ["2", "4", "3"]
        assert shelf.reader.reads == 1

    asyncio.run(life())


def test_a_reading_that_fails_is_begun_again_by_the_next_question(shelf: Shelf) -> None:
    async def life() -> None:
        shelf.reader.broken = True
        with pytest.raises(NotReadyError, match="can't be read"):
            await shelf.similar("1")
        shelf.reader.broken = False
        assert await _best(shelf, "1") == ["2", "4", "3"]

    asyncio.run(life())


def test_the_shop_that_was_asked_longest_ago_goes_where_there_are_too_many_products(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.projections.recommendations.content.CONTENT_PRODUCTS_MAX", len(CATALOG) + 1)
    shelf.put(MUG, OTHER_SHOP)

    async def life() -> None:
        reads = []
        for shop in (SHOP, OTHER_SHOP, SHOP):
            await shelf.similar("1", shop)
            reads.append(shelf.reader.reads)
        assert reads == [1, 2, 2], "both have room"
        shelf.put(BELT, OTHER_SHOP)
        await shelf.similar("1", SHOP)
        assert shelf.reader.reads == 2, "the one that grew was asked longest ago"
        assert list(await shelf.similar("4", OTHER_SHOP)) == [], "read again"
        assert shelf.reader.reads == 3
        await shelf.similar("1", SHOP)
        assert shelf.reader.reads == 4

    asyncio.run(life())


def test_a_shop_too_large_for_the_bound_is_held_alone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.projections.recommendations.content.CONTENT_PRODUCTS_MAX", 1)

    async def life() -> None:
        for _ in range(3):
            assert await _best(shelf, "1") == ["2", "4", "3"]
        assert shelf.reader.reads == 1

    asyncio.run(life())


def test_stopping_ends_a_reading(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)

    async def life() -> None:
        asking = asyncio.create_task(shelf.similar("1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await shelf.contents.stop()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert shelf.reader.reads == 0

    asyncio.run(life())

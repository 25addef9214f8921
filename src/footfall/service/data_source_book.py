"""The shops' data sources, for the owner's commands: what these routes do over HTTP, without a key."""

from collections.abc import Mapping
from typing import Any

import msgspec

from footfall.api.data_sources import Custom, head, shown, unknown
from footfall.api.keys import Caller
from footfall.api.lists import Lists
from footfall.api.parts import Parts
from footfall.api.products import Question, read_listing
from footfall.catalog.data_source import DataSource
from footfall.catalog.rule_shape import read_data_source
from footfall.errors import NotFoundError
from footfall.projections.shops import Shop


class DataSourceBook:
    """All changes are durable on return. Raises ``NotFoundError`` for a number that a shop does not have."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lists = Lists(parts)
        self._custom = Custom(parts, self._lists)

    async def put(self, shop: Shop, source: object, number: int | None) -> dict[str, Any]:
        """Make a data source, or a new version of it. Raises ``InputInvalidError`` with the place that is wrong."""
        read = read_data_source(source, self._lists, number)
        status, kept = await self._parts.data_source_intake.put(shop.id, read)
        return {"status": status, **shown(kept)}

    def all(self, shop: Shop) -> list[dict[str, Any]]:
        """Every one, without its rules."""
        return [head(source) for source in self._parts.data_sources.heads(shop.id)]

    def show(self, shop: Shop, number: int) -> dict[str, Any]:
        """One with its rules."""
        return shown(self._find(shop, number))

    async def delete(self, shop: Shop, number: int) -> dict[str, Any]:
        """Take one away."""
        deleted = await self._parts.data_source_intake.delete(shop.id, number)
        if deleted is None:
            raise NotFoundError(unknown(number))
        return {"status": "deleted", **head(deleted)}

    async def attempt(self, shop: Shop, number: int, context: Mapping[str, Any]) -> dict[str, Any]:
        """What one answers to a context, with its reasons; as with the secret key."""
        fields = {**context, "explain": "yes"}
        caller = Caller(shop, secret=True)
        question = Question(caller, fields, read_listing(caller, fields, in_stock=True, hidden=False))
        products, metadata = await self._custom.answered(question, self._find(shop, number))
        return {"data": [msgspec.json.decode(product) for product in products], "metadata": metadata}

    def _find(self, shop: Shop, number: int) -> DataSource:
        source = self._parts.data_sources.find(shop.id, number)
        if source is None:
            raise NotFoundError(unknown(number))
        return source

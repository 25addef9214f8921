"""``/api/v1/sources``: the lists of products that this server answers, and the shop's data sources, for tools."""

from collections.abc import Mapping
from typing import Any

import msgspec

from footfall.api.data_sources import CUSTOM
from footfall.api.exchange import HOST, NO_STORE, Answer, Exchange, json_answer
from footfall.api.keys import find_caller
from footfall.api.lists import PREFIX, Lists
from footfall.api.openapi import document
from footfall.api.parts import Parts
from footfall.api.products import is_pretty
from footfall.api.reference_page import resolved
from footfall.errors import NotReadyError


class Sources:
    """The handler. Names, descriptions and parameters are those of the OpenAPI document."""

    def __init__(self, parts: Parts, lists: Lists) -> None:
        self._parts = parts
        self._lists = lists
        self._document: Mapping[str, Any] = document()

    async def __call__(self, exchange: Exchange) -> Answer:
        fields = exchange.parameters()
        caller = find_caller(exchange, fields, self._parts.shops)
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ".")
        # Footfall itself speaks HTTP; whether a proxy before it speaks TLS is not known here, and what headers say of it
        # anybody could say.
        host = exchange.header(b"host")
        place = {"protocol": "http", "host": host if HOST.fullmatch(host) else "localhost:8080"}
        lists = [
            {"id": name, **self._told(PREFIX + name), **place, "path": PREFIX + name, "query": self._query(PREFIX + name)}
            for name in self._lists
        ]
        custom = CUSTOM[1] + "/{reference}"
        # As text: the same for each, and a shop may have a thousand.
        query = msgspec.Raw(msgspec.json.encode(self._query(custom)))
        of_shop = [
            {
                "id": str(source.id),
                "name": source.name or f"Data source {source.id}",
                "description": source.description,
                **place,
                "path": f"{CUSTOM[1]}/{source.id}",
                "query": query,
            }
            for source in self._parts.data_sources.heads(caller.shop.id)
        ]
        return json_answer({"data": lists + of_shop}, headers=[NO_STORE], pretty=is_pretty(fields))

    def _told(self, path: str) -> dict[str, Any]:
        operation = self._operation(path)
        return {"name": operation.get("summary"), "description": operation.get("description")}

    def _query(self, path: str) -> list[dict[str, Any]]:
        parameters = [resolved(self._document, named) for named in self._operation(path).get("parameters", [])]
        return [
            {
                "name": parameter["name"],
                "required": parameter.get("required", False),
                "default": parameter["schema"].get("default"),
                "description": parameter["description"],
                "example": parameter["example"],
            }
            for parameter in parameters
            if parameter["in"] == "query"
        ]

    def _operation(self, path: str) -> Mapping[str, Any]:
        operation: Mapping[str, Any] = self._document["paths"].get(path, {}).get("get", {})
        return operation

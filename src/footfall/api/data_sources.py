"""Data sources over HTTP: ``/custom/id/{n}`` answers by a shop's rules, ``/api/v1/data-sources`` is where servers put them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from footfall.api.context import read_context
from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, json_answer
from footfall.api.keys import require_secret
from footfall.api.lists import Lists
from footfall.api.parts import Parts
from footfall.api.products import Context, Question, extended
from footfall.api.rules import Evaluation, Picked, is_the_same_for_everybody
from footfall.catalog.data_source import DataSource
from footfall.catalog.rule_shape import read_data_source
from footfall.catalog.shape import ShapeError, decode_json
from footfall.catalog.told import id_number
from footfall.errors import InputInvalidError, NotReadyError
from footfall.identifiers import position_token
from footfall.limits import DATA_SOURCE_BYTES_MAX
from footfall.log.port import Stream
from footfall.projections.recommendations.answers import Made
from footfall.projections.shops import Shop

CUSTOM: Final = ("/custom/id", "/api/v1/custom/id")
DATA_SOURCES: Final = "/api/v1/data-sources"
_DIGITS_MAX: Final = 15


class Custom:
    """The handler of ``/custom/id/{n}``; ``answered`` also serves the command ``footfall datasource try``."""

    def __init__(self, parts: Parts, lists: Lists) -> None:
        self._parts = parts
        self._lists = lists

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._lists.products.question(exchange)
        source = self._find(question, exchange.path.partition("/custom/id/")[2].rstrip("/"))
        context = read_context(question, self._parts.catalog)
        picked = await Evaluation(self._parts, self._lists, question, context).picked(source.rules)
        products, metadata = _shown(question, source, picked)
        if is_the_same_for_everybody(source.rules, self._lists):
            return self._lists.products.cached_answer(exchange, question, products, metadata or None)
        metadata["attribution"] = self._kept(question, context, source, picked)
        return self._lists.products.answer(question, products, [NO_STORE], metadata)

    async def answered(self, question: Question, source: DataSource) -> tuple[list[msgspec.Raw], Mapping[str, Any] | None]:
        """The products, and with ``explain=yes`` the answer's metadata."""
        context = read_context(question, self._parts.catalog)
        picked = await Evaluation(self._parts, self._lists, question, context).picked(source.rules)
        products, metadata = _shown(question, source, picked)
        return products, metadata or None

    def _kept(self, question: Question, context: Context, source: DataSource, picked: Sequence[Picked]) -> str:
        """Keep what the answer is made of; its id."""
        parts, shop = self._parts, question.caller.shop.id
        owners = parts.recommender.owners(shop, context.uuid, context.customer)
        made = Made(
            list=f"custom-{source.id}",
            at=parts.clock.now(),
            position=position_token(parts.log.generation, parts.covered(Stream.EVENTS)),
            settings=f"version {source.version}",
            of_visitor=bool(owners),
            owns=[],
            products=[(of.card.key, _because(of)) for of in picked],
        )
        return parts.answers.keep(shop, owners, made)

    def _find(self, question: Question, number: str) -> DataSource:
        source_id = read_number(number)
        found = self._parts.data_sources.find(question.caller.shop.id, source_id) if source_id is not None else None
        if found is None:
            raise Refused(404, unknown(number))
        return found


class DataSourceRoutes:
    """The handlers for the shop's own servers (secret key)."""

    def __init__(self, parts: Parts, lists: Lists) -> None:
        self._parts = parts
        self._lists = lists

    async def put(self, exchange: Exchange) -> Answer:
        """Make a data source, or a new version of it."""
        shop = self._shop(exchange)
        number = read_number(_last(exchange))
        if number is None:
            raise Refused(400, "A data source is known by a whole number from 1 on, such as 1234.")
        # What a bare `curl -d` says is a form; what it sends tells.
        exchange.media_type()
        body = await exchange.body()
        if len(body) > DATA_SOURCE_BYTES_MAX:
            raise Refused(413, TOO_LARGE)
        try:
            read = read_data_source(decode_json(body), self._lists, number)
            status, kept = await self._parts.data_source_intake.put(shop.id, read)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
            raise Refused(400, f"The body is not valid JSON: {failure}.") from failure
        except (ShapeError, InputInvalidError) as failure:
            raise Refused(400, str(failure)) from failure
        return json_answer({"data": {"status": status, **shown(kept)}}, headers=[NO_STORE])

    async def get(self, exchange: Exchange) -> Answer:
        """One data source with its rules."""
        shop = self._shop(exchange)
        number = _last(exchange)
        source_id = read_number(number)
        found = self._parts.data_sources.find(shop.id, source_id) if source_id is not None else None
        if found is None:
            raise Refused(404, unknown(number))
        return json_answer({"data": shown(found)}, headers=[NO_STORE])

    async def delete(self, exchange: Exchange) -> Answer:
        """Take a data source away."""
        shop = self._shop(exchange)
        number = _last(exchange)
        source_id = read_number(number)
        found = await self._parts.data_source_intake.delete(shop.id, source_id) if source_id is not None else None
        if found is None:
            raise Refused(404, unknown(number))
        return json_answer({"data": {"status": "deleted", **head(found)}}, headers=[NO_STORE])

    async def list(self, exchange: Exchange) -> Answer:
        """All of the shop's, without their rules."""
        shop = self._shop(exchange)
        return json_answer({"data": [head(source) for source in self._parts.data_sources.heads(shop.id)]}, headers=[NO_STORE])

    def _shop(self, exchange: Exchange) -> Shop:
        shop = require_secret(exchange, self._parts.shops)
        unready = self._parts.unready()
        if unready:
            raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Send again later.")
        return shop


TOO_LARGE: Final = f"A data source has at most {DATA_SOURCE_BYTES_MAX // 1024} KB."


def _last(exchange: Exchange) -> str:
    return exchange.path.removeprefix(DATA_SOURCES).strip("/")


def head(source: DataSource) -> dict[str, Any]:
    """A data source without its rules."""
    return {
        "id": source.id,
        "name": source.name,
        "description": source.description,
        "version": source.version,
        "updated_at": source.updated_at,
    }


def shown(source: DataSource) -> dict[str, Any]:
    """A data source as it is shown; it may be put again like this."""
    return {**head(source), "rules": msgspec.to_builtins(source.rules)}


def read_number(text: str) -> int | None:
    """The number of a data source, ``None`` where it can't be one."""
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        return None
    return int(text) or None


def unknown(number: object) -> str:
    """What to say where a shop has no data source of this number."""
    return (
        f"This shop has no data source {str(number)[:100]!r}. Put one: `footfall datasource put FILE --shop NAME --id 1234`, "
        f"or PUT {DATA_SOURCES}/1234 with the secret key."
    )


def _shown(question: Question, source: DataSource, picked: Sequence[Picked]) -> tuple[list[msgspec.Raw], dict[str, Any]]:
    """The products, and with ``explain=yes`` why each is there."""
    if question.fields.get("explain") != "yes":
        return [of.card.body for of in picked], {}
    head = {"id": source.id, "name": source.name, "version": source.version}
    return [_explained(of) for of in picked], {"data_source": head, "products": [_reason(of) for of in picked]}


def _because(picked: Picked) -> dict[str, Any]:
    return {"rule": picked.number, "name": picked.rule.name, "source": picked.rule.source}


def _reason(picked: Picked) -> dict[str, Any]:
    key = picked.card.key.removeprefix("p:")
    return {"id": None if key.startswith(("h:", "v:")) else id_number(key), **_because(picked)}


def _explained(picked: Picked) -> msgspec.Raw:
    """A product object with its ``reasons``."""
    return extended(picked.card.body, {"reasons": [_because(picked)]})

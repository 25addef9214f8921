"""``/api/v1/reports/{name}`` and ``/api/v1/sql``: the figures of a shop, for its own servers and people."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Headers, Refused, json_answer, unavailable
from footfall.api.keys import require_secret
from footfall.api.parts import Parts
from footfall.clock import HOUR_MS
from footfall.errors import AnalyticsUnavailableError, InputInvalidError, NotFoundError, NotReadyError
from footfall.identifiers import CustomerId, Position, Uuid, position_token, read_id, read_position_token, read_uuid
from footfall.limits import AFTER_WAIT_SECONDS, ORDER_EXPORT_BYTES_MAX, SQL_ROWS_MAX
from footfall.log.port import Stream
from footfall.projections.analytics.asking import FILTERS, REPORTS, Question, read_report
from footfall.projections.analytics.asking import Answer as Told
from footfall.projections.analytics.hashes import Hashes
from footfall.projections.identity import trail_of_uuid
from footfall.projections.shops import Shop

REPORTS_PATH: Final = "/api/v1/reports"
SQL_PATH: Final = "/api/v1/sql"
RECONCILIATION: Final = "reconciliation"
_TYPES: Final = {"csv": "csv", "text/csv": "csv", "json": "json", "application/json": "json"}


class Reports:
    """The reports, also for the command ``footfall report``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, exchange: Exchange) -> Answer:
        """Every report with the parameters that it takes."""
        _require_ready(self._parts)
        require_secret(exchange, self._parts.shops)
        listed = [{"name": name, "parameters": [*takes, "format", "after"]} for name, takes in REPORTS.items()]
        return json_answer({"data": listed}, headers=[NO_STORE])

    async def report(self, exchange: Exchange) -> Answer:
        """One report over HTTP."""
        _require_ready(self._parts)
        shop = require_secret(exchange, self._parts.shops)
        name = exchange.path.removeprefix(REPORTS_PATH + "/")
        sent = await self._sent(exchange) if name == RECONCILIATION else None
        fields: dict[str, Any] = dict(exchange.parameters(FILTERS)) if sent is not None else await exchange.fields(FILTERS)
        if "format" not in fields and "text/csv" in exchange.header(b"accept"):
            fields["format"] = "csv"
        try:
            return await answered(self._parts, exchange, self.ask(shop, name, fields, orders=sent))
        finally:
            if sent is not None:
                sent.unlink(missing_ok=True)

    async def _sent(self, exchange: Exchange) -> Path:
        """The export of orders that came as a body, in a file. Raises ``Refused``."""
        body = await exchange.packed(ORDER_EXPORT_BYTES_MAX) if exchange.method == "POST" else b""
        if not body:
            raise Refused(
                400, "Send an export of orders as the body of a POST: the CSV of Shopify's admin, or JSON of its Admin API."
            )
        return await self._parts.analytics.keep(body)

    async def ask(self, shop: Shop, name: str, fields: Mapping[str, Any], *, orders: Path | None = None) -> Told:
        """A report of a shop; ``orders`` is the file that a reconciliation compares with. Raises ``InputInvalidError``,
        ``NotFoundError``, ``AnalyticsUnavailableError``, ``PositionNotReachedError``."""
        question = read_report(name, fields, timezone=shop.timezone, currency=shop.currency, now=self._parts.clock.now())
        if name == "visitor":
            question = self._about_somebody(shop, question, fields)
        elif name == RECONCILIATION:
            if orders is None:
                raise InputInvalidError("The report reconciliation needs an export of orders to compare with.")
            question = msgspec.structs.replace(question, given={"path": str(orders), "name": "the export"})
        elif name == "data-health":
            question = msgspec.structs.replace(question, given=self._known_here(shop, question))
        after = read_after(self._parts, fields.get("after"))
        return await self._parts.analytics.ask(shop.id, question, after=after, wait_seconds=AFTER_WAIT_SECONDS)

    def _about_somebody(self, shop: Shop, question: Question, fields: Mapping[str, Any]) -> Question:
        """The question with who is meant: a customer with all visitors that are theirs, as hashes. Only here are ids known."""
        uuid, named = read_uuid(fields.get("uuid")), read_id(fields.get("customer_id"), "Customer")
        customer = CustomerId(named) if named is not None else None
        if uuid is not None and customer is not None:
            raise InputInvalidError("The report visitor takes uuid or customer_id, not both.")
        if uuid is None and customer is None:
            raise InputInvalidError("The report visitor needs uuid or customer_id.")
        if customer is None and uuid is not None:
            customer = self._parts.identity.stretches(shop.id, trail_of_uuid(uuid)).last_named
        trails = self._parts.identity.trails(shop.id, customer) if customer is not None else []
        uuids = dict.fromkeys([*([uuid] if uuid is not None else []), *(Uuid(trail[2:]) for trail in trails)])
        hashes = Hashes(shop.id, bytes.fromhex(shop.email_key))
        by_hash = {hashes.visitor(one): one for one in uuids}
        return msgspec.structs.replace(
            question,
            person=[hashes.customer(customer) if customer is not None else 0, *by_hash],
            given={"uuids": {str(hashed): one for hashed, one in by_hash.items()}, "customer_id": customer},
        )

    def _known_here(self, shop: Shop, question: Question) -> dict[str, Any]:
        """What only the server knows of the data's health."""
        window = question.window
        first, end = window.start // HOUR_MS, -(-window.end // HOUR_MS)
        counted = self._parts.outcomes.between(shop.id, first, end)
        outcomes = {
            "accepted": counted.get("accepted", 0),
            "duplicate": counted.get("duplicate", 0),
            "rejected": _with_reasons(counted, "rejected"),
            "warnings": _with_reasons(counted, "warning"),
            "placeholder_identities": counted.get("placeholder-identity", 0),
        }
        return {"outcomes": outcomes, "lag": dict(self._parts.lags(shop.id)), "disk_bytes_left": self._parts.disk_left()}


class Sql:
    """Statements of people and tools."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, exchange: Exchange) -> Answer:
        _require_ready(self._parts)
        shop = require_secret(exchange, self._parts.shops)
        fields = await exchange.fields(alternatives=())
        unknown = [name for name in fields if name not in ("sql", "format", "limit", "after", "key")]
        if unknown:
            raise Refused(400, f"Unknown field {unknown[0][:60]!r}. A statement comes with sql, format, limit and after.")
        form = fields.get("format") or ("csv" if "text/csv" in exchange.header(b"accept") else "json")
        limit = fields.get("limit")
        return await answered(
            self._parts,
            exchange,
            self.ask(
                shop, fields.get("sql"), form=form, limit=SQL_ROWS_MAX if limit is None else limit, after=fields.get("after")
            ),
        )

    async def ask(self, shop: Shop, statement: object, *, form: object, limit: object, after: object = None) -> Told:
        """What a statement answers. Raises as ``Reports.ask`` does."""
        if not isinstance(statement, str):
            raise InputInvalidError('Send the statement as `sql`: {"sql": "select count(*) from events"}.')
        form = _TYPES.get(form) if isinstance(form, str) else None
        if form is None:
            raise InputInvalidError("format is json or csv.")
        text = str(limit)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= SQL_ROWS_MAX):
            raise InputInvalidError(f"limit is a number from 1 to {SQL_ROWS_MAX}.")
        question = Question(report="sql", statement=statement, format="csv" if form == "csv" else "json", limit=int(text))
        reached = read_after(self._parts, after)
        return await self._parts.analytics.ask(shop.id, question, after=reached, wait_seconds=AFTER_WAIT_SECONDS)


def read_after(parts: Parts, after: object) -> Mapping[Stream, Position] | None:
    """The position that ``after`` names, ``None`` without one; one of another generation counts as reached.

    Raises ``InputInvalidError``.
    """
    if after is None or after == "":
        return None
    token = read_position_token(str(after))
    if token is None:
        raise InputInvalidError("Invalid after. It must be a position, as the header Footfall-Position gives it.")
    generation, ends = token
    return {Stream.EVENTS: max(ends.values())} if generation == parts.log.generation else None


async def answered(parts: Parts, exchange: Exchange, asking: Awaitable[Told]) -> Answer:
    """What analytics says, as an answer; how far behind it is stands in ``Footfall-Lag`` (records of the log)."""
    try:
        told = await exchange.unless_gone(asking)
    except NotFoundError as failure:
        raise Refused(404, str(failure)) from failure
    except InputInvalidError as failure:
        raise Refused(400, str(failure)) from failure
    except AnalyticsUnavailableError as failure:
        return unavailable(str(failure))
    position = position_token(parts.log.generation, {0: told.ends.get(Stream.EVENTS, 0)})
    headers: Headers = [
        (b"content-type", told.media_type.encode()),
        (b"footfall-position", position.encode()),
        (b"footfall-lag", str(told.behind).encode()),
        NO_STORE,
    ]
    if told.truncated:
        headers.append((b"footfall-truncated", b"yes"))
    return Answer(200, told.body, headers)


def _require_ready(parts: Parts) -> None:
    """Raise ``NotReadyError`` while shops are not loaded: a key that is right would be called unknown."""
    unready = parts.unready()
    if unready:
        raise NotReadyError("; ".join(f"{part}: {why}" for part, why in unready.items()) + ". Ask again later.")


def _with_reasons(counted: Mapping[str, int], outcome: str) -> dict[str, Any]:
    """How many events an outcome had, and of which kinds they were; of some it is only the kinds that are counted."""
    prefix = outcome + ":"
    reasons = {name.removeprefix(prefix): events for name, events in counted.items() if name.startswith(prefix)}
    return {"events": counted.get(outcome, sum(reasons.values())), "reasons": reasons}

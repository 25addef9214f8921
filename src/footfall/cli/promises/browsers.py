"""Promises about pages of another origin: preflights, answers that a page may read, beacons, nothing stored by asking."""

from typing import Final

from footfall.cli.promises.promise import BULK, FROM_PAGE, JSON, PAGE, PRODUCTS, TOKEN, V1, V2, VIEWED, Group, Visitor, encoded

GROUP: Final = Group("browsers")
_ORIGIN: Final = "access-control-allow-origin"
_SENT: Final = f"content-type,{TOKEN.lower()}"
_MONITORED: Final = f"{_SENT},traceparent,x-monitoring-id"
_EXPOSED: Final = ("footfall-position", "footfall-lag", "retry-after", "etag")
_SANDBOX: Final = "null"
"""The origin of a sandbox, in which Shopify's custom pixels run."""


@GROUP.documented
def preflight_event(visitor: Visitor) -> None:
    """The preflight of an event is answered without a key: X-Rebuy-User-Token and Content-Type are allowed."""
    for path in (V2, BULK):
        answer = visitor.preflight(path, "POST", _SENT)
        answer.require(answer.status in (200, 204), "status 200 or 204")
        answer.has_header(_ORIGIN, "*", PAGE)
        answer.lists_in_header("access-control-allow-headers", *_SENT.split(","))
        answer.lists_in_header("access-control-allow-methods", "post")


@GROUP.documented
def preflight_get(visitor: Visitor) -> None:
    """So is that of a GET, which a hook's JSON content type causes."""
    for path in (V1, VIEWED):
        answer = visitor.preflight(path, "GET", "content-type")
        answer.require(answer.status in (200, 204), "status 200 or 204")
        answer.has_header(_ORIGIN, "*", PAGE)
        answer.lists_in_header("access-control-allow-headers", "content-type")


@GROUP.documented
def readable_answers(visitor: Visitor) -> None:
    """A page may read the answers: to an event, and to a read."""
    sent = visitor.get(V1, visitor.view(visitor.products[0]), {**FROM_PAGE, **JSON})
    sent.is_received()
    sent.has_header(_ORIGIN, "*", PAGE)
    read = visitor.viewed({**FROM_PAGE, **JSON})
    read.products()
    read.has_header(_ORIGIN, "*", PAGE)


@GROUP.documented
def sandbox(visitor: Visitor) -> None:
    """So may a sandbox, which sends Origin: null."""
    visitor.preflight(V2, "POST", _SENT, _SANDBOX).has_header(_ORIGIN, "*", _SANDBOX)
    answer = visitor.post(visitor.event(visitor.products[0]), Origin=_SANDBOX)
    answer.is_received()
    answer.has_header(_ORIGIN, "*", _SANDBOX)


@GROUP.documented
def never_empty(visitor: Visitor) -> None:
    """Callers read every answer as JSON: none is empty, be it an event, a list of nothing, or a refusal."""
    seen = visitor.products[0]
    answers = (
        visitor.post(visitor.event(seen, verb="added")),
        visitor.viewed(),
        visitor.get(V1, {"subject": "user"}),
    )
    for answer, status in zip(answers, (200, 200, 400), strict=True):
        answer.require(answer.body, "a JSON object, never an empty body")
        answer.require(isinstance(answer.json(status), dict), "a JSON object")


@GROUP.ours
def preflight_any_header(visitor: Visitor) -> None:
    """Whatever headers monitoring scripts add, a preflight allows them, by name, for two hours."""
    answer = visitor.preflight(V2, "POST", _MONITORED)
    # A star does not cover a credentialed request, which a beacon is.
    answer.has_header("access-control-allow-headers", _MONITORED)
    answer.has_header("access-control-max-age", "7200")


@GROUP.ours
def credentialed_beacon(visitor: Visitor) -> None:
    """A beacon with a JSON blob is a credentialed request: its origin is echoed, and caches are told so."""
    query, body = {"key": visitor.host.key}, encoded(visitor.event(visitor.products[0]))
    answer = visitor.host.ask("POST", V2, query=query, headers={**FROM_PAGE, **JSON}, body=body)
    answer.is_received()
    answer.has_header(_ORIGIN, PAGE)
    answer.has_header("access-control-allow-credentials", "true")
    answer.lists_in_header("vary", "origin")


@GROUP.ours
def readable_refusals(visitor: Visitor) -> None:
    """A page may read refusals too."""
    for answer in (visitor.get(V1, {"subject": "user"}, FROM_PAGE), visitor.get(VIEWED, {}, FROM_PAGE)):
        answer.is_refused(400)
        answer.has_header(_ORIGIN, "*", PAGE)


@GROUP.ours
def exposed_headers(visitor: Visitor) -> None:
    """A page may read Footfall-Position, Footfall-Lag, Retry-After and ETag."""
    for answer in (visitor.viewed(FROM_PAGE), visitor.post(visitor.event(visitor.products[0]), Origin=PAGE)):
        answer.json()
        answer.lists_in_header("access-control-expose-headers", *_EXPOSED)


@GROUP.ours
def not_kept(visitor: Visitor) -> None:
    """No cache keeps the answer to an event or what somebody viewed."""
    for answer in (visitor.get(V1, visitor.view(visitor.products[0])), visitor.viewed()):
        answer.json()
        answer.lists_in_header("cache-control", "no-store")


@GROUP.ours
def head_records_nothing(visitor: Visitor) -> None:
    """HEAD records nothing, and its answer has no body."""
    query = {"key": visitor.host.key, **visitor.view(visitor.products[0])}
    answer = visitor.host.ask("HEAD", V1, query=query)
    answer.require(answer.status == 200, "status 200")
    visitor.has_viewed()


@GROUP.ours
def long_questions(visitor: Visitor) -> None:
    """Where the line would be longer than 32,000 bytes, callers post the same question: every list takes it."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for name in ("viewed", "static"):
        body = f"key={visitor.host.key}&uuid={visitor.uuid}&long={'x' * 32_000}".encode()
        visitor.host.ask("POST", PRODUCTS + name, headers=form, body=body).products()

"""From a request's bytes to the objects in it. Says what can't be read; never what an event means."""

import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from footfall.intake.rejection import Rejected
from footfall.limits import BATCH_EVENTS_MAX, BATCH_TOKENS_MAX, BODY_BYTES_MAX, EVENT_BYTES_MAX, QUERY_FIELDS_MAX

FORM: Final = "application/x-www-form-urlencoded"
_JSON_TYPES: Final = frozenset({"", "application/json", "text/plain", "application/octet-stream", "text/json"})
_GZIP_WINDOW: Final = 31


def body_too_large(bytes_max: int) -> Rejected:
    """The refusal of a body over its bound."""
    advice = " Send fewer events at once." if bytes_max == BODY_BYTES_MAX else ""
    return Rejected(f"The body is larger than {bytes_max // 1024 // 1024} MB.{advice}", "body", 413)


BODY_TOO_LARGE: Final = body_too_large(BODY_BYTES_MAX)


class Unreadable(NamedTuple):
    """One event of a batch that could not even be decoded, in its place, with what of it can be kept."""

    rejected: Rejected
    original: bytes


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw]


_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw] | _Envelope)
_BATCH_START: Final = re.compile(rb'\s*(?:\{\s*"events"\s*:\s*)?\[')
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]+|[\]}]+|,', re.DOTALL)


def unpacked(body: bytes, content_encoding: str) -> bytes | Rejected:
    """The body without its content encoding (gzip or none), never more than ``BODY_BYTES_MAX`` bytes of it."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        return Rejected(f"Content-Encoding {encoding[:40]!r} is not supported. Send gzip, or none.", "Content-Encoding", 415)
    unpacker = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error:
        return Rejected("The body is not valid gzip, as its Content-Encoding says.", "body")
    if len(plain) > BODY_BYTES_MAX:
        return BODY_TOO_LARGE
    if not unpacker.eof or unpacker.unused_data:
        return Rejected("The body is not valid gzip: it ends too early, or goes on after its end.", "body")
    return plain


def media_type(content_type: str) -> str | Rejected:
    """``json`` or ``form``, from a Content-Type; what a beacon or a careless client sends counts as JSON."""
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    charset = parameters.lower().partition("charset=")[2].strip(' "').partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        return Rejected(f"Charset {charset[:40]!r} is not supported. Send UTF-8.", "Content-Type", 415)
    if kind == FORM:
        return "form"
    if kind in _JSON_TYPES or kind.endswith("+json"):
        return "json"
    return Rejected(
        f"Content-Type {kind[:60]!r} is not supported. Send application/json (or text/plain from a beacon).",
        "Content-Type",
        415,
    )


def read_form(text: bytes, alternatives: Collection[str] | None = None) -> dict[str, str] | Rejected:
    """The fields of a query string or form, percent-decoded as UTF-8. Of a name given twice the last, or with ``alternatives``
    as ``each_once`` has it."""
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX)
    except UnicodeDecodeError:
        return Rejected("The query string or form is not valid percent-encoded UTF-8.", "body")
    except ValueError:
        return Rejected(f"The query string or form has more than {QUERY_FIELDS_MAX} fields.", "body", 413)
    return dict(pairs) if alternatives is None else each_once(pairs, alternatives)


def each_once(pairs: Iterable[tuple[str, str]], alternatives: Collection[str]) -> dict[str, str] | Rejected:
    """Names with their values. The values of one of ``alternatives`` that comes several times stand behind each other with
    commas between them, as they may come in one; any other name may come once."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif name in alternatives and value and fields[name]:
            fields[name] += "," + value
        else:
            return Rejected(f"{name[:60]} is given twice. Give it once.", "body")
    return fields


def read_object(body: bytes) -> Any | Rejected:
    """The one JSON value of a body that holds a single event."""
    if len(body) > EVENT_BYTES_MAX:
        return event_too_large(len(body))
    return _decoded(body)


def read_single(body: bytes) -> Mapping[str, Any] | Rejected:
    """The one JSON object of a body that holds a single event."""
    read = read_object(body)
    if isinstance(read, dict | Rejected):
        return read
    if isinstance(read, list):
        return Rejected("This path takes one event. Send an array to /api/v2/analytics/event/bulk.", "body")
    return Rejected("The body must be one JSON object.", "body")


def read_batch(body: bytes) -> list[msgspec.Raw] | Rejected:
    """The events of a bulk body, a bare array or ``{"events": [...]}``, each as its text, which ``read_item`` decodes."""
    try:
        read = _BATCH.decode(body)
    except msgspec.ValidationError:
        return Rejected('The body must be a JSON array of events, or {"events": [...]}.', "body")
    except RecursionError as failure:
        events = _split(body)
        if events is None:
            return _unreadable(failure)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        mended = _mended(body)
        return read_batch(mended) if mended is not None else _unreadable(failure)
    else:
        events = read.events if isinstance(read, _Envelope) else read
    if len(events) > BATCH_EVENTS_MAX:
        return Rejected(f"The batch has {len(events)} events; at most {BATCH_EVENTS_MAX} fit in one request.", "body", 413)
    return events


def _split(body: bytes) -> list[msgspec.Raw] | None:
    """The texts of a batch's events, told apart by brackets and commas alone: for a batch with an event that is nested too
    deeply to be read, so that it doesn't cost the others. ``None`` where that can't be done within the bounds."""
    start = _BATCH_START.match(body)
    if start is None:
        return None
    texts: list[msgspec.Raw] = []
    depth, first = 0, start.end()
    for number, token in enumerate(_TOKEN.finditer(body, first)):
        if number >= BATCH_TOKENS_MAX:
            return None
        kind = token[0][:1]
        if kind in b"[{":
            depth += len(token[0])
            continue
        closed = len(token[0]) if kind in b"]}" else 0
        if closed > depth or (kind == b"," and depth == 0):
            texts.append(msgspec.Raw(body[first : token.start() + depth * (closed > depth)]))
            first = token.end()
            if closed > depth:
                return texts
        depth -= closed
    return None


def event_too_large(size: int) -> Rejected:
    """The refusal of an event over its size."""
    return Rejected(
        f"The event has {size} bytes; at most {EVENT_BYTES_MAX} ({EVENT_BYTES_MAX // 1024} KB) are taken.", "event", 413
    )


def read_item(raw: msgspec.Raw) -> Any:
    """What one event of a batch holds, or ``Unreadable``."""
    text = bytes(raw)
    decoded = event_too_large(len(text)) if len(text) > EVENT_BYTES_MAX else _decoded(text, "event")
    return Unreadable(decoded, text) if isinstance(decoded, Rejected) else decoded


def _decoded(text: bytes, what: str = "body") -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
        mended = _mended(text)
        return _decoded(mended, what) if mended is not None else _unreadable(failure, what)


def _mended(text: bytes) -> bytes | None:
    """The text with each half of a surrogate pair that stands alone replaced by U+FFFD, ``None`` where there is none: a script
    that cuts a search term in the middle of an emoji sends it, and that must not cost a batch its events."""
    mended = _ESCAPE.sub(lambda match: rb"\ufffd" if match["lone"] else match[0], text)
    return mended if mended != text else None


def _unreadable(failure: Exception, what: str = "body") -> Rejected:
    if isinstance(failure, RecursionError):
        return Rejected(f"The {what} can't be read: it is nested too deeply.", what)
    if isinstance(failure, UnicodeDecodeError):
        return Rejected(f"The {what} is not valid UTF-8.", what)
    return Rejected(f"The {what} is not valid JSON: {failure}.", what)

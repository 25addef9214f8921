"""What may be asked of analytics, read from parameters; without the engine, so that what is wrong is answered at once."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from footfall.clock import DAY_MS, HOUR_MS, Milliseconds
from footfall.errors import InputInvalidError, NotFoundError
from footfall.identifiers import Position, ShopId
from footfall.limits import (
    HEALTH_DAYS_MAX,
    REPORT_BUCKETS_MAX,
    REPORT_FILTER_VALUES_MAX,
    REPORT_ROWS_MAX,
    REPORT_SPARKLINES_MAX,
)
from footfall.log.port import Stream

Granularity = Literal["hour", "day", "week", "month"]
GRANULARITIES: Final[tuple[Granularity, ...]] = ("hour", "day", "week", "month")
FILTERS: Final = ("product", "collection", "vendor", "type", "theme", "device", "source", "country")
"""What figures can be narrowed to. Several values of one are alternatives, several filters hold together."""

WINDOW: Final = ("from", "to", "last", "timezone")
_MARKED: Final = ("bots", "tests")
_SHAPE: Final = ("format", "after")

REPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "overview": (*WINDOW, "compare", *FILTERS, *_MARKED),
    "timeseries": (*WINDOW, "granularity", "compare", *FILTERS, *_MARKED),
    "top-products": (*WINDOW, "compare", "group", "sort", "limit", "viewers", *FILTERS, *_MARKED),
    "funnel": (*WINDOW, "compare", "by", "within", "breakdown", *FILTERS, *_MARKED),
    "retention": (*WINDOW, *_MARKED),
    "sessions": (*WINDOW, "compare", "breakdown", "theme", "device", "source", "country", *_MARKED),
    "search": (*WINDOW, "compare", "sort", "limit", "theme", "device", "source", "country", *_MARKED),
    "widgets": (*WINDOW, "compare", "limit", *FILTERS, *_MARKED),
    "visitor": (*WINDOW, "uuid", "customer_id", "limit"),
    "reconciliation": WINDOW,
    "data-health": WINDOW,
}
"""Every report with the parameters that it takes, beside ``format`` and ``after``."""

UNKNOWN: Final = "unknown"
"""What stands for a device, country or theme that nobody told."""
BREAKDOWNS: Final = ("device", "country", "source", "theme")
DAYS_DEFAULT: Final = 30
_DAYS: Final = {"retention": 12 * 7, "data-health": 7, "visitor": 366}
"""Days of the window of reports that need another one where none is named."""
_STRETCH: Final = re.compile(r"(\d{1,9})([hdw])", re.ASCII)
_STRETCH_MS: Final = {"h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS_MAX: Final = 20
_YEARS: Final = range(1970, 3000)
"""Years in which a window may begin and end."""


class Window(msgspec.Struct, frozen=True):
    """A stretch of time in milliseconds since the epoch, ``start`` inclusive and ``end`` exclusive; ``timezone`` says where
    days begin."""

    start: Milliseconds
    end: Milliseconds
    timezone: str

    def before(self) -> "Window":
        """The window of the same length that ends where this one begins; of whole days, as many whole days."""
        zone = ZoneInfo(self.timezone)
        first, last = _local(self.start, zone), _local(self.end, zone)
        days = last.date() - first.date()
        # Where the clock skips midnight, a day begins later.
        if all(_midnight(at.date(), zone) == moment for at, moment in ((first, self.start), (last, self.end))):
            return Window(_midnight(first.date() - days, zone), self.start, self.timezone)
        if first.time() == last.time() and days:
            return Window(_moment(datetime.combine(first.date() - days, first.time()), zone), self.start, self.timezone)
        return Window(Milliseconds(self.start - (self.end - self.start)), self.start, self.timezone)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a shop's file. ``report`` is ``sql`` where ``statement`` is what is asked."""

    report: str
    window: Window = Window(Milliseconds(0), Milliseconds(0), "UTC")
    granularity: Granularity = "day"
    compare: bool = False
    filters: Mapping[str, Sequence[str]] = {}
    bots: bool = False
    tests: bool = False
    sort: str = ""
    limit: int = 50
    viewers: bool = True
    group: Literal["product", "vendor", "type"] = "product"
    by: Literal["session", "visitor"] = "session"
    within_ms: int = 7 * DAY_MS
    breakdown: str = ""
    person: Sequence[int] = ()
    """Hashes of a visitor and a customer, 0 for none."""
    currency: str = "USD"
    format: Literal["json", "csv"] = "json"
    statement: str = ""
    given: Mapping[str, Any] = {}
    """What only the server knows: outcomes, lags, the uuids of a visitor; of ``reconciliation`` the ``path`` of an export of
    orders, and in its place the ``orders`` that it holds and what of it is ``unread``."""


class Answer(NamedTuple):
    """What analytics answered, and up to where its file went."""

    body: bytes
    media_type: str
    ends: Mapping[Stream, Position]
    behind: int
    """Records of the log that the file had not taken in."""
    truncated: bool = False
    """Whether a statement has more rows than these."""


class Analytics(Protocol):
    """Where questions to analytics are handed in. All may raise ``AnalyticsUnavailableError``."""

    async def ask(
        self, shop: ShopId, question: Question, *, after: Mapping[Stream, Position] | None = None, wait_seconds: float = 0
    ) -> Answer:
        """What a shop's file answers. ``after``: positions that it must have reached first, within ``wait_seconds``.

        Who asks may be cancelled: then the engine stops as well. Raises ``InputInvalidError`` and ``NotFoundError`` for what
        the question can't have, ``PositionNotReachedError``.
        """

    async def keep(self, content: bytes) -> Path:
        """Keep what was sent with a question for the process, until whoever asked takes it away. Raises ``OSError``."""

    def behind(self, shop: ShopId) -> int:
        """How many records of the log a shop's file has not taken in."""


SORTS: Final = {
    "top-products": ("views", "viewers", "adds", "removes", "purchases", "units", "revenue"),
    "search": ("searches", "clicks", "adds", "zero_results"),
}


def read_report(name: str, fields: Mapping[str, Any], *, timezone: str, currency: str, now: Milliseconds) -> Question:
    """The question that a request for a report is. ``timezone`` and ``currency`` are the shop's.

    Raises ``NotFoundError`` for a report that isn't there, ``InputInvalidError`` for a parameter that it does not take or
    can't use; both name what exists.
    """
    if name not in REPORTS:
        raise NotFoundError(f"There is no report {name[:60]!r}. Reports: {', '.join(REPORTS)}.")
    takes = REPORTS[name]
    unknown = [field for field in fields if field not in takes and field not in _SHAPE and field != "key"]
    if unknown:
        raise InputInvalidError(
            f"The report {name} takes no parameter {unknown[0][:60]!r}. It takes: {', '.join((*takes, *_SHAPE))}."
        )
    # An empty one is a script's whose variable has no value: the figures would be of all, as if it had not been asked for.
    if empty := [field for field in takes if fields.get(field) == ""]:
        raise InputInvalidError(f"{empty[0]} is empty. Give it a value, or leave it out.")
    given = {field: value for field, value in fields.items() if value not in (None, "")}
    days = _DAYS.get(name, DAYS_DEFAULT)
    window = read_window(given, timezone=timezone, now=now, days=days)
    question = Question(
        report=name,
        window=window,
        granularity=_one_of("granularity", given, GRANULARITIES, _granularity_for(window)),
        compare=_yes("compare", given, otherwise=False),
        filters=_filters(given),
        bots=_yes("bots", given, otherwise=False),
        tests=_yes("tests", given, otherwise=False),
        sort=_one_of("sort", given, SORTS[name], SORTS[name][0]) if name in SORTS else "",
        limit=_whole("limit", given, 50, 1, REPORT_ROWS_MAX),
        viewers=_yes("viewers", given, otherwise=True),
        group=_one_of("group", given, ("product", "vendor", "type"), "product"),
        by=_one_of("by", given, ("session", "visitor"), "session"),
        within_ms=_within(given),
        breakdown=_one_of("breakdown", given, BREAKDOWNS, ""),
        currency=currency,
        format=_one_of("format", given, ("json", "csv"), "json"),
    )
    if question.compare and question.format == "csv" and name in ("search", "widgets"):
        raise InputInvalidError(f"The report {name} compares sums, which CSV has no place for: ask for JSON.")
    if name == "data-health" and window.end - window.start > HEALTH_DAYS_MAX * DAY_MS:
        raise InputInvalidError(f"The report data-health covers at most {HEALTH_DAYS_MAX} days.")
    points = (window.end - window.start) // _MIN_MS[question.granularity] + 1
    if name == "top-products" and question.limit * points > REPORT_SPARKLINES_MAX:
        raise InputInvalidError(
            f"The sparklines of {question.limit:,} rows over {points:,} days or hours are more than {REPORT_SPARKLINES_MAX:,}"
            " numbers. Ask for fewer rows or a shorter window."
        )
    if name == "timeseries" and (window.end - window.start) // _MIN_MS[question.granularity] > REPORT_BUCKETS_MAX:
        raise InputInvalidError(
            f"That is more than {REPORT_BUCKETS_MAX} points. Ask for a shorter window or a coarser granularity."
        )
    return question


_MIN_MS: Final[Mapping[str, int]] = {"hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS, "month": 28 * DAY_MS}


def read_window(fields: Mapping[str, Any], *, timezone: str, now: Milliseconds, days: int = DAYS_DEFAULT) -> Window:
    """The window that ``from``, ``to``, ``last`` and ``timezone`` name: dates and times of that zone, or with an offset of
    their own. Without them the last ``days``, today included. Raises ``InputInvalidError``."""
    name = str(fields.get("timezone", timezone))
    zone = _zone(name)
    tomorrow = _midnight(_local(now, zone).date() + timedelta(days=1), zone)
    if "last" in fields:
        if "from" in fields or "to" in fields:
            raise InputInvalidError("Give either last, or from and to.")
        return Window(*_last(str(fields["last"]), zone, now, tomorrow), name)
    end = read_moment_in("to", fields["to"], zone) if "to" in fields else tomorrow
    if "from" in fields:
        start = read_moment_in("from", fields["from"], zone)
    else:
        start = _midnight(_local(Milliseconds(end - 1), zone).date() - timedelta(days=days - 1), zone)
    if start >= end:
        raise InputInvalidError("from must lie before to, which is tomorrow unless given: from is inclusive, to is not.")
    if end - start > _YEARS_MAX * 366 * DAY_MS:
        raise InputInvalidError(f"A window has at most {_YEARS_MAX} years.")
    return Window(start, end, name)


def _zone(name: str) -> ZoneInfo:
    # Those of the world begin with a capital: files beside them, such as localtime, say something else on each machine.
    if name[:1].isupper() and name != "Factory":
        with suppress(OSError, ValueError, KeyError):
            return ZoneInfo(name)
    raise InputInvalidError(f"timezone {name[:60]!r} is none: name one such as Europe/Berlin.")


def _last(text: str, zone: ZoneInfo, now: Milliseconds, tomorrow: Milliseconds) -> tuple[Milliseconds, Milliseconds]:
    match = _STRETCH.fullmatch(text.strip().lower())
    if match is None or not 1 <= int(match[1]) * _STRETCH_MS[match[2]] <= _YEARS_MAX * 366 * DAY_MS:
        raise InputInvalidError(
            f"last {text[:40]!r} is no stretch of time such as 24h, 7d or 12w, {_YEARS_MAX} years at most."
        )
    count, unit = int(match[1]), match[2]
    if unit == "h":
        # Whole hours, so that the same question within one is the same.
        end = _next_hour(now, zone)
        return Milliseconds(end - count * HOUR_MS), end
    days = count * (7 if unit == "w" else 1)
    return _midnight(_local(tomorrow, zone).date() - timedelta(days=days), zone), tomorrow


def read_moment_in(name: str, value: object, zone: ZoneInfo) -> Milliseconds:
    """A date (its first moment) or time of a zone, or with an offset of its own. Raises ``InputInvalidError``."""
    text = str(value).strip()
    try:
        if _DAY.fullmatch(text):
            return _midnight(date.fromisoformat(text), zone)
        # In a query string, the plus sign of an offset arrives as a space.
        return _moment(datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text)), zone)
    except (ValueError, OverflowError) as failure:
        raise InputInvalidError(
            f"{name} {text[:40]!r} is no date such as 2026-11-01, nor a time such as 2026-11-01T08:00 or"
            f" 2026-11-01T08:00+01:00, of the years {_YEARS.start} to {_YEARS[-1]}."
        ) from failure


def _moment(moment: datetime, zone: ZoneInfo) -> Milliseconds:
    if not _YEARS.start <= moment.year < _YEARS.stop:
        raise ValueError("The calendar ends there, or events begin later.")
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return Milliseconds(round(aware.timestamp() * 1_000))


def _midnight(day: date, zone: ZoneInfo) -> Milliseconds:
    return _moment(datetime.combine(day, time.min), zone)


def _local(moment: Milliseconds, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment / 1_000, zone)


def bucket_starts(window: Window, granularity: Granularity) -> list[Milliseconds]:
    """Where the points of a time series begin: hours, days, weeks (from Monday) or months of the window's zone; the first is
    cut to the window's start."""
    zone = ZoneInfo(window.timezone)
    starts = [window.start]
    if granularity == "hour":
        while (hour := _next_hour(starts[-1], zone)) < window.end:
            starts.append(hour)
        return starts
    day = _local(window.start, zone).date()
    while (at := _midnight(day, zone)) < window.end:
        if at > window.start:
            starts.append(at)
        day = _next(day, granularity)
    return starts


def _next_hour(moment: Milliseconds, zone: ZoneInfo) -> Milliseconds:
    """When the clock of a zone next says a full hour: not all of them are whole hours from UTC."""
    offset = _local(moment, zone).utcoffset()
    ahead = round(offset.total_seconds() * 1_000) if offset is not None else 0
    return Milliseconds(((moment + ahead) // HOUR_MS + 1) * HOUR_MS - ahead)


def _next(day: date, granularity: Granularity) -> date:
    if granularity == "month":
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day + timedelta(days=7 - day.weekday() if granularity == "week" else 1)


def label(moment: Milliseconds, timezone: str) -> str:
    """A moment as answers show it: ISO 8601 in the window's zone."""
    return _local(moment, ZoneInfo(timezone)).isoformat(timespec="seconds")


def _granularity_for(window: Window) -> Granularity:
    return "hour" if window.end - window.start <= 2 * DAY_MS else "day"


def _within(fields: Mapping[str, Any]) -> int:
    if "within" not in fields:
        return 7 * DAY_MS
    if fields.get("by") != "visitor":
        raise InputInvalidError("within goes with by=visitor: a funnel by session has the time that the session has.")
    match = _STRETCH.fullmatch(str(fields["within"]).strip().lower())
    if match is None or not 1 <= int(match[1]) * _STRETCH_MS[match[2]] <= 90 * DAY_MS:
        raise InputInvalidError(
            f"within {str(fields['within'])[:40]!r} is no stretch of time from 1h to 90d, such as 24h, 7d or 2w."
        )
    return int(match[1]) * _STRETCH_MS[match[2]]


def _filters(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    filters = {field: _values(field, fields[field]) for field in FILTERS if field in fields}
    for country in filters.get("country", ()):
        if len(country) != 2 and country.lower() != UNKNOWN:
            raise InputInvalidError(f"country {country[:40]!r} is not two letters, such as DE.")
    if "source" in filters:
        # Sources are hosts without it.
        filters["source"] = [source.lower().removeprefix("www.") for source in filters["source"]]
    return filters


def _values(name: str, value: object) -> list[str]:
    if any(isinstance(one, dict | list) for one in (value if isinstance(value, list) else [value])):
        raise InputInvalidError(f"{name} takes texts, not lists or objects of them.")
    values = [str(one) for one in value] if isinstance(value, list) else str(value).split(",")
    found = [one.strip() for one in values if one.strip()]
    if not found or len(found) > REPORT_FILTER_VALUES_MAX:
        raise InputInvalidError(f"{name} takes 1 to {REPORT_FILTER_VALUES_MAX} values, with commas between them.")
    return found


def _one_of(name: str, fields: Mapping[str, Any], choices: Sequence[Any], otherwise: Any) -> Any:
    value = fields.get(name, otherwise)
    if value != otherwise and value not in choices:
        raise InputInvalidError(f"{name} {str(value)[:40]!r} is none of {', '.join(choices)}.")
    return value


def _yes(name: str, fields: Mapping[str, Any], *, otherwise: bool) -> bool:
    value = str(fields.get(name, "yes" if otherwise else "no")).strip().lower()
    if value in ("yes", "true", "1", "include", "previous"):
        return True
    if value in ("no", "false", "0"):
        return False
    raise InputInvalidError(f"{name} {value[:40]!r} is neither yes nor no.")


def _whole(name: str, fields: Mapping[str, Any], otherwise: int, least: int, most: int) -> int:
    text = str(fields.get(name, otherwise)).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InputInvalidError(f"{name} {text[:40]!r} is no number from {least} to {most}.")
    return int(text)

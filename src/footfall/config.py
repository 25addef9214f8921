"""Configuration: one frozen ``Config``, read once at start. Flags over environment over file over default."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from footfall.errors import SettingInvalidError
from footfall.limits import (
    ANALYTICS_MEMORY_MB,
    ANALYTICS_MEMORY_MB_MAX,
    ANALYTICS_MEMORY_MB_MIN,
    ANSWERS_KEPT,
    ANSWERS_KEPT_MAX,
    EVENT_ID_DAYS,
)

FILE_NAME: Final = "footfall.toml"
ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]{1,255}", re.ASCII)
"""An address under which browsers reach a server: scheme, host, and port where it is not the scheme's own."""
_PREFIX: Final = "FOOTFALL_"
_LOG_FORMATS: Final = ("console", "json")
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Config:
    """Every setting of a server. Settings of a shop are the shop's (``footfall shop set``)."""

    data: Path = Path("footfall-data")
    """The data directory."""
    host: str = "127.0.0.1"
    port: int = 8080
    address: str | None = None
    """Where browsers reach it, where that is not where it listens: what commands print for pages."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Whose word is taken for the scheme that a browser called with (``X-Forwarded-Proto``)."""
    event_id_days: int = EVENT_ID_DAYS
    """For how many days a client-made event id is remembered."""
    answers_kept: int = ANSWERS_KEPT
    """Of how many recommendations it is kept what they were made of."""
    analytics_memory_mb: int = ANALYTICS_MEMORY_MB
    """Memory that analytics may use, in MB, all shops together; 0 turns it off."""
    log_level: str = "info"
    log_format: str = "console"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise _invalid("port", self.port, "a number from 0 to 65535, such as 8080")
        if self.address is not None and not ADDRESS.fullmatch(str(self.address)):
            raise _invalid("address", self.address, "scheme and host, such as https://events.shop.example")
        if not all(map(_is_network, str(self.trusted_proxies).split(","))):
            raise _invalid("trusted_proxies", self.trusted_proxies, "IP addresses or networks, such as 127.0.0.1,10.0.0.0/8")
        if not 1 <= self.event_id_days <= 90:
            raise _invalid("event_id_days", self.event_id_days, "a number of days from 1 to 90, such as 7")
        if not 0 <= self.answers_kept <= ANSWERS_KEPT_MAX:
            raise _invalid("answers_kept", self.answers_kept, "a whole number from 0 to 10000000, such as 100000")
        if (
            self.analytics_memory_mb != 0
            and not ANALYTICS_MEMORY_MB_MIN <= self.analytics_memory_mb <= ANALYTICS_MEMORY_MB_MAX
        ):
            wanted = f"0, or a number of MB from {ANALYTICS_MEMORY_MB_MIN} to {ANALYTICS_MEMORY_MB_MAX}, such as 512"
            raise _invalid("analytics_memory_mb", self.analytics_memory_mb, wanted)
        if self.log_level not in _LOG_LEVELS:
            raise _invalid("log_level", self.log_level, f"one of {', '.join(_LOG_LEVELS)}")
        if self.log_format not in _LOG_FORMATS:
            raise _invalid("log_format", self.log_format, f"one of {', '.join(_LOG_FORMATS)}")


def read_config(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """The configuration: flags that are not ``None``, over ``FOOTFALL_…`` variables, over ``footfall.toml`` in the data
    directory, over the defaults. Raises ``SettingInvalidError`` with the setting's name and an example."""
    environment = os.environ if environment is None else environment
    names = {field.name for field in fields(Config)}
    given = {name: environment[_PREFIX + name.upper()] for name in names if environment.get(_PREFIX + name.upper())}
    given |= {name: value for name, value in flags.items() if value is not None and name in names}
    data = Path(given.get("data", Config.data))
    settings = _read_file(data / FILE_NAME, names) | given | {"data": data}
    for name in ("port", "event_id_days", "answers_kept", "analytics_memory_mb"):
        if name in settings:
            settings[name] = _whole(name, settings[name])
    return Config(**settings)


def _read_file(path: Path, names: set[str]) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as failure:
        raise SettingInvalidError(f"{path} can't be read: {failure}") from failure
    unknown = sorted(set(found) - (names - {"data"}))
    if unknown:
        raise SettingInvalidError(f"{path}: unknown setting {unknown[0]!r}. Known: {', '.join(sorted(names - {'data'}))}.")
    return found


def _whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as failure:
        raise _invalid(name, value, f"a whole number, such as {getattr(Config, name)}") from failure


def _is_network(text: str) -> bool:
    try:
        ip_network(text.strip())
    except ValueError:
        return False
    return True


def _invalid(name: str, value: object, wanted: str) -> SettingInvalidError:
    return SettingInvalidError(f"Setting {name} ({_PREFIX}{name.upper()}) is {value!r}. It must be {wanted}.")

"""``/sdk/…``: the browser script and its companions: the newest under a plain name, each version under its own for ever.

Read and compressed once, at import (``pages``).
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

from footfall.sdk_files import SdkFile, sdk_files

_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".ts": "text/plain",
    ".liquid": "text/plain",
}
_NEWEST: Final = "public, max-age=300"
_FROZEN: Final = "public, max-age=31536000, immutable"


class ServedFile(NamedTuple):
    """One file as it is served."""

    content: bytes
    gzipped: bytes
    media_type: str
    cache_control: str
    etag: str


def _served(file: SdkFile) -> ServedFile:
    return ServedFile(
        file.content,
        file.gzipped,
        _TYPES[PurePath(file.name).suffix],
        _NEWEST if file.version is None else _FROZEN,
        f'"{file.integrity[7:39]}"',
    )


def served_files() -> Mapping[str, ServedFile]:
    """Every file under ``/sdk/``, by name. Raises ``FileNotFoundError``."""
    return {name: _served(file) for name, file in sdk_files().items()}

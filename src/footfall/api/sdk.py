"""``/sdk/…``: the browser script and its companions: the newest under a plain name, each version under its own for ever.

Read and compressed once, at import (``pages``).
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from footfall.sdk_files import folder

_TYPES: Final[Mapping[str, str]] = {".js": "text/javascript", ".mjs": "text/javascript", ".ts": "text/plain"}
_NEWEST: Final = "public, max-age=300"
_FROZEN: Final = "public, max-age=31536000, immutable"


class SdkFile(NamedTuple):
    """One file as it is served. ``integrity`` is what a page may name it with (Subresource Integrity, W3C)."""

    content: bytes
    gzipped: bytes
    media_type: str
    cache_control: str
    etag: str
    integrity: str


def _read(path: Path, cache_control: str) -> SdkFile:
    content = path.read_bytes()
    digest = hashlib.sha384(content).digest()
    return SdkFile(
        content,
        # No time of day in it: the same file gives the same bytes.
        gzip.compress(content, 9, mtime=0),
        _TYPES[path.suffix],
        cache_control,
        f'"{digest.hex()[:24]}"',
        "sha384-" + base64.b64encode(digest).decode(),
    )


def _files(sdk: Path) -> Iterator[tuple[str, SdkFile]]:
    for place, cache_control in ((sdk, _NEWEST), (sdk / "frozen", _FROZEN)):
        for path in sorted(place.iterdir()):
            if path.suffix in _TYPES:
                yield path.name, _read(path, cache_control)


def sdk_files() -> Mapping[str, SdkFile]:
    """Every file under ``/sdk/``, by name. Raises ``FileNotFoundError``."""
    return dict(_files(folder()))

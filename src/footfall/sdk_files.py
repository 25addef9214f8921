"""The browser's files: where they are (in the wheel beside the code, in a checkout at its top) and the tags that load them."""

import base64
import gzip
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_HERE: Final = Path(__file__).parent
_SUFFIXES: Final = (".js", ".mjs", ".ts", ".liquid")
_VERSION: Final = re.compile(r"\.v(\d+)\.")


class SdkFile(NamedTuple):
    """One file. ``version`` is ``None`` for the newest, which changes; ``integrity`` is for Subresource Integrity (W3C)."""

    name: str
    version: int | None
    content: bytes
    gzipped: bytes
    integrity: str

    def tag(self, host: str, key: str | None = None, core: "SdkFile | None" = None) -> str:
        """The tag by which a page loads this script; a version is named with its hash: nothing else runs in its place.

        ``core`` is the script that this one loads by itself, if it does: a version names its hash too.
        """
        frozen = f' integrity="{self.integrity}" crossorigin="anonymous"' if self.version is not None else ""
        whose = f' data-key="{html.escape(key)}"' if key is not None else ""
        loads = f' data-core-integrity="{core.integrity}"' if core is not None and core.version is not None else ""
        return f'<script src="{html.escape(host)}/sdk/{self.name}"{frozen}{whose}{loads}></script>'


def folder() -> Path:
    """The folder ``sdk``. Raises ``FileNotFoundError`` where an installation has none."""
    for place in (_HERE / "sdk", _HERE.parents[1] / "sdk"):
        if (place / "footfall.js").is_file():
            return place
    raise FileNotFoundError(f"Footfall's browser files are missing: {_HERE / 'sdk'}. Install it again.")


def sdk_files() -> Mapping[str, SdkFile]:
    """Every file that ``/sdk/`` serves, by name: the newest, then the versions. Raises ``FileNotFoundError``."""
    return {file.name: file for file in _files(folder())}


def _files(sdk: Path) -> Iterator[SdkFile]:
    for place in (sdk, sdk / "shopify", sdk / "frozen"):
        for path in sorted(place.iterdir()):
            if path.suffix in _SUFFIXES:
                yield _read(path)


def _read(path: Path) -> SdkFile:
    content = path.read_bytes()
    version = _VERSION.search(path.name)
    return SdkFile(
        path.name,
        int(version[1]) if version else None,
        content,
        # No time of day in it: the same file gives the same bytes.
        gzip.compress(content, 9, mtime=0),
        "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode(),
    )

"""Opening a file of recorded events: gzip or not, which format it looks like, and its lines within a bound."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from footfall.errors import InputInvalidError
from footfall.limits import BODY_BYTES_MAX

STANDARD_INPUT: Final = "-"
REES46_COLUMNS: Final = ("event_time", "event_type", "product_id", "user_id", "user_session")
"""The columns without which a file is none of REES46; category, brand and price may be missing."""
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_BUFFER_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 64 * 1024


class OpenFile:
    """A file or standard input, unpacked."""

    def __init__(self, path: Path) -> None:
        """Raises ``OSError``, or ``InputInvalidError`` where a name says gzip and the content does not."""
        self.name = "standard input" if str(path) == STANDARD_INPUT else str(path)
        self._raw = cast("BinaryIO", sys.stdin.buffer if str(path) == STANDARD_INPUT else path.open("rb"))
        self._size = 0 if str(path) == STANDARD_INPUT else path.stat().st_size
        packed = cast("io.BufferedReader", self._raw).peek(2)[:2] == _GZIP
        if path.suffix == ".gz" and not packed:
            self._raw.close()
            raise InputInvalidError(f"{self.name} is named .gz and isn't gzip.")
        self._plain = io.BufferedReader(
            cast("io.RawIOBase", gzip.GzipFile(fileobj=self._raw) if packed else self._raw), _BUFFER_BYTES
        )

    def close(self) -> None:
        """Close it."""
        self._raw.close()

    def fraction(self) -> float | None:
        """How much of the file has been read, packed as it is."""
        return min(1.0, self._raw.tell() / self._size) if self._size else None

    def require(self, form: str, *, also: tuple[str, ...] = ()) -> None:
        """Raise ``InputInvalidError`` where the file looks like another format than this."""
        looks = looks_like(self.head())
        if looks is None or looks in (form, *also):
            return
        if looks == "array":
            raise InputInvalidError(f"{self.name} is a JSON array. Write one event a line instead: jq -c '.[]' FILE")
        if looks == "binary":
            raise InputInvalidError(f"{self.name} is no text, so it isn't {form}.")
        raise InputInvalidError(f"{self.name} looks like {looks}, not like {form}. Use --format {looks}.")

    def head(self) -> bytes:
        """Its beginning, unpacked, without reading it away. Raises ``InputInvalidError`` where it can't be unpacked."""
        try:
            return self._plain.peek(_HEAD_BYTES)[:_HEAD_BYTES]
        except (EOFError, OSError, zlib.error) as failure:
            raise self.broken(failure) from failure

    def read(self, bytes_max: int) -> bytes:
        """The whole of it. Raises ``InputInvalidError`` where it is larger, or breaks off."""
        try:
            whole = self._plain.read(bytes_max + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as failure:
            raise self.broken(failure) from failure
        if len(whole) > bytes_max:
            raise InputInvalidError(
                f"{self.name} has more than {bytes_max // 1024 // 1024} MB, which is too much for one JSON text."
            )
        return whole

    def lines(self, bytes_max: int = BODY_BYTES_MAX) -> Iterator[bytes]:
        """Its lines. A longer one is cut there (for events at the size of a request): it must not fill the memory.

        Raises ``InputInvalidError`` where the packed file breaks off.
        """
        readline = self._plain.readline
        try:
            while line := readline(bytes_max):
                yield line
                while len(line) == bytes_max and not line.endswith(b"\n"):
                    line = readline(bytes_max)
        except (EOFError, gzip.BadGzipFile, zlib.error) as failure:
            raise self.broken(failure) from failure

    def broken(self, failure: Exception) -> InputInvalidError:
        """What to say of a file that can't be unpacked to its end."""
        return InputInvalidError(f"{self.name} is damaged or was cut: {failure}")


def looks_like(head: bytes) -> str | None:
    """The format that a file's beginning looks like; also ``array`` (JSON) and ``binary``; ``None`` where it tells nothing."""
    if head.startswith(_PARQUET):
        return "parquet"
    if b"\0" in head[:1024]:
        return "binary"
    text = head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
    if text.startswith("{"):
        return "jsonl"
    if text.startswith("["):
        return "array"
    columns = [name.strip().strip('"') for name in text.partition("\n")[0].split(",")]
    if set(REES46_COLUMNS) <= set(columns):
        return "rees46"
    return "csv" if len(columns) > 1 else None

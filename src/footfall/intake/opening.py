"""Bytes of a file from outside: unpacked where they are gzip, which format they look like, and their lines within a bound."""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Final, cast

from footfall.errors import InputInvalidError
from footfall.limits import BODY_BYTES_MAX

REES46_COLUMNS: Final = ("event_time", "event_type", "product_id", "user_id", "user_session")
"""The columns without which a file is none of REES46; category, brand and price may be missing."""
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_BUFFER_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 64 * 1024


class Opened:
    """A file from wherever it comes, unpacked. Use it once."""

    def __init__(self, raw: io.BufferedReader, name: str, size: int = 0) -> None:
        """``name`` is what errors call it, ``size`` its bytes as they come, 0 where nobody knows."""
        self.name = name
        self._raw = raw
        self._size = size
        self.packed = raw.peek(2)[:2] == _GZIP
        plain = gzip.GzipFile(fileobj=raw) if self.packed else raw
        self._plain = io.BufferedReader(cast("io.RawIOBase", plain), _BUFFER_BYTES)

    def close(self) -> None:
        """Close it."""
        self._raw.close()

    def fraction(self) -> float | None:
        """How much of the file has been read, packed as it is."""
        return min(1.0, self._raw.tell() / self._size) if self._size else None

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

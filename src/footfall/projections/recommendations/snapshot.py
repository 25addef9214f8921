"""The index as a file: what it knows and up to where, checked when it is read.

A head of JSON tells version, generation, positions, and of each shop which columns follow; then the columns, as numpy holds
them (little-endian). A file of another version, of another log, or with a wrong checksum is no snapshot.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from footfall.errors import FootfallError
from footfall.identifiers import Generation, Position, ProductReference, ShopId
from footfall.projections.recommendations.index import Index, KeyOf, ShopIndex
from footfall.projections.recommendations.sessions import Packed

VERSION: Final = 1
"""Raised when the meaning of what is saved changes. Stored on disk: do not change the meaning of one that was given out."""
_MAGIC: Final = b"footfall index\n"
_HEAD_BYTES_MAX: Final = 64 * 1024 * 1024
_NAMES: Final = "products"
_CHECKED_BYTES: Final = 16 * 1024 * 1024

Array = npt.NDArray[Any]


class SnapshotInvalidError(FootfallError):
    """This file holds no snapshot of the index that can be used."""


class _Column(msgspec.Struct, array_like=True):
    name: str
    kind: str
    length: int
    checksum: int


class _Shop(msgspec.Struct):
    id: ShopId
    numbers: dict[str, int]
    columns: list[_Column]


class _Head(msgspec.Struct):
    version: int
    generation: str
    ends: dict[int, Position]
    shops: list[_Shop]


def save(path: Path, index: Index, generation: Generation) -> int:
    """Write the index in place of what is at ``path``, durably; answers the bytes. Raises ``OSError``: then the old file is
    as it was."""
    written: list[Array] = []
    shops = []
    for shop, of_shop in index.shops.items():
        packed = of_shop.sessions.packed()
        names = np.frombuffer(msgspec.msgpack.encode(of_shop.names), np.uint8)
        arrays = {_NAMES: names, **packed.arrays}
        columns = []
        for name, array in arrays.items():
            contiguous = np.ascontiguousarray(array)
            columns.append(_Column(name, contiguous.dtype.str, len(contiguous), _checksum(contiguous)))
            written.append(contiguous)
        shops.append(_Shop(shop, dict(packed.numbers), columns))
    head = msgspec.json.encode(_Head(VERSION, generation, index.ends, shops))
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(_MAGIC + len(head).to_bytes(8, "big") + crc32(head).to_bytes(4, "big") + head)
            for array in written:
                file.write(array.data.cast("B") if len(array) else b"")
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return size


def load(path: Path, key_of: KeyOf, generation: Generation) -> Index:
    """The index that was saved at ``path``. Raises ``SnapshotInvalidError`` where there is none that fits this log."""
    try:
        with path.open("rb") as file:
            head = _read_head(file)
            if head.version != VERSION or head.generation != generation or sys.byteorder != "little":
                raise SnapshotInvalidError(f"{path} is of another version or another log.")
            shops = {shop.id: _read_shop(file, shop) for shop in head.shops}
            if file.read(1):
                raise SnapshotInvalidError(f"{path} has more in it than it should.")
    except FileNotFoundError as failure:
        raise SnapshotInvalidError(f"There is no {path}.") from failure
    except (OSError, ValueError, KeyError, TypeError, MemoryError, msgspec.MsgspecError) as failure:
        raise SnapshotInvalidError(f"{path} is damaged: {failure}.") from failure
    return Index(key_of, shops, head.ends)


def _read_head(file: IO[bytes]) -> _Head:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it begins otherwise")
    length = int.from_bytes(file.read(8), "big")
    checksum = int.from_bytes(file.read(4), "big")
    if length > _HEAD_BYTES_MAX:
        raise ValueError("its head is too long")
    head = file.read(length)
    if crc32(head) != checksum:
        raise ValueError("its head is not what was written")
    return msgspec.json.decode(head, type=_Head)


def _read_shop(file: IO[bytes], shop: _Shop) -> ShopIndex:
    arrays: dict[str, Array] = {}
    for column in shop.columns:
        array = np.fromfile(file, column.kind, column.length)
        if len(array) != column.length or _checksum(array) != column.checksum:
            raise ValueError(f"{column.name} is not what was written")
        arrays[column.name] = array
    names = msgspec.msgpack.decode(arrays.pop(_NAMES).data, type=list[ProductReference])
    return ShopIndex(names, Packed(arrays, shop.numbers))


def _checksum(array: Array) -> int:
    checksum = 0
    for part in _parts(array):
        checksum = crc32(part, checksum)
    return checksum


def _parts(array: Array) -> Iterator[memoryview]:
    """Its bytes, not all at once: the lock on Python is given to others in between."""
    told = array.data.cast("B") if len(array) else memoryview(b"")
    for begin in range(0, len(told), _CHECKED_BYTES):
        yield told[begin : begin + _CHECKED_BYTES]

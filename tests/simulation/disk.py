"""A disk that can lose power: a file layer under SQLite that remembers what was synced and forgets what was not."""

import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import apsw

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""

_numbers = itertools.count()


class _Stored:
    """One file: what is surely on the disk, and the changes since, which may or may not be."""

    def __init__(self, synced: bytes) -> None:
        self.synced = bytearray(synced)
        self.pending: list[tuple[int, bytes | None]] = []
        """(offset, data), or (size, ``None``) where the file was cut."""

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.synced, offset, data)
        self.pending.clear()

    def after_power_loss(self, chance: random.Random) -> bytes:
        """What is found later: of each change since the last sync none, all, or some sectors in any order."""
        kept = chance.choice((0.0, 0.3, 0.9, 1.0))
        image = bytearray(self.synced)
        for offset, data in self.pending:
            if data is None:
                if chance.random() < kept:
                    _apply(image, offset, None)
                continue
            start = offset
            while start < offset + len(data):
                stop = min(offset + len(data), (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
                if chance.random() < kept:
                    _apply(image, start, data[start - offset : stop - offset])
                start = stop
        return bytes(image)


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """The file layer; hand ``name`` to whoever opens files. All chance comes from ``chance``."""

    def __init__(self, chance: random.Random) -> None:
        self.name = f"disk-{next(_numbers)}"
        self.syncs: Counter[str] = Counter()
        """By the end of the file's name: ``.db``, ``-wal``."""
        self.full = False
        """Whether there is no room for anything that makes a file longer, or (as on many file systems) for any write."""
        self.dead = False
        self._chance = chance
        self._left: int | None = None
        self._files: dict[str, _Stored] = {}
        super().__init__(self.name, "")

    def die_after(self, operations: int) -> None:
        """Lose power at the so-many-th write, cut or sync from now."""
        self._left = operations

    def die(self) -> None:
        """Lose power now."""
        self.dead = True

    def unsynced(self, ending: str) -> int:
        """Changes of files whose name ends so that are not on the disk yet."""
        return sum(len(stored.pending) for path, stored in self._files.items() if path.endswith(ending))

    def power_up(self) -> None:
        """Make the real files what a machine finds after the loss of power. Every connection must be closed."""
        for path, stored in self._files.items():
            image = stored.after_power_loss(self._chance)
            Path(path).write_bytes(image)
            stored.synced, stored.pending = bytearray(image), []
            # Shared memory: gone with the machine, and made anew from the write-ahead log.
            Path(path + "-shm").unlink(missing_ok=True)
        self.dead = False
        self._left = None

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # SQLite's name
        """Open a file; SQLite's own temporary files have no name and survive nothing."""
        self.check()
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is not None and path not in self._files:
            file = Path(path)
            self._files[path] = _Stored(file.read_bytes() if file.exists() else b"")
        return _File(self, self._files.get(path), str(path), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  # SQLite's name
        """Delete a file. SQLite asks for the directory to be synced where it matters, so this is sure at once."""
        if self.dead:
            # SQLite deletes while it closes, and expects no failure to be told there.
            return
        super().xDelete(filename, syncdir)
        self._files.pop(filename, None)

    def check(self) -> None:
        """Fail where there is no power."""
        if self.dead:
            raise apsw.IOError("the machine has lost power")

    def count(self) -> None:
        """One more operation: the power may go with it."""
        self.check()
        if self._left is not None:
            self._left -= 1
            self.dead = self._left < 0


class _File(apsw.VFSFile):
    """One open file of a ``Disk``."""

    def __init__(self, disk: Disk, stored: _Stored | None, path: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._stored = stored
        self._ending = path[path.rfind(".") :].removeprefix(".db") or ".db"
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  # SQLite's name
        self._disk.check()
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802  # SQLite's name
        if self._disk.full:
            raise apsw.FullError("there is no room on the disk")
        self._change(offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  # SQLite's name
        self._change(newsize, None)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name
        self._disk.count()
        self._disk.check()
        super().xSync(flags)
        self._disk.syncs[self._ending] += 1
        if self._stored is not None:
            self._stored.sync()

    def _change(self, offset: int, data: bytes | None) -> None:
        self._disk.count()
        # Also the write in which the power goes may have reached the disk, or a part of it.
        if self._stored is not None:
            self._stored.pending.append((offset, data))
        self._disk.check()

"""One owner of a data directory: an exclusive ``flock`` on ``DIR/lock``, which names the owner's control address."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from footfall.errors import DataDirectoryTakenError, SettingInvalidError

LOCK_NAME: Final = "lock"
_SOCKET_PATH_BYTES_MAX: Final = 100
"""The kernel takes 107 bytes for a Unix socket's path."""


class Owner(msgspec.Struct, frozen=True):
    """Who owns a data directory, as its lock file says."""

    pid: int
    control: str | None
    address: str | None = None
    """Where it answers over HTTP, if it does."""


class DirectoryLock:
    """The lock, held until ``release`` or the end of the process."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        self._directory = directory
        self._descriptor = descriptor
        self._socket_directory: str | None = None

    @classmethod
    def take(cls, directory: Path) -> "DirectoryLock":
        """Make the directory (mode 0700) if it isn't there, and take its lock.

        Raises ``DataDirectoryTakenError`` where another process has it, ``SettingInvalidError`` where the directory can't
        be used.
        """
        # What this process makes from here on is its user's alone: the files hold visitors' ids.
        os.umask(0o077)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise SettingInvalidError(f"The data directory {directory} can't be used: {failure.strerror}.") from failure
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            os.close(descriptor)
            if failure.errno in (errno.EAGAIN, errno.EACCES):
                owner = read_owner(directory)
                who = f" (process {owner.pid})" if owner is not None else ""
                raise DataDirectoryTakenError(f"The data directory {directory} belongs to another process{who}.") from failure
            raise SettingInvalidError(f"The data directory {directory} can't be locked: {failure.strerror}.") from failure
        lock = cls(directory, descriptor)
        lock._write(Owner(os.getpid(), None))
        return lock

    def control_path(self) -> Path:
        """Where this owner's control socket goes: in the directory, or in a short private one where its path is too long."""
        path = (self._directory / "control.sock").resolve()
        if len(os.fsencode(path)) > _SOCKET_PATH_BYTES_MAX:
            self._socket_directory = self._socket_directory or tempfile.mkdtemp(prefix="footfall-")
            path = Path(self._socket_directory) / "control.sock"
        return path

    def announce(self, control: Path, address: str | None = None) -> None:
        """Write the control address into the lock file, once the socket listens; and the server's own address."""
        self._write(Owner(os.getpid(), str(control), address))

    def release(self) -> None:
        """Give the directory up."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        if self._socket_directory is not None:
            Path(self._socket_directory).rmdir()

    def _write(self, owner: Owner) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, msgspec.json.encode(owner), 0)


def read_owner(directory: Path) -> Owner | None:
    """What the lock file says; ``None`` where it says nothing (yet)."""
    try:
        return msgspec.json.decode((directory / LOCK_NAME).read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None

"""The lock of a data directory: one owner, who says where it can be reached."""

import os
import stat
from pathlib import Path

import pytest

from footfall.errors import DataDirectoryTakenError, SettingInvalidError
from footfall.service.lock import LOCK_NAME, DirectoryLock, read_owner


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    lock = DirectoryLock.take(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    lock.release()


def test_a_second_owner_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    lock = DirectoryLock.take(tmp_path)
    with pytest.raises(DataDirectoryTakenError, match=str(os.getpid())):
        DirectoryLock.take(tmp_path)
    lock.release()
    DirectoryLock.take(tmp_path).release()


def test_the_owner_names_its_control_address_and_takes_it_back(tmp_path: Path) -> None:
    lock = DirectoryLock.take(tmp_path)
    owner = read_owner(tmp_path)
    assert owner is not None
    assert (owner.pid, owner.control) == (os.getpid(), None)
    lock.announce(tmp_path / "control.sock")
    owner = read_owner(tmp_path)
    assert owner is not None
    assert owner.control == str(tmp_path / "control.sock")
    lock.release()
    assert read_owner(tmp_path) is None


def test_a_control_address_too_long_for_the_kernel_is_put_elsewhere_and_cleared_away(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    lock = DirectoryLock.take(deep)
    path = lock.control_path()
    assert len(os.fsencode(path)) < 100
    assert path.parent.is_dir()
    lock.release()
    assert not path.parent.exists()


def test_a_directory_that_is_a_file_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingInvalidError, match="can't be used"):
        DirectoryLock.take(tmp_path / "file")


def test_a_lock_file_that_says_nothing_names_no_owner(tmp_path: Path) -> None:
    assert read_owner(tmp_path) is None
    (tmp_path / LOCK_NAME).write_text("{")
    assert read_owner(tmp_path) is None

"""The lock of a directory: one holder at a time, whatever becomes of the holder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tfraft.adapters.state.lock import LOCK_NAME, DirectoryLock
from tfraft.errors import DataError, DataLocked

HOLDER = """
import sys
from pathlib import Path
from tfraft.adapters.state.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_holder_is_refused_in_the_same_process_too(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DataLocked) as refusal:
        DirectoryLock(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path} is in use by this same process {os.getpid()} (lock LOCK): "
        "end that one first, or choose another directory"
    )
    lock.release()


def test_released_it_is_free_and_releasing_twice_is_releasing_once(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.release()
    second = DirectoryLock(tmp_path)
    first.release()
    with pytest.raises(DataLocked):
        DirectoryLock(tmp_path)
    second.release()


def test_locks_of_different_names_do_not_touch_each_other(tmp_path: Path) -> None:
    locks = [DirectoryLock(tmp_path, name) for name in (LOCK_NAME, "n1.lock", "n2.lock")]
    for lock in locks:
        lock.release()


def test_the_file_is_for_its_owner_alone_and_names_the_process(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    assert stat.S_IMODE((tmp_path / LOCK_NAME).stat().st_mode) == 0o600
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_file_that_was_left_over_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("1234567890123456789\n")
    lock = DirectoryLock(tmp_path)
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    lock.release()


@pytest.mark.process
def test_another_process_is_named_and_kill_9_frees_its_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataLocked, match=rf"in use by process {holder.pid} \(lock LOCK\)"):
            DirectoryLock(tmp_path)
        holder.kill()
        holder.wait()
        DirectoryLock(tmp_path).release()


def test_a_holder_that_did_not_write_its_number_yet_is_another_process(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    (tmp_path / LOCK_NAME).write_text("")
    with pytest.raises(DataLocked, match="in use by another process"):
        DirectoryLock(tmp_path)
    lock.release()


@pytest.mark.process
def test_a_program_that_was_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A node process must not hold the directory of a cluster whose other processes are gone."""
    lock = DirectoryLock(tmp_path)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.release()
        DirectoryLock(tmp_path).release()
        assert child.poll() is None


@pytest.mark.parametrize("planted", ["directory", "symbolic link"])
def test_something_else_in_its_place_is_an_error(tmp_path: Path, planted: str) -> None:
    if planted == "directory":
        (tmp_path / LOCK_NAME).mkdir()
    else:
        (tmp_path / LOCK_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"LOCK cannot be locked: .*choose another directory"):
        DirectoryLock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()

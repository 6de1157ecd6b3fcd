"""The write-ahead log under kill -9, full disks and errors of the system, with real processes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from tests.adapters.state.wal_saver import save_of
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.entry import Entries, Entry
from tfraft.errors import DataError, DataLocked

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
# Without -B Python itself may write files, and the calls that are counted here would not be ours.
SAVER = [sys.executable, "-B", str(Path(__file__).with_name("wal_saver.py"))]
STRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]
TINY = 2048


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is dead and gone afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def saver(directory: Path, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return process(*SAVER, str(directory), str(TINY), *more)


def rest_of(started: subprocess.Popen[str]) -> list[str]:
    """The whole lines that the process prints until its end."""
    assert started.stdout
    return started.stdout.read().split("\n")[:-1]


def last_number(lines: list[str], before: int) -> int:
    """The last save that was acknowledged."""
    return max([before, *(int(line) for line in lines if line.isdecimal())])


def found_save(directory: Path) -> int:
    """The number of the save that is there; the state must be that one, whole."""
    manager = WalStateManager("n1", directory)
    try:
        saved = manager.load()
    finally:
        manager.close()
    if saved is None:
        return 0
    rows: list[Entry] = []
    for number in range(1, saved.current_term + 1):
        save = save_of(number)
        rows = [*rows[: save.first_index - 1], *save.entries]
    assert saved.voted_for == f"n{saved.current_term}"
    assert saved.entries == Entries.from_rows(rows)
    return saved.current_term


def test_kill_9_at_any_moment_leaves_all_that_was_acknowledged(tmp_path: Path) -> None:
    """§3.8. One directory lives through all of it; the moments differ from run to run, and all of them must do."""
    rng = Random(7)
    done = 0
    for _ in range(12):
        with saver(tmp_path) as started:
            assert started.stdout
            read = [started.stdout.readline().strip() for _ in range(rng.randint(0, 60))]
            started.kill()
            acknowledged = last_number([*read, *rest_of(started)], done)
        done = found_save(tmp_path)
        assert done in (acknowledged, acknowledged + 1)
    assert done > 100


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with saver(tmp_path) as started:
        assert started.stdout
        assert started.stdout.readline() == "ready\n"
        with pytest.raises(DataLocked, match=rf"in use by process {started.pid} \(lock LOCK\)"):
            found_save(tmp_path)
        started.kill()
        started.wait()
    found_save(tmp_path)


def test_a_file_that_may_grow_no_more_is_told_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """The kernel takes a part of the write first, and refuses the rest."""
    found_save(tmp_path)
    limit = "1500"
    with process(*SAVER, str(tmp_path / "new"), str(TINY), limit) as started:
        assert rest_of(started) == []
        assert started.wait() == 1
    with saver(tmp_path, limit) as started:
        lines = rest_of(started)
    done = last_number(lines, 0)
    assert lines == [
        "ready",
        *map(str, range(1, done + 1)),
        *[f"failed: {tmp_path} could not be saved: File too large"] * 2,
    ]
    assert found_save(tmp_path) == done


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of this size."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def mount_works() -> bool:
    if os.geteuid() or shutil.which("unshare") is None:
        return False
    command = "mount -t tmpfs -o size=64k tmpfs /mnt"
    return subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True).returncode == 0


@pytest.mark.skipif(not mount_works(), reason="needs root, and leave to mount")
def test_a_full_disk_is_told_and_once_there_is_room_nothing_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "200k") as disk:
        balloon = disk / "balloon"
        balloon.write_bytes(bytes(100 << 10))
        directory = disk / "n1"
        with saver(directory) as started:
            lines = rest_of(started)
        done = last_number(lines, 0)
        assert done > 10
        assert lines[-2:] == [f"failed: {directory} could not be saved: No space left on device"] * 2
        balloon.unlink()
        assert found_save(directory) == done
        with saver(directory) as started:
            lines = rest_of(started)
        assert lines[1] == str(done + 1)
        more = last_number(lines, done)
        assert more > done
        # The disk is full now, and it can still be read.
        assert found_save(directory) == more


@pytest.mark.skipif(not mount_works(), reason="needs root, and leave to mount")
def test_a_torn_end_on_a_full_disk_is_refused_until_there_is_room_to_keep_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        directory = disk / "n1"
        manager = WalStateManager("n1", directory, segment_size_bytes=32 << 10)
        manager.load()
        manager.close()
        with (directory / "0000000001.wal").open("r+b") as file:
            file.seek(64)
            file.write(b"\1" * 10)
        balloon = disk / "balloon"
        with suppress(OSError), balloon.open("wb", buffering=0) as full:
            while True:
                full.write(bytes(1024))
        with pytest.raises(DataError, match="No space left on device"):
            found_save(directory)
        balloon.unlink()
        assert found_save(directory) == 0
        assert (directory / "0000000001.wal.torn-64").read_bytes() == b"\1" * 10


def strace_works() -> bool:
    return shutil.which("strace") is not None and subprocess.run([*STRACE, "true"]).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="needs strace, and leave to trace")


def traced_saver(directory: Path, calls: str, injected: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A saver in which something is injected into these calls of its writing thread.

    Its directory exists already: for a new one its main thread would make such calls, too; strace counts by thread."""
    manager = WalStateManager("n1", directory, segment_size_bytes=TINY)
    manager.load()
    manager.close()
    command = [*STRACE, "-e", f"trace={calls}", "-e", f"inject={calls}:{injected}", *SAVER, str(directory), str(TINY)]
    return process(*command)


@needs_strace
@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync", "fsync", "rename,renameat,renameat2"])
def test_kill_9_at_each_call_leaves_all_that_was_acknowledged(tmp_path: Path, calls: str) -> None:
    """Before and after each write, each sync and each rename of the first saves and segments."""
    for moment in range(1, 7):
        directory = tmp_path / str(moment)
        with traced_saver(directory, calls, f"signal=KILL:when={moment}") as started:
            done = last_number(rest_of(started), 0)
        assert found_save(directory) in (done, done + 1)
        # The first two are one to a save.
        if calls in ("pwrite64", "fdatasync"):
            assert done == moment - 1


@needs_strace
@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_call_that_fails_is_told_and_never_tried_again(tmp_path: Path, calls: str, error: str) -> None:
    """PITFALLS 35."""
    with traced_saver(tmp_path, calls, f"error={error}:when=3") as started:
        lines = rest_of(started)
    text = {"EIO": "Input/output error", "ENOSPC": "No space left on device"}[error]
    assert lines == ["ready", "1", "2", *[f"failed: {tmp_path} could not be saved: {text}"] * 2]
    assert found_save(tmp_path) in (2, 3)


MEASURE = """
import resource, sys
from tfraft.adapters.state.wal import WalStateManager
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manager = WalStateManager("n1", sys.argv[1])
saved = manager.load()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manager.close()
print(len(saved.entries), sum(map(len, saved.entries.data)), (after - before) * 1024)
"""


FILL = """
import asyncio, sys
from array import array
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.effects import Save
from tfraft.core.entry import Entries

async def main():
    manager = WalStateManager("n1", sys.argv[1], segment_size_bytes=16 << 20)
    manager.load()
    index = 1
    done = asyncio.Event()
    for number in range(400):
        # Each save cuts half of the one before: what was cut must not be held.
        entries = Entries(array("Q", [1]) * 1000, bytes(1000), [b"%d" % number * 50] * 1000)
        manager.save(Save(1, None, index, entries), lambda error: done.set())
        await done.wait()
        done.clear()
        index += 500
    manager.close()

asyncio.run(main())
"""


def test_recovery_takes_less_than_three_times_the_live_data(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FILL, str(tmp_path)], check=True)
    output = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True)
    entries, live, memory = map(int, output.stdout.split())
    assert entries == 200_500
    assert live > 20_000_000
    assert memory < 3 * live

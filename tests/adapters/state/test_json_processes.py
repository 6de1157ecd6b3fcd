"""The JSON file under kill -9 and under errors of the system, with real processes."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random

import pytest

from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.entry import Entries, Entry, EntryKind

pytestmark = pytest.mark.process

# Without -B Python itself may rename files, and the calls that are counted here would not be ours.
SAVER = [sys.executable, "-B", str(Path(__file__).with_name("saver.py"))]
STRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]


@contextmanager
def saver(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that saves for ever; dead and gone afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(process: subprocess.Popen[str]) -> int:
    """Read all that the process has printed until its end; the last save that it was told of."""
    assert process.stdout
    numbers = [int(line) for line in process.stdout.read().split("\n") if line.isdecimal()]
    return numbers[-1] if numbers else 0


def assert_whole(directory: Path, done: int) -> int:
    """Load the state: whole, not older than save `done`, at most one newer. Gives the save that is there."""
    manager = LocalStateManager("n1", directory)
    try:
        saved = manager.load()
    finally:
        manager.close()
    there = saved.current_term if saved else 0
    assert there in (done, done + 1)
    if saved:
        assert saved.voted_for == f"n{there}"
        assert saved.entries == Entries.of(
            *(Entry(number, EntryKind.COMMAND, b"command %d" % number) for number in range(1, there + 1))
        )
    return there


def test_kill_9_at_any_moment_leaves_all_that_was_acknowledged(tmp_path: Path) -> None:
    """§3.8. The moments differ from run to run, and all of them must do."""
    rng = Random(7)
    for round_ in range(8):
        directory = tmp_path / str(round_)
        with saver(*SAVER, str(directory)) as process:
            assert process.stdout
            read = [process.stdout.readline() for _ in range(rng.randint(1, 40))]
            process.kill()
            done = acknowledged(process) or int(read[-1])
        assert_whole(directory, done)


def test_a_file_that_may_grow_no_more_is_told_and_the_old_state_stays(tmp_path: Path) -> None:
    """The kernel takes a part of the write first, and refuses the rest."""
    with saver(*SAVER, str(tmp_path), "2000") as process:
        output = process.communicate(timeout=60)[0].splitlines()
    done = int(output[-3])
    assert output[-2:] == [f"failed: {tmp_path}/n1.json could not be saved: File too large"] * 2
    assert (tmp_path / "n1.json.new").stat().st_size == 2000
    assert assert_whole(tmp_path, done) == done


def strace_works() -> bool:
    return shutil.which("strace") is not None and subprocess.run([*STRACE, "true"]).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="needs strace, and leave to trace")


def traced_saver(directory: Path, calls: str, injected: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A saver in which something is injected into these calls.

    strace counts by thread. The main thread makes the calls of one save, as it loads, the writing thread all others:
    a moment within the first save comes while it loads, and later ones as if there were one thread."""
    return saver(*STRACE, "-e", f"trace={calls}", "-e", f"inject={calls}:{injected}", *SAVER, str(directory))


@needs_strace
@pytest.mark.parametrize(
    ("calls", "acknowledged_before"),
    [("fsync", [0, 0, 1, 1, 2, 2]), ("rename,renameat,renameat2", [0, 1, 2])],
    ids=["fsync", "rename"],
)
def test_kill_9_at_each_call_leaves_all_that_was_acknowledged(
    tmp_path: Path, calls: str, acknowledged_before: list[int]
) -> None:
    """§3.8. Each save is two syncs and a rename."""
    for moment, expected in enumerate(acknowledged_before, 1):
        directory = tmp_path / str(moment)
        directory.mkdir()
        with traced_saver(directory, calls, f"signal=KILL:when={moment}") as process:
            done = acknowledged(process)
        assert done == expected
        assert_whole(directory, done)


@needs_strace
@pytest.mark.parametrize("moment", [3, 4])
def test_an_fsync_that_fails_is_told_and_never_tried_again(tmp_path: Path, moment: int) -> None:
    """PITFALLS 35. The third sync is of the second save's file, the fourth of its directory."""
    with traced_saver(tmp_path, "fsync", f"error=EIO:when={moment}") as process:
        output = process.communicate(timeout=60)[0].splitlines()
    assert output == ["1", *[f"failed: {tmp_path}/n1.json could not be saved: Input/output error"] * 2]
    assert_whole(tmp_path, 1)

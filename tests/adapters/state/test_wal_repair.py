"""A damaged log that is set aside: its server begins anew, empty, and knows that it must not vote (PITFALLS 36)."""

import asyncio
import stat
from pathlib import Path
from random import Random

import pytest

from tests.adapters.state.wal_disks import LOSSES, MARK, PowerCut, VirtualLogFiles
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.segment import CorruptLog
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import read_saves
from tfraft.adapters.state.wal_repair import RepairNote
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData

FIRST, SECOND, THIRD = (f"{number:010d}.wal" for number in (1, 2, 3))


def manager_of(directory: Path, files: VirtualLogFiles | None = None, server_id: str = "n1") -> WalStateManager:
    mark = MARK if files else None
    return WalStateManager(server_id, directory, cluster_id="c1", segment_size_bytes=1024, mark=mark, files=files)


def save(directory: Path, *saves: Save, files: VirtualLogFiles | None = None) -> None:
    async def run() -> None:
        manager = manager_of(directory, files)
        manager.load()
        for each in saves:
            manager.save(each, lambda error: None)
        manager.close()

    asyncio.run(run())


def append(index: int, term: int) -> Save:
    return Save(term, f"n{term}", index, Entries.of(Entry(term, EntryKind.COMMAND, b"%d." % index * 100)))


SAVES = [
    Save(0, None, base=Base(0, 0, Configuration.of(["n1", "n2"]))),
    *(append(index, 1 + index // 3) for index in range(1, 8)),
    Save(9, "n2"),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A log of three segments in use: entries 1 to 7, and term 9 at the end."""
    save(tmp_path, *SAVES)
    return tmp_path


def flip(path: Path, offset: int) -> None:
    text = bytearray(path.read_bytes())
    text[offset] ^= 1
    path.write_bytes(text)


def loaded(directory: Path, files: VirtualLogFiles | None = None) -> tuple[Saved | None, RepairNote | None]:
    """What the next run finds."""
    manager = manager_of(directory, files)
    try:
        return manager.load(), manager.repair_note
    finally:
        manager.close()


def anew(term: int, last_index: int, incarnation: int = 1) -> tuple[Saved, RepairNote]:
    """What is found where a log was set aside that went so far."""
    saved = Saved(term, incarnation=incarnation, repairing=True)
    return saved, RepairNote(incarnation, True, term, last_index)


def set_aside(directory: Path) -> None:
    manager = manager_of(directory)
    with pytest.raises(CorruptState):
        manager.load()
    manager.set_aside()
    found = manager.load()
    assert found is not None
    assert (found.repairing, len(found.entries)) == (True, 0)
    manager.close()


def last_place(directory: Path) -> tuple[str, int]:
    logged = list(read_saves(directory))[-1]
    return f"{logged.segment:010d}.wal", logged.offset


DAMAGES = {
    "a preamble": (FIRST, 3),
    "the number in a preamble": (SECOND, 24),
    "the first header": (FIRST, 70),
    "the first body": (FIRST, 110),
    "a header in the middle": (SECOND, 64 + 8),
    "an entry in the middle": (SECOND, 64 + 100),
    "the metadata": ("metadata.json", 30),
}


@pytest.mark.parametrize("place", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_log_is_set_aside_and_the_note_says_how_far_it_went(directory: Path, place: tuple[str, int]) -> None:
    """What is after the damage counts as well: it was promised."""
    flip(directory / place[0], place[1])
    set_aside(directory)
    # A record that is damaged is not read, but here none is the last.
    assert loaded(directory) == anew(9, 7)


def test_what_is_lost_at_the_end_cannot_be_noted(directory: Path) -> None:
    name, offset = last_place(directory)
    flip(directory / name, offset + 40)
    set_aside(directory)
    assert loaded(directory) == anew(3, 7)


def test_a_missing_segment_is_set_aside_with_the_others(directory: Path) -> None:
    (directory / SECOND).unlink()
    set_aside(directory)
    assert loaded(directory) == anew(9, 7)
    assert SECOND not in {path.name for path in (directory / "damaged-1").iterdir()}


def test_the_base_counts_where_nothing_is_above_it(tmp_path: Path) -> None:
    save(tmp_path, Save(4, None, base=Base(100, 4)), Save(5, None))
    flip(tmp_path / FIRST, 70)
    set_aside(tmp_path)
    assert loaded(tmp_path) == anew(5, 100)


def test_metadata_and_segments_are_moved_as_they_are_and_nothing_else(directory: Path) -> None:
    flip(directory / FIRST, 110)
    others = {name: name.encode() for name in ("0000000000000007.snapshot", "0000000001.wal.torn-64", "notes.txt")}
    for name, data in others.items():
        (directory / name).write_bytes(data)
    before = {path.name: path.read_bytes() for path in directory.iterdir() if path.name not in {*others, "LOCK"}}
    set_aside(directory)
    aside = directory / "damaged-1"
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == before
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "repair.json").stat().st_mode) == 0o600
    assert {name: (directory / name).read_bytes() for name in others} == others


def test_the_note_stays_until_the_server_is_repaired_and_the_incarnation_for_ever(directory: Path) -> None:
    flip(directory / FIRST, 110)
    set_aside(directory)
    save(directory, append(1, 3))
    entries = append(1, 3).entries
    # It may have voted in term 9, and must not take part in an earlier one.
    manager = manager_of(directory)
    assert manager.load() == Saved(9, None, entries=entries, incarnation=1, repairing=True)
    manager.repaired()
    manager.close()
    assert loaded(directory) == (Saved(9, None, entries=entries, incarnation=1), RepairNote(1, False, 9, 7))
    save(directory, append(2, 10))
    found, _ = loaded(directory)
    assert found is not None
    assert (found.current_term, found.voted_for, found.incarnation, found.repairing) == (10, "n10", 1, False)


def test_a_log_that_is_damaged_again_is_set_aside_beside_the_first_and_the_note_is_not_lowered(directory: Path) -> None:
    for _ in range(2):
        flip(directory / FIRST, 110)
        set_aside(directory)
        save(directory, append(1, 2), append(2, 2))
    assert loaded(directory)[1] == RepairNote(2, True, 9, 7)
    assert {path.name for path in directory.iterdir() if path.is_dir()} == {"damaged-1", "damaged-2"}


def test_a_whole_log_has_no_note(directory: Path) -> None:
    assert loaded(directory)[1] is None


def test_a_note_that_is_damaged_is_refused_since_it_may_have_forbidden_to_vote(directory: Path) -> None:
    flip(directory / FIRST, 110)
    set_aside(directory)
    text = (directory / "repair.json").read_bytes()
    for offset in range(len(text)):
        (directory / "repair.json").write_bytes(text)
        flip(directory / "repair.json", offset)
        with pytest.raises(CorruptState, match=r"repair\.json is damaged"):
            loaded(directory)


def test_the_log_of_a_server_that_runs_or_of_another_is_not_set_aside(directory: Path) -> None:
    lock = DirectoryLock(directory)
    with pytest.raises(DataLocked):
        manager_of(directory).set_aside()
    lock.release()
    before = sorted(path.name for path in directory.iterdir())
    with pytest.raises(ForeignData):
        manager_of(directory, server_id="n2").set_aside()
    assert sorted(path.name for path in directory.iterdir()) == before


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename"])
def test_a_repair_that_cannot_be_noted_is_done_once_more(tmp_path: Path, operation: str) -> None:
    files = damaged_disk(tmp_path)
    manager = manager_of(tmp_path, files)
    manager.set_aside()
    manager.load()
    files.failing = operation
    manager.repaired()
    files.failing = ""
    manager.close()
    assert loaded(tmp_path, files) == anew(9, 7)


def damaged_disk(directory: Path) -> VirtualLogFiles:
    files = VirtualLogFiles()
    save(directory, *SAVES, files=files)
    contents = files.contents()
    text = contents[directory / FIRST]
    contents[directory / FIRST] = text[:110] + bytes([text[110] ^ 1]) + text[111:]
    return VirtualLogFiles(contents)


def test_after_a_crash_in_any_operation_the_log_is_refused_or_the_note_is_there(tmp_path: Path) -> None:
    """Never a log that begins anew and may vote."""
    outcomes = set()
    for steps in range(1, 100):
        disk = damaged_disk(tmp_path)
        disk.steps_left = steps
        try:
            manager_of(tmp_path, disk).set_aside()
            done = True
        except (PowerCut, DataError):
            done = False
        for seed in range(2 * len(LOSSES)):
            after = disk.after_cut(LOSSES[seed % len(LOSSES)], Random(f"{steps} {seed}"))
            for attempt in range(2):
                try:
                    found = loaded(tmp_path, after)
                    assert found in (anew(9, 7), anew(9, 7, incarnation=2)), f"{steps=} {seed=}"
                    outcomes.add((done, attempt))
                    break
                except CorruptLog:
                    assert not done
                    manager_of(tmp_path, after).set_aside()
        if done:
            break
    assert outcomes == {(False, 0), (False, 1), (True, 0)}

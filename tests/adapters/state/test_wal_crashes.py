"""The write-ahead log when the power goes off, whatever the disk makes of what was not synced (PITFALLS 36, 40)."""

from random import Random

import pytest

from tests.adapters.state.oracle import Step, as_told
from tests.adapters.state.runs import entries
from tests.adapters.state.wal_disks import LOSSES, PowerCut, VirtualLogFiles, found_in, nothing_unsynced, opened_log
from tfraft.adapters.state.wal_writer import LogWriter
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import DataError

VOTERS = Configuration.of({"n1": "h:1", "n2": "h:2"})
SCRIPT: list[Step] = [
    Save(0, None, base=Base(0, 0, VOTERS)),
    Save(1, "n1"),
    Save(1, "n1", 1, Entries.of(Entry(1, EntryKind.NO_OP))),
    Save(1, "n1", 2, entries(1, *[b"x" * 50] * 8)),
    # Much that is zeros by itself, over several sectors.
    Save(1, "n1", 10, entries(1, bytes(1500), b"", bytes(700))),
    Save(2, None),
    # A follower whose log conflicts (§3.5).
    Save(2, "n2", 5, entries(2, b"other", b"more")),
    # A snapshot is durable, and what it holds may go.
    Base(3, 1, VOTERS),
    Save(2, "n2", 7, entries(2, *[bytes(range(256))] * 3)),
    # More than a segment holds.
    Save(2, "n2", 10, entries(2, b"\xff" * 5000)),
    Save(3, "n1", 11, entries(3, b"small")),
    Save(3, "n1", 4),
    Save(4, None, 4, entries(4, *[b"%d" % number * 20 for number in range(12)])),
    Save(4, "n2", 16, entries(4, b"last")),
    Base(12, 4, VOTERS, 9),
    # A leader's snapshot below the end of a log that conflicts with it (§5.3), and one far above it.
    Save(5, None, base=Base(14, 5, VOTERS, 13)),
    Save(5, None, 15, entries(5, *[b"%d" % number * 90 for number in range(8)])),
    Save(6, "n1", 101, entries(6, b"y" * 40), Base(100, 6, VOTERS, 50)),
    Save(6, "n1", 102, entries(6, *[b"z" * 700] * 2)),
    # The snapshot of a follower that is behind its leader's trim.
    Base(200, 6, VOTERS, 150),
    Save(6, "n1", 201, entries(6, b"end")),
]
STATES: list[Saved | None] = [None]
for _step in SCRIPT:
    STATES.append(as_told(STATES[-1], _step))


def take(writer: LogWriter, step: Step) -> None:
    if isinstance(step, Base):
        writer.trim(step)
    else:
        writer.append(step)


def run_until_cut(disk: VirtualLogFiles, segment_bytes: int) -> int:
    """Take the steps of the script until the power goes off; how many were acknowledged."""
    done = 0
    try:
        writer = opened_log(disk, segment_bytes).writer
        for step in SCRIPT:
            take(writer, step)
            done += 1
            writer.prepare()
    except (PowerCut, DataError):
        assert disk.steps_left <= 0
    return done


def steps_of_the_script(segment_bytes: int) -> int:
    disk = VirtualLogFiles(steps=10**9)
    assert run_until_cut(disk, segment_bytes) == len(SCRIPT)
    return 10**9 - int(disk.steps_left)


@pytest.mark.parametrize("segment_bytes", [512, 2048, 1 << 16])
def test_a_power_cut_in_any_operation_leaves_what_was_acknowledged_or_the_save_under_way(segment_bytes: int) -> None:
    """§3.8, and the port: a crash at any moment leaves the state from before or from after, whole."""
    outcomes = set()
    for steps in range(1, steps_of_the_script(segment_bytes) + 1):
        disk = VirtualLogFiles(steps=steps)
        done = run_until_cut(disk, segment_bytes)
        for loss in LOSSES:
            for seed in range(3):
                rng = Random(f"{steps} {loss.__name__} {seed}")
                after = disk.after_cut(loss, rng)
                found = found_in(after, segment_bytes)
                where = f"{steps=} {loss.__name__} {seed=}, {done} acknowledged"
                assert found in STATES[done : done + 2], where
                outcomes.add(STATES.index(found) - done)
                # What was read is durable: it may be acted on, so the next power cut must not take it away.
                assert found_in(after.after_cut(nothing_unsynced, rng), segment_bytes) == found, where
    assert outcomes == {0, 1}


def test_a_power_cut_while_the_log_is_mended_changes_nothing_of_what_is_found() -> None:
    cuts = 0
    for steps in range(1, steps_of_the_script(1024) + 1):
        disk = VirtualLogFiles(steps=steps)
        done = run_until_cut(disk, 1024)
        for seed in range(6):
            rng = Random(f"{steps} {seed}")
            after = disk.after_cut(rng.choice(LOSSES), rng)
            before = None
            for _ in range(3):
                after.steps_left = rng.randint(1, 8)
                try:
                    before = found_in(after, 1024)
                except (PowerCut, DataError):
                    assert after.steps_left <= 0
                    cuts += 1
                after = after.after_cut(rng.choice(LOSSES), rng)
            found = found_in(after, 1024)
            assert found in STATES[done : done + 2], f"{steps=} {seed=}"
            assert before in (None, found)
    assert cuts > 500


def any_save(rng: Random, before: Saved | None) -> Save:
    """The next save of a server: a term later, an entry more, of any size up to several sectors."""
    term = before.current_term + 1 if before else 1
    data = bytes([rng.choice([0, term % 256])]) * rng.choice([10, 400, 900, 1800])
    return Save(term, f"n{term}", len(before.entries) + 1 if before else 1, entries(term, data))


def test_a_log_goes_on_after_any_crash_and_may_crash_again_at_once() -> None:
    """What a torn save has left must not be taken for a part of the next one in its place."""
    outcomes = set()
    for seed in range(400):
        rng = Random(seed)
        disk = VirtualLogFiles()
        possible: list[Saved | None] = [None]
        for _ in range(6):
            disk.steps_left = rng.randint(1, 25)
            try:
                log = opened_log(disk, 1024)
                assert log.saved in possible, f"{seed=}"
                possible = [log.saved]
                while True:
                    save = any_save(rng, possible[0])
                    possible = [possible[0], as_told(possible[0], save)]
                    log.writer.append(save)
                    possible = possible[1:]
                    log.writer.prepare()
            except (PowerCut, DataError):
                assert disk.steps_left <= 0, f"{seed=}"
            outcomes.add(len(possible))
            disk = disk.after_cut(rng.choice(LOSSES), rng)
        assert found_in(disk, 1024) in possible, f"{seed=}"
    assert outcomes == {1, 2}


def test_what_a_killed_process_has_written_and_not_synced_is_synced_before_it_is_used() -> None:
    """The node that starts next acts on what it reads: it must not be lost by a power cut later."""
    for steps in range(1, steps_of_the_script(1024) + 1):
        disk = VirtualLogFiles(steps=steps)
        done = run_until_cut(disk, 1024)
        found = found_in(killed := disk.after_kill(), 1024)
        assert found in STATES[done : done + 2]
        assert found_in(killed.after_cut(nothing_unsynced, Random(steps)), 1024) == found, f"{steps=}"


@pytest.mark.parametrize("number", [place for place, step in enumerate(SCRIPT) if isinstance(step, Save)])
def test_what_a_failed_sync_has_left_in_memory_only_is_written_again_before_it_is_used(number: int) -> None:
    """PITFALLS 35: after an fsync that failed, the kernel takes for written what it has dropped."""
    disk = VirtualLogFiles()
    writer = opened_log(disk, 1024).writer
    for step in SCRIPT[:number]:
        take(writer, step)
        writer.prepare()
    disk.failing = "sync_data"
    with pytest.raises(OSError, match="Input/output error"):
        take(writer, SCRIPT[number])
    found = found_in(killed := disk.after_kill(), 1024)
    assert found in STATES[number : number + 2]
    assert found_in(killed.after_cut(nothing_unsynced, Random(0)), 1024) == found


def test_a_power_cut_while_the_log_is_trimmed_leaves_all_entries_or_those_above_the_base() -> None:
    saves = [Save(1, "n1", index, entries(1, b"%d" % index * 100)) for index in range(1, 21)]
    rows = [save.entries[0] for save in saves]
    base = Base(12, 1, VOTERS)
    outcomes = set()
    for steps in range(1, 300):
        disk = VirtualLogFiles()
        writer = opened_log(disk, 512).writer
        for save in saves:
            writer.append(save)
            writer.prepare()
        disk.steps_left = steps
        try:
            writer.trim(base)
            trimmed = True
        except PowerCut:
            trimmed = False
        for seed in range(6):
            rng = Random(f"{steps} {seed}")
            after = disk.after_cut(rng.choice(LOSSES), rng)
            log = opened_log(after, 512)
            above = log.writer.metadata.base.index
            assert above == 12 if trimmed else above in (0, 12)
            assert log.saved is not None
            assert log.saved.entries == Entries.from_rows(rows[above:])
            outcomes.add((trimmed, above))
            # Nothing is left of what was dropped, whenever the cut came.
            assert len(after.contents()) == 2 + log.writer.metadata.last_segment - log.writer.metadata.first_segment
        if trimmed:
            break
    assert outcomes == {(False, 0), (False, 12), (True, 12)}

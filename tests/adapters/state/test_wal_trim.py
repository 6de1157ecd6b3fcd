"""A log that begins later: whole segments go, and the base says what stood before the rest."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given

from tests.adapters.state.oracle import Step, as_told, histories
from tests.adapters.state.wal_disks import DIRECTORY, VirtualLogFiles, found_in, opened_log
from tfraft.adapters.state.segments_on_disk import segment_numbers
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import read_saves, verify
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError

VOTERS = Configuration.of(["n1", "n2"])


def row(index: int, term: int = 1) -> Entry:
    return Entry(term, EntryKind.COMMAND, b"%d " % index * 100)


def append(index: int, term: int = 1) -> Save:
    return Save(term, f"n{index}", index, Entries.of(row(index, term)))


def base_at(index: int, term: int = 1) -> Base:
    return Base(index, term, VOTERS, index // 2)


class Log:
    """A log of tiny segments, opened anew as often as one likes."""

    def __init__(self, *steps: Step) -> None:
        self.disk = VirtualLogFiles()
        self.do(*steps)

    def do(self, *steps: Step) -> None:
        """One run of a server: these saves, and trims to these bases."""
        writer = opened_log(self.disk, 512).writer
        for step in steps:
            if isinstance(step, Base):
                writer.trim(step)
            else:
                writer.append(step)
            writer.prepare()
        writer.close()

    @property
    def segments(self) -> list[int]:
        return segment_numbers(self.disk, DIRECTORY)

    @property
    def saved(self) -> Saved | None:
        return found_in(self.disk, 512)


def test_what_is_left_are_the_entries_after_the_base_and_the_last_term_and_vote() -> None:
    log = Log(*map(append, range(1, 11)))
    assert log.segments == list(range(1, 12))
    log.do(base_at(6))
    assert log.saved == Saved(1, "n10", base_at(6), Entries.from_rows(map(row, range(7, 11))))
    # One entry to a segment here, and none of those up to the base is left.
    assert log.segments == [7, 8, 9, 10, 11]


def test_a_segment_with_an_entry_above_the_base_stays_whole() -> None:
    log = Log(Save(1, None, 1, Entries.from_rows(map(row, range(1, 4)))), *map(append, range(4, 7)))
    before = log.segments
    log.do(base_at(2))
    assert log.segments == before
    assert log.saved == Saved(1, "n6", base_at(2), Entries.from_rows(map(row, range(3, 7))))
    log.do(base_at(3))
    assert log.segments == before[1:]


def test_the_segment_that_is_written_to_stays_since_it_says_term_and_vote() -> None:
    log = Log(*map(append, range(1, 5)), Save(7, "n3"))
    log.do(base_at(4))
    assert log.saved == Saved(7, "n3", base_at(4), NO_ENTRIES)
    log.do(append(5, 7))
    assert log.saved == Saved(7, "n5", base_at(4), Entries.of(row(5, 7)))


def test_a_base_that_a_save_has_set_before_is_a_lower_one() -> None:
    log = Log(Save(1, None, base=base_at(0)), append(1), append(2), base_at(1))
    # All of it is in the segments that are left, the save with the old base too.
    assert log.saved == Saved(1, "n2", base_at(1), Entries.of(row(2)))


def test_a_save_with_a_base_begins_the_log_anew_and_frees_what_was_before() -> None:
    """As where a follower installs a snapshot that its log conflicts with (§5.3)."""
    log = Log(*map(append, range(1, 9)), Save(3, "n2", base=base_at(5, 3)))
    assert log.saved == Saved(3, "n2", base_at(5, 3), NO_ENTRIES)
    assert log.segments == [8, 9]
    log.do(append(6, 3))
    assert log.saved == Saved(3, "n6", base_at(5, 3), Entries.of(row(6, 3)))


def test_entries_before_a_base_in_its_segment_need_not_follow_it() -> None:
    """Those between were in segments that are gone, since nobody needs them any more."""
    small = [Save(1, None, index, Entries.of(Entry(1, EntryKind.NO_OP))) for index in range(1, 19)]
    log = Log(*small, Save(3, "n2", base=base_at(2, 3)), Save(3, "n2", 3, Entries.of(row(3, 3))))
    assert log.segments == [5, 6, 7]
    assert log.saved == Saved(3, "n2", base_at(2, 3), Entries.of(row(3, 3)))
    log.do(base_at(3, 3))
    assert log.saved == Saved(3, "n2", base_at(3, 3), NO_ENTRIES)


def test_segments_of_entries_that_were_cut_go_with_those_before_the_cut() -> None:
    log = Log(*map(append, range(1, 9)), Save(2, None, 3, Entries.of(row(3, 2))), append(4, 2), append(5, 2))
    assert log.segments == list(range(1, 13))
    log.do(base_at(2))
    assert log.segments[0] == 3
    assert log.saved == Saved(2, "n5", base_at(2), Entries.of(row(3, 2), row(4, 2), row(5, 2)))
    # After the ninth segment there was nothing above 3 any more, though there had been before.
    log.do(base_at(3, 2))
    assert log.segments[0] == 10
    assert log.saved == Saved(2, "n5", base_at(3, 2), Entries.of(row(4, 2), row(5, 2)))


def test_a_base_that_is_not_above_changes_nothing() -> None:
    log = Log(*map(append, range(1, 6)), base_at(3))
    before = log.disk.contents()
    log.do(base_at(3), base_at(2), base_at(0, 0))
    assert log.disk.contents() == before


def test_a_base_above_the_last_entry_leaves_an_empty_log_that_goes_on_after_it() -> None:
    """As where a follower has installed a snapshot (§5.3)."""
    log = Log(*map(append, range(1, 4)))
    log.do(base_at(100, 5))
    assert log.saved == Saved(1, "n3", base_at(100, 5), NO_ENTRIES)
    log.do(append(101, 5), append(102, 5))
    assert log.saved == Saved(5, "n102", base_at(100, 5), Entries.of(row(101, 5), row(102, 5)))


def test_a_server_that_has_only_a_base_has_run() -> None:
    log = Log(base_at(7, 2))
    assert log.saved == Saved(base=base_at(7, 2))
    log.do(append(8, 3))
    assert log.saved == Saved(3, "n8", base_at(7, 2), Entries.of(row(8, 3)))


@pytest.mark.parametrize(
    ("index", "what"),
    [(3, "the log begins after 3, then 3"), (7, "a gap in the log: 5 entries, then 7")],
)
def test_a_save_that_does_not_fit_the_base_is_a_bug(index: int, what: str) -> None:
    log = Log(*map(append, range(1, 6)), base_at(3))
    with pytest.raises(AssertionError, match=what):
        log.do(append(index))


def test_a_missing_segment_is_missed_after_a_trim_too() -> None:
    log = Log(*map(append, range(1, 9)), base_at(4))
    for number in log.segments:
        files = {path: data for path, data in log.disk.contents().items() if f"{number:010d}" not in path.name}
        with pytest.raises(TfRaftError, match=f"{number:010d}.wal is damaged at byte 0"):
            found_in(VirtualLogFiles(files), 512)


def test_a_trim_comes_in_order_with_the_saves_and_is_told(tmp_path: Path) -> None:
    async def run() -> list[TfRaftError | None]:
        manager = WalStateManager("n1", tmp_path, segment_size_bytes=512)
        manager.load()
        answers: list[TfRaftError | None] = []
        for index in range(1, 6):
            manager.save(append(index), answers.append)
        manager.trim(base_at(4), answers.append)
        manager.save(append(6), answers.append)
        manager.close()
        manager.trim(base_at(5), answers.append)
        await asyncio.sleep(0)
        return answers

    late, *answers = asyncio.run(run())
    assert isinstance(late, StorageFailed)
    assert answers == [None] * 7
    manager = WalStateManager("n1", tmp_path)
    assert manager.load() == Saved(1, "n6", base_at(4), Entries.of(row(5), row(6)))
    manager.close()
    # Offline the saves are seen as they were made.
    assert [logged.save.last_index for logged in read_saves(tmp_path)] == [5, 6]
    report = verify(tmp_path)
    assert (report.metadata.base.index, report.last_index, report.saves) == (4, 6, 2)


@given(histories(max_bytes=300))
def test_any_saves_and_trims_in_any_runs_leave_what_their_words_say(runs: list[list[Step]]) -> None:
    log = Log()
    expected = Saved()
    for steps in runs:
        log.do(*steps)
        for step in steps:
            expected = as_told(expected, step)
        assert (log.saved or Saved()) == expected

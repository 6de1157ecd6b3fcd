"""A log that begins later: whole segments go, and the base says what stood before the rest."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.state.wal_disks import DIRECTORY, VirtualLogFiles, found_in, opened_log
from tfraft.adapters.state.saves import Base
from tfraft.adapters.state.segments_on_disk import segment_numbers
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import read_log, verify
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError

OLD, BASE, NEW = (Configuration.of([name]) for name in ("old", "base", "new"))


def row(index: int, term: int = 1) -> Entry:
    return Entry(term, EntryKind.COMMAND, b"%d " % index * 100)


def append(index: int, term: int = 1) -> Save:
    return Save(term, f"n{index}", index, Entries.of(row(index, term)))


class Log:
    """A log of tiny segments, opened anew as often as one likes."""

    def __init__(self, *steps: Save | Base) -> None:
        self.disk = VirtualLogFiles()
        self.do(*steps)

    def do(self, *steps: Save | Base) -> None:
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
    def base(self) -> Base:
        return opened_log(self.disk, 512).writer.metadata.base

    @property
    def saved(self) -> Saved | None:
        return found_in(self.disk, 512)


def test_what_is_left_are_the_entries_after_the_base_and_the_last_term_and_vote() -> None:
    log = Log(*map(append, range(1, 11)))
    assert log.segments == list(range(1, 12))
    log.do(Base(6, 1, BASE))
    assert (log.base.last_index, log.base.last_term, log.base.configuration) == (6, 1, BASE)
    assert log.saved == Saved(1, "n10", BASE, Entries.from_rows(map(row, range(7, 11))))
    # One entry to a segment here, and none of those up to the base is left.
    assert log.segments == [7, 8, 9, 10, 11]


def test_a_segment_with_an_entry_above_the_base_stays_whole() -> None:
    log = Log(Save(1, None, 1, Entries.from_rows(map(row, range(1, 4)))), *map(append, range(4, 7)))
    before = log.segments
    log.do(Base(2, 1, BASE))
    assert log.segments == before
    assert log.saved == Saved(1, "n6", BASE, Entries.from_rows(map(row, range(3, 7))))
    log.do(Base(3, 1, BASE))
    assert log.segments == before[1:]


def test_the_segment_that_is_written_to_stays_since_it_says_term_and_vote() -> None:
    log = Log(*map(append, range(1, 5)), Save(7, "n3"))
    log.do(Base(4, 1, BASE))
    assert log.saved == Saved(7, "n3", BASE, NO_ENTRIES)
    log.do(append(5, 7))
    assert log.saved == Saved(7, "n5", BASE, Entries.of(row(5, 7)))


def test_what_was_said_of_the_configuration_before_the_base_is_older() -> None:
    log = Log(Save(1, None, configuration=OLD), Base(0, 0, BASE))
    assert log.saved == Saved(1, None, OLD)
    log.do(append(1), Base(1, 1, BASE))
    # All of it is in one segment, the old configuration too.
    assert log.saved == Saved(1, "n1", BASE)
    log.do(Save(2, None, configuration=NEW))
    assert log.saved == Saved(2, None, NEW)


def test_segments_of_entries_that_were_cut_go_with_those_before_the_cut() -> None:
    log = Log(*map(append, range(1, 9)), Save(2, None, 3, Entries.of(row(3, 2))), append(4, 2), append(5, 2))
    assert log.segments == list(range(1, 13))
    log.do(Base(2, 1, BASE))
    assert log.segments[0] == 3
    assert log.saved == Saved(2, "n5", BASE, Entries.of(row(3, 2), row(4, 2), row(5, 2)))
    # After the ninth segment there was nothing above 3 any more, though there had been before.
    log.do(Base(3, 2, BASE))
    assert log.segments[0] == 10
    assert log.saved == Saved(2, "n5", BASE, Entries.of(row(4, 2), row(5, 2)))


def test_a_base_that_is_not_above_changes_nothing() -> None:
    log = Log(*map(append, range(1, 6)), Base(3, 1, BASE))
    before = log.disk.contents()
    log.do(Base(3, 1, NEW), Base(2, 1, NEW), Base(0, 0, NEW))
    assert log.disk.contents() == before


def test_a_base_above_the_last_entry_leaves_an_empty_log_that_goes_on_after_it() -> None:
    """As where a follower has installed a snapshot (§5.3)."""
    log = Log(*map(append, range(1, 4)))
    log.do(Base(100, 5, BASE))
    assert log.saved == Saved(1, "n3", BASE, NO_ENTRIES)
    log.do(append(101, 5), append(102, 5))
    assert log.saved == Saved(5, "n102", BASE, Entries.of(row(101, 5), row(102, 5)))


def test_a_server_that_has_only_a_base_has_run() -> None:
    log = Log(Base(7, 2, BASE))
    assert log.saved == Saved(configuration=BASE)
    log.do(append(8, 3))
    assert log.saved == Saved(3, "n8", BASE, Entries.of(row(8, 3)))


@pytest.mark.parametrize(
    ("index", "what"),
    [(3, "entry 3 is not in the log, which begins after 3"), (7, "a gap in the log: 5 entries, then 7")],
)
def test_a_save_that_does_not_fit_the_base_is_a_bug(index: int, what: str) -> None:
    log = Log(*map(append, range(1, 6)), Base(3, 1, BASE))
    with pytest.raises(AssertionError, match=what):
        log.do(append(index))


def test_a_missing_segment_is_missed_after_a_trim_too() -> None:
    log = Log(*map(append, range(1, 9)), Base(4, 1, BASE))
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
        manager.trim(Base(4, 1, BASE), answers.append)
        manager.save(append(6), answers.append)
        manager.close()
        manager.trim(Base(5, 1, BASE), answers.append)
        await asyncio.sleep(0)
        return answers

    late, *answers = asyncio.run(run())
    assert isinstance(late, StorageFailed)
    assert answers == [None] * 7
    manager = WalStateManager("n1", tmp_path)
    assert manager.load() == Saved(1, "n6", BASE, Entries.of(row(5), row(6)))
    assert (manager.base.last_index, manager.base.last_term) == (4, 1)
    manager.close()
    # Offline the saves are seen as they were made.
    assert [logged.save.last_index for logged in read_log(tmp_path)] == [5, 6]
    report = verify(tmp_path)
    assert (report.metadata.base.last_index, report.last_index, report.saves) == (4, 6, 2)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Save | Base]]:
    """Runs of a server that saves and trims as a server may: no gap, nothing below the base, terms never fall."""
    runs: list[list[Save | Base]] = []
    term, length, base = 1, 0, 0
    for _ in range(draw(st.integers(1, 4))):
        steps: list[Save | Base] = []
        for _ in range(draw(st.integers(0, 6))):
            if draw(st.integers(0, 3)) == 0:
                last = draw(st.integers(0, length + 2))
                steps.append(Base(last, term, draw(st.sampled_from([BASE, NEW]))))
                base, length = max(base, last), max(length, last)
            else:
                term += draw(st.integers(0, 1))
                first = draw(st.just(0) | st.integers(base + 1, length + 1))
                data = draw(st.lists(st.integers(0, 300), max_size=3)) if first else []
                rows = [Entry(term, EntryKind.COMMAND, bytes([term % 250 + 1]) * size) for size in data]
                configuration = draw(st.none() | st.sampled_from([OLD, NEW]))
                steps.append(
                    Save(term, draw(st.sampled_from([None, "n1"])), first, Entries.from_rows(rows), configuration)
                )
                length = first - 1 + len(rows) if first else length
        runs.append(steps)
    return runs


@given(histories())
def test_any_saves_and_trims_in_any_runs_leave_what_their_words_say(runs: list[list[Save | Base]]) -> None:
    log = Log()
    base, configuration, last = 0, Configuration(), Save(0, None)
    # The oracle keeps a row for every index; None is one that this server never had.
    rows: list[Entry | None] = []
    for steps in runs:
        log.do(*steps)
        for step in steps:
            if isinstance(step, Base):
                if step.last_index > base:
                    base, configuration = step.last_index, step.configuration
                    rows += [None] * (base - len(rows))
            else:
                last, configuration = step, step.configuration or configuration
                if step.first_index:
                    rows = [*rows[: step.first_index - 1], *step.entries]
        entries = Entries.from_rows(row for row in rows[base:] if row is not None)
        expected = Saved(last.current_term, last.voted_for, configuration, entries)
        assert log.base.last_index == base
        assert (log.saved or Saved()) == expected

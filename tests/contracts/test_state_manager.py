"""The contract of the port StateManager: every adapter keeps all of it. A new adapter is one line in ADAPTERS."""

import asyncio
import threading
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from tests.adapters.state.oracle import Step, as_told, histories
from tests.adapters.state.runs import answer_of
from tfraft.adapters.state.document import Codec
from tfraft.adapters.state.json import LocalStateManager
from tfraft.adapters.state.memory import MemoryDisk, MemoryStateManager
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError
from tfraft.ports import StateManager

NewManager = Callable[[], StateManager]
"""Makes a manager for the next run of the same server, on the same disk."""

FOUNDING = Base(0, 0, Configuration.of({"n1": "127.0.0.1:50051"}))
SNAPSHOT = Base(3, 1, Configuration.of({"n1": "127.0.0.1:50051", "n2": "127.0.0.1:50052"}), 2)

WORDS = Codec(lambda data: data.decode().split(" "), lambda words: " ".join(words).encode())

ADAPTERS: dict[str, Callable[[Path], NewManager]] = {
    "memory": lambda path: partial(MemoryStateManager, MemoryDisk()),
    "json": lambda path: partial(LocalStateManager, "n1", path),
    "json with a codec": lambda path: partial(LocalStateManager, "n1", path, cluster_id="c", codec=WORDS),
    "wal": lambda path: partial(WalStateManager, "n1", path),
    "wal of tiny segments": lambda path: partial(WalStateManager, "n1", path, segment_size_bytes=512),
}


@pytest.fixture(params=ADAPTERS)
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> NewManager:
    return ADAPTERS[request.param](tmp_path)


async def acknowledged(manager: StateManager, step: Step) -> TfRaftError | None:
    """Save or trim, wait, and give back what the callback got."""
    return await answer_of(partial(manager.trim, step) if isinstance(step, Base) else partial(manager.save, step))


def run(new_manager: NewManager, *steps: Step) -> Saved | None:
    """One run of the server: what it found, after which it made these saves and trims."""

    async def one_run() -> Saved | None:
        manager = new_manager()
        try:
            found = manager.load()
            for step in steps:
                assert await acknowledged(manager, step) is None
            return found
        finally:
            manager.close()

    return asyncio.run(one_run())


def commands(*data: bytes, term: int = 1) -> Entries:
    return Entries.of(*(Entry(term, EntryKind.COMMAND, each) for each in data))


def test_a_server_that_never_saved_finds_nothing(manager: NewManager) -> None:
    assert run(manager) is None
    assert run(manager) is None


def test_term_vote_log_and_base_come_back_as_they_were_saved(manager: NewManager) -> None:
    """§3.8: these must survive a restart."""
    entries = Entries.of(
        Entry(1, EntryKind.NO_OP),
        Entry(1, EntryKind.CONFIGURATION, Configuration.of({"n1": "a:1", "n2": "a:2"}).encode()),
        Entry(3, EntryKind.COMMAND, b"SET greeting hello"),
    )
    run(manager, Save(3, "n2", 1, entries, FOUNDING))
    assert run(manager) == Saved(3, "n2", FOUNDING, entries)


def test_a_vote_is_there_even_where_there_is_no_log(manager: NewManager) -> None:
    """§3.8: a server must not vote twice in one term, even across a restart."""
    run(manager, Save(1, "n3"))
    assert run(manager) == Saved(1, "n3")


def test_a_new_term_takes_the_vote_of_the_old_one_away(manager: NewManager) -> None:
    run(manager, Save(1, "n3"), Save(2, None))
    assert run(manager) == Saved(2, None)


def test_a_base_alone_is_kept(manager: NewManager) -> None:
    """What the first servers of a cluster begin with (§4.4)."""
    run(manager, Save(0, None, base=FOUNDING))
    assert run(manager) == Saved(base=FOUNDING)


def test_a_save_without_base_keeps_the_one_that_is_there(manager: NewManager) -> None:
    run(manager, Save(1, None, base=FOUNDING), Save(2, "n1", 1, commands(b"x")))
    assert run(manager) == Saved(2, "n1", FOUNDING, commands(b"x"))


def test_all_of_a_base_comes_back(manager: NewManager) -> None:
    configuration = Configuration.of({"n1": "h:1"}, {"n3": "h:3"}, {"n1": "h:1", "n2": "h:2"}, ["n0", "n7"])
    base = Base(2**63, 2**64 - 1, configuration, 2**62)
    run(manager, Save(2**64 - 1, None, base=base))
    assert run(manager) == Saved(2**64 - 1, None, base)


def test_a_save_with_a_base_empties_the_log_which_goes_on_after_it(manager: NewManager) -> None:
    """§5.3: a leader's snapshot replaces a log that conflicts with it."""
    run(manager, Save(1, None, 1, commands(b"a", b"b", b"c", b"d"), FOUNDING))
    run(manager, Save(2, "n2", base=SNAPSHOT))
    assert run(manager) == Saved(2, "n2", SNAPSHOT)
    run(manager, Save(2, "n2", 4, commands(b"D", term=2)))
    assert run(manager) == Saved(2, "n2", SNAPSHOT, commands(b"D", term=2))


def test_a_save_may_bring_a_base_and_the_entries_after_it(manager: NewManager) -> None:
    run(manager, Save(1, None, 1, commands(b"a", b"b")), Save(2, None, 4, commands(b"D", term=2), SNAPSHOT))
    assert run(manager) == Saved(2, None, SNAPSHOT, commands(b"D", term=2))


def test_a_trim_leaves_the_entries_after_the_base(manager: NewManager) -> None:
    """§5.1: a server discards the entries that its snapshot covers."""
    run(manager, Save(2, "n1", 1, commands(b"a", b"b", b"c", b"d", b"e")), SNAPSHOT)
    assert run(manager) == Saved(2, "n1", SNAPSHOT, commands(b"d", b"e"))


def test_a_log_goes_on_after_a_trim(manager: NewManager) -> None:
    run(manager, Save(2, "n1", 1, commands(b"a", b"b", b"c", b"d", b"e")), SNAPSHOT, Save(2, "n1", 6, commands(b"f")))
    run(manager, Save(2, "n1", 5, commands(b"E", b"F", term=2)))
    expected = Entries.from_rows([*commands(b"d"), *commands(b"E", b"F", term=2)])
    assert run(manager) == Saved(2, "n1", SNAPSHOT, expected)


@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_trim_to_a_base_that_is_not_above_changes_nothing(manager: NewManager, index: int) -> None:
    run(manager, Save(2, "n1", 1, commands(b"a", b"b", b"c", b"d")), SNAPSHOT)
    found = run(manager, Base(index, 1, Configuration.of(["n9"])))
    assert run(manager) == found == Saved(2, "n1", SNAPSHOT, commands(b"d"))


def test_a_trim_above_the_last_entry_leaves_an_empty_log_that_goes_on_after_it(manager: NewManager) -> None:
    run(manager, Save(2, None, 1, commands(b"a")), SNAPSHOT, Save(2, None, 4, commands(b"d")))
    assert run(manager) == Saved(2, None, SNAPSHOT, commands(b"d"))


@pytest.mark.parametrize("cut", [4, 5])
def test_entries_below_the_base_never_come_back(manager: NewManager, cut: int) -> None:
    """PITFALLS 37: not after a restart, nor once what was above them is cut."""
    run(manager, Save(2, None, 1, commands(b"a", b"b", b"c", b"d", b"e")), SNAPSHOT, Save(2, None, cut))
    run(manager)
    assert run(manager) == Saved(2, None, SNAPSHOT, commands(*[b"d"][: cut - 4]))


@pytest.mark.parametrize("first_index", [3, 5])
def test_a_save_below_the_base_or_beyond_a_gap_is_a_bug_and_not_acknowledged(
    manager: NewManager, first_index: int
) -> None:
    async def one_run() -> TfRaftError | None:
        state = manager()
        state.load()
        try:
            assert await acknowledged(state, Save(2, None, base=SNAPSHOT)) is None
            return await acknowledged(state, Save(2, None, first_index, commands(b"x")))
        except AssertionError as error:
            return StorageFailed(str(error))
        finally:
            state.close()

    assert f"then {first_index}" in str(asyncio.run(one_run()))


def test_a_save_without_log_keeps_the_log(manager: NewManager) -> None:
    run(manager, Save(1, None, 1, commands(b"x", b"y")), Save(2, "n1"))
    assert run(manager) == Saved(2, "n1", entries=commands(b"x", b"y"))


def test_entries_are_appended_run_after_run(manager: NewManager) -> None:
    run(manager, Save(1, None, 1, commands(b"x")), Save(1, None, 2, commands(b"y", b"z")))
    run(manager, Save(1, None, 4, commands(b"!")))
    assert run(manager) == Saved(1, None, entries=commands(b"x", b"y", b"z", b"!"))


def test_entries_from_first_index_on_replace_what_was_there(manager: NewManager) -> None:
    """§3.5: a follower deletes a conflicting entry and all that follow it."""
    run(manager, Save(1, None, 1, commands(b"a", b"b", b"c", b"d")))
    run(manager, Save(2, None, 3, commands(b"C", term=2)))
    assert run(manager) == Saved(2, None, entries=Entries.from_rows([*commands(b"a", b"b"), *commands(b"C", term=2)]))


@pytest.mark.parametrize("first_index", [1, 2, 3])
def test_no_entries_from_first_index_on_cut_the_log(manager: NewManager, first_index: int) -> None:
    run(manager, Save(1, None, 1, commands(b"a", b"b")), Save(2, None, first_index))
    assert run(manager) == Saved(2, None, entries=commands(*[b"a", b"b"][: first_index - 1]))


ANY_BYTES = (
    *(b"", b" ", b"a  b", b"a\nb", b"\\", b'"', b"\x00", b"\xff\xfe", bytes(range(256))),
    *("ñ → 😀\u2028".encode(), b"\xed\xa0\x80"),
    *(b"null", b"{}", b'{"a":1}', b'{"a": 1}', b"12345678901234567890123", b"1e400", b"[" * 2000),
    b'"checksum": "crc32:0"',
)


@pytest.mark.parametrize("kind", [kind for kind in EntryKind if kind is not EntryKind.CONFIGURATION])
@pytest.mark.parametrize("data", ANY_BYTES, ids=lambda data: repr(data[:12]))
def test_any_bytes_come_back_as_they_are(manager: NewManager, kind: EntryKind, data: bytes) -> None:
    entries = Entries.of(Entry(1, kind, data), Entry(1, kind, data))
    run(manager, Save(1, None, 1, entries))
    assert run(manager) == Saved(1, None, entries=entries)


@pytest.mark.parametrize("server", ["", "ñ", 'a"b\\\n', "x" * 300])
def test_a_vote_for_a_server_of_any_name_comes_back(manager: NewManager, server: str) -> None:
    base = Base(0, 0, Configuration.of({server: "host:1"}))
    run(manager, Save(1, server, base=base))
    assert run(manager) == Saved(1, server, base)


def test_an_entry_of_8_mib_and_a_term_of_64_bits_come_back(manager: NewManager) -> None:
    large = Entries(array("Q", [1, 2**64 - 1]), bytes(2), [b"\xf0" * 2**23, b"x" * 2**23])
    run(manager, Save(2**64 - 1, None, 1, large))
    assert run(manager) == Saved(2**64 - 1, None, entries=large)


def test_on_saved_comes_once_and_on_the_loop(manager: NewManager) -> None:
    async def saves() -> None:
        calls: asyncio.Queue[tuple[int, TfRaftError | None]] = asyncio.Queue()
        state = manager()
        state.load()
        try:
            for term in range(1, 6):
                state.save(Save(term, None), lambda error: calls.put_nowait((threading.get_ident(), error)))
                assert await asyncio.wait_for(calls.get(), 60) == (threading.get_ident(), None)
        finally:
            state.close()
        # Whatever might come twice would come now.
        await asyncio.sleep(0)
        assert calls.empty()

    asyncio.run(saves())


def test_what_was_loaded_does_not_change_with_later_saves(manager: NewManager) -> None:
    run(manager, Save(1, None, 1, commands(b"x", b"y")))
    found = run(manager, Save(2, "n1", 2, commands(b"z", term=2)))
    assert found == Saved(1, None, entries=commands(b"x", b"y"))


def test_what_was_saved_is_not_changed_by_later_saves(manager: NewManager) -> None:
    first = commands(b"x")
    run(manager, Save(1, None, 1, first), Save(1, None, 2, commands(b"y")))
    assert first == commands(b"x")


def test_closing_twice_is_closing_once(manager: NewManager) -> None:
    state = manager()
    state.close()
    state = manager()
    state.load()
    state.close()
    state.close()
    assert run(manager) is None


def test_a_save_after_close_is_refused_and_changes_nothing(manager: NewManager) -> None:
    async def late_save() -> TfRaftError | None:
        state = manager()
        state.load()
        assert await acknowledged(state, Save(1, "n1")) is None
        state.close()
        return await acknowledged(state, Save(2, "n2"))

    assert isinstance(asyncio.run(late_save()), StorageFailed)
    assert run(manager) == Saved(1, "n1")


@pytest.mark.parametrize("adapter", ADAPTERS)
@settings(max_examples=25)
@given(runs=histories())
def test_any_saves_and_trims_in_any_runs_leave_what_their_words_say(adapter: str, runs: list[list[Step]]) -> None:
    with TemporaryDirectory() as directory:
        manager = ADAPTERS[adapter](Path(directory))
        expected = Saved()
        for steps in runs:
            assert (run(manager, *steps) or Saved()) == expected
            for step in steps:
                expected = as_told(expected, step)
        assert (run(manager) or Saved()) == expected

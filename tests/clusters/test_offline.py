"""Looking at the logs in a data directory while no server uses it."""

from pathlib import Path

import pytest

from tests.clusters.lab import caught_up, make, run
from tests.clusters.stored import FOUNDING, LOG, TIME_MS, command, stored
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.wal import WalStateManager
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.clusters.offline import Finding, ShownEntry, StoredLog, as_time, entries_of, logs_in, shown, verify
from tfraft.clusters.server_home import SERVER_FILE
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, EntryKind
from tfraft.errors import CorruptState, DataError, DataLocked, SettingError

TIME = "2026-01-01T00:00:00.123Z"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """The data directory of a server that does not run, with a log of five entries."""
    stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    return tmp_path


def only(data_dir: Path) -> StoredLog:
    """The one log in this directory."""
    (log,) = logs_in(data_dir)
    return log


# --- Which logs there are ---


def test_the_log_of_a_server_is_found_from_its_data_directory_or_its_own(server: Path) -> None:
    assert logs_in(server) == logs_in(server / "n1") == [StoredLog("n1", StateKind.WAL, server / "n1")]
    assert logs_in(server, "n1") == logs_in(server)


@pytest.mark.parametrize("state", ["json", "wal"])
def test_the_logs_of_a_cluster_of_start_are_all_found(state: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with make("memory", 3, tmp_path, state) as cluster:
            await cluster.set("greeting", "hello")
            await caught_up(cluster)

    run(story())
    assert [log.server_id for log in logs_in(tmp_path)] == ["n1", "n2", "n3"]
    for log in logs_in(tmp_path):
        finding = verify(log)
        assert (finding.problems, finding.last_index >= 2) == ((), True)
        assert [b"SET", b"greeting", b"hello"] in [entry.words for entry in entries_of(log)]
    with pytest.raises(SettingError, match=f"there is no log of n4 in {tmp_path}; there are those of n1 n2 n3"):
        logs_in(tmp_path, "n4")


def test_what_is_no_data_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither server\.toml nor cluster\.toml"):
        logs_in(tmp_path)
    with pytest.raises(DataError, match=r"has neither server\.toml nor cluster\.toml"):
        logs_in(tmp_path / "nowhere")
    DataDirectory.open(tmp_path, state=StateKind.MEMORY).close()
    with pytest.raises(DataError, match="is of a cluster that keeps no logs"):
        logs_in(tmp_path)


# --- Whether they are whole ---


def test_a_whole_log_is_found_whole_with_what_it_says(server: Path) -> None:
    assert verify(only(server)) == Finding("n1", 1, 1, 3, "n2", FOUNDING, 5)


def test_a_snapshot_beside_it_is_checked_too(tmp_path: Path) -> None:
    base = Base(10, 2, FOUNDING.configuration)
    log = stored(tmp_path, Save(2, None, 11, Entries.of(command(b"DEL", b"k", term=2)), base), snapshot=base)
    assert verify(only(tmp_path)) == Finding("n1", 1, 1, 2, None, base, 11, Snapshot(base, 0, 0))
    (path,) = log.glob("*.snapshot")
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = verify(only(tmp_path)).problems
    assert problem.startswith(f"{path} is damaged")
    path.unlink()
    (problem,) = verify(only(tmp_path)).problems
    assert problem.startswith("the log begins after entry 10, and there is no snapshot")


def damage(server: Path, place: int = 300) -> None:
    segment = server / "n1" / "0000000001.wal"
    data = bytearray(segment.read_bytes())
    data[place] ^= 1
    segment.write_bytes(data)


def test_the_first_damage_is_told_by_segment_offset_and_index(server: Path) -> None:
    stored(server, Save(3, "n2", 6, Entries.of(command(b"SET", b"a", b"1", term=3))))
    damage(server)
    finding = verify(only(server))
    assert finding.damage == ("0000000001.wal", 64, 1)
    (problem,) = finding.problems
    assert "0000000001.wal is damaged at byte 64, where entry 1 of the log is due" in problem


def test_the_end_that_a_crash_leaves_is_no_damage(server: Path) -> None:
    segment = server / "n1" / "0000000001.wal"
    data = bytearray(segment.read_bytes())
    end = len(data.rstrip(b"\0"))
    data[end - 40 : end] = bytes(40)
    segment.write_bytes(data)
    finding = verify(only(server))
    assert (finding.problems, finding.last_index) == ((), 0)
    (remark,) = finding.remarks
    assert "a crash leaves such an end" in remark


def test_a_log_that_was_set_aside_is_remarked_on(server: Path) -> None:
    damage(server)
    manager = WalStateManager("n1", server / "n1")
    manager.set_aside()
    manager.load()
    manager.close()
    (remark,) = verify(only(server)).remarks
    assert remark.startswith("an earlier log was set aside as damaged")


def test_a_log_that_a_server_uses_is_refused(server: Path) -> None:
    lock = DirectoryLock(server / "n1")
    for look in (lambda: verify(only(server)), lambda: next(entries_of(only(server)))):
        with pytest.raises(DataLocked):
            look()
    lock.release()


@pytest.fixture
def people(tmp_path: Path) -> StoredLog:
    """The log of a server of `start` that is a text."""

    async def story() -> None:
        async with make("memory", 3, tmp_path, "json") as cluster:
            await cluster.set("greeting", "hello")
            await caught_up(cluster)

    run(story())
    return logs_in(tmp_path, "n1")[0]


def test_a_text_that_was_changed_is_told(people: StoredLog) -> None:
    people.path.write_text(people.path.read_text().replace("hello", "hallo"))
    (problem,) = verify(people).problems
    assert "does not fit what stands above it" in problem
    with pytest.raises(CorruptState, match="does not fit"):
        next(entries_of(people))


def test_a_text_that_is_lost_or_in_use_is_told(people: StoredLog) -> None:
    lock = DirectoryLock(people.path.parent, "n1.lock")
    with pytest.raises(DataLocked):
        verify(people)
    lock.release()
    people.path.unlink()
    with pytest.raises(CorruptState, match=r"n1\.json is missing: the state of n1 is lost"):
        verify(people)


# --- What they say ---


def test_every_kind_of_entry_is_shown_in_words(server: Path) -> None:
    assert [(entry.kind, entry.words, entry.time) for entry in entries_of(only(server))] == [
        ("no-op", [], ""),
        ("session", [], TIME),
        ("command", [b"SET", b"greeting", b"hello world"], TIME),
        ("configuration", [b"voters", b"n1=h:1", b"n2=h:2", b"learners", b"n4=h:4", b"removed", b"n0"], ""),
        ("command", [b"SET", b"\xff\n", b""], TIME),
    ]
    third = list(entries_of(only(server)))[2]
    assert (third.index, third.term, third.client_id, third.sequence_num) == (3, 1, 2, 1)
    assert third.place == "0000000001.wal:64"


@pytest.mark.parametrize(
    ("first", "last", "indices"),
    [(1, None, [1, 2, 3, 4, 5]), (3, None, [3, 4, 5]), (1, 2, [1, 2]), (4, 4, [4]), (6, None, []), (3, 2, [])],
)
def test_only_the_wanted_entries_are_shown(first: int, last: int | None, indices: list[int], server: Path) -> None:
    assert [entry.index for entry in entries_of(only(server), first, last)] == indices


def test_what_comes_before_the_damage_is_shown_and_then_the_damage_told(server: Path) -> None:
    stored(server, Save(3, "n2", 6, Entries.of(*[command(b"SET", b"a", b"1" * 900, term=3)] * 2)))
    stored(server, Save(3, "n2", 8, Entries.of(command(b"SET", b"a", b"2", term=3))))
    segment = server / "n1" / "0000000001.wal"
    place = segment.read_bytes().index(b"1" * 900)
    damage(server, place)
    entries = entries_of(only(server))
    assert [next(entries).index for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(CorruptState, match="where entry 6 of the log is due"):
        next(entries)


@pytest.mark.parametrize("kind", [EntryKind.COMMAND, EntryKind.REGISTER_CLIENT, EntryKind.CONFIGURATION])
@pytest.mark.parametrize("data", [b"\xffwhatever", b"[]", b'{"voters":5}'])
def test_what_cannot_be_understood_is_shown_as_it_is(kind: EntryKind, data: bytes) -> None:
    """The state machine of a library's user need not be the store."""
    assert shown(1, 1, kind, data).words == [data]


def test_a_joint_configuration_shows_both_sets() -> None:
    joint = Configuration.of({"n1": ""}, old_voters={"n1": "", "n2": "h:2"})
    words = shown(1, 1, EntryKind.CONFIGURATION, joint.encode()).words
    assert words == [b"voters", b"n1", b"old-voters", b"n1", b"n2=h:2"]


def test_a_configuration_shows_whose_disks_were_lost() -> None:
    anew = Configuration.of({"n1": "", "n2": "h:2"}, incarnations={"n2": 1})
    words = shown(1, 1, EntryKind.CONFIGURATION, anew.encode()).words
    assert words == [b"voters", b"n1", b"n2=h:2", b"incarnations", b"n2=1"]


def test_a_time_that_no_calendar_has_is_shown_as_a_number() -> None:
    assert as_time(TIME_MS) == TIME
    assert as_time(2**64 - 1) == f"{2**64 - 1} ms"


def test_a_damaged_server_file_is_told(server: Path) -> None:
    (server / SERVER_FILE).write_bytes(b"format = 1\n")
    with pytest.raises(CorruptState, match=r"server\.toml is damaged"):
        logs_in(server)


def test_an_entry_without_bytes_has_no_words() -> None:
    assert shown(7, 2, EntryKind.NO_OP, b"", "x:1") == ShownEntry(7, 2, "no-op", [], place="x:1")

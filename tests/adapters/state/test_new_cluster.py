"""A quorum is lost for good, and one server that is left becomes a cluster of its own."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.adapters.state.runs import answer_of
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.new_cluster import NewCluster, force_new_cluster
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import DataError, DataLocked, ForeignData

THREE = Configuration.of({"n1": "h:1", "n2": "h:2", "n3": "h:3"}, removed=["n0"])
ALONE = Configuration.of({"n1": "new:1"}, removed=["n0", "n2", "n3"])
FOUNDING = Base(0, 0, THREE)


def entry(term: int, data: bytes = b"x", kind: EntryKind = EntryKind.COMMAND) -> Entry:
    return Entry(term, kind, data)


def run(directory: Path, *saves: Save, snapshot: Base | None = None) -> None:
    """One run of server n1, which makes these saves and this snapshot."""

    async def one_run() -> None:
        manager, snapshots = WalStateManager("n1", directory), FileSnapshotStore(directory)
        manager.load()
        snapshots.load()
        for save in saves:
            assert await answer_of(partial(manager.save, save)) is None
        if snapshot is not None:
            made = await answer_of(partial(snapshots.create(snapshot).finish, None))
            assert isinstance(made, Snapshot)
        manager.close()
        snapshots.close()

    asyncio.run(one_run())


def loaded(directory: Path) -> Saved | None:
    manager = WalStateManager("n1", directory)
    try:
        return manager.load()
    finally:
        manager.close()


def test_the_server_is_alone_in_a_new_term_in_which_it_has_voted_for_itself(tmp_path: Path) -> None:
    rows = [entry(3, kind=EntryKind.NO_OP, data=b""), entry(4, b"y")]
    run(tmp_path, Save(5, "n2", 1, Entries.of(*rows), FOUNDING))
    new = force_new_cluster(tmp_path, "n1", "new:1")
    assert new == NewCluster(6, 3, ALONE, ("n2", "n3"), 2)
    appended = entry(6, ALONE.encode(), EntryKind.CONFIGURATION)
    assert loaded(tmp_path) == Saved(6, "n1", FOUNDING, Entries.of(*rows, appended))


def test_the_members_that_are_gone_are_those_of_the_last_configuration_in_the_log(tmp_path: Path) -> None:
    later = Configuration.of({"n1": "h:1", "n4": "h:4"}, {"n5": "h:5"})
    entries = Entries.of(entry(1, THREE.encode(), EntryKind.CONFIGURATION), entry(1))
    run(tmp_path, Save(1, None, 1, entries, FOUNDING))
    run(tmp_path, Save(1, None, 3, Entries.of(entry(1, later.encode(), EntryKind.CONFIGURATION), entry(1))))
    new = force_new_cluster(tmp_path, "n1", "h:9")
    assert (new.left, new.configuration) == (("n4", "n5"), Configuration.of({"n1": "h:9"}, removed=["n4", "n5"]))


def test_what_a_snapshot_holds_is_committed(tmp_path: Path) -> None:
    base = Base(10, 2, THREE)
    run(tmp_path, Save(2, None, 11, Entries.of(*[entry(2)] * 5), base), snapshot=Base(12, 2, THREE))
    assert force_new_cluster(tmp_path, "n1", "new:1") == NewCluster(3, 16, ALONE, ("n2", "n3"), 3)


@pytest.mark.parametrize(("index", "term"), [(20, 2), (12, 3)])
def test_a_log_that_does_not_follow_the_snapshot_is_dropped_for_it(tmp_path: Path, index: int, term: int) -> None:
    """The crash came after a leader's snapshot was there, and before the log began after it (§5.3)."""
    snapshot = Base(index, term, THREE)
    run(tmp_path, Save(2, None, 1, Entries.of(*[entry(2)] * 15), FOUNDING), snapshot=snapshot)
    new = force_new_cluster(tmp_path, "n1", "new:1")
    assert new == NewCluster(term + 1, index + 1, ALONE, ("n2", "n3"), 0)
    appended = entry(term + 1, ALONE.encode(), EntryKind.CONFIGURATION)
    assert loaded(tmp_path) == Saved(term + 1, "n1", snapshot, Entries.of(appended))


def test_a_log_that_begins_after_a_snapshot_that_is_lost_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Save(2, None, base=Base(10, 2, THREE)), snapshot=Base(9, 2, THREE))
    with pytest.raises(DataError, match="has no snapshot of index 10, after which its log begins"):
        force_new_cluster(tmp_path, "n1", "new:1")


def test_a_server_that_never_ran_or_runs_or_is_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no metadata\.json"):
        force_new_cluster(tmp_path, "n1", "new:1")
    assert list(tmp_path.iterdir()) == []
    run(tmp_path)
    with pytest.raises(DataError, match="holds nothing yet"):
        force_new_cluster(tmp_path, "n1", "new:1")
    run(tmp_path, Save(1, None, base=FOUNDING))
    with pytest.raises(ForeignData):
        force_new_cluster(tmp_path, "n2", "new:1")
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DataLocked):
        force_new_cluster(tmp_path, "n1", "new:1")
    lock.release()
    assert loaded(tmp_path) == Saved(1, None, FOUNDING)


def test_a_server_that_was_not_repaired_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Save(7, None, 1, Entries.of(entry(1), entry(2)), FOUNDING))
    WalStateManager("n1", tmp_path).set_aside()
    run(tmp_path, Save(1, None, base=FOUNDING))
    with pytest.raises(DataError, match="it lacks entries up to 2 that it once had"):
        force_new_cluster(tmp_path, "n1", "new:1")

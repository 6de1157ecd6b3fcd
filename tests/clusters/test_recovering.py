"""A quorum is lost for good: one server that is left becomes a new cluster of its own."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.adapters.state.runs import contents
from tests.clusters.hosted import Hosted
from tests.clusters.lab import run
from tests.clusters.stored import FOUNDING, LOG, NO_OP, OLD, THREE, command, stored
from tfraft.adapters.network.grpc import connector
from tfraft.adapters.state.memory import MemoryDisk
from tfraft.adapters.state.new_cluster import NewCluster
from tfraft.adapters.state.segments_on_disk import METADATA_NAME
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_cluster import give_to_cluster
from tfraft.clusters import recovering
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.clusters.hosting import Place, start_node
from tfraft.clusters.recovering import Recovered, Recovery, Remains
from tfraft.clusters.remote import RemoteCluster
from tfraft.clusters.server_home import SERVER_FILE, ServerFile, ServerHome
from tfraft.clusters.states import storage
from tfraft.core.base import Base
from tfraft.core.config import IN_PROCESS
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.requests import AnswerStatus, RegisterClient
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData

LATER = Configuration.of({"n1": "h:1", "n2": "h:2"}, {"n4": "h:4"}, removed=["n0"])


def test_what_is_left_is_told_before_anything_is_changed(tmp_path: Path) -> None:
    log = stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    before = contents(log), contents_of_file(tmp_path)
    with Recovery.open(tmp_path, "n1") as recovery:
        assert recovery.remains == Remains(OLD, "n1", 3, 0, 5, LATER)
        assert (recovery.remains.address, recovery.remains.others) == ("h:1", ("n2", "n4"))
        assert recovery.remains.uncommitted == 5
    assert (contents(log), contents_of_file(tmp_path)) == before


def contents_of_file(directory: Path) -> bytes:
    return (directory / SERVER_FILE).read_bytes()


def test_what_is_in_a_snapshot_was_committed(tmp_path: Path) -> None:
    base = Base(10, 2, THREE)
    stored(tmp_path, Save(2, None, 11, Entries.of(*[command(b"DEL", b"k", term=2)] * 5), base), snapshot=Base(12, 2))
    with Recovery.open(tmp_path, "n1") as recovery:
        remains = recovery.remains
        assert (remains.known_committed, remains.last_index, remains.uncommitted) == (12, 15, 3)


@pytest.mark.parametrize(("index", "term"), [(20, 2), (12, 3)])
def test_a_log_that_does_not_lead_up_to_the_snapshot_of_a_leader_does_not_count(
    index: int, term: int, tmp_path: Path
) -> None:
    """§5.3: as the server itself would see it, and as `force_new_cluster` does."""
    entries = Entries.of(*[command(b"DEL", b"k", term=2)] * 5)
    snapshot = Base(index, term, LATER, index)
    stored(tmp_path, Save(3, None, 11, entries, Base(10, 2, THREE)), snapshot=Base(10, 2, THREE))
    stored(tmp_path, snapshot=snapshot)
    with Recovery.open(tmp_path, "n1") as recovery:
        assert recovery.remains == Remains(OLD, "n1", 3, index, index, LATER)
        done = recovery.force_new_cluster("h:9")
    assert (done.new.index, done.new.uncommitted) == (index + 1, 0)


def test_the_server_is_alone_in_a_cluster_with_an_id_of_its_own(tmp_path: Path) -> None:
    """PITFALLS 42: log and directory agree on the new id, or the server would not run."""
    log = stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    with Recovery.open(tmp_path, "n1") as recovery:
        done = recovery.force_new_cluster("h:9")
    alone = Configuration.of({"n1": "h:9"}, removed=["n0", "n2", "n4"])
    assert done == Recovered(done.cluster_id, NewCluster(4, 6, alone, ("n2", "n4"), 5))
    assert done.cluster_id != OLD
    assert json.loads((log / METADATA_NAME).read_text())["cluster_id"] == done.cluster_id
    home = ServerHome.open(tmp_path, "n1")
    assert home.file == ServerFile(done.cluster_id, "n1", started=True)
    home.close()
    with pytest.raises(ForeignData, match=f"belongs to cluster {done.cluster_id}, not to {OLD}"):
        WalStateManager("n1", log, cluster_id=OLD).load()


def recovered(directory: Path, address: str) -> Recovered:
    with Recovery.open(directory, "n1") as recovery:
        return recovery.force_new_cluster(address)


def test_it_serves_all_that_it_had_and_members_that_come_back_are_strangers(tmp_path: Path) -> None:
    """PITFALLS 42."""
    log = Entries.of(NO_OP, command(b"SET", b"greeting", b"hello"))
    stored(tmp_path, Save(1, None, 1, log, FOUNDING))

    async def story() -> None:
        async with Hosted() as hosted:
            address = hosted.address("n1")
            cluster_id = (await asyncio.to_thread(recovered, tmp_path, address)).cluster_id
            state, snapshots = storage(StateKind.WAL, "n1", tmp_path, cluster_id, MemoryDisk())
            where = Place("n1", cluster_id, address, config=IN_PROCESS)
            async with await start_node(where, state, snapshots, None, hosted.events.append):
                async with RemoteCluster([address]) as cluster:
                    assert await cluster.get("greeting") == b"hello"
                old = connector(OLD, "n2")("n1", address)
                answer = await old.request(RegisterClient(), 5.0)
                await old.close()
                assert (answer.status, "is a server of cluster" in answer.reason) == (AnswerStatus.REFUSED, True)

    run(story())


@pytest.mark.parametrize("step", ["force_new_cluster", "give_to_cluster"])
def test_after_a_crash_on_the_way_no_server_runs_and_it_can_be_done_again(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would be a server that is alone under the id of the old cluster, or under two ids."""
    stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))

    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, Recovery.open(tmp_path, "n1") as recovery:
        patched.setattr(recovering, step, crash)
        with pytest.raises(KeyboardInterrupt):
            recovery.force_new_cluster("h:9")
    home = ServerHome.open(tmp_path, "n1")
    assert home.file is not None
    state, _ = storage(StateKind.WAL, "n1", tmp_path, home.file.cluster_id, MemoryDisk())
    with pytest.raises(ForeignData, match="belongs to cluster"):
        state.load()
    state.close()
    home.close()
    with Recovery.open(tmp_path, "n1") as recovery:
        done = recovery.force_new_cluster("h:9")
    assert done.new.configuration.ids == ("n1",)
    state, _ = storage(StateKind.WAL, "n1", tmp_path, done.cluster_id, MemoryDisk())
    assert state.load() is not None
    state.close()


def test_a_directory_that_is_none_of_a_server_is_refused_and_not_made_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no server\.toml: it is not the data directory of a server"):
        Recovery.open(tmp_path / "nowhere", "n1")
    assert list(tmp_path.iterdir()) == []
    DataDirectory.open(tmp_path).close()
    with pytest.raises(DataError, match="is of a cluster of tf-raft start, on one machine"):
        Recovery.open(tmp_path, "n1")


def test_a_server_that_runs_is_refused(tmp_path: Path) -> None:
    stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    home = ServerHome.open(tmp_path, "n1")
    with pytest.raises(DataLocked):
        Recovery.open(tmp_path, "n1")
    home.close()
    with Recovery.open(tmp_path, "n1"), pytest.raises(DataLocked):
        Recovery.open(tmp_path, "n1")


def test_another_server_a_damaged_one_and_one_that_heard_of_nobody_are_refused(tmp_path: Path) -> None:
    log = stored(tmp_path / "1", Save(3, "n2", 1, LOG, FOUNDING))
    with pytest.raises(ForeignData, match="is of server n1, not of n2"):
        Recovery.open(tmp_path / "1", "n2")
    segment = log / "0000000001.wal"
    damaged = bytearray(segment.read_bytes())
    damaged[200] ^= 1
    segment.write_bytes(damaged)
    with pytest.raises(CorruptState, match="is damaged at byte"):
        Recovery.open(tmp_path / "1", "n1")
    stored(tmp_path / "2", Save(1, None))
    with pytest.raises(DataError, match="n1 has not heard of its cluster yet: there is nothing to recover"):
        Recovery.open(tmp_path / "2", "n1")
    ServerHome.open(tmp_path / "2", "n1").close()


def test_a_log_that_was_set_aside_is_no_beginning(tmp_path: Path) -> None:
    log = stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    manager = WalStateManager("n1", log)
    manager.set_aside()
    manager.load()
    manager.close()
    with pytest.raises(DataError, match="cannot be the beginning of a cluster: its log was set aside as damaged"):
        Recovery.open(tmp_path, "n1")


def test_giving_a_log_to_another_cluster_changes_nothing_else(tmp_path: Path) -> None:
    log = stored(tmp_path, Save(3, "n2", 1, LOG, FOUNDING))
    before = contents(log)
    give_to_cluster(log, "d" * 32)
    after = contents(log)
    assert {name for name in after if after[name] != before.get(name)} == {METADATA_NAME}
    manager = WalStateManager("n1", log, cluster_id="d" * 32)
    saved = manager.load()
    manager.close()
    assert saved is not None
    assert saved.entries == LOG
    with pytest.raises(DataError, match="is not the directory of a write-ahead log"):
        give_to_cluster(tmp_path, "d" * 32)


def test_joint_configurations_name_both_sets(tmp_path: Path) -> None:
    joint = THREE.joint_with({"n1": "h:1", "n5": "h:5"})
    entries = Entries.of(NO_OP, Entry(1, EntryKind.CONFIGURATION, joint.encode()))
    stored(tmp_path, Save(1, None, 1, entries, FOUNDING))
    with Recovery.open(tmp_path, "n1") as recovery:
        assert recovery.remains.others == ("n2", "n3", "n5")

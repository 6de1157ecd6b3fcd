"""A backup of a cluster that runs, and the first server of a new cluster from it."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.clusters.hosted import CLUSTER, Hosted
from tests.clusters.lab import run
from tfraft.adapters.network.grpc import connector
from tfraft.adapters.state.backup_file import Backup, BackupReader
from tfraft.adapters.state.backup_places import BackupPlace, LocalFile, LocalSink, place_of
from tfraft.adapters.state.memory import MemoryDisk
from tfraft.clusters.backup import in_order_of_leisure, take_backup
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.hosting import Place, start_node
from tfraft.clusters.remote import RemoteCluster
from tfraft.clusters.restoring import Restored, check, restore
from tfraft.clusters.server_home import SERVER_FILE, ServerFile, ServerHome
from tfraft.clusters.states import storage
from tfraft.clusters.survey import Survey
from tfraft.core.config import IN_PROCESS
from tfraft.core.configuration import Configuration
from tfraft.core.requests import AnswerStatus, ClientRequest, RegisterClient
from tfraft.errors import CorruptState, DataError, DataLocked, SettingError, StorageFailed, TfRaftError, Unavailable
from tfraft.store import codec


async def backed_up(hosted: Hosted, place: BackupPlace, **values: str) -> Backup:
    """Write these values, then take a backup."""
    await hosted.leader()
    async with RemoteCluster(hosted.addresses) as cluster:
        for key, value in values.items():
            await cluster.set(key, value)
    return await take_backup(hosted.addresses, place)


def a_backup(place: BackupPlace, **values: str) -> Backup:
    """A backup of a cluster of one server, which has these values and ends afterwards."""

    async def story() -> Backup:
        async with Hosted("n1") as hosted:
            return await backed_up(hosted, place, **values)

    return run(story())


@pytest.fixture
def place(tmp_path: Path) -> LocalFile:
    return LocalFile(tmp_path / "monday")


def contents(directory: Path) -> dict[str, bytes | None]:
    """All that is in a directory but the lock."""
    found = {path: path.read_bytes() if path.is_file() else None for path in directory.rglob("*")}
    return {str(path.relative_to(directory)): data for path, data in found.items() if path.name != "LOCK"}


# --- backup ---


def test_a_backup_has_all_that_was_answered_before_and_says_what_it_is_of(place: LocalFile) -> None:
    async def story() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            backup = await backed_up(hosted, place, greeting="hello")
            assert backup.cluster_id == CLUSTER
            assert backup.server_id in hosted.nodes
            assert backup.server_id != leader, "a leader has enough to do"
            base = backup.snapshot.base
            assert base.index == hosted.nodes[leader].status().commit_index
            assert base.configuration.ids == ("n1", "n2", "n3")
            assert check(place) == backup

    run(story())


def test_a_backup_goes_to_any_url_of_fsspec() -> None:
    place = place_of(f"memory://{uuid4()}/monday")
    backup = a_backup(place, a="1")
    assert check(place) == backup


def test_a_server_that_cannot_give_one_is_passed_over(place: LocalFile, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            for name, node in hosted.nodes.items():
                if name != leader:
                    monkeypatch.setattr(node, "_compaction", None)
            backup = await take_backup(hosted.addresses, place)
            assert backup.server_id == leader

    run(story())


def test_where_no_server_can_give_one_each_says_why_and_nothing_is_left(place: LocalFile, tmp_path: Path) -> None:
    async def story() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            await hosted.leader()
            address = hosted.address("n1")
            await hosted.stop("n2")
            await hosted.stop("n3")
            with pytest.raises(Unavailable, match=r"^there is no backup: n1: .*"):
                await take_backup([address], place)
        with pytest.raises(Unavailable, match=f"there is no backup: no server answers at {address}"):
            await take_backup([address], place)

    run(story())
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_and_no_other_server_is_asked(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="No such file or directory"):
        a_backup(LocalFile(tmp_path / "nowhere" / "monday"))
    with pytest.raises(SettingError, match="is a directory"):
        a_backup(LocalFile(tmp_path))


@pytest.mark.parametrize("method", ["create", "write", "commit"])
def test_a_backup_that_is_given_up_leaves_nothing_wherever_it_is(method: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            held = Held(tmp_path / "monday", method)
            task = asyncio.create_task(take_backup(hosted.addresses, held))
            await asyncio.to_thread(held.begun.wait, DEADLINE_S)
            task.cancel()
            asyncio.get_running_loop().call_soon(held.go_on.set)
            with pytest.raises(asyncio.CancelledError):
                await task

    run(story())
    assert [path.name for path in tmp_path.iterdir()] == (["monday"] if method == "commit" else [])


class Held(LocalFile):
    """A file whose disk hangs in one operation until the test says so."""

    def __init__(self, path: Path, method: str) -> None:
        super().__init__(path)
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self._method = method

    def create(self) -> LocalSink:
        sink = super().create()
        if self._method == "create":
            self.wait()
        else:
            act = getattr(sink, self._method)
            setattr(sink, self._method, lambda *args: (self.wait(), act(*args)))
        return sink

    def wait(self) -> bool:
        self.begun.set()
        return self.go_on.wait(DEADLINE_S)


def test_the_leader_is_asked_last() -> None:
    async def story() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            survey = Survey(hosted.addresses)
            try:
                order = in_order_of_leisure(await survey.look())
            finally:
                await survey.close()
            assert (sorted(order), order[-1]) == (["n1", "n2", "n3"], leader)

    run(story())


# --- restore ---


def restored(place: BackupPlace, directory: Path, address: str = "127.0.0.1:7001") -> Restored:
    return asyncio.run(restore(place, directory, "m1", address))


def test_the_first_server_of_a_new_cluster_has_the_state_and_nobody_else(place: LocalFile, tmp_path: Path) -> None:
    """PITFALLS 42: it has a cluster id of its own."""

    async def story() -> None:
        old, directory = place, tmp_path / "m1"
        async with Hosted("n1", "n2") as hosted:
            backup = await backed_up(hosted, old, greeting="hello")
            address = hosted.address("m1")
            made = await restore(old, directory, "m1", address)
            assert made == Restored(backup, made.cluster_id, "m1", address)
            assert made.cluster_id != CLUSTER
            home = ServerHome.open(directory, "m1")
            assert home.file == ServerFile(made.cluster_id, "m1", started=True)
            home.close()

            state, snapshots = storage(StateKind.WAL, "m1", directory, made.cluster_id, MemoryDisk())
            node = await start_node(
                Place("m1", made.cluster_id, address, config=IN_PROCESS), state, snapshots, None, hosted.events.append
            )
            async with node, RemoteCluster([address]) as cluster:
                assert await cluster.get("greeting") == b"hello"
                await cluster.set("greeting", "again")
                assert node.raft.state.configuration == Configuration.of({"m1": address})
                # Servers of the old cluster are strangers, whatever they believe.
                stranger = connector(CLUSTER, "n1")("m1", address)
                answer = await stranger.request(RegisterClient(), 5.0)
                await stranger.close()
                assert (answer.status, "is a server of cluster" in answer.reason) == (AnswerStatus.REFUSED, True)
            async with RemoteCluster(hosted.addresses[:1]) as cluster:
                assert await cluster.get("greeting") == b"hello"

    run(story())


def test_a_request_that_was_answered_before_the_backup_is_not_executed_again_after_the_restore(
    place: LocalFile, tmp_path: Path
) -> None:
    """§6.3, PITFALLS 31: the sessions of the clients are part of the state."""
    append = codec.encode([b"SSET", b"s", b"x"])

    async def story() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            connect = connector(CLUSTER, "")
            peer = connect("n1", hosted.address("n1"))
            client_id = int((await peer.request(RegisterClient(), 5.0)).response)
            request = ClientRequest(append, client_id, 1)
            first = await peer.request(request, 5.0)
            assert first.response == b":1\r\n"
            await peer.close()
            await take_backup(hosted.addresses, place)
            address = hosted.address("m1")
            made = await restore(place, tmp_path / "m1", "m1", address)
            state, snapshots = storage(StateKind.WAL, "m1", tmp_path / "m1", made.cluster_id, MemoryDisk())
            where = Place("m1", made.cluster_id, address, config=IN_PROCESS)
            async with await start_node(where, state, snapshots, None, hosted.events.append):
                async with RemoteCluster([address]) as cluster:
                    await cluster.sdel("s", "x")
                peer = connector(made.cluster_id, "")("m1", address)
                again = await peer.request(request, 5.0)
                assert (again.status, again.response) == (first.status, first.response)
                await peer.close()
                async with RemoteCluster([address]) as cluster:
                    assert not await cluster.shas("s", "x")

    run(story())


def test_a_second_restore_of_the_same_backup_is_another_cluster(place: LocalFile, tmp_path: Path) -> None:
    a_backup(place, a="1")
    assert restored(place, tmp_path / "1").cluster_id != restored(place, tmp_path / "2").cluster_id


def test_a_backup_is_restored_from_any_url_of_fsspec(tmp_path: Path) -> None:
    place = place_of(f"memory://{uuid4()}/monday")
    backup = a_backup(place, a="1")
    assert restored(place, tmp_path / "m1").backup == backup


def test_every_kind_of_damage_is_refused_and_nothing_is_written(place: LocalFile, tmp_path: Path) -> None:
    """What can be wrong at which byte is tried in tests/adapters/state/test_backup_file.py."""
    a_backup(place, a="1" * 1000)
    path, directory = tmp_path / "monday", tmp_path / "m1"
    whole = path.read_bytes()
    damages = [whole[:10], whole[:-1], whole + b"x", b"", b"PK" + whole]
    damages += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(0, len(whole), 97)]
    for damaged in damages:
        path.write_bytes(damaged)
        with pytest.raises(CorruptState, match=f"^{path} is no whole backup of tf-raft: "):
            restored(place, directory)
        assert not directory.exists()


@pytest.mark.parametrize("file", ["x", "n1.json", "server.toml", "cluster.toml"])
def test_a_directory_that_holds_anything_is_refused_and_left_alone(file: str, place: LocalFile, tmp_path: Path) -> None:
    a_backup(place, a="1")
    directory = tmp_path / "m1"
    directory.mkdir()
    (directory / file).write_bytes(b"mine")
    with pytest.raises(DataError, match=f"m1 is not empty .{file}.: a backup is restored to an empty directory"):
        restored(place, directory)
    assert contents(directory) == {file: b"mine"}


def test_a_directory_that_another_uses_is_refused(place: LocalFile, tmp_path: Path) -> None:
    a_backup(place, a="1")
    home = ServerHome.open(tmp_path / "m1", "m1")
    with pytest.raises(DataLocked):
        restored(place, tmp_path / "m1")
    home.close()
    restored(place, tmp_path / "m1")


def test_a_backup_that_is_not_there_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file or directory"):
        restored(LocalFile(tmp_path / "monday"), tmp_path / "m1")
    assert list(tmp_path.iterdir()) == []


class Changing(LocalFile):
    """A backup that somebody replaces between the two times that it is read."""

    def __init__(self, path: Path, *versions: bytes) -> None:
        super().__init__(path)
        self._versions = list(versions)

    def read(self) -> Iterator[bytes]:
        yield self._versions.pop(0)


def test_a_backup_that_changes_while_it_is_restored_leaves_the_directory_empty(tmp_path: Path) -> None:
    one, other = LocalFile(tmp_path / "1"), LocalFile(tmp_path / "2")
    a_backup(one, a="1")
    a_backup(other, a="2")
    changing = Changing(tmp_path / "1", b"".join(one.read()), b"".join(other.read()))
    with pytest.raises(TfRaftError, match="was not installed"):
        restored(changing, tmp_path / "m1")
    assert contents(tmp_path / "m1") == {}
    restored(one, tmp_path / "m1")


class Counter:
    """Another state machine than the store."""

    def apply(self, command: bytes) -> bytes:
        return b""

    def query(self, query: bytes) -> bytes:
        return b""

    def snapshot(self) -> Iterator[bytes]:
        yield b"7"

    def restore(self, pieces: Iterable[bytes]) -> None:
        if (seen := b"".join(pieces)) != b"7":
            raise CorruptState(f"no number: {seen[:4]!r}")


def test_a_whole_backup_of_another_state_machine_is_told_apart_from_damage(place: LocalFile, tmp_path: Path) -> None:
    a_backup(place, a="1")
    with pytest.raises(CorruptState, match="monday is whole, but holds the state of something else: no number"):
        check(place, Counter())
    with pytest.raises(CorruptState, match="holds the state of something else"):
        asyncio.run(restore(place, tmp_path / "m1", "m1", "127.0.0.1:7001", Counter))
    assert not (tmp_path / "m1").exists()


def test_a_crash_before_the_end_leaves_a_directory_that_is_refused(
    place: LocalFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not whole must never be served."""
    a_backup(place, a="1")

    def crash(*args: object) -> ServerFile:
        raise KeyboardInterrupt

    monkeypatch.setattr(ServerHome, "begin", crash)
    with pytest.raises(KeyboardInterrupt):
        restored(place, tmp_path / "m1")
    monkeypatch.undo()
    with pytest.raises(DataError, match=f"has no {SERVER_FILE} but other files"):
        ServerHome.open(tmp_path / "m1", "m1")
    with pytest.raises(DataError, match="is not empty"):
        restored(place, tmp_path / "m1")


def test_the_header_of_a_backup_is_read_without_its_data(place: LocalFile) -> None:
    backup = a_backup(place, a="1")
    reader = BackupReader(place.read(), "monday")
    assert (reader.backup, reader.is_whole) == (backup, False)

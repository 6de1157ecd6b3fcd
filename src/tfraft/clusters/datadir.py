"""The data directory of a cluster: what it holds, whose it is, and that nobody else uses it.

    cluster.toml    what kind of cluster, its id, its nodes and where they listen (see `cluster_file`)
    LOCK            held, with the number of the process, while the cluster runs
    n1/             the state of each node, or n1.json, with n1.lock beside it (see `states`)

A directory that holds anything else is somebody else's: it is not touched.
"""

import re
import shutil
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

from tfraft.adapters.state.document import OPENING
from tfraft.adapters.state.files import Files, as_data_error, make_directory, replace_file, temporary_of
from tfraft.adapters.state.json import FILE_FRIENDLY, lock_name, state_path
from tfraft.adapters.state.lock import LOCK_NAME, DirectoryLock
from tfraft.adapters.state.segments_on_disk import METADATA_NAME
from tfraft.clusters.cluster_file import ClusterFile, ClusterKind, NodeRecord, StateKind, decode
from tfraft.clusters.states import state_file
from tfraft.core.configuration import ServerId
from tfraft.errors import CorruptState, DataError, ForeignData, SettingError

CLUSTER_FILE = "cluster.toml"

DEFAULT_STATES = {
    ClusterKind.MEMORY: StateKind.JSON,
    ClusterKind.RPC: StateKind.WAL,
    ClusterKind.TCP: StateKind.WAL,
}
"""A person can read the one, the other is fast."""


class DataDirectory:
    """The open data directory of a cluster; `open` makes one, `close` lets others have it."""

    def __init__(self, path: Path, lock: DirectoryLock, cluster: ClusterFile) -> None:
        self.path = path
        self._lock = lock
        self._cluster = cluster

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        kind: ClusterKind | None = None,
        state: StateKind | None = None,
        nodes: Iterable[NodeRecord] = (),
        cluster_id: str = "",
        fresh: bool = False,
    ) -> "DataDirectory":
        """Open the cluster at `path`, or begin a new one there if there is none, or if `fresh`.

        A cluster that is there keeps its kind, its state adapter, its nodes and its id; `kind` and `state` must be the
        same, or None. A new one gets these values, where None means a memory cluster, and the usual state of its kind
        (`DEFAULT_STATES`); and an empty `cluster_id` a random one. `fresh` first removes what `contents` names.

        Raises a `DataError` where the directory cannot be used and `SettingError` where it holds another kind of
        cluster; then nothing in it was changed."""
        path = Path(path)
        _refuse_foreign(path)
        with as_data_error(path, "made a directory"):
            make_directory(path)
        lock = DirectoryLock(path)
        try:
            if fresh:
                _remove_states(path)
            found = None if fresh else _read(path)
            if found is None:
                kind = kind or ClusterKind.MEMORY
                state = state or DEFAULT_STATES[kind]
                cluster = ClusterFile(cluster_id or uuid4().hex, kind, state, tuple(nodes))
            else:
                cluster = _continued(path, found, kind, state)
            directory = cls(path, lock, cluster)
            # Also where nothing is new: a directory that cannot be written is found now, not in the middle.
            directory._write(cluster)
        except BaseException:
            lock.release()
            raise
        return directory

    @staticmethod
    def contents(path: str | Path) -> str:
        """What `fresh` would remove, in a few words; empty where there is nothing. Raises DataError as `open` does."""
        path = Path(path)
        _refuse_foreign(path)
        with as_data_error(path, "read"):
            if not (path / CLUSTER_FILE).exists():
                return ""
            states = [state for server_id in _server_ids(path) for state in _states(path, server_id)]
            there = [path / CLUSTER_FILE, *states]
            files = [file for one in there for file in (one.rglob("*") if one.is_dir() else [one])]
            size = sum(file.stat().st_size for file in files)
        return f"{', '.join(one.name for one in there)} in {path} ({size:,} bytes)"

    @property
    def cluster_id(self) -> str:
        """The random id that tells this cluster from all others."""
        return self._cluster.cluster_id

    @property
    def kind(self) -> ClusterKind:
        """Where its nodes run."""
        return self._cluster.kind

    @property
    def state(self) -> StateKind:
        """Which adapter keeps their state."""
        return self._cluster.state

    @property
    def nodes(self) -> tuple[NodeRecord, ...]:
        """Its nodes, in the order in which they were recorded."""
        return self._cluster.nodes

    def record_nodes(self, nodes: Iterable[NodeRecord]) -> None:
        """Afterwards these are the nodes, durably."""
        cluster = self._cluster
        self._write(ClusterFile(cluster.cluster_id, cluster.kind, cluster.state, tuple(nodes)))

    def record_started(self, *server_ids: ServerId) -> None:
        """Remember that these nodes run; call it once each has loaded its state, which makes its file.

        From then on a node whose file is missing is one that has lost its state."""
        unknown = set(server_ids).difference(node.server_id for node in self.nodes)
        assert not unknown, f"started, but not recorded: {unknown}"
        self.record_nodes(
            NodeRecord(node.server_id, node.address, node.started or node.server_id in server_ids)
            for node in self.nodes
        )

    def state_path(self, server_id: ServerId) -> Path:
        """The file without which this node has lost its state."""
        return state_file(self.state, self.path, server_id)

    @property
    def wiped(self) -> tuple[ServerId, ...]:
        """The nodes that have run and have no state on disk any more."""
        return tuple(node.server_id for node in self.nodes if node.started and not self._has_state(node.server_id))

    def check_state(self, server_id: ServerId) -> None:
        """Raise CorruptState for a node that has lost its state: it could vote twice in a term, and must not return.

        Not for nodes whose state is kept in a `MemoryDisk`: those have it still."""
        if server_id in self.wiped:
            path = self.state_path(server_id)
            in_memory = self.state is StateKind.MEMORY
            lost = "it was kept in the memory of its process" if in_memory else f"{path} is missing"
            raise CorruptState(
                f"the state of {server_id} is lost: {lost}. A server that forgot its vote must not come back under its "
                "old name, nor with an older copy of its state: remove the server and add a new one, or begin anew "
                "with --fresh"
            )

    def close(self) -> None:
        """Let others have the directory. Closing twice is closing once."""
        self._lock.release()

    def _has_state(self, server_id: ServerId) -> bool:
        return self.state_path(server_id).exists()

    def _write(self, cluster: ClusterFile) -> None:
        for node in cluster.nodes:
            self.state_path(node.server_id)  # Raises SettingError for an id that could not be read back.
        path = self.path / CLUSTER_FILE
        with as_data_error(path, "written"):
            replace_file(Files(), path, cluster.encode())
        self._cluster = cluster


def _read(path: Path) -> ClusterFile | None:
    file = path / CLUSTER_FILE
    with as_data_error(file, "read"):
        text = Files().read(file)
    return None if text is None else decode(text, str(file))


def _refuse_foreign(path: Path) -> None:
    """Raise a DataError where `path` is no directory, or one that somebody else put files into."""
    with as_data_error(path, "read"):
        if not path.exists():
            return
        if not path.is_dir():
            raise DataError(f"{path} is a file; data need a directory, which is made where there is none")
        names = sorted(entry.name for entry in path.iterdir())
    if CLUSTER_FILE not in names:
        # What a crash leaves before cluster.toml is there for the first time.
        others = [name for name in names if name not in (LOCK_NAME, temporary_of(path / CLUSTER_FILE).name)]
        if others:
            raise ForeignData(
                f"{path} has no {CLUSTER_FILE} but other files ({', '.join(others[:3])}{', …' * (len(others) > 3)}): "
                "nothing was touched; choose an empty or a new directory"
            )


def _continued(path: Path, found: ClusterFile, kind: ClusterKind | None, state: StateKind | None) -> ClusterFile:
    """What is found, for another run. Raises SettingError where it is not what was asked for."""
    for asked, there, what in ((kind, found.kind, "{} cluster"), (state, found.state, "cluster with {} state")):
        if asked not in (None, there):
            raise SettingError(
                f"{path} holds a {what.format(there)}, not a {what.format(asked)}: start it as it is, choose another "
                "directory, or begin anew with --fresh"
            )
    if found.state is not StateKind.MEMORY:
        return found
    # The states of the last run are gone, all of them at once: every node begins anew.
    nodes = tuple(NodeRecord(node.server_id, node.address) for node in found.nodes)
    return ClusterFile(found.cluster_id, found.kind, found.state, nodes)


# --- What is ours ---


def _server_ids(path: Path) -> list[ServerId]:
    """The servers with files here: those of cluster.toml, if it can be read, and those whose state is plainly ours."""
    named: set[ServerId] = set()
    with suppress(CorruptState):
        found = _read(path)
        named = {node.server_id for node in found.nodes} if found else set()
    plain = {file.stem for file in path.glob("*.json") if _is_state(file)}
    logs = {file.parent.name for file in path.glob(f"*/{METADATA_NAME}") if _names_a_server(file.parent.name)}
    return sorted(named | plain | logs)


def _names_a_server(name: str) -> bool:
    return re.fullmatch(FILE_FRIENDLY, name) is not None


def _is_state(file: Path) -> bool:
    if not (_names_a_server(file.stem) and file.is_file()):
        return False
    with file.open("rb") as stream:
        return stream.read(len(OPENING)) == OPENING


def _states(path: Path, server_id: ServerId) -> list[Path]:
    """The files and the directory of a server, as far as there are any."""
    state = state_path(path, server_id)
    snapshots = path.glob(f"{server_id}.*.snapshot*")
    return [there for there in (state, temporary_of(state), path / server_id, *sorted(snapshots)) if there.exists()]


def _remove_states(path: Path) -> None:
    """Remove the state of all servers, durably. Raises DataLocked, and removes nothing, while one of them runs.

    cluster.toml stays until the new one replaces it: after a crash in between, it says which servers lost their state.
    """
    ids = _server_ids(path)
    with as_data_error(path, "emptied"), ExitStack() as locks:
        for server_id in ids:
            locks.callback(DirectoryLock(path, lock_name(server_id)).release)
            if (path / server_id).is_dir():
                locks.callback(DirectoryLock(path / server_id).release)
        for state in [state for server_id in ids for state in _states(path, server_id)]:
            if state.is_dir():
                shutil.rmtree(state)
            else:
                state.unlink()
        Files().sync_directory(path)

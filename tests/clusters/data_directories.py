"""Data directories of clusters whose nodes have run, for the tests of them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.adapters.state.runs import loaded
from tfraft.adapters.state.json import LocalStateManager
from tfraft.adapters.state.wal import WalStateManager
from tfraft.clusters.cluster_file import NodeRecord
from tfraft.clusters.datadir import DataDirectory

NODES = [NodeRecord("n1", "127.0.0.1:50051"), NodeRecord("n2", "127.0.0.1:50061"), NodeRecord("n3", "[::1]:50053")]


@contextmanager
def opened(path: Path, **options: object) -> Iterator[DataDirectory]:
    with closing(DataDirectory.open(path, **options)) as directory:  # type: ignore[arg-type]
        yield directory


def run_nodes(directory: DataDirectory, *server_ids: str) -> None:
    """Let these nodes run once, as a cluster does: load, which makes the file, then remember it."""
    for server_id in server_ids:
        directory.check_state(server_id)
        loaded(LocalStateManager(server_id, directory.path, cluster_id=directory.cluster_id))
    directory.record_started(*server_ids)


def run_with_logs(directory: DataDirectory, *server_ids: str) -> None:
    """What nodes with a write-ahead log leave."""
    for server_id in server_ids:
        loaded(WalStateManager(server_id, directory.path / server_id, cluster_id=directory.cluster_id))
    directory.record_started(*server_ids)


def everything(path: Path) -> dict[str, bytes]:
    """All files below `path` but the lock files, which name the last process."""
    files = [file for file in path.rglob("*") if file.is_file() and file.name != "LOCK"]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}

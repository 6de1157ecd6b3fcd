"""Beginning anew in a data directory: what that removes, what it leaves, and what is told of it before."""

from pathlib import Path

import pytest

from tests.clusters.data_directories import NODES, everything, opened, run_nodes, run_with_logs
from tfraft.adapters.state.json import LocalStateManager
from tfraft.adapters.state.wal import WalStateManager
from tfraft.clusters.cluster_file import ClusterKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.errors import DataLocked


def test_contents_names_what_fresh_would_remove(path: Path) -> None:
    assert DataDirectory.contents(path) == ""
    assert not path.exists()
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    size = sum((path / name).stat().st_size for name in ("cluster.toml", "n1.json", "n2.json"))
    assert DataDirectory.contents(path) == f"cluster.toml, n1.json, n2.json in {path} ({size:,} bytes)"


def test_contents_of_an_empty_directory_is_nothing(path: Path) -> None:
    path.mkdir()
    assert DataDirectory.contents(path) == ""


def test_contents_names_the_directories_of_write_ahead_logs_and_snapshots_and_fresh_removes_them(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2")
    (path / "n1.00000000000000000007.snapshot").write_bytes(b"of a node with JSON")
    (path / "letters").mkdir()
    (path / "letters" / "metadata.txt").write_text("mine")
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    size -= len("mine") + (path / "LOCK").stat().st_size
    assert DataDirectory.contents(path) == (
        f"cluster.toml, n1, n1.00000000000000000007.snapshot, n2 in {path} ({size:,} bytes)"
    )
    with opened(path, fresh=True):
        left = {file.name for file in path.iterdir()} - {"LOCK", "n1.lock", "n2.lock", "n3.lock"}
        assert left == {"cluster.toml", "letters"}


def test_fresh_begins_a_new_cluster_and_leaves_the_files_of_others(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES, cluster_id="5a0c") as directory:
        run_nodes(directory, "n1", "n2", "n3")
    for name in ("notes.json", "n4.json", "n5.json.bak", "letter"):
        (path / name).write_text("mine")
    (path / "dir.json").mkdir()
    (path / "n1.json.new").write_text("half of a f")
    with opened(path, fresh=True, nodes=NODES[:1]) as directory:
        assert (directory.kind, directory.nodes, directory.wiped) == (ClusterKind.MEMORY, tuple(NODES[:1]), ())
        assert directory.cluster_id != "5a0c"
        run_nodes(directory, "n1")
    assert set(everything(path)) - {"n1.lock", "n2.lock", "n3.lock"} == {
        *("cluster.toml", "n1.json"),
        *("notes.json", "n4.json", "n5.json.bak", "letter"),
    }


def test_fresh_removes_the_state_of_nodes_that_a_damaged_cluster_file_does_not_name(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    (path / "cluster.toml").write_text("?")
    assert "n1.json, n2.json" in DataDirectory.contents(path)
    with opened(path, fresh=True):
        assert not list(path.glob("*.json"))


def test_fresh_removes_the_damaged_state_of_a_node_that_is_named(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1")
        directory.state_path("n1").write_text("?")
    with opened(path, fresh=True):
        assert not list(path.glob("*.json"))


def test_fresh_removes_nothing_while_one_of_the_nodes_still_runs(path: Path) -> None:
    """A node process may outlive the one that started it by a moment."""
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    node = LocalStateManager("n2", path)
    node.load()
    before = everything(path)
    with pytest.raises(DataLocked, match=r"lock n2\.lock"), opened(path, fresh=True):
        pass
    assert {**everything(path), "n3.lock": b""} == {**before, "n3.lock": b""}
    node.close()


def test_fresh_removes_nothing_while_a_node_with_a_write_ahead_log_still_runs(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2")
        cluster_id = directory.cluster_id
    node = WalStateManager("n2", path / "n2", cluster_id=cluster_id)
    node.load()
    before = {file for file in path.rglob("*") if file.suffix != ".lock"}
    with pytest.raises(DataLocked), opened(path, fresh=True):
        pass
    assert {file for file in path.rglob("*") if file.suffix != ".lock"} == before
    node.close()

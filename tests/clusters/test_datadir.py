"""The data directory: what it remembers, and how it lies on the disk."""

import stat
from pathlib import Path

import pytest

from tests.clusters.data_directories import NODES, everything, opened, run_nodes
from tfraft.clusters.cluster_file import ClusterKind, NodeRecord, StateKind
from tfraft.errors import DataError, SettingError


def test_a_new_directory_is_a_cluster_with_an_id_of_128_random_bits(path: Path) -> None:
    with opened(path) as first, opened(path.with_name("other")) as other:
        assert (first.kind, first.state, first.nodes) == (ClusterKind.MEMORY, StateKind.JSON, ())
        assert len(bytes.fromhex(first.cluster_id)) == 16
        assert first.cluster_id != other.cluster_id


def test_kind_state_nodes_ports_and_id_are_remembered(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES, cluster_id="5a0c") as directory:
        assert directory.nodes == tuple(NODES)
    with opened(path) as directory:
        assert (directory.kind, directory.state, directory.cluster_id) == (ClusterKind.RPC, StateKind.WAL, "5a0c")
        assert directory.nodes == tuple(NODES)
    # The same words again, as in the history of a shell; what is remembered wins over a new wish for nodes.
    with opened(path, kind=ClusterKind.RPC, state=StateKind.WAL, nodes=NODES[:1], cluster_id="new") as directory:
        assert (directory.cluster_id, directory.nodes) == ("5a0c", tuple(NODES))


def test_nodes_that_are_recorded_later_are_remembered(path: Path) -> None:
    with opened(path, nodes=NODES[:2]) as directory:
        directory.record_nodes(NODES[1:])
        assert directory.nodes == tuple(NODES[1:])
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES[1:])


@pytest.mark.parametrize("server_id", ["../n1", "", "a/b"])
def test_a_node_whose_id_cannot_name_a_file_is_not_recorded(path: Path, server_id: str) -> None:
    with opened(path) as directory:
        before = everything(path)
        with pytest.raises(SettingError, match="needs an id"):
            directory.record_nodes([NodeRecord(server_id)])
        assert everything(path) == before


def test_a_cluster_file_that_cannot_be_written_is_an_error_and_what_is_remembered_stays(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        (path / "cluster.toml.new").mkdir()
        with pytest.raises(DataError, match=r"cluster\.toml cannot be written: Is a directory"):
            directory.record_nodes([])
        assert directory.nodes == tuple(NODES)
        (path / "cluster.toml.new").rmdir()
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES)


def test_directory_and_files_are_for_their_owner_alone(path: Path) -> None:
    with opened(path / "deeper") as directory:
        modes = {
            file.name: stat.S_IMODE(file.stat().st_mode) for file in [path, directory.path, *directory.path.iterdir()]
        }
    assert modes == {"demo": 0o700, "deeper": 0o700, "cluster.toml": 0o600, "LOCK": 0o600}


def test_the_state_of_a_node_lies_where_its_state_manager_puts_it(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1")
        assert directory.state_path("n1").read_bytes().startswith(b"{")


def test_an_empty_directory_is_taken_and_its_mode_is_left_to_its_owner(path: Path) -> None:
    path.mkdir(mode=0o750)
    with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750


@pytest.mark.parametrize("left", [["LOCK"], ["LOCK", "cluster.toml.new"]])
def test_what_a_crash_leaves_of_the_first_start_is_taken(path: Path, left: list[str]) -> None:
    path.mkdir()
    for name in left:
        (path / name).write_text("")
    with opened(path):
        assert sorted(file.name for file in path.iterdir()) == ["LOCK", "cluster.toml"]

"""Nodes whose state is gone from the data directory: they must not come back under their ids."""

import shutil
from pathlib import Path

import pytest

from tests.clusters.data_directories import NODES, opened, run_nodes, run_with_logs
from tfraft.clusters.cluster_file import ClusterKind, StateKind
from tfraft.errors import CorruptState


def test_a_node_that_never_ran_needs_no_state(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        assert directory.wiped == ()
        for node in NODES:
            directory.check_state(node.server_id)


def test_a_node_that_ran_and_has_its_state_may_run_again(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n3")
        assert [node.started for node in directory.nodes] == [True, False, True]
    with opened(path) as directory:
        assert directory.wiped == ()
        run_nodes(directory, "n1", "n2")
        assert [node.started for node in directory.nodes] == [True, True, True]


def test_a_wiped_node_must_not_come_back_under_its_id(path: Path) -> None:
    """PITFALLS 27: it forgot its vote, and could vote again in the same term."""
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2", "n3")
        directory.state_path("n2").unlink()
    with opened(path) as directory:
        assert directory.wiped == ("n2",)
        directory.check_state("n1")
        with pytest.raises(
            CorruptState, match=r"the state of n2 is lost: .*demo/n2\.json is missing\. .* --fresh"
        ) as refusal:
            directory.check_state("n2")
        assert "\n" not in str(refusal.value)


def test_a_node_whose_write_ahead_log_is_gone_must_not_come_back(path: Path) -> None:
    """PITFALLS 27: with an empty directory in its place as well as with none."""
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2", "n3")
        assert directory.wiped == ()
        directory.check_state("n1")
        shutil.rmtree(path / "n1")
        shutil.rmtree(path / "n2")
        (path / "n2").mkdir()
    with opened(path) as directory:
        assert directory.wiped == ("n1", "n2")
        with pytest.raises(CorruptState, match=r"the state of n2 is lost: .*demo/n2/metadata\.json is missing\."):
            directory.check_state("n2")


def test_a_node_whose_state_was_in_memory_must_not_come_back_in_the_same_run(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, state=StateKind.MEMORY, nodes=NODES) as directory:
        directory.check_state("n1")
        directory.record_started("n1", "n2", "n3")
        with pytest.raises(CorruptState, match="the state of n1 is lost: it was kept in the memory of its process"):
            directory.check_state("n1")
    # The next run begins anew with all of them, at the same addresses.
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES)
        directory.check_state("n1")

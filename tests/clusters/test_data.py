"""The data of a ready-made cluster: kept, refused, begun anew, and what follows from a state that is lost."""

import json
import shutil
from pathlib import Path

import pytest

from tests.clusters.lab import BOTH_KINDS, caught_up, make, run
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.memory import MemoryCluster
from tfraft.clusters.processes import TcpCluster
from tfraft.core.requests import AnswerStatus
from tfraft.errors import CorruptState, DataError, DataLocked, SettingError


def lose_state(data: Path, server_id: str) -> None:
    """Remove all that is there of a server's state."""
    if (data / server_id).is_dir():
        shutil.rmtree(data / server_id)
    else:
        (data / f"{server_id}.json").unlink()


async def with_one_value(kind: str, data: Path, state: str | None = None) -> None:
    """Leave a cluster of three in `data`, each node of which has k = v."""
    async with make(kind, data=data, state=state) as cluster:
        await cluster.set("k", "v")
        await caught_up(cluster)


@BOTH_KINDS
def test_the_state_of_a_node_is_a_file_that_shows_commands_in_words(kind: str, tmp_path: Path) -> None:
    run(with_one_value(kind, tmp_path, "json"))
    state = json.loads((tmp_path / "n1.json").read_text())
    commands = [entry["json"]["command"] for entry in state["log"] if entry["kind"] == "command"]
    assert commands == [["SET", "k", "v"]]


@BOTH_KINDS
def test_in_memory_the_state_is_a_file_by_default_and_of_processes_a_write_ahead_log(kind: str, tmp_path: Path) -> None:
    """A person can read the one, the other is fast; what is chosen once is remembered."""
    run(with_one_value(kind, tmp_path))
    state = {"memory": "json", "tcp": "wal"}[kind]
    assert f'state = "{state}"' in (tmp_path / "cluster.toml").read_text()
    assert (tmp_path / "n1").is_dir() is (state == "wal")
    assert (tmp_path / "n1.json").is_file() is (state == "json")


@BOTH_KINDS
def test_a_second_cluster_on_one_directory_is_refused_and_the_first_goes_on(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with make(kind, data=tmp_path) as cluster:
            with pytest.raises(DataLocked, match="is in use by"):
                async with make(kind, data=tmp_path):
                    pass
            await cluster.set("k", "v")

    run(main())


@BOTH_KINDS
def test_a_damaged_state_is_refused_and_nothing_is_changed(kind: str, tmp_path: Path) -> None:
    run(with_one_value(kind, tmp_path, "json"))
    good = (tmp_path / "n2.json").read_bytes()
    damaged = good.replace(b'"SET","k","v"', b'"SET","k","x"')
    (tmp_path / "n2.json").write_bytes(damaged)

    async def refused() -> None:
        with pytest.raises(CorruptState, match=r"n2\.json is damaged: the checksum at line \d+"):
            async with make(kind, data=tmp_path):
                pass

    run(refused())
    assert (tmp_path / "n2.json").read_bytes() == damaged
    (tmp_path / "n2.json").write_bytes(good)

    async def accepted() -> None:
        async with make(kind, data=tmp_path) as cluster:
            assert await cluster.get("k") == b"v"

    run(accepted())


@BOTH_KINDS
def test_a_node_that_lost_its_state_stays_away_until_it_is_replaced(kind: str, tmp_path: Path) -> None:
    """A server that forgot its vote could vote twice in a term (§3.8); the others are a quorum without it."""
    run(with_one_value(kind, tmp_path))
    lose_state(tmp_path, "n2")

    async def main() -> None:
        async with make(kind, data=tmp_path) as cluster:
            assert [member.state for member in cluster.members] == [
                NodeState.RUNNING,
                NodeState.FAILED,
                NodeState.RUNNING,
            ]
            assert any("n2 is not started: the state of n2 is lost" in remark for remark in cluster.info.remarks)
            assert await cluster.get("k") == b"v"
            with pytest.raises(CorruptState, match="the state of n2 is lost"):
                await cluster.start_node("n2")
            assert (await cluster.remove("n2")).status is AnswerStatus.OK
            server_id, answer = await cluster.add()
            assert (server_id, answer.status) == ("n4", AnswerStatus.OK)
        async with make(kind, data=tmp_path) as cluster:
            assert [member.server_id for member in cluster.members] == ["n1", "n3", "n4"]
            assert {member.state for member in cluster.members} == {NodeState.RUNNING}
            assert await cluster.get("k") == b"v"

    run(main())


def test_where_most_nodes_lost_their_state_the_cluster_is_not_started(tmp_path: Path) -> None:
    run(with_one_value("memory", tmp_path))
    (tmp_path / "n1.json").unlink()
    (tmp_path / "n2.json").unlink()

    async def main() -> None:
        with pytest.raises(CorruptState, match=r"the state of n1 is lost.*; the state of n2 is lost"):
            async with make("memory", data=tmp_path):
                pass

    run(main())
    assert not (tmp_path / "n1.json").exists()


def test_a_cluster_that_could_not_start_leaves_the_directory_to_others(tmp_path: Path) -> None:
    run(with_one_value("memory", tmp_path))
    good = (tmp_path / "n3.json").read_bytes()
    (tmp_path / "n3.json").write_bytes(b"{}")

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(CorruptState):
                async with make("memory", data=tmp_path):
                    pass
        (tmp_path / "n3.json").write_bytes(good)
        async with make("memory", data=tmp_path) as cluster:
            assert await cluster.get("k") == b"v"

    run(main())


def test_other_settings_than_those_of_the_data_are_refused(tmp_path: Path) -> None:
    run(with_one_value("memory", tmp_path))

    async def main() -> None:
        with pytest.raises(SettingError, match="holds a cluster of 3 nodes, not 5"):
            async with MemoryCluster(5, data=tmp_path):
                pass
        with pytest.raises(SettingError, match="holds a memory cluster, not a tcp"):
            async with TcpCluster(data=tmp_path):
                pass
        with pytest.raises(SettingError, match="json"):
            async with MemoryCluster(data=tmp_path, state="memory"):
                pass
        async with MemoryCluster(3, data=tmp_path) as cluster:
            assert await cluster.get("k") == b"v"

    run(main())


def test_begun_anew_a_cluster_says_what_it_removed_and_has_other_nodes(tmp_path: Path) -> None:
    run(with_one_value("memory", tmp_path))

    async def main() -> None:
        async with MemoryCluster(5, data=tmp_path, fresh=True) as cluster:
            assert any("n1.json" in remark and str(tmp_path) in remark for remark in cluster.info.remarks)
            assert len(cluster.members) == 5
            assert await cluster.get("k") is None

    run(main())


def test_a_foreign_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    async def main() -> None:
        for fresh in (False, True):
            with pytest.raises(DataError, match="choose an empty or a new directory"):
                async with MemoryCluster(data=tmp_path, fresh=fresh):
                    pass

    run(main())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_with_the_state_in_memory_a_directory_keeps_only_who_the_nodes_are(tmp_path: Path) -> None:
    async def main() -> None:
        async with MemoryCluster(5, data=tmp_path, state="memory") as cluster:
            await cluster.set("k", "v")
            assert cluster.info.data_dir is None
            assert any("keeps only who the nodes are" in remark for remark in cluster.info.remarks)
        async with MemoryCluster(data=tmp_path) as cluster:
            assert len(cluster.members) == 5
            assert await cluster.get("k") is None

    run(main())


def test_json_state_without_a_directory_is_kept_as_long_as_the_cluster_runs() -> None:
    async def main() -> None:
        async with MemoryCluster(state="json") as cluster:
            assert cluster.info.data_dir is None
            await cluster.set("k", "v")
            for server_id in ("n1", "n2", "n3"):
                await cluster.kill_node(server_id)
            for server_id in ("n1", "n2", "n3"):
                await cluster.start_node(server_id)
            assert await cluster.get("k") == b"v"

    run(main())


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"nodes": 0}, "1 to 15 nodes"),
        ({"nodes": 16}, "1 to 15 nodes"),
        ({"state": "disk"}, "Choose memory, json or wal"),
        ({"fresh": True}, "none is given"),
    ],
)
@pytest.mark.parametrize("kind", [MemoryCluster, TcpCluster])
def test_settings_that_make_no_sense_are_refused_at_once(
    kind: type[MemoryCluster] | type[TcpCluster], settings: dict[str, object], fault: str
) -> None:
    with pytest.raises(SettingError, match=fault):
        kind(**settings)  # type: ignore[arg-type]

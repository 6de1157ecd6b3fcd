"""The verbs of a cluster refuse what makes no sense, and leave everything sound when they fail."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.clusters.lab import BOTH_KINDS, AnyCluster, caught_up, leader_of, make, others, run, saves_fail, until
from tfraft.clusters import ready
from tfraft.clusters.cluster import Member, NodeState
from tfraft.clusters.memory import MemoryCluster
from tfraft.core.requests import AnswerStatus
from tfraft.errors import CorruptState, SettingError, Unavailable
from tfraft.node.status import Event, EventKind

Verb = Callable[[MemoryCluster], Coroutine[Any, Any, object]]


def member_of(cluster: AnyCluster, server_id: str) -> Member:
    return next(member for member in cluster.members if member.server_id == server_id)


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        (lambda cluster: cluster.stop_node("n9"), "there is no node n9; the nodes are n1 n2 n3"),
        (lambda cluster: cluster.status("n9"), "there is no node n9"),
        (lambda cluster: cluster.partition([["n1"], ["n9"]]), "there is no node n9"),
        (lambda cluster: cluster.slow("n9", 1.0), "there is no node n9"),
        (lambda cluster: cluster.remove("n9"), "there is no node n9"),
        (lambda cluster: cluster.start_node("n1"), "n1 is running, not stopped or killed or failed"),
        (lambda cluster: cluster.stop_node("n3"), "n3 is killed, not running"),
        (lambda cluster: cluster.kill_node("n3"), "n3 is killed, not running"),
        (lambda cluster: cluster.log("n3", 1, 9), "n3 is killed, not running"),
        (lambda cluster: cluster.add("n3"), "n3 is killed, not running"),
        (lambda cluster: cluster.partition([["n1", "n2"], ["n2"]]), "n2 cannot be on two sides"),
        (lambda cluster: cluster.slow("n1", -1.0), "a delay must be 0 s or more"),
    ],
)
def test_a_verb_on_a_node_that_is_not_there_or_in_another_state_changes_nothing(verb: Verb, why: str) -> None:
    async def main() -> None:
        async with MemoryCluster() as cluster:
            await cluster.kill_node("n3")
            with pytest.raises(SettingError, match=why):
                await verb(cluster)
            assert [member.state for member in cluster.members] == ["running", "running", "killed"]
            await cluster.set("k", "v")

    run(main())


def test_a_verb_before_the_cluster_is_entered_says_so() -> None:
    async def main() -> None:
        with pytest.raises(SettingError, match="async with"):
            await MemoryCluster().heal()

    run(main())


def test_a_cluster_is_entered_once() -> None:
    async def main() -> None:
        cluster = MemoryCluster()
        async with cluster:
            pass
        with pytest.raises(SettingError, match="started once"):
            await cluster.__aenter__()

    run(main())


def test_an_observer_that_raises_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise ValueError("I am broken")

    async def main() -> None:
        told: list[Event] = []
        cluster = MemoryCluster()
        cluster.observe(broken)
        cluster.observe(told.append)
        async with cluster:
            await cluster.set("k", "v")
        assert EventKind.LEADER in [event.kind for event in told]

    run(main())
    assert "an observer of the cluster failed" in caplog.text


def test_a_node_that_could_not_be_added_is_gone_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with MemoryCluster(data=tmp_path) as cluster:
            for server_id in others(cluster):
                await cluster.stop_node(server_id)
            lonely, _ = leader_of(cluster)

            async def follows() -> bool:
                status = await cluster.status(lonely)
                return status is not None and status.role != "leader"

            await until(follows)
            server_id, answer = await cluster.add(timeout_s=0.2)
            assert (server_id, answer.status) == ("n4", AnswerStatus.NOT_LEADER)
            assert "2 of 4 left: no quorum" in answer.reason
            assert [member.server_id for member in cluster.members] == ["n1", "n2", "n3"]
        assert "n4" not in (tmp_path / "cluster.toml").read_text()

    run(main())


def test_a_new_node_that_cannot_start_is_gone_again(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text('format = 1\ncluster_id = "c"\nkind = "memory"\nstate = "json"\n')
    (tmp_path / "n4.json").write_text("{")

    async def main() -> None:
        async with MemoryCluster(data=tmp_path) as cluster:
            with pytest.raises(CorruptState, match=r"n4\.json is damaged"):
                await cluster.add()
            assert [member.server_id for member in cluster.members] == ["n1", "n2", "n3"]
            (tmp_path / "n4.json").unlink()
            assert (await cluster.add("n4"))[1].status is AnswerStatus.OK

    run(main())


def test_a_cluster_that_finds_no_leader_in_time_says_so_and_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "LEADER_PATIENCE_S", 0.01)

    async def main() -> None:
        async with MemoryCluster() as cluster:
            assert cluster.info.remarks == ("there is no leader after 0.01 s",)
            await cluster.set("k", "v")

    run(main())


def test_a_new_node_never_gets_a_name_that_another_had() -> None:
    async def main() -> None:
        async with MemoryCluster() as cluster:
            assert (await cluster.add())[0] == "n4"
            assert (await cluster.remove("n4")).status is AnswerStatus.OK
            assert (await cluster.add())[0] == "n5"
            assert (await cluster.add("extra"))[1].status is AnswerStatus.OK

    run(main())


def test_nodes_that_come_back_are_still_cut_off() -> None:
    """A partition is a fault of the network, not of the nodes."""

    async def main() -> None:
        async with MemoryCluster() as cluster:
            await cluster.set("k", "v")
            await cluster.partition([["n1"], ["n2"], ["n3"]])
            for server_id in ("n1", "n2", "n3"):
                await cluster.kill_node(server_id)
                await cluster.start_node(server_id)
            with pytest.raises(Unavailable):
                await cluster.execute([b"GET", b"k"], timeout_s=1.0)
            await cluster.heal()
            assert await cluster.get("k") == b"v"

    run(main())


def test_a_node_that_is_added_during_a_partition_stands_on_the_side_of_the_unnamed() -> None:
    async def main() -> None:
        async with MemoryCluster() as cluster:
            await cluster.partition([["n1", "n2", "n3"]])
            server_id, answer = await cluster.add(timeout_s=0.3)
            assert answer.status is AnswerStatus.TIMEOUT
            status = await cluster.status(server_id)
            assert status is not None
            assert status.current_term == 0
            await cluster.heal()
            await caught_up(cluster, server_id)

    run(main())


@BOTH_KINDS
def test_a_node_whose_disk_fails_stops_and_can_be_started_again(kind: str, tmp_path: Path) -> None:
    """§3.8: it acknowledges nothing more, and trusts only what a restart reads back."""

    async def main() -> None:
        events: list[Event] = []
        cluster = make(kind, data=tmp_path, state="json")
        cluster.observe(events.append)
        async with cluster:
            await cluster.set("k", "v")
            node = others(cluster)[0]
            in_the_way = await saves_fail(tmp_path, node)
            await cluster.set("k", "w")

            async def failed() -> bool:
                return member_of(cluster, node).state is NodeState.FAILED

            await until(failed)
            assert f"{node}.json could not be saved: Is a directory" in member_of(cluster, node).detail
            assert [event.server_id for event in events if event.kind is EventKind.STOPPED] == [node]
            in_the_way.rmdir()
            await cluster.start_node(node)
            await caught_up(cluster, node)

    run(main())

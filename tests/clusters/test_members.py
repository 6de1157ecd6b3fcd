"""Who votes in a whole cluster: learners, several changes in one step, and names that are never given again (ch. 4)."""

import asyncio
from pathlib import Path

import pytest

from tests.clusters.lab import BOTH_KINDS, AnyCluster, caught_up, leader_of, make, others, run, until
from tfraft.clusters.cluster import NodeState
from tfraft.core.requests import Answer, AnswerStatus, RemoveServer, UpdateServer
from tfraft.errors import SettingError
from tfraft.node.status import Event, EventKind, NodeStatus


def names(cluster: AnyCluster) -> list[str]:
    """The nodes of the cluster."""
    return [member.server_id for member in cluster.members]


async def leaders_view(cluster: AnyCluster) -> NodeStatus:
    """What the leader says of the cluster."""
    status = await cluster.status(leader_of(cluster)[0])
    assert status is not None
    return status


@BOTH_KINDS
def test_a_learner_gets_everything_and_has_no_vote_until_it_is_added_again(kind: str) -> None:
    """§4.2.1."""

    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            server_id, answer = await cluster.add(learner=True)
            assert (server_id, answer.status) == ("n4", AnswerStatus.OK)
            await caught_up(cluster, "n4")
            status = await leaders_view(cluster)
            assert (set(status.voters), set(status.learners)) == ({"n1", "n2", "n3"}, {"n4"})
            server_id, answer = await cluster.add("n4")
            assert answer.status is AnswerStatus.OK
            status = await leaders_view(cluster)
            assert (set(status.voters), set(status.learners)) == ({"n1", "n2", "n3", "n4"}, set())

    run(main())


def test_a_learner_can_be_removed() -> None:
    async def main() -> None:
        async with make("memory") as cluster:
            await cluster.add(learner=True)
            assert (await cluster.remove("n4")).status is AnswerStatus.OK
            assert names(cluster) == ["n1", "n2", "n3"]

    run(main())


@BOTH_KINDS
def test_three_nodes_are_replaced_by_three_others_in_one_step(kind: str, tmp_path: Path) -> None:
    """§4.3: by joint consensus; the new ones are started, the old ones stop, and nothing is lost."""

    async def main() -> None:
        async with make(kind, data=tmp_path) as cluster:
            await cluster.set("k", "v")
            answer = await cluster.change(["n4", "n5", "n6"])
            assert answer.status is AnswerStatus.OK
            assert names(cluster) == ["n4", "n5", "n6"]
            assert await cluster.get("k") == b"v"

            async def one_of_them_leads() -> bool:
                return cluster.leader is not None and cluster.leader[0] in ("n4", "n5", "n6")

            await until(one_of_them_leads)
            status = await leaders_view(cluster)
            assert set(status.voters) == {"n4", "n5", "n6"}
            assert (set(status.old_voters), set(status.removed)) == (set(), {"n1", "n2", "n3"})
        async with make(kind, data=tmp_path) as cluster:
            assert names(cluster) == ["n4", "n5", "n6"]
            assert await cluster.get("k") == b"v"

    run(main())


async def settled_change(cluster: AnyCluster, voters: list[str]) -> Answer:
    """Ask for these voters, again while an earlier change is not known to be committed: n3 may have led."""
    async with asyncio.timeout(10.0):
        while True:
            answer = await cluster.change(voters)
            if not answer.reason.startswith("another change is in progress"):
                return answer
            await asyncio.sleep(0.01)


def test_a_change_that_is_refused_leaves_no_new_node_behind(tmp_path: Path) -> None:
    async def main() -> None:
        async with make("memory", data=tmp_path) as cluster:
            await cluster.remove("n3")
            for voters, why in (([], "a cluster needs a voter"), (["n1", "n3", "n4"], "n3 was removed")):
                answer = await settled_change(cluster, voters)
                assert answer.status is AnswerStatus.REFUSED
                assert why in answer.reason
                assert names(cluster) == ["n1", "n2"]
            assert "n4" not in (tmp_path / "cluster.toml").read_text()

    run(main())


def test_a_change_to_those_who_vote_already_changes_nothing() -> None:
    async def main() -> None:
        async with make("memory") as cluster:
            answer = await cluster.change(["n1", "n2", "n3"])
            assert (answer.status, answer.reason) == (AnswerStatus.OK, "these are the voters already")
            assert names(cluster) == ["n1", "n2", "n3"]

    run(main())


def test_a_change_whose_outcome_is_open_ends_no_node() -> None:
    """It may yet happen: then both the old and the new are needed."""

    async def main() -> None:
        async with make("memory") as cluster:
            await cluster.set("k", "v")
            leader, _ = leader_of(cluster)
            await cluster.partition([[leader, *others(cluster)]])
            answer = await cluster.change(["n4", "n5", "n6"], timeout_s=0.3)
            assert answer.status is AnswerStatus.TIMEOUT
            assert names(cluster) == ["n1", "n2", "n3", "n4", "n5", "n6"]
            await cluster.heal()
            assert await cluster.get("k") == b"v"

    run(main())


@BOTH_KINDS
def test_the_name_of_a_node_that_was_removed_is_never_given_again(kind: str, tmp_path: Path) -> None:
    """What it has promised under that name may still count for somebody; also after a restart of the cluster."""

    async def main() -> None:
        async with make(kind, data=tmp_path) as cluster:
            assert (await cluster.add())[0] == "n4"
            assert (await cluster.remove("n4")).status is AnswerStatus.OK
            server_id, answer = await cluster.add("n4")
            assert (server_id, answer.status) == ("n4", AnswerStatus.REFUSED)
            assert answer.reason == "n4 was removed from this cluster: its id is never given again, choose another"
            assert names(cluster) == ["n1", "n2", "n3"]
        async with make(kind, data=tmp_path) as cluster:
            server_id, answer = await cluster.add()
            assert (server_id, answer.status) == ("n5", AnswerStatus.OK), answer.reason

    run(main())


@BOTH_KINDS
def test_a_node_that_was_removed_by_somebody_else_stops_by_itself_and_says_so(kind: str) -> None:
    """§4.2.2: the leader tells it that its removal is committed."""

    async def main() -> None:
        events: list[Event] = []
        cluster = make(kind)
        cluster.observe(events.append)
        async with cluster:
            await cluster.set("k", "v")
            gone = others(cluster)[0]
            await cluster.client.ask(RemoveServer(gone), 10.0)

            async def told() -> bool:
                return (gone, EventKind.REMOVED) in [(event.server_id, event.kind) for event in events]

            await until(told)
            assert (await cluster.remove(gone)).status is AnswerStatus.OK
            assert gone not in names(cluster)

    run(main())


def test_an_address_is_told_to_all() -> None:
    async def main() -> None:
        async with make("memory") as cluster:
            node = others(cluster)[0]
            answer = await cluster.ask(UpdateServer(node, node))
            assert (answer.status, answer.reason) == (AnswerStatus.OK, f"{node} is at {node} already")
            assert (await cluster.ask(UpdateServer(node, "elsewhere"))).status is AnswerStatus.OK
            assert (await leaders_view(cluster)).voters[node] == "elsewhere"
            answer = await cluster.ask(UpdateServer("n9", "x"))
            assert (answer.status, answer.reason) == (AnswerStatus.REFUSED, "n9 is not a member")

    run(main())


def test_a_change_that_names_a_node_which_does_not_run_waits_for_it() -> None:
    """Who is to vote must be there to be caught up; a voter that is stopped keeps its vote."""

    async def main() -> None:
        async with make("memory", 5) as cluster:
            stopped = others(cluster)[0]
            await cluster.stop_node(stopped)
            answer = await cluster.change([one for one in names(cluster) if one != others(cluster)[-1]])
            assert answer.status is AnswerStatus.OK
            assert len(names(cluster)) == 4
            assert {one.server_id: one.state for one in cluster.members}[stopped] is NodeState.STOPPED

    run(main())


@pytest.mark.parametrize("name", ["", "../n1", "n 1"])
def test_a_name_that_cannot_name_a_file_is_refused_where_data_are_kept(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with make("memory", data=tmp_path) as cluster:
            if name:
                with pytest.raises(SettingError):
                    await cluster.add(name)
            with pytest.raises(SettingError):
                await cluster.change(["n1", "n2", name])
            assert names(cluster) == ["n1", "n2", "n3"]

    run(main())

"""A cluster whose nodes run by themselves: found from any address, used, looked into, and followed as it changes."""

import pytest

from tests.clusters.hosted import Hosted
from tests.clusters.lab import run, until
from tfraft.adapters.network.admin import AdminClient
from tfraft.adapters.network.links import LinkFaults
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.joining import find_cluster
from tfraft.clusters.remote import RemoteCluster
from tfraft.clusters.survey import Survey
from tfraft.core.requests import AddServer, AnswerStatus, Consistency, TransferLeadership
from tfraft.errors import SettingError, Unavailable
from tfraft.node.status import Event, EventKind


async def leads(cluster: RemoteCluster, name: str) -> None:
    async def known() -> bool:
        return cluster.leader is not None and cluster.leader[0] == name

    await until(known)


def test_one_address_is_enough_to_find_all_members_and_to_use_them() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n10") as hosted:
            leader = await hosted.leader()
            async with RemoteCluster([hosted.address("n2")]) as cluster:
                assert [member.server_id for member in cluster.members] == ["n1", "n2", "n10"]
                assert all(member.state is NodeState.RUNNING for member in cluster.members)
                assert cluster.leader == (leader, hosted.nodes[leader].status().current_term)
                await cluster.set("a", "1")
                assert await cluster.get("a") == b"1"
                status = await cluster.status("n10")
                assert status is not None
                assert status.server_id == "n10"
                assert [entry.kind for entry in await cluster.log(leader, 1, 1)] == ["no-op"]
                assert cluster.info.kind == "remote"

    run(main())


def test_an_address_at_which_nobody_answers_does_no_harm_beside_one_at_which_somebody_does() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            async with RemoteCluster([hosted.address("nobody"), hosted.address("n1")]) as cluster:
                await cluster.set("a", "1")

    run(main())


def test_where_nobody_answers_the_addresses_are_named() -> None:
    async def main() -> None:
        async with Hosted() as hosted:
            nobody = hosted.address("n1"), hosted.address("n2")
            with pytest.raises(Unavailable, match=f"no server answers at {nobody[0]}, {nobody[1]}"):
                async with RemoteCluster(nobody):
                    pass
            with pytest.raises(SettingError, match="none is given"):
                RemoteCluster([])

    run(main())


def test_a_server_that_waits_to_be_contacted_is_no_cluster() -> None:
    async def main() -> None:
        async with Hosted() as hosted:
            await hosted.start("n1")
            with pytest.raises(Unavailable, match="n1 answers, but has not heard of its cluster yet"):
                async with RemoteCluster(hosted.addresses):
                    pass

    run(main())


def test_a_cluster_that_was_not_entered_says_so() -> None:
    async def main() -> None:
        with pytest.raises(SettingError, match="use it in `async with`"):
            await RemoteCluster(["127.0.0.1:1"]).execute([b"DBSIZE"])

    run(main())


def test_it_follows_the_leadership_and_tells_who_does_not_answer_any_more() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            events: list[Event] = []
            other = next(name for name in hosted.nodes if name != leader)
            cluster = RemoteCluster([hosted.address(other)])
            cluster.observe(events.append)
            async with cluster:
                await cluster.set("a", "1")
                await hosted.stop(leader)
                await leads(cluster, await hosted.leader())
                assert await cluster.get("a") == b"1"
                assert await cluster.status(leader) is None

                async def is_missed() -> bool:
                    states = {member.server_id: member for member in cluster.members}
                    return states[leader].state is NodeState.FAILED and "no answer at" in states[leader].detail

                await until(is_missed)
                await hosted.start(leader)

                async def is_back() -> bool:
                    return all(member.state is NodeState.RUNNING for member in cluster.members)

                await until(is_back)
            kinds = [event.kind for event in events if event.server_id != leader]
            assert EventKind.LEADER in kinds
            assert [event.server_id for event in events if event.kind is EventKind.STARTED].count(other) == 1

    run(main())


def test_without_a_quorum_an_error_names_who_cannot_be_reached() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            await hosted.leader()
            async with RemoteCluster(hosted.addresses) as cluster:
                await hosted.stop("n2")
                await hosted.stop("n3")

                async def is_known() -> bool:
                    return sum(member.state is NodeState.FAILED for member in cluster.members) == 2

                await until(is_known)
                with pytest.raises(Unavailable, match="n2 n3 cannot be reached, 1 of 3 left"):
                    await cluster.execute([b"GET", b"a"], timeout_s=0.3)

                async def leads_no_more() -> bool:
                    return cluster.leader is None

                await until(leads_no_more)

    run(main())


def test_a_learner_gets_its_vote_and_a_member_leaves() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2") as hosted:
            await hosted.leader()
            await hosted.start("n3")
            async with RemoteCluster(hosted.addresses[:1]) as cluster:
                learner = AddServer("n3", hosted.address("n3"), learner=True)
                assert (await cluster.ask(learner)).status is AnswerStatus.OK
                assert [member.server_id for member in cluster.members] == ["n1", "n2", "n3"]
                assert (await cluster.add("n3"))[1].status is AnswerStatus.OK
                leader = await cluster.status(await hosted.leader())
                assert leader is not None
                assert set(leader.voters) == {"n1", "n2", "n3"}
                assert (await cluster.change(["n1", "n2"])).status is AnswerStatus.OK
                assert [member.server_id for member in cluster.members] == ["n1", "n2"]

    run(main())


def test_leadership_passes_on_when_it_is_asked_for_and_a_member_leaves() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            follower = next(name for name in hosted.nodes if name != leader)
            async with RemoteCluster(hosted.addresses) as cluster:
                assert (await cluster.ask(TransferLeadership(follower))).status is AnswerStatus.OK
                await leads(cluster, follower)
                assert (await cluster.remove(leader)).status is AnswerStatus.OK
                assert leader not in [member.server_id for member in cluster.members]
                assert await cluster.execute([b"DBSIZE"], 5.0, Consistency.STALE, 60.0) == b":0\r\n"

    run(main())


def test_what_needs_the_processes_themselves_is_refused_with_what_to_do_instead() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            async with RemoteCluster(hosted.addresses) as cluster:
                for refused, told in [
                    (cluster.stop_node("n1"), "not ours to stop n1. Send SIGTERM"),
                    (cluster.kill_node("n1"), "not ours to kill n1. Send SIGKILL"),
                    (cluster.start_node("n1"), "not ours to start n1. Start it there: tf-raft serve --id n1"),
                    (cluster.partition([["n1"]]), "not ours to cut the network"),
                    (cluster.heal(), "not ours to mend the network"),
                    (cluster.slow("n1", 1.0), "not ours to slow the network down"),
                    (cluster.add("n9"), f"tf-raft serve --id n9 --join {hosted.address('n1')} --data-dir DIR"),
                    (cluster.add(), "joins by itself"),
                    (cluster.change(["n1", "n9"]), "n9 is not in the cluster"),
                    (cluster.status("n9"), "there is no node n9; the nodes are n1"),
                    (cluster.remove("n9"), "there is no node n9"),
                ]:
                    with pytest.raises(SettingError, match=told):
                        await refused

    run(main())


def test_nobody_breaks_the_links_of_a_node_that_runs_by_itself() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            admin = AdminClient(hosted.address("n1"))
            with pytest.raises(Unavailable, match="not to be broken on purpose"):
                await admin.links(LinkFaults(blocked=("n2",)))
            await admin.close()

    run(main())


def fail(event: Event) -> None:
    raise RuntimeError("no eyes")


def test_an_observer_that_fails_keeps_nobody_from_hearing() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            events: list[Event] = []
            cluster = RemoteCluster(hosted.addresses)
            cluster.observe(fail)
            cluster.observe(events.append)
            async with cluster:

                async def heard() -> bool:
                    return bool(events)

                await until(heard)

    run(main())


def test_a_server_is_reached_at_the_address_that_was_given_rather_than_at_that_which_it_advertises() -> None:
    """A proxy may stand between it and us."""

    async def main() -> None:
        async with Hosted("n1", "n2") as hosted:
            await hosted.leader()
            port = hosted.address("n1").rpartition(":")[2]
            survey = Survey([f"localhost:{port}"])
            picture = await survey.look()
            await survey.close()
            assert picture.addresses == {"n1": f"localhost:{port}", "n2": hosted.address("n2")}
            assert set(picture.statuses) == {"n1", "n2"}

    run(main())


def test_the_cluster_behind_an_address_is_found_by_way_of_its_leader() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2") as hosted:
            leader = await hosted.leader()
            follower = next(name for name in hosted.nodes if name != leader)
            assert await find_cluster([hosted.address(follower)], "n3") == "c" * 32
            with pytest.raises(SettingError, match="n2 is a member already; if its data are lost, remove n2 and join"):
                await find_cluster([hosted.address(follower)], "n2")

    run(main())

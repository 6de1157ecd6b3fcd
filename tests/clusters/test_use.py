"""A ready-made cluster of either kind, used as it is meant to be: commands, and what nodes may do meanwhile."""

import asyncio
from pathlib import Path

import pytest

from tests.clusters.lab import BOTH_KINDS, caught_up, leader_after, leader_of, make, others, run
from tfraft.clusters.cluster import NodeState
from tfraft.core.requests import AnswerStatus, RemoveServer
from tfraft.errors import CommandError, OutcomeUnknown, SettingError, Unavailable
from tfraft.node.status import Event, EventKind
from tfraft.store.replies import Simple, parse


@BOTH_KINDS
def test_the_nine_commands_give_what_the_store_answers(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("greeting", "hello “world”: a b")
            assert await cluster.get("greeting") == "hello “world”: a b".encode()
            await cluster.set(b"\x00\xff", b"")
            assert await cluster.get(b"\x00\xff") == b""
            assert await cluster.get("Greeting") is None
            assert await cluster.hset("user", {"name": "Ada", "site": "https://a.b/c"}) == 2
            assert await cluster.hget("user", "site") == b"https://a.b/c"
            assert await cluster.hget("user", "age") is None
            assert await cluster.hdel("user", "name", "age") == 1
            assert await cluster.sset("colours", "red", "Green", "red") == 2
            assert await cluster.shas("colours", "Green") is True
            assert await cluster.shas("colours", "green") is False
            assert await cluster.sdel("colours", "red", "blue") == 1
            assert await cluster.delete("user", "colours", "nothing") == 2
            assert parse(await cluster.execute([b"type", b"greeting"])) == Simple("string")

    run(main())


@BOTH_KINDS
def test_a_type_conflict_is_an_error_and_changes_nothing(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            with pytest.raises(CommandError, match="WRONGTYPE"):
                await cluster.hset("k", {"a": "b"})
            assert await cluster.get("k") == b"v"
            await caught_up(cluster, "n1", "n2", "n3")

    run(main())


@BOTH_KINDS
def test_it_says_what_it_is_who_its_nodes_are_and_who_leads(kind: str) -> None:
    async def main() -> None:
        events: list[Event] = []
        cluster = make(kind)
        cluster.observe(events.append)
        async with cluster:
            assert cluster.info.kind == {"memory": "memory", "tcp": "TCP"}[kind]
            assert cluster.info.data_dir is None
            assert [member.server_id for member in cluster.members] == ["n1", "n2", "n3"]
            assert {member.state for member in cluster.members} == {NodeState.RUNNING}
            assert len({member.address for member in cluster.members}) == 3
            leader, term = leader_of(cluster)
            status = await cluster.status(leader)
            assert status is not None
            assert (status.server_id, status.role, status.current_term) == (leader, "leader", term)
            assert set(status.voters) == {"n1", "n2", "n3"}
            await cluster.set("k", "v")
            entries = await cluster.log(leader, 1, 99)
            assert [entry.kind for entry in entries] == ["no-op", "session", "command"]
        elected = [event for event in events if event.kind is EventKind.LEADER]
        assert (elected[-1].server_id, elected[-1].term) == (leader, term)
        stopped = [event.server_id for event in events if event.kind is EventKind.STOPPED]
        assert sorted(stopped) == ["n1", "n2", "n3"]

    run(main())


@BOTH_KINDS
def test_after_the_leader_is_killed_the_next_write_is_answered_and_it_comes_back_with_its_state(kind: str) -> None:
    """§5.4: the cluster works while a majority does; a server that restarts takes part again (§3.8)."""

    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("before", "1")
            old, old_term = leader_of(cluster)
            await cluster.kill_node(old)
            assert cluster.leader is None
            assert await cluster.status(old) is None
            await cluster.set("after", "2")
            assert await cluster.get("before") == b"1"
            assert await leader_after(cluster, old_term) != old
            await cluster.start_node(old)
            await caught_up(cluster, old)
            entries = await cluster.log(old, 1, 99)
            assert sum(entry.kind == "command" for entry in entries) == 2

    run(main())


@BOTH_KINDS
def test_nodes_that_were_all_stopped_or_killed_give_everything_back(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            await cluster.stop_node("n1")
            await cluster.kill_node("n2")
            await cluster.stop_node("n3")
            with pytest.raises(Unavailable, match="n1 n2 n3 not running"):
                await cluster.execute([b"GET", b"k"], timeout_s=0.2)
            for server_id in ("n1", "n2", "n3"):
                await cluster.start_node(server_id)
            assert await cluster.get("k") == b"v"

    run(main())


@BOTH_KINDS
def test_a_node_that_is_added_gets_all_entries_and_a_vote(kind: str) -> None:
    """§4.2.1."""

    async def main() -> None:
        async with make(kind) as cluster:
            for number in range(20):
                await cluster.set(f"k{number}", "v")
            server_id, answer = await cluster.add()
            assert (server_id, answer.status) == ("n4", AnswerStatus.OK)
            await caught_up(cluster, "n4")
            status = await cluster.status("n4")
            assert status is not None
            assert set(status.voters) == {"n1", "n2", "n3", "n4"}
            # Of four three are a quorum, so n4 must count now.
            await cluster.kill_node(next(name for name in others(cluster) if name != "n4"))
            await cluster.set("last", "v")
            _, again = await cluster.add("n4")
            assert again.status is AnswerStatus.OK

    run(main())


@BOTH_KINDS
def test_the_leader_can_be_removed_and_the_others_go_on(kind: str) -> None:
    """§4.2.2."""

    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            old, term = leader_of(cluster)
            answer = await cluster.remove(old)
            assert answer.status is AnswerStatus.OK
            assert old not in [member.server_id for member in cluster.members]
            assert await cluster.get("k") == b"v"
            status = await cluster.status(await leader_after(cluster, term))
            assert status is not None
            assert old not in status.voters
            with pytest.raises(SettingError, match=f"there is no node {old}"):
                await cluster.stop_node(old)

    run(main())


@BOTH_KINDS
def test_a_leader_that_is_cut_off_is_replaced_and_follows_after_the_network_is_healed(kind: str) -> None:
    """§6.2, §3.6.1: the minority cannot commit, and what it held alone is replaced."""

    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "old")
            old, term = leader_of(cluster)
            await cluster.partition([[old]])
            assert await leader_after(cluster, term) != old
            await cluster.set("k", "new")
            await cluster.heal()
            await caught_up(cluster, "n1", "n2", "n3")
            assert await cluster.get("k") == b"new"

    run(main())


@BOTH_KINDS
def test_without_a_quorum_a_request_ends_in_time_and_says_who_is_missing(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            gone = others(cluster)
            for server_id in gone:
                await cluster.kill_node(server_id)
            missing = rf"no answer in 0\.3 s: {' '.join(gone)} not running, 1 of 3 left: no quorum, which is 2"
            with pytest.raises((OutcomeUnknown, Unavailable), match=missing):
                await cluster.execute([b"SET", b"k", b"w"], timeout_s=0.3)
            with pytest.raises(Unavailable, match=missing):
                await cluster.execute([b"GET", b"k"], timeout_s=0.3)
            await cluster.start_node(gone[0])
            assert await cluster.get("k") in (b"v", b"w")

    run(main())


@BOTH_KINDS
def test_a_partition_without_a_majority_on_any_side_is_named_in_the_error(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.partition([["n1"], ["n2"]])
            with pytest.raises(Unavailable, match=r"the network is cut: n1 \| n2"):
                await cluster.execute([b"GET", b"k"], timeout_s=0.3)
            await cluster.heal()
            await cluster.set("k", "v")

    run(main())


@BOTH_KINDS
def test_a_slow_node_makes_the_others_no_slower_and_a_slow_leader_does(kind: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with make(kind) as cluster:
            leader, _ = leader_of(cluster)
            # Below the election timeout, so that nobody is elected because of it.
            await cluster.slow(leader, 0.06)
            started = loop.time()
            await cluster.set("k", "v")
            assert loop.time() - started > 0.1
            await cluster.heal()
            delay_s = 60.0
            await cluster.slow(others(cluster)[0], delay_s)
            started = loop.time()
            await cluster.set("k", "w")
            assert loop.time() - started < delay_s

    run(main())


@BOTH_KINDS
def test_two_clusters_in_one_process_do_not_see_each_other(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as one, make("memory") as other:
            await one.set("k", "one")
            await other.set("k", "other")
            assert await one.get("k") == b"one"
            await one.delete("k")
            assert await other.get("k") == b"other"

    run(main())


@BOTH_KINDS
def test_a_cancelled_request_leaves_the_cluster_usable(kind: str) -> None:
    async def main() -> None:
        async with make(kind) as cluster:
            waiting = asyncio.create_task(cluster.set("k", "v"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await cluster.set("k", "w")
            assert await cluster.get("k") == b"w"

    run(main())


@BOTH_KINDS
def test_data_are_there_again_after_the_cluster_was_stopped(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with make(kind, data=tmp_path / "demo") as cluster:
            assert cluster.info.data_dir == str(tmp_path / "demo")
            await cluster.set("k", "v")
            await cluster.add()
            addresses = [member.address for member in cluster.members]
        async with make(kind, data=tmp_path / "demo") as cluster:
            assert await cluster.get("k") == b"v"
            assert [member.address for member in cluster.members] == addresses

    run(main())


@BOTH_KINDS
def test_a_second_removal_of_a_node_without_a_vote_only_ends_it(kind: str) -> None:
    """The answer to the first may have been lost."""

    async def main() -> None:
        async with make(kind, 4) as cluster:
            gone = others(cluster)[0]
            await cluster.client.ask(RemoveServer(gone), 10.0)
            answer = await cluster.remove(gone)
            assert answer.status is AnswerStatus.OK
            assert len(cluster.members) == 3

    run(main())

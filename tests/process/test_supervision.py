"""Nodes as processes: how they are started, watched and ended, and where they listen."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.clusters.lab import caught_up, leader_of, others, run, saves_fail, until
from tests.process.lab import children_of, is_alive
from tfraft.adapters.network.links import LinkFaults
from tfraft.clusters import supervisor
from tfraft.clusters.cluster import Member, NodeState
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.ports import HOST
from tfraft.clusters.processes import TcpCluster
from tfraft.clusters.spec import FirstWord, NodeSpec
from tfraft.core.config import RaftConfig
from tfraft.core.requests import AnswerStatus
from tfraft.errors import CorruptState, SettingError, Unavailable
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind

pytestmark = pytest.mark.process


def member_of(cluster: TcpCluster, server_id: str) -> Member:
    return next(member for member in cluster.members if member.server_id == server_id)


async def failed(cluster: TcpCluster, server_id: str) -> None:
    async def is_failed() -> bool:
        return member_of(cluster, server_id).state is NodeState.FAILED

    await until(is_failed)


def stranger_at(address: str) -> socket.socket:
    """Somebody else who listens at `address`."""
    stranger = socket.socket()
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    stranger.bind((HOST, int(address.rpartition(":")[2])))
    stranger.listen()
    return stranger


def test_fifteen_nodes_work() -> None:
    async def main() -> None:
        async with TcpCluster(15) as cluster:
            await cluster.set("k", "v")
            assert await cluster.get("k") == b"v"
            await caught_up(cluster)
            assert len(set(cluster.pids.values())) == 15

    run(main())


def test_a_process_that_ends_by_itself_is_failed_with_the_reason_and_can_be_started_again() -> None:
    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3) as cluster:
            cluster.observe(events.append)
            leader, term = leader_of(cluster)
            os.kill(cluster.pids[leader], signal.SIGKILL)
            await failed(cluster, leader)
            assert member_of(cluster, leader).detail == "ended by signal 9 (Killed)"
            assert [event.server_id for event in events if event.kind is EventKind.STOPPED] == [leader]
            assert leader not in cluster.pids
            await cluster.set("k", "v")
            await cluster.start_node(leader)
            await caught_up(cluster, leader)
            assert leader_of(cluster)[1] > term

            async def told() -> bool:
                return any(event.kind is EventKind.FOLLOWER and event.server_id == leader for event in events)

            await until(told)
            assert [event.server_id for event in events if event.kind is EventKind.STARTED] == [leader]

    run(main())


def test_sigterm_ends_a_node_in_good_order() -> None:
    async def main() -> None:
        async with TcpCluster(3) as cluster:
            node = others(cluster)[0]
            os.kill(cluster.pids[node], signal.SIGTERM)
            await failed(cluster, node)
            assert member_of(cluster, node).detail == "it ended with exit code 0"

    run(main())


def test_a_node_that_does_not_answer_has_no_status_and_is_killed_all_the_same() -> None:
    async def main() -> None:
        async with TcpCluster(3) as cluster:
            node = others(cluster)[0]
            pid = cluster.pids[node]
            os.kill(pid, signal.SIGSTOP)
            assert await cluster.status(node) is None
            with pytest.raises(Unavailable):
                await cluster.slow(node, 0.1)
            await cluster.kill_node(node)
            assert not is_alive(pid)

    run(main())


def test_a_node_that_does_not_stop_in_good_order_is_killed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with TcpCluster(3) as cluster:
            node = others(cluster)[0]
            pid = cluster.pids[node]
            os.kill(pid, signal.SIGSTOP)
            monkeypatch.setattr(supervisor, "STOP_PATIENCE_S", 0.1)
            await cluster.stop_node(node)
            assert not is_alive(pid)

    run(main())


@pytest.mark.parametrize(
    ("program", "patience_s", "why"),
    [
        ("echo 'no module named tfraft' >&2; exit 3", 60.0, r"n\d ended before it was ready: no module named tfraft"),
        ("exit 3", 60.0, r"n\d ended before it was ready: it ended with exit code 3"),
        ("exec sleep 600", 0.2, r"n\d was not ready after 0\.2 s"),
    ],
)
def test_a_process_that_cannot_become_a_node_is_an_error_and_nothing_is_left(
    program: str, patience_s: float, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{program}\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    monkeypatch.setattr(supervisor, "START_PATIENCE_S", patience_s)

    async def main() -> None:
        with pytest.raises(Unavailable, match=why):
            async with TcpCluster(3):
                pass

    before = children_of(os.getpid())
    run(main())
    assert children_of(os.getpid()) == before


def test_a_log_that_has_grown_too_large_begins_anew_and_an_old_line_is_not_taken_for_the_last(tmp_path: Path) -> None:
    log = supervisor.Log(tmp_path / "n1.log")
    assert log.last_line() == ""
    log.file.write_text("of an earlier run\n")
    with log.opened() as file:
        assert log.last_line() == ""
        file.write(b"x" * supervisor.MAX_LOG_BYTES + b"\nof this run\n\n")
    assert log.last_line() == "of this run"
    with log.opened():
        assert log.file.stat().st_size == 0


def test_what_nodes_write_to_standard_error_goes_to_their_log_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main() -> str:
        async with TcpCluster(3, data=tmp_path, state="json") as cluster:
            node = others(cluster)[0]
            in_the_way = await saves_fail(tmp_path, node)
            await cluster.set("k", "v")
            await failed(cluster, node)
            in_the_way.rmdir()
            return node

    node = run(main())
    assert f"{node}.json could not be saved" in (tmp_path / f"{node}.log").read_text().splitlines()[-1]
    assert capfd.readouterr() == ("", "")


def test_a_node_whose_port_was_taken_meanwhile_says_so_and_can_be_started_later() -> None:
    async def main() -> None:
        async with TcpCluster(3) as cluster:
            node = others(cluster)[0]
            address = member_of(cluster, node).address
            await cluster.kill_node(node)
            with stranger_at(address), pytest.raises(SettingError, match=f"cannot listen on {address}"):
                await cluster.start_node(node)
            assert member_of(cluster, node).state is NodeState.KILLED
            await cluster.start_node(node)
            await caught_up(cluster, node)

    run(main())


def test_a_cluster_whose_port_is_taken_at_its_next_start_moves_the_node_and_remembers_it(tmp_path: Path) -> None:
    """The address in the log is an old one then: the nodes are told where the others are now."""

    async def first() -> list[str]:
        async with TcpCluster(3, data=tmp_path) as cluster:
            await cluster.set("k", "v")
            return [member.address for member in cluster.members]

    async def again(expected: list[str | None], remarks: int) -> list[str]:
        async with TcpCluster(data=tmp_path) as cluster:
            addresses = [member.address for member in cluster.members]
            assert all(wanted in (None, address) for wanted, address in zip(expected, addresses, strict=True))
            assert len([remark for remark in cluster.info.remarks if "is in use by pid" in remark]) == remarks
            assert await cluster.get("k") == b"v"
            await caught_up(cluster)
            return addresses

    addresses = run(first())
    with stranger_at(addresses[1]):
        moved = run(again([addresses[0], None, addresses[2]], remarks=1))
    assert moved[1] != addresses[1]
    assert moved[1] in (tmp_path / "cluster.toml").read_text()
    assert run(again([*moved], remarks=0)) == moved


def test_with_the_state_in_memory_a_node_that_ends_must_be_replaced() -> None:
    async def main() -> None:
        async with TcpCluster(3, state="memory") as cluster:
            await cluster.set("k", "v")
            await cluster.kill_node("n1")
            with pytest.raises(CorruptState, match="it was kept in the memory of its process"):
                await cluster.start_node("n1")
            assert (await cluster.remove("n1")).status is AnswerStatus.OK
            assert (await cluster.add())[1].status is AnswerStatus.OK
            assert await cluster.get("k") == b"v"

    run(main())


def test_two_clusters_of_processes_start_at_the_same_time_on_ports_of_their_own() -> None:
    async def main() -> None:
        async with TcpCluster(3) as one, TcpCluster(3) as other:
            addresses = {member.address for cluster in (one, other) for member in cluster.members}
            assert len(addresses) == 6
            await one.set("k", "one")
            assert await other.get("k") is None

    run(main())


def test_a_node_ends_when_the_pipe_on_which_it_waits_is_closed_though_its_parent_lives(tmp_path: Path) -> None:
    """A program may drop its cluster without a word and go on."""
    spec = NodeSpec(
        server_id="n1",
        address=f"{HOST}:0",
        parent=os.getpid(),
        directory=str(tmp_path),
        cluster_id="",
        state=StateKind.JSON,
        config=RaftConfig(),
        settings=NodeSettings(),
        founders={"n1": ""},
        book={},
        faults=LinkFaults(),
    )
    command = [sys.executable, "-m", "tfraft.clusters.process", spec.encode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        assert FirstWord.decode(node.stdout.readline()) == FirstWord()
        node.stdin.close()
        assert node.wait(DEADLINE_S) == 0

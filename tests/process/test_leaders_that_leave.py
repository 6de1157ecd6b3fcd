"""A leader that is told to go, that stands still, or whose disk does: writes go on, and none is lost (§3.10, §6.2)."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adapters.network.recorder import eventually
from tests.clusters.lab import leader_after, run
from tests.process.accounts import accounts, acknowledged, detail_of, failed, failures, leader_now, settled, under_load
from tfraft.adapters.network.admin import AdminClient
from tfraft.adapters.network.grpc import connect
from tfraft.client.routing import ClusterClient
from tfraft.clusters.processes import TcpCluster
from tfraft.core.requests import Consistency
from tfraft.node.status import Event, EventKind

pytestmark = pytest.mark.process

WRITERS = 16


def test_sigterm_of_the_leader_under_load_costs_no_write() -> None:
    """§3.10: it hands over first, and answers what it was asked before it ends."""

    async def main() -> None:
        async with TcpCluster(3) as cluster, accounts(cluster, WRITERS) as writers:
            async with under_load(writers):
                for _ in range(3):
                    await acknowledged(writers, 200)
                    leader, term = await leader_now(cluster)
                    os.kill(cluster.pids[leader], signal.SIGTERM)
                    await failed(cluster, leader)
                    assert detail_of(cluster, leader) == "it ended with exit code 0"
                    await leader_after(cluster, term)
                    await cluster.start_node(leader)
                    await caught_up_under_load(cluster, leader)
            assert failures(writers) == []
            await settled(cluster, writers)

    run(main())


async def caught_up_under_load(cluster: TcpCluster, server_id: str) -> None:
    """Return once this node has all that was committed when this began."""
    leader, _ = await leader_now(cluster)
    status = await cluster.status(leader)
    assert status is not None
    goal = status.commit_index
    admin = AdminClient(next(one.address for one in cluster.members if one.server_id == server_id))
    try:
        applied = 0
        while applied < goal:
            applied = (await admin.status(timeout_s=10)).last_applied
    finally:
        await admin.close()


def test_a_leader_that_stood_still_leads_no_more_loses_no_write_and_gives_no_stale_answer() -> None:
    """§6.4: when it wakes it still believes that it leads; what it is asked then it must not answer by itself."""

    async def main() -> None:
        async with TcpCluster(3) as cluster, accounts(cluster, 4) as writers:
            leader, term = await leader_now(cluster)
            address = next(member.address for member in cluster.members if member.server_id == leader)
            alone = ClusterClient(connect, {leader: address})
            await cluster.set("k", "old")
            async with under_load(writers):
                os.kill(cluster.pids[leader], signal.SIGSTOP)
                await leader_after(cluster, term)
                await cluster.set("k", "new")
                # Reads that wait at its door when it wakes up: of every kind that promises to miss nothing.
                kinds = [Consistency.LINEARIZABLE, Consistency.LEASE, Consistency.FOLLOWER]
                async with asyncio.TaskGroup() as group:
                    reads = [group.create_task(alone.execute([b"GET", b"k"], 20.0, kind)) for kind in kinds]
                    await acknowledged(writers, 200)
                    os.kill(cluster.pids[leader], signal.SIGCONT)
                assert [read.result() for read in reads] == [b"$3\r\nnew\r\n"] * 3
            await alone.close()
            await settled(cluster, writers)

    run(main())


def may_trace() -> bool:
    """Whether strace is here, and may look into processes that it has not started."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if shutil.which("strace") is None or (os.geteuid() != 0 and scope.exists() and scope.read_text() != "0\n"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def stalled_disk(pid: int, directory: Path) -> Iterator[None]:
    """Within the block no sync of this process comes to its end."""
    log = directory / "strace"
    command = ["strace", "-f", "-o", str(log), "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=60s"]
    with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        try:
            first = strace.stderr.readline()
            assert "attached" in first, first
            yield
        finally:
            strace.terminate()


def test_a_leader_whose_disk_hangs_gives_leadership_up_and_writes_go_on(tmp_path: Path) -> None:
    """§6.2: it sends heartbeats as ever, but commits nothing of its own, and holds up who waits for it."""
    if not may_trace():
        pytest.skip("it needs strace, which makes a disk slow, and the right to trace")

    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3) as cluster, accounts(cluster, 4) as writers:
            cluster.observe(events.append)
            leader, term = await leader_now(cluster)
            async with under_load(writers):
                await acknowledged(writers, 100)
                with stalled_disk(cluster.pids[leader], tmp_path):
                    await eventually(lambda: any(steps_down(event, leader) for event in events))
                    await leader_after(cluster, term)
                    await acknowledged(writers, 100)
            await settled(cluster, writers)

    run(main())


def steps_down(event: Event, leader: str) -> bool:
    return event.server_id == leader and event.kind is EventKind.FOLLOWER and "its disk hangs" in event.text

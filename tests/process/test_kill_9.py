"""kill -9 of node processes under writes: every write that was acknowledged is read back (§3.8)."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters.lab import leader_of, run, until
from tests.process.lab import Writer, children_of, kill_9, more_acknowledged, wait_until_gone, writing
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.processes import TcpCluster

pytestmark = pytest.mark.process

ROUNDS = 3
WRITERS = 8


async def all_failed(cluster: TcpCluster, count: int) -> None:
    """Return once the cluster has noticed that so many of its nodes are gone."""

    async def noticed() -> bool:
        return sum(member.state is NodeState.FAILED for member in cluster.members) == count

    await until(noticed)


def test_every_acknowledged_write_survives_kill_9_of_the_leader() -> None:
    async def main() -> None:
        writers = [Writer(f"k{number}") for number in range(WRITERS)]
        async with TcpCluster(3) as cluster:
            with writing(cluster, writers):
                for _ in range(ROUNDS):
                    await more_acknowledged(writers, 100)
                    leader, _ = leader_of(cluster)
                    kill_9([cluster.pids[leader]])
                    await all_failed(cluster, 1)
                    await more_acknowledged(writers, 100)
                    await cluster.start_node(leader)
            for writer in writers:
                await writer.check(cluster)
            assert sum(writer.acknowledged for writer in writers) >= ROUNDS * 200

    run(main())


def test_every_acknowledged_write_survives_kill_9_of_all_nodes_at_once() -> None:
    async def main() -> None:
        writers = [Writer(f"k{number}") for number in range(WRITERS)]
        async with TcpCluster(3) as cluster:
            for _ in range(ROUNDS):
                with writing(cluster, writers):
                    await more_acknowledged(writers, 100)
                    kill_9(cluster.pids.values())
                    await all_failed(cluster, 3)
                for member in cluster.members:
                    assert "signal 9" in member.detail
                    await cluster.start_node(member.server_id)
                for writer in writers:
                    await writer.check(cluster)

    run(main())


PROGRAM = """
import asyncio, sys
from tfraft import TcpCluster

async def main():
    async with TcpCluster(3, data=sys.argv[1]) as cluster:
        number = 0
        while True:
            number += 1
            await cluster.set("k", str(number))
            print(number, flush=True)

asyncio.run(main())
"""


def test_every_acknowledged_write_survives_kill_9_of_the_cluster_with_all_its_nodes(tmp_path: Path) -> None:
    """What a power cut does to the processes, if not to the disk."""
    acknowledged = 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as main:
            assert main.stdout is not None
            for _ in range(50):
                acknowledged = int(main.stdout.readline())
            nodes = children_of(main.pid)
            assert len(nodes) == 3
            kill_9([main.pid, *nodes])
            acknowledged = max([acknowledged, *map(int, main.stdout.read().split())])
        assert main.returncode == -signal.SIGKILL
        wait_until_gone(nodes)

        async def read_back(acknowledged: int) -> None:
            async with TcpCluster(data=tmp_path) as cluster:
                assert int(await cluster.get("k") or 0) in (acknowledged, acknowledged + 1)
                assert await asyncio.gather(*(cluster.get("k") for _ in range(3)))

        run(read_back(acknowledged))

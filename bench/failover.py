"""Kill the leader: how long until the next write is answered?

    python -m bench.failover [times]

Goal: within 1 s in one process, where election timeouts are 150 to 300 ms, and a median within 1 s with processes,
where they are 500 to 1,000 ms. The client of a cluster is told of the end of a node at once; one that comes from
elsewhere finds out by itself.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter

from bench.tables import show, summary
from tfraft import EventKind, MemoryCluster, TcpCluster
from tfraft.adapters.network.grpc import connect
from tfraft.client.routing import ClusterClient

Write = Callable[[list[bytes]], Awaitable[bytes]]


async def kill_9(cluster: TcpCluster, leader: str) -> None:
    """End the process of the leader, and let the cluster find out."""
    os.kill(cluster.pids[leader], signal.SIGKILL)


async def seconds_to_next_write(
    cluster: MemoryCluster | TcpCluster, write: Write, kill: Callable[[str], Awaitable[None]]
) -> float:
    """Kill the leader and write; afterwards another one leads, and the old leader runs again."""
    elected = asyncio.Event()
    ended = asyncio.Event()
    assert cluster.leader is not None
    leader, term = cluster.leader
    cluster.observe(lambda event: elected.set() if event.kind is EventKind.LEADER and event.term > term else None)
    cluster.observe(lambda event: ended.set() if event.kind is EventKind.STOPPED else None)
    # Whoever asks has asked this leader before.
    await write([b"SET", b"before", b"1"])
    began = perf_counter()
    await kill(leader)
    await write([b"SET", b"after", b"1"])
    took_s = perf_counter() - began
    await ended.wait()
    await cluster.start_node(leader)
    await elected.wait()
    return took_s


async def in_one_process(times: int) -> list[float]:
    """Nodes that are objects."""
    async with MemoryCluster(3) as cluster:
        return [await seconds_to_next_write(cluster, cluster.execute, cluster.kill_node) for _ in range(times)]


async def between_processes(times: int) -> list[float]:
    """Nodes that are processes, and the client that their cluster has."""
    async with TcpCluster(3) as cluster:
        return [
            await seconds_to_next_write(cluster, cluster.execute, lambda leader: kill_9(cluster, leader))
            for _ in range(times)
        ]


async def from_elsewhere(times: int) -> list[float]:
    """Nodes that are processes, and a client that knows their addresses and no more."""
    async with TcpCluster(3) as cluster:
        client = ClusterClient(connect, {member.server_id: member.address for member in cluster.members})
        try:
            return [
                await seconds_to_next_write(cluster, client.execute, lambda leader: kill_9(cluster, leader))
                for _ in range(times)
            ]
        finally:
            await client.close()


CLUSTERS: dict[str, Callable[[int], Awaitable[list[float]]]] = {
    "one process": in_one_process,
    "three processes": between_processes,
    "three processes, a client from elsewhere": from_elsewhere,
}


async def main(times: int) -> None:
    """Measure each kind of cluster, and print a table."""
    rows = [[name, *summary(await measure(times), " s")] for name, measure in CLUSTERS.items()]
    show(f"From kill -9 of the leader to the next answered write, {times} times", ["", "median", "90 %", "most"], rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))

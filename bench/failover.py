"""Kill the leader: how long until the next write is answered?

    python -m bench.failover [times]

Goal: within 1 s in one process, where election timeouts are 150 to 300 ms.
"""

import asyncio
import sys
from collections.abc import Callable
from time import perf_counter

from bench.tables import show, summary
from tfraft import EventKind, GrpcCluster, MemoryCluster

CLUSTERS: dict[str, Callable[[], MemoryCluster | GrpcCluster]] = {
    "one process": lambda: MemoryCluster(3),
    "three processes": lambda: GrpcCluster(3),
}


async def seconds_to_next_write(cluster: MemoryCluster | GrpcCluster) -> float:
    """Kill the leader and write; afterwards another one leads, and the old leader runs again."""
    elected = asyncio.Event()
    cluster.observe(lambda event: elected.set() if event.kind is EventKind.LEADER else None)
    assert cluster.leader is not None
    leader, _ = cluster.leader
    began = perf_counter()
    await cluster.kill_node(leader)
    await cluster.set("after", "1")
    took_s = perf_counter() - began
    await cluster.start_node(leader)
    await elected.wait()
    return took_s


async def main(times: int) -> None:
    """Measure each kind of cluster, and print a table."""
    rows = []
    for name, make in CLUSTERS.items():
        async with make() as cluster:
            took_s = [await seconds_to_next_write(cluster) for _ in range(times)]
        rows.append([name, *summary(took_s, " s")])
    show(f"From KILL of the leader to the next answered write, {times} times", ["", "median", "90 %", "most"], rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))

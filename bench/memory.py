"""How much memory a node takes that holds many keys.

    python -m bench.memory [keys]

100,000 keys of 100 bytes each, written by one SET each: the log has them too until it is compacted. `snapshot` is what
is left once a snapshot of all is on disk. The nodes of one process share its memory: the figures are a third of it.
"""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import getpid
from pathlib import Path
from statistics import mean

from bench.tables import show
from tfraft import MemoryCluster, TcpCluster
from tfraft.adapters.network.admin import AdminClient
from tfraft.node.status import NodeStatus

VALUE_BYTES = 100
CALLERS = 64
NODES = 3


def rss_mb(pid: int, field: str = "VmRSS") -> float:
    """How much memory a process has now (`VmRSS`), or had at most (`VmHWM`), in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024 / 1e6


async def fill(cluster: MemoryCluster | TcpCluster, keys: int) -> None:
    """Write all keys, and wait until every node has applied them."""
    numbers = iter(range(keys))

    async def write() -> None:
        for number in numbers:
            await cluster.execute([b"SET", b"key:%d" % number, b"%0*d" % (VALUE_BYTES, number)])

    await asyncio.gather(*(write() for _ in range(CALLERS)))
    while len({status.last_applied for status in await statuses(cluster)}) > 1:  # noqa: ASYNC110 -- elsewhere
        await asyncio.sleep(0.05)


async def statuses(cluster: MemoryCluster | TcpCluster) -> list[NodeStatus]:
    """What the nodes say of themselves."""
    return [status for member in cluster.members if (status := await cluster.status(member.server_id))]


async def between_processes(keys: int) -> list[float]:
    """The mean of three processes: empty, full, after a snapshot, at most."""
    async with TcpCluster(NODES) as cluster:
        await cluster.set("k", "v")
        pids = cluster.pids.values()
        empty = mean(map(rss_mb, pids))
        await fill(cluster, keys)
        full = mean(map(rss_mb, pids))
        for member in cluster.members:
            admin = AdminClient(member.address)
            async for _ in admin.backup():
                pass
            await admin.close()
        return [empty, full, mean(map(rss_mb, pids)), mean(rss_mb(pid, "VmHWM") for pid in pids)]


async def in_one_process(keys: int, state: str) -> list[float]:
    """A third of this process: before there are nodes, full, at most. Nothing was measured in it before."""
    empty = rss_mb(getpid())
    async with MemoryCluster(NODES, state=state) as cluster:
        await fill(cluster, keys)
        full = rss_mb(getpid())
    return [value / NODES for value in (empty, full, float("nan"), rss_mb(getpid(), "VmHWM"))]


def measure_in_one_process(keys: int, state: str) -> list[float]:
    """What a fresh process runs."""
    return asyncio.run(in_one_process(keys, state))


def measure_between_processes(keys: int) -> list[float]:
    """The nodes are fresh processes by themselves."""
    return asyncio.run(between_processes(keys))


CLUSTERS: dict[str, Callable[[int], list[float]]] = {
    "one process, state in memory": partial(measure_in_one_process, state="memory"),
    "three processes, write-ahead log": measure_between_processes,
}


def main(keys: int) -> None:
    """Measure each kind of cluster, and print a table."""
    rows = []
    for name, measure in CLUSTERS.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            empty, full, compacted, most = pool.submit(measure, keys).result()
        cells = ["" if value != value else f"{value:,.0f} MB" for value in (empty, full, compacted, most)]
        rows.append([name, *cells, f"{(full - empty) * 1e6 / keys:,.0f} bytes"])
    columns = ["", "empty", "full", "snapshot", "at most", "for each key"]
    show(f"Memory of each of {NODES} nodes with {keys:,} keys of {VALUE_BYTES} bytes", columns, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)

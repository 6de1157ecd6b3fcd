"""Committed SETs a second from 64 callers at once, each of which waits for its answer before it asks again.

    python -m bench.throughput [seconds]

Goal: 50,000 a second in one process with the state in memory, the median of three runs.
"""

import asyncio
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

from bench.tables import show
from tfraft import MemoryCluster, TcpCluster

CALLERS = 64
RUNS = 3

CLUSTERS: dict[str, Callable[[], MemoryCluster | TcpCluster]] = {
    "one process, state in memory": lambda: MemoryCluster(3),
    "one process, state in JSON files": lambda: MemoryCluster(3, state="json"),
    "three processes, state in memory": lambda: TcpCluster(3, state="memory"),
    "three processes, state in JSON files": lambda: TcpCluster(3),
}


async def sets_per_second(cluster: MemoryCluster | TcpCluster, seconds: float) -> tuple[float, float]:
    """How many SETs were committed a second, and the processor time of this process for each, in microseconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    done = 0

    async def call(number: int) -> None:
        nonlocal done
        command = [b"SET", b"key%d" % number, b"value"]
        while loop.time() < end:
            await cluster.execute(command)
            done += 1

    began, busy = perf_counter(), process_time()
    await asyncio.gather(*(call(number) for number in range(CALLERS)))
    return done / (perf_counter() - began), (process_time() - busy) / done * 1e6


async def main(seconds: float) -> None:
    """Measure each kind of cluster, and print a table."""
    rows = []
    for name, make in CLUSTERS.items():
        rates, costs = [], []
        for _ in range(RUNS):
            async with make() as cluster:
                rate, cost_us = await sets_per_second(cluster, seconds)
            rates.append(rate)
            costs.append(cost_us)
        rows.append([name, f"{median(rates):,.0f}", f"{min(rates):,.0f}", f"{max(rates):,.0f}", f"{median(costs):.1f}"])
    columns = ["cluster of 3", "SET/s", "least", "most", "µs of CPU each"]
    show(f"Committed SETs, {CALLERS} callers, median of {RUNS} runs of {seconds:g} s", columns, rows)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0))

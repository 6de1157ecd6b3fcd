"""Hand leadership over while writes go on: how long does it take, and how long does a write wait for it?

    python -m bench.transfer [times]

Goal: a planned change of leaders costs no failed request and under 50 ms of waiting. A write waits for it that was
under way at some moment of it; the last columns tell how long writes take where nobody hands over.
"""

import asyncio
import sys
from collections.abc import Callable
from time import perf_counter

from bench.tables import percentile, show, summary
from tfraft import EventKind, MemoryCluster, TcpCluster
from tfraft.core.requests import AnswerStatus, TransferLeadership
from tfraft.record import record

WRITERS = 8
BETWEEN_S = 0.2

CLUSTERS: dict[str, Callable[[], MemoryCluster | TcpCluster]] = {
    "one process": lambda: MemoryCluster(3),
    "three processes": lambda: TcpCluster(3),
}


@record
class Span:
    """From when to when something was under way."""

    began: float
    ended: float

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.ended - self.began

    def meets(self, other: "Span") -> bool:
        """Whether there was a moment of both."""
        return self.began < other.ended and other.began < self.ended


async def write(cluster: MemoryCluster | TcpCluster, spans: list[Span]) -> None:
    """Write again and again, as fast as it is answered; one that fails ends all."""
    while True:
        began = perf_counter()
        await cluster.execute([b"SET", b"k", b"v" * 100])
        spans.append(Span(began, perf_counter()))


async def transfer(cluster: MemoryCluster | TcpCluster) -> Span:
    """Let another node lead; it was under way until the new leader was heard of, and whoever asked was answered."""
    elected = asyncio.Event()
    assert cluster.leader is not None
    _, term = cluster.leader
    cluster.observe(lambda event: elected.set() if event.kind is EventKind.LEADER and event.term > term else None)
    began = perf_counter()
    answer = await cluster.ask(TransferLeadership())
    assert answer.status is AnswerStatus.OK, answer
    await elected.wait()
    return Span(began, perf_counter())


async def measure(cluster: MemoryCluster | TcpCluster, times: int) -> tuple[list[Span], list[Span]]:
    """The transfers, and the writes meanwhile."""
    transfers: list[Span] = []
    writes: list[Span] = []
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write(cluster, writes)) for _ in range(WRITERS)]
        for _ in range(times):
            await asyncio.sleep(BETWEEN_S)
            transfers.append(await transfer(cluster))
        await asyncio.sleep(BETWEEN_S)
        for writer in writers:
            writer.cancel()
    return transfers, writes


def row(transfers: list[Span], writes: list[Span]) -> list[str]:
    """The cells of the table."""
    longest = [max(one.took_s for one in writes if one.meets(each)) for each in transfers]
    calm = [one.took_s for one in writes if not any(one.meets(each) for each in transfers)]
    spans = [each.took_s for each in transfers]
    cells = [*in_ms(spans), *in_ms(longest), f"{percentile(calm, 0.99) * 1e3:.3g} ms", f"{max(calm) * 1e3:.3g} ms"]
    return [*cells, f"{len(writes):,}"]


def in_ms(values: list[float]) -> list[str]:
    """Median, 90th percentile and maximum, in milliseconds."""
    return summary([value * 1e3 for value in values], " ms")


async def main(times: int) -> None:
    """Measure each kind of cluster, and print a table."""
    rows = []
    for name, make in CLUSTERS.items():
        async with make() as cluster:
            rows.append([name, *row(*await measure(cluster, times))])
    columns = ["", "transfer", "90 %", "most", "longest wait", "90 %", "most", "else 99 %", "most", "writes"]
    show(f"{times} transfers under the load of {WRITERS} writers; all writes were answered", columns, rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))

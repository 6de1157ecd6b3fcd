"""Real processes for tests: who is whose child, whether one is gone, and writers that note what was acknowledged."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.adapters.network.recorder import DEADLINE_S, eventually
from tests.clusters.lab import AnyCluster
from tfraft.errors import OutcomeUnknown, Unavailable


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for yet does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def children_of(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and (process / "stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(process.name))
    return found


def wait_until_gone(pids: Iterable[int]) -> None:
    """Return once none of these processes runs any more."""
    deadline = time.monotonic() + DEADLINE_S
    while alive := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.02)


def kill_9(pids: Iterable[int]) -> None:
    """End these processes at the same moment, without a word."""
    for pid in list(pids):
        os.kill(pid, signal.SIGKILL)


class Writer:
    """Counts upwards under one key, as fast as it is answered, and notes what was acknowledged."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.sent = 0
        self.acknowledged = 0

    async def run(self, cluster: AnyCluster) -> None:
        """Write until cancelled, whatever happens to the cluster."""
        while True:
            self.sent += 1
            try:
                await cluster.execute([b"SET", self.key.encode(), b"%d" % self.sent], timeout_s=5.0)
                self.acknowledged = self.sent
            except (OutcomeUnknown, Unavailable):
                # A pause, for one that is answered at once because nobody is there would spin.
                await asyncio.sleep(0.01)

    async def check(self, cluster: AnyCluster) -> None:
        """What was acknowledged is there, or what was sent after it."""
        value = int(await cluster.get(self.key) or 0)
        assert self.acknowledged <= value <= self.sent, f"{self.key}: {self.acknowledged} <= {value} <= {self.sent}"


@contextmanager
def writing(cluster: AnyCluster, writers: Iterable[Writer]) -> Iterator[None]:
    """Within the block all `writers` write."""
    tasks = [asyncio.create_task(writer.run(cluster)) for writer in writers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def more_acknowledged(writers: list[Writer], count: int) -> None:
    """Return once so many more writes have been acknowledged."""
    goal = sum(writer.acknowledged for writer in writers) + count
    await eventually(lambda: sum(writer.acknowledged for writer in writers) >= goal)

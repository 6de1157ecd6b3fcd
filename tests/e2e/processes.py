"""The processes of a cluster, seen from outside."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from tfraft.clusters.spec import NodeSpec

PATIENCE_S = 60.0


def node_processes(parent: int) -> dict[str, int]:
    """The process of each node that `parent` has started, by the node's name."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found: dict[str, int] = {}
    for pid in map(int, children):
        arguments = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        if "tfraft.clusters.process" in arguments:
            found[NodeSpec.decode(arguments[-1]).server_id] = pid
    return found


def runs(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds; fails after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.01)


def end(*pids: int, number: int = 9) -> None:
    """Send a signal to processes that a test has started."""
    for pid in pids:
        os.kill(pid, number)

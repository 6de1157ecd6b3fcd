"""The event loop of the processes that run nodes: uvloop's, with a clock that never stands still."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class NodeLoop(uvloop.Loop):
    """uvloop with the time of now. Its own is that of the beginning of a turn, in whole milliseconds: a lease (§6.4.1)
    that has run out during a long turn would still seem to hold."""

    def time(self) -> float:
        return time.monotonic()


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run to its end on such a loop."""
    with asyncio.Runner(loop_factory=NodeLoop) as runner:
        return runner.run(work)

"""When a process that runs a node is to end: at a signal, or because the node cannot or must not go on."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

STOP_PATIENCE_S: Final = 8.0
"""A node that has not stopped after so long, and after a handover, is ended: a disk that hangs must not hold it."""

LATE: Final = 1
"""The exit code of a process that had to be ended so."""


class Ending:
    """Made in the loop of the process: from then on SIGTERM or SIGINT ends it in good order, another SIGINT at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._works: set[asyncio.Task[None]] = set()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal, number)

    async def wanted(self) -> None:
        """Wait for the end, and give up what `also` began. Raises the error that is its cause, if there is one."""
        try:
            await asyncio.wait([self._end])
        finally:
            await _cancel(self._works)
        self._end.result()

    async def unless_wanted(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` gives; None, with the work given up, where the end is wanted before it is done."""
        task = asyncio.create_task(work)
        either: set[asyncio.Future[Any]] = {task, self._end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            await _cancel({task})

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` beside what goes on; where it raises, that is the end."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._on_done)

    def now(self) -> None:
        """End in good order."""
        if not self._end.done():
            self._end.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End because of `error`."""
        if not self._end.done():
            self._end.set_exception(error)

    def limit(self, patience_s: float) -> None:
        """From now on the process has so many seconds to end by itself."""
        signal.signal(signal.SIGALRM, _end_now)
        signal.setitimer(signal.ITIMER_REAL, patience_s)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.fail(error)

    def _on_signal(self, number: signal.Signals) -> None:
        if number is signal.SIGINT and self._end.done():
            # Asked twice: whoever asks does not want to wait.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.now()


def _end_now(number: int, frame: object) -> None:
    """End the process, whatever its threads wait for: what they have not saved was never acknowledged."""
    logger.error("it has not stopped in good order in time, and is ended: see whether the disk answers")
    os._exit(LATE)


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Give these up; afterwards they have ended."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)

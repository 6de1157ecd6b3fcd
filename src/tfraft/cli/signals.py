"""Signals as what they ask for: SIGTERM and SIGHUP end the program in good order, SIGINT stops what is under way."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tfraft.cli.exits import ExitCode

_CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HANGUP,
}


class Signals:
    """Within the block, the first ending signal cancels the task that entered it; `ended_by` then says which it was.

    Those after it are ignored: the nodes are being stopped already."""

    def __init__(self) -> None:
        self.ended_by: ExitCode | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._on_interrupt: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        for number in _CODES:
            self._loop.add_signal_handler(number, self._on_signal, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in _CODES:
            self._loop.remove_signal_handler(number)

    @contextmanager
    def interrupt_calls(self, on_interrupt: Callable[[], object]) -> Iterator[None]:
        """Within the block SIGINT ends nothing but calls `on_interrupt`."""
        outer, self._on_interrupt = self._on_interrupt, on_interrupt
        try:
            yield
        finally:
            self._on_interrupt = outer

    def _on_signal(self, number: signal.Signals) -> None:
        if number is signal.SIGINT and self._on_interrupt is not None:
            self._on_interrupt()
        elif self.ended_by is None and self._task is not None:
            self.ended_by = _CODES[number]
            self._task.cancel()

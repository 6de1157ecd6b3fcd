"""The calls that a gRPC server is busy with, so that it can end them in good order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from grpc import StatusCode

from tfraft.adapters.network.channel import Context


class Calls:
    """Calls under way; a handler does its work inside `finite` or `endless`."""

    def __init__(self) -> None:
        self._finite: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()
        self._at_end: list[Callable[[], None]] = []
        self._ending = False

    def finite(self, context: Context) -> AbstractAsyncContextManager[None]:
        """Around the work for a call that ends by itself, be it because an `at_end` says so."""
        return self._among(self._finite, context)

    def endless(self, context: Context) -> AbstractAsyncContextManager[None]:
        """Around the work for a call that lasts until the other side ends it."""
        return self._among(self._endless, context)

    def at_end(self, act: Callable[[], None]) -> None:
        """Let the server call `act` when it begins to end its calls."""
        self._at_end.append(act)

    async def end(self, grace_s: float) -> None:
        """End the endless calls, give the others `grace_s` to come to their own end, then end those as well.

        What is ended before it has come to its own end is UNAVAILABLE to its caller."""
        self._ending = True
        for act in self._at_end:
            act()
        await _cancel(self._endless)
        if self._finite:
            await asyncio.wait(self._finite, timeout=grace_s)
        await _cancel(self._finite)

    @asynccontextmanager
    async def _among(self, tasks: set[asyncio.Task[Any]], context: Context) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None, "gRPC serves each call in a task of its own"
        tasks.add(task)
        task.add_done_callback(tasks.discard)  # Done means that the answer is sent, not only that it is known.
        try:
            yield
        except asyncio.CancelledError:
            if not self._ending:
                raise
            await context.abort(StatusCode.UNAVAILABLE, "the server stops")


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)

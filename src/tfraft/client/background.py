"""An event loop in a thread of its own, for those who have none."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from tfraft.errors import Unavailable

T = TypeVar("T")

_PATIENCE_S: Final = 1.0
"""How long what still runs at the end has to come to its own."""


class Background:
    """The running loop, to be used from any thread but its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._thread = threading.Thread(target=asyncio.run, args=(self._live(),), name="tf-raft client", daemon=True)
        self._thread.start()
        self._started.wait()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work` gives or raises, which runs there. Raises `Unavailable` after `close`.

        If the thread that waits is interrupted, the work is cancelled."""
        with self._lock:
            if self._closed:
                raise Unavailable("the client is closed")
            future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Run `last`, wait for what is under way, and end the loop and its thread. Closing twice is closing once."""
        with self._lock:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            try:
                if last is not None:
                    asyncio.run_coroutine_threadsafe(last(), self._loop).result()
            finally:
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await self._end.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_PATIENCE_S)

"""A thread of its own for what must not hold up the event loop: one work after the other, in order."""

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class Worker:
    """Does what it is handed on one thread, in order. The thread starts with the first work.

    It ends with `close`; or with the process, or when nobody has the worker any more. A ThreadPoolExecutor makes a
    future for each work, which nobody here waits for: 16 µs for each save, of which a small one has some 100 in all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._works: SimpleQueue[Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        weakref.finalize(self, self._works.put, None)

    def submit(self, work: Work) -> None:
        """Have `work` done, which raises nothing. Not after `close`."""
        assert not self._closed, "work for a thread that has ended"
        if self._thread is None:
            # The thread knows the works alone: if it knew the worker, that would live as long as the thread.
            self._thread = threading.Thread(target=_do_all, args=(self._works,), name=self._name, daemon=True)
            self._thread.start()
        self._works.put(work)

    def close(self) -> None:
        """Wait until all is done that was handed in; afterwards the thread is gone. Closing twice is closing once."""
        self._closed = True
        self._works.put(None)
        if self._thread is not None:
            self._thread.join()


def _do_all(works: "SimpleQueue[Work | None]") -> None:
    """Do all works until None comes."""
    while (work := works.get()) is not None:
        work()

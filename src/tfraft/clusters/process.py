"""One node as a process of the operating system: `python -m tfraft.clusters.process SPEC` (see `spec`).

It prints one line when it is ready, or when it cannot be, and then speaks only to its peers; what else it has to say
goes to standard error. It stops in good order at SIGTERM, and when its standard input ends: then all nodes of the
cluster end, or the process that started them is gone.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tfraft.adapters.state.memory import MemoryDisk
from tfraft.clusters.hosting import Place, start_node
from tfraft.clusters.loops import run
from tfraft.clusters.spec import FirstWord, NodeSpec
from tfraft.clusters.states import storage
from tfraft.core.configuration import Configuration
from tfraft.errors import DataError, SettingError, StorageFailed, TfRaftError
from tfraft.node.status import Event, EventKind

STOP_PATIENCE_S = 8
"""A node that has not stopped after so long is ended by the system: a disk that hangs must not leave an orphan."""

PARENT_CHECK_S = 1.0

EXIT_CODES: dict[type[TfRaftError], int] = {SettingError: 2, DataError: 7, StorageFailed: 1}


def main(arguments: Sequence[str]) -> int:
    """Run one node until it is told to stop; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    spec = NodeSpec.decode(arguments[0])
    try:
        run(serve(spec))
    except TfRaftError as error:
        say(FirstWord(type(error).__name__, str(error)))
        print(f"error: {error}", file=sys.stderr)
        return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
    return 0


async def serve(spec: NodeSpec) -> None:
    """Run the node until the end of this process is wanted. Raises what keeps it from starting or from going on."""
    end = End(spec.parent)

    def observe(event: Event) -> None:
        if event.kind is EventKind.STORAGE_FAILED:
            end.fail(StorageFailed(event.text))

    place = Place(
        spec.server_id,
        spec.cluster_id,
        spec.address,
        config=spec.config,
        settings=spec.settings,
        book=spec.book,
        faults=spec.faults,
        redis=spec.redis,
        transport=spec.transport,
    )
    state, snapshots = storage(spec.state, spec.server_id, Path(spec.directory), spec.cluster_id, MemoryDisk())
    founders = Configuration.of(spec.founders) if spec.founders else None
    # The only server has nobody to bring back what its disk has lost.
    node = await start_node(place, state, snapshots, founders, observe, repair=len(spec.book) > 1)
    say(FirstWord())
    hand_over = False
    try:
        hand_over = await end.wanted()
    finally:
        signal.alarm(STOP_PATIENCE_S)
        await node.stop(hand_over=hand_over)


def say(word: FirstWord) -> None:
    """Print the one line that the parent waits for, if it still does."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), word.encode())


class End:
    """When this process is to end: a signal, a parent that is gone, a disk that failed.

    The parent holds the other end of our standard input and never writes: that it closes, however the parent ended, is
    how we learn of it. Another child of the parent may have inherited that end and hold it open; so we also look, now
    and then, whose child we are."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[bool] = self._loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._now, True)
        self._loop.add_reader(sys.stdin.fileno(), self._read)
        self._look()

    async def wanted(self) -> bool:
        """Wait for it; whether the other nodes go on, so that leadership is to be handed over.

        Raises the error that is its cause, if there is one."""
        return await self._end

    def fail(self, error: TfRaftError) -> None:
        """End because of `error`."""
        if not self._end.done():
            self._end.set_exception(error)

    def _now(self, others_go_on: bool) -> None:
        if not self._end.done():
            self._end.set_result(others_go_on)

    def _read(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            self._loop.remove_reader(sys.stdin.fileno())
            self._now(False)

    def _look(self) -> None:
        if os.getppid() != self._parent:
            self._now(False)
        else:
            self._loop.call_later(PARENT_CHECK_S, self._look)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

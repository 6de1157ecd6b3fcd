"""One node as a process of the operating system: `python -m tfraft.clusters.process SPEC` (see `spec`).

It prints one line when it is ready, or when it cannot be, and then speaks only gRPC; what else it has to say goes to
standard error. It stops in good order at SIGTERM, and when the process that started it is gone.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.adapters.network.links import Links
from tfraft.adapters.state.memory import MemoryStateManager
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.spec import FirstWord, NodeSpec
from tfraft.clusters.states import json_state
from tfraft.core.configuration import Configuration
from tfraft.core.messages import ServerId
from tfraft.errors import DataError, SettingError, StorageFailed, TfRaftError
from tfraft.node.node import RaftNode
from tfraft.node.status import Event, EventKind
from tfraft.ports import PeerConnection, StateManager

STOP_PATIENCE_S = 8
"""A node that has not stopped after so long is ended by the system: a disk that hangs must not leave an orphan."""

PARENT_CHECK_S = 1.0

EXIT_CODES: dict[type[TfRaftError], int] = {SettingError: 2, DataError: 7, StorageFailed: 1}


def main(arguments: Sequence[str]) -> int:
    """Run one node until it is told to stop; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    spec = NodeSpec.decode(arguments[0])
    try:
        # Not uvloop: gRPC does its own I/O, and three alternating runs of each gave no difference.
        asyncio.run(serve(spec))
    except TfRaftError as error:
        say(FirstWord(type(error).__name__, str(error)))
        print(f"error: {error}", file=sys.stderr)
        return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
    return 0


async def serve(spec: NodeSpec) -> None:
    """Run the node until the end of this process is wanted. Raises what keeps it from starting or from going on."""
    end = End(spec.parent)
    links = Links()
    links.block(spec.faults.blocked)
    links.delay(spec.faults.delays_s, spec.faults.default_delay_s)
    admin = AdminServer(links)

    def observe(event: Event) -> None:
        admin.publish(event)
        if event.kind is EventKind.STORAGE_FAILED:
            end.fail(StorageFailed(event.text))

    def connect_by_book(server_id: ServerId, address: str) -> PeerConnection:
        return connect(server_id, spec.book.get(server_id, address))

    host, _, port = spec.address.rpartition(":")
    node = await RaftNode.create(
        spec.server_id,
        GrpcServer(host, int(port), admin=admin),
        state_of(spec),
        links.wrap(connect_by_book),
        configuration=Configuration.of(spec.founders) if spec.founders else None,
        config=spec.config,
        observe=observe,
    )
    admin.attach(node)
    # What lives now lives to the end: the collector need not look at it again and again.
    gc.freeze()
    say(FirstWord())
    async with node:
        try:
            await end.wanted()
        finally:
            signal.alarm(STOP_PATIENCE_S)


def state_of(spec: NodeSpec) -> StateManager:
    """The state manager of the node."""
    if spec.state is StateKind.MEMORY:
        return MemoryStateManager()
    return json_state(spec.server_id, spec.directory, spec.cluster_id)


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
        self._end: asyncio.Future[None] = self._loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._now)
        self._loop.add_reader(sys.stdin.fileno(), self._read)
        self._look()

    async def wanted(self) -> None:
        """Wait for it. Raises the error that is its cause, if there is one."""
        await self._end

    def fail(self, error: TfRaftError) -> None:
        """End because of `error`."""
        if not self._end.done():
            self._end.set_exception(error)

    def _now(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def _read(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            self._loop.remove_reader(sys.stdin.fileno())
            self._now()

    def _look(self) -> None:
        if os.getppid() != self._parent:
            self._now()
        else:
            self._loop.call_later(PARENT_CHECK_S, self._look)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

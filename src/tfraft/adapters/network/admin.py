"""What the process that takes care of a node may see and do, over the gRPC server of that node.

    admin = AdminServer(links)
    server = GrpcServer("127.0.0.1", 50051, admin=admin)
    node = await RaftNode.create("n1", server, state, links.wrap(connect), observe=admin.publish)
    admin.attach(node)

Bodies are the records of node/status.py and `LinkFaults` as JSON, so that they are defined once. Whoever reaches
the port may use it: keep it on the loopback interface.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Final, Protocol, TypeVar
from weakref import WeakSet

import grpc
import msgspec
from grpc import StatusCode

from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.backups import BackupHandler, received, sent
from tfraft.adapters.network.calls import Calls
from tfraft.adapters.network.channel import CHANNEL_OPTIONS, Context, cancelled_from_outside
from tfraft.adapters.network.links import LinkFaults, Links
from tfraft.adapters.network.raft_pb2_grpc import (
    AdminServicer,
    AdminStub,
    add_AdminServicer_to_server,
)
from tfraft.adapters.network.wire import MalformedMessage
from tfraft.core.base import Snapshot
from tfraft.errors import Unavailable
from tfraft.node.status import Event, LogEntry, NodeStatus
from tfraft.record import record

T = TypeVar("T")
Method = grpc.aio.UnaryUnaryMultiCallable[pb.Json, pb.Json]

MAX_EVENTS: Final = 256
"""So many of the latest events a new watcher is told, and so many wait for a slow one; the oldest are dropped."""

_PAGE_ENTRIES: Final = 1_000
_PAGE_BYTES: Final = 4 * 1024 * 1024


class AdminHandler(BackupHandler, Protocol):
    """What an AdminServer shows: the node."""

    def status(self) -> NodeStatus:
        """The node as it is now."""

    def log(self, first: int, last: int) -> list[LogEntry]:
        """The entries of the log from `first` to `last`, as far as there are any."""


@record
class _LogRange:
    first: int
    last: int


class AdminServer:
    """The node's side: a part of its GrpcServer."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._node: AdminHandler | None = None
        self._cluster_id: Callable[[], str] = str
        self._latest: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._watchers: WeakSet[_Watcher] = WeakSet()

    def attach(self, node: AdminHandler) -> None:
        """From now on status and log are those of `node`; before, they are unavailable."""
        self._node = node

    def publish(self, event: Event) -> None:
        """Tell `event` to all who watch; who comes later is told the latest events first."""
        self._latest.append(event)
        for watcher in self._watchers:
            watcher.tell(event)

    def join(self, server: grpc.aio.Server, calls: Calls, cluster_id: Callable[[], str]) -> None:
        """Be a part of `server`, which has not started yet; what is under way enters `calls`."""
        self._cluster_id = cluster_id
        add_AdminServicer_to_server(_Service(self, calls), server)
        calls.at_end(self._end_watches)

    def status(self) -> NodeStatus:
        """The status of the node, with the cluster that is heard at its door."""
        return replace(self._attached().status(), cluster_id=self._cluster_id())

    def log(self, wanted: _LogRange) -> list[LogEntry]:
        """The first of the wanted entries that the node has: at least one, and no more than one answer should hold."""
        node = self._attached()
        first = max(wanted.first, node.status().first_index)
        page: list[LogEntry] = []
        size = 0
        for entry in node.log(first, min(wanted.last, first + _PAGE_ENTRIES - 1)):
            size += len(entry.data)
            if page and size > _PAGE_BYTES:
                break
            page.append(entry)
        return page

    def break_links(self, faults: LinkFaults) -> None:
        """Make the links of the node as bad as `faults`, and no worse."""
        self._links.block(faults.blocked)
        self._links.delay(faults.delays_s, faults.default_delay_s)

    def backup(self) -> AsyncGenerator[pb.Backup, None]:
        """The parts of a backup of now. Raises `Unavailable` where there is none."""
        return sent(self._attached())

    async def watch(self) -> AsyncIterator[Event]:
        """The latest events, then all others as they happen, until the server stops."""
        watcher = _Watcher(self._latest)
        self._watchers.add(watcher)
        while (event := await watcher.next()) is not None:
            yield event

    def _end_watches(self) -> None:
        for watcher in self._watchers:
            watcher.end()

    def _attached(self) -> AdminHandler:
        if self._node is None:
            raise Unavailable("the node is still starting")
        return self._node


class _Watcher:
    """What one watcher has still to be told."""

    def __init__(self, latest: Iterable[Event]) -> None:
        self._events = deque(latest, maxlen=MAX_EVENTS)
        self._wake = asyncio.Event()
        self._ended = False

    def tell(self, event: Event) -> None:
        self._events.append(event)
        self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    async def next(self) -> Event | None:
        """The next event, as soon as there is one; None once all are told and there will be no other."""
        while not self._events and not self._ended:
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft() if self._events else None


class _Service(AdminServicer):
    """The gRPC service `Admin`: JSON to records and back."""

    def __init__(self, admin: AdminServer, calls: Calls) -> None:
        self._admin = admin
        self._calls = calls

    async def status(self, request: pb.Json, context: Context) -> pb.Json:
        return await self._answer(context, self._admin.status)

    async def log(self, request: pb.Json, context: Context) -> pb.Json:
        return await self._answer(context, lambda: self._admin.log(_read(request, _LogRange)))

    async def links(self, request: pb.Json, context: Context) -> pb.Json:
        return await self._answer(context, lambda: self._admin.break_links(_read(request, LinkFaults)))

    async def watch(self, request: pb.Json, context: Context) -> AsyncIterator[pb.Json]:
        async with self._calls.finite(context):
            async for event in self._admin.watch():
                yield _write(event)

    async def backup(self, request: pb.Json, context: Context) -> AsyncIterator[pb.Backup]:
        async with self._calls.finite(context):
            try:
                async with aclosing(self._admin.backup()) as parts:
                    async for part in parts:
                        yield part
            except Unavailable as error:
                await context.abort(StatusCode.UNAVAILABLE, str(error))

    async def _answer(self, context: Context, act: Callable[[], object]) -> pb.Json:
        async with self._calls.finite(context):
            try:
                return _write(act())
            except msgspec.MsgspecError as error:
                await context.abort(StatusCode.INVALID_ARGUMENT, str(error))
            except Unavailable as error:
                await context.abort(StatusCode.UNAVAILABLE, str(error))


class AdminClient:
    """The other side: looks into the node at `address`, wherever that is."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._stub = AdminStub(self._channel)

    async def status(self, timeout_s: float = 1.0) -> NodeStatus:
        """The node as it is now. Raises `Unavailable` where it does not run or does not answer in time."""
        return await self._ask(self._stub.status, None, NodeStatus, timeout_s)

    async def log(self, first: int, last: int, timeout_s: float = 5.0) -> list[LogEntry]:
        """The entries of the node's log from `first` to `last`, as far as there are any; in as many pages as needed.

        Each page may take `timeout_s`. Raises `Unavailable` like `status`."""
        entries: list[LogEntry] = []
        while first <= last:
            page = await self._ask(self._stub.log, _LogRange(first, last), list[LogEntry], timeout_s)
            if not page:
                break
            entries += page
            first = page[-1].index + 1
        return entries

    async def links(self, faults: LinkFaults, timeout_s: float = 1.0) -> None:
        """Make the links of the node as bad as `faults`, and no worse. Raises `Unavailable` like `status`."""
        await self._ask(self._stub.links, faults, type(None), timeout_s)

    async def watch(self) -> AsyncGenerator[Event, None]:
        """What happened at the node lately, then everything as it happens; whoever watches again hears some twice.

        Ends by raising `Unavailable`, as soon as the node cannot be heard any more."""
        events = self._stub.watch(pb.Json())
        with self._unavailable_where_it_fails():
            try:
                async for event in events:
                    yield _read(event, Event)
            finally:
                events.cancel()
        raise Unavailable(f"the node at {self._address} has stopped")

    async def backup(self, patience_s: float = 60.0) -> AsyncGenerator[Snapshot | bytes, None]:
        """A snapshot of now (see `RaftNode.take_snapshot`): first what it is of, then its bytes, to the last one.

        Raises `Unavailable` like `status`, where nothing comes for `patience_s`, or where the bytes are not those of
        the snapshot."""
        parts = self._stub.backup(pb.Json())
        with self._unavailable_where_it_fails():
            try:
                async with aclosing(received(aiter(parts), patience_s)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                parts.cancel()

    async def close(self) -> None:
        """End the connection; what is under way ends with `Unavailable`."""
        await self._channel.close()

    async def _ask(self, method: Method, body: object, kind: type[T], timeout_s: float) -> T:
        with self._unavailable_where_it_fails():
            return _read(await method(_write(body), timeout=timeout_s), kind)

    @contextmanager
    def _unavailable_where_it_fails(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"the node at {self._address} gives no answer: {error.details()}") from None
        except (msgspec.MsgspecError, MalformedMessage) as error:
            raise Unavailable(f"the node at {self._address} speaks another version: {error}") from None
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if cancelled_from_outside():
                raise
            raise Unavailable(f"the connection to {self._address} was closed") from None


def _write(body: object) -> pb.Json:
    return pb.Json(body=msgspec.json.encode(body))


def _read(message: pb.Json, kind: type[T]) -> T:
    return msgspec.json.decode(message.body, type=kind)

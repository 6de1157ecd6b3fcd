"""A node as an AdminServer shows it, and clients of that, for the tests of both."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from tests.adapters.network.grpc_lab import OK, serving
from tests.adapters.network.recorder import Recorder
from tfraft.adapters.network.admin import AdminClient, AdminServer
from tfraft.adapters.network.grpc import GrpcServer
from tfraft.core.base import Snapshot
from tfraft.errors import Unavailable
from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus, PeerStatus
from tfraft.ports import OnSnapshot


def status(first_index: int = 1, last_index: int = 0) -> NodeStatus:
    return NodeStatus(
        server_id="n1",
        role="leader",
        current_term=3,
        voted_for=None,
        leader_id="n1",
        first_index=first_index,
        last_index=last_index,
        commit_index=last_index,
        last_applied=last_index,
        voters={"n1": "127.0.0.1:1", "ñ2": ""},
        peers=[PeerStatus("ñ2", 4, 5, 0, 0.25), PeerStatus("n3", 0, 1, 1, None)],
    )


def event(number: int) -> Event:
    return Event(1e9 + number, "n1", EventKind.REFUSED_VOTE, number, f"event {number}", "§3.6.1")


class Node:
    """The side of the node that an AdminServer shows: a log of `entries`, of which the first has `first_index`."""

    def __init__(self, entries: int = 0, first_index: int = 1, data: bytes = b"\x00\xffnot text") -> None:
        self._entries = [LogEntry(index, 1, "command", data) for index in range(first_index, first_index + entries)]
        self.first_index = first_index

    def status(self) -> NodeStatus:
        return status(self.first_index, self.first_index + len(self._entries) - 1)

    def log(self, first: int, last: int) -> list[LogEntry]:
        return [entry for entry in self._entries if first <= entry.index <= last]

    def take_snapshot(self, on_taken: OnSnapshot) -> None:
        on_taken(Unavailable("n1 keeps no snapshots"))

    def read_snapshot(self, snapshot: Snapshot) -> Iterator[bytes]:
        raise AssertionError("there is none")


@asynccontextmanager
async def running(admin: AdminServer) -> AsyncIterator[tuple[GrpcServer, AdminClient]]:
    """A server that shows this, and a client of it; both end at the end, if they have not before."""
    async with serving(Recorder(answer=lambda _: OK), GrpcServer(admin=admin)) as server:
        client = AdminClient(server.address)
        try:
            yield server, client
        finally:
            await client.close()


@asynccontextmanager
async def administered(admin: AdminServer) -> AsyncIterator[AdminClient]:
    """A client of a server that shows this."""
    async with running(admin) as (_, client):
        yield client

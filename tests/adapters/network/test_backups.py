"""A backup travels from a node over gRPC: whole and as promised, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest
from crc32c import crc32c

from tests.adapters.network.admin_lab import Node, administered
from tests.adapters.network.recorder import Recorder, eventually, run
from tfraft.adapters.network.admin import AdminClient, AdminServer
from tfraft.adapters.network.grpc import GrpcServer
from tfraft.adapters.network.links import Links
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.errors import CorruptSnapshot, TfRaftError, Unavailable
from tfraft.ports import OnSnapshot

BASE = Base(7, 2, Configuration.of({"n1": "h:1", "ñ2": "h:2"}, ["n3"], removed=["n0"]), 3)
PIECES = [b"x" * 1_000_000, b"y", bytes(range(256))]
SNAPSHOT = Snapshot(BASE, sum(map(len, PIECES)), crc32c(b"".join(PIECES)))


class BackedUp(Node):
    """A node with a snapshot, which it gives at once; or never, where it is None."""

    def __init__(
        self,
        snapshot: Snapshot | TfRaftError | None = SNAPSHOT,
        pieces: Callable[[], Iterator[bytes]] = lambda: iter(PIECES),
    ) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.pieces = pieces
        self.waiting: list[OnSnapshot] = []

    def take_snapshot(self, on_taken: OnSnapshot) -> None:
        if self.snapshot is None:
            self.waiting.append(on_taken)
        else:
            on_taken(self.snapshot)

    def read_snapshot(self, snapshot: Snapshot) -> Iterator[bytes]:
        assert snapshot == self.snapshot
        return self.pieces()


@asynccontextmanager
async def offered(node: Node | None) -> AsyncIterator[AdminClient]:
    admin = AdminServer(Links())
    if node is not None:
        admin.attach(node)
    async with administered(admin) as client:
        yield client


async def all_of(client: AdminClient, patience_s: float = 30.0) -> list[Snapshot | bytes]:
    async with aclosing(client.backup(patience_s)) as parts:
        return [part async for part in parts]


def test_the_snapshot_comes_first_and_then_its_bytes() -> None:
    async def story() -> None:
        async with offered(BackedUp()) as client:
            snapshot, *pieces = await all_of(client)
            assert snapshot == SNAPSHOT
            assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == b"".join(PIECES)

    run(story())


def test_a_snapshot_without_bytes_arrives() -> None:
    async def story() -> None:
        empty = Snapshot(BASE, 0, 0)
        async with offered(BackedUp(snapshot=empty, pieces=lambda: iter([]))) as client:
            assert await all_of(client) == [empty]

    run(story())


def unreadable() -> Iterator[bytes]:
    yield PIECES[0]
    raise CorruptSnapshot("the disk is bad")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (None, "the node is still starting"),
        (BackedUp(snapshot=Unavailable("n1 knows of no leader")), "n1 knows of no leader"),
        (BackedUp(pieces=unreadable), "the snapshot of the node cannot be read: the disk is bad"),
        (BackedUp(pieces=lambda: iter(PIECES[:2])), "came damaged: 1,000,001 bytes of 1,000,257"),
        (BackedUp(pieces=lambda: iter([*PIECES[:2], bytes(256)])), "came damaged"),
        (BackedUp(pieces=lambda: iter([*PIECES, b"z"])), "came damaged: 1,000,258 bytes of 1,000,257"),
    ],
)
def test_what_is_not_the_whole_snapshot_is_unavailable(node: Node | None, told: str) -> None:
    async def story() -> None:
        async with offered(node) as client:
            with pytest.raises(Unavailable, match=told):
                await all_of(client)

    run(story())


def test_a_node_that_sends_nothing_is_given_up() -> None:
    async def story() -> None:
        async with offered(BackedUp(snapshot=None)) as client:
            with pytest.raises(Unavailable, match=r"nothing came for 0\.1 s"):
                await all_of(client, patience_s=0.1)

    run(story())


def test_a_node_that_stops_on_the_way_is_unavailable_to_who_waits() -> None:
    async def story() -> None:
        admin, node = AdminServer(Links()), BackedUp(snapshot=None)
        admin.attach(node)
        server = GrpcServer(admin=admin)
        await server.start(Recorder())
        client = AdminClient(server.address)
        waiting = asyncio.create_task(all_of(client))
        await eventually(lambda: node.waiting)
        await server.stop()
        with pytest.raises(Unavailable):
            await waiting
        await client.close()

    run(story())


def test_who_wants_no_more_of_it_ends_it() -> None:
    """A backup that is given up must neither be read to its end nor keep its file open."""

    async def story() -> None:
        closed: list[bool] = []

        def endless() -> Iterator[bytes]:
            try:
                while True:
                    yield PIECES[0]
            finally:
                closed.append(True)

        async with offered(BackedUp(pieces=endless)) as client:
            async with aclosing(client.backup()) as parts:
                assert await anext(parts) == SNAPSHOT
                assert await anext(parts) == PIECES[0]
            await eventually(lambda: closed)

    run(story())

"""A backup on its way from a node: first what the snapshot is of, then its bytes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import partial
from typing import Protocol

from crc32c import crc32c

from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.futures import settle
from tfraft.adapters.network.protobuf import read_snapshot, write_snapshot
from tfraft.core.base import Snapshot
from tfraft.errors import CorruptSnapshot, TfRaftError, Unavailable
from tfraft.ports import OnSnapshot


class BackupHandler(Protocol):
    """What a backup is taken of: the node."""

    def take_snapshot(self, on_taken: OnSnapshot) -> None:
        """Give `on_taken` a snapshot of now, or the error why there is none."""

    def read_snapshot(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot`, checked once the last was given. Blocks. Raises `CorruptSnapshot`."""


async def sent(node: BackupHandler) -> AsyncGenerator[pb.Backup, None]:
    """The parts of a backup of now. Raises `Unavailable` where there is none, or no more of it."""
    taken: asyncio.Future[Snapshot | TfRaftError] = asyncio.get_running_loop().create_future()
    node.take_snapshot(partial(settle, taken))
    snapshot = await taken
    if not isinstance(snapshot, Snapshot):
        raise Unavailable(str(snapshot))
    yield pb.Backup(snapshot=write_snapshot(snapshot))
    try:
        # The file is opened by the first piece and stays readable when a later snapshot takes its place. It is closed
        # with the iterator, which a thread that still reads holds on to.
        pieces = node.read_snapshot(snapshot)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield pb.Backup(data=piece)
    except CorruptSnapshot as error:
        raise Unavailable(f"the snapshot of the node cannot be read: {error}") from error


async def received(parts: AsyncIterator[pb.Backup], patience_s: float) -> AsyncGenerator[Snapshot | bytes, None]:
    """What `sent` has sent: the snapshot, then its bytes. Raises `Unavailable` where they are not those promised, or
    where nothing comes for `patience_s`."""
    snapshot = await _next(parts, patience_s)
    if snapshot is None or snapshot.WhichOneof("part") != "snapshot":
        raise Unavailable("the node does not say what it sends")
    told = read_snapshot(snapshot.snapshot)
    yield told
    size_bytes = checksum = 0
    while (part := await _next(parts, patience_s)) is not None:
        size_bytes += len(part.data)
        checksum = crc32c(part.data, checksum)
        yield part.data
    if (size_bytes, checksum) != (told.size_bytes, told.checksum):
        raise Unavailable(f"the snapshot came damaged: {size_bytes:,} bytes of {told.size_bytes:,}")


async def _next(parts: AsyncIterator[pb.Backup], patience_s: float) -> pb.Backup | None:
    try:
        async with asyncio.timeout(patience_s):
            return await anext(parts, None)
    except TimeoutError:
        raise Unavailable(f"nothing came for {patience_s:g} s") from None

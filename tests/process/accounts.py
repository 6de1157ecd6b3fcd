"""Writers that keep an account of every write: one that is lost, or done twice, shows (§6.3)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

from tests.adapters.network.recorder import DEADLINE_S, eventually
from tests.clusters.lab import caught_up, leader_of
from tests.process.lab import kill_9
from tfraft.adapters.network.admin import AdminClient
from tfraft.adapters.network.grpc import connect
from tfraft.client.routing import ClusterClient
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.processes import TcpCluster
from tfraft.core.base import Snapshot
from tfraft.core.configuration import ServerId
from tfraft.errors import OutcomeUnknown, Refused, Unavailable
from tfraft.store.replies import parse
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

Execute = Callable[[Sequence[bytes], float], Awaitable[bytes]]

KEPT = 50
"""So many of its latest items a writer leaves there."""


class Account:
    """A client that adds items under keys of its own, and removes each again a while later.

    Every answer must be 1: an item that is added is new, and one that is removed is there. An addition that was done
    twice leaves an item that was removed, one that was lost leaves none."""

    def __init__(self, name: str, execute: Execute, timeout_s: float = DEADLINE_S) -> None:
        self.name = name
        self.acknowledged = 0
        self.failures: list[str] = []
        self.longest_wait_s = 0.0
        self._execute = execute
        self._timeout_s = timeout_s
        self._there: set[int] = set()
        # What is not known of them: an answer is missing.
        self._open: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Write until told to stop, whatever happens to the cluster."""
        number = 0
        while not stop.is_set():
            number += 1
            if await self._changes(b"SSET", number, b"x"):
                self._there.add(number)
            if number > KEPT and await self._changes(b"DEL", number - KEPT):
                self._there.discard(number - KEPT)

    async def _changes(self, command: bytes, number: int, *values: bytes) -> bool:
        """Whether the command was acknowledged; then its answer is that it has changed something."""
        was_open = number in self._open
        self._open.add(number)
        began = monotonic()
        try:
            reply = parse(await self._execute([command, self._key(number), *values], self._timeout_s))
        except (OutcomeUnknown, Unavailable, Refused) as error:
            self.failures.append(f"{self.name} {command.decode()} {number}: {type(error).__name__}: {error}")
            # A pause, for one that is answered at once because nobody is there would spin.
            await asyncio.sleep(0.01)
            return False
        finally:
            self.longest_wait_s = max(self.longest_wait_s, monotonic() - began)
        assert reply == 1 or (was_open and reply == 0), f"{self.name} {command.decode()} {number}: {reply!r}"
        self._open.discard(number)
        self.acknowledged += 1
        return True

    def _key(self, number: int) -> bytes:
        return b"%s:%08d" % (self.name.encode(), number)

    async def check(self, cluster: TcpCluster) -> None:
        """All that was acknowledged is there, and nothing else but what nobody knows of."""
        found = parse(await cluster.execute([b"KEYS", b"%s:*" % self.name.encode()]))
        assert isinstance(found, list)
        there = {int(bytes(key).rpartition(b":")[2]) for key in found if isinstance(key, bytes)}
        lost, extra = self._there - self._open - there, there - self._there - self._open
        assert not lost, f"{self.name}: acknowledged and lost: {sorted(lost)}"
        assert not extra, f"{self.name}: removed, and there again: {sorted(extra)}"


@asynccontextmanager
async def accounts(cluster: TcpCluster, count: int, timeout_s: float = DEADLINE_S) -> AsyncIterator[list[Account]]:
    """So many writers, half of which share the client of the cluster; each of the others has one of its own.

    Those know no more than where the servers are: they find the leader by what they are answered."""
    members = {member.server_id: member.address for member in cluster.members}
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            execute: Execute = cluster.execute
            if number % 2:
                client = ClusterClient(connect, members)
                stack.push_async_callback(client.close)
                execute = client.execute
            made.append(Account(f"w{number}", execute, timeout_s))
        yield made


@asynccontextmanager
async def under_load(writers: Iterable[Account]) -> AsyncIterator[None]:
    """Within the block all `writers` write; at its end each has the answer to its last write."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(writer.run(stop))
        yield
        stop.set()


async def acknowledged(writers: Sequence[Account], count: int) -> None:
    """Return once so many more writes have been acknowledged."""
    goal = sum(writer.acknowledged for writer in writers) + count
    await eventually(lambda: sum(writer.acknowledged for writer in writers) >= goal)


def failures(writers: Iterable[Account]) -> list[str]:
    """The writes that were not acknowledged."""
    return [failure for writer in writers for failure in writer.failures]


async def settled(cluster: TcpCluster, writers: Iterable[Account]) -> None:
    """Every account is right, and all nodes that run have the same state, to the last byte."""
    for writer in writers:
        await writer.check(cluster)
    await equal(cluster)


async def equal(cluster: TcpCluster, *server_ids: ServerId) -> None:
    """Return once these nodes, or all that run, have applied everything; they have equal data and sessions then."""
    await caught_up(cluster, *server_ids)
    running = [member for member in cluster.members if member.state is NodeState.RUNNING]
    states = {
        one.server_id: await state_at(one.address)
        for one in running
        if one.server_id in (server_ids or [one.server_id])
    }
    assert len(set(states.values())) == 1, states


async def state_at(address: str) -> tuple[int, str]:
    """The index of the last entry that the node at this address has applied, and a digest of its whole state."""
    admin, sessions = AdminClient(address), Sessions(Store())
    try:
        parts = [part async for part in admin.backup()]
    finally:
        await admin.close()
    snapshot = parts.pop(0)
    assert isinstance(snapshot, Snapshot)
    sessions.restore(part for part in parts if isinstance(part, bytes))
    return snapshot.base.index, sessions.digest()


async def killed(cluster: TcpCluster, *server_ids: ServerId) -> None:
    """kill -9 of these nodes at once; the cluster has noticed it afterwards."""
    kill_9([cluster.pids[server_id] for server_id in server_ids])
    await failed(cluster, *server_ids)


async def leader_now(cluster: TcpCluster) -> tuple[ServerId, int]:
    """The leader and its term, as soon as one is known: on a busy machine there may be none for a moment."""
    await eventually(lambda: cluster.leader is not None)
    return leader_of(cluster)


async def failed(cluster: TcpCluster, *server_ids: ServerId) -> None:
    """Return once these nodes have ended by themselves."""
    await eventually(lambda: all(state_of(cluster, server_id) is NodeState.FAILED for server_id in server_ids))


def state_of(cluster: TcpCluster, server_id: ServerId) -> NodeState:
    """Whether this node runs."""
    return next(member.state for member in cluster.members if member.server_id == server_id)


def detail_of(cluster: TcpCluster, server_id: ServerId) -> str:
    """What is said of a node that has failed."""
    return next(member.detail for member in cluster.members if member.server_id == server_id)

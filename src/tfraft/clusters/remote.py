"""RemoteCluster: a cluster whose nodes run by themselves, on any machines, used and looked into from here.

async with RemoteCluster(["10.0.0.1:7001"]) as cluster:
    await cluster.set("greeting", "hello world")
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from tfraft.adapters.network.grpc import connector, identify
from tfraft.client.routing import ClusterClient
from tfraft.clusters.cluster import Cluster, ClusterInfo, Member, NodeState
from tfraft.clusters.leadership import Leadership
from tfraft.clusters.listening import EventListener
from tfraft.clusters.not_ours import NotOurs
from tfraft.clusters.survey import Picture, Survey, members_of
from tfraft.clusters.typed import StoreCommands
from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    Consistency,
    MembershipChange,
    RemoveServer,
    TransferLeadership,
)
from tfraft.errors import SettingError, Unavailable
from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus

logger = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 1.0
"""So often we look who is there; at once where an event says that it has changed."""

_TELLING = (EventKind.LEADER, EventKind.CONFIGURATION)


class RemoteCluster(NotOurs, StoreCommands, Cluster):
    """The cluster that `addresses` lead to, of one server or of several; one that answers is enough.

    What needs the processes themselves (START, STOP, KILL, PARTITION, SLOW) is refused with a `SettingError`.
    Entering raises `Unavailable` where nobody answers."""

    def __init__(self, addresses: Sequence[str]) -> None:
        if not addresses:
            raise SettingError("a cluster is found by the address of one of its servers, and none is given")
        self._survey = Survey(addresses)
        self._picture = Picture({}, {})
        self._client: ClusterClient | None = None
        self._leadership = Leadership()
        self._listeners: dict[ServerId, tuple[str, EventListener]] = {}
        self._observers: list[Callable[[Event], None]] = []
        self._wake = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        # Two looks at a time would know of each other's connections.
        self._look_lock = asyncio.Lock()

    # --- What it says of itself ---

    @property
    def info(self) -> ClusterInfo:
        return ClusterInfo("remote", "the data directories of its servers")

    @property
    def members(self) -> Sequence[Member]:
        return [self._member(server_id, address) for server_id, address in self._picture.addresses.items()]

    @property
    def leader(self) -> tuple[ServerId, int] | None:
        return self._leadership.leader

    @property
    def client(self) -> ClusterClient:
        """The client of this cluster, once it has been entered."""
        return self._entered

    def observe(self, on_event: Callable[[Event], None]) -> None:
        self._observers.append(on_event)

    def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> Coroutine[Any, Any, bytes]:
        return self._entered.execute(args, timeout_s, consistency, max_staleness_s)

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        address = self._require(server_id)
        try:
            return await self._survey.admin(address).status()
        except Unavailable:
            return None

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        return await self._survey.admin(self._require(server_id)).log(first, last)

    def _member(self, server_id: ServerId, address: str) -> Member:
        if server_id in self._picture.statuses:
            return Member(server_id, address, NodeState.RUNNING)
        return Member(server_id, address, NodeState.FAILED, f"no answer at {address}")

    def _require(self, server_id: ServerId) -> str:
        """The address of a member. Raises SettingError where there is none of this name."""
        if server_id not in self._picture.addresses:
            raise SettingError(f"there is no node {server_id}; the nodes are {' '.join(self._picture.addresses)}")
        return self._picture.addresses[server_id]

    def _reachability(self) -> str:
        """Why there may be no answer, for the text of an error."""
        silent = [member.server_id for member in self.members if member.state is not NodeState.RUNNING]
        if not silent:
            return "no leader was found"
        total = len(self.members)
        return f"{' '.join(silent)} cannot be reached, {total - len(silent)} of {total} left"

    # --- From start to end ---

    async def __aenter__(self) -> Self:
        try:
            await self._look()
            if self._client is None:
                raise Unavailable(self._nobody())
            self._looking = asyncio.create_task(self._keep_looking(), name="who is in the cluster")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        for _, listener in self._listeners.values():
            await listener.close()
        if self._client is not None:
            await self._client.close()
        await self._survey.close()

    @property
    def _entered(self) -> ClusterClient:
        if self._client is None:
            raise SettingError("the cluster has not been entered: use it in `async with`")
        return self._client

    def _nobody(self) -> str:
        if self._picture.statuses:
            names = " ".join(self._picture.statuses)
            return f"{names} answers, but has not heard of its cluster yet"
        return f"no server answers at {', '.join(self._survey.seeds)}"

    # --- Who is there, and what they tell ---

    async def _keep_looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._wake.wait()
            self._wake.clear()
            await self._look()

    async def _look(self) -> None:
        """Afterwards members, leader and listeners are those of now; where nobody answers, the members stay."""
        async with self._look_lock:
            self._picture = await self._survey.look()
            if not any(member.state is NodeState.RUNNING for member in self.members):
                return
            await self._connect()
            self._entered.set_members(self._picture.addresses)
            self._learn_leader()
            await self._listen()

    async def _connect(self) -> None:
        """Afterwards there is a client, which no server of another cluster will hear."""
        if self._client is None:
            told = await identify(next(member.address for member in self.members if member.state is NodeState.RUNNING))
            self._client = ClusterClient(connector(told.cluster_id, ""), {}, self._reachability)

    def _learn_leader(self) -> None:
        """Who leads, also where the event that told of it has been forgotten by everybody."""
        now_s, known, found = time.time(), self._leadership.leader, self._picture.leader
        if known is not None and known[0] not in self._picture.statuses:
            self._leadership.observe(Event(now_s, known[0], EventKind.STOPPED, known[1], ""))
            self._entered.drop(known[0])
        if found is not None:
            self._leadership.observe(Event(now_s, found.server_id, EventKind.LEADER, found.current_term, ""))
            self._entered.believe(found.server_id)

    async def _listen(self) -> None:
        """Afterwards each member is listened to at its address, and nobody else."""
        for server_id, (address, listener) in list(self._listeners.items()):
            if self._picture.addresses.get(server_id) != address:
                del self._listeners[server_id]
                await listener.close()
        for server_id, address in self._picture.addresses.items():
            if server_id not in self._listeners:
                listener = EventListener(self._survey.admin(address), self._on_event, server_id)
                self._listeners[server_id] = address, listener

    def _on_event(self, event: Event) -> None:
        self._leadership.observe(event)
        if event.kind in _TELLING:
            self._wake.set()
        for on_event in self._observers:
            try:
                on_event(event)
            except Exception:
                # Whoever looks on must not keep us from hearing.
                logger.exception("an observer of the cluster failed")

    # --- The verbs ---

    async def ask(self, request: MembershipChange | TransferLeadership, timeout_s: float = 10.0) -> Answer:
        answer = await self._entered.ask(request, timeout_s)
        if answer.status is AnswerStatus.OK:
            await self._look()
        return answer

    async def add(
        self, server_id: ServerId | None = None, timeout_s: float = 10.0, *, learner: bool = False
    ) -> tuple[ServerId, Answer]:
        """Make a learner a voter. A server that is not there yet joins by itself: it is not ours to start."""
        if server_id is None or server_id not in self._picture.addresses:
            self._refuse_to_start(server_id or "n4")
        return server_id, await self.ask(AddServer(server_id, self._advertised(server_id), learner), timeout_s)

    async def change(self, voters: Sequence[ServerId], timeout_s: float = 10.0) -> Answer:
        """Make these the voters in one step (§4.3). A server that is not there yet joins by itself before."""
        for server_id in voters:
            if server_id not in self._picture.addresses:
                self._refuse_to_start(server_id)
        wanted = tuple((server_id, self._advertised(server_id)) for server_id in voters)
        return await self.ask(ChangeServers(wanted), timeout_s)

    async def remove(self, server_id: ServerId, timeout_s: float = 10.0) -> Answer:
        self._require(server_id)
        return await self.ask(RemoveServer(server_id), timeout_s)

    def _advertised(self, server_id: ServerId) -> str:
        """Where the others reach a member, which need not be where we do."""
        latest = self._picture.latest
        assert latest is not None, "a member is known from somebody's status"
        return members_of(latest)[server_id]

    def _refuse_to_start(self, server_id: ServerId) -> NoReturn:
        anyone = next(iter(self._picture.addresses.values()))
        raise SettingError(
            f"{server_id} is not in the cluster. A server is started on its own machine, and joins by "
            f"itself: tf-raft serve --id {server_id} --join {anyone} --data-dir DIR"
        )

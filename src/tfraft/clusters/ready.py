"""ReadyCluster: what all ready-made clusters share: the way from start to end, and the verbs."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from types import TracebackType
from typing import Any, Final, Self

from tfraft.client.routing import ClusterClient
from tfraft.clusters.cluster import Cluster, ClusterInfo, Member, NodeState
from tfraft.clusters.cluster_file import NodeRecord
from tfraft.clusters.faults import NetworkFaults
from tfraft.clusters.home import Home, HomeSettings
from tfraft.clusters.nodes import Farewell, Nodes
from tfraft.clusters.roster import Roster
from tfraft.clusters.typed import StoreCommands
from tfraft.core.configuration import EMPTY, Configuration, ServerId
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
from tfraft.errors import CorruptState, SettingError
from tfraft.node.status import Event, LogEntry, NodeStatus
from tfraft.ports import PeerFactory

LEADER_PATIENCE_S: Final = 5.0
"""How long a cluster that starts waits for its first leader. It is usable without: requests wait for one."""

NOTHING_DONE: Final = (AnswerStatus.NOT_LEADER, AnswerStatus.REFUSED)


class ReadyCluster(StoreCommands, Cluster):
    """The `Cluster` whose nodes we start and end ourselves; a subclass says what they are made of."""

    def __init__(self, settings: HomeSettings, kind: str, connect: PeerFactory) -> None:
        self._settings = settings
        self._kind = kind
        self._home: Home | None = None
        self._nodes: Nodes | None = None
        self._remarks: list[str] = []
        self._faults = NetworkFaults()
        self._client = ClusterClient(connect, {}, self._reachability)
        self._roster = Roster(on_leader=self._client.believe, on_gone=self._client.drop)
        # The verbs on nodes, one at a time.
        self._changing = asyncio.Lock()

    @abstractmethod
    def _make_nodes(self, home: Home | None) -> Nodes:
        """The nodes, none of which runs yet. Their events go to the roster."""

    # --- What it says of itself ---

    @property
    def info(self) -> ClusterInfo:
        keeps_data = self._home is not None and self._home.keeps_data
        return ClusterInfo(self._kind, str(self._settings.data) if keeps_data else None, tuple(self._remarks))

    @property
    def members(self) -> Sequence[Member]:
        return self._roster.members

    @property
    def leader(self) -> tuple[ServerId, int] | None:
        return self._roster.leader

    @property
    def client(self) -> ClusterClient:
        """The client of this cluster: its `apply` and `query` take the bytes of a state machine of one's own."""
        return self._client

    def observe(self, on_event: Callable[[Event], None]) -> None:
        self._roster.observe(on_event)

    def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> Coroutine[Any, Any, bytes]:
        return self._client.execute(args, timeout_s, consistency, max_staleness_s)

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        if self._roster.require(server_id).state is not NodeState.RUNNING:
            return None
        return await self._running_nodes.status(server_id)

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        self._roster.require(server_id, NodeState.RUNNING)
        return await self._running_nodes.log(server_id, first, last)

    def _reachability(self) -> str:
        """Why there may be no answer, for the text of an error."""
        cut = self._faults.cut()
        reasons = [self._roster.absence(), f"the network is cut: {cut}" if cut else ""]
        return "; ".join(filter(None, reasons)) or "no leader was found"

    # --- From start to end ---

    async def __aenter__(self) -> Self:
        if self._nodes is not None:
            raise SettingError("a cluster is started once: make a new one, on the same data if there are any")
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    async def _start(self) -> None:
        """Start all nodes but those that have lost their state; these stay away while the others are a quorum."""
        home = self._home = Home.open(self._settings) if self._settings.is_needed else None
        nodes = self._nodes = self._make_nodes(home)
        recorded = home.nodes if home else self._settings.new_nodes()
        addresses, remarks = nodes.place(recorded)
        self._remarks = [*(home.remarks if home else ()), *remarks]
        for server_id, address in addresses.items():
            self._roster.enter(server_id, address, nodes.redis_address(server_id))
        self._client.set_members(addresses)
        if home is not None:
            home.record(replace(node, address=addresses[node.server_id]) for node in recorded)
            self._leave_lost_out(home)
        # The founders of a cluster are all started with the same configuration, and recorded together.
        founders = EMPTY if any(node.started for node in recorded) else Configuration.of(addresses)
        sound = [member.server_id for member in self.members if member.state is not NodeState.FAILED]
        await all_of(self._launch(server_id, founders) for server_id in sound)
        if home is not None:
            home.record_started(sound)
        await self._await_leader()

    def _leave_lost_out(self, home: Home) -> None:
        """Mark the nodes that have run and lost their state. Raises CorruptState where the rest are no quorum."""
        lost = home.lost()
        if 2 * len(lost) >= len(self.members):
            raise CorruptState("; ".join(lost.values()))
        for server_id, why in lost.items():
            self._roster.set_state(server_id, NodeState.FAILED, why)
            self._remarks.append(f"{server_id} is not started: {why}")

    async def _await_leader(self) -> None:
        try:
            async with asyncio.timeout(LEADER_PATIENCE_S):
                await self._roster.leads.wait()
        except TimeoutError:
            self._remarks.append(f"there is no leader after {LEADER_PATIENCE_S:g} s")

    async def _close(self) -> None:
        """End all nodes, whatever happens to any of them; then free the rest."""
        try:
            await all_of(self._end(server_id, NodeState.STOPPED, Farewell.STOP) for server_id in self._roster.running)
        finally:
            await self._client.close()
            if self._nodes is not None:
                await self._nodes.close()
            if self._home is not None:
                self._home.close()

    # --- The verbs on nodes ---

    async def stop_node(self, server_id: ServerId) -> None:
        async with self._changing:
            self._roster.require(server_id, NodeState.RUNNING)
            await self._end(server_id, NodeState.STOPPED, Farewell.HAND_OVER)

    async def kill_node(self, server_id: ServerId) -> None:
        async with self._changing:
            self._roster.require(server_id, NodeState.RUNNING)
            await self._end(server_id, NodeState.KILLED, Farewell.KILL)

    async def start_node(self, server_id: ServerId) -> None:
        async with self._changing:
            self._roster.require(server_id, NodeState.STOPPED, NodeState.KILLED, NodeState.FAILED)
            await self._launch(server_id, EMPTY)
            if self._home is not None:
                self._home.record_started([server_id])

    async def ask(self, request: MembershipChange | TransferLeadership, timeout_s: float = 10.0) -> Answer:
        async with self._changing:
            return await self._client.ask(request, timeout_s)

    async def add(
        self, server_id: ServerId | None = None, timeout_s: float = 10.0, *, learner: bool = False
    ) -> tuple[ServerId, Answer]:
        async with self._changing:
            if server_id is None:
                server_id = self._roster.next_name(await self._removed(self._roster.addresses))
            is_new = server_id not in self._roster
            if is_new:
                await self._start_new(server_id)
            member = self._roster.require(server_id, NodeState.RUNNING)
            answer = await self._client.ask(AddServer(server_id, member.address, learner), timeout_s)
            if is_new and answer.status in NOTHING_DONE:
                await self._dismiss(server_id)
            return server_id, answer

    async def change(self, voters: Sequence[ServerId], timeout_s: float = 10.0) -> Answer:
        async with self._changing:
            new = [server_id for server_id in dict.fromkeys(voters) if server_id not in self._roster]
            for server_id in new:
                await self._start_new(server_id)
            addresses = {server_id: self._roster.require(server_id).address for server_id in voters}
            answer = await self._client.ask(ChangeServers(tuple(addresses.items())), timeout_s)
            if answer.status in NOTHING_DONE:
                gone = new
            elif answer.status is AnswerStatus.OK:
                removed = await self._removed(voters)
                gone = [server_id for server_id in self._roster.addresses if server_id in removed]
            else:
                gone = []
            for server_id in gone:
                await self._dismiss(server_id)
            return answer

    async def remove(self, server_id: ServerId, timeout_s: float = 10.0) -> Answer:
        async with self._changing:
            self._roster.require(server_id)
            answer = await self._client.ask(RemoveServer(server_id), timeout_s)
            if answer.status is AnswerStatus.REFUSED and await self._is_no_member(server_id):
                # It was never added to the end, or the answer to an earlier removal was lost.
                answer = Answer(AnswerStatus.OK, reason=f"{server_id} had no vote")
            if answer.status is AnswerStatus.OK:
                await self._dismiss(server_id)
            return answer

    async def _is_no_member(self, server_id: ServerId) -> bool:
        """Whether the leader says so; False where no leader is there to be asked."""
        status = await self._status_of_leader()
        return status is not None and server_id not in {*status.voters, *status.old_voters, *status.learners}

    async def _removed(self, servers: Iterable[ServerId]) -> list[ServerId]:
        """Who was a member once, as that of `servers` says whose configuration is the latest.

        After a change most voters have it, though none of them may lead yet."""
        statuses = [await self.status(server_id) for server_id in servers]
        there = [status for status in statuses if status is not None]
        latest = max(there, key=lambda status: status.configuration_index, default=None)
        return latest.removed if latest else []

    async def _status_of_leader(self) -> NodeStatus | None:
        leader = self.leader
        return await self.status(leader[0]) if leader and leader[0] in self._roster else None

    async def _start_new(self, server_id: ServerId) -> None:
        """Start a node that waits for the leader to contact it; recorded first, so that it is never forgotten."""
        nodes = self._running_nodes
        addresses, remarks = nodes.place([NodeRecord(server_id)])
        self._remarks += remarks
        self._roster.enter(server_id, addresses[server_id], nodes.redis_address(server_id))
        self._client.set_members(self._roster.addresses)
        try:
            if self._home is not None:
                self._home.record([*self._home.nodes, NodeRecord(server_id, addresses[server_id])])
            await self._launch(server_id, EMPTY)
            if self._home is not None:
                self._home.record_started([server_id])
            # The others must know on which side of a partition it stands.
            await self._break_links()
        except BaseException:
            await self._dismiss(server_id)
            raise

    async def _launch(self, server_id: ServerId, founders: Configuration) -> None:
        if self._home is not None:
            self._home.check(server_id)
        faults = self._faults.links_of(server_id, self._roster.addresses)
        await self._running_nodes.start(server_id, founders, faults)
        self._roster.set_state(server_id, NodeState.RUNNING)

    async def _end(self, server_id: ServerId, state: NodeState, ending: Farewell) -> None:
        try:
            await self._running_nodes.end(server_id, ending)
        finally:
            self._roster.set_state(server_id, state)

    async def _dismiss(self, server_id: ServerId) -> None:
        """End a node and keep no account of it any more; its data, if any, stay where they are."""
        if server_id in self._roster.running:
            await self._end(server_id, NodeState.STOPPED, Farewell.STOP)
        self._running_nodes.forget(server_id)
        self._roster.strike_out(server_id)
        self._faults.forget(server_id)
        self._client.set_members(self._roster.addresses)
        if self._home is not None:
            self._home.record(node for node in self._home.nodes if node.server_id != server_id)

    # --- The verbs on the network ---

    async def partition(self, groups: Iterable[Iterable[ServerId]]) -> None:
        sides = [list(group) for group in groups]
        for server_id in chain.from_iterable(sides):
            self._roster.require(server_id)
        self._faults.partition(sides)
        await self._break_links()

    async def heal(self) -> None:
        self._faults.heal()
        await self._break_links()

    async def slow(self, server_id: ServerId, delay_s: float) -> None:
        self._roster.require(server_id)
        self._faults.slow(server_id, delay_s)
        await self._break_links()

    async def _break_links(self) -> None:
        nodes, all_ids = self._running_nodes, self._roster.addresses
        await all_of(
            nodes.break_links(server_id, self._faults.links_of(server_id, all_ids))
            for server_id in self._roster.running
        )

    @property
    def _running_nodes(self) -> Nodes:
        if self._nodes is None:
            raise SettingError("the cluster has not been started: use it in `async with`")
        return self._nodes


async def all_of(tasks: Iterable[Awaitable[None]]) -> None:
    """Do all of it at the same time, to the end; then raise the first error, if there was any."""
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome

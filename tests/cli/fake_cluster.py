"""A cluster for tests of the prompt: it keeps the Cluster protocol with one real Store and no Raft.

Its nodes agree by decree: the first voter that runs in the largest part of the network leads. What a test wants to go
wrong it says: `fails_with` is raised by the next command, `replies` are given to the next ones in place of the
store's, the methods named in `holding` never return, and a `silent` node gives no status.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from tfraft.clusters.cluster import ClusterInfo, Member, NodeState
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    Consistency,
    MembershipChange,
    TransferLeadership,
    UpdateServer,
)
from tfraft.errors import SettingError
from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus, PeerStatus
from tfraft.store import Store, codec


class FakeCluster:
    def __init__(self, nodes: int = 3, data_dir: str | None = None) -> None:
        self.info = ClusterInfo("memory", data_dir)
        self.states = {f"n{number}": NodeState.RUNNING for number in range(1, nodes + 1)}
        self.voters = list(self.states)
        self.learners: list[ServerId] = []
        self.addresses: dict[ServerId, str] = {}
        self.term = 0
        self.leader: tuple[ServerId, int] | None = None
        self.groups: list[set[ServerId]] = []
        self.delays: dict[ServerId, float] = {}
        self.entries: list[LogEntry] = []
        self.executed: list[list[bytes]] = []
        self.allowed: list[tuple[Consistency, float]] = []
        self.requests: list[MembershipChange | TransferLeadership] = []
        self.fails_with: Exception | None = None
        self.holding: set[str] = set()
        self.replies: list[bytes] = []
        self.heard_s: float | None = 0.012
        self.asked = asyncio.Event()
        self.change_answer = Answer(AnswerStatus.OK)
        self.silent: set[ServerId] = set()
        self._store = Store()
        self._observers: list[Callable[[Event], None]] = []

    @property
    def members(self) -> Sequence[Member]:
        return [Member(server_id, self.addresses.get(server_id, ""), state) for server_id, state in self.states.items()]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    async def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        self.executed.append(list(args))
        self.allowed.append((consistency, max_staleness_s))
        await self._hold("execute")
        if self.fails_with is not None:
            error, self.fails_with = self.fails_with, None
            raise error
        if self.replies:
            return self.replies.pop(0)
        command = codec.encode(list(args))
        if Store.is_read(list(args)):
            return self._store.query(command)
        self._append("command", command)
        return self._store.apply(command)

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        await self._hold("status")
        if self.states[server_id] is not NodeState.RUNNING or server_id in self.silent:
            return None
        leads = self.leader is not None and self.leader[0] == server_id
        last = len(self.entries)
        others = [voter for voter in self.voters if voter != server_id] if leads else []
        return NodeStatus(
            server_id=server_id,
            role="leader" if leads else "follower",
            current_term=self.term,
            voted_for=None,
            leader_id=self.leader[0] if self.leader else None,
            first_index=1,
            last_index=last,
            commit_index=last,
            last_applied=last,
            voters=dict.fromkeys(self.voters, ""),
            learners=dict.fromkeys(self.learners, ""),
            peers=[PeerStatus(other, last, last + 1, 0, self.heard_s) for other in others],
        )

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        return self.entries[first - 1 : last]

    async def ask(self, request: MembershipChange | TransferLeadership, timeout_s: float = 10.0) -> Answer:
        self.requests.append(request)
        if self.change_answer.status is AnswerStatus.OK:
            match request:
                case UpdateServer():
                    self.addresses[request.server] = request.address
                case TransferLeadership():
                    others = [voter for voter in self.voters if self.leader is None or voter != self.leader[0]]
                    self._lead(request.target or others[0])
        return self.change_answer

    async def add(
        self, server_id: ServerId | None = None, timeout_s: float = 10.0, *, learner: bool = False
    ) -> tuple[ServerId, Answer]:
        server_id = server_id or f"n{len(self.states) + 1}"
        if self.change_answer.status is AnswerStatus.OK:
            self.states[server_id] = NodeState.RUNNING
            self.learners = [one for one in self.learners if one != server_id] + [server_id] * learner
            self._configure([*self.voters, *[server_id] * (not learner)])
        return server_id, self.change_answer

    async def change(self, voters: Sequence[ServerId], timeout_s: float = 10.0) -> Answer:
        if self.change_answer.status is AnswerStatus.OK:
            self.states = {server_id: self.states.get(server_id, NodeState.RUNNING) for server_id in voters}
            self._configure(list(voters))
            self._elect()
        return self.change_answer

    async def remove(self, server_id: ServerId, timeout_s: float = 10.0) -> Answer:
        if self.change_answer.status is AnswerStatus.OK:
            self._configure([voter for voter in self.voters if voter != server_id])
            del self.states[server_id]
            self._elect()
        return self.change_answer

    async def stop_node(self, server_id: ServerId) -> None:
        self._end(server_id, NodeState.STOPPED)

    async def kill_node(self, server_id: ServerId) -> None:
        await self._hold("kill_node")
        self._end(server_id, NodeState.KILLED)

    async def start_node(self, server_id: ServerId) -> None:
        if self.states[server_id] is NodeState.RUNNING:
            raise SettingError(f"{server_id} runs already")
        self.states[server_id] = NodeState.RUNNING
        self.tell(server_id, EventKind.STARTED, f"{server_id} started")
        self._elect()

    async def partition(self, groups: Iterable[Iterable[ServerId]]) -> None:
        self.groups = [set(group) for group in groups]
        self._elect()

    async def heal(self) -> None:
        self.groups, self.delays = [], {}
        self._elect()

    async def slow(self, server_id: ServerId, delay_s: float) -> None:
        self.delays[server_id] = delay_s

    def observe(self, on_event: Callable[[Event], None]) -> None:
        """The first leader comes to be while somebody looks, as in a cluster that is observed and then entered."""
        self._observers.append(on_event)
        self._elect()

    def tell(self, server_id: ServerId, kind: EventKind, text: str, section: str = "") -> None:
        for observer in self._observers:
            observer(Event(time.time(), server_id, kind, self.term, text, section))

    async def _hold(self, method: str) -> None:
        """Never return, if this method is held."""
        self.asked.set()
        if method in self.holding:
            await asyncio.get_running_loop().create_future()

    def _end(self, server_id: ServerId, state: NodeState) -> None:
        if self.states[server_id] is not NodeState.RUNNING:
            raise SettingError(f"{server_id} does not run")
        self.states[server_id] = state
        self._elect()

    def _append(self, kind: str, data: bytes) -> None:
        self.entries.append(LogEntry(len(self.entries) + 1, self.term, kind, data))

    def _configure(self, voters: list[ServerId]) -> None:
        self.voters = voters
        self._append("configuration", Configuration.of(voters).encode())

    def _elect(self) -> None:
        """Afterwards the leader is one that can lead; None if none can."""
        rest = set(self.states).difference(*self.groups)
        islands = [
            [voter for voter in self.voters if voter in group and self.states[voter] is NodeState.RUNNING]
            for group in (*self.groups, rest)
        ]
        strongest = max(islands, key=len)
        if len(strongest) <= len(self.voters) // 2:
            self.leader = None
        elif self.leader is None or self.leader[0] not in strongest:
            self._lead(strongest[0])

    def _lead(self, server_id: ServerId) -> None:
        self.term += 1
        self.leader = (server_id, self.term)
        self.tell(server_id, EventKind.CANDIDATE, f"{server_id} election timeout → candidate", "§3.4")
        self.tell(server_id, EventKind.LEADER, f"{server_id} leader of term {self.term}", "§3.6.2")
        self._append("no-op", b"")

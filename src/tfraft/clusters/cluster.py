"""What every ready-made cluster can do, whatever its nodes are made of; the prompt knows nothing else."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from tfraft.core.configuration import ServerId
from tfraft.core.requests import Answer, Consistency, MembershipChange, TransferLeadership
from tfraft.node.status import Event, LogEntry, NodeStatus
from tfraft.record import record


class NodeState(StrEnum):
    """Whether a node of the cluster runs."""

    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    FAILED = "failed"


@record
class Member:
    """A node that this cluster takes care of. `address` is where it listens; `detail` says more if it failed.

    Redis clients reach it at `redis`; nowhere that we know of, where that is empty."""

    server_id: ServerId
    address: str
    state: NodeState
    detail: str = ""
    redis: str = ""


@record
class ClusterInfo:
    """What to tell a user at start: `memory` or `RPC`, where data are kept (None: nowhere), remarks on ports."""

    kind: str
    data_dir: str | None
    remarks: tuple[str, ...] = ()


class Cluster(Protocol):
    """A running cluster, from the chair of its user. An async context manager: entering starts it, leaving stops it.

    The verbs that name a node raise `SettingError` where there is no such node or it is in the wrong state."""

    @property
    def info(self) -> ClusterInfo:
        """What to tell the user at start."""

    @property
    def members(self) -> Sequence[Member]:
        """All nodes, in the order of their numbers."""

    @property
    def leader(self) -> tuple[ServerId, int] | None:
        """The leader and its term as last heard, without asking; None where none is known."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        """Run one command of the store; its reply (RESP3 bytes, see `store.replies`). A read may miss what
        `consistency` allows.

        Waits through leader changes and asks again only where that is safe. Raises `CommandError` for a command that
        is not well-formed, `Refused` if it was not executed, `OutcomeUnknown` for a write that may or may not take
        effect, `Unavailable` for a read without an answer; the text names what could not be reached."""

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        """The status of a node; None where it does not run or does not answer within a second."""

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        """The entries of a node's log from `first` to `last`, as far as it has them."""

    async def ask(self, request: MembershipChange | TransferLeadership, timeout_s: float = 10.0) -> Answer:
        """Hand a request to the leader that neither starts nor ends a node; its answer. It is never sent twice."""

    async def add(
        self, server_id: ServerId | None = None, timeout_s: float = 10.0, *, learner: bool = False
    ) -> tuple[ServerId, Answer]:
        """Start a new node and make it a voter once it is caught up (§4.2.1); without an id the next free name.

        With `learner` it gets no vote; a learner that is added again without is promoted."""

    async def change(self, voters: Sequence[ServerId], timeout_s: float = 10.0) -> Answer:
        """Make these the voters in one step, by joint consensus (§4.3): new nodes are started, others stopped."""

    async def remove(self, server_id: ServerId, timeout_s: float = 10.0) -> Answer:
        """Make a node a member no more (§4.2.2), then stop it. Its name is never given again."""

    async def stop_node(self, server_id: ServerId) -> None:
        """Stop a node in good order."""

    async def start_node(self, server_id: ServerId) -> None:
        """Start a node again that was stopped or killed, from what it saved."""

    async def kill_node(self, server_id: ServerId) -> None:
        """End a node at once, as kill -9 would: what it had not saved is gone."""

    async def partition(self, groups: Iterable[Iterable[ServerId]]) -> None:
        """Cut the network between the groups; nodes that are in none of them form one more group together."""

    async def heal(self) -> None:
        """Remove all partitions and delays."""

    async def slow(self, server_id: ServerId, delay_s: float) -> None:
        """Delay each message to and from a node by `delay_s`; 0 ends it."""

    def observe(self, on_event: Callable[[Event], None]) -> None:
        """From now on hand every event of every node to `on_event`."""

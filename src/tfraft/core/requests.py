"""What clients and operators ask of a node, and what it answers: the RPCs of chapters 3, 4 and 6.

`RegisterClient` and `ClientRequest` change the state machine, `ClientQuery` reads it (§6.3, §6.4); `AddServer`,
`RemoveServer`, `UpdateServer` and `ChangeServers` change the cluster (ch. 4), `TransferLeadership` who leads (§3.10).
All are answered by an `Answer`. `ClientBatch` carries many of the first three from a server that does not lead.
"""

from enum import IntEnum

from tfraft.core.configuration import ServerId
from tfraft.record import record


class AnswerStatus(IntEnum):
    """What became of a request. Only TIMEOUT leaves it open; after any other, the client knows."""

    OK = 0
    """Done: committed and applied, `response` holds the result."""
    NOT_LEADER = 1
    """Not done and never will be: this node does not lead, or another's entry took its place."""
    REFUSED = 2
    """Not done and never will be, for the `reason` given."""
    TIMEOUT = 3
    """Not known: it may have been done, or may still be done."""
    SESSION_EXPIRED = 4
    """Not done by this request and never will be: the session is gone, or never was; register anew (§6.3)."""
    OVERLOADED = 5
    """Not done and never will be: the node has too much to do; ask again a little later."""


@record
class Answer:
    """The answer to any request below. `leader_hint` and `leader_address` are empty where no leader is known.

    To a batch that is OK the `answers` are those to its requests, in order."""

    status: AnswerStatus
    response: bytes = b""
    leader_hint: ServerId = ""
    leader_address: str = ""
    reason: str = ""
    answers: "tuple[Answer, ...]" = ()


@record
class RegisterClient:
    """Open a session (§6.3); the response is its client id, a decimal number above 0."""


@record
class ClientRequest:
    """Replicate `command` and apply it; the response is what the state machine answered.

    With a `client_id` of a session it is applied once, however often it is sent with the same `sequence_num`: later
    ones get the response of the first (§6.3). The client will never again send a number below `lowest_unanswered`,
    and its responses may be forgotten. Without a session (0) each is applied as often as it is sent."""

    command: bytes
    client_id: int = 0
    sequence_num: int = 0
    lowest_unanswered: int = 0


class Consistency(IntEnum):
    """What a read may miss (§6.4)."""

    LINEARIZABLE = 0
    """Nothing that was answered before it was sent: the leader asks a majority whether it still leads."""
    LEASE = 1
    """The same, as long as no clock drifts by more than `RaftConfig.clock_drift_bound`; nobody is asked."""
    FOLLOWER = 2
    """The same, answered by the server that is asked, which asks the leader for an index to read at."""
    STALE = 3
    """What is not older than `max_staleness_s`, on whatever server is asked."""


@record
class ClientQuery:
    """Ask the state machine without changing it; sees every write that was answered before it was sent (§6.4).

    Unless `consistency` allows less; `max_staleness_s` is for STALE alone."""

    query: bytes
    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness_s: float = 0.0


ClientCall = RegisterClient | ClientRequest | ClientQuery


@record
class ClientBatch:
    """Do what clients of another server ask, all of `requests` in this order; each gets an answer of its own.

    The answer to the batch is OK once all have theirs. Any other is the answer to each of them."""

    requests: tuple[ClientCall, ...]


@record
class AddServer:
    """Make `new_server` a voter, after it has been caught up (§4.2.1); or a learner, which never votes.

    Where `configuration_index` is above 0, it must be the index of the configuration in force: who has decided on
    the ground of an older one is refused. So in all changes below. `force` skips the question whether a quorum of the
    new configuration answers."""

    new_server: ServerId
    address: str = ""
    learner: bool = False
    configuration_index: int = 0
    force: bool = False


@record
class RemoveServer:
    """Make `old_server`, a voter or a learner, a member no more (§4.1). Its id is never given again."""

    old_server: ServerId
    configuration_index: int = 0
    force: bool = False


@record
class UpdateServer:
    """From now on the member `server` is reached at `address`."""

    server: ServerId
    address: str
    configuration_index: int = 0


@record
class ChangeServers:
    """Make `voters`, pairs of id and address, the voters, all in one step, by joint consensus (§4.3)."""

    voters: tuple[tuple[ServerId, str], ...]
    configuration_index: int = 0
    force: bool = False


@record
class TransferLeadership:
    """Let `target` lead (§3.10); without one, the server whose log is furthest."""

    target: ServerId = ""


MembershipChange = AddServer | RemoveServer | UpdateServer | ChangeServers
NodeRequest = ClientCall | ClientBatch | MembershipChange | TransferLeadership

"""What clients and operators ask of a node, and what it answers: the RPCs of chapters 4 and 6.

`ClientRequest` changes the state machine, `ClientQuery` reads it (§6.4), `AddServer` and `RemoveServer` change the
cluster (Figure 4.1). All four are answered by an `Answer`.
"""

from enum import IntEnum

from tfraft.core.messages import ServerId
from tfraft.record import record


class AnswerStatus(IntEnum):
    """What became of a request. Only TIMEOUT leaves it open; after any other, the client knows."""

    OK = 0
    """Done: committed and applied, `response` holds the result."""
    NOT_LEADER = 1
    """Not done and never will be: this node does not lead, or another's entry took its place."""
    REFUSED = 2
    """Not done and never will be, for the `reason` given; asking again the same way gives the same."""
    TIMEOUT = 3
    """Not known: it may have been done, or may still be done."""


@record
class Answer:
    """The answer to any request below. `leader_hint` and `leader_address` are empty where no leader is known."""

    status: AnswerStatus
    response: bytes = b""
    leader_hint: ServerId = ""
    leader_address: str = ""
    reason: str = ""


@record
class ClientRequest:
    """Replicate `command` and apply it; the response is what the state machine answered."""

    command: bytes


@record
class ClientQuery:
    """Ask the state machine without changing it; sees every write that was answered before it was sent (§6.4)."""

    query: bytes


@record
class AddServer:
    """Make `new_server` a voter, after it has been caught up (§4.2.1)."""

    new_server: ServerId
    address: str = ""


@record
class RemoveServer:
    """Make `old_server` a voter no more (§4.1)."""

    old_server: ServerId


NodeRequest = ClientRequest | ClientQuery | AddServer | RemoveServer

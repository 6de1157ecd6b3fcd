"""The way from a connection of a client to the node that can do what it asks."""

import asyncio
from typing import Final, Protocol

from tfraft.core.config import RaftConfig
from tfraft.core.requests import Answer, AnswerStatus, ClientCall, ClientQuery, ClientRequest, Consistency
from tfraft.node.node import RaftNode
from tfraft.node.status import NodeStatus
from tfraft.ports import OnAnswer, PeerFactory
from tfraft.resp.lane import Lane, Patience
from tfraft.resp.leaders import Leaders

ANSWER_WAIT_S: Final = 5.0
"""A request that a leader has taken is given up after so long: the leader may have lost the others."""
READ_BATCHES: Final = 8
"""So many batches of reads are under way to a leader at a time."""
LARGEST_NUMBER: Final = 2**64 - 1
"""Of the numbers of a session."""

_BY_ANY_SERVER: Final = (Consistency.FOLLOWER, Consistency.STALE)


class Gateway(Protocol):
    """What a connection knows of the cluster."""

    def request(self, request: ClientCall, on_answer: OnAnswer) -> None:
        """Have it done, here or at the leader, wherever that is; `on_answer` gets its one answer.

        That is OK, REFUSED, OVERLOADED, SESSION_EXPIRED, NOT_LEADER (certainly not done: no leader in time) or, for a
        write, TIMEOUT (it may have been done, or may still be). Writes are executed in the order in which they were
        asked for; reads overtake them, and each other."""

    def status(self) -> NodeStatus:
        """The node of this server at this moment."""


def leader_wait_s(config: RaftConfig) -> float:
    """How long requests wait for a leader by default: two election timeouts at their longest, and at least 1 s."""
    return max(1.0, 4 * config.election_timeout_s)


class NodeGateway:
    """The `Gateway` of `node`, which reaches other servers by `connect`.

    Reads that any server may answer are answered by this one. All others go to the leader, for which they wait up to
    `leader_wait_s`. A write that may have been done is never sent again, unless a session sees to it that it is done
    once."""

    def __init__(
        self,
        node: RaftNode,
        connect: PeerFactory,
        leader_wait_s: float,
        loop: asyncio.AbstractEventLoop,
        *,
        answer_wait_s: float = ANSWER_WAIT_S,
    ) -> None:
        self._node = node
        self._leaders = Leaders(connect)
        patience = Patience(leader_wait_s, answer_wait_s)
        self._writes = Lane(node, self._leaders, loop, patience, ordered=True)
        self._reads = Lane(node, self._leaders, loop, patience, batches=READ_BATCHES)
        self._own_reads = Lane(node, self._leaders, loop, patience, stays=True)

    def request(self, request: ClientCall, on_answer: OnAnswer) -> None:
        """See `Gateway`."""
        match request:
            case ClientRequest() if not request.client_id:
                self._writes.request(request, on_answer)
            case ClientRequest(_, client_id, sequence_num, lowest_unanswered):
                numbers = (client_id, sequence_num, lowest_unanswered)
                if min(numbers) >= 0 and max(numbers) <= LARGEST_NUMBER:
                    self._writes.request(request, on_answer)
                else:
                    reason = f"a number of a session is from 0 to {LARGEST_NUMBER}"
                    on_answer(Answer(AnswerStatus.REFUSED, reason=reason))
            case ClientQuery() if request.consistency in _BY_ANY_SERVER:
                self._own_reads.request(request, on_answer)
            case _:
                self._reads.request(request, on_answer)

    def status(self) -> NodeStatus:
        """See `Gateway`."""
        return self._node.status()

    async def close(self) -> None:
        """Give up all requests, and end the connections to other servers. Nothing may be asked for afterwards."""
        tasks = [task for lane in (self._writes, self._reads, self._own_reads) for task in lane.close()]
        if tasks:
            await asyncio.wait(tasks)
        await self._leaders.close()

"""The messages between servers: one record for each RPC of Figure 3.1, with its reply.

Log indexes start at 1; index 0, of term 0, is the place before the first entry. Every message names its sender, and a
server answers to that name; a request tells its sender's address too, for a server that has no configuration yet and
could not answer otherwise. A message may be lost, doubled, delayed and reordered: each can be judged by itself.
"""

from typing import assert_never

from tfraft.core.base import Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.entry import NO_ENTRIES, Entries
from tfraft.record import record


@record
class RequestVote:
    """A candidate asks for a vote (§3.4); the last entry of its log lets the voter compare logs (§3.6.1).

    `leadership_transfer` says that the leader itself has asked for this election: those who hear from it need not
    protect it (§3.10, §4.2.3)."""

    term: int
    candidate_id: ServerId
    last_log_index: int
    last_log_term: int
    candidate_address: str = ""
    leadership_transfer: bool = False


@record
class RequestVoteReply:
    """`server_id` answers a RequestVote; `term` is its current term, so that a stale candidate learns of it.

    `incarnation` says how often its disk has lost what it held: it speaks for a voter of that incarnation alone."""

    term: int
    server_id: ServerId
    vote_granted: bool
    incarnation: int = 0


@record
class PreVote:
    """A server asks who would vote for it in `term`, one above its own; it stands only if enough would (§9.6).

    Nobody's term or vote changes by it."""

    term: int
    candidate_id: ServerId
    last_log_index: int
    last_log_term: int
    candidate_address: str = ""


@record
class PreVoteReply:
    """`server_id` answers a PreVote for `pre_vote_term`; `term` is its current term, for who is behind.

    `incarnation` as in RequestVoteReply."""

    term: int
    server_id: ServerId
    vote_granted: bool
    pre_vote_term: int
    incarnation: int = 0


@record
class TimeoutNow:
    """The leader asks its successor to stand for election at once, as if its election timer had run out (§3.10)."""

    term: int
    leader_id: ServerId


@record
class AppendEntries:
    """A leader replicates `entries`, which follow the entry (`prev_log_index`, `prev_log_term`); a heartbeat if empty.

    `read_round` numbers the leader's rounds of heartbeats, and `sent_at` is the leader's clock in seconds; the reply
    carries both back (§6.4). The clock of one server tells nothing about that of another."""

    term: int
    leader_id: ServerId
    prev_log_index: int
    prev_log_term: int
    entries: Entries = NO_ENTRIES
    leader_commit: int = 0
    read_round: int = 0
    leader_address: str = ""
    sent_at: float = 0.0


@record
class AppendEntriesReply:
    """`server_id` answers an AppendEntries.

    On success its log equals the leader's through `match_index`, and that is on its disk. Otherwise
    `prev_log_index` says which request failed, and the conflict tells the leader where to go on (§3.5):
    (`conflict_index`, `conflict_term`) is the first index of the term that stood at `prev_log_index`, or the index
    after the last entry and term 0 where the log was too short. `incarnation` as in RequestVoteReply, `priority` as in
    RaftConfig."""

    term: int
    server_id: ServerId
    success: bool
    match_index: int = 0
    prev_log_index: int = 0
    conflict_index: int = 0
    conflict_term: int = 0
    read_round: int = 0
    sent_at: float = 0.0
    incarnation: int = 0
    priority: int = 0


@record
class InstallSnapshot:
    """A leader sends the bytes of `snapshot` from `offset` on, to a server that needs entries it has no more (§5.1).

    A piece has `size_bytes`, and so many bytes of `data`. The core leaves `data` empty: the node, which has the file,
    puts them in."""

    term: int
    leader_id: ServerId
    snapshot: Snapshot
    offset: int
    size_bytes: int
    data: bytes = b""
    leader_address: str = ""


@record
class InstallSnapshotReply:
    """`server_id` has the first `offset` bytes of the snapshot at `last_index`, and wants those after them.

    Where the snapshot is whole, or not needed any more, AppendEntriesReply with a success says so instead."""

    term: int
    server_id: ServerId
    last_index: int
    offset: int


@record
class ReadIndex:
    """A server that does not lead asks for an index to read at (§6.4); `number` pairs the reply with the request."""

    term: int
    server_id: ServerId
    number: int


@record
class ReadIndexReply:
    """The leader has confirmed that it led after ReadIndex `number` came: who has applied `read_index` may read."""

    term: int
    leader_id: ServerId
    number: int
    read_index: int


Request = RequestVote | PreVote | AppendEntries | InstallSnapshot | TimeoutNow | ReadIndex
Reply = RequestVoteReply | PreVoteReply | AppendEntriesReply | InstallSnapshotReply | ReadIndexReply
Message = Request | Reply


def address_in(message: Message) -> str:
    """The address that the sender of `message` tells; empty if it tells none."""
    match message:
        case RequestVote() | PreVote():
            return message.candidate_address
        case AppendEntries() | InstallSnapshot():
            return message.leader_address
        case _:
            return ""


def sender_of(message: Message) -> ServerId:
    """The id of the server that sent `message`."""
    match message:
        case RequestVote() | PreVote():
            return message.candidate_id
        case AppendEntries() | InstallSnapshot() | TimeoutNow() | ReadIndexReply():
            return message.leader_id
        case RequestVoteReply() | PreVoteReply() | AppendEntriesReply() | InstallSnapshotReply() | ReadIndex():
            return message.server_id
        case _:
            assert_never(message)

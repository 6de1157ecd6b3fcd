"""The messages between servers: one record for each RPC of Figure 3.1, with its reply.

Log indexes start at 1; index 0, of term 0, is the place before the first entry. Every message names its sender, and a
server answers to that name; a request tells its sender's address too, for a server that has no configuration yet and
could not answer otherwise. A message may be lost, doubled, delayed and reordered: each can be judged by itself.
"""

from typing import assert_never

from tfraft.core.entry import NO_ENTRIES, Entries
from tfraft.record import record

ServerId = str


@record
class RequestVote:
    """A candidate asks for a vote (§3.4); the last entry of its log lets the voter compare logs (§3.6.1)."""

    term: int
    candidate_id: ServerId
    last_log_index: int
    last_log_term: int
    candidate_address: str = ""


@record
class RequestVoteReply:
    """`server_id` answers a RequestVote; `term` is its current term, so that a stale candidate learns of it."""

    term: int
    server_id: ServerId
    vote_granted: bool


@record
class AppendEntries:
    """A leader replicates `entries`, which follow the entry (`prev_log_index`, `prev_log_term`); a heartbeat if empty.

    `read_round` numbers the leader's rounds of heartbeats; the reply carries it back (§6.4)."""

    term: int
    leader_id: ServerId
    prev_log_index: int
    prev_log_term: int
    entries: Entries = NO_ENTRIES
    leader_commit: int = 0
    read_round: int = 0
    leader_address: str = ""


@record
class AppendEntriesReply:
    """`server_id` answers an AppendEntries.

    On success its log equals the leader's through `match_index`, and that is on its disk. Otherwise
    `prev_log_index` says which request failed, and the conflict tells the leader where to go on (§3.5):
    (`conflict_index`, `conflict_term`) is the first index of the term that stood at `prev_log_index`, or the index
    after the last entry and term 0 where the log was too short."""

    term: int
    server_id: ServerId
    success: bool
    match_index: int = 0
    prev_log_index: int = 0
    conflict_index: int = 0
    conflict_term: int = 0
    read_round: int = 0


Request = RequestVote | AppendEntries
Reply = RequestVoteReply | AppendEntriesReply
Message = Request | Reply


def address_in(message: Message) -> str:
    """The address that the sender of `message` tells; empty if it tells none."""
    match message:
        case RequestVote():
            return message.candidate_address
        case AppendEntries():
            return message.leader_address
        case RequestVoteReply() | AppendEntriesReply():
            return ""
        case _:
            assert_never(message)


def sender_of(message: Message) -> ServerId:
    """The id of the server that sent `message`."""
    match message:
        case RequestVote():
            return message.candidate_id
        case AppendEntries():
            return message.leader_id
        case RequestVoteReply() | AppendEntriesReply():
            return message.server_id
        case _:
            assert_never(message)

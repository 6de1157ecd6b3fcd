"""One of everything that a network carries, for the tests of all networks."""

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientBatch,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)

MESSAGES: list[Message] = [
    RequestVote(term=7, candidate_id="n1", last_log_index=12, last_log_term=6, candidate_address="127.0.0.1:1"),
    RequestVoteReply(term=7, server_id="ñ2 ☃", vote_granted=True, incarnation=2),
    AppendEntries(term=7, leader_id="n1", prev_log_index=0, prev_log_term=0),
    AppendEntries(
        term=7,
        leader_id="n1",
        prev_log_index=12,
        prev_log_term=6,
        entries=Entries.of(
            Entry(6, EntryKind.COMMAND, b"SET k v"),
            Entry(7, EntryKind.NO_OP),
            Entry(7, EntryKind.CONFIGURATION, b'{"voters":{"n1":""}}'),
        ),
        leader_commit=11,
        read_round=2**40,
        leader_address="höst:1",
        sent_at=1.1,
    ),
    AppendEntriesReply(term=7, server_id="n2", success=True, match_index=15, sent_at=1.1, incarnation=2, priority=3),
    AppendEntriesReply(term=8, server_id="n2", success=False, prev_log_index=12, conflict_index=9, conflict_term=4),
    RequestVote(8, "n1", 12, 6, "127.0.0.1:1", leadership_transfer=True),
    PreVote(term=8, candidate_id="n1", last_log_index=12, last_log_term=6, candidate_address="127.0.0.1:1"),
    PreVoteReply(term=7, server_id="n2", vote_granted=True, pre_vote_term=8, incarnation=2),
    TimeoutNow(term=7, leader_id="n1"),
    InstallSnapshot(
        term=7,
        leader_id="n1",
        snapshot=Snapshot(
            Base(9, 5, Configuration.of({"n1": "höst:1", "n2": ""}, ["n3"], removed=["n0"]), 4), 100_000, 2**32 - 1
        ),
        offset=65_536,
        size_bytes=4,
        data=b"\x00\xff\r\n",
        leader_address="höst:1",
    ),
    InstallSnapshotReply(term=7, server_id="n2", last_index=9, offset=65_540),
    ReadIndex(term=7, server_id="n2", number=4),
    ReadIndexReply(term=7, leader_id="n1", number=4, read_index=15),
]
ANSWERS = [
    Answer(AnswerStatus.OK, response=b"\x00+OK\r\n"),
    Answer(AnswerStatus.NOT_LEADER, leader_hint="n2", leader_address="host:1"),
    Answer(AnswerStatus.REFUSED, reason="n9 is a voter already — remove it first"),
    Answer(AnswerStatus.TIMEOUT),
    Answer(AnswerStatus.SESSION_EXPIRED),
    Answer(AnswerStatus.OVERLOADED, reason="64 MiB wait to be committed"),
]
REQUESTS: list[NodeRequest] = [
    ClientRequest(b"SET k v"),
    ClientRequest(b"SET k v", client_id=2**64 - 1, sequence_num=3, lowest_unanswered=2),
    RegisterClient(),
    ClientQuery(b"GET k"),
    *[ClientQuery(b"GET k", consistency, 1.5) for consistency in Consistency],
    ClientBatch(()),
    ClientBatch((ClientRequest(b"SET k v", 1, 2, 3), RegisterClient(), ClientQuery(b"GET k", Consistency.LEASE, 1.5))),
    AddServer("n4", "127.0.0.1:4"),
    AddServer("n4", "127.0.0.1:4", learner=True, configuration_index=9, force=True),
    RemoveServer("n4"),
    RemoveServer("ñ4 ☃", configuration_index=9, force=True),
    UpdateServer("n4", "[::1]:4", configuration_index=9),
    ChangeServers((("n2", "host:2"), ("n1", "host:1")), configuration_index=9, force=True),
    ChangeServers((("n1", "host:1"),)),
    TransferLeadership("n2"),
    TransferLeadership(),
]


def heartbeat(number: int = 0) -> AppendEntries:
    return AppendEntries(term=1, leader_id="n1", prev_log_index=number, prev_log_term=0)

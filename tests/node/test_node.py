"""The node carries out effects in their order, keeps time, and answers everybody once."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from tests.node.lab import VOTERS, HandDisk, Lab, asks_vote, heartbeat
from tfraft.core.base import Base
from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Reply,
    RequestVote,
    RequestVoteReply,
)
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    RemoveServer,
)
from tfraft.errors import StorageFailed
from tfraft.node.alarm import MAIL_GRACE_S
from tfraft.node.node import RaftNode
from tfraft.node.opening import open_state
from tfraft.node.status import EventKind, LogEntry, PeerStatus
from tfraft.ports import Handler, OnSaved
from tfraft.store import Store, codec
from tfraft.store.sessions import Sessions

SET = ClientRequest(codec.encode([b"SET", b"k", b"v"]))
GET = ClientQuery(codec.encode([b"GET", b"k"]))


def test_a_vote_leaves_only_after_it_is_on_disk() -> None:
    """§3.8: a server must not vote twice in one term, even across a restart."""
    lab = Lab()
    lab.receive(asks_vote(1))
    assert lab.sent_now() == []
    assert lab.disk.saves[0][0] == Save(1, "b")
    lab.saved()
    assert lab.sent_now() == [("b@b:1", RequestVoteReply(1, "a", True))]


def test_a_leaders_entries_leave_while_its_own_disk_is_busy() -> None:
    """§10.2.1: the leader writes to its disk in parallel with replicating to the others."""
    lab = Lab().lead()
    lab.ask(SET)
    assert len(lab.disk.saves) == 1
    assert [to for to, message in lab.sent_now() if isinstance(message, AppendEntries)] == ["b@b:1"]


def test_what_arrives_before_the_turn_is_one_batch() -> None:
    """§10.2.2: commands that come together share one save and one AppendEntries."""
    lab = Lab().lead()
    for _ in range(5):
        lab.node.request(SET, lab.answers.append)
    lab.loop.run()
    assert len(lab.disk.saves[0][0].entries) == 5
    assert [len(message.entries) for _, message in lab.sent_now() if isinstance(message, AppendEntries)] == [5]


def test_a_write_is_answered_with_the_result_once_it_is_committed_and_applied() -> None:
    """§6.1: the leader answers after it has applied the command."""
    lab = Lab().lead()
    lab.ask(SET)
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2))
    assert lab.answers == []
    lab.saved()
    assert lab.answers == [Answer(AnswerStatus.OK, b"+OK\r\n")]


def test_a_read_is_answered_once_a_majority_has_confirmed_the_leader() -> None:
    """§6.4: the leader exchanges heartbeats with a majority before it answers."""
    lab = Lab().lead()
    lab.ask(GET)
    assert lab.answers == []
    lab.receive(AppendEntriesReply(1, "b", True, match_index=1, read_round=1))
    assert lab.answers == [Answer(AnswerStatus.OK, b"_\r\n")]


def test_a_follower_answers_with_the_leader_it_knows_and_its_address() -> None:
    """§6.2: a server that is not the leader rejects the request and names the leader."""
    lab = Lab()
    lab.receive(heartbeat())
    lab.ask(SET)
    lab.ask(GET)
    assert lab.answers == [Answer(AnswerStatus.NOT_LEADER, leader_hint="b", leader_address="b:1")] * 2


def test_a_membership_change_is_answered_when_its_entry_is_committed() -> None:
    """Figure 4.1: reply OK once the configuration entry is committed."""
    lab = Lab().lead()
    lab.receive(AppendEntriesReply(1, "c", True, match_index=1))
    lab.ask(RemoveServer("c"))
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2))
    lab.saved()
    assert lab.answers == [Answer(AnswerStatus.OK)]
    assert lab.node.status().voters == {"a": "a:1", "b": "b:1"}


def test_a_server_that_is_being_added_is_reached_at_the_address_of_the_request() -> None:
    """§4.2.1: it is caught up before it is in the configuration that names it."""
    lab = Lab().lead()
    lab.ask(AddServer("d", "d:9"))
    assert "d@d:9" in [to for to, _ in lab.sent_now()]


def test_a_server_that_has_moved_is_reached_at_its_new_address() -> None:
    """The configuration in force names the address (§4.1)."""
    lab = Lab()
    lab.receive(asks_vote(1))
    lab.saved()
    moved = Configuration.of({"a": "a:1", "b": "b:2", "c": "c:1"})
    entries = Entries.of(Entry(1, EntryKind.CONFIGURATION, moved.encode()))
    lab.sent_now()
    lab.receive(AppendEntries(1, "b", 0, 0, entries))
    lab.saved()
    assert [to for to, _ in lab.sent_now()] == ["b@b:2"]
    asyncio.run(lab.node.stop())
    assert all(wire.closed for wire in lab.wires)
    assert len(lab.wires) == 2


def test_a_call_gets_the_one_reply_to_its_request() -> None:
    """The unary calls of the service `RaftNode`; the next reply to the same server goes to its connection."""
    lab = Lab()
    replies: list[Reply] = []
    lab.node.receive(heartbeat(), replies.append)
    lab.loop.run()
    lab.saved()
    lab.receive(heartbeat())
    assert replies == [AppendEntriesReply(1, "a", True)]
    assert lab.sent_now() == [("b@b:1", AppendEntriesReply(1, "a", True))]


def test_a_server_without_a_configuration_answers_to_the_address_that_the_request_tells() -> None:
    """§4.2.1: a server that is being caught up does not know where the leader is reached."""
    lab = Lab(configuration=EMPTY)
    lab.receive(AppendEntries(1, "b", 0, 0, leader_address="b:7"))
    lab.saved()
    assert lab.sent_now() == [("b@b:7", AppendEntriesReply(1, "a", True))]


def test_a_request_for_votes_never_goes_to_a_caller() -> None:
    """Only replies do; a call waits for one."""
    lab = Lab()
    replies: list[Reply] = []
    lab.node.receive(asks_vote(1), replies.append)
    lab.loop.run()
    lab.saved()
    lab.time_out()
    lab.saved()
    assert [message for to, message in lab.sent_now() if to.startswith("b")] == [RequestVote(2, "a", 0, 0, "a:1")]


def test_a_failed_save_stops_the_node_and_nothing_is_acknowledged() -> None:
    """PITFALLS 35: an fsync that failed is not retried; who waits is told that the outcome is not known."""
    lab = Lab().lead()
    lab.ask(SET)
    lab.sent_now()
    lab.disk.saves.pop()[1](StorageFailed("disk.json: no space left"))
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2), heartbeat(9))
    assert [answer.status for answer in lab.answers] == [AnswerStatus.TIMEOUT]
    assert lab.told() == [(EventKind.STORAGE_FAILED, "a stops: disk.json: no space left")]
    assert lab.sent_now() == []


def test_a_save_that_completes_after_the_stop_changes_nothing() -> None:
    """A stopped node neither speaks nor writes."""
    lab = Lab()
    lab.receive(asks_vote(1))
    lab.node.halt()
    lab.saved()
    assert lab.sent_now() == []


def test_a_stopped_node_refuses_and_answers_all_who_wait() -> None:
    """Everybody who waits is answered exactly once."""
    lab = Lab().lead()
    lab.ask(SET)
    lab.ask(GET)
    asyncio.run(lab.node.stop(hand_over=False))
    asyncio.run(lab.node.stop(hand_over=False))
    lab.ask(SET)
    assert sorted(answer.status for answer in lab.answers) == [
        AnswerStatus.NOT_LEADER,
        AnswerStatus.NOT_LEADER,
        AnswerStatus.TIMEOUT,
    ]
    assert lab.answers[-1].reason == "a is stopped"
    assert lab.told()[-1] == (EventKind.STOPPED, "a stopped")


def test_a_turn_that_is_due_when_the_node_stops_does_nothing() -> None:
    """What was fed but not drained is forgotten."""
    lab = Lab()
    lab.node.receive(asks_vote(1))
    lab.node.halt()
    lab.loop.run()
    assert lab.disk.saves == []


class Poisoned:
    """A state machine that raises, though it must not."""

    def apply(self, command: bytes) -> bytes:
        raise ValueError("poison")

    def query(self, query: bytes) -> bytes:
        return b""

    def snapshot(self) -> Iterator[bytes]:
        yield b""

    def restore(self, pieces: Iterable[bytes]) -> None:
        pass


def test_a_state_machine_that_raises_answers_with_what_it_raised_and_the_node_goes_on() -> None:
    """PITFALLS 33: stopping would stop every server, at every start, at the same entry."""
    lab = Lab(machine=Poisoned()).lead()
    lab.ask(SET)
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2))
    lab.saved()
    assert lab.answers == [Answer(AnswerStatus.REFUSED, reason="the state machine raised ValueError('poison')")]
    assert lab.node.status().last_applied == 2


# --- Time ---


def test_the_election_timer_runs_out_without_a_leader() -> None:
    """§3.4: a follower that hears nothing over an election timeout stands for election."""
    lab = Lab()
    lab.time_out()
    assert lab.node.status().role == "candidate"


def test_a_heartbeat_puts_the_election_off() -> None:
    """§3.4: a follower stays one as long as it receives valid RPCs from a leader. Time is a level, not an edge."""
    lab = Lab()
    first_deadline = lab.node.raft.deadline
    lab.loop.now = first_deadline - 0.01
    lab.receive(heartbeat())
    lab.loop.advance(first_deadline)
    assert lab.node.status().role == "follower"
    assert lab.loop.timers[-1].when() == lab.node.raft.deadline > first_deadline


def test_a_node_that_was_held_up_reads_its_mail_before_it_stands_for_election() -> None:
    """A paused process finds its timer expired and a heartbeat in its socket: the heartbeat counts."""
    lab = Lab()
    lab.loop.hold_up(lab.node.raft.deadline + 5)
    assert lab.node.status().role == "follower"
    lab.receive(heartbeat())
    lab.loop.hold_up(lab.loop.now + MAIL_GRACE_S)
    assert lab.node.status().role == "follower"


def test_a_node_that_is_always_late_stands_for_election_all_the_same() -> None:
    """The grace is given once, or an overloaded server would never stand."""
    lab = Lab()
    lab.loop.hold_up(lab.node.raft.deadline + 5)
    lab.loop.hold_up(lab.loop.now + 5)
    assert lab.node.status().role == "candidate"


def test_a_leader_wakes_for_its_heartbeats() -> None:
    """§3.4: a leader sends periodic heartbeats."""
    lab = Lab().lead()
    lab.loop.advance(lab.node.raft.deadline)
    assert sorted(to for to, _ in lab.sent_now()) == ["b@b:1", "c@c:1"]


# --- What it says of itself ---


def test_the_status_shows_the_node_and_its_followers() -> None:
    """STATUS: node, role, term, log, commit, applied, match, and when each was last heard."""
    lab = Lab().lead()
    status = lab.node.status()
    assert (status.role, status.current_term, status.voted_for, status.leader_id) == ("leader", 1, "a", "a")
    assert (status.first_index, status.last_index, status.commit_index, status.last_applied) == (1, 1, 1, 1)
    assert status.voters == {"a": "a:1", "b": "b:1", "c": "c:1"}
    assert status.peers[0] == PeerStatus("b", match_index=1, next_index=2, inflight=0, heard_s=0.0)


def test_the_log_shows_the_entries_it_has_of_those_asked_for() -> None:
    """LOG: each entry with term and kind."""
    lab = Lab().lead()
    lab.ask(SET)
    assert lab.node.log(-5, 99) == [LogEntry(1, 1, "no-op", b""), LogEntry(2, 1, "command", SET.command)]


# --- The beginning ---


class FailingDisk(HandDisk):
    """A disk on which nothing can be saved."""

    def save(self, save: Save, on_saved: OnSaved) -> None:
        on_saved(StorageFailed("read-only"))


def test_a_cluster_is_not_founded_on_a_disk_that_fails() -> None:
    """§3.8: what is not on disk does not count."""
    disk = FailingDisk()
    with pytest.raises(StorageFailed):
        asyncio.run(open_state(disk, None, Sessions(Store()), VOTERS))
    assert disk.closed == 1


@dataclass
class Door:
    """A server that can fail to open."""

    opens: bool = True
    address: str = "a:1"

    async def start(self, handler: Handler) -> None:
        if not self.opens:
            raise StorageFailed("the port is taken")

    async def stop(self) -> None:
        pass


class FullDisk(HandDisk):
    """A disk that has a state, and keeps what is saved."""

    def __init__(self, saved: Saved | None = None) -> None:
        super().__init__()
        self.saved = saved

    def load(self) -> Saved | None:
        return self.saved

    def save(self, save: Save, on_saved: OnSaved) -> None:
        on_saved(None)


def test_a_founder_leads_a_cluster_of_itself() -> None:
    """§4.4: the first server starts alone, and others join by AddServer."""

    async def run() -> None:
        async with await RaftNode.create("a", Door(), FullDisk(), Lab()._connect, leader=True) as node:
            assert node.status().voters == {"a": "a:1"}

    asyncio.run(run())


def test_a_server_that_is_to_join_has_no_configuration_and_waits() -> None:
    """§4.4: a server that joins starts with an empty configuration and never stands for election."""

    async def run() -> None:
        async with await RaftNode.create("a", Door(), FullDisk(), Lab()._connect) as node:
            assert node.status().voters == {}

    asyncio.run(run())


def test_what_is_on_disk_wins_over_what_the_caller_would_found() -> None:
    """A restart with the same arguments goes on where the server was."""

    async def run() -> None:
        disk = FullDisk(Saved(current_term=7, base=Base(configuration=VOTERS)))
        async with await RaftNode.create("a", Door(), disk, Lab()._connect, leader=True) as node:
            assert (node.status().current_term, len(node.status().voters)) == (7, 3)

    asyncio.run(run())


def test_a_server_that_cannot_listen_frees_its_files() -> None:
    """The next try must be able to lock them."""
    disk = FullDisk()
    with pytest.raises(StorageFailed):
        asyncio.run(RaftNode.create("a", Door(opens=False), disk, Lab()._connect, leader=True))
    assert disk.closed == 1

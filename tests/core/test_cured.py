"""Bugs that this core has had, each as the history that showed it."""

from dataclasses import replace

from tests.raftlab import Done, Lab, Read
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    accepted,
    append,
    ask,
    followed_leader,
    follower_of,
    joined,
    log,
    no_op,
    not_leader,
    pre_vote_reply,
    receive,
    refused,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import ConfirmedReads, Settled
from tfraft.core.invariants import check_instant
from tfraft.core.messages import AppendEntries, InstallSnapshot, Message, ReadIndexReply, TimeoutNow
from tfraft.core.progress import Sending
from tfraft.core.requests import Answer, AnswerStatus, ChangeServers, Consistency, RemoveServer, TransferLeadership
from tfraft.core.state import Role

KEEP_NONE = replace(CONFIG, keep_entries=0)


def snapshot_at(index: int, term: int = 1, voters: str = "abc") -> Snapshot:
    """A snapshot of a cluster of `voters`, of 100 bytes."""
    return Snapshot(Base(index, term, Configuration.of(voters)), size_bytes=100, checksum=7)


# --- Transfer ---


def test_an_old_append_entries_does_not_end_a_transfer() -> None:
    """§3.10: a message of a deposed leader says nothing of who leads next. What had been proposed meanwhile hung."""
    raft = followed_leader(term=3)
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    raft.propose(b"x", "x")
    settle(raft)
    turn = receive(raft, append("c", 2))
    assert turn.settled == []
    end = tick(raft, raft.state.now + CONFIG.election_timeout_s)
    assert end.settled == [refused("transfer", "b did not take over in time", "a")]
    assert raft.state.proposals == {2: "x"}


def test_a_snapshot_of_the_new_leader_ends_a_transfer_like_any_other_message() -> None:
    """§3.10: the old leader heard of the new one by InstallSnapshot alone, and said that the transfer had failed."""
    raft = followed_leader()
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    settle(raft)
    turn = receive(raft, InstallSnapshot(2, "b", snapshot_at(9, 2), 0, 100, b"?" * 100))
    assert [(end.token, end.answer.status) for end in turn.settled] == [("transfer", AnswerStatus.OK)]


def test_a_leader_that_leads_again_has_no_transfer_left() -> None:
    """§3.10: the successor gave leadership back before we had heard of it; we went on handing over in the new term."""
    raft = followed_leader()
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    settle(raft)
    save_done(raft, receive(raft, replace(ask("b", 2, last=(1, 1)), leadership_transfer=True)))
    save_done(raft, receive(raft, TimeoutNow(2, "b")))
    receive(raft, vote("c", 3))
    assert role(raft) is Role.LEADER
    assert raft.state.transfer is None
    raft.propose(b"x", "x")
    assert raft.state.proposals == {3: "x"}


def test_what_waited_for_a_transfer_is_not_appended_behind_our_own_removal() -> None:
    """§4.2.2: a removed leader appended it when the transfer failed, and nobody could ever tell it the outcome."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("a"), "remove")
    settle(raft)
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    raft.propose(b"x", "x")
    settle(raft)
    for name in "bc":
        raft.receive(accepted(name, 1, 1), raft.state.now + 0.5)
    tick(raft, raft.state.now + 0.5)
    assert raft.state.transfer is None
    assert raft.state.log.last_index == 2
    receive(raft, accepted("b", 1, 2))
    assert not_leader("x") in receive(raft, accepted("c", 1, 2)).settled


# --- Reads ---


def test_an_index_that_was_named_before_a_restart_answers_no_read_after_it() -> None:
    """§6.4: questions were numbered from 1 at each start, and a late answer to the first met the first again."""
    lab = Lab()
    lab.elect("a")
    lab.heartbeat("a")
    lab.query("b", "before", Consistency.FOLLOWER)
    lab.deliver(*lab.between("b", "a"))
    lab.deliver(*lab.between("a", "c"))
    lab.deliver(*lab.between("c", "a"))
    late = [letter for letter in lab.between("a", "b") if isinstance(letter.message, ReadIndexReply)]
    assert late
    lab.drop(*late)
    lab.deliver_all()
    lab.crash("b")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.restart("b")
    lab.heartbeat("a")
    lab.query("b", "after", Consistency.FOLLOWER)
    lab.letters.extend(late)
    lab.deliver(*late)
    assert "after" not in lab.outcomes
    lab.deliver_all()
    assert lab.outcomes["after"] == Read(2)


def test_a_server_that_is_being_sent_a_snapshot_is_not_fresh() -> None:
    """§6.4: the heartbeat before the log named no commit index, and a server that lacked everything took it for all."""
    lab = Lab(config=replace(PRE_VOTE, keep_entries=0))
    lab.elect("a")
    lab.heartbeat("a")
    lab.crash("c")
    for number in range(3):
        lab.propose("a", f"x{number}")
        lab.deliver_all()
    lab.take_snapshot("a")
    lab.machines["c"].slow_disk = True
    lab.restart("c")
    lab.heartbeat("a")
    lab.heartbeat("a")
    assert lab.raft("c").state.commit_index < 4
    lab.query("c", "read", Consistency.STALE, 1.0)
    assert isinstance(lab.outcomes["read"], Answer)


def test_what_a_new_leader_has_not_committed_yet_is_not_fresh() -> None:
    """§6.4, §3.6.2: its commit index may lag behind what the old leader has answered; so may who follows it."""
    raft = follower_of("b", term=2, entries=log(1, 1, 1))
    receive(raft, append("b", 2, prev=(3, 1), commit=1, sent_at=100.0), at=3.0)
    raft.query("read", 3.0, Consistency.STALE, 10.0)
    assert raft.take_effects().settled == [not_leader("read", "b", "the state of a is of unknown age")]
    entries = joined(no_op(2))
    save_done(raft, receive(raft, append("b", 2, prev=(3, 1), entries=entries, commit=4, sent_at=100.5), at=3.5))
    raft.query("again", 3.5, Consistency.STALE, 10.0)
    assert raft.take_effects().reads == [ConfirmedReads(0, ["again"])]


def test_a_late_answer_of_a_follower_makes_no_leader_fresh() -> None:
    """§6.4: what counts is when the question was sent: since the answer was given another may have been elected."""
    raft = followed_leader()
    now = raft.state.now + 0.75
    receive(raft, accepted("b", 1, 1, sent_at=raft.state.now), at=now)
    raft.query("read", now, Consistency.STALE, 0.5)
    assert raft.take_effects().settled == [not_leader("read", "a", "the state of a is 0.75 s old")]


def test_a_read_by_lease_counts_time_to_the_moment_it_comes() -> None:
    """§6.4.1: it was judged by the last message or tick; after a pause of the process the lease was long over."""
    raft = followed_leader(config=replace(CONFIG, lease_reads=True))
    raft.query("in time", raft.state.now + 0.5, Consistency.LEASE)
    assert raft.take_effects().reads == [ConfirmedReads(1, ["in time"])]
    raft.query("after a pause", raft.state.now + 60.0, Consistency.LEASE)
    assert raft.take_effects().reads == []


def test_a_stale_read_counts_time_to_the_moment_it_comes() -> None:
    """§6.4, as above: a follower that hears nothing looks at the clock only when its election timer runs out."""
    raft = server(term=1)
    save_done(raft, receive(raft, append("b", 1, entries=joined(no_op(1)), commit=1, sent_at=2.0), at=2.0))
    raft.query("fresh", 2.5, Consistency.STALE, 0.5)
    assert raft.take_effects().reads == [ConfirmedReads(0, ["fresh"])]
    raft.query("stale", 2.75, Consistency.STALE, 0.5)
    assert raft.take_effects().settled == [not_leader("stale", "b", "the state of a is 0.75 s old")]


def test_reads_that_wait_at_a_follower_are_bounded() -> None:
    """A follower without an answer of its leader gathered reads without limit."""
    raft = follower_of("b", config=replace(CONFIG, max_waiting=2))
    for number in range(4):
        raft.query(number, raft.state.now, Consistency.FOLLOWER)
        raft.take_effects()
    raft.query(4, raft.state.now, Consistency.FOLLOWER)
    turn = raft.take_effects()
    assert [end.answer.status for end in turn.settled] == [AnswerStatus.OVERLOADED]


# --- Snapshots ---


def test_a_snapshot_is_no_reason_to_drop_what_is_not_applied_yet() -> None:
    """§5.1: a leader's snapshot was complete and the own one, which it had overtaken, came back as it, in one turn."""
    raft = follower_of("b", config=KEEP_NONE)
    save_done(raft, receive(raft, append("b", 1, entries=log(1, 1, 1, 1))))
    raft.take_effects()
    raft.snapshot_received(snapshot_at(3))
    assert raft.snapshot_taken(snapshot_at(3)) is None
    committed = raft.take_effects().committed
    assert committed is not None
    assert len(committed.entries) == 3


def test_a_snapshot_that_is_complete_after_we_were_elected_keeps_the_count_of_bytes() -> None:
    """§5.1: what it covers is committed; its bytes went on counting as uncommitted, until the leader was OVERLOADED."""
    raft = server(term=1, entries=log(1, 1))
    receive(raft, InstallSnapshot(1, "b", snapshot_at(2), 0, 100, b"?" * 100))
    save_done(raft, tick(raft, raft.deadline))
    receive(raft, vote("c", 2))
    raft.snapshot_received(snapshot_at(2))
    raft.take_effects()
    assert (role(raft), raft.state.commit_index) == (Role.LEADER, 2)
    check_instant(raft.state)


def test_an_old_answer_does_not_send_a_snapshot_back() -> None:
    """§5.1: answers that overtook each other had the leader send the same pieces again and again."""
    sending = Sending(snapshot_at(9), progressed_at=0.0, tried_at=0.0, offset=60)
    sending.answered(40, 1.0)
    sending.answered(20, 2.0)
    assert (sending.acked, sending.offset, sending.progressed_at) == (40, 60, 1.0)
    sending.answered(0, 3.0)
    assert (sending.acked, sending.offset) == (0, 0), "it has lost what it had, and begins anew"


# --- Membership ---


def test_not_even_force_removes_the_last_voter() -> None:
    """§4.1: nobody is left who could commit that, or ever lead again."""
    raft = followed_leader(voters="a")
    raft.change_membership(RemoveServer("a", force=True), "remove")
    assert raft.take_effects().settled == [refused("remove", "a cluster needs a voter", "a")]


def test_two_new_voters_do_not_share_an_address() -> None:
    """Each was compared with the members of the old configuration alone."""
    raft = followed_leader(voters={"a": "one"})
    raft.change_membership(ChangeServers((("a", "one"), ("d", "two"), ("e", "two"))), "change")
    assert raft.take_effects().settled == [
        Settled("change", Answer(AnswerStatus.REFUSED, b"", "a", "one", "two is the address of d"))
    ]


def test_a_voter_that_stays_keeps_its_address() -> None:
    """Who named the voters by their ids alone wiped out the addresses of those who stayed."""
    raft = followed_leader(voters={"a": "one"})
    raft.change_membership(ChangeServers((("a", ""),)), "change")
    assert [end.answer.reason for end in raft.take_effects().settled] == ["these are the voters already"]


# --- Elections ---


def test_requests_for_votes_do_not_outlive_a_candidacy_that_begins_anew_with_pre_vote() -> None:
    """§9.6: a candidate whose disk is busy times out; what it wanted to ask then is not asked any more."""
    raft = server(term=1, config=PRE_VOTE, voters="ab")
    raft.receive(ask("b", 2), 0.0)
    first = raft.take_effects()
    raft.tick(raft.deadline)
    raft.take_effects()
    receive(raft, pre_vote_reply("b", 2, 3))
    assert role(raft) is Role.CANDIDATE
    raft.tick(raft.deadline)
    assert role(raft) is Role.PRE_CANDIDATE
    save_done(raft, first)
    assert raft.take_effects().replies == []


# --- A disk that was lost ---


def test_a_leader_that_does_not_know_what_is_committed_repairs_nobody() -> None:
    """§3.6.2: x is committed by a and b. b loses its disk; a, elected again, knew of no commit, and said so: b was
    repaired with nothing, and helped to elect c, which has never heard of x."""
    lab = Lab()
    lab.elect("a")
    lab.partition("ab", "c")
    lab.propose("a", "x")
    lab.deliver_all()
    assert isinstance(lab.outcomes["x"], Done)
    lab.crash("a")
    lab.lose_disk("b")
    lab.heal()
    lab.restart("a")
    lab.now += 3.0
    lab.time_out("a")
    lab.deliver(*lab.between("a", "c"))
    lab.deliver(*lab.between("c", "a"))
    assert lab.leaders == ["a"]
    for _ in range(3):
        lab.time_out("a")
        lab.deliver(*(letter for letter in lab.between("a", "b") if not has_entries(letter.message)))
        lab.deliver(*lab.between("b", "a"))
    assert lab.machines["b"].disk.repairing
    lab.crash("a")
    lab.letters.clear()
    lab.run(10.0)
    assert lab.leaders == []
    lab.restart("a")
    lab.run(10.0)
    assert {tuple(lab.commands(name)) for name in "abc"} == {("x",)}


def has_entries(message: Message) -> bool:
    """Whether this brings more than a heartbeat."""
    return isinstance(message, AppendEntries) and len(message.entries) > 0


def test_a_leader_that_a_majority_has_left_repairs_nobody() -> None:
    """§6.2: b has elected c and stored its x, then lost its disk, but for the term. By that it knows a, which slept
    through all of it, for a leader of the past, and does not take what a has committed for all there is."""
    lab = Lab()
    lab.elect("a")
    lab.heartbeat("a")
    lab.partition("a", "bc")
    slept = lab.now
    lab.now += 3.0
    lab.time_out("c")
    lab.deliver_all()
    lab.propose("c", "x")
    lab.deliver_all()
    assert isinstance(lab.outcomes["x"], Done)
    lab.partition("ab", "c")
    lab.lose_disk("b")
    raft = lab.raft("a")
    assert raft.state.now <= slept, "a has not looked at the clock since"
    raft.state.broadcast_due = True
    lab.turn("a")
    lab.deliver_all()
    for _ in range(3):
        raft.state.broadcast_due = True
        lab.turn("a")
        lab.deliver_all()
    assert lab.machines["b"].disk.repairing

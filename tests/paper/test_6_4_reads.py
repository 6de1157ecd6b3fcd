"""§6.4: processing read-only queries without the log, linearizably."""

from tests.raftlab import Lab, Read
from tests.servers import (
    accepted,
    acknowledge,
    append,
    effects,
    followed_leader,
    leader,
    not_leader,
    receive,
    refusal,
    rejected,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.effects import ConfirmedReads, Save
from tfraft.core.requests import AddServer, AnswerStatus


def test_a_read_waits_until_a_majority_confirms_the_leadership() -> None:
    """§6.4: the leader issues a new round of heartbeats and waits for their acknowledgments from a majority."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    beat = append("a", 1, prev=(1, 1), commit=1, read_round=1)
    assert raft.take_effects() == effects(messages=[("b", beat), ("c", beat)])
    assert receive(raft, accepted("b", 1, 1, read_round=1)) == effects(reads=[ConfirmedReads(1, ["read"])])


def test_a_read_costs_no_entry_and_no_disk() -> None:
    """§6.4: that is the point: it bypasses the log."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    assert raft.take_effects().save is None
    assert raft.state.log.last_index == 1


def test_two_of_five_do_not_confirm_a_read() -> None:
    """§6.4: a majority of the cluster."""
    raft = followed_leader(voters="abcde")
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == []
    assert receive(raft, accepted("c", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_a_leader_reads_nothing_before_an_entry_of_its_own_term_is_committed() -> None:
    """§6.4: if it has not marked an entry from its current term committed, it waits until it has done so."""
    raft = leader(term=2)
    raft.query("read", raft.state.now)
    assert receive(raft, accepted("b", 2, 0), accepted("c", 2, 0)).reads == []
    assert raft.state.open_round is None
    assert receive(raft, accepted("b", 2, 1)).reads == []
    assert receive(raft, accepted("b", 2, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_the_read_index_is_the_commit_index_when_the_round_begins() -> None:
    """§6.4: the leader saves its current commit index as readIndex; later commits do not raise it."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    settle(raft)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 2, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_the_read_index_has_what_was_committed_in_the_turn_of_the_read() -> None:
    """§6.4: a write that was answered before the read came must be seen."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    settle(raft)
    raft.query("read", raft.state.now)
    both = receive(raft, accepted("b", 1, 2))
    assert both.committed is not None
    assert receive(raft, accepted("b", 1, 2, read_round=1)).reads == [ConfirmedReads(2, ["read"])]


def test_an_answer_to_an_earlier_heartbeat_confirms_nothing() -> None:
    """§6.4: the round must be new: what was sent before the read came says nothing about the time since."""
    raft = followed_leader()
    tick(raft, raft.deadline)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1), accepted("c", 1, 1)).reads == []


def test_reads_that_come_during_a_round_share_the_next() -> None:
    """§6.4: the leader can amortize the cost: one round of heartbeats for any number of queries."""
    raft = followed_leader()
    raft.query("first", raft.state.now)
    raft.take_effects()
    raft.query("second", raft.state.now)
    raft.query("third", raft.state.now)
    assert raft.take_effects() == effects()
    after = receive(raft, accepted("b", 1, 1, read_round=1))
    beat = append("a", 1, prev=(1, 1), commit=1, read_round=2)
    assert after == effects(messages=[("b", beat), ("c", beat)], reads=[ConfirmedReads(1, ["first"])])
    assert receive(raft, accepted("c", 1, 1, read_round=2)).reads == [ConfirmedReads(1, ["second", "third"])]


def test_reads_of_one_turn_share_a_round() -> None:
    """§6.4, as above."""
    raft = followed_leader()
    for number in range(3):
        raft.query(number, raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("c", 1, 1, read_round=1)).reads == [ConfirmedReads(1, [0, 1, 2])]


def test_a_round_that_is_lost_is_asked_again_with_the_next_heartbeat() -> None:
    """§3.7 with §6.4: the read is not lost, only late."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    beat = append("a", 1, prev=(1, 1), commit=1, read_round=1, sent_at=raft.deadline)
    assert tick(raft, raft.deadline).messages == [("b", beat), ("c", beat)]
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_an_answer_to_a_later_round_confirms_the_earlier() -> None:
    """§6.4: it was given after both."""
    raft = followed_leader()
    raft.query("first", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=9)).reads == [ConfirmedReads(1, ["first"])]


def test_entries_carry_the_round_as_well_as_heartbeats_do() -> None:
    """§6.4: any AppendEntries is a heartbeat."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.propose(b"x", "x")
    assert [message.read_round for _, message in raft.take_effects().messages if hasattr(message, "read_round")] == [
        1,
        1,
    ]


def test_a_rejection_of_the_same_term_confirms_the_leadership() -> None:
    """§6.4: the follower knows of no newer leader; that is all that is asked."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, rejected("b", 1, prev=1, conflict=(1, 0), read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_a_server_alone_confirms_itself_at_once() -> None:
    """§6.4: it is a majority."""
    raft = server(voters="a")
    save_done(raft, tick(raft, raft.deadline))
    settle(raft)
    raft.query("read", raft.state.now)
    assert raft.take_effects() == effects(reads=[ConfirmedReads(1, ["read"])])


def test_a_server_that_is_being_caught_up_confirms_no_read() -> None:
    """§4.2.1 with §6.4: it has no vote."""
    raft = followed_leader()
    raft.change_membership(AddServer("d"), "add")
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("d", 1, 0, read_round=1)).reads == []


def test_a_follower_reads_nothing() -> None:
    """§6.4: it may be behind; the leader is asked."""
    raft = server()
    raft.query("read", raft.state.now)
    assert raft.take_effects() == effects(settled=[not_leader("read")])


def test_a_leader_that_is_deposed_while_it_confirms_answers_nothing() -> None:
    """§6.4: otherwise it could return stale data."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, refusal("b", 2), accepted("c", 1, 1, read_round=1)) == effects(
        save=Save(2, None), settled=[not_leader("read")]
    )


def test_a_cut_off_leader_refuses_reads_and_the_new_one_answers_them() -> None:
    """§6.4: a leader might have been superseded in another partition, of which it is not aware."""
    lab = Lab()
    lab.elect("a")
    lab.partition("a", "bc")
    lab.now += 10.0
    lab.elect("b")
    lab.propose("b", "new")
    lab.deliver_all()
    lab.query("a", "stale")
    lab.query("b", "fresh")
    lab.deliver_all()
    lab.tick("a")
    assert lab.outcomes["fresh"] == Read(3)
    stale = lab.outcomes["stale"]
    assert not isinstance(stale, Read)
    assert getattr(stale, "status", None) is AnswerStatus.NOT_LEADER


def test_a_read_sees_every_write_that_was_answered_before_it() -> None:
    """§6.4: linearizability, whoever leads."""
    lab = Lab()
    for number, name in enumerate("abcab"):
        lab.now += 10.0
        lab.elect(name)
        lab.propose(name, f"write {number}")
        lab.deliver_all()
        lab.query(name, f"read {number}")
        lab.deliver_all()
        assert lab.outcomes[f"read {number}"] == Read(len(lab.invariants.committed))


def test_the_leader_answers_reads_while_it_confirms_writes() -> None:
    """§6.4: reads and writes do not wait for each other."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    raft.query("read", raft.state.now)
    raft.take_effects()
    reply = acknowledge(raft, "b")
    both = receive(raft, reply)
    assert both.reads == [ConfirmedReads(1, ["read"])]
    assert both.committed is None, "our own disk is not done, and two others are not heard"

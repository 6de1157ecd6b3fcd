"""Reads: histories that have broken other Raft systems. The laboratory checks each read against what is committed."""

from tests.raftlab import Lab, Read
from tests.servers import (
    accepted,
    append,
    effects,
    followed_leader,
    leader,
    not_leader,
    receive,
    save_done,
    server,
    settle,
    stale_term,
    tick,
)
from tfraft.core.effects import ConfirmedReads
from tfraft.core.requests import RemoveServer


def answered_reads(lab: Lab) -> list[str]:
    """The tokens of the reads that were answered, sorted."""
    return sorted(token for token, outcome in lab.outcomes.items() if isinstance(outcome, Read))


def test_a_new_leader_does_not_answer_before_it_knows_what_is_committed() -> None:
    """§6.4: its commit index may lag behind what the old leader has answered: here "x" is not committed for b yet."""
    lab = Lab()
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver(*lab.between("a"))
    lab.deliver(*lab.between(receiver="a"))
    lab.crash("a")
    lab.letters.clear()
    lab.now += 10.0
    lab.time_out("b")
    lab.deliver(*lab.between("b", "c"))
    lab.deliver(*lab.between("c", "b"))
    assert lab.leaders == ["b"]
    assert lab.raft("b").state.commit_index == 1
    lab.query("b", "read")
    assert answered_reads(lab) == []
    lab.deliver_all()
    assert lab.outcomes["read"] == Read(3)


def test_an_answer_to_an_earlier_round_does_not_confirm_a_later_read() -> None:
    """etcd 20418: a read index was used again on a retry; an answer of before the pause confirmed it."""
    lab = Lab()
    lab.elect("a")
    lab.query("a", "first")
    old = lab.between("a", "b")
    lab.deliver(*old)
    late_answers = lab.between("b", "a")
    lab.drop(*late_answers)
    lab.deliver_all()
    lab.partition("a", "bc")
    lab.now += 10.0
    lab.elect("b")
    lab.propose("b", "new")
    lab.deliver_all()
    lab.query("a", "second")
    lab.letters.extend(late_answers * 2)
    lab.deliver(*lab.between(receiver="a"))
    assert answered_reads(lab) == ["first"]


def test_the_answer_to_a_request_of_an_older_term_confirms_no_read_of_a_later_one() -> None:
    """§6.4, found by the simulator (seed 38): a leads term 4 up to round 30, restarts, and wins term 5.

    Its old AppendEntries reaches b late; an answer of term 5 that carried round 30 would confirm rounds 1 to 30 of
    term 5, of which b has not heard."""
    follower = server("b", term=5)
    answer = receive(follower, append("a", 4, read_round=30)).replies[0][1]
    raft = followed_leader(term=5)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, answer) == effects()


def test_an_answer_of_an_older_term_confirms_nothing() -> None:
    """etcd 20418: the same leader in a later term: what it was told in the first says nothing about the second."""
    raft = followed_leader(term=3)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=5), accepted("c", 2, 1, read_round=5)).reads == []


def test_a_late_request_of_an_earlier_leadership_confirms_no_read_of_a_later_one() -> None:
    """Found by our simulator: a leads term 1 with many rounds, crashes, and leads again. Its rounds begin anew; a late
    request of term 1 was answered in the new term with the old round, and a, cut off, read from its old state."""
    lab = Lab()
    lab.elect("a")
    for number in range(2):
        lab.query("a", f"read {number}")
        lab.deliver_all()
    lab.query("a", "read 2")
    late = lab.between("a", "c")
    lab.deliver_all()
    lab.crash("a")
    lab.restart("a")
    lab.now += 10.0
    lab.elect("a")
    lab.letters.extend(late)
    lab.deliver(*late)
    lab.deliver(*lab.between("c", "a"))
    lab.partition("a", "bc")
    lab.query("a", "cut off")
    lab.tick("a")
    assert answered_reads(lab) == ["read 0", "read 1", "read 2"]


def test_the_answer_to_a_request_of_an_older_term_says_nothing_but_the_term() -> None:
    """As above, for one server."""
    raft = server(term=5)
    assert receive(raft, append("a", 4, prev=(27, 4), read_round=30)) == effects(replies=[("a", stale_term("a", 5))])


def test_an_old_answer_takes_no_confirmation_back() -> None:
    """Answers overtake each other: the one to the first round comes after the one to the second."""
    raft = followed_leader()
    raft.query("first", raft.state.now)
    raft.take_effects()
    raft.query("second", raft.state.now)
    receive(raft, accepted("c", 1, 1, read_round=1))
    late = receive(raft, accepted("b", 1, 1, read_round=2), accepted("b", 1, 1, read_round=1))
    assert late.reads == [ConfirmedReads(1, ["second"])]


def test_every_server_confirms_for_itself() -> None:
    """etcd 20418, its cause: whoever counts any answer counts one server twice."""
    raft = followed_leader(voters="abcde")
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, *[accepted("b", 1, 1, read_round=1)] * 3).reads == []


def test_the_index_is_fixed_before_the_leadership_is_confirmed() -> None:
    """hashicorp 603: confirmed first, index taken after: a write committed in between was promised and missed."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    raft.propose(b"x", "x")
    settle(raft)
    turn = receive(raft, accepted("b", 1, 2, read_round=1))
    assert turn.reads == [ConfirmedReads(1, ["read"])]
    assert turn.committed is not None


def test_a_read_that_comes_in_the_turn_of_a_confirmation_waits_for_the_next_round() -> None:
    """hashicorp 603, as above: the answer that closes the round was given before the read came."""
    raft = followed_leader()
    raft.query("first", raft.state.now)
    raft.take_effects()
    raft.query("second", raft.state.now)
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["first"])]
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == []
    assert receive(raft, accepted("b", 1, 1, read_round=2)).reads == [ConfirmedReads(1, ["second"])]


def test_a_cut_off_leader_answers_no_read() -> None:
    """§6.4: the cluster has gone on without it; each read that it takes ends with NOT_LEADER."""
    lab = Lab("abcde")
    lab.elect("a")
    lab.partition("ab", "cde")
    lab.query("a", "before")
    lab.deliver_all()
    lab.now += 10.0
    lab.elect("c")
    lab.query("a", "after")
    lab.deliver_all()
    assert answered_reads(lab) == []
    lab.tick("a")
    assert lab.leaders == ["c"]
    assert {token for token in lab.outcomes if token in ("before", "after")} == {"before", "after"}


def test_a_leader_that_was_paused_answers_no_read_of_before_the_pause() -> None:
    """etcd 20418: SIGSTOP between the round and its answer, and a new leader meanwhile."""
    lab = Lab()
    lab.elect("a")
    lab.query("a", "read")
    requests = lab.between("a")
    lab.drop(*requests)
    lab.now += 10.0
    lab.elect("b")
    lab.propose("b", "x")
    lab.deliver_all()
    lab.letters.extend(requests)
    lab.deliver_all()
    assert answered_reads(lab) == []
    assert "read" in lab.outcomes


def test_a_leader_that_removes_itself_is_not_part_of_the_majority_that_confirms() -> None:
    """§4.2.2 with §6.4: with itself counted, b alone would confirm; but b and c alone elect the next leader."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("a"), "remove")
    settle(raft)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == []
    assert receive(raft, accepted("c", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_reads_that_wait_for_the_first_commit_are_answered_when_the_leader_goes() -> None:
    """§6.2: nobody waits for ever, not even who came too early."""
    raft = leader(term=2)
    raft.query("early", raft.state.now)
    assert raft.take_effects().reads == []
    assert tick(raft, raft.state.now + 1.25).settled == [not_leader("early")]


def test_a_lost_round_does_not_hold_up_the_reads_behind_it() -> None:
    """§6.4: the next heartbeat asks again for the open round; the next round follows."""
    raft = followed_leader()
    raft.query("first", raft.state.now)
    raft.take_effects()
    raft.query("second", raft.state.now)
    assert raft.take_effects() == effects()
    tick(raft, raft.deadline)
    assert receive(raft, accepted("c", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["first"])]
    assert receive(raft, accepted("c", 1, 1, read_round=2)).reads == [ConfirmedReads(1, ["second"])]


def test_a_read_is_confirmed_while_the_disk_is_busy() -> None:
    """§6.4: it depends on no disk of ours."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    busy = raft.take_effects()
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]
    save_done(raft, busy)

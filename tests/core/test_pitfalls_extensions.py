"""PreVote, learners, leases, transfer: histories that have broken other Raft systems, by their numbers there."""

from dataclasses import replace

import pytest

from tests.raftlab import Done, Lab, Read
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    append,
    ask,
    effects,
    not_leader,
    receive,
    refusal,
    role,
    save_done,
    server,
    tick,
)
from tfraft.core.base import NO_BASE, Base
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Saved
from tfraft.core.requests import Answer, AnswerStatus, Consistency
from tfraft.core.state import Role

SNAPSHOTS = replace(PRE_VOTE, keep_entries=0, snapshot_piece_bytes=50)


def status(lab: Lab, token: str) -> AnswerStatus:
    """How a request ended that ended without an entry."""
    outcome = lab.outcomes[token]
    assert isinstance(outcome, Answer)
    return outcome.status


# --- Elections ---


def test_neither_a_removed_nor_a_cut_off_server_disturbs_the_others() -> None:
    """Pitfall 6 (§4.2.3): the healthy part's term does not grow, however long and however often they ask."""
    lab = Lab("abcde", config=PRE_VOTE)
    lab.elect("a")
    lab.partition("abcd", "e")
    lab.remove_server("a", "e")
    lab.run(20.0)
    lab.heal()
    lab.partition("abce", "d")
    lab.run(20.0)
    lab.heal()
    lab.run(20.0)
    assert lab.leaders == ["a"]
    assert {lab.raft(name).state.current_term for name in "abcd"} == {1}
    assert role(lab.raft("e")) is Role.PRE_CANDIDATE


def test_servers_with_and_without_pre_vote_elect_together() -> None:
    """Pitfall 7 (etcd 8501): one that was configured otherwise has counted its term up; nobody may be stuck."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.partition("ab", "c")
    lab.raft("c").state.config = CONFIG
    lab.run(20.0)
    assert lab.raft("c").state.current_term > 5
    lab.crash("a")
    lab.heal()
    lab.run(5.0)
    assert len(lab.leaders) == 1
    lab.propose(lab.leaders[0], "x")
    lab.deliver_all()
    assert isinstance(lab.outcomes["x"], Done)


def test_a_server_of_a_higher_term_is_not_stranded_by_pre_vote() -> None:
    """Pitfall 7 (openraft 1796): c has the higher term and the shorter log: it cannot win, nor follow a lower term."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.partition("ab", "c")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.raft("c").state.config = CONFIG
    lab.run(5.0)
    lab.raft("c").state.config = PRE_VOTE
    lab.heal()
    lab.run(5.0)
    assert len(lab.leaders) == 1
    assert lab.commands("c") == ["x"]


def test_a_leader_whose_lease_is_over_has_stepped_down_within_a_timeout() -> None:
    """Pitfall 7 (openraft 2080): a lease that expires and a leader that stays: nobody leads, and nobody may stand."""
    lab = Lab(config=replace(PRE_VOTE, lease_reads=True))
    lab.elect("a")
    lab.partition("a", "bc")
    lab.run(1.25)
    assert role(lab.raft("a")) is not Role.LEADER
    lab.run(2.0)
    assert lab.leaders == ["b"]


@pytest.mark.parametrize("config", [CONFIG, PRE_VOTE], ids=["plain", "PreVote"])
def test_a_promoted_learner_that_does_not_know_it_is_needed_and_votes(config: RaftConfig) -> None:
    """Pitfall 8 (etcd campaign_learner_must_vote): b is down, and d's is the vote that decides."""
    lab = Lab("ab", "d", config=config)
    lab.elect("a")
    lab.add_learner("a", "d")
    lab.deliver_all()
    lab.add_server("a", "d")
    lab.deliver(*lab.between("a", "b"))
    assert lab.raft("a").state.configuration == Configuration.of("abd")
    lab.drop(*lab.between("a", "d"))
    assert lab.raft("d").state.configuration == Configuration.of("ab", "d")
    lab.crash("b")
    lab.letters.clear()
    lab.now += 2.0
    lab.tick("a")
    lab.run(5.0)
    assert lab.leaders == ["a"]


# --- Reads ---


def test_a_paused_leader_answers_no_read_by_a_lease_that_is_over() -> None:
    """Pitfall 22: SIGSTOP; the others have elected another, and the first input after the pause is a read."""
    lab = Lab(config=replace(PRE_VOTE, lease_reads=True))
    lab.elect("a")
    lab.heartbeat("a")
    lab.now += 5.0
    lab.elect("b")
    lab.letters.clear()
    lab.propose("b", "x")
    lab.deliver(*lab.between("b", "c"))
    lab.deliver(*lab.between("c", "b"))
    raft = lab.raft("a")
    assert role(raft) is Role.FOLLOWER, "it has voted"
    assert not isinstance(lab.outcomes.get(lab.query("a", "read", Consistency.LEASE)), Read)


def test_leases_are_no_default() -> None:
    """Pitfall 22: the default is ReadIndex, which needs no clock."""
    assert not RaftConfig().lease_reads


# --- Membership and snapshots ---


def test_an_uncommitted_configuration_never_gets_into_a_snapshot() -> None:
    """Pitfall 26 (canonical/raft 250): the leader takes a snapshot while its change is in the log, uncommitted."""
    lab = Lab(config=SNAPSHOTS)
    lab.elect("a")
    lab.heartbeat("a")
    lab.remove_server("a", "c")
    lab.take_snapshot("a")
    taken = lab.machines["a"].latest
    assert taken is not None
    assert taken.snapshot.base == Base(1, 1, Configuration.of("abc"), 0)
    assert lab.raft("a").state.configurations[-1] == (2, Configuration.of("ab", removed="c"))


def test_a_snapshot_leaves_no_stale_configuration_in_force() -> None:
    """Pitfall 26 (openraft 1808): c has a change in its log that was never committed; the snapshot replaces all."""
    lab = Lab("abc", config=SNAPSHOTS)
    lab.elect("c")
    lab.partition("ab", "c")
    lab.remove_server("c", "a")
    assert lab.raft("c").state.configuration.ids == ("b", "c")
    lab.now += 3.0
    lab.tick("c")
    lab.elect("a")
    for number in range(3):
        lab.propose("a", f"x{number}")
        lab.deliver_all()
    lab.heartbeat("a")
    lab.take_snapshot("a")
    lab.heal()
    lab.run(3.0)
    assert lab.raft("c").state.configuration == Configuration.of("abc")
    assert lab.commands("c") == ["x0", "x1", "x2"]
    assert status(lab, "remove a") in (AnswerStatus.NOT_LEADER, AnswerStatus.TIMEOUT)


def test_a_snapshot_brings_the_configuration_to_who_has_no_other() -> None:
    """Pitfall 26 (swarmkit 238): the entry that held it is compacted away."""
    lab = Lab("ab", "d", config=SNAPSHOTS)
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.take_snapshot("a")
    lab.add_server("a", "d")
    lab.run(3.0)
    assert lab.outcomes["add d"] == Done(3)
    machine = lab.machines["d"]
    assert machine.latest is not None
    assert machine.latest.snapshot.base.configuration == Configuration.of("ab")
    assert lab.raft("d").state.configuration == Configuration.of("abd")


def test_a_server_with_an_empty_disk_has_no_vote() -> None:
    """Pitfall 27 (openraft FAQ): wiped, it would vote again in a term in which it has voted."""
    raft = server(voters="", config=PRE_VOTE)
    assert receive(raft, ask("b", 5, last=(9, 4))).replies == [("b", refusal("a", 5))]
    assert tick(raft, raft.deadline) == effects(), "nor does it stand"


def test_a_wiped_server_does_not_help_to_elect_who_lacks_what_it_had() -> None:
    """Pitfall 27: x is committed by a and b. b loses its disk, a is down: b and c are a majority, and must not be."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.partition("ab", "c")
    lab.propose("a", "x")
    lab.deliver_all()
    assert lab.outcomes["x"] == Done(2)
    lab.crash("a")
    lab.lose_disk("b")
    lab.heal()
    lab.run(20.0)
    assert lab.leaders == []
    lab.restart("a")
    lab.run(5.0)
    assert lab.leaders == ["a"]
    assert {tuple(lab.commands(name)) for name in "abc"} == {("x",)}
    assert not lab.machines["b"].disk.repairing


def test_a_removal_that_would_stop_the_cluster_is_refused_and_so_is_an_addition() -> None:
    """Pitfall 29: of four two are dead, and one more voter would make three of five needed."""
    lab = Lab("abc", "d", config=PRE_VOTE)
    lab.elect("a")
    lab.crash("c")
    lab.run(2.0)
    lab.remove_server("a", "b")
    assert status(lab, "remove b") is AnswerStatus.REFUSED
    lab.change_servers("a", "ac")
    assert status(lab, "change to ac") is AnswerStatus.REFUSED
    lab.remove_server("a", "c")
    lab.deliver_all()
    assert lab.outcomes["remove c"] == Done(2)


# --- Transfer ---


def test_no_proposal_is_lost_or_hangs_in_a_transfer_that_succeeds() -> None:
    """Pitfall 30 (hashicorp 487): before, during and after; each is done, or told that it is not and will not be."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.propose("a", "before")
    lab.transfer("a", "b")
    lab.propose("a", "during")
    lab.deliver_all()
    lab.propose("a", "after")
    lab.run(2.0)
    assert lab.outcomes["before"] == Done(2)
    assert status(lab, "transfer to b") is AnswerStatus.OK
    assert [status(lab, token) for token in ("during", "after")] == [AnswerStatus.NOT_LEADER] * 2
    assert lab.waiting == {"a": set(), "b": set(), "c": set()}


def test_no_proposal_is_lost_or_hangs_in_a_transfer_that_fails() -> None:
    """Pitfall 30 (hashicorp 696): the successor is dead. After an election timeout the writes go on, in order."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.crash("b")
    lab.transfer("a", "b")
    tokens = [lab.propose("a", f"x{number}") for number in range(3)]
    lab.run(1.0)
    assert status(lab, "transfer to b") is AnswerStatus.REFUSED
    assert [lab.outcomes[token] for token in tokens] == [Done(2), Done(3), Done(4)]
    assert lab.leaders == ["a"]


def test_a_leader_that_is_deposed_during_a_transfer_answers_what_waited() -> None:
    """Pitfall 30: by somebody else's election, not by that of the successor."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.partition("a", "bc")
    lab.transfer("a", "b")
    lab.propose("a", "x")
    lab.now += 3.0
    lab.elect("c")
    lab.heal()
    lab.heartbeat("c")
    assert lab.outcomes["x"] == not_leader("", "c").answer
    assert status(lab, "transfer to b") is AnswerStatus.REFUSED


def test_a_server_that_never_ran_knows_no_cluster() -> None:
    """Pitfall 27, the other side: a new server is not a wiped one; it gets its vote with its first entries."""
    assert Saved().base == NO_BASE
    raft = server("d", voters="", term=0)
    save_done(raft, receive(raft, append("a", 1)))
    assert receive(raft, ask("b", 2), at=5.0).replies[-1] == ("b", refusal("d", 2))

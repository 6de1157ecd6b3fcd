"""§4.2.1: non-voting members: the log is replicated to them, and they are not counted for anything."""

from tests.raftlab import Done, Lab, Read
from tests.servers import (
    PRE_VOTE,
    accepted,
    append,
    ask,
    configuration_entry,
    done,
    effects,
    followed_leader,
    joined,
    receive,
    refused,
    role,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, Save
from tfraft.core.requests import AddServer, Consistency, RemoveServer, UpdateServer
from tfraft.core.state import Role

WITH_LEARNER = Configuration.of("abc", "d")


def test_a_learner_is_added_at_once() -> None:
    """§4.2.1: it has no vote that could hold anything up, so it is not caught up first."""
    raft = followed_leader()
    raft.change_membership(AddServer("d", learner=True), "add")
    entries = joined(configuration_entry(1, WITH_LEARNER))
    turn = raft.take_effects()
    assert turn.save == Save(1, "a", 2, entries)
    assert [name for name, _ in turn.messages] == ["b", "c", "d"]
    settle(raft)
    raft.saved(1, 2)
    assert receive(raft, accepted("b", 1, 2)).committed == Committed(2, entries, ["add"])


def test_a_learner_counts_for_no_commit() -> None:
    """§4.2.1: it is not counted towards majorities."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.propose(b"x", "x")
    settle(raft)
    assert receive(raft, accepted("d", 1, 2)).committed is None


def test_a_learner_confirms_no_read_and_keeps_no_leader() -> None:
    """§4.2.1, as above."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, accepted("d", 1, 1, read_round=1)).reads == []
    receive(raft, accepted("d", 1, 1), at=raft.state.now + 1.25)
    raft.tick(raft.state.now)
    assert role(raft) is Role.FOLLOWER


def test_a_learner_never_stands_for_election() -> None:
    """§4.2.1: it is no candidate of any configuration."""
    raft = server("d", WITH_LEARNER, term=1)
    assert tick(raft, raft.deadline) == effects()
    assert role(raft) is Role.FOLLOWER


def test_a_learner_is_not_asked_for_its_vote() -> None:
    """§4.2.1: nor would it count."""
    raft = server("a", WITH_LEARNER)
    assert [name for name, _ in tick(raft, raft.deadline).replies] == ["b", "c"]


def test_a_learner_that_is_asked_votes() -> None:
    """etcd campaign_learner_must_vote: it may have been promoted without knowing of it yet."""
    raft = server("d", WITH_LEARNER, term=1)
    assert receive(raft, ask("a", 2)).replies == [("a", vote("d", 2))]


def test_a_learner_is_promoted_like_a_new_server() -> None:
    """§4.2.1: once its log is up to date it gets its vote; it was a learner, and is one no more."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.change_membership(AddServer("d"), "promote")
    assert raft.take_effects().save is None
    save = receive(raft, accepted("d", 1, 1)).save
    assert save is not None
    assert save.entries == joined(configuration_entry(1, "abcd"))


def test_a_learner_that_cannot_be_caught_up_remains_one() -> None:
    """§4.2.1: the promotion is given up; the entries go on to it."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.change_membership(AddServer("d"), "promote")
    raft.take_effects()
    start = raft.state.now
    for step in range(1, 20):
        receive(raft, accepted("b", 1, 1), accepted("c", 1, 1), at=start + step * 0.25)
    assert raft.state.change is None
    assert sorted(raft.state.progress) == ["b", "c", "d"]
    assert raft.state.configuration == WITH_LEARNER


def test_a_learner_leaves_and_moves_like_any_member() -> None:
    """§4.1: by a configuration of its own."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.change_membership(UpdateServer("d", "new"), "move")
    settle(raft)
    assert raft.state.address_of("d") == "new"
    receive(raft, accepted("b", 1, 2))
    raft.change_membership(RemoveServer("d"), "remove")
    settle(raft)
    assert raft.state.configuration == Configuration.of("abc", removed="d")


def test_a_voter_is_not_made_a_learner_by_adding_it() -> None:
    """§4.1: it is a member already; taking its vote would be another change."""
    raft = followed_leader()
    raft.change_membership(AddServer("b", learner=True), "add")
    assert raft.take_effects().settled == [refused("add", "b is a member already, at ", "a")]


def test_a_learner_that_is_there_is_not_added_again() -> None:
    """§6.2: who asks again, because an answer was lost, is told that it is done."""
    raft = followed_leader(voters=WITH_LEARNER)
    raft.change_membership(AddServer("d", learner=True), "add")
    assert raft.take_effects().settled == [done("add", "d is a learner already")]


def test_a_learner_has_all_that_is_committed_and_answers_reads() -> None:
    """§4.2.1, §6.4: it takes load from the others, and from nobody a vote."""
    lab = Lab("abc", "d", config=PRE_VOTE)
    lab.elect("a")
    lab.add_learner("a", "d")
    lab.propose("a", "x")
    lab.deliver_all()
    assert lab.outcomes["learn d"] == Done(2)
    lab.heartbeat("a")
    assert lab.commands("d") == ["x"]
    lab.query("d", "read", Consistency.FOLLOWER)
    lab.deliver_all()
    assert lab.outcomes["read"] == Read(3)


def test_learners_alone_elect_nobody() -> None:
    """§4.2.1: when the voters are gone the cluster stands still, however many learners there are."""
    lab = Lab("a", "de", config=PRE_VOTE)
    lab.elect("a")
    for name in "de":
        lab.add_learner("a", name)
        lab.deliver_all()
    lab.crash("a")
    lab.run(10.0)
    assert lab.leaders == []
    assert receive(lab.raft("d"), append("z", 9)).replies != []

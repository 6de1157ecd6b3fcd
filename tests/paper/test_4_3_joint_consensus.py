"""§4.3: arbitrary configuration changes using joint consensus: several servers in one step."""

import pytest

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    accepted,
    append,
    configuration_entry,
    done,
    effects,
    followed_leader,
    joined,
    no_op,
    receive,
    refusal,
    refused,
    rejected,
    role,
    save_done,
    server,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, ConfirmedReads, Settled
from tfraft.core.raft import Raft
from tfraft.core.requests import Answer, AnswerStatus, ChangeServers
from tfraft.core.state import Role

JOINT = Configuration.of("ade", (), "abc")
NEW = Configuration.of("ade", removed="bc")


def to(voters: str) -> ChangeServers:
    """The request for these voters."""
    return ChangeServers(tuple((voter, "") for voter in voters))


def joint_leader() -> Raft:
    """A leader of a, b, c that has caught up d and e and appended Cold,new; the token is "change"."""
    raft = followed_leader()
    raft.change_membership(to("ade"), "change")
    raft.take_effects()
    receive(raft, *(rejected(name, 1, prev=1, conflict=(1, 0)) for name in "de"))
    save_done(raft, receive(raft, *(accepted(name, 1, 1) for name in "de")))
    raft.take_effects()
    return raft


def test_the_cluster_first_switches_to_a_joint_configuration() -> None:
    """§4.3: when the leader receives a request to change from Cold to Cnew it saves Cold,new as an entry."""
    raft = joint_leader()
    assert list(raft.state.log.read(2, 2)) == [configuration_entry(1, JOINT)]
    assert raft.state.configuration == JOINT


def test_new_servers_are_caught_up_before_the_joint_configuration() -> None:
    """§4.2.1: as non-voting members, so that they do not hold up commits; all of them."""
    raft = followed_leader()
    raft.change_membership(to("ade"), "change")
    raft.take_effects()
    receive(raft, rejected("d", 1, prev=1, conflict=(1, 0)), rejected("e", 1, prev=1, conflict=(1, 0)))
    assert receive(raft, accepted("d", 1, 1)).save is None
    assert receive(raft, accepted("e", 1, 1)).save is not None


def test_entries_are_replicated_to_all_servers_in_both_configurations() -> None:
    """§4.3, the first rule of joint consensus."""
    raft = joint_leader()
    assert sorted(raft.state.progress) == ["b", "c", "d", "e"]
    assert [name for name, _ in tick(raft, raft.deadline).messages] == ["b", "c", "d", "e"]


@pytest.mark.parametrize(("stored", "committed"), [("bc", False), ("de", False), ("bd", True), ("ce", True)])
def test_agreement_requires_separate_majorities_from_both(stored: str, committed: bool) -> None:
    """§4.3, the third rule: for elections and entry commitment; a is in both."""
    raft = joint_leader()
    turn = receive(raft, *(accepted(name, 1, 2) for name in stored))
    assert (turn.committed is not None) == committed


@pytest.mark.parametrize(("votes", "elected"), [("bc", False), ("de", False), ("bd", True), ("ce", True)])
def test_an_election_requires_both_majorities_as_well(votes: str, elected: bool) -> None:
    """§4.3, as above."""
    raft = server(voters="abc", term=1, entries=joined(no_op(1), configuration_entry(1, JOINT)))
    save_done(raft, tick(raft, raft.deadline))
    receive(raft, *(vote(name, 2) for name in votes))
    assert (role(raft) is Role.LEADER) == elected


@pytest.mark.parametrize(("answered", "confirmed"), [("bc", False), ("de", False), ("be", True)])
def test_a_read_requires_both_majorities_as_well(answered: str, confirmed: bool) -> None:
    """§4.3 with §6.4: what counts for elections counts for who confirms that none has been held."""
    raft = joint_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    turn = receive(raft, *(accepted(name, 1, 1, read_round=1) for name in answered))
    assert turn.reads == ([ConfirmedReads(1, ["read"])] if confirmed else [])


def test_a_leader_steps_down_if_either_majority_is_silent() -> None:
    """§4.3 with §6.2: it could commit nothing."""
    raft = joint_leader()
    for name in "bc":
        raft.receive(accepted(name, 1, 2), raft.state.now + 0.75)
    tick(raft, raft.state.now + 0.5)
    assert role(raft) is Role.FOLLOWER


def test_any_server_of_either_configuration_may_serve_as_leader() -> None:
    """§4.3, the second rule: here d, which is only in the new one."""
    raft = server("d", voters="", term=1, entries=joined(no_op(1), configuration_entry(1, JOINT)))
    save_done(raft, tick(raft, raft.deadline))
    receive(raft, vote("b", 2), vote("c", 2), vote("e", 2))
    assert role(raft) is Role.LEADER


def test_once_the_joint_configuration_is_committed_the_leader_appends_the_new_one() -> None:
    """§4.3: neither can now decide without the other, so it is safe to create an entry describing Cnew."""
    raft = joint_leader()
    turn = receive(raft, accepted("b", 1, 2), accepted("d", 1, 2))
    assert turn.committed == Committed(2, joined(configuration_entry(1, JOINT)), [None])
    assert turn.save is not None
    assert turn.save.entries == joined(configuration_entry(1, NEW))
    assert raft.state.configuration == NEW


def test_who_asked_is_told_when_the_new_configuration_is_committed() -> None:
    """§4.3: under the rules of Cnew: a and d, and the old ones count no more."""
    raft = joint_leader()
    save_done(raft, receive(raft, accepted("b", 1, 2), accepted("d", 1, 2)))
    assert receive(raft, accepted("b", 1, 3), accepted("c", 1, 3)).committed is None
    turn = receive(raft, accepted("d", 1, 3))
    assert turn.committed == Committed(3, joined(configuration_entry(1, NEW)), ["change"])


def test_a_leader_that_is_not_in_the_new_configuration_steps_down_once_it_is_committed() -> None:
    """§4.3: the leader manages a cluster that does not include itself, and returns to follower state after that."""
    lab = Lab("abc", "de", config=PRE_VOTE)
    lab.elect("a")
    lab.change_servers("a", "bde", "change")
    lab.deliver_all()
    lab.run(2.0)
    assert lab.outcomes["change"] == Done(3)
    assert lab.leaders == ["b"]
    assert lab.raft("b").state.configuration == Configuration.of("bde", removed="ac")
    assert not lab.raft("a").state.progress


def test_a_new_leader_goes_on_with_a_change_that_it_finds_half_done() -> None:
    """§4.3: any server may have to; it needs no request for it."""
    lab = Lab("abc", "de", config=PRE_VOTE)
    lab.elect("a")
    lab.change_servers("a", "cde", "change")
    while not lab.raft("c").state.configuration.is_joint:
        lab.deliver(lab.letters[0])
    lab.crash("a")
    lab.letters.clear()
    lab.run(10.0)
    (leader,) = lab.leaders
    assert lab.raft(leader).state.configuration in (Configuration.of("cde", removed="ab"), Configuration.of("abc"))
    assert not lab.raft(leader).state.configuration.is_joint


def test_who_asked_a_leader_that_is_deposed_half_way_is_told_that_it_is_open() -> None:
    """§4.3: the next leader may go on with it, or may never have heard of it."""
    raft = joint_leader()
    turn = receive(raft, refusal("c", 2))
    answer = Answer(AnswerStatus.TIMEOUT, reason="the next leader goes on with the change")
    assert turn.settled == [Settled("change", answer)]


def test_no_other_change_begins_while_the_configuration_is_joint() -> None:
    """§4.3: one at a time."""
    raft = joint_leader()
    raft.change_membership(to("ab"), "other")
    reason = "another change is in progress: the configuration at index 2 is not committed"
    assert raft.take_effects() == effects(settled=[refused("other", reason, "a")])


@pytest.mark.parametrize(
    ("voters", "answer"),
    [
        ("abc", done("t", "these are the voters already")),
        ("", refused("t", "a cluster needs a voter", "a")),
    ],
)
def test_what_is_there_already_and_what_cannot_be(voters: str, answer: Settled) -> None:
    """§4.3: the new set of voters is any, but there is one."""
    raft = followed_leader()
    raft.change_membership(to(voters), "t")
    assert raft.take_effects() == effects(settled=[answer])


def test_a_change_to_servers_of_which_no_quorum_lives_is_refused() -> None:
    """§4.3: the last step would stop the cluster; newcomers count as living, since they are caught up first."""
    raft = followed_leader(voters="abcde")
    later = raft.state.now + 0.75
    receive(raft, accepted("b", 1, 1), accepted("c", 1, 1), at=later)
    raft.tick(later + 0.5)
    raft.take_effects()
    raft.change_membership(to("ade"), "t")
    assert raft.take_effects().settled == [refused("t", "no quorum would be left that answers", "a")]
    raft.change_membership(to("afg"), "u")
    raft.take_effects()
    assert raft.state.change is not None


def test_if_one_newcomer_cannot_be_caught_up_nothing_is_changed() -> None:
    """§4.2.1: the leader gives the change up, and forgets all its newcomers."""
    raft = followed_leader()
    raft.change_membership(to("ade"), "change")
    raft.take_effects()
    start = raft.state.now
    receive(raft, accepted("d", 1, 1))
    for step in range(1, 20):
        receive(raft, accepted("b", 1, 1), accepted("c", 1, 1), at=start + step * CONFIG.heartbeat_interval_s)
    assert raft.state.change is None
    assert sorted(raft.state.progress) == ["b", "c"]
    assert raft.state.configuration == Configuration.of("abc")


def test_a_joint_configuration_that_was_not_committed_is_rolled_back() -> None:
    """§4.1: a server falls back to the previous configuration in its log."""
    raft = joint_leader()
    receive(raft, append("b", 2, prev=(1, 1), entries=joined(no_op(2))))
    assert raft.state.configuration == Configuration.of("abc")

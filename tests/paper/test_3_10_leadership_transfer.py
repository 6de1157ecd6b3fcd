"""§3.10: leadership transfer extension: a planned change of leaders that nobody has to wait long for."""

from dataclasses import replace

import pytest

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    accepted,
    append,
    ask,
    configuration_entry,
    done,
    effects,
    followed_leader,
    follower_of,
    joined,
    leader,
    not_leader,
    receive,
    refusal,
    refused,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Settled
from tfraft.core.messages import RequestVote, TimeoutNow
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, RemoveServer, TransferLeadership
from tfraft.core.roles import YIELD_TIMEOUTS
from tfraft.core.state import Role

TO_B = TransferLeadership("b")


def transferring_leader() -> Raft:
    """A leader whose successor `b` has its whole log, and has been told to stand; the token is "transfer"."""
    raft = followed_leader()
    raft.transfer_leadership(TO_B, "transfer")
    assert raft.take_effects().messages == [("b", TimeoutNow(1, "a"))]
    return raft


# --- The prior leader ---


def test_the_prior_leader_stops_accepting_new_client_requests() -> None:
    """§3.10, step 1; here they wait, so that nobody has to be refused if the transfer fails."""
    raft = transferring_leader()
    raft.propose(b"x", "x")
    assert raft.take_effects() == effects()
    assert raft.state.log.last_index == 1


def test_the_prior_leader_brings_the_log_of_the_target_up_to_date() -> None:
    """§3.10, step 2: using the normal log replication mechanism; the TimeoutNow leaves only then."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    settle(raft)
    raft.transfer_leadership(TO_B, "transfer")
    assert raft.take_effects().messages == []
    assert receive(raft, accepted("c", 1, 2)).messages == []
    assert receive(raft, accepted("b", 1, 2)).messages == [("b", TimeoutNow(1, "a"))]


def test_the_prior_leader_sends_timeout_now_again_with_each_heartbeat() -> None:
    """§3.10 with §3.7: it may be lost; whoever has stood already ignores it."""
    raft = transferring_leader()
    assert ("b", TimeoutNow(1, "a")) in tick(raft, raft.state.now + CONFIG.heartbeat_interval_s).messages


def test_without_a_target_the_server_with_the_longest_log_is_chosen() -> None:
    """§3.10: any server may be asked; the one that needs nothing more is the quickest."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    settle(raft)
    receive(raft, accepted("c", 1, 2))
    raft.transfer_leadership(TransferLeadership(), "transfer")
    assert raft.take_effects().messages == [("c", TimeoutNow(1, "a"))]


def test_if_the_transfer_does_not_complete_after_an_election_timeout_the_leader_resumes() -> None:
    """§3.10: the prior leader aborts the transfer and resumes accepting client requests; what waited is appended."""
    raft = transferring_leader()
    raft.propose(b"x", "x")
    settle(raft)
    deadline = raft.state.transfer.deadline if raft.state.transfer else 0.0
    assert raft.deadline <= deadline
    end = tick(raft, deadline)
    assert end.settled == [refused("transfer", "b did not take over in time", "a")]
    assert end.save == Save(1, "a", 2, raft.state.log.read(2, 2))
    assert raft.state.proposals == {2: "x"}


def test_once_the_target_leads_the_transfer_is_done_and_what_waited_goes_there() -> None:
    """§3.10: the transfer is complete when the prior leader receives a message of the new one."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.heartbeat("a")
    lab.transfer("a", "b")
    lab.propose("a", "x")
    before = lab.now
    lab.deliver_all()
    assert (lab.leaders, lab.now) == (["b"], before)
    assert lab.outcomes["transfer to b"] == done("", hint="b").answer
    assert lab.outcomes["x"] == not_leader("", hint="b").answer
    lab.propose("b", "y")
    lab.deliver_all()
    assert lab.outcomes["y"] == Done(3)


def test_if_another_wins_the_election_the_transfer_has_failed() -> None:
    """§3.10: the target is not sure to be elected."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.heartbeat("a")
    lab.transfer("a", "b")
    lab.letters.clear()
    lab.partition("a", "bc")
    for _ in range(9):
        lab.now += 0.125
        lab.tick("a")
    lab.now += 1.0
    lab.elect("c")
    assert "transfer to b" in lab.outcomes
    assert lab.outcomes["transfer to b"] == refused("", "b did not take over in time", "a").answer


def test_the_prior_leader_learns_who_was_elected_instead() -> None:
    """§3.10, as above, in time."""
    raft = transferring_leader()
    save_done(raft, receive(raft, refusal("c", 2)))
    assert receive(raft, append("c", 2)).settled == [refused("transfer", "c leads, not b", "c")]


@pytest.mark.parametrize(
    ("target", "answer"),
    [("a", done("t", "a leads already")), ("z", refused("t", "z is not a voter", "a"))],
)
def test_leadership_goes_to_another_voter_and_to_nobody_else(target: str, answer: Settled) -> None:
    """§3.10: the target is another server of the cluster."""
    raft = followed_leader()
    raft.transfer_leadership(TransferLeadership(target), "t")
    assert raft.take_effects() == effects(settled=[answer])


def test_a_leader_alone_has_nobody_to_hand_over_to() -> None:
    """§3.10, as above."""
    raft = followed_leader(voters="a")
    raft.transfer_leadership(TransferLeadership(), "t")
    assert raft.take_effects().settled == [refused("t", "there is no other voter", "a")]


def test_a_learner_is_no_target() -> None:
    """§3.10 with §4.2.1: it has no vote, nor would it stand."""
    raft = followed_leader(voters=Configuration.of("abc", "d"))
    raft.transfer_leadership(TransferLeadership("d"), "t")
    assert raft.take_effects().settled == [refused("t", "d is not a voter", "a")]


def test_a_server_that_does_not_lead_hands_nothing_over() -> None:
    """§3.10: it is the prior leader that acts."""
    raft = follower_of("b")
    raft.transfer_leadership(TransferLeadership("c"), "t")
    assert raft.take_effects().settled == [not_leader("t", "b")]


def test_one_transfer_at_a_time() -> None:
    """§3.10: two successors at once would split the vote."""
    raft = transferring_leader()
    raft.transfer_leadership(TransferLeadership("c"), "t")
    assert raft.take_effects().settled == [refused("t", "leadership is on its way to b already", "a")]


def test_no_transfer_while_a_server_is_caught_up() -> None:
    """§3.10 with §4.2.1: the next leader would not know of it."""
    raft = followed_leader()
    raft.change_membership(AddServer("d"), "add")
    settle(raft)
    raft.transfer_leadership(TO_B, "t")
    assert raft.take_effects().settled == [refused("t", "a change of the membership is in progress", "a")]


def test_no_change_of_the_membership_during_a_transfer() -> None:
    """§3.10: a configuration is a client request like any other; this one does not wait, since its ground may move."""
    raft = transferring_leader()
    raft.change_membership(RemoveServer("c"), "remove")
    assert raft.take_effects().settled == [refused("remove", "leadership is on its way to b", "a")]


# --- The target ---


def test_the_target_starts_an_election_at_once() -> None:
    """§3.10, step 3: TimeoutNow has the same effect as the target's election timer firing, and no PreVote is asked."""
    raft = follower_of("b", config=PRE_VOTE)
    settle(raft)
    turn = receive(raft, TimeoutNow(1, "b"))
    request = RequestVote(2, "a", 0, 0, leadership_transfer=True)
    assert turn == effects(save=Save(2, "a"), replies=[("b", request), ("c", request)])


@pytest.mark.parametrize("term", [0, 2])
def test_a_timeout_now_of_another_term_is_ignored(term: int) -> None:
    """§3.10: it is the leader of this term that wants to go; who led before has gone already."""
    raft = follower_of("b")
    settle(raft)
    assert receive(raft, TimeoutNow(term, "b")) == effects()


def test_a_candidate_and_a_leader_ignore_timeout_now() -> None:
    """§3.10: it comes doubled, or late."""
    raft = follower_of("b")
    settle(raft)
    save_done(raft, receive(raft, TimeoutNow(1, "b")))
    settle(raft)
    assert receive(raft, TimeoutNow(2, "b")) == effects()
    receive(raft, vote("c", 2))
    assert role(raft) is Role.LEADER
    assert receive(raft, TimeoutNow(2, "b")) == effects()
    assert role(raft) is Role.LEADER


def test_a_server_without_a_vote_ignores_timeout_now() -> None:
    """§3.10 with §4.2.1: a learner never stands."""
    raft = server("d", Configuration.of("abc", "d"), term=1)
    assert receive(raft, TimeoutNow(1, "a")) == effects()
    removed = server("c", "abc", term=1, entries=joined(configuration_entry(1, "ab")))
    assert receive(removed, TimeoutNow(1, "a")) == effects()


# --- The others ---


def test_who_hears_the_leader_votes_all_the_same() -> None:
    """§4.2.3: a special flag in RequestVote says that the leader itself has asked for the election."""
    raft = follower_of("b")
    settle(raft)
    assert receive(raft, ask("c", 2)).replies == [("c", refusal("a", 1))]
    request = RequestVote(2, "c", 0, 0, leadership_transfer=True)
    assert receive(raft, request) == effects(save=Save(2, "c"), replies=[("c", vote("a", 2))])


def test_the_flag_does_not_help_a_log_that_is_behind() -> None:
    """§3.6.1: every other rule of elections holds."""
    raft = followed_leader()
    turn = receive(raft, RequestVote(2, "c", 0, 0, leadership_transfer=True))
    assert turn.replies == [("c", refusal("a", 2))]
    assert role(raft) is Role.FOLLOWER


def test_the_flag_is_not_in_the_next_request() -> None:
    """§3.10: it is for one election; who fails waits for its timeout like any other."""
    raft = follower_of("b")
    settle(raft)
    save_done(raft, receive(raft, TimeoutNow(1, "b")))
    settle(raft)
    (_, request), *_ = tick(raft, raft.deadline).replies
    assert request == ask("a", 3)


# --- Priorities ---


def preferring(*priorities: tuple[str, int], own: int = 1, match_index: int = 1) -> Raft:
    """A leader of long standing, of three or more servers that have said their priorities and stored so much."""
    raft = followed_leader(voters="abcd", config=replace(CONFIG, priority=own))
    raft.state.now += YIELD_TIMEOUTS * CONFIG.election_timeout_s
    for name, priority in priorities:
        raft.receive(replace(accepted(name, 1, match_index), priority=priority), raft.state.now)
    settle(raft)
    return raft


def test_a_leader_hands_over_to_the_voter_of_the_highest_priority() -> None:
    """§3.10: "another server that is more suitable to be leader"."""
    raft = preferring(("b", 2), ("c", 3), ("d", 1))
    assert raft.state.transfer is not None
    assert raft.state.transfer.target == "c"
    end = tick(raft, raft.state.transfer.deadline)
    assert end.settled == [], "nobody has asked for it"
    assert raft.state.transfer is None


def test_a_leader_of_the_highest_priority_stays() -> None:
    assert preferring(("b", 2), ("c", 2), ("d", 1), own=2).state.transfer is None


def test_a_server_of_a_higher_priority_that_lacks_what_is_committed_does_not_lead() -> None:
    raft = leader(voters="abcd")
    raft.state.now += YIELD_TIMEOUTS * CONFIG.election_timeout_s
    for name in "bc":
        raft.receive(accepted(name, 1, 1), raft.state.now)
    raft.receive(replace(accepted("d", 1, 0), priority=1), raft.state.now)
    settle(raft)
    assert raft.state.commit_index == 1
    assert raft.state.transfer is None


def test_a_leader_yields_only_after_a_while_and_not_again_at_once() -> None:
    """A server that is preferred, and cannot win, must not stop the writes every time."""
    raft = followed_leader(voters="abcd")
    raft.receive(replace(accepted("b", 1, 1), priority=1), raft.state.now)
    settle(raft)
    assert raft.state.transfer is None
    raft = preferring(("b", 2), ("c", 0), ("d", 0))
    assert raft.state.transfer is not None
    tick(raft, raft.state.transfer.deadline)
    for name in "bcd":
        raft.receive(replace(accepted(name, 1, 1), priority=2), raft.state.now)
    settle(raft)
    assert raft.state.transfer is None


def test_a_change_of_the_membership_goes_before_priorities() -> None:
    raft = followed_leader(voters="abcd")
    raft.change_membership(AddServer("e", "e"), "addition")
    raft.state.now += YIELD_TIMEOUTS * CONFIG.election_timeout_s
    for name in "bcd":
        raft.receive(replace(accepted(name, 1, 1), priority=2), raft.state.now)
    settle(raft)
    assert raft.state.transfer is None

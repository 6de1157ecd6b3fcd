"""§9.6: preventing disruptions when a server rejoins the cluster: PreVote, on by default."""

import pytest

from tests.raftlab import Lab
from tests.servers import (
    PRE_VOTE,
    TIMEOUT_S,
    append,
    ask,
    effects,
    followed_leader,
    follower_of,
    log,
    pre_ask,
    pre_vote_reply,
    receive,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.config import RaftConfig
from tfraft.core.effects import Save
from tfraft.core.raft import Raft
from tfraft.core.state import Role


def pre_candidate(voters: str = "abc") -> Raft:
    """A server of term 4 that asks who would vote for it."""
    raft = server(voters=voters, term=4, entries=log(1, 3), config=PRE_VOTE)
    tick(raft, raft.deadline)
    return raft


def test_pre_vote_is_on_unless_somebody_turns_it_off() -> None:
    """§9.6: the disruption is real; the cost is one round of messages before an election."""
    assert RaftConfig().pre_vote


def test_a_server_first_asks_who_would_vote_for_it() -> None:
    """§9.6: a candidate only increments its term once it has learned that a majority would be willing to vote."""
    raft = server(term=4, entries=log(1, 3), config=PRE_VOTE)
    request = pre_ask("a", 5, last=(2, 3))
    assert tick(raft, TIMEOUT_S) == effects(messages=[("b", request), ("c", request)])
    assert (raft.state.current_term, raft.state.voted_for) == (4, None)
    assert raft.deadline == 2 * TIMEOUT_S


def test_with_a_majority_it_stands() -> None:
    """§9.6, §3.4: then it increments its term and asks for real."""
    request = ask("a", 5, last=(2, 3))
    turn = receive(pre_candidate(), pre_vote_reply("b", 4, 5))
    assert turn == effects(save=Save(5, "a"), replies=[("b", request), ("c", request)])


def test_without_a_majority_it_does_not() -> None:
    """§9.6: refusals do not count, nor does one server twice, nor who is asked for another term, nor a stranger."""
    raft = pre_candidate("abcde")
    no = pre_vote_reply("b", 4, 5, granted=False)
    twice = [pre_vote_reply("c", 4, 5)] * 2
    assert receive(raft, no, *twice, pre_vote_reply("d", 4, 4), pre_vote_reply("z", 4, 5)) == effects()
    assert role(raft) is Role.PRE_CANDIDATE


def test_a_server_alone_needs_nobody() -> None:
    """§9.6: its own willingness is a majority."""
    assert tick(server(voters="a", config=PRE_VOTE), TIMEOUT_S) == effects(save=Save(1, "a"))


def test_it_asks_again_after_another_timeout() -> None:
    """§3.7: the letters may be lost."""
    raft = pre_candidate()
    request = pre_ask("a", 5, last=(2, 3))
    assert tick(raft, raft.deadline) == effects(messages=[("b", request), ("c", request)])


def test_who_hears_of_a_leader_follows_it() -> None:
    """§9.6: nothing was promised, nothing is to be taken back."""
    raft = pre_candidate()
    receive(raft, append("b", 4, prev=(2, 3)))
    assert (role(raft), raft.state.leader_id) == (Role.FOLLOWER, "b")
    settle(raft)
    assert receive(raft, pre_vote_reply("c", 4, 5)) == effects(), "too late"


def test_who_votes_for_another_asks_no_more() -> None:
    """§3.4: one candidate is enough."""
    raft = pre_candidate()
    assert receive(raft, ask("b", 4, last=(2, 3))).replies == [("b", vote("a", 4))]
    assert role(raft) is Role.FOLLOWER


@pytest.mark.parametrize(
    ("term", "last", "granted"),
    [(5, (2, 3), True), (9, (2, 3), True), (4, (2, 3), False), (5, (1, 3), False), (5, (9, 2), False)],
    ids=["next term", "later term", "this term", "shorter log", "older log"],
)
def test_the_others_answer_as_they_would_in_an_election(term: int, last: tuple[int, int], granted: bool) -> None:
    """§9.6: the request is like RequestVote, and changes nothing: no term, no vote, no timer, no disk."""
    raft = server(term=4, vote="c", entries=log(1, 3))
    turn = receive(raft, pre_ask("b", term, last=last), at=1.0)
    assert turn == effects(messages=[("b", pre_vote_reply("a", 4, term, granted=granted))])
    assert (raft.state.current_term, raft.state.voted_for, raft.deadline) == (4, "c", TIMEOUT_S)


def test_who_hears_a_leader_would_not_vote() -> None:
    """§9.6 with §4.2.3: within the least election timeout."""
    raft = follower_of("c", term=4)
    settle(raft)
    assert receive(raft, pre_ask("b", 5), at=0.75).messages == [("b", pre_vote_reply("a", 4, 5, granted=False))]
    assert receive(raft, pre_ask("b", 5), at=1.0).messages == [("b", pre_vote_reply("a", 4, 5))]


def test_a_leader_would_not_vote() -> None:
    """§9.6, as above: it hears itself."""
    raft = followed_leader()
    assert receive(raft, pre_ask("b", 9, last=(9, 9))).messages == [("b", pre_vote_reply("a", 1, 9, granted=False))]
    assert role(raft) is Role.LEADER


def test_who_is_behind_in_term_learns_of_it() -> None:
    """openraft 1796: a PreVote that never tells the higher term keeps the one server that could win from trying."""
    raft = pre_candidate()
    assert receive(raft, pre_vote_reply("b", 7, 5, granted=False)).save == Save(7, None)
    assert tick(raft, raft.deadline).messages[0] == ("b", pre_ask("a", 8, last=(2, 3)))


def test_a_server_that_was_cut_off_returns_without_disturbing_anybody() -> None:
    """§9.6: it did not increment its term while it was away, and the leader leads on."""
    lab = Lab("abc", config=PRE_VOTE)
    lab.elect("a")
    lab.partition("ab", "c")
    lab.run(20.0)
    assert role(lab.raft("c")) is Role.PRE_CANDIDATE
    lab.heal()
    lab.run(5.0)
    assert lab.leaders == ["a"]
    assert {lab.raft(name).state.current_term for name in "abc"} == {1}
    assert role(lab.raft("c")) is Role.FOLLOWER


def test_when_the_leader_is_gone_another_is_elected_within_two_timeouts() -> None:
    """§9.6: PreVote does not hold up an election that is needed."""
    lab = Lab("abc", config=PRE_VOTE)
    lab.elect("a")
    lab.heartbeat("a")
    lab.crash("a")
    lab.run(2.0)
    assert lab.leaders == ["b"]


def test_a_candidate_that_did_not_win_asks_before_it_stands_again() -> None:
    """§9.6: else a candidate without a majority would count its term up after all."""
    raft = pre_candidate()
    save_done(raft, receive(raft, pre_vote_reply("b", 4, 5)))
    settle(raft)
    turn = tick(raft, raft.deadline)
    request = pre_ask("a", 6, last=(2, 3))
    assert turn == effects(messages=[("b", request), ("c", request)])
